"""Lossy links: which packets cross them, and the draws that decide.

A draw is named by seed, sample, tick, source, the packet's number among those the source sends in the tick
(without those dropped at once) and link; so none depends on when the packet travels, or on any other packet.
A source is a core id, n_cores for the host port, or a tile in a run of the mesh alone; a link is
tile * 4 + side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import philox
from emulator.chip.board import border_links
from emulator.chip.events import DIRECTIONS
from emulator.chip.grid import ARRIVED, N_SIDES, STEP
from emulator.chip.spec import ChipSpec

Longs = NDArray[np.int64]
Ints = NDArray[np.integer[Any]]


def thresholds(chip: ChipSpec) -> Longs:
    """int64 [n_tiles, 4]: a packet is lost if its 32-bit draw is below; 0: the link is sound."""
    table = np.zeros((chip.n_tiles, N_SIDES), dtype=np.int64)
    for link in chip.mesh.faults.lossy if chip.mesh.faults is not None else ():
        tile = link.y * chip.mesh.width + link.x
        table[tile, DIRECTIONS.index(link.side)] = round(link.probability * 2**32)
    return table


@dataclass(frozen=True)
class Lottery:
    """The draws of one tick."""

    seed: int
    sample: int = 0
    tick: int = 0  # counted over all runs that went on from each other

    def loses(self, source: Any, number: Any, link: Any, threshold: Any) -> Any:
        """Whether a link loses a packet; ints, or arrays of them."""
        key = philox.link_key(self.seed, source, link)
        return philox.link_draw(key, number, self.sample, self.tick) < threshold


@dataclass(frozen=True, eq=False)
class Crossings:
    """Lossy links on the ways of some packets: by way, and on a way in order."""

    way: Longs  # [n] place in the arrays asked for
    link: Longs  # [n]
    threshold: Longs  # [n]
    left: Longs  # [n, 5] grants that come after on the way: E, W, N, S, and of these to another chip


def crossings_of(chip: ChipSpec, src: Ints, dst: Ints) -> Crossings:
    """Follows the ways from tile src[i] to tile dst[i], which there are, all in step."""
    limits, border = thresholds(chip), border_links(chip)
    step = np.array([dx + dy * chip.mesh.width for dx, dy in STEP], dtype=np.int64)
    n_hops = np.zeros((len(src), N_SIDES + 1), dtype=np.int64)
    way, tile, goal = np.arange(len(src)), np.array(src, dtype=np.int64), np.array(dst, dtype=np.int64)
    found = []
    while len(way):
        side = chip.routing.next_sides(tile, goal)
        going = side != ARRIVED
        way, tile, goal, side = way[going], tile[going], goal[going], side[going]
        n_hops[way, side] += 1
        n_hops[way, N_SIDES] += border[tile, side]
        hit = np.flatnonzero(limits[tile, side])
        found.append(
            (way[hit], tile[hit] * N_SIDES + side[hit], limits[tile[hit], side[hit]], n_hops[way[hit]])
        )
        tile = tile + step[side]
    empty = np.zeros(0, dtype=np.int64)
    found.append((empty, empty, empty, n_hops[:0]))
    ways, links, below, before = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(ways, kind="stable")
    ways = ways[order]
    return Crossings(ways, links[order], below[order], n_hops[ways] - before[order])
