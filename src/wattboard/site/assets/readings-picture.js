"use strict";
// The picture of a window: points of the pyramid (tiles.js) -> lines, bands and axes. It knows nothing of
// where the points come from or of what the reader does. Times are µs, those of the figure ms.
wattboard.pictureOf = (about, levels, clock) => {
  const DOTS = 240, LETTER = 7, ENERGY = "kwh";
  const ms = (time) => time / 1000;
  // The gaps that are noted are those of power.
  const ofPower = (column) => column === "power_w" || column === ENERGY;

  // Where power is drawn from and to in each point: the whole of it, and of a bucket in which power ends
  // or begins the part that has some.
  function edges({ start, end, gap, columns }) {
    const left = [...start], right = [...end];
    const within = (time, i) => Math.min(Math.max(time, start[i]), end[i]);
    const { mean } = columns.power_w;
    for (let i = left.length - 1, after = null; i >= 0; i -= 1) {
      const known = !Number.isNaN(mean[i]);
      if (known && after) right[i] = within(after[0], i);
      if (gap[i]) left[i] = within(gap[i][1], i);
      if (known || gap[i]) after = gap[i];
    }
    return { left, right };
  }

  // How points are cut: the edges of each, and how many gaps are noted up to it; of other columns, only
  // that they have no values.
  function cuts(points) {
    let count = 0;
    const noted = points.gap.map((gap) => (count += gap ? 1 : 0));
    const none = noted.map(() => 0);
    return { points, power: { ...edges(points), noted }, others: { left: points.start, right: points.end, noted: none } };
  }

  // The points with a value, in pieces between which nothing was read: a list of [first, end] in `at`.
  function pieces({ points, ...cut }, column, values) {
    const { left, right, noted } = cut[ofPower(column) ? "power" : "others"];
    const at = [], pieces = [];
    for (let i = 0, before = -1; i < values.length; i += 1) {
      if (Number.isNaN(values[i])) continue;
      if (before < 0 || points.start[i] - points.end[before] > about.joined_us || noted[i] !== noted[before]) pieces.push([at.length, 0]);
      at.push(i);
      pieces.at(-1)[1] = at.length;
      before = i;
    }
    return { left, right, at, pieces };
  }

  // A line: steps for buckets and means, straight from reading to reading, open between pieces. Energy
  // is complete at the end of each point.
  function line(points, column, values, { left, right, at, pieces }) {
    const x = [], y = [], { start, end, before } = points;
    const add = (time, value) => { x.push(ms(time)); y.push(value); };
    for (const [first, last] of pieces) {
      if (x.length) add(left[at[first]], NaN);
      if (column === ENERGY) add(left[at[first]], before[at[first]]);
      for (let k = first; k < last; k += 1) {
        const i = at[k];
        if (column !== ENERGY && end[i] > start[i]) add(left[i], values[i]);
        add(right[i], values[i]);
      }
    }
    return { x: Float64Array.from(x), y: Float64Array.from(y) };
  }

  function band({ low, high }, { left, right, at, pieces }) {
    const x = [], y = [];
    for (const [first, last] of pieces) {
      for (let k = first; k < last; k += 1) { const i = at[k]; x.push(ms(left[i]), ms(right[i])); y.push(high[i], high[i]); }
      for (let k = last - 1; k >= first; k -= 1) { const i = at[k]; x.push(ms(right[i]), ms(left[i])); y.push(low[i], low[i]); }
      x.push(NaN); y.push(NaN);
    }
    return { x: Float64Array.from(x), y: Float64Array.from(y) };
  }

  // The two points whose line runs through a window that no point is in.
  function across({ left, right, at, pieces }, view) {
    for (const [first, last] of pieces)
      for (let k = first + 1; k < last; k += 1) if (right[at[k - 1]] < view.from && left[at[k]] > view.to) return [at[k - 1], at[k]];
    return [];
  }

  // The points that a dot is set on: all where there is room, else those that stand alone between two
  // gaps and would be no line.
  function dotsOf({ left, right, at, pieces }, values, view, all) {
    const found = [];
    const add = (time, value) => { if (time >= view.from && time <= view.to) found.push([ms(time), value]); };
    for (const [first, last] of pieces) {
      if (!all && (last - first > 1 || left[at[first]] !== right[at[first]])) continue;
      for (let k = first; k < last; k += 1) {
        const i = at[k];
        add(right[i], values[i]);
        if (left[i] !== right[i]) add(left[i], values[i]);
      }
    }
    return found;
  }

  // Dots are one outline: as markers each would be an element, and most of a step's time. A dot is an
  // octagon of so many units of both axes.
  const CORNERS = Array.from({ length: 8 }, (_, i) => [Math.cos(((2 * i + 1) * Math.PI) / 8), Math.sin(((2 * i + 1) * Math.PI) / 8)]);
  function outlines(dots, wide, high) {
    const x = new Float64Array(dots.length * 9), y = new Float64Array(dots.length * 9).fill(NaN);
    dots.forEach(([time, value], place) => {
      CORNERS.forEach(([right, up], corner) => { x[place * 9 + corner] = time + right * wide; y[place * 9 + corner] = value + up * high; });
      x[place * 9 + 8] = time;
    });
    return { x, y };
  }

  const energyOf = (points, energy) => points.columns.power_w.mean.map((mean, i) => (Number.isNaN(mean) ? NaN : energy[i]));

  // Fills a figure with the points of a window. `whole` says that the window is that of the whole log,
  // `width` how many px the chart is wide, `narrow` that this is a phone.
  function fill({ data, layout }, points, view, { whole, width, narrow }) {
    if (narrow) closer(layout);
    const finest = levels.length - 1;
    const seen = points.start.map((_, i) => i).filter((i) => points.end[i] >= view.from && points.start[i] <= view.to);
    const dotted = seen.length <= DOTS, cut = cuts(points), { l, r, t, b } = layout.margin;
    // A band around single readings would be their line.
    const plain = !levels[finest].width_us && seen.every((i) => points.level[i] === finest && !points.merge[i]);
    const ends = {}, dots = [];
    for (const trace of data) {
      const { column, part } = trace.meta;
      const energy = column === ENERGY;
      const values = energy ? { mean: energyOf(points, points.kwh), low: energyOf(points, points.before) } : points.columns[column];
      if (part === "band") {
        Object.assign(trace, plain ? { x: [], y: [], visible: false } : { ...band(values, pieces(cut, column, values.low)), visible: true });
      } else {
        const cutting = pieces(cut, column, values.mean);
        Object.assign(trace, line(points, column, values.mean, cutting));
        trace.mode = "lines";
        dots.push([trace, dotsOf(cutting, values.mean, view, dotted)]);
      }
      const low = energy || part === "band" ? values.low : values.mean, high = part === "band" ? values.high : values.mean;
      const known = ends[trace.yaxis] ??= [Infinity, -Infinity];
      const shown = seen.some((i) => !Number.isNaN(low[i])) ? seen : across(pieces(cut, column, low), view);
      for (const i of shown) {
        if (low[i] < known[0]) known[0] = low[i];
        if (high[i] > known[1]) known[1] = high[i];
      }
    }
    const last = data.at(-1).yaxis;
    for (const [key, found] of Object.entries(ends)) scale(layout, key, found, { whole, energy: key === last });
    const perPx = (view.to - view.from) / (width - l - r), radius = dotted ? 2 : 1.25;
    for (const [{ meta, yaxis, line: { color } }, found] of dots) {
      if (!found.length) continue;
      const { range: [low, high], domain: [from, to] } = layout[yaxis.replace("y", "yaxis")];
      const tall = (layout.height - t - b) * (to - from);
      data.push({ type: "scatter", yaxis, mode: "none", fill: "toself", fillcolor: color, hoverinfo: "skip", meta: { ...meta, part: "dots" }, ...outlines(found, ms(perPx) * radius, ((high - low) / tall) * radius) });
    }
    const { times, text } = clock.ticks(view, { width: width - l - r, beside: r });
    Object.assign(layout.xaxis, { range: [ms(view.from), ms(view.to)], tickmode: "array", tickvals: times.map(ms), ticktext: text, tickangle: 0 });
    layout.shapes = [...(layout.shapes ?? []), ...clock.changes(view).map(change)];
  }

  // The labels above a panel stand in a row, with a stroke of colour before each: on a phone closer.
  const CLOSE = 0.84;
  function closer({ annotations, shapes }) {
    for (const one of annotations) if (one.name === "panel") { one.font = { ...one.font, size: 11 }; one.xshift *= CLOSE; }
    for (const one of shapes) if (one.xsizemode === "pixel") { one.x0 *= CLOSE; one.x1 *= CLOSE; }
  }

  // The range of a panel whose values run from `low` to `high`.
  function scale(layout, key, [low, high], { whole, energy }) {
    const axis = layout[key.replace("y", "yaxis")];
    if (low > high) {
      Object.assign(axis, { range: [0, 1], showticklabels: false, showgrid: false });
      layout.annotations = [...(layout.annotations ?? []), { text: "not recorded in this window", xref: "paper", yref: "paper", x: 0.5, y: (axis.domain[0] + axis.domain[1]) / 2, showarrow: false, font: { size: 12 }, name: "empty" }];
      return;
    }
    // The whole log stands on zero; what is looked at closely fills its panel.
    const floor = whole && !energy ? Math.min(0, low) : low;
    const room = (high - floor) * 0.06 || Math.max(Math.abs(high) * 0.01, 0.5);
    axis.range = [floor === 0 ? 0 : floor - room, high + room];
    if (energy && high === low) axis.range = [low - 0.001, high + 0.001];
    // A sum that has grown for months is told to the mWh in a window of seconds: that is too long for the
    // margin, and stands inside.
    const [from, to] = axis.range, decimals = Math.max(0, Math.ceil(-Math.log10((to - from) / axis.nticks)));
    if ((Math.max(Math.abs(from), Math.abs(to)).toFixed(decimals).length + 2) * LETTER > layout.margin.l) axis.ticklabelposition = "inside top";
  }

  // Where the clock was changed, a line down all panels.
  const change = (time) => ({ type: "line", xref: "x", yref: "paper", x0: ms(time), x1: ms(time), y0: 0, y1: 1, line: { width: 1, dash: "dot", color: getComputedStyle(document.documentElement).getPropertyValue("--dim").trim() } });

  return { fill };
};
