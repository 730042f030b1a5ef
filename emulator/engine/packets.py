"""Packets of a native run, row by row: what the engine knows by sender, told packet by packet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.engine.routes import Routes
from emulator.record import Trace

Ints = NDArray[np.integer[Any]]


class Packets:
    """Collects the packets of each row."""

    def __init__(self, routes: Routes):
        self._image, self._routes = routes.image, routes
        self._n_packets = 0
        self._rows: list[Trace] = []

    def add(self, row: int, senders: Ints, push_ps: Ints, arrive_ps: Ints, grants: Ints) -> None:
        """senders: slots ascending, then host inputs; each sent a packet per entry with a way: in order, with
        multicast in that of its tree. grants: as `in_order` takes them."""
        first, end = self._image.entry_ptr[senders], self._image.entry_ptr[senders + 1]
        n = end - first
        # entries first .. end - 1 of each sender, one after the other
        entry = np.arange(n.sum()) + np.repeat(first - (np.cumsum(n) - n), n)
        spike = np.repeat(np.arange(len(senders)), n)
        trees = self._routes.chip.mesh.multicast == "tree"
        if trees:
            entry = self._routes.tree_order[entry]
        if self._routes.drops is not None:
            has_way = self._routes.drops[entry] == 0
            entry, spike = entry[has_way], spike[has_way]
        if trees:
            by_entry = np.lexsort((entry, spike))
            entry, push_ps, arrive_ps = entry[by_entry], push_ps[by_entry], arrive_ps[by_entry]
            grants[:, 0] = _first_of_each(grants, by_entry)
        self._rows.append(
            Trace(
                row=np.full(len(entry), row, dtype=np.int64),
                source=self._routes.core_of_sender[senders[spike]].astype(np.int32),
                target=self._image.entry_core[entry].astype(np.int32),
                axon=self._image.entry_axon[entry].astype(np.int32),
                push_ps=push_ps,
                arrive_ps=arrive_ps,
                arrived=arrive_ps > 0,
                grants=in_order(grants, self._routes.chip.n_ports, self._n_packets),
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


def _first_of_each(grants: Ints, by_entry: Ints) -> Ints:
    """int64 [n_grants]: with multicast, which of the destinations that share a grant comes first by entry."""
    place = np.empty(len(by_entry) + 1, dtype=np.int64)
    place[by_entry] = np.arange(len(by_entry))
    place[-1] = len(by_entry)  # never a first one
    return np.minimum.reduceat(place, grants[:, (0, 3)].ravel())[::2] if len(grants) else grants[:, 0]


def in_order(grants: Ints, n_ports: int, first_packet: int = 0) -> NDArray[np.int64]:
    """int64 [n_grants, 4]: packet, tile, output port, ps; by packet on its way. grants: [n_grants, 4] packet,
    port of all routers, ps, and what is not used here; first_packet: the number of their packet 0."""
    packet, port, at_ps, _ = grants[np.lexsort((grants[:, 2], grants[:, 0]))].T
    return np.stack([packet + first_packet, *np.divmod(port, n_ports), at_ps], axis=1)
