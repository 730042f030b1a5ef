"""The synapses of an image sorted by sender, as the compartments' blocks take them: one sweep to count, one
to fill. Arrays are those of an image that passed its check."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from emulator._ext.core cimport SPAN, bytes_of_list, bytes_of_span, prefetch

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
    # `first_part[c] + (first_place[c] + s) div 2**bits`, and per_tick places further for each tick of delay
    # beyond the first.
    const int32_t* first_part  # [n_cores]
    const int64_t* first_place  # [n_cores]
    int64_t bits
    int64_t per_tick
    int64_t n_places  # of a part
    const int64_t* part_ptr  # [n_workers + 1] first part of each worker
    int64_t n_workers
    int64_t n  # of all workers
    int64_t target_bytes
    int64_t weight_bytes
    int64_t sparsest  # a span has at most so many places per synapse


cdef struct Piece:
    # of a sender, in one part
    int64_t n
    int64_t least  # place
    int64_t most
    int64_t n_spans  # 0: it is a list
    uint8_t* target  # of the next synapse of a list
    uint8_t* weight  # of the next synapse of a list, or of the first place of a span


cdef struct Sorting:
    Lists lists
    Parts cut
    Piece* pieces  # [cut.n] of the sender at hand
    int32_t* seen  # [cut.n, cut.n_places] last sender, from 1, with a synapse there


def measure_rows(dict image, dict parts, int64_t[:, ::1] n_bytes):
    """Fills n_bytes [n_workers, n_senders] of the rows, see `Rows` in core.pxd. Returns the synapses of the
    longest list. image: its arrays by name; parts: the fields of `Parts` above."""
    cdef Sorting s
    cdef int64_t sender, worker, part, total, longest = 0
    cdef Piece* piece
    _begin(&s, image, parts)
    with nogil:
        for sender in range(s.lists.n_senders):
            _measure(&s, sender)
            for worker in range(s.cut.n_workers):
                total = 0
                for part in range(s.cut.part_ptr[worker], s.cut.part_ptr[worker + 1]):
                    piece = &s.pieces[part]
                    total += _bytes_of(&s.cut, piece)
                    if not piece.n_spans and piece.n > longest:
                        longest = piece.n
                n_bytes[worker, sender] = total
    _end(&s)
    return longest


def fill_rows(
    dict image, dict parts, const int16_t[:, ::1] weight, const int64_t[::1] row_ptr, uint8_t[::1] rows
):
    """Fills rows. weight [n_formats, 512]: what each mantissa adds."""
    cdef Sorting s
    cdef int64_t sender, worker
    cdef const int16_t* of_format = &weight[0, 0] if weight.shape[0] else NULL
    _begin(&s, image, parts)
    try:
        if s.cut.n_workers * s.lists.n_senders + 1 != row_ptr.shape[0]:
            raise ValueError("fill_rows: one row per worker and sender")
        if rows.shape[0] == 0:
            return
        with nogil:
            for sender in range(s.lists.n_senders):
                _measure(&s, sender)
                for worker in range(s.cut.n_workers):
                    _begin_row(&s, worker, &rows[0] + row_ptr[worker * s.lists.n_senders + sender])
                _fill(&s, sender, of_format)
    finally:
        _end(&s)


cdef int _begin(Sorting* s, dict image, dict parts) except -1:
    cdef const int32_t[::1] first_part = parts["first_part"]
    cdef const int64_t[::1] first_place = parts["first_place"], part_ptr = parts["part_ptr"]
    cdef Parts* cut = &s.cut
    _bind(&s.lists, image)
    cut.first_part, cut.first_place, cut.part_ptr = &first_part[0], &first_place[0], &part_ptr[0]
    cut.n_workers = part_ptr.shape[0] - 1
    cut.n, cut.bits, cut.per_tick = part_ptr[cut.n_workers], parts["bits"], parts["per_tick"]
    cut.n_places = parts["n_places"]
    cut.target_bytes, cut.weight_bytes = parts["target_bytes"], parts["weight_bytes"]
    cut.sparsest = parts["sparsest"]
    s.pieces = <Piece*>malloc(cut.n * sizeof(Piece))
    s.seen = <int32_t*>calloc(cut.n * cut.n_places + 1, sizeof(int32_t))
    if s.pieces == NULL or s.seen == NULL:
        _end(s)
        raise MemoryError("native engine: rows")
    return 0


cdef void _end(Sorting* s) noexcept:
    free(s.pieces)
    free(s.seen)


cdef inline int64_t _bytes_of(const Parts* cut, const Piece* piece) noexcept nogil:
    if piece.n_spans:
        return bytes_of_span(piece.n_spans, cut.target_bytes, cut.weight_bytes)
    return bytes_of_list(piece.n, cut.target_bytes, cut.weight_bytes)


cdef inline int64_t _place(const Sorting* s, int64_t core, int64_t synapse, int64_t* part) noexcept nogil:
    """Place of a synapse's target, and its part."""
    cdef int64_t place = s.cut.first_place[core] + s.lists.slot[synapse]
    part[0] = s.cut.first_part[core] + (place >> s.cut.bits)
    return (place & (((<int64_t>1) << s.cut.bits) - 1)) + s.cut.per_tick * (s.lists.delay[synapse] - 1)


cdef void _measure(Sorting* s, int64_t sender) noexcept nogil:
    """Synapses of a sender in each part, and whether they are to be a list or a span."""
    cdef const Lists* lists = &s.lists
    cdef int64_t entry, k, core, axon, part, place, n_possible = 0
    cdef Piece* piece
    memset(s.pieces, 0, s.cut.n * sizeof(Piece))
    for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
        _expect(lists, entry)
        core, axon = lists.entry_core[entry], lists.entry_axon[entry]
        if core == lists.n_cores:
            continue
        for k in range(lists.syn_ptr[axon], lists.syn_ptr[axon + 1]):
            place = _place(s, core, k, &part)
            piece = &s.pieces[part]
            if piece.n == 0:
                piece.least = piece.most = place
            piece.least = place if place < piece.least else piece.least
            piece.most = place if place > piece.most else piece.most
            piece.n += 1
    for part in range(s.cut.n):
        piece = &s.pieces[part]
        if piece.n:
            piece.n_spans = piece.most // SPAN - piece.least // SPAN + 1
            if piece.n_spans * SPAN > s.cut.sparsest * piece.n:
                piece.n_spans = 0
            n_possible += piece.n_spans
    if n_possible:
        _list_what_is_double(s, sender)


cdef void _list_what_is_double(Sorting* s, int64_t sender) noexcept nogil:
    """The sum of two synapses with one target might not fit a weight: no spans where that happens."""
    cdef const Lists* lists = &s.lists
    cdef int64_t entry, k, core, axon, part, place
    cdef int32_t* seen
    for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
        core, axon = lists.entry_core[entry], lists.entry_axon[entry]
        if core == lists.n_cores:
            continue
        for k in range(lists.syn_ptr[axon], lists.syn_ptr[axon + 1]):
            place = _place(s, core, k, &part)
            seen = &s.seen[part * s.cut.n_places + place]
            if seen[0] == sender + 1:
                s.pieces[part].n_spans = 0
            seen[0] = <int32_t>(sender + 1)


cdef void _begin_row(Sorting* s, int64_t worker, uint8_t* row) noexcept nogil:
    """Writes the heads of a row's pieces, and no weights into the places of spans."""
    cdef int64_t part, width = s.cut.target_bytes
    cdef Piece* piece
    for part in range(s.cut.part_ptr[worker], s.cut.part_ptr[worker + 1]):
        piece = &s.pieces[part]
        piece.target = row + 2 * width
        if piece.n_spans:
            _write(row, piece.least // SPAN, width)
            _write(row + width, piece.n_spans, width)
            memset(piece.target, 0, piece.n_spans * SPAN * s.cut.weight_bytes)
            piece.weight = piece.target
        else:
            _write(row, piece.n, width)
            _write(row + width, 0, width)
            piece.weight = piece.target + width * piece.n
        row += _bytes_of(&s.cut, piece)


cdef void _fill(Sorting* s, int64_t sender, const int16_t* weight) noexcept nogil:
    """Adds the synapses of a sender to its pieces."""
    cdef const Lists* lists = &s.lists
    cdef int64_t entry, k, core, axon, place, part, added
    cdef int64_t target_bytes = s.cut.target_bytes, weight_bytes = s.cut.weight_bytes
    cdef Piece* piece
    for entry in range(lists.entry_ptr[sender], lists.entry_ptr[sender + 1]):
        core, axon = lists.entry_core[entry], lists.entry_axon[entry]
        if core == lists.n_cores:
            continue
        for k in range(lists.syn_ptr[axon], lists.syn_ptr[axon + 1]):
            place = _place(s, core, k, &part)
            added = weight[N_MANTISSAS * <int64_t>lists.format[k] + lists.mantissa[k] - LEAST_MANTISSA]
            piece = &s.pieces[part]
            if piece.n_spans:
                place -= piece.least // SPAN * SPAN
                _write_weight(piece.weight + place * weight_bytes, added, weight_bytes)
                continue
            _write(piece.target, place, target_bytes)
            _write_weight(piece.weight, added, weight_bytes)
            piece.target += target_bytes
            piece.weight += weight_bytes


cdef inline void _write(uint8_t* to, int64_t value, int64_t n_bytes) noexcept nogil:
    if n_bytes == 2:
        (<uint16_t*>to)[0] = <uint16_t>value
    else:
        (<uint32_t*>to)[0] = <uint32_t>value


cdef inline void _write_weight(uint8_t* to, int64_t value, int64_t n_bytes) noexcept nogil:
    if n_bytes == 1:
        (<int8_t*>to)[0] = <int8_t>value
    else:
        (<int16_t*>to)[0] = <int16_t>value


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
