"""Compartments one at a time, for comparing the arithmetic with emulator/arith.py and reference/core.py."""

from emulator._ext cimport arith
from emulator._ext.core cimport Outcome, Stretch, update_alike, update_each, update_short
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t


def input_each(const uint16_t[::1] total, int shift, int32_t[::1] out):
    """Input register of each sum of weights / 2**shift."""
    cdef int64_t i
    for i in range(_same(total.shape[0], out.shape[0])):
        out[i] = arith.input_of(total[i], shift)


def wrap24_each(const int32_t[::1] value, int32_t[::1] out):
    """Low 24 bits of each value, two's complement."""
    cdef int64_t i
    for i in range(_same(value.shape[0], out.shape[0])):
        out[i] = arith.wrap24(value[i])


def decay_each(const int32_t[::1] value, const int32_t[::1] keep, int32_t[::1] out):
    """sgn(value) * ((|value| * keep) >> 12); |value| <= 2**23, keep 0..4096."""
    cdef int64_t i, n = _same(_same(value.shape[0], keep.shape[0]), out.shape[0])
    cdef int mode
    with nogil:
        mode = arith.round_toward_zero()
        for i in range(n):
            out[i] = arith.decay(value[i], arith.share_of(keep[i]))
        arith.fesetround(mode)


VARIANTS = ("each", "alike", "short", "short, one bias")


def step(
    uint16_t[::1] due,
    int shift,
    const int32_t[:, ::1] configuration,
    int32_t[:, ::1] registers,
    uint8_t[::1] counter,
    uint8_t[:, ::1] outcome,
    str variant,
):
    """One update of n compartments; due [n] and shift as for `input_each`. Returns (n_active, n_fired, left).

    configuration [8, n]: keep_u, keep_v, bias, threshold, vmin, vmax, refractory, soft; registers [2, n]: u,
    v; outcome [2, n]: active, fired. variant: of VARIANTS; all but the first take the first compartment's
    configuration for all, the last its bias too; the last two know no refractory time and leave counter and
    active alone.
    """
    cdef int64_t n = due.shape[0]
    cdef Stretch s
    cdef Outcome out
    if (
        configuration.shape[0] != 8 or configuration.shape[1] != n or registers.shape[0] != 2
        or registers.shape[1] != n or counter.shape[0] != n or outcome.shape[0] != 2 or outcome.shape[1] != n
        or n == 0
    ):
        raise ValueError("step: arrays of inconsistent shape")
    s.keep_u, s.keep_v, s.bias = configuration[0, 0], configuration[1, 0], configuration[2, 0]
    s.threshold, s.vmin, s.vmax = configuration[3, 0], configuration[4, 0], configuration[5, 0]
    s.refractory, s.soft = configuration[6, 0], configuration[7, 0]
    if variant not in VARIANTS:
        raise ValueError(f"variant {variant!r}: choose from {', '.join(VARIANTS)}")
    cdef int mode = arith.round_toward_zero()
    if variant == "each":
        update_each(
            n, shift, &s, &due[0], &configuration[0, 0], &configuration[1, 0], &configuration[2, 0],
            &configuration[3, 0], &configuration[4, 0], &configuration[5, 0], &configuration[6, 0],
            &configuration[7, 0], &registers[0, 0], &registers[1, 0], &counter[0], &outcome[0, 0],
            &outcome[1, 0], &out,
        )
    elif variant == "alike":
        update_alike(
            n, shift, &s, &due[0], &configuration[2, 0], &registers[0, 0], &registers[1, 0], &counter[0],
            &outcome[0, 0], &outcome[1, 0], &out,
        )
    else:
        s.same_bias = variant == "short, one bias"
        update_short(
            n, shift, &s, &due[0], &configuration[2, 0], &registers[0, 0], &registers[1, 0], &outcome[1, 0],
            &out,
        )
    arith.fesetround(mode)
    return out.n_active, out.n_fired, out.left


def decay64_each(const int64_t[::1] value, const int64_t[::1] keep, int64_t[::1] out):
    """sgn(value) * ((|value| * keep) >> 12) of any 64-bit values."""
    cdef int64_t i
    for i in range(_same(_same(value.shape[0], keep.shape[0]), out.shape[0])):
        out[i] = arith.decay64(value[i], keep[i])


def wrapped_each(const int64_t[::1] value, int bits, int64_t[::1] out):
    """Low `bits` bits of each value, two's complement."""
    cdef int64_t i
    for i in range(_same(value.shape[0], out.shape[0])):
        out[i] = arith.wrapped(value[i], bits)


cdef int64_t _same(int64_t a, int64_t b) except -1:
    if a != b:
        raise ValueError(f"arrays of {a} and {b} entries")
    return a
