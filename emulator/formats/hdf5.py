"""HDF5 files from bytes. The library is an optional extra and trusts its input more than we do."""

from __future__ import annotations

import importlib
import io
import itertools
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator.errors import EmulatorError, ImageError

_HEAP = struct.Struct("<4sB3xQ")  # signature, version, size of the collection
_OBJECT = struct.Struct("<HHIQ")  # index (0: free space), references, reserved, bytes
_REFERENCE = struct.Struct("<IQI")  # length of a string, address of its heap, index there

MAX_COMPRESSION = 1100  # deflate packs at most 1032 : 1; an array beyond has a damaged size


def hdf5_library() -> ModuleType:
    """h5py, or the error that says how to get it."""
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise EmulatorError("NIR files need the extra 'nir': pip install spikemesh[nir]") from error


@contextmanager
def open_hdf5(content: bytes, file: str) -> Iterator[Any]:
    """The root group of a file's content. What the library raises inside becomes an ImageError on `file`."""
    h5py = hdf5_library()
    try:
        with h5py.File(io.BytesIO(content), "r") as root:
            yield root
    except EmulatorError:
        raise
    except Exception as error:  # on damaged files it raises nearly every type there is
        raise ImageError(f"{file}: not a NIR file, or damaged: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, eq=False)
class Datasets:
    """Reads datasets of one file; what cannot be right is an ImageError."""

    content: bytes
    file: str
    _heaps: dict[int, dict[int, bytes]] = field(default_factory=dict)

    def numbers(self, dataset: Any) -> NDArray[Any]:
        """Values of a numeric dataset, its shape and dtype."""
        self._check_size(dataset, dataset.dtype.itemsize)
        types = hdf5_library().h5t
        if not _complete(dataset) or not dataset.id.get_type().equal(types.py_create(dataset.dtype)):
            # the library would fill in zeros, or convert from a number format that nobody writes
            raise ImageError(f"{self.file}: {dataset.name} is not all there: damaged")
        return np.asarray(dataset[()])

    def strings(self, dataset: Any) -> NDArray[Any]:
        """Values of a dataset of strings, its shape, dtype object.

        Strings of variable length live in heaps. The library never comes back from a heap with free space
        of size 0, nor for hours from a string of damaged length, so these are looked up here.
        """
        kind = hdf5_library().check_string_dtype(dataset.dtype)
        if kind is None:
            raise ImageError(f"{self.file}: {dataset.name} holds {dataset.dtype}, expected text")
        n_bytes = _REFERENCE.size if kind.length is None else kind.length
        self._check_size(dataset, n_bytes)
        n = math.prod(dataset.shape)
        # None also for text in chunks, which writers that compress everything make; there is no other way in
        first = dataset.id.get_offset() if kind.length is None else None
        if first is None:
            raw = [bytes(text) for text in np.asarray(dataset[()]).ravel().tolist()]
        else:
            places = range(first, first + n * n_bytes, n_bytes)
            raw = [self._string(*_REFERENCE.unpack_from(self.content, place)) for place in places]
        values = np.empty(n, dtype=object)
        values[:] = [text.decode("utf-8", "replace") for text in raw]
        return values.reshape(dataset.shape)

    def _check_size(self, dataset: Any, n_bytes: int) -> None:
        if dataset.shape is None or math.prod(dataset.shape) * n_bytes > MAX_COMPRESSION * len(self.content):
            shape = dataset.shape
            raise ImageError(f"{self.file}: {dataset.name} of shape {shape} is not in the file: damaged")

    def _string(self, length: int, address: int, index: int) -> bytes:
        if not length:
            return b""
        if address not in self._heaps:
            self._heaps[address] = dict(self._objects(address))
        return self._heaps[address].get(index, b"")[:length]

    def _objects(self, begin: int) -> Iterator[tuple[int, bytes]]:
        """Index and contents of the objects of a global heap (HDF5 file format, III.E)."""
        signature, _, size = _HEAP.unpack_from(self.content, begin)
        end = begin + size
        at = begin + _HEAP.size
        while signature == b"GCOL" and at + _OBJECT.size <= end:
            index, _, _, n_bytes = _OBJECT.unpack_from(self.content, at)
            step = n_bytes if index == 0 else _OBJECT.size + -(-n_bytes // 8) * 8
            if not 0 < step <= end - at:
                break
            yield index, self.content[at + _OBJECT.size : at + _OBJECT.size + n_bytes]
            at += step
        if at != end:
            raise ImageError(f"{self.file}: damaged: the strings at {begin} do not add up")


def _complete(dataset: Any) -> bool:
    """Whether every value of a dataset is stored, and goes through the filters that it was written with."""
    if not math.prod(dataset.shape):
        return True
    if not dataset.chunks:
        return bool(dataset.id.get_storage_size())
    filtered = dataset.id.get_create_plist().get_nfilters() > 0
    plain_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
    for start in itertools.product(*map(range, [0] * dataset.ndim, dataset.shape, dataset.chunks)):
        skipped_filters, _ = dataset.id.read_direct_chunk(start)  # raises if there is no such chunk
        stored_bytes = dataset.id.get_chunk_info_by_coord(start).size
        if skipped_filters or not (filtered or stored_bytes == plain_bytes):
            return False
    return True
