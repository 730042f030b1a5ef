"""Packets of a native run, row by row: what the engine knows by sender, told packet by packet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.engine.routes import Routes
from emulator.record import Trace

Ints = NDArray[np.integer[Any]]


class Packets:
    """Collects the packets of each row."""

    def __init__(self, image: Image, routes: Routes, chip: ChipSpec):
        self._image, self._routes = image, routes
        self._n_ports = len(DIRECTIONS) + chip.cores.per_tile
        self._n_packets = 0
        self._rows: list[Trace] = []

    def add(self, row: int, senders: Ints, push_ps: Ints, arrive_ps: Ints, grants: Ints) -> None:
        """senders: slots ascending, then host inputs; each sent a packet per entry with a way, in order.
        grants: of `in_order`."""
        first, end = self._image.entry_ptr[senders], self._image.entry_ptr[senders + 1]
        n = end - first
        # entries first .. end - 1 of each sender, one after the other
        entry = np.arange(n.sum()) + np.repeat(first - (np.cumsum(n) - n), n)
        source = np.repeat(self._routes.core_of_sender[senders], n).astype(np.int32)
        if self._routes.drops is not None:
            has_way = self._routes.drops[entry] == 0
            entry, source = entry[has_way], source[has_way]
        self._rows.append(
            Trace(
                row=np.full(len(entry), row, dtype=np.int64),
                source=source,
                target=self._image.entry_core[entry].astype(np.int32),
                axon=self._image.entry_axon[entry].astype(np.int32),
                push_ps=push_ps,
                arrive_ps=arrive_ps,
                arrived=arrive_ps > 0,
                grants=in_order(grants, self._n_ports, self._n_packets),
            )
        )
        self._n_packets += len(entry)

    def trace(self) -> Trace:
        """All rows as one."""
        empty = np.zeros(0, dtype=np.int64)
        columns = {"row": empty, "push_ps": empty, "arrive_ps": empty, "arrived": empty.astype(np.bool_)}
        columns |= {name: np.zeros(0, dtype=np.int32) for name in ("source", "target", "axon")}
        columns["grants"] = np.zeros((0, 4), dtype=np.int64)
        return Trace(
            **{
                name: np.concatenate([none, *(getattr(part, name) for part in self._rows)])
                for name, none in columns.items()
            }
        )


def in_order(grants: Ints, n_ports: int, first_packet: int = 0) -> NDArray[np.int64]:
    """int64 [n_grants, 4]: packet, tile, output port, ps; by packet on its way. grants: [n_grants, 3] packet,
    port of all routers, ps; first_packet: the number of their packet 0."""
    packet, port, at_ps = grants[np.lexsort((grants[:, 2], grants[:, 0]))].T
    return np.stack([packet + first_packet, *np.divmod(port, n_ports), at_ps], axis=1)
