"""Digest of a network: two networks with the same digest were described by the same numbers, in one order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from emulator.network.network import Network

MAX_SYNAPSES = 2**22
"""Of larger networks a program keeps no digest: hashing would take a good part of compiling them."""


def network_digest(network: Network) -> str:
    """BLAKE2 of everything that was added, parts by name."""
    total = hashlib.blake2b(digest_size=32)
    for chunk in _chunks(
        {
            "name": network.name,
            "dt_s": network.dt_s,
            "sources": network.sources,
            "populations": network.populations,
            "cores": network.cores,
            "projections": network.projections,
            "probes": network.probes,
        }
    ):
        total.update(chunk)
    return total.hexdigest()


def _chunks(value: Any) -> Iterator[bytes | memoryview]:
    """A value as bytes that no other value has: every part says what it is and how long."""
    if isinstance(value, np.ndarray):
        yield f"array {value.dtype.str}{list(value.shape)}:".encode()
        yield np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
    elif is_dataclass(value) and not isinstance(value, type):
        yield f"{type(value).__name__}:".encode()
        yield from _chunks({field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, dict):
        yield f"map {len(value)}:".encode()
        for key, item in value.items():
            yield from _chunks(key)
            yield from _chunks(item)
    elif isinstance(value, (list, tuple)):
        yield f"list {len(value)}:".encode()
        for item in value:
            yield from _chunks(item)
    else:
        plain = value.item() if isinstance(value, np.generic) else value
        text = repr(plain).encode()
        yield f"{type(plain).__name__} {len(text)}:".encode()
        yield text
