"""Where the commands' words go: results to stdout, notes and progress to stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from emulator.errors import EmulatorError

PATIENCE_S = 0.5  # a run that is over by then shows no progress


class UsageError(EmulatorError):
    """Options that do not go together."""


class RunFailed(Exception):
    """A run that was started and did not come to its end."""


class OutputClosed(Exception):
    """The reader of stdout went away."""


class OutputFull(Exception):
    """What stdout goes to takes no more."""

    def __init__(self, error: OSError):
        super().__init__(str(error))
        self.error = error


class Output:
    """Prints either text or one JSON document, as the user asked."""

    def __init__(self, as_json: bool):
        self.as_json = as_json

    def text(self, text: str) -> None:
        """For people; left out with --json."""
        if not self.as_json:
            _print(text)

    def data(self, value: Any) -> None:
        """For machines; left out without --json."""
        if self.as_json:
            _print(json.dumps(plain(value), indent=2, allow_nan=False))

    def note(self, text: str) -> None:
        """What was written and what may come next; never on stdout."""
        print(text, file=sys.stderr)


class ProgressBar:
    """One bar on stderr, shown on a terminal only and only while there is something to wait for."""

    def __init__(self, shown: bool = True) -> None:
        self._console = Console(stderr=True)
        self._shown = shown and self._console.is_terminal
        self._begun_s = time.monotonic()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def step(self, label: str, done: int, total: int) -> None:
        """`done` of `total` rows of what `label` names."""
        if not self._shown or time.monotonic() - self._begun_s < PATIENCE_S:
            return
        if self._progress is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
            progress = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
            try:
                progress.start()
            except KeyboardInterrupt:  # half started, it cannot be stopped; only the cursor is to be mended
                self._console.show_cursor(True)
                raise
            self._progress, self._task = progress, progress.add_task(label)
        self._progress.update(self._task, description=label, completed=done, total=total)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def progress_bar(shown: bool = True) -> Iterator[ProgressBar]:
    """A bar that is gone when the work is done, however it ends."""
    bar = ProgressBar(shown)
    try:
        yield bar
    finally:
        bar.close()


def plain(value: Any) -> Any:
    """`value` as JSON knows it: numpy scalars and arrays unwrapped, numbers that are none as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise OutputClosed from None
    except OSError as error:
        raise OutputFull(error) from error
