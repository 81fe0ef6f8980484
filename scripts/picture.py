"""The picture of the README: the first page of the demo's site, as Chromium shows it.

    python scripts/picture.py SITE docs/_static/overview.png

The readings are simulated, and the picture must say so: the page's own mark has to be in view, or
nothing is written.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, TALLEST = 1100, 1400
# The first chart, with what stands above it.
CHART = ".js-plotly-plot"
LARGEST_BYTES = 150_000
MARK = "simulated"


def take(site: Path, picture: Path) -> None:
    """Write ``picture`` from ``site``.

    Raises:
        SystemExit: no Chromium, the mark is not in view, or the picture is too large.
    """
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is needed: install it, or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": TALLEST},
            color_scheme="light",
            reduced_motion="reduce",
        )
        page.goto((site / "index.html").resolve().as_uri())
        page.wait_for_selector(f"{CHART} .main-svg")
        page.wait_for_timeout(1000)
        chart = page.locator(CHART).first.bounding_box()
        # What is printed on paper alone has the word as well.
        mark = page.get_by_text(MARK).filter(visible=True).first.bounding_box()
        if chart is None or mark is None:
            sys.exit("The chart or the mark of simulated readings is not in view.")
        height = chart["y"] + chart["height"]
        if height > TALLEST or mark["y"] + mark["height"] > height:
            sys.exit("The chart or the mark of simulated readings is not in view.")
        shot = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    # A page has few colours: with a palette the same picture takes a third.
    held = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        held, "PNG", optimize=True
    )
    if held.tell() > LARGEST_BYTES:
        sys.exit(f"The picture has {held.tell():,} bytes, more than {LARGEST_BYTES:,}.")
    picture.write_bytes(held.getvalue())
    print(f"Wrote {picture}, {held.tell():,} bytes")


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
