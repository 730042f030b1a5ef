"""Compares an image with the network it was made from, sender by sender, as a spike would find it.

Callers: emulator/compiler/verify.py. Shares nothing with the blocks that write images: for each sender it
lists what the image holds and what the network says as numbers, puts both in order, and compares them.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free, malloc, qsort

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
        cdef int64_t n_claims = len(self.given), n_cores = slot_ptr.shape[0] - 1
        cdef int64_t sender, i, entry, place, row, n, n_held, n_most = 0, wrong = -1
        cdef const int64_t* at_slot
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
        with nogil:
            for sender in range(slot_of.shape[0]):
                n = _say(claims, n_claims, sender, said)
                n_held = 0
                for entry in range(entry_ptr[slot_of[sender]], entry_ptr[slot_of[sender] + 1]):
                    if entry_core[entry] == n_cores:
                        continue  # to the host
                    at_slot = &slot_ptr[entry_core[entry]]
                    i = syn_ptr[entry_axon[entry] + 1] - syn_ptr[entry_axon[entry]]
                    if n_held + i > n:
                        n_held = -1  # more than the network has
                        break
                    for place in range(syn_ptr[entry_axon[entry]], syn_ptr[entry_axon[entry] + 1]):
                        held[n_held] = _number(
                            neuron_of[at_slot[0] + syn_slot[place]], form_of[syn_format[place]],
                            syn_mant[place], syn_delay[place],
                        )
                        n_held += 1
                if n_held != n or not _equal(said, held, n):
                    wrong = sender
                    break
        free(claims)
        free(said)
        free(held)
        return None if wrong < 0 else wrong


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
