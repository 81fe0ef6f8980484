"use strict";
// The readings of the window that is followed, and columns that a chart or a table is made from. Times
// are milliseconds since 1970 (UTC). What is older than the window is let go: a page that is open for
// days holds no more than one that was opened an hour ago.
wattboard.readings = (() => {
  const { interval, window: span } = document.body.dataset;
  const WIDTH = Number(interval) * 1000, SPAN = Number(span) * 1000;
  const SLACK = 1.1;
  // The longest window that the server reads.
  const WEEK = 7 * 86_400_000;
  const EVEN = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600];
  let times = [], powers = [], means = [];
  // One text for all readings that came about the same way.
  const texts = new Map();

  // The first place whose time is not before `time`.
  function seek(time) {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  function kept(text) {
    if (!texts.has(text)) {
      if (texts.size > 100) texts.clear();
      texts.set(text, text);
    }
    return texts.get(text);
  }

  // Readings in any order; one that is known already is not taken twice.
  function take(rows) {
    for (const [time, power, how] of rows) {
      const place = times.length && time <= times.at(-1) ? seek(time) : times.length;
      if (times[place] === time) continue;
      if (place === times.length) { times.push(time); powers.push(power); means.push(kept(how)); }
      else { times.splice(place, 0, time); powers.splice(place, 0, power); means.splice(place, 0, kept(how)); }
    }
    if (times.length > (SLACK * SPAN) / WIDTH || times.at(-1) - times[0] > SLACK * SPAN) {
      const gone = seek(times.at(-1) + WIDTH - SPAN);
      times = times.slice(gone); powers = powers.slice(gone); means = means.slice(gone);
    }
  }

  // What wattboard.fill makes lines of, for a part of the window: readings, or means over as many as it
  // takes to have no more than `most`. `shift` is added to all times.
  function series(from, to, most, shift = 0) {
    const begin = Math.max(0, seek(from) - 1), end = Math.min(times.length, seek(to) + 1);
    return meansOver(Math.max(1, Math.ceil((end - begin) / most)), begin, end, shift);
  }

  // All of it in `count` rows of even times.
  const rows = (count) => meansOver(Math.max(1, Math.round(SPAN / WIDTH / count)), seek(times.at(-1) + WIDTH - SPAN), times.length, 0);

  function meansOver(several, begin, end, shift) {
    const width = several * WIDTH;
    const found = { start: [], first: new Set(), width, mean: [], low: [], high: [], count: [], means: new Set(), banded: several > 1 };
    for (let i = begin; i < end; i += 1) {
      const start = Math.floor(times[i] / width) * width + shift, last = found.start.length - 1;
      found.means.add(means[i]);
      if (found.start[last] === start) {
        found.mean[last] += powers[i];
        found.low[last] = Math.min(found.low[last], powers[i]);
        found.high[last] = Math.max(found.high[last], powers[i]);
        found.count[last] += 1;
        continue;
      }
      if (last >= 0 && start - found.start[last] > 1.5 * width) found.first.add(last + 1);
      found.start.push(start);
      for (const name of ["mean", "low", "high"]) found[name].push(powers[i]);
      found.count.push(1);
    }
    found.mean = found.mean.map((sum, i) => sum / found.count[i]);
    return found;
  }

  // A window of the recording, as the server tells it: readings, or where they are more than `most` the
  // buckets of an even width that it lies in.
  async function recorded(from, to, most, shift = 0, signal = undefined) {
    const size = WIDTH * (EVEN.find((several) => (to - from) / (several * WIDTH) <= most) ?? EVEN.at(-1));
    const end = most ? Math.ceil(to / size) * size : to;
    const begin = Math.max(most ? Math.floor(from / size) * size : from, end - WEEK, 0);
    const query = new URLSearchParams({ from_us: Math.round(begin * 1000), to_us: Math.round(end * 1000) });
    if (most) query.set("points", Math.round((end - begin) / size));
    const response = await fetch(`/api/readings?${query}`, { signal });
    const told = await response.json();
    if (!response.ok) throw new Error(told.error ?? `the server answers ${response.status}`);
    const width = (told.width_us[0] ?? 1000 * WIDTH) / 1000;
    const start = told.time_us.map((time) => time / 1000 + shift);
    const first = new Set(start.keys().filter((i) => i && start[i] - start[i - 1] > 1.5 * width));
    return {
      start, first, width, mean: told.power_w, low: told.power_low_w ?? told.power_w,
      high: told.power_high_w ?? told.power_w, count: told.readings, means: new Set(told.power_by), by: told.power_by,
      banded: "readings" in told,
    };
  }

  // The window that is followed, from the recording.
  async function fill(now) {
    const { start, mean, by } = await recorded(now - SPAN, now + WIDTH);
    take(start.map((time, i) => [time, mean[i], by[i]]));
  }

  return {
    WIDTH, SPAN, WEEK, take, series, rows, recorded, fill,
    get count() { return times.length; },
    get begin() { return times[0]; },
    get end() { return times.length ? times.at(-1) + WIDTH : undefined; },
  };
})();

// Times of the machine's zone, which need not be the reader's.
wattboard.zone = (() => {
  let name = document.body.dataset.zone;
  const form = (timeZone) => new Intl.DateTimeFormat("en-GB", {
    timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  let parts;
  try {
    parts = form(name);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    [name, parts] = ["UTC", form("UTC")];
  }
  // What is added to a time so that its UTC fields are the zone's, ms.
  function offset(time) {
    const found = Object.fromEntries(parts.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute, second } = found;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
  }
  function told(time) {
    const minutes = Math.round(offset(time) / 60000), size = Math.abs(minutes);
    const two = (value) => String(value).padStart(2, "0");
    return `UTC${minutes < 0 ? "\u2212" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  }
  const clock = (time) => new Date(time + offset(time)).toISOString().slice(11, 19);
  const moment = (time) => new Date(time + offset(time)).toISOString().slice(0, 19).replace("T", " ");
  return { get name() { return name; }, offset, told, clock, moment };
})();
