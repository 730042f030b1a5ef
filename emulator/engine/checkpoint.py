"""Runs that are kept in a file on their way: a piece of the ticks after the other, each from the state of the
last. The record is that of one run, bit for bit, wherever it was cut and whatever engine went on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from emulator.chip.drive import Drive, ProbeLanes
from emulator.engine.generators import Window, flat_generators
from emulator.errors import RegisterOverflow
from emulator.formats import CheckpointedRun, CheckpointFile
from emulator.pieces import Rows, Totals, added, joined, put_together, taken_apart
from emulator.program import Program
from emulator.record import Ints, Record, State

Progress = Callable[[int, int], None]
Work = Callable[[Program, Drive, Progress | None], Record]

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
    done = _Done.of(file.record)
    program = file.run.program
    for n_ticks in _pieces(drive.n_ticks, done.n_ticks, every or file.run.every):
        piece = _part(program, drive, done, n_ticks)
        rows, totals, state = _carried_out(work, program, drive, piece, done.n_ticks, progress)
        done = done.followed_by(rows, totals, state)
        file.add(rows, done.known_totals, state)
    return done.record(drive)


@dataclass(frozen=True, eq=False)
class _Done:
    """What was run so far."""

    rows: tuple[Rows, ...] = ()
    totals: Totals | None = None
    state: State | None = None

    @classmethod
    def of(cls, record: Record | None) -> _Done:
        if record is None:
            return cls()
        rows, totals = taken_apart(record)
        return cls((rows,), totals, record.state)

    @property
    def n_ticks(self) -> int:
        return sum(rows.n_ticks for rows in self.rows)

    @property
    def known_totals(self) -> Totals:
        assert self.totals is not None, "nothing was run yet"
        return self.totals

    def followed_by(self, rows: Rows, totals: Totals, state: State) -> _Done:
        both = totals if self.totals is None else added(self.totals, totals)
        return _Done((*self.rows, rows), both, state)

    def record(self, drive: Drive) -> Record:
        assert self.state is not None, "nothing was run yet"
        rows = joined(self.rows, drive.n_samples)
        return put_together(rows, self.known_totals, self.state, drive.n_samples, drive.batched)


def _pieces(n_ticks: int, n_done: int, every: int) -> Iterator[int]:
    """Ticks of each piece to come; a run of no ticks is a piece of none."""
    if n_ticks == 0 and n_done == 0:
        yield 0
    for first in range(n_done, n_ticks, every):
        yield min(every, n_ticks - first)


def _part(program: Program, drive: Drive, done: _Done, n_ticks: int) -> Drive:
    """The next `n_ticks` of every sample as a run of their own."""
    first = done.n_ticks
    begin = np.arange(drive.n_samples, dtype=np.int64) * drive.n_ticks + first
    bounds = drive.event_ptr[np.stack((begin, begin + n_ticks))]
    n_events = np.diff(drive.event_ptr)[begin[:, None] + np.arange(n_ticks)]
    events = [drive.event_input[low:high] for low, high in bounds.T.tolist()]
    before = 0 if drive.state is None else drive.state.n_ticks
    return replace(
        drive,
        n_ticks=n_ticks,
        event_ptr=np.concatenate([[0], np.cumsum(n_events)]).astype(np.int64),
        event_input=np.concatenate(events),
        generators=flat_generators(program, Window(before + first, n_ticks), drive.generators.seed),
        probes=tuple(_lanes(lanes, first, n_ticks) for lanes in drive.probes),
        state=drive.state if done.state is None else done.state,
    )


def _lanes(lanes: ProbeLanes, first: int, n_ticks: int) -> ProbeLanes:
    inside = (lanes.ticks >= first) & (lanes.ticks < first + n_ticks)
    return replace(lanes, ticks=lanes.ticks[inside] - first)


def _carried_out(
    work: Work, program: Program, drive: Drive, piece: Drive, first: int, progress: Progress | None
) -> tuple[Rows, Totals, State]:
    """Runs a piece; tells progress and overflows in rows of the whole run."""

    def told(n_rows: int, _: int) -> None:
        if progress is not None:
            progress(first * drive.n_samples + n_rows, drive.n_samples * drive.n_ticks)

    try:
        record = work(program, piece, told)
    except RegisterOverflow as error:
        sample, tick = divmod(error.row, piece.n_ticks)
        row = sample * drive.n_ticks + first + tick
        raise RegisterOverflow(error.slot, row, error.register, error.value) from error
    return *taken_apart(record), record.state


def _given_spikes(program: Program, drive: Drive) -> dict[str, Ints]:
    """The stimulus as events: those of sources that make none themselves."""
    rows = np.repeat(np.arange(len(drive.event_ptr) - 1), np.diff(drive.event_ptr))
    sample, tick = np.divmod(rows, max(drive.n_ticks, 1))
    source = np.full(program.image.n_inputs, -1, dtype=np.int64)
    index = np.zeros(program.image.n_inputs, dtype=np.int64)
    parts = program.symbols.sources
    for number, part in enumerate(parts):
        if part.generator is None:
            source[part.address] = number
            index[part.address] = np.arange(part.n)
    of_event = source[drive.event_input]
    given: dict[str, Ints] = {}
    for number in np.unique(of_event[of_event >= 0]).tolist():
        own = of_event == number
        columns = [tick[own], index[drive.event_input[own]]]
        events = np.stack([sample[own], *columns] if drive.batched else columns, axis=1)
        given[parts[number].name] = events.astype(np.int32)
    return given
