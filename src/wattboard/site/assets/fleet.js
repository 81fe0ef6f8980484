"use strict";
// The fleet page: its table of hosts, and the command that builds the site of one.
(() => {
  const FIELDS = ["host", "energy_kwh", "covered_hours", "mean_w", "idle_share_of_time", "idle_w", "idle_kwh", "mean_cpu_pct", "w_per_pct", "slope_low", "slope_high", "co2e_kg", "cost", "gap_hours", "power_missing", "idle_reason", "slope_reason"];
  const ROWS = 50;
  const { number, scaled, money } = wattboard.numbers;
  const { rows, controls } = wattboard;
  const table = document.querySelector("#hosts");
  const heads = [...table.querySelectorAll("thead [data-column]")].map((head) => head.dataset.column);
  const words = JSON.parse(table.dataset.words);
  const NOT_TOLD = "\u2013";
  const named = (host) => host || "(no name)";

  // As the build writes the first rows (fleet.html).
  const cells = {
    energy_kwh: (row) => scaled(row.energy_kwh, "kWh"),
    mean_w: (row) => number(row.mean_w, 1),
    idle_share_of_time: (row) => (row.idle_share_of_time === null ? words[row.idle_reason] ?? "unknown" : number(100 * row.idle_share_of_time, 1)),
    idle_w: (row) => (row.idle_w === null ? words[row.idle_reason] ?? "unknown" : number(row.idle_w, 1)),
    mean_cpu_pct: (row) => number(row.mean_cpu_pct, 1),
    w_per_pct: (row) => (row.w_per_pct === null ? words[`slope-${row.slope_reason}`] ?? "unknown" : `${number(row.w_per_pct, 2)} (${number(row.slope_low, 2)} to ${number(row.slope_high, 2)})`),
    co2e_kg: (row) => scaled(row.co2e_kg, "kg"),
    cost: (row) => money(row.cost, table.dataset.currency || null),
    covered_hours: (row) => number(row.covered_hours, 1),
    gap_hours: (row) => number(row.gap_hours, 1),
    power_missing: (row) => number(row.power_missing),
  };
  // Of hosts beyond the first thousands there is the energy alone.
  const BRIEF = ["host", "energy_kwh", "covered_hours"];

  function line(row) {
    const made = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = named(row.host);
    made.append(name);
    for (const column of heads.slice(1)) {
      const cell = document.createElement("td");
      if (row.idle_reason === null && !BRIEF.includes(column)) cell.textContent = NOT_TOLD;
      else cell.textContent = cells[column](row);
      if (row[column] === null) cell.classList.add("unknown");
      made.append(cell);
    }
    return made;
  }

  async function hosts() {
    const found = await wattboard.get("table", "fleet", "data/fleet.js");
    const all = found.map((values) => {
      const row = Object.fromEntries(FIELDS.map((name, i) => [name, values[i] ?? null]));
      row.text = named(row.host).toLowerCase();
      return row;
    });
    let order = all;
    const body = table.querySelector("tbody");
    const first = rows.pager(controls("hosts"), () => order, ROWS, (shown) => body.replaceChildren(...shown.map(line)), { one: "host", many: "hosts", none: "no host is called so" });
    rows.sortable(table, all, (sorted) => { order = sorted; first(); });
    own(all);
  }

  // --- the site of one host ------------------------------------------------------------------------

  // As a shell reads a word, whatever stands in it.
  const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

  function own(all) {
    const box = controls("own");
    // Names that were replaced build nothing.
    if (!box) return;
    const [input, list, output] = ["input", "datalist", "output"].map((name) => box.querySelector(name));
    const told = document.querySelector("#own-command");
    // In either case of letters, where only one host is called so.
    const names = new Map([...all.map((row) => [named(row.host).toLowerCase(), row.host]), ...all.map((row) => [named(row.host), row.host])]);
    input.addEventListener("input", () => {
      const query = input.value.trim();
      list.replaceChildren(...rows.search(all, query).slice(0, 50).map((row) => new Option(named(row.host), named(row.host))));
      const host = names.get(query) ?? names.get(query.toLowerCase());
      if (host) told.textContent = told.dataset.command.replace("{}", () => quoted(host));
      output.textContent = query && !host ? "no host is called so" : "";
    });
  }

  new IntersectionObserver((entries, self) => {
    if (entries.some((entry) => entry.isIntersecting)) { self.disconnect(); hosts(); }
  }, { rootMargin: "300px" }).observe(table);
})();
