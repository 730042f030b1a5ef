"""What several commands share: options, and checks of what is given before the work begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray

from emulator.cli.output import Output, UsageError
from emulator.compiler import EFFORTS
from emulator.engine.run import ENGINES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout instead of text.")]


class Effort(StrEnum):
    """How long the compiler looks for good places."""

    fast = "fast"
    default = "default"
    best = "best"


assert set(Effort) == set(EFFORTS)


class Engine(StrEnum):
    """Both give the same record, bit for bit."""

    native = "native"
    reference = "reference"


assert set(Engine) == set(ENGINES)
EngineOption = Annotated[
    Engine, typer.Option(help="native: compiled, fast; reference: plain and slow, same bits.")
]


def listed(values: Iterable[float | str]) -> str:
    """Values as options take them: with commas between."""
    return ",".join(value if isinstance(value, str) else f"{value:g}" for value in values)


def numbers(option: str, text: str | None, example: str) -> list[float] | None:
    """The numbers of an option, None where it was not given. Raises UsageError with an example."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text}: expected numbers with commas between: {example}") from None


def integers(option: str, text: str | None, example: str) -> list[int] | None:
    """The integers of an option, None where it was not given. Raises UsageError with an example."""
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text}: expected integers with commas between: {example}") from None


def check_target(path: Path) -> None:
    """Finds before the work what would keep its outcome from being written."""
    if path.is_dir():
        raise UsageError(f"{path}: a folder, expected the name of a file to write")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: the folder {path.parent} does not exist: create it first")


def name_pictures(output: Output, paths: Sequence[Path]) -> None:
    """Says where the pictures are."""
    if paths:
        output.text("\n".join(["\nPictures", *(f"  {path}" for path in paths)]))


def name_pages(output: Output, paths: list[Path]) -> None:
    """Says where the pages are."""
    if paths:
        output.text("\n".join(["\nPages, for a browser", *(f"  {path}" for path in paths)]))


def raster_ticks(spikes: dict[str, NDArray[Any]] | None) -> int:
    """Ticks of the rasters of a stimulus. Raises UsageError if there is none to tell, or they disagree."""
    lengths = {name: array.shape[-2] for name, array in (spikes or {}).items() if array.dtype == bool}
    if not lengths:
        raise UsageError("--ticks is missing: only a stimulus of rasters says how long a run is")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} has {n_ticks}" for name, n_ticks in lengths.items())
        raise UsageError(f"the rasters differ in their ticks: {listed}; make them equal")
    return int(next(iter(lengths.values())))
