"use strict";
// The part of a page that adds emitters.
(() => {
  function controls(name) {
    const box = document.querySelector(`[data-controls="${name}"]`);
    box?.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    return box;
  }

  async function emitters(element) {
    const table = await wattboard.get("table", "emitters", "data/emitters.js");
    const box = controls("emitters");
    const output = box.querySelector("output");
    const select = box.querySelector("select");
    const names = table.emitters.map(([name]) => name);
    select.append(...[...names].sort((a, b) => a.localeCompare(b)).map((name) => new Option(name, name)));
    const colours = ["--s2", "--s3", "--s4", "--s5", "--s6"];
    const opens = element.figure.layout.meta.years;
    let shown = [], all = false;
    element.change = ({ data, layout }) => {
      const [low, high] = all ? [table.years[0], table.years.at(-1)] : opens;
      const inside = table.years.map((year, i) => [year, i]).filter(([year]) => year >= low && year <= high);
      const style = getComputedStyle(document.documentElement);
      const line = (name, values) => ({ ...structuredClone(data[0]), name, x: inside.map(([year]) => year), y: inside.map(([, i]) => values[i]) });
      const traces = [line("World", table.world)];
      shown.forEach((name, i) => {
        const trace = line(name, table.emitters[names.indexOf(name)][1]);
        const color = style.getPropertyValue(colours[i % 5]).trim();
        Object.assign(trace, { line: { width: 2, color, dash: i < 5 ? "solid" : "dot" }, marker: { size: 5, color } });
        traces.push(trace);
      });
      if (all) for (const trace of traces) trace.mode = "lines";
      data.splice(0, data.length, ...traces);
      layout.xaxis.range = [low - 0.3, high + 0.3];
    };
    const update = (text) => { output.textContent = text; return wattboard.refresh(element, true); };
    box.querySelector("[data-add]").addEventListener("click", () => {
      const name = select.value;
      if (!name) { output.textContent = "Choose a country first"; return; }
      if (!shown.includes(name)) shown.push(name);
      update(`${name} added`);
    });
    box.querySelector("[data-five]").addEventListener("click", () => { shown = names.slice(0, 5); update("The five largest emitters are shown"); });
    box.querySelector("[data-none]").addEventListener("click", () => { shown = []; update("The world alone is shown"); });
    box.querySelector("[data-years]").addEventListener("click", (event) => {
      all = !all;
      event.target.setAttribute("aria-pressed", String(all));
      update(`${all ? table.years[0] : opens[0]} to ${all ? table.years.at(-1) : opens[1]}`);
    });
  }

  const after = { "global-co2-emissions-trend": emitters };
  document.addEventListener("drawn", (event) => after[event.target.dataset.chart]?.(event.target));
})();
