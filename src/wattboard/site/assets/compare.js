"use strict";
// Two hosts or two periods side by side. The arithmetic is that of analysis/fleet/compared.py, which says
// where it comes from; a test holds the two together.
(() => {
  const LEAST_COVERED = 0.5, FEWEST = 5, LEAST_WORTH = 4, HIGHEST_MEMORY = 0.97, PAIRED_SHARE = 0.8, ROUNDING = 1e-9;
  const NORMAL_975 = 1.959963984540054;
  const sum = (values) => values.reduce((total, value) => total + value, 0);

  function tQuantile(n) {
    if (n < 2) return 12.706204736432095;
    const a = 1 / (n - 0.5), b = 48 / a ** 2;
    let c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
    const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt(a * Math.PI / 2) * n;
    let y = (d * 0.05) ** (2 / n);
    if (y > 0.05 + a) {
      const x = -NORMAL_975;
      y = x ** 2;
      if (n < 5) c += 0.3 * (n - 4.5) * (x + 0.6);
      c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
      y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
      y = Math.exp(a * y ** 2) - 1;
    } else {
      y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (n + 2) + 1 / y;
    }
    return Math.sqrt(n * y);
  }

  function memoryOf(values) {
    const n = values.length, mean = sum(values) / n;
    const off = values.map((value) => value - mean);
    const spread = sum(off.map((one) => one * one));
    const found = spread ? sum(off.slice(1).map((one, i) => one * off[i])) / spread : 0;
    return Math.min(Math.max((found * n + 1) / (n - 3), 0), HIGHEST_MEMORY);
  }

  function meanOf(values, leastMemory = 0) {
    const n = values.length;
    if (!n) return { value: null, variance: 0, freedom: 0 };
    const mean = sum(values) / n;
    if (n < FEWEST) return { value: mean, variance: 0, freedom: 0 };
    const off = values.map((value) => value - mean);
    const spread = sum(off.map((one) => one * one));
    if (spread <= (ROUNDING * Math.abs(mean)) ** 2 * n) return { value: mean, variance: 0, freedom: n - 1 };
    const memory = Math.max(memoryOf(values), leastMemory);
    const left = off.slice(1).map((one, i) => one - memory * off[i]);
    const lags = Math.min(Math.floor(4 * (n / 100) ** (2 / 9)), n - 2);
    const own = sum(left.map((one) => one * one)) / (n - 1);
    let longRun = own;
    for (let lag = 1; lag <= lags; lag += 1) {
      longRun += 2 * (1 - lag / (lags + 1)) * sum(left.slice(lag).map((one, i) => one * left[i])) / (n - 1);
    }
    longRun = Math.max(longRun, own) * n / (n - 2);
    const worth = n * (1 - memory) / (1 + memory);
    return { value: mean, variance: longRun / (1 - memory) ** 2 / n, freedom: worth >= LEAST_WORTH && memory < HIGHEST_MEMORY ? worth - 1 : 0 };
  }

  function slopeOf(blocks, places) {
    const moved = places.map((i) => [blocks.sxx[i], blocks.sxy[i]]).filter(([x, y]) => x !== null && y !== null && x > 0);
    const n = moved.length, total = sum(moved.map(([x]) => x));
    if (n < FEWEST) return { value: null, variance: 0, freedom: 0 };
    const value = sum(moved.map(([, y]) => y)) / total;
    const { variance, freedom } = meanOf(moved.map(([x, y]) => y - value * x), memoryOf(moved.map(([x, y]) => y / x)));
    return { value, variance: variance * (n / total) ** 2, freedom };
  }

  function welch(one, two) {
    const variance = one.variance + two.variance;
    if (!one.freedom || !two.freedom) return [variance, 0];
    if (!variance) return [0, Math.min(one.freedom, two.freedom)];
    return [variance, Math.max(variance ** 2 / (one.variance ** 2 / one.freedom + two.variance ** 2 / two.freedom), 1)];
  }

  function judged(measure, one, two, [variance, freedom]) {
    const a = one.value, b = two.value;
    const found = { measure, a, b, difference: a === null || b === null ? null : b - a, low: null, high: null, verdict: "untold" };
    if (found.difference === null || !freedom) return found;
    const half = tQuantile(freedom) * Math.sqrt(variance);
    const least = half + ROUNDING * Math.max(Math.abs(a), Math.abs(b));
    return { ...found, low: found.difference - half, high: found.difference + half, verdict: Math.abs(found.difference) > least ? "more" : "noise" };
  }

  const MEASURES = [["mean_w", "mean_w", 1], ["energy_a_day_kwh", "mean_w", 0.024], ["idle_share", "idle_share", 1], ["cpu_pct", "cpu_pct", 1]];

  // `a` and `b` are {blocks, first, last}.
  function compare(a, b) {
    const usable = ({ blocks, first, last }) => {
      const inside = [...blocks.block.keys()].filter((i) => first <= blocks.block[i] && blocks.block[i] <= last);
      const kept = inside.filter((i) => blocks.covered_share[i] >= LEAST_COVERED);
      return [kept, inside.length - kept.length];
    };
    let [inA, asideA] = usable(a), [inB, asideB] = usable(b);
    const atB = new Map(inB.map((i) => [b.blocks.block[i], i]));
    const common = inA.filter((i) => atB.has(a.blocks.block[i]));
    const least = Math.min(inA.length, inB.length);
    const paired = least > 0 && common.length >= PAIRED_SHARE * least;
    if (paired) { inA = common; inB = common.map((i) => atB.get(a.blocks.block[i])); }
    const rows = MEASURES.map(([measure, name, factor]) => {
      const values = (blocks, places) => places.map((i) => (blocks[name][i] === null ? null : blocks[name][i] * factor));
      const [x, y] = [values(a.blocks, inA), values(b.blocks, inB)];
      const known = (list) => list.filter((value) => value !== null);
      if (!paired) {
        const [one, two] = [meanOf(known(x)), meanOf(known(y))];
        return judged(measure, one, two, welch(one, two));
      }
      const both = [...x.keys()].filter((i) => x[i] !== null && y[i] !== null);
      const apart = meanOf(both.map((i) => y[i] - x[i]));
      return judged(measure, meanOf(both.map((i) => x[i])), meanOf(both.map((i) => y[i])), [apart.variance, apart.freedom]);
    });
    const [one, two] = [slopeOf(a.blocks, inA), slopeOf(b.blocks, inB)];
    rows.push(judged("w_per_pct", one, two, welch(one, two)));
    return { paired, set_aside: asideA + asideB, a_blocks: inA.length, b_blocks: inB.length, rows };
  }
  wattboard.compare = { compare, meanOf, tQuantile };

  // --- the page ------------------------------------------------------------------------------------

  const section = document.querySelector("#compare");
  if (!section) return;
  const { number } = wattboard.numbers;
  const VERDICTS = { more: "more than noise", noise: "no more than noise", untold: "cannot be told" };
  const FACTORS = { idle_share: 100 };
  const DIGITS = { mean_w: 1, energy_a_day_kwh: 3, idle_share: 1, cpu_pct: 1, w_per_pct: 2 };
  let index, turn = 0;
  const pieces = new Map();

  const of = (side, name) => section.querySelector(`[data-side="${side}"][data-of="${name}"]`);
  const hourly = () => index.block_s === 3600;
  const text = (block) => new Date(block * index.block_s * 1000).toISOString().slice(0, hourly() ? 16 : 10);
  const named = (host) => host || "(no name)";
  const entry = (side) => {
    const field = of(side, "host");
    if (!field) return index.hosts[0];
    const name = field.value.trim();
    return index.hosts.find(([host]) => named(host) === name) ?? index.hosts.find(([host]) => named(host).toLowerCase() === name.toLowerCase());
  };

  async function blocks([host, piece]) {
    if (!pieces.has(piece)) pieces.set(piece, await wattboard.get("table", `compared-${piece}`, `data/compared/${piece}.js`));
    return pieces.get(piece).find((one) => one.host === host);
  }

  function period(side) {
    const [from, to] = ["from", "to"].map((name) => Date.parse(`${of(side, name).value}Z`.replace(/^(\d{4}-\d\d-\d\d)Z$/, "$1T00:00Z")));
    return Number.isFinite(from) && Number.isFinite(to) ? [from, to].map((at) => Math.floor(at / 1000 / index.block_s)) : undefined;
  }

  function say(words) { section.querySelector("[data-controls] output").textContent = words; }

  async function update() {
    const mine = (turn += 1);
    const [one, two] = [entry("a"), entry("b")];
    if (!one || !two) { say(`no host that can be compared is called so: ${of(one ? "b" : "a", "host").value}`); return; }
    const [first, second] = [period("a"), period("b")];
    if (!first || !second) { say("Give both periods"); return; }
    if (first[0] > first[1] || second[0] > second[1]) { say("A period ends before it begins"); return; }
    if (one === two && first[0] <= second[1] && second[0] <= first[1]) { say("The periods of one host overlap: there is nothing to tell apart"); return; }
    const [a, b] = [await blocks(one), await blocks(two)];
    if (mine !== turn) return;
    const found = compare({ blocks: a, first: first[0], last: first[1] }, { blocks: b, first: second[0], last: second[1] });
    const unit = hourly() ? ["hour", "hours"] : ["day", "days"];
    const many = (count) => `${count.toLocaleString("en-US")} ${unit[count === 1 ? 0 : 1]}`;
    const aside = found.set_aside ? `; ${many(found.set_aside)} with under half covered set aside` : "";
    say(found.paired ? `${many(found.a_blocks)} that both have, ${unit[0]} by ${unit[0]}${aside}` : `${many(found.a_blocks)} against ${many(found.b_blocks)}${aside}`);
    for (const row of found.rows) show(row);
    ["a", "b"].forEach((side, i) => {
      const [from, to] = [first, second][i].map(text);
      const host = of(side, "host") ? `${named([one, two][i][0])}, ` : "";
      section.querySelector(`[data-head="${side}"]`).textContent = `${side.toUpperCase()}: ${host}${from.replace("T", " ")} to ${to.replace("T", " ")}`;
    });
  }

  function show(row) {
    const line = section.querySelector(`[data-measure="${row.measure}"]`);
    const factor = FACTORS[row.measure] ?? 1, digits = DIGITS[row.measure];
    const told = (value) => (value === null ? "unknown" : number(value * factor, digits));
    const signed = (value) => (value > 0 ? `+${told(value)}` : told(value));
    const cells = line.querySelectorAll("td");
    cells[0].textContent = told(row.a);
    cells[1].textContent = told(row.b);
    cells[2].textContent = row.difference === null ? "unknown" : signed(row.difference);
    cells[3].textContent = row.low === null ? "unknown" : `${signed(row.low)} to ${signed(row.high)}`;
    cells[4].textContent = VERDICTS[row.verdict];
    [row.a, row.b, row.difference, row.low].forEach((value, i) => cells[i].classList.toggle("unknown", value === null));
    cells[4].classList.toggle("mark", row.verdict === "more");
  }

  // The field's own way to take a time, and no time outside of what there is.
  function fit(side, whole) {
    const host = entry(side);
    if (!host) return;
    const [, , first, last] = host;
    for (const name of ["from", "to"]) {
      const field = of(side, name);
      field.min = text(first);
      field.max = text(last);
      if (whole) field.value = text(name === "from" ? first : last);
    }
  }

  async function start() {
    index = await wattboard.get("table", "compared", "data/compared.js");
    const box = wattboard.controls("compare");
    const list = section.querySelector("datalist");
    list?.replaceChildren(...index.hosts.map(([host]) => new Option(named(host), named(host))));
    for (const side of ["a", "b"]) {
      fit(side, false);
      of(side, "host")?.addEventListener("change", () => fit(side, true));
    }
    box.addEventListener("change", update);
    box.querySelector("[data-swap]").addEventListener("click", () => {
      for (const name of ["host", "from", "to"]) {
        const [one, two] = [of("a", name), of("b", name)];
        if (one) [one.value, two.value] = [two.value, one.value];
      }
      update();
    });
    await update();
  }

  new IntersectionObserver((entries, self) => {
    if (entries.some((seen) => seen.isIntersecting)) { self.disconnect(); start(); }
  }, { rootMargin: "300px" }).observe(section);
})();
