"""The power model against logs whose truth is known, and against the real file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from power_logs import PLATEAUS, PowerLog, power_log
from wattboard.fitting import Fitted, fit
from wattboard.model.change_points import change_points
from wattboard.model.grains import held
from wattboard.model.intervals import calibrate, interval_w
from wattboard.model.linear import difference_slopes, within_slopes
from wattboard.model.moments import least_squares, moments_of, slope_intervals
from wattboard.model.noise import noise_w
from wattboard.model.reanchor import run_forward
from wattboard.model.report import _density
from wattboard.model.scores import Table, folds_of, score
from wattboard.model.shares import EnergyByBucket, row_energy_kwh
from wattboard.sample import write_sample
from wattboard.settings import Settings
from wattboard.summary import MODEL_NAMES, ModelReport

HOURLY = "data/server/hourly_2021-05-05_2021-08-20.csv"


def fitted(path: Path, **settings: object) -> Fitted:
    return fit(Settings(log=[str(path)], timezone="UTC", **settings), use_cache=False)


def starts(report: ModelReport) -> list[datetime]:
    """Of the regimes after the first."""
    kept = [one for one in report.regimes if one.kind == "model"]
    return [datetime.fromisoformat(one.start) for one in kept[1:]]


# --------------------------------------------------------------------------- the simulated logs


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    return path, write_sample(path, rows=120_000, seed=0)


def test_the_sample_gives_its_slopes_and_steps(sample: tuple[Path, object]) -> None:
    path, truth = sample
    found = fit(Settings(log=[str(path)]), use_cache=False)
    report = found.report
    assert found.simulated and report.fitted
    assert report.features == ["cpu_util_pct", "gpu_util_pct"]
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)
    assert report.coefficients["gpu_util_pct"].estimate == pytest.approx(0.35, rel=0.02)
    assert report.lag_s == 0.0
    told = [datetime.fromisoformat(one.start).replace(tzinfo=None) for one in report.regimes]
    steps = [
        (datetime.fromisoformat(time), watts)
        for time, watts in truth.steps
        if time >= truth.activity_from
    ]
    assert len(steps) == 6
    for time, _ in steps:
        assert min(abs((start - time).total_seconds()) for start in told) <= 60
    # Off for a while, the machine records no activity: that plateau is one of power alone.
    modelled = [one for one in report.regimes if one.kind == "model"]
    assert len(modelled) == 6
    baselines = [95.0, *(watts for _, watts in steps if watts > 5.0)]
    assert [one.baseline_w for one in modelled] == pytest.approx(baselines, abs=0.3)
    off = [one for one in report.regimes if one.kind == "power-only" and one.baseline_w < 10]
    assert len(off) == 1 and off[0].baseline_w == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize("seed", range(20))
def test_no_step_is_invented(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    write_sample(path, rows=25_000, seed=seed, steps=False)
    report = fit(Settings(log=[str(path)]), use_cache=False).report
    assert report.fitted
    assert [one.kind for one in report.regimes].count("model") == 1
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)


@pytest.mark.parametrize(
    "shape",
    [
        {"hours": 96, "step_s": 10.0},
        {"hours": 480, "step_s": 60.0},
        {"hours": 6, "memory": 0.98, "noise_w": 1.5},
        {"hours": 2},
    ],
    ids=["10 s", "1 min", "noise with a memory", "2 h"],
)
def test_no_step_is_invented_in_other_logs(shape: dict[str, float], tmp_path: Path) -> None:
    for seed in range(3):
        log = power_log(seed, plateaus=((0.0, 100.0),), **shape)
        report = fitted(log.write(tmp_path / f"{seed}.csv")).report
        assert report.fitted
        assert starts(report) == []
        assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)


@pytest.mark.parametrize(
    "shape",
    [{"hours": 12}, {"hours": 96, "step_s": 10.0}, {"hours": 480, "step_s": 60.0}],
    ids=["1 s", "10 s", "1 min"],
)
def test_each_step_is_dated(shape: dict[str, float], tmp_path: Path) -> None:
    log = power_log(5, **shape)
    report = fitted(log.write(tmp_path / "log.csv")).report
    step_s = shape.get("step_s", 1.0)
    count = len(log.power_w)
    first = datetime.fromisoformat("2026-03-02T00:00:00+00:00")
    after = [(start - first).total_seconds() for start in starts(report)]
    assert after == pytest.approx([int(at * count) * step_s for at, _ in PLATEAUS[1:]], abs=60)
    baselines = [one.baseline_w for one in report.regimes if one.kind == "model"]
    assert baselines == pytest.approx([watts for _, watts in PLATEAUS], abs=0.3)
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)
    assert report.coefficients["gpu_util_pct"].estimate == pytest.approx(0.35, rel=0.02)


@pytest.mark.parametrize(("lag", "step_s"), [(10, 1.0), (-5, 1.0), (1, 10.0)])
def test_a_lag_is_found_and_allowed_for(lag: int, step_s: float, tmp_path: Path) -> None:
    log = power_log(2, hours=12 * step_s, step_s=step_s, lag=max(lag, 0))
    if lag < 0:
        log = PowerLog(step_s, np.roll(log.power_w, -lag), log.cpu, log.gpu)
    report = fitted(log.write(tmp_path / "log.csv")).report
    assert report.lag_s == lag * step_s
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)


def test_the_sample_tells_of_a_lag_of_ten_seconds(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    write_sample(path, rows=60_000, seed=1, lag_s=10)
    report = fit(Settings(log=[str(path)]), use_cache=False).report
    assert report.lag_s == 10.0
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)


# --------------------------------------------------------------------------- what is reported


@pytest.fixture(scope="module")
def hourly(tmp_path_factory: pytest.TempPathFactory) -> ModelReport:
    path = Path(__file__).parents[2] / "shared" / HOURLY
    if not path.is_file():
        pytest.skip("the real data does not stand beside the project")
    return fit(Settings(log=[str(path)]), use_cache=False).report


def test_the_real_log_keeps_what_was_promised(hourly: ModelReport) -> None:
    scores = hourly.scores
    assert scores["regime_linear"].r2 >= 0.97
    assert scores["regime_linear"].within_regime_r2 >= 0.78
    assert scores["regime_reanchored"].r2 >= 0.95
    slope = hourly.coefficients["cpu_util_pct"]
    assert 2.3 <= slope.estimate <= 2.6
    assert slope.unit == "W per %"
    assert slope.low < slope.estimate < slope.high
    assert 0.86 <= hourly.interval_coverage <= 0.94
    assert 0.86 <= hourly.anchored_interval_coverage <= 0.94


def test_the_naive_lines_are_reported_as_they_are(hourly: ModelReport) -> None:
    # One line through all plateaus says next to nothing; with missing as zero it says less.
    assert hourly.scores["linear"].r2 < 0.2
    assert hourly.scores["naive_linear"].r2 < hourly.scores["linear"].r2
    assert hourly.scores["mean"].r2 == pytest.approx(0.0, abs=0.05)


def test_plateaus_of_power_alone_fit_nothing(hourly: ModelReport) -> None:
    alone = [one for one in hourly.regimes if one.kind == "power-only"]
    modelled = [one for one in hourly.regimes if one.kind == "model"]
    assert sum(one.rows for one in modelled) == hourly.readings == 739
    # The week in which the machine was off, and the level before anything was recorded.
    levels = [one.baseline_w for one in alone]
    assert any(4 < level < 6 for level in levels)
    assert any(94 < level < 99 for level in levels)
    times = [(one.start, one.end) for one in hourly.regimes]
    assert times == sorted(times)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))


def test_a_mean_on_an_edge_of_the_density_has_one_bin_whatever_its_last_digit() -> None:
    """Engines add up in their own order; 90 to 150 W has an edge at each whole watt."""
    edge = np.array([90.0, 93.0, 117.0, 149.0, 150.0])
    sides = [edge * (1 - 1e-15), edge, edge * (1 + 1e-15)]
    found = [_density(SimpleNamespace(power_w=actual), np.flip(edge)) for actual in sides]
    assert found[0] == found[1] == found[2]
    assert found[1].edges_w == [float(watts) for watts in range(90, 151)]


def test_a_report_has_all_that_is_documented(hourly: ModelReport) -> None:
    assert set(hourly.scores) == set(MODEL_NAMES)
    compared = [name for name in hourly.scores if name != "regime_reanchored"]
    assert len({hourly.scores[name].rows for name in compared}) == 1
    assert hourly.resolution_s == 3600.0 and hourly.target == "power_w"
    assert sum(part.share for part in hourly.shares) == pytest.approx(1.0)
    assert all(part.share >= 0 for part in hourly.shares)
    kwh = sum(part.kwh for part in hourly.shares)
    assert kwh + hourly.outside_kwh == pytest.approx(185.1, abs=0.1)
    assert sum(map(sum, hourly.density.counts)) == hourly.scores["regime_linear"].rows
    forward = hourly.reanchoring
    scored = hourly.scores["regime_reanchored"].rows
    assert forward.warm_up_rows + forward.anchor_rows + scored <= hourly.rows
    # An anchor is an hour at most, and here a mean is an hour: one a change, and one to begin with.
    assert forward.anchor_rows <= 1 + forward.changes + 5
    assert "interpolation" in hourly.validation
    named = {text.split(":")[0] for text in hourly.set_aside}
    assert {"GPU load", "RAM in use", "CPU power"} <= named


def test_the_scores_are_those_of_the_rows_told(hourly: ModelReport) -> None:
    rows = hourly.held_out
    actual, predicted = np.array(rows.actual_w), np.array(rows.predicted_w)
    left = ((actual - predicted) ** 2).sum()
    r2 = 1 - left / ((actual - actual.mean()) ** 2).sum()
    assert hourly.scores["regime_linear"].r2 == pytest.approx(r2, rel=1e-9)
    assert hourly.scores["regime_linear"].mae_w == pytest.approx(
        np.abs(actual - predicted).mean(), rel=1e-9
    )
    regime = np.array(rows.regime)
    own = np.array([actual[regime == number].mean() for number in regime])
    within = 1 - left / ((actual - own) ** 2).sum()
    assert hourly.scores["regime_linear"].within_regime_r2 == pytest.approx(within, rel=1e-9)
    assert {hourly.regimes[number].kind for number in set(rows.regime)} == {"model"}


# --------------------------------------------------------------------------- what cannot be said

BASE = power_log(1, hours=1.5, plateaus=((0.0, 100.0),))
SIZE = len(BASE.power_w)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            PowerLog(1.0, BASE.power_w[:10], BASE.cpu[:10], BASE.gpu[:10]),
            "10 means over 1 s have both power and activity",
        ),
        (
            PowerLog(1.0, np.full(SIZE, 100.0), BASE.cpu, BASE.gpu),
            "power stands still",
        ),
        (
            PowerLog(1.0, BASE.power_w, np.full(SIZE, 10.0), np.full(SIZE, 3.0)),
            "no column of activity varies",
        ),
        (
            PowerLog(1.0, 100 + np.random.default_rng(0).normal(0, 1, SIZE), BASE.cpu, BASE.gpu),
            "no column of activity predicts power better",
        ),
        (
            PowerLog(1.0, 400 - 2 * BASE.cpu, BASE.cpu, np.zeros(SIZE)),
            "no column of activity predicts power better",
        ),
    ],
    ids=["ten rows", "constant power", "constant activity", "unrelated", "upside down"],
)
def test_what_cannot_be_said_is_said_clearly(log: PowerLog, reason: str, tmp_path: Path) -> None:
    found = fitted(log.write(tmp_path / "log.csv"))
    report = found.report
    assert not report.fitted and found.model is None
    assert reason in report.reason.replace("\u202f", " ")
    assert report.scores == {} and report.coefficients == {} and report.interval_w is None
    assert all(one.kind == "power-only" for one in report.regimes)


def test_a_log_of_power_alone(tmp_path: Path) -> None:
    report = fitted(BASE.write(tmp_path / "log.csv", columns=("power_w",))).report
    assert not report.fitted
    assert report.reason == "the log records no activity of CPU, GPU or RAM"


def test_one_row(tmp_path: Path) -> None:
    log = PowerLog(1.0, BASE.power_w[:1], BASE.cpu[:1], BASE.gpu[:1])
    assert not fitted(log.write(tmp_path / "log.csv")).report.fitted


def test_a_column_that_moves_with_another_is_named(tmp_path: Path) -> None:
    log = power_log(1, hours=3, plateaus=((0.0, 100.0),))
    log = PowerLog(1.0, log.power_w, log.cpu, log.cpu)
    report = fitted(log.write(tmp_path / "log.csv")).report
    assert report.features == ["cpu_util_pct"]
    assert report.set_aside == ["GPU load: moves with CPU load"]


def test_the_summary_carries_the_report(
    sample: tuple[Path, object], wattboard: Callable[..., object], tmp_path: Path
) -> None:
    told = wattboard("build", sample[0], "-o", tmp_path / "site", "--json")
    model = json.loads(told.stdout)["model"]
    assert model["fitted"] and model["target"] == "power_w"
    assert model["coefficients"]["cpu_util_pct"]["estimate"] == pytest.approx(2.4, rel=0.02)
    page = (tmp_path / "site" / "drivers.html").read_text()
    assert "regimes" in page and "2.40" in page


def test_fit_prints_and_saves_a_model_that_predicts(
    sample: tuple[Path, object], wattboard: Callable[..., object], tmp_path: Path
) -> None:
    model = tmp_path / "model.json"
    told = wattboard("fit", sample[0], "-o", model)
    assert told.returncode == 0, told.stderr
    assert "simulated" in told.stdout.lower()
    assert "CPU load" in told.stdout and "W per %" in told.stdout
    again = wattboard("predict", model, sample[0], "--json")
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert found["predicted_rows"] > 0


# --------------------------------------------------------------------------- the parts


def test_noise_is_told_through_steps_and_outliers() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 2.0, 4000)
    values[1000:] += 50
    values[::400] += 300
    assert noise_w(values, 0.0) == pytest.approx(2.0, rel=0.25)
    assert noise_w(np.full(100, 7.0), 50.0) == pytest.approx(0.05)


def test_change_points_stand_where_the_level_steps() -> None:
    rng = np.random.default_rng(1)
    time = np.arange(3000) * 60_000_000
    load = rng.uniform(0, 50, 3000)
    level = np.where(time < time[1200], 90.0, 70.0)
    power = level + 2.0 * load + rng.normal(0, 1.0, 3000)
    found = change_points(
        time, power, load[:, None], np.array([2.0]), 60_000_000, sure=np.array([0])
    )
    assert found == [0, 1200]
    # A step that other slopes explain as well is none.
    busy = np.where(time < time[1200], 10.0, 30.0) + rng.normal(0, 1, 3000)
    power = 90.0 + 2.0 * busy + rng.normal(0, 0.5, 3000)
    found = change_points(
        time, power, busy[:, None], np.array([1.5]), 60_000_000, sure=np.array([0])
    )
    assert found == [0]


def test_slopes_without_and_within_regimes() -> None:
    rng = np.random.default_rng(2)
    time = np.arange(2000) * 1_000_000
    x = np.column_stack([rng.uniform(0, 50, 2000), rng.uniform(0, 30, 2000)])
    regime = np.repeat([0, 1], 1000)
    y = np.where(regime == 0, 100.0, 20.0) + x @ [2.0, 0.5] + rng.normal(0, 0.5, 2000)
    assert difference_slopes(time, x, y, 1_000_000) == pytest.approx([2.0, 0.5], rel=0.02)
    assert within_slopes(x, y, np.ones(2000), regime) == pytest.approx([2.0, 0.5], rel=0.02)
    moments = moments_of(x, y, regime)
    fit_all = least_squares(moments, np.ones(2000, dtype=bool))
    assert fit_all.slopes == pytest.approx(within_slopes(x, y, np.ones(2000), regime))
    assert fit_all.baseline_w == pytest.approx([100.0, 20.0], abs=0.3)
    low, high = slope_intervals(moments, fit_all.slopes)
    assert (low < [2.0, 0.5]).all() and (high > [2.0, 0.5]).all()


def test_intervals_respect_neighbours_that_agree() -> None:
    rng = np.random.default_rng(3)
    covered = {True: 0, False: 0}
    for _ in range(200):
        # Load and error both last: neighbours tell the same thing again and again.
        x = np.repeat(rng.normal(0, 1, 60), 20)
        y = 2.0 * x + np.repeat(rng.normal(0, 1, 60), 20)
        moments = moments_of(x[:, None], y, np.zeros(1200, dtype=np.int64))
        low, high = slope_intervals(moments, least_squares(moments, np.ones(1200, bool)).slopes)
        covered[bool(low[0] <= 2.0 <= high[0])] += 1
    assert covered[True] >= 0.9 * 200


def test_a_slope_without_evidence_is_none() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.uniform(0, 50, 500), rng.normal(0, 1e-3, 500)])
    y = 100.0 + 2.0 * x[:, 0] + rng.normal(0, 1, 500)
    fit_all = least_squares(moments_of(x, y, np.zeros(500, dtype=np.int64)), np.ones(500, bool))
    assert fit_all.slopes[0] == pytest.approx(2.0, rel=0.02)
    assert fit_all.slopes[1] == 0.0


def test_running_forward_scores_all_but_an_hour_after_a_step() -> None:
    rng = np.random.default_rng(5)
    minutes = np.arange(4000)
    load = np.clip(20 + 15 * np.sin(minutes / 40) + rng.normal(0, 4, 4000), 0, 100)
    level = np.where(minutes < 1500, 100.0, np.where(minutes < 2800, 60.0, 80.0))
    power = level + 2.0 * load + rng.normal(0, 0.5, 4000)
    forward = run_forward(minutes * 60_000_000, power, load[:, None], 60_000_000)
    # Noise alone may set a baseline anew now and then, which costs readings and flatters nothing.
    assert 2 <= forward.changes <= 8
    assert forward.anchor_rows < 0.06 * len(power)
    unscored = np.isnan(forward.predicted_w)
    assert unscored[: forward.warm_up_rows].all()
    for step in (1500, 2800):
        lost = unscored[step - 5 : step + 120].sum()
        assert 0 < lost <= 60
    left = (power - forward.predicted_w)[~unscored]
    assert np.abs(left).mean() < 1.0


def test_nothing_of_the_future_is_used() -> None:
    rng = np.random.default_rng(6)
    load = rng.uniform(0, 60, (2000, 1))
    power = 90.0 + 2.0 * load[:, 0] + rng.normal(0, 0.5, 2000)
    time = np.arange(2000) * 60_000_000
    whole = run_forward(time, power, load, 60_000_000)
    other = power.copy()
    other[1200:] = 5000.0
    changed = run_forward(time, other, load, 60_000_000)
    assert np.array_equal(whole.predicted_w[:1200], changed.predicted_w[:1200], equal_nan=True)


def test_conformal_intervals_cover() -> None:
    rng = np.random.default_rng(7)
    errors = rng.standard_t(3, 2000)
    block = np.arange(2000) // 100
    interval, coverage = calibrate(errors, block)
    assert interval == interval_w(errors)
    assert 0.86 <= coverage <= 0.94
    assert calibrate(errors[:20], block[:20]) == (None, None)


def table(power: np.ndarray, regime: np.ndarray) -> Table:
    rows = len(power)
    return Table(
        width_us=3_600_000_000,
        start_us=np.arange(rows) * 3_600_000_000,
        local_day=np.arange(rows) // 24,
        regime=regime,
        fold=folds_of(regime, 5),
        readings=np.ones(rows),
        power_w=power,
        activity=np.zeros((rows, 1)),
    )


def test_scores_by_hand() -> None:
    power = np.tile([90.0, 110.0], 24)
    half = np.repeat([0, 1], 24)
    predicted = np.full(48, 101.0)
    found = score(table(power, half), predicted)
    assert found.rows == 48
    # Errors of 11 and 9 W by turns, where the mean is 10 W off.
    assert found.r2 == pytest.approx(1 - (11**2 + 9**2) / 2 / 100)
    assert found.within_regime_r2 == pytest.approx(found.r2)
    assert found.mae_w == pytest.approx(10.0)
    assert found.daily_energy_error_pct == pytest.approx(1.0)
    still = score(table(np.full(48, 100.0), half), predicted)
    assert still.r2 is None and still.within_regime_r2 is None
    # Not half a day of any day is scored.
    few = np.where(np.arange(48) % 24 < 11, 101.0, np.nan)
    assert score(table(power, half), few).daily_energy_error_pct is None


def test_folds_are_contiguous_inside_regimes() -> None:
    regime = np.array([0] * 10 + [1] * 3 + [2] * 7)
    fold = folds_of(regime, 5)
    assert fold[:10].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert fold[10:13].tolist() == [-1, -1, -1]
    assert fold[13:].tolist() == sorted(fold[13:].tolist())
    turns = folds_of(np.zeros(40, dtype=int), 5, 20)
    assert turns[:4].tolist() == [0, 0, 1, 1] and turns[10:12].tolist() == [0, 0]


# --------------------------------------------------------------------------- awkward logs


def test_a_machine_that_is_off_most_of_the_time(tmp_path: Path) -> None:
    log = power_log(3, hours=6, plateaus=((0.0, 100.0),))
    off = np.arange(len(log.power_w)) < 13_000
    power = np.where(off, 0.0, log.power_w)
    report = fitted(
        PowerLog(1.0, power, np.where(off, 0.2, log.cpu), log.gpu).write(tmp_path / "log.csv")
    ).report
    assert report.fitted
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)


def test_a_meter_and_a_machine_read_by_turns(tmp_path: Path) -> None:
    log = power_log(4, hours=10, step_s=5.0, plateaus=((0.0, 100.0),))
    turn = np.arange(len(log.power_w)) % 2 == 0
    power, cpu = np.where(turn, log.power_w, np.nan), np.where(turn, np.nan, log.cpu)
    path = PowerLog(5.0, power, cpu, log.gpu).write(
        tmp_path / "log.csv", columns=("power_w", "cpu")
    )
    found = fitted(path)
    assert found.report.fitted
    feature = found.model.features[0]
    assert feature.seen_low < 3 and feature.seen_high > 30


@pytest.mark.parametrize("step_s", [60.05, 61.0, 901.0])
def test_steps_that_divide_no_minute(step_s: float, tmp_path: Path) -> None:
    log = power_log(5, hours=step_s / 2, step_s=step_s, plateaus=((0.0, 100.0),))
    report = fitted(log.write(tmp_path / "log.csv")).report
    assert report.fitted
    assert report.resolution_s < 4 * step_s
    assert report.coefficients["cpu_util_pct"].estimate == pytest.approx(2.4, rel=0.02)


def test_shares_are_those_of_the_hours_with_activity(tmp_path: Path) -> None:
    log = power_log(6, hours=24 * 30, step_s=600.0, plateaus=((0.0, 100.0),))
    cpu = np.where(np.arange(len(log.cpu)) < 2_000, log.cpu, np.nan)
    path = PowerLog(600.0, log.power_w, cpu, log.gpu).write(
        tmp_path / "log.csv", columns=("power_w", "cpu")
    )
    report = fitted(path).report
    energy = log.power_w[:2_000].sum() * 600 / 3.6e6
    assert sum(part.kwh for part in report.shares) == pytest.approx(energy, rel=0.01)
    total = log.power_w.sum() * 600 / 3.6e6
    kwh = sum(part.kwh for part in report.shares) + report.outside_kwh
    assert kwh == pytest.approx(total, rel=0.01)


def test_energy_goes_to_rows_whichever_bucket_is_wider() -> None:
    rows = table(np.full(48, 100.0), np.zeros(48, dtype=np.int64))
    for width_us in (900_000_000, 3_600_000_000, 7_200_000_000):
        count = 48 * 3_600_000_000 // width_us
        log = EnergyByBucket(
            width_us=width_us,
            start_us=np.arange(count) * width_us,
            energy_wh=np.full(count, width_us / 3.6e9 * 100.0),
            readings=np.full(count, width_us / 3.6e9),
        )
        assert row_energy_kwh(rows, log) == pytest.approx(np.full(48, 0.1))


def test_a_baseline_below_zero_has_no_share(tmp_path: Path) -> None:
    log = power_log(7, hours=3, plateaus=((0.0, 100.0),))
    power = np.maximum(log.power_w - 100.0 - 30.0 + 60.0, 0.0)
    cpu = np.clip(log.cpu + 30.0, 0.0, 100.0)
    report = fitted(
        PowerLog(1.0, power, cpu, log.gpu).write(tmp_path / "log.csv", columns=("power_w", "cpu"))
    ).report
    assert report.fitted and report.regimes[0].baseline_w < 0
    assert report.shares == []


def test_an_anchor_never_reaches_over_a_day_without_readings() -> None:
    rng = np.random.default_rng(8)
    session = np.repeat(np.arange(60), 10)
    time = (session * 3 * 86_400 + np.tile(np.arange(10), 60) * 60) * 1_000_000
    level = rng.uniform(50, 150, 60)[session]
    load = rng.uniform(0, 50, (600, 1))
    power = level + 2.0 * load[:, 0] + rng.normal(0, 0.5, 600)
    forward = run_forward(time, power, load, 60_000_000)
    # Ten minutes are all anchor, so that nothing is left to score.
    assert np.isnan(forward.predicted_w).all()
    assert forward.anchor_rows == 600 - forward.warm_up_rows


def test_watts_are_those_of_before_where_activity_is_late(tmp_path: Path) -> None:
    log = power_log(2, hours=12, lag=10)
    found = fitted(log.write(tmp_path / "log.csv"))
    model = found.model
    assert model.lag_s == 10.0
    step = model.regimes[1].start_us
    frame = pa.table({"time_us": [step + 9_000_000, step + 10_000_000]})
    frame = frame.append_column("cpu_util_pct", pa.array([1.0, 1.0]))
    frame = frame.append_column("gpu_util_pct", pa.array([0.0, 0.0]))
    watts = model.predict(frame).column("power_w").to_pylist()
    first, second = (one.baseline_w for one in model.regimes[:2])
    assert watts[1] - watts[0] == pytest.approx(second - first, abs=1e-6)


def test_buckets_that_hold_a_time() -> None:
    times = np.sort(np.random.default_rng(6).integers(-5_000, 5_000, 700))
    for width in (1, 7, 60, 20_000):
        assert held(times, width) == len({time // width for time in times.tolist()})
    assert held(times[:0], 7) == 0
