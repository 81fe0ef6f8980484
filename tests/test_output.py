"""A build replaces its folder as a whole, so that it must hold nothing but what builds wrote."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from wattboard.errors import OutputError
from wattboard.site.writer import MARKER, MARKER_TEXT, check_target, write_site
from wattboard.sources.passed_over import SITE_MARKER


def test_one_marker() -> None:
    assert MARKER == SITE_MARKER


def test_the_marker_lists_what_was_written(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"1", "x/b.txt": b"2"}, out)
    assert (out / MARKER).read_text().splitlines()[-2:] == ["a.txt", "x/b.txt"]


@pytest.mark.parametrize("name", ["notes.txt", "x/log.csv", "new/deep.txt"])
def test_a_file_put_into_a_site_is_kept(tmp_path: Path, name: str) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"1", "x/b.txt": b"2"}, out)
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    with pytest.raises(OutputError, match=f"did not make \\({name}\\)"):
        write_site({"a.txt": b"3"}, out)
    assert (out / name).read_text() == "mine"
    assert (out / "a.txt").read_bytes() == b"1"
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_links_and_empty_folders_are_somebodys(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"1"}, out)
    (out / "empty").mkdir()
    with pytest.raises(OutputError, match="empty"):
        check_target(out)
    (out / "empty").rmdir()
    (out / "link").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="link"):
        check_target(out)


def test_what_a_file_manager_leaves_is_no_reason(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"1"}, out)
    (out / ".DS_Store").write_bytes(b"x")
    write_site({"a.txt": b"2"}, out)
    assert (out / "a.txt").read_bytes() == b"2"


def test_a_marker_without_a_list(tmp_path: Path) -> None:
    out = tmp_path / "site"
    (out / "data").mkdir(parents=True)
    (out / MARKER).write_text(MARKER_TEXT)
    (out / "index.html").write_text("old")
    check_target(out)
    (out / "log.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"log\.csv"):
        check_target(out)


def test_inputs_inside(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"log.csv": b"1"}, out)
    check_target(out, [tmp_path / "log.csv"])
    (tmp_path / "to-it").symlink_to(out / "log.csv")
    for path in (out / "log.csv", tmp_path / "to-it", out / "x" / ".." / "log.csv"):
        with pytest.raises(OutputError, match="lies inside"):
            write_site({"a.txt": b"2"}, out, [path])
    assert (out / "log.csv").read_bytes() == b"1"


def test_a_link_inside_that_leads_out(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"log.csv": b"1"}, out)
    (out / "log.csv").unlink()
    (tmp_path / "real.csv").write_text("x")
    (out / "log.csv").symlink_to(tmp_path / "real.csv")
    with pytest.raises(OutputError, match="lies inside"):
        check_target(out, [out / "log.csv"])


def test_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for out in (Path(), Path(".."), tmp_path):
        with pytest.raises(OutputError, match="folder you are in"):
            check_target(out)
    with pytest.raises(OutputError, match="root"):
        check_target(Path("/"))


def test_what_stays_as_it_is_keeps_its_time(tmp_path: Path) -> None:
    out = tmp_path / "site"
    files = {"index.html": b"page", "x/same.js": b"same", "x/other.js": b"1", "x/mode.js": b"mode"}
    write_site(files, out)
    (out / "x/mode.js").chmod(0o600)
    backup = tmp_path / "backup.js"
    backup.hardlink_to(out / "x/other.js")
    for path in out.rglob("*.*"):
        os.utime(path, (1, 1))
    write_site({**files, "x/other.js": b"2"}, out)
    kept = {path.name for path in out.rglob("*.*") if path.stat().st_mtime == 1}
    assert kept == {"same.js"}
    assert {name: (out / name).read_bytes() for name in files} == {**files, "x/other.js": b"2"}
    assert backup.read_bytes() == b"1"
    assert (out / "x/mode.js").stat().st_mode == (out / "index.html").stat().st_mode


def test_a_changed_file_of_the_same_size_is_written(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"x/a.js": b"right"}, out)
    (out / "x/a.js").write_bytes(b"wrong")
    write_site({"x/a.js": b"right"}, out)
    assert (out / "x/a.js").read_bytes() == b"right"


def test_a_link_in_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site({"x/a.js": b"1"}, out)
    (tmp_path / "a.js").write_bytes(b"1")
    (out / "x/a.js").unlink()
    (out / "x/a.js").symlink_to(tmp_path / "a.js")
    write_site({"x/a.js": b"1"}, out)
    assert not (out / "x/a.js").is_symlink()


@pytest.mark.parametrize("made", [False, True])
def test_a_disk_that_refuses_second_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    link = os.link

    def refused(old: str, new: str) -> None:
        # Some network disks say no after they have made one.
        if made:
            link(old, new)
        raise PermissionError(1, "Operation not permitted")

    out = tmp_path / "site"
    write_site({"x/a.js": b"1"}, out)
    (tmp_path / "backup.js").hardlink_to(out / "x/a.js")
    monkeypatch.setattr(os, "link", refused)
    write_site({"x/a.js": b"1"}, out)
    assert (out / "x/a.js").read_bytes() == b"1"
    assert not (out / "x/a.js").samefile(tmp_path / "backup.js")


def test_another_build_swaps_the_site_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def swapped(old: str, new: str) -> None:
        Path(old).unlink()
        Path(old).write_bytes(b"of the other")
        link(old, new)

    out = tmp_path / "site"
    write_site({"x/a.js": b"mine"}, out)
    monkeypatch.setattr(os, "link", swapped)
    write_site({"x/a.js": b"mine"}, out)
    assert (out / "x/a.js").read_bytes() == b"mine"


def test_a_signal_during_the_swap_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "site"
    write_site({"a.txt": b"1"}, out)
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self == out:
            # The old site is away, the new one is not there yet.
            os.kill(os.getpid(), signal.SIGINT)
        return moved

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_site({"a.txt": b"2"}, out)
    assert (out / "a.txt").read_bytes() == b"2"
    assert [p.name for p in tmp_path.iterdir()] == ["site"]
