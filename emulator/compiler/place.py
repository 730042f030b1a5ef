"""Pass place: bins to physical cores, near those that they talk to.

Pinned bins keep their core; dead cores are passed over.
"""

from __future__ import annotations

from typing import Any

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
    chosen = _fewer_hops(partition, quantised, chip, seed, weights)
    traffic = traffic_of_bins(chosen, quantised, weights)
    core_of_bin, figures = place_bins(traffic, chosen.pinned_core, chip, seed, effort, progress)
    if chosen is not partition:
        in_order = _quickly(partition, quantised, chip, seed, weights)
        figures |= {name: in_order[name] for name in ("spike_hops_sequential", "max_link_sequential")}
    about = {"partition": chosen.method, "weighed": weights is not None}
    return Placement(core_of_bin[chosen.bin_of], {**figures, **about})


def _quickly(
    partition: Partition, quantised: Quantised, chip: ChipSpec, seed: int, weights: NDArray[np.int64] | None
) -> dict[str, Any]:
    traffic = traffic_of_bins(partition, quantised, weights)
    return place_bins(traffic, partition.pinned_core, chip, seed, "fast")[1]


def _fewer_hops(
    partition: Partition, quantised: Quantised, chip: ChipSpec, seed: int, weights: NDArray[np.int64] | None
) -> Partition:
    """Of the candidates, that with fewer hops when both are placed quickly; then with fewer bins."""
    if partition.other is None:
        return partition

    def key(one: Partition) -> tuple[int, int]:
        return _quickly(one, quantised, chip, seed, weights)["spike_hops"], one.n_bins

    return min(partition, partition.other, key=key)
