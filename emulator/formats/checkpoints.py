"""Checkpoints: a run on the way, in one file that a crash at any moment leaves sound.

    run       container: program, stimulus and arguments; written once, atomically
    progress  two slots for a container each: how far the run is, its state, and what adds up
    pieces    containers, one for each checkpoint: spikes, probes, rows of counts and instants

A piece is appended and flushed to the disk first, then the progress that counts it in goes to the slot of the
older one. So what the newer sound slot counts in is complete, whatever was cut short, and what follows its
end is overwritten. A checkpoint costs its piece and one state; the file grows by pieces alone.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from os import PathLike
from typing import IO, Any

import numpy as np

from emulator.chip.events import DIRECTIONS, EVENTS
from emulator.chip.state import state_dtype, state_tables
from emulator.errors import ImageError
from emulator.formats import container
from emulator.formats.fields import Fields
from emulator.formats.files import explained, shown, writable, write_atomic
from emulator.formats.programs import program_content, read_program
from emulator.formats.provenance import read_state
from emulator.formats.records import read_record
from emulator.pieces import Rows, Totals, joined
from emulator.program import Program
from emulator.record import Ints, Record, State

VERSION = 1
MAX_SEED = 2**64 - 1

_MAX_ROWS = 2**31 - 1
_MAX_SOURCES = 2**24
_BLOCK = 4096  # slots begin and end at multiples of it
_OF_TIMING = ("stall_ps", "occupancy_max", "intake_max")
_OF_PIECE = tuple(field.name for field in fields(Rows))


@dataclass(frozen=True, eq=False)
class CheckpointedRun:
    """What a run was asked to do. Engine, threads and progress change no bit and are chosen anew."""

    program: Program
    n_ticks: int
    batch: int | None
    seed: int
    timing: bool
    every: int  # ticks of a piece
    stimulus: dict[str, Ints]  # source -> int32 events (tick, index), or (sample, tick, index) with a batch
    state: State | None  # that it began with

    @property
    def n_samples(self) -> int:
        return 1 if self.batch is None else self.batch


class CheckpointFile:
    """An open checkpoint. Nobody else can go on with it meanwhile."""

    def __init__(self, file: IO[bytes], named: str, run: CheckpointedRun, slots: int):
        self.named, self.run = named, run
        self.record: Record | None = None  # of the ticks done; None: nothing yet
        self._file, self._slots, self._slot_bytes = file, slots, _slot_bytes(run)
        self._next = 0  # slot of the older progress
        self._n_done = 0
        self._end = slots + 2 * self._slot_bytes

    @classmethod
    def create(cls, path: str | PathLike[str], run: CheckpointedRun) -> CheckpointFile:
        """Begins a checkpoint. Raises ImageError, also if there is such a file already."""
        named = shown(path)
        check_new_checkpoint(named)
        head = container.pack(named, "checkpoint", VERSION, _run_content(run))
        n_head = sum(len(chunk) for chunk in head)
        slots = _blocks(n_head)
        write_atomic(path, *head, bytes(slots - n_head), bytes(2 * _slot_bytes(run)))
        return cls(_opened(named), named, run, slots)

    @classmethod
    def take_up(cls, path: str | PathLike[str]) -> CheckpointFile:
        """Reads a checkpoint, to go on with it. Raises ImageError when it is damaged."""
        named = shown(path)
        writable(path)
        file = _opened(named)
        try:
            head = _framed(file, 0, named)
            run = _read_run(container.unpack(head, named, "checkpoint", VERSION), named)
            found = cls(file, named, run, _blocks(len(head)))
            found._read_progress()
            return found
        except BaseException:
            file.close()
            raise

    def add(self, rows: Rows, totals: Totals, state: State) -> None:
        """Appends a piece; totals and state are those after it. Raises ImageError."""
        timing = None
        if totals.stall_ps is not None:
            timing = {name: getattr(totals, name) for name in _OF_TIMING}
        piece = {"first_tick": self._n_done, **vars(rows)}
        chunks = container.pack(self.named, "piece", VERSION, piece)
        n_done, end = self._n_done + rows.n_ticks, self._end + sum(len(chunk) for chunk in chunks)
        progress = {
            **{name: value for name, value in vars(totals).items() if name not in _OF_TIMING},
            "timing": timing,
            "state": vars(state),
            "n_ticks": n_done,
            "end": end,
        }
        slot = container.pack(self.named, "progress", VERSION, progress)
        assert sum(len(chunk) for chunk in slot) <= self._slot_bytes, self.named
        self._write(self._end, chunks)
        self._write(self._slots + self._next * self._slot_bytes, slot)
        self._next, self._n_done, self._end = 1 - self._next, n_done, end

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> CheckpointFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, position: int, chunks: list[bytes | memoryview]) -> None:
        try:
            with explained(self.named, "written"):
                self._file.seek(position)
                for chunk in chunks:
                    self._file.write(chunk)
                self._file.flush()
                os.fsync(self._file.fileno())
        except ImageError as error:
            kept = f"{self._n_done} of {self.run.n_ticks} ticks are kept in it: resume goes on from there"
            raise ImageError(f"{error}; {kept}") from error

    def _read_progress(self) -> None:
        """Takes up the newer of the sound slots, and the pieces that it counts in."""
        sound = {number: content for number in (0, 1) if (content := self._slot(number)) is not None}
        if not sound:
            return
        newer = max(sound, key=lambda number: sound[number]["n_ticks"])
        progress = Fields(sound[newer], "", [])
        self._next = 1 - newer
        self._n_done, end = progress.table["n_ticks"], progress.table["end"]
        pieces = list(self._pieces(end))
        rows = joined(pieces, self.run.n_samples) if pieces else None
        if rows is None or rows.n_ticks != self._n_done or self._end != end:
            raise ImageError(f"{self.named}: its pieces are not those of {self._n_done} ticks: run it anew")
        self.record = _read_partial(progress, rows, self.run, self.named)

    def _slot(self, number: int) -> dict[str, Any] | None:
        """Content of a slot; None if none was written, or not to its end."""
        data = _taken(self._file, self._slots + number * self._slot_bytes, self._slot_bytes, self.named)
        n_bytes = container.claimed_bytes(data[: container.HEADER_BYTES])
        try:
            content = container.unpack(data[:n_bytes], self.named, "progress", VERSION)
        except ImageError:
            return None
        whole = Fields(content, "", [])
        whole.integer("n_ticks", 0, self.run.n_ticks)
        whole.integer("end", 0, container.MAX_FILE_BYTES)
        whole.stop(self.named)
        return content

    def _pieces(self, end: int) -> Iterator[Rows]:
        """The pieces up to `end`; leaves `_end` behind the last."""
        n_done = 0
        while self._end < end:
            data = _framed(self._file, self._end, f"{self.named}: piece from tick {n_done} on")
            piece = _read_piece(
                container.unpack(data, self.named, "piece", VERSION), self.run, n_done, self.named
            )
            n_done += piece.n_ticks
            self._end += len(data)
            yield piece


def check_new_checkpoint(path: str | PathLike[str]) -> None:
    """Raises ImageError if there is something of that name: a checkpoint may be all that is left of a run."""
    named = shown(path)
    if not os.path.lexists(named):
        return
    try:
        with CheckpointFile.take_up(named) as older:
            done = 0 if older.record is None else older.record.n_ticks
            what = f"there is a checkpoint of {done} of {older.run.n_ticks} ticks already"
    except ImageError:
        raise ImageError(f"{named}: there is such a file already: choose another name") from None
    raise ImageError(f"{named}: {what}: go on with it by resume, remove it, or choose another name")


def _opened(named: str) -> IO[bytes]:
    if not os.path.lexists(named):
        raise ImageError(f"{named}: no such file: check the path")
    with explained(named, "opened"):
        file = open(named, "r+b")  # noqa: SIM115 - stays open while the run goes on
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ImageError(f"{named}: another run is going on with it: wait for its end, or stop it") from None
    return file


def _taken(file: IO[bytes], position: int, n_bytes: int, named: str) -> bytes:
    with explained(named, "read"):
        file.seek(position)
        return file.read(n_bytes)


def _framed(file: IO[bytes], position: int, named: str) -> bytes:
    """The bytes of the container that begins at `position`, or as many as there are."""
    header = _taken(file, position, container.HEADER_BYTES, named)
    left = os.fstat(file.fileno()).st_size - position
    n_bytes = container.claimed_bytes(header)
    if n_bytes > left:
        raise ImageError(f"{named}: truncated: {max(left, 0)} of {n_bytes} bytes: copy it again")
    return header if n_bytes == 0 else _taken(file, position, n_bytes, named)


def _blocks(n_bytes: int) -> int:
    return -(-n_bytes // _BLOCK) * _BLOCK


def _slot_bytes(run: CheckpointedRun) -> int:
    """Room for a progress, whatever its values: arrays of a file never take more than in memory."""
    image, chip, n_events = run.program.image, run.program.chip, len(EVENTS)
    registers = state_tables(image, chip).values()
    n_bytes = [
        run.n_samples * int(np.prod(table.shape)) * np.dtype(table.dtype).itemsize for table in registers
    ]
    n_bytes += [8 * n * n_events for n in (image.n_cores + 1, image.n_groups + 1)]
    n_bytes += [8 * image.n_senders, *[8 * chip.n_tiles * len(DIRECTIONS)] * 2]
    n_bytes += [8 * (image.n_cores + 1), 8 * chip.n_tiles * chip.n_ports, 8 * image.n_cores]
    return _blocks(sum(n_bytes) + _BLOCK)


def _run_content(run: CheckpointedRun) -> dict[str, Any]:
    state = None if run.state is None else vars(run.state)
    return {**vars(run), "program": program_content(run.program), "state": state}


def _read_run(content: dict[str, Any], named: str) -> CheckpointedRun:
    whole = Fields(content, "", [])
    whole.only(*(field.name for field in fields(CheckpointedRun)))
    program = read_program(whole.sub("program"), named)
    batch = None if whole.is_none("batch") else whole.integer("batch", 1, _MAX_ROWS)
    n_ticks, seed = whole.integer("n_ticks", 0, _MAX_ROWS), whole.integer("seed", 0, MAX_SEED)
    stimulus = whole.sub("stimulus")
    whole.require(len(stimulus.table) <= _MAX_SOURCES, "stimulus", f"more than {_MAX_SOURCES} sources")
    n_columns = 2 if batch is None else 3
    events = {name: stimulus.array(name, "int32", None, n_columns) for name in stimulus.table}
    state = None
    if not whole.is_none("state"):
        state = read_state(whole.sub("state"), program, batch or 1, 0)
    timing, every = whole.flag("timing"), whole.integer("every", 1, _MAX_ROWS)
    whole.require((batch or 1) * n_ticks <= _MAX_ROWS, "n_ticks", f"more than {_MAX_ROWS} rows")
    whole.stop(named)
    return CheckpointedRun(program, n_ticks, batch, seed, timing, every, events, state)


def _read_piece(content: dict[str, Any], run: CheckpointedRun, first_tick: int, named: str) -> Rows:
    """Shapes and dtypes alone; values are checked when the pieces are together."""
    place = f"piece from tick {first_tick} on"
    piece = Fields(content, place, [])
    piece.only("first_tick", *_OF_PIECE)
    piece.integer("first_tick", first_tick, first_tick)
    n_ticks = piece.integer("n_ticks", 0, run.n_ticks - first_tick)
    n_rows = run.n_samples * n_ticks
    sizes = {part.name: part.n for part in run.program.symbols.populations}
    probes = piece.arrays("probes", state_dtype(run.program.image, run.program.chip), 3)
    expected = [
        (run.n_samples, sizes[symbol.population] if symbol.index is None else len(symbol.index))
        for symbol in run.program.symbols.probes
    ]
    found = [(probe.shape[0], probe.shape[-1]) for probe in probes if probe.ndim == 3]
    piece.require(found == expected, "probes", f"samples and neurons are {found}, expected {expected}")
    instants = {
        name: piece.array(name, "int64", n_rows) if run.timing else None for name in ("done_ps", "tick_ps")
    }
    rows = Rows(
        n_ticks=n_ticks,
        spikes=piece.array("spikes", "int64", None, 2),
        probes=tuple(probes),
        counts_by_tick=piece.array("counts_by_tick", "int64", n_rows, len(EVENTS)),
        **instants,
    )
    inside = not len(rows.spikes) or (rows.spikes[:, 0].min() >= 0 and rows.spikes[:, 0].max() < n_rows)
    piece.require(bool(inside), "spikes", f"outside the {n_rows} rows")
    piece.stop(named)
    return rows


def _read_partial(progress: Fields, rows: Rows, run: CheckpointedRun, named: str) -> Record:
    """The record of the ticks done, checked as a record of its own."""
    totals = {name: value for name, value in progress.table.items() if name not in ("n_ticks", "end")}
    timing = totals.pop("timing", None)
    if run.timing:
        given = timing if isinstance(timing, dict) else {}
        timing = {**given, "done_ps": rows.done_ps, "tick_ps": rows.tick_ps}
    content = {
        "program": None,
        "n_samples": run.n_samples,
        "n_ticks": rows.n_ticks,
        "batched": run.batch is not None,
        "events": list(EVENTS),
        "spikes": rows.spikes,
        "probes": list(rows.probes),
        "counts_by_tick": rows.counts_by_tick,
        **totals,
        "timing": timing,
    }
    return read_record(Fields(content, "progress", []), run.program, named)
