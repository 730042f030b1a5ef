"""Pass place for crossbar cores: pinned ones to their cores, the others near those that they talk to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.crossbars import CrossbarCores
from emulator.compiler.ir import Placement
from emulator.compiler.limits import usable_text
from emulator.compiler.placing import Progress, place_bins, traffic_of_cores
from emulator.errors import CompileError


def place_cores(
    cores: CrossbarCores,
    chip: ChipSpec,
    seed: int,
    effort: str,
    weights: NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> Placement:
    """Physical core of each; dead ones are passed over. weights: as `traffic_of_cores` has them."""
    usable = usable_cores(chip)
    if cores.n_cores > usable.sum():
        raise CompileError(
            f"network of {len(cores.account)} neurons: needs {cores.n_cores} cores, chip {chip.name!r} has "
            f"{usable_text(chip)}: use a larger mesh, or fewer neurons, axons or copies of them"
        )
    pinned = np.where(cores.at < 0, chip.n_cores, cores.at).astype(np.int32)
    traffic = traffic_of_cores(cores, weights)
    core_of, figures = place_bins(traffic, pinned, chip, seed, effort, progress)
    return Placement(core_of, {**figures, "weighed": weights is not None})
