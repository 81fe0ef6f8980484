"""From server power logs to an honest, shareable energy and carbon dashboard.

    from wattboard import Settings, build

    summary, _ = build.summarise(Settings(log=["meter.csv"]))

``build.build`` writes a site, ``build.summarise`` gives the numbers, ``build.check`` the report.

    model = wattboard.fit("metered.csv")
    watts = model.predict(frame)

    run = wattboard.estimate("A100 SXM4 80 GB", count=8, hours=24, location="FRA")
    run.operational_co2e_kg.value, run.factors["pue"].source

``fit`` takes files or a frame, ``PowerModel.predict`` any frame that narwhals knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wattboard import build
    from wattboard.api import estimate, fit
    from wattboard.model import PowerModel
    from wattboard.settings import Settings

__all__ = ["PowerModel", "Settings", "build", "estimate", "fit"]


def __getattr__(name: str) -> Any:
    # Importing the package must not cost what importing its libraries costs.
    if name == "Settings":
        from wattboard.settings import Settings

        return Settings
    if name == "PowerModel":
        from wattboard.model import PowerModel

        return PowerModel
    if name in ("estimate", "fit"):
        from wattboard import api

        return getattr(api, name)
    if name == "build":
        import importlib

        return importlib.import_module("wattboard.build")
    raise AttributeError(f"module 'wattboard' has no attribute {name!r}")
