"""Generators of sources as maps of a file: of a network as the user gave them, of a program in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emulator.chip import generators as chip
from emulator.chip.generators import PoissonInputs, RegularInputs, ScriptedInputs
from emulator.formats.fields import Fields
from emulator.network import Poisson, Regular, Scripted, Source
from emulator.network.generators import GENERATORS, Generator

PROGRAM_KINDS = ("poisson", "regular", "scripted")


def network_generator(source: Source) -> dict[str, Any] | None:
    """The generator of a network's source; scripts as events."""
    given = source.generator
    if given is None:
        return None
    kind = next(name for name, kind in GENERATORS.items() if isinstance(given, kind))
    if isinstance(given, Poisson):
        return {"type": kind, "rate_hz": _number(given.rate_hz)}
    if isinstance(given, Regular):
        numbers = {name: _number(getattr(given, name)) for name in ("period_ticks", "phase_ticks")}
        return {"type": kind, **numbers}
    repeat = None if given.repeat_ticks is None else int(given.repeat_ticks)
    return {"type": kind, "events": given.events(source.n, source.name), "repeat_ticks": repeat}


def read_network_generator(fields: Fields) -> Generator:
    """What `network_generator` wrote; its values are for `add_source` to check."""
    kind = fields.text("type", *GENERATORS)
    if kind == "Poisson":
        fields.only("type", "rate_hz")
        return Poisson(_read_number(fields, "rate_hz"))
    if kind == "Regular":
        fields.only("type", "period_ticks", "phase_ticks")
        return Regular(_read_number(fields, "period_ticks"), _read_number(fields, "phase_ticks"))
    fields.only("type", "events", "repeat_ticks")
    return Scripted(fields.array("events", "int64", None, 2), _read_repeat(fields))


def program_generator(generator: chip.Generator | None) -> dict[str, Any] | None:
    """The generator of a program's source."""
    if generator is None:
        return None
    if isinstance(generator, PoissonInputs):
        return {"kind": "poisson", "threshold": generator.threshold}
    if isinstance(generator, RegularInputs):
        return {"kind": "regular", **vars(generator)}
    return {"kind": "scripted", **vars(generator)}


def read_program_generator(fields: Fields) -> chip.Generator:
    """What `program_generator` wrote; `chip.generator_problems` says whether it is sound."""
    kind = fields.text("kind", *PROGRAM_KINDS)
    if kind == "poisson":
        fields.only("kind", "threshold")
        per_tick = getattr(fields.table.get("threshold"), "ndim", 1) == 2
        return PoissonInputs(fields.array("threshold", "int64", *[None] * (2 if per_tick else 1)))
    if kind == "regular":
        fields.only("kind", "period_ticks", "phase_ticks")
        return RegularInputs(
            fields.array("period_ticks", "int64", None), fields.array("phase_ticks", "int64", None)
        )
    fields.only("kind", "events", "repeat_ticks")
    return ScriptedInputs(fields.array("events", "int64", None, 2), _read_repeat(fields))


def _read_repeat(fields: Fields) -> int | None:
    return None if fields.is_none("repeat_ticks") else fields.integer("repeat_ticks", 1, chip.MAX_PERIOD)


def _number(value: ArrayLike) -> float | np.ndarray[Any, np.dtype[np.float64]]:
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else array


def _read_number(fields: Fields, name: str) -> Any:
    """A float or an array of floats."""
    if isinstance(fields.table.get(name), np.ndarray):
        return fields.array(name, "float64", *[None] * fields.table[name].ndim)
    return fields.number(name)
