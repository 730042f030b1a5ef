"""run_mesh(): traffic on the mesh alone."""

from __future__ import annotations

import functools
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
    zero_load_ps,
)
from emulator.traffic.injection import MAX_INJECT_PS, PACKET_DTYPE

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class MeshResult:
    """Instants and counts of a mesh run; packets in the order given."""

    push_ps: Ints  # int64 [n_packets] entry into the local FIFO
    arrive_ps: Ints  # int64 [n_packets] arrival at the intake
    link_counts: Ints  # int64 [n_tiles, 4] grants of each link (E, W, N, S)
    occupancy_max: Ints  # int64 [n_tiles, n_ports] highest filling of each input FIFO (E, W, N, S, local)
    stall_ps: Ints  # int64 [n_tiles] waiting of packets for room at their source
    chip: ChipSpec
    inject_ps: Ints  # int64 [n_packets] when each was ready
    src: Ints  # int32 [n_packets] tiles
    dst: Ints  # int32 [n_packets]
    grants: Ints | None = None  # int64 [n_grants, 4] packet, tile, output port, ps; engine "reference" alone

    @property
    def latency_ps(self) -> Ints:
        """int64 [n_packets] from ready to arrival."""
        return np.asarray(self.arrive_ps - self.inject_ps)

    @functools.cached_property
    def zero_load_ps(self) -> Ints:
        """int64 [n_packets] what the same way takes on an empty mesh."""
        return zero_load_ps(self.chip, self.src, self.dst)

    @property
    def queueing_ps(self) -> Ints:
        """int64 [n_packets] the rest of the latency: waiting at the source and on the way."""
        return np.asarray(self.latency_ps - self.zero_load_ps)

    @property
    def makespan_ps(self) -> int:
        """From when the first packet was ready until the last arrived; 0 without packets."""
        return int(self.arrive_ps.max() - self.inject_ps.min()) if len(self.src) else 0

    @property
    def link_busy_ps(self) -> Ints:
        """int64 [n_tiles, 4] time each link was taken: grants times its cycle."""
        return np.asarray(self.link_counts * link_cycle_ps(self.chip))

    @property
    def wire_limit(self) -> WireLimit | None:
        """Bounds of `makespan_ps` when all is ready at once; None without packets."""
        return wire_limit(self.chip, self.src, self.dst, link_counts=self.link_counts)

    @property
    def fairness(self) -> Fairness:
        """How evenly the sources were served."""
        return fairness(self.chip.n_tiles, self.src, self.arrive_ps, self.queueing_ps)

    def save_trace(self, path: str | PathLike[str], max_events: int = formats.MAX_EVENTS) -> formats.Shown:
        """Writes the packets for ui.perfetto.dev; returns what of them is in the file."""
        arrays = (self.src, self.dst, self.push_ps, self.arrive_ps, self.grants)
        return formats.save_trace(of_mesh(self.chip, *arrays), path, max_events)

    def latency_histogram(self, n_bins: int = 50) -> Histogram:
        """Packets by latency, zero-load part and queueing part."""
        if not isinstance(n_bins, int) or n_bins < 1:
            raise SimulationError(f"n_bins={n_bins!r}: must be an integer from 1 up")
        return histogram(self.latency_ps, self.zero_load_ps, n_bins)


def run_mesh(chip: ChipSpec, packets: NDArray[Any], engine: str = "native") -> MeshResult:
    """Sends packets through the mesh of `chip`, without cores.

    packets: structured array [n] with fields inject_ps (>= 0), src and dst (tile ids). Each tile has an
    unbounded queue in order of inject_ps, then of position; packets enter at local port 0, and intakes are
    always ready.
    """
    inject_ps, src, dst = _columns(chip, packets)
    if engine == "reference":
        from emulator import reference

        found = reference.run_mesh(chip, inject_ps, src, dst)
    elif engine == "native":
        from emulator.engine import native

        found = native.run_mesh(chip, inject_ps, src, dst)
    else:
        raise SimulationError(f"engine {engine!r}: choose from native, reference")
    return MeshResult(**found, chip=chip, inject_ps=inject_ps, src=src, dst=dst)


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
