"""Runs whose registers are upset: a piece up to each tick that bits flip before."""

from __future__ import annotations

from emulator.chip.drive import Drive
from emulator.engine.in_pieces import Done, Progress, Work, carried_out, part
from emulator.faults import Upsets, flipped
from emulator.program import Program
from emulator.record import Record


def upset_by(upsets: Upsets, work: Work) -> Work:
    """An engine whose registers are upset on the way."""

    def disturbed(program: Program, drive: Drive, progress: Progress | None) -> Record:
        ticks, done = upsets.within(drive.n_ticks), Done()
        for tick in [*ticks, drive.n_ticks]:
            piece = part(program, drive, done, tick - done.n_ticks)  # of no ticks: it gives the initial state
            rows, totals, state = carried_out(work, program, drive, piece, done.n_ticks, progress)
            after = state if tick == drive.n_ticks else flipped(state, program, upsets)
            done = done.followed_by(rows, totals, after)
        return done.record(drive)

    return disturbed
