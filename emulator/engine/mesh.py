"""run_mesh(): traffic on the mesh alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.spec import ChipSpec
from emulator.errors import SimulationError
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


def run_mesh(chip: ChipSpec, packets: NDArray[Any], engine: str = "native") -> MeshResult:
    """Sends packets through the mesh of `chip`, without cores.

    packets: structured array [n] with fields inject_ps (>= 0), src and dst (tile ids). Each tile has an
    unbounded queue in order of inject_ps, then of position; packets enter at local port 0, and intakes are
    always ready.
    """
    inject_ps, src, dst = _columns(chip, packets)
    if engine == "reference":
        from emulator import reference

        return MeshResult(**reference.run_mesh(chip, inject_ps, src, dst))
    if engine == "native":
        from emulator.engine import native

        return MeshResult(**native.run_mesh(chip, inject_ps, src, dst))
    raise SimulationError(f"engine {engine!r}: choose from native, reference")


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
