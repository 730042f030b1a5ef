"""resume(): goes on with a run that was cut short."""

from __future__ import annotations

from os import PathLike

from emulator.engine.checkpoint import going_on, interval_problems
from emulator.engine.in_pieces import Progress
from emulator.engine.memory import Watch
from emulator.engine.provenance import provenance_of
from emulator.engine.result import Result
from emulator.engine.run import argument_problems, engine_of, explained
from emulator.engine.stimulus import build_drive
from emulator.errors import SimulationError
from emulator.formats import CheckpointFile


def resume(
    checkpoint: str | PathLike[str],
    *,
    engine: str = "native",
    threads: int = 1,
    every: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Goes on with a run from its last checkpoint, and keeps it there on its way.

    The record is the one that the run would have had without the interruption, bit for bit; also with another
    engine or number of threads. A checkpoint of a run that is complete gives its record at once.

    every: ticks between checkpoints; those of the run unless given.

    Raises ImageError when the file is damaged, and what `run` raises.
    """
    with CheckpointFile.take_up(checkpoint) as file:
        return finish(file, engine, threads, every, progress)


def finish(
    file: CheckpointFile, engine: str, threads: int, every: int | None, progress: Progress | None
) -> Result:
    """What `resume` does with a checkpoint that is open."""
    problems = [*argument_problems(engine, threads), *interval_problems(file, every, False)]
    if problems:
        raise SimulationError(problems)
    run = file.run
    drive = build_drive(
        run.program,
        run.n_ticks,
        run.stimulus,
        batch=run.batch,
        state=run.state,
        timing=run.timing,
        seed=run.seed,
    )
    with explained(run.program, run.n_ticks, run.batch):
        record = going_on(file, drive, engine_of(engine, threads), Watch(progress), every)
    return Result(record, run.program, provenance_of(drive, engine, int(threads)))
