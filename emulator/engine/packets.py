"""Packets of a native run, row by row: what the engine knows by sender, told packet by packet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.image import Image
from emulator.engine.routes import Routes
from emulator.record import Trace

Ints = NDArray[np.integer[Any]]


class Packets:
    """Collects the packets of each row."""

    def __init__(self, image: Image, routes: Routes):
        self._image, self._routes = image, routes
        self._rows: list[Trace] = []

    def add(self, row: int, senders: Ints, push_ps: Ints, arrive_ps: Ints) -> None:
        """senders: slots ascending, then host inputs; each sent a packet per entry with a way: in order, with
        multicast in that of its tree."""
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
            in_order = np.lexsort((entry, spike))
            entry, push_ps, arrive_ps = entry[in_order], push_ps[in_order], arrive_ps[in_order]
        self._rows.append(
            Trace(
                row=np.full(len(entry), row, dtype=np.int64),
                source=self._routes.core_of_sender[senders[spike]].astype(np.int32),
                target=self._image.entry_core[entry].astype(np.int32),
                axon=self._image.entry_axon[entry].astype(np.int32),
                push_ps=push_ps,
                arrive_ps=arrive_ps,
                arrived=arrive_ps > 0,
                grants=None,
            )
        )

    def trace(self) -> Trace:
        """All rows as one."""
        empty = np.zeros(0, dtype=np.int64)
        columns = {"row": empty, "push_ps": empty, "arrive_ps": empty, "arrived": empty.astype(np.bool_)}
        columns |= {name: np.zeros(0, dtype=np.int32) for name in ("source", "target", "axon")}
        return Trace(
            **{
                name: np.concatenate([none, *(getattr(part, name) for part in self._rows)])
                for name, none in columns.items()
            },
            grants=None,
        )
