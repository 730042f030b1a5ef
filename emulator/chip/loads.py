"""Loads: how many packets go over each link, known from where they set out and where they go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.grid import ARRIVED, EAST, N_SIDES, NORTH, SOUTH, STEP, WEST
from emulator.chip.routing import Routing

Ints = NDArray[np.integer[Any]]


def link_loads(routing: Routing, src: Ints, dst: Ints, n_packets: NDArray[Any]) -> NDArray[Any]:
    """[n_tiles, 4]: grants of each link when n_packets[i] go from tile src[i] to tile dst[i], int64; float64
    if they are expected numbers. Every destination is one that is reached.

    Along a line all packets are added where they enter and taken off where they leave; sums from one end to
    the other are the loads.
    """
    src, dst = np.asarray(src, dtype=np.int64), np.asarray(dst, dtype=np.int64)
    n_packets = np.asarray(n_packets)
    kind = np.float64 if n_packets.dtype.kind == "f" else np.int64
    if routing.table is not None:
        return _walked(routing, src, dst, n_packets.astype(kind))
    width, height = routing.grid.width, routing.grid.height
    (y, x), (to_y, to_x) = np.divmod(src, width), np.divmod(dst, width)
    x_first = routing.is_x_first(x, to_x)
    row, column = np.where(x_first, y, to_y), np.where(x_first, to_x, x)
    loads: NDArray[Any] = np.zeros((N_SIDES, height, width), dtype=kind)
    for side, is_on, line, low, high in (
        (EAST, to_x > x, row, x, to_x),  # links of tiles x .. to_x - 1
        (WEST, to_x < x, row, to_x + 1, x + 1),
        (NORTH, to_y > y, column, y, to_y),
        (SOUTH, to_y < y, column, to_y + 1, y + 1),
    ):
        n_lines, length = (height, width) if side in (EAST, WEST) else (width, height)
        change: NDArray[Any] = np.zeros(n_lines * (length + 1), dtype=kind)
        for at, sign in ((low, 1), (high, -1)):
            place = (line * (length + 1) + at)[is_on]
            change += sign * _added_up(place, n_packets[is_on], len(change)).astype(kind)
        along = change.reshape(n_lines, length + 1).cumsum(axis=1)[:, :length]
        loads[side] = along if side in (EAST, WEST) else along.T
    return loads.reshape(N_SIDES, -1).T.copy()


def _added_up(place: Ints, values: NDArray[Any], n: int) -> NDArray[Any]:
    """[n]: sum of the values at each place. The sums of integers are exact up to 2**53."""
    return np.asarray(np.bincount(place, values, minlength=n))


def _walked(routing: Routing, tile: Ints, dst: Ints, n_packets: NDArray[Any]) -> NDArray[Any]:
    """All ways followed in step."""
    loads = np.zeros((routing.grid.n_tiles, N_SIDES), dtype=n_packets.dtype)
    for moving, at, side in steps(routing, tile, dst):
        np.add.at(loads, (at, side), n_packets[moving])
    return loads


def steps(routing: Routing, tile: Ints, dst: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Ways of packets from tile[i] to dst[i], all in step: (i of those still on their way, tiles they are at,
    sides they leave by)."""
    tile, dst = np.asarray(tile, dtype=np.int64), np.asarray(dst, dtype=np.int64)
    ahead = np.array([dx + dy * routing.grid.width for dx, dy in STEP], dtype=np.int64)
    moving = np.arange(len(tile))
    while True:
        side = routing.next_sides(tile, dst)
        going = side != ARRIVED
        moving, tile, dst, side = moving[going], tile[going], dst[going], side[going]
        if not len(moving):
            return
        yield moving, tile, side
        tile = tile + ahead[side]
