"use strict";
// The parts of a page that filter and add: accelerators and emitters.
(() => {
  const FIELDS = ["name", "vendor", "kind", "architecture", "year", "tdp_w", "fp32_tflops", "fp16_tflops", "memory_gb", "gflops_per_w"];
  const STRIP = 40, ROWS = 50;

  const known = (value) => (value === null ? "unknown" : typeof value === "number" ? short(value) : value);
  function short(value) {
    const size = Math.abs(value);
    const digits = Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function controls(name) {
    const box = document.querySelector(`[data-controls="${name}"]`);
    if (box) box.hidden = false;
    return box;
  }

  // Filters and pages through rows; `show` draws one page of them.
  function pager(box, rows, size, show) {
    let page = 0;
    const output = box.querySelector("output");
    const value = (name) => box.querySelector(`[data-filter="${name}"]`)?.value.trim().toLowerCase() || "";
    function update() {
      const words = value("text").split(/\s+/).filter(Boolean);
      const found = rows.filter((row) =>
        words.every((word) => row.name.toLowerCase().includes(word)) &&
        (!value("vendor") || row.vendor.toLowerCase() === value("vendor")) &&
        (!value("kind") || row.kind === value("kind")));
      const pages = Math.max(1, Math.ceil(found.length / size));
      page = Math.min(Math.max(page, 0), pages - 1);
      output.textContent = `${found.length.toLocaleString("en-US")} devices, page ${page + 1} of ${pages}`;
      show(found.slice(page * size, (page + 1) * size));
    }
    box.querySelectorAll("[data-filter]").forEach((field) => field.addEventListener("input", () => { page = 0; update(); }));
    box.querySelectorAll("[data-turn]").forEach((button) => button.addEventListener("click", () => { page += Number(button.dataset.turn); update(); }));
    return update;
  }

  function fill(select, values) {
    for (const value of [...new Set(values)].sort()) select.append(new Option(value, value));
  }

  async function gpus() {
    const raw = await wattboard.get("table", "accelerators", "data/accelerators.js");
    const rows = raw.map((cells) => Object.fromEntries(FIELDS.map((name, i) => [name, cells[i]])));
    const body = document.querySelector("#devices tbody");
    const list = controls("devices");
    pager(list, rows, ROWS, (shown) => {
      body.replaceChildren(...shown.map((row) => {
        const line = document.createElement("tr");
        FIELDS.forEach((name, i) => {
          const cell = document.createElement(i ? "td" : "th");
          if (!i) cell.scope = "row";
          cell.textContent = name === "year" ? row[name] ?? "unknown" : known(row[name]);
          line.append(cell);
        });
        return line;
      }));
    })();
    const box = controls("tdp");
    const withTdp = rows.filter((row) => row.tdp_w !== null).sort((a, b) => b.tdp_w - a.tdp_w);
    fill(box.querySelector('[data-filter="vendor"]'), withTdp.map((row) => row.vendor));
    fill(box.querySelector('[data-filter="kind"]'), withTdp.map((row) => row.kind));
    const chart = document.querySelector('[data-chart="gpu-tdp-heatmap"]');
    const update = pager(box, withTdp, STRIP, (shown) => {
      if (!chart.classList.contains("js-plotly-plot")) return;
      Plotly.update(chart,
        { y: [shown.map((row) => row.name)], z: [shown.map((row) => [row.tdp_w])] },
        { height: 140 + 22 * Math.max(shown.length, 4) });
    });
    update();
  }

  async function emitters() {
    const table = await wattboard.get("table", "emitters", "data/emitters.js");
    const chart = document.querySelector('[data-chart="global-co2-emissions-trend"]');
    const box = controls("emitters");
    const output = box.querySelector("output");
    const input = box.querySelector("input");
    document.getElementById("countries").append(...table.emitters.map(([name]) => new Option(name, name)));
    const colours = ["#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];
    let shown = [];
    let years = [2009.7, 2021.3];
    async function update() {
      const traces = shown.map((name, i) => {
        const [, , values] = table.emitters.find(([entity]) => entity === name);
        return { x: table.years, y: values, name, mode: "lines", line: { width: 2, color: colours[i % 5], dash: i < 5 ? "solid" : "dot" }, hovertemplate: "%{x}: %{y:,.1f} Mt" };
      });
      while (chart.data.length > 1) await Plotly.deleteTraces(chart, -1);
      if (traces.length) await Plotly.addTraces(chart, traces);
      await Plotly.relayout(chart, { "xaxis.range": [...years], "yaxis.autorange": true, "yaxis.rangemode": "tozero" });
    }
    box.querySelector("[data-add]").addEventListener("click", () => {
      const wanted = input.value.trim().toLowerCase();
      const hit = table.emitters.find(([name]) => name.toLowerCase() === wanted) || table.emitters.find(([name]) => wanted && name.toLowerCase().startsWith(wanted));
      output.textContent = hit ? `${hit[0]} added` : "No such country";
      if (hit && !shown.includes(hit[0])) shown.push(hit[0]);
      update();
    });
    box.querySelector("[data-five]").addEventListener("click", () => { shown = table.emitters.slice(0, 5).map(([name]) => name); output.textContent = ""; update(); });
    box.querySelector("[data-none]").addEventListener("click", () => { shown = []; output.textContent = ""; update(); });
    box.querySelector("[data-years]").addEventListener("click", (event) => {
      const all = event.target.textContent === "All years";
      years = all ? [table.years[0] - 0.5, table.years.at(-1) + 0.5] : [2009.7, 2021.3];
      event.target.textContent = all ? "2010 to 2021" : "All years";
      update();
    });
  }

  const ready = { "gpu-tdp-heatmap": gpus, "global-co2-emissions-trend": emitters };
  document.addEventListener("drawn", (event) => ready[event.target.dataset.chart]?.());
})();
