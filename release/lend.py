"""Lends the packages of this environment to another one, which finds them after its own.

    python release/lend.py ENVIRONMENT

What is tested there is what was installed there; pytest and the rest of ``[dev]`` need not be installed
a second time, which takes a minute.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path


def packages_of(environment: Path) -> Path:
    """The folder of an environment that pip installs into."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))


def lend(environment: Path, *lenders: Path) -> None:
    """Let an environment look into the packages of ``lenders``, in their order, after its own.

    A package that is installed there for editing stays out: it is a line in a file that nobody reads
    for a folder that was lent.
    """
    lines = [f"{packages_of(lender)}\n" for lender in lenders]
    (packages_of(environment) / "lent.pth").write_text("".join(lines), "utf-8")


if __name__ == "__main__":
    lend(Path(sys.argv[1]), Path(sys.prefix))
