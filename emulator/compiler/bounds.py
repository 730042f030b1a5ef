"""Bounds: cores that a network takes at least, however it is split, by each limit of a core.

A core holds as many neurons as it has compartments, so a sender of F targets is an axon in at least F /
compartments cores. Memory is counted as if every list were dense and whole, delay slots as if each neuron had
the longest delay of its own only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.bundles import bundles_of
from emulator.compiler.incoming import incoming
from emulator.compiler.ir import Quantised, QuantisedProjection
from emulator.compiler.limits import core_limits
from emulator.compiler.packing import Packing
from emulator.compiler.partition import configurations
from emulator.network import Network

Longs = NDArray[np.int64]


def least_cores(quantised: Quantised, network: Network, chip: ChipSpec) -> dict[str, int]:
    """Resource with a limit -> cores; every split into cores within that limit takes as many."""
    limits = core_limits(chip)
    targets = _distinct_targets(quantised, network)
    fans = -(-targets // chip.limits.compartments)
    packing = Packing.of(chip)
    rank = np.arange(quantised.n_neurons, dtype=np.int32)
    table = incoming(quantised, rank, bundles_of(quantised, network), packing)
    of_strand = np.bincount(table.strand, minlength=len(table.strand_sender))
    totals = {
        "compartments": quantised.n_neurons,
        "axons_in": int(fans.sum()),
        "axons_out": int(fans[: quantised.n_neurons].sum() + quantised.to_host.sum()),
        "synapse_memory_bits": int(packing.run_bits(of_strand, table.dense_bits.astype(np.int64)).sum()),
        "delay_slots": int(table.longest_delay.sum(dtype=np.int64)),
        "compartment_configs": int(configurations(quantised).max(initial=-1)) + 1,
        "threshold_configs": len(np.unique(quantised.neurons["vth_mant"])),
    }
    return {name: -(-total // limit) for name, total in totals.items() if (limit := limits[name])}


def _distinct_targets(quantised: Quantised, network: Network) -> Longs:
    """int64 [n_senders]: neurons that each sender reaches at least; projections onto one population may reach
    the same ones."""
    most: dict[str, Longs] = {}
    for projection in quantised.projections:
        post = network.projections[projection.projection_id].post
        counts = most.setdefault(post, np.zeros(quantised.n_senders, dtype=np.int64))
        rows = slice(projection.first_sender, projection.first_sender + len(projection.indptr) - 1)
        np.maximum(counts[rows], _distinct_in_rows(projection), out=counts[rows])
    return sum(most.values(), np.zeros(quantised.n_senders, dtype=np.int64))


def _distinct_in_rows(projection: QuantisedProjection) -> Longs:
    """Targets ascend within a row: those that differ from the one before are counted."""
    fresh = np.ones(projection.n_synapses, dtype=np.int64)
    fresh[1:] = projection.target[1:] != projection.target[:-1]
    starts = projection.indptr[:-1][np.diff(projection.indptr) > 0]
    fresh[starts] = 1
    before = np.concatenate([[0], np.cumsum(fresh)])
    return np.asarray(before[projection.indptr[1:]] - before[projection.indptr[:-1]], dtype=np.int64)
