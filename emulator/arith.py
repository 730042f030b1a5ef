"""The chips' integer arithmetic, once: wrap, decay, weights, limits of the registers.

Every function takes Python ints or numpy integer arrays and computes in int64; `_ext/arith.pxd` is the C
twin, function for function. Source of all of it: specs of Loihi as published by Davies et al. 2018 (IEEE
Micro) and Michaelis et al. 2022 (Brian2Loihi), and the outputs of three public emulators (tests/golden).
"""

from __future__ import annotations

from typing import Any

import numpy as np

STATE_BITS = 24  # u and v, two's complement
INPUT_BITS = 22  # sum of one tick's synaptic input, two's complement
DECAY_BITS = 12  # decays count in 1/4096
DECAY_MASK = (1 << DECAY_BITS) - 1
WIDE_BITS = 64  # of a register that a policy leaves without the chip's bounds
WEIGHT_SHIFT = 6  # weights and thresholds sit 6 bits above the state's LSB

V_LIMIT = 2**23 - 1  # default vmin = -V_LIMIT, vmax = +V_LIMIT
W_ACT_LIMIT = 2**21 - 64  # an effective weight is clipped to +-W_ACT_LIMIT
VTH_MANT_MAX = 2**17 - 1
BIAS_MANT_MIN, BIAS_MANT_MAX = -(2**12), 2**12 - 1  # 13-bit signed
BIAS_EXP_MAX = 7
DECAY_MAX = 4095
W_EXP_MIN, W_EXP_MAX = -8, 7
REFRACTORY_MIN, REFRACTORY_MAX = 1, 63
DELAY_MIN, DELAY_MAX = 1, 63  # ticks; the 6-bit field holds delay_ticks - 1 = 0..62

REGISTER_RANGE = {
    "q": (-(1 << (INPUT_BITS - 1)), (1 << (INPUT_BITS - 1)) - 1),
    "u": (-(1 << (STATE_BITS - 1)), (1 << (STATE_BITS - 1)) - 1),
    "x": (-(1 << (STATE_BITS - 1)), (1 << (STATE_BITS - 1)) - 1),
    "v": (-V_LIMIT, V_LIMIT),
}
"""What a tick's input q, the current u, x = u + bias and the voltage v can be without loss."""

SIGN_MODES = ("mixed", "excitatory", "inhibitory")
MANTISSA_RANGE = {"mixed": (-256, 255), "excitatory": (0, 255), "inhibitory": (-255, 0)}
ROUNDINGS = ("toward_zero", "floor", "nearest", "lava")
OVERFLOWS = ("chip", "lava", "unbounded", "strict")


def wrap(value: Any, bits: int) -> Any:
    """Two's complement of the low `bits` bits: -2**(bits-1) .. 2**(bits-1) - 1. Arrays: bits up to 62."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


def wrap_once(value: int, bits: int) -> int:
    """`value` moved by at most one turn of 2**bits towards (-2**(bits-1), 2**(bits-1)], as lava wraps u."""
    half = 1 << (bits - 1)
    if value > half:
        return value - 2 * half
    return value + 2 * half if value <= -half else value


def decay(value: Any, rate: Any) -> Any:
    """`sgn(value) * ((|value| * (4096 - rate)) >> 12)`: on the magnitude, toward zero. rate 0..4096.

    Split at bit 12, which changes nothing but keeps the product of any magnitude below 2**63 within int64.
    """
    magnitude, keep = abs(value), 4096 - rate
    magnitude = (magnitude >> DECAY_BITS) * keep + (((magnitude & DECAY_MASK) * keep) >> DECAY_BITS)
    if isinstance(magnitude, np.ndarray):
        return np.where(np.asarray(value) < 0, -magnitude, magnitude)
    return -magnitude if value < 0 else magnitude


def lost_bits(weight_bits: Any, mixed: Any) -> Any:
    """Low mantissa bits a synapse format cannot store: 8 - weight_bits, one more in mixed mode."""
    return 8 - weight_bits + mixed


def quantise_mantissa(mantissa: Any, n_lost: int, rounding: str, sign_mode: str = "mixed") -> Any:
    """Clear the `n_lost` low bits of int mantissas by the named rounding. Returns int64.

    "lava" rounds mixed mantissas toward minus infinity and the others toward zero.
    """
    mantissa = np.asarray(mantissa, dtype=np.int64)
    if n_lost == 0:
        return mantissa
    step = 1 << n_lost
    if rounding == "floor" or (rounding == "lava" and sign_mode == "mixed"):
        return (mantissa >> n_lost) << n_lost
    magnitude = np.abs(mantissa)
    if rounding == "nearest":  # halves away from zero
        magnitude = magnitude + step // 2
    return np.sign(mantissa) * ((magnitude >> n_lost) << n_lost)


def effective_weight(mantissa: Any, w_exp: Any) -> Any:
    """`((mant * 2**(6 + w_exp)) >> 6) << 6` with an arithmetic shift, clipped to +-W_ACT_LIMIT. int64."""
    mantissa = np.asarray(mantissa, dtype=np.int64)
    shift = np.asarray(w_exp, dtype=np.int64) + WEIGHT_SHIFT
    # mant * 2**shift with shift -2..13; a negative shift floors, as the right shift by 6 then does again.
    scaled = np.where(shift >= 0, mantissa << np.maximum(shift, 0), mantissa >> np.maximum(-shift, 0))
    return np.clip((scaled >> WEIGHT_SHIFT) << WEIGHT_SHIFT, -W_ACT_LIMIT, W_ACT_LIMIT)


def input_of_sum(total: Any, shift: Any) -> Any:
    """`(total >> shift) << 6`: input of a tick whose mantissas sum up to `total` and share w_exp = -shift.

    The same as `((total * 2**(6 + w_exp)) >> 6) << 6`: the exponent acts on the sum. With shift 0 the total
    is one of effective weights / 64.
    """
    return (total >> shift) << WEIGHT_SHIFT


def bias_value(mantissa: Any, exponent: Any) -> Any:
    """`mantissa * 2**exponent`."""
    return mantissa * (1 << exponent) if isinstance(exponent, int) else mantissa << exponent
