"""One table: wattboard beside what its user would take instead, for a build and for a zoom.

    make compare                              # 7,887,568 rows; writes the table of the README
    python benchmarks/compared.py --file LOG --resampler PYTHON --print

Commands run in turn, as benchmarks/build.py runs them. A step of zooming is timed in one Chromium,
from the input to the painted frame: on our page from a static server, and on plotly-resampler's from
its own. Ratios are to the pass, and of zooming to our step.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import build
import zooming

README = Path(__file__).parents[1] / "README.md"
MARKED = re.compile(r"(<!-- compared -->\n).*?(<!-- compared: end -->)", re.S)
ROWS = {
    "one DuckDB pass": "the limit: one DuckDB pass over one column, by the hour",
    "polars, the pass": "the same pass with polars",
    "pandas, the original's steps": "the original's five columns and one line fitted, with pandas",
    "wattboard, cold": "`wattboard build`: every column and reading cleaned, model, pages, {weight}",
    "wattboard, minutes": "the same with `--detail minute`",
    "wattboard, another title": "the site again, with another title",
    "wattboard, another place": "the site again, with another place",
    "wattboard, again": "the site again, nothing changed",
}
ZOOMS = 22
# Zooms in by two around a moment, as often as our page does, and tells when the lines are new.
STEP = """async ([from, to]) => {
  const chart = document.querySelector(".js-plotly-plot");
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const before = chart.data[0].x;
  const begun = performance.now();
  await Plotly.relayout(chart, { "xaxis.range[0]": from, "xaxis.range[1]": to });
  while (chart.data[0].x === before && performance.now() - begun < 20000) await frame();
  await frame();
  const took = performance.now() - begun;
  await new Promise((done) => setTimeout(done, 250));
  return took;
}"""


def windows(first: datetime, last: datetime) -> list[tuple[str, str]]:
    """From the whole to seconds, by halves around a moment of the log."""
    middle = first + (last - first) * 0.37
    half = (last - first) / 2
    found = []
    for _ in range(ZOOMS):
        half /= 2
        found.append(tuple((middle + side * half).isoformat(" ") for side in (-1, 1)))
    return found


@contextmanager
def resampler(python: Path, log: Path) -> Iterator[str]:
    """The address of plotly-resampler's server, once it has read the log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("resampler_server.py")
    server = subprocess.Popen(
        [str(python), str(script), str(log), str(port)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        while (told := server.stdout.readline()) != "ready\n":
            assert told, "plotly-resampler's server ended"
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def resampled(page: Any, address: str, first: datetime, last: datetime) -> list[float]:
    """Every step's time, ms."""
    page.goto(address)
    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    return [page.evaluate(STEP, list(window)) for window in windows(first, last)]


def zoomed(site: Path, log: Path, python: Path | None) -> dict[str, list[float]]:
    """Steps of both, in the same browser."""
    from playwright.sync_api import sync_playwright

    found = {}
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright, zooming.served(site) as ours:
        browser = playwright.chromium.launch(executable_path=chromium, args=zooming.FLAGS)
        (steps,) = zooming.measured(browser, [ours], show=False)
        found["ours"] = [took for took, _ in steps][:ZOOMS]
        page, _ = zooming.opened(browser, ours)
        first_us, last_us = zooming.ends(page)
        page.close()
        if python is not None:
            moments = [datetime.fromtimestamp(us / 1e6, UTC) for us in (first_us, last_us)]
            with resampler(python, log) as theirs:
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                plain = [moment.replace(tzinfo=None) for moment in moments]
                found["theirs"] = resampled(page, theirs, *plain)
                page.close()
        browser.close()
    return found


def table(
    runs: dict[str, list[build.Run]], zooms: dict[str, list[float]], log: Path, site: Path
) -> str:
    """As Markdown."""
    base = build.middle(runs["one DuckDB pass"])
    files = [path for path in site.rglob("*") if path.is_file()]
    weight = f"{sum(path.stat().st_size for path in files) / 1e6:,.0f} MB in {len(files):,} files"
    lines = ["| what | time | of the pass | peak memory |", "| --- | ---: | ---: | ---: |"]
    for label, told in ROWS.items():
        run = build.middle(runs[label])
        ratio = run.seconds / base.seconds
        what = told.format(weight=weight)
        lines.append(f"| {what} | {run.seconds:.2f} s | {ratio:.2f} × | {run.peak_mb:,.0f} MB |")
    lines += ["", "| a step of zooming, whole log to one second | median | slowest | needs |"]
    lines.append("| --- | ---: | ---: | --- |")
    names = {"ours": ("wattboard's page", "files"), "theirs": ("plotly-resampler", "its server")}
    for name, times in zooms.items():
        told, needs = names[name]
        lines.append(
            f"| {told} | {statistics.median(times):.0f} ms | {max(times):.0f} ms | {needs} |"
        )
    size = log.stat().st_size / 1e6
    times = len(runs["one DuckDB pass"])
    how = f"median of {times} runs in turn" if times > 1 else "one run of each"
    lines += ["", f"{size:,.0f} MB of CSV, {os.cpu_count()} cores, {how}, {date.today()}.", ""]
    return "\n".join(lines)


def main() -> None:
    """Measure everything side by side, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=7_887_568)
    parser.add_argument("--file", type=Path, help="a raw file of the server dataset")
    parser.add_argument("--runs", type=int, default=build.RUNS, help="of each command")
    parser.add_argument("--resampler", type=Path, help="a Python that has plotly-resampler")
    parser.add_argument("--print", action="store_true", help="leave the README as it is")
    given = parser.parse_args()
    build.compile_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = given.file or build.write_sample(folder / "log.csv", given.rows)
        runs = build.one_file(folder, log, given.runs)
        zooms = zoomed(folder / "site", log, given.resampler)
        told = table(runs, zooms, log, folder / "site")
    print(told)
    if not given.print:
        text = README.read_text("utf-8")
        assert MARKED.search(text), "the README has no place for the table"
        README.write_text(
            MARKED.sub(lambda found: f"{found[1]}\n{told}\n{found[2]}", text), "utf-8"
        )


if __name__ == "__main__":
    main()
