"""What all figures share. Colours of text, grid and paper are set by the page when it draws."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's palette, which colour-blind readers can tell apart, without its black and yellow.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
ACCENT, SECOND, THIRD = PALETTE[0], PALETTE[1], PALETTE[2]
BAND = "rgba(0,114,178,0.22)"
SEQUENTIAL = "Cividis"
DIVERGING = "RdBu"
SIMULATED = "Simulated data"


def layout(
    *, x: str = "", y: str = "", height: int = 420, simulated: bool = False
) -> dict[str, Any]:
    """The common layout: titled axes with units, faint grid, room for labels."""
    found: dict[str, Any] = {
        "height": height,
        "margin": {"l": 64, "r": 20, "t": 52, "b": 52},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "hovermode": "closest",
        "dragmode": "zoom",
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        "xaxis": {"title": {"text": x}, "automargin": True, "zeroline": False},
        "yaxis": {"title": {"text": y}, "automargin": True, "zeroline": False},
    }
    if simulated:
        found["annotations"] = [stamp()]
    return found


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
        "yshift": 20,
        "showarrow": False,
        "font": {"size": 13, "color": SECOND},
        "name": "simulated",
    }
