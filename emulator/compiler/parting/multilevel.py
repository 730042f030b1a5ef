"""Multilevel: parts of the smallest level by bisection, made better on the way back to single neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import parts
from emulator.compiler.parting.hypergraph import Hypergraph
from emulator.compiler.parting.levels import Ladder, ladder_of

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Progress = Callable[[int, int], None]

FREE = 2**60  # no limit
PER_PART = 160  # nodes of the smallest level
BISECTED = 300  # nodes of the smallest level of a bisection
N_TRIES = 8  # beginnings of a bisection
SLACK = 2  # times the largest node of a level that a part may hold beyond its limit until the next level
EVEN = 0.5  # of the room that is left over, what each bisection may use
UNEVEN = 0.04  # of its share, what a side may have more of where axons or memory are limited
N_SEARCHES = 3  # in a level, while they gain
WORTH = 2000  # a search that gains less than a 2000th is the last of its level
MOST_CELLS = 250_000_000  # neurons x parts that tables are made for, 12 bytes each
ROOM = 1.02  # parts, by the least that could hold all
N_WIDER = 10  # times more parts are tried


@dataclass(frozen=True)
class Effort:
    """How long to look."""

    n_starts: int
    n_cycles: int  # times that nodes are joined anew within their parts, and these made better again
    n_visits: int  # pins that are looked at for the cluster of a node


@dataclass(frozen=True, eq=False)
class Bounds:
    """What a part may take."""

    limits: Longs  # [4] LOADS; FREE where lifted
    header_bits: int

    @property
    def is_vector(self) -> bool:
        """Whether anything but compartments is limited."""
        return bool((self.limits[1:] < FREE).any())

    def of_parts(self, n_parts: int, graph: Hypergraph, slack: int) -> Longs:
        """int64 [n_parts, 4]: limits in a level whose nodes are clusters."""
        limits = np.where(self.limits < FREE, self.limits + slack * (graph.load.max(axis=0) - 1), FREE)
        limits = np.maximum(limits, self.limits)
        return np.tile(limits, (n_parts, 1))


def find_parts(
    graph: Hypergraph, bounds: Bounds, seed: int, effort: Effort, n_most: int, progress: Progress
) -> Ints | None:
    """int32 [n_nodes] part of each node, as few parts as seem to do; None if n_most or MOST_CELLS do not."""
    n_parts = _least(graph, bounds)
    for _ in range(N_WIDER):
        if n_parts > n_most or n_parts * graph.n_nodes > MOST_CELLS:
            return None
        best: tuple[int, Ints] | None = None
        needed = n_parts
        for start in range(effort.n_starts):
            rng = np.random.default_rng((seed, n_parts, start))
            part, cost, over = _attempt(graph, n_parts, bounds, rng, effort)
            progress(start + 1, effort.n_starts)
            if over > 0:
                needed = max(needed, n_parts + over)
            elif best is None or cost < best[0]:
                best = cost, part
        if best is not None:
            return best[1]
        n_parts = max(needed, n_parts + 1)
    return None


def _least(graph: Hypergraph, bounds: Bounds) -> int:
    """The parts that what is known ahead needs."""
    total = graph.load.sum(axis=0)
    least = [-(-int(total[0]) // int(bounds.limits[0]))]
    least += [int(ROOM * total[i] / bounds.limits[i]) + 1 for i in range(1, 4) if bounds.limits[i] < FREE]
    return max(*least, 1)


def _attempt(
    graph: Hypergraph, n_parts: int, bounds: Bounds, rng: np.random.Generator, effort: Effort
) -> tuple[Ints, int, int]:
    """Parts, their cost, and by how many parts they are too few."""
    header, vector = bounds.header_bits, bounds.is_vector
    nowhere = np.zeros(graph.n_nodes, dtype=np.int32)
    ladder = ladder_of(graph, PER_PART * n_parts, nowhere, rng, effort.n_visits, header, vector)
    part = _bisected(ladder.smallest, n_parts, bounds, rng, effort.n_visits)
    part, cost, over = _climbed(ladder, part, n_parts, bounds, rng)
    for _ in range(effort.n_cycles if over == 0 else 0):
        ladder = ladder_of(graph, PER_PART * n_parts, part, rng, effort.n_visits, header, vector)
        again, cost_again, over_again = _climbed(ladder, ladder.part, n_parts, bounds, rng)
        if over_again == 0 and cost_again < cost:
            part, cost = again, cost_again
    return part, cost, over


def _climbed(
    ladder: Ladder, part: Ints, n_parts: int, bounds: Bounds, rng: np.random.Generator
) -> tuple[Ints, int, int]:
    """From the smallest level to the finest, better at each."""
    steps = [*reversed(ladder.steps)]
    work = _better(ladder.smallest, part, n_parts, bounds, SLACK if steps else 0, rng)
    short = _needed(work, bounds) - n_parts
    if short > 0:  # the finer levels take no less
        return part, int(work.cost()), short
    for number, (graph, cluster_of) in enumerate(steps):
        part = np.ascontiguousarray(part[cluster_of])
        work = _better(graph, part, n_parts, bounds, SLACK if number < len(steps) - 1 else 0, rng)
    over = _parts_short(work, n_parts, bounds)
    return part, int(work.cost()), over


def _better(
    graph: Hypergraph, part: Ints, n_parts: int, bounds: Bounds, slack: int, rng: np.random.Generator
) -> parts.Parts:
    """Moves nodes between parts, in place."""
    work = graph.parts(part, bounds.of_parts(n_parts, graph, slack), bounds.header_bits, bounds.is_vector)
    work.relieve()
    work.improve(rng.permutation(graph.n_nodes).astype(np.int32), 3)
    _search(work, max(200, graph.n_nodes // 20))
    work.relieve()
    return work


def _search(work: parts.Parts, patience: int) -> None:
    for _ in range(N_SEARCHES):
        if work.search(patience) * WORTH <= work.cost():
            break


def _parts_short(work: parts.Parts, n_parts: int, bounds: Bounds) -> int:
    """How many more parts would take what is beyond the limits; 0: nothing is."""
    loads = work.loads()
    over = (loads > bounds.limits).any(axis=1)
    if not over.any():
        return 0
    return max(_needed(work, bounds) - n_parts, -(-int(over.sum()) // 8), 1)


def _needed(work: parts.Parts, bounds: Bounds) -> int:
    """Parts that would take together what these take."""
    taken = work.loads().sum(axis=0)
    vector = ROOM * taken[1:] / bounds.limits[1:]
    return max(-(-int(taken[0]) // int(bounds.limits[0])), int(vector.max()) + 1)


def _bisected(
    graph: Hypergraph, n_parts: int, bounds: Bounds, rng: np.random.Generator, n_visits: int
) -> Ints:
    """int32 [n_nodes]: cut in two, and each half again."""
    if n_parts == 1:
        return np.zeros(graph.n_nodes, dtype=np.int32)
    n_left = n_parts // 2
    side = _cut(graph, n_left, n_parts - n_left, bounds, rng, n_visits)
    part = side.copy()
    for number, n, first in ((0, n_left, 0), (1, n_parts - n_left, n_left)):
        here = side == number
        part[here] = first
        if n > 1 and here.any():
            part[here] += _bisected(graph.within(here), n, bounds, rng, n_visits)
    return part


def _cut(
    graph: Hypergraph, n_left: int, n_right: int, bounds: Bounds, rng: np.random.Generator, n_visits: int
) -> Ints:
    """int32 [n_nodes]: 0 or 1, so that each side has what its parts can take."""
    n_both = n_left + n_right
    total = graph.load.sum(axis=0)
    limits = np.full((2, 4), FREE, dtype=np.int64)
    for row, n in enumerate((n_left, n_right)):
        # What a bisection leaves uneven the next ones have to live with.
        even = total[:2] * n / n_both
        room = np.maximum(bounds.limits[:2] * float(n) - even, 0)
        if bounds.is_vector:  # axons are known only when all parts are: nobody may count on their room
            room = np.minimum(room, even * UNEVEN / EVEN)
        limits[row, :2] = np.where(bounds.limits[:2] < FREE, even + EVEN * room + 1, FREE)
    if graph.n_nets == 0:
        return _cut_order(graph, limits)
    nowhere = np.zeros(graph.n_nodes, dtype=np.int32)
    ladder = ladder_of(graph, BISECTED, nowhere, rng, n_visits, 0, False)
    smallest = ladder.smallest
    if smallest.n_nets == 0:
        return _cut_order(graph, limits)
    goal = np.array([total[0] * n_left // n_both, total[0]], dtype=np.int64)
    best: tuple[int, Ints] | None = None
    loose = _loosened(limits, smallest)
    heavy_first = np.argsort(-smallest.load[:, 0], kind="stable").astype(np.int32)
    for number in range(N_TRIES):
        part: Ints = np.full(smallest.n_nodes, -1, dtype=np.int32)
        work = smallest.parts(part, loose, 0, True)
        work.grow(rng.permutation(smallest.n_nodes).astype(np.int32), goal, number % 2 == 0)
        if work.settle(heavy_first):
            continue
        _search(work, smallest.n_nodes)
        cost = int(work.cost())
        if best is None or cost < best[0]:
            best = cost, part
    if best is None:
        return _cut_order(graph, limits)
    part = best[1]
    for finer, cluster_of in reversed(ladder.steps):
        part = np.ascontiguousarray(part[cluster_of])
        work = finer.parts(part, _loosened(limits, finer), 0, True)
        work.relieve()
        _search(work, max(200, finer.n_nodes // 20))
    return part


def _loosened(limits: Longs, graph: Hypergraph) -> Longs:
    return np.where(limits < FREE, limits + SLACK * (graph.load.max(axis=0) - 1), FREE)


def _cut_order(graph: Hypergraph, limits: Longs) -> Ints:
    """Nodes in their order, as many to the left as it is meant to take."""
    share = limits[0, 0] / (limits[0, 0] + limits[1, 0])
    right: Ints = (np.cumsum(graph.load[:, 0]) > share * graph.load[:, 0].sum()).astype(np.int32)
    return right
