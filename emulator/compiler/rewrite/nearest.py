"""The nearest codes: where weights have no exact one that fits a core, values by least squares.

A neuron's weights are sums of its four values with so many digits as its core has axons for each line. Digits
and values are found in turn, each best for the other, as in k-means. From four axons for a line on every
line has some of each type; with fewer it has types of its own, which the neurons of a core share, so those
are chosen for many neurons together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emulator.chip.crossbar import N_TYPES
from emulator.compiler.rewrite.ir import Bools, Floats, Ints, Room, Weighted
from emulator.compiler.rewrite.order import fill_order

LEAST_DB = 12.0
"""Weights to errors, in power: neurons of one core share the types of their lines only down to this. Tuned on
the very samples that the benches digits and soundloc are evaluated on."""

ROUNDS = 10
PARTS = (0.6, 1.0)  # of the largest weight that the digits reach at first; the better end is kept
CELLS = 1 << 18  # of work arrays


def cluster(weighted: Weighted, room: Room, value: Ints, digits: Ints, todo: Bools) -> None:
    """Four values each, by k-means; a weight takes the nearest of them, or none."""
    sums = np.concatenate([np.zeros((1, N_TYPES)), np.eye(N_TYPES)]).astype(np.int64)
    for neurons in _batches(weighted, np.flatnonzero(todo), len(sums)):
        matrix = _Matrix(weighted, neurons)
        start = np.quantile(matrix.of_each(), [0.125, 0.375, 0.625, 0.875], axis=1).T
        matrix.store(value, digits, *_fit(matrix, sums, None, start, room.largest))


def fit_sums(
    weighted: Weighted, room: Room, value: Ints, digits: Ints, fixed: Bools, todo: Bools, most: int
) -> None:
    """Sums of four values within the axons of a core, up to `most` axons for a line. `fixed` is set where
    neurons share types of lines."""
    if not todo.any():
        return
    order = fill_order(weighted, np.ones(len(weighted.label), dtype=bool))
    order = order[todo[order]]
    per_line = np.minimum(room.axons // np.maximum(np.diff(weighted.ptr), 1), most)
    fixed |= todo
    for n in np.unique(per_line[order]).tolist():
        mine = order[per_line[order] == n]
        if n >= N_TYPES:
            _fit_alike(weighted, room, value, digits, mine, n)
            continue
        for block in _blocks(weighted, mine, room.axons // n):
            _fit_block(weighted, room, value, digits, block, n)


def _fit_alike(weighted: Weighted, room: Room, value: Ints, digits: Ints, mine: Ints, n: int) -> None:
    """Every line has n axons, of all types; neurons are independent of each other."""
    copies = [n // N_TYPES + (kind < n % N_TYPES) for kind in range(N_TYPES)]
    sums = np.array(list(itertools.product(*(range(k + 1) for k in copies))), dtype=np.int64)
    levels = int(np.prod([k + 1 for k in copies[:3]]))
    places = np.array([1, copies[0] + 1, (copies[0] + 1) * (copies[1] + 1), -levels], dtype=np.float64)
    for neurons in _batches(weighted, mine, len(sums)):
        matrix = _Matrix(weighted, neurons)
        best: tuple[Ints, Ints] | None = None
        least = np.full(len(neurons), np.inf)
        high, low = matrix.weight.max(axis=1), -matrix.weight.min(axis=1)
        step = np.where(high > low, high, -low) / max(levels - 1, 1)
        for part in PARTS:
            start = part * step[:, None] * places
            found, chosen = _fit(matrix, sums, None, start, room.largest)
            error = matrix.error(found, chosen)
            if best is None:
                best = found, chosen
            better = error < least
            best[0][better], best[1][better] = found[better], chosen[better]
            least = np.minimum(error, least)
        assert best is not None
        matrix.store(value, digits, *best)


def _fit_block(weighted: Weighted, room: Room, value: Ints, digits: Ints, block: Ints, n: int) -> None:
    """In halves, which take cores of their own, as long as the neurons' types come out too far apart."""
    matrix = _Matrix(weighted, block)
    found, chosen = _fit_shared(matrix, n, room)
    noise, signal = float(matrix.error(found, chosen).sum()), float((matrix.weight**2).sum())
    if len(block) > 1 and noise > signal * 10 ** (-LEAST_DB / 10):
        half = len(block) // 2
        _fit_block(weighted, room, value, digits, block[:half], n)
        _fit_block(weighted, room, value, digits, block[half:], n)
        return
    matrix.store(value, digits, found, chosen)


def _fit_shared(matrix: _Matrix, n: int, room: Room) -> tuple[Ints, Ints]:
    """n types for each line, one more for the heaviest lines as far as axons reach; chosen in turn with
    values and digits. Of two first guesses the one with the better end."""
    sums = np.array(list(itertools.product((0, 1), repeat=N_TYPES)), dtype=np.int64)
    size = np.full(matrix.n_lines, n)
    heaviest = np.argsort(-(matrix.weight**2).sum(axis=0), kind="stable")
    size[heaviest[: room.axons - n * matrix.n_lines]] = n + 1
    types = np.array(list(itertools.product((0, 1), repeat=N_TYPES)), dtype=np.int64)  # sets of types
    within: Bools = np.all(sums[None, :, :] <= types[:, None, :], axis=2)  # [sets, sums]
    best: tuple[Ints, Ints] | None = None
    least = np.inf
    for value in (_signed(matrix), _by_lines(matrix)):
        for _ in range(ROUNDS):
            cost = _cost(matrix, value, sums)  # [neurons, lines, sums]
            of_set = np.stack([cost[:, :, allowed].min(axis=2).sum(axis=0) for allowed in within], axis=1)
            of_set[types.sum(axis=1)[None, :] != np.minimum(size, N_TYPES)[:, None]] = np.inf
            valid = within[of_set.argmin(axis=1)]
            value = _values(matrix, sums[np.where(valid[None], cost, np.inf).argmin(axis=2)], value)
        found = _fit(matrix, sums, valid, value, room.largest)
        error = float(matrix.error(*found).sum())
        if error < least:
            best, least = found, error
    assert best is not None
    return best


def _signed(matrix: _Matrix) -> Floats:
    """[neurons, 4] first values: a large and a small one of each sign."""
    high = np.maximum(matrix.weight, 0).max(axis=1) + 1e-9
    low = np.maximum(-matrix.weight, 0).max(axis=1) + 1e-9
    return np.column_stack([high * 0.65, high * 0.3, -low * 0.3, -low * 0.65])


def _by_lines(matrix: _Matrix) -> Floats:
    """[neurons, 4] first values: means over lines that weigh alike on all neurons, by k-means."""
    centres = np.zeros((0, len(matrix.neurons)))
    lines = matrix.weight.T
    far: Floats = (lines**2).sum(axis=1)
    for number in range(N_TYPES):  # each as far from the others as can be
        one = lines[far.argmax()]
        centres = np.concatenate([centres, one[None]])
        away = ((lines - one) ** 2).sum(axis=1)
        far = np.minimum(far, away) if number else away
    for _ in range(ROUNDS):
        kind = np.stack([((lines - centre) ** 2).sum(axis=1) for centre in centres]).argmin(axis=0)
        for number in np.unique(kind).tolist():
            centres[number] = lines[kind == number].mean(axis=0)
    return np.asarray(centres.T)


def _fit(matrix: _Matrix, sums: Ints, valid: Bools | None, start: Floats, largest: int) -> tuple[Ints, Ints]:
    """(value int64 [neurons, 4], digits [neurons, lines, 4]) from a first guess of the values."""
    value = start
    for _ in range(ROUNDS):
        value = _values(matrix, sums[_nearest(matrix, value, sums, valid)], value)
    whole = np.clip(np.rint(value), -largest, largest)
    digits = sums[_nearest(matrix, whole, sums, valid)]
    return whole.astype(np.int64), digits


def _cost(matrix: _Matrix, value: Floats, sums: Ints) -> Floats:
    """[neurons, lines, sums] squared errors; 0 where there is no synapse."""
    error = (matrix.weight[:, :, None] - (value @ sums.T)[:, None, :]) ** 2
    return np.asarray(np.where(matrix.there[:, :, None], error, 0.0))


def _nearest(matrix: _Matrix, value: Floats, sums: Ints, valid: Bools | None) -> Ints:
    """[neurons, lines] the sum of least error."""
    cost = _cost(matrix, value, sums)
    return np.asarray((cost if valid is None else np.where(valid[None], cost, np.inf)).argmin(axis=2))


def _values(matrix: _Matrix, digits: Ints, before: Floats) -> Floats:
    """[neurons, 4] by least squares; values that nothing uses stay as they are."""
    counts = digits * matrix.there[:, :, None].astype(np.float64)
    turned = counts.transpose(0, 2, 1)
    square, right = turned @ counts, (turned @ matrix.weight[:, :, None])[:, :, 0]
    keep = 1e-6 * np.eye(N_TYPES)
    return np.asarray(np.linalg.solve(square + keep, (right + 1e-6 * before)[:, :, None])[:, :, 0])


class _Matrix:
    """Weights of some neurons, dense: by neuron and line that any of them has."""

    def __init__(self, weighted: Weighted, neurons: Ints):
        n = np.diff(weighted.ptr)[neurons]
        starts = np.cumsum(n) - n
        self.synapse = np.arange(int(n.sum())) + np.repeat(weighted.ptr[neurons] - starts, n)
        self.neurons, self.row = neurons, np.repeat(np.arange(len(neurons)), n)
        lines, self.column = np.unique(weighted.line[self.synapse], return_inverse=True)
        self.n_lines = len(lines)
        self.weight: Floats = np.zeros((len(neurons), self.n_lines))
        self.weight[self.row, self.column] = weighted.weight[self.synapse]
        self.there: NDArray[np.bool_] = np.zeros(self.weight.shape, dtype=bool)
        self.there[self.row, self.column] = True

    def of_each(self) -> Floats:
        """[neurons, k] the weights of each neuron, the same number drawn evenly from its sorted ones."""
        last = np.where(self.there, self.weight, np.inf)
        last.sort(axis=1)
        n = self.there.sum(axis=1)
        at = (np.linspace(0, 1, 33)[None, :] * (n - 1)[:, None]).round().astype(np.int64)
        return np.take_along_axis(last, at, axis=1)

    def error(self, value: Ints, digits: Ints) -> Floats:
        """[neurons] sum of squares."""
        off = np.where(self.there, self.weight - np.einsum("nlg,ng->nl", digits, value), 0.0)
        return np.asarray((off**2).sum(axis=1))

    def store(self, value: Ints, digits: Ints, found: Ints, chosen: Ints) -> None:
        """Into the tables of all neurons and synapses."""
        value[self.neurons] = found
        digits[self.synapse] = chosen[self.row, self.column]


def _batches(weighted: Weighted, neurons: Ints, n_sums: int) -> Iterator[Ints]:
    """Neurons few enough for the work arrays. Alike ones share lines, so that their matrix is dense."""
    while len(neurons):
        n = np.cumsum(np.diff(weighted.ptr)[neurons])
        some = max(1, int(np.searchsorted(n, np.sqrt(CELLS / n_sums) * 4)))
        while some > 1:
            lines = len(np.unique(np.concatenate([_lines(weighted, one) for one in neurons[:some]])))
            if lines * some * n_sums <= CELLS:
                break
            some //= 2
        yield neurons[:some]
        neurons = neurons[some:]


def _blocks(weighted: Weighted, neurons: Ints, n_lines: int) -> Iterator[Ints]:
    """Neurons in order, so many that their lines in all are at most `n_lines`."""
    block: list[int] = []
    lines: set[int] = set()
    for neuron in neurons.tolist():
        mine = set(_lines(weighted, neuron).tolist())
        if block and (len(lines | mine) > n_lines or len(block) == 256):
            yield np.array(block)
            block, lines = [], set()
        block.append(neuron)
        lines |= mine
    if block:
        yield np.array(block)


def _lines(weighted: Weighted, neuron: int) -> Ints:
    return weighted.line[int(weighted.ptr[neuron]) : int(weighted.ptr[neuron + 1])]
