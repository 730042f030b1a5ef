"""Violations: limits that a partition breaks, in words that say who takes most and what can be done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.compiler.bundles import owner_of, population_of
from emulator.compiler.contributors import Breach, Filled, contributors
from emulator.compiler.fill import Demand
from emulator.compiler.ir import Partition, Quantised
from emulator.compiler.limits import MEANING, N_CONTRIBUTORS, WAY_OUT, Excess, usable_text
from emulator.network import Network

Ints = NDArray[np.integer]

MAX_LISTED = 20  # pinned cores with a line of their own, for each limit


def violations(filled: Filled, quantised: Quantised, network: Network, chip: ChipSpec) -> list[str]:
    """A line per pinned core and limit, past MAX_LISTED of them one for the others; for neurons that are over
    a limit alone a line per population and limit, naming the worst."""
    if not filled.breaches:
        return []
    demand, population = filled.demand, population_of(network)
    alone: dict[tuple[int, str], list[Breach]] = defaultdict(list)
    pinned: dict[str, list[Breach]] = defaultdict(list)
    for one in filled.breaches:
        if one.core is None:
            alone[int(population[demand.neuron[one.ranks.start]]), one.resource].append(one)
        else:
            pinned[one.resource].append(one)
    worst = [max(same, key=lambda one: one.taken) for same in alone.values()]
    cores = [one for same in pinned.values() for one in same[:MAX_LISTED]]
    listed = [*cores, *worst]
    counts = [0] * len(cores) + [len(same) for same in alone.values()]
    most = contributors(listed, filled, quantised, network)
    lines = []
    for one, taken_by, n in zip(listed, most, counts, strict=True):
        notes = [note for note in (taken_by, f"{n} neurons over it" if n > 1 else "") if note]
        owner = _owner(one, network, demand)
        excess = Excess(owner, one.resource, one.taken, one.limit, pinned=one.core is not None)
        lines.append(excess.message(chip, notes))
    return lines + [_others(same[MAX_LISTED:]) for same in pinned.values() if len(same) > MAX_LISTED]


def _owner(one: Breach, network: Network, demand: Demand) -> str:
    if one.core is None:
        return owner_of(network, int(demand.neuron[one.ranks.start]))
    return f"core {one.core} with the {len(one.ranks)} neurons pinned to it"


def _others(breaches: Sequence[Breach]) -> str:
    """Pinned cores that break one limit, in sum."""
    cores = ", ".join(str(one.core) for one in breaches)
    worst = max(breaches, key=lambda one: one.taken)
    return (
        f"{len(breaches)} more cores with neurons pinned to them: up to {worst.taken} "
        f"{MEANING[worst.resource]}, limit {worst.limit}: pin some elsewhere than on cores {cores}"
    )


def too_many_cores(partition: Partition, network: Network, chip: ChipSpec) -> str:
    """What filled the cores, over all and in the populations that take most of them."""
    reasons = Counter(reason for reason in partition.closed_by if reason is not None)
    full = ", ".join(f"{MEANING[reason]} ended {n}" for reason, n in reasons.most_common())
    return (
        f"network of {len(partition.bin_of)} neurons: needs {partition.n_bins} cores, chip {chip.name!r} has "
        f"{usable_text(chip)}; of these cores {full}; most hold {_largest_holders(partition, network)}: "
        f"use a larger mesh, or {WAY_OUT[reasons.most_common(1)[0][0]]}"
    )


def _largest_holders(partition: Partition, network: Network) -> str:
    """Populations with the number of cores that hold neurons of theirs, and what ended those."""
    cores = [set(part.tolist()) for part in _split(partition.bin_of, network)]
    order = sorted(range(len(cores)), key=lambda number: -len(cores[number]))
    texts = []
    for number in order[:N_CONTRIBUTORS]:
        reasons = Counter(partition.closed_by[core] for core in cores[number])
        ended = ", ".join(f"{reason} ended {n}" for reason, n in reasons.most_common() if reason is not None)
        name = network.populations[number].name
        texts.append(f"{name!r} {len(cores[number])}" + (f" ({ended})" if ended else ""))
    more = len(order) - N_CONTRIBUTORS
    return ", ".join(texts) + (f" and {more} populations more" if more > 0 else "")


def _split(bin_of: Ints, network: Network) -> list[Ints]:
    """bin_of by population."""
    return np.split(bin_of, np.cumsum([population.n for population in network.populations])[:-1])
