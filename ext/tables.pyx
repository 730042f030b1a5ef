"""Sweeps over the synapse table of an image: whether every value fits, and what the lists take in memory.

Callers: emulator/chip. Indices between tables have been checked before: `check_structure`, formats, pointers.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t

KINDS = ("slot", "index", "delay", "mantissa", "step")  # what can be wrong with a synapse

cdef enum:
    SLOT
    INDEX
    DELAY
    MANTISSA
    STEP


def find_wrong(
    const int64_t[::1] bounds, const int64_t[::1] n_slots, const uint16_t[::1] slot,
    const int16_t[::1] mantissa, const uint8_t[::1] delay, const uint8_t[::1] form,
    const int64_t[::1] index_end, const int64_t[::1] delay_end, const int64_t[::1] mant_min,
    const int64_t[::1] mant_max, const int64_t[::1] lost_mask, int64_t[::1] found,
):
    """found [5]: the first synapse of each of KINDS, left as it is where there is none.

    bounds: [n_cores + 1] synapses of each core; n_slots: [n_cores]; the tables that follow `form`: [n_formats].
    """
    cdef int64_t core, i, f, value
    cdef int64_t first[5]
    with nogil:
        for i in range(5):
            first[i] = -1
        for core in range(n_slots.shape[0]):
            for i in range(bounds[core], bounds[core + 1]):
                f, value = form[i], mantissa[i]
                if slot[i] >= n_slots[core] and first[SLOT] < 0:
                    first[SLOT] = i
                if slot[i] >= index_end[f] and first[INDEX] < 0:
                    first[INDEX] = i
                if delay[i] > delay_end[f] and first[DELAY] < 0:
                    first[DELAY] = i
                if (value < mant_min[f] or value > mant_max[f]) and first[MANTISSA] < 0:
                    first[MANTISSA] = i
                if ((-value if value < 0 else value) & lost_mask[f]) != 0 and first[STEP] < 0:
                    first[STEP] = i
        for i in range(5):
            if first[i] >= 0:
                found[i] = first[i]


def count_words(
    const int64_t[::1] slot_ptr, const int64_t[::1] axon_ptr, const int64_t[::1] syn_ptr,
    const uint16_t[::1] slot, const uint8_t[::1] form, const int64_t[::1] bits, const uint8_t[::1] is_dense,
    const int32_t[::1] group, const int64_t[::1] layout, int64_t[::1] words,
):
    """Adds the words that the lists of every core take. bits, is_dense: [n_formats], of one synapse.

    A run is a stretch of a list with one format and one target group [n_slots], if dense without a gap.
    layout: synapses of a full block, bits of a block's header, bits of a word.
    """
    cdef int64_t core, axon, begin, end, of_core
    if slot.shape[0] == 0:
        return
    with nogil:
        for core in range(axon_ptr.shape[0] - 1):
            of_core = slot_ptr[core]
            for axon in range(axon_ptr[core], axon_ptr[core + 1]):
                begin = syn_ptr[axon]
                while begin < syn_ptr[axon + 1]:
                    end = begin + 1
                    while (
                        end < syn_ptr[axon + 1] and form[end] == form[begin]
                        and group[of_core + slot[end]] == group[of_core + slot[begin]]
                        and (not is_dense[form[begin]] or slot[end] == slot[end - 1] + 1)
                    ):
                        end += 1
                    words[core] += _run_words(end - begin, bits[form[begin]], &layout[0])
                    begin = end


cdef inline int64_t _run_words(int64_t n, int64_t bits, const int64_t* layout) noexcept nogil:
    cdef int64_t full = n // layout[0], rest = n % layout[0]
    cdef int64_t total = full * ((layout[0] * bits + layout[1] + layout[2] - 1) // layout[2])
    if rest:
        total += (rest * bits + layout[1] + layout[2] - 1) // layout[2]
    return total
