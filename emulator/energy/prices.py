"""Which chip's prices a run is priced by: another chip's, or the run's own with changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.chip.groups import EnergyPj
from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError

Prices = ChipSpec | Mapping[str, Any]
"""A chip, or changes of prices by dotted path: `{"energy_pj.hop_ew": 3.5, "static_power_mw": 0}`."""

STATIC = "static_power_mw"


def priced_chip(prices: Prices, chip: ChipSpec) -> ChipSpec:
    """The chip whose prices are meant; changes are to `chip`. Raises SimulationError, SpecError."""
    if isinstance(prices, ChipSpec):
        return prices
    if not isinstance(prices, Mapping):
        raise SimulationError(
            f"prices {prices!r}: give a chip, or a table such as {{'energy_pj.hop_ew': 3.5, '{STATIC}': 0}}"
        )
    known = [*(f"energy_pj.{key}" for key in EnergyPj.model_fields), STATIC]
    # a part of a range is changed by one more key: energy_pj.spike.low
    wrong = [
        key
        for key in prices
        if key != "energy_pj" and key not in known and str(key).rpartition(".")[0] not in known
    ]
    if wrong:
        raise SimulationError(
            f"price {key!r} of chip {chip.name!r}: no price, choose from {', '.join(known)}; what else a "
            "chip has takes another run"
            for key in wrong
        )
    return chip.replace(prices)
