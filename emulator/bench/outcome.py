"""What a bench is and what it returns: numbers for machines, text for people, runs and pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Protocol

from emulator.engine.result import Result

CHIP = "loihi"
"""What a bench runs on if nothing else is asked for."""

Progress = Callable[[str, int, int], None]
"""Called now and then with what is running, rows done, rows in all."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcome of one bench."""

    numbers: dict[str, Any]  # plain values, as `--json` prints them
    text: str
    results: dict[str, Result]  # by the name that its pictures start with
    pictures: tuple[tuple[str, Callable[[], bytes]], ...] = ()  # name, and what draws it as a PNG


class Run(Protocol):
    """Runs a bench. data: None is the shipped file; chip: name or file; n_samples: the first, None: all."""

    def __call__(
        self,
        data: str | PathLike[str] | None = None,
        engine: str = "native",
        progress: Progress | None = None,
        *,
        chip: str = CHIP,
        n_samples: int | None = None,
    ) -> Outcome: ...


@dataclass(frozen=True)
class Bench:
    """A bench by what it is."""

    description: str
    run: Run
