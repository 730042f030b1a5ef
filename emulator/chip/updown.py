"""Routes for a mesh with dead links and routers: up*/down*, by (tile, destination).

Every tile has a height: its distance from the root of its part of the mesh over links that work both ways. A
packet climbs towards lower heights and then only descends, so that no cycle of channels can wait for itself
(Schroeder et al., "Autonet", 1991). On a whole mesh the root is the south-west corner and up is west and
south: negative-first, the turn model of Glass and Ni (1992), and minimal. A tile from which the destination
lies below descends; any other climbs; so the way on depends on tile and destination alone.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from emulator.chip.grid import ARRIVED, N_SIDES, NO_WAY, OPPOSITE, Grid

_FAR = 2**14  # links: longer than any way, and twice of it is an int16 still


def updown_table(grid: Grid) -> NDArray[np.int8]:
    """int8 [n_tiles, n_tiles]: side, ARRIVED or NO_WAY by (tile, destination).

    Complete among tiles that links alive in both directions join; links alive in one direction only are used
    where they lead up or down.
    """
    heights = _heights(grid)
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


def _heights(grid: Grid) -> NDArray[np.int64]:
    """int64 [n_tiles]: distance from the lowest tile id of each part over links that work both ways. Parts
    follow each other, so that no height of one lies between two of another."""
    height = np.full(grid.n_tiles, -1, dtype=np.int64)
    base = 0
    for root in range(grid.n_tiles):
        if height[root] >= 0:
            continue
        height[root] = base
        waiting = deque([root])
        while waiting:
            tile = waiting.popleft()
            for side in range(N_SIDES):
                if not grid.links[tile, side]:
                    continue
                neighbour = grid.neighbour(tile, side)
                if height[neighbour] < 0 and grid.links[neighbour, OPPOSITE[side]]:
                    height[neighbour] = height[tile] + 1
                    waiting.append(neighbour)
        base = int(height.max()) + 1
    return height
