"""Counts, sums and stored values of weights by their mantissas, which are few.

Callers: emulator/compiler. One pass over the synapses each.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memset

cdef enum:
    N_MANTISSAS = 512  # of every sign mode: -256 .. 255
    MANTISSA_OFFSET = 256


def count_mantissas(const int16_t[::1] mantissa, const uint8_t[::1] codes, int64_t[:, ::1] counts):
    """Adds the synapses of each code and mantissa [n_codes, 512]; codes None: all have code 0."""
    cdef int64_t i, n = mantissa.shape[0]
    cdef int64_t even[N_MANTISSAS]  # two tables in turn: equal neighbours do not wait for each other
    cdef int64_t odd[N_MANTISSAS]
    if counts.shape[1] != N_MANTISSAS or (codes is not None and codes.shape[0] != n):
        raise ValueError("count_mantissas: arrays of inconsistent shape")
    with nogil:
        if codes is not None:
            for i in range(n):
                counts[codes[i], mantissa[i] + MANTISSA_OFFSET] += 1
        else:
            memset(even, 0, sizeof(even))
            memset(odd, 0, sizeof(odd))
            for i in range(n // 2):
                even[mantissa[2 * i] + MANTISSA_OFFSET] += 1
                odd[mantissa[2 * i + 1] + MANTISSA_OFFSET] += 1
            if n % 2:
                even[mantissa[n - 1] + MANTISSA_OFFSET] += 1
            for i in range(N_MANTISSAS):
                counts[0, i] += even[i] + odd[i]


def add_loads(
    const int32_t[::1] target, const int16_t[::1] mantissa, const uint8_t[::1] codes,
    const int64_t[:, :, ::1] shares, int64_t[:, ::1] loads,
):
    """Adds what each target gets of either sign, [n_targets, 2]: more, less.

    shares: [n_codes, 512, 2] what each mantissa adds to these.
    """
    cdef int64_t i, n = target.shape[0]
    cdef bint coded = codes is not None
    cdef const int64_t* of_code = &shares[0, MANTISSA_OFFSET, 0]
    cdef const int64_t* share
    cdef int64_t* load
    cdef int64_t more, less
    if shares.shape[1] != N_MANTISSAS or shares.shape[2] != 2 or loads.shape[1] != 2 or (
        mantissa.shape[0] != n or (coded and codes.shape[0] != n)
    ):
        raise ValueError("add_loads: arrays of inconsistent shape")
    with nogil:
        for i in range(n):
            if coded:
                of_code = &shares[codes[i], MANTISSA_OFFSET, 0]
            # Both are added, one of them 0, instead of a branch: signs cannot be foreseen.
            share, load = of_code + 2 * mantissa[i], &loads[0, 0] + 2 * <int64_t>target[i]
            more, less = load[0] + share[0], load[1] + share[1]
            load[0], load[1] = more, less


def quantise_mantissas(const int16_t[::1] mantissa, const int16_t[::1] stored, int16_t[::1] out):
    """out = stored[mantissa + 256]."""
    cdef int64_t i
    if stored.shape[0] != N_MANTISSAS or out.shape[0] != mantissa.shape[0]:
        raise ValueError("quantise_mantissas: arrays of inconsistent shape")
    with nogil:
        for i in range(mantissa.shape[0]):
            out[i] = stored[mantissa[i] + MANTISSA_OFFSET]
