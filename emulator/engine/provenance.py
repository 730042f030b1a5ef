"""Where a run came from: made when it is run, and read when it is run again."""

from __future__ import annotations

import platform
import sys

import numpy as np
from numpy.typing import NDArray

from emulator.chip.drive import Drive
from emulator.errors import SimulationError
from emulator.program import Program
from emulator.record import Provenance, Record


def provenance_of(drive: Drive, engine: str, threads: int) -> Provenance:
    """Of a run of `drive` in this process."""
    from emulator import __version__  # not yet there while the package is imported

    versions = {
        "spikemesh": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    return Provenance(
        seed=drive.generators.seed,
        engine=engine,
        threads=threads,
        trace=drive.trace,
        event_ptr=drive.event_ptr,
        event_input=drive.event_input,
        begin=drive.state,
        versions=versions,
        command=tuple(sys.argv),
    )


def stimulus_of(
    program: Program, record: Record, provenance: Provenance | None
) -> dict[str, NDArray[np.int64]]:
    """Source -> int64 [n_events, 2] of (tick, index), with a batch [n_events, 3], the sample first: what the
    run was given. Generators are left out: they make their spikes again. Raises SimulationError."""
    if provenance is None:
        raise SimulationError(
            f"record of network {program.symbols.network!r}: it does not say what its run was given; what "
            "run() returns does, and so do its files"
        )
    rows = np.repeat(np.arange(record.n_rows), np.diff(provenance.event_ptr))
    sample, tick = np.divmod(rows, max(record.n_ticks, 1))
    found = {}
    for part in program.symbols.sources:
        if part.generator is not None:
            continue
        index_of = np.full(program.image.n_inputs, -1)
        index_of[part.address] = np.arange(part.n)
        index = index_of[provenance.event_input]
        own = index >= 0
        columns = (tick, index) if not record.batched else (sample, tick, index)
        found[part.name] = np.stack([column[own] for column in columns], axis=1).astype(np.int64)
    return found
