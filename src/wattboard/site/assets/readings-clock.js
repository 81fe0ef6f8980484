"use strict";
// The clock of a log: its times as text, the text of an address as times, and the ticks of an axis of
// true time. Times are µs since 1970, UTC; a zone is a list of [from, offset], both µs.
wattboard.clockOf = (zone) => {
  const MS = 1000, SECOND = 1e6, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const { number } = wattboard.numbers;

  const offsetOf = (time) => (zone.findLast(([start]) => start <= time) ?? zone[0])[1];
  const pad = (value, size = 2) => String(Math.floor(value)).padStart(size, "0");
  // A time on the log's clock: date, time of day to what the time has, offset.
  function clock(time) {
    const offset = offsetOf(time), local = time + offset;
    const seconds = Math.floor(local / SECOND), rest = local - seconds * SECOND;
    const text = new Date(seconds * 1000).toISOString();
    const fraction = rest ? `.${rest % MS ? pad(rest, 6) : pad(rest / MS, 3)}` : "";
    const size = Math.abs(offset) / MINUTE;
    return { date: text.slice(0, 10), at: text.slice(11, 19) + fraction, offset: `${offset < 0 ? "-" : "+"}${pad(size / 60)}:${pad(size % 60)}` };
  }
  const told = (time) => { const { date, at, offset } = clock(time); return `${date} ${at} (UTC${offset.replace("-", "−")})`; };
  const iso = (time) => { const { date, at, offset } = clock(time); return `${date}T${at}${offset}`; };

  // Up to so many decimals, without zeros at the end.
  const upTo = (value, digits) => number(value, String(Number(value.toFixed(digits))).split(".")[1]?.length ?? 0);

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
    const [, date, at = "00:00", fraction = "", offset] = found;
    const local = Date.parse(`${date}T${at}Z`) * MS + Number(fraction.padEnd(6, "0") || 0);
    if (!offset) return local - offsetOf(local - offsetOf(local));
    if (offset === "Z") return local;
    const sign = offset[0] === "-" ? -1 : 1;
    return local - sign * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2))) * MINUTE;
  }

  // The window that a text names, null where it names none; `at` is the moment that it is about.
  function parsedWindow(text) {
    const [from, length] = text.split("/");
    const start = parsedTime(from);
    if (Number.isNaN(start)) return null;
    if (length === undefined) return { from: start - 2.5 * MINUTE, to: start + 2.5 * MINUTE, at: start };
    const end = length.startsWith("P") ? start + parsedDuration(length) : parsedTime(length);
    return end > start ? { from: start, to: end } : null;
  }

  const named = ({ from, to }) => `${iso(Math.round(from))}/${duration(Math.round(to - from))}`;

  // --- ticks ---------------------------------------------------------------------------------------

  const STEPS = [...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((n) => n * MS), ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND), ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), ...[1, 2, 3, 6, 12].map((n) => n * HOUR), ...[1, 2, 7, 14].map((n) => n * DAY)];
  const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 600, 1200];
  // Px that a tick has, and those of half a label.
  const PX = 90, HALF = 38;

  // Ticks on the log's clock over so many px, with the day below the first of each; one whose label would
  // run out of the px that are beside the right end has none.
  function ticks({ from, to }, { width, beside }) {
    const most = Math.max(2, Math.floor(width / PX));
    const end = to - (Math.max(0, HALF - beside) / width) * (to - from);
    const step = STEPS.find((one) => (to - from) / one <= most);
    const times = [];
    for (let i = 0; i < zone.length; i += 1) {
      const [start, offset] = zone[i];
      const left = Math.max(from, i ? start : -Infinity), right = Math.min(to, zone[i + 1]?.[0] ?? Infinity);
      if (right <= left) continue;
      if (step) for (let time = Math.ceil((left + offset) / step) * step - offset; time < right; time += step) times.push(time);
      else times.push(...months(left, right, offset, MONTHS.find((one) => (to - from) / (one * 30.4 * DAY) <= most) ?? 1200));
    }
    let day = "";
    const text = times.map((time) => {
      const { date, at } = clock(time);
      if (time > end) return "";
      if (!step) return date.slice(0, 7);
      if (step >= DAY) return date;
      const short = step >= MINUTE ? at.slice(0, 5) : at;
      const label = date === day ? short : `${short}<br>${date}`;
      day = date;
      return label;
    });
    return { times, text };
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

  // When the clock was changed inside a window.
  const changes = ({ from, to }) => zone.slice(1).map(([start]) => start).filter((start) => start > from && start < to);

  return { told, iso, span, upTo, parsedWindow, named, ticks, changes };
};
