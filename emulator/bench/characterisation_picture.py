"""Picture of the characterisation: maps of power, GSOPS and GSOPS/W over rate and synapses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.bench.characterisation_text import quantity_text
from emulator.report.rate_maps import Map, Mark, draw_maps
from emulator.report.result_text import counted
from emulator.report.units import scale_for


def draw(numbers: dict[str, Any]) -> bytes:
    """Three maps side by side, published points marked, as a PNG."""
    rows = numbers["rows"]
    rates = sorted({row["rate_hz"] for row in rows})
    synapses = sorted({row["synapses"] for row in rows})
    place = {(row["rate_hz"], row["synapses"]): row for row in rows}

    def values(quantity: str) -> NDArray[np.float64]:
        return np.array([[place[rate, n][quantity] or 0.0 for n in synapses] for rate in rates])

    def marks(quantity: str) -> tuple[Mark, ...]:
        return tuple(
            Mark(
                synapses.index(anchor["synapses"]),
                rates.index(anchor["rate_hz"]),
                f"silicon: {quantity_text(quantity, anchor['published'])}",
            )
            for anchor in numbers["anchors"]
            if anchor["quantity"] == quantity and anchor["measured"] is not None
        )

    power = values("power_w")
    factor, prefix = scale_for(float(power.max()))
    maps = (
        Map("Power", f"{prefix}W", factor * power, marks("power_w"), log=False),
        Map("Synaptic operations", "GSOPS", values("gsops"), marks("gsops")),
        Map("Efficiency", "GSOPS/W", values("gsops_per_w"), marks("gsops_per_w")),
    )
    below = (
        f"{numbers['chip']}, whole chip; measured on {counted(numbers['n_cores'], 'core')} over "
        f"{counted(numbers['n_ticks'], 'tick')}; framed: published measurements"
    )
    axes = [f"{n}" for n in synapses], [f"{rate:g}" for rate in rates]
    words = "Characterisation: what firing rate and synapses cost", below
    return draw_maps(maps, axes, ("active synapses of a neuron", "firing rate (Hz)"), words)
