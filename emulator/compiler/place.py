"""Pass place: bins to physical cores: free bins take the free cores chip by chip, within a chip row by row.

A crossing between chips is slow and dear: what fits one chip of a board stays on it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from emulator.chip.board import cores_by_chip
from emulator.chip.spec import ChipSpec
from emulator.compiler.ir import Partition, Placement
from emulator.compiler.limits import MEANING, WAY_OUT
from emulator.errors import CompileError


def place(partition: Partition, chip: ChipSpec) -> Placement:
    """Pinned bins keep their core. Raises CompileError if the chip has fewer cores than there are bins."""
    if partition.n_bins > chip.n_cores:
        raise CompileError(_too_many(partition, chip))
    core_of_bin = partition.pinned_core.copy()
    free_bins = core_of_bin == chip.n_cores
    cores = cores_by_chip(chip)
    free_cores = cores[~np.isin(cores, core_of_bin)]
    core_of_bin[free_bins] = free_cores[: int(free_bins.sum())]
    return Placement(core_of_bin[partition.bin_of])


def _too_many(partition: Partition, chip: ChipSpec) -> str:
    reasons = Counter(reason for reason in partition.closed_by if reason is not None)
    text = (
        f"network of {len(partition.bin_of)} neurons: needs {partition.n_bins} cores, "
        f"chip {chip.name!r} has {chip.n_cores}"
    )
    if not reasons:
        return text + ": use a chip with more cores"
    full = ", ".join(f"{MEANING[reason]} ended {n}" for reason, n in reasons.most_common())
    return f"{text}; of these cores {full}: use a larger mesh, or {WAY_OUT[reasons.most_common(1)[0][0]]}"
