"""What all figures share. Colours are names of the style sheet's variables, light and dark: the page
puts their values in when it draws, so that charts and page have one theme, defined once.
"""

from __future__ import annotations

from typing import Any

Figure = dict[str, Any]

# Okabe and Ito's palette, which colour-blind readers can tell apart, without its black and yellow.
ACCENT, SECOND = "var(--s1)", "var(--s2)"
# One colour each for the largest of many groups; the others share a neutral one.
PALETTE = tuple(f"var(--s{i})" for i in range(1, 9))
REST = "var(--s0)"
BAND = "var(--band)"
STAMP = "var(--stamp)"
STEPS = 5
SEQUENTIAL = [[i / (STEPS - 1), f"var(--q{i})"] for i in range(STEPS)]
# Blue, the page's colour at the centre, red: from the least to the greatest.
ARMS = 7
DIVERGING = [[i / (ARMS - 1), f"var(--d{i})"] for i in range(ARMS)]
SIMULATED = "Simulated data"


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis with its title, a faint grid and no line at zero."""
    named = {"title": {"text": title, "standoff": 8}} if title else {}
    return {
        **named,
        "automargin": True,
        "zeroline": False,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "tickcolor": "var(--line)",
        **more,
    }


def log_axis(title: str, decades: int = 1, **more: Any) -> dict[str, Any]:
    """A logarithmic axis with a tick every so many powers of ten, written out."""
    return axis(title, type="log", dtick=decades, tickformat=",~g", **more)


def figure(
    data: list[dict[str, Any]],
    *,
    height: int,
    narrow_height: int = 0,
    x: dict[str, Any] | None = None,
    y: dict[str, Any] | None = None,
    zoom: tuple[str, ...] = ("xaxis",),
    simulated: bool = False,
    **more: Any,
) -> Figure:
    """A Plotly figure. ``meta`` tells the page its height on a phone and which axes zoom."""
    meta = {"zoom": list(zoom), "narrow_height": narrow_height or height, **more.pop("meta", {})}
    annotations = more.pop("annotations", [])
    layout: dict[str, Any] = {
        "height": height,
        "meta": meta,
        "margin": {"l": 64, "r": 20, "t": 48, "b": 36},
        "paper_bgcolor": "var(--bg)",
        "plot_bgcolor": "var(--bg)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--text)"},
        "hoverlabel": {
            "bgcolor": "var(--panel)",
            "bordercolor": "var(--dim)",
            "font": {"color": "var(--text)"},
        },
        "hovermode": "closest",
        "dragmode": "zoom",
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        "xaxis": x or axis(),
        "yaxis": y or axis(),
        **more,
    }
    if simulated:
        annotations = [*annotations, stamp()]
    if annotations:
        layout["annotations"] = annotations
    return {"data": data, "layout": layout}


def stamp() -> dict[str, Any]:
    """A mark inside the figure, so that no picture cut out of the page passes for a measurement."""
    return {
        "text": SIMULATED,
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 1,
        "xanchor": "right",
        "yanchor": "bottom",
        "yshift": 24,
        "showarrow": False,
        "font": {"size": 13, "color": STAMP},
        "name": "simulated",
    }


def colorbar(title: str, **more: Any) -> dict[str, Any]:
    """A slim scale beside a heatmap."""
    return {"title": {"text": title}, "thickness": 12, "outlinewidth": 0, **more}
