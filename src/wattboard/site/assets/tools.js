"use strict";
// The buttons under a chart: zoom, step aside, begin again, take it along. Comes with the first chart.
{
  const { time, isDate, range } = wattboard;

  function move(element, act) {
    const change = {};
    for (const key of element._fullLayout.meta.zoom) {
      const axis = element._fullLayout[key];
      const [low, high] = range(axis);
      const width = high - low;
      const share = { in: [0.25, -0.25], out: [-0.5, 0.5], earlier: [-0.5, -0.5], later: [0.5, 0.5] }[act];
      // A second axis zooms, but stepping sideways is along the first.
      if (act.endsWith("er") && key !== element._fullLayout.meta.zoom[0]) continue;
      let next = [low + share[0] * width, high + share[1] * width];
      const [first, last] = (element.extent?.[key] ?? element.home[key]).map((value) => (isDate(axis) ? time(value) : value));
      const size = Math.abs(last - first), left = Math.min(first, last);
      if (Math.abs(next[1] - next[0]) >= size) next = [first, last];
      const under = left - Math.min(...next), over = Math.max(...next) - (left + size);
      if (under > 0) next = next.map((value) => value + under);
      else if (over > 0) next = next.map((value) => value - over);
      change[`${key}.range`] = isDate(axis) ? next.map((value) => new Date(value).toISOString().slice(0, -1)) : next;
    }
    if (element.go) element.go(change); else Plotly.relayout(element, change);
  }

  wattboard.tools = (element) => {
    const box = element.closest("figure").querySelector(".tools");
    box.addEventListener("click", (event) => {
      const act = event.target.dataset?.act;
      if (!act) return;
      if (act === "reset") wattboard.reset(element);
      else if (act === "png" || act === "svg") wattboard.picture(element, act);
      else move(element, act);
    });
    box.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  };
}
