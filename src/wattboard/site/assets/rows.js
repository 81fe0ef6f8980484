"use strict";
// Tables that are searched, sorted and turned page by page.
wattboard.rows = (() => {
  // Rows whose text has all words of a query; "80gb" finds "80 GB".
  function search(all, query) {
    const words = query.toLowerCase().replace(/(\d)(gb|mb)\b/g, "$1 $2").split(/\s+/).filter(Boolean);
    return words.length ? all.filter((row) => words.every((word) => row.text.includes(word))) : all;
  }

  // Searches, filters and pages through rows; `show` draws one page of them, `words` are what a row is
  // called, and which rows are kept beside what is searched for. Returns what draws anew.
  function pager(box, all, size, show, { one, many, none, kept = () => true }) {
    let page = 0;
    const output = box.querySelector("output");
    function update() {
      const found = search(all(), box.querySelector('[data-filter="text"]')?.value.trim() || "").filter(kept);
      const pages = Math.max(1, Math.ceil(found.length / size));
      page = Math.min(Math.max(page, 0), pages - 1);
      output.textContent = found.length ? `${found.length.toLocaleString("en-US")} ${found.length === 1 ? one : many}, page ${page + 1} of ${pages}` : none;
      box.querySelectorAll("[data-turn]").forEach((button) => { button.disabled = Number(button.dataset.turn) < 0 ? page === 0 : page === pages - 1; });
      show(found.slice(page * size, (page + 1) * size), found);
    }
    const first = () => { page = 0; update(); };
    box.querySelectorAll("[data-filter]").forEach((field) => field.addEventListener("input", first));
    box.querySelectorAll("[data-turn]").forEach((button) => button.addEventListener("click", () => { page += Number(button.dataset.turn); update(); }));
    update();
    return first;
  }

  // Unknown values come last, whichever way the known are sorted.
  const { compare: byName } = new Intl.Collator("en");
  function sorted(all, name, way) {
    const compare = (a, b) => (typeof a === "number" ? a - b : byName(a, b));
    return [...all].sort((a, b) => (a[name] === null) - (b[name] === null) || (a[name] === null ? 0 : way * compare(a[name], b[name])));
  }

  // The heads of a table sort its rows; `show` is handed them in their new order.
  function sortable(table, all, show) {
    table.querySelectorAll("[data-sort]").forEach((button) => {
      button.disabled = false;
      button.addEventListener("click", () => {
        const head = button.closest("th"), name = button.dataset.sort;
        const before = head.getAttribute("aria-sort");
        // Numbers are asked for from the highest, names from A.
        const down = before ? before === "ascending" : typeof all.find((row) => row[name] !== null)?.[name] === "number";
        table.querySelectorAll("[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        show(sorted(all, name, down ? -1 : 1));
      });
    });
  }

  return { search, pager, sortable };
})();
