# Sources that the engine drives itself: which host inputs spike in a tick. Twin of emulator/reference/generator.py.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from emulator._ext.core cimport apart8, cloned_void
from emulator._ext.philox cimport N_WORDS, apart_u32, philox4x32


cdef enum:
    POISSON = 0  # places in KINDS of emulator/chip/drive.py, checked by engine/native.py
    REGULAR = 1
    STREAM_BITS = 24  # low bits of the counter's last word; above them the tick's bits from 32 on


cdef struct Generators:
    # arrays [n_generators], ascending by their inputs; tables as described in emulator/chip/drive.py
    int64_t n_generators
    const int64_t* kind
    const int64_t* first_input
    const int64_t* n_inputs
    const int64_t* stream  # 24 bits
    const int64_t* n_rows
    const int64_t* width
    const int64_t* table_ptr  # [n_generators + 1]
    const int64_t* values  # thresholds 0..2**32; phases 0..2**31 - 1, periods 1..2**31 - 1
    uint64_t seed
    int64_t first_tick  # ticks before this run; with those of the run at most 2**40


cdef inline int64_t inputs_of_tick(
    const Generators* g, int64_t sample, int64_t tick, const int32_t* given, int64_t n_given, int32_t* out
) noexcept nogil:
    """Fills `out` with the inputs that spike in a tick of the run, ascending, and returns their number.

    given: [n_given] those the host sends, ascending, none of them a generator's; out: one place more than
    there are inputs.
    """
    cdef int64_t n_drawn = draw_inputs(g, sample, tick, out)
    cdef int64_t drawn = n_drawn - 1, told = n_given - 1
    while told >= 0:  # from the end, so that both fit into one list
        if drawn >= 0 and out[drawn] > given[told]:
            out[told + drawn + 1] = out[drawn]
            drawn -= 1
        else:
            out[told + drawn + 1] = given[told]
            told -= 1
    return n_drawn + n_given


cdef inline int64_t draw_inputs(
    const Generators* g, int64_t sample, int64_t tick, int32_t* out
) noexcept nogil:
    """Fills `out` with the inputs that the generators let spike in a tick of the run; returns their number."""
    cdef int64_t i, n = 0
    for i in range(g.n_generators):
        if g.kind[i] == POISSON:
            n += draw_poisson(g, i, sample, tick, out + n)
        else:
            n += beat(g, i, tick, out + n)
    return n


@cython.overflowcheck(False)
cdef inline int64_t draw_poisson(
    const Generators* g, int64_t i, int64_t sample, int64_t tick, int32_t* out
) noexcept nogil:
    """An input spikes if its draw is below its threshold."""
    cdef uint64_t absolute = <uint64_t>(g.first_tick + tick)
    cdef uint32_t tick_and_stream = <uint32_t>(absolute >> 32 << STREAM_BITS) | <uint32_t>g.stream[i]
    cdef int64_t row = tick if g.n_rows[i] > 1 else 0
    cdef const int64_t* threshold = g.values + g.table_ptr[i] + row * g.width[i]
    cdef int64_t step = g.width[i] > 1, begin = 0, n = 0, end
    cdef uint8_t spiking[N_WORDS]
    cdef uint32_t words[N_WORDS]
    if step == 0 and threshold[0] == 0:
        return 0
    memset(spiking, 0, N_WORDS)
    while begin < g.n_inputs[i]:
        philox4x32(
            <uint32_t>(begin >> 2), <uint32_t>absolute, <uint32_t>sample, tick_and_stream,
            <uint32_t>g.seed, <uint32_t>(g.seed >> 32), words,
        )
        end = min(g.n_inputs[i] - begin, <int64_t>N_WORDS)
        compare(words, threshold, step, end, spiking)
        n += list_flags(spiking, end, g.first_input[i] + begin, out + n)
        threshold += end * step
        begin += N_WORDS
    return n


cdef inline cloned_void compare(
    apart_u32 words, const int64_t* threshold, int64_t step, int64_t n, apart8 flags
) noexcept nogil:
    """flags[k]: whether word k is below its threshold."""
    cdef int64_t k
    if step == 0:
        for k in range(n):
            flags[k] = <int64_t>words[k] < threshold[0]
    else:
        for k in range(n):
            flags[k] = <int64_t>words[k] < threshold[k]


cdef inline int64_t list_flags(const uint8_t* flags, int64_t n, int64_t first, int32_t* out) noexcept nogil:
    """Lists first + k for every flag k that is set; returns their number. flags: in whole eights."""
    cdef int64_t k = 0, j, n_listed = 0
    cdef uint64_t eight
    while k < n:
        memcpy(&eight, flags + k, 8)
        if eight != 0:
            for j in range(k, min(k + 8, n)):
                out[n_listed] = <int32_t>(first + j)  # overwritten unless it counts
                n_listed += flags[j]
        k += 8
    return n_listed


cdef inline int64_t beat(const Generators* g, int64_t i, int64_t tick, int32_t* out) noexcept nogil:
    """An input spikes at its phase and then every period."""
    cdef const int64_t* phase = g.values + g.table_ptr[i]
    cdef const int64_t* period = phase + g.width[i]
    cdef int64_t step = g.width[i] > 1, n = 0, k, since, periods
    for k in range(g.n_inputs[i]):
        since = g.first_tick + tick - phase[k * step]
        # exact, and several times as fast as a remainder: a quotient that rounds to an integer without being
        # one does not lead back to `since`
        periods = <int64_t>(<double>since / <double>period[k * step])
        out[n] = <int32_t>(g.first_input[i] + k)
        n += since >= 0 and periods * period[k * step] == since
    return n
