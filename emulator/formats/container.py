"""The container that every file of ours is packed in: network, program, record; a checkpoint is several.

    header       64 bytes: magic, schema version, kind, length of the description, length of the file
    description  MessagePack: maps, lists, numbers, text; an array is an extension with dtype, shape, coding
    arrays       their bytes, little-endian, in the order of the extensions, each padded to `_ALIGNMENT`
    checksum     SHA-256 of everything above

The checksum is verified before anything is decoded. It guards against damage, not against forgery: whoever
reads a content still has to check every field of it. No length in a file is believed beyond what the file's
own size can hold, so reading takes at most about `_MAX_RATIO` times the size of the file.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from emulator.errors import ImageError
from emulator.formats.files import read_whole, shown, write_atomic

Array = NDArray[Any]

READERS = {
    "network": "read it with load_network",
    "program": "read it with load_program",
    "record": "read it with load_record",
    "checkpoint": "go on with it by resume, or `spikemesh run --resume`",
    "piece": "it is a part of a checkpoint",
    "progress": "it is a part of a checkpoint",
}
"""Kinds of contents, and what to do with one."""
DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
"""What an array in a file may hold: numbers. Never objects."""

MAX_FILE_BYTES = 2**36
MAX_DESCRIPTION_BYTES = 2**28

_MAGIC = b"\x89SPKM\r\n\x1a"  # as PNG's: a transfer in text mode or cut to 7 bits shows at once
_HEADER = struct.Struct("<8sH22sQQ16x")
HEADER_BYTES = _HEADER.size
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_ALIGNMENT = 16
_ARRAY_CODE = 1  # MessagePack extension type
_RAW, _DEFLATED = 0, 1
_MAX_NDIM = 4
_MAX_ITEMS = 2**20  # entries of one list or map of the description

_LARGE_BYTES = 2**14  # smaller arrays are not worth compressing
_SAMPLE_BYTES = 2**15
_WORTH_RATIO = 3  # measured: zlib runs at 30 MB/s on data that it shrinks less, at 90-400 on the rest
_MAX_RATIO = 16  # of an array's size in memory to its size in the file, which is padded if need be


def write(path: str | PathLike[str], kind: str, version: int, content: dict[str, Any]) -> None:
    """Writes `content` atomically: maps with text or integer keys, lists, plain values, arrays of `DTYPES`.

    Tuples become lists. The bytes depend on the content alone. Raises ImageError.
    """
    write_atomic(path, *pack(shown(path), kind, version, content))


def pack(named: str, kind: str, version: int, content: dict[str, Any]) -> list[bytes | memoryview]:
    """The bytes that `write` writes, in chunks. Raises ImageError."""
    assert kind in READERS, kind
    writer = _Writer()
    try:
        description = writer.description(content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ImageError(f"{named}: {kind} holds what no file can: {error}") from error
    n_bytes = _HEADER.size + _padded(len(description)) + writer.n_bytes + _CHECKSUM_BYTES
    header = _HEADER.pack(_MAGIC, version, kind.encode(), len(description), n_bytes)
    chunks = [header, description, _padding(len(description)), *writer.chunks]
    checksum = hashlib.sha256()
    for chunk in chunks:
        checksum.update(chunk)
    return [*chunks, checksum.digest()]


def claimed_bytes(header: bytes) -> int:
    """Length of the container that begins with these HEADER_BYTES, as it says; 0: they begin none."""
    if len(header) < HEADER_BYTES or not header.startswith(_MAGIC):
        return 0
    return int(_HEADER.unpack_from(header)[-1])


def read(path: str | PathLike[str], kind: str, version: int) -> dict[str, Any]:
    """Content of a file of that kind and schema version. Arrays are read-only. Raises ImageError."""
    named = shown(path)
    return unpack(read_whole(path, MAX_FILE_BYTES), named, kind, version)


def unpack(data: bytes, named: str, kind: str, version: int) -> dict[str, Any]:
    """What `read` returns, from the bytes of the file that messages call `named`. Raises ImageError."""
    try:
        return _decoded(data, _verify(data, kind, version))
    except _Damage as damage:
        raise ImageError(f"{named}: {damage}") from None
    except MemoryError as error:
        raise ImageError(f"{named}: does not fit in memory: use a machine with more") from error


def _decoded(data: bytes, n_description: int) -> dict[str, Any]:
    """The content of verified data."""
    start = _HEADER.size + _padded(n_description)
    reader = _Reader(memoryview(data)[start:-_CHECKSUM_BYTES])
    try:
        content = msgpack.unpackb(
            memoryview(data)[_HEADER.size : _HEADER.size + n_description],
            ext_hook=reader.array,
            object_pairs_hook=_map,
            strict_map_key=False,
            max_array_len=_MAX_ITEMS,
            max_map_len=_MAX_ITEMS,
        )
    except (msgpack.UnpackException, ValueError, TypeError, RecursionError) as error:
        raise _Damage(f"its description cannot be decoded ({error or type(error).__name__})") from error
    if reader.position != len(reader.data):
        raise _Damage(f"{len(reader.data) - reader.position} bytes belong to no array")
    if not isinstance(content, dict):
        raise _Damage(f"its description is a {type(content).__name__}, expected a map")
    return content


class _Damage(Exception):
    """What is wrong with a file."""


def _verify(data: bytes, kind: str, version: int) -> int:
    """Checks frame and checksum, then kind and version. Returns the length of the description."""
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        raise _Damage(f"not a file of spikemesh: {_start_of(data)}")
    if len(data) < _HEADER.size + _CHECKSUM_BYTES:
        raise _Damage(f"truncated: {len(data)} bytes, the frame alone has {_HEADER.size + _CHECKSUM_BYTES}")
    _, found_version, name, n_description, n_bytes = _HEADER.unpack_from(data)
    if len(data) < n_bytes:
        raise _Damage(f"truncated: {len(data)} of {n_bytes} bytes: copy or write it again")
    if len(data) > n_bytes:
        raise _Damage(f"{len(data) - n_bytes} bytes follow its end: copy or write it again")
    checksum = hashlib.sha256(memoryview(data)[:-_CHECKSUM_BYTES]).digest()
    if checksum != data[-_CHECKSUM_BYTES:]:
        raise _Damage("damaged: its checksum does not fit its contents: copy or write it again")
    found = name.rstrip(b"\0").decode("ascii", "replace")
    if found != kind:
        raise _Damage(f"holds a {found}, expected a {kind}: " + _reader_of(found))
    if found_version != version:
        way_out = "update spikemesh" if found_version > version else "write it again with this release"
        raise _Damage(f"schema version {found_version} of {kind}, this release reads {version}: {way_out}")
    limit = min(MAX_DESCRIPTION_BYTES, len(data) - _HEADER.size - _CHECKSUM_BYTES)
    if _padded(n_description) > limit:
        raise _Damage(f"its description claims {n_description} bytes, limit {limit}")
    return int(n_description)


def _start_of(data: bytes) -> str:
    return f"it starts with {data[:8]!r}" if data else "it is empty"


def _reader_of(kind: str) -> str:
    return READERS.get(kind, "of no kind this release knows: update spikemesh")


def _map(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    for key, _ in pairs:
        if type(key) not in (str, int):
            raise _Damage(f"a key of its description is a {type(key).__name__}, expected text or an integer")
    table = dict(pairs)
    if len(table) != len(pairs):
        raise _Damage("its description holds a key twice")
    return table


@dataclass
class _Writer:
    """Turns a content into a description and the bytes of its arrays."""

    chunks: list[bytes | memoryview] = field(default_factory=list)
    n_bytes: int = 0

    def description(self, content: dict[str, Any]) -> bytes:
        packed = bytes(msgpack.packb(_plain(content, "content"), default=self._array))
        if len(packed) > MAX_DESCRIPTION_BYTES:
            raise ValueError(f"{len(packed)} bytes apart from arrays, limit {MAX_DESCRIPTION_BYTES}")
        return packed

    def _array(self, array: object) -> msgpack.ExtType:
        assert isinstance(array, np.ndarray), type(array)  # `_plain` lets nothing else through
        flat = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(-1)
        coding, stored = _encode(flat.view(np.uint8).data)
        self.chunks += [stored, _padding(len(stored))]
        self.n_bytes += _padded(len(stored))
        label = [array.dtype.name, list(array.shape), coding, len(stored)]
        return msgpack.ExtType(_ARRAY_CODE, msgpack.packb(label))


def _plain(value: Any, place: str) -> Any:
    """`value` with numpy scalars, tuples and subclasses made plain. Raises TypeError naming the place."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES or value.ndim > _MAX_NDIM:
            raise TypeError(f"{place} is an array of {value.dtype}, {value.ndim} axes")
        return value
    if isinstance(value, np.generic):
        return _plain(value.item(), place)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return _integer(value, place)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (list, tuple, dict)) and len(value) > _MAX_ITEMS:
        raise ValueError(f"{place} has {len(value)} entries, limit {_MAX_ITEMS}: an array has no such limit")
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
    raise TypeError(f"{place} is a {type(value).__name__}")


def _key(key: Any, place: str) -> str | int:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return _integer(int(key), place)
    raise TypeError(f"{place} has the key {key!r}, expected text or an integer")


def _integer(value: int, place: str) -> int:
    if not -(2**63) <= value < 2**64:
        raise ValueError(f"{place} has the integer {value}, which takes more than 64 bits")
    return int(value)


def _encode(raw: memoryview) -> tuple[int, bytes | memoryview]:
    """Coding and stored bytes of an array: compressed only where a sample says that it is worth its time."""
    if len(raw) < _LARGE_BYTES:
        return _RAW, raw
    middle = (len(raw) - _SAMPLE_BYTES) // 2
    sample = raw[max(middle, 0) : max(middle, 0) + _SAMPLE_BYTES]
    if len(zlib.compress(sample, 1)) * _WORTH_RATIO > len(sample):
        return _RAW, raw
    packed = zlib.compress(raw, 1)
    if len(packed) * _WORTH_RATIO > len(raw):
        return _RAW, raw
    return _DEFLATED, packed.ljust(-(-len(raw) // _MAX_RATIO), b"\0")


@dataclass
class _Reader:
    """Takes the arrays of a description out of `data`, one after another."""

    data: memoryview
    position: int = 0

    def array(self, code: int, label: bytes) -> Array:
        if code != _ARRAY_CODE:
            raise _Damage(f"its description holds an extension of unknown type {code}")
        dtype, shape, coding, n_stored = _label(label)
        if n_stored > len(self.data) - self.position:
            raise _Damage(f"an array claims {n_stored} bytes, {len(self.data) - self.position} are left")
        n_bytes = math.prod(shape) * dtype.itemsize
        stored = self.data[self.position : self.position + n_stored]
        if len(self.data) - self.position < _padded(n_stored):
            raise _Damage("an array ends without its padding")
        self.position += _padded(n_stored)
        flat = np.frombuffer(_decode(stored, coding, n_bytes), dtype=dtype).reshape(shape)
        return flat.astype(dtype.newbyteorder("="), copy=not flat.flags.aligned)


def _label(label: bytes) -> tuple[np.dtype[Any], list[int], int, int]:
    """dtype, shape, coding and stored length of an array, each of them legal by itself."""
    parts = msgpack.unpackb(label)
    if not isinstance(parts, list) or len(parts) != 4:
        raise _Damage("an array is not described by dtype, shape, coding and length")
    name, shape, coding, n_stored = parts
    if not isinstance(name, str) or name not in DTYPES:
        raise _Damage(f"an array has the dtype {name!r}, allowed are {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > _MAX_NDIM or not _are_lengths(shape):
        raise _Damage(f"an array has the shape {shape!r}")
    if not _are_lengths([coding, n_stored]) or coding not in (_RAW, _DEFLATED):
        raise _Damage(f"an array has the coding {coding!r} and the length {n_stored!r}")
    return np.dtype(name).newbyteorder("<"), shape, coding, n_stored


def _are_lengths(values: Iterable[Any]) -> bool:
    return all(type(value) is int and 0 <= value <= MAX_FILE_BYTES * _MAX_RATIO for value in values)


def _decode(stored: memoryview, coding: int, n_bytes: int) -> bytes | memoryview:
    """The `n_bytes` of an array; the claim is held against the stored length before memory is taken."""
    if coding == _RAW:
        if len(stored) != n_bytes:
            raise _Damage(f"an array of {n_bytes} bytes is stored in {len(stored)}")
        return stored
    if n_bytes > len(stored) * _MAX_RATIO:
        raise _Damage(f"an array claims {n_bytes} bytes from {len(stored)}, limit {_MAX_RATIO} to 1")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(stored, n_bytes + 1)  # + 1: a longer one shows, without being inflated
    except zlib.error as error:
        raise _Damage(f"an array cannot be inflated ({error})") from error
    if len(raw) != n_bytes or not inflater.eof:
        raise _Damage(f"an array inflates to another length than {n_bytes} bytes")
    return raw


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // _ALIGNMENT) * _ALIGNMENT


def _padding(n_bytes: int) -> bytes:
    return bytes(_padded(n_bytes) - n_bytes)
