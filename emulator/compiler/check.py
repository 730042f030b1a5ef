"""Pass check: what no mapping can mend, found before anything is mapped, all at once.

A neuron cannot be split: if it alone asks more than a core has, no partition helps. This pass looks at the
network and the wishes of `mapping`; what depends on how weights are stored comes up in later passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator import arith
from emulator.chip.spec import ChipSpec
from emulator.compiler.limits import delay_limit, over_limit
from emulator.compiler.packing import least_list_bits, sparse_index_bits
from emulator.errors import CompileError
from emulator.network import LIF, LoihiCuba, Network, Population, Projection

Ints = NDArray[np.integer]

ARITHMETIC: dict[str, tuple[type, ...]] = dict.fromkeys(arith.OVERFLOWS, (LIF, LoihiCuba))
"""Models that each arithmetic of a chip computes."""

N_CONTRIBUTORS = 3  # projections named when a neuron asks too much


def check(network: Network, chip: ChipSpec, mapping: Mapping[str, ArrayLike] | None = None) -> None:
    """Raises CompileError with every violation."""
    if not network.populations:
        raise CompileError(f"network {network.name!r} has no population: add one with add_population")
    problems = [
        *_chip(chip),
        *_size(network, chip),
        *(line for population in network.populations for line in _population(population, network, chip)),
        *(line for projection in network.projections for line in _projection(projection, chip)),
        *check_mapping(network, chip, mapping),
    ]
    if problems:
        raise CompileError(problems)


def _chip(chip: ChipSpec) -> Iterator[str]:
    if sparse_index_bits(chip) is None:
        widths = list(chip.synapse_format.index_bits)
        yield (
            f"chip {chip.name!r}: synapse_format.index_bits {widths} has no index for "
            f"{chip.limits.compartments} compartments: add a width that reaches them"
        )


def _size(network: Network, chip: ChipSpec) -> Iterator[str]:
    n = sum(population.n for population in network.populations)
    room = chip.n_cores * chip.limits.compartments
    if n > room:
        largest = sorted(network.populations, key=lambda population: -population.n)[:N_CONTRIBUTORS]
        names = ", ".join(f"{population.name!r} {population.n}" for population in largest)
        yield (
            f"network {network.name!r}: {n} neurons, limit {room} ({chip.n_cores} cores of "
            f"{chip.limits.compartments} compartments on chip {chip.name!r}; largest populations: {names}): "
            "use fewer neurons or a larger mesh"
        )


def _population(population: Population, network: Network, chip: ChipSpec) -> Iterator[str]:
    owner = f"population {population.name!r}"
    models = ARITHMETIC[chip.arithmetic.overflow]
    if not isinstance(population.model, models):
        names = ", ".join(model.__name__ for model in models)
        kind = type(population.model).__name__
        yield (
            f"{owner}: model {kind} needs arithmetic that chip {chip.name!r} lacks "
            f"(arithmetic.overflow {chip.arithmetic.overflow!r}): choose from {names}"
        )
        return
    yield from _refractory(population, owner, chip)
    yield from _fan_in(population, network, chip)


def _refractory(population: Population, owner: str, chip: ChipSpec) -> Iterator[str]:
    name = "refractory" if isinstance(population.model, LoihiCuba) else "refractory_ticks"
    values = population.model.parameters(population.n, owner)[name]
    limit = chip.limits.refractory_ticks or arith.REFRACTORY_MAX
    if values.max() > limit:
        index = int(values.argmax())
        yield (
            f"{owner}: {name}[{index}] = {int(values[index])} ticks, limit {limit} (chip {chip.name!r}): "
            "shorten the refractory time"
        )


def _fan_in(population: Population, network: Network, chip: ChipSpec) -> Iterator[str]:
    """The neuron of a population with the most distinct senders, per limit of a core that they exceed."""
    limits = {
        "axons_in": (chip.limits.axons_in, 1),
        "synapse_memory_bits": (chip.limits.synapse_memory_bits, least_list_bits(chip)),
    }
    most = min((limit // cost for limit, cost in limits.values() if limit is not None), default=None)
    projections = [projection for projection in network.projections if projection.post == population.name]
    if most is None or not projections:
        return
    n_synapses = sum(np.bincount(projection.target, minlength=population.n) for projection in projections)
    suspects = np.flatnonzero(np.asarray(n_synapses) > most)
    if not len(suspects):
        return
    senders = _distinct_senders(projections, suspects, population.n)
    total = senders.sum(axis=0)
    worst = int(total.argmax())
    largest = np.argsort(-senders[:, worst], kind="stable")[:N_CONTRIBUTORS]
    names = ", ".join(f"{_pres(projections)[i]!r} {senders[i, worst]}" for i in largest)
    for resource, (limit, cost) in limits.items():
        if limit is not None and total[worst] * cost > limit:
            n_over = int((total * cost > limit).sum())
            more = f"; {n_over} neurons ask too much" if n_over > 1 else ""
            owner = f"population {population.name!r} neuron {suspects[worst]} (senders: {names}{more})"
            yield over_limit(owner, resource, int(total[worst]) * cost, limit, chip)


def _pres(projections: list[Projection]) -> list[str]:
    """Names of the parts that project, each once."""
    return list(dict.fromkeys(projection.pre for projection in projections))


def _distinct_senders(projections: list[Projection], suspects: Ints, n: int) -> NDArray[np.int64]:
    """int64 [n_pres, n_suspects]: distinct senders of each projecting part onto each suspect neuron."""
    place = np.full(n, -1, dtype=np.int64)
    place[suspects] = np.arange(len(suspects))
    counts = []
    for pre in _pres(projections):
        keys = [np.zeros(0, dtype=np.int64)]
        for projection in projections:
            if projection.pre != pre:
                continue
            sender = np.repeat(np.arange(len(projection.indptr) - 1), np.diff(projection.indptr))
            at = place[projection.target]
            keys.append((sender * len(suspects) + at)[at >= 0])
        distinct = np.unique(np.concatenate(keys))
        counts.append(np.bincount(distinct % len(suspects), minlength=len(suspects)))
    return np.array(counts, dtype=np.int64)


def _projection(projection: Projection, chip: ChipSpec) -> Iterator[str]:
    limit = delay_limit(chip)
    if limit is not None and projection.n_synapses and projection.delay_ticks.max() > limit:
        n = int((projection.delay_ticks > limit).sum())
        yield (
            f"{projection.label}: delay_ticks {projection.delay_ticks.max()}, limit {limit} "
            f"(chip {chip.name!r}; {n} synapses over it): shorten the delay, or put a relay neuron in its way"
        )
    widest = max(chip.synapse_format.weight_bits)
    if projection.synapse is not None and projection.synapse.weight_bits > widest:
        yield (
            f"{projection.label}: weight_bits {projection.synapse.weight_bits}, limit {widest} "
            f"(chip {chip.name!r}): store the weights in fewer bits"
        )


def check_mapping(network: Network, chip: ChipSpec, mapping: Mapping[str, ArrayLike] | None) -> list[str]:
    """What is wrong with `mapping`: population -> int [n] physical core ids."""
    if mapping is None:
        return []
    if not isinstance(mapping, Mapping):
        kind = type(mapping).__name__
        return [f"mapping {kind}: must be a dict from population names to arrays of core ids"]
    populations = {population.name: population for population in network.populations}
    problems: list[str] = []
    pinned = np.zeros(chip.n_cores, dtype=np.int64)
    for name, cores in mapping.items():
        if name not in populations:
            choices = ", ".join(map(repr, populations))
            problems.append(f"mapping of {name!r}: no such population; choose from {choices}")
            continue
        found = _core_ids(cores, f"mapping of population {name!r}", populations[name].n, chip)
        if isinstance(found, str):
            problems.append(found)
        else:
            pinned += np.bincount(found, minlength=chip.n_cores)
    full = np.flatnonzero(pinned > chip.limits.compartments)
    for core in full[:N_CONTRIBUTORS]:
        more = f" ({len(full)} such cores)" if len(full) > 1 else ""
        limit = f"limit {chip.limits.compartments} compartments (chip {chip.name!r})"
        problems.append(
            f"mapping: {pinned[core]} neurons pinned to core {core}, {limit}: pin some elsewhere{more}"
        )
    return problems


def _core_ids(cores: object, owner: str, n: int, chip: ChipSpec) -> Ints | str:
    """The core ids, or what is wrong with them."""
    try:
        array = np.asarray(cores)
    except ValueError:
        return f"{owner}: must be an array of core ids [{n}]"
    if array.shape != (n,):
        return f"{owner}: shape {list(array.shape)}, expected [{n}], one core id per neuron"
    if array.dtype.kind not in "iu":
        return f"{owner}: {array.dtype} values, expected integer core ids"
    bad = np.flatnonzero((array < 0) | (array >= chip.n_cores))
    if len(bad):
        return (
            f"{owner}: core id {array[bad[0]]} of neuron {bad[0]} outside 0..{chip.n_cores - 1} "
            f"(chip {chip.name!r}, {len(bad)} in all): "
            f"core id = tile id * {chip.cores.per_tile} + core in tile"
        )
    return array.astype(np.int64)
