"""Counts of a run, booked one event at a time as it happens."""

from __future__ import annotations

import numpy as np

from emulator.chip.events import DIRECTIONS, EVENT_ID, EVENTS

HOPS = tuple(f"hop_{side.lower()}" for side in DIRECTIONS)


class Tally:
    """Every event is booked on its tick (row), its core and its group; hops on their link too."""

    def __init__(self, n_rows: int, n_cores: int, n_groups: int, n_tiles: int):
        self.by_tick = np.zeros((n_rows, len(EVENTS)), dtype=np.int64)
        self.by_core = np.zeros((n_cores + 1, len(EVENTS)), dtype=np.int64)
        self.by_group = np.zeros((n_groups + 1, len(EVENTS)), dtype=np.int64)
        self.links = np.zeros((n_tiles, len(DIRECTIONS)), dtype=np.int64)
        self.row = 0

    def count(self, event: str, *, core: int | None = None, group: int | None = None, n: int = 1) -> None:
        """Books n events; core or group None: on none of them (the last row)."""
        event_id = EVENT_ID[event]
        self.by_tick[self.row, event_id] += n
        self.by_core[len(self.by_core) - 1 if core is None else core, event_id] += n
        self.by_group[len(self.by_group) - 1 if group is None else group, event_id] += n

    def hop(self, tile: int, side: int, group: int) -> None:
        """Books the grant of a link."""
        self.links[tile, side] += 1
        self.count(HOPS[side], group=group)
