"""What a bench is and what it returns: numbers for machines, text for people, the runs for pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

from emulator.engine.result import Result

Progress = Callable[[str, int, int], None]
"""Called now and then with what is running, rows done, rows in all."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcome of one bench."""

    numbers: dict[str, Any]  # plain values, as `--json` prints them
    text: str
    results: dict[str, Result]  # by the name that its pictures start with


@dataclass(frozen=True)
class Bench:
    """A bench by what it is; `run(data, engine, progress)`, data None: the shipped file."""

    description: str
    run: Callable[[str | PathLike[str] | None, str, Progress | None], Outcome]
