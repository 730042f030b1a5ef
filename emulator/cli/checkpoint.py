"""What `spikemesh run` knows of checkpoints: its options, and going on with a run that was cut short."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.options import Engine, check_target
from emulator.cli.output import RunFailed, UsageError, progress_bar
from emulator.engine import Result
from emulator.engine.resume import finish
from emulator.errors import EmulatorError
from emulator.formats import CheckpointFile, check_new_checkpoint

Checkpoint = Annotated[
    Path | None, typer.Option(help="File to keep the run in on its way, should it be cut short.")
]
Every = Annotated[
    int | None, typer.Option(min=1, help="Ticks from one checkpoint to the next. \\[default: 1000]")
]
Resume = Annotated[
    Path | None, typer.Option(help="Checkpoint to go on with; it knows program, ticks, stimulus and seed.")
]

_WITH_RESUME = ("out", "every", "resume", "engine", "threads", "json")


def check_resume(context: typer.Context) -> None:
    """Refuses what a checkpoint says itself."""
    given = [
        name if name == "program" else f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in _WITH_RESUME and _is_given(context, name)
    ]
    if given:
        raise UsageError(f"--resume with {', '.join(given)}: the checkpoint says it: leave it out")


def check_run(program: Path | None, checkpoint: Path | None, every: int | None, wire_limit: bool) -> Path:
    """The program to run, if the options about checkpoints go together."""
    if every is not None and checkpoint is None:
        raise UsageError(f"--every {every}: of which file? Give --checkpoint too")
    if program is None:
        raise UsageError("PROGRAM is missing: give the file of one, or --resume and a checkpoint")
    if checkpoint is not None:
        if wire_limit:
            raise UsageError("--wire-limit with --checkpoint: a checkpoint keeps no packets; leave out one")
        check_target(checkpoint)
        check_new_checkpoint(checkpoint)
    return program


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def resumed(path: Path, engine: Engine, threads: int, every: int | None) -> Result:
    """Goes on with a run, and shows how far it is."""
    with CheckpointFile.take_up(path) as file:
        label = f"{file.run.program.symbols.network}, {file.run.n_ticks:,} ticks"
        try:
            with progress_bar() as bar:
                return finish(file, engine, threads, every, partial(bar.step, label))
        except EmulatorError as error:
            raise RunFailed(error) from error
