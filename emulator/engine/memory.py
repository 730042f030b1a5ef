"""What a run takes in memory, as far as that is known before it: its tables, not its spikes."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from emulator import memory
from emulator.chip.events import EVENTS
from emulator.chip.generators import PoissonInputs, ScriptedInputs
from emulator.chip.state import state_dtype, state_tables
from emulator.errors import SimulationError
from emulator.program import Program

LOOK_S = 0.1  # between two looks at what is left
RESERVE_BYTES = 2**28  # less than that left: the run is stopped while it still can tell why


def require_for_run(program: Program, n_ticks: int, n_samples: int, *, timing: bool) -> None:
    """Raises SimulationError if the tables of a run take more memory than there is."""
    parts = run_bytes(program, n_ticks, n_samples, timing=timing)
    largest = max(parts, key=lambda name: parts[name])
    size = f"{n_ticks} ticks" if n_samples == 1 else f"{n_samples} samples of {n_ticks} ticks"
    memory.require(
        sum(parts.values()),
        f"a run of {size} (most of it: {largest}, {memory.shown_bytes(parts[largest])})",
        "split the run and go on with state=, or probe fewer neurons and ticks",
        SimulationError,
    )


def run_bytes(program: Program, n_ticks: int, n_samples: int, *, timing: bool) -> dict[str, int]:
    """Bytes of each kind of tables; spikes come on top, 16 bytes each."""
    image, n_rows = program.image, n_samples * n_ticks
    tables = state_tables(image, program.chip).values()
    state = sum(int(np.prod(table.shape)) * np.dtype(table.dtype).itemsize for table in tables)
    return {
        "counts of each tick": 8 * n_rows * (len(EVENTS) + 1),
        "times of each tick": 16 * n_rows if timing else 0,
        "probes": _probe_bytes(program, n_ticks, n_samples),
        "states of the samples": n_samples * state,
        "generators": _generator_bytes(program, n_ticks, n_samples),
    }


def _probe_bytes(program: Program, n_ticks: int, n_samples: int) -> int:
    width = np.dtype(state_dtype(program.image, program.chip)).itemsize
    total = 0
    for probe in program.symbols.probes:
        part = program.symbols.part(probe.population, "population")
        n_probed = part.n if probe.index is None else len(probe.index)
        n_probed_ticks = n_ticks if probe.ticks is None else min(len(probe.ticks), n_ticks)
        total += n_samples * n_probed_ticks * n_probed * width + 16 * n_ticks
    return total


def _generator_bytes(program: Program, n_ticks: int, n_samples: int) -> int:
    """Tables of rates, and the events that scripts become: row, input, place and their copies in order."""
    total = 0
    for part in program.symbols.sources:
        generator = part.generator
        if isinstance(generator, PoissonInputs) and generator.threshold.ndim == 2:
            total += 16 * min(n_ticks, len(generator.threshold)) * generator.threshold.shape[1]
        elif isinstance(generator, ScriptedInputs):
            repeats = -(-n_ticks // generator.repeat_ticks) if generator.repeat_ticks else 1
            total += 64 * len(generator.events) * repeats * n_samples
    return total


class Watch:
    """A progress that stops a run before its spikes, which nobody can know before it, use up the memory."""

    def __init__(self, progress: Callable[[int, int], None] | None):
        self._progress = progress
        self._looked_s = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._looked_s >= LOOK_S and done < total:
            left = memory.available_bytes(SimulationError)
            if left < RESERVE_BYTES:
                raise SimulationError(
                    f"out of memory after {done} of {total} ticks of all samples: {memory.shown_bytes(left)} "
                    "are left: record fewer spikes (record_spikes=False), split the run with state=, "
                    f"or set {memory.VARIABLE} if you know better"
                )
            self._looked_s = time.monotonic()
        if self._progress is not None:
            self._progress(done, total)
