"""Choose: several placements by effort, of which the best is kept.

fast      the order of the bins, a Hilbert curve and spectral coordinates, each improved by swaps
default   annealing beside them, from hot and from warm
best      annealing several times, for longer

Hot is the mean traffic of a bin: it finds orders that swaps do not come to. Warm keeps the shape of the start
and mends what is wrong in it, which is better where spectral coordinates tell the shape of a large network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from emulator.chip.loads import link_loads
from emulator.chip.spec import ChipSpec
from emulator.compiler.blocks import place
from emulator.compiler.placing.ground import Ground, ground_of
from emulator.compiler.placing.starts import along_curve, by_spectrum
from emulator.compiler.placing.traffic import Traffic

Ints = NDArray[np.integer]
Progress = Callable[[int, int], None]  # called with what is done, and all there is to do

MAX_SPECTRAL = 10_000  # free bins; more are placed along the Hilbert curve and swapped, no more
CHUNK_VISITS = 20_000_000  # of annealing at a time
DESCENT_VISITS = 40_000_000  # looks at a pair of bins by swaps, some 0.1 s
EVEN_VISITS = 10_000_000  # the same where there is little to gain
ANNEALED = 1000  # parts of an annealing that progress is told in
LEVELS = 120  # temperatures
WARM = 0.7  # first temperature of a warm start, by the mean packets of a pair
COOLEST = 0.1  # last temperature, by the mean packets of a pair
DRAWS = np.rint([-4096 * log((i + 0.5) / 1024) for i in range(1024)]).astype(np.int32)


class Annealing(NamedTuple):
    """From how hot, and for how long at most."""

    is_hot: bool
    moves_per_bin: int
    n_visits: int  # looks at a pair of bins


EFFORTS: dict[str, tuple[Annealing, ...]] = {
    "fast": (),
    "default": (Annealing(True, 20_000, 300_000_000), Annealing(False, 5_000, 100_000_000)),
    "best": (
        *[Annealing(True, 100_000, 4_000_000_000)] * 3,
        *[Annealing(False, 50_000, 2_000_000_000)] * 2,
    ),
}


@dataclass(frozen=True)
class Score:
    """What a placement costs; fields in the order in which they count."""

    n_lost: int  # packets without a way through what is alive
    cost: int  # hops, those to another chip at their price
    max_link: int
    spike_hops: int

    def key(self) -> tuple[int, int, int]:
        return self.n_lost, self.cost, self.max_link


@dataclass(frozen=True, eq=False)
class Found:
    """A placement, and how it was come by."""

    method: str
    core_of: Ints  # int32 [n_bins]
    score: Score


def place_bins(
    traffic: Traffic,
    pinned: Ints,
    chip: ChipSpec,
    seed: int,
    effort: str,
    progress: Progress | None = None,
) -> tuple[Ints, dict[str, Any]]:
    """int32 [n_bins] core of each bin, and what was found: method, hops, load of the busiest link.

    pinned: int32 [n_bins] core, or n_cores of the chip for a free bin. progress: told of the annealing, in
    parts of ANNEALED for each time that there is one.
    """
    first, best = _first_and_best(traffic, pinned, chip, seed, effort, progress)
    return best.core_of, {
        "method": best.method,
        "spike_hops": best.score.spike_hops,
        "spike_hops_sequential": first.score.spike_hops,
        "max_link": best.score.max_link,
        "max_link_sequential": first.score.max_link,
    }


def quick_scores(traffic: Traffic, pinned: Ints, chip: ChipSpec, seed: int) -> tuple[Score, Score]:
    """What bins cost in order, and placed with effort `fast`."""
    first, best = _first_and_best(traffic, pinned, chip, seed, "fast", None)
    return first.score, best.score


def _first_and_best(
    traffic: Traffic, pinned: Ints, chip: ChipSpec, seed: int, effort: str, progress: Progress | None
) -> tuple[Found, Found]:
    ground = ground_of(chip, pinned)
    first = Found("sequential", ground.sequential, score_of(ground, traffic, ground.sequential))
    best = first
    if first.score.cost + first.score.n_lost > 0 and len(ground.free_bins):
        for method, core_of in _candidates(ground, traffic, seed, EFFORTS[effort], progress):
            score = score_of(ground, traffic, core_of)
            no_worse = score.n_lost < first.score.n_lost or score.spike_hops <= first.score.spike_hops
            if no_worse and score.key() < best.score.key():
                best = Found(method, core_of, score)
    return first, best


def score_of(ground: Ground, traffic: Traffic, core_of: Ints) -> Score:
    """Counts the packets of a placement along their ways."""
    chip = ground.chip
    host = np.int32(chip.host_tile * chip.cores.per_tile)
    cores = np.append(core_of, host)
    x, y = ground.places(cores)
    lengths = np.abs(x[traffic.source] - x[traffic.target]) + np.abs(y[traffic.source] - y[traffic.target])
    tiles = ground.tiles(cores)
    from_tile, to_tile, packets = tiles[traffic.source], tiles[traffic.target], traffic.packets
    n_lost = 0
    if not chip.routing.reaches_all:
        arrives = chip.routing.reaches(from_tile, to_tile)
        n_lost = int(packets[~arrives].sum())
        from_tile, to_tile, packets = from_tile[arrives], to_tile[arrives], packets[arrives]
    loads = link_loads(chip.routing, from_tile, to_tile, packets)
    cost = int(lengths.astype(np.int64) @ traffic.packets)
    return Score(n_lost, cost, int(loads.max()), int(loads.sum()))


def _candidates(
    ground: Ground,
    traffic: Traffic,
    seed: int,
    annealings: Sequence[Annealing],
    progress: Progress | None,
) -> Iterator[tuple[str, Ints]]:
    """Placements with the methods that they come from."""

    def cost(core_of: Ints) -> int:
        return _Search(ground, traffic, core_of).cost

    large, even = len(ground.free_bins) > MAX_SPECTRAL, traffic.is_even
    starts = [("swaps", ground.sequential), ("Hilbert curve", along_curve(ground))]
    if not large and not even:
        starts.append(("spectral", by_spectrum(ground, traffic, cost)))
    reached = []
    for method, core_of in starts:
        search = _Search(ground, traffic, core_of)
        search.descend(EVEN_VISITS if even else DESCENT_VISITS)
        reached.append(search)
        yield method, search.core_of
    if large or even:
        return
    start = min(reached, key=lambda search: search.cost).core_of
    for number, annealing in enumerate(annealings):
        search = _Search(ground, traffic, start)
        search.anneal(annealing, _seed_of(seed, number), _part(progress, number, len(annealings)))
        search.descend(DESCENT_VISITS)
        yield "annealing", search.core_of


def _part(progress: Progress | None, number: int, n: int) -> Progress:
    """Of n annealings the one with that number, as a part of them all."""

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(number * ANNEALED + ANNEALED * done // total, n * ANNEALED)

    return tell


def _seed_of(seed: int, number: int) -> int:
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])


class _Search:
    """A placement in the hands of the compiled block."""

    def __init__(self, ground: Ground, traffic: Traffic, core_of: Ints):
        chip, self._ground, self._graph = ground.chip, ground, traffic.graph
        at_core = np.full(chip.n_cores, -2, dtype=np.int32)  # not to be moved to
        at_core[ground.free_cores] = -1
        free = ground.free_bins
        at_core[core_of[free]] = free
        self._cores = np.append(core_of, chip.host_tile * chip.cores.per_tile).astype(np.int32)
        self._search = place.Search(
            *self._graph,
            ground.column_at,
            ground.row_at,
            chip.cores.per_tile,
            self._cores,
            at_core,
            free,
            ground.box(),
        )

    @property
    def core_of(self) -> Ints:
        """int32 [n_bins]"""
        return self._cores[:-1].copy()

    @property
    def cost(self) -> int:
        return int(self._search.cost())

    def descend(self, n_visits: int) -> None:
        """Swaps, within the radius that a tenth of the visits can look at for every bin."""
        per_bin = n_visits // 10 // max(2 * len(self._graph.other), 1)
        tiles = per_bin // self._ground.chip.cores.per_tile
        side = max(self._ground.chip.mesh.width, self._ground.chip.mesh.height)
        self._search.descend(side if tiles >= side**2 else max(int(tiles**0.5) // 2, 1), n_visits)

    def anneal(self, annealing: Annealing, seed: int, progress: Progress) -> None:
        """Moves are fewer where each takes long. In pieces: between two of them Python looks at signals."""
        n_bins, n_pairs = len(self._ground.free_bins), len(self._graph.other)
        per_move = 2 * n_pairs // n_bins + 8
        n_moves = min(annealing.moves_per_bin * n_bins, annealing.n_visits // per_move)
        packets = float(self._graph.packets.sum())
        of_pair = packets / n_pairs * self._ground.length_of_hop
        hottest = packets / n_bins * self._ground.length_of_hop if annealing.is_hot else WARM * of_pair
        coolest = max(COOLEST * packets / n_pairs, 1 / 256)
        ratio = exp(log(min(coolest / hottest, 1.0)) / LEVELS)
        of_level = max(n_moves // LEVELS, 1)
        self._search.heat(LEVELS, of_level, max(round(hottest * 256), 1), round(ratio * 65536), seed, DRAWS)
        left = of_level * LEVELS
        while left:
            left = self._search.anneal(max(CHUNK_VISITS // per_move, 1))
            progress(of_level * LEVELS - left, of_level * LEVELS)
