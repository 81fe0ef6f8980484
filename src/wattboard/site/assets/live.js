"use strict";
// Listens to the server: readings as they are taken, what was missed, and what goes wrong. A connection
// that is lost is made again; a page that nobody sees lets go of its own, since a browser grants a server
// no more than six.
(() => {
  const { readings, live, now: numbers } = wattboard;
  const { put } = live;
  const $ = (id) => document.getElementById(id);
  const [link, age, trouble, spoken] = ["link", "age", "trouble", "spoken"].map($);
  // The server speaks every 15 seconds, be it to say that there is nothing.
  const SILENT = 40_000, AGAIN = [1000, 2000, 3000, 5000], SPEAK = 30_000, PAINT = 250, TABLE = 10_000;
  // Less is sent with the connection; more is read from the recording as columns.
  const CATCH_UP = 300_000;
  const late = Math.max(5000, 4 * readings.WIDTH);
  let source, retry, attempts = 0, heard = 0, session, ahead = 0;
  let latest, painted, paintTimer, spokenAt = -Infinity, tabled = 0, paused = false;

  // --- telling -------------------------------------------------------------------------------------

  function state(name, text) {
    link.dataset.state = name;
    put(link, text);
  }

  const serverNow = () => Date.now() + ahead;

  // How long ago the latest reading ended.
  function tick() {
    if (source && performance.now() - heard > SILENT) lost();
    if (!latest) return;
    const { time_us: start, width_us: width } = latest.reading;
    const ms = Math.max(0, serverNow() - (start + width) / 1000);
    const seconds = Math.floor(ms / 1000);
    const ago = seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
    put(age, `Last reading at ${wattboard.zone.clock((start + width) / 1000)}, ${ago} ago`);
    document.body.toggleAttribute("data-stale", ms > late || link.dataset.state === "lost");
    if (source?.readyState === EventSource.OPEN && link.dataset.state !== "waiting") {
      if (ms > late) state("late", "Connected, but no new reading.");
      else state("live", paused ? "Paused; readings are still recorded." : "Live.");
    }
  }

  function say(status) {
    put(trouble, status.trouble.join(" "));
    numbers.gaps(status);
  }

  function paint() {
    paintTimer = undefined;
    if (!latest || paused || document.hidden) return;
    painted = performance.now();
    numbers.show(latest);
    document.title = `${numbers.sentence(latest).split(",")[0]} \u00b7 Live \u00b7 ${document.body.dataset.title} \u00b7 wattboard`;
    const time = performance.now();
    if (time - spokenAt >= SPEAK) {
      spokenAt = time;
      put(spoken, numbers.sentence(latest));
      live.say(numbers.summary());
    }
    if ($("table").open && time - tabled >= TABLE) {
      tabled = time;
      numbers.table($("table").querySelector("tbody"));
    }
    tick();
  }

  function soon() {
    paintTimer ??= setTimeout(paint, Math.max(0, (painted ?? -PAINT) + PAINT - performance.now()));
    live.soon();
  }

  // --- what the server says ------------------------------------------------------------------------

  const row = ({ time_us: time, values, means }) => [time / 1000, values.power_w, means.power_w ? `${means.power_w.kind}: ${means.power_w.by}` : "unknown how"];

  function read(told) {
    // How the page and its chart mark what is simulated comes from the server.
    if (told.simulated !== marked(document)) {
      location.reload();
      return;
    }
    latest = told;
    readings.take([row(told.reading)]);
    live.since(told.recording.first_us / 1000);
    if (link.dataset.state !== "live") state("live", "Live.");
    say(told.status);
    soon();
  }

  async function hello(told) {
    ahead = told.now_us / 1000 - Date.now();
    attempts = 0;
    state(latest ? "live" : "waiting", latest ? "Live." : "Connected. Waiting for the first reading.");
    say(told.status);
    built(told.built_us);
    if (session !== undefined && session !== told.session) again();
    session = told.session;
    // Columns of the window, unless what was missed comes with the connection.
    if (readings.end !== undefined && serverNow() - readings.end < CATCH_UP) return;
    try {
      await readings.fill(serverNow());
      soon();
    } catch (error) {
      put(trouble, `What was recorded could not be read: ${error.message}`);
    }
  }

  const marked = (page) => page.querySelector(".banner") !== null;

  // The server was started again, maybe with other settings: what it tells once is read anew.
  async function again() {
    const response = await fetch("/");
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const { interval, zone } = fresh.body.dataset;
    if (interval !== document.body.dataset.interval || zone !== document.body.dataset.zone || marked(fresh) !== marked(document)) {
      location.reload();
      return;
    }
    for (const part of document.querySelectorAll("[data-fresh]")) part.replaceChildren(...fresh.getElementById(part.id).childNodes);
  }

  function connect() {
    clearTimeout(retry);
    source?.close();
    const last = readings.end === undefined ? undefined : readings.end - readings.WIDTH;
    const since = last !== undefined && serverNow() - last < CATCH_UP ? `?since=${Math.round(last * 1000)}` : "";
    const opened = new EventSource(`/events${since}`);
    source = opened;
    heard = performance.now();
    const on = (name, act) => opened.addEventListener(name, ({ data }) => {
      if (opened !== source) return;
      heard = performance.now();
      act(JSON.parse(data));
    });
    on("hello", hello);
    on("missed", (rows) => { readings.take(rows.map(row)); soon(); });
    on("reading", read);
    on("status", say);
    on("ping", () => {});
    opened.addEventListener("error", () => { if (opened === source) lost(); });
  }

  async function lost() {
    source?.close();
    source = undefined;
    state("lost", "Disconnected, trying again.");
    tick();
    clearTimeout(retry);
    retry = setTimeout(connect, AGAIN[Math.min(attempts, AGAIN.length - 1)]);
    attempts += 1;
    try {
      const { status } = await fetch("/api/now");
      if (status === 401) state("lost", "The server was started again with another token: open the address that it printed.");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { clearTimeout(retry); source?.close(); source = undefined; } else { attempts = 0; connect(); }
  });

  // --- what the reader does ------------------------------------------------------------------------

  const pause = $("pause");
  pause.disabled = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    live.pause(paused);
    paint();
    tick();
  });
  $("table").addEventListener("toggle", () => {
    tabled = performance.now();
    if ($("table").open) numbers.table($("table").querySelector("tbody"));
  });

  function built(time_us) {
    $("open").hidden = time_us === null;
    if (time_us !== null && !$("build").hasAttribute("aria-busy")) put($("built"), `Built at ${wattboard.zone.moment(time_us / 1000)}.`);
  }

  $("build").disabled = false;
  $("build").addEventListener("click", async () => {
    const button = $("build");
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    put($("failed"), "");
    put($("built"), "Building the pages\u2026");
    const from = performance.now();
    const seconds = () => Math.round((performance.now() - from) / 1000);
    const clock = setInterval(() => { button.textContent = `Building, ${seconds()} s`; }, 1000);
    try {
      const response = await fetch("/build", { method: "POST" });
      const told = await response.json();
      if (!response.ok) throw new Error(told.error ?? `the server answers ${response.status}`);
      $("open").href = told.address;
      $("open").hidden = false;
      put($("built"), `Built at ${wattboard.zone.moment(serverNow())}, in ${seconds()} s.`);
      $("open").focus();
    } catch (error) {
      put($("built"), "");
      put($("failed"), `The pages could not be built. ${error.message}`);
    } finally {
      clearInterval(clock);
      button.removeAttribute("aria-busy");
      button.textContent = "Build the pages";
    }
  });

  setInterval(tick, 1000);
  if (!document.hidden) connect();
})();
