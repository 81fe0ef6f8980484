"use strict";
// The calculator: the arithmetic of `wattboard estimate`, in the same order, so that page and command
// line agree to the last printed digit.
(() => {
  const box = document.querySelector("#calculator");
  if (!box) return;
  const { number, quantity, scaled, ranged } = wattboard.numbers;
  const at = (id) => box.querySelector(`#calc-${id}`);
  const KEEP_MS = 250, FEW = 8, MOST_FOUND = 100, KINDS = ["gpu", "tpu", "cpu"];

  // --- the arithmetic of footprint.py ---------------------------------------------------------------

  function product(...terms) {
    const found = { value: 1, low: 1, high: 1 };
    for (const term of terms)
      for (const end of ["value", "low", "high"]) found[end] *= typeof term === "number" ? term : term[end];
    return found;
  }
  const spread = ({ low, high }) => (low === high ? 0 : low <= 0 ? Infinity : Math.log(high / low));
  function widest(factors) {
    const most = Object.keys(factors).reduce((best, name) => (best === null || spread(factors[name]) > spread(factors[best]) ? name : best), null);
    return most !== null && spread(factors[most]) > 0 ? most : null;
  }
  function estimate({ count, hours, power, pue, intensity, made, life }) {
    const deviceHours = count * hours;
    const energy = product(deviceHours, ...Object.values(power), 1e-3);
    const counted = { ...power, pue, ...(intensity && { intensity_g_per_kwh: intensity }) };
    return {
      energy, facility: product(energy, pue), counted, widest: widest(counted),
      co2e: intensity && product(energy, pue, intensity, 1e-3),
      embodied: made && {
        value: (deviceHours * made.value) / life.value,
        low: (deviceHours * made.low) / life.high,
        high: (deviceHours * made.high) / life.low,
      },
    };
  }

  // --- what is chosen -------------------------------------------------------------------------------

  const given = (value, unit, what) => ({ value, low: value, high: value, unit, kind: "reported", source: `${what} as given`, year: null });
  const FIELDS = { hardware: "hardware", count: "count", hours: "hours", power: "power", location: "location", intensity: "intensity", pue: "pue" };
  let table, devices, sources, chosen = "", everywhere = false, places = [], keeping, seen;

  function asked(id, what, low, high, above = false) {
    const text = at(id).value.trim();
    if (!text) return null;
    const value = Number(text);
    const inside = Number.isFinite(value) && (above ? value > low : value >= low) && value <= high;
    at(id).toggleAttribute("aria-invalid", !inside);
    if (!inside) throw new Error(`${what} cannot be ${text}: give a number ${above ? "above" : "at least"} ${low.toLocaleString("en-US")} and at most ${high.toLocaleString("en-US")}.`);
    return value;
  }

  function choice() {
    for (const field of box.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    const limits = table.limits;
    const count = asked("count", "Devices", 1, limits.count) ?? 1;
    if (!Number.isInteger(count)) { at("count").setAttribute("aria-invalid", ""); throw new Error(`Devices cannot be ${count}: give a whole number.`); }
    const hours = asked("hours", "Hours", 0, limits.hours, true) ?? 1;
    const watts = asked("power", "Mean power", 0, limits.power_w, true);
    const overhead = asked("pue", "PUE", 1, 10);
    const grams = asked("intensity", "Intensity", 0, 5000);
    const device = devices.find(([name]) => name === chosen);
    if (!device && watts === null) throw new Error("Choose hardware, or give the mean power of one device.");
    const place = table.locations.find(([code]) => code === at("location").value);
    const source = device && sources[device[4]] + device[5];
    const power = watts !== null ? { power_w: given(watts, "W", "mean power of one device") }
      : { tdp_w: { ...given(device[2], "W", ""), source, year: device[3] }, utilisation: table.utilisation };
    const made = device && device[1] === "gpu" ? table.made_kg : null;
    return {
      count, hours, power, device, place, made, life: table.life_h,
      pue: overhead === null ? table.pue : given(overhead, "", "PUE"),
      intensity: grams !== null ? given(grams, "g/kWh", "grid intensity") : place ? factorOf(place) : null,
    };
  }
  const factorOf = ([, , , value, year, kind, source]) => ({ value, low: value, high: value, unit: "g/kWh", kind, source: table.sources[source], year });

  // Browsers ignore who changes the address with every key.
  function keep() {
    clearTimeout(keeping);
    keeping = setTimeout(write, KEEP_MS);
  }
  function write() {
    // Somebody else has changed it, and it is about to be read.
    if (location.hash !== seen) return;
    const words = new URLSearchParams();
    for (const [name, id] of Object.entries(FIELDS)) {
      const value = id === "hardware" ? chosen : at(id).value.trim();
      if (value) words.set(name, value);
    }
    history.replaceState(null, "", `#calculator?${words}`);
    seen = location.hash;
  }
  function recall() {
    seen = location.hash;
    const [place, words] = location.hash.split("?");
    if (place !== "#calculator" || !words) return false;
    const kept = new URLSearchParams(words);
    for (const [name, id] of Object.entries(FIELDS)) if (id !== "hardware") at(id).value = kept.get(name) ?? "";
    const name = kept.get("hardware") ?? "";
    chosen = devices.some(([one]) => one === name) ? name : "";
    if (name && !chosen) at("query").value = name;
    return true;
  }

  // --- what is shown --------------------------------------------------------------------------------

  const NAMES = { power_w: "Power", tdp_w: "TDP", utilisation: "Power over TDP", pue: "PUE", intensity_g_per_kwh: "Grid intensity", made_kg: "CO2e of making a device", life_h: "Life of a device" };
  const put = (name, text) => { box.querySelector(`[data-result="${name}"]`).textContent = text; };
  function line(cells, head = 0) {
    const row = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(i === head ? "th" : "td");
      if (i === head) cell.scope = "row";
      if (text instanceof Node) cell.append(text); else cell.textContent = text;
      row.append(cell);
    });
    return row;
  }
  function bar(share) {
    const mark = document.createElement("span");
    mark.className = "bar-mark";
    mark.style.width = `${Math.max(share * 100, 0.3)}%`;
    mark.setAttribute("aria-hidden", "true");
    const room = document.createElement("span");
    room.className = "bar-room";
    room.append(mark);
    return room;
  }

  function show() {
    let run;
    try { run = choice(); } catch (error) {
      at("error").textContent = error.message;
      at("result").hidden = true;
      return;
    }
    at("error").textContent = "";
    at("result").hidden = false;
    const found = estimate(run);
    put("energy", ranged(found.energy, "kWh"));
    put("facility", ranged(found.facility, "kWh"));
    put("co2e", found.co2e ? ranged(found.co2e, "kg") : "choose a place");
    put("embodied", found.embodied ? ranged(found.embodied, "kg") : "unknown");
    const most = found.widest ? `Most of the range comes from ${NAMES[found.widest]}. ` : "No factor has a range. ";
    const km = found.co2e ? `By car: ${quantity(found.co2e.value / 1e-3 / table.car_g_per_km.value, "km")}, at ${quantity(table.car_g_per_km.value, "g/km")}.` : "";
    const heads = found.facility.value && run.place && table.per_head[run.place[7]];
    const people = heads ? ` As much electricity as ${number(found.facility.value / heads[0])} people use in a year in ${heads[2]} (${heads[1]}).` : "";
    const name = run.device && !("power_w" in run.power) ? run.device[0] : `${number(run.power.power_w.value)} W`;
    const where = at("intensity").value.trim() || !run.place ? "" : ` in ${run.place[1]}`;
    put("told", `${number(run.count)} × ${name}, ${quantity(run.hours, "h")} each${where}. ${most}${km}${people}`);
    const factors = { ...found.counted, ...(run.made && { made_kg: run.made, life_h: run.life }) };
    at("factors").replaceChildren(...Object.entries(factors).map(([name, f]) => line([`${NAMES[name]}${f.unit ? `, ${f.unit}` : ""}`, number(f.value), number(f.low), number(f.high), f.kind, f.year ?? "–", f.source])));
    compare(found);
    elsewhere(found, run);
    keep();
  }

  function compare(found) {
    const rows = [["This run", found.facility.value, true], ...table.models];
    rows.sort((a, b) => b[1] - a[1]);
    const here = rows.findIndex(([name]) => name === "This run");
    const near = rows.filter((row, i) => Math.abs(i - here) <= 2 || row[3]);
    const high = Math.log10(near[0][1]), low = Math.min(...near.map(([, kwh]) => Math.log10(kwh))) - 0.5;
    at("compared").replaceChildren(...near.map(([name, kwh, whole]) => {
      const told = scaled(kwh, "kWh");
      const row = line([name, bar((Math.log10(kwh) - low) / (high - low)), whole ? told : `(${told})`]);
      if (name === "This run") row.className = "this";
      return row;
    }));
  }

  function elsewhere(found, run) {
    const kind = at("kind").value, words = at("where").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const here = at("location").value;
    places = table.locations
      .filter(([code, name, what]) => (kind === "all" || what === kind || code === here) && words.every((word) => `${code} ${name}`.toLowerCase().includes(word)))
      .map((place) => [place, product(found.energy, run.pue, factorOf(place), 1e-3)])
      .sort((a, b) => a[1].value - b[1].value || (a[0][1] < b[0][1] ? -1 : 1));
    const spot = places.findIndex(([[code]]) => code === here);
    const shown = everywhere || places.length <= 2 * FEW + 1 ? places : places.filter((_, i) => i < FEW || i >= places.length - FEW || i === spot);
    const most = places.length ? places.at(-1)[1].value : 1;
    at("elsewhere").replaceChildren(...shown.map(([place, kg], i) => {
      const row = line([place[1], bar(most ? kg.value / most : 0), scaled(kg.value, "kg")]);
      if (place[0] === here) row.className = "this";
      if (i && places.indexOf(shown[i]) - places.indexOf(shown[i - 1]) > 1) row.classList.add("after-gap");
      return row;
    }));
  }

  async function csv() {
    const head = ["code", "place", "intensity_g_per_kwh", "co2e_kg", "low_kg", "high_kg"];
    const rows = places.map(([[code, name, , grams], kg]) => [code, name, grams, kg.value, kg.low, kg.high]);
    await wattboard.run("assets/taking.js");
    wattboard.taking.csv("elsewhere.csv", [head, ...rows]);
  }

  const plain = (text) => text.toLowerCase().replace(/[\s_-]+/g, " ").trim();
  function find() {
    const words = plain(at("query").value).split(" ").filter(Boolean);
    const found = devices.filter(([name]) => { const text = plain(name); return words.every((word) => text.includes(word) || text.replace(/ /g, "").includes(word)); });
    const lead = words[0] ?? "";
    const order = ([name, kind]) => [KINDS.indexOf(kind), plain(name).startsWith(lead) ? 0 : 1, name.length];
    found.sort((a, b) => { const [x, y] = [order(a), order(b)]; return x[0] - y[0] || x[1] - y[1] || x[2] - y[2]; });
    const listed = found.slice(0, MOST_FOUND);
    if (chosen && !listed.some(([name]) => name === chosen)) listed.unshift(devices.find(([name]) => name === chosen));
    at("hardware").replaceChildren(...listed.map(([name, kind, tdp]) => new Option(`${name}, ${number(tdp)} W (${kind.toUpperCase()})`, name, name === chosen, name === chosen)));
    at("found").textContent = found.length > MOST_FOUND ? `${found.length.toLocaleString("en-US")} devices; the ${MOST_FOUND} shortest names are listed` : found.length ? `${found.length} ${found.length === 1 ? "device" : "devices"}` : "no device with a known TDP is called so";
  }

  async function start() {
    [table, { rows: devices, sources }] = await Promise.all([wattboard.get("table", "calculator", "data/calculator.js"), wattboard.get("table", "hardware", "data/hardware.js")]);
    const groups = new Map();
    at("location").append(new Option("choose", ""));
    for (const [code, name, kind] of table.locations) {
      if (!groups.has(kind)) {
        const group = document.createElement("optgroup");
        group.label = table.kinds[kind];
        groups.set(kind, group);
        at("location").append(group);
        at("kind").append(new Option(table.kinds[kind], kind));
      }
      groups.get(kind).append(new Option(`${name} (${code})`, code));
    }
    at("kind").append(new Option("all", "all"));
    if (!recall()) {
      chosen = table.opens.hardware;
      at("query").value = table.opens.query;
      for (const id of ["count", "hours", "location"]) at(id).value = table.opens[id];
    }
    find();
    box.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    box.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    at("query").addEventListener("input", find);
    at("hardware").addEventListener("input", () => { chosen = at("hardware").value; });
    for (const id of ["hardware", "count", "hours", "power", "location", "intensity", "pue", "kind", "where"]) at(id).addEventListener("input", show);
    at("all").addEventListener("click", () => { everywhere = !everywhere; at("all").setAttribute("aria-pressed", String(everywhere)); show(); });
    at("csv").addEventListener("click", csv);
    window.addEventListener("hashchange", () => { if (recall()) { find(); show(); } });
    show();
  }

  new IntersectionObserver((entries, self) => {
    if (entries.some((entry) => entry.isIntersecting)) { self.disconnect(); start(); }
  }, { rootMargin: "300px" }).observe(box);
})();
