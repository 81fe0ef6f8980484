"use strict";
// What is asked of a page by its address, before it is drawn: with ?embed=ID it shows that chart or
// table alone (snippets.js does it), with ?theme=dark it is dark.
(() => {
  const root = document.documentElement;
  const asked = new URLSearchParams(location.search);
  const wanted = asked.get("embed"), theme = asked.get("theme");
  if (wanted) root.dataset.embed = "waiting";
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const snippets = () => Promise.all(["taking", "snippets"].map((name) => wattboard.run(`assets/${name}.js`)));
  document.addEventListener("DOMContentLoaded", () => {
    const ours = "button[data-embed], button[data-copy]";
    for (const button of document.querySelectorAll(ours)) button.disabled = false;
    document.addEventListener("click", async (event) => {
      const button = event.target.closest(ours);
      if (!button) return;
      await snippets();
      wattboard.share(button);
    });
    // Whatever becomes of it, the page does not stay hidden.
    if (wanted) snippets().then(() => wattboard.alone(wanted)).finally(() => { if (root.dataset.embed === "waiting") delete root.dataset.embed; });
  });
})();
