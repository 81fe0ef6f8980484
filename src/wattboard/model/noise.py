"""How noisy a series of means is, in the short run and in the long, whatever steps are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALES = (1, 2, 3, 4, 6, 8, 12)
# A Gaussian's median and 95th percentile of its size, in standard deviations.
MEDIAN, P95 = 0.6745, 1.96
# A step of a thousandth of the power is within what a meter is good for.
LEAST_SHARE, LEAST_W = 1e-3, 1e-6


def noise_w(values: NDArray[np.float64], level_w: float) -> float:
    """Standard deviation of the noise as it adds up in means of many values, in W.

    Noise that lasts makes means of neighbours differ by more than white noise would. So means over
    1 to 12 values are compared with those that follow; the largest of what each scale tells is taken
    (the median of absolute differences: steps, which are few, do not count). Where tails are heavy
    the 95th percentile of the single differences tells more, and a thousandth of ``level_w`` is the
    least that is taken for noise.
    """
    found = [LEAST_SHARE * abs(level_w), LEAST_W]
    total = np.concatenate([[0.0], np.cumsum(values)])
    for scale in SCALES:
        if len(values) < 4 * scale or len(values) < 3:
            break
        means = (total[scale:] - total[:-scale]) / scale
        size = np.abs(means[scale:] - means[:-scale])
        found.append(float(np.median(size)) / MEDIAN * np.sqrt(scale / 2))
        if scale == 1:
            found.append(float(np.quantile(size, 0.95)) / P95 / np.sqrt(2))
    return max(found)
