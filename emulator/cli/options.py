"""What several commands share: options, and checks of what is given before the work begins."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.output import Output, UsageError
from emulator.engine.run import ENGINES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout instead of text.")]


class Engine(StrEnum):
    """Both give the same record, bit for bit."""

    native = "native"
    reference = "reference"


assert set(Engine) == set(ENGINES)
EngineOption = Annotated[
    Engine, typer.Option(help="native: compiled, fast; reference: plain and slow, same bits.")
]


def check_target(path: Path) -> None:
    """Finds before the work what would keep its outcome from being written."""
    if path.is_dir():
        raise UsageError(f"{path}: a folder, expected the name of a file to write")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} does not exist: create it first")


def name_pictures(output: Output, paths: list[Path]) -> None:
    """Says where the pictures are."""
    if paths:
        output.text("\n".join(["\nPictures", *(f"  {path}" for path in paths)]))
