"""Pass check for crossbar cores: what no placement can mend, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator.chip.faults import usable_cores
from emulator.chip.spec import ChipSpec
from emulator.compiler.limits import usable_text
from emulator.errors import CompileError
from emulator.network import LIF, Core, Network, Population, TrueNorth
from emulator.network.cores import NOWHERE

Ints = NDArray[np.integer]

MODELS = (LIF, TrueNorth)
MAX_LISTED = 20  # lines of one kind
QUANTITIES = tuple(name for name in TrueNorth.RANGES if name not in TrueNorth.CHOICES)
INT16 = (-(2**15), 2**15 - 1)
RANC_RANGES = {"s": INT16, "leak": INT16}
"""What an image holds of them; all else has 32 bits, as in a network."""


def check_crossbar(network: Network, chip: ChipSpec, mapping: Mapping[str, ArrayLike] | None = None) -> None:
    """Raises CompileError with every violation."""
    if not network.populations and not network.cores:
        raise CompileError(
            f"network {network.name!r} has neither population nor core: add one "
            "with add_population or add_core"
        )
    problems = [
        *_mapping(mapping, chip),
        *_listed(_models(network, chip)),
        *_n_cores(network, chip),
        *_listed(line for core in network.cores for line in _size(core, chip)),
        *_listed(
            line for core in network.cores for line in _ranges(f"core {core.name!r}", core.neurons, chip)
        ),
        *_listed(_populations(network, chip)),
        *_listed(_delays(network, chip)),
        *_listed(_targets(network)),
        *_listed(_places(network, chip)),
    ]
    if problems:
        raise CompileError(problems)


def _listed(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    more = [f"{len(found) - MAX_LISTED} more of this kind"] if len(found) > MAX_LISTED else []
    return found[:MAX_LISTED] + more


def _mapping(mapping: Mapping[str, ArrayLike] | None, chip: ChipSpec) -> Iterator[str]:
    if mapping:
        yield (
            f"mapping of {', '.join(map(repr, mapping))}: cores of chip {chip.name!r} are placed whole: drop "
            "mapping=, and pin cores that are described directly with at=(x, y)"
        )


def _models(network: Network, chip: ChipSpec) -> Iterator[str]:
    for population in network.populations:
        if not isinstance(population.model, MODELS):
            kind = type(population.model).__name__
            yield (
                f"population {population.name!r}: model {kind} needs cores that chip {chip.name!r} lacks "
                f"(cores.model {chip.cores.model!r}): choose from "
                f"{', '.join(model.__name__ for model in MODELS)}, or a chip with cores.model 'cuba'"
            )


def _n_cores(network: Network, chip: ChipSpec) -> Iterator[str]:
    if len(network.cores) > usable_cores(chip).sum():
        yield (
            f"network {network.name!r}: {len(network.cores)} cores described directly, chip {chip.name!r} "
            f"has {usable_text(chip)}: use fewer cores or a larger mesh"
        )


def _size(core: Core, chip: ChipSpec) -> Iterator[str]:
    axons, neurons = chip.limits.axons_in, chip.limits.compartments
    for what, taken, limit in (("axons", core.n_axons, axons), ("neurons", core.n, neurons)):
        if limit is not None and taken > limit:
            yield f"core {core.name!r}: {taken} {what}, limit {limit} (chip {chip.name!r}): split the core"


def _populations(network: Network, chip: ChipSpec) -> Iterator[str]:
    for population in network.populations:
        if isinstance(population.model, TrueNorth):
            yield from _ranges(f"population {population.name!r}", _with_v0(population), chip)


def _with_v0(population: Population) -> TrueNorth:
    model = population.model
    assert isinstance(model, TrueNorth)
    given = {name: getattr(model, name) for name in TrueNorth.RANGES}
    return model if population.v0 is None else TrueNorth(**{**given, "v0": population.v0})


def _ranges(owner: str, neurons: TrueNorth, chip: ChipSpec) -> Iterator[str]:
    """Values outside what the chip's registers hold, or under variant `ranc` an image."""
    variant = chip.arithmetic.variant
    for name in QUANTITIES:
        limits = TrueNorth.RANGES[name] if variant == "chip" else RANC_RANGES.get(name)
        given = getattr(neurons, name)
        if limits is None or given is None:
            continue
        values, (low, high) = np.asarray(given), limits
        if values.min() < low or values.max() > high:
            wrong, rule = (values < low) | (values > high), f"outside {low}..{high}"
        elif name == "R" and variant == "chip":
            size = np.abs(values.astype(np.int64)) + 1
            wrong, rule = (size & (size - 1)) != 0, "must be +-(2**n - 1)"
        else:
            continue
        if wrong.any():
            yield f"{owner}: {_first(name, values, wrong)}: {rule}{_about(wrong, chip)}"


def _first(name: str, values: Ints, wrong: NDArray[np.bool_]) -> str:
    """`alpha[3] = 7`, `alpha = 7` where one value is for all."""
    place = np.argwhere(wrong)[0].tolist()
    index = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{name}{index} = {values[tuple(place)]}"


def _about(wrong: NDArray[np.bool_], chip: ChipSpec) -> str:
    n, variant = int(wrong.sum()), chip.arithmetic.variant
    more = f"; {n} in all" if n > 1 else ""
    lift = ", or lift the ranges with arithmetic.variant 'ranc'" if variant == "chip" else ""
    return f" (chip {chip.name!r}, arithmetic.variant {variant!r}{more}): choose one that it holds{lift}"


def _delays(network: Network, chip: ChipSpec) -> Iterator[str]:
    limit = chip.limits.delay_ticks
    for core in network.cores:
        sends = (core.target_core != NOWHERE) & (core.delay > limit)
        if limit is not None and sends.any():
            yield (
                f"core {core.name!r}: delay {core.delay.max()}, limit {limit} (chip {chip.name!r}): shorten "
                "it, or put a relay core in its way"
            )


def _targets(network: Network) -> Iterator[str]:
    """Targets that are no core, or no axon of it."""
    cores = network.cores
    n_axons = np.array([core.n_axons for core in cores], dtype=np.int64)
    for core in cores:
        target, axon = np.broadcast_to(core.target_core, core.n), np.broadcast_to(core.target_axon, core.n)
        unknown = np.flatnonzero(target >= len(cores))
        if len(unknown):
            yield (
                f"core {core.name!r}: target_core[{unknown[0]}] = {target[unknown[0]]}: the network has "
                f"{len(cores)} cores, 0..{len(cores) - 1} ({len(unknown)} in all)"
            )
            continue
        beyond = np.flatnonzero((target != NOWHERE) & (axon >= n_axons[target]))
        if len(beyond):
            neuron = int(beyond[0])
            other = cores[int(target[neuron])]
            yield (
                f"core {core.name!r}: target_axon[{neuron}] = {axon[neuron]}: core {other.name!r} has "
                f"{other.n_axons} axons, 0..{other.n_axons - 1} ({len(beyond)} in all)"
            )


def _places(network: Network, chip: ChipSpec) -> Iterator[str]:
    """Tiles off the mesh, without a live core, or asked for by more cores than they have."""
    usable = usable_cores(chip).reshape(chip.n_tiles, chip.cores.per_tile).sum(axis=1)
    taken: dict[tuple[int, int], list[str]] = {}
    width, height = chip.mesh.width, chip.mesh.height
    for core in network.cores:
        if core.at is None:
            continue
        x, y = core.at
        if x >= width or y >= height:
            mesh = f"the mesh of {width} x {height} tiles (chip {chip.name!r})"
            yield f"core {core.name!r}: at {core.at} is outside {mesh}"
            continue
        taken.setdefault(core.at, []).append(core.name)
    for (x, y), names in taken.items():
        n_live = int(usable[y * width + x])
        if n_live == 0:
            yield (
                f"core {names[0]!r}: at {(x, y)}: no core of that tile is alive (mesh.faults of chip "
                f"{chip.name!r}): move it"
            )
        elif len(names) > n_live:
            listed = ", ".join(map(repr, names[:MAX_LISTED]))
            yield (
                f"cores {listed}: {len(names)} at tile {(x, y)}, which has {n_live} (chip {chip.name!r}): "
                "move all but so many, or leave out at="
            )
