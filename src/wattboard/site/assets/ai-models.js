"use strict";
// AI models: filters the lists of trainings, moves them to another grid, sorts and searches the table.
(() => {
  const LISTS = ["training-energy", "training-emissions", "same-run-elsewhere"];
  const PAGE = 30;
  const { controls } = wattboard;
  const { quantity, scaled } = wattboard.numbers;
  const chart = (name) => document.querySelector(`[data-chart="${name}"]`);
  const lower = (text) => text.trim().toLowerCase();

  // kWh at the outlet × PUE × g/kWh -> kg, in the order of wattboard.footprint, so that both agree to
  // the last digit; the PUE of a published energy is in it already.
  const operationalKg = (kwh, gPerKwh) => 1 * kwh * 1 * gPerKwh * 1e-3;

  // --- rows: what the table below says of each model -----------------------------------------------

  const lines = [...document.querySelectorAll("#models tbody tr")];
  const models = lines.map((line) => ({
    line, key: line.dataset.key, domain: line.dataset.domain, energy: line.dataset.energy,
    emissions: line.dataset.emissions, scope: line.dataset.scope, selected: line.dataset.selected,
    mwh: line.dataset.mwh === undefined ? null : Number(line.dataset.mwh), text: lower(`${line.dataset.key} ${line.textContent}`),
  }));
  const byKey = new Map(models.map((model) => [model.key, model]));
  const drawable = models.filter((model) => model.mwh !== null || model.emissions).sort((a, b) => (b.mwh ?? 0) - (a.mwh ?? 0));

  const said = (model, text) => text.split(/\s+/).filter(Boolean).every((word) => model.text.includes(word));
  function obtained(model, basis) {
    if (basis === "ours") return model.mwh !== null && !model.emissions;
    return model.energy === basis || model.emissions === basis;
  }

  // --- lists of trainings --------------------------------------------------------------------------

  let found = drawable, page = 0;
  const pages = () => Math.max(1, Math.ceil(found.length / PAGE));
  const grid = document.getElementById("grid");
  const intensity = () => Number(grid.selectedOptions[0].dataset.intensity);
  const movedTonnes = (key) => operationalKg(byKey.get(key).mwh * 1000, intensity()) / 1000;

  function change(element) {
    element.change = ({ data, layout }) => {
      const shown = new Map(found.slice(page * PAGE, (page + 1) * PAGE).map((model, i) => [model.key, i]));
      const names = new Map();
      for (const trace of data) {
        if (trace.meta.moved) trace.x = trace.customdata.map(([key]) => movedTonnes(key));
        if (trace.meta.ends) trace.x = trace.x.map((x, i) => (i % 3 === 1 ? movedTonnes(trace.customdata[i][0]) : x));
        const keep = trace.customdata.map(([key]) => shown.has(key));
        const only = (values) => values.filter((_, i) => keep[i]);
        trace.y.forEach((name, i) => { if (keep[i]) names.set(trace.customdata[i][0], name); });
        for (const name of ["x", "y", "customdata"]) trace[name] = only(trace[name]);
        if (Array.isArray(trace.marker?.symbol)) trace.marker.symbol = only(trace.marker.symbol);
      }
      // A model keeps its line where this chart has nothing to draw for it.
      const listed = [...shown.keys()].map((key) => names.get(key) ?? key);
      Object.assign(layout.yaxis, { categoryarray: listed, tickvals: listed, range: [Math.max(listed.length, 2) - 0.5, -0.5], autorange: false });
      if (wattboard.narrow()) layout.xaxis.dtick = 4;
      layout.height = layout.meta.head + layout.meta.row * Math.max(listed.length, 2);
      element.style.minHeight = `${layout.height}px`;
    };
  }

  const draw = () => Promise.all(LISTS.map(chart).filter((element) => element?._fullLayout).map((element) => wattboard.refresh(element, true)));

  function training() {
    const box = controls("training");
    const output = box.querySelector("output");
    const field = (name) => box.querySelector(`[data-filter="${name}"]`);
    function update() {
      const wanted = Object.fromEntries(["text", "selected", "domain", "basis", "scope"].map((name) => [name, lower(field(name).value)]));
      found = drawable.filter((model) => said(model, wanted.text) && (!wanted.selected || model.selected)
        && (!wanted.domain || model.domain === wanted.domain) && (!wanted.scope || model.scope === wanted.scope)
        && (!wanted.basis || obtained(model, wanted.basis)));
      page = Math.min(Math.max(page, 0), pages() - 1);
      output.textContent = found.length ? `${found.length} of ${drawable.length} trainings, page ${page + 1} of ${pages()}` : "no training fits";
      box.querySelectorAll("[data-turn]").forEach((button) => { button.disabled = Number(button.dataset.turn) < 0 ? page === 0 : page === pages() - 1; });
      return draw();
    }
    box.querySelectorAll("[data-filter]").forEach((one) => one.addEventListener("input", () => {
      page = 0;
      // Who looks for something looks in all of them.
      if (one.dataset.filter !== "selected" && one.value) field("selected").value = "";
      update();
    }));
    box.querySelectorAll("[data-turn]").forEach((button) => button.addEventListener("click", () => { page += Number(button.dataset.turn); update(); }));
    update();
  }

  function elsewhere() {
    grid.disabled = false;
    grid.addEventListener("change", () => {
      const chosen = grid.selectedOptions[0];
      document.getElementById("grid-said").textContent = `${chosen.text}: ${quantity(intensity(), "g/kWh")} (${chosen.dataset.year})`;
      for (const { line, mwh } of models) {
        if (mwh === null) continue;
        const cell = line.querySelector(".ours"), kg = operationalKg(mwh * 1000, intensity());
        cell.dataset.sort = kg;
        cell.textContent = scaled(kg, "kg");
      }
      draw();
    });
  }

  // --- inference, edge -----------------------------------------------------------------------------

  function inference(element) {
    const select = controls("inference").querySelector("select");
    const show = () => {
      element.change = ({ data, layout }) => {
        const { subjects, dtick } = layout.meta.studies.find(({ name }) => name === select.value);
        for (const trace of data) trace.visible = trace.meta.study === select.value;
        Object.assign(layout.yaxis, { categoryarray: subjects, range: [subjects.length - 0.5, -0.5], autorange: false });
        layout.xaxis.dtick = wattboard.narrow() && dtick === 1 ? 2 : dtick;
        layout.height = layout.meta.head + layout.meta.row * subjects.length;
        element.style.minHeight = `${layout.height}px`;
      };
    };
    show();
    select.addEventListener("change", () => {
      const head = document.querySelector(`tbody[data-study="${CSS.escape(select.value)}"] .group`);
      document.getElementById("study-said").replaceChildren(...[...head.childNodes].map((node) => node.cloneNode(true)));
      wattboard.refresh(element, true);
    });
  }

  function edge(element) {
    const buttons = [...controls("edge").querySelectorAll("[data-level]")];
    const show = (level) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.level === level)));
      element.change = ({ data, layout }) => {
        const names = layout.meta.levels[level];
        for (const trace of data) trace.visible = trace.meta.level === level;
        Object.assign(layout.yaxis, { tickvals: names.map((_, i) => i), ticktext: names, range: [names.length - 0.5, -0.5] });
        layout.height = layout.meta.head + layout.meta.row * names.length;
        element.style.minHeight = `${layout.height}px`;
      };
    };
    show("model");
    buttons.forEach((button) => button.addEventListener("click", () => { show(button.dataset.level); wattboard.refresh(element, true); }));
  }

  // --- the table -----------------------------------------------------------------------------------

  function table() {
    const box = controls("models");
    const output = box.querySelector("output");
    const body = document.querySelector("#models tbody");
    const value = (name) => lower(box.querySelector(`[data-filter="${name}"]`).value);
    const update = () => {
      let count = 0;
      for (const model of models) {
        const fits = said(model, value("text")) && (!value("domain") || model.domain === value("domain"));
        model.line.hidden = !fits;
        count += fits;
      }
      output.textContent = count ? `${count} of ${models.length} rows` : "no row fits";
    };
    box.querySelectorAll("[data-filter]").forEach((one) => one.addEventListener("input", update));
    update();
    const heads = [...document.querySelectorAll("#models thead th")];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      button.disabled = false;
      button.addEventListener("click", () => {
        const numeric = !head.classList.contains("text") && column > 0;
        const before = head.getAttribute("aria-sort");
        const down = before ? before === "ascending" : numeric;
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (line) => {
          const cell = line.cells[column];
          if (!numeric) return cell.firstChild.textContent.trim().toLowerCase();
          return cell.dataset.sort ? Number(cell.dataset.sort) : null;
        };
        const sorted = [...lines].sort((a, b) => {
          const [left, right] = [key(a), key(b)];
          // What is unknown stands last, whichever way.
          if (left === null || right === null) return (left === null) - (right === null);
          const order = numeric ? left - right : left.localeCompare(right);
          return down ? -order : order;
        });
        body.append(...sorted);
      });
    });
  }

  const before = { "inference-energy": inference, "edge-energy": edge };
  document.addEventListener("figure", (event) => {
    const name = event.target.dataset.chart;
    if (LISTS.includes(name)) change(event.target);
    before[name]?.(event.target);
  });
  training();
  elsewhere();
  table();
})();
