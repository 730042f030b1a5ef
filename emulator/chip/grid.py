"""Grid: tiles and directed links of a mesh, and which of them are alive. x grows east, y grows north."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

N_SIDES = len(DIRECTIONS)
EAST, WEST, NORTH, SOUTH = range(N_SIDES)
OPPOSITE = (WEST, EAST, SOUTH, NORTH)
STEP = ((1, 0), (-1, 0), (0, 1), (0, -1))
ARRIVED, NO_WAY = N_SIDES, N_SIDES + 1
"""What a routing says beside sides."""


@dataclass(frozen=True)
class Grid:
    """Size of a mesh and what of it is dead. Equal grids have equal routes."""

    width: int
    height: int
    dead_tiles: frozenset[int] = frozenset()
    dead_links: frozenset[tuple[int, int]] = frozenset()  # (tile, side) that the link leaves

    @property
    def n_tiles(self) -> int:
        return self.width * self.height

    @property
    def is_whole(self) -> bool:
        """Whether nothing is dead."""
        return not (self.dead_tiles or self.dead_links)

    def neighbour(self, tile: int, side: int) -> int:
        """The tile at the other end of a link that exists."""
        return tile + STEP[side][0] + STEP[side][1] * self.width

    def neighbours(self, tiles: Ints, side: int) -> Ints:
        """The tiles at the other ends of links that exist."""
        return np.asarray(tiles + (STEP[side][0] + STEP[side][1] * self.width))

    def has_neighbour(self, tile: int, side: int) -> bool:
        """Whether there is a tile on that side."""
        x, y = tile % self.width + STEP[side][0], tile // self.width + STEP[side][1]
        return 0 <= x < self.width and 0 <= y < self.height

    @cached_property
    def tiles(self) -> Bools:
        """bool [n_tiles]: routers that are alive."""
        alive = np.ones(self.n_tiles, dtype=np.bool_)
        alive[list(self.dead_tiles)] = False
        return alive

    @cached_property
    def built(self) -> Bools:
        """bool [n_tiles, 4]: sides with a neighbour."""
        there = np.ones((self.height, self.width, N_SIDES), dtype=np.bool_)
        there[:, -1, EAST] = there[:, 0, WEST] = there[-1, :, NORTH] = there[0, :, SOUTH] = False
        return there.reshape(self.n_tiles, N_SIDES)

    @cached_property
    def links(self) -> Bools:
        """bool [n_tiles, 4]: links that are there and alive, as are the routers at both ends."""
        alive = self.built & self.tiles[:, None]
        for tile, side in self.dead_links:
            alive[tile, side] = False
        for tile in self.dead_tiles:
            for side in range(N_SIDES):
                if self.has_neighbour(tile, side):
                    alive[self.neighbour(tile, side), OPPOSITE[side]] = False
        return alive

    @cached_property
    def cut(self) -> Bools:
        """bool [n_tiles, 4]: links that are there but dead."""
        return self.built & ~self.links
