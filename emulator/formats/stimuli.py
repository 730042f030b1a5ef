"""Stimuli as numpy files: what the sources of a program send in.

`.npz`: one array per source, by the source's name. `.npy`: the array of the only source. An array is either

* a raster: bool [n_ticks, n], or [n_samples, n_ticks, n] for a batch, or
* events: integers [n_events, 2] of (tick, index), or [n_events, 3] of (sample, tick, index).

Object arrays are never read: the bytes are taken as numbers here, without numpy's unpickling reader.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from os import PathLike
from pathlib import PurePath
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from emulator.errors import ImageError, SimulationError
from emulator.formats.files import read_whole, shown
from emulator.program import Part, Program

Array = NDArray[Any]

MAX_BYTES = 2**32
"""Of a stimulus in memory, all arrays together."""

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy writes
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,  # an encrypted member
    NotImplementedError,
    SyntaxError,
    tokenize.TokenError,  # a header of numpy 1 whose brackets do not close
    MemoryError,
)
"""What zipfile and numpy raise on bytes that are no sound file."""


def load_stimulus(path: str | PathLike[str], program: Program) -> dict[str, Array]:
    """Reads a stimulus for `run`: source name -> bool raster or int64 events.

    A source without an array stays silent, unless it has a generator. Raises ImageError for a damaged file,
    SimulationError for arrays that do not fit the program's sources.
    """
    named = shown(path)
    sources = {source.name: source for source in program.symbols.sources}
    data = read_whole(path, MAX_BYTES)
    suffix = PurePath(named).suffix.lower()
    if suffix == ".npz":
        arrays = read_npz(data, named)
    elif suffix == ".npy":
        driven = [name for name, source in sources.items() if source.generator is None]
        if len(driven) != 1:
            known = ", ".join(map(repr, driven)) or "none"
            raise SimulationError(
                f"{named}: a .npy file is for one source, the program has {len(driven)} ({known}): "
                "give a .npz file with an array for each"
            )
        arrays = {driven[0]: _read_npy(io.BytesIO(data), len(data), named)}
    else:
        raise ImageError(f"{named}: {suffix or 'no'} suffix, choose from .npz, .npy")
    return _fitted(arrays, sources, named)


def read_npz(data: bytes, named: str) -> dict[str, Array]:
    """Every array of a zip file of .npy members, unpacked sizes checked before memory is taken."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            n_bytes = sum(member.file_size for member in members)
            if n_bytes > MAX_BYTES:
                raise ImageError(
                    f"{named}: unpacks to {n_bytes} bytes, limit {MAX_BYTES}: give events instead of rasters"
                )
            if any(member.compress_type not in _PACKINGS for member in members):
                raise ImageError(f"{named}: packed in a way numpy does not: write it with numpy.savez")
            names = [member.filename.removesuffix(".npy") for member in members]
            if len(set(names)) != len(names):
                raise ImageError(f"{named}: holds an array twice; it has {', '.join(names)}")
            arrays = {}
            for name, member in zip(names, members, strict=True):
                with archive.open(member) as file:
                    arrays[name] = _read_npy(file, member.file_size, f"{named}: array {name!r}")
            return arrays
    except _BROKEN as error:
        raise ImageError(f"{named}: not a sound .npz file ({error})") from error


def _read_npy(file: IO[bytes], n_bytes: int, named: str) -> Array:
    """One array; its header must claim exactly the `n_bytes` that there are."""
    try:
        version = npy.read_magic(file)
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in readers:  # 3.0 differs from 2.0 in the names of record fields only
            raise ImageError(f"{named}: .npy version {version}, choose from 1.0, 2.0")
        shape, in_columns, dtype = readers[version](file)
        claimed = file.tell() + math.prod(shape) * dtype.itemsize
        if dtype.kind not in "biuf":
            raise ImageError(f"{named}: dtype {dtype}, expected bool or numbers")
        if claimed != n_bytes or min(shape, default=0) < 0:
            raise ImageError(f"{named}: {dtype}{list(shape)} takes {claimed} bytes, the file has {n_bytes}")
        flat = np.frombuffer(file.read(), dtype=dtype)
        if dtype.kind == "b":
            flat = flat.view(np.uint8) != 0  # a byte of a file need not be 0 or 1
        return flat.reshape(shape, order="F" if in_columns else "C")
    except _BROKEN as error:
        raise ImageError(f"{named}: not a sound .npy file ({error})") from error


def _fitted(arrays: dict[str, Array], sources: dict[str, Part], named: str) -> dict[str, Array]:
    """The arrays as `run` takes them. Raises SimulationError with all that is wrong."""
    known = ", ".join(map(repr, sources)) or "none"
    unknown = [name for name in arrays if name not in sources]
    problems = [f"{named}: no source {name!r} in the program; it has {known}" for name in unknown]
    if not arrays:
        problems.append(f"{named}: holds no array; the program's sources are {known}")
    fitted = {}
    for name, array in arrays.items():
        if name in sources:
            is_raster = array.dtype.kind == "b"
            problem = (_raster_problem if is_raster else _events_problem)(array, sources[name].n)
            problems += [f"{named}: source {name!r}: {problem}"] if problem else []
            fitted[name] = array if is_raster or problem else array.astype(np.int64)
    if problems:
        raise SimulationError(problems)
    batched = {name: _is_batch(array) for name, array in fitted.items()}
    if len(set(batched.values())) > 1:
        axes = ", ".join(f"{name!r} {'has' if batch else 'lacks'} one" for name, batch in batched.items())
        raise SimulationError(f"{named}: either all arrays have a sample axis or none: {axes}")
    return fitted


def _is_batch(array: Array) -> bool:
    return array.ndim == 3 if array.dtype.kind == "b" else array.shape[1] == 3


def _raster_problem(array: Array, n: int) -> str:
    if array.ndim in (2, 3) and array.shape[-1] == n:
        return ""
    return f"raster of shape {list(array.shape)}, expected [n_ticks, {n}] or [n_samples, n_ticks, {n}]"


def _events_problem(array: Array, n: int) -> str:
    if array.dtype.kind not in "iu":
        return f"dtype {array.dtype}, expected bool (a raster) or integers (events)"
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        rows = "[n_events, 2] of (tick, index) or [n_events, 3] of (sample, tick, index)"
        return f"events of shape {list(array.shape)}, expected {rows}; a raster must be bool"
    if len(array) == 0:
        return ""
    if array.min() < 0 or array.max() > np.iinfo(np.int64).max:
        return "events with a negative or overlong number"
    if array[:, -1].max() >= n:
        event = int(np.argmax(array[:, -1] >= n))
        return f"event {event} has index {array[event, -1]}, outside 0..{n - 1}"
    return ""
