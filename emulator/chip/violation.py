"""What is wrong with a chip description: one violation per place, worded for the person who wrote it.

Turns the findings of pydantic into our texts: path, offending value, limit, and what the key means.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from emulator.errors import SpecError

Path = tuple[str, ...]

_RULES: Mapping[str, str] = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must be at least {min_length} characters long",
    "string_too_long": "must be at most {max_length} characters long",
    "string_pattern_mismatch": "must match {pattern}",
    "literal_error": "choose from {expected}",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "dict_type": "must be a table",
    "invalid_key": "a key must be text",
    "value_error": "{error}",
}
"""pydantic's error type -> the limit in our words; the braces are pydantic's own context."""


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong, and where."""

    path: Path  # keys from the top of the description; () is the description itself
    text: str  # value, limit, meaning; without the path
    is_missing: bool = False  # the path does not exist: its place is that of its group

    def __str__(self) -> str:
        # a key of a file may hold anything: control characters must not reach a terminal
        keys = (key if key.isprintable() and len(key) <= 60 else shown(key) for key in self.path)
        return f"{'.'.join(keys)}: {self.text}" if self.path else self.text


class InvalidChip(SpecError):
    """A SpecError that still knows the place of each violation, for readers that can name lines."""

    def __init__(self, violations: tuple[Violation, ...], name: str | None = None, *, kind: str = "chip"):
        self.violations = violations
        owner = f"{kind} {name!r}: " if name else f"{kind}: "
        super().__init__(owner + str(violation) for violation in violations)


def group_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of a nested group, one that may be null too; None for a plain value, a list or a table."""
    field = model.model_fields.get(key)
    kinds = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def entry_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of the entries of a list of groups; None if the key is no such list."""
    field = model.model_fields.get(key)
    kinds = get_args(field.annotation) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def leaves(model: type[BaseModel], above: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every key that holds a value, with its meaning, in declaration order."""
    for key, field in model.model_fields.items():
        group = group_of(model, key)
        if group is None:
            yield (*above, key), field.description or ""
        else:
            yield from leaves(group, (*above, key))


def unknown_key(root: type[BaseModel], path: Path) -> Violation:
    """Names the likeliest key that was meant and all that could have been."""
    model = root
    for key in path[:-1]:
        model = group_of(model, key) or entry_of(model, key) or model
    choices = list(model.model_fields)
    # A slip of the pen at this place, then a key put into the wrong group, then anything alike.
    meant = difflib.get_close_matches(path[-1], choices, n=1, cutoff=0.75)
    meant += [".".join(leaf) for leaf, _ in leaves(root) if leaf[-1] == path[-1]]
    meant += difflib.get_close_matches(path[-1], choices, n=1, cutoff=0.5)
    hint = f"did you mean {meant[0]!r}? " if meant else ""
    return Violation(path, f"unknown key; {hint}choose from {', '.join(choices)}")


def violation(root: type[BaseModel], error: ErrorDetails) -> Violation:
    """One finding of pydantic in our words. `root` is the model that was being validated."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    kind = error["type"]
    if kind == "extra_forbidden":
        return unknown_key(root, path)
    if kind == "missing":
        return Violation(path, f"missing; add {_expected(root, path)}", is_missing=True)
    if kind == "model_type":
        return Violation(path, f"{shown(error['input'])} where there should be {_expected(root, path)}")
    rule = _RULES[kind].format(**error.get("ctx", {})) if kind in _RULES else error["msg"]
    meaning = _meaning(root, path)
    key = "the key " if "[key]" in error["loc"] else ""
    value = "" if kind == "value_error" else f"{shown(error['input'])}, "
    return Violation(path, f"{value}{key}{rule}" + (f" ({meaning})" if meaning else ""))


def shown(value: object) -> str:
    """A value short enough for one line."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = 60
    return brief.repr(value)


def _meaning(root: type[BaseModel], path: Path) -> str:
    """Description of the nearest field on the path: that of the list for one of its entries."""
    model: type[BaseModel] | None = root
    meaning = ""
    for key in _keys(path):
        field: Any = model.model_fields.get(key) if model else None
        if model is None or field is None:
            break
        meaning = field.description or ""
        model = group_of(model, key) or entry_of(model, key)
    return meaning


def _keys(path: Path) -> Path:
    """Without places in lists and tables, which say nothing about the meaning."""
    return tuple(key for key in path if not key.isdigit())


def _expected(root: type[BaseModel], path: Path) -> str:
    """What belongs at a place: a group and its keys, or a value and its meaning."""
    model: type[BaseModel] | None = root
    for key in _keys(path):
        model = (group_of(model, key) or entry_of(model, key)) if model else None
    if model is not None:
        return f"a group with the keys {', '.join(model.model_fields)}"
    return f"it ({_meaning(root, path)})"
