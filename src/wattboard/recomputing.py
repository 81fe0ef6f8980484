"""AI models compared: the published tables, and what our own arithmetic makes of their inputs.

``footprint`` alone computes. A published figure is put beside the product of the inputs printed with
it, which shows both that the arithmetic is the sources' own and where a source differs from itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from wattboard import reference
from wattboard.footprint import KWH_PER_WH, operational_co2e_kg, product
from wattboard.format import NARROW, percent, printed
from wattboard.summary import (
    AI,
    AIModel,
    Factor,
    Grid,
    Grids,
    OtherFigure,
    Range,
    Recomputed,
)

KWH_PER_MWH = 1000.0
KG_PER_T = 1000.0
TOLERANCE = 0.01
# Where a site has no location: most sources of the table reckon with an average of the United States.
DEFAULT_GRID = "USA"
# The PUE of an energy that already includes it, or of one that nobody gave.
ONE = Factor(
    value=1.0, low=1.0, high=1.0, unit="", kind="default", source="as the energy was published"
)


def _factor(value: float, unit: str, model: AIModel) -> Factor:
    return Factor(
        value=value,
        low=value,
        high=value,
        unit=unit,
        kind="reported",
        source=model.source_title,
        year=model.source_year,
    )


def _half_unit(value: float) -> float:
    """Half of the last decimal that a figure is printed with; whole numbers are printed to the unit."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return float(Decimal("0.5").scaleb(min(exponent, 0)))


def energy_kwh(model: AIModel) -> Range | None:
    """Device-hours × W × PUE where the row gives them all; without PUE where the figure has none."""
    if model.device_hours is None or model.device_power_w is None:
        return None
    if model.pue_note not in {"included", "excluded"}:
        return None
    if model.pue_note == "included" and model.pue is None:
        return None
    pue = ONE if model.pue is None else _factor(model.pue, "", model)
    at_outlet = product(model.device_hours, _factor(model.device_power_w, "W", model), KWH_PER_WH)
    return product(at_outlet, pue)


def emissions_kg(model: AIModel) -> Range | None:
    """The row's energy, recomputed where that is possible, × its grid intensity."""
    if model.carbon_intensity_g_per_kwh is None:
        return None
    energy = energy_kwh(model)
    if energy is None and model.training_energy_mwh is not None:
        energy = product(model.training_energy_mwh, KWH_PER_MWH)
    if energy is None:
        return None
    return operational_co2e_kg(energy, ONE, _factor(model.carbon_intensity_g_per_kwh, "", model))


def moved_kg(model: AIModel, grid: Grid) -> Range | None:
    """The energy as published × the intensity of another grid: a figure of ours, kg."""
    if model.training_energy_mwh is None:
        return None
    intensity = _factor(grid.intensity_g_per_kwh, "g/kWh", model)
    return operational_co2e_kg(model.training_energy_mwh * KWH_PER_MWH, ONE, intensity)


def recomputed(model: AIModel) -> list[Recomputed]:
    """Published against recomputed, for what the row has the inputs of."""
    found = []
    energy, emissions = energy_kwh(model), emissions_kg(model)
    hours = (
        f"{printed(model.device_hours)}{NARROW}h × {printed(model.device_power_w)}{NARROW}W"
        + (f" × {printed(model.pue)}" if model.pue is not None else "")
        if energy is not None
        else None
    )
    if energy is not None and model.training_energy_mwh and hours is not None:
        value, published = energy.value / KWH_PER_MWH, model.training_energy_mwh
        found.append(
            _compared(model, "energy", published, value, hours, _rounding(published, value, "MWh"))
        )
    if emissions is not None and model.emissions_tco2e:
        value, published = emissions.value / KG_PER_T, model.emissions_tco2e
        inputs = hours or f"{printed(model.training_energy_mwh)}{NARROW}MWh"
        inputs += f" × {printed(model.carbon_intensity_g_per_kwh)}{NARROW}g/kWh"
        reason = _rounding(published, value, "t") or _rounded_energy(model, published)
        found.append(_compared(model, "emissions", published, value, inputs, reason))
    return found


def _compared(
    model: AIModel, what: str, published: float, value: float, inputs: str, reason: str | None
) -> Recomputed:
    deviation = value / published - 1.0
    far = abs(deviation) > TOLERANCE
    energy = what == "energy"
    return Recomputed(
        quantity="energy" if energy else "emissions",
        unit="MWh" if energy else "t",
        published=published,
        recomputed=value,
        deviation=deviation,
        inputs=inputs,
        reason=((None if energy else model.deviation_note) or reason) if far else None,
    )


def _rounding(published: float, value: float, unit: str) -> str | None:
    """The recomputed value, rounded as the published one is printed, is the published one."""
    half = _half_unit(published)
    if abs(value - published) > half:
        return None
    return (
        f"The published {printed(published)}{NARROW}{unit} is rounded, which alone may be "
        f"{percent(half / published)} off."
    )


def _rounded_energy(model: AIModel, published: float) -> str | None:
    """The rounding of the published energy, and of the result, can make up the difference."""
    energy, intensity = model.training_energy_mwh, model.carbon_intensity_g_per_kwh
    if energy is None or intensity is None:
        return None
    half = _half_unit(energy)
    grid = _factor(intensity, "g/kWh", model)
    low, high = (
        operational_co2e_kg(mwh * KWH_PER_MWH, ONE, grid).value / KG_PER_T
        for mwh in (energy - half, energy + half)
    )
    if high < published - _half_unit(published) or low > published + _half_unit(published):
        return None
    return (
        f"Inputs are printed rounded: the published energy, between "
        f"{_short(energy - half)} and {_short(energy + half)}{NARROW}MWh, gives {_short(low)} to "
        f"{_short(high)}{NARROW}t, and {printed(published)}{NARROW}t is rounded too."
    )


def _short(value: float) -> str:
    """Four digits, which is one more than such inputs have."""
    return printed(float(f"{value:.4g}"))


def _range(value: float | None, others: Sequence[OtherFigure], quantity_: str) -> Range | None:
    """From the least to the greatest figure of the same thing; None where there is one only."""
    same = [
        one.value
        for one in others
        if one.quantity == quantity_ and one.reason not in {"error", "life cycle"}
    ]
    if value is None or not same:
        return None
    return Range(value=value, low=min(value, *same), high=max(value, *same))


def ai_models(location: str | None, known: Grids) -> AI:
    """All tables, with ranges, what is recomputed, and every training moved to ``location``'s grid.

    ``known`` has the grids that a training can be moved to.

    Raises:
        UsageError: no grid intensity is known for the location.
    """
    # A state or cloud region counts with the country that it lies in: trainings are moved to countries.
    country = reference.find_location(reference.find_location(location or DEFAULT_GRID).within)
    grids = [
        Grid(code=one.iso_code, name=one.name, intensity_g_per_kwh=one.g_per_kwh, year=one.year)
        for one in known.intensities
    ]
    grid = next(one for one in grids if one.code == country.code)
    figures = reference.other_figures()
    models = []
    for model in reference.ai_models():
        others = [one for one in figures if one.model == model.model]
        moved = moved_kg(model, grid)
        models.append(
            model.model_copy(
                update={
                    "energy_range_mwh": _range(model.training_energy_mwh, others, "energy_mwh"),
                    "emissions_range_tco2e": _range(
                        model.emissions_tco2e, others, "emissions_tco2e"
                    ),
                    "on_grid_co2e_kg": None if moved is None else moved.value,
                    "recomputed": recomputed(model),
                }
            )
        )
    return AI(
        models=models,
        figures=figures,
        inference=reference.inference(),
        facilities=reference.facilities(),
        edge=reference.edge(),
        grids=grids,
        grid_source=known.source,
        grid=grid,
    )
