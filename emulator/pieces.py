"""A run in pieces: what grows with its ticks, what adds up, and the record that they are of together.

A piece is a run of some ticks of every sample that goes on from the state of the piece before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from emulator.record import Ints, Record, State, Timing

HIGHEST = ("occupancy_max", "intake_max")
"""Fields of `Totals` of which the highest counts; of all others it is the sum."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What a piece adds for each of its ticks; rows, dtypes and shapes as those of a `Record` of it alone."""

    n_ticks: int
    spikes: Ints
    probes: tuple[Ints, ...]
    counts_by_tick: Ints
    done_ps: Ints | None  # None with timing=False, as tick_ps
    tick_ps: Ints | None


@dataclass(frozen=True, eq=False)
class Totals:
    """What a run has once, however many ticks it had; fields as those of `Record` and `Timing`."""

    counts_by_core: Ints
    counts_by_group: Ints
    spikes_by_sender: Ints
    link_counts: Ints
    link_losses: Ints
    stall_ps: Ints | None  # None with timing=False, as the next two
    occupancy_max: Ints | None
    intake_max: Ints | None


def taken_apart(record: Record) -> tuple[Rows, Totals]:
    """A record as a piece."""
    timing = record.timing
    rows = Rows(
        n_ticks=record.n_ticks,
        spikes=record.spikes,
        probes=record.probes,
        counts_by_tick=record.counts_by_tick,
        done_ps=None if timing is None else timing.done_ps,
        tick_ps=None if timing is None else timing.tick_ps,
    )
    totals = Totals(
        counts_by_core=record.counts_by_core,
        counts_by_group=record.counts_by_group,
        spikes_by_sender=record.spikes_by_sender,
        link_counts=record.link_counts,
        link_losses=record.link_losses,
        stall_ps=None if timing is None else timing.stall_ps,
        occupancy_max=None if timing is None else timing.occupancy_max,
        intake_max=None if timing is None else timing.intake_max,
    )
    return rows, totals


def added(a: Totals, b: Totals) -> Totals:
    """Totals of two pieces of one run."""
    both: dict[str, Any] = {}
    for name in (field.name for field in fields(Totals)):
        x, y = getattr(a, name), getattr(b, name)
        both[name] = None if x is None else np.maximum(x, y) if name in HIGHEST else x + y
    return Totals(**both)


def joined(pieces: Sequence[Rows], n_samples: int) -> Rows:
    """Rows of at least one piece, one after the other, as those of one run of all their ticks."""
    if len(pieces) == 1:
        return pieces[0]
    first = np.cumsum([0, *(piece.n_ticks for piece in pieces)])
    n_ticks = int(first[-1])
    probes = zip(*(piece.probes for piece in pieces), strict=True)
    return Rows(
        n_ticks=n_ticks,
        spikes=_joined_spikes(pieces, first, n_samples),
        probes=tuple(np.concatenate(values, axis=1) for values in probes),
        counts_by_tick=_by_sample([piece.counts_by_tick for piece in pieces], n_samples),
        done_ps=_instants([piece.done_ps for piece in pieces], n_samples),
        tick_ps=_instants([piece.tick_ps for piece in pieces], n_samples),
    )


def put_together(rows: Rows, totals: Totals, state: State, n_samples: int, batched: bool) -> Record:
    """The record of a run from what its pieces were joined to."""
    timing = None
    if rows.done_ps is not None and rows.tick_ps is not None:
        assert totals.stall_ps is not None and totals.occupancy_max is not None
        assert totals.intake_max is not None
        timing = Timing(rows.done_ps, rows.tick_ps, totals.stall_ps, totals.occupancy_max, totals.intake_max)
    return Record(
        n_samples=n_samples,
        n_ticks=rows.n_ticks,
        batched=batched,
        spikes=rows.spikes,
        probes=rows.probes,
        counts_by_tick=rows.counts_by_tick,
        counts_by_core=totals.counts_by_core,
        counts_by_group=totals.counts_by_group,
        spikes_by_sender=totals.spikes_by_sender,
        link_counts=totals.link_counts,
        timing=timing,
        state=state,
        link_losses=totals.link_losses,
    )


def _joined_spikes(pieces: Sequence[Rows], first: Ints, n_samples: int) -> Ints:
    n_ticks, slots = int(first[-1]), np.concatenate([piece.spikes[:, 1] for piece in pieces])
    rows = np.empty_like(slots)
    end = 0
    for piece, begin in zip(pieces, first.tolist(), strict=False):
        row = piece.spikes[:, 0]
        later = row // max(piece.n_ticks, 1) * (n_ticks - piece.n_ticks) if n_samples > 1 else 0
        rows[end : end + len(row)] = row + later + begin
        end += len(row)
    if n_samples > 1:
        order = np.argsort(rows, kind="stable")  # slots of a row are sorted already
        rows, slots = rows[order], slots[order]
    return np.stack((rows, slots), axis=1)


def _by_sample(tables: Sequence[Ints], n_samples: int) -> Ints:
    """Tables [n_samples * ticks of the piece, ...] as one."""
    below = tables[0].shape[1:]
    apart = [table.reshape(n_samples, len(table) // n_samples, *below) for table in tables]
    return np.concatenate(apart, axis=1).reshape(-1, *below)


def _instants(tables: Sequence[Ints | None], n_samples: int) -> Ints | None:
    timed = [table for table in tables if table is not None]
    return _by_sample(timed, n_samples) if timed else None
