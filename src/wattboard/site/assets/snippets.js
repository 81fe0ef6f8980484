"use strict";
// Text to copy: a snippet that embeds a chart or table elsewhere, a citation; and the page as such a
// snippet asks for it. Loaded when asked for.
(() => {
  const ROOM = 230, MOST = 1000;

  function named(id) {
    const found = document.getElementById(`${id}-figure`) ?? document.getElementById(id);
    return found?.matches("figure.chart, .scroll") ? found : undefined;
  }
  const nameOf = (element) => element.dataset.title ?? element.closest("section")?.querySelector("h2, h3")?.textContent ?? element.getAttribute("aria-label");

  // --- one thing alone, with what the page says of its data ------------------------------------------

  wattboard.alone = (id) => {
    // What is not there hides nothing, and a site in one file is always whole.
    const element = document.querySelector("[data-part]") ? undefined : named(id);
    if (!element) return;
    for (let node = element; node !== document.body; node = node.parentElement) {
      if (node.matches("details")) node.open = true;
      for (const other of node.parentElement.children)
        if (other !== node && !other.matches("script, .banner, .foot")) other.classList.add("aside");
    }
    const head = document.createElement("h1"), link = document.createElement("a");
    link.href = `${location.pathname}#${element.closest("section[id]")?.id ?? "main"}`;
    link.textContent = nameOf(element);
    head.append(link);
    element.before(head);
    // Links lead out of the frame.
    for (const one of document.querySelectorAll("a[href]:not([download])")) { one.target = "_blank"; one.rel = "noopener"; }
    document.documentElement.dataset.embed = "alone";
  };

  // --- text to copy ----------------------------------------------------------------------------------

  // Where the browser keeps its clipboard to itself the text is selected, and it is said what to do.
  async function copy(field, output) {
    field.focus();
    if (field.select) field.select(); else getSelection().selectAllChildren(field);
    const text = field.value ?? field.textContent;
    const done = (await wattboard.taking.copied(text)) || document.execCommand("copy");
    output.textContent = done ? "Copied" : "Selected: copy it with Ctrl+C or Cmd+C";
  }

  function addressed(id) {
    const page = `${document.body.dataset.page}.html?embed=${encodeURIComponent(id)}`;
    const canonical = document.querySelector('link[rel="canonical"]');
    if (canonical) return [new URL(page, canonical.href).href, ""];
    if (location.protocol.startsWith("http")) return [new URL(page, location.href).href, "This is the address that you are looking at."];
    return [page, "This site does not know its address: write it before the name of the page, or build with --base-url."];
  }
  const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

  let boxes = 0;
  function snippet(button) {
    const element = named(button.dataset.embed);
    const tools = button.closest(".tools");
    const open = tools.nextElementSibling?.matches(".snippet");
    button.setAttribute("aria-expanded", String(!open));
    if (open) { tools.nextElementSibling.remove(); return; }
    const [address, note] = addressed(button.dataset.embed);
    const height = Math.min(Math.ceil((element.offsetHeight + ROOM) / 10) * 10, MOST);
    const [box, label, field, press, output, told] = ["div", "label", "textarea", "button", "output", "p"].map((name) => document.createElement(name));
    box.className = "snippet";
    boxes += 1;
    label.htmlFor = field.id = `snippet-${boxes}`;
    label.textContent = "To show this alone on another page, copy this into it";
    Object.assign(field, { readOnly: true, rows: 4, spellcheck: false });
    field.value = `<iframe src="${escaped(address)}" title="${escaped(nameOf(element))}" width="100%" height="${height}" style="border:0" loading="lazy"></iframe>`;
    Object.assign(press, { type: "button", textContent: "Copy" });
    press.addEventListener("click", () => copy(field, output));
    output.setAttribute("aria-live", "polite");
    told.textContent = note;
    box.append(label, field, press, " ", output, told);
    tools.after(box);
    field.focus();
    field.select();
  }

  wattboard.share = (button) => {
    if (button.dataset.embed) snippet(button);
    else copy(document.getElementById(button.getAttribute("aria-controls")), button.parentElement.querySelector("output"));
  };
})();
