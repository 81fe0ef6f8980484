"use strict";
// The page of readings: one window over stacked panels, its address, cursor, keys and buttons. Points come
// from the tiles (tiles.js), the picture of them is made in readings-picture.js. The axis is true time, so
// that an hour that the clock repeats is drawn twice, one after the other; its ticks and the cursor tell
// the local clock of the log (readings-clock.js).
(() => {
  const LEAST_US = 1000, PATIENCE_MS = 60, SECOND = 1e6;
  const inFile = () => document.querySelector("[data-part]") !== null;
  let about, pyramid, clock, picture, chart, box;
  wattboard.readings = (found) => { about = found; };

  // --- the address ---------------------------------------------------------------------------------

  // What is no text at all leads nowhere, as it stands.
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
      return text;
    }
  }

  const addressed = () => {
    const hash = decoded(location.hash.slice(1));
    if (inFile()) return hash.startsWith("readings?") ? hash.slice(9) : "";
    return document.getElementById(hash) ? "" : hash;
  };
  const address = () => (isWhole() ? "" : clock.named(view));

  // --- the window ----------------------------------------------------------------------------------

  let view, wide, turn = 0, noted = "";
  const first = () => about.first_us, last = () => Math.max(about.last_us, about.first_us + LEAST_US);
  const ms = (time) => time / 1000, time = (value) => value * 1000;
  const isWhole = () => view.from <= first() && view.to >= last();

  function within({ from, to }) {
    const size = Math.min(Math.max(to - from, Math.max(LEAST_US, (about.step_us || 0) * 2)), last() - first());
    const middle = (from + to) / 2;
    let left = to - from === size ? from : middle - size / 2;
    left = Math.min(Math.max(left, first()), last() - size);
    return { from: left, to: left + size };
  }

  // Shows a window: at once with what is there, then with finer tiles as they come.
  async function show(wanted, { note = true, warn = "", patient = true } = {}) {
    performance.mark("step");
    const mine = (turn += 1);
    view = within(wanted);
    if (note) noteAddress();
    chart.dataset.busy = "";
    let come = false;
    const done = pyramid.want(view.from, view.to, () => { if (mine === turn && come) later(mine); });
    // What comes at once is drawn at once; else what is there stands in for it.
    await Promise.race([done.catch(() => undefined), new Promise((go) => setTimeout(go, patient ? PATIENCE_MS : 0))]);
    if (mine !== turn) return;
    come = true;
    await wattboard.refresh(chart);
    try {
      await done;
      if (mine !== turn) return;
      // What came while the picture was drawn is in the next one.
      if (!chart.points.complete) await wattboard.refresh(chart);
      if (mine !== turn) return;
      tell(warn);
    } catch (error) {
      if (mine === turn) tell(`A part of the readings could not be loaded: ${error.message}. Coarser buckets stand in for it.`);
    }
    if (mine !== turn) return;
    delete chart.dataset.busy;
    performance.measure("step", "step");
    chart.dispatchEvent(new CustomEvent("settled"));
    setTimeout(() => { if (mine === turn && !navigator.connection?.saveData) pyramid.ahead(view.from, view.to).catch(() => tell("Some readings beside this window could not be loaded.")); }, 50);
  }

  // Several tiles that come together are drawn once.
  let waiting;
  function later(mine) {
    waiting ??= requestAnimationFrame(() => { waiting = undefined; if (mine === turn && !chart.points.complete) wattboard.refresh(chart); });
  }

  function noteAddress() {
    const hash = address();
    const full = inFile() ? `#readings${hash ? `?${hash}` : ""}` : hash ? `#${hash}` : "";
    if (full === noted) return;
    noted = full;
    // A step is an entry of the history, so that the back button undoes it.
    if (full || location.hash) history.pushState(null, "", full || location.pathname + location.search);
  }

  function follow() {
    const text = addressed();
    noted = location.hash;
    const wanted = text ? clock.parsedWindow(text) : { from: first(), to: last() };
    const reach = wanted && wanted.to > first() && wanted.from < last();
    if (reach) show(wanted, { note: false }).then(() => { if (wanted.at !== undefined) readAt(wanted.at); });
    else show({ from: first(), to: last() }, { note: false, warn: `The address ${wanted ? "leads to a time that the log does not reach" : "names no time"}: “${text}”. This is the whole log.` });
  }

  function fill(figure) {
    chart.points = pyramid.points(view.from, view.to);
    wide = chart.clientWidth;
    picture.fill(figure, chart.points, view, { whole: isWhole(), width: figure.layout.width ?? wide, narrow: wattboard.narrow() });
  }

  // --- words ---------------------------------------------------------------------------------------

  const level = (place) => pyramid.levels[place];
  const mean = () => about.reading === "mean";

  // The width of the slot or bucket that a point is the mean of, 0 for a single reading; one that is
  // alone in its slot is what it was.
  const widthOf = (i) => { const { count, merge, level: place } = chart.points; return (count[i] > 1 && merge[i]) || level(place[i]).width_us; };

  // What a point is, for the finest and the coarsest in sight.
  function pointsAre() {
    const { points } = chart;
    const kinds = new Set();
    for (let i = 0; i < points.start.length; i += 1) if (points.end[i] >= view.from && points.start[i] <= view.to) kinds.add(points.merge[i] || level(points.level[i]).width_us);
    const sizes = [...kinds].sort((a, b) => a - b);
    if (!sizes.length) return "nothing was read in this window";
    const said = sizes.map((size) => (size === 0 ? `each point is one ${mean() ? "mean of the log" : "reading"}` : `means of ${clock.span(size)}, band: lowest to highest`));
    return said.join("; ");
  }

  function tell(warn = "") {
    const output = box.querySelector(".tools output");
    output.textContent = `${clock.told(Math.round(view.from))} for ${clock.span(view.to - view.from)}: ${pointsAre()}.`;
    const note = document.getElementById("readings-note");
    note.textContent = warn;
    note.hidden = !warn;
    chart.dataset.shown = pyramid.levelOf(view.from, view.to).name;
  }

  // --- the cursor: one line through all panels, and a card that tells what stands there ---------------

  const cursor = document.createElement("div"), card = document.createElement("div");
  cursor.className = "cursor"; card.className = "card-at";
  cursor.hidden = card.hidden = true;
  let read = -1;

  function nearest(time) {
    const { points } = chart;
    let low = 0, high = points.start.length;
    while (low < high) { const at = (low + high) >> 1; if (points.end[at] < time) low = at + 1; else high = at; }
    if (low === points.start.length) return low - 1;
    if (low > 0 && points.start[low] > time && time - points.end[low - 1] < points.start[low] - time) return low - 1;
    return low;
  }

  function rowsAt(i) {
    const { points } = chart, { units } = chart.figure.layout.meta;
    const found = Object.entries(units).map(([name, [title, unit]]) => {
      const { mean: means, low, high } = points.columns[name];
      if (Number.isNaN(means[i])) return [title, "no reading", ""];
      const ranged = low[i] < high[i] ? `${clock.upTo(low[i], 3)} to ${clock.upTo(high[i], 3)} ${unit}` : "";
      return [title, `${clock.upTo(means[i], 3)} ${unit}`, ranged];
    });
    found.push(["Energy up to its end", `${clock.upTo(points.kwh[i], 6)} kWh`, ""]);
    return found;
  }

  function headOf(i) {
    const { points } = chart;
    const from = clock.told(Math.round(points.start[i])), width = widthOf(i);
    if (width) return `${from}, mean of ${clock.span(width)}`;
    return from + (mean() ? `, mean of ${clock.span(points.end[i] - points.start[i])}` : "");
  }

  function readAt(time) { readPoint(nearest(time)); }

  function readPoint(i, say = false) {
    const { points } = chart;
    if (i < 0 || i >= points.start.length) return;
    read = i;
    const { xaxis, _size: { t, h, l } } = chart._fullLayout;
    const middle = (points.start[i] + points.end[i]) / 2;
    const x = l + xaxis.d2p(ms(Math.min(Math.max(middle, view.from), view.to)));
    cursor.hidden = card.hidden = false;
    cursor.style.cssText = `left:${x}px;top:${t}px;height:${h}px`;
    const found = rowsAt(i);
    card.replaceChildren();
    const head = document.createElement("strong");
    head.textContent = headOf(i);
    const table = document.createElement("table");
    for (const cells of found) {
      const row = table.insertRow();
      for (const text of cells) row.insertCell().textContent = text;
    }
    card.append(head, table);
    const room = chart.clientWidth, wide = card.offsetWidth;
    card.style.left = `${x + 14 + wide <= room ? x + 14 : Math.max(0, x - 14 - wide)}px`;
    // On a phone it would hide the power that it tells of.
    card.style.top = `${room < 600 ? t + h / 3 : t + 8}px`;
    if (!say) return;
    clearTimeout(chart.saying);
    chart.saying = setTimeout(() => { box.querySelector(".reading").textContent = `${headOf(i)}. ${found.map(([title, value, range]) => `${title} ${value}${range ? ` (${range})` : ""}`).join(", ")}`; }, 120);
  }

  function unread() { cursor.hidden = card.hidden = true; read = -1; }

  // --- input ---------------------------------------------------------------------------------------

  function readable() {
    chart.addEventListener("mousemove", (event) => {
      const { xaxis, _size: { l, w } } = chart._fullLayout;
      const x = event.clientX - chart.getBoundingClientRect().left - l;
      if (x < 0 || x > w || !chart.points.start.length || event.buttons) { unread(); return; }
      readAt(time(xaxis.p2l(x)));
    });
    chart.addEventListener("mouseleave", unread);
    chart.addEventListener("blur", unread);
    chart.addEventListener("pointerdown", pan, { capture: true });
    chart.addEventListener("keydown", keys);
    chart.addEventListener("wheel", (event) => {
      // As on a map: the page scrolls unless a key is held.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { xaxis, _size: { l } } = chart._fullLayout;
      const at = time(xaxis.p2l(event.clientX - chart.getBoundingClientRect().left - l));
      const size = event.deltaY > 0 ? 1.5 : 1 / 1.5;
      show({ from: at - (at - view.from) * size, to: at + (view.to - at) * size });
    }, { passive: false });
  }

  // With Shift, or a finger, the picture is moved; what comes into view is drawn as it does.
  function pan(event) {
    const touch = event.pointerType === "touch";
    if (!event.isPrimary || event.button || !(event.shiftKey || touch)) return;
    const { xaxis, _size: { l, w } } = chart._fullLayout;
    const x = event.clientX - chart.getBoundingClientRect().left - l;
    if (x < 0 || x > w) return;
    event.stopPropagation();
    if (!touch) event.preventDefault();
    const begun = { ...view }, per = (view.to - view.from) / w, id = event.pointerId;
    let wanted, drawing = false, moved = false;
    const step = async () => {
      if (drawing || !wanted) return;
      drawing = true;
      const next = wanted;
      wanted = undefined;
      await show(next, { note: false, patient: false });
      drawing = false;
      step();
    };
    const move = ({ clientX, pointerId }) => {
      if (pointerId !== id) return;
      const by = (event.clientX - clientX) * per;
      moved ||= Math.abs(event.clientX - clientX) > 3;
      if (!moved) return;
      unread();
      wanted = { from: begun.from + by, to: begun.to + by };
      step();
    };
    const end = ({ pointerId }) => {
      if (pointerId !== id) return;
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      if (moved) noteAddress(); else if (touch) readAt(time(xaxis.p2l(x)));
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  function keys(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const size = view.to - view.from, middle = read >= 0 ? (chart.points.start[read] + chart.points.end[read]) / 2 : (view.from + view.to) / 2;
    const acts = {
      "+": () => show({ from: middle - size / 4, to: middle + size / 4 }),
      "=": () => acts["+"](),
      "-": () => show({ from: middle - size, to: middle + size }),
      PageUp: () => show({ from: view.from - size / 2, to: view.to - size / 2 }),
      PageDown: () => show({ from: view.from + size / 2, to: view.to + size / 2 }),
      0: () => show({ from: first(), to: last() }),
      Escape: unread,
      Home: () => readPoint(nearest(view.from), true),
      End: () => readPoint(nearest(view.to), true),
      ArrowLeft: () => readPoint(Math.max(0, (read < 0 ? nearest(middle) : read) - (event.shiftKey ? 10 : 1)), true),
      ArrowRight: () => readPoint(Math.min(chart.points.start.length - 1, (read < 0 ? nearest(middle) : read) + (event.shiftKey ? 10 : 1)), true),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
    // A reading beside the window draws the window after it.
    if (read >= 0 && /^Arrow/.test(event.key)) {
      const at = chart.points.start[read];
      if (at < view.from || at > view.to) show({ from: at - size / 2, to: at + size / 2 }, { note: false }).then(() => readAt(at));
    }
  }

  // --- to take along -------------------------------------------------------------------------------

  const taking = () => wattboard.run("assets/taking.js");

  async function csv() {
    const { points } = chart, { units } = chart.figure.layout.meta;
    const names = Object.keys(units);
    const rows = [["start", "end", ...names.flatMap((name) => [name, `${name}_low`, `${name}_high`]), "energy_kwh", "points"]];
    for (let i = 0; i < points.start.length; i += 1) {
      if (points.end[i] < view.from || points.start[i] > view.to) continue;
      const width = widthOf(i);
      rows.push([clock.iso(points.start[i]), clock.iso(points.end[i]), ...names.flatMap((name) => ["mean", "low", "high"].map((part) => points.columns[name][part][i])), points.kwh[i], width ? `mean of ${width / SECOND} s` : about.reading === "mean" ? "mean of the log" : "reading"]);
    }
    await taking();
    wattboard.taking.csv("wattboard-readings.csv", rows);
  }

  async function copyAddress() {
    const button = document.getElementById("copy-address");
    const at = read >= 0 ? clock.iso(Math.round(chart.points.start[read])) : address();
    const url = location.href.split("#")[0] + (at ? `#${inFile() ? "readings?" : ""}${at}` : "");
    await taking();
    // A browser may keep its clipboard; the address stands in its bar as well.
    button.textContent = (await wattboard.taking.copied(url)) ? "Copied" : "Copy it from the address bar";
    setTimeout(() => { button.textContent = "Copy address"; }, 2000);
  }

  function wire() {
    const go = document.getElementById("go-form");
    go.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    go.addEventListener("submit", (event) => {
      event.preventDefault();
      const wanted = clock.parsedWindow(document.getElementById("go-time").value.trim());
      if (wanted && wanted.to > first() && wanted.from < last()) show(wanted).then(() => { if (wanted.at !== undefined) readAt(wanted.at); });
      else tell(`“${document.getElementById("go-time").value}” is no time of this log, which runs from ${clock.told(first())} to ${clock.told(last())}.`);
    });
    box.querySelector("[data-take=csv]").addEventListener("click", csv);
    document.getElementById("copy-address").addEventListener("click", copyAddress);
    window.addEventListener("popstate", () => { if (location.hash !== noted) follow(); });
    window.addEventListener("hashchange", () => { if (location.hash !== noted) follow(); });
  }

  // --- beginning -----------------------------------------------------------------------------------

  async function begin(element) {
    chart = element;
    box = chart.closest("figure");
    await wattboard.script("data/readings.js");
    pyramid = wattboard.pyramid.opened(about);
    clock = wattboard.clockOf(about.zone);
    picture = wattboard.pictureOf(about, pyramid.levels, clock);
    await pyramid.load(pyramid.root, 0);
    view = within({ from: first(), to: last() });
    chart.readable = readable;
    chart.change = fill;
    chart.go = (change) => { const [from, to] = change["xaxis.range"].map(time); show({ from, to }); };
    chart.pyramid = pyramid;
  }

  const element = document.querySelector('[data-chart="readings"]');
  if (!element) return;
  element.prepare = () => begin(element);
  element.addEventListener("drawn", () => {
    chart.append(cursor, card);
    wire();
    chart.extent = { xaxis: [ms(first()), ms(last())] };
    chart.whole = () => show({ from: first(), to: last() });
    chart.on("plotly_relayout", () => {
      const [from, to] = wattboard.range(chart._fullLayout.xaxis).map(time);
      if (Math.abs(from - view.from) >= 1 || Math.abs(to - view.to) >= 1) show({ from, to });
      // Ticks and dots are made for a width.
      else if (chart.clientWidth !== wide) wattboard.refresh(chart);
    });
    follow();
  });
})();
