"""Fill: how much of a core's limits a row of neurons takes, and how many of them fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import fill as _fill
from emulator.compiler.incoming import Incoming
from emulator.compiler.packing import Packing

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Limits = Mapping[str, int | None]

LIFTED = 2**62  # more than any core takes of anything


@dataclass(frozen=True, eq=False)
class Demand:
    """What each neuron asks of its core; every array is by rank (`Incoming`)."""

    neuron: Ints  # [n_neurons] neuron of each rank
    config: Ints  # int32 [n_neurons] number of its compartment configuration
    threshold: Ints  # int32 [n_neurons] number of its vth_mant among the distinct ones
    entries: Longs  # [n_neurons] axon-out entries
    incoming: Incoming | None  # None if no limit depends on synapses
    packing: Packing
    n_senders: int


class CoreFill:
    """Fills cores one after the other. Linear in the synapses onto the neurons that are looked at."""

    def __init__(self, demand: Demand, limits: Limits):
        n = len(demand.neuron)
        synapses = demand.incoming or _no_synapses(n)
        bounds = [LIFTED if (limit := limits[name]) is None else limit for name in _fill.RESOURCES]
        self.filler = _fill.Filler(
            synapses.indptr,
            synapses.strand,
            synapses.strand_sender,
            synapses.dense_bits,
            synapses.sparse_bits,
            synapses.longest_delay,
            demand.entries,
            demand.config,
            demand.threshold,
            np.array(bounds, dtype=np.int64),
            _block_words(demand.packing, np.concatenate((synapses.dense_bits, synapses.sparse_bits))),
            demand.packing.word_bits,
            demand.n_senders,
            int(demand.config.max()) + 1,
            int(demand.threshold.max()) + 1,
        )

    def fresh(self, first: int, last: int) -> tuple[int, str | None]:
        """How many of the ranks first .. last - 1 fit into an empty core, and what ends it; None: all fit."""
        fit, broken, _ = self.filler.fill(0, 0, first, last)
        return fit, None if broken is None else _fill.RESOURCES[broken]

    def behind(self, held: range, first: int, last: int) -> int:
        """How many of the ranks first .. last - 1 fit into the core that already holds the ranks `held`.

        A population is pinned whole, so newcomers never come between the slots of a run of pinned neurons:
        they can be counted behind them, wherever their slots will be.
        """
        fit, _, _ = self.filler.fill(held.start, held.stop, first, last)
        return int(fit)

    def usage(self, held: range) -> dict[str, int]:
        """What these ranks take together of each resource, in the order in which limits are looked at."""
        _, _, used = self.filler.fill(held.start, held.stop, 0, 0)
        return dict(zip(_fill.RESOURCES, used, strict=True))


def _no_synapses(n: int) -> Incoming:
    none = np.zeros(0, dtype=np.int32)
    return Incoming(np.zeros(n + 1, dtype=np.int64), none, np.zeros(n, dtype=np.uint8), none, none, none)


def _block_words(packing: Packing, bits: Ints) -> Ints:
    """int32 [n_bits, block_synapses + 1]: words of a block, by the width and number of its synapses."""
    words = np.zeros((int(bits.max(initial=0)) + 1, packing.block_synapses + 1), dtype=np.int32)
    for width in np.flatnonzero(np.bincount(bits)):
        sizes = np.arange(packing.block_synapses + 1)
        words[width] = packing.run_bits(sizes, int(width)) // packing.word_bits
    return words
