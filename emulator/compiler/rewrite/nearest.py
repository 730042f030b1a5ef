"""The nearest codes: where weights have no exact one that fits a core, values by least squares.

A neuron's weights are sums of its four values with so many digits as its core has axons for each line. Digits
and values are found in turn, each best for the other, as in k-means. From four axons for a line on every
line has some of each type; with fewer it has types of its own, which the neurons of a core share, so those
are chosen for many neurons together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array

from emulator.chip.crossbar import N_TYPES
from emulator.compiler.rewrite.ir import Bools, Floats, Ints, Room, Weighted
from emulator.compiler.rewrite.least_squares import ROUNDS, Table, costs, error, fit
from emulator.compiler.rewrite.order import fill_order

LEAST_DB = 12.0
"""Weights to errors, in power: neurons of one core share the types of their lines only down to this. Tuned on
the very samples that the benches digits and soundloc are evaluated on."""

PARTS = (0.6, 1.0)  # of the largest weight that the digits reach at first; the better end is kept
CELLS = 1 << 16  # of work arrays
SETS = np.array(list(itertools.product((0, 1), repeat=N_TYPES)), dtype=np.int64)
"""[16, 4] sets of types, and the sums that take each value once at most; number 8 is (1, 0, 0, 0)."""
OUTSIDE: Floats = np.where((SETS[None, :, :] <= SETS[:, None, :]).all(axis=2), 0.0, np.inf)  # [sets, sums]


def cluster(weighted: Weighted, room: Room, value: Ints, digits: Ints, todo: Bools) -> None:
    """Four values each, by k-means; a weight takes the nearest of them, or none."""
    sums = np.concatenate([np.zeros((1, N_TYPES)), np.eye(N_TYPES)]).astype(np.int64)
    for neurons in _batches(weighted, np.flatnonzero(todo), len(sums)):
        table = Table(weighted, neurons)
        start = np.quantile(table.of_each(), [0.125, 0.375, 0.625, 0.875], axis=1).T
        table.store(value, digits, *fit(table, sums, None, start, room.largest))


def fit_sums(
    weighted: Weighted, room: Room, value: Ints, digits: Ints, fixed: Bools, todo: Bools, most: int
) -> None:
    """Sums of four values within the axons of a core, up to `most` axons for a line. `fixed` is set where
    neurons share types of lines."""
    if not todo.any():
        return
    order = fill_order(weighted, np.ones(len(weighted.label), dtype=bool))
    order = order[todo[order]]
    per_line = axons_per_line(weighted, room, most)
    fixed |= todo
    for n in np.unique(per_line[order]).tolist():
        mine = order[per_line[order] == n]
        if n >= N_TYPES:
            _fit_alike(weighted, room, value, digits, mine, n)
        else:
            _fit_blocks(weighted, room, value, digits, list(_blocks(weighted, mine, room.axons // n)), n)


def axons_per_line(weighted: Weighted, room: Room, most: int) -> Ints:
    """[n_neurons] axons that each line of a neuron without an exact code has at least."""
    return np.asarray(np.minimum(room.axons // np.maximum(np.diff(weighted.ptr), 1), most))


def _fit_alike(weighted: Weighted, room: Room, value: Ints, digits: Ints, mine: Ints, n: int) -> None:
    """Every line has n axons, of all types; neurons are independent of each other."""
    copies = [n // N_TYPES + (kind < n % N_TYPES) for kind in range(N_TYPES)]
    sums = np.array(list(itertools.product(*(range(k + 1) for k in copies))), dtype=np.int64)
    levels = int(np.prod([k + 1 for k in copies[:3]]))
    places = np.array([1, copies[0] + 1, (copies[0] + 1) * (copies[1] + 1), -levels], dtype=np.float64)
    for neurons in _batches(weighted, mine, len(sums)):
        table = Table(weighted, neurons)
        high, low = table.largest(), -table.smallest()
        step = np.where(high > low, high, -low) / max(levels - 1, 1)
        starts = (part * step[:, None] * places for part in PARTS)
        ends = [fit(table, sums, None, start, room.largest) for start in starts]
        first, second = (table.by_neuron(error(table, *end)) for end in ends)
        better = second < first
        value[neurons] = np.where(better[:, None], ends[1][0], ends[0][0])
        digits[table.synapse] = np.where(better[table.row][:, None], ends[1][1], ends[0][1])


def _fit_blocks(
    weighted: Weighted, room: Room, value: Ints, digits: Ints, blocks: list[Ints], n: int
) -> None:
    """In halves, which take cores of their own, as long as the neurons' types come out too far apart."""
    while blocks:
        halves: list[Ints] = []
        for some in _some(weighted, blocks, CELLS // len(SETS)):
            shared = _Shared(weighted, some)
            found, chosen = _fit_shared(shared, n, room)
            noise = shared.by_block(error(shared.table, found, chosen))
            poor = noise > shared.by_block(shared.table.weight**2) * 10 ** (-LEAST_DB / 10)
            for block in (some[i] for i in np.flatnonzero(poor).tolist() if len(some[i]) > 1):
                halves += [block[: len(block) // 2], block[len(block) // 2 :]]
            shared.table.store(value, digits, found, chosen)
        blocks = halves


class _Shared:
    """Blocks of neurons, and the lines of each: a *place* is a line of a block."""

    def __init__(self, weighted: Weighted, blocks: Sequence[Ints]):
        self.n_blocks = len(blocks)
        self.neuron_block = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
        self.table = table = Table(weighted, np.concatenate(blocks))
        block = self.neuron_block[table.row]
        key = block * np.int64(weighted.n_lines) + weighted.line[table.synapse]
        table.reorder(np.argsort(key, kind="stable"))
        keys, self.place = np.unique(key, return_inverse=True)  # of each synapse, ascending once sorted
        self.place.sort()
        self.block = keys // weighted.n_lines  # of each place
        ptr = np.searchsorted(self.place, np.arange(len(keys) + 1))  # synapses of each place
        n = len(self.place)
        self._to_places = csr_array((np.ones(n), np.arange(n), ptr), shape=(len(keys), n))
        self.n_lines = np.bincount(self.block, minlength=self.n_blocks)

    def by_place(self, values: Floats) -> Floats:
        """[n_places, ...] sums over the synapses of each."""
        return np.asarray(self._to_places @ values)

    def by_block(self, values: Floats) -> Floats:
        """[n_blocks] sums over the synapses of each."""
        return np.bincount(self.block[self.place], values, minlength=self.n_blocks).astype(np.float64)

    def last_of(self, ranked: Ints) -> Ints:
        """[n_blocks] the last place of each in an order of places by block."""
        return np.asarray(ranked[np.cumsum(self.n_lines) - 1])


def _fit_shared(shared: _Shared, n: int, room: Room) -> tuple[Ints, Ints]:
    """n types for each line, one more for the heaviest lines as far as axons reach; chosen in turn with
    values and digits. Of two first guesses the one with the better end, block by block."""
    table = shared.table
    heaviest = np.lexsort((-shared.by_place(table.weight**2), shared.block))
    rank = np.empty(len(heaviest), dtype=np.int64)
    rank[heaviest] = np.arange(len(heaviest))
    rank -= (np.cumsum(shared.n_lines) - shared.n_lines)[shared.block]
    size = np.minimum(n + (rank < (room.axons - n * shared.n_lines)[shared.block]), N_TYPES)
    wrong = SETS.sum(axis=1)[None, :] != size[:, None]
    ends = []
    for value in (_signed(table), _by_lines(shared)):
        before: Ints | None = None
        for _ in range(ROUNDS):
            cost = costs(table, value, SETS)
            of_set = shared.by_place(_least_within(cost))
            of_set[wrong] = np.inf
            outside = OUTSIDE[of_set.argmin(axis=1)[shared.place]]
            cost += outside
            chosen = cost.argmin(axis=1)
            if before is not None and np.array_equal(before, chosen):
                break
            before = chosen
            value = table.values(chosen, SETS, value)
        ends.append(fit(table, SETS, outside, value, room.largest))
    first, second = (shared.by_block(error(table, *end)) for end in ends)
    better = second < first
    of_neuron, of_synapse = better[shared.neuron_block], better[shared.block[shared.place]]
    found = np.where(of_neuron[:, None], ends[1][0], ends[0][0])
    return found, np.where(of_synapse[:, None], ends[1][1], ends[0][1])


def _least_within(cost: Floats) -> Floats:
    """[n, sets] least cost of a sum within each set, from the costs of the sums."""
    least = cost.copy().reshape(-1, *(2,) * N_TYPES)
    for kind in range(N_TYPES):
        without, with_it = ((slice(None),) * (kind + 1) + (one,) for one in (0, 1))
        np.minimum(least[with_it], least[without], out=least[with_it])
    return least.reshape(cost.shape)


def _signed(table: Table) -> Floats:
    """[neurons, 4] first values: a large and a small one of each sign."""
    high = np.maximum(table.largest(), 0) + 1e-9
    low = np.maximum(-table.smallest(), 0) + 1e-9
    return np.column_stack([high * 0.65, high * 0.3, -low * 0.3, -low * 0.65])


def _by_lines(shared: _Shared) -> Floats:
    """[neurons, 4] first values: means over lines that weigh alike on all neurons, by k-means."""
    table, place = shared.table, shared.place
    centre: Floats = np.zeros((len(table.neurons), N_TYPES))
    norm = shared.by_place(table.weight**2)
    far = norm
    for number in range(N_TYPES):  # each as far from the others as can be
        one = shared.last_of(np.lexsort((far, shared.block)))
        mine = np.isin(place, one)
        centre[table.row[mine], number] = table.weight[mine]
        away = norm + _to_centres(shared, centre[:, number : number + 1])[:, 0]
        far = np.minimum(far, away) if number else away
    for _ in range(ROUNDS):
        kind = _to_centres(shared, centre).argmin(axis=1)
        n = np.bincount(shared.block * N_TYPES + kind, minlength=shared.n_blocks * N_TYPES)
        n = n.reshape(-1, N_TYPES)[shared.neuron_block]
        cell = table.row * N_TYPES + kind[place]
        total = np.bincount(cell, table.weight, minlength=centre.size).reshape(centre.shape)
        now = np.where(n > 0, total / np.maximum(n, 1), centre)
        if np.array_equal(now, centre):
            break
        centre = now
    return centre


def _to_centres(shared: _Shared, centre: Floats) -> Floats:
    """[n_places, n_centres] squared distance of a line, as the vector of its weights onto the block's
    neurons, from each centre, less its own square."""
    table, n = shared.table, centre.shape[1]
    square = np.zeros((shared.n_blocks, n))
    np.add.at(square, shared.neuron_block, centre**2)
    return np.asarray(square[shared.block] - 2 * shared.by_place(table.weight[:, None] * centre[table.row]))


def _batches(weighted: Weighted, neurons: Ints, n_sums: int) -> Iterator[Ints]:
    """Neurons few enough for the work arrays."""
    n = np.cumsum(np.diff(weighted.ptr)[neurons])
    part = n // max(1, CELLS // n_sums)
    yield from np.split(neurons, np.flatnonzero(np.diff(part)) + 1) if len(neurons) else []


def _some(weighted: Weighted, blocks: list[Ints], n_synapses: int) -> Iterator[list[Ints]]:
    """Blocks in order, so many at once that they have about `n_synapses`."""
    n = np.diff(weighted.ptr)
    part = np.cumsum([int(n[block].sum()) for block in blocks]) // n_synapses
    for bounds in itertools.pairwise([0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(blocks)]):
        yield blocks[slice(*bounds)]


def _blocks(weighted: Weighted, neurons: Ints, n_lines: int) -> Iterator[Ints]:
    """Neurons in order, so many that their lines in all are at most `n_lines`."""
    block: list[int] = []
    lines: set[int] = set()
    for neuron in neurons.tolist():
        mine = set(weighted.line[int(weighted.ptr[neuron]) : int(weighted.ptr[neuron + 1])].tolist())
        if block and (len(lines | mine) > n_lines or len(block) == 256):
            yield np.array(block)
            block, lines = [], set()
        block.append(neuron)
        lines |= mine
    if block:
        yield np.array(block)
