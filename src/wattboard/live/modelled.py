"""A fitted power model at work: activity of an interval to wall watts, with their interval."""

from __future__ import annotations

from pathlib import Path

from wattboard.errors import InputError
from wattboard.live.readings import DIGITS, Means
from wattboard.live.recorder import Model

RESULTS = ("power_w", "power_low_w", "power_high_w")


def model_of(path: Path, known: list[str]) -> Model:
    """A function from activity to power, its bounds, and how it came about.

    ``known`` are the columns that the meter gives.

    Raises:
        InputError: the file is no model, or it needs what the meter does not give.
    """
    import pyarrow as pa

    from wattboard.model import read_model

    model = read_model(path)
    missing = [name for name in model.columns if name not in known]
    if missing:
        raise InputError(
            f"The model {path.name} needs {', '.join(missing)}, which cannot be read here "
            f"(there is: {', '.join(known) or 'nothing'}).",
            "Fit a model from the activity that this machine shows.",
        )

    def predicted(
        values: dict[str, float],
    ) -> tuple[dict[str, float], dict[str, float], Means] | None:
        if any(name not in values for name in model.columns):
            return None
        row = model.predict(pa.table({name: [values[name]] for name in model.columns}))
        power, low, high = (row[name][0].as_py() for name in RESULTS)
        if power is None:
            return None
        beyond = "" if row["in_range"][0].as_py() else ", beyond the activity that it was fitted on"
        bounds = {
            name: round(value, DIGITS)
            for name, value in (("power_low_w", low), ("power_high_w", high))
            if value is not None
        }
        told = Means("modelled", f"{path.name}, at the wall{beyond}")
        return {"power_w": round(power, DIGITS)}, bounds, told

    return predicted
