"""Sweeps over the synapse table of an image: whether every value fits, and what the lists take in memory.

Callers: emulator/chip. Indices between tables have been checked before: `check_structure`, formats, pointers.
"""

from emulator._ext.core cimport cloned_void
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcmp

KINDS = ("slot", "index", "delay", "mantissa", "step")  # what can be wrong with a synapse

cdef enum:
    SLOT
    INDEX
    DELAY
    MANTISSA
    STEP
    TOGETHER = 4096  # synapses of one core that are looked at together


def find_wrong(
    const int64_t[::1] bounds, const int64_t[::1] n_slots, const uint16_t[::1] slot,
    const int16_t[::1] mantissa, const uint8_t[::1] delay, const uint8_t[::1] form,
    const int64_t[::1] index_end, const int64_t[::1] delay_end, const int64_t[::1] mant_min,
    const int64_t[::1] mant_max, const int64_t[::1] lost_mask, int64_t[::1] found,
):
    """found [5]: the first synapse of each of KINDS, left as it is where there is none.

    bounds: [n_cores + 1] synapses of each core; n_slots: [n_cores]; the tables that follow `form`: [n_formats].
    """
    cdef int64_t core, begin, end, i, f, value
    cdef int64_t first[5]
    cdef Extremes of
    with nogil:
        for i in range(5):
            first[i] = -1
        for core in range(n_slots.shape[0]):
            begin = bounds[core]
            while begin < bounds[core + 1]:
                end = min(begin + TOGETHER, bounds[core + 1])
                f = form[begin]
                if memcmp(&form[begin], &form[begin] + 1, end - 1 - begin) == 0:
                    find_extremes(&slot[begin], &mantissa[begin], &delay[begin], end - begin, &of)
                    if (
                        of.slot < n_slots[core] and of.slot < index_end[f] and of.delay <= delay_end[f]
                        and of.least >= mant_min[f] and of.most <= mant_max[f] and of.bits & lost_mask[f] == 0
                    ):
                        begin = end
                        continue
                for i in range(begin, end):
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
                begin = end
        for i in range(5):
            if first[i] >= 0:
                found[i] = first[i]


cdef struct Extremes:
    # of synapses
    int64_t slot  # highest
    int64_t delay  # longest
    int64_t least  # mantissa
    int64_t most
    int64_t bits  # set in some mantissa; the lowest one that is set is the same in its magnitude


cdef cloned_void find_extremes(
    const uint16_t* slot, const int16_t* mantissa, const uint8_t* delay, int64_t n, Extremes* out
) noexcept nogil:
    cdef uint16_t highest = 0, bits = 0
    cdef uint8_t longest = 0
    cdef int16_t least = mantissa[0], most = mantissa[0]
    cdef int64_t i
    for i in range(n):
        highest = max(highest, slot[i])
        longest = max(longest, delay[i])
        least = min(least, mantissa[i])
        most = max(most, mantissa[i])
        bits |= <uint16_t>mantissa[i]
    out.slot, out.delay, out.least, out.most, out.bits = highest, longest, least, most, bits


def count_words(
    const int64_t[::1] slot_ptr, const int64_t[::1] axon_ptr, const int64_t[::1] syn_ptr,
    const uint16_t[::1] slot, const uint8_t[::1] form, const uint8_t[::1] is_dense,
    const int32_t[::1] group, const int64_t[:, ::1] block_words, int64_t[::1] words,
):
    """Adds the words that the lists of every core take. is_dense: [n_formats].

    A run is a stretch of a list with one format and one target group [n_slots], if dense without a gap.
    block_words: [n_formats, synapses of a full block + 1] words of a block of so many synapses.
    """
    cdef int64_t core, axon, begin, end, last, n_slots, n
    cdef int64_t full = block_words.shape[1] - 1
    cdef const int32_t* of_core
    cdef bint alone  # whether all slots of the core are of one group
    if slot.shape[0] == 0:
        return
    with nogil:
        for core in range(axon_ptr.shape[0] - 1):
            of_core, n_slots = &group[slot_ptr[core]], slot_ptr[core + 1] - slot_ptr[core]
            alone = memcmp(of_core, of_core + 1, (n_slots - 1) * sizeof(int32_t)) == 0
            for axon in range(axon_ptr[core], axon_ptr[core + 1]):
                begin, last = syn_ptr[axon], syn_ptr[axon + 1]
                while begin < last:
                    end = begin + 1
                    if (
                        alone and not is_dense[form[begin]]
                        and memcmp(&form[begin], &form[begin] + 1, last - end) == 0
                    ):
                        end = last  # most lists are one run
                    while (
                        end < last and form[end] == form[begin] and of_core[slot[end]] == of_core[slot[begin]]
                        and (not is_dense[form[begin]] or slot[end] == slot[end - 1] + 1)
                    ):
                        end += 1
                    n = end - begin
                    if n > full:
                        words[core] += n // full * block_words[form[begin], full]
                        n %= full
                    words[core] += block_words[form[begin], n]
                    begin = end
