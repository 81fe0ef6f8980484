"""Prints the oldest versions that pyproject.toml allows of what wattboard depends on, as constraints.

pip cannot resolve to the lowest; direct dependencies are what the bounds are a promise about, and
whatever these need in turn is as new as it can be.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

BOUND = re.compile(r"(?P<name>[\w.-]+)(\[[^\]]*\])?>=(?P<version>[\w.]+)")


def lowest(dependency: str) -> str:
    """``duckdb>=1.5,<2`` -> ``duckdb==1.5``."""
    found = BOUND.match(dependency)
    if found is None:
        raise SystemExit(f"{dependency} in pyproject.toml has no lower bound")
    return f"{found['name']}=={found['version']}"


if __name__ == "__main__":
    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))
    print(*map(lowest, project["project"]["dependencies"]), sep="\n")
