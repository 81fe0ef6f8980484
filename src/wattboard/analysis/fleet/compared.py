"""Two hosts or two periods: the difference, its interval, and whether it is more than noise.

Power of one day is like that of the day before, so that days are no independent draws, and a test that
takes them for such calls noise a difference half of the time. Here the error of a mean is that of a
series that remembers: a first-order autoregression is taken out, what is left is summed by Newey and
West, and both are put together again (Andrews and Monahan 1992, "An improved heteroskedasticity and
autocorrelation consistent covariance matrix estimator"). The autocorrelation of few values is estimated
too low, which is mended (Marriott and Pope 1954), and the interval is Student's t of as many values as
the series is worth (Welch 1947 for two of them). Under four, nothing can be told.

``compare.js`` computes the same; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, pi, sqrt
from typing import Literal

from wattboard.summary import Chosen, Comparison, Difference, HostBlocks
from wattboard.summary.fleet import Measure

Verdict = Literal["more", "noise", "untold"]

LEAST_COVERED = 0.5
FEWEST_VALUES = 5
# A series that is worth fewer independent values than this tells nothing.
LEAST_WORTH = 4.0
# One that remembers more than this drifts: it is worth no number of independent values.
HIGHEST_MEMORY = 0.97
PAIRED_SHARE = 0.8
# Smaller than this share of the values, a difference is one of rounding.
ROUNDING = 1e-9
# A measure, the list of blocks that it is the mean of, and the factor to its unit.
MEASURES: tuple[tuple[Measure, str, float], ...] = (
    ("mean_w", "mean_w", 1.0),
    ("energy_a_day_kwh", "mean_w", 0.024),
    ("idle_share", "idle_share", 1.0),
    ("cpu_pct", "cpu_pct", 1.0),
)
NORMAL_975 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Choice:
    """A host and a period: blocks ``[first, last]`` of it."""

    blocks: HostBlocks
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean, the variance of it, and the degrees of freedom of that (0: not known)."""

    value: float | None
    variance: float
    freedom: float


def t_quantile(freedom: float) -> float:
    """What Student's t stays under in 97.5 %, for one or more degrees of freedom.

    Hill 1970, "Algorithm 396: Student's t-quantiles", Communications of the ACM 13(10).
    """
    n, p = freedom, 0.05
    if n < 2:
        # Between the exact values for one and for two, on the safe side: as for one.
        return 12.706204736432095
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * pi / 2) * n
    y = (d * p) ** (2 / n)
    if y > 0.05 + a:
        x = -NORMAL_975
        y = x**2
        if n < 5:
            c += 0.3 * (n - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = exp(a * y**2) - 1
    else:
        y = (
            (1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1
        ) * (n + 1) / (n + 2) + 1 / y
    return sqrt(n * y)


def memory_of(values: Sequence[float]) -> float:
    """How much of each value the next one keeps, 0 to ``HIGHEST_MEMORY``; of five values or more."""
    n = len(values)
    mean = sum(values) / n
    off = [value - mean for value in values]
    spread = sum(one * one for one in off)
    found = sum(off[i] * off[i - 1] for i in range(1, n)) / spread if spread else 0.0
    return min(max((found * n + 1) / (n - 3), 0.0), HIGHEST_MEMORY)


def mean_of(values: Sequence[float], least_memory: float = 0.0) -> Mean:
    """The mean of a series in time, and its error; it remembers ``least_memory`` at least."""
    n = len(values)
    if not n:
        return Mean(None, 0.0, 0.0)
    mean = sum(values) / n
    if n < FEWEST_VALUES:
        return Mean(mean, 0.0, 0.0)
    off = [value - mean for value in values]
    spread = sum(one * one for one in off)
    if spread <= (ROUNDING * abs(mean)) ** 2 * n:
        return Mean(mean, 0.0, n - 1.0)
    memory = max(memory_of(values), least_memory)
    left = [off[i] - memory * off[i - 1] for i in range(1, n)]
    lags = min(floor(4 * (n / 100) ** (2 / 9)), n - 2)
    own = sum(one * one for one in left) / (n - 1)
    long_run = own
    for lag in range(1, lags + 1):
        product = sum(left[i] * left[i - lag] for i in range(lag, n - 1)) / (n - 1)
        long_run += 2 * (1 - lag / (lags + 1)) * product
    # Never less than without any memory of what is left.
    long_run = max(long_run, own) * n / (n - 2)
    worth = n * (1 - memory) / (1 + memory)
    told = worth >= LEAST_WORTH and memory < HIGHEST_MEMORY
    return Mean(mean, long_run / (1 - memory) ** 2 / n, worth - 1 if told else 0.0)


def slope_of(sxx: Sequence[float], sxy: Sequence[float]) -> Mean:
    """W per % from the sums of blocks, and its error from what the blocks leave (Liang and Zeger).

    What is left of neighbouring blocks is alike, as their means are, and is summed in the same way.
    Where load differs from block to block it hides that: the blocks' own slopes tell it, too.
    """
    moved = [(x, y) for x, y in zip(sxx, sxy, strict=True) if x > 0]
    n, total = len(moved), sum(x for x, _ in moved)
    if n < FEWEST_VALUES:
        return Mean(None, 0.0, 0.0)
    slope = sum(y for _, y in moved) / total
    left = mean_of([y - slope * x for x, y in moved], memory_of([y / x for x, y in moved]))
    return Mean(slope, left.variance * (n / total) ** 2, left.freedom)


def compare(a: Choice, b: Choice) -> Comparison:
    """Everything that two choices are compared by."""
    places_a, aside_a = _usable(a)
    places_b, aside_b = _usable(b)
    at_a = {a.blocks.block[i]: i for i in places_a}
    at_b = {b.blocks.block[i]: i for i in places_b}
    common = sorted(at_a.keys() & at_b.keys())
    least = min(len(at_a), len(at_b))
    paired = least > 0 and len(common) >= PAIRED_SHARE * least
    if paired:
        places_a, places_b = [at_a[k] for k in common], [at_b[k] for k in common]
    rows = []
    for measure, name, scale in MEASURES:
        values_a = _values(a.blocks, name, places_a, scale)
        values_b = _values(b.blocks, name, places_b, scale)
        rows.append(_difference(measure, values_a, values_b, paired=paired))
    rows.append(_slopes(a.blocks, b.blocks, places_a, places_b))
    return Comparison(
        a=Chosen(host=a.blocks.host, first=a.first, last=a.last, blocks=len(places_a)),
        b=Chosen(host=b.blocks.host, first=b.first, last=b.last, blocks=len(places_b)),
        paired=paired,
        set_aside=aside_a + aside_b,
        rows=rows,
    )


def _usable(choice: Choice) -> tuple[list[int], int]:
    """The places of blocks of the period that are covered enough, and how many are not."""
    blocks = choice.blocks
    inside = [i for i, at in enumerate(blocks.block) if choice.first <= at <= choice.last]
    kept = [i for i in inside if blocks.covered_share[i] >= LEAST_COVERED]
    return kept, len(inside) - len(kept)


def _values(
    blocks: HostBlocks, measure: str, places: Sequence[int], scale: float
) -> list[float | None]:
    found = getattr(blocks, measure)
    return [None if found[i] is None else found[i] * scale for i in places]


def _difference(
    measure: Measure,
    a: Sequence[float | None],
    b: Sequence[float | None],
    *,
    paired: bool,
) -> Difference:
    if paired:
        both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
        known_a, known_b = [x for x, _ in both], [y for _, y in both]
        apart = mean_of([y - x for x, y in both])
        parts = (mean_of(known_a), mean_of(known_b), apart.variance, apart.freedom)
    else:
        one = mean_of([x for x in a if x is not None])
        two = mean_of([y for y in b if y is not None])
        parts = (one, two, *_welch(one, two))
    return _judged(measure, *parts)


def _slopes(
    a: HostBlocks, b: HostBlocks, places_a: Sequence[int], places_b: Sequence[int]
) -> Difference:
    def of(blocks: HostBlocks, places: Sequence[int]) -> Mean:
        known = [
            (x, y)
            for i in places
            if (x := blocks.sxx[i]) is not None and (y := blocks.sxy[i]) is not None
        ]
        return slope_of([x for x, _ in known], [y for _, y in known])

    one, two = of(a, places_a), of(b, places_b)
    return _judged("w_per_pct", one, two, *_welch(one, two))


def _welch(one: Mean, two: Mean) -> tuple[float, float]:
    """Variance of the difference of two that err on their own, and its degrees of freedom."""
    variance = one.variance + two.variance
    if not one.freedom or not two.freedom:
        return variance, 0.0
    if not variance:
        return 0.0, min(one.freedom, two.freedom)
    spread = one.variance**2 / one.freedom + two.variance**2 / two.freedom
    return variance, max(variance**2 / spread, 1.0)


def _judged(measure: Measure, one: Mean, two: Mean, variance: float, freedom: float) -> Difference:
    a, b = one.value, two.value
    difference = None if a is None or b is None else b - a
    low = high = None
    verdict: Verdict = "untold"
    if difference is not None and freedom:
        half = t_quantile(freedom) * sqrt(variance)
        low, high = difference - half, difference + half
        least = half + ROUNDING * max(abs(a or 0.0), abs(b or 0.0))
        verdict = "more" if abs(difference) > least else "noise"
    return Difference(
        measure=measure, a=a, b=b, difference=difference, low=low, high=high, verdict=verdict
    )


def opening(hosts: Sequence[HostBlocks]) -> Comparison:
    """The first two hosts over all of their time, or the two halves of the only one."""
    first = hosts[0]
    begin, end = first.block[0], first.block[-1]
    if len(hosts) > 1:
        other = hosts[1]
        return compare(Choice(first, begin, end), Choice(other, other.block[0], other.block[-1]))
    middle = (begin + end + 1) // 2
    return compare(Choice(first, begin, middle - 1), Choice(first, middle, end))
