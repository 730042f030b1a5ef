"""Records as files: what happened in a run, together with the program that ran."""

from __future__ import annotations

from os import PathLike
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from emulator.chip.board import border_links
from emulator.chip.crossbar import AnyImage
from emulator.chip.events import DIRECTIONS, EVENT_ID, EVENTS
from emulator.chip.spec import ChipSpec
from emulator.chip.state import state_dtype
from emulator.formats import container
from emulator.formats.fields import Fields
from emulator.formats.files import shown
from emulator.formats.programs import program_content, read_program
from emulator.formats.provenance import provenance_content, read_provenance, read_state
from emulator.program import Program
from emulator.record import Provenance, Record, Timing

Ints = NDArray[np.integer]

VERSION = 6

_COUNT_TABLES = ("counts_by_tick", "counts_by_core", "counts_by_group")
_MAX_COUNT = 2**62  # of one event in a whole run: sums of counts stay within int64
_MAX_ROWS = 2**31 - 1


class RunResult(Protocol):
    """What `save_result` needs of a result."""

    @property
    def record(self) -> Record: ...
    @property
    def program(self) -> Program: ...
    @property
    def provenance(self) -> Provenance | None: ...


def save_result(result: RunResult, path: str | PathLike[str]) -> None:
    """Writes the record of a run, its program, and what it was given. Raises ImageError."""
    origin = result.provenance
    content = {
        "program": program_content(result.program),
        **record_content(result.record),
        "provenance": None if origin is None else provenance_content(origin),
    }
    container.write(path, "record", VERSION, content)


def record_content(record: Record) -> dict[str, Any]:
    """A record as maps and arrays."""
    return {
        "n_samples": record.n_samples,
        "n_ticks": record.n_ticks,
        "batched": record.batched,
        "events": list(EVENTS),
        "spikes": record.spikes,
        "probes": list(record.probes),
        **{name: getattr(record, name) for name in _COUNT_TABLES},
        "link_counts": record.link_counts,
        "link_losses": record.link_losses,
        "spikes_by_sender": record.spikes_by_sender,
        "timing": None if record.timing is None else vars(record.timing),
        "state": vars(record.state),
    }


def load_record(path: str | PathLike[str]) -> tuple[Record, Program, Provenance | None]:
    """Reads a record, the program it belongs to, and what the run was given; arrays are read-only.

    Raises ImageError naming the file and what is wrong with it.
    """
    named = shown(path)
    whole = Fields(container.read(path, "record", VERSION), "", [])
    program = read_program(whole.sub("program"), named)
    record = read_record(whole, program, named)
    origin = (
        None if whole.is_none("provenance") else read_provenance(whole.sub("provenance"), record, program)
    )
    whole.stop(named)
    return record, program, origin


def read_record(whole: Fields, program: Program, named: str) -> Record:
    """The record of `record_content`, beside its program, every part of it checked. Raises ImageError."""
    record = _read_record(whole, program)
    whole.stop(named)
    _check_spikes(record, program.image, whole)
    _check_counts(record, program.chip, whole)
    _check_senders(record, program.image, whole)
    if record.timing is not None:
        _check_ends(record.timing, program.chip, whole)
    whole.stop(named)
    return record


def _read_record(whole: Fields, program: Program) -> Record:
    """The record with every shape and dtype checked against the program."""
    names = (
        "n_samples",
        "n_ticks",
        "batched",
        "spikes",
        "probes",
        "link_counts",
        "link_losses",
        "spikes_by_sender",
        "timing",
        "state",
        "provenance",
    )
    whole.only("program", "events", *names, *_COUNT_TABLES)
    image, chip = program.image, program.chip
    # columns are told by their names: a release that counts other events would read the wrong numbers
    whole.require(whole.texts("events") == list(EVENTS), "events", f"expected {', '.join(EVENTS)}")
    n_samples, n_ticks = whole.integer("n_samples", 1, _MAX_ROWS), whole.integer("n_ticks", 0, _MAX_ROWS)
    n_rows, n_events = n_samples * n_ticks, len(EVENTS)
    rows = {
        "counts_by_tick": n_rows,
        "counts_by_core": image.n_cores + 1,
        "counts_by_group": image.n_groups + 1,
    }
    batched = whole.flag("batched")
    whole.require(batched or n_samples == 1, "batched", f"false, but there are {n_samples} samples")
    tables = {name: _table(whole, name, "int64", rows[name], n_events) for name in _COUNT_TABLES}
    return Record(
        n_samples=n_samples,
        n_ticks=n_ticks,
        batched=batched,
        spikes=_table(whole, "spikes", "int64", None, 2),
        probes=_read_probes(whole, program, n_samples, n_ticks),
        counts_by_tick=tables["counts_by_tick"],
        counts_by_core=tables["counts_by_core"],
        counts_by_group=tables["counts_by_group"],
        link_counts=_table(whole, "link_counts", "int64", chip.n_tiles, len(DIRECTIONS)),
        timing=None if whole.is_none("timing") else _read_timing(whole.sub("timing"), program, n_rows),
        state=read_state(whole.sub("state"), program, n_samples, n_ticks),
        link_losses=_table(whole, "link_losses", "int64", chip.n_tiles, len(DIRECTIONS)),
        spikes_by_sender=_table(whole, "spikes_by_sender", "int64", image.n_senders),
    )


def _table(fields: Fields, name: str, dtype: str, *shape: int | None) -> Ints:
    """An array of counts, none of them negative."""
    table = fields.array(name, dtype, *shape)
    fields.require(not (table.size and table.min() < 0), name, "holds a negative number")
    return table


def _read_probes(whole: Fields, program: Program, n_samples: int, n_ticks: int) -> tuple[Ints, ...]:
    probes = whole.arrays("probes", state_dtype(program.image, program.chip), 3)
    sizes = {part.name: part.n for part in program.symbols.populations}
    expected = []
    for symbol in program.symbols.probes:
        n_probed = sizes[symbol.population] if symbol.index is None else len(symbol.index)
        n_probed_ticks = n_ticks if symbol.ticks is None else int((symbol.ticks < n_ticks).sum())
        expected.append((n_samples, n_probed_ticks, n_probed))
    shapes = [probe.shape for probe in probes]
    whole.require(shapes == expected, "probes", f"shapes {shapes}, the program and its run make {expected}")
    return tuple(probes)


def _read_timing(fields: Fields, program: Program, n_rows: int) -> Timing:
    fields.only("done_ps", "tick_ps", "stall_ps", "occupancy_max", "intake_max")
    image, chip = program.image, program.chip
    timing = Timing(
        done_ps=_table(fields, "done_ps", "int64", n_rows),
        tick_ps=_table(fields, "tick_ps", "int64", n_rows),
        stall_ps=_table(fields, "stall_ps", "int64", image.n_cores + 1),
        occupancy_max=_table(fields, "occupancy_max", "int64", chip.n_tiles, chip.n_ports),
        intake_max=_table(fields, "intake_max", "int64", image.n_cores),
    )
    for name, depth in (("occupancy_max", chip.mesh.fifo_depth), ("intake_max", chip.mesh.intake_depth)):
        highest = int(getattr(timing, name).max(initial=0))
        fields.require(highest <= depth, name, f"{highest} packets in a FIFO of depth {depth}")
    return timing


def _check_spikes(record: Record, image: AnyImage, whole: Fields) -> None:
    """Spikes are sorted, lie within the run, and come from slots that are recorded."""
    row, slot = record.spikes[:, 0], record.spikes[:, 1]
    if len(row) and not (row.max() < record.n_rows and slot.max() < image.n_slots):
        whole.require(False, "spikes", f"outside the {record.n_rows} rows and {image.n_slots} slots")
        return
    ascending = (row[1:] > row[:-1]) | ((row[1:] == row[:-1]) & (slot[1:] > slot[:-1]))
    whole.require(bool(ascending.all()), "spikes", "not sorted by row and slot, or a spike is there twice")
    whole.require(bool(image.slot_recorded[slot].all()), "spikes", "a slot spikes that is not recorded")
    counted = record.counts_by_tick[:, EVENT_ID["spikes"]]
    per_row = np.bincount(row, minlength=record.n_rows)
    whole.require(bool((per_row <= counted).all()), "spikes", "more spikes in a tick than were counted")


def _check_senders(record: Record, image: AnyImage, whole: Fields) -> None:
    """Spikes by sender are those of the slots that are recorded, and as many as were counted."""
    if whole.problems:
        return
    by_slot = record.spikes_by_sender[: image.n_slots]
    kept = image.slot_recorded != 0
    listed = np.bincount(record.spikes[:, 1], minlength=image.n_slots)
    counted = record.counts_by_tick[:, EVENT_ID["spikes"]].sum()
    agree = bool((listed[kept] == by_slot[kept]).all()) and by_slot.sum() == counted
    whole.require(agree, "spikes_by_sender", "differs from the spikes of the slots, or from their count")


def _check_ends(timing: Timing, chip: ChipSpec, whole: Fields) -> None:
    """Ticks end after their work, or by the clock."""
    if chip.tick_ps is None:
        done = bool((timing.done_ps <= timing.tick_ps).all())
        whole.require(done, "timing.done_ps", "later than the end of its tick")
    else:
        alike = bool((timing.tick_ps == chip.tick_ps).all())
        whole.require(alike, "timing.tick_ps", f"a tick of the chip takes {chip.tick_ps} ps")


def _check_counts(record: Record, chip: ChipSpec, whole: Fields) -> None:
    """The tables are views of the same events: their columns have the same sums."""
    tables = {name: getattr(record, name) for name in (*_COUNT_TABLES, "link_counts")}
    for name, table in tables.items():
        limit = _MAX_COUNT // max(1, len(table))
        whole.require(int(table.max(initial=0)) <= limit, name, f"a count above {limit}")
    if whole.problems:
        return
    sums = {name: tables[name].sum(axis=0) for name in _COUNT_TABLES}
    for event, *values in zip(EVENTS, *(sums[name].tolist() for name in _COUNT_TABLES), strict=True):
        found = ", ".join(f"{value} in {name}" for name, value in zip(_COUNT_TABLES, values, strict=True))
        whole.require(len(set(values)) == 1, "counts", f"{event}: {found}")
    hops = [int(sums["counts_by_tick"][EVENT_ID[f"hop_{side.lower()}"]]) for side in DIRECTIONS]
    links = record.link_counts.sum(axis=0).tolist()
    whole.require(links == hops, "link_counts", f"{links} grants by direction, counted were {hops} hops")
    lost = int(sums["counts_by_tick"][EVENT_ID["lost"]])
    by_link = record.link_losses
    whole.require(
        int(by_link.sum()) == lost and bool((by_link <= record.link_counts).all()),
        "link_losses",
        f"{int(by_link.sum())} packets, no link more than it granted, must be the {lost} counted as lost",
    )
    crossings = int(sums["counts_by_tick"][EVENT_ID["hop_chip"]])
    grants = int(record.link_counts[border_links(chip)].sum())
    whole.require(
        grants == crossings,
        "link_counts",
        f"{grants} grants of links between chips, counted were {crossings} such hops",
    )
