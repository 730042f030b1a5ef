"""Compares an image with the network it was made from, sender by sender, as a spike would find it.

Callers: emulator/compiler/verify.py. Shares nothing with the blocks that write images. A sender is right if its
lists, one after the other, are its rows of the network synapse by synapse. Where they are not, their order may
differ: what the image holds and what the network says is listed as numbers, put in order, and compared.
"""

from emulator._ext.core cimport LINE, prefetch
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp

cdef struct Claim:
    # synapses that the network has from n_rows senders on
    int64_t first_sender
    int64_t n_rows
    int64_t first_target
    const int64_t* indptr
    const int32_t* target
    const int16_t* mantissa
    const uint8_t* delay
    const uint8_t* code  # NULL: all 0
    const uint16_t* form  # number of the format of each code


cdef inline uint64_t _number(int64_t neuron, int64_t form, int64_t mantissa, int64_t delay) noexcept nogil:
    """All there is to a synapse of a sender: neuron below 2**31, format below 2**9."""
    return (<uint64_t>neuron << 33) | (<uint64_t>form << 24) | (<uint64_t>(mantissa & 0xFFFF) << 8) | (
        <uint64_t>delay
    )


cdef struct Held:
    # synapses that the image has: its arrays
    int64_t n_cores
    const int64_t* slot_ptr
    const int64_t* entry_ptr
    const int32_t* entry_core
    const int32_t* entry_axon
    const int64_t* syn_ptr
    const uint16_t* slot
    const int16_t* mantissa
    const uint8_t* delay
    const uint8_t* format
    const int32_t* neuron_of  # [n_slots]
    const uint16_t* form_of  # [n_formats]


cdef struct Walk:
    # of one sender, along its lists and its rows at once
    int64_t sender
    int64_t entry  # the next one
    int64_t entry_end
    int64_t claim  # of the row; n_claims past the last
    int64_t begin  # synapses of the row that are still to come
    int64_t end
    bint same  # so far


cdef enum:
    TOGETHER = 32  # senders: their lists in a core lie one behind the other, and the cache holds their rows


cdef int _compare(const void* a, const void* b) noexcept nogil:
    cdef uint64_t x = (<const uint64_t*>a)[0], y = (<const uint64_t*>b)[0]
    return (x > y) - (x < y)


cdef class Proof:
    """What the network says; projections are added one by one."""

    cdef list arrays  # keeps what the pointers point into
    cdef list given

    def __cinit__(self):
        self.arrays, self.given = [], []

    def add(
        self, int64_t first_sender, int64_t first_target, const int64_t[::1] indptr, const int32_t[::1] target,
        const int16_t[::1] mantissa, const uint8_t[::1] delay, const uint8_t[::1] code,
        const uint16_t[::1] form,
    ):
        """A projection that is not empty; code None: all 0. form: number of the format of each code."""
        if not (target.shape[0] == mantissa.shape[0] == delay.shape[0] == indptr[indptr.shape[0] - 1] > 0):
            raise ValueError("Proof.add: arrays of inconsistent shape")
        self.arrays.append((indptr, target, mantissa, delay, code, form))
        self.given.append((first_sender, first_target))

    def first_wrong(
        self, const int64_t[::1] slot_of, const int32_t[::1] neuron_of, const uint16_t[::1] form_of,
        const int64_t[::1] slot_ptr, const int64_t[::1] entry_ptr, const int32_t[::1] entry_core,
        const int32_t[::1] entry_axon, const int64_t[::1] syn_ptr, const uint16_t[::1] syn_slot,
        const int16_t[::1] syn_mant, const uint8_t[::1] syn_delay, const uint8_t[::1] syn_format,
    ):
        """The first sender whose synapses differ; None: the image is the network.

        slot_of: [n_senders] number of each sender in the image; neuron_of: [n_slots]; form_of: [n_formats]
        number of each row of the image's format table. The image has passed its check.
        """
        cdef int64_t n_claims = len(self.given)
        cdef int64_t sender, first = 0, i, row, n, n_walks, n_most = 0, wrong = -1
        cdef Held image
        cdef Walk walks[TOGETHER]
        cdef Claim* claims = <Claim*>malloc((n_claims + 1) * sizeof(Claim))
        cdef uint64_t* said = NULL
        cdef uint64_t* held = NULL
        if claims == NULL:
            raise MemoryError("proof")
        for i in range(n_claims):
            _claim(&claims[i], self.given[i], self.arrays[i])
            n = 0
            for row in range(claims[i].n_rows):
                n = max(n, claims[i].indptr[row + 1] - claims[i].indptr[row])
            n_most += n
        said = <uint64_t*>malloc((n_most + 1) * sizeof(uint64_t))
        held = <uint64_t*>malloc((n_most + 1) * sizeof(uint64_t))
        if said == NULL or held == NULL:
            free(claims)
            free(said)
            free(held)
            raise MemoryError("proof")
        image.n_cores, image.slot_ptr, image.neuron_of = slot_ptr.shape[0] - 1, &slot_ptr[0], &neuron_of[0]
        image.entry_ptr, image.syn_ptr = &entry_ptr[0], &syn_ptr[0]
        image.entry_core = image.entry_axon = NULL
        image.slot, image.mantissa, image.delay, image.format, image.form_of = NULL, NULL, NULL, NULL, NULL
        if entry_core.shape[0]:
            image.entry_core, image.entry_axon = &entry_core[0], &entry_axon[0]
        if syn_slot.shape[0]:
            image.slot, image.mantissa, image.delay = &syn_slot[0], &syn_mant[0], &syn_delay[0]
            image.format, image.form_of = &syn_format[0], &form_of[0]
        with nogil:
            while wrong < 0 and first < slot_of.shape[0]:
                n_walks = min(TOGETHER, slot_of.shape[0] - first)
                for i in range(n_walks):
                    _start(&walks[i], &image, first + i, slot_of[first + i], claims, n_claims)
                while _step(walks, n_walks, &image, claims, n_claims):
                    pass
                for sender in range(first, first + n_walks):
                    if walks[sender - first].same and walks[sender - first].claim == n_claims:
                        continue
                    n = _say(claims, n_claims, sender, said)
                    if _hold(&image, slot_of[sender], n, held) != n or not _equal(said, held, n):
                        wrong = sender
                        break
                first += n_walks
        free(claims)
        free(said)
        free(held)
        return None if wrong < 0 else wrong


cdef inline void _start(
    Walk* walk, const Held* image, int64_t sender, int64_t number, const Claim* claims, int64_t n_claims
) noexcept nogil:
    """number: of the sender in the image."""
    walk.sender, walk.entry, walk.entry_end = sender, image.entry_ptr[number], image.entry_ptr[number + 1]
    walk.claim, walk.begin, walk.end, walk.same = -1, 0, 0, True
    _go_on(walk, claims, n_claims)


cdef bint _step(
    Walk* walks, int64_t n_walks, const Held* image, const Claim* claims, int64_t n_claims
) noexcept nogil:
    """One list of every sender: mostly those of one core. False: there was none."""
    cdef int64_t i, place, end, n
    cdef int32_t core, axon
    cdef bint found = False
    cdef Walk* walk
    for i in range(n_walks):
        walk = &walks[i]
        if not walk.same or walk.entry == walk.entry_end:
            continue
        found = True
        core, axon = image.entry_core[walk.entry], image.entry_axon[walk.entry]
        walk.entry += 1
        if core == image.n_cores:
            continue  # to the host
        place, end = image.syn_ptr[axon], image.syn_ptr[axon + 1]
        while place < end and walk.same:
            if walk.claim == n_claims:
                walk.same = False
                break
            n = min(end - place, walk.end - walk.begin)
            walk.same = _same(image, core, place, &claims[walk.claim], walk.begin, n)
            place += n
            walk.begin += n
            _go_on(walk, claims, n_claims)
    return found


cdef inline void _go_on(Walk* walk, const Claim* claims, int64_t n_claims) noexcept nogil:
    """To the next row that has a synapse, if nothing is left of this one."""
    cdef const Claim* claim
    cdef int64_t row
    while walk.begin == walk.end:
        walk.claim += 1
        if walk.claim == n_claims:
            return
        claim = &claims[walk.claim]
        row = walk.sender - claim.first_sender
        if 0 <= row < claim.n_rows:
            walk.begin, walk.end = claim.indptr[row], claim.indptr[row + 1]
            _fetch(&claim.target[walk.begin], (walk.end - walk.begin) * sizeof(int32_t))
            _fetch(&claim.mantissa[walk.begin], (walk.end - walk.begin) * sizeof(int16_t))
            _fetch(&claim.delay[walk.begin], walk.end - walk.begin)


cdef inline void _fetch(const void* first, int64_t n_bytes) noexcept nogil:
    """Asks for part of a row as a whole: it is looked at list by list, with other senders' in between."""
    cdef int64_t line
    for line in range((n_bytes + LINE - 1) // LINE):
        prefetch(<const uint8_t*>first + line * LINE)


cdef inline bint _same(
    const Held* image, int64_t core, int64_t place, const Claim* claim, int64_t first, int64_t n
) noexcept nogil:
    """Whether the n synapses of the image from `place` on are those of the network from `first` on."""
    cdef const int32_t* neuron_of = &image.neuron_of[image.slot_ptr[core]]
    cdef int64_t i
    cdef int32_t differ = 0, first_target = <int32_t>claim.first_target
    if (
        memcmp(&image.mantissa[place], &claim.mantissa[first], n * sizeof(int16_t)) != 0
        or memcmp(&image.delay[place], &claim.delay[first], n) != 0
    ):
        return False
    for i in range(n):
        differ |= neuron_of[image.slot[place + i]] ^ (first_target + claim.target[first + i])
    if claim.code == NULL and memcmp(&image.format[place], &image.format[place + 1], n - 1) == 0:
        differ |= image.form_of[image.format[place]] ^ claim.form[0]
    else:
        for i in range(n):
            differ |= image.form_of[image.format[place + i]] ^ (
                claim.form[0 if claim.code == NULL else claim.code[first + i]]
            )
    return differ == 0


cdef int64_t _hold(const Held* image, int64_t number, int64_t n_most, uint64_t* out) noexcept nogil:
    """The synapses of a sender in the image; their number, or -1 if there are more than n_most."""
    cdef int64_t n = 0, entry, place, begin, end
    cdef const int32_t* neuron_of
    for entry in range(image.entry_ptr[number], image.entry_ptr[number + 1]):
        if image.entry_core[entry] == image.n_cores:
            continue  # to the host
        neuron_of = &image.neuron_of[image.slot_ptr[image.entry_core[entry]]]
        begin, end = image.syn_ptr[image.entry_axon[entry]], image.syn_ptr[image.entry_axon[entry] + 1]
        if n + end - begin > n_most:
            return -1
        for place in range(begin, end):
            out[n] = _number(
                neuron_of[image.slot[place]], image.form_of[image.format[place]], image.mantissa[place],
                image.delay[place],
            )
            n += 1
    return n


cdef void _claim(Claim* claim, tuple places, tuple arrays):
    cdef const int64_t[::1] indptr = arrays[0]
    cdef const int32_t[::1] target = arrays[1]
    cdef const int16_t[::1] mantissa = arrays[2]
    cdef const uint8_t[::1] delay = arrays[3]
    cdef const uint8_t[::1] code = arrays[4]
    cdef const uint16_t[::1] form = arrays[5]
    claim.first_sender, claim.first_target = places
    claim.n_rows = indptr.shape[0] - 1
    claim.indptr, claim.target, claim.mantissa = &indptr[0], &target[0], &mantissa[0]
    claim.delay, claim.form = &delay[0], &form[0]
    claim.code = NULL
    if code is not None:
        claim.code = &code[0]


cdef int64_t _say(const Claim* claims, int64_t n_claims, int64_t sender, uint64_t* out) noexcept nogil:
    """The synapses of a sender in the network; their number."""
    cdef int64_t n = 0, i, row, place
    cdef const Claim* claim
    for i in range(n_claims):
        claim = &claims[i]
        row = sender - claim.first_sender
        if row < 0 or row >= claim.n_rows:
            continue
        for place in range(claim.indptr[row], claim.indptr[row + 1]):
            out[n] = _number(
                claim.first_target + claim.target[place],
                claim.form[0 if claim.code == NULL else claim.code[place]],
                claim.mantissa[place], claim.delay[place],
            )
            n += 1
    return n


cdef bint _equal(uint64_t* a, uint64_t* b, int64_t n) noexcept nogil:
    """Whether both hold the same numbers, each as often."""
    cdef int64_t i
    _order(a, n)
    _order(b, n)
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True


cdef void _order(uint64_t* a, int64_t n) noexcept nogil:
    """Ascending. One projection onto cores in the order of its neurons is so already."""
    cdef int64_t i
    for i in range(1, n):
        if a[i] < a[i - 1]:
            qsort(a, n, sizeof(uint64_t), _compare)
            return
