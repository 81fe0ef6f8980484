"use strict";
// The world page: the trend with countries added, the map, and the table of all countries.
(() => {
  // Plotly asks a host of its own for a base map unless one is there. Ours has shapes of its own.
  const nothing = { type: "Topology", objects: {}, arcs: [] };
  window.PlotlyGeoAssets = { topojson: { world_110m: nothing, world_50m: nothing } };

  const MOST_ZOOM = 16, STEP = 1.6;
  const state = { measure: "total", place: undefined, chosen: "", view: undefined };

  const { number, quantity } = wattboard.numbers;
  const share = (value) => (value === null ? "unknown" : value > 0 && value < 5e-5 ? "under 0.01\u202f%" : quantity(value * 100, "%", 2));

  // --- figures -------------------------------------------------------------------------------------

  let read;
  function facts() {
    read ??= wattboard.get("table", "co2", "data/co2.js").then((table) => {
      const countries = new Map();
      for (const [iso, name, first, values, people] of table.emitters) countries.set(iso, { iso, name, first, values, people, grid: null });
      for (const [iso, name, ...grid] of table.grids) {
        if (!countries.has(iso)) countries.set(iso, { iso, name, first: 0, values: [], people: [] });
        countries.get(iso).grid = grid;
      }
      state.place ??= table.years.indexOf(table.opens);
      return { ...table, countries };
    });
    return read;
  }

  // A country in the year at a place; what is not known is null.
  function at(table, row, place) {
    const total = row.values[place - row.first] ?? null, people = row.people[place - row.first] ?? null, world = table.world[place] ?? null;
    return {
      total,
      head: total === null || !people ? null : (total * 1e6) / people,
      share: total === null || !world ? null : total / world,
      grid: row.grid ? row.grid[0] : null,
    };
  }

  function told(table, row, place) {
    const { total, head, share: part } = at(table, row, place);
    const grid = row.grid ? `${quantity(row.grid[0], "g CO2e/kWh")} (${row.grid[1]})` : "unknown";
    return [
      `CO2 in ${table.years[place]}: ${quantity(total, "Mt")}${part === null ? "" : `, ${share(part)} of the world`}`,
      `per head: ${quantity(head, "t", 2)}`,
      `grid: ${grid}`,
    ];
  }

  // --- shapes --------------------------------------------------------------------------------------

  let drawn;
  function shapes() {
    drawn ??= wattboard.get("table", "world-shapes", "assets/world-shapes.js").then((topology) => {
      const { scale } = topology.transform;
      const arcs = topology.arcs.map((arc) => {
        let x = 0, y = 0;
        return arc.map(([dx, dy]) => [(x += dx) * scale[0], (y += dy) * scale[1]]);
      });
      const ring = (parts) => parts.flatMap((part, i) => {
        const line = part < 0 ? [...arcs[~part]].reverse() : arcs[part];
        return i ? line.slice(1) : line;
      });
      const features = topology.objects.countries.geometries.map(({ id, properties, arcs: polygons }) => ({
        type: "Feature", id, properties, geometry: { type: "MultiPolygon", coordinates: polygons.map((rings) => rings.map(ring)) },
      }));
      return { collection: { type: "FeatureCollection", features }, points: topology.points };
    });
    return drawn;
  }

  // --- the map -------------------------------------------------------------------------------------

  const classOf = (value, breaks) => (value === null ? -1 : breaks.filter((edge) => edge <= value).length);

  async function compose(element, { data, layout }) {
    const [table, { collection, points }] = await Promise.all([facts(), shapes()]);
    const [areas, dots, ring] = data;
    const measure = layout.meta.measures[state.measure];
    const value = (iso) => (table.countries.has(iso) ? at(table, table.countries.get(iso), state.place)[state.measure] : null);
    const label = (iso, name) => {
      const row = table.countries.get(iso);
      return row ? [row.name, told(table, row, state.place).join("<br>"), iso] : [name, "no figures of its own", iso];
    };
    areas.geojson = collection;
    areas.locations = collection.features.map(({ id }) => id);
    areas.z = areas.locations.map((iso) => classOf(value(iso), measure.breaks));
    areas.customdata = collection.features.map(({ id, properties }) => label(id, properties.name));
    const small = [...table.countries.keys()].filter((iso) => points[iso]?.[2]);
    Object.assign(dots, { lon: small.map((iso) => points[iso][0]), lat: small.map((iso) => points[iso][1]), customdata: small.map((iso) => label(iso)) });
    dots.marker.color = small.map((iso) => classOf(value(iso), measure.breaks));
    const chosen = points[state.chosen];
    Object.assign(ring, { lon: chosen ? [chosen[0]] : [], lat: chosen ? [chosen[1]] : [] });
    const { colorbar } = layout.coloraxis;
    colorbar.title.text = heading(table, measure);
    colorbar.ticktext = ["no value", ...measure.breaks.map((edge) => edge.toLocaleString("en-US"))];
    if (wattboard.narrow()) {
      layout.margin = { ...layout.margin, l: 0, r: 0 };
      Object.assign(colorbar, { len: 1, thickness: 8, tickfont: { size: 10 } });
      dots.marker.size = 5;
    }
    if (state.view) Object.assign(layout.geo, { center: { ...state.view.center }, projection: { ...layout.geo.projection, ...structuredClone(state.view.projection) } });
  }

  function heading(table, { label, unit }) {
    return state.measure === "grid" ? `${label}, ${unit}` : `${label} in ${table.years[state.place]}, ${unit}`;
  }

  // The countries by the measure that is shown, the largest first; those without a value last.
  function ranked(table) {
    const rows = [...table.countries.values()].map((row) => [at(table, row, state.place)[state.measure], row]);
    return rows.sort(([a, p], [b, q]) => (b ?? -1) - (a ?? -1) || p.name.localeCompare(q.name)).map(([, row]) => row);
  }

  function look(element) {
    const { center, projection } = element._fullLayout.geo;
    return { center: { lon: center.lon, lat: center.lat }, projection: { scale: projection.scale, rotation: { lon: projection.rotation.lon } } };
  }

  async function move(element, act) {
    const view = look(element);
    const { points } = await shapes();
    const { center, projection } = view;
    if (act === "in" || act === "out") {
      projection.scale = Math.min(Math.max(projection.scale * (act === "in" ? STEP : 1 / STEP), 1), MOST_ZOOM);
      const chosen = points[state.chosen];
      if (act === "in" && chosen) [center.lon, center.lat] = chosen;
    } else {
      center.lon += ((act === "later" ? 1 : -1) * 60) / projection.scale;
    }
    projection.rotation.lon = center.lon = ((((center.lon + 180) % 360) + 360) % 360) - 180;
    state.view = projection.scale > 1 || act.endsWith("er") ? view : undefined;
    await wattboard.refresh(element);
  }

  async function choose(element, iso) {
    const table = await facts();
    state.chosen = iso;
    const row = table.countries.get(iso);
    // Read out as it changes: what a label shows under the mouse.
    document.querySelector("[data-chosen]").textContent = row ? `${row.name}. ${told(table, row, state.place).join("; ")}` : "";
    document.querySelector("[data-country]").value = iso;
    await wattboard.refresh(element);
  }

  function map(element) {
    element.change = (figure) => compose(element, figure);
  }

  async function mapControls(element) {
    const table = await facts();
    const box = document.querySelector('[data-controls="world-map"]');
    const slider = box.querySelector("[data-year]"), buttons = [...box.querySelectorAll("[data-measure]")], countries = box.querySelector("[data-country]");
    const figure = element.closest("figure");
    countries.append(...[...table.countries.values()].sort((a, b) => a.name.localeCompare(b.name)).map(({ iso, name }) => new Option(name, iso)));
    box.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });

    let waiting = false;
    slider.addEventListener("input", () => {
      const year = table.map_years[Number(slider.value)];
      state.place = table.years.indexOf(year);
      slider.setAttribute("aria-valuetext", String(year));
      box.querySelector("[data-year-shown]").textContent = year;
      document.dispatchEvent(new CustomEvent("year"));
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; choose(element, state.chosen); });
    });
    buttons.forEach((button) => button.addEventListener("click", () => {
      state.measure = button.dataset.measure;
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      // What a kWh emits is known of one year a country, each its own.
      slider.disabled = state.measure === "grid";
      box.querySelector("[data-year-shown]").textContent = slider.disabled ? "each its own" : table.years[state.place];
      wattboard.refresh(element);
    }));
    countries.addEventListener("change", () => choose(element, countries.value));
    element.on("plotly_click", ({ points: [point] }) => { if (point.customdata && table.countries.has(point.customdata[2])) choose(element, point.customdata[2]); });
    element.on("plotly_relayout", (change) => { if (Object.keys(change).some((key) => key.startsWith("geo."))) state.view = look(element); });
    figure.querySelector(".tools").addEventListener("click", (event) => {
      const act = event.target.dataset?.act;
      if (act === "reset") state.view = undefined;
      else if (["in", "out", "earlier", "later"].includes(act)) move(element, act);
    }, true);
    // Before the page's own keys, which read lines and cells.
    figure.addEventListener("keydown", (event) => {
      if (event.target !== element || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "Escape") { event.stopPropagation(); choose(element, ""); return; }
      if (!/^Arrow|^Home$|^End$/.test(event.key)) return;
      event.stopPropagation();
      event.preventDefault();
      const order = ranked(table);
      const now = order.findIndex(({ iso }) => iso === state.chosen);
      const back = event.key === "ArrowLeft" || event.key === "ArrowUp";
      const next = event.key === "Home" ? 0 : event.key === "End" ? order.length - 1 : now + (back ? -1 : 1);
      choose(element, order[Math.min(Math.max(next, 0), order.length - 1)].iso);
    }, true);
  }

  // --- the table -----------------------------------------------------------------------------------

  async function countries(section) {
    const table = await facts();
    const body = section.querySelector("tbody"), output = section.querySelector("output"), search = section.querySelector("input");
    const heads = [...section.querySelectorAll("thead th")];
    const rows = [...body.rows].map((line) => ({ line, row: table.countries.get(line.dataset.iso) }));
    let column = 1, way = -1;

    const key = ({ row }, i) => {
      const { total, head, share: part, grid } = at(table, row, state.place);
      return [row.name, total, head, part, grid, row.grid ? row.grid[1] : null][i];
    };
    // What is not known stays at the end whichever way the others run.
    function sort() {
      const keyed = rows.map((one) => [key(one, column), one]);
      keyed.sort(([a, p], [b, q]) => (a === null) - (b === null) || (typeof a === "string" ? a.localeCompare(b) : (a ?? 0) - (b ?? 0)) * way || p.row.name.localeCompare(q.row.name));
      body.replaceChildren(...keyed.map(([, { line }]) => line));
      heads.forEach((head, i) => (i === column ? head.setAttribute("aria-sort", way > 0 ? "ascending" : "descending") : head.removeAttribute("aria-sort")));
    }
    function filter() {
      const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const { line, row } of rows) {
        line.hidden = !words.every((word) => `${row.name} ${row.iso}`.toLowerCase().includes(word));
        count += !line.hidden;
      }
      output.textContent = count ? `${count} ${count === 1 ? "country" : "countries"}` : "no country is called so";
    }
    function fill() {
      for (const { line, row } of rows) {
        const { total, head, share: part } = at(table, row, state.place);
        [number(total), number(head, head === null ? undefined : 2), share(part)].forEach((text, i) => {
          const cell = line.cells[i + 1];
          cell.textContent = text;
          cell.classList.toggle("unknown", text === "unknown");
        });
      }
      section.querySelectorAll("[data-shown-year]").forEach((place) => { place.textContent = table.years[state.place]; });
      sort();
    }
    section.querySelectorAll("[disabled]").forEach((field) => { field.disabled = false; });
    search.addEventListener("input", filter);
    heads.forEach((head, i) => head.querySelector("button").addEventListener("click", () => {
      way = i === column ? -way : i ? -1 : 1;
      column = i;
      sort();
    }));
    document.addEventListener("year", fill);
    if (table.years[state.place] !== table.opens) fill();
    filter();
  }

  // --- the trend -----------------------------------------------------------------------------------

  async function emitters(element) {
    const table = await facts();
    const box = wattboard.controls("emitters");
    const output = box.querySelector("output");
    const select = box.querySelector("select");
    const names = table.emitters.map(([, name]) => name);
    const series = (name) => {
      const [, , first, values] = table.emitters[names.indexOf(name)];
      return table.years.map((_, i) => values[i - first] ?? null);
    };
    select.append(...[...names].sort((a, b) => a.localeCompare(b)).map((name) => new Option(name, name)));
    const colours = ["--s2", "--s3", "--s4", "--s5", "--s6"];
    const opens = element.figure.layout.meta.years;
    let shown = [], all = false;
    element.change = ({ data, layout }) => {
      const [low, high] = all ? [table.years[0], table.years.at(-1)] : opens;
      const inside = table.years.map((year, i) => [year, i]).filter(([year]) => year >= low && year <= high);
      const style = getComputedStyle(document.documentElement);
      const line = (name, values) => ({ ...structuredClone(data[0]), name, x: inside.map(([year]) => year), y: inside.map(([, i]) => values[i]) });
      const traces = [line("World", table.world)];
      shown.forEach((name, i) => {
        const trace = line(name, series(name));
        const color = style.getPropertyValue(colours[i % 5]).trim();
        Object.assign(trace, { line: { width: 2, color, dash: i < 5 ? "solid" : "dot" }, marker: { size: 5, color } });
        traces.push(trace);
      });
      if (all) for (const trace of traces) trace.mode = "lines";
      data.splice(0, data.length, ...traces);
      layout.xaxis.range = [low - 0.3, high + 0.3];
    };
    const update = (text) => { output.textContent = text; return wattboard.refresh(element, true); };
    box.querySelector("[data-add]").addEventListener("click", () => {
      const name = select.value;
      if (!name) { output.textContent = "Choose a country first"; return; }
      if (!shown.includes(name)) shown.push(name);
      update(`${name} added`);
    });
    box.querySelector("[data-five]").addEventListener("click", () => { shown = names.slice(0, 5); update("The five largest emitters are shown"); });
    box.querySelector("[data-none]").addEventListener("click", () => { shown = []; update("The world alone is shown"); });
    box.querySelector("[data-years]").addEventListener("click", (event) => {
      all = !all;
      event.target.setAttribute("aria-pressed", String(all));
      update(`${all ? table.years[0] : opens[0]} to ${all ? table.years.at(-1) : opens[1]}`);
    });
  }

  const before = { "world-map": map };
  const after = { "world-map": mapControls, "global-co2-emissions-trend": emitters };
  document.addEventListener("figure", (event) => before[event.target.dataset.chart]?.(event.target));
  document.addEventListener("drawn", (event) => after[event.target.dataset.chart]?.(event.target));
  const section = document.querySelector("#countries");
  if (section) new IntersectionObserver((entries, self) => {
    if (entries.some((entry) => entry.isIntersecting)) { self.disconnect(); countries(section); }
  }, { rootMargin: "300px" }).observe(section);
})();
