"""The picture that a link to the site is shown with: power over time and the key figures, as PNG."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from wattboard.format import money as amount
from wattboard.format import number, quantity, scale, scaled
from wattboard.site.about import period, site_name
from wattboard.summary import Range, Series, Summary

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

# What those who show previews ask for.
WIDTH, HEIGHT = 1200, 630
# Drawn larger and scaled down, so that slanted lines are smooth.
SCALE = 2
COLOURS = 128
MARGIN = 60
LEFT, TOP, BOTTOM = 140, 350, 560
TEXT, DIM, GRID, LINE, BAND, STAMP = (
    "#1b1f24",
    "#57606a",
    "#d8dee4",
    "#0072b2",
    "#bcd9ea",
    "#a84600",
)
PAPER = "#ffffff"
NAMES = ((50, 1), (44, 1), (38, 2), (32, 2))
MOST_FIGURES = 4
FALLBACK = "Power and energy"
TICKS = 3
# A shorter stretch is a dot, so that it is seen.
LEAST = 3
Figure = tuple[str, str, str]


def preview(summary: Summary, series: Series) -> bytes:
    """The picture of a site; simulated readings are marked in it."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = _Pen(ImageDraw.Draw(image))
    _head(pen, summary)
    column = (WIDTH - 2 * MARGIN) / MOST_FIGURES
    drawn = [figure for figure in key_figures(summary) if pen.has("".join(figure))]
    for place, (label, value, note) in enumerate(drawn[:MOST_FIGURES]):
        x, room = MARGIN + place * column, column - 24
        pen.text(x, 196, label, 21, DIM)
        pen.text(x, 224, value, pen.fitting(value, 40, room, bold=True), TEXT, bold=True)
        pen.text(x, 278, note, pen.fitting(note, 18, room), DIM)
    if len(series.start) > 1:
        _chart(pen, series)
    foot = f"wattboard: {period(summary)} ({summary.log.timezone})"
    foot = foot if pen.has(foot) else f"wattboard: {period(summary)}"
    pen.text(MARGIN, 592, foot, pen.fitting(foot, 19, WIDTH - 2 * MARGIN), DIM)
    # Packing it as tightly as possible would take four times as long for a fiftieth of its size.
    small = image.reduce(SCALE).quantize(COLOURS)
    out = io.BytesIO()
    small.save(out, "PNG")
    return out.getvalue()


def key_figures(summary: Summary) -> list[Figure]:
    """Label, value and range or reason of what is known, the most telling first."""
    found: list[Figure] = []
    energy, foot, power = summary.energy, summary.footprint, summary.power
    if energy.covered_hours > 0:
        covered = f"over {scaled(energy.covered_hours, 'h')}"
        found.append(("Energy", scaled(energy.integrated_kwh, "kWh"), covered))
        if foot.operational_co2e_kg is not None:
            found.append(("CO2e", *_ranged(foot.operational_co2e_kg, "kg")))
        if foot.cost is not None:
            price = f"{amount(foot.tariff_per_kwh, foot.currency)} per kWh"
            found.append(("Cost", amount(foot.cost, foot.currency), price))
    spread = f"{number(power.min_w)} to {quantity(power.max_w, 'W')}"
    found.append(("Mean power", quantity(power.mean_w, "W"), spread))
    if power.idle_w is not None and energy.covered_hours >= 1:
        found.append(("Idle power", quantity(power.idle_w, "W"), ""))
    return found


def _ranged(result: Range, unit: str) -> tuple[str, str]:
    name, factor = scale(result.value, unit)
    value = quantity(result.value / factor, name)
    if result.low == result.high:
        return value, "operational"
    return value, f"{number(result.low / factor)} to {quantity(result.high / factor, name)}"


# Below it a text is grey, and the font has no size of it.
SMALLEST = 6.0


class _Pen:
    """Draws in the picture's own pixels, with letters that it knows to have."""

    def __init__(self, draw: ImageDraw) -> None:
        self._draw = draw
        self._fonts: dict[tuple[float, bool], FreeTypeFont] = {}

    def font(self, size: float, *, bold: bool = False) -> FreeTypeFont:
        from PIL import ImageFont

        key = (size, bold)
        if key not in self._fonts:
            name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
            data = resources.files("wattboard.site").joinpath("fonts", name).read_bytes()
            self._fonts[key] = ImageFont.truetype(
                io.BytesIO(data), size * SCALE, layout_engine=ImageFont.Layout.BASIC
            )
        return self._fonts[key]

    def has(self, text: str) -> bool:
        """Whether the font has every letter; what it lacks it would draw as a box."""
        font = self.font(20)
        box = bytes(font.getmask("\uffff"))
        return all(char.isspace() or bytes(font.getmask(char)) != box for char in text)

    def width(self, text: str, size: float, *, bold: bool = False) -> float:
        return self.font(size, bold=bold).getlength(text) / SCALE

    def fitting(self, text: str, size: float, room: float, *, bold: bool = False) -> float:
        """The size, or a smaller one, in which a text has room; what no size fits runs out of it."""
        return min(size, max(size * room / max(self.width(text, size, bold=bold), 1.0), SMALLEST))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        fill: str,
        *,
        bold: bool = False,
        **more: Any,
    ) -> None:
        font = self.font(size, bold=bold)
        self._draw.text((x * SCALE, y * SCALE), text, font=font, fill=fill, **more)

    def line(self, points: list[tuple[float, float]], fill: str, width: float) -> None:
        scaled_points = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled_points, fill=fill, width=round(width * SCALE), joint="curve")

    def area(self, points: list[tuple[float, float]], fill: str) -> None:
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def dot(self, x: float, y: float, fill: str, radius: float) -> None:
        box = [
            (x - radius) * SCALE,
            (y - radius) * SCALE,
            (x + radius) * SCALE,
            (y + radius) * SCALE,
        ]
        self._draw.ellipse(box, fill=fill)


def _head(pen: _Pen, summary: Summary) -> None:
    name = site_name(summary)
    if not name.strip() or not pen.has(name):
        name = FALLBACK
    size, lines = _fitting(pen, name)
    y = 46.0
    if summary.simulated:
        pen.text(MARGIN, y, "Simulated data: no measurement", 24, STAMP, bold=True)
        y += 40
    for line in lines:
        pen.text(MARGIN, y, line, size, TEXT, bold=True)
        y += size * 1.15


def _fitting(pen: _Pen, name: str) -> tuple[int, list[str]]:
    """The largest size in which a name fits, and its lines; a longer one is cut, and says so."""
    room = WIDTH - 2 * MARGIN
    size, lines = 0, [""]
    for size, most in NAMES:
        letters = max(int(room * len(name) / pen.width(name, size, bold=True)), 1)
        lines = textwrap.wrap(name, letters, max_lines=most, placeholder=" …")
        while letters > 1 and any(pen.width(line, size, bold=True) > room for line in lines):
            letters -= 1
            lines = textwrap.wrap(name, letters, max_lines=most, placeholder=" …")
        if " ".join(lines) == " ".join(name.split()):
            break
    return size, lines


def _chart(pen: _Pen, series: Series) -> None:
    # Of no zone, like the starts: only what lies between two of them counts.
    moments = [datetime.fromisoformat(text) for text in series.start]
    start = [(moment - moments[0]).total_seconds() for moment in moments]
    last = start[-1] + series.bucket_s
    highs = [value for value in series.max_w if value is not None]
    top = max(*highs, 1.0) if highs else 1.0
    step = _step(top)
    ceiling = max(top, step * TICKS)

    def x(time: float) -> float:
        return LEFT + time / last * (WIDTH - MARGIN - LEFT)

    def y(watts: float) -> float:
        return BOTTOM - max(watts, 0.0) / ceiling * (BOTTOM - TOP)

    for i in range(int(ceiling / step) + 1):
        pen.line([(LEFT, y(i * step)), (WIDTH - MARGIN, y(i * step))], GRID, 1)
        label = quantity(i * step, "W")
        pen.text(LEFT - 14, y(i * step), label, 18, DIM, anchor="rm")
    for left, right in _stretches(series):
        inside = range(left, right)
        ends = [(i, start[i], start[i] + series.bucket_s) for i in inside]
        upper = [(x(t), y(series.max_w[i] or 0.0)) for i, a, b in ends for t in (a, b)]
        lower = [(x(t), y(series.min_w[i] or 0.0)) for i, a, b in ends for t in (a, b)]
        pen.area([*upper, *reversed(lower)], BAND)
    for left, right in _stretches(series):
        # A mean lasts for its bucket, as in the charts of the pages.
        steps = [
            (x(time), y(series.mean_w[i] or 0.0))
            for i in range(left, right)
            for time in (start[i], start[i] + series.bucket_s)
        ]
        if steps[-1][0] - steps[0][0] > LEAST:
            pen.line(steps, LINE, 2.5)
        else:
            pen.dot(*steps[0], LINE, 2.5)


def _stretches(series: Series) -> Iterator[tuple[int, int]]:
    """Runs of buckets that have a value and follow directly on one another: gaps stay open."""
    left = None
    for i, mean in enumerate(series.mean_w):
        known = mean is not None and series.min_w[i] is not None and series.max_w[i] is not None
        if left is not None and (not known or series.gap_before[i]):
            yield left, i
            left = None
        if known and left is None:
            left = i
    if left is not None:
        yield left, len(series.mean_w)


def _step(top: float) -> float:
    """A round number of watts, of which about three reach the top."""
    size = 10.0 ** len(str(int(top / TICKS)).lstrip("0")) if top >= TICKS else 1.0
    return next(
        size * part for part in (0.1, 0.2, 0.25, 0.5, 1.0) if size * part * (TICKS + 1) > top
    )
