"""Routing: which output of a router a packet takes. Deterministic, by tile and destination tile alone.

`xy`, `yx` and `west_first` are minimal and run along x and y in at most two legs; what a fault cuts, they do
not reach. `table` is made for the links and routers that are alive (`updown`). Ports of a router: E, W, N, S
in the order of `DIRECTIONS`, then one per core of the tile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.grid import ARRIVED, EAST, NO_WAY, NORTH, SOUTH, WEST, Grid
from emulator.chip.updown import updown_table

Ints = NDArray[np.integer[Any]]
Table = NDArray[np.int8]

X_FIRST, Y_FIRST, WEST_FIRST, BY_TABLE = range(4)
CODES = {"xy": X_FIRST, "yx": Y_FIRST, "west_first": WEST_FIRST, "table": BY_TABLE}
"""Routing -> the integer that the compiled blocks know it by."""

MAX_TABLE_TILES = 4096  # a table has the square of it in bytes

_TURNS = {
    "xy": {EAST: (EAST, NORTH, SOUTH), WEST: (WEST, NORTH, SOUTH), NORTH: (NORTH,), SOUTH: (SOUTH,)},
    "yx": {EAST: (EAST,), WEST: (WEST,), NORTH: (NORTH, EAST, WEST), SOUTH: (SOUTH, EAST, WEST)},
    "west_first": {
        EAST: (EAST,),
        WEST: (WEST, NORTH, SOUTH),
        NORTH: (NORTH, EAST),
        SOUTH: (SOUTH, EAST),
    },
}
"""Links that a packet takes after one in each direction. Each such pair is the whole way of some packet."""


@dataclass(frozen=True, eq=False)
class Routing:
    """The ways through one mesh."""

    order: str  # of CODES
    grid: Grid  # with what of it is alive
    table: Table | None  # int8 [n_tiles, n_tiles] side by (tile, destination), ARRIVED, NO_WAY; for `table`

    @property
    def code(self) -> int:
        return CODES[self.order]

    def flat_table(self) -> Table:
        """int8 [n_tiles * n_tiles], or [0]: the table as the compiled blocks take it."""
        return np.zeros(0, dtype=np.int8) if self.table is None else self.table.ravel()

    def next_side(self, tile: int, to_tile: int) -> int:
        """Side by which a packet leaves a tile, or ARRIVED. Asked only on a way that there is."""
        if self.table is not None:
            return int(self.table[tile, to_tile])
        (y, x), (to_y, to_x) = divmod(tile, self.grid.width), divmod(to_tile, self.grid.width)
        along_x = EAST if to_x > x else WEST
        along_y = NORTH if to_y > y else SOUTH
        if to_x == x:
            return ARRIVED if to_y == y else along_y
        x_first = self.order == "xy" or (self.order == "west_first" and to_x < x)
        return along_x if to_y == y or x_first else along_y

    def next_sides(self, tiles: Ints, to_tiles: Ints) -> Ints:
        """int64 [n]: `next_side` of each pair of tiles."""
        if self.table is not None:
            return self.table[tiles, to_tiles].astype(np.int64)
        (y, x), (to_y, to_x) = np.divmod(tiles, self.grid.width), np.divmod(to_tiles, self.grid.width)
        along_x = np.where(to_x > x, EAST, WEST)
        along_y = np.where(to_y > y, NORTH, SOUTH)
        straight = np.where(to_x == x, np.where(to_y == y, ARRIVED, along_y), along_x)
        turns = np.where(self.is_x_first(x, to_x), along_x, along_y)
        return np.where((to_x != x) & (to_y != y), turns, straight)

    def route(self, src: int, dst: int) -> Iterator[tuple[int, int]]:
        """Links (tile, side) from tile to tile, in order."""
        tile = src
        while (side := self.next_side(tile, dst)) != ARRIVED:
            assert side != NO_WAY, f"tile {tile} has no way to tile {dst}"
            yield tile, side
            tile = self.grid.neighbour(tile, side)

    @property
    def reaches_all(self) -> bool:
        """Whether every tile reaches every other, because nothing is dead."""
        return self.grid.is_whole

    def reaches(self, src: Ints, dst: Ints) -> NDArray[np.bool_]:
        """bool [n]: whether a packet from tile src[i] gets to tile dst[i]."""
        src, dst = np.asarray(src, dtype=np.int64), np.asarray(dst, dtype=np.int64)
        if self.table is not None:
            return np.asarray(self.table[src, dst] != NO_WAY)
        if self.grid.is_whole:
            return np.ones(len(src), dtype=np.bool_)
        (y, x), (to_y, to_x) = np.divmod(src, self.grid.width), np.divmod(dst, self.grid.width)
        x_first = self.is_x_first(x, to_x)
        corner_x, corner_y = np.where(x_first, to_x, x), np.where(x_first, y, to_y)
        cut = np.zeros(len(src), dtype=np.bool_)
        for first, second in (((x, y), (corner_x, corner_y)), ((corner_x, corner_y), (to_x, to_y))):
            cut |= self._n_dead_along(first, second) > 0
        alive = self.grid.tiles
        return np.asarray(~cut & alive[src] & alive[dst])

    def is_x_first(self, x: Ints, to_x: Ints) -> NDArray[np.bool_]:
        """bool [n]: whether a way's first leg is the one along x; not for `table`."""
        return (
            np.asarray(to_x < x) if self.order == "west_first" else np.full(np.shape(x), self.order == "xy")
        )

    def arcs(self) -> NDArray[np.bool_]:
        """bool [n_tiles, 4, 4]: whether some packet takes, after the link that leaves the tile on one side,
        the link that leaves the next tile on the other."""
        used = np.zeros((self.grid.n_tiles, len(DIRECTIONS), len(DIRECTIONS)), dtype=np.bool_)
        for side in range(len(DIRECTIONS)):
            tiles = np.flatnonzero(self.grid.links[:, side])
            after = self.grid.neighbours(tiles, side)
            if self.table is None:
                for turn in _TURNS[self.order][side]:
                    used[tiles, side, turn] = self.grid.links[after, turn]
                continue
            for tile, following in zip(tiles.tolist(), after.tolist(), strict=True):
                ways = self.table[following][self.table[tile] == side]
                seen = np.bincount(ways, minlength=NO_WAY + 1)[: len(DIRECTIONS)]
                used[tile, side] = seen > 0
        return used

    def _n_dead_along(self, begin: tuple[Ints, Ints], end: tuple[Ints, Ints]) -> Ints:
        """Dead links on straight legs from begin (x, y) to end."""
        (x, y), (to_x, to_y) = begin, end
        total = np.zeros(len(x), dtype=np.int64)
        shape = (self.grid.height, self.grid.width, len(DIRECTIONS))
        dead = np.zeros((shape[0] + 1, shape[1] + 1, shape[2]), dtype=np.int64)
        dead[1:, 1:] = self.grid.cut.reshape(shape)
        along_x, along_y = np.cumsum(dead, axis=1), np.cumsum(dead, axis=0)
        for side, is_on, low, high in (
            (EAST, to_x > x, x, to_x),  # links of tiles x .. to_x - 1
            (WEST, to_x < x, to_x + 1, x + 1),
            (NORTH, to_y > y, y, to_y),
            (SOUTH, to_y < y, to_y + 1, y + 1),
        ):
            on = np.flatnonzero(is_on)
            rows = along_x[y[on] + 1, :, side] if side in (EAST, WEST) else along_y[:, x[on] + 1, side].T
            total[on] += rows[np.arange(len(on)), high[on]] - rows[np.arange(len(on)), low[on]]
        return total


@lru_cache(maxsize=8)
def make_routing(order: str, grid: Grid, given: bytes | None = None) -> Routing:
    """The routing of that name on a mesh; the latest few are kept, for they never change.

    given: the bytes of a table to take as it is, whatever it leads to; for tests of what finds that out.
    """
    if given is not None:
        return Routing("table", grid, np.frombuffer(given, dtype=np.int8).reshape(grid.n_tiles, grid.n_tiles))
    return Routing(order, grid, updown_table(grid) if order == "table" else None)
