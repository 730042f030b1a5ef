"""Chip files: YAML to ChipSpec, with inheritance, and the JSON Schema that editors check such files with.

A file is a ChipSpec's keys plus two of its own. `inherits: NAME` (a shipped chip, or a file beside this one
when it ends in .yaml) takes every value this file does not give, group by group; lists and tables are
replaced whole. Name, description and real_chip say which chip a file is and are never inherited.
`abstract: true` marks a common part that is no chip by itself.
"""

from __future__ import annotations

import copy
import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from emulator.chip.spec import ChipSpec, merged
from emulator.chip.violation import InvalidChip, Violation, shown
from emulator.errors import SpecError
from emulator.formats import yaml_tree
from emulator.formats.baselines import baselines
from emulator.formats.descriptions import is_file_name, read_table, shipped_folder

MAX_NAME = 100  # characters; a system may refuse to look for longer ones

_FILE_KEYS = ("inherits", "abstract")
_OWN_KEYS = ("name", "description", "real_chip")


@dataclass(frozen=True)
class _ChipFile:
    named: str  # as messages name it
    path: Path
    data: dict[str, Any]  # without the keys of the file itself
    lines: dict[yaml_tree.Path, int]
    inherits: str | None
    abstract: bool


def load_chip(name_or_path: str | PathLike[str]) -> ChipSpec:
    """The chip of a shipped name (`chips()`) or of a YAML file. Raises SpecError with file and line."""
    path, named = _locate(name_or_path)
    chain = list(_chain(_read(path, named)))
    first = chain[0]
    if first.abstract:
        raise SpecError(
            f"{named}:{first.lines[('abstract',)]}: a common part, not a chip: load one that inherits it, "
            f"shipped are {', '.join(chips())}"
        )
    data: dict[str, Any] = {}
    for file in reversed(chain):
        values = file.data if file is first else {k: v for k, v in file.data.items() if k not in _OWN_KEYS}
        data = merged(data, values)
    try:
        return ChipSpec.from_dict(data)
    except InvalidChip as error:
        raise SpecError(
            f"{_place(chain, violation)}: {violation}" for violation in error.violations
        ) from None


def chips() -> tuple[str, ...]:
    """Names of the shipped chips, sorted."""
    found = ((path.stem, _read(path, _shipped_name(path))) for path in shipped_folder().glob("*.yaml"))
    return tuple(sorted(name for name, file in found if not file.abstract))


def chip_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a chip file: complete, or with `inherits` or `abstract` any part of one."""
    schema = ChipSpec.model_json_schema()
    definitions = schema.pop("$defs")
    part = _without_required(_renamed(schema))
    part["properties"] |= {
        "inherits": {
            "type": "string",
            "description": "shipped chip, or file beside this one, to take the rest from",
        },
        "abstract": {"type": "boolean", "description": "true: a common part that others inherit, not a chip"},
    }
    parts = {f"{name}Part": _without_required(_renamed(model)) for name, model in definitions.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "chip description of spikemesh",
        "type": "object",
        "if": {"anyOf": [{"required": [key]} for key in _FILE_KEYS]},
        "then": {"$ref": "#/$defs/ChipSpecPart"},
        "else": {"$ref": "#/$defs/ChipSpec"},
        "$defs": {**definitions, "ChipSpec": schema, **parts, "ChipSpecPart": part},
    }


def _shipped_name(path: Path) -> str:
    return f"hw_configs/{path.name}"


def _locate(name_or_path: str | PathLike[str]) -> tuple[Path, str]:
    """Where the file is, and how messages name it."""
    if isinstance(name_or_path, PathLike):
        return Path(name_or_path), str(Path(name_or_path))
    if not isinstance(name_or_path, str):
        raise SpecError(
            f"chip {shown(name_or_path)}: give the name of a shipped chip or the path of a YAML file"
        )
    if is_file_name(name_or_path):
        return Path(name_or_path), name_or_path
    path = shipped_folder() / f"{name_or_path}.yaml"
    if len(name_or_path) > MAX_NAME or not path.is_file():
        raise SpecError(_unknown_chip(name_or_path))
    return path, _shipped_name(path)


def _unknown_chip(name: str) -> str:
    if name in baselines():
        return f"{name!r} is a baseline, no chip: nothing runs on it; read it with load_baseline"
    choices = chips()
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"no chip {shown(name)}; {hint}choose from {', '.join(choices)} or give the path of a YAML file"


def _chain(file: _ChipFile) -> Iterator[_ChipFile]:
    """The file, what it inherits, what that inherits ... Refuses circles."""
    seen = [file]
    yield file
    while file.inherits is not None:
        place = f"{file.named}:{file.lines[('inherits',)]}: inherits"
        try:
            if is_file_name(file.inherits):
                path = file.path.parent / file.inherits
                named = str(Path(file.named).parent / file.inherits)
            else:
                path, named = _locate(file.inherits)
            file = _read(path, named)
        except SpecError as error:
            raise SpecError(f"{place} {file.inherits!r}: {problem}" for problem in error.problems) from None
        if any(os.path.samefile(file.path, other.path) for other in seen):
            circle = " -> ".join([*(other.named for other in seen), file.named])
            raise SpecError(f"{place} goes in a circle, {circle}: take one of them out")
        seen.append(file)
        yield file


def _read(path: Path, named: str) -> _ChipFile:
    tree = read_table(path, named, "a chip file", "describe a chip, or inherit one with 'inherits: loihi'")
    inherits, abstract = tree.data.get("inherits"), tree.data.get("abstract", False)
    problems = []
    if "inherits" in tree.data and not (isinstance(inherits, str) and inherits):
        problems.append(
            f"{named}:{tree.lines[('inherits',)]}: inherits: {shown(inherits)}, must be a name or a file"
        )
    if not isinstance(abstract, bool):
        problems.append(
            f"{named}:{tree.lines[('abstract',)]}: abstract: {shown(abstract)}, must be true or false"
        )
    if problems:
        raise SpecError(problems)
    data = {key: value for key, value in tree.data.items() if key not in _FILE_KEYS}
    return _ChipFile(named, path, data, tree.lines, inherits, abstract)


def _place(chain: list[_ChipFile], violation: Violation) -> str:
    """file:line of a violation: of the value in the file that gives it; if it is missing, of its group."""
    path = violation.path[:-1] if violation.is_missing else violation.path
    for length in range(len(path), 0, -1):
        for file in chain:
            if path[:length] in file.lines and not (file is not chain[0] and path[0] in _OWN_KEYS):
                return f"{file.named}:{file.lines[path[:length]]}"
    return f"{chain[0].named}:1"


def _renamed(schema: Any) -> Any:
    """A copy whose references point to the partial definitions."""
    if isinstance(schema, list):
        return [_renamed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: f"{value}Part" if key == "$ref" else _renamed(value) for key, value in schema.items()}


def _without_required(schema: dict[str, Any]) -> dict[str, Any]:
    """A copy that demands no key of its own; tables keep theirs."""
    out = copy.copy(schema)
    out.pop("required", None)
    return out
