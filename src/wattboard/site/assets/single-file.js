"use strict";
// A site in one file: its pages are parts of one document that are shown one at a time, and what the
// pages of a folder load stands inside, packed.
(() => {
  const blocks = new Map([...document.querySelectorAll("script[data-file]")].map((block) => [block.dataset.file, block]));
  const TYPES = { csv: "text/csv", json: "application/json", bib: "text/plain" };

  function unpacked(name) {
    const bytes = Uint8Array.from(atob(blocks.get(name).textContent), (char) => char.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  }
  // What the page's scripts ask before they look for a file.
  wattboard.kept = async (name) => (blocks.has(name) ? unpacked(name).text() : undefined);

  // --- pages ---------------------------------------------------------------------------------------

  const parts = [...document.querySelectorAll("[data-part]")];
  const links = [...document.querySelectorAll("nav a[href]")].filter((link) => parts.some(({ id }) => link.hash === `#${id}`));
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let shown;

  // What a chart is drawn for: one that was out of sight when it changed is drawn again.
  const look = () => [document.documentElement.dataset.theme, dark.matches, window.innerWidth].join();

  function show(part) {
    if (shown) shown.look = look();
    shown = part;
    for (const one of parts) {
      one.hidden = one !== part;
      one.classList.toggle("shown", one === part);
    }
    for (const link of links) {
      if (link.hash === `#${part.id}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = part.dataset.part;
    if (part.look === undefined || part.look === look()) return;
    part.querySelectorAll(".js-plotly-plot").forEach(async (element) => {
      await wattboard.refresh(element);
      await Plotly.Plots.resize(element);
    });
  }

  function follow() {
    const name = location.hash.slice(1).split("?")[0];
    const target = name ? document.getElementById(name) : parts[0];
    const part = target?.closest("[data-part]");
    if (!part) return;
    const anew = part !== shown;
    if (anew) show(part);
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    if (!anew) return;
    part.focus({ preventScroll: true });
    if (target === part) window.scrollTo(0, 0); else target.scrollIntoView();
  }

  window.addEventListener("hashchange", follow);
  show(parts[0]);
  if (location.hash) follow();

  // --- downloads -----------------------------------------------------------------------------------

  for (const link of document.querySelectorAll("a[data-file]")) link.href = "#";
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-file]");
    if (!link) return;
    event.preventDefault();
    const type = TYPES[link.dataset.file.split(".").at(-1)];
    await wattboard.run("assets/taking.js");
    wattboard.taking.saved(link.download, new Blob([await unpacked(link.dataset.file).arrayBuffer()], { type }));
  });
})();
