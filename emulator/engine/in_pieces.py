"""A run in pieces: each is a run of its own that goes on from the state of the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from emulator.chip.drive import Drive, ProbeLanes
from emulator.engine.generators import Window, flat_generators
from emulator.errors import RegisterOverflow
from emulator.pieces import Rows, Totals, added, joined, put_together, taken_apart
from emulator.program import Program
from emulator.record import Record, State

Progress = Callable[[int, int], None]
Work = Callable[[Program, Drive, Progress | None], Record]


@dataclass(frozen=True, eq=False)
class Done:
    """What was run so far."""

    rows: tuple[Rows, ...] = ()
    totals: Totals | None = None
    state: State | None = None

    @classmethod
    def of(cls, record: Record | None) -> Done:
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

    def followed_by(self, rows: Rows, totals: Totals, state: State) -> Done:
        both = totals if self.totals is None else added(self.totals, totals)
        return Done((*self.rows, rows), both, state)

    def record(self, drive: Drive) -> Record:
        assert self.state is not None, "nothing was run yet"
        rows = joined(self.rows, drive.n_samples)
        return put_together(rows, self.known_totals, self.state, drive.n_samples, drive.batched)


def part(program: Program, drive: Drive, done: Done, n_ticks: int) -> Drive:
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


def carried_out(
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
