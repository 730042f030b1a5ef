"""Generators of a program, as one run of it needs them: scripts become host events, the rest tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.drive import KINDS, Generators
from emulator.chip.generators import PoissonInputs, RegularInputs, ScriptedInputs, generator_problems
from emulator.errors import SimulationError
from emulator.program import Part, Program

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Window:
    """The ticks of a run, counted over all runs it goes on from."""

    first_tick: int
    n_ticks: int

    @property
    def end(self) -> int:
        return self.first_tick + self.n_ticks


@dataclass(frozen=True)
class _Flat:
    """Rows and values of Generators, one list entry for each generator."""

    rows: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    values: list[Ints] = field(default_factory=list)

    def add(self, kind: str, part: Part, stream: int, table: Ints) -> None:
        """table: [n_rows, width]."""
        self.rows.append((KINDS.index(kind), int(part.address[0]), part.n, stream, *table.shape))
        self.values.append(table.ravel())


def flat_generators(program: Program, window: Window, seed: int) -> Generators:
    """Every Poisson and regular source. Raises SimulationError naming every problem."""
    problems = [line for part in _generated(program) for line in _problems(part, window)]
    if problems:
        raise SimulationError(problems)
    flat = _Flat()
    for stream, part in enumerate(program.symbols.sources):
        generator = part.generator
        if isinstance(generator, PoissonInputs):
            threshold = generator.threshold
            per_tick = threshold.ndim == 2
            table = threshold[window.first_tick : window.end] if per_tick else threshold[np.newaxis]
            if table.size:  # a table of no ticks is for a run of none
                flat.add("poisson", part, stream, table)
        elif isinstance(generator, RegularInputs):
            flat.add("regular", part, stream, np.stack((generator.phase_ticks, generator.period_ticks)))
    if not flat.rows:
        return Generators(seed=seed, first_tick=window.first_tick)
    order = sorted(range(len(flat.rows)), key=lambda i: flat.rows[i][1])
    columns = np.array([flat.rows[i] for i in order], dtype=np.int64).T
    values = [flat.values[i] for i in order]
    names = ("kind", "first_input", "n_inputs", "stream", "n_rows", "width")
    return Generators(
        seed=seed,
        first_tick=window.first_tick,
        **dict(zip(names, np.ascontiguousarray(columns), strict=True)),
        table_ptr=np.cumsum([0, *(len(table) for table in values)], dtype=np.int64),
        values=np.concatenate(values),
    )


def drawn_spikes(program: Program, n_ticks: int, seed: int = 0, sample: int = 0) -> Ints:
    """int64 [n_spikes, 2] (tick, host input) of the spikes that Poisson and regular sources make in a run."""
    from emulator.engine.blocks import generator

    generators = flat_generators(program, Window(0, n_ticks), seed)
    none = np.zeros(0, dtype=np.int32)
    inputs = [
        generator.spiking_inputs(generators.arrays(), seed, 0, sample, tick, none) for tick in range(n_ticks)
    ]
    ticks = np.repeat(np.arange(n_ticks), [len(found) for found in inputs])
    return np.stack([ticks, np.concatenate([none, *inputs]).astype(np.int64)], axis=1)


def script_events(program: Program, window: Window) -> tuple[Ints, Ints]:
    """(tick of the run, host input) of every spike of a script in this run, unsorted."""
    none: Ints = np.zeros(0, dtype=np.int64)
    ticks, inputs = [none], [none]
    for part in _generated(program):
        if isinstance(part.generator, ScriptedInputs):
            event, tick = _played(part.generator, window)
            ticks.append(tick - window.first_tick)
            inputs.append(part.address[part.generator.events[event, 1]])
    return np.concatenate(ticks), np.concatenate(inputs)


def _played(generator: ScriptedInputs, window: Window) -> tuple[Ints, Ints]:
    """(event, tick) of each time that an event comes up in the window."""
    tick, repeat = generator.events[:, 0], generator.repeat_ticks
    if repeat is None:
        event = np.flatnonzero((tick >= window.first_tick) & (tick < window.end))
        return event, tick[event]
    # event e comes in ticks tick[e] + k * repeat: before[e] is the least k within the window
    before = np.maximum(-((tick - window.first_tick) // repeat), 0)
    n_times = np.maximum(-((tick - window.end) // repeat) - before, 0)
    event = np.repeat(np.arange(len(tick)), n_times)
    since = np.arange(len(event)) - np.repeat(np.cumsum(n_times) - n_times, n_times)
    return event, tick[event] + (before[event] + since) * repeat


def _generated(program: Program) -> list[Part]:
    return [part for part in program.symbols.sources if part.generator is not None]


def _problems(part: Part, window: Window) -> list[str]:
    """What keeps a source from making its own spikes in these ticks."""
    owner, generator = f"source {part.name!r}", part.generator
    assert generator is not None
    problems = [f"{owner}: {problem}" for problem in generator_problems(generator, part.n)]
    if not np.array_equal(part.address, np.arange(part.n) + part.address[:1]):
        problems.append(f"{owner}: makes its own spikes, but its host inputs are not consecutive")
    if not problems and isinstance(generator, PoissonInputs) and generator.threshold.ndim == 2:
        n_told = len(generator.threshold)
        if window.end > n_told:
            after = f" after the {window.first_tick} of the state" if window.first_tick else ""
            problems.append(
                f"{owner}: rate_hz tells {n_told} ticks, this run has {window.n_ticks}{after}: "
                "run fewer ticks, or give rates for more"
            )
    return problems
