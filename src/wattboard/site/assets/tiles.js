"use strict";
// The pyramid of readings: which tiles a window needs, loading, unpacking and forgetting them, and the
// finest points that are there for every stretch of time. Tiles are scripts that call wattboard.tile.
wattboard.pyramid = (() => {
  const FULL = 16384, MOST = 4096, POINTS = 700, KEPT = 96, AHEAD = 1;
  const KWH_US_W = 3.6e12;
  // Widths of merged points that read well, µs.
  const NICE = [1, 2, 5, 10, 20, 50, 100, 200, 500].flatMap((n) => [n, n * 1000]).concat(
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2419200, 4838400, 24192000].map((s) => s * 1e6),
  ).sort((a, b) => a - b);
  const arrived = new Map();
  wattboard.tile = (name, header, text) => arrived.set(name, { header, text });

  // --- unpacking -----------------------------------------------------------------------------------

  // Five characters for four bytes; the first tells how many fill the end (tiles/encoding.py).
  const PLACE = new Uint8Array(128);
  [..."!#$%()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcdefghijklmnopqrstuvwxyz{|}~"].slice(0, 85).forEach((char, i) => { PLACE[char.charCodeAt(0)] = i; });
  function bytesOf(text) {
    const words = (text.length - 1) / 5, bytes = new Uint8Array(words * 4);
    for (let i = 0, at = 1; i < words; i += 1, at += 5) {
      let word = 0;
      for (let j = 0; j < 5; j += 1) word = word * 85 + PLACE[text.charCodeAt(at + j)];
      bytes[4 * i] = word >>> 24; bytes[4 * i + 1] = word >>> 16; bytes[4 * i + 2] = word >>> 8; bytes[4 * i + 3] = word;
    }
    return bytes.subarray(0, bytes.length - Number(text[0]));
  }

  async function inflated(text) {
    const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function numbers(bytes, at, mode, width, count, first) {
    const out = new Float64Array(count);
    const inner = mode === "d" ? count - 1 : count;
    let sum = first;
    if (mode === "d") out[0] = first;
    for (let i = 0; i < inner; i += 1) {
      let packed = bytes[at + i];
      for (let place = 1, scale = 256; place < width; place += 1, scale *= 256) packed += bytes[at + place * inner + i] * scale;
      if (mode === "o") { out[i] = first + packed; continue; }
      const half = Math.floor(packed / 2);
      sum += packed - half * 2 ? -half - 1 : half;
      out[i + 1] = sum;
    }
    return out;
  }

  // Streams by name: whole numbers, and flags of the rows that have a value.
  function streams(header, bytes) {
    const found = {};
    let at = 0;
    for (const [name, [mode, width, count, first, step]] of Object.entries(header.streams)) {
      if (mode === "b") {
        const there = new Uint8Array(count);
        for (let i = 0; i < count; i += 1) there[i] = (bytes[at + (i >> 3)] >> (i & 7)) & 1;
        found[name] = there;
        at += (count + 7) >> 3;
        continue;
      }
      found[name] = numbers(bytes, at, mode, width, count, first);
      if (step) found[name].step = step;
      at += width * (mode === "d" ? count - 1 : count);
    }
    return found;
  }

  const whole = (found, name) => {
    const base = found[name], between = found[`${name}+`];
    if (!base) return undefined;
    return base.map((value, i) => value * base.step + (between ? between[i] : 0));
  };

  // Thousandths of the rows that have a value -> the values of all rows; NaN is missing.
  function spread(values, there, count) {
    const out = new Float64Array(count).fill(NaN);
    if (!values) return out;
    let next = 0;
    for (let i = 0; i < count; i += 1) if (!there || there[i]) { out[i] = values[next] / 1000; next += 1; }
    return out;
  }

  // A tile as arrays of its rows: start and end (µs), weight (µs), of each column mean, low and high
  // and how many readings, the energy at its end (kWh), and the gaps before it.
  function unpacked(about, level, { header, bytes }) {
    const found = streams(header, bytes);
    const { columns, joined_us: joined } = about;
    const step = header.step_us;
    const n = (found.time ?? found.number).length;
    const tile = { n, start: new Float64Array(n), end: new Float64Array(n), weight: found.weight.map((value) => (value * step) / 2), columns: {}, gaps: new Map(), single: !level.width_us, kwh_before: header.kwh };
    for (const name of columns) {
      const there = found[`${name}?`];
      if (tile.single) {
        const mean = spread(whole(found, name), there, n);
        tile.columns[name] = { mean, low: mean, high: mean, count: undefined };
        continue;
      }
      const mean = spread(found[name], there, n);
      const low = whole(found, `${name}.low`), high = whole(found, `${name}.high`);
      const base = found[name], about_low = header.streams[`${name}.low`];
      // Distances are from the meter's step at or below the mean.
      const level_of = (value) => Math.floor(value / about_low[5]) * about_low[5];
      tile.columns[name] = {
        mean,
        low: spread(base?.map((value, i) => level_of(value) - low[i]), there, n),
        high: spread(base?.map((value, i) => level_of(value) + high[i]), there, n),
        count: found[`${name}#`] ?? found.count,
      };
    }
    if (tile.single) {
      const own = found.width?.map((value) => value * found.width.step);
      for (let i = 0; i < n; i += 1) {
        tile.start[i] = found.time[i] * step;
        tile.end[i] = tile.start[i] + (own ? own[i] : about.width_us);
      }
    } else {
      for (let i = 0; i < n; i += 1) {
        tile.start[i] = found.number[i] * level.width_us + about.origin_us;
        tile.end[i] = tile.start[i] + level.width_us;
      }
      found.gap?.forEach((row, i) => tile.gaps.set(row, [found["gap.from"][i], found["gap.to"][i]]));
    }
    tile.kwh = new Float64Array(n);
    const { mean } = tile.columns.power_w;
    let sum = header.kwh;
    let before = -Infinity;
    for (let i = 0; i < n; i += 1) {
      if (!Number.isNaN(mean[i])) {
        sum += (mean[i] * tile.weight[i]) / KWH_US_W;
        if (tile.single) {
          if (before > -Infinity && tile.start[i] - before > joined) tile.gaps.set(i, [before, tile.start[i]]);
          before = tile.end[i];
          tile.closes = before;
          tile.opens ??= [i, tile.start[i]];
        }
      }
      tile.kwh[i] = sum;
    }
    return tile;
  }

  // --- loading and forgetting ----------------------------------------------------------------------

  // At most `kept` tiles are held.
  function opened(about, kept = KEPT) {
    const levels = about.levels.map((level, place) => ({ ...level, place, first: level.tiles.map((t) => t[0]), last: level.tiles.map((t) => t[1]) }));
    const held = new Map(), coming = new Map();
    let clock = 0;
    const root = levels[0];
    // What has just come is in use before it is drawn: else it would be the first to be forgotten.
    const used = (tile) => { clock += 1; tile.used = clock; return tile; };

    // The tiles of a level that a window touches: from and to, the latter excluded.
    function touched(level, from, to) {
      let low = 0, high = level.last.length;
      while (low < high) { const middle = (low + high) >> 1; if (level.last[middle] <= from) low = middle + 1; else high = middle; }
      let end = low;
      while (end < level.first.length && level.first[end] < to) end += 1;
      return [low, end];
    }

    function load(level, number) {
      const name = `${level.name}/${number}`;
      const there = held.get(name);
      if (there) return used(there);
      if (!coming.has(name)) {
        const task = (async () => {
          try {
            const source = `tiles/${name}.js`;
            await wattboard.script(source);
            const { header, text } = arrived.get(name);
            arrived.delete(name);
            const tile = unpacked(about, level, { header, bytes: await inflated(text) });
            held.set(name, used(tile));
            return tile;
          } finally { coming.delete(name); }
        })();
        coming.set(name, task);
      }
      return coming.get(name);
    }

    // The level whose points a window is drawn with when everything has come.
    function levelOf(from, to) {
      const span = to - from;
      return levels.findLast((level) => span / (level.width_us || about.step_us || 1) <= (level.width_us ? MOST : FULL)) ?? root;
    }

    // What a window is drawn from: as far beside it as a line may come from or lead to, and whole slots.
    function reach(level, from, to) {
      const beside = Math.max(about.joined_us, level.width_us) + merged(level, to - from);
      return [from - beside, to + beside];
    }

    // Loads what a window needs; tells each time that something has come.
    async function want(from, to, told) {
      const level = levelOf(from, to);
      const [begin, end] = touched(level, ...reach(level, from, to));
      const tasks = [];
      for (let i = begin; i < end; i += 1) {
        const name = `${level.name}/${i}`;
        if (held.has(name)) used(held.get(name)); else tasks.push(load(level, i).then(() => told()));
      }
      await Promise.all(tasks);
      forget();
      return level;
    }

    // The tiles beside a window and, of the next finer level, those in its middle.
    async function ahead(from, to) {
      const level = levelOf(from, to);
      const [begin, end] = touched(level, from, to);
      for (let i = Math.max(0, begin - AHEAD); i < Math.min(level.first.length, end + AHEAD); i += 1) await load(level, i);
      const finer = levels[level.place + 1];
      if (finer) {
        const middle = (from + to) / 2;
        const [first, last] = touched(finer, middle - (to - from) / 4, middle + (to - from) / 4);
        if (last - first <= 4) for (let i = first; i < last; i += 1) await load(finer, i);
      }
      forget();
    }

    // The ones that were looked at last are kept, and the root.
    function forget() {
      if (held.size <= kept) return;
      const old = [...held].filter(([name]) => name !== `${root.name}/0`).sort(([, a], [, b]) => a.used - b.used);
      for (const [name] of old.slice(0, held.size - kept)) held.delete(name);
    }

    // The finest pieces that are there, in order: [tile, first row, end row, level, from, to]. What stands in
    // for a tile that has not come is cut where that tile begins and ends.
    function pieces(level, from, to, low = -Infinity, high = Infinity) {
      const [begin, end] = touched(level, from, to);
      const found = [];
      for (let i = begin; i < end; i += 1) {
        const tile = held.get(`${level.name}/${i}`);
        if (tile) {
          used(tile);
          const [a, b] = rows(tile, from, to);
          if (b > a) found.push([tile, a, b, level, low, high]);
        } else if (level.place > 0) {
          const above = levels[level.place - 1], width = above.width_us;
          const slot = (time, round) => round((time - about.origin_us) / width) * width + about.origin_us;
          const left = Math.max(low, slot(level.first[i], Math.floor)), right = Math.min(high, slot(level.last[i], Math.ceil));
          found.push(...pieces(above, Math.max(from, left), Math.min(to, right), left, right));
        }
      }
      return found;
    }

    function rows(tile, from, to) {
      let low = 0, high = tile.n;
      while (low < high) { const middle = (low + high) >> 1; if (tile.end[middle] <= from && !(tile.single && tile.end[middle] === from)) low = middle + 1; else high = middle; }
      let end = low, top = tile.n;
      while (end < top) { const middle = (end + top) >> 1; if (tile.start[middle] < to) end = middle + 1; else top = middle; }
      return [low, end];
    }

    // The width to which points of a level are merged in a window of so much time; 0: as they are.
    function merged(level, span) {
      const step = level.width_us || about.step_us || 1;
      if (span / step <= POINTS * 1.4) return 0;
      const least = span / POINTS;
      if (!level.width_us) return NICE.find((width) => width >= least) ?? least;
      return NICE.find((width) => width >= least && width % level.width_us === 0) ?? Math.ceil(least / level.width_us) * level.width_us;
    }

    // Points of a window and beside it: arrays of start, end, the energy at both (`before`, `kwh`), and of each column
    // mean, low and high; `gap` of a point is [from, to] where no power was read before it, `merge` the
    // width of the slots that points are merged to, `count` how many of the level one is made of.
    function points(from, to) {
      const span = to - from, level = levelOf(from, to);
      const out = { start: [], end: [], before: [], kwh: [], gap: [], level: [], merge: [], count: [], columns: Object.fromEntries(about.columns.map((name) => [name, { mean: [], low: [], high: [] }])) };
      let last;
      for (const [tile, a, b, from_level, low, high] of pieces(level, ...reach(level, from, to))) {
        add(out, tile, a, b, from_level, merged(from_level, span), last, low, high);
        last = tile;
      }
      out.complete = out.level.every((place) => place === level.place);
      return out;
    }

    function add(out, tile, a, b, level, width, last, first_us, last_us) {
      const names = about.columns;
      let i = a;
      while (i < b) {
        let j = i + 1;
        if (width) {
          const slot = Math.floor((tile.start[i] - about.origin_us) / width);
          while (j < b && Math.floor((tile.start[j] - about.origin_us) / width) === slot) j += 1;
        }
        let gap = null;
        for (let k = i; k < j && !gap; k += 1) if (tile.gaps.has(k)) { const found = tile.gaps.get(k); if (k === i || !hasPower(tile, i, k)) gap = found; }
        // Between two tiles of readings nobody has noted a gap.
        if (tile.single && tile.opens && i <= tile.opens[0] && tile.opens[0] < j && last?.single && last !== tile && tile.opens[1] - last.closes > about.joined_us) gap = [last.closes, tile.opens[1]];
        const single = j - i === 1;
        out.start.push(Math.max(first_us, tile.start[i]));
        out.end.push(Math.min(last_us, tile.end[j - 1]));
        out.before.push(i ? tile.kwh[i - 1] : tile.kwh_before);
        out.kwh.push(tile.kwh[j - 1]);
        out.gap.push(gap);
        out.level.push(level.place);
        out.merge.push(width);
        out.count.push(j - i);
        let weight = 0;
        for (let k = i; k < j; k += 1) weight += tile.weight[k];
        for (const name of names) {
          const { mean, low, high, count } = tile.columns[name], into = out.columns[name];
          if (single) { into.mean.push(mean[i]); into.low.push(low[i]); into.high.push(high[i]); continue; }
          const timed = name === "power_w" && weight > 0;
          let sum = 0, total = 0, least = Infinity, most = -Infinity;
          for (let k = i; k < j; k += 1) {
            if (Number.isNaN(mean[k])) continue;
            const part = timed ? tile.weight[k] : count ? count[k] : 1;
            sum += mean[k] * part; total += part;
            if (low[k] < least) least = low[k];
            if (high[k] > most) most = high[k];
          }
          into.mean.push(total ? sum / total : NaN);
          into.low.push(total ? least : NaN);
          into.high.push(total ? most : NaN);
        }
        i = j;
      }
    }

    function hasPower(tile, i, k) {
      for (let at = i; at < k; at += 1) if (!Number.isNaN(tile.columns.power_w.mean[at])) return true;
      return false;
    }

    return { about, levels, held, load, want, ahead, points, levelOf, root };
  }

  return { opened };
})();
