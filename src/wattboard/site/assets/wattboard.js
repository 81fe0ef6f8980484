"use strict";
// Draws the charts when they come into view. Data files are scripts that call wattboard.chart and
// its like: a page opened from disk may load a script but not fetch a file.
const wattboard = (() => {
  const arrived = { chart: new Map(), series: new Map(), table: new Map() };
  const scripts = new Map();
  const MOST_POINTS = 4000;
  const narrowPage = window.matchMedia("(max-width: 48rem)");
  const touch = window.matchMedia("(pointer: coarse)");
  // What fits a figure to paper, while the page is printed.
  let paper;
  const narrow = () => !paper && narrowPage.matches;

  function load(source) {
    if (!scripts.has(source)) scripts.set(source, run(source));
    return scripts.get(source);
  }

  async function run(source) {
    const element = document.createElement("script");
    // A site in one file has its scripts inside, and its policy knows each by its hash.
    const text = await wattboard.kept?.(source);
    if (text !== undefined) {
      element.textContent = text;
      document.head.append(element);
      element.remove();
      return;
    }
    await new Promise((resolve, reject) => {
      element.src = source;
      element.onload = resolve;
      element.onerror = () => reject(new Error(`${source} cannot be loaded`));
      document.head.append(element);
    }).finally(() => element.remove());
  }

  async function get(kind, name, source) {
    if (!arrived[kind].has(name)) await load(source);
    return arrived[kind].get(name);
  }

  // --- theme: the figures name the style sheet's colours -------------------------------------------

  function coloured(figure) {
    const style = getComputedStyle(document.documentElement);
    const json = JSON.stringify(figure).replace(/"var\((--\w+)\)"/g, (_, name) => JSON.stringify(style.getPropertyValue(name).trim()));
    return JSON.parse(json);
  }

  // --- series: what a line over time is filled with ------------------------------------------------

  async function series(name) {
    const found = await get("series", name, `data/series/${name}.js`);
    if (!found.start) {
      found.start = [];
      found.first = new Set();
      for (const [place, length] of found.runs) {
        found.first.add(found.start.length);
        for (let i = 0; i < length; i += 1) found.start.push(found.first_ms + (place + i * found.step) * found.unit_ms);
      }
      found.width = found.step * found.unit_ms;
    }
    return found;
  }

  // The first place whose start is not before `time`.
  function seek(start, time) {
    let low = 0, high = start.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (start[middle] < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  // Steps and outlines of the part that a window shows, and a bucket more at each end, so that lines
  // run out of the picture; between two stretches everything stays open.
  function fill(found, from = -Infinity, to = Infinity) {
    const { start, first, width, mean, low = mean, high = mean, integral, counter } = found;
    const begin = Math.max(0, seek(start, from) - 1);
    const end = Math.min(start.length, seek(start, to) + 1);
    const out = {
      mean: { x: [], y: [], customdata: [] }, band: { x: [], y: [] }, alone: { x: [], y: [] },
      integral: { x: [], y: [] }, counter: { x: [], y: [] },
    };
    const close = (left, right) => {
      for (let i = left; i < right; i += 1) { out.band.x.push(start[i], start[i] + width); out.band.y.push(high[i], high[i]); }
      for (let i = right - 1; i >= left; i -= 1) { out.band.x.push(start[i] + width, start[i]); out.band.y.push(low[i], low[i]); }
      out.band.x.push(null); out.band.y.push(null);
      // A bucket's mean lasts until its end.
      const last = right - 1;
      out.mean.x.push(start[last] + width); out.mean.y.push(mean[last]); out.mean.customdata.push([low[last], high[last]]);
      if (right - left === 1) { out.alone.x.push(start[left] + width / 2); out.alone.y.push(mean[left]); }
    };
    let left = begin;
    for (let i = begin; i < end; i += 1) {
      if (i > begin && first.has(i)) {
        close(left, i);
        left = i;
        out.mean.x.push(start[i - 1] + width); out.mean.y.push(null); out.mean.customdata.push([null, null]);
      }
      out.mean.x.push(start[i]); out.mean.y.push(mean[i]); out.mean.customdata.push([low[i], high[i]]);
    }
    if (end > left) close(left, end);
    // Energy is complete at the end of a bucket.
    for (const [name, sums] of [["integral", integral], ["counter", counter]]) {
      if (!sums) continue;
      out[name].x = [start[0], ...start.map((time) => time + width)];
      out[name].y = [0, ...sums];
    }
    return out;
  }

  // The level of each regime of a kind, or of all, at the times of the mean and at its own two ends.
  function levels(regimes, kind, times) {
    const out = { x: [], y: [], customdata: [] };
    const add = (x, y, told) => { out.x.push(x); out.y.push(y); out.customdata.push([told]); };
    for (const [from, to, power, told, name] of regimes) {
      if (kind !== "level" && kind !== name) continue;
      for (const at of [from, ...times.filter((one) => one > from && one < to), to]) add(at, power, told);
      add(to, null, "");
    }
    return out;
  }

  // --- drawing -------------------------------------------------------------------------------------

  const time = (value) => (typeof value === "number" ? value : Date.parse(`${String(value).replace(" ", "T")}Z`));
  const isDate = (axis) => axis.type === "date";
  const range = (axis) => axis.range.map((value) => (isDate(axis) ? time(value) : Number(value)));

  // The figure as it stands now: of the build's, the colours of the page, its width, and what the
  // reader has chosen.
  async function compose(element) {
    const figure = coloured(element.figure);
    const { layout } = figure;
    layout.height = parseFloat(getComputedStyle(element).minHeight);
    layout.dragmode = touch.matches ? false : layout.dragmode;
    if (narrow()) shrink(figure);
    if (layout.meta.opens) {
      const state = element.shown ?? { name: layout.meta.opens };
      const filled = fill(await series(state.name), state.from, state.to);
      const kwh = layout.meta.kwh ?? 1;
      for (const trace of figure.data) {
        const part = filled[trace.meta.from] ?? levels(layout.meta.regimes, trace.meta.from, filled.mean.x);
        Object.assign(trace, part);
        if ("kwh" in layout.meta) trace.y = part.y.map((value) => value / kwh);
      }
      layout.xaxis.range = await whole(layout.meta.opens);
    }
    // For the paper's size, too: what is made for a size is made for that one.
    paper?.(element, figure);
    await element.change?.(figure);
    paper?.(element, figure);
    return unmarked(figure);
  }

  // Plotly reads tags in texts. A name may hold any: those that break a line or set letters apart stay.
  const TAG = /<(?!\/?(?:br|b|i|sub|sup|extra)\s*\/?>)/gi;
  function unmarked(value, key = "") {
    if (typeof value === "string") return value.replace(TAG, "&lt;");
    if (Array.isArray(value)) return value.map((one) => unmarked(one));
    if (!value || typeof value !== "object" || ArrayBuffer.isView(value) || key === "geojson") return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, unmarked(one, name)]));
  }

  async function whole(name) {
    const { start, width } = await series(name);
    return [start[0], start.at(-1) + width];
  }

  function shrink({ data, layout }) {
    layout.font.size = 12;
    layout.margin = { ...layout.margin, l: 40, r: 6 };
    for (const trace of data) {
      // Numbers in many small cells cannot be read on a phone; a touch shows them.
      if (trace.type === "heatmap" && trace.z[0].length > 5) trace.texttemplate = "";
      if (trace.colorbar) Object.assign(trace.colorbar, { thickness: 8, tickfont: { size: 10 } });
    }
    layout.annotations = layout.annotations?.filter(({ name }) => name !== "wide label");
    for (const key of ["xaxis", "yaxis"]) if (layout[key].title) layout[key].title.font = { size: 12 };
  }

  const CONFIG = { responsive: true, displayModeBar: false, doubleClick: false, scrollZoom: false, plotlyServerURL: "" };

  // Draws again what has changed: theme, width, series or choice. The window stays unless `anew`.
  async function refresh(element, anew = false) {
    const turn = (element.turn = (element.turn ?? 0) + 1);
    const { data, layout } = await compose(element);
    if (turn !== element.turn) return;
    const before = element._fullLayout;
    // One that knows its own window composes it.
    if (!anew && before && !element.go) {
      for (const key of layout.meta.zoom) {
        const axis = before[key];
        if (axis && element.home && String(axis.range) !== String(element.home[key])) layout[key].range = [...axis.range];
      }
    }
    await Plotly.react(element, data, layout, CONFIG);
    if (anew || !element.home) remember(element);
    scalable(element);
  }

  function remember(element) {
    element.home = Object.fromEntries(element._fullLayout.meta.zoom.map((key) => [key, [...(element._fullLayout[key]?.range ?? [])]]));
  }

  // For printing: the picture shrinks with its box.
  function scalable(element) {
    const { width, height } = element._fullLayout, box = `0 0 ${width} ${height}`;
    // A step of zooming does not pay for what stays.
    if (element.querySelector(".main-svg").getAttribute("viewBox") === box) return;
    element.style.setProperty("--ratio", `${width} / ${height}`);
    element.querySelectorAll(".main-svg").forEach((svg) => svg.setAttribute("viewBox", box));
  }

  const draw = (element) => (element.drawing ??= drawing(element));

  async function drawing(element) {
    const id = element.dataset.chart;
    try {
      const [figure] = await Promise.all([get("chart", id, `data/charts/${id}.js`), ...["plotly.min", "paper", "reading", "tools"].map((name) => load(`assets/${name}.js`))]);
      element.figure = figure;
      element.querySelector("noscript")?.remove();
      await element.prepare?.();
      element.dispatchEvent(new CustomEvent("figure", { bubbles: true }));
      await refresh(element, true);
      element.on("plotly_doubleclick", () => reset(element));
      element.on("plotly_relayout", () => { scalable(element); finer(element); });
      (element.readable ?? wattboard.readable)(element);
      // Takes keys, and its texts are said by its label and as they are read; they are not read one by one.
      element.setAttribute("role", "application");
      element.setAttribute("aria-roledescription", "chart");
      element.querySelector(".plot-container").setAttribute("aria-hidden", "true");
      wattboard.tools(element);
      element.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
    } catch (error) {
      element.textContent = `This chart could not be drawn: ${error.message}.`;
      throw error;
    }
    idly(drawRest);
  }

  // Once Plotly is there, the page's other charts are drawn while nothing else is to be done: who then
  // scrolls does not wait, and who prints has them on paper, since a page about to be printed cannot
  // wait for a script. Not where the reader saves data.
  const idly = (act) => (window.requestIdleCallback ?? ((later) => setTimeout(later, 200)))(act);
  function drawRest() {
    if (navigator.connection?.saveData) return;
    const next = [...document.querySelectorAll("[data-chart]")].find((element) => !element.drawing);
    if (next) draw(next);
  }
  const drawAll = () => Promise.all([...document.querySelectorAll("[data-chart]")].map(draw));

  // --- zoom ----------------------------------------------------------------------------------------

  async function reset(element) {
    if (element.whole) return element.whole();
    element.search = (element.search ?? 0) + 1;
    element.dispatchEvent(new CustomEvent("home"));
    element.seen = String(element._fullLayout.xaxis?.range);
    element.shown = undefined;
    element.dataset.shown = "";
    await refresh(element, true);
    element.seen = String(element._fullLayout.xaxis?.range);
    tell(element);
  }

  // The finest series that is not too much for the window.
  async function finer(element) {
    const { meta, xaxis } = element._fullLayout;
    if (!meta.opens || meta.series.length < 2 || String(xaxis.range) === element.seen) return;
    element.seen = String(xaxis.range);
    const [from, to] = range(xaxis);
    const [first, last] = element.home.xaxis.map(time);
    const turn = (element.search = (element.search ?? 0) + 1);
    const full = from <= first && to >= last;
    const fitting = meta.series.filter(([, width]) => (to - from) / (width * 1000) <= MOST_POINTS);
    const name = full ? meta.opens : (fitting.at(-1) ?? meta.series[0])[0];
    element.dataset.busy = "";
    await series(name);
    if (turn !== element.search) return;
    element.shown = full ? undefined : { name, from, to };
    await refresh(element);
    delete element.dataset.busy;
    element.dataset.shown = full ? "" : name;
    tell(element);
  }

  function tell(element) {
    const output = element.closest("figure").querySelector(".tools output");
    if (!output) return;
    const { meta, xaxis } = element._fullLayout;
    if (!element.shown) { output.textContent = ""; return; }
    const [from, to] = range(xaxis).map((value) => new Date(value).toISOString().slice(0, 19).replace("T", " "));
    const width = meta.series.find(([name]) => name === element.shown.name)[1];
    const unit = width >= 3600 ? `${width / 3600} h` : width >= 60 ? `${width / 60} min` : `${width} s`;
    output.textContent = `${from} to ${to}, buckets of ${unit}`;
  }

  // --- light, dark, width, paper -------------------------------------------------------------------

  function stored(value) {
    // A page from disk may be refused its storage; the choice then lasts for the page.
    try {
      if (value !== undefined) localStorage.setItem("wattboard-theme", value);
      return localStorage.getItem("wattboard-theme");
    } catch (error) {
      return error.name === "SecurityError" ? null : undefined;
    }
  }

  const root = document.documentElement;
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (systemDark.matches ? "dark" : "light")) === "dark";

  function repaint() {
    const button = document.getElementById("theme");
    if (button) button.textContent = isDark() ? "Light" : "Dark";
    // One that is out of sight has no size; it is drawn again when it is shown. On paper all is drawn
    // for paper; a browser may tell of its width meanwhile.
    if (!paper) drawn().forEach((element) => { if (element.offsetParent) refresh(element); });
  }
  const drawn = () => [...document.querySelectorAll(".js-plotly-plot")];

  const chosen = stored();
  if (chosen && !root.dataset.theme) root.dataset.theme = chosen;

  function start() {
    const button = document.getElementById("theme");
    button.disabled = false;
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      stored(root.dataset.theme);
      repaint();
    });
    systemDark.addEventListener("change", repaint);
    narrowPage.addEventListener("change", repaint);
    const print = document.getElementById("print");
    print.disabled = false;
    print.addEventListener("click", async () => {
      print.setAttribute("aria-busy", "true");
      await drawAll();
      print.removeAttribute("aria-busy");
      window.print();
    });
    repaint();
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "300px" });
    document.querySelectorAll("[data-chart]").forEach((element) => seen.observe(element));
  }

  // The fields and buttons of a page, which are of no use before a script has come.
  function controls(name) {
    const box = document.querySelector(`[data-controls="${name}"]`);
    box?.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    return box;
  }

  // Once the page's other scripts, which may have a say in its charts, have run as well.
  document.readyState === "complete" ? start() : document.addEventListener("DOMContentLoaded", start);

  return {
    chart: (name, figure) => arrived.chart.set(name, figure),
    series: (name, found) => arrived.series.set(name, found),
    table: (name, table) => arrived.table.set(name, table),
    get, run: load, script: run, fill, load: series, refresh, controls, compose, narrow, drawn, time, isDate, range, reset,
    // Draws everything for paper, or for the screen again.
    onPaper: (fit) => { paper = fit; return Promise.all(drawn().map((element) => refresh(element))); },
  };
})();
window.wattboard = wattboard;
