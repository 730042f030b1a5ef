"""Pass partition: neurons to bins. In neuron order, as many to a bin as every limit of a core allows; where
that takes several, also in a way that keeps neurons together that talk to each other (`candidates`).

A bin becomes a core. Pinned neurons come first: each pinned core is a bin. Free neurons go to fresh bins;
when the chip has no core left for another, into the room that pinned ones leave.

How many axon-out entries a neuron needs depends on where its targets land. So the fill starts from the
least it can need, the outcome is counted, and if a core is over its limit the fill is done again with the
counted numbers, at last with numbers that no outcome can exceed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.bundles import bundles_of
from emulator.compiler.contributors import Breach, Filled, Landing
from emulator.compiler.fill import CoreFill, Demand
from emulator.compiler.incoming import incoming
from emulator.compiler.ir import Partition, Quantised
from emulator.compiler.limits import core_limits
from emulator.compiler.packing import Packing
from emulator.compiler.targets import distinct_targets, target_bins
from emulator.compiler.violations import too_many_cores, violations
from emulator.errors import CompileError
from emulator.network import Network

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Regroup = Callable[[Callable[[Ints], Demand], bool], Partition | None]

CONFIG_FIELDS = ("du", "dv", "ds_offset", "refractory", "soft_reset", "vmin", "vmax")
MAX_ROUNDS = 8  # fills with counted entries before falling back to the numbers that always hold


def partition(
    quantised: Quantised,
    network: Network,
    chip: ChipSpec,
    mapping: Mapping[str, ArrayLike] | None = None,
    regroup: Regroup | None = None,
) -> Partition:
    """Fills bins. `mapping`: population -> int [n] physical core ids, already checked.

    regroup: finds another partition (`candidates`), given whether one is needed because filling in order
    takes more cores than there are; not asked where neurons are pinned or one bin holds all.
    Raises CompileError with every limit that no fill can keep, and for more cores than the chip has.
    """
    filled = in_order(quantised, network, chip, mapping)
    problems = violations(filled, quantised, network, chip)
    # A neuron that fits no core took one all the same; how many it takes once it is mended, nobody knows.
    n_alone = len({one.ranks for one in filled.breaches if one.core is None})
    too_many = filled.partition.n_bins - n_alone > usable_cores(chip).sum()
    other = None
    if not problems and regroup is not None and filled.partition.n_bins > 1 and not mapping:
        other = regroup(partial(demand_in, quantised, network, chip), too_many)
    if too_many and other is not None:
        return other
    if too_many:
        problems.append(too_many_cores(filled.partition, network, chip))
    if problems:
        raise CompileError(problems)
    return replace(filled.partition, other=other)


def in_order(
    quantised: Quantised,
    network: Network,
    chip: ChipSpec,
    mapping: Mapping[str, ArrayLike] | None = None,
) -> Filled:
    """As many neurons to a bin as fit; there may be more bins than cores, and limits that nothing keeps."""
    pinned = _pinned_cores(network, mapping, chip)
    order = np.lexsort((np.arange(quantised.n_neurons), np.where(pinned == chip.n_cores, -1, pinned)))
    demand = demand_in(quantised, network, chip, order)
    return _settled(_Filler(chip, pinned[order]), demand, quantised)


def _settled(filler: _Filler, demand: Demand, quantised: Quantised) -> Filled:
    """Fills until axon-out entries are what they were taken to be; broken limits are counted once over."""
    limit, n_cores = filler.limits["axons_out"], filler.chip.n_cores
    everywhere = np.arange(quantised.n_neurons, dtype=np.int32)
    landing = Landing(np.zeros_like(everywhere), 1, n_cores)
    for number in range(MAX_ROUNDS + 1):
        result, breaches = filler.fill(demand)
        if limit is None or number == MAX_ROUNDS or (breaches and number):
            break
        entries = target_bins(quantised, result.bin_of, result.n_bins) + quantised.to_host
        if np.bincount(result.bin_of, weights=entries).max() <= limit:
            break
        landing = Landing(result.bin_of, result.n_bins, n_cores)
        entries = np.maximum(demand.entries, entries[demand.neuron])
        if number == MAX_ROUNDS - 1:
            landing = Landing(everywhere, quantised.n_neurons, n_cores)
            most = np.minimum(distinct_targets(quantised), n_cores) + quantised.to_host
            entries = most[demand.neuron].astype(np.int64)
        demand = replace(demand, entries=entries)
    return Filled(result, breaches, demand, landing)


def configurations(quantised: Quantised) -> Ints:
    """int64 [n_neurons]: number of each neuron's compartment configuration, in the order of its values."""
    columns = np.stack([quantised.neurons[name] for name in CONFIG_FIELDS])
    order = np.lexsort(columns[::-1])
    ascending = columns[:, order]
    number = np.zeros(len(order), dtype=np.int64)
    number[order[1:]] = np.cumsum((ascending[:, 1:] != ascending[:, :-1]).any(axis=0))
    return number


def _pinned_cores(network: Network, mapping: Mapping[str, ArrayLike] | None, chip: ChipSpec) -> Ints:
    """int32 [n_neurons]: physical core, or n_cores of the chip for a free neuron."""
    cores = [
        np.asarray((mapping or {}).get(population.name, np.full(population.n, chip.n_cores)), dtype=np.int32)
        for population in network.populations
    ]
    return np.concatenate(cores)


def demand_in(quantised: Quantised, network: Network, chip: ChipSpec, order: Ints) -> Demand:
    """What neurons ask of their cores. order: int64 [n_neurons], that of filling."""
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


class _Filler:
    """Fills all bins once; holds what stays the same from round to round."""

    def __init__(self, chip: ChipSpec, pinned: Ints):
        """pinned: [n_neurons] by rank: free neurons (n_cores of the chip) first, then by core."""
        self.chip = chip
        self.n_usable = int(usable_cores(chip).sum())
        self.limits = core_limits(chip)
        self.n_free = int((pinned == chip.n_cores).sum())
        self.cores, begin = np.unique(pinned[self.n_free :], return_index=True)
        ends = [*(begin + self.n_free).tolist(), len(pinned)]
        self.rooms = [range(first, last) for first, last in pairwise(ends)]

    def fill(self, demand: Demand) -> tuple[Partition, list[Breach]]:
        """One fill, with the axon-out entries given in `demand`, and the limits that it could not keep."""
        filling = CoreFill(demand, self.limits)
        breaches = [
            breach
            for core, room in zip(self.cores, self.rooms, strict=True)
            for breach in self._broken(filling, room, int(core))
        ]
        bins = self._fresh(filling, 0, self.n_usable - len(self.rooms), breaches)
        at = sum(one.n for one in bins)
        for core, room in zip(self.cores, self.rooms, strict=True):
            n = filling.behind(room, at, self.n_free) if at < self.n_free else 0
            bins.append(_Bin(n, None, room, int(core)))
            at += n
        # Bins past the last core are filled all the same: the error then says how many it would take.
        bins += self._fresh(filling, at, self.n_free, breaches)
        return self._partition(demand, bins), breaches

    def _fresh(self, filling: CoreFill, at: int, n_bins: int, breaches: list[Breach]) -> list[_Bin]:
        """Fills up to n_bins fresh bins from rank `at` on."""
        bins: list[_Bin] = []
        while at < self.n_free and len(bins) < n_bins:
            fit, binding = filling.fresh(at, self.n_free)
            if fit == 0:
                breaches += self._broken(filling, range(at, at + 1), None)
                fit = 1  # alone, so that the others are looked at too
            bins.append(_Bin(fit, binding))
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

    def _broken(self, filling: CoreFill, ranks: range, core: int | None) -> list[Breach]:
        """The limits that these neurons break together."""
        return [
            Breach(ranks, resource, taken, limit, core)
            for resource, taken in filling.usage(ranks).items()
            if (limit := self.limits[resource]) is not None and taken > limit
        ]
