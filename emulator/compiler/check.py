"""Pass check: what no mapping can mend, found before anything is mapped, all at once.

Some of it leaves nothing to go on with; then all that is seen here is raised. Otherwise limits that the
later passes do not look at are handed on, to be raised with what pass partition finds in the cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator import arith
from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.limits import Excess, most_from, usable_text
from emulator.compiler.packing import least_list_bits, sparse_index_bits
from emulator.errors import CompileError
from emulator.network import LIF, LoihiCuba, Network, Population, Projection, TrueNorth

Ints = NDArray[np.integer]

ARITHMETIC: dict[str, tuple[type, ...]] = dict.fromkeys(arith.OVERFLOWS, (LIF, LoihiCuba))
"""Models that each arithmetic of a chip computes."""


def check(
    network: Network, chip: ChipSpec, mapping: Mapping[str, ArrayLike] | None = None
) -> tuple[str, ...]:
    """Limits broken that no later pass looks at. Raises CompileError with every violation if some of them
    keep the later passes from looking."""
    if network.cores:
        raise CompileError(
            f"network {network.name!r}: {len(network.cores)} cores described directly, the first is "
            f"{network.cores[0].name!r}; chip {chip.name!r} has no crossbars (cores.model "
            f"{chip.cores.model!r}): take a chip with cores.model 'truenorth'"
        )
    if not network.populations:
        raise CompileError(f"network {network.name!r} has no population: add one with add_population")
    problems = [
        *_chip(chip),
        *_size(network, chip),
        *(line for population in network.populations for line in _model(population, chip)),
        *(line for projection in network.projections for line in _weight_bits(projection, chip)),
        *check_mapping(network, chip, mapping),
    ]
    computed = [part for part in network.populations if isinstance(part.model, _models(chip))]
    broken = [
        *(line for population in computed for line in _refractory(population, chip)),
        *(line for projection in network.projections for line in _delay(projection, chip)),
    ]
    if problems:
        # Pass partition, which counts to the bit what a neuron takes, will not come to see this network.
        at_least = [line for population in computed for line in _fan_in(population, network, chip)]
        raise CompileError([*problems, *broken, *at_least])
    return tuple(broken)


def _chip(chip: ChipSpec) -> Iterator[str]:
    if sparse_index_bits(chip) is None:
        widths = list(chip.list_format.index_bits)
        yield (
            f"chip {chip.name!r}: synapse_format.index_bits {widths} has no index for "
            f"{chip.limits.compartments} compartments: add a width that reaches them"
        )


def _size(network: Network, chip: ChipSpec) -> Iterator[str]:
    n = sum(population.n for population in network.populations)
    room = int(usable_cores(chip).sum()) * chip.limits.compartments
    if n > room:
        largest = most_from({repr(population.name): population.n for population in network.populations})
        yield (
            f"network {network.name!r}: {n} neurons, limit {room} ({usable_text(chip)} cores of "
            f"{chip.limits.compartments} compartments on chip {chip.name!r}; {largest}): "
            "use fewer neurons or a larger mesh"
        )


def _models(chip: ChipSpec) -> tuple[type, ...]:
    return ARITHMETIC[chip.arithmetic.overflow]


def _model(population: Population, chip: ChipSpec) -> Iterator[str]:
    models = _models(chip)
    if isinstance(population.model, TrueNorth):
        yield (
            f"population {population.name!r}: model TrueNorth needs crossbars, chip {chip.name!r} has none "
            f"(cores.model {chip.cores.model!r}): choose from "
            f"{', '.join(model.__name__ for model in models)}, or a chip with cores.model 'truenorth'"
        )
    elif not isinstance(population.model, models):
        names = ", ".join(model.__name__ for model in models)
        kind = type(population.model).__name__
        yield (
            f"population {population.name!r}: model {kind} needs arithmetic that chip {chip.name!r} lacks "
            f"(arithmetic.overflow {chip.arithmetic.overflow!r}): choose from {names}"
        )


def _refractory(population: Population, chip: ChipSpec) -> Iterator[str]:
    owner = f"population {population.name!r}"
    name = "refractory" if isinstance(population.model, LoihiCuba) else "refractory_ticks"
    values = population.model.parameters(population.n, owner)[name]
    limit = chip.limits.refractory_ticks or arith.REFRACTORY_MAX
    if values.max() > limit:
        index, n = int(values.argmax()), int((values > limit).sum())
        more = f"; {n} neurons over it" if n > 1 else ""
        yield (
            f"{owner}: {name}[{index}] = {int(values[index])} ticks, limit {limit} "
            f"(chip {chip.name!r}{more}): shorten the refractory time"
        )


def _fan_in(population: Population, network: Network, chip: ChipSpec) -> Iterator[str]:
    """The neuron of a population with the most distinct senders, per limit of a core that they exceed at
    least, however their weights are stored."""
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
    brought = {repr(pre): int(n) for pre, n in zip(_pres(projections), senders[:, worst], strict=True)}
    owner = f"population {population.name!r} neuron {suspects[worst]}"
    for resource, (limit, cost) in limits.items():
        if limit is not None and total[worst] * cost > limit:
            n = int((total * cost > limit).sum())
            more = [f"{n} neurons over it"] if n > 1 else []
            excess = Excess(owner, resource, int(total[worst]) * cost, limit)
            yield excess.message(chip, [most_from(brought, " senders"), *more])


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


def _delay(projection: Projection, chip: ChipSpec) -> Iterator[str]:
    limit = chip.limits.delay_ticks
    if limit is not None and projection.n_synapses and projection.delay_ticks.max() > limit:
        n = int((projection.delay_ticks > limit).sum())
        yield (
            f"{projection.label}: delay_ticks {projection.delay_ticks.max()}, limit {limit} "
            f"(chip {chip.name!r}; {n} synapses over it): shorten the delay, or put a relay neuron in its way"
        )


def _weight_bits(projection: Projection, chip: ChipSpec) -> Iterator[str]:
    widest = max(chip.list_format.weight_bits)
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
    for name, cores in mapping.items():
        if name not in populations:
            choices = ", ".join(map(repr, populations))
            problems.append(f"mapping of {name!r}: no such population; choose from {choices}")
            continue
        found = _wrong_core_ids(cores, f"mapping of population {name!r}", populations[name].n, chip)
        if found is not None:
            problems.append(found)
    return problems


def _wrong_core_ids(cores: object, owner: str, n: int, chip: ChipSpec) -> str | None:
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
    bad = np.flatnonzero(~usable_cores(chip)[array])
    if len(bad):
        return (
            f"{owner}: core {array[bad[0]]} of neuron {bad[0]} is dead, or its router is (mesh.faults of "
            f"chip {chip.name!r}, {len(bad)} in all): pin to another core"
        )
    return None
