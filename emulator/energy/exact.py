"""Exact sums and products of counts and prices: int64 where it suffices, Python integers else."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer]


def whole(value: float, scale: int) -> int:
    """`value * scale` of the decimal number that a person wrote, as an integer."""
    scaled = Decimal(repr(float(value))) * scale
    assert scaled == int(scaled), f"{value} has more decimals than its unit"  # ChipSpec refuses it
    return int(scaled)


def sums(table: Ints) -> list[int]:
    """Exact sum of each column of int64 [n, m]: halves are summed apart, so nothing overflows."""
    high, low = (table >> 32).sum(axis=0).tolist(), (table & 0xFFFFFFFF).sum(axis=0).tolist()
    return [(upper << 32) + lower for upper, lower in zip(high, low, strict=True)]


def products(table: Ints, prices_aj: list[int]) -> list[int]:
    """Energy of each row of counts [n, n_prices]."""
    highest = int(table.max()) if table.size else 0
    wide = highest * max(prices_aj) * len(prices_aj) >= 2**63
    kind = object if wide or table.dtype == object else np.int64
    return list((table.astype(kind) @ np.array(prices_aj, dtype=kind)).tolist())
