"""The synapses of an image sorted by sender, as the compartments' blocks take them: one sweep to count, one
to fill. Arrays are those of an image that passed its check; nothing is allocated here."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t
from emulator._ext.core cimport prefetch

cdef enum:
    N_MANTISSAS = 512  # -256..255
    LEAST_MANTISSA = -256
    N_DELAYS = 64
    AHEAD = 6  # lists fetched before their turn


cdef struct Lists:
    # of an image: entries of the senders and synapse lists of the axons
    const int64_t* entry_ptr
    const int32_t* entry_core
    const int32_t* entry_axon
    const int64_t* syn_ptr
    const uint16_t* slot
    const int16_t* mantissa
    const uint8_t* delay
    const uint8_t* format
    int64_t n_senders
    int64_t n_cores
    int64_t n_entries


def count_rows(
    const int64_t[::1] entry_ptr, const int32_t[::1] entry_core, const int32_t[::1] entry_axon,
    const int64_t[::1] syn_ptr, const uint8_t[::1] syn_delay, const int32_t[::1] part_of_core,
    int32_t[:, ::1] n_synapses, uint8_t[:, ::1] n_runs,
):
    """Fills n_synapses and n_runs (of one delay), [n_parts, n_senders]; both come in as zeros."""
    cdef int64_t n_senders = entry_ptr.shape[0] - 1, n_cores = part_of_core.shape[0]
    cdef int64_t sender, entry, k, part
    cdef uint64_t seen
    with nogil:
        for sender in range(n_senders):
            for part in range(n_synapses.shape[0]):
                seen = 0
                for entry in range(entry_ptr[sender], entry_ptr[sender + 1]):
                    if entry_core[entry] == n_cores or part_of_core[entry_core[entry]] != part:
                        continue
                    for k in range(syn_ptr[entry_axon[entry]], syn_ptr[entry_axon[entry] + 1]):
                        n_runs[part, sender] += 1 - ((seen >> syn_delay[k]) & 1)
                        seen |= (<uint64_t>1) << syn_delay[k]
                    n_synapses[part, sender] += <int32_t>(
                        syn_ptr[entry_axon[entry] + 1] - syn_ptr[entry_axon[entry]]
                    )


def mantissas_used(const int16_t[::1] mantissa, const uint8_t[::1] form, uint8_t[:, ::1] used):
    """Sets used[format, mantissa + 256] of every synapse."""
    cdef int64_t k
    with nogil:
        for k in range(mantissa.shape[0]):
            used[form[k], mantissa[k] - LEAST_MANTISSA] = 1


def count_dense(
    const int64_t[::1] syn_ptr, const uint8_t[::1] form, const uint8_t[::1] is_dense, int32_t[::1] n_dense
):
    """Fills n_dense [n_axons]: synapses of each axon whose format is dense."""
    cdef int64_t axon, k
    cdef int32_t n
    with nogil:
        for axon in range(syn_ptr.shape[0] - 1):
            n = 0
            for k in range(syn_ptr[axon], syn_ptr[axon + 1]):
                n += is_dense[form[k]]
            n_dense[axon] = n


def fill_rows(
    dict image, const int32_t[::1] part_of_core, const int64_t[::1] slot_in_part,
    const int16_t[:, ::1] weight, int weight_bytes, int64_t[::1] row_ptr, uint8_t[::1] rows,
    const int64_t[::1] run_ptr, uint8_t[::1] run_delay, int32_t[::1] run_end,
):
    """Fills rows (see `Rows` in core.pxd) and, if there are runs, run_delay and run_end.

    image: its arrays by name; slot_in_part [n_cores]: first slot of a core from its part's first on;
    weight [n_formats, 512]: what each mantissa adds.
    """
    cdef Lists lists
    cdef int64_t sender, part, row, n_parts
    _bind(&lists, image)
    n_parts = (row_ptr.shape[0] - 1) // lists.n_senders if lists.n_senders else 0
    if n_parts * lists.n_senders + 1 != row_ptr.shape[0]:
        raise ValueError("fill_rows: one row per part and sender")
    cdef bint cut = run_ptr.shape[0] > 0
    with nogil:
        for sender in range(lists.n_senders):
            for part in range(n_parts):
                row = part * lists.n_senders + sender
                if row_ptr[row + 1] > row_ptr[row]:
                    _fill_row(
                        &lists, sender, part, &part_of_core[0], &slot_in_part[0], &weight[0, 0],
                        weight_bytes, &rows[row_ptr[row]], row_ptr[row + 1] - row_ptr[row],
                        &run_delay[run_ptr[row]] if cut else NULL, &run_end[run_ptr[row]] if cut else NULL,
                    )


def fill_wide(
    dict image, const int64_t[::1] slot_ptr, const int32_t[:, ::1] weight, const int64_t[::1] plane_place,
    int64_t[::1] row_ptr, int64_t[::1] place, int32_t[::1] weights, uint8_t[::1] delay,
):
    """Fills what `WideRows` of wide.pxd holds. weight [n_formats, 512]; plane_place [n_formats]: first place
    of the plane that a format adds to."""
    cdef Lists lists
    cdef int64_t sender, entry, k, at = 0, first
    _bind(&lists, image)
    with nogil:
        for sender in range(lists.n_senders):
            row_ptr[sender] = at
            for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
                if lists.entry_core[entry] == lists.n_cores:
                    continue
                first = slot_ptr[lists.entry_core[entry]]
                for k in range(lists.syn_ptr[lists.entry_axon[entry]], lists.syn_ptr[lists.entry_axon[entry] + 1]):
                    place[at] = plane_place[lists.format[k]] + first + lists.slot[k]
                    weights[at] = weight[lists.format[k], lists.mantissa[k] - LEAST_MANTISSA]
                    delay[at] = lists.delay[k]
                    at += 1
        row_ptr[lists.n_senders] = at


cdef int _bind(Lists* lists, dict image) except -1:
    cdef const int64_t[::1] entry_ptr = image["entry_ptr"], syn_ptr = image["syn_ptr"]
    cdef const int32_t[::1] entry_core = image["entry_core"], entry_axon = image["entry_axon"]
    cdef const uint16_t[::1] slot = image["syn_slot"]
    cdef const int16_t[::1] mantissa = image["syn_mant"]
    cdef const uint8_t[::1] delay = image["syn_delay"], form = image["syn_format"]
    lists.n_senders = entry_ptr.shape[0] - 1
    lists.n_cores = len(image["core_id"])
    lists.n_entries = entry_core.shape[0]
    lists.entry_ptr, lists.syn_ptr = &entry_ptr[0], &syn_ptr[0]
    lists.entry_core = lists.entry_axon = NULL
    lists.slot, lists.mantissa, lists.delay, lists.format = NULL, NULL, NULL, NULL
    if entry_core.shape[0]:
        lists.entry_core, lists.entry_axon = &entry_core[0], &entry_axon[0]
    if slot.shape[0]:
        lists.slot, lists.mantissa = &slot[0], &mantissa[0]
        lists.delay, lists.format = &delay[0], &form[0]
    return 0


cdef inline void _expect(const Lists* lists, int64_t entry) noexcept nogil:
    """Fetches the list of an entry some turns ahead, and where that of a later one is."""
    cdef int64_t at
    if entry + 2 * AHEAD < lists.n_entries and lists.entry_core[entry + 2 * AHEAD] < lists.n_cores:
        prefetch(lists.syn_ptr + lists.entry_axon[entry + 2 * AHEAD])
    if entry + AHEAD < lists.n_entries and lists.entry_core[entry + AHEAD] < lists.n_cores:
        at = lists.syn_ptr[lists.entry_axon[entry + AHEAD]]
        prefetch(lists.slot + at)
        prefetch(lists.mantissa + at)
        prefetch(lists.delay + at)
        prefetch(lists.format + at)


cdef inline bint _apart(const Lists* lists, int64_t entry, int64_t part, const int32_t* part_of_core) noexcept nogil:
    """Whether an entry goes to another part, or to the host port."""
    return lists.entry_core[entry] == lists.n_cores or part_of_core[lists.entry_core[entry]] != part


cdef void _fill_row(
    const Lists* lists, int64_t sender, int64_t part, const int32_t* part_of_core,
    const int64_t* slot_in_part, const int16_t* weight, int weight_bytes, uint8_t* row, int64_t n_bytes,
    uint8_t* run_delay, int32_t* run_end,
) noexcept nogil:
    """The row of one sender and part."""
    cdef int32_t place_of_delay[N_DELAYS]
    cdef int64_t entry, k, place = 0, delay, n_before = 0, length = n_bytes // (2 + weight_bytes)
    cdef int32_t added
    cdef uint16_t* target = <uint16_t*>row
    cdef uint8_t* weights = row + 2 * length
    if run_end != NULL:
        for delay in range(N_DELAYS):
            place_of_delay[delay] = 0
        for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
            _expect(lists, entry)
            if _apart(lists, entry, part, part_of_core):
                continue
            for k in range(lists.syn_ptr[lists.entry_axon[entry]], lists.syn_ptr[lists.entry_axon[entry] + 1]):
                place_of_delay[lists.delay[k]] += 1
        for delay in range(N_DELAYS):  # counts become the place of the delay's next synapse
            added = place_of_delay[delay]
            place_of_delay[delay] = <int32_t>n_before
            n_before += added
            if added:
                run_delay[0] = <uint8_t>delay
                run_end[0] = <int32_t>n_before
                run_delay += 1
                run_end += 1
    for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
        if run_end == NULL:
            _expect(lists, entry)
        if _apart(lists, entry, part, part_of_core):
            continue
        for k in range(lists.syn_ptr[lists.entry_axon[entry]], lists.syn_ptr[lists.entry_axon[entry] + 1]):
            if run_end != NULL:
                place = place_of_delay[lists.delay[k]]
                place_of_delay[lists.delay[k]] += 1
            target[place] = <uint16_t>(slot_in_part[lists.entry_core[entry]] + lists.slot[k])
            added = weight[N_MANTISSAS * <int64_t>lists.format[k] + lists.mantissa[k] - LEAST_MANTISSA]
            if weight_bytes == 1:
                (<int8_t*>weights)[place] = <int8_t>added
            else:
                (<int16_t*>weights)[place] = <int16_t>added
            place += 1
