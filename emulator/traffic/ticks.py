"""Every tick of a traced run held against the wire limit of its packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip import loads
from emulator.chip.crossbar import AnyImage
from emulator.chip.grid import N_SIDES
from emulator.chip.spec import ChipSpec
from emulator.record import Trace
from emulator.traffic.bounds import wire_limit

Ints = NDArray[np.integer[Any]]
BOUNDS = ("link", "injection", "ejection", "distance")


@dataclass(frozen=True, eq=False)
class TickLimits:
    """int64 [n] each: the rows that have packets, ascending. Times from the row's first push."""

    row: Ints  # as those of Record.counts_by_tick
    n_packets: Ints  # with multicast one per spike
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


def tick_limits(trace: Trace, image: AnyImage, chip: ChipSpec) -> TickLimits:
    """Bounds of each row of a trace, of its packets that arrive. Sources and targets: cores and host port."""
    arrived, packet = trace.arrived, None
    of_row, of_source, of_target = trace.row[arrived], trace.source[arrived], trace.target[arrived]
    push_ps, arrive_ps = trace.push_ps[arrived], trace.arrive_ps[arrived]
    if chip.mesh.multicast == "tree":
        packet = _sender(trace, image)[arrived]
    tile_of = np.append(image.core_id // chip.cores.per_tile, chip.host_tile).astype(np.int64)
    rows, first = np.unique(of_row, return_index=True)
    ends = np.searchsorted(of_row, rows, side="right")
    table = np.zeros((len(rows), 8), dtype=np.int64)
    for place, (start, end) in enumerate(zip(first.tolist(), ends.tolist(), strict=True)):
        source, target = of_source[start:end], of_target[start:end]
        sent, counts = source, None
        if packet is not None:
            _, one, number = np.unique(packet[start:end], return_index=True, return_inverse=True)
            sent = source[one]
            counts = _tree_loads(chip, tile_of[source], tile_of[target], number.reshape(-1))
        limit = wire_limit(
            chip,
            tile_of[source],
            tile_of[target],
            link_counts=counts,
            sent=np.bincount(sent),
            received=np.bincount(target),
        )
        assert limit is not None
        makespan_ps = arrive_ps[start:end].max() - push_ps[start:end].min()
        busiest = limit.link or (chip.n_tiles, 0)
        bounds = (getattr(limit, f"{name}_ps") for name in BOUNDS)
        table[place] = (len(sent), makespan_ps, *bounds, *busiest)
    return TickLimits(rows.astype(np.int64), *table.T.copy())


def _sender(trace: Trace, image: AnyImage) -> Ints:
    """int64 [n]: equal where lines of a row of the trace are one packet with multicast. Every axon has one
    sender; what goes to the host is taken for the packet that its source pushed just before, if at the same
    instant: too few packets make a lower bound lower."""
    sender_of_axon = np.zeros(image.n_axons, dtype=np.int64)
    sender_of_entry = np.repeat(np.arange(image.n_senders), np.diff(image.entry_ptr))
    to_core = image.entry_core < image.n_cores
    sender_of_axon[image.entry_axon[to_core]] = sender_of_entry[to_core]
    sender = -1 - np.arange(len(trace.row))
    at_core = trace.target < image.n_cores
    sender[at_core] = sender_of_axon[trace.axon[at_core]]
    pushes = np.stack([trace.row, trace.source, trace.push_ps])
    same = np.append(False, (pushes[:, 1:] == pushes[:, :-1]).all(axis=0))
    joins = np.flatnonzero(~at_core & same[: len(sender)])
    sender[joins] = sender[joins - 1]
    return sender


def _tree_loads(chip: ChipSpec, src: Ints, dst: Ints, packet: Ints) -> Ints:
    """int64 [n_tiles, 4]: packets over each link, where packet[i] goes from src[i] to dst[i] and takes each
    link once. packet: 0 .. n - 1."""
    n_links = chip.n_tiles * N_SIDES
    taken = [
        packet[moving] * n_links + tile * N_SIDES + side
        for moving, tile, side in loads.steps(chip.routing, src, dst)
    ]
    crossed = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *taken]))
    return np.bincount(crossed % n_links, minlength=n_links).reshape(chip.n_tiles, N_SIDES)
