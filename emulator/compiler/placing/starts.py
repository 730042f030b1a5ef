"""Starts: placements to improve from, drawn from the order of the bins or from the shape of their traffic."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import chips_of
from emulator.compiler.blocks import place
from emulator.compiler.placing.ground import Ground
from emulator.compiler.placing.traffic import Traffic

Ints = NDArray[np.integer]
Longs = NDArray[np.int64]
Floats = NDArray[np.float64]

ROUNDS = 12  # of inverse iteration; each takes a factor of the gap out of the error
STEPS = 300  # of conjugate gradients at most, in each
STEP_VISITS = 20_000_000  # pairs of bins that the steps of a round may look at
TURNS, FINER = 8, 5  # of a quarter turn, and how often they are halved around the best
GOLDEN = 0.6180339887498949


def along_curve(ground: Ground) -> Ints:
    """int32 [n_bins]: the bins in their order along a Hilbert curve through each chip, near the host port."""
    cores = ground.near_host()
    tiles = ground.tiles(cores)
    y, x = np.divmod(tiles, ground.chip.mesh.width)
    order = np.lexsort((cores, hilbert(x, y), chips_of(ground.chip, tiles)))
    return _placed(ground, cores[order])


def hilbert(x: Ints, y: Ints) -> Longs:
    """int64 [n]: how far along the Hilbert curve of 1024 x 1024 tiles each tile is."""
    x, y = np.array(x, dtype=np.int64), np.array(y, dtype=np.int64)
    length = np.zeros(len(x), dtype=np.int64)
    side = 512
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        length += side * side * ((3 * right) ^ upper)
        turned = right & ~upper
        x, y = np.where(turned, 1023 - x, x), np.where(turned, 1023 - y, y)
        x, y = np.where(upper, x, y), np.where(upper, y, x)
        side //= 2
    return length


def by_spectrum(ground: Ground, traffic: Traffic, cost: Callable[[Ints], int]) -> Ints:
    """int32 [n_bins]: spectral coordinates of the traffic between bins, snapped to cores near the host port.

    A square has no axes that its spectrum could tell from others, so these are sought: ever finer turns, then
    mirrored, as `cost` of the placements will have it.
    """
    first, second = spectral(traffic)[:, ground.free_bins]

    def turned(angle: float) -> tuple[Floats, Floats]:
        return cos(angle) * first - sin(angle) * second, sin(angle) * first + cos(angle) * second

    def cost_at(angle: float) -> int:
        return cost(_snapped(ground, *turned(angle)))

    step = pi / 2 / TURNS
    angle = min((number * step for number in range(TURNS)), key=cost_at)
    for _ in range(FINER):
        step /= 2
        angle = min((angle, angle - step, angle + step), key=cost_at)
    x, y = turned(angle)
    ways = product(((x, y), (y, x)), (1, -1), (1, -1))
    return min((_snapped(ground, sign * u, other * v) for (u, v), sign, other in ways), key=cost)


def spectral(traffic: Traffic) -> Floats:
    """float64 [2, n_bins]: smooth functions over bins: they differ little where there is much traffic."""
    graph, n = traffic.graph_of_bins, traffic.n_bins
    number = np.arange(n)
    vectors = np.stack([number / n - 0.5, np.modf((number + 1) * GOLDEN)[0] - 0.5])
    n_steps = min(STEPS, STEP_VISITS // max(len(graph.other), 1) + 1)
    place.coordinates(graph.indptr[: n + 1], graph.other, graph.packets, vectors, ROUNDS, n_steps)
    return vectors


def _snapped(ground: Ground, x: Floats, y: Floats) -> Ints:
    """Column by column as many bins as it has cores, in the order of x; within a column in that of y."""
    cores = ground.near_host()
    rows, columns = np.divmod(ground.tiles(cores), ground.chip.mesh.width)
    by_column = np.lexsort((cores, rows, columns))
    column = np.empty(len(cores), dtype=np.int64)
    column[np.argsort(x, kind="stable")] = columns[by_column]
    seats = np.empty(len(cores), dtype=np.int32)
    seats[np.lexsort((y, column))] = cores[by_column]
    return _placed(ground, seats)


def _placed(ground: Ground, cores: Ints) -> Ints:
    """The free bins on these cores, in this order; pinned ones where they are."""
    core_of = ground.pinned.astype(np.int32)
    core_of[ground.free_bins] = cores
    return core_of
