"""Figures of the power model: regimes, power against load, residuals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wattboard.charts.theme import ACCENT, PALETTE, REST, SECOND, Figure, axis, figure
from wattboard.format import number, quantity
from wattboard.schema import COLUMN
from wattboard.summary import Coefficient, HeldOut, ModelReport, Regime

# In turn, so that neighbours differ: of regimes, and greyer of plateaus of power alone.
FILLS = {"model": ("var(--r0)", "var(--r1)"), "power-only": ("var(--r2)", "var(--r3)")}
# Shares of the chart's width that a regime needs for its label, on a screen and on a phone.
LABELLED, LABELLED_NARROW = 0.06, 0.17
# More stripes than this behind a line of power are noise.
MOST_STRIPES = 40
# Labels of lines nearer than this, in shares of the chart, would lie on one another.
APART_X, APART_Y = 0.12, 0.045
LINE_POINTS = 9


def when(local: str) -> str:
    """Local time as a chart takes it, without offset."""
    return local[:19]


def _ms(local: str) -> int:
    """Local time as the page counts it: as if it were UTC."""
    return round(datetime.fromisoformat(when(local)).replace(tzinfo=UTC).timestamp() * 1000)


def _told(local: str) -> str:
    return local[:16].replace("T", " ")


def _name(place: int, regimes: list[Regime]) -> str:
    if regimes[place].kind == "power-only":
        return f"plateau {place + 1} of {len(regimes)}, of power alone"
    return f"regime {place + 1} of {len(regimes)}"


def stripes(regimes: list[Regime]) -> dict[str, Any]:
    """Shapes and their defaults, for a light shade behind every other regime; {} if they are many."""
    if not 2 <= len(regimes) <= MOST_STRIPES:
        return {}
    return {
        "template": _rectangles(),
        "shapes": [
            {"x0": when(one.start), "x1": when(one.end), "fillcolor": FILLS["model"][1]}
            for one in regimes[1::2]
        ],
    }


def _rectangles() -> dict[str, Any]:
    """What every shade has in common, said once."""
    plain = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    return {"layout": {"shapedefaults": {**plain, "line": {"width": 0}}}}


def regimes_over_time(power: Figure, regimes: list[Regime]) -> Figure:
    """Power over time with the regimes shaded, each with its dates and its baseline, W.

    ``power`` is the figure of power over time, which this one is drawn into.
    """
    layout = power["layout"]
    begin, end = _ms(regimes[0].start), max(_ms(one.end) for one in regimes)
    shades, labels = [], []
    for place, one in enumerate(regimes):
        alone = one.kind == "power-only"
        shades.append(
            {
                "x0": when(one.start),
                "x1": when(one.end),
                "fillcolor": FILLS[one.kind][place % 2],
            }
        )
        share = (_ms(one.end) - _ms(one.start)) / max(end - begin, 1)
        if one.baseline_w is None or share < LABELLED:
            continue
        labels.append(
            {
                "text": quantity(one.baseline_w, "W"),
                "x": (_ms(one.start) + _ms(one.end)) / 2,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": "var(--dim)" if alone else "var(--text)"},
                # The page leaves those out that a phone has no room for.
                "name": "label" if share >= LABELLED_NARROW else "wide label",
            }
        )
    line = {"type": "scatter", "mode": "lines", "x": [], "y": [], "connectgaps": False}
    lines = [
        {
            **line,
            "line": {"width": 2, "color": "var(--dim)", "dash": "dot"},
            "hoverinfo": "skip",
            "meta": {"from": "plateau"},
        },
        {
            **line,
            "line": {"width": 2.5, "color": SECOND},
            "hoverinfo": "skip",
            "meta": {"from": "baseline"},
        },
        # Both kinds in the order of time: what the mouse and the keyboard read.
        {
            **line,
            "name": "regime",
            "line": {"width": 0, "color": SECOND},
            "hovertemplate": "%{customdata[0]}<extra></extra>",
            "meta": {"from": "level"},
        },
    ]
    told = [
        [
            _ms(one.start),
            _ms(one.end),
            one.baseline_w,
            f"{_name(place, regimes)}, {'median' if one.kind == 'power-only' else 'baseline'} "
            f"{quantity(one.baseline_w, 'W')}<br>{_told(one.start)} to {_told(one.end)}",
            "plateau" if one.kind == "power-only" else "baseline",
        ]
        for place, one in enumerate(regimes)
    ]
    return {
        "data": [*power["data"], *lines],
        "layout": {
            **layout,
            "showlegend": False,
            "template": _rectangles(),
            "shapes": shades,
            "annotations": [*labels, *layout.get("annotations", [])],
            "meta": {**layout["meta"], "regimes": told},
        },
    }


def colours(held_out: HeldOut, regimes: list[Regime]) -> dict[int, str]:
    """Place of a regime -> its colour: the largest have one each, the others share one."""
    counts = {place: held_out.regime.count(place) for place in sorted(set(held_out.regime))}
    largest = sorted(counts, key=lambda place: (-counts[place], place))[: len(PALETTE)]
    # In order of time, so that neighbours in time have neighbouring colours of the palette.
    own = dict(zip(sorted(largest), PALETTE, strict=False))
    return {place: own.get(place, REST) for place in counts if place < len(regimes)}


def power_against_load(report: ModelReport, held_out: HeldOut, *, simulated: bool) -> Figure:
    """Power against load, coloured by regime, with the fitted line of each: parallel lines."""
    feature = report.features[0]
    column, slope = COLUMN[feature], report.coefficients[feature]
    colour = colours(held_out, report.regimes)
    points: dict[int, list[int]] = {place: [] for place in colour}
    for i, place in enumerate(held_out.regime):
        if place in points:
            points[place].append(i)
    data: list[dict[str, Any]] = []
    # Those that share a colour lie below.
    order = sorted(points, key=lambda place: (colour[place] != REST, place))
    for place in order:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [round(held_out.load[i], 3) for i in points[place]],
                "y": [round(held_out.actual_w[i], 3) for i in points[place]],
                "customdata": [_told(held_out.start[i]) for i in points[place]],
                "name": _name(place, report.regimes),
                "marker": {"size": 4, "color": colour[place], "opacity": 0.45},
                "hovertemplate": f"%{{x:,.1f}} {column.unit}, %{{y:,.1f}} W<br>%{{customdata}}"
                "<extra></extra>",
            }
        )
    ends = _ends(report, held_out, points, slope)
    for place in order:
        if place not in ends:
            continue
        (low, at_low), (high, at_high) = ends[place]
        steps = [i / (LINE_POINTS - 1) for i in range(LINE_POINTS)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [round(low + step * (high - low), 4) for step in steps],
                "y": [round(at_low + step * (at_high - at_low), 4) for step in steps],
                "line": {"width": 1 if colour[place] == REST else 2, "color": colour[place]},
                "hoverinfo": "skip",
            }
        )
    if ends:
        data.append(_end_marks(report, points, ends, colour))
    low, high = min(held_out.load, default=0.0), max(held_out.load, default=1.0)
    width = (high - low) or 1.0
    return figure(
        data,
        height=520,
        narrow_height=420,
        x=axis(f"{column.title} ({column.unit})", range=[low - 0.03 * width, high + 0.22 * width]),
        y=axis("Power (W)"),
        zoom=("xaxis", "yaxis"),
        simulated=simulated,
        meta={"colours": {str(place): name for place, name in colour.items()}},
    )


def _ends(
    report: ModelReport, held_out: HeldOut, points: dict[int, list[int]], slope: Coefficient
) -> dict[int, list[tuple[float, float]]]:
    """Of each regime with a baseline, the two ends of its line over the loads that it has seen."""
    found = {}
    for place, rows in points.items():
        baseline = report.regimes[place].baseline_w
        if baseline is None or not rows:
            continue
        loads = [held_out.load[i] for i in rows]
        found[place] = [
            (load, baseline + slope.estimate * load) for load in (min(loads), max(loads))
        ]
    return found


def _end_marks(
    report: ModelReport,
    points: dict[int, list[int]],
    ends: dict[int, list[tuple[float, float]]],
    colour: dict[int, str],
) -> dict[str, Any]:
    """A mark at the end of each line, which says its baseline: the keyboard steps through these."""
    by_size = sorted(ends, key=lambda place: -len(points[place]))
    loads = [load for pair in ends.values() for load, _ in pair]
    powers = [power for pair in ends.values() for _, power in pair]
    wide = (max(loads) - min(loads)) or 1.0
    tall = (max(powers) - min(powers)) or 1.0
    texts: dict[int, str] = {}
    for place in by_size:
        load, power = ends[place][1]
        # A label needs the room to the right of its mark.
        near = any(
            other != place
            and (-APART_X if other in texts else 0) * wide
            < ends[other][1][0] - load
            < APART_X * wide
            and abs(ends[other][1][1] - power) < APART_Y * tall
            for other in ends
        )
        if not near and colour[place] != REST:
            texts[place] = quantity(report.regimes[place].baseline_w, "W")
    places = sorted(ends, key=lambda place: report.regimes[place].baseline_w or 0.0)
    told = []
    for place in places:
        one = report.regimes[place]
        told.append(
            f"{_name(place, report.regimes)}: baseline {quantity(one.baseline_w, 'W')}<br>"
            f"{_told(one.start)} to {_told(one.end)}, {len(points[place]):,} means"
        )
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [round(ends[place][1][0], 4) for place in places],
        "y": [round(ends[place][1][1], 4) for place in places],
        "text": [texts.get(place, "") for place in places],
        "textposition": "middle right",
        "textfont": {"size": 12},
        "cliponaxis": False,
        "customdata": told,
        "marker": {"size": 7, "color": [colour[place] for place in places]},
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def residuals(report: ModelReport, held_out: HeldOut, *, simulated: bool) -> Figure:
    """Residuals over time: actual less predicted power of held-out time, with the interval, W."""
    rest = [
        round(actual - predicted, 3)
        for actual, predicted in zip(held_out.actual_w, held_out.predicted_w, strict=True)
    ]
    shapes: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    if report.interval_w is not None:
        low, high = report.interval_w
        band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": low, "y1": high}
        shapes.append({**band, "fillcolor": "var(--r0)", "line": {"width": 0}, "layer": "below"})
        notes.append(
            {
                "text": f"{number(report.interval_level * 100)} % interval",
                "xref": "paper",
                "x": 1,
                "y": high,
                "xanchor": "right",
                "yanchor": "bottom",
                "showarrow": False,
                "bgcolor": "var(--bg)",
                "font": {"size": 12, "color": "var(--dim)"},
            }
        )
    thin = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    shapes += [
        {
            **thin,
            "x0": when(one.start),
            "x1": when(one.start),
            "line": {"width": 1, "color": "var(--line)"},
        }
        for place, one in enumerate(report.regimes)
        if place
    ]
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
    shapes.append({**zero, "line": {"width": 1, "color": "var(--dim)"}})
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [when(start) for start in held_out.start],
        "y": rest,
        "customdata": [
            [round(actual, 3), round(predicted, 3)]
            for actual, predicted in zip(held_out.actual_w, held_out.predicted_w, strict=True)
        ],
        "marker": {"size": 4, "color": ACCENT, "opacity": 0.5},
        "hovertemplate": "%{x|%Y-%m-%d %H:%M}<br>residual %{y:,.2f} W: actual "
        "%{customdata[0]:,.1f} W, predicted %{customdata[1]:,.1f} W<extra></extra>",
    }
    return figure(
        [marks],
        height=380,
        narrow_height=320,
        x=axis(type="date"),
        y=axis("Actual less predicted (W)", fixedrange=True),
        simulated=simulated,
        shapes=shapes,
        annotations=notes,
    )
