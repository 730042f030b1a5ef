"""run(): a program, a stimulus and a number of ticks in, a Result out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike

from emulator import arith
from emulator.engine.checkpoint import CHECKPOINT_TICKS, interval_problems, kept_in
from emulator.engine.in_pieces import Progress, Work
from emulator.engine.memory import Watch
from emulator.engine.provenance import provenance_of
from emulator.engine.result import Result
from emulator.engine.stimulus import build_drive
from emulator.engine.upsets import upset_by
from emulator.errors import RegisterOverflow, SimulationError
from emulator.faults import Upsets
from emulator.program import Program
from emulator.record import State

ENGINES = ("native", "reference")
MAX_THREADS = 256
REGISTER_NAME = {
    "q": "the input sum (q)",
    "u": "the current (u)",
    "x": "current plus bias (x)",
    "v": "the voltage (v)",
}


def run(
    program: Program,
    n_ticks: int,
    stimulus: Mapping[str, ArrayLike] | None = None,
    *,
    engine: str = "native",
    timing: bool = True,
    threads: int = 1,
    batch: int | None = None,
    state: State | None = None,
    seed: int = 0,
    trace: bool = False,
    progress: Progress | None = None,
    checkpoint: str | PathLike[str] | None = None,
    every: int | None = None,
    upsets: Upsets | None = None,
) -> Result:
    """Runs a compiled network.

    stimulus: source name -> bool raster [n_ticks, n] or int events [n_events, 2] of (tick, index); sources
        left out stay silent, those with a generator take none. A spike given for tick t acts in tick
        t + delay_ticks.
    engine: "native" (compiled) or "reference" (simpy); same record, bit for bit.
    timing: False skips the mesh; spikes and counts are the same, picoseconds and static energy are absent.
    batch: number of independent samples, run one after another from the same initial state; rasters gain a
        leading axis [batch, n_ticks, n], events a leading column (sample, tick, index); so do spikes,
        probes and tick_ps.
    state: `result.state` of an earlier run of this program (with the same batch); ticks count from 0 again,
        but generators go on where they stopped.
    seed: 0..2**64 - 1, of the draws of Poisson sources: same seed, same spikes, whatever the engine, the
        threads, and the runs that the ticks are split into. Samples of a batch draw differently.
    trace: keep source, target, push and arrival of every packet, and every grant, `result.trace`; some 40
        bytes for a packet, and 32 for each link it takes.
    progress: called now and then with (rows done, rows in all); a row is a tick of a sample.
    checkpoint: a file that the run is kept in on its way, every so many ticks of each sample; should it be
        cut short, `resume` goes on from there, and the record is the same bit for bit.
    every: ticks from one checkpoint to the next; CHECKPOINT_TICKS unless given.
    upsets: bits of registers that flip on the way.

    Raises SimulationError naming every problem of the arguments.
    """
    problems = [] if isinstance(program, Program) else [_no_program(program)]
    problems += [*argument_problems(engine, threads), *interval_problems(checkpoint, every, trace)]
    if upsets is not None:
        problems += _upset_problems(upsets, checkpoint is not None, trace)
    if problems:
        raise SimulationError(problems)
    with explained(program, n_ticks, batch):
        drive = build_drive(
            program, n_ticks, stimulus, batch=batch, state=state, timing=timing, seed=seed, trace=trace
        )
        work = engine_of(engine, threads)
        if upsets is not None:
            work = upset_by(upsets, work)
        if checkpoint is not None:
            work = kept_in(checkpoint, every or CHECKPOINT_TICKS, work)
        record = work(program, drive, Watch(progress))
        if upsets is not None:  # what it was given does not say which bits flipped
            return Result(record, program)
        return Result(record, program, provenance_of(drive, engine, int(threads)))


def _upset_problems(upsets: object, checkpointed: bool, trace: bool) -> list[str]:
    if not isinstance(upsets, Upsets):
        return [f"upsets: {type(upsets).__name__} given, expected em.Upsets(rate, ticks)"]
    others = {"trace=True": trace, "checkpoint=": checkpointed}
    return [f"upsets= with {name}: leave out one of them" for name, given in others.items() if given]


@contextmanager
def explained(program: Program, n_ticks: int, batch: int | None) -> Iterator[None]:
    """Says in the network's names what went wrong in a run."""
    try:
        yield
    except RegisterOverflow as error:
        raise SimulationError(_overflow_text(program, n_ticks, batch, error)) from error
    except MemoryError as error:
        size = f"{n_ticks} ticks" if batch is None else f"{batch} samples of {n_ticks} ticks"
        raise SimulationError(
            f"out of memory in a run of {size} ({error}): split it and go on with state=, or probe less"
        ) from error


def _no_program(given: object) -> str:
    return f"program: {type(given).__name__} given, expected what compile() returned"


def argument_problems(engine: str, threads: int) -> list[str]:
    """What is wrong with the choice of an engine."""
    problems = []
    if engine not in ENGINES:
        problems.append(f"engine {engine!r}: choose from {', '.join(ENGINES)}")
    whole = isinstance(threads, (int, np.integer)) and not isinstance(threads, bool)
    if not (whole and 1 <= threads <= MAX_THREADS):
        problems.append(f"threads={threads!r}: must be an integer in 1..{MAX_THREADS}")
    return problems


def _overflow_text(program: Program, n_ticks: int, batch: int | None, error: RegisterOverflow) -> str:
    part = next(part for part in program.symbols.populations if error.slot in part.address)
    index = int(np.flatnonzero(part.address == error.slot)[0])
    sample, tick = divmod(error.row, n_ticks)
    when = f"tick {tick}" if batch is None else f"sample {sample}, tick {tick}"
    low, high = arith.REGISTER_RANGE[error.register]
    return (
        f"{when}, population {part.name!r} neuron {index}: {REGISTER_NAME[error.register]} is {error.value}, "
        f"its register holds {low}..{high} (chip {program.chip.name!r}, arithmetic.overflow 'strict'): lower "
        "weights or bias, or let it wrap and clip as silicon does with arithmetic.overflow 'chip'"
    )


def engine_of(name: str, threads: int) -> Work:
    """The engine of that name as a function."""
    if name == "reference":
        from emulator import reference

        return lambda program, drive, progress: reference.run(program.image, program.chip, drive, progress)
    from emulator.engine import native

    return lambda program, drive, progress: native.run(
        program.image, program.chip, drive, progress, int(threads)
    )
