"""Loads: how many packets go over each link, known from where they set out and where they go."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.grid import ARRIVED, EAST, N_SIDES, NORTH, SOUTH, STEP, WEST
from emulator.chip.routing import Routing

Longs = NDArray[np.int64]
Ints = NDArray[np.integer[Any]]


def link_loads(routing: Routing, src: Ints, dst: Ints, n_packets: Ints) -> Longs:
    """int64 [n_tiles, 4]: grants of each link when n_packets[i] go from tile src[i] to tile dst[i]. Every
    destination is one that is reached."""
    src, dst = np.asarray(src, dtype=np.int64), np.asarray(dst, dtype=np.int64)
    n_packets = np.asarray(n_packets, dtype=np.int64)
    if routing.table is not None:
        return _walked(routing, src, dst, n_packets)
    width, height = routing.grid.width, routing.grid.height
    (y, x), (to_y, to_x) = np.divmod(src, width), np.divmod(dst, width)
    x_first = routing.is_x_first(x, to_x)
    row, column = np.where(x_first, y, to_y), np.where(x_first, to_x, x)
    change = np.zeros((height + 1, width + 1, N_SIDES), dtype=np.int64)
    for side, is_on, low, high in (
        (EAST, to_x > x, x, to_x),  # links of tiles x .. to_x - 1
        (WEST, to_x < x, to_x + 1, x + 1),
        (NORTH, to_y > y, y, to_y),
        (SOUTH, to_y < y, to_y + 1, y + 1),
    ):
        for at, sign in ((low, 1), (high, -1)):
            place = (row, at) if side in (EAST, WEST) else (at, column)
            np.add.at(change[..., side], (place[0][is_on], place[1][is_on]), sign * n_packets[is_on])
    np.cumsum(change[..., :NORTH], axis=1, out=change[..., :NORTH])
    np.cumsum(change[..., NORTH:], axis=0, out=change[..., NORTH:])
    return np.ascontiguousarray(change[:-1, :-1]).reshape(routing.grid.n_tiles, N_SIDES)


def _walked(routing: Routing, tile: Ints, dst: Ints, n_packets: Ints) -> Longs:
    """All ways followed in step."""
    assert routing.table is not None
    step = np.array([dx + dy * routing.grid.width for dx, dy in STEP], dtype=np.int64)
    loads = np.zeros((routing.grid.n_tiles, N_SIDES), dtype=np.int64)
    while True:
        side = routing.table[tile, dst]
        going = side != ARRIVED
        if not going.any():
            return loads
        tile, dst, n_packets, side = tile[going], dst[going], n_packets[going], side[going]
        np.add.at(loads, (tile, side), n_packets)
        tile = tile + step[side]
