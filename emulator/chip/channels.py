"""The channel dependency graph of a routing, and whether it has a cycle.

A packet that holds a slot at the end of one link waits for a slot at the end of the next. Links are the
nodes; every pair of links that some packet takes one after the other is an arc. Without a cycle somebody can
always move (Dally and Seitz, 1987); with one, packets can wait for each other forever.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.grid import N_SIDES, STEP, Grid
from emulator.chip.routing import Routing, make_routing

Longs = NDArray[np.int64]
Ints = NDArray[np.integer[Any]]
Channel = tuple[int, int]  # tile, and the side by which its link leaves it


@lru_cache(maxsize=256)
def cycle_of(routing: str, grid: Grid, given: bytes | None = None) -> tuple[Channel, ...]:
    """A cycle of the routing of that name, which any shipped one is free of; () if there is none."""
    return topological_order(make_routing(routing, grid, given))[1]


def topological_order(routing: Routing) -> tuple[Longs, tuple[Channel, ...]]:
    """All channels, tile * 4 + side, such that each comes before those that its packets take next; links that
    nobody takes are among them. If the graph has a cycle: the channels before it, and the cycle."""
    arcs = routing.arcs().reshape(-1, N_SIDES)  # by channel and side of the next link
    step = np.array([dx + dy * routing.grid.width for dx, dy in STEP], dtype=np.int32)
    tile, side = np.divmod(np.arange(len(arcs), dtype=np.int32), N_SIDES)
    following = np.asarray(
        N_SIDES * (tile + step[side])[:, None] + np.arange(N_SIDES, dtype=np.int32), np.int32
    )
    n_before = np.bincount(following[arcs], minlength=len(arcs))
    ready = np.flatnonzero(n_before == 0)
    levels = []
    while len(ready):
        levels.append(ready)
        after = following[ready][arcs[ready]]
        np.subtract.at(n_before, after, 1)
        ready = np.unique(after[n_before[after] == 0])
    order = np.concatenate(levels) if levels else np.zeros(0, dtype=np.int64)
    if len(order) == len(arcs):
        return order, ()
    return order, _cycle(np.flatnonzero(n_before), following, arcs)


def _cycle(left: Longs, following: Ints, arcs: NDArray[np.bool_]) -> tuple[Channel, ...]:
    """A cycle among the channels left over, each of which comes after another one of them."""
    is_left = np.zeros(len(arcs), dtype=np.bool_)
    is_left[left] = True
    before = np.full(len(arcs), -1, dtype=np.int64)
    for channel in left.tolist():
        for after in following[channel][arcs[channel]].tolist():
            before[after] = channel
    seen: dict[int, int] = {}  # channel -> its place on the walk backwards
    at = int(left[0])
    while at not in seen:
        seen[at] = len(seen)
        at = int(before[at])
    cycle = list(seen)[seen[at] :][::-1]
    start = cycle.index(min(cycle))
    return tuple(divmod(channel, N_SIDES) for channel in cycle[start:] + cycle[:start])


def channels_text(channels: Sequence[Channel], width: int) -> str:
    """A cycle of channels as people read it: (x, y) E -> ... and back to the first."""
    names = [f"({tile % width}, {tile // width}) {DIRECTIONS[side]}" for tile, side in channels]
    return " -> ".join([*names, names[0]])
