"use strict";
// What leaves the screen: pictures of charts, and the page on paper. Comes with the first chart.
(() => {
  // --- pictures: the chart as it stands, with its title and where its figures come from -------------

  const SMALL = 11;

  // Words of a line, broken where it would run out of a picture.
  function broken(text, width) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `${SMALL}px system-ui, sans-serif`;
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (pen.measureText(longer).width > width && lines.at(-1)) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }

  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

  wattboard.picture = async (element, format) => {
    const { data, layout } = await wattboard.compose(element);
    const { width, _size: { l, r, t, b }, ...full } = element._fullLayout;
    for (const key of layout.meta.zoom) if (full[key]) layout[key].range = [...full[key].range];
    const { title } = element.closest("figure").dataset;
    const lines = broken(layout.meta.credit, width - 32);
    const foot = 14 + lines.length * SMALL * 1.3;
    layout.title = { text: escaped(title), x: 0, xref: "container", xanchor: "left", pad: { l: 16, t: 16 }, y: 1, yref: "container", yanchor: "top" };
    layout.annotations = [...(layout.annotations ?? []), {
      text: lines.map(escaped).join("<br>"), name: "source", align: "left", showarrow: false, font: { size: SMALL, color: colour("--dim") },
      xref: "paper", yref: "paper", x: 0, y: 0, xanchor: "left", yanchor: "top", xshift: 16 - l, yshift: -b,
    }];
    // The margins that the chart on the page has come to, and room for what the picture says besides.
    layout.margin = { l, r, t: t + 36, b: b + foot };
    await Plotly.downloadImage({ data, layout }, { format, scale: format === "png" ? 2 : 1, width, height: full.height + 36 + foot, filename: `wattboard-${element.dataset.chart}` });
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // --- paper: white whatever the screen, and as wide as a sheet ------------------------------------

  // An A4 sheet within its margins, in px; charts are no taller than lets text stand beside them.
  const SHEET = 690, LINE = 270, TALL = 350, PANEL = 110, HEAD = 96, ROW = 15, FEW = 12;
  const root = document.documentElement;
  let theme;
  // All of it happens before the event is over: what it awaits is there.
  window.addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    wattboard.onPaper((element, { data, layout }) => {
      layout.width = SHEET;
      // A list is as long as its rows, which stand closer than on a screen.
      const rows = layout.yaxis.tickvals?.length ?? (layout.yaxis.dtick === 1 ? new Set(data.flatMap(({ y }) => y ?? [])).size : 0);
      if (rows > FEW) {
        layout.height = HEAD + ROW * Math.max(rows, 2);
        layout.yaxis.tickfont = { size: 10 };
      } else if (!element.style.minHeight) {
        const panels = Object.keys(layout).filter((key) => /^yaxis/.test(key)).length;
        layout.height = Math.min(parseFloat(getComputedStyle(element).getPropertyValue("--h")), layout.meta.opens ? LINE : Math.max(TALL, panels * PANEL));
      }
      // Where text runs into other text, or out of the sheet, it is small.
      for (const one of layout.annotations ?? []) if (one.name === "wide label" || one.name?.startsWith("panel")) one.font = { ...one.font, size: 10 };
    });
  });
  window.addEventListener("afterprint", async () => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    await wattboard.onPaper(undefined);
    // A figure that was given a width keeps it until it is told to look for its own.
    wattboard.drawn().forEach((element) => Plotly.Plots.resize(element));
  });
})();
