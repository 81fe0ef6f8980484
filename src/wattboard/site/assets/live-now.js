"use strict";
// The numbers of the live page, as the server tells them with each reading, and the window as a table.
wattboard.now = (() => {
  const { readings, zone } = wattboard;
  const { put } = wattboard.live;
  const { number, quantity, scaled, ranged, money } = wattboard.numbers;
  const PARTS = ["cpu", "gpu", "ram"];
  const ROWS = 60;
  const all = (root) => Object.fromEntries([...root.querySelectorAll("[data-field]")].map((node) => [node.dataset.field, node]));
  const power = all(document.getElementById("power"));
  const parts = Object.fromEntries([...document.querySelectorAll("[data-part]")].map((row) => [row.dataset.part, { row, ...all(row) }]));
  const totals = Object.fromEntries(["today", "recording"].map((id) => [id, all(document.getElementById(id))]));
  const shares = [...document.querySelectorAll("#shares span")];
  const watts = (value) => (value === undefined || value === null ? "unknown" : quantity(value, "W", Math.abs(value) >= 10 || !value ? 1 : undefined));

  // A value's mark: measured, estimated or modelled, and by what.
  function mark(node, means) {
    const text = means ? `${means.kind} ${means.by}` : "";
    if (node.dataset.told === text) return;
    node.dataset.told = text;
    node.replaceChildren();
    if (!means) return;
    const kind = document.createElement("span");
    kind.className = `kind kind-${means.kind}`;
    kind.textContent = means.kind;
    node.append(kind, ` ${means.by}`);
  }

  function show({ reading, today, recording, status }) {
    const { values, means, bounds, rest } = reading;
    put(power.power, watts(values.power_w));
    power.power.dataset.time = reading.time_us;
    mark(power["power-by"], means.power_w);
    put(power.bounds, bounds ? `${number(bounds.power_low_w)} to ${watts(bounds.power_high_w)}` : "");
    for (const part of PARTS) {
      const drawn = values[`${part}_power_w`], load = values[`${part}_util_pct`], cells = parts[part];
      // A part that was read once and is not now stays, as unknown.
      if (drawn !== undefined || load !== undefined) cells.row.hidden = false;
      put(cells.power, watts(drawn));
      mark(cells["power-by"], means[`${part}_power_w`]);
      put(cells.load, load === undefined ? "unknown" : quantity(load, "%", 1));
      mark(cells["load-by"], means[`${part}_util_pct`]);
    }
    parts.rest.row.hidden = rest === null;
    document.querySelector('[data-field="no-rest"]').hidden = rest !== null;
    if (rest) {
      put(parts.rest.power, watts(rest.power_w));
      mark(parts.rest["power-by"], { kind: rest.kind, by: rest.power_w < 0 ? `${rest.by}: the parts' sensors tell more than the whole` : rest.by });
    }
    put(parts.whole.power, watts(values.power_w));
    mark(parts.whole["power-by"], means.power_w);
    const sizes = [...PARTS.map((part) => values[`${part}_power_w`] ?? 0), rest?.power_w ?? 0];
    shares[0].parentElement.hidden = sizes.some((size) => size < 0) || !sizes.some(Boolean);
    shares.forEach((span, i) => { span.hidden = !sizes[i]; span.style.flexGrow = sizes[i]; });
    put(totals.today.day, today.day ?? "");
    total(totals.today, today);
    total(totals.recording, recording);
    gaps(status);
  }

  function total(cells, told) {
    put(cells.energy, scaled(told.energy_kwh, "kWh"));
    const known = Object.entries(told.kinds_kwh);
    const sum = known.reduce((whole, [, kwh]) => whole + kwh, 0);
    const one = known.length === 1;
    put(cells.kinds, known.map(([kind, kwh]) => (one || !sum ? kind : `${quantity((100 * kwh) / sum, "%", 1)} ${kind}`)).join(", ") + (known.length ? " power over time, gaps left out" : ""));
    if (told.co2e_kg) put(cells.co2e, ranged(told.co2e_kg, "kg"));
    put(cells.cost, told.cost === null ? cells.cost.dataset.without : money(told.cost, told.currency));
    put(cells.facility, scaled(told.facility_energy_kwh, "kWh"));
    put(cells.covered, scaled(told.covered_h, "h"));
  }

  function gaps({ gaps: open, missed }) {
    const count = open + missed;
    put(power.gaps, count ? `${number(count)} ${count === 1 ? "interval" : "intervals"} without a reading since the start` : "No interval without a reading since the start");
  }

  // A sentence for those who hear the page, and for the tab.
  function sentence({ reading: { values, means } }) {
    const told = PARTS.filter((part) => values[`${part}_power_w`] !== undefined).map((part) => `${part.toUpperCase()} ${watts(values[`${part}_power_w`])}`);
    return `${watts(values.power_w)}, ${means.power_w?.kind ?? "unknown how"}${told.length ? `; ${told.join(", ")}` : ""}.`;
  }

  function summary() {
    if (!readings.count) return "Power over time. No readings yet.";
    const { mean, low, high, count } = readings.rows(ROWS);
    const sum = mean.reduce((whole, value, i) => whole + value * count[i], 0), many = count.reduce((a, b) => a + b, 0);
    return `Power over time, the window that is followed: ${number(many)} readings, mean ${watts(sum / many)}, from ${watts(Math.min(...low))} to ${watts(Math.max(...high))}, last ${watts(mean.at(-1))}. Its values are in the table below.`;
  }

  function table(body) {
    const { start, mean, low, high, count } = readings.rows(ROWS);
    body.replaceChildren(...start.map((time, i) => {
      const row = document.createElement("tr"), head = document.createElement("th");
      head.scope = "row";
      head.textContent = zone.clock(time);
      const cells = [watts(mean[i]), watts(low[i]), watts(high[i]), number(count[i])].map((text) => {
        const cell = document.createElement("td");
        cell.textContent = text;
        return cell;
      });
      row.append(head, ...cells);
      return row;
    }).reverse());
  }

  return { show, gaps, sentence, summary, table };
})();
