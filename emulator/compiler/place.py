"""Pass place: bins to physical cores, near those that they talk to.

Pinned bins keep their core; dead cores are passed over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.ir import Partition, Placement, Quantised
from emulator.compiler.placing import Progress, place_bins, traffic_of_bins


def place(
    partition: Partition,
    quantised: Quantised,
    chip: ChipSpec,
    seed: int,
    effort: str,
    weights: NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> Placement:
    """There are at most as many bins as cores: `partition` saw to that. weights: int64 [n_senders]."""
    traffic = traffic_of_bins(partition, quantised, weights)
    core_of_bin, figures = place_bins(traffic, partition.pinned_core, chip, seed, effort, progress)
    return Placement(core_of_bin[partition.bin_of], {**figures, "weighed": weights is not None})
