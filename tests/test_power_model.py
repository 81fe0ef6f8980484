"""The model as data: files of all kinds, and the same watts from every library's frames."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pytest

import wattboard
from wattboard.errors import InputError, OutputError
from wattboard.model import PowerModel, read_model, write_model
from wattboard.model.power_model import LARGEST_BYTES

DAY_US = 86_400_000_000
START_US = 1_709_251_200_000_000  # 2024-03-01 00:00 UTC
QUALITY = {
    "reanchored_r2": 0.91,
    "blocked_r2": 0.95,
    "mae_w": 1.4,
    "daily_energy_error_pct": 0.8,
    "interval_coverage": 0.9,
}


def feature(column: str = "cpu_util_pct", estimate: float = 2.0, **changes: Any) -> dict[str, Any]:
    told = {"unit": "W/%", "low": estimate - 0.1, "high": estimate + 0.1}
    return {
        "column": column,
        "estimate": estimate,
        "seen_low": 0.0,
        "seen_high": 80.0,
        **told,
        **changes,
    }


def regime(first_day: float, last_day: float, baseline_w: float) -> dict[str, Any]:
    return {
        "start_us": START_US + round(first_day * DAY_US),
        "end_us": START_US + round(last_day * DAY_US),
        "start": f"2024-03-{1 + int(first_day):02d}T00:00:00+00:00",
        "end": f"2024-03-{1 + int(last_day):02d}T00:00:00+00:00",
        "rows": 1000,
        "baseline_w": baseline_w,
    }


def hand_made(**changes: Any) -> PowerModel:
    """100 W in the first days of March 2024, 60 W from the 6th on, and 2 W per % of CPU load."""
    values: dict[str, Any] = {
        "generator": "wattboard 0.1.0",
        "simulated": False,
        "sources": [{"name": "metered.csv", "sha256": "0" * 64}],
        "timezone": "UTC",
        "resolution_s": 60.0,
        "lag_s": 0.0,
        "features": [feature()],
        "regimes": [regime(0, 4, 100.0), regime(5, 9, 60.0)],
        "interval_level": 0.9,
        "interval_w": (-3.0, 2.0),
        "anchored_interval_w": (-6.0, 5.0),
        "quality": QUALITY,
    }
    return PowerModel.model_validate(values | changes)


# --------------------------------------------------------------------------- files


def test_a_round_trip_loses_nothing(tmp_path: Path) -> None:
    model = hand_made(lag_s=3.25, regimes=[regime(0, 4, 1 / 3)])
    assert PowerModel.from_json(model.to_json()) == model
    write_model(model, tmp_path / "deep" / "model.json")
    assert read_model(tmp_path / "deep" / "model.json") == model
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model.json"]
    write_model(hand_made(), tmp_path / "deep" / "model.json")
    assert read_model(tmp_path / "deep" / "model.json") == hand_made()


GOOD = json.loads(hand_made().to_json())
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no JSON"),
    "text": (b"time,watts\n1,2\n", "no JSON"),
    "pickle": (pickle.dumps({"format": "wattboard-power-model"}), "no JSON"),
    "utf-16": (b"\xff\xfe\x00", "no JSON"),
    "deep": (b"[" * 1_000_000, "no JSON"),
    "deep-objects": (b'{"format":' * 100_000, "no JSON"),
    "digits": (b'{"version": 1' + b"0" * 6000 + b"}", "no JSON"),
    "list": (b"[1, 2]", "no power model"),
    "null": (b"null", "no power model"),
    "other": (b'{"format": "other"}', "no power model"),
    "version": (json.dumps(GOOD | {"version": 2}).encode(), "version 2; this wattboard reads"),
    "no-version": (b'{"format": "wattboard-power-model"}', "version None"),
    "too-little": (
        b'{"format": "wattboard-power-model", "version": 1}',
        "generator: Field required",
    ),
    "too-much": (json.dumps(GOOD | {"code": "import os"}).encode(), "code: Extra inputs"),
    "nan": (json.dumps(GOOD | {"lag_s": float("nan")}).encode(), "lag_s: .*finite"),
    "infinite": (hand_made().to_json().replace("100.0", "1e999").encode(), "baseline_w: .*finite"),
    "text-number": (json.dumps(GOOD | {"lag_s": "soon"}).encode(), "lag_s: .*number"),
    "no-features": (json.dumps(GOOD | {"features": []}).encode(), "features: .*at least 1"),
    "no-regimes": (json.dumps(GOOD | {"regimes": []}).encode(), "regimes: .*at least 1"),
    "far-lag": (json.dumps(GOOD | {"lag_s": 1e12}).encode(), "lag_s: "),
    "far-time": (
        json.dumps(GOOD | {"regimes": [regime(0, 1, 5.0) | {"end_us": 10**30}]}).encode(),
        "regimes.0.end_us: ",
    ),
    "disorder": (json.dumps(GOOD | {"regimes": GOOD["regimes"][::-1]}).encode(), "order of time"),
    "itself": (json.dumps(GOOD | {"features": [feature("power_w")]}).encode(), "no columns of act"),
    "twice": (json.dumps(GOOD | {"features": [feature()] * 2}).encode(), "no columns of activity"),
    "zone": (json.dumps(GOOD | {"timezone": "../../etc/passwd"}).encode(), "no time zone"),
    "interval": (json.dumps(GOOD | {"interval_w": [2, -2]}).encode(), "lower end is above"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    data, words = HOSTILE[name]
    path = tmp_path / "model.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as refused:
        read_model(path)
    assert "model.json" in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.hint


def test_no_file_a_folder_and_an_endless_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_model(tmp_path / "none.json")
    with pytest.raises(InputError, match="is a folder"):
        read_model(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_model(Path("a\0b"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no file"):
        read_model(tmp_path / "pipe")
    huge = tmp_path / "huge.json"
    with huge.open("wb") as handle:
        handle.truncate(LARGEST_BYTES + 1)
    with pytest.raises(InputError, match="too large"):
        read_model(huge)


def test_a_model_replaces_a_model_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.json"
    notes.write_text('{"mine": 1}')
    with pytest.raises(OutputError, match="not a power model"):
        write_model(hand_made(), notes)
    assert notes.read_text() == '{"mine": 1}'
    with pytest.raises(OutputError, match="folder"):
        write_model(hand_made(), tmp_path)
    model = tmp_path / "model.json"
    write_model(hand_made(), model)
    with pytest.raises(OutputError, match="one of the files that are read"):
        write_model(hand_made(), model, [model])


def test_the_schema_in_the_docs_is_the_models() -> None:
    path = Path(__file__).parents[1] / "docs" / "model.schema.json"
    assert json.loads(path.read_text()) == PowerModel.model_json_schema()


def test_the_example_in_the_docs_is_a_model() -> None:
    text = (Path(__file__).parents[1] / "docs" / "model.md").read_text()
    example = text.split("```json\n")[1].split("```")[0]
    model = PowerModel.from_json(example)
    for name in PowerModel.model_fields:
        assert f"`{name}`" in text
    assert PowerModel.from_json(model.to_json()) == model


# --------------------------------------------------------------------------- prediction

TIMES = [START_US - 1, START_US, START_US + int(4.5 * DAY_US), START_US + 5 * DAY_US]
TIMES += [START_US + 9 * DAY_US]
TIMES += [START_US + 30 * DAY_US] * 2
LOAD = [10.0, 0.0, 80.0, 80.1, 5.0, None, float("nan")]
WATTS = [120.0, 100.0, 260.0, 220.2, 70.0, None, None]
INSIDE = [True, True, True, False, True, None, None]


def frames() -> dict[str, Any]:
    import duckdb
    import pandas as pd
    import polars as pl

    table = pa.table({"time_us": pa.array(TIMES, pa.int64()), "cpu_util_pct": pa.array(LOAD)})
    return {
        "pandas": pd.DataFrame({"time_us": TIMES, "cpu_util_pct": LOAD}),
        "pandas-arrow": table.to_pandas(types_mapper=pd.ArrowDtype),
        "polars": pl.DataFrame(table),
        "polars-lazy": pl.DataFrame(table).lazy(),
        "pyarrow": table,
        "duckdb": duckdb.from_arrow(table),
    }


def lists(frame: Any) -> dict[str, list[Any]]:
    import pandas as pd

    known: Any = nw.from_native(frame)
    if isinstance(known, nw.LazyFrame):
        known = known.collect(backend="pyarrow")
    columns = {name: known[name].to_list() for name in known.columns}
    return {
        name: [None if pd.isna(value) else value for value in values]
        for name, values in columns.items()
    }


@pytest.mark.parametrize(
    "kind", ["pandas", "pandas-arrow", "polars", "polars-lazy", "pyarrow", "duckdb"]
)
def test_the_same_watts_on_every_library(kind: str) -> None:
    frame = frames()[kind]
    found = hand_made().predict(frame)
    assert type(found) is type(frame)
    told = lists(found)
    assert told["power_w"] == pytest.approx(WATTS)
    assert told["power_low_w"] == pytest.approx([w and w - 3.0 for w in WATTS])
    assert told["power_high_w"] == pytest.approx([w and w + 2.0 for w in WATTS])
    assert told["in_range"] == INSIDE
    wider = lists(hand_made().predict(frame, baseline_w=10.0, anchored=True))
    assert wider["power_w"] == pytest.approx([30, 10, 170, 170.2, 20, None, None])
    assert wider["power_high_w"] == pytest.approx([35, 15, 175, 175.2, 25, None, None])
    assert wider["power_low_w"][1] == 4.0


def test_no_interval_goes_below_nothing() -> None:
    told = lists(hand_made().predict(pa.table({"cpu_util_pct": [0.0]}), baseline_w=1.0))
    assert told["power_low_w"] == [0.0]


def test_without_times_the_last_regime_counts() -> None:
    told = lists(hand_made().predict(pa.table({"cpu_util_pct": [1, 2]})))
    assert told["power_w"] == [62.0, 64.0]


def test_a_column_that_is_missing_or_text_is_named() -> None:
    with pytest.raises(InputError, match=r"no column cpu_util_pct.*it has: cpu"):
        hand_made().predict(pa.table({"cpu": [1.0]}))
    with pytest.raises(InputError, match="column cpu_util_pct of the telemetry is of the type Str"):
        hand_made().predict(pa.table({"cpu_util_pct": ["1"]}))


def test_times_that_are_none() -> None:
    load = pa.array([1.0, 1.0])
    told = lists(hand_made().predict(pa.table({"time_us": [START_US, None], "cpu_util_pct": load})))
    assert told["power_w"] == [102.0, None]
    stamps = pa.array([0, 1], pa.timestamp("us"))
    with pytest.raises(InputError, match="time_us of the telemetry is of the type Datetime"):
        hand_made().predict(pa.table({"time_us": stamps, "cpu_util_pct": load}))
    empty = pa.table(
        {"time_us": pa.array([], pa.int64()), "cpu_util_pct": pa.array([], pa.float64())}
    )
    assert lists(hand_made().predict(empty))["power_w"] == []


def test_regimes_and_why() -> None:
    model = hand_made()
    for day, watts, words in (
        (-1, 100.0, "begins later"),
        (0, 100.0, "falls in"),
        (4, 100.0, "falls in"),
        (4.5, 100.0, "before this time"),
        (5, 60.0, "falls in"),
        (90, 60.0, "before this time"),
    ):
        found, why = model.regime_at(START_US + round(day * DAY_US))
        assert (found.baseline_w, words in why) == (watts, True)


@pytest.mark.parametrize("kind", ["polars-lazy", "duckdb", "pyarrow"])
def test_thousands_of_regimes(kind: str) -> None:
    many = [regime(i / 100, (i + 0.5) / 100, float(i)) for i in range(3000)]
    told = lists(hand_made(regimes=many).predict(frames()[kind]))
    assert told["power_w"][:4] == pytest.approx([20.0, 0.0, 160.0 + 450, 160.2 + 500])


# --------------------------------------------------------------------------- wattboard.fit


class Fitting:
    """What fitting offers: it tells what it was given."""

    def __init__(self, model: PowerModel | None) -> None:
        self.model = model
        self.names: list[str] = []
        self.rows: list[dict[str, Any]] = []
        self.cached = True

    def fit(self, settings: Any, *, use_cache: bool = True, progress: Any = None) -> Any:
        from types import SimpleNamespace

        from wattboard.engine import Cache, open_engine
        from wattboard.pipeline import Quiet, Work, clean_up, prepare, recognise_all

        self.names, self.cached = settings.log, use_cache
        recognised = recognise_all(settings)
        cache = Cache(keep=False)
        engine = open_engine(cache=cache)
        work = Work(settings, engine, Quiet(), *recognised)
        clean, _ = clean_up(work, prepare(work))
        self.rows = engine.collect(clean.rows.sort("time_us")).to_pylist()
        engine.close()
        cache.close()
        report = SimpleNamespace(reason="power never changes", model_dump_json=lambda **_: "{}")
        return SimpleNamespace(model=self.model, report=report, simulated=False)


@pytest.fixture
def fitting(monkeypatch: pytest.MonkeyPatch) -> Fitting:
    fake = Fitting(hand_made())
    monkeypatch.setitem(sys.modules, "wattboard.fitting", fake)
    monkeypatch.setattr(wattboard, "fitting", fake, raising=False)
    return fake


def metered(kind: str) -> Any:
    import duckdb
    import pandas as pd
    import polars as pl

    times = [START_US + i * 60_000_000 for i in range(30)]
    values = {
        "power_w": [100.0 + i for i in range(30)],
        "cpu_util_pct": [float(i) for i in range(30)],
    }
    table = pa.table({"time_us": times, **values})
    stamps = pd.to_datetime(times, unit="us", utc=True)
    return {
        "pandas": pd.DataFrame(
            {"time": stamps, "watts": values["power_w"], "cpu": values["cpu_util_pct"]}
        ),
        "pandas-index": pd.DataFrame(values, index=stamps),
        "polars": pl.DataFrame(table),
        "polars-lazy": pl.DataFrame(table).lazy(),
        "pyarrow": table,
        "duckdb": duckdb.from_arrow(table),
    }[kind]


@pytest.mark.parametrize(
    "kind", ["pandas", "pandas-index", "polars", "polars-lazy", "pyarrow", "duckdb"]
)
def test_a_frame_is_read_as_a_log(fitting: Fitting, kind: str) -> None:
    assert wattboard.fit(metered(kind)) == hand_made()
    assert [Path(name).name for name in fitting.names] == ["frame.parquet"]
    assert not Path(fitting.names[0]).exists()
    assert not fitting.cached
    assert fitting.rows[0] == {"time_us": START_US, "power_w": 100.0, "cpu_util_pct": 0.0}
    assert len(fitting.rows) == 30
    assert fitting.rows[-1]["time_us"] == START_US + 29 * 60_000_000


def test_paths_and_lists_of_paths(fitting: Fitting, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "log.parquet"
    pq.write_table(metered("pyarrow").rename_columns(["time", "power_w", "cpu_util_pct"]), path)
    for log in (path, str(path), [path]):
        assert wattboard.fit(log) == hand_made()
        assert fitting.names == [str(path)]
        assert fitting.cached


def test_what_cannot_be_fitted_says_why(fitting: Fitting) -> None:
    fitting.model = None
    with pytest.raises(InputError, match="power never changes"):
        wattboard.fit(metered("pyarrow"))
    for nonsense in (5, {"a": [1]}, None):
        with pytest.raises(InputError, match=f"of the type {type(nonsense).__name__}"):
            wattboard.fit(nonsense)
    with pytest.raises(InputError, match="of the type int"):
        wattboard.fit(["log.csv", 5])
    with pytest.raises(InputError, match="No log"):
        wattboard.fit([])
    with pytest.raises(InputError, match=r"frame.parquet has no rows"):
        wattboard.fit(metered("pyarrow").slice(0, 0))
    with pytest.raises(InputError, match="no format that wattboard knows"):
        wattboard.fit(pa.table({"time": [1.0], "load": [1.0]}))


def test_the_command_writes_the_model(
    fitting: Fitting,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from wattboard import commands, fit_lines

    monkeypatch.setattr(fit_lines, "print_fit", lambda *_, **__: None)
    log = tmp_path / "log.csv"
    log.write_text(
        "time,watts,cpu\n" + "".join(f"2024-03-01 00:{m:02d}:00,{90 + m},{m}\n" for m in range(30))
    )
    commands.fit(log=[str(log)], out=tmp_path / "model.json")
    assert read_model(tmp_path / "model.json") == hand_made()
    assert "model.json" in capsys.readouterr().out
    fitting.model = None
    with pytest.raises(InputError, match="power never changes"):
        commands.fit(log=[str(log)], out=tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()
    commands.fit(log=[str(log)])
    with pytest.raises(OutputError, match="one of the files"):
        commands.fit(log=[str(log)], out=log)


def test_importing_the_package_is_light() -> None:
    code = (
        "import sys, wattboard; print([m for m in ('narwhals', 'pydantic', 'duckdb', 'pyarrow', "
        "'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
