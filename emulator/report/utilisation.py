"""How full the cores are: used and limit of every resource that a core has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.usage import Binding, binding_of, limits_of, usage
from emulator.program import Program

RESOURCE_LABEL = {
    "compartments": "compartments",
    "axons_in": "axons in",
    "axons_out": "axons out",
    "synapse_memory_bits": "memory bits",
    "delay_slots": "delay slots",
    "compartment_configs": "configs",
    "threshold_configs": "thresholds",
    "synapses": "synapses",
}


@dataclass(frozen=True, eq=False)
class Utilisation:
    """Use of the cores of a program, read off its image. A resource without a limit never binds."""

    used: dict[str, NDArray[np.int64]]  # as `usage` has it: resource -> [n_cores]
    limits: dict[str, int | None]  # None: lifted

    @property
    def binding(self) -> Binding:
        """What each core has least left of."""
        return binding_of(self.used, self.limits)


def utilisation(program: Program) -> Utilisation:
    """What the program takes of its chip."""
    return Utilisation(usage(program.image, program.chip), limits_of(program.image, program.chip))


def peaks(program: Program) -> dict[str, dict[str, Any]]:
    """Resource -> its use in the core that uses most of it: core id, used, limit, share; None: no limit."""
    state = utilisation(program)
    out = {}
    for resource, limit in state.limits.items():
        row = int(state.used[resource].argmax())
        used = int(state.used[resource][row])
        share = None if limit is None else used / limit
        out[resource] = {
            "core": int(program.image.core_id[row]),
            "used": used,
            "limit": limit,
            "share": share,
        }
    return out
