"""Named arrays of a user: images of a bench, core ids of a mapping."""

from __future__ import annotations

from os import PathLike
from pathlib import PurePath
from typing import Any

from numpy.typing import NDArray

from emulator.errors import ImageError
from emulator.formats.files import read_whole, shown
from emulator.formats.stimuli import MAX_BYTES, read_npz


def load_arrays(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Every array of a .npz file by its name: bool, integers or floats. Raises ImageError."""
    named = shown(path)
    if PurePath(named).suffix.lower() != ".npz":
        raise ImageError(f"{named}: expected a .npz file, as numpy.savez writes it")
    return read_npz(read_whole(path, MAX_BYTES), named)
