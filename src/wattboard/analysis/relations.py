"""Correlation, pairwise complete, with the number of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from wattboard.schema import ACTIVITY_COLUMNS
from wattboard.summary import Correlation

if TYPE_CHECKING:
    from wattboard.analysis.base import BaseTable


def correlation(table: BaseTable) -> Correlation | None:
    """Pearson's r of power and activity between bucket means; None without any activity column."""
    names = [
        c
        for c in (*ACTIVITY_COLUMNS, "cpu_temp_c", "gpu_temp_c", "voltage_v")
        if c in table.columns and not np.isnan(table.columns[c]).all()
    ]
    if not names:
        return None
    columns = [table.plain_w, *(table.columns[c] for c in names)]
    size = len(columns)
    r: list[list[float | None]] = [[None] * size for _ in range(size)]
    pairs = [[0] * size for _ in range(size)]
    for i, first in enumerate(columns):
        for j, second in enumerate(columns[: i + 1]):
            both = ~(np.isnan(first) | np.isnan(second))
            pairs[i][j] = pairs[j][i] = int(both.sum())
            x, y = first[both], second[both]
            # A column that stands still correlates with nothing; say so rather than divide by 0.
            if len(x) >= 3 and np.ptp(x) > 0 and np.ptp(y) > 0:
                value = float(np.clip(np.corrcoef(x, y)[0, 1], -1.0, 1.0))
                r[i][j] = r[j][i] = 1.0 if i == j else value
    return Correlation(
        resolution_s=table.bucket_us / 1e6, columns=["power_w", *names], r=r, pairs=pairs
    )
