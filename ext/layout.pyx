"""The synapses of an image sorted by sender, as the compartments' blocks take them: one sweep to count, one
to fill. Arrays are those of an image that passed its check."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from emulator._ext.core cimport bytes_of_piece, prefetch

cdef enum:
    N_MANTISSAS = 512  # -256..255
    LEAST_MANTISSA = -256
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


cdef struct Parts:
    # Slot s of core c is place `(first_place[c] + s) mod 2**bits` of part
    # `first_part[c] + (first_place[c] + s) div 2**bits`.
    const int32_t* first_part  # [n_cores]
    const int64_t* first_place  # [n_cores]
    int64_t bits
    const int64_t* part_ptr  # [n_workers + 1] first part of each worker
    int64_t n_workers
    int64_t n  # of all workers


cdef struct Ends:
    # of a piece that is being filled
    uint8_t* target
    uint8_t* weight


def measure_rows(dict image, dict parts, int target_bytes, int weight_bytes, int64_t[:, ::1] n_bytes):
    """Fills n_bytes [n_workers, n_senders] of the rows, see `Rows` in core.pxd. Returns the synapses of the
    largest piece. image: its arrays by name; parts: the fields of `Parts` above."""
    cdef Lists lists
    cdef Parts cut
    cdef int64_t sender, worker, part, total, largest = 0
    cdef int64_t* count
    _bind(&lists, image)
    _bind_parts(&cut, parts)
    count = <int64_t*>malloc(cut.n * sizeof(int64_t))
    if count == NULL:
        raise MemoryError("native engine: rows")
    with nogil:
        for sender in range(lists.n_senders):
            _count(&lists, &cut, sender, count)
            for worker in range(cut.n_workers):
                total = 0
                for part in range(cut.part_ptr[worker], cut.part_ptr[worker + 1]):
                    total += bytes_of_piece(count[part], target_bytes, weight_bytes)
                    if count[part] > largest:
                        largest = count[part]
                n_bytes[worker, sender] = total
    free(count)
    return largest


def fill_rows(
    dict image, dict parts, int target_bytes, int weight_bytes, const int16_t[:, ::1] weight,
    int64_t per_tick, const int64_t[::1] row_ptr, uint8_t[::1] rows,
):
    """Fills rows. weight [n_formats, 512]: what each mantissa adds; per_tick: places that a target is further
    for each tick of delay beyond the first."""
    cdef Lists lists
    cdef Parts cut
    cdef int64_t sender, worker
    cdef int64_t* count
    cdef Ends* ends
    cdef const int16_t* of_format = &weight[0, 0] if weight.shape[0] else NULL
    _bind(&lists, image)
    _bind_parts(&cut, parts)
    if cut.n_workers * lists.n_senders + 1 != row_ptr.shape[0]:
        raise ValueError("fill_rows: one row per worker and sender")
    if rows.shape[0] == 0:
        return
    count, ends = <int64_t*>malloc(cut.n * sizeof(int64_t)), <Ends*>malloc(cut.n * sizeof(Ends))
    if count == NULL or ends == NULL:
        free(count)
        free(ends)
        raise MemoryError("native engine: rows")
    with nogil:
        for sender in range(lists.n_senders):
            _count(&lists, &cut, sender, count)
            for worker in range(cut.n_workers):
                _begin_row(
                    &cut, worker, count, target_bytes, weight_bytes,
                    &rows[0] + row_ptr[worker * lists.n_senders + sender], ends,
                )
            _fill(&lists, &cut, sender, of_format, per_tick, target_bytes, weight_bytes, ends)
    free(count)
    free(ends)


cdef int _bind_parts(Parts* cut, dict parts) except -1:
    cdef const int32_t[::1] first_part = parts["first_part"]
    cdef const int64_t[::1] first_place = parts["first_place"], part_ptr = parts["part_ptr"]
    cut.first_part, cut.first_place, cut.part_ptr = &first_part[0], &first_place[0], &part_ptr[0]
    cut.n_workers = part_ptr.shape[0] - 1
    cut.n, cut.bits = part_ptr[cut.n_workers], parts["bits"]
    return 0


cdef void _count(const Lists* lists, const Parts* cut, int64_t sender, int64_t* count) noexcept nogil:
    """Synapses of a sender in each part."""
    cdef int64_t entry, k, core, axon
    memset(count, 0, cut.n * sizeof(int64_t))
    for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
        _expect(lists, entry)
        core, axon = lists.entry_core[entry], lists.entry_axon[entry]
        if core == lists.n_cores:
            continue
        for k in range(lists.syn_ptr[axon], lists.syn_ptr[axon + 1]):
            count[cut.first_part[core] + ((cut.first_place[core] + lists.slot[k]) >> cut.bits)] += 1


cdef void _begin_row(
    const Parts* cut, int64_t worker, const int64_t* count, int target_bytes, int weight_bytes, uint8_t* row,
    Ends* ends,
) noexcept nogil:
    """Writes the counts of a row's pieces, which end with them as yet."""
    cdef int64_t part
    for part in range(cut.part_ptr[worker], cut.part_ptr[worker + 1]):
        if target_bytes == 2:
            (<uint16_t*>row)[0] = <uint16_t>count[part]
        else:
            (<uint32_t*>row)[0] = <uint32_t>count[part]
        ends[part].target = row + target_bytes
        ends[part].weight = ends[part].target + target_bytes * count[part]
        row += bytes_of_piece(count[part], target_bytes, weight_bytes)


cdef void _fill(
    const Lists* lists, const Parts* cut, int64_t sender, const int16_t* weight, int64_t per_tick,
    int target_bytes, int weight_bytes, Ends* ends,
) noexcept nogil:
    """Adds the synapses of a sender to its pieces."""
    cdef int64_t entry, k, core, axon, place, part, mask = ((<int64_t>1) << cut.bits) - 1
    for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
        core, axon = lists.entry_core[entry], lists.entry_axon[entry]
        if core == lists.n_cores:
            continue
        for k in range(lists.syn_ptr[axon], lists.syn_ptr[axon + 1]):
            place = cut.first_place[core] + lists.slot[k]
            part = cut.first_part[core] + (place >> cut.bits)
            place = (place & mask) + per_tick * (lists.delay[k] - 1)
            _append(
                &ends[part], place, weight[N_MANTISSAS * <int64_t>lists.format[k] + lists.mantissa[k] - LEAST_MANTISSA],
                target_bytes, weight_bytes,
            )


cdef inline void _append(
    Ends* ends, int64_t place, int64_t added, int target_bytes, int weight_bytes
) noexcept nogil:
    if target_bytes == 2:
        (<uint16_t*>ends.target)[0] = <uint16_t>place
    else:
        (<uint32_t*>ends.target)[0] = <uint32_t>place
    if weight_bytes == 1:
        (<int8_t*>ends.weight)[0] = <int8_t>added
    else:
        (<int16_t*>ends.weight)[0] = <int16_t>added
    ends.target += target_bytes
    ends.weight += weight_bytes


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
