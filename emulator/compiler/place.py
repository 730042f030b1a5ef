"""Pass place: bins to physical cores, near those that they talk to.

Pinned bins keep their core; dead cores are passed over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.ir import Partition, Placement, Quantised
from emulator.compiler.placing import Progress, Score, Traffic, place_bins, quick_scores, traffic_of_bins
from emulator.compiler.placing.choose import score_of
from emulator.compiler.placing.ground import ground_of


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
    ways = [one for one in (partition, partition.other) if one is not None]
    traffic = [traffic_of_bins(one, quantised, weights) for one in ways]
    number, in_order = choose_way(ways, traffic, chip, seed)
    chosen = ways[number]
    core_of_bin, figures = place_bins(traffic[number], chosen.pinned_core, chip, seed, effort, progress)
    about = {"partition": chosen.method, "weighed": weights is not None}
    return Placement(core_of_bin[chosen.bin_of], {**figures, **in_order, **about})


def choose_way(
    ways: list[Partition], traffic: list[Traffic], chip: ChipSpec, seed: int
) -> tuple[int, dict[str, int]]:
    """Which of the ways to take, and figures of the first one in order, where there are others.

    What costs the least when placed quickly, and never more hops than in order; then with fewer bins.
    """
    if len(ways) == 1:
        return 0, {}
    scores = [
        quick_scores(of_way, one.pinned_core, chip, seed) for one, of_way in zip(ways, traffic, strict=True)
    ]
    first = scores[0][0]
    number = min(range(len(ways)), key=lambda i: (*_cost(scores[i][1], first), ways[i].n_bins, i))
    return number, {"spike_hops_sequential": first.spike_hops, "max_link_sequential": first.max_link}


def place_row_by_row(partition: Partition, quantised: Quantised, chip: ChipSpec) -> Placement:
    """Bins in order on the cores in order: what any other placement is held against."""
    ground = ground_of(chip, partition.pinned_core)
    score = score_of(ground, traffic_of_bins(partition, quantised), ground.sequential)
    figures = {
        "method": "sequential",
        "spike_hops": score.spike_hops,
        "spike_hops_sequential": score.spike_hops,
        "max_link": score.max_link,
        "max_link_sequential": score.max_link,
        "partition": partition.method,
        "weighed": False,
    }
    return Placement(ground.sequential[partition.bin_of], figures)


def _cost(score: Score, in_order: Score) -> tuple[int, bool, int]:
    """Packets without a way first, then hops, those to another chip at their price."""
    return score.n_lost, score.spike_hops > in_order.spike_hops, score.cost
