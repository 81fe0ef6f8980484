"""From server power logs to an honest, shareable energy and carbon dashboard.

    from wattboard import Settings, build

    summary, _ = build.summarise(Settings(log=["meter.csv"]))

``build.build`` writes a site, ``build.summarise`` gives the numbers, ``build.check`` the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wattboard import build
    from wattboard.settings import Settings

__all__ = ["Settings", "build"]


def __getattr__(name: str) -> Any:
    # Importing the package must not cost what importing its libraries costs.
    if name == "Settings":
        from wattboard.settings import Settings

        return Settings
    if name == "build":
        import importlib

        return importlib.import_module("wattboard.build")
    raise AttributeError(f"module 'wattboard' has no attribute {name!r}")
