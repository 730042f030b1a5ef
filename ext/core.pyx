"""Compartments one at a time, for comparing the arithmetic with emulator/arith.py and reference/core.py."""

from emulator._ext cimport arith
from emulator._ext.core cimport update
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t


def input_each(const uint16_t[::1] total, int32_t[::1] out):
    """Input register of each sum of weights / 64."""
    cdef int64_t i
    for i in range(_same(total.shape[0], out.shape[0])):
        out[i] = arith.input_of(total[i])


def wrap24_each(const int32_t[::1] value, int32_t[::1] out):
    """Low 24 bits of each value, two's complement."""
    cdef int64_t i
    for i in range(_same(value.shape[0], out.shape[0])):
        out[i] = arith.wrap24(value[i])


def decay_each(const int32_t[::1] value, const int32_t[::1] keep, int32_t[::1] out):
    """sgn(value) * ((|value| * keep) >> 12); |value| <= 2**23, keep 0..4096."""
    cdef int64_t i
    for i in range(_same(_same(value.shape[0], keep.shape[0]), out.shape[0])):
        out[i] = arith.decay(value[i], keep[i])


def step(
    uint16_t[::1] due,
    const int32_t[:, ::1] configuration,
    int32_t[:, ::1] registers,
    uint8_t[:, ::1] outcome,
):
    """One update of n compartments; due [n] as for `input_each`.

    configuration [7, n]: keep_u, keep_v, bias, threshold, vmin, vmax, refractory; registers [4, n]: u, v,
    counter, number of active updates; outcome [2, n]: active, fired.
    """
    cdef int64_t n = due.shape[0]
    if (
        configuration.shape[0] != 7 or configuration.shape[1] != n or registers.shape[0] != 4
        or registers.shape[1] != n or outcome.shape[0] != 2 or outcome.shape[1] != n
    ):
        raise ValueError("step: arrays of inconsistent shape")
    if n:
        update(
            n, &due[0], &configuration[0, 0], &configuration[1, 0], &configuration[2, 0],
            &configuration[3, 0], &configuration[4, 0], &configuration[5, 0], &configuration[6, 0],
            &registers[0, 0], &registers[1, 0], &registers[2, 0], &registers[3, 0],
            &outcome[0, 0], &outcome[1, 0],
        )


cdef int64_t _same(int64_t a, int64_t b) except -1:
    if a != b:
        raise ValueError(f"arrays of {a} and {b} entries")
    return a
