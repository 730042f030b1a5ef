"""What the page carries besides text: arrays, packed, and the library that draws its charts.

Arrays are laid end to end in the smallest integers that hold them, with an index; all is compressed, as text,
and unpacked by the browser.
"""

from __future__ import annotations

import base64
import functools
import gzip
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNSIGNED = (np.uint8, np.uint16, np.uint32)


class Arrays:
    """Named arrays on their way into the page."""

    def __init__(self) -> None:
        self._index: dict[str, dict[str, Any]] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Non-negative integers below 2**32 keep every bit; all else becomes float32 or, past it, float64."""
        assert name not in self._index, name
        packed = _smallest(np.asarray(values))
        content = packed.tobytes()
        content += b"\0" * (-len(content) % 8)  # typed arrays begin at multiples of their size
        self._index[name] = {
            "type": packed.dtype.name,
            "shape": list(packed.shape),
            "at": self._size,
            "length": packed.size,
        }
        self._parts.append(content)
        self._size += len(content)

    def index(self) -> dict[str, dict[str, Any]]:
        """Name -> type, shape, offset in bytes, number of values."""
        return self._index

    def content(self) -> bytes:
        return b"".join(self._parts)


def _smallest(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "iub":
        low, high = int(values.min(initial=0)), int(values.max(initial=0))
        if low >= 0:
            for kind in UNSIGNED:
                if high <= np.iinfo(kind).max:
                    return np.ascontiguousarray(values, dtype=kind)
        return np.ascontiguousarray(values, dtype=np.float64)
    return np.ascontiguousarray(values, dtype=np.float32)


def compressed(content: bytes) -> str:
    """gzip as base64; without a date, so that the same run gives the same page."""
    return base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode("ascii")


def as_json(value: Any) -> str:
    """JSON that browsers read: no numbers that are none."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@functools.cache
def plotting_library() -> str:
    """plotly.js as its Python package carries it, compressed: the same in every page."""
    from plotly.offline import get_plotlyjs  # takes a while to import, and only pages need it

    return compressed(str(get_plotlyjs()).encode())
