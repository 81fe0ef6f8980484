"use strict";
// The chart of the live page: follows the newest readings, or shows the window that the reader chose, of
// the readings at hand or, further back, of the recording. How it looks and is used is wattboard.js's.
wattboard.live = (() => {
  const { readings, zone } = wattboard;
  const { quantity } = wattboard.numbers;
  const element = document.querySelector("[data-chart]");
  const figure = element.closest("figure");
  const output = figure.querySelector(".tools output");
  const field = (name) => figure.querySelector(`[data-field="${name}"]`);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const MOST = 4000, POINTS = 2000;
  // Without motion the picture moves now and then.
  const PACE = 1000, CALM = 10_000, AGAIN = 5000;
  const SPANS = [1, 2, 5, 10, 20, 30].map((minutes) => minutes * 60_000);
  // A chart that is read or drawn upon stands still.
  const held = new Set();
  let shift = 0, view, older, first, asked, timer, drawnAt = -Infinity, pointer, seen = false, paused = false;

  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  // The newest readings, over the shortest span that holds all of a young recording.
  function following() {
    const to = readings.end ?? Date.now();
    const age = to - (first ?? readings.begin ?? to);
    return { from: to - Math.min(readings.SPAN, SPANS.find((span) => span >= age) ?? readings.SPAN), to };
  }

  element.change = (drawn) => {
    const { from, to } = view ?? following();
    if (!view) shift = zone.offset(to);
    const found = older ?? readings.series(from, to, MOST, shift);
    const lines = wattboard.fill(found, from + shift, to + shift);
    for (const trace of drawn.data) Object.assign(trace, lines[trace.meta.from]);
    const [band, mean] = drawn.data;
    band.visible = found.banded;
    if (found.banded) mean.hovertemplate += ", %{customdata[0]:,.1f} to %{customdata[1]:,.1f} W";
    drawn.layout.showlegend = found.banded;
    drawn.layout.xaxis.range = [from + shift, to + shift];
    // What a picture says below itself.
    drawn.layout.meta.credit = `Recorded by wattboard: ${document.body.dataset.title}. Power is ${[...found.means].join("; ") || "unknown"}. Times are of ${zone.name} (${zone.told(to)}).`;
    const newest = (readings.end ?? to) + shift;
    element.extent = { xaxis: [Math.max((first ?? from) + shift, newest - readings.WEEK), newest] };
    tell(found, from, to);
  };

  const width = (ms) => {
    for (const [size, unit] of [[3_600_000, "h"], [60_000, "min"], [1000, "s"]]) if (ms >= size) return quantity(ms / size, unit);
    return quantity(ms, "ms");
  };

  const heading = figure.closest("section").querySelector("h2");
  const followed = heading.textContent;

  function tell(found, from, to) {
    put(heading, view ? "Power over time" : followed);
    put(field("step"), width(found.width));
    put(field("band"), found.banded ? ", the band runs from its lowest to its highest reading" : "");
    put(field("means"), found.means.size ? `The power is ${[...found.means].join("; ")}.` : "");
    put(field("offset"), ` (${zone.told(to)})`);
    if (!element.dataset.busy) put(output, view ? `${zone.moment(from)} to ${zone.moment(to)}` : "");
  }

  // --- drawing -------------------------------------------------------------------------------------

  async function draw() {
    clearTimeout(timer);
    timer = undefined;
    if (!element._fullLayout || !seen || document.hidden || held.size) return;
    drawnAt = performance.now();
    await wattboard.refresh(element, true);
    // A label stays where the pointer rests, and tells what is there now.
    if (pointer) Plotly.Fx.hover(element, pointer, "xy");
  }

  // New readings are there: of a window that reaches into them, of one whose readings are let go, or none.
  function soon() {
    if (paused) return;
    if (view && !older && view.from < readings.begin) { look(view.from, view.to); return; }
    if (older && !asked && view.to > older.until && performance.now() - older.asked > Math.max(AGAIN, older.width)) { look(view.from, view.to); return; }
    if (timer !== undefined || older) return;
    if (view && view.to < readings.end - 2 * readings.WIDTH) return;
    const pace = calm.matches ? CALM : PACE;
    timer = setTimeout(draw, Math.max(0, drawnAt + pace - performance.now() - 50));
  }

  function release(why) {
    if (why === "keys") pointer = undefined;
    if (held.delete(why)) draw();
  }

  // --- the reader's window -------------------------------------------------------------------------

  async function look(from, to) {
    asked?.abort();
    asked = undefined;
    view = { from, to };
    delete element.dataset.busy;
    if (readings.begin !== undefined && from >= readings.begin) {
      older = undefined;
      await draw();
      return;
    }
    asked = new AbortController();
    const { signal } = asked;
    element.dataset.busy = "1";
    put(output, "Reading the recording\u2026");
    try {
      const found = await readings.recorded(from, to, POINTS, shift, signal);
      if (signal.aborted) return;
      older = Object.assign(found, { until: readings.end ?? 0, asked: performance.now() });
      asked = undefined;
      delete element.dataset.busy;
      await draw();
    } catch (error) {
      if (signal.aborted) return;
      asked = undefined;
      delete element.dataset.busy;
      put(output, `The recording could not be read: ${error.message}`);
    }
  }

  function follow() {
    asked?.abort();
    asked = undefined;
    delete element.dataset.busy;
    view = older = undefined;
    held.delete("keys");
  }

  element.addEventListener("home", follow);
  element.addEventListener("drawn", () => {
    // After the script that reads values, which lets a key pass where there is none to read.
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") release("keys");
      else if (event.defaultPrevented) { held.add("keys"); put(output, "Stands still while it is read."); }
    });
    element.on("plotly_relayout", (change) => {
      const range = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (range[0] === undefined) return;
      const [from, to] = range.map((value) => (typeof value === "number" ? value : Date.parse(`${String(value).replace(" ", "T")}Z`)) - shift);
      look(from, to);
    });
    element.on("plotly_hover", ({ event, xvals, yvals }) => {
      if (!xvals) return;
      // By the keyboard, or put back by this very script.
      if (!event?.isTrusted) { if (held.has("keys")) pointer = { xval: xvals[0], yval: yvals[0] }; return; }
      const { left, top } = element.querySelector(".nsewdrag").getBoundingClientRect();
      pointer = { xpx: event.clientX - left, ypx: event.clientY - top };
    });
    draw();
  });
  element.addEventListener("pointerleave", () => { pointer = undefined; });
  element.addEventListener("pointerdown", () => held.add("pointer"));
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => setTimeout(release, 0, "pointer"));
  element.addEventListener("blur", () => release("keys"));
  new IntersectionObserver(([entry]) => { seen = entry.isIntersecting; if (seen) draw(); }).observe(element);
  document.addEventListener("visibilitychange", draw);

  return {
    soon, draw, put,
    pause: (yes) => { paused = yes; if (!yes) draw(); },
    since: (time) => { first = time; },
    say: (text) => element.setAttribute("aria-label", text),
  };
})();
