"""Pass place: bins to physical cores, near those that they talk to.

Pinned bins keep their core; dead cores are passed over.
"""

from __future__ import annotations

from emulator.chip.spec import ChipSpec
from emulator.compiler.ir import Partition, Placement, Quantised
from emulator.compiler.placing import place_bins, traffic_of_bins


def place(partition: Partition, quantised: Quantised, chip: ChipSpec, seed: int, effort: str) -> Placement:
    """There are at most as many bins as cores: `partition` saw to that."""
    traffic = traffic_of_bins(partition, quantised)
    core_of_bin, figures = place_bins(traffic, partition.pinned_core, chip, seed, effort)
    return Placement(core_of_bin[partition.bin_of], figures)
