"use strict";
// The page of readings: one window over stacked panels, filled from the tiles (tiles.js). The time axis is
// true time, so that an hour that the clock repeats is drawn twice, one after the other; its ticks and
// the cursor tell the local clock of the log.
(() => {
  const MARGIN = 0.3, LEAST_US = 1000, DOTS = 240, PATIENCE_MS = 60;
  const MS = 1000, SECOND = 1e6, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const inFile = () => document.querySelector("[data-part]") !== null;
  let about, pyramid, chart, box;
  wattboard.readings = (found) => { about = found; };

  // --- the log's clock -----------------------------------------------------------------------------

  const offsetOf = (time) => (about.zone.findLast(([start]) => start <= time) ?? about.zone[0])[1];
  const pad = (value, size = 2) => String(Math.floor(value)).padStart(size, "0");
  // A UTC time on the log's clock: date, time of day to what the time has, offset.
  function clock(time, fine = 0) {
    const offset = offsetOf(time), local = time + offset;
    const seconds = Math.floor(local / SECOND), rest = local - seconds * SECOND;
    const iso = new Date(seconds * 1000).toISOString();
    const fraction = rest || fine ? `.${rest % MS ? pad(rest, 6) : pad(rest / MS, 3)}` : "";
    const size = Math.abs(offset) / MINUTE;
    return { date: iso.slice(0, 10), time: iso.slice(11, 19) + fraction, offset: `${offset < 0 ? "-" : "+"}${pad(size / 60)}:${pad(size % 60)}` };
  }
  const told = (time) => { const { date, time: at, offset } = clock(time); return `${date} ${at} (UTC${offset.replace("-", "−")})`; };
  const iso = (time) => { const { date, time: at, offset } = clock(time); return `${date}T${at}${offset}`; };

  // Up to so many decimals, without zeros at the end.
  const upTo = (value, digits) => wattboard.numbers.number(value, String(Number(value.toFixed(digits))).split(".")[1]?.length ?? 0);

  // A width in its largest whole unit, as the tables have it (format.py): an hour is 1 h and no 60 min.
  const UNITS = [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"]];
  function span(us) {
    const [size, unit] = UNITS.find(([one]) => us >= one && us % one === 0) ?? UNITS.find(([one]) => us >= 2 * one) ?? (us >= MS ? [SECOND, "s"] : [1, "µs"]);
    const rounded = Number((us / size).toPrecision(4));
    return `${upTo(rounded, 6)}\u202f${unit}`;
  }

  // --- the address: a window is START/DURATION, both as ISO 8601 writes them -------------------------

  function duration(us) {
    const days = Math.floor(us / DAY), hours = Math.floor((us % DAY) / HOUR), minutes = Math.floor((us % HOUR) / MINUTE);
    const seconds = Number(((us % MINUTE) / SECOND).toFixed(6));
    const clockPart = `${hours ? `${hours}H` : ""}${minutes ? `${minutes}M` : ""}${seconds ? `${seconds}S` : ""}`;
    return `P${days ? `${days}D` : ""}${clockPart ? `T${clockPart}` : ""}`;
  }

  function parsedDuration(text) {
    const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text);
    if (!found) return NaN;
    const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
    return (days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND) || NaN;
  }

  // With its offset from UTC; without one it is on the log's clock.
  function parsedTime(text) {
    const found = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text);
    if (!found) return NaN;
    const [, date, at = "00:00", fraction = "", zone] = found;
    const local = Date.parse(`${date}T${at}Z`) * MS + Number(fraction.padEnd(6, "0") || 0);
    if (!zone) return local - offsetOf(local - offsetOf(local));
    if (zone === "Z") return local;
    const sign = zone[0] === "-" ? -1 : 1;
    return local - sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * MINUTE;
  }

  function parsedWindow(text) {
    const [from, length] = text.split("/");
    const start = parsedTime(from);
    if (Number.isNaN(start)) return null;
    if (length === undefined) return { from: start - 2.5 * MINUTE, to: start + 2.5 * MINUTE, at: start };
    const end = length.startsWith("P") ? start + parsedDuration(length) : parsedTime(length);
    return end > start ? { from: start, to: end } : null;
  }

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
  const address = () => (isWhole() ? "" : `${iso(Math.round(view.from))}/${duration(Math.round(view.to - view.from))}`);

  // --- the window ----------------------------------------------------------------------------------

  let view, turn = 0, noted = "";
  const first = () => pyramid.first, last = () => pyramid.last;
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
    const wanted = text ? parsedWindow(text) : { from: first(), to: last() };
    const reach = wanted && wanted.to > first() && wanted.from < last();
    if (reach) show(wanted, { note: false }).then(() => { if (wanted.at !== undefined) readAt(wanted.at); });
    else show({ from: first(), to: last() }, { note: false, warn: `The address ${wanted ? "leads to a time that the log does not reach" : "names no time"}: “${text}”. This is the whole log.` });
  }

  // --- drawing -------------------------------------------------------------------------------------

  const ms = (time) => time / MS;

  // Where a column is drawn from and to in each point: the whole of it, and of a bucket in which power
  // ends or begins the part that has some.
  function edges(points, column) {
    const left = [...points.start], right = [...points.end];
    if (!ofPower(column)) return { left, right };
    const within = (time, i) => Math.min(Math.max(time, points.start[i]), points.end[i]);
    const { mean } = points.columns.power_w;
    for (let i = left.length - 1, after = null; i >= 0; i -= 1) {
      const known = !Number.isNaN(mean[i]);
      if (known && after) right[i] = within(after[0], i);
      if (points.gap[i]) left[i] = within(points.gap[i][1], i);
      if (known || points.gap[i]) after = points.gap[i];
    }
    return { left, right };
  }

  const ENERGY = "kwh";
  const ofPower = (column) => column === "power_w" || column === ENERGY;

  // Nothing was read between two points. Gaps are noted of power; of another column, only that it has
  // no values there.
  function broken(points, column, a, b) {
    if (points.start[b] - points.end[a] > about.joined_us) return true;
    if (!ofPower(column)) return false;
    for (let i = a + 1; i <= b; i += 1) if (points.gap[i]) return true;
    return false;
  }

  // The points with a value, in pieces with nothing missing between.
  function pieces(points, column, values) {
    const found = [];
    for (let i = 0, before = -1; i < values.length; i += 1) {
      if (Number.isNaN(values[i])) continue;
      if (before < 0 || broken(points, column, before, i)) found.push([]);
      found.at(-1).push(i);
      before = i;
    }
    return found;
  }

  // Arrays of a line: steps for buckets and means, straight lines from reading to reading. Energy is
  // complete at the end of each point.
  function line(points, column, values) {
    const x = [], y = [], { left, right } = edges(points, column);
    const add = (time, value) => { x.push(ms(time)); y.push(value); };
    for (const piece of pieces(points, column, values)) {
      if (x.length) add(left[piece[0]], NaN);
      if (column === ENERGY) add(left[piece[0]], points.before[piece[0]]);
      for (const i of piece) {
        if (column !== ENERGY && points.end[i] > points.start[i]) add(left[i], values[i]);
        add(right[i], values[i]);
      }
    }
    return { x: Float64Array.from(x), y: Float64Array.from(y) };
  }

  function band(points, column, { low, high }) {
    const x = [], y = [], { left, right } = edges(points, column);
    for (const piece of pieces(points, column, low)) {
      for (const i of piece) { x.push(ms(left[i]), ms(right[i])); y.push(high[i], high[i]); }
      for (const i of piece.toReversed()) { x.push(ms(right[i]), ms(left[i])); y.push(low[i], low[i]); }
      x.push(NaN); y.push(NaN);
    }
    return { x: Float64Array.from(x), y: Float64Array.from(y) };
  }

  // One that stands alone between two gaps would be no line.
  function lonely(points, column, values, seen) {
    const { left, right } = edges(points, column), inside = new Set(seen);
    return pieces(points, column, values).some(([i, ...more]) => !more.length && inside.has(i) && left[i] === right[i]);
  }

  const energyOf = (points, energy) => points.columns.power_w.mean.map((mean, i) => (Number.isNaN(mean) ? NaN : energy[i]));

  function fill({ data, layout }) {
    const points = pyramid.points(view.from, view.to, MARGIN);
    chart.points = points;
    const inside = (i) => points.end[i] >= view.from && points.start[i] <= view.to;
    const seen = points.start.map((_, i) => i).filter(inside);
    const dotted = seen.length <= DOTS;
    const ends = {};
    for (const trace of data) {
      const { column, part } = trace.meta;
      const values = points.columns[column];
      if (part === "band") {
        const plain = seen.every((i) => points.level[i] === pyramid.levels.length - 1 && !points.merge[i] && !pyramid.levels.at(-1).width_us);
        Object.assign(trace, plain ? { x: [], y: [], visible: false } : { ...band(points, column, values), visible: true });
      } else {
        const mean = column === ENERGY ? energyOf(points, points.kwh) : values.mean;
        Object.assign(trace, line(points, column, mean));
        trace.mode = dotted || lonely(points, column, mean, seen) ? "lines+markers" : "lines";
        trace.marker = { size: dotted ? 4 : 2.5, color: trace.line.color };
      }
      const [low, high] = column === ENERGY ? [points.before, points.kwh].map((one) => energyOf(points, one)) : part === "band" ? [values.low, values.high] : [values.mean, values.mean];
      const known = ends[trace.yaxis] ??= [Infinity, -Infinity];
      for (const i of seen) {
        if (low[i] < known[0]) known[0] = low[i];
        if (high[i] > known[1]) known[1] = high[i];
      }
    }
    for (const [key, [low, high]] of Object.entries(ends)) {
      const axis = layout[key.replace("y", "yaxis")];
      if (low > high) {
        Object.assign(axis, { range: [0, 1], showticklabels: false, showgrid: false });
        layout.annotations = [...(layout.annotations ?? []), { text: "not recorded in this window", xref: "paper", yref: "paper", x: 0.5, y: (axis.domain[0] + axis.domain[1]) / 2, showarrow: false, font: { size: 12 }, name: "empty" }];
        continue;
      }
      const energy = key === data.at(-1).yaxis;
      // The whole log stands on zero; what is looked at closely fills its panel.
      const floor = isWhole() && !energy ? Math.min(0, low) : low;
      const room = (high - floor) * 0.06 || Math.max(Math.abs(high) * 0.01, 0.5);
      axis.range = [floor === 0 ? 0 : floor - room, high + room];
      if (energy && high === low) axis.range = [low - 0.001, high + 0.001];
    }
    layout.xaxis.range = [ms(view.from), ms(view.to)];
    Object.assign(layout.xaxis, ticks(view.from, view.to, chart.clientWidth || 800));
    layout.shapes = [...(layout.shapes ?? []), ...changes()];
  }

  // Where the clock was changed, a line down all panels.
  function changes() {
    return about.zone.slice(1).filter(([start]) => start > view.from && start < view.to)
      .map(([start]) => ({ type: "line", xref: "x", yref: "paper", x0: ms(start), x1: ms(start), y0: 0, y1: 1, line: { width: 1, dash: "dot", color: getComputedStyle(document.documentElement).getPropertyValue("--dim").trim() } }));
  }

  const STEPS = [...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * MS), ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND), ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), ...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7, 14].map((n) => n * DAY)];
  const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 600, 1200];

  // Ticks on the log's clock, with the day below the first of each.
  function ticks(from, to, width) {
    const most = Math.max(2, Math.floor(width / 105));
    const step = STEPS.find((one) => (to - from) / one <= most);
    const at = [];
    for (let i = 0; i < about.zone.length; i += 1) {
      const [start, offset] = about.zone[i];
      const left = Math.max(from, i ? start : -Infinity), right = Math.min(to, about.zone[i + 1]?.[0] ?? Infinity);
      if (right <= left) continue;
      if (step) for (let time = Math.ceil((left + offset) / step) * step - offset; time < right; time += step) at.push(time);
      else at.push(...months(left, right, offset, MONTHS.find((one) => (to - from) / (one * 30.4 * DAY) <= most) ?? 1200));
    }
    let day = "";
    const text = at.map((time) => {
      const { date, time: now } = clock(time);
      if (!step) return date.slice(0, 7);
      if (step >= DAY) return date;
      const short = step >= MINUTE ? now.slice(0, 5) : now;
      const label = date === day ? short : `${short}<br>${date}`;
      day = date;
      return label;
    });
    return { tickmode: "array", tickvals: at.map(ms), ticktext: text, tickangle: 0 };
  }

  function months(left, right, offset, every) {
    const found = [];
    const begin = new Date((left + offset) / MS);
    for (let month = begin.getUTCFullYear() * 12 + begin.getUTCMonth(); ; month += 1) {
      const time = Date.UTC(Math.floor(month / 12), month % 12, 1) * MS - offset;
      if (time >= right) return found;
      if (time >= left && month % every === 0) found.push(time);
    }
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
    const said = sizes.map((size) => (size === 0 ? `each point is one ${mean() ? "mean of the log" : "reading"}` : `means of ${span(size)}, band: lowest to highest`));
    return said.join("; ");
  }

  function tell(warn = "") {
    const output = box.querySelector(".tools output");
    output.textContent = `${told(Math.round(view.from))} for ${span(view.to - view.from)}: ${pointsAre()}.`;
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

  const number = (value, digits = 3) => upTo(value, digits);

  function rowsAt(i) {
    const { points } = chart, { units } = chart.figure.layout.meta;
    const found = Object.entries(units).map(([name, [title, unit]]) => {
      const { mean: means, low, high } = points.columns[name];
      if (Number.isNaN(means[i])) return [title, "no reading", ""];
      const ranged = low[i] < high[i] ? `${number(low[i])} to ${number(high[i])} ${unit}` : "";
      return [title, `${number(means[i])} ${unit}`, ranged];
    });
    found.push(["Energy up to its end", `${number(points.kwh[i], 6)} kWh`, ""]);
    return found;
  }

  function headOf(i) {
    const { points } = chart;
    const from = told(Math.round(points.start[i])), width = widthOf(i);
    if (width) return `${from}, mean of ${span(width)}`;
    return from + (mean() ? `, mean of ${span(points.end[i] - points.start[i])}` : "");
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
      readAt(xaxis.p2d ? time(xaxis.p2l(x)) : 0);
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
  const time = (value) => value * MS;

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

  function csv() {
    const { points } = chart, { units } = chart.figure.layout.meta;
    const names = Object.keys(units);
    const rows = [["start", "end", ...names.flatMap((name) => [name, `${name}_low`, `${name}_high`]), "energy_kwh", "points"]];
    const cell = (value) => (Number.isNaN(value) ? "" : String(value));
    for (let i = 0; i < points.start.length; i += 1) {
      if (points.end[i] < view.from || points.start[i] > view.to) continue;
      const width = widthOf(i);
      rows.push([iso(points.start[i]), iso(points.end[i]), ...names.flatMap((name) => ["mean", "low", "high"].map((part) => cell(points.columns[name][part][i]))), cell(points.kwh[i]), width ? `mean of ${width / SECOND} s` : about.reading === "mean" ? "mean of the log" : "reading"]);
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([rows.map((row) => row.join(",")).join("\n") + "\n"], { type: "text/csv" }));
    link.download = "wattboard-readings.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function copyAddress() {
    const button = document.getElementById("copy-address");
    const at = read >= 0 ? iso(Math.round(chart.points.start[read])) : address();
    const url = location.href.split("#")[0] + (at ? `#${inFile() ? "readings?" : ""}${at}` : "");
    try {
      await navigator.clipboard.writeText(url);
      button.textContent = "Copied";
    } catch (error) {
      // A browser may keep its clipboard; the address stands in its bar as well.
      if (error.name !== "NotAllowedError" && !(error instanceof TypeError)) throw error;
      button.textContent = "Copy it from the address bar";
    }
    setTimeout(() => { button.textContent = "Copy address"; }, 2000);
  }

  function wire() {
    const go = document.getElementById("go-form");
    go.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    go.addEventListener("submit", (event) => {
      event.preventDefault();
      const wanted = parsedWindow(document.getElementById("go-time").value.trim());
      if (wanted && wanted.to > first() && wanted.from < last()) show(wanted).then(() => { if (wanted.at !== undefined) readAt(wanted.at); });
      else tell(`“${document.getElementById("go-time").value}” is no time of this log, which runs from ${told(first())} to ${told(last())}.`);
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
    const { root } = pyramid;
    pyramid.first = about.first_us;
    pyramid.last = Math.max(about.last_us, about.first_us + 1000);
    await pyramid.load(root, 0);
    const text = addressed();
    const wanted = text ? parsedWindow(text) : null;
    view = within({ from: pyramid.first, to: pyramid.last });
    chart.readable = readable;
    chart.change = fill;
    chart.go = (change) => { const [from, to] = change["xaxis.range"].map(time); show({ from, to }); };
    chart.pyramid = pyramid;
    return wanted;
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
      if (Math.abs(from - view.from) < 1 && Math.abs(to - view.to) < 1) return;
      show({ from, to });
    });
    follow();
  });
})();
