"""Description files, of chips and of baselines: from a YAML file to a table that knows its lines."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.chip.violation import shown
from emulator.errors import ImageError, SpecError
from emulator.formats import yaml_tree
from emulator.formats.files import read_whole

MAX_BYTES = 2**17  # of a description; a barrier table of 4,096 rows fits
_SUFFIXES = (".yaml", ".yml")


def shipped_folder() -> Path:
    """The shipped descriptions: package data when installed, beside the package in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "hw_configs", package.parent / "hw_configs"):
        if folder.is_dir():
            return folder
    raise SpecError(f"{package / 'hw_configs'}: the shipped chip files are missing: install spikemesh again")


def is_file_name(text: str) -> bool:
    """Whether a text names a file, not something that ships."""
    return text.endswith(_SUFFIXES) or "/" in text or os.sep in text


def read_table(path: Path, named: str, what: str, hint: str) -> yaml_tree.Tree:
    """A file whose top is a table. Raises SpecError with file and line.

    named: how messages name the file; what: what it is; hint: what to write into an empty one.
    """
    try:
        content = read_whole(path, MAX_BYTES)
    except ImageError as error:
        raise SpecError(problem.replace(os.fspath(path), named, 1) for problem in error.problems) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError(f"{named}:{line}: not UTF-8 text: {what} is YAML") from None
    tree = yaml_tree.parse(text, named)
    if tree.data is None:
        raise SpecError(f"{named}: empty: {hint}")
    if not isinstance(tree.data, dict):
        raise SpecError(f"{named}:1: {shown(tree.data)} where a table of keys and values was expected")
    return tree
