"use strict";
// A page that is opened with ?embed=ID shows that chart or table alone, with what it says of its data.
// It runs before the page is drawn, so that the rest is never seen.
(() => {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search);
  const wanted = asked.get("embed"), theme = asked.get("theme");
  if (wanted) root.dataset.embed = "waiting";
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;

  function named(id) {
    const found = document.getElementById(`${id}-figure`) ?? document.getElementById(id);
    return found?.matches("figure.chart, .scroll") ? found : undefined;
  }
  const nameOf = (element) => element.dataset.title ?? element.closest("section")?.querySelector("h2, h3")?.textContent ?? element.getAttribute("aria-label");

  function alone(element) {
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
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("button[data-embed], button[data-copy]")) button.disabled = false;
    document.addEventListener("click", async (event) => {
      const button = event.target.closest("button[data-embed], button[data-copy]");
      if (!button) return;
      await wattboard.run("assets/snippets.js");
      if (button.dataset.embed) wattboard.snippet(button, named(button.dataset.embed), nameOf);
      else wattboard.copy(document.getElementById(button.getAttribute("aria-controls")), button.parentElement.querySelector("output"));
    });
    if (!wanted) return;
    // Where it is not there the whole page is shown, and a site in one file always is.
    const element = document.querySelector("[data-part]") ? undefined : named(wanted);
    if (element) { alone(element); root.dataset.embed = "alone"; } else delete root.dataset.embed;
  });
})();
