"""Traces as files: what a run or the mesh alone tells of its packets, from the start of the run on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.events import DIRECTIONS
from emulator.chip.spec import ChipSpec
from emulator.formats import Journeys
from emulator.program import Program
from emulator.record import Timing, Trace

Ints = NDArray[np.integer[Any]]


def of_run(program: Program, trace: Trace, timing: Timing, n_ticks: int) -> Journeys:
    """Ticks follow each other without gaps, samples too."""
    chip = program.chip
    start_ps = np.cumsum(timing.tick_ps) - timing.tick_ps
    tile, core = np.divmod(program.image.core_id.astype(np.int64), chip.cores.per_tile)
    port = np.append(core + len(DIRECTIONS), DIRECTIONS.index(chip.host_port.side))
    place = np.stack([np.append(tile, chip.host_tile), port], axis=1)
    offset_ps = start_ps[trace.row]
    grants = trace.grants.copy()
    grants[:, 3] += offset_ps[grants[:, 0]]
    return Journeys(
        chip=chip,
        source=place[trace.source],
        target=place[trace.target],
        axon=trace.axon,
        push_ps=trace.push_ps + offset_ps,
        arrive_ps=trace.arrive_ps + offset_ps,
        arrived=trace.arrived,
        grants=grants,
        tick_start_ps=start_ps,
        tick_ps=timing.tick_ps,
        n_ticks=n_ticks,
    )


def of_mesh(
    chip: ChipSpec, ends: Ints, times_ps: Ints, arrived: NDArray[np.bool_], grants: Ints | None
) -> Journeys:
    """Packets of the mesh alone, which enter at local port 0; there are no ticks.

    ends: [n, 2] tiles from and to; times_ps: [n, 2] push and arrival.
    """
    port = np.full(len(ends), len(DIRECTIONS))
    return Journeys(
        chip=chip,
        source=np.stack([ends[:, 0], port], axis=1),
        target=np.stack([ends[:, 1], port], axis=1),
        axon=None,
        push_ps=times_ps[:, 0],
        arrive_ps=times_ps[:, 1],
        arrived=arrived,
        grants=grants,
        tick_start_ps=np.zeros(0, dtype=np.int64),
        tick_ps=np.zeros(0, dtype=np.int64),
        n_ticks=1,
    )
