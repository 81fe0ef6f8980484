"""plotly-resampler on the rows of a raw file of the server dataset, in an environment of its own.

    python resampler_server.py FILE PORT

It needs an older Plotly than wattboard does. Seven lines, as many as the page of readings draws of this
file, in panels that share their axis, 1,000 points each (its default).
"""

from __future__ import annotations

import logging
import sys

import pandas as pd
from plotly.subplots import make_subplots
from plotly_resampler import FigureResampler

PANELS = (
    ("potencia",),
    ("WORKSTATION_CPU",),
    ("WORKSTATION_GPU", "WORKSTATION_RAM"),
    ("WORKSTATION_CPU_POWER", "WORKSTATION_GPU_POWER"),
    ("energia",),
)


def main() -> None:
    """Read, draw, serve until a signal."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    path, port = sys.argv[1], int(sys.argv[2])
    columns = [name for panel in PANELS for name in panel]
    frame = pd.read_csv(
        path,
        usecols=["fecha_servidor", *columns],
        parse_dates=["fecha_servidor"],
        on_bad_lines="skip",
    ).sort_values("fecha_servidor")
    figure = FigureResampler(make_subplots(rows=len(PANELS), cols=1, shared_xaxes=True))
    for row, panel in enumerate(PANELS, start=1):
        for name in panel:
            figure.add_trace(
                {"type": "scatter", "name": name},
                hf_x=frame["fecha_servidor"],
                hf_y=frame[name],
                row=row,
                col=1,
            )
    print("ready", flush=True)
    figure.show_dash(mode="external", port=port)


if __name__ == "__main__":
    main()
