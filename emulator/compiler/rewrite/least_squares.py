"""Digits and values of many neurons at once, each best for the other in turn."""

from __future__ import annotations

import numpy as np

from emulator.chip.crossbar import N_TYPES
from emulator.compiler.rewrite.ir import Floats, Ints, Weighted

ROUNDS = 10
N_DRAWN = 33  # weights that stand for all of a neuron


class Table:
    """Synapses of some neurons, which have one at least. Sums [n_sums, 4] are digits that a weight can have;
    *chosen* is the number of a sum for each synapse."""

    def __init__(self, weighted: Weighted, neurons: Ints):
        n = np.diff(weighted.ptr)[neurons]
        starts = np.cumsum(n) - n
        self.neurons, self.starts = neurons, starts
        self.synapse = np.arange(int(n.sum())) + np.repeat(weighted.ptr[neurons] - starts, n)
        self.row = np.repeat(np.arange(len(neurons)), n)
        self.weight: Floats = weighted.weight[self.synapse]
        self._by_neuron = self.weight

    def reorder(self, order: Ints) -> None:
        """Synapses in another order than by neuron."""
        self.synapse, self.row, self.weight = self.synapse[order], self.row[order], self.weight[order]

    def largest(self) -> Floats:
        """[neurons] largest weight."""
        return np.asarray(np.maximum.reduceat(self._by_neuron, self.starts))

    def smallest(self) -> Floats:
        """[neurons] smallest weight."""
        return np.asarray(np.minimum.reduceat(self._by_neuron, self.starts))

    def of_each(self) -> Floats:
        """[neurons, N_DRAWN] the weights of each neuron, as many of each, evenly from its sorted ones."""
        n = np.bincount(self.row, minlength=len(self.neurons))
        at = (np.linspace(0, 1, N_DRAWN)[None, :] * (n - 1)[:, None]).round().astype(np.int64)
        ranked = self.weight[np.lexsort((self.weight, self.row))]
        return np.asarray(ranked[self.starts[:, None] + at])

    def by_neuron(self, values: Floats) -> Floats:
        """[neurons] sums over the synapses of each."""
        return np.bincount(self.row, values, minlength=len(self.neurons)).astype(np.float64)

    def values(self, chosen: Ints, sums: Ints, before: Floats) -> Floats:
        """[neurons, 4] by least squares; values that nothing uses stay as they are."""
        n_sums, n = len(sums), len(self.neurons)
        cell = self.row * n_sums + chosen
        count = np.bincount(cell, minlength=n * n_sums).reshape(n, n_sums).astype(np.float64)
        total = np.bincount(cell, self.weight, minlength=n * n_sums).reshape(n, n_sums)
        outer = (sums[:, :, None] * sums[:, None, :]).reshape(n_sums, -1).astype(np.float64)
        square = (count @ outer).reshape(n, N_TYPES, N_TYPES) + 1e-6 * np.eye(N_TYPES)
        right = total @ sums.astype(np.float64) + 1e-6 * before
        return np.asarray(np.linalg.solve(square, right[:, :, None])[:, :, 0])

    def store(self, value: Ints, digits: Ints, found: Ints, chosen: Ints) -> None:
        """Values [neurons, 4] and digits [n, 4] into the tables of all neurons and synapses."""
        value[self.neurons] = found
        digits[self.synapse] = chosen


def fit(table: Table, sums: Ints, penalty: Floats | None, start: Floats, largest: int) -> tuple[Ints, Ints]:
    """(value int64 [neurons, 4], digits [n_synapses, 4]) from a first guess of the values. penalty:
    [n_synapses, n_sums] added to the costs, inf: not allowed."""
    value, before = start, None
    for _ in range(ROUNDS):
        chosen = _nearest(table, value, sums, penalty)
        if before is not None and np.array_equal(chosen, before):
            break
        before = chosen
        value = table.values(chosen, sums, value)
    whole = np.clip(np.rint(value), -largest, largest)
    return whole.astype(np.int64), sums[_nearest(table, whole, sums, penalty)]


def costs(table: Table, value: Floats, sums: Ints) -> Floats:
    """[n_synapses, n_sums] squared errors."""
    cost: Floats = (value @ sums.T.astype(np.float64))[table.row]
    cost -= table.weight[:, None]
    cost *= cost
    return cost


def error(table: Table, value: Ints, digits: Ints) -> Floats:
    """[n_synapses] squared errors of what was found."""
    return np.asarray((table.weight - (digits * value[table.row]).sum(axis=1)) ** 2)


def _nearest(table: Table, value: Floats, sums: Ints, penalty: Floats | None) -> Ints:
    """[n_synapses] the sum of least error."""
    cost = costs(table, value, sums)
    if penalty is not None:
        cost += penalty
    return np.asarray(cost.argmin(axis=1))
