"use strict";
// Text to copy: a snippet that embeds a chart or table elsewhere, a citation. Loaded when asked for.
(() => {
  const ROOM = 230, MOST = 1000;

  // Some browsers let no page from disk or over plain http write to the clipboard: then the text is
  // selected, and it is said what to do.
  wattboard.copy = async (field, output) => {
    field.focus();
    if (field.select) field.select(); else getSelection().selectAllChildren(field);
    const text = field.value ?? field.textContent;
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      done = document.execCommand("copy");
    }
    output.textContent = done ? "Copied" : "Selected: copy it with Ctrl+C or Cmd+C";
  };

  function addressed(id) {
    const page = `${document.body.dataset.page}.html?embed=${encodeURIComponent(id)}`;
    const canonical = document.querySelector('link[rel="canonical"]');
    if (canonical) return [new URL(page, canonical.href).href, ""];
    if (location.protocol.startsWith("http")) return [new URL(page, location.href).href, "This is the address that you are looking at."];
    return [page, "This site does not know its address: write it before the name of the page, or build with --base-url."];
  }
  const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

  let boxes = 0;
  wattboard.snippet = (button, element, nameOf) => {
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
    press.addEventListener("click", () => wattboard.copy(field, output));
    output.setAttribute("aria-live", "polite");
    told.textContent = note;
    box.append(label, field, press, " ", output, told);
    tools.after(box);
    field.focus();
    field.select();
  };
})();
