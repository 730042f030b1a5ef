"""Program: a compiled network. The image for the chip, the symbols to read it by, and the chip itself."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import AnyImage
from emulator.chip.generators import Generator
from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
from emulator.record import Named

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Part:
    """A source or population of the network. Its account (`group`) is its place in `Symbols.parts`.

    A core described directly is two parts of its name: a source, its axons, and a population, its neurons.
    """

    name: str
    kind: str  # "source" or "population"
    address: Ints  # [n] slots of a population, host inputs of a source
    recorded: bool = True  # whether its spikes are in the record; sources: never
    generator: Generator | None = None  # of a source that makes its own spikes

    @property
    def n(self) -> int:
        return len(self.address)


@dataclass(frozen=True, eq=False)
class ProbeSymbol:
    """A probe in the network's words; index and ticks None: all."""

    population: str
    variable: str
    index: Ints | None
    ticks: Ints | None
    raw: bool


@dataclass(frozen=True, eq=False)
class Symbols:
    """Names of the network and where the compiler put what they name."""

    network: str
    dt_s: float
    parts: tuple[Part, ...]  # sources, axons of cores, populations, neurons of cores; each in order of adding
    probes: tuple[ProbeSymbol, ...]

    @functools.cached_property
    def sources(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.kind == "source")

    @functools.cached_property
    def populations(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.kind == "population")

    @functools.cached_property
    def named(self) -> tuple[Named, ...]:
        """What a record keeps of the parts."""
        return tuple(Named(part.kind, part.name, part.address) for part in self.parts)

    @functools.cached_property
    def _named(self) -> dict[tuple[str, str], Part]:
        return {(part.kind, part.name): part for part in self.parts}

    def part(self, name: str, kind: str | None = None) -> Part:
        """The part of that name, of several kinds the population; SimulationError naming those that exist."""
        kinds = ("population", "source") if kind is None else (kind,)
        for one in kinds:
            if (one, name) in self._named:
                return self._named[one, name]
        names = ", ".join(repr(part.name) for part in self.parts if part.kind in kinds) or "none"
        raise SimulationError(f"network {self.network!r} has no {kind or 'part'} {name!r}; it has {names}")


@dataclass(frozen=True, eq=False)
class Program:
    """A network compiled onto a chip. Made by `compile`, run by `run`."""

    image: AnyImage
    symbols: Symbols
    chip: ChipSpec
    stats: dict[str, Any] = field(
        default_factory=dict
    )  # plain numbers, strings, lists: utilisation, quantisation

    def save(self, path: str | PathLike[str]) -> None:
        """Writes the program; `load_program` reads it."""
        from emulator.formats import save_program

        save_program(self, path)

    def report(self) -> str:
        """Utilisation, where everything went, and what quantising cost, as text."""
        from emulator.report import program_text

        return program_text(self)
