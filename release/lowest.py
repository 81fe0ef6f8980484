"""Prints the oldest versions that pyproject.toml allows of what wattboard depends on, as constraints.

With ``--check`` it fails where the environment that runs it has others, or a wattboard that was not
built and installed.

pip cannot resolve to the lowest; direct dependencies are what the bounds are a promise about, and
whatever these need in turn is as new as it can be.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

BOUND = re.compile(r"(?P<name>[\w.-]+)(\[[^\]]*\])?>=(?P<version>[\w.]+)")


def lowest(dependency: str) -> str:
    """``duckdb>=1.5,<2`` -> ``duckdb==1.5``."""
    found = BOUND.match(dependency)
    if found is None:
        raise SystemExit(f"{dependency} in pyproject.toml has no lower bound")
    return f"{found['name']}=={found['version']}"


def others(wanted: list[str]) -> list[str]:
    """What is installed in another version than wanted; ``1.5`` is ``1.5.0``."""
    found = []
    for one in wanted:
        name, _, lowest_version = one.partition("==")
        if _plain(version(name)) != _plain(lowest_version):
            found.append(f"{name} is {version(name)} and not {lowest_version}")
    spec = find_spec("wattboard")
    if spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(sys.prefix):
        found.append(f"wattboard is not of this environment: {spec and spec.origin}")
    return found


def _plain(text: str) -> str:
    return re.sub(r"(\.0)+$", "", text)


if __name__ == "__main__":
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))
    oldest = [lowest(one) for one in project["project"]["dependencies"]]
    if sys.argv[1:] == ["--check"]:
        if wrong := others(oldest):
            raise SystemExit("\n".join(wrong))
    else:
        print(*oldest, sep="\n")
