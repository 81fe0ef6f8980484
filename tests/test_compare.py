"""Two hosts or two periods: what is noise is called noise, and the page reckons as the build does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from host_logs import host, write
from wattboard import build
from wattboard.analysis.fleet.compared import Choice, compare, mean_of, slope_of, t_quantile
from wattboard.settings import Settings
from wattboard.summary import Comparison, HostBlocks


def blocks(name: str, mean_w: np.ndarray, first: int = 100, **more: list) -> HostBlocks:
    count = len(mean_w)
    given = {
        "covered_share": [1.0] * count,
        "idle_share": [None] * count,
        "cpu_pct": [None] * count,
        "sxx": [None] * count,
        "sxy": [None] * count,
    }
    places = list(range(first, first + count))
    return HostBlocks(host=name, block=places, mean_w=mean_w.tolist(), **(given | more))


def whole(one: HostBlocks) -> Choice:
    return Choice(one, one.block[0], one.block[-1])


def power(found: Comparison):
    return next(row for row in found.rows if row.measure == "mean_w")


def remembering(rng: np.random.Generator, memory: float, count: int) -> np.ndarray:
    """A stationary first-order autoregression of unit noise."""
    noise = rng.normal(size=count)
    noise[0] /= np.sqrt(1 - memory**2)
    for i in range(1, count):
        noise[i] += memory * noise[i - 1]
    return noise


def test_quantiles_are_those_of_students_t() -> None:
    for freedom in (2, 2.5, 3, 3.7, 4, 4.9, 5, 7.3, 12, 30, 200, 5000):
        exact = float(stats.t.ppf(0.975, freedom))
        assert t_quantile(freedom) == pytest.approx(exact, rel=5e-4 if freedom < 3 else 2e-5)
    # Under two it is the value for one, which is never too narrow.
    assert t_quantile(1.0) == pytest.approx(float(stats.t.ppf(0.975, 1)), rel=1e-9)
    assert t_quantile(1.5) >= float(stats.t.ppf(0.975, 1.5))


@pytest.mark.parametrize("memory", [0.0, 0.3, 0.6, 0.8, 0.9])
@pytest.mark.parametrize("count", [7, 14, 30, 90])
def test_noise_without_a_difference_is_rarely_called_one(memory: float, count: int) -> None:
    """At most the nominal 5 %, whatever the noise remembers; what cannot be told is no alarm.

    With 1,500 tries the rate's own error is about 0.6 %: more than 6.7 % would be three of them.
    """
    rng = np.random.default_rng([int(memory * 10), count])
    tries, alarms = 1500, 0
    for _ in range(tries):
        a, b = (blocks("h", 200 + 5 * remembering(rng, memory, count), i) for i in (0, 1000))
        alarms += power(compare(whole(a), whole(b))).verdict == "more"
    assert alarms / tries <= 0.067


def test_paired_noise_is_rarely_called_a_difference() -> None:
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(1500):
        shared = 300 + 40 * remembering(rng, 0.9, 40)
        a, b = (blocks(n, shared + 3 * remembering(rng, 0.5, 40)) for n in "ab")
        found = compare(whole(a), whole(b))
        assert found.paired
        alarms += power(found).verdict == "more"
    assert alarms / 1500 <= 0.067


@pytest.mark.parametrize(("memory", "count", "found"), [(0.0, 30, 0.95), (0.5, 90, 0.9)])
def test_a_difference_that_is_there_is_found(memory: float, count: int, found: float) -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        a = blocks("a", 200 + 5 * remembering(rng, memory, count), 0)
        b = blocks("b", 208 + 5 * remembering(rng, memory, count), 1000)
        row = power(compare(whole(a), whole(b)))
        hits += row.verdict == "more" and row.low is not None and row.low > 0
    assert hits / 300 >= found


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(9)
    told = covered = 0
    for _ in range(1000):
        a = blocks("a", 100 + 4 * remembering(rng, 0.5, 60), 0)
        b = blocks("b", 103 + 7 * remembering(rng, 0.3, 40), 1000)
        row = power(compare(whole(a), whole(b)))
        if row.low is not None and row.high is not None:
            told += 1
            covered += row.low < 3 < row.high
    assert told > 950
    assert 0.935 <= covered / told <= 0.985


def test_without_memory_it_is_about_welchs_interval() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(100, 5, 400), rng.normal(101, 9, 300)
    row = power(compare(whole(blocks("a", a, 0)), whole(blocks("b", b, 1000))))
    exact = stats.ttest_ind(b, a, equal_var=False).confidence_interval()
    assert row.low == pytest.approx(exact.low, abs=0.15)
    assert row.high == pytest.approx(exact.high, abs=0.15)


def test_too_little_is_not_told() -> None:
    few = blocks("a", np.array([100.0, 101, 99, 100]))
    other = blocks("b", np.array([200.0, 201, 199, 200]))
    row = power(compare(whole(few), whole(other)))
    assert (row.verdict, row.low, row.difference) == ("untold", None, 100.0)
    # A slow drift of twenty days is worth hardly one of them.
    drift = mean_of([100.0 + i for i in range(20)])
    assert drift.freedom == 0.0
    nothing = compare(Choice(few, 0, 5), whole(other))
    assert power(nothing).a is None
    assert power(nothing).verdict == "untold"


def test_what_does_not_move_at_all_differs_or_does_not() -> None:
    even, other = blocks("a", np.full(10, 50.0)), blocks("b", np.full(10, 51.0))
    assert power(compare(whole(even), whole(other))).verdict == "more"
    same = power(compare(whole(even), whole(blocks("c", np.full(10, 50.0 + 1e-12)))))
    assert same.verdict == "noise"


def test_blocks_hardly_covered_are_set_aside_and_counted() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(100, 1, 20)
    values[3] = 900.0
    thin = blocks("a", values, covered_share=[0.1 if i == 3 else 1.0 for i in range(20)])
    found = compare(whole(thin), whole(blocks("b", rng.normal(100, 1, 20))))
    assert found.set_aside == 1
    assert found.a.blocks == found.b.blocks == 19
    assert power(found).a == pytest.approx(np.delete(values, 3).mean())


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("count", [30, 168])
def test_slopes_that_remember_are_rarely_called_different(memory: float, count: int) -> None:
    rng = np.random.default_rng([int(memory * 10), count])
    tries, alarms = 600, 0
    for _ in range(tries):
        both = []
        for _ in range(2):
            sxx = rng.uniform(50, 500, count)
            both.append(
                slope_of(sxx.tolist(), (sxx * (2 + 0.1 * remembering(rng, memory, count))).tolist())
            )
        one, two = both
        if not one.freedom or not two.freedom:
            continue
        half = t_quantile(min(one.freedom, two.freedom)) * np.sqrt(one.variance + two.variance)
        alarms += abs(one.value - two.value) > half
    # Three errors of the rate above the nominal 5 %.
    assert alarms / tries <= 0.077


@pytest.mark.parametrize("memory", [0.98, 0.995])
def test_a_series_that_drifts_for_long_tells_nothing_rather_than_a_difference(
    memory: float,
) -> None:
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(200):
        series = 200 + 5 * remembering(rng, memory, 800)
        halves = [blocks("h", series[:400], 0), blocks("h", series[400:], 400)]
        alarms += power(compare(*map(whole, halves))).verdict == "more"
    assert alarms / 200 <= 0.1


def test_the_slope_of_a_period_is_that_of_its_blocks() -> None:
    rng = np.random.default_rng(4)
    sxx = rng.uniform(50, 500, 40)
    found = slope_of(sxx.tolist(), (2.0 * sxx + rng.normal(0, 20, 40)).tolist())
    assert found.value == pytest.approx(2.0, abs=0.05)
    half = t_quantile(found.freedom) * np.sqrt(found.variance)
    assert 0.002 < half < 0.06
    assert slope_of(sxx[:4].tolist(), sxx[:4].tolist()).value is None


# --------------------------------------------------------------------------- the command


def test_the_command_tells_what_the_page_tells(
    tmp_path: Path,
    wattboard: Callable[..., subprocess.CompletedProcess[str]],
    own_cache: Path,
) -> None:
    hosts = [host("a", 1, hours=48), host("b:1", 2, base_w=95, hours=48)]
    log = write(tmp_path / "log.csv", hosts)
    # One analysis, which the command takes from the cache: another adds in another order.
    found = build.summarise(Settings(log=[str(log)]))[0].comparable
    assert found is not None
    one, two = (next(h for h in found.hosts if h.host == name) for name in ("a", "b:1"))
    done = wattboard("compare", log, "--a", "a", "--b", "b:1", "--json")
    assert json.loads(done.stdout) == compare(whole(one), whole(two)).model_dump()
    done = wattboard("compare", log, "--a", "a:2024-03-01T00:00Z..2024-03-01T05:00Z", "--b", "b:1")
    assert done.returncode == 2 and "has an offset" in done.stderr
    # A host with a colon in its name, and days that are named whole.
    sides = ("--a", "b:1:2024-03-01..2024-03-01", "--b", "b:1:2024-03-02T01:00..2024-03-02T22:00")
    done = wattboard("compare", log, *sides, "--json")
    first = two.block[0]
    expected = compare(Choice(two, first, first + 23), Choice(two, first + 25, first + 46))
    assert json.loads(done.stdout) == expected.model_dump()
    done = wattboard("compare", log, "--a", "a", "--b", "b:1")
    assert "A: a, 2024-03-01 00:00 to 2024-03-02 23:00" in done.stdout
    assert "48 hours that both have, hour by hour" in done.stdout


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (("--a", "a"), "Give both --a and --b"),
        (("--a", "c", "--b", "a"), "no host 'c' among the 2"),
        (("--a", "2024-03-01..2024-03-01", "--b", "a"), "names no host"),
        (("--a", "a:2024-03-02..2024-03-01", "--b", "b"), "ends before it begins"),
        (("--a", "a:2024-03-01..2024-13-01", "--b", "b"), "is no day or time"),
        (("--a", "a", "--b", "a"), "overlap"),
    ],
)
def test_sides_that_cannot_be_compared_are_refused(
    tmp_path: Path,
    wattboard: Callable[..., subprocess.CompletedProcess[str]],
    sides: tuple[str, ...],
    said: str,
) -> None:
    log = write(tmp_path / "log.csv", [host("a", 1, hours=6), host("b", 2, hours=6)])
    done = wattboard("compare", log, *sides)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
