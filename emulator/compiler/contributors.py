"""Contributors: who takes most of a limit that is broken. Looked for only when one is.

The share of a projection is counted as if there were no other, by the blocks that fill cores: senders and
blocks of memory that several projections need are in the share of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.chip.usage import RESOURCES
from emulator.compiler.bundles import bundles_of, population_of
from emulator.compiler.fill import CoreFill, Demand
from emulator.compiler.incoming import incoming
from emulator.compiler.ir import Partition, Quantised, QuantisedProjection
from emulator.compiler.limits import most_from
from emulator.compiler.targets import target_bins
from emulator.network import Network

Ints = NDArray[np.integer]

OF_SYNAPSES = ("axons_in", "synapse_memory_bits", "delay_slots")
"""Limits that the synapses onto a neuron count towards."""


@dataclass(frozen=True)
class Breach:
    """A limit of a core that neurons break together."""

    ranks: range  # their places in `Demand`
    resource: str
    taken: int
    limit: int
    core: int | None = None  # physical core that they are pinned to; None: one neuron, alone in its core


@dataclass(frozen=True, eq=False)
class Landing:
    """Where targets are taken to be when axon-out entries are counted."""

    bin_of: Ints  # int32 [n_neurons]
    n_bins: int
    most: int  # cores that a neuron projects to at most


class Filled(NamedTuple):
    """The outcome of filling cores, and what was assumed."""

    partition: Partition
    breaches: list[Breach]
    demand: Demand
    landing: Landing  # that its axon-out entries were counted with


def contributors(
    breaches: Sequence[Breach], filled: Filled, quantised: Quantised, network: Network
) -> list[str]:
    """[n_breaches] a note on each: the populations or projections that take most."""
    count = _Count(quantised, network, filled.demand, filled.landing)
    shares = [count.of_neurons(one) for one in breaches]
    for name, projections in _labelled(quantised, network).items():
        for share, amount in zip(shares, count.of_synapses(projections, breaches), strict=True):
            share[name] = amount
    units = [" ticks" if one.resource == "delay_slots" else "" for one in breaches]
    return [most_from(share, unit) for share, unit in zip(shares, units, strict=True)]


def _labelled(quantised: Quantised, network: Network) -> dict[str, tuple[QuantisedProjection, ...]]:
    """Projections by what they connect: all that a reader can tell apart."""
    found: dict[str, tuple[QuantisedProjection, ...]] = {}
    for projection in quantised.projections:
        described = network.projections[projection.projection_id]
        name = f"{described.pre!r} -> {described.post!r}"
        found[name] = (*found.get(name, ()), projection)
    return found


class _Count:
    """Shares of limits, in what messages of broken limits count; of delay slots, in ticks of delay."""

    def __init__(self, quantised: Quantised, network: Network, demand: Demand, landing: Landing):
        self.quantised, self.network, self.demand, self.landing = quantised, network, demand, landing
        self.population = population_of(network)
        self.rank = np.empty(len(demand.neuron), dtype=np.int32)
        self.rank[demand.neuron] = np.arange(len(demand.neuron), dtype=np.int32)

    def of_neurons(self, one: Breach) -> dict[str, int]:
        """Population -> what its neurons take whatever their synapses; of axons out, what the host takes."""
        ranks = slice(one.ranks.start, one.ranks.stop)
        neurons = self.demand.neuron[ranks]
        if one.resource == "axons_out":
            return {"the host": int(self.quantised.to_host[neurons].sum())}
        distinct = {
            "compartments": neurons,
            "compartment_configs": self.demand.config[ranks],
            "threshold_configs": self.demand.threshold[ranks],
        }.get(one.resource)
        if distinct is None:
            return {}
        part = self.population[neurons]
        return {
            repr(self.network.populations[number].name): len(np.unique(distinct[part == number]))
            for number in np.unique(part).tolist()
        }

    def of_synapses(
        self, projections: tuple[QuantisedProjection, ...], breaches: Sequence[Breach]
    ) -> list[int]:
        """[n_breaches] what projections between the same two parts take."""
        alone = replace(self.quantised, projections=projections)
        post = self.population[projections[0].first_target]
        received = [one for one in breaches if one.resource in OF_SYNAPSES and self._holds(one, post)]
        filling = self._filling(alone) if received else None
        entries = None
        if any(one.resource == "axons_out" for one in breaches):
            entries = target_bins(alone, self.landing.bin_of, self.landing.n_bins)
            entries = np.minimum(entries, self.landing.most)
        amounts = [0] * len(breaches)
        for place, one in enumerate(breaches):
            if filling is not None and one in received:
                taken = filling.usage(one.ranks)[one.resource]
                amounts[place] = taken // len(one.ranks) if one.resource == "delay_slots" else taken
            elif entries is not None and one.resource == "axons_out":
                amounts[place] = int(entries[self.demand.neuron[one.ranks.start : one.ranks.stop]].sum())
        return amounts

    def _holds(self, one: Breach, population: int) -> bool:
        neurons = self.demand.neuron[one.ranks.start : one.ranks.stop]
        return bool((self.population[neurons] == population).any())

    def _filling(self, alone: Quantised) -> CoreFill:
        table = incoming(alone, self.rank, bundles_of(alone, self.network), self.demand.packing)
        return CoreFill(replace(self.demand, incoming=table), dict.fromkeys(RESOURCES))
