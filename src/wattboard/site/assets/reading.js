"use strict";
// Reading the values of a chart with the keyboard. Comes with the first chart.
(() => {
  const { time, isDate, range } = wattboard;

  function places(element) {
    const at = element.data.findLastIndex((trace) => trace.visible !== false && trace.hoverinfo !== "skip");
    const { data } = element;
    if (data[at].type === "heatmap") {
      const columns = data[at].z[0].length;
      const cells = data[at].z.flatMap((row, i) => row.map((value, j) => (value === null ? null : { curveNumber: at, pointNumber: [i, j] })));
      return { points: cells, columns };
    }
    const { xaxis: axis, yaxis, meta } = element._fullLayout;
    const [low, high] = range(axis);
    const points = [];
    data.forEach((trace, curveNumber) => {
      const silent = trace.visible === false || trace.hoverinfo === "skip";
      if (meta.every ? silent : curveNumber !== at && !(trace.visible !== false && trace.hoverinfo !== "skip" && trace.xaxis && trace.xaxis !== data[at].xaxis)) return;
      trace.x.forEach((x, pointNumber) => {
        const value = isDate(axis) ? time(x) : axis.type === "log" ? Math.log10(x) : Number(x);
        const seen = trace.xaxis || data[at].orientation === "h" || (value >= low && value <= high);
        if (trace.y[pointNumber] !== null && seen) points.push({ curveNumber, pointNumber });
      });
    });
    // Where points of all traces are read: line by line of a list, or from left to right.
    const place = ({ curveNumber, pointNumber: i }) => (yaxis.type === "category" ? yaxis.d2c(data[curveNumber].y[i]) : axis.d2c(data[curveNumber].x[i]));
    if (meta.every) points.sort((a, b) => place(a) - place(b));
    return { points, columns: 1 };
  }

  // Plotly shows the label of a point that it is told, but of a heatmap's cell only under a mouse.
  function point(element, wanted) {
    const trace = element.data[wanted.curveNumber];
    if (element._fullLayout.hovermode === "x unified") {
      const x = trace.x[wanted.pointNumber];
      Plotly.Fx.hover(element, { xval: x, yval: trace.y[wanted.pointNumber] }, "xy");
      return;
    }
    if (trace.type !== "heatmap") {
      Plotly.Fx.hover(element, [wanted], [(trace.xaxis ?? "x") + (trace.yaxis ?? "y")]);
      return;
    }
    const { xaxis, yaxis } = element._fullLayout;
    const [row, column] = wanted.pointNumber;
    const area = element.querySelector(".nsewdrag");
    const { left, top } = area.getBoundingClientRect();
    const place = (axis, values, i) => axis.r2p(axis.type === "category" ? i : values[i]);
    const [x, y] = [place(xaxis, trace.x, column), place(yaxis, trace.y, row)];
    area.dispatchEvent(new MouseEvent("mousemove", { clientX: left + x, clientY: top + y, bubbles: true }));
  }

  function said(element) {
    const lines = [...element.querySelectorAll(".hoverlayer text")].flatMap((text) => {
      const parts = [...text.querySelectorAll("tspan.line")];
      return parts.length ? parts.map((part) => part.textContent) : [text.textContent];
    });
    return lines.filter(Boolean).join(", ");
  }

  wattboard.readable = (element) => {
    let place = -1;
    const output = element.closest("figure").querySelector(".reading");
    element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { Plotly.Fx.unhover(element); return; }
      if (!/^Arrow|^Home$|^End$/.test(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
      const { points, columns } = places(element);
      const upright = event.key === "ArrowUp" || event.key === "ArrowDown";
      if (!points.length || (upright && columns === 1 && points[0].pointNumber.length !== 2)) return;
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
      event.preventDefault();
      let next = event.key === "Home" ? 0 : event.key === "End" ? points.length - 1 : place + (event.shiftKey ? 10 : 1) * step;
      next = Math.min(Math.max(next, 0), points.length - 1);
      const way = event.key === "Home" ? 1 : event.key === "End" ? -1 : Math.sign(step);
      while (points[next] === null) next += way;
      if (!points[next]) return;
      place = next;
      point(element, points[place]);
      // Labels that follow one another quickly come late.
      clearTimeout(element.saying);
      element.saying = setTimeout(() => { output.textContent = said(element); }, 120);
    });
    element.addEventListener("blur", () => Plotly.Fx.unhover(element));
  };
})();
