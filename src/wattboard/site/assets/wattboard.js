"use strict";
// Draws the charts when they come into view. Data files are scripts that call wattboard.chart and
// its like: a page opened from disk may load a script but not fetch a file.
const wattboard = (() => {
  const arrived = { chart: new Map(), series: new Map(), table: new Map() };
  const scripts = new Map();
  const FINEST_POINTS = 4000;

  function load(source) {
    if (!scripts.has(source)) {
      scripts.set(source, new Promise((resolve, reject) => {
        const element = document.createElement("script");
        element.src = source;
        element.onload = resolve;
        element.onerror = () => reject(new Error(`${source} cannot be loaded`));
        document.head.append(element);
      }));
    }
    return scripts.get(source);
  }

  async function get(kind, name, source) {
    if (!arrived[kind].has(name)) await load(source);
    return arrived[kind].get(name);
  }

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Text, grid and hover take the page's colours; the data's colours are the figure's own.
  function themed(layout) {
    const copy = coloured(layout);
    const text = css("--text"), grid = css("--grid");
    copy.font = { ...copy.font, color: text };
    copy.hoverlabel = { bgcolor: css("--panel"), bordercolor: css("--line"), font: { color: text } };
    copy.modebar = { bgcolor: "rgba(0,0,0,0)", color: css("--dim"), activecolor: css("--accent") };
    for (const key of Object.keys(copy)) {
      if (/^[xy]axis\d*$/.test(key)) {
        copy[key] = { gridcolor: grid, linecolor: css("--line"), zerolinecolor: grid, ...copy[key] };
      }
    }
    for (const menu of copy.updatemenus || []) {
      Object.assign(menu, { bgcolor: css("--panel"), bordercolor: css("--dim"), font: { color: text } });
    }
    return copy;
  }

  // On a dark page the palette's dark blue becomes its light one; the rest is told apart on both.
  const DARKER = [["#0072B2", "#56B4E9"], ["rgba(0,114,178,", "rgba(86,180,233,"], ["#D55E00", "#FF9A4D"]];
  function coloured(value) {
    let json = JSON.stringify(value);
    for (const [light, dark] of DARKER) {
      json = isDark() ? json.replaceAll(light, dark) : json.replaceAll(dark, light);
    }
    return JSON.parse(json);
  }

  function config(id) {
    return {
      responsive: true, displaylogo: false, showLink: false, plotlyServerURL: "",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
      toImageButtonOptions: { format: "png", filename: `wattboard-${id}`, scale: 2 },
    };
  }

  async function draw(element) {
    const id = element.dataset.chart;
    try {
      await load("assets/plotly.min.js");
      const figure = await get("chart", id, `data/charts/${id}.js`);
      element.querySelector("noscript")?.remove();
      element.figure = structuredClone(figure);
      if (window.innerWidth < 640) narrow(element.figure);
      await Plotly.newPlot(element, coloured(element.figure.data), themed(element.figure.layout), config(id));
      if (element.dataset.fine) zoomable(element);
      element.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
    } catch (error) {
      element.textContent = `This chart could not be drawn: ${error.message}.`;
      throw error;
    }
  }

  function narrow({ data, layout }) {
    layout.margin = { ...layout.margin, l: 44, r: 8 };
    layout.font = { ...layout.font, size: 11 };
    // Numbers in many small cells cannot be read on a phone; a touch shows them.
    for (const trace of data) if (trace.texttemplate && trace.z[0].length > 5) trace.texttemplate = "";
  }

  // --- finer series when zoomed in ---------------------------------------------------------------

  // The band is an outline for each stretch without a gap, as in the figure made by the build.
  function points(series) {
    const line = { x: [], y: [], range: [] }, band = { x: [], y: [] };
    let first = 0;
    const close = (last) => {
      const part = (values) => values.slice(first, last);
      band.x.push(...part(series.start), ...part(series.start).reverse(), null);
      band.y.push(...part(series.max_w), ...part(series.min_w).reverse(), null);
      first = last;
    };
    series.start.forEach((start, i) => {
      if (i && series.gap_before[i]) {
        close(i);
        line.x.push(start); line.y.push(null); line.range.push([null, null]);
      }
      line.x.push(start); line.y.push(series.mean_w[i]);
      line.range.push([series.min_w[i], series.max_w[i]]);
    });
    close(series.start.length);
    return { line, band };
  }

  function cut(series, from, to) {
    let low = series.start.findIndex((start) => start >= from);
    let high = series.start.findLastIndex((start) => start <= to);
    if (low < 0 || high < 0) return null;
    low = Math.max(0, low - 1);
    high = Math.min(series.start.length, high + 2);
    const piece = {};
    for (const key of ["start", "mean_w", "min_w", "max_w", "gap_before"]) {
      piece[key] = series[key].slice(low, high);
    }
    piece.gap_before[0] = false;
    return piece;
  }

  function zoomable(element) {
    const names = element.dataset.fine.split(" ");
    const original = element.figure.data.map(({ x, y, customdata }) => ({ x, y, customdata }));
    let turn = 0;
    element.on("plotly_relayout", async (change) => {
      const mine = ++turn;
      const full = change["xaxis.autorange"] || change.autosize;
      const range = element.layout.xaxis.range;
      if (full || !("xaxis.range[0]" in change || "xaxis.range" in change)) {
        if (change["xaxis.autorange"]) {
          for (const [i, { x, y, customdata }] of original.entries()) {
            await Plotly.restyle(element, { x: [x], y: [y], customdata: [customdata] }, [i]);
          }
          element.dataset.shown = "";
        }
        return;
      }
      const [from, to] = range.map((value) => String(value).replace(" ", "T").slice(0, 19));
      for (const name of [...names].reverse()) {
        const series = await get("series", name, `data/series/${name}.js`);
        if (mine !== turn) return;
        const piece = cut(series, from, to);
        if (!piece) return;
        if (piece.start.length > FINEST_POINTS && name !== names[0]) continue;
        const { line, band } = points(piece);
        await Plotly.restyle(element, { x: [band.x], y: [band.y] }, [0]);
        await Plotly.restyle(element, { x: [line.x], y: [line.y], customdata: [line.range] }, [1]);
        element.dataset.shown = name;
        return;
      }
    });
  }

  // --- theme -------------------------------------------------------------------------------------

  function stored(value) {
    // A page from disk may be refused its storage; the choice then lasts for the page.
    try {
      if (value !== undefined) localStorage.setItem("wattboard-theme", value);
      return localStorage.getItem("wattboard-theme");
    } catch (error) {
      return error.name === "SecurityError" ? null : undefined;
    }
  }

  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (systemDark.matches ? "dark" : "light")) === "dark";

  function repaint() {
    const button = document.getElementById("theme");
    if (button) button.textContent = isDark() ? "Light" : "Dark";
    for (const element of document.querySelectorAll(".js-plotly-plot")) {
      const range = element.layout.xaxis?.range;
      const layout = themed(element.figure.layout);
      if (range && !element.layout.xaxis.autorange) layout.xaxis.range = [...range];
      Plotly.react(element, coloured(element.data), layout, config(element.dataset.chart));
    }
  }

  const chosen = stored();
  if (chosen) document.documentElement.dataset.theme = chosen;

  function start() {
    const button = document.getElementById("theme");
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      stored(next);
      repaint();
    });
    systemDark.addEventListener("change", repaint);
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

  document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", start) : start();

  return {
    chart: (name, figure) => arrived.chart.set(name, figure),
    series: (name, series) => arrived.series.set(name, series),
    table: (name, table) => arrived.table.set(name, table),
    get,
  };
})();
window.wattboard = wattboard;
