"""Bits that flip: which of many, and what a number is afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]


def is_rate(value: object) -> bool:
    """Whether a value is a probability."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and 0 <= value <= 1  # type: ignore[operator]


def hit(n: int, rate: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Those of n bits that flip, each with probability `rate`; ascending. Takes as long as there are hits."""
    n_hit = int(rng.binomial(n, rate)) if n else 0
    if n_hit == 0:
        return np.zeros(0, dtype=np.int64)
    return np.sort(rng.choice(n, n_hit, replace=False, shuffle=False)).astype(np.int64)


def signed(code: Ints, n_bits: Any) -> Ints:
    """The numbers that codes of n_bits are in two's complement."""
    half = np.int64(1) << (np.asarray(n_bits, dtype=np.int64) - 1)
    return (code.astype(np.int64) ^ half) - half
