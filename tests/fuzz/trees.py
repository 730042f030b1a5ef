"""Mutations that keep a file's frame: decoded, changed in a few places, encoded again with a right checksum.

A tree is what the files of a reader hold: maps, lists, plain values, arrays. Mutated bytes mostly die at a
checksum, a compressed block or a bracket; these reach what lies behind.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import math
import random
import struct
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import yaml

from emulator.formats import container

HEADER = struct.Struct("<8sH22sQQ16x")  # of a container: magic, version, kind, description, whole
CHECKSUM_BYTES = 32
MAGIC = b"\x89SPKM\r\n\x1a"
MAX_NODES = 4000  # of a tree: larger ones are cut by the bytes' mutations

NUMBERS = (0, 1, -1, 2, 7, 255, 256, 2**15, -(2**15) - 1, 2**23, 2**31 - 1, 2**31, -(2**31) - 1, 2**32, 2**53)
LONG = (2**63 - 1, 2**63, 2**64 - 1, -(2**63), 10**30)
FLOATS = (0.5, -0.0, 1e-3, 1e18, 1e308, -1e308, math.inf, -math.inf, math.nan)
TEXTS = ("", "x", "\0", "a" * 300, "../x", "0", "-1", "é\u2028", "in", "v", "p", "null", "1e9")
ODD = (None, True, False, [], {}, [0], [[0]], {"": 0}, {"x": {}})
DTYPES = ("bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64")


def sealed(data: bytes) -> bytes:
    """The bytes with length and checksum of their first container made right, if they begin one."""
    if len(data) < HEADER.size + CHECKSUM_BYTES or not data.startswith(MAGIC[:5]):
        return data
    magic, version, kind, n_description, n_bytes = HEADER.unpack_from(data)
    if kind.rstrip(b"\0") != b"checkpoint" or not HEADER.size + CHECKSUM_BYTES <= n_bytes <= len(data):
        n_bytes = len(data)
    head = HEADER.pack(magic, version, kind, n_description, n_bytes)
    body = head + data[HEADER.size : n_bytes - CHECKSUM_BYTES]
    return body + hashlib.sha256(body).digest() + data[n_bytes:]


def mutated(name: str, data: bytes, draw: random.Random) -> bytes | None:
    """A file of reader `name` like these bytes but for a few places; None: they are no such file."""
    try:
        return FRAMES[name](data, draw)
    except Exception:  # whatever a library says of damaged bytes: there is no tree to change
        return None


def changed(tree: Any, draw: random.Random) -> Any:
    """The tree with up to three nodes changed."""
    tree = copy.deepcopy(tree)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        nodes = _nodes(tree)
        if not nodes:
            break
        holder, key = draw.choice(nodes)
        _change(holder, key, nodes, draw)
    return tree


def _nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Every place of a tree: what holds it, and its key or index there."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting and len(found) < MAX_NODES:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys if isinstance(holder[key], (dict, list))]
    return found


def _change(holder: Any, key: Any, nodes: list[tuple[Any, Any]], draw: random.Random) -> None:
    value, way = holder[key], draw.randrange(8)
    if way == 0:
        del holder[key]
    elif way == 1:  # a copy of something else of the tree
        other, place = draw.choice(nodes)
        if place in other if isinstance(other, dict) else place < len(other):
            holder[key] = copy.deepcopy(other[place])
    elif way == 2 and isinstance(holder, dict):
        holder[draw.choice(TEXTS)] = holder.pop(key)
    elif way == 2:
        holder.insert(key, copy.deepcopy(value))
    elif isinstance(value, np.ndarray):
        holder[key] = _array(value, draw)
    elif way == 3:
        holder[key] = copy.deepcopy(draw.choice((*NUMBERS, *LONG, *FLOATS, *TEXTS, *ODD)))
    else:
        holder[key] = _alike(value, draw)


def _alike(value: Any, draw: random.Random) -> Any:
    """Another value of its kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw.choice((value + 1, value - 1, -value, 2 * value, *NUMBERS, *LONG))
    if isinstance(value, float):
        return draw.choice((2 * value, -value, math.nextafter(value, math.inf), *FLOATS))
    if isinstance(value, str):
        return draw.choice((value + "x", value[:-1], value.upper(), *TEXTS))
    if isinstance(value, list) and value:
        return draw.choice((value[:-1], value * 2, value[::-1]))
    return draw.choice(ODD)


def _array(array: Any, draw: random.Random) -> Any:
    """An array with other values, another length, form or dtype."""
    way = draw.randrange(7)
    if way < 3 and array.size and array.dtype.kind in "biuf":
        out = array.copy()
        flat = out.reshape(-1)
        ends = [0, 1] if out.dtype.kind == "b" else _ends(out.dtype)
        flat[draw.randrange(len(flat))] = draw.choice([*ends, flat[0], flat[-1]])
        return out
    if way == 3:
        return array[:-1] if array.ndim and len(array) else np.zeros((0,), dtype=array.dtype)
    if way == 4:
        return np.concatenate([array, array[:1]]) if array.ndim else array.reshape(1)
    if way == 5:
        return array.reshape(-1) if array.ndim > 1 else array.reshape(-1, 1)
    with np.errstate(all="ignore"):
        return array.astype(draw.choice(DTYPES)) if array.dtype.kind in "biuf" else array


def _ends(dtype: Any) -> list[Any]:
    if dtype.kind == "f":
        return [0.0, -1.0, np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny]
    limits = np.iinfo(dtype)
    return [value for value in (0, 1, -1, 2**31, limits.min, limits.max) if limits.min <= value <= limits.max]


def _container(data: bytes, draw: random.Random) -> bytes:
    _, version, kind, *_ = HEADER.unpack_from(data)
    name = kind.rstrip(b"\0").decode()
    content = container.unpack(sealed(data), "x", name, version)
    return b"".join(container.pack("x", name, version, changed(content, draw)))


def _checkpoint(data: bytes, draw: random.Random) -> bytes:
    """One of its containers changed; it keeps its room where what follows it is at a fixed place."""
    starts = [at for at in range(len(data)) if data.startswith(MAGIC, at)]
    begin = draw.choice(starts)
    n_bytes = HEADER.unpack_from(data, begin)[-1]
    new = _container(data[begin : begin + n_bytes], draw)
    later = [at for at in starts if at > begin]
    room = (later[0] if later else len(data)) - begin
    return data[:begin] + new[:room].ljust(min(room, n_bytes), b"\0") + data[begin + max(n_bytes, len(new)) :]


def _json(data: bytes, draw: random.Random) -> bytes:
    return json.dumps(changed([json.loads(data)], draw)[:1] or [{}])[1:-1].encode()


def _yaml(data: bytes, draw: random.Random) -> bytes:
    return str(yaml.safe_dump(changed(yaml.safe_load(data), draw), sort_keys=False)).encode()


def _npz(data: bytes, draw: random.Random) -> bytes:
    with np.load(io.BytesIO(data)) as archive:
        arrays = {name: archive[name] for name in archive}
    buffer = io.BytesIO()
    save = draw.choice((np.savez, np.savez_compressed))
    save(buffer, **{str(name): np.asarray(value) for name, value in changed(arrays, draw).items()})
    return buffer.getvalue()


def _hdf5(data: bytes, draw: random.Random) -> bytes:
    if hashlib.sha256(data[:-CHECKSUM_BYTES]).digest() != data[-CHECKSUM_BYTES:]:
        raise ValueError("the library may never come back from damaged bytes")
    with h5py.File(io.BytesIO(data), "r") as file:
        tree = hdf5_tree(file)
    return hdf5_bytes(changed(tree, draw))


def hdf5_tree(group: Any) -> dict[str, Any]:
    """Groups as maps; datasets as arrays, text and numbers."""
    out: dict[str, Any] = {}
    for key, item in group.items():
        value = item[()] if isinstance(item, h5py.Dataset) else hdf5_tree(item)
        out[key] = value.item() if isinstance(value, np.generic) else value
    return out


def hdf5_bytes(tree: dict[str, Any]) -> bytes:
    """A file of such a tree, in the compact format, and behind it its checksum, which nobody reads."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="latest") as file:
        _fill(file, tree)
    return buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest()


def _fill(group: Any, tree: dict[str, Any]) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _fill(group.create_group(key), value)
        else:
            group[key] = "" if value is None else value


FRAMES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "program": _container,
    "record": _container,
    "network": _container,
    "checkpoint": _checkpoint,
    "chip": _yaml,
    "baseline": _yaml,
    "nir": _hdf5,
    "json": _json,
    "arrays": _npz,
}
