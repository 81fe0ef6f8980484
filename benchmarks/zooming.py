"""How long a step of the page of readings takes, from the input to the painted frame, in Chromium.

From the whole log to one second and back, by the buttons' zoom, by address, and moving sideways; once
from a plain static server and once from disk. A step ends with the frame after the finest points of its
window were drawn. Usage: python benchmarks/zooming.py SITE [--steps N]; the site is one that
``wattboard build`` has written.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
  await new Promise((done) => setTimeout(done, 250));
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


def measured(page: Any, base: str, show: bool) -> list[float]:
    """Every step's time, ms."""
    page.goto(f"{base}/readings.html")
    page.wait_for_function("() => document.querySelector('[data-chart=readings]').dataset.shown")
    page.wait_for_timeout(1500)
    edges = page.evaluate(
        "() => { const { about } = document.querySelector('[data-chart=readings]').pyramid;"
        " return [about.first_us, about.last_us]; }"
    )
    shares = (0.13, 0.37, 0.52, 0.71, 0.94)
    moments = [
        page.evaluate(
            "(us) => new Date(us / 1000).toISOString().slice(0, 19) + 'Z'",
            edges[0] + share * (edges[1] - edges[0]),
        )
        for share in shares
    ]
    found = []
    for act in acts(moments):
        took, told = page.evaluate(STEP, act)
        found.append(took)
        if show:
            print(f"  {took:6.0f} ms  {act:<40} {told}")
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--every", action="store_true", help="print every step")
    given = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, served(given.site.resolve()) as address:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name, base in (("static server", address), ("disk", given.site.resolve().as_uri())):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            times = measured(page, base, given.every)
            ordered = sorted(times)
            print(
                f"{name}: {len(times)} steps, median {statistics.median(times):.0f} ms, "
                f"95 % under {ordered[int(0.95 * len(ordered))]:.0f} ms, slowest {ordered[-1]:.0f} ms"
            )
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
