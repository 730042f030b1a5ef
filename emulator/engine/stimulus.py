"""What the user gives to run(), checked and turned into a Drive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emulator import arith
from emulator.chip.drive import Drive, ProbeLanes
from emulator.chip.generators import MAX_TICK, maker_of
from emulator.chip.image import Image
from emulator.chip.state import Table, state_tables
from emulator.engine.generators import Window, flat_generators, script_events
from emulator.engine.memory import require_for_run
from emulator.errors import SimulationError
from emulator.program import Part, Program
from emulator.record import State

Ints = NDArray[np.integer[Any]]
MAX_ROWS = 2**31 - 1
MAX_SEED = 2**64 - 1


def build_drive(
    program: Program,
    n_ticks: int,
    stimulus: Mapping[str, ArrayLike] | None,
    *,
    batch: int | None,
    state: State | None,
    timing: bool,
    seed: int = 0,
    trace: bool = False,
) -> Drive:
    """Raises SimulationError naming every problem."""
    problems: list[str] = []
    n_ticks = _whole(n_ticks, "n_ticks", 0, problems)
    n_samples = 1 if batch is None else _whole(batch, "batch", 1, problems)
    if n_samples * n_ticks > MAX_ROWS:
        problems.append(f"{n_samples} samples of {n_ticks} ticks: more than {MAX_ROWS} in all; split the run")
    if _whole(seed, "seed", 0, problems) > MAX_SEED:
        problems.append(f"seed={seed}: outside 0..{MAX_SEED}")
    if trace and not timing:
        problems.append("trace=True with timing=False: only a timed run knows when packets travel")
    if state is not None:
        problems += _state_problems(program, state, n_samples, n_ticks)
    if problems:
        raise SimulationError(problems)
    require_for_run(program, n_ticks, n_samples, timing=timing)
    rows, inputs = _events(program, stimulus or {}, n_ticks, batch, problems)
    if problems:
        raise SimulationError(problems)
    window = Window(0 if state is None else state.n_ticks, n_ticks)
    generators = flat_generators(program, window, int(seed))
    script = script_events(program, window)
    if len(script[0]):
        rows = np.concatenate([rows, *(script[0] + sample * n_ticks for sample in range(n_samples))])
        inputs = np.concatenate([inputs, np.tile(script[1], n_samples)])
    rows, inputs = _in_order(rows, inputs, max(program.image.n_inputs, 1))
    event_ptr = np.zeros(n_samples * n_ticks + 1, dtype=np.int64)
    if len(rows):
        np.cumsum(np.bincount(rows, minlength=n_samples * n_ticks), out=event_ptr[1:])
    return Drive(
        n_samples=n_samples,
        n_ticks=n_ticks,
        event_ptr=event_ptr,
        event_input=inputs.astype(np.int32),
        generators=generators,
        probes=probe_lanes(program, n_ticks),
        batched=batch is not None,
        state=state,
        timing=bool(timing),
        trace=bool(trace),
    )


def _in_order(rows: Ints, inputs: Ints, n_inputs: int) -> tuple[Ints, Ints]:
    """Events by row, then input; each once, for a source spikes at most once in a tick."""
    key = rows * np.int64(n_inputs) + inputs
    if (key[1:] > key[:-1]).all():  # as the spikes of a single raster are
        return rows, inputs
    return np.divmod(np.unique(key), n_inputs)


def probe_lanes(program: Program, n_ticks: int) -> tuple[ProbeLanes, ...]:
    """The program's probes, resolved to slots and to the ticks of this run."""
    lanes = []
    for probe in program.symbols.probes:
        address = program.symbols.part(probe.population, "population").address
        ticks = np.arange(n_ticks) if probe.ticks is None else np.sort(probe.ticks[probe.ticks < n_ticks])
        slots = address if probe.index is None else address[probe.index]
        lanes.append(ProbeLanes("v_raw" if probe.raw else probe.variable, slots, ticks.astype(np.int64)))
    return tuple(lanes)


def _whole(value: object, name: str, least: int, problems: list[str]) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    problems.append(f"{name}={value!r}: must be an integer of at least {least}")
    return least


def _state_problems(program: Program, state: State, n_samples: int, n_ticks: int) -> list[str]:
    if not isinstance(state, State):
        return [f"state: {type(state).__name__} given, expected the .state of a result"]
    if state.image_digest != program.image.digest:
        return ["state: belongs to another program; states go with the very image they were saved from"]
    if isinstance(state.u, np.ndarray) and state.u.ndim and len(state.u) != n_samples:
        return [f"state: of {state.u.shape[0]} samples, this run has {n_samples}; give the same batch"]
    whole = isinstance(state.n_ticks, (int, np.integer)) and not isinstance(state.n_ticks, bool)
    if not whole or not 0 <= state.n_ticks <= MAX_TICK - n_ticks:
        limit = f"limit {MAX_TICK} with the {n_ticks} of this run"
        return [f"state: n_ticks is {state.n_ticks!r}, {limit}; start anew from a state of your own"]
    problems = [
        problem
        for name, table in state_tables(program.image, program.chip).items()
        for problem in _register_problems(name, getattr(state, name), table, n_samples)
    ]
    weights = isinstance(program.image, Image)  # crossbars keep spikes instead
    if (
        weights
        and not problems
        and (state.pending[..., : program.image.n_slots] % (1 << arith.WEIGHT_SHIFT)).any()
    ):
        problems.append("state: pending has values that are no multiples of 64, as sums of weights are")
    return problems


def _register_problems(name: str, given: Any, table: Table, n_samples: int) -> list[str]:
    shape = (n_samples, *table.shape)
    if not isinstance(given, np.ndarray) or given.dtype != table.dtype or given.shape != shape:
        found = f"{given.dtype}{list(given.shape)}" if isinstance(given, np.ndarray) else type(given).__name__
        return [f"state: {name} is {found}, expected {table.dtype}{list(shape)}"]
    if given.size and (given.min() < table.low or given.max() > table.high):
        within = f"{table.low}..{table.high}"
        return [f"state: {name} has values {given.min()}..{given.max()}, the register holds {within}"]
    return []


def _events(
    program: Program,
    stimulus: Mapping[str, ArrayLike],
    n_ticks: int,
    batch: int | None,
    problems: list[str],
) -> tuple[Ints, Ints]:
    """Rows and host inputs of all source spikes, unsorted."""
    none = np.zeros(0, dtype=np.int64)
    rows, inputs = [none], [none]
    sources = {part.name: part for part in program.symbols.sources}
    if not isinstance(stimulus, Mapping):
        problems.append(f"stimulus: {type(stimulus).__name__} given, expected a dict of source name -> array")
        return none, none
    for name, given in stimulus.items():
        part = sources.get(name)
        if part is None:
            names = ", ".join(repr(known) for known in sources) or "none"
            problems.append(f"stimulus: no source {name!r}; the network has {names}")
            continue
        if part.generator is not None:
            problems.append(
                f"stimulus {name!r}: the source makes its own spikes ({maker_of(part.generator)}): "
                "leave it out, or add the source without a generator"
            )
            continue
        sample, tick, index = _spikes(part, given, n_ticks, batch, problems)
        rows.append(sample * n_ticks + tick)
        inputs.append(part.address[index])
    return np.concatenate(rows), np.concatenate(inputs)


def _spikes(
    part: Part, given: ArrayLike, n_ticks: int, batch: int | None, problems: list[str]
) -> tuple[Ints, Ints, Ints]:
    """(sample, tick, index) of a source's spikes."""
    label = f"stimulus {part.name!r}"
    none = np.zeros(0, dtype=np.int64)
    try:
        array = np.asarray(given)
    except ValueError:
        problems.append(f"{label}: not an array")
        return none, none, none
    raster_shape = (n_ticks, part.n) if batch is None else (batch, n_ticks, part.n)
    columns = ("tick", "index") if batch is None else ("sample", "tick", "index")
    if array.dtype == np.bool_:
        if array.shape != raster_shape:
            problems.append(f"{label}: raster of shape {list(array.shape)}, expected {list(raster_shape)}")
            return none, none, none
        found = np.nonzero(array)
        return (found[0] if batch is not None else np.zeros_like(found[0])), found[-2], found[-1]
    if array.size == 0:
        return none, none, none
    if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != len(columns):
        problems.append(
            f"{label}: {array.dtype}{list(array.shape)}; expected a bool raster {list(raster_shape)} or int "
            f"events [n_events, {len(columns)}] of ({', '.join(columns)})"
        )
        return none, none, none
    limits = {"sample": batch or 1, "tick": n_ticks, "index": part.n}
    for column, name in enumerate(columns):
        values = array[:, column]
        bad = np.flatnonzero((values < 0) | (values >= limits[name]))
        if len(bad):
            problems.append(
                f"{label}: event {bad[0]} has {name} {values[bad[0]]}, outside 0..{limits[name] - 1} "
                f"({len(bad)} such events)"
            )
            return none, none, none
    array = array.astype(np.int64)
    sample = np.zeros(len(array), dtype=np.int64) if batch is None else array[:, 0]
    return sample, array[:, -2], array[:, -1]
