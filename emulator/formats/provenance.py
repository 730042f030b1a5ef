"""What a run was given, as part of its record's file: host spikes, seed, first state, versions, command."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.chip.generators import MAX_TICK
from emulator.chip.state import state_tables
from emulator.formats.fields import Fields
from emulator.program import Program
from emulator.record import Provenance, Record, State

Ints = NDArray[np.integer]

MAX_SEED = 2**64 - 1
MAX_THREADS = 2**16
ENGINES = ("native", "reference")
_KEYS = ("seed", "engine", "threads", "trace", "event_ptr", "event_input", "begin", "versions", "command")


def provenance_content(origin: Provenance) -> dict[str, Any]:
    """As maps and arrays."""
    begin = None if origin.begin is None else vars(origin.begin)
    return {**{key: getattr(origin, key) for key in _KEYS}, "begin": begin, "command": list(origin.command)}


def read_provenance(fields: Fields, record: Record, program: Program) -> Provenance:
    """What `provenance_content` wrote, such that the run can be made again."""
    fields.only(*_KEYS)
    # a record that is wrong itself has no rows to rely on: its file is refused whatever stands here
    n_rows = 0 if fields.problems else record.n_rows
    ptr = fields.array("event_ptr", "int64", n_rows + 1)
    inputs = fields.array("event_input", "int32", None)
    ordered = bool(len(ptr)) and ptr[0] == 0 and ptr[-1] == len(inputs) and bool((ptr[1:] >= ptr[:-1]).all())
    fields.require(ordered, "event_ptr", f"does not divide the {len(inputs)} spikes of the host into rows")
    n_inputs = program.image.n_inputs
    inside = not len(inputs) or bool(inputs.min() >= 0 and inputs.max() < n_inputs)
    fields.require(inside, "event_input", f"outside the {n_inputs} inputs of the program")
    versions = fields.sub("versions").table
    texts = all(isinstance(part, str) for pair in versions.items() for part in pair)
    fields.require(texts, "versions", "a name or version is no text")
    begin = None if fields.is_none("begin") else read_state(fields.sub("begin"), program, record.n_samples, 0)
    return Provenance(
        seed=fields.integer("seed", 0, MAX_SEED),
        engine=fields.text("engine", *ENGINES),
        threads=fields.integer("threads", 1, MAX_THREADS),
        trace=fields.flag("trace"),
        event_ptr=ptr,
        event_input=inputs,
        begin=begin,
        versions=dict(versions),
        command=tuple(fields.texts("command")),
    )


def read_state(fields: Fields, program: Program, n_samples: int, n_ticks: int) -> State:
    """A state that a run can go on from: every value within its register."""
    fields.only("image_digest", "u", "v", "refractory", "pending", "n_ticks")
    digest = fields.text("image_digest")
    fields.require(
        digest == program.image.digest, "image_digest", "belongs to another image than the record's"
    )
    tables = state_tables(program.image, program.chip)
    arrays = {
        name: fields.array(name, table.dtype, n_samples, *table.shape) for name, table in tables.items()
    }
    for name, table in tables.items():
        _within(fields, name, arrays[name], table.low, table.high)
    # ticks: those of this run and of runs before it
    return State(image_digest=digest, **arrays, n_ticks=fields.integer("n_ticks", n_ticks, MAX_TICK))


def _within(fields: Fields, name: str, array: Ints, low: int, high: int) -> None:
    inside = array.size == 0 or (array.min() >= low and array.max() <= high)
    fields.require(bool(inside), name, f"a value lies outside {low}..{high}")
