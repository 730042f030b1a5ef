"""Pass place for crossbar cores: pinned ones to their cores, the others to free ones, chip by chip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import cores_by_chip
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.limits import usable_text
from emulator.errors import CompileError


def place_cores(cores: CrossbarCores, chip: ChipSpec) -> NDArray[np.int32]:
    """int32 [n_cores]: physical core of each. Dead cores are passed over."""
    usable = usable_cores(chip)
    if cores.n_cores > usable.sum():
        raise CompileError(
            f"network of {len(cores.account)} neurons: needs {cores.n_cores} cores, chip {chip.name!r} has "
            f"{usable_text(chip)}: use a larger mesh, or fewer neurons, axons or copies of them"
        )
    core_of = cores.at.astype(np.int32)
    free = core_of < 0
    order = cores_by_chip(chip)
    order = order[usable[order]]
    core_of[free] = order[~np.isin(order, core_of)][: int(free.sum())]
    return core_of
