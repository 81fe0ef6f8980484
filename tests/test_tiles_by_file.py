"""The pyramid of a log in files is that of the log in one file, and a file more costs a file."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_local import written
from test_pieces import START, at_instants, cut, mixed
from wattboard import build, tiling
from wattboard.quality import buckets, pieces
from wattboard.settings import Settings
from wattboard.tiles import by_piece, ladder, read_pack, store

KWH = re.compile(r'"kwh":([^,]+),')


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file a piece, and some dozen tiles of each level."""
    monkeypatch.setattr(pieces, "PIECE_ROWS", 1)
    monkeypatch.setattr(ladder, "TILE_READINGS", 200)
    monkeypatch.setattr(ladder, "TILE_BUCKETS", 40)
    monkeypatch.setattr(ladder, "ROOT_BUCKETS", 60)


def pyramid(files: list[Path], out: Path, cache: Path, **given: Any) -> tuple[Any, dict[str, str]]:
    """What is told of the tiles of a new build, and their scripts."""
    for path in cache.glob("readings-*.tiles"):
        path.unlink()
    build.build(Settings(log=[str(path) for path in files], out=str(out), **given))
    (pack,) = cache.glob("readings-*.tiles")
    found = read_pack(pack)
    assert found is not None
    return found[0], {name: bytes(script).decode() for name, script in found[1].items()}


def same(found: tuple[Any, dict[str, str]], expected: tuple[Any, dict[str, str]]) -> None:
    """The same levels and scripts; the energy before a tile is a sum, made in another order."""
    levels = [(one["name"], one["tiles"]) for one in found[0]["levels"]]
    assert levels == [(one["name"], one["tiles"]) for one in expected[0]["levels"]]
    assert list(found[1]) == list(expected[1])
    for name, script in found[1].items():
        assert KWH.sub("", script) == KWH.sub("", expected[1][name]), name
        (ours,), (theirs,) = KWH.findall(script), KWH.findall(expected[1][name])
        assert float(ours) == pytest.approx(float(theirs), rel=1e-9, abs=1e-12)


def kept(cache: Path) -> Counter[str]:
    """How many files have tiles and buckets of their own."""
    kinds = Counter(path.name.partition("-")[0] for path in cache.glob("*.tiles"))
    return Counter({kind: kinds[kind] for kind in ("cut", "buckets")})


# In silence, in missing power, after a gap, right beside one another, the first and the last instant.
EDGES = [[4000], [2900, 3450], [2040, 2041, 2042], [3400, 3425, 6900, 8000, 8001], [1, 9000]]


@pytest.mark.parametrize("detail", ["reading", "second"])
@pytest.mark.parametrize("edges", EDGES)
def test_tiles_of_files_are_those_of_the_log(
    edges: list[int],
    detail: str,
    tmp_path: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Ten seconds of a reading a second: wider than a reading, finer than what the log is reduced to.
    monkeypatch.setitem(ladder.DETAIL_US, "second", 10_000_000)
    monkeypatch.setattr(buckets, "MAX_BUCKETS", 300)
    lines = mixed(step_s=1)
    whole = [written(tmp_path / "one.csv", lines)]
    files = cut(lines, at_instants(lines, edges), tmp_path / "files")
    expected = pyramid(whole, tmp_path / "a", own_cache, detail=detail)
    assert not +kept(own_cache)
    found = pyramid(files, tmp_path / "b", own_cache, detail=detail)
    assert kept(own_cache)["buckets"] == len(files)
    assert kept(own_cache)["cut"] == (len(files) if detail == "reading" else 0)
    assert len(found[0]["levels"]) >= 2
    same(found, expected)
    before = {path: path.stat().st_mtime_ns for path in own_cache.glob("buckets-*.tiles")}
    assert pyramid(files, tmp_path / "c", own_cache, detail=detail) == found
    after = {path: path.stat().st_mtime_ns for path in own_cache.glob("buckets-*.tiles")}
    assert after == before


def test_tiles_of_buckets_know_the_step_between_files(tmp_path: Path, own_cache: Path) -> None:
    """Out of the reduced log: half of the step to the next file's first reading is a file's own."""
    lines = mixed(4000, step_s=20)
    files = cut(lines, at_instants(lines, [1000, 1777, 3025]), tmp_path / "files")
    expected = pyramid(
        [written(tmp_path / "one.csv", lines)], tmp_path / "a", own_cache, detail="minute"
    )
    found = pyramid(files, tmp_path / "b", own_cache, detail="minute")
    assert found[0]["levels"][-1]["name"] == "1min"
    same(found, expected)


@pytest.mark.parametrize("seed", range(6))
def test_any_cuts_make_the_same_tiles(seed: int, tmp_path: Path, own_cache: Path) -> None:
    rng = np.random.default_rng(seed)
    lines = mixed(3000)
    edges = sorted({int(e) for e in rng.integers(1, len(lines) - 2, int(rng.integers(1, 6)))})
    files = cut(lines, sorted({*at_instants(lines, edges)}), tmp_path / "files")
    expected = pyramid([written(tmp_path / "one.csv", lines)], tmp_path / "a", own_cache)
    same(pyramid(files, tmp_path / "b", own_cache), expected)


def test_a_file_more_is_cut_alone(tmp_path: Path, own_cache: Path) -> None:
    lines = mixed()
    files = cut(lines, at_instants(lines, [2000, 4000, 6000, 8000]), tmp_path / "files")
    pyramid(files[:4], tmp_path / "a", own_cache)
    before = kept(own_cache)
    found = pyramid(files, tmp_path / "b", own_cache)
    assert kept(own_cache) - before == Counter({"cut": 1, "buckets": 1})
    same(found, pyramid([written(tmp_path / "one.csv", lines)], tmp_path / "c", own_cache))


def test_a_file_without_power_between_others(tmp_path: Path, own_cache: Path) -> None:
    """Its neighbours are neighbours then: a reading reaches over it, or a gap does."""
    for hole, reach in ((40, 10), (3, 2)):
        lines = [f"{START + i},{100 + i % 7},{i % 90}" for i in range(2000)]
        lines[900 : 900 + hole] = [
            f"{START + i},,{i % 90}" for i in range(900, 900 + hole)
        ]  # fmt: skip
        lines = ["time,power_w,cpu", *lines]
        files = cut(lines, [900, 900 + hole], tmp_path / f"{reach}")
        expected = pyramid([written(tmp_path / "one.csv", lines)], tmp_path / "a", own_cache)
        same(pyramid(files, tmp_path / "b", own_cache), expected)


def test_tiles_that_are_too_heavy_are_cut_no_further(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = mixed()
    whole = [written(tmp_path / "one.csv", lines)]
    files = cut(lines, at_instants(lines, [2000, 4000, 6000, 8000]), tmp_path / "files")
    told, scripts = pyramid(whole, tmp_path / "a", own_cache)
    readings = sum(len(text) for name, text in scripts.items() if "/readings/" in name)
    budget = readings // 2
    assert budget > len(lines), "the level is not given up before it is looked at"
    monkeypatch.setattr(tiling, "SITE_BYTES", tiling.PAGES_BYTES + budget)
    expected = pyramid(whole, tmp_path / "b", own_cache)
    assert expected[0]["levels"] == told["levels"][:-1]
    same(pyramid(files, tmp_path / "c", own_cache), expected)
    assert kept(own_cache) == Counter({"cut": 3, "buckets": 5})
    cut_at = {path: path.stat().st_mtime_ns for path in own_cache.glob("cut-*.tiles")}
    same(pyramid(files, tmp_path / "d", own_cache), expected)
    assert {path: path.stat().st_mtime_ns for path in own_cache.glob("cut-*.tiles")} == cut_at
    # Where there is room for them they are cut after all.
    monkeypatch.setattr(tiling, "SITE_BYTES", tiling.PAGES_BYTES + 2 * readings)
    same(pyramid(files, tmp_path / "e", own_cache), (told, scripts))


def test_what_was_too_heavy_is_so_with_another_file(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = mixed()
    files = cut(lines, at_instants(lines, [2000, 4000, 6000, 8000]), tmp_path / "files")
    _, scripts = pyramid(files, tmp_path / "a", own_cache)
    readings = sum(len(text) for name, text in scripts.items() if "/readings/" in name)
    monkeypatch.setattr(tiling, "SITE_BYTES", tiling.PAGES_BYTES + readings // 2)
    expected = pyramid(files, tmp_path / "b", own_cache)
    pyramid(files[:4], tmp_path / "c", own_cache)
    assert len(list(own_cache.glob("heavy-*.tiles"))) == 1
    made: list[str] = []

    def noted(name: str, kwh: float, packed: bytes) -> tuple[str, bytes, int]:
        made.append(name)
        return script(name, kwh, packed)

    script = store._made
    monkeypatch.setattr(store, "_made", noted)
    same(pyramid(files, tmp_path / "d", own_cache), expected)
    assert made
    assert not [name for name in made if name.startswith("readings/")]
    # The mark is of one room: where there is more of it they are put there.
    monkeypatch.setattr(tiling, "SITE_BYTES", tiling.PAGES_BYTES + 2 * readings)
    assert pyramid(files, tmp_path / "e", own_cache)[1] == scripts


@pytest.mark.parametrize("kind", ["cut", "buckets"])
def test_a_damaged_entry_is_cut_anew(kind: str, tmp_path: Path, own_cache: Path) -> None:
    lines = mixed(4000)
    files = cut(lines, at_instants(lines, [2000]), tmp_path / "files")
    first = pyramid(files, tmp_path / "a", own_cache)
    damaged = sorted(own_cache.glob(f"{kind}-*.tiles"))[0]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 255
    damaged.write_bytes(data)
    assert pyramid(files, tmp_path / "b", own_cache) == first
    assert damaged.read_bytes() != data


def test_other_cuts_are_other_entries(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = mixed(4000)
    files = cut(lines, at_instants(lines, [2000]), tmp_path / "files")
    pyramid(files, tmp_path / "a", own_cache)
    before = kept(own_cache)
    monkeypatch.setattr(by_piece, "CUT_VERSION", by_piece.CUT_VERSION + 1)
    pyramid(files, tmp_path / "b", own_cache)
    assert (kept(own_cache) - before)["cut"] == 2
