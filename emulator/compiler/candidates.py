"""Candidates: ways to share neurons out among bins, of which placing takes the one with the fewest hops.

in order      as many neurons to a bin as fit, in neuron order (`partition`)
multilevel    neurons that talk to each other together (`parting`), unless they are pinned
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.bundles import Bundle, bundles_of
from emulator.compiler.ir import Partition, Quantised
from emulator.compiler.limits import core_limits
from emulator.compiler.packing import Packing
from emulator.compiler.parting import Effort, find_parts, has_structure, hypergraph_of
from emulator.compiler.parting.legal import DemandOf, legal_bins
from emulator.compiler.parting.multilevel import FREE, Bounds
from emulator.compiler.targets import target_bins
from emulator.network import Network

Longs = NDArray[np.int64]

EFFORTS: dict[str, Effort | None] = {
    "fast": None,  # in order, unless that does not fit
    "default": Effort(n_starts=1, n_cycles=1, n_visits=20_000),
    "best": Effort(n_starts=4, n_cycles=2, n_visits=20_000),
}
TIGHTER = (1.0, 0.96, 0.92)  # of the limits, while what is counted beforehand turns out to be too little
MOST_SYNAPSES = 30_000_000  # of networks that fit in order, but for effort "best"


@dataclass(frozen=True, eq=False)
class Regrouping:
    """The multilevel candidate of a network, as `partition` asks for it."""

    quantised: Quantised
    network: Network
    chip: ChipSpec
    seed: int
    effort: str
    weights: Longs | None  # int64 [n_senders]; None: 1 each
    progress: Callable[[int, int], None]

    def __call__(self, demand_of: DemandOf, must: bool) -> Partition | None:
        """None where it would not fit, or gain nothing.

        demand_of: what neurons ask for, in the order of filling given; must: whether filling in order does
        not fit.
        """
        n_synapses = sum(one.n_synapses for one in self.quantised.projections)
        effort = EFFORTS[self.effort] or (EFFORTS["default"] if must else None)
        if effort is None or (n_synapses > MOST_SYNAPSES and self.effort != "best" and not must):
            return None
        return _multilevel(self, demand_of, effort, must)


def _multilevel(job: Regrouping, demand_of: DemandOf, effort: Effort, must: bool) -> Partition | None:
    quantised, chip = job.quantised, job.chip
    limits, packing, n_most = core_limits(chip), Packing.of(chip), int(usable_cores(chip).sum())
    header = packing.header_bits + packing.word_bits // 2  # half a word is lost on average
    bits = [
        max(_bits_of_synapse(one, packing) for one in of_projection)
        for of_projection in bundles_of(quantised, job.network)
    ]
    graph = hypergraph_of(quantised, job.weights, bits, header)
    if graph.n_nets == 0 or not (must or has_structure(graph, 2, job.seed)):
        return None
    delay = max((int(one.delay_ticks.max()) for one in quantised.projections), default=1)
    for tighter in TIGHTER:
        bounds = Bounds(_limits(limits, delay, tighter), header)
        part = find_parts(graph, bounds, job.seed, effort, n_most, job.progress)
        if part is None:
            return None
        found = legal_bins(part, demand_of, limits, chip.n_cores)
        n_parts = int(part.max()) + 1
        if _entries_fit(quantised, found, limits["axons_out"]) and (
            found.n_bins <= max(n_parts, n_parts * 1.02) or tighter == TIGHTER[-1]
        ):
            return found if found.n_bins <= n_most else None
    return None


def _limits(limits: dict[str, int | None], delay_ticks: int, share: float) -> Longs:
    """int64 [4]: LOADS of `parting`; the compartments that have delay slots for the longest delay."""
    compartments = limits["compartments"] or FREE
    if limits["delay_slots"] is not None:
        compartments = min(compartments, max(limits["delay_slots"] // delay_ticks, 1))
    others = [limits[name] for name in ("synapse_memory_bits", "axons_in", "axons_out")]
    shares = [FREE if one is None else int(one * share) for one in others]
    return np.array([compartments, *shares], dtype=np.int64)


def _bits_of_synapse(bundle: Bundle, packing: Packing) -> int:
    """In a sparse list, with its share of a full block's header."""
    bits = packing.synapse_bits(bundle.format.weight_bits, bundle.format.delay_bits, dense=False)
    return bits + packing.header_bits // packing.block_synapses


def _entries_fit(quantised: Quantised, found: Partition, limit: int | None) -> bool:
    if limit is None:
        return True
    entries = target_bins(quantised, found.bin_of, found.n_bins) + quantised.to_host
    return bool(np.bincount(found.bin_of, weights=entries).max() <= limit)
