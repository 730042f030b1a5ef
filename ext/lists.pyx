"""Synapses from the senders' rows to the cores' lists, by counting sorts: each pass is linear in the synapses.

Callers: emulator/compiler. A `Table` holds where the rows of all projections are; nothing is copied. The
functions below walk it sender by sender, so that what they write for one core comes out by sender, and within
a sender by format and target.
"""

from emulator._ext.core cimport prefetch
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset

import numpy as np

cdef enum:
    STRIDE = 8  # synapses that a search passes over at once


cdef struct Segment:
    # synapses of one projection, or those of them with one code
    int64_t first_sender  # sender of row 0
    int64_t n_rows
    int64_t first_target  # neuron of target 0
    int64_t number  # what the caller calls it
    int32_t code  # the code its synapses have
    const int64_t* indptr  # [n_rows + 1]
    const int32_t* target  # ascending within a row
    const uint8_t* codes  # code of each synapse; NULL: all are of the segment
    const int16_t* mantissa  # -256 .. 255; NULL where no one asks
    const uint8_t* delay  # ticks, 1..63; NULL where no one asks


cdef struct Scratch:
    # targets of a sender that have to be merged, each with its place; the merge needs the room twice
    int64_t n_room
    int64_t* key
    int64_t* merged
    int16_t* mantissa
    uint8_t* delay


cdef class Table:
    """Segments in order of their senders. Those of one part of the network: by number, then as projections."""

    cdef list arrays  # keeps what the pointers point into
    cdef Segment* segments
    cdef int64_t n_segments, n_room
    cdef int64_t first, last  # segments of the part looked up last

    def __cinit__(self):
        self.arrays = []
        self.segments = NULL
        self.n_segments = self.n_room = self.first = self.last = 0

    def __dealloc__(self):
        free(self.segments)

    def add(
        self, int64_t first_sender, int64_t first_target, int64_t number, const int64_t[::1] indptr,
        const int32_t[::1] target, const uint8_t[::1] codes=None, int32_t code=0,
        const int16_t[::1] mantissa=None, const uint8_t[::1] delay=None,
    ):
        """One more segment; first_sender must not fall, nor number within one first_sender."""
        cdef Segment* grown
        cdef Segment* segment
        cdef int64_t n = target.shape[0]
        if (
            indptr.shape[0] == 0 or indptr[0] != 0 or indptr[indptr.shape[0] - 1] != n
            or (codes is not None and codes.shape[0] != n)
            or (mantissa is not None and mantissa.shape[0] != n) or (delay is not None and delay.shape[0] != n)
        ):
            raise ValueError("Table.add: arrays of inconsistent shape")
        if self.n_segments == self.n_room:
            grown = <Segment*>realloc(self.segments, (2 * self.n_room + 8) * sizeof(Segment))
            if grown == NULL:
                raise MemoryError("table of the projections")
            self.segments, self.n_room = grown, 2 * self.n_room + 8
        if self.n_segments:
            segment = &self.segments[self.n_segments - 1]
            if first_sender < segment.first_sender or (
                first_sender == segment.first_sender and number < segment.number
            ):
                raise ValueError("Table.add: segments out of order")
        segment = &self.segments[self.n_segments]
        segment.first_sender, segment.n_rows = first_sender, indptr.shape[0] - 1
        segment.first_target, segment.number, segment.code = first_target, number, code
        segment.indptr = &indptr[0]
        segment.target, segment.codes, segment.mantissa, segment.delay = NULL, NULL, NULL, NULL
        if n:
            segment.target = &target[0]
            if codes is not None:
                segment.codes = &codes[0]
            if mantissa is not None:
                segment.mantissa = &mantissa[0]
            if delay is not None:
                segment.delay = &delay[0]
        self.arrays.append((indptr, target, codes, mantissa, delay))
        self.n_segments += 1

    cdef void find(self, int64_t sender) noexcept nogil:
        """Sets first, last to the segments that have a row of this sender."""
        cdef int64_t low = 0, high = self.n_segments, middle
        if self.first < self.last and _has(&self.segments[self.first], sender):
            return
        while low < high:  # the first segment past the sender
            middle = (low + high) // 2
            if self.segments[middle].first_sender <= sender:
                low = middle + 1
            else:
                high = middle
        self.first = self.last = low
        while self.first > 0 and _has(&self.segments[self.first - 1], sender):
            self.first -= 1


cdef inline bint _has(const Segment* segment, int64_t sender) noexcept nogil:
    return segment.first_sender <= sender < segment.first_sender + segment.n_rows


cdef inline bint _is_of(const Segment* segment, int64_t synapse) noexcept nogil:
    return segment.codes == NULL or segment.codes[synapse] == segment.code


cdef inline int64_t _end_below(const Segment* segment, int64_t begin, int64_t end, int64_t limit) noexcept nogil:
    """How far the synapses begin .. end - 1 of a row, whose first is so, are of the segment and onto neurons
    below `limit`; with codes, not past the first."""
    cdef const int32_t* target = segment.target
    cdef int64_t place = begin + 1, past = limit - segment.first_target
    if segment.codes != NULL:
        return place
    while place + STRIDE <= end and target[place + STRIDE - 1] < past:
        place += STRIDE
    while place < end and target[place] < past:
        place += 1
    return place


def target_bins(Table table, const int32_t[::1] bin_of, int64_t[::1] per_sender, int64_t[::1] per_bin):
    """Adds the distinct bins that each sender has a target in, and the distinct senders that each bin has.

    bin_of: [n_neurons] 0 .. n_bins - 1; per_sender [n_senders], per_bin [n_bins].
    """
    cdef int64_t n_senders = per_sender.shape[0]
    cdef int64_t[::1] seen = np.full(per_bin.shape[0], -1, dtype=np.int64)
    cdef int64_t sender, i, place, row
    cdef int32_t at
    cdef Segment* segment
    with nogil:
        for sender in range(n_senders):
            table.find(sender)
            for i in range(table.first, table.last):
                segment = &table.segments[i]
                row = sender - segment.first_sender
                for place in range(segment.indptr[row], segment.indptr[row + 1]):
                    at = bin_of[segment.first_target + segment.target[place]]
                    if seen[at] != sender:
                        seen[at] = sender
                        per_sender[sender] += 1
                        per_bin[at] += 1


def bin_packets(
    Table table, const int64_t[::1] order, const int64_t[::1] home_ptr, const int32_t[::1] bin_of,
    const int64_t[::1] weight,
):
    """Packets between bins when every sender fires `weight` [n_senders] times, each at least once: source and
    target of each pair, int32 [n_pairs], and its packets, int64, by source; a bin's own are left out.

    order: senders by where they are; home_ptr: [n_homes + 1] those of each bin, then those of the host port.
    """
    cdef int64_t n_bins = home_ptr.shape[0] - 2, n, home, s, sender, i, place, row, n_touched
    cdef int64_t[::1] seen = np.full(n_bins, -1, dtype=np.int64)
    cdef int64_t[::1] packets = np.zeros(n_bins, dtype=np.int64)
    cdef int32_t[::1] touched = np.zeros(n_bins, dtype=np.int32)
    cdef int32_t at
    cdef list pairs = [], counts = []
    cdef int32_t[:, ::1] pair
    cdef int64_t[::1] count
    cdef Segment* segment
    for home in range(n_bins + 1):
        n_touched = 0
        with nogil:
            for s in range(home_ptr[home], home_ptr[home + 1]):
                sender = order[s]
                table.find(sender)
                for i in range(table.first, table.last):
                    segment = &table.segments[i]
                    row = sender - segment.first_sender
                    for place in range(segment.indptr[row], segment.indptr[row + 1]):
                        at = bin_of[segment.first_target + segment.target[place]]
                        if seen[at] != sender:
                            seen[at] = sender
                            if packets[at] == 0:
                                touched[n_touched] = at
                                n_touched += 1
                            packets[at] += weight[sender]
        pair, count = np.empty((2, n_touched), dtype=np.int32), np.empty(n_touched, dtype=np.int64)
        n = 0
        for i in range(n_touched):
            at = touched[i]
            if at != home:
                pair[0, n], pair[1, n], count[n] = <int32_t>home, at, packets[at]
                n += 1
            packets[at] = 0
        pairs.append(np.asarray(pair)[:, :n])
        counts.append(np.asarray(count)[:n])
    return *np.concatenate(pairs, axis=1), np.concatenate(counts)


def count_lists(
    Table table, const int32_t[::1] order, const int32_t[::1] core_of, const int32_t[::1] end_of,
    int64_t[::1] n_synapses, int64_t[::1] n_axons,
):
    """Adds the synapses and the lists of every core. order: [n_senders] senders as the image numbers them.

    core_of: [n_neurons] row of each neuron's core; end_of: [n_neurons] end of the neurons that follow it, each
    in the next slot of the same core; n_synapses, n_axons [n_cores].
    """
    cdef int64_t[::1] seen = np.full(n_axons.shape[0], -1, dtype=np.int64)
    cdef int64_t s, sender, i, place, begin, end, row, neuron
    cdef int32_t core
    cdef Segment* segment
    with nogil:
        for s in range(order.shape[0]):
            sender = order[s]
            table.find(sender)
            for i in range(table.first, table.last):
                segment = &table.segments[i]
                row = sender - segment.first_sender
                begin, end = segment.indptr[row], segment.indptr[row + 1]
                while begin < end:
                    if not _is_of(segment, begin):
                        begin += 1
                        continue
                    neuron = segment.first_target + segment.target[begin]
                    core = core_of[neuron]
                    place = _end_below(segment, begin, end, end_of[neuron])
                    n_synapses[core] += place - begin
                    if seen[core] != s:
                        seen[core] = s
                        n_axons[core] += 1
                    begin = place


cdef struct Lists:
    # the lists as they are written; cursors stand where a core's next one goes
    int64_t n_synapses
    int64_t* next_synapse  # [n_cores]
    int64_t* next_axon  # [n_cores]
    int64_t* seen  # [n_cores] sender that the core's last list is of
    int64_t* axon_sender  # [n_axons]
    int64_t* syn_ptr  # [n_axons + 1]
    uint16_t* slot  # [n_synapses]
    int16_t* mantissa
    uint8_t* delay
    uint8_t* form
    const int32_t* core_of  # [n_neurons]
    const int32_t* slot_of  # [n_neurons] slot within the core
    const int32_t* end_of  # [n_neurons]


cdef inline int64_t _room(Lists* lists, int64_t sender, int32_t core, int64_t n) noexcept nogil:
    """Where the next n synapses of the sender go that lie in this core."""
    cdef int64_t at = lists.next_synapse[core]
    if lists.seen[core] != sender:
        lists.seen[core] = sender
        lists.axon_sender[lists.next_axon[core]] = sender
        lists.syn_ptr[lists.next_axon[core]] = at
        lists.next_axon[core] += 1
    lists.next_synapse[core] = at + n
    return at


cdef inline void _fetch(const Lists* lists, int64_t at) noexcept nogil:
    """Asks for what will soon be written to: mostly, the next sender has as long a list in this core."""
    prefetch(&lists.slot[at])
    prefetch(&lists.mantissa[at])
    prefetch(&lists.delay[at])
    prefetch(&lists.form[at])


cdef inline void _put(
    Lists* lists, int64_t at, int32_t slot, int16_t mantissa, uint8_t delay, uint8_t form
) noexcept nogil:
    lists.slot[at] = <uint16_t>slot
    lists.mantissa[at] = mantissa
    lists.delay[at] = delay
    lists.form[at] = form


def write_lists(
    Table table, const int32_t[::1] order, const int32_t[::1] core_of, const int32_t[::1] end_of,
    const int32_t[::1] slot_of, int64_t[::1] next_synapse, int64_t[::1] next_axon, int64_t[::1] axon_sender,
    int64_t[::1] syn_ptr, uint16_t[::1] slot, int16_t[::1] mantissa, uint8_t[::1] delay, uint8_t[::1] form,
):
    """Writes the lists that `count_lists` counted; `number` of a segment is its format.

    A list is in the order of formats, then targets, then projections. next_synapse, next_axon: [n_cores]
    where the first list of a core goes; they end where the next core begins.
    """
    cdef int64_t[::1] seen = np.full(next_axon.shape[0], -1, dtype=np.int64)
    cdef int64_t s, i, end
    cdef Lists lists
    cdef Scratch scratch
    cdef bint done = True
    if slot.shape[0] == 0:
        return
    lists.n_synapses = slot.shape[0]
    lists.next_synapse, lists.next_axon, lists.seen = &next_synapse[0], &next_axon[0], &seen[0]
    lists.axon_sender, lists.syn_ptr, lists.slot = &axon_sender[0], &syn_ptr[0], &slot[0]
    lists.mantissa, lists.delay, lists.form = &mantissa[0], &delay[0], &form[0]
    lists.core_of, lists.slot_of, lists.end_of = &core_of[0], &slot_of[0], &end_of[0]
    scratch.n_room, scratch.key, scratch.merged = 0, NULL, NULL
    scratch.mantissa, scratch.delay = NULL, NULL
    with nogil:
        for s in range(order.shape[0]):
            table.find(order[s])
            i = table.first
            while done and i < table.last:
                end = i + 1
                while end < table.last and table.segments[end].number == table.segments[i].number:
                    end += 1
                if end == i + 1:
                    _write_row(&lists, &table.segments[i], order[s], s)
                else:
                    done = _write_merged(&lists, &scratch, table.segments, i, end, order[s], s)
                i = end
            if not done:
                break
        free(scratch.key)
        free(scratch.merged)
        free(scratch.mantissa)
        free(scratch.delay)
    if not done:
        raise MemoryError("rows of a sender")


cdef void _write_row(Lists* lists, const Segment* segment, int64_t sender, int64_t s) noexcept nogil:
    """A row is in the order of its targets, and a core's slots are in the order of their neurons."""
    cdef int64_t row = sender - segment.first_sender, begin, end, place, i, n, at, neuron
    cdef int32_t shift  # from target to slot
    cdef uint8_t form = <uint8_t>segment.number
    begin, end = segment.indptr[row], segment.indptr[row + 1]
    while begin < end:
        if not _is_of(segment, begin):
            begin += 1
            continue
        neuron = segment.first_target + segment.target[begin]
        place = _end_below(segment, begin, end, lists.end_of[neuron])
        shift = lists.slot_of[neuron] - segment.target[begin]
        n = place - begin
        at = _room(lists, s, lists.core_of[neuron], n)
        if n == 1:
            _put(lists, at, lists.slot_of[neuron], segment.mantissa[begin], segment.delay[begin], form)
        else:
            _fetch(lists, min(at + 2 * n, lists.n_synapses - 1))
            for i in range(n):
                lists.slot[at + i] = <uint16_t>(segment.target[begin + i] + shift)
            memcpy(&lists.mantissa[at], &segment.mantissa[begin], n * sizeof(int16_t))
            memcpy(&lists.delay[at], &segment.delay[begin], n)
            memset(&lists.form[at], form, n)
        begin = place


cdef bint _write_merged(
    Lists* lists, Scratch* scratch, const Segment* segments, int64_t first, int64_t last, int64_t sender,
    int64_t s,
) noexcept nogil:
    """Rows of several projections as one. False: out of memory."""
    cdef int64_t n = 0, i, row, place, neuron
    cdef uint8_t form = <uint8_t>segments[first].number
    for i in range(first, last):
        row = sender - segments[i].first_sender
        n += segments[i].indptr[row + 1] - segments[i].indptr[row]
    if not _make_room(scratch, n):
        return False
    n = 0
    for i in range(first, last):
        row = sender - segments[i].first_sender
        for place in range(segments[i].indptr[row], segments[i].indptr[row + 1]):
            if _is_of(&segments[i], place):
                # Its number below the neuron keeps equal targets in the order of their projections.
                scratch.key[n] = (segments[i].first_target + segments[i].target[place]) << 32 | n
                scratch.mantissa[n] = segments[i].mantissa[place]
                scratch.delay[n] = segments[i].delay[place]
                n += 1
    _merge_sort(&scratch.key, &scratch.merged, n)
    for i in range(n):
        neuron, place = scratch.key[i] >> 32, scratch.key[i] & <int64_t>0xFFFFFFFF
        _put(
            lists, _room(lists, s, lists.core_of[neuron], 1), lists.slot_of[neuron], scratch.mantissa[place],
            scratch.delay[place], form,
        )
    return True


cdef bint _make_room(Scratch* scratch, int64_t n) noexcept nogil:
    cdef void* grown
    if n <= scratch.n_room:
        return True
    n *= 2
    grown = realloc(scratch.key, n * sizeof(int64_t))
    if grown == NULL:
        return False
    scratch.key = <int64_t*>grown
    grown = realloc(scratch.merged, n * sizeof(int64_t))
    if grown == NULL:
        return False
    scratch.merged = <int64_t*>grown
    grown = realloc(scratch.mantissa, n * sizeof(int16_t))
    if grown == NULL:
        return False
    scratch.mantissa = <int16_t*>grown
    grown = realloc(scratch.delay, n * sizeof(uint8_t))
    if grown == NULL:
        return False
    scratch.delay = <uint8_t*>grown
    scratch.n_room = n
    return True


cdef void _merge_sort(int64_t** key, int64_t** spare, int64_t n) noexcept nogil:
    """Sorts by merging the ascending stretches that are there: few, as every row is one."""
    cdef int64_t begin, middle, end, n_merged
    cdef int64_t* swapped
    while True:
        begin, n_merged = 0, 0
        while begin < n:
            middle = _stretch_end(key[0], begin, n)
            end = _stretch_end(key[0], middle, n)
            _merge(key[0], begin, middle, end, spare[0])
            n_merged += 1
            begin = end
        swapped = key[0]
        key[0] = spare[0]
        spare[0] = swapped
        if n_merged <= 1:
            return


cdef int64_t _stretch_end(const int64_t* key, int64_t begin, int64_t n) noexcept nogil:
    cdef int64_t end = begin + 1
    if begin >= n:
        return n
    while end < n and key[end] > key[end - 1]:
        end += 1
    return end


cdef void _merge(const int64_t* key, int64_t begin, int64_t middle, int64_t end, int64_t* out) noexcept nogil:
    cdef int64_t a = begin, b = middle, i
    for i in range(begin, end):
        if a < middle and (b >= end or key[a] <= key[b]):
            out[i] = key[a]
            a += 1
        else:
            out[i] = key[b]
            b += 1


def mark_runs(
    const int64_t[::1] slot_ptr, const int64_t[::1] axon_ptr, const int64_t[::1] syn_ptr,
    const int32_t[::1] population, const uint16_t[::1] slot, uint8_t[::1] form,
    uint8_t[::1] used, const uint8_t[::1] row_of=None,
):
    """Finds the runs: stretches of a list with one format and one target population, dense if without a gap.

    population: [n_slots]. A run's kind is 2 * format, one more if it has a gap or a slot twice. Marks kinds in
    `used`; given row_of [n_kinds], puts row_of[kind] in place of the formats.
    """
    cdef int64_t core, axon, begin, end, n_slots
    cdef const int32_t* of_core
    cdef int64_t kind
    cdef bint alone  # whether all of the core are of one population
    if slot.shape[0] == 0:
        return
    with nogil:
        for core in range(axon_ptr.shape[0] - 1):
            of_core, n_slots = &population[slot_ptr[core]], slot_ptr[core + 1] - slot_ptr[core]
            alone = memcmp(of_core, of_core + 1, (n_slots - 1) * sizeof(int32_t)) == 0
            for axon in range(axon_ptr[core], axon_ptr[core + 1]):
                begin = syn_ptr[axon]
                while begin < syn_ptr[axon + 1]:
                    end = _run_end(&form[0], &slot[0], of_core, alone, begin, syn_ptr[axon + 1])
                    kind = 2 * <int64_t>form[begin] + _has_gap(&slot[0], begin, end)
                    used[kind] = 1
                    if row_of is not None:
                        memset(&form[begin], row_of[kind], end - begin)
                    begin = end


cdef inline int64_t _run_end(
    const uint8_t* form, const uint16_t* slot, const int32_t* population, bint alone, int64_t begin, int64_t end
) noexcept nogil:
    """End of the run that begins there; end: of the list."""
    cdef int64_t place = begin + 1
    if alone and memcmp(&form[begin], &form[begin + 1], end - place) == 0:
        return end  # most lists are one run
    while (
        place < end and form[place] == form[begin] and population[slot[place]] == population[slot[begin]]
    ):
        place += 1
    return place


cdef inline bint _has_gap(const uint16_t* slot, int64_t begin, int64_t end) noexcept nogil:
    """Whether some slot is not the one after that before."""
    cdef int64_t place
    if slot[end - 1] - slot[begin] != end - 1 - begin:
        return True
    for place in range(begin + 1, end):
        if slot[place] != slot[place - 1] + 1:
            return True
    return False


def write_entries(
    const int64_t[::1] axon_ptr, const int64_t[::1] axon_sender, const uint8_t[::1] to_host,
    int64_t[::1] next_entry, int32_t[::1] entry_core, int32_t[::1] entry_axon,
):
    """An entry per axon, under its sender in the order of the cores; then one to the host where marked.

    to_host: [n_slots]; next_entry: [n_senders] where the first entry of a sender goes.
    """
    cdef int64_t n_cores = axon_ptr.shape[0] - 1, core, axon, slot, at
    with nogil:
        for core in range(n_cores):
            for axon in range(axon_ptr[core], axon_ptr[core + 1]):
                at = next_entry[axon_sender[axon]]
                next_entry[axon_sender[axon]] = at + 1
                entry_core[at] = <int32_t>core
                entry_axon[at] = <int32_t>axon
        for slot in range(to_host.shape[0]):
            if to_host[slot]:
                entry_core[next_entry[slot]] = <int32_t>n_cores
                entry_axon[next_entry[slot]] = 0


def count_incoming(Table table, const int32_t[::1] rank, int64_t[::1] n_synapses, uint8_t[::1] longest):
    """Adds the synapses onto each rank and finds their longest delay. rank: [n_neurons]."""
    cdef int64_t i, place
    cdef int32_t at
    cdef Segment* segment
    with nogil:
        for i in range(table.n_segments):
            segment = &table.segments[i]
            for place in range(segment.indptr[segment.n_rows]):
                if _is_of(segment, place):
                    at = rank[segment.first_target + segment.target[place]]
                    n_synapses[at] += 1
                    if segment.delay[place] > longest[at]:
                        longest[at] = segment.delay[place]


def write_incoming(Table table, const int32_t[::1] rank, int64_t[::1] next_synapse, int32_t[::1] strand):
    """Strands of the synapses onto each rank: `number` of the segment and the row.

    next_synapse: [n_neurons] where the first of a rank goes.
    """
    cdef int64_t i, row, place
    cdef int32_t at
    cdef Segment* segment
    with nogil:
        for i in range(table.n_segments):
            segment = &table.segments[i]
            for row in range(segment.n_rows):
                for place in range(segment.indptr[row], segment.indptr[row + 1]):
                    if _is_of(segment, place):
                        at = rank[segment.first_target + segment.target[place]]
                        strand[next_synapse[at]] = <int32_t>(segment.number + row)
                        next_synapse[at] += 1
