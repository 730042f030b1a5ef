"""Routes for a mesh with dead links and routers: up*/down*, by (tile, destination).

Every tile has a height: its distance from the root of its part of the mesh over links that work both ways. A
packet climbs towards lower heights and then only descends, so that no cycle of channels can wait for itself
(Schroeder et al., "Autonet", 1991). On a whole mesh the root is the south-west corner and up is west and
south: negative-first, the turn model of Glass and Ni (1992), and minimal. A tile from which the destination
lies below descends; any other climbs; so the way on depends on tile and destination alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from emulator.chip.grid import ARRIVED, NO_WAY, OPPOSITE, Grid

_FAR = 2**14  # links: longer than any way, and twice of it is an int16 still


def updown_table(grid: Grid) -> NDArray[np.int8]:
    """int8 [n_tiles, n_tiles]: side, ARRIVED or NO_WAY by (tile, destination).

    Complete among tiles that links alive in both directions join. What only links alive in one direction join
    is reached as far as they lead up or down; of a few choices of roots the one that reaches most is taken.
    """
    best = _table(grid, _heights(grid, range(grid.n_tiles)))
    if not grid.dead_links:
        return best
    for roots in _other_roots(grid):
        table = _table(grid, _heights(grid, roots))
        if (table != NO_WAY).sum() > (best != NO_WAY).sum():
            best = table
    return best


def _table(grid: Grid, heights: NDArray[np.int64]) -> NDArray[np.int8]:
    order = np.argsort(heights, kind="stable").tolist()
    table = np.full((grid.n_tiles, grid.n_tiles), NO_WAY, dtype=np.int8)
    n_links = np.full((grid.n_tiles, grid.n_tiles), _FAR, dtype=np.int16)
    for tile in np.flatnonzero(grid.tiles).tolist():
        table[tile, tile], n_links[tile, tile] = ARRIVED, 0
    for tile in reversed(order):
        for side, neighbour in _linked(grid, tile):
            if heights[neighbour] > heights[tile]:
                _shorten(table, n_links, tile, side, n_links[neighbour])
    for tile in order:
        below = table[tile] != NO_WAY
        for side, neighbour in _linked(grid, tile):
            if heights[neighbour] < heights[tile]:
                _shorten(table, n_links, tile, side, np.where(below, np.int16(_FAR), n_links[neighbour]))
    return table


def _other_roots(grid: Grid) -> list[list[int]]:
    """Orders of roots to try where links alive in one direction join parts that none in both does: parts that
    are left by few first, rooted where they are left, so that these links lead up; parts that are entered by
    few first, rooted where they are entered, so that they lead down; and each of them the other way round."""
    part = _parts(grid)
    exits: dict[int, list[int]] = {}
    entries: dict[int, list[int]] = {}
    for tile in range(grid.n_tiles):
        for _, neighbour in _linked(grid, tile):
            if part[neighbour] != part[tile]:
                exits.setdefault(part[tile], []).append(tile)
                entries.setdefault(part[neighbour], []).append(neighbour)
    if not exits:
        return []
    found = []
    for doors in (exits, entries):
        by_number = sorted(set(part), key=lambda one: (len(doors.get(one, ())), one))
        for parts in (by_number, by_number[::-1]):
            found.append([min(doors.get(one, [one])) for one in parts])
    return found


def _parts(grid: Grid) -> list[int]:
    """Of each tile the lowest tile that links alive in both directions join it to."""
    heights = _heights(grid, range(grid.n_tiles))
    ascending = np.argsort(heights, kind="stable").tolist()
    part = list(range(grid.n_tiles))
    for tile in ascending:  # every other tile of a part has a neighbour below it
        for side, neighbour in _linked(grid, tile):
            if grid.links[neighbour, OPPOSITE[side]] and heights[neighbour] < heights[tile]:
                part[tile] = part[neighbour]
    return part


def _linked(grid: Grid, tile: int) -> list[tuple[int, int]]:
    """Sides of the live links that leave a tile, with the tiles they lead to."""
    return [(side, grid.neighbour(tile, side)) for side in np.flatnonzero(grid.links[tile]).tolist()]


def _shorten(
    table: NDArray[np.int8],
    n_links: NDArray[np.int16],
    tile: int,
    side: int,
    n_beyond: NDArray[np.int16],
) -> None:
    """Takes the way by a side, from whose end it is n_beyond [n_tiles] links, wherever it is shorter than
    what is known; so of equal ones the first."""
    n_by_side = n_beyond + np.int16(1)
    shorter = n_by_side < n_links[tile]
    np.copyto(table[tile], np.int8(side), where=shorter)
    np.copyto(n_links[tile], n_by_side, where=shorter)


def _heights(grid: Grid, roots: Iterable[int]) -> NDArray[np.int64]:
    """int64 [n_tiles]: distance from the root of each part over links that work both ways; the root is the
    first of `roots` in it. Parts follow each other in that order, so that no height of one lies between two
    of another."""
    height = np.full(grid.n_tiles, -1, dtype=np.int64)
    base = 0
    for root in roots:
        if height[root] >= 0:
            continue
        height[root] = base
        waiting = deque([root])
        while waiting:
            tile = waiting.popleft()
            for side, neighbour in _linked(grid, tile):
                if height[neighbour] < 0 and grid.links[neighbour, OPPOSITE[side]]:
                    height[neighbour] = height[tile] + 1
                    waiting.append(neighbour)
        base = int(height.max()) + 1
    return height
