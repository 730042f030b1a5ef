"""Generators and their random numbers by themselves, for comparing them with emulator/philox.py and
emulator/reference/generator.py."""

from emulator._ext.generator cimport POISSON, REGULAR, Generators, inputs_of_tick
from emulator._ext.philox cimport N_WORDS, philox4x32
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

import numpy as np

KIND_CODES = {"poisson": POISSON, "regular": REGULAR}
WORDS_AT_ONCE = N_WORDS


def philox_words(const uint32_t[::1] counter, const uint32_t[::1] key, uint32_t[::1] out):
    """The N_WORDS words of the counters that follow `counter` [4] in its first word; key [2]."""
    if counter.shape[0] != 4 or key.shape[0] != 2 or out.shape[0] != N_WORDS:
        raise ValueError(f"philox_words: arrays of 4, 2 and {N_WORDS} words")
    philox4x32(counter[0], counter[1], counter[2], counter[3], key[0], key[1], &out[0])


def spiking_inputs(
    dict arrays, uint64_t seed, int64_t first_tick, int64_t sample, int64_t tick, const int32_t[::1] given
):
    """int32 [n]: inputs that spike in a tick. arrays: those of `Generators`, int64; given: the host's."""
    cdef Generators g
    cdef const int64_t[::1] kind = arrays["kind"], first_input = arrays["first_input"]
    cdef const int64_t[::1] n_inputs = arrays["n_inputs"], stream = arrays["stream"]
    cdef const int64_t[::1] n_rows = arrays["n_rows"], width = arrays["width"]
    cdef const int64_t[::1] table_ptr = arrays["table_ptr"], values = arrays["values"]
    out = np.empty(int(np.sum(n_inputs)) + given.shape[0] + 1, dtype=np.int32)
    cdef int32_t[::1] view = out
    cdef const int32_t* told = &given[0] if given.shape[0] else NULL
    g.n_generators = kind.shape[0]
    if g.n_generators == 0 or values.shape[0] == 0:
        return np.array(given)
    g.kind, g.first_input, g.n_inputs, g.stream = &kind[0], &first_input[0], &n_inputs[0], &stream[0]
    g.n_rows, g.width, g.table_ptr, g.values = &n_rows[0], &width[0], &table_ptr[0], &values[0]
    g.seed, g.first_tick = seed, first_tick
    return out[:inputs_of_tick(&g, sample, tick, told, given.shape[0], &view[0])]
