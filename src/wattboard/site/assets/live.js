"use strict";
(() => {
  const source = new EventSource("/events");
  source.addEventListener("reading", (event) => {
    const told = JSON.parse(event.data);
    document.getElementById("state").textContent = `${told.reading.values.power_w} W`;
  });
})();
