"""Biases and thresholds in the chip's number formats, and what counts as lost in rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from emulator import arith

Floats = NDArray[np.float64]
Ints = NDArray[np.integer]

STEP = 1 << arith.WEIGHT_SHIFT  # LSB of v that thresholds and effective weights count in
INPUT_LIMIT = (1 << (arith.INPUT_BITS - 1)) - 1
STATE_LIMIT = (1 << (arith.STATE_BITS - 1)) - 1
BIAS_LIMITS = {-1: -arith.BIAS_MANT_MIN << arith.BIAS_EXP_MAX, 1: arith.BIAS_MANT_MAX << arith.BIAS_EXP_MAX}
"""Largest magnitude of a bias by its sign, LSB."""

EXACT = 2.0**-22  # relative: what float32 parameters cannot tell apart counts as equal


def bias_format(bias_lsb: Floats) -> tuple[Ints, Ints]:
    """Mantissas and exponents, int64 [n], nearest to the bias: the smallest exponent that holds it."""
    exponent = np.zeros(len(bias_lsb), dtype=np.int64)
    for _ in range(arith.BIAS_EXP_MAX):
        mantissa = np.rint(np.ldexp(bias_lsb, -exponent))
        exponent += (mantissa < arith.BIAS_MANT_MIN) | (mantissa > arith.BIAS_MANT_MAX)
    return np.rint(np.ldexp(bias_lsb, -exponent)).astype(np.int64), exponent


def threshold_mantissa(threshold_lsb: Floats, *, nearest: bool = False) -> Ints:
    """`vth_mant` int64 [n], rounded down, or to the nearest; limited to its register.

    Down, because v on a grid of multiples of STEP is above the threshold exactly when it is above the
    multiple below it. A threshold that a float's rounding put just below a multiple is that multiple. To the
    nearest where a soft reset takes it off v again and again.
    """
    steps = threshold_lsb / STEP
    whole = np.rint(steps)
    on_grid = np.abs(steps - whole) <= EXACT * np.maximum(1, np.abs(steps))
    chosen = np.where(on_grid | nearest, whole, np.floor(steps))
    return np.minimum(chosen, arith.VTH_MANT_MAX).astype(np.int64)


def lost(rounded: NDArray[Any], exact: NDArray[Any]) -> Floats:
    """Rounding errors, 0 where they are below what float32 resolves."""
    error = np.asarray(rounded - exact, dtype=np.float64)
    return np.where(np.abs(error) <= EXACT * np.abs(exact), 0.0, error)
