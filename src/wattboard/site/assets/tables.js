"use strict";
// The parts of a page that filter and choose: accelerators and their groups.
(() => {
  const FIELDS = ["name", "vendor", "kind", "architecture", "year", "tdp_w", "fp32_tflops", "fp16_tflops", "memory_gb", "gflops_per_w", "disputed"];
  const COLUMNS = FIELDS.slice(0, -1);
  const KINDS = ["gpu", "tpu", "cpu"];
  const STRIP = 40, ROWS = 50;

  const known = (value) => (value === null ? "unknown" : typeof value === "number" ? short(value) : value);
  function short(value) {
    const size = Math.abs(value);
    const digits = Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function controls(name) {
    const box = document.querySelector(`[data-controls="${name}"]`);
    box?.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    return box;
  }

  const chart = (name) => document.querySelector(`[data-chart="${name}"]`);

  // Filters and pages through rows; `show` draws one page of them.
  function pager(box, rows, size, show) {
    let page = 0;
    const output = box.querySelector("output");
    const value = (name) => box.querySelector(`[data-filter="${name}"]`)?.value.trim().toLowerCase() || "";
    function update() {
      const words = value("text").split(/\s+/).filter(Boolean);
      const found = rows.filter((row) =>
        words.every((word) => `${row.vendor} ${row.name} ${row.architecture ?? ""}`.toLowerCase().includes(word)) &&
        (!value("vendor") || row.vendor.toLowerCase() === value("vendor")) &&
        (!value("kind") || row.kind === value("kind")));
      const pages = Math.max(1, Math.ceil(found.length / size));
      page = Math.min(Math.max(page, 0), pages - 1);
      output.textContent = found.length ? `${found.length.toLocaleString("en-US")} ${found.length === 1 ? "device" : "devices"}, page ${page + 1} of ${pages}` : "no device is called so";
      box.querySelectorAll("[data-turn]").forEach((button) => { button.disabled = Number(button.dataset.turn) < 0 ? page === 0 : page === pages - 1; });
      show(found.slice(page * size, (page + 1) * size), found);
    }
    box.querySelectorAll("[data-filter]").forEach((field) => field.addEventListener("input", () => { page = 0; update(); }));
    box.querySelectorAll("[data-turn]").forEach((button) => button.addEventListener("click", () => { page += Number(button.dataset.turn); update(); }));
    update();
  }

  function choices(select, values) {
    for (const value of [...new Set(values)].sort()) select.append(new Option(select.dataset.filter === "kind" ? value.toUpperCase() : value, value));
  }

  let rows;
  async function accelerators() {
    rows ??= (await wattboard.get("table", "accelerators", "data/accelerators.js")).map((cells) => Object.fromEntries(FIELDS.map((name, i) => [name, cells[i]])));
    return rows;
  }

  function cell(row, name) {
    const box = document.createElement(name === "name" ? "th" : "td");
    if (name === "name") box.scope = "row";
    box.textContent = name === "year" ? row.year ?? "unknown" : name === "kind" ? row.kind.toUpperCase() : known(row[name]);
    if (["vendor", "kind", "architecture"].includes(name)) box.className = "text";
    if (row[name] === null) box.classList.add("unknown");
    if (row.disputed.includes(name)) {
      const mark = document.createElement("span");
      mark.className = "mark";
      mark.textContent = "disputed";
      box.prepend(mark, " ");
    }
    return box;
  }

  async function devices() {
    const all = await accelerators();
    const body = document.querySelector("#devices tbody");
    pager(controls("devices"), all, ROWS, (shown) => {
      body.replaceChildren(...shown.map((row) => {
        const line = document.createElement("tr");
        line.append(...COLUMNS.map((name) => cell(row, name)));
        return line;
      }));
    });
  }

  async function tdp(element) {
    const all = (await accelerators()).filter((row) => row.tdp_w !== null);
    all.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || b.tdp_w - a.tdp_w);
    const box = controls("tdp");
    for (const name of ["vendor", "kind"]) choices(box.querySelector(`[data-filter="${name}"]`), all.map((row) => row[name]));
    let first = true;
    pager(box, all, STRIP, (shown, found) => {
      const highest = found.reduce((most, row) => Math.max(most, row.tdp_w), 1);
      element.change = ({ data, layout }) => {
        Object.assign(data[0], {
          z: shown.map((row) => [row.tdp_w]), zmax: highest, customdata: shown.map((row) => [row.name]),
          text: shown.map((row) => [`${known(row.tdp_w)} W${row.disputed.includes("tdp_w") ? ", disputed" : ""}`]),
        });
        layout.height = 100 + 22 * Math.max(shown.length, 2);
        element.style.minHeight = `${layout.height}px`;
        // One name twice would be one line: names stay as they are, and lines are told apart by place.
        data[0].y = shown.map((_, i) => i);
        Object.assign(layout.yaxis, { type: "linear", tickvals: data[0].y, ticktext: shown.map((row) => row.name), range: [shown.length - 0.5, -0.5], autorange: false });
        data[0].hovertemplate = data[0].hovertemplate.replace("%{y}", "%{customdata}");
      };
      if (!first) wattboard.refresh(element, true);
      first = false;
    });
  }

  // Five panels side by side, or one below the other where there is no room.
  function metrics(element) {
    const box = controls("metrics");
    const buttons = [...box.querySelectorAll("[data-grouping]")];
    const show = (grouping) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.grouping === grouping)));
      element.change = ({ data, layout }) => {
        for (const trace of data) trace.visible = trace.meta.grouping === grouping;
        const { groups } = data.find((trace) => trace.visible).meta;
        const stacked = window.matchMedia("(max-width: 48rem)").matches;
        const count = layout.meta.panels.length;
        const tall = stacked ? count * (64 + 26 * groups.length) + 60 : 140 + 32 * Math.max(groups.length, 2);
        for (let i = 0; i < count; i += 1) {
          const mark = i ? String(i + 1) : "";
          const y = layout[`yaxis${mark}`], x = layout[`xaxis${mark}`];
          Object.assign(y, { categoryarray: groups, range: [groups.length - 0.5, -0.5], autorange: false });
          if (!stacked) continue;
          const each = 1 / count, gap = 64 / (tall - 100);
          const top = 1 - i * each;
          y.domain = [top - each + gap, top];
          x.domain = [0, 1];
          y.showticklabels = true;
          Object.assign(layout.annotations[i], { x: 0, y: top });
        }
        layout.margin.l = 24;
        layout.height = tall;
        element.style.minHeight = `${tall}px`;
      };
    };
    show(element.figure.layout.meta.groupings[0]);
    buttons.forEach((button) => button.addEventListener("click", () => { show(button.dataset.grouping); wattboard.refresh(element, true); }));
  }

  // Before a chart is drawn for the first time, so that it is drawn once and in its place.
  const before = { "gpu-metrics-analysis": metrics };
  const after = { "gpu-tdp-heatmap": tdp };
  document.addEventListener("figure", (event) => before[event.target.dataset.chart]?.(event.target));
  document.addEventListener("drawn", (event) => after[event.target.dataset.chart]?.(event.target));
  const table = document.querySelector("#devices");
  if (table) new IntersectionObserver((entries, self) => {
    if (entries.some((entry) => entry.isIntersecting)) { self.disconnect(); devices(); }
  }, { rootMargin: "300px" }).observe(table);
})();
