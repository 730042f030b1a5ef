"""Runs that are kept in a file on their way: a piece of the ticks after the other, each from the state of the
last. The record is that of one run, bit for bit, wherever it was cut and whatever engine went on."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike

import numpy as np

from emulator.chip.drive import Drive
from emulator.engine.in_pieces import Done, Progress, Work, carried_out, part
from emulator.formats import CheckpointedRun, CheckpointFile
from emulator.program import Program
from emulator.record import Ints, Record

CHECKPOINT_TICKS = 1000
"""Ticks from one checkpoint to the next, unless told."""


def interval_problems(checkpoint: object, every: object, trace: bool) -> list[str]:
    """What is wrong with the arguments of `run` that are about checkpoints."""
    problems = []
    if every is not None:
        whole = isinstance(every, (int, np.integer)) and not isinstance(every, bool) and every >= 1
        if not whole:
            problems.append(f"every={every!r}: must be an integer of at least 1, ticks between checkpoints")
        if checkpoint is None:
            problems.append(f"every={every!r}: of which file? Give checkpoint= too")
    if checkpoint is not None and trace:
        problems.append("trace=True with checkpoint=: a checkpoint keeps no packets; leave out one of them")
    return problems


def kept_in(path: str | PathLike[str], every: int, work: Work) -> Work:
    """An engine that begins a checkpoint and keeps its run there."""

    def kept(program: Program, drive: Drive, progress: Progress | None) -> Record:
        run = CheckpointedRun(
            program=program,
            n_ticks=drive.n_ticks,
            batch=drive.n_samples if drive.batched else None,
            seed=drive.generators.seed,
            timing=drive.timing,
            every=int(every),
            stimulus=_given_spikes(program, drive),
            state=drive.state,
        )
        with CheckpointFile.create(path, run) as file:
            return going_on(file, drive, work, progress)

    return kept


def going_on(
    file: CheckpointFile, drive: Drive, work: Work, progress: Progress | None, every: int | None = None
) -> Record:
    """Runs what is left of a checkpoint, keeps it there, and returns the record of all ticks."""
    done = Done.of(file.record)
    program = file.run.program
    for n_ticks in _pieces(drive.n_ticks, done.n_ticks, every or file.run.every):
        piece = part(program, drive, done, n_ticks)
        rows, totals, state = carried_out(work, program, drive, piece, done.n_ticks, progress)
        done = done.followed_by(rows, totals, state)
        file.add(rows, done.known_totals, state)
    return done.record(drive)


def _pieces(n_ticks: int, n_done: int, every: int) -> Iterator[int]:
    """Ticks of each piece to come; a run of no ticks is a piece of none."""
    if n_ticks == 0 and n_done == 0:
        yield 0
    for first in range(n_done, n_ticks, every):
        yield min(every, n_ticks - first)


def _given_spikes(program: Program, drive: Drive) -> dict[str, Ints]:
    """The stimulus as events: those of sources that make none themselves."""
    rows = np.repeat(np.arange(len(drive.event_ptr) - 1), np.diff(drive.event_ptr))
    sample, tick = np.divmod(rows, max(drive.n_ticks, 1))
    source = np.full(program.image.n_inputs, -1, dtype=np.int64)
    index = np.zeros(program.image.n_inputs, dtype=np.int64)
    parts = program.symbols.sources
    for number, source_part in enumerate(parts):
        if source_part.generator is None:
            source[source_part.address] = number
            index[source_part.address] = np.arange(source_part.n)
    of_event = source[drive.event_input]
    given: dict[str, Ints] = {}
    for number in np.unique(of_event[of_event >= 0]).tolist():
        own = of_event == number
        columns = [tick[own], index[drive.event_input[own]]]
        events = np.stack([sample[own], *columns] if drive.batched else columns, axis=1)
        given[parts[number].name] = events.astype(np.int32)
    return given
