"""The command line run in this process: what the fixture `spikemesh` gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Finished(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Spikemesh = Callable[..., Finished]
