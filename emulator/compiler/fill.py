"""Fill: how much of a core's limits a row of neurons takes, and how many of them fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.incoming import Incoming
from emulator.compiler.packing import Packing

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Limits = Mapping[str, int | None]

FIRST_WINDOW = 64  # neurons looked at for the first core; later ones start from the size of the last


@dataclass(frozen=True, eq=False)
class Demand:
    """What each neuron asks of its core; every array is by rank (`Incoming`)."""

    neuron: Ints  # [n_neurons] neuron of each rank
    config: Ints  # [n_neurons] number of its compartment configuration
    threshold: Ints  # [n_neurons] its vth_mant
    entries: Longs  # [n_neurons] axon-out entries
    incoming: Incoming | None  # None if no limit depends on synapses
    packing: Packing


def prefix_usage(demand: Demand, ranks: Ints, limits: Limits) -> dict[str, Longs]:
    """Per limited resource int64 [n]: what the first 1, 2, ... n neurons of `ranks` take together in a core.

    `ranks` is in slot order. Every array rises, so that the first value past a limit ends what fits.
    """
    count = np.arange(1, len(ranks) + 1, dtype=np.int64)
    used = {"compartments": count}
    if limits["axons_out"] is not None:
        used["axons_out"] = np.cumsum(demand.entries[ranks])
    if limits["compartment_configs"] is not None:
        used["compartment_configs"] = _distinct_so_far(demand.config[ranks])
    if limits["threshold_configs"] is not None:
        used["threshold_configs"] = _distinct_so_far(demand.threshold[ranks])
    table = demand.incoming
    if table is not None and limits["delay_slots"] is not None:
        used["delay_slots"] = count * np.maximum.accumulate(table.longest_delay[ranks])
    if table is not None and not (limits["axons_in"] is None and limits["synapse_memory_bits"] is None):
        strand, slot = _runs_of(table, ranks)
        used["axons_in"] = _axons_so_far(table, strand, slot, len(ranks))
        used["synapse_memory_bits"] = _memory_so_far(table, demand.packing, strand, slot, len(ranks))
    return used


def fitting(used: Mapping[str, Longs], limits: Limits) -> tuple[int, str | None]:
    """How many of the neurons fit, and the resource that keeps the next one out; None: all fit."""
    fit, binding = len(used["compartments"]), None
    for resource, taken in used.items():
        limit = limits[resource]
        if limit is None:
            continue
        n = int(np.searchsorted(taken, limit, side="right"))
        if n < fit:
            fit, binding = n, resource
    return fit, binding


def fill_one(demand: Demand, first: int, last: int, limits: Limits, guess: int) -> tuple[int, str | None]:
    """How many of the ranks first, first + 1, ... < last fit into one fresh core, and what ends it."""
    most = last - first
    if limits["compartments"] is not None:
        most = min(most, limits["compartments"] + 1)  # one more, so that the limit is seen to bind
    window = min(guess, most)
    while True:
        ranks = np.arange(first, first + window)
        fit, binding = fitting(prefix_usage(demand, ranks, limits), limits)
        if binding is not None or window == most:
            return fit, binding
        window = min(2 * window, most)


def fill_room(demand: Demand, pinned: Ints, first: int, last: int, limits: Limits) -> int:
    """How many of the ranks first, first + 1, ... < last fit into the core that already holds `pinned`.

    A population is pinned whole, so newcomers never come between the slots of a run of pinned neurons: they
    can be counted behind them, wherever their slots will be.
    """
    room = last - first
    if limits["compartments"] is not None:
        room = min(room, limits["compartments"] - len(pinned))
    ranks = np.concatenate([pinned, np.arange(first, first + room)])
    return fitting(prefix_usage(demand, ranks, limits), limits)[0] - len(pinned)


def _distinct_so_far(values: Ints) -> Longs:
    seen = np.zeros(len(values), dtype=np.int64)
    seen[np.unique(values, return_index=True)[1]] = 1
    return np.cumsum(seen)


def _runs_of(table: Incoming, ranks: Ints) -> tuple[Ints, Longs]:
    """Strand and slot of every synapse onto `ranks`, sorted by strand, then slot."""
    begin = table.indptr[ranks]
    length = table.indptr[ranks + 1] - begin
    slot = np.repeat(np.arange(len(ranks)), length)
    if len(ranks) and ranks[-1] - ranks[0] == len(ranks) - 1:
        strand = table.strand[begin[0] : begin[0] + len(slot)]
    else:
        skipped = np.repeat(begin - (np.cumsum(length) - length), length)
        strand = table.strand[skipped + np.arange(len(slot))]
    order = np.argsort(strand, kind="stable")
    return strand[order], slot[order]


def _heads(values: Ints) -> NDArray[np.bool_]:
    """Where a stretch of equal values begins."""
    heads = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=heads[1:])
    return heads


def _axons_so_far(table: Incoming, strand: Ints, slot: Longs, n: int) -> Longs:
    if len(strand) == 0:
        return np.zeros(n, dtype=np.int64)
    first = np.flatnonzero(_heads(table.strand_sender[strand]))
    return np.cumsum(np.bincount(np.minimum.reduceat(slot, first), minlength=n))


def _memory_so_far(table: Incoming, packing: Packing, strand: Ints, slot: Longs, n: int) -> Longs:
    """A run costs as a dense one until its first gap or repeated slot, as a sparse one from there on."""
    heads = _heads(strand)
    index = np.arange(len(strand))
    start = np.maximum.accumulate(np.where(heads, index, 0))
    place = index - start
    gap = slot - slot[start] != place
    dense = np.maximum.accumulate(np.where(gap, index, -1)) < start
    bits = np.where(dense, table.dense_bits[strand], table.sparse_bits[strand])
    after = packing.run_bits(place + 1, bits)
    before = np.where(heads, 0, np.roll(after, 1))
    # Sums of multiples of a word below 2**53 are exact in the float64 of bincount.
    return np.cumsum(np.bincount(slot, weights=after - before, minlength=n).astype(np.int64))
