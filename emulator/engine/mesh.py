"""run_mesh(): traffic on the mesh alone."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import formats
from emulator.chip.spec import ChipSpec
from emulator.engine.journeys import of_mesh
from emulator.errors import SimulationError
from emulator.traffic import (
    Fairness,
    Histogram,
    WireLimit,
    fairness,
    histogram,
    link_cycle_ps,
    wire_limit,
    wire_loads,
    zero_load_ps,
)
from emulator.traffic.given import known_chip, ways_of
from emulator.traffic.injection import MAX_INJECT_PS, MAX_PACKETS, PACKET_DTYPE

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class MeshResult:
    """Instants and counts of a mesh run; packets in the order given."""

    push_ps: Ints  # int64 [n_packets] entry into the local FIFO
    arrive_ps: Ints  # int64 [n_packets] arrival at the intake
    link_counts: Ints  # int64 [n_tiles, 4] grants of each link (E, W, N, S)
    occupancy_max: Ints  # int64 [n_tiles, n_ports] highest filling of each input FIFO (E, W, N, S, local)
    stall_ps: Ints  # int64 [n_tiles] waiting of packets for room at their source
    arrived: NDArray[np.bool_]  # bool [n_packets]; of those that have not, arrive_ps is 0
    sent: NDArray[np.bool_]  # bool [n_packets]; the others had no way and were dropped; their push_ps is 0
    n_dropped: Ints  # int64 [n_tiles] packets dropped at their source, for want of a way
    n_lost: Ints  # int64 [n_tiles] packets of a source that a lossy link lost
    link_losses: Ints  # int64 [n_tiles, 4] packets that each link lost; their grants are in link_counts
    chip: ChipSpec
    inject_ps: Ints  # int64 [n_packets] when each was ready
    src: Ints  # int32 [n_packets] tiles
    dst: Ints  # int32 [n_packets]
    grants: Ints | None = (
        None  # int64 [n_grants, 4] packet, tile, output port, ps; by packet; with trace=True
    )

    @property
    def latency_ps(self) -> Ints:
        """int64 [n_arrived] from ready to arrival, of the packets that arrived."""
        return np.asarray((self.arrive_ps - self.inject_ps)[self.arrived])

    @functools.cached_property
    def zero_load_ps(self) -> Ints:
        """int64 [n_arrived] what the same way takes on an empty mesh."""
        return zero_load_ps(self.chip, self.src[self.arrived], self.dst[self.arrived])

    @property
    def queueing_ps(self) -> Ints:
        """int64 [n_arrived] the rest of the latency: waiting at the source and on the way."""
        return np.asarray(self.latency_ps - self.zero_load_ps)

    @property
    def makespan_ps(self) -> int:
        """From when the first of the packets that arrived was ready until the last did; 0 without any."""
        if not self.arrived.any():
            return 0
        return int(self.arrive_ps.max() - self.inject_ps[self.arrived].min())

    @property
    def link_busy_ps(self) -> Ints:
        """int64 [n_tiles, 4] time each link was taken: grants times its cycle. Links that are merged into a
        serial link were taken by the grants of them all."""
        return np.asarray(wire_loads(self.chip, self.link_counts) * link_cycle_ps(self.chip))

    @property
    def wire_limit(self) -> WireLimit | None:
        """Bounds of `makespan_ps` when all is ready at once; None if no packet arrived."""
        return wire_limit(self.chip, self.src[self.arrived], self.dst[self.arrived])

    @property
    def fairness(self) -> Fairness:
        """How evenly the sources were served."""
        arrive_ps = self.arrive_ps[self.arrived]
        return fairness(self.chip.n_tiles, self.src[self.arrived], arrive_ps, self.queueing_ps)

    def save_trace(self, path: str | PathLike[str], max_events: int = formats.MAX_EVENTS) -> formats.Shown:
        """Writes the packets for ui.perfetto.dev; returns what of them is in the file."""
        ends = np.stack([self.src, self.dst], axis=1)[self.sent]
        times_ps = np.stack([self.push_ps, self.arrive_ps], axis=1)[self.sent]
        grants = self.grants
        if grants is not None:  # numbered as the packets shown: those that were sent
            grants = grants.copy()
            grants[:, 0] = (np.cumsum(self.sent) - 1)[grants[:, 0]]
        journeys = of_mesh(self.chip, ends, times_ps, self.arrived[self.sent], grants)
        return formats.save_trace(journeys, path, max_events)

    def latency_histogram(self, n_bins: int = 50) -> Histogram:
        """Packets by latency, zero-load part and queueing part."""
        whole = isinstance(n_bins, (int, np.integer)) and not isinstance(n_bins, bool)
        if not whole or n_bins < 1:
            raise SimulationError(f"n_bins={n_bins!r}: must be an integer from 1 up")
        return histogram(self.latency_ps, self.zero_load_ps, n_bins)


def run_mesh(
    chip: ChipSpec, packets: NDArray[Any], engine: str = "native", seed: int = 0, trace: bool = False
) -> MeshResult:
    """Sends packets through the mesh of `chip`, without cores.

    packets: structured array [n] with fields inject_ps (>= 0), src and dst (tile ids). Each tile has an
    unbounded queue in order of inject_ps, then of position; packets enter at local port 0, and intakes are
    always ready. Packets without a way: an error, or dropped under policy `drop` of the chip's faults.
    seed: 0..2**64 - 1, of the draws of lossy links. trace: keeps every grant.
    """
    known_chip(chip)
    inject_ps, src, dst = _columns(chip, packets)
    has_way = ways_of(chip, src, dst)
    whole_seed = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
    if not (whole_seed and 0 <= seed < 2**64):
        raise SimulationError(f"seed={seed!r}: must be an integer in 0..{2**64 - 1}")
    run_on = _engine(engine)
    if has_way.all():
        ran = run_on(chip, inject_ps, src, dst, int(seed), trace)
    else:
        ran = run_on(chip, inject_ps[has_way], src[has_way], dst[has_way], int(seed), trace)
        _number_as_given(ran, has_way)
    arrived = ran["arrive_ps"] > 0
    return MeshResult(
        **ran,
        arrived=arrived,
        sent=has_way,
        n_dropped=_per_tile(chip, src, ~has_way),
        n_lost=_per_tile(chip, src, has_way & ~arrived),
        chip=chip,
        inject_ps=inject_ps,
        src=src,
        dst=dst,
    )


def _number_as_given(ran: dict[str, Any], sent: NDArray[np.bool_]) -> None:
    """Makes results of the packets that were sent results of all."""
    for name in ("push_ps", "arrive_ps"):
        whole = np.zeros(len(sent), dtype=np.int64)
        whole[sent] = ran[name]
        ran[name] = whole
    if ran.get("grants") is not None:
        ran["grants"][:, 0] = np.flatnonzero(sent)[ran["grants"][:, 0]]


def _per_tile(chip: ChipSpec, src: Ints, some: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64 [n_tiles]: how many of some packets come from each tile."""
    return np.bincount(src[some], minlength=chip.n_tiles).astype(np.int64)


def _engine(name: str) -> Callable[..., dict[str, Any]]:
    if name == "reference":
        from emulator import reference

        return reference.run_mesh
    if name == "native":
        from emulator.engine import native_mesh

        return native_mesh.run_mesh
    raise SimulationError(f"engine {name!r}: choose from native, reference")


def _columns(chip: ChipSpec, packets: NDArray[Any]) -> tuple[Ints, NDArray[np.int32], NDArray[np.int32]]:
    array = np.asarray(packets)
    names = array.dtype.names or ()
    missing = [name for name in PACKET_DTYPE.names or () if name not in names]
    if array.ndim != 1 or missing:
        raise SimulationError(
            f"packets: {array.dtype}{list(array.shape)}; expected a structured array [n] with fields "
            f"inject_ps, src, dst (np.dtype {PACKET_DTYPE.descr})"
        )
    problems = []
    if len(array) > MAX_PACKETS:
        problems.append(f"packets: {len(array)}, limit {MAX_PACKETS}: run them in parts")
    for name, limit in (("inject_ps", MAX_INJECT_PS), ("src", chip.n_tiles), ("dst", chip.n_tiles)):
        column = array[name]
        if column.dtype.kind not in "iu":
            problems.append(f"packets: {name} is {column.dtype}, expected integers")
            continue
        bad = np.flatnonzero((column < 0) | (column >= limit))
        if len(bad):
            problems.append(
                f"packets[{bad[0]}]: {name} {column[bad[0]]} outside 0..{limit - 1} ({len(bad)} such packets)"
            )
    if problems:
        raise SimulationError(problems)
    return array["inject_ps"].astype(np.int64), array["src"].astype(np.int32), array["dst"].astype(np.int32)
