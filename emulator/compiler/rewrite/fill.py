"""Neurons to cores: a core is closed when the next neuron's axons or columns do not fit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from emulator.chip.crossbar import N_TYPES
from emulator.compiler.rewrite.ir import Codes, Filled, Ints, Room, TooManyCores, Weighted

_TYPES = np.arange(N_TYPES)
_ORDERS = np.array(list(itertools.permutations(range(N_TYPES))))  # [24, 4], the given order first


@dataclass
class Filling:
    """Cores being filled, one after the other. `copies` says what axons the open one has."""

    weighted: Weighted
    codes: Codes
    room: Room
    places: list[tuple[int, int, int, Ints]] = field(default_factory=list)  # neuron, core, columns, types
    axons: list[tuple[int, Ints, Ints]] = field(default_factory=list)  # core, its lines, copies [n, 4]
    n_cores: int = 0  # closed
    n_columns: int = 0  # of the open core, as n_axons
    n_axons: int = 0

    def __post_init__(self) -> None:
        self.copies = np.zeros((self.weighted.n_lines, N_TYPES), dtype=np.uint8)
        self.used: list[Ints] = []

    def add(self, neuron: int, n_columns: int) -> None:
        """Puts the neuron in as many columns of one core."""
        rows = slice(int(self.weighted.ptr[neuron]), int(self.weighted.ptr[neuron + 1]))
        line, digits = self.weighted.line[rows], self.codes.digits[rows]
        types, n_new = self._types(neuron, line, digits)
        full = self.n_axons + n_new > self.room.axons or self.n_columns + n_columns > self.room.neurons
        if full and self.n_columns:
            self.close()
            types, n_new = self._types(neuron, line, digits)
        now = self.copies[line]
        now[:, types] = np.maximum(now[:, types], digits)
        self.copies[line] = now
        self.used.append(line)
        self.places.append((neuron, self.n_cores, n_columns, types))
        self.n_columns, self.n_axons = self.n_columns + n_columns, self.n_axons + n_new

    def _types(self, neuron: int, line: Ints, digits: Ints) -> tuple[Ints, int]:
        """The types for the neuron's values that add the fewest axons to the open core, and how many."""
        there = self.copies[line]
        if self.codes.fixed[neuron]:
            return _TYPES, int((np.maximum(digits, there) - there).sum(dtype=np.int64))
        # new[a, b]: axons that the digits of value a add as type b
        new = np.maximum(digits[:, :, None], there[:, None, :]).sum(axis=0, dtype=np.int64) - there.sum(
            axis=0, dtype=np.int64
        )
        cost = new[_TYPES, _ORDERS].sum(axis=1)
        best = int(cost.argmin())
        return _ORDERS[best], int(cost[best])

    def close(self) -> None:
        """The next neuron begins a core."""
        if not self.n_columns:
            return
        line = np.unique(np.concatenate(self.used))
        self.axons.append((self.n_cores, line, self.copies[line]))
        self.copies[line] = 0
        self.used.clear()
        self.n_cores, self.n_columns, self.n_axons = self.n_cores + 1, 0, 0
        if self.n_cores > self.room.cores:
            raise TooManyCores

    def append(self, other: Filling) -> None:
        """Takes over the closed cores of another."""
        self.close()
        self.places += [(neuron, self.n_cores + core, n, types) for neuron, core, n, types in other.places]
        self.axons += [(self.n_cores + core, line, copies) for core, line, copies in other.axons]
        self.n_cores += other.n_cores

    def need(self) -> Ints:
        """[n_lines] axons for each line in all cores so far."""
        total = self.copies.sum(axis=1, dtype=np.int64)
        for _, line, copies in self.axons:
            total[line] += copies.sum(axis=1, dtype=np.int64)
        return np.asarray(total)

    def result(self) -> Filled:
        """All cores, which are closed."""
        assert not self.n_columns, "a core is open"
        nothing = np.zeros((0, N_TYPES), dtype=np.int64)
        line = np.concatenate([np.zeros(0, np.int64), *(line for _, line, _ in self.axons)])
        core = np.repeat([core for core, _, _ in self.axons], [len(line) for _, line, _ in self.axons])
        copies = np.concatenate([nothing, *(copies for _, _, copies in self.axons)]).astype(np.int64)
        counts = copies.ravel()
        row = np.repeat(np.arange(len(counts)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        return Filled(
            n_cores=self.n_cores,
            place_neuron=np.array([place[0] for place in self.places], dtype=np.int64),
            place_core=np.array([place[1] for place in self.places], dtype=np.int64),
            place_columns=np.array([place[2] for place in self.places], dtype=np.int64),
            place_type=np.concatenate([nothing, *(place[3][None] for place in self.places)]),
            axon_core=core.astype(np.int64)[row // N_TYPES],
            axon_line=line[row // N_TYPES],
            axon_type=row % N_TYPES,
            axon_copy=np.arange(len(row)) - first,
        )
