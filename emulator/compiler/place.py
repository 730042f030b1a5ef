"""Pass place: bins to physical cores: free bins take the free cores chip by chip, within a chip row by row.

Dead cores are passed over. A crossing between chips is slow and dear: what fits one chip of a board stays on
it.
"""

from __future__ import annotations

import numpy as np

from emulator.chip.board import cores_by_chip
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.ir import Partition, Placement


def place(partition: Partition, chip: ChipSpec) -> Placement:
    """Pinned bins keep their core. There are at most as many bins as cores: `partition` saw to that."""
    usable = usable_cores(chip)
    assert partition.n_bins <= usable.sum(), f"{partition.n_bins} bins for {usable.sum()} cores"
    core_of_bin = partition.pinned_core.copy()
    free_bins = core_of_bin == chip.n_cores
    cores = cores_by_chip(chip)
    cores = cores[usable[cores]]
    free_cores = cores[~np.isin(cores, core_of_bin)]
    core_of_bin[free_bins] = free_cores[: int(free_bins.sum())]
    return Placement(core_of_bin[partition.bin_of])
