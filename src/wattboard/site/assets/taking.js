"use strict";
// What a reader takes along: a table as a CSV file, a text by way of the clipboard. Loaded when asked for.
wattboard.taking = (() => {
  // A spreadsheet runs a text that begins like a formula.
  const safe = (value) => (typeof value === "string" ? value.replace(/(^|[;|\t\r\n])([ "]*[=+@-])/g, "$1'$2") : value);
  const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replace(/"/g, '""')}"` : value);

  // Rows of texts and numbers, the head first; a missing number is an empty cell.
  function csv(name, rows) {
    const cell = (value) => (Number.isNaN(value) ? "" : quoted(safe(value)));
    saved(name, new Blob([rows.map((row) => `${row.map(cell).join(",")}\n`).join("")], { type: "text/csv" }));
  }

  function saved(name, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // Puts a text on the clipboard; false where the browser keeps its clipboard to itself, as some do on a
  // page from disk or over plain http.
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      return false;
    }
  }

  return { csv, saved, copied };
})();
