"""How long a step of the page of readings takes, from the input to the painted frame, in Chromium.

From the whole log to one second and back, by the buttons' zoom, by address, and moving sideways; once
from a plain static server and once from disk. A step ends with the frame after the finest points of its
window were drawn. Beside it stands what the page's thread computed in it, which other programs on the
machine change little. Of two sites, such as before and after a change, each step is taken on both in
turn, and the second is told as a ratio to the first.

Usage: python benchmarks/zooming.py SITE [SITE] [--every]; a site is one that ``wattboard build`` has
written.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# Runs in the page: one step, its time to the first frame that shows the window and to the last.
STEP = """async (act) => {
  const chart = document.querySelector("[data-chart=readings]");
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const settled = new Promise((done) => chart.addEventListener("settled", done, { once: true }));
  const begun = performance.now();
  if (act.startsWith("#")) location.hash = act;
  else document.querySelector(`[data-act=${act}]`).click();
  await settled;
  await frame();
  const took = performance.now() - begun;
  return [took, document.querySelector(".tools output").textContent];
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static server, as python -m http.server is, without its lines."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The site's address while it is served."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def acts(moments: list[str]) -> list[str]:
    """Zooms from the whole to seconds, sideways there, jumps between far moments, and out again."""
    jumps = [f"#{moment}/PT1S" for moment in moments]
    hours = [f"#{moment}/PT6H" for moment in moments]
    return ["in"] * 22 + ["later", "earlier"] * 3 + ["out"] * 6 + jumps + hours + ["reset"]


def opened(browser: Any, base: str) -> tuple[Any, Any]:
    """The page of a site, drawn and at rest, and what its thread has computed."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{base}/readings.html")
    page.wait_for_function("() => document.querySelector('[data-chart=readings]').dataset.shown")
    page.wait_for_timeout(1500)
    thread = page.context.new_cdp_session(page)
    thread.send("Performance.enable", {"timeDomain": "threadTicks"})
    return page, thread


def ends(page: Any) -> tuple[int, int]:
    """First and last time of the log, µs."""
    first, last = page.evaluate(
        "() => { const { about } = document.querySelector('[data-chart=readings]').pyramid;"
        " return [about.first_us, about.last_us]; }"
    )
    return first, last


def moments(page: Any) -> list[str]:
    """Times from all over the log."""
    first, last = ends(page)
    return [
        page.evaluate(
            "(us) => new Date(us / 1000).toISOString().slice(0, 19) + 'Z'",
            first + share * (last - first),
        )
        for share in (0.13, 0.37, 0.52, 0.71, 0.94)
    ]


def computed_ms(thread: Any) -> float:
    """CPU that the page's thread has taken so far."""
    found = thread.send("Performance.getMetrics")["metrics"]
    return 1000 * next(one["value"] for one in found if one["name"] == "TaskDuration")


def measured(browser: Any, bases: Sequence[str], *, show: bool) -> list[list[tuple[float, float]]]:
    """Of each site, every step's time and what was computed in it, ms."""
    pages = [opened(browser, base) for base in bases]
    found: list[list[tuple[float, float]]] = [[] for _ in bases]
    for act in acts(moments(pages[0][0])):
        line = ""
        for (page, thread), steps in zip(pages, found, strict=True):
            page.bring_to_front()
            page.wait_for_timeout(250)
            before = computed_ms(thread)
            took, told = page.evaluate(STEP, act)
            steps.append((took, computed_ms(thread) - before))
            line += f"{took:6.0f} ms ({steps[-1][1]:4.0f})"
        if show:
            print(f"{line}  {act:<32} {told}")
    for page, _ in pages:
        page.close()
    return found


def summed_up(steps: Sequence[float]) -> str:
    """The middle, the slow end and the slowest."""
    ordered = sorted(steps)
    slow = ordered[int(0.95 * len(ordered))]
    return (
        f"median {statistics.median(ordered):.0f} ms, 95 % under {slow:.0f} ms, "
        f"slowest {ordered[-1]:.0f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, nargs="+")
    parser.add_argument("--every", action="store_true", help="print every step")
    given = parser.parse_args()
    folders = [site.resolve() for site in given.site]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, ExitStack() as servers:
        addresses = [servers.enter_context(served(folder)) for folder in folders]
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, bases in (
            ("static server", addresses),
            ("disk", [folder.as_uri() for folder in folders]),
        ):
            found = measured(browser, bases, show=given.every)
            for folder, steps in zip(folders, found, strict=True):
                times, cpu = zip(*steps, strict=True)
                print(f"{name}, {folder.name}: {len(steps)} steps, {summed_up(times)}")
                print(f"  computed by the page: {summed_up(cpu)}")
            for steps in found[1:]:
                for place, what in enumerate(("time", "computed")):
                    one, other = ([step[place] for step in each] for each in (found[0], steps))
                    print(
                        f"  {what}, to the first: all steps {sum(other) / sum(one):.2f}, "
                        f"slowest {max(other) / max(one):.2f}"
                    )
        browser.close()


if __name__ == "__main__":
    main()
