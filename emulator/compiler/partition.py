"""Pass partition: neurons to bins, in neuron order, as many to a bin as every limit of a core allows.

A bin becomes a core. Pinned neurons come first: each pinned core is a bin. Free neurons go to fresh bins;
when the chip has no core left for another, into the room that pinned ones leave.

How many axon-out entries a neuron needs depends on where its targets land. So the fill starts from the
least it can need, the outcome is counted, and if a core is over its limit the fill is done again with the
counted numbers, at last with numbers that no outcome can exceed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.bundles import bundles_of, owner_of
from emulator.compiler.fill import CoreFill, Demand
from emulator.compiler.incoming import incoming
from emulator.compiler.ir import Partition, Quantised
from emulator.compiler.limits import core_limits, over_limit
from emulator.compiler.packing import Packing
from emulator.compiler.targets import distinct_targets, target_bins
from emulator.errors import CompileError
from emulator.network import Network

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]

CONFIG_FIELDS = ("du", "dv", "ds_offset", "refractory", "soft_reset", "vmin", "vmax")
MAX_ROUNDS = 8  # fills with counted entries before falling back to the numbers that always hold
MAX_LISTED = 20  # neurons or cores named in an error


def partition(
    quantised: Quantised, network: Network, chip: ChipSpec, mapping: Mapping[str, ArrayLike] | None = None
) -> Partition:
    """Fills bins. `mapping`: population -> int [n] physical core ids, already checked."""
    pinned = _pinned_cores(network, mapping, chip)
    order = np.lexsort((np.arange(quantised.n_neurons), np.where(pinned == chip.n_cores, -1, pinned)))
    demand = _demand(quantised, network, chip, order)
    filler = _Filler(network, chip, pinned[order])
    limit = filler.limits["axons_out"]
    if limit is None:
        return filler.fill(demand)
    for _ in range(MAX_ROUNDS):
        result = filler.fill(demand)
        entries = target_bins(quantised, result.bin_of, result.n_bins) + quantised.to_host
        if np.bincount(result.bin_of, weights=entries).max() <= limit:
            return result
        demand = replace(demand, entries=np.maximum(demand.entries, entries[order]))
    most = np.minimum(distinct_targets(quantised), chip.n_cores) + quantised.to_host
    return filler.fill(replace(demand, entries=most[order].astype(np.int64)))


def configurations(quantised: Quantised) -> Ints:
    """int64 [n_neurons]: number of each neuron's compartment configuration, in the order of its values."""
    columns = np.stack([quantised.neurons[name] for name in CONFIG_FIELDS], axis=1)
    return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1)


def _pinned_cores(network: Network, mapping: Mapping[str, ArrayLike] | None, chip: ChipSpec) -> Ints:
    """int32 [n_neurons]: physical core, or n_cores of the chip for a free neuron."""
    cores = [
        np.asarray((mapping or {}).get(population.name, np.full(population.n, chip.n_cores)), dtype=np.int32)
        for population in network.populations
    ]
    return np.concatenate(cores)


def _demand(quantised: Quantised, network: Network, chip: ChipSpec, order: Ints) -> Demand:
    limits = core_limits(chip)
    packing = Packing.of(chip)
    by_synapse = ("axons_in", "synapse_memory_bits", "delay_slots")
    table = None
    if any(limits[resource] is not None for resource in by_synapse):
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        table = incoming(quantised, rank, bundles_of(quantised, network), packing)
    sends = np.zeros(quantised.n_senders, dtype=bool)
    for projection in quantised.projections:
        rows = slice(projection.first_sender, projection.first_sender + len(projection.indptr) - 1)
        sends[rows] |= np.diff(projection.indptr) > 0
    thresholds = quantised.neurons["vth_mant"][order]
    entries = sends[: quantised.n_neurons].astype(np.int64) + quantised.to_host
    return Demand(
        neuron=order,
        config=configurations(quantised)[order].astype(np.int32),
        threshold=np.unique(thresholds, return_inverse=True)[1].reshape(-1).astype(np.int32),
        entries=entries[order],
        incoming=table,
        packing=packing,
        n_senders=quantised.n_senders,
    )


class _Bin(NamedTuple):
    n: int  # free neurons in it
    closed_by: str | None  # resource that kept the next one out
    room: range | None = None  # ranks of neurons pinned to it
    core: int | None = None  # physical core it is pinned to
    problems: tuple[str, ...] = ()


class _Filler:
    """Fills all bins once; holds what stays the same from round to round."""

    def __init__(self, network: Network, chip: ChipSpec, pinned: Ints):
        """pinned: [n_neurons] by rank: free neurons (n_cores of the chip) first, then by core."""
        self.network = network
        self.chip = chip
        self.limits = core_limits(chip)
        self.n_free = int((pinned == chip.n_cores).sum())
        self.cores, begin = np.unique(pinned[self.n_free :], return_index=True)
        ends = [*(begin + self.n_free).tolist(), len(pinned)]
        self.rooms = [range(first, last) for first, last in pairwise(ends)]

    def fill(self, demand: Demand) -> Partition:
        """One fill, with the axon-out entries given in `demand`."""
        filling = CoreFill(demand, self.limits)
        self._check_rooms(filling)
        bins = self._fresh(filling, demand, 0, self.chip.n_cores - len(self.rooms))
        at = sum(one.n for one in bins)
        for core, room in zip(self.cores, self.rooms, strict=True):
            n = filling.behind(room, at, self.n_free) if at < self.n_free else 0
            bins.append(_Bin(n, None, room, int(core)))
            at += n
        # Bins past the last core are filled all the same: `place` then says how many cores it would take.
        bins += self._fresh(filling, demand, at, self.n_free)
        problems = [problem for one in bins for problem in one.problems]
        if problems:
            more = [f"and {len(problems) - MAX_LISTED} more such lines"] if len(problems) > MAX_LISTED else []
            raise CompileError(problems[:MAX_LISTED] + more)
        return self._partition(demand, bins)

    def _fresh(self, filling: CoreFill, demand: Demand, at: int, n_bins: int) -> list[_Bin]:
        """Fills up to n_bins fresh bins from rank `at` on."""
        bins: list[_Bin] = []
        while at < self.n_free and len(bins) < n_bins:
            fit, binding = filling.fresh(at, self.n_free)
            problems: list[str] = []
            if fit == 0:
                owner = owner_of(self.network, int(demand.neuron[at]))
                problems = self._broken(filling, range(at, at + 1), owner)
                fit = 1  # alone, so that the others are looked at too
            bins.append(_Bin(fit, binding, problems=tuple(problems)))
            at += fit
        return bins

    def _partition(self, demand: Demand, bins: list[_Bin]) -> Partition:
        bin_of = np.empty(len(demand.neuron), dtype=np.int32)
        bin_of[demand.neuron[: self.n_free]] = np.repeat(np.arange(len(bins)), [one.n for one in bins])
        for number, one in enumerate(bins):
            if one.room is not None:
                bin_of[demand.neuron[one.room.start : one.room.stop]] = number
        cores = [self.chip.n_cores if one.core is None else one.core for one in bins]
        return Partition(
            bin_of, len(bins), np.array(cores, dtype=np.int32), tuple(one.closed_by for one in bins)
        )

    def _check_rooms(self, filling: CoreFill) -> None:
        problems: list[str] = []
        for core, room in zip(self.cores, self.rooms, strict=True):
            problems += self._broken(filling, room, f"core {core} with the {len(room)} neurons pinned to it")
        if problems:
            raise CompileError(problems)

    def _broken(self, filling: CoreFill, ranks: range, owner: str) -> list[str]:
        """One message per limit that these neurons break together."""
        return [
            over_limit(owner, resource, taken, limit, self.chip)
            for resource, taken in filling.usage(ranks).items()
            if (limit := self.limits[resource]) is not None and taken > limit
        ]
