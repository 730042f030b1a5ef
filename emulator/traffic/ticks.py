"""Every tick of a traced run held against the wire limit of its packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.image import Image
from emulator.chip.spec import ChipSpec
from emulator.record import Trace
from emulator.traffic.bounds import wire_limit

Ints = NDArray[np.integer[Any]]
BOUNDS = ("link", "injection", "ejection", "distance")


@dataclass(frozen=True, eq=False)
class TickLimits:
    """int64 [n] each: the rows that have packets, ascending. Times from the row's first push."""

    row: Ints  # as those of Record.counts_by_tick
    n_packets: Ints
    makespan_ps: Ints  # until the last arrival
    link_ps: Ints  # no mesh does it sooner: as in WireLimit
    injection_ps: Ints
    ejection_ps: Ints
    distance_ps: Ints
    link_tile: Ints  # of the busiest link; n_tiles where no link is used
    link_side: Ints  # E 0, W 1, N 2, S 3

    @property
    def bound_ps(self) -> Ints:
        """The highest of the four."""
        return np.asarray(np.max([getattr(self, f"{name}_ps") for name in BOUNDS], axis=0))

    @property
    def closeness(self) -> NDArray[np.float64]:
        """[n] bound : makespan; 1 is a tick that could not have been delivered sooner."""
        return np.asarray(self.bound_ps / self.makespan_ps)


def tick_limits(trace: Trace, image: Image, chip: ChipSpec) -> TickLimits:
    """Bounds of each row of a trace, of its packets that arrive. Sources and targets: cores and host port."""
    arrived = trace.arrived
    of_row, of_source, of_target = trace.row[arrived], trace.source[arrived], trace.target[arrived]
    push_ps, arrive_ps = trace.push_ps[arrived], trace.arrive_ps[arrived]
    tile_of = np.append(image.core_id // chip.cores.per_tile, chip.host_tile).astype(np.int64)
    rows, first = np.unique(of_row, return_index=True)
    ends = np.searchsorted(of_row, rows, side="right")
    table = np.zeros((len(rows), 8), dtype=np.int64)
    for place, (start, end) in enumerate(zip(first.tolist(), ends.tolist(), strict=True)):
        source, target = of_source[start:end], of_target[start:end]
        limit = wire_limit(
            chip,
            tile_of[source],
            tile_of[target],
            sent=np.bincount(source),
            received=np.bincount(target),
        )
        assert limit is not None
        makespan_ps = arrive_ps[start:end].max() - push_ps[start:end].min()
        busiest = limit.link or (chip.n_tiles, 0)
        bounds = (getattr(limit, f"{name}_ps") for name in BOUNDS)
        table[place] = (end - start, makespan_ps, *bounds, *busiest)
    return TickLimits(rows.astype(np.int64), *table.T.copy())
