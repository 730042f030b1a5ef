"""Multilevel: parts of the smallest level by bisection, made better on the way back to single neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emulator.compiler.blocks import parts
from emulator.compiler.parting.hypergraph import Hypergraph
from emulator.compiler.parting.levels import Ladder, ladder_of
from emulator.compiler.parting.windows import Loads, only, refine

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Progress = Callable[[int, int], None]

FREE = 2**60  # no limit
PER_PART = 160  # nodes of the smallest level
BISECTED = 300  # nodes of the smallest level of a bisection
N_FIRST = 4  # sharings out of the smallest level, of which the best is gone on with,
FIRST_PINS = 3_000_000  # as far as these go
N_TRIES = 8  # beginnings of a bisection
SLACK = 2  # times the largest node of a level that a part may hold beyond its limit until the next level
CUT_PINS = 300_000  # that a cut in two looks at; later levels make up for it
PINS_PER_NODE = 100  # that are enough for that
FEW_VISITS = 4000  # pins that are looked at for the cluster of a node, in a cut and where parts are known
EVEN = 0.5  # of the room that is left over, what each bisection may use
UNEVEN = 0.04  # of its share, what a side may have more of where axons or memory are limited
N_SEARCHES = 3  # in a level, while they gain
WORTH = 2000  # a search that gains less than a 2000th is the last of its level
DENSE = 24  # parts that are always made better all at once
FEW_CELLS = 2_000_000  # nodes x parts, of which the same is true
N_PASSES = 2  # over all parts, in windows
ROOM = 1.02  # parts, by the least that could hold all
N_WIDER = 10  # times that more parts are begun with
N_SPLITS = 24  # times in a level that parts are cut in two because they hold too much,
N_COARSE_SPLITS = 8  # and in a level that finer ones follow


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


@dataclass(frozen=True, eq=False)
class _Found:
    part: Ints
    n_parts: int
    cost: int

    def beats(self, other: _Found | None) -> bool:
        return other is None or (self.n_parts, self.cost) < (other.n_parts, other.cost)


def find_parts(
    graph: Hypergraph, bounds: Bounds, seed: int, effort: Effort, n_most: int, progress: Progress
) -> Ints | None:
    """int32 [n_nodes] part of each node, as few parts as seem to do; None if n_most do not."""
    best: _Found | None = None
    for start in range(effort.n_starts):
        search = _Search(bounds, n_most, effort.n_visits, np.random.default_rng((seed, start)))
        found = search.attempt(graph, effort.n_cycles)
        progress(start + 1, effort.n_starts)
        if found is not None and found.beats(best):
            best = found
    return None if best is None else best.part


def _least(graph: Hypergraph, bounds: Bounds) -> int:
    """The parts that what is known ahead needs."""
    total = graph.load.sum(axis=0)
    least = [-(-int(total[0]) // int(bounds.limits[0]))]
    least += [int(ROOM * total[i] / bounds.limits[i]) + 1 for i in range(1, 4) if bounds.limits[i] < FREE]
    return max(*least, 1)


@dataclass(frozen=True, eq=False)
class _Search:
    bounds: Bounds
    n_most: int  # parts
    n_visits: int
    rng: np.random.Generator

    def attempt(self, graph: Hypergraph, n_cycles: int) -> _Found | None:
        n_parts = _least(graph, self.bounds)
        if n_parts > self.n_most:
            return None
        nowhere = np.zeros(graph.n_nodes, dtype=np.int32)
        ladder = self._ladder(graph, n_parts, nowhere, self.n_visits)
        found = self._climbed(ladder, self._first(ladder, n_parts))
        for _ in range(n_cycles if found is not None else 0):
            assert found is not None
            ladder = self._ladder(graph, found.n_parts, found.part, FEW_VISITS)
            smallest = self._fitting(ladder.smallest, ladder.part, found.n_parts, _slack(ladder, 0))
            again = self._climbed(ladder, smallest)
            if again is not None and again.beats(found):
                found = again
        return found

    def _ladder(self, graph: Hypergraph, n_parts: int, part: Ints, n_visits: int) -> Ladder:
        bounds = self.bounds
        return ladder_of(
            graph, PER_PART * n_parts, part, self.rng, n_visits, bounds.header_bits, bounds.is_vector
        )

    def _first(self, ladder: Ladder, n_parts: int) -> _Found | None:
        """Parts of the smallest level, the best of some; with more where they are too few."""
        graph, slack = ladder.smallest, _slack(ladder, 0)
        n_tries = min(N_FIRST, FIRST_PINS // max(len(graph.pin), 1))
        for _ in range(N_WIDER if n_tries > 1 else 0):
            best, more = None, 0
            for _ in range(n_tries):
                part = _bisected(graph, n_parts, self.bounds, self.rng)
                found, filled, short = self._made_better(graph, part, n_parts, slack, None)
                n_full = int((filled > 1).sum())
                if n_full or short > 0:
                    more = max(short, -(-n_full // 8))
                    break
                if found.beats(best):
                    best = found
            if best is not None:
                return best
            if n_parts + more > self.n_most:
                break
            n_parts += more
        return self._fitting(graph, _bisected(graph, n_parts, self.bounds, self.rng), n_parts, slack)

    def _climbed(self, ladder: Ladder, found: _Found | None) -> _Found | None:
        """From parts of the smallest level to the finest, better at each."""
        for number, (graph, cluster_of) in enumerate(reversed(ladder.steps)):
            if found is None:
                return None
            part = np.ascontiguousarray(found.part[cluster_of])
            found = self._fitting(graph, part, found.n_parts, _slack(ladder, number + 1))
        return found

    def _fitting(self, graph: Hypergraph, part: Ints, n_parts: int, slack: int) -> _Found | None:
        """Makes parts better; those that hold too much all the same are cut in two, as few as will do."""
        hot = None
        for number in range(N_SPLITS):
            found, filled, short = self._made_better(graph, part, n_parts, slack, hot)
            beyond = filled[filled > 1] - 1
            if len(beyond) == 0 and short <= 0:
                return found
            if slack and short <= 0 and number >= N_COARSE_SPLITS:
                return found  # smaller nodes can be shared out better
            n_new = max(short, int(np.ceil(beyond.sum())), len(beyond) // 4)
            full = self._fullest(part, filled, n_new, short > 0)
            if len(full) == 0 and slack:
                return found
            if len(full) == 0 or n_parts + len(full) > self.n_most:
                return None
            self._split(graph, part, full, n_parts)
            hot = np.zeros(n_parts + len(full), dtype=np.bool_)
            hot[full] = hot[n_parts:] = True
            n_parts += len(full)
        return None

    def _made_better(
        self, graph: Hypergraph, part: Ints, n_parts: int, slack: int, hot: NDArray[np.bool_] | None
    ) -> tuple[_Found, NDArray[np.float64], int]:
        """Parts after moves, how full each is (1: to a limit), and how many more all would take together."""
        limits = self.bounds.of_parts(n_parts, graph, slack)
        found = _better(graph, part, limits, self.bounds, self.rng, hot)
        short = _needed(found.loads, self.bounds) - n_parts
        return _Found(part, n_parts, found.cost), (found.loads / limits).max(axis=1), short

    @staticmethod
    def _fullest(part: Ints, filled: NDArray[np.float64], n: int, any_part: bool) -> Ints:
        """At most n parts of more than one node, the fullest first; any_part: full or not."""
        can = np.bincount(part, minlength=len(filled)) > 1
        which = np.flatnonzero(can & ((filled > 1) | any_part))
        return which[np.argsort(-filled[which], kind="stable")][:n]

    def _split(self, graph: Hypergraph, part: Ints, which: Ints, n_parts: int) -> None:
        """Cuts parts in two; the new ones are numbered from n_parts on."""
        for number, one in enumerate(which.tolist()):
            here = np.flatnonzero(part == one).astype(np.int32)
            side = _cut(only(graph, here), 1, 1, self.bounds, self.rng)
            if side.min() == side.max():  # nodes too large to be shared out evenly
                side = (np.arange(len(here)) >= len(here) // 2).astype(np.int32)
            part[here[side == 1]] = n_parts + number


def _slack(ladder: Ladder, number: int) -> int:
    """Of a level, counted from the smallest."""
    return SLACK if number < len(ladder.steps) else 0


def _better(
    graph: Hypergraph,
    part: Ints,
    limits: Longs,
    bounds: Bounds,
    rng: np.random.Generator,
    hot: NDArray[np.bool_] | None,
) -> Loads:
    """Moves nodes between parts, in place. hot: parts to look at, None: all; limits: int64 [n_parts, 4]."""
    header, vector = bounds.header_bits, bounds.is_vector

    def work_on(work: parts.Parts, n_nodes: int) -> None:
        work.relieve()
        work.improve(rng.permutation(n_nodes).astype(np.int32), 3)
        _search(work, max(200, n_nodes // 20))
        work.relieve()

    if len(limits) <= DENSE or len(limits) * graph.n_nodes <= FEW_CELLS:
        work = graph.parts(part, limits, header, vector)
        work_on(work, graph.n_nodes)
        return Loads(work.loads(), int(work.cost()))
    return refine(graph, part, limits, header, vector, N_PASSES, hot, work_on)


def _search(work: parts.Parts, patience: int) -> None:
    for _ in range(N_SEARCHES):
        if work.search(patience) * WORTH <= work.cost():
            break


def _needed(loads: Longs, bounds: Bounds) -> int:
    """Parts that would take together what these take."""
    taken = loads.sum(axis=0)
    vector = ROOM * taken[1:] / bounds.limits[1:]
    return max(-(-int(taken[0]) // int(bounds.limits[0])), int(vector.max()) + 1)


def _bisected(graph: Hypergraph, n_parts: int, bounds: Bounds, rng: np.random.Generator) -> Ints:
    """int32 [n_nodes]: cut in two, and each half again."""
    if n_parts == 1:
        return np.zeros(graph.n_nodes, dtype=np.int32)
    n_left = n_parts // 2
    side = _cut(graph, n_left, n_parts - n_left, bounds, rng)
    part = side.copy()
    for number, n, first in ((0, n_left, 0), (1, n_parts - n_left, n_left)):
        here = np.flatnonzero(side == number).astype(np.int32)
        part[here] = first
        if n > 1 and len(here):
            part[here] += _bisected(only(graph, here), n, bounds, rng)
    return part


def _cut(graph: Hypergraph, n_left: int, n_right: int, bounds: Bounds, rng: np.random.Generator) -> Ints:
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
    graph = graph.sampled(min(CUT_PINS, PINS_PER_NODE * graph.n_nodes), rng)
    if graph.n_nets == 0:
        return _cut_order(graph, limits)
    nowhere = np.zeros(graph.n_nodes, dtype=np.int32)
    ladder = ladder_of(graph, BISECTED, nowhere, rng, FEW_VISITS, 0, False)
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
