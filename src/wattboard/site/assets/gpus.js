"use strict";
// The page on accelerators: groups, search, sorting, efficiency, energy for an amount of arithmetic.
(() => {
  const FIELDS = ["name", "vendor", "kind", "architecture", "year", "tdp_w", "fp32_tflops", "fp16_tflops", "memory_gb", "gflops_per_w", "disputed", "exaflop_kwh"];
  const COLUMNS = FIELDS.slice(0, 10);
  const KINDS = ["gpu", "tpu", "cpu"];
  const STRIP = 40, ROWS = 50, CHOICES = 50;

  const { number, scale, scaled } = wattboard.numbers;
  const { controls } = wattboard;
  const { search } = wattboard.rows;
  const known = (value) => (value === null ? "unknown" : typeof value === "number" ? number(value) : value);
  let rows;
  async function accelerators() {
    rows ??= (await wattboard.get("table", "accelerators", "data/accelerators.js")).map((cells) => {
      const row = Object.fromEntries(FIELDS.map((name, i) => [name, cells[i]]));
      // What a search looks at, made once and not at each key.
      row.text = `${row.vendor} ${row.name} ${row.architecture ?? ""}`.toLowerCase();
      return row;
    });
    return rows;
  }

  // Pages of devices of a vendor and a kind.
  function pager(box, all, size, show) {
    const value = (name) => box.querySelector(`[data-filter="${name}"]`)?.value.trim() || "";
    const kept = (row) => (!value("vendor") || row.vendor === value("vendor")) && (!value("kind") || row.kind === value("kind"));
    return wattboard.rows.pager(box, all, size, show, { one: "device", many: "devices", none: "no device is called so", kept });
  }

  function choices(select, values, label = (value) => value) {
    for (const value of [...new Set(values)].sort()) select.append(new Option(label(value), value));
  }

  // --- the table of all devices --------------------------------------------------------------------

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
    const table = document.querySelector("#devices");
    const body = table.querySelector("tbody");
    let order = all;
    const first = pager(controls("devices"), () => order, ROWS, (shown) => {
      body.replaceChildren(...shown.map((row) => {
        const line = document.createElement("tr");
        line.append(...COLUMNS.map((name) => cell(row, name)));
        return line;
      }));
    });
    wattboard.rows.sortable(table, all, (sorted) => { order = sorted; first(); });
  }

  // --- TDP -----------------------------------------------------------------------------------------

  // Black or white, whichever can be read on a place of a scale of colours.
  function onto(colours, share) {
    const place = share * (colours.length - 1), low = Math.min(Math.floor(place), colours.length - 2);
    const light = [1, 3, 5].map((at) => {
      const [from, to] = [low, low + 1].map((i) => parseInt(colours[i][1].slice(at, at + 2), 16));
      const value = (from + (to - from) * (place - low)) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? "#000000" : "#ffffff";
  }

  // Values on their cells; Plotly's own choice of a colour can hardly be read on half of them.
  function labels({ data }) {
    const [{ x, y, z, zmax, text, colorscale }] = data;
    data[0].texttemplate = "";
    data[1] = {
      type: "scatter", mode: "text", hoverinfo: "skip", x: y.map(() => x[0]), y, text: text.map(([value]) => value),
      textfont: { size: 12, color: z.map(([value]) => onto(colorscale, value / zmax)) },
    };
  }

  async function tdp(element) {
    const all = (await accelerators()).filter((row) => row.tdp_w !== null);
    all.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || b.tdp_w - a.tdp_w);
    const box = controls("tdp");
    choices(box.querySelector('[data-filter="vendor"]'), all.map((row) => row.vendor));
    choices(box.querySelector('[data-filter="kind"]'), all.map((row) => row.kind), (kind) => kind.toUpperCase());
    const pen = document.createElement("canvas").getContext("2d");
    let first = true, waiting = false;
    pager(box, () => all, STRIP, (shown, found) => {
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
        Object.assign(layout.yaxis, { type: "linear", tickvals: data[0].y, ticktext: shown.map((row) => row.name), range: [shown.length - 0.5, -0.5], autorange: false, ticklabeloverflow: "allow" });
        data[0].hovertemplate = data[0].hovertemplate.replace("%{y}", "%{customdata}");
        labels({ data });
        // Plotly measures each name, and draws twice and more, to find room for them and to hide those
        // that stick out: their width can be known before, and none does.
        pen.font = `${layout.font.size}px ${layout.font.family}`;
        const widest = shown.reduce((most, row) => Math.max(most, pen.measureText(row.name).width), 0);
        layout.margin.l = Math.ceil(widest) + 12;
        layout.xaxis.automargin = layout.yaxis.automargin = false;
      };
      // Keys that come faster than the screen is drawn are drawn once.
      if (!first && !waiting) {
        waiting = true;
        requestAnimationFrame(() => { waiting = false; wattboard.refresh(element, true); });
      }
      first = false;
    });
  }

  // --- groups --------------------------------------------------------------------------------------

  // Five panels side by side, or one below the other where there is no room.
  function metrics(element) {
    const box = controls("metrics");
    const buttons = [...box.querySelectorAll("[data-grouping]")];
    const show = (grouping) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.grouping === grouping)));
      element.change = ({ data, layout }) => {
        for (const trace of data) trace.visible = trace.meta.grouping === grouping;
        const { groups } = data.find((trace) => trace.visible).meta;
        const stacked = wattboard.narrow();
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

  // --- efficiency over time ------------------------------------------------------------------------

  function efficiency(element) {
    const box = controls("efficiency");
    const buttons = [...box.querySelectorAll("[data-precision]")];
    const select = box.querySelector("[data-vendor]");
    const vendors = element.figure.data.map(({ meta }) => meta.vendor).filter(Boolean);
    for (const vendor of new Set(vendors)) select.append(new Option(vendor, vendor));
    let precision = "fp32";
    element.change = ({ data, layout }) => {
      const vendor = select.value;
      // The line is of all vendors, so it stays.
      data.forEach((trace) => {
        trace.visible = trace.meta.precision === precision && (!vendor || !trace.meta.vendor || trace.meta.vendor === vendor);
      });
      const narrow = wattboard.narrow();
      layout.annotations = narrow ? [] : layout.meta.labels[precision];
      if (narrow) Object.assign(layout.legend, { font: { size: 11 } });
    };
    const show = () => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.precision === precision)));
      return wattboard.refresh(element, true);
    };
    buttons.forEach((button) => button.addEventListener("click", () => { precision = button.dataset.precision; show(); }));
    select.addEventListener("input", show);
  }

  // --- energy for an amount of arithmetic ----------------------------------------------------------

  // Values stand beside their bars, on a phone too.
  function room({ layout }) {
    layout.margin.r = 84;
    if (wattboard.narrow()) Object.assign(layout.xaxis, { nticks: 3, tickangle: 0 });
  }

  async function arithmetic(element) {
    const all = (await accelerators()).filter((row) => row.exaflop_kwh !== null);
    const box = controls("arithmetic");
    const output = box.querySelector("output");
    const [amount, unit, device] = ["amount", "unit", "device"].map((name) => box.querySelector(`[data-${name}]`));
    const { shown: opens, colors } = element.figure.layout.meta;
    const kinds = new Map(element.figure.data[0].customdata.map(([name], i) => [name, element.figure.data[0].marker.color[i]]));
    let added = [], exaflops = 1;
    element.change = ({ data, layout }) => {
      room({ layout });
      const names = new Set([...opens, ...added]);
      const bars = all.filter((row) => names.has(row.name)).sort((a, b) => a.exaflop_kwh - b.exaflop_kwh || (a.name < b.name ? -1 : 1));
      const kwh = bars.map((row) => row.exaflop_kwh * exaflops);
      const [name, factor] = scale(Math.max(...kwh), "kWh");
      const colour = colours();
      Object.assign(data[0], {
        x: kwh.map((value) => value / factor), y: bars.map((_, i) => i), text: kwh.map((value) => scaled(value, "kWh")),
        customdata: bars.map((row) => [row.name, row.tdp_w, row.fp32_tflops]),
        marker: { color: bars.map((row) => colour(row.name)) },
      });
      layout.height = 96 + 24 * Math.max(bars.length, 2);
      element.style.minHeight = `${layout.height}px`;
      layout.xaxis.title.text = `${name} for ${told()} of FP32`;
      Object.assign(layout.yaxis, { tickvals: data[0].y, ticktext: bars.map((row) => row.name), range: [bars.length - 0.5, -0.5], ticklabeloverflow: "allow" });
    };
    function colours() {
      const style = getComputedStyle(document.documentElement);
      const value = (color) => style.getPropertyValue(color.slice(4, -1)).trim();
      return (name) => value(added.includes(name) ? "var(--s3)" : kinds.get(name) ?? colors[0]);
    }
    const told = () => `${number(Number(amount.value))} ${unit.selectedOptions[0].textContent.split(" ")[0]}`;
    const update = (text) => { output.textContent = text; return wattboard.refresh(element, true); };
    function changed() {
      const value = Number(amount.value) * Number(unit.value);
      if (!amount.value.trim() || !(value > 0) || !Number.isFinite(value) || value > 1e15) { output.textContent = "Give a number above 0"; return; }
      exaflops = value;
      const best = all.reduce((least, row) => (row.exaflop_kwh < least.exaflop_kwh ? row : least));
      update(`${told()}: ${scaled(best.exaflop_kwh * value, "kWh")} at the least (${best.name})`);
    }
    amount.addEventListener("input", changed);
    unit.addEventListener("input", changed);
    function add() {
      const query = device.value.trim();
      if (!query) { output.textContent = "Type a device's name first"; return; }
      const found = search(all, query);
      const one = found.find((row) => row.name.toLowerCase() === query.toLowerCase()) ?? (found.length === 1 ? found[0] : undefined);
      if (!one) { output.textContent = found.length ? `${found.length.toLocaleString("en-US")} devices are called so; choose one` : "no device with a known rate and TDP is called so"; return; }
      if (![...opens, ...added].includes(one.name)) added.push(one.name);
      device.value = "";
      update(`${one.name} added: ${scaled(one.exaflop_kwh * exaflops, "kWh")}`);
    }
    const list = box.querySelector("datalist");
    device.addEventListener("input", () => {
      list.replaceChildren(...search(all, device.value).slice(0, CHOICES).map((row) => new Option(row.name, row.name)));
    });
    device.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); add(); } });
    box.querySelector("[data-add]").addEventListener("click", add);
    box.querySelector("[data-clear]").addEventListener("click", () => { added = []; update("The devices it opens with are shown"); });
  }

  // Before a chart is drawn for the first time, so that it is drawn once and in its place.
  const before = { "gpu-metrics-analysis": metrics, "gpu-efficiency": efficiency, "gpu-arithmetic": (element) => { element.change = room; }, "gpu-tdp-heatmap": (element) => { element.change = labels; } };
  const after = { "gpu-tdp-heatmap": tdp, "gpu-arithmetic": arithmetic };
  document.addEventListener("figure", (event) => before[event.target.dataset.chart]?.(event.target));
  document.addEventListener("drawn", (event) => after[event.target.dataset.chart]?.(event.target));
  const table = document.querySelector("#devices");
  if (table) new IntersectionObserver((entries, self) => {
    if (entries.some((entry) => entry.isIntersecting)) { self.disconnect(); devices(); }
  }, { rootMargin: "300px" }).observe(table);
})();
