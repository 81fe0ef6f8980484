"""The power model: regimes, fit, validation and prediction."""

from wattboard.model.files import check_model_target, read_model, write_model
from wattboard.model.fit import FittedPower, Material, fit_power
from wattboard.model.grains import seen_range
from wattboard.model.power_model import PowerModel
from wattboard.model.shares import EnergyByBucket

__all__ = [
    "EnergyByBucket",
    "FittedPower",
    "Material",
    "PowerModel",
    "check_model_target",
    "fit_power",
    "read_model",
    "seen_range",
    "write_model",
]
