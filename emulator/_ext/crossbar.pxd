# Crossbar cores: what is due, the update of a core's neurons, and where spikes go. Twin of
# emulator/reference/crossbar.py.
#
# A *place* is 256 * core + neuron or axon of the core: every core has 256 of both here, those it lacks stay
# silent. Most cores are updated by counting (crossbar_kernel.h); a core with draws, or with a potential near the
# end of its register, is done exactly, synapse by synapse.
cimport cython
from emulator._ext.core cimport prefetch
from emulator._ext.philox cimport N_WORDS, philox4x32
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

cdef extern from "crossbar_kernel.h" nogil:
    ctypedef struct CrossbarLanes:
        pass
    ctypedef struct CrossbarTypes:
        pass
    ctypedef struct CrossbarList:
        int32_t n
        uint8_t which[264]
    ctypedef struct CrossbarOutcome:
        CrossbarList fired
        uint64_t active[4]
        int32_t n_active
        int32_t n_ops
        int32_t moved
        int32_t near
    ctypedef struct CrossbarForm:
        int narrow
        int steady
        int alike
    ctypedef void (*CrossbarUpdate)(
        CrossbarForm, const CrossbarLanes*, const int32_t*, const uint8_t*, const CrossbarTypes*,
        const CrossbarList*, void*, CrossbarOutcome*
    ) noexcept nogil
    ctypedef void (*CrossbarLister)(const uint64_t*, CrossbarList*) noexcept nogil
    ctypedef struct CrossbarWay:
        CrossbarUpdate update
        CrossbarLister list
    const int32_t CROSSBAR_FAR
    const int32_t CROSSBAR_NARROW_ROWS
    const int32_t CROSSBAR_NARROW_FAR
    int32_t crossbar_count(const void* words) noexcept
    int crossbar_type(const CrossbarTypes* types, int axon) noexcept
    int crossbar_best() noexcept
    void* crossbar_room(size_t n_bytes) noexcept
    CrossbarWay crossbar_way_of(int level) noexcept

cdef enum:
    PLACES = 256  # of a core
    WORDS = 4  # of 64 bits, in PLACES
    ROW_BYTES = 32
    TYPES = 4
    BLOCKS = 8  # of neurons of a core
    TRY_AGAIN = 32  # ticks after which a core that has become wide may be narrow again
    TURN = 16  # ticks that spikes can be due in: a power of two above the longest delay
    HOP_BITS = 12
    N_HOPS = 5  # events: grants east, west, north, south, and to another chip
    LEAK_STOCHASTIC = 16  # bit of `stochastic`
    POTENTIAL_MAX = 524287

cdef enum Kind:  # bits of what is known of a core
    EXACT = 1  # something of it is drawn, or potentials have no end: never counted
    STILL = 2  # no leak and no draw: without input, what has not changed stays
    NARROW = 16  # nothing it is configured to is beyond CROSSBAR_NARROW_FAR
    STEADY = 8  # all of its 256 neurons have a leak, none with reversal
    ALIKE = 32  # all of its blocks of neurons have one configuration
    ONE_ACCOUNT = 4  # that the synaptic operations of all its axons are booked on

cdef enum:  # Way: what becomes of the packets of a neuron
    NO_PACKET = 0
    TO_CORE = 1
    TO_HOST = 2
    DROPPED = 3


cdef struct Target:
    # what the spike of a neuron causes, and how many there were; 16 bytes, so that it is in one line of the cache
    int32_t where  # TURN * place + delay of the axon it goes to; -1: it goes to none
    uint32_t n_spikes
    uint64_t counts  # HOP_BITS bits for each of N_HOPS, then the way: NO_PACKET .. DROPPED


cdef struct Neurons:
    # parameters of every neuron [n_slots], as the image has them; for cores that are done exactly
    const int16_t* weight  # [n_slots, TYPES]
    const uint8_t* stochastic
    const int16_t* leak
    const uint8_t* reversal
    const int32_t* alpha
    const int32_t* beta
    const uint8_t* mask_bits
    const int32_t* reset
    const uint8_t* reset_mode
    const uint8_t* saturate


cdef struct Crossbars:
    int64_t n_cores  # 0: cores are of another kind
    const int64_t* slot_ptr  # [n_cores + 1]
    const int64_t* axon_ptr  # [n_cores + 1]
    const CrossbarTypes* types  # [n_cores] of the axons
    const uint8_t* rows  # [n_axons, ROW_BYTES]
    uint32_t* n_integrated  # [n_axons] spikes of the run, merged ones once; of cores without ONE_ACCOUNT
    int64_t* n_ops  # [n_cores] synaptic operations of the run; of the others
    Neurons neurons
    const CrossbarLanes* lanes
    const int32_t* config  # [n_cores, BLOCKS] lanes of each block of neurons
    const uint8_t* kind  # [n_cores] of Kind
    CrossbarWay way
    int32_t wide  # 1: potentials have no end and are in v64
    int32_t at_threshold
    int32_t* v  # [n_cores * PLACES]
    int16_t* v16  # those of cores that are narrow now
    uint8_t* narrow  # [n_cores]
    int64_t* v64
    uint64_t* due  # [TURN, n_cores, WORDS] a bit for each axon
    uint64_t* active  # [n_cores, WORDS] neurons whose update of this tick was active
    int32_t* n_active_now  # [n_cores] their number
    uint8_t* near  # [n_cores] 1: the next update is done exactly
    uint8_t* quiet  # [n_cores] 1: without input, nothing changes
    const int64_t* stretch_ptr  # [n_cores + 1] of the neurons of each account of a core
    const uint64_t* stretch_mask  # [n_stretches, WORDS]
    int64_t* n_active  # [n_stretches] active updates of the run
    Target* targets  # [n_slots]
    const int64_t* entry_ptr  # [n_senders + 1]
    const int32_t* entry_place  # [n_entries] place of the axon; -1: the host port, or dropped
    const uint8_t* entry_delay  # [n_entries]
    const uint16_t* owner  # [n_cores] worker that has a core
    const uint32_t* key  # [n_cores, 2] of its draws
    int64_t first_tick  # ticks before this run
    uint8_t* active_flags  # [n_slots] as `active`; NULL: nobody asks
    int64_t* start_ps  # [n_cores] time that the synapses of this tick take; NULL: nobody asks
    int64_t synapse_ps


cdef struct Outbox:
    # spikes of a tick for the cores of one worker: 16 * place + delay
    int32_t* spike
    int64_t n


cdef inline uint64_t* due_of(const Crossbars* c, int64_t turn, int64_t core) noexcept nogil:
    return c.due + ((turn & (TURN - 1)) * c.n_cores + core) * WORDS


cdef inline void note(const Crossbars* c, int64_t turn, int64_t place) noexcept nogil:
    """A spike is due at the axon of a place."""
    due_of(c, turn, place // PLACES)[(place % PLACES) >> 6] |= <uint64_t>1 << (place & 63)


cdef inline void take_due(const Crossbars* c, int64_t turn, int64_t core, CrossbarList* list) noexcept nogil:
    """Lists the axons of a core that spikes are due at, forgets them, and lets come into the cache what the
    update will read."""
    cdef uint64_t* due = due_of(c, turn, core)
    cdef const uint8_t* rows = c.rows + c.axon_ptr[core] * ROW_BYTES
    cdef int64_t i
    c.way.list(due, list)
    memset(due, 0, WORDS * sizeof(uint64_t))
    if list.n == 0 and c.quiet[core]:
        return
    for i in range(list.n):
        prefetch(rows + <int64_t>list.which[i] * ROW_BYTES)
    if c.narrow[core]:
        for i in range(0, PLACES, 32):
            prefetch(c.v16 + core * PLACES + i)


cdef inline void update_core(
    const Crossbars* c, int64_t core, const CrossbarList* due, int64_t sample, int64_t tick, CrossbarOutcome* outcome
) noexcept nogil:
    """One tick of a core."""
    cdef int64_t axon = c.axon_ptr[core], i
    if tick & (TRY_AGAIN - 1) == 0 and not c.narrow[core] and not c.wide:
        make_narrow(c, core)
    if due.n == 0 and c.quiet[core]:
        outcome.fired.n = outcome.n_ops = 0
        outcome.n_active = c.n_active_now[core]
    else:
        if c.narrow[core] and (c.near[core] or due.n > CROSSBAR_NARROW_ROWS):
            widen(c, core)
        if c.kind[core] & EXACT or c.near[core]:
            update_exactly(c, core, due, sample, tick, outcome)
        else:
            update_counting(c, core, due, outcome)
        if c.kind[core] & ONE_ACCOUNT:
            c.n_ops[core] += outcome.n_ops
        else:
            for i in range(due.n):
                c.n_integrated[axon + due.which[i]] += 1
        memcpy(c.active + core * WORDS, outcome.active, WORDS * sizeof(uint64_t))
        c.n_active_now[core] = outcome.n_active
        c.near[core] = outcome.near != 0
        c.quiet[core] = c.kind[core] & STILL and due.n == 0 and not outcome.moved
    count_active(c, core)
    if c.active_flags != NULL:
        show_active(c, core)
        c.start_ps[core] = outcome.n_ops * c.synapse_ps


cdef inline void update_counting(
    const Crossbars* c, int64_t core, const CrossbarList* due, CrossbarOutcome* outcome
) noexcept nogil:
    cdef CrossbarForm form
    cdef void* v = c.v + core * PLACES
    form.narrow, form.steady, form.alike = c.narrow[core], c.kind[core] & STEADY, c.kind[core] & ALIKE
    if form.narrow:
        v = c.v16 + core * PLACES
    c.way.update(
        form, c.lanes, c.config + BLOCKS * core, c.rows + c.axon_ptr[core] * ROW_BYTES, c.types + core, due, v, outcome
    )


cdef inline void widen(const Crossbars* c, int64_t core) noexcept nogil:
    """Potentials of a core that may outgrow 16 bits."""
    cdef int64_t place
    for place in range(core * PLACES, (core + 1) * PLACES):
        c.v[place] = c.v16[place]
    c.narrow[core] = c.near[core] = 0  # it was near the end of 16 bits only


cdef inline void make_narrow(const Crossbars* c, int64_t core) noexcept nogil:
    """Keeps the potentials of a core in 16 bits if they fit."""
    cdef int64_t place
    if not c.kind[core] & NARROW:
        return
    for place in range(core * PLACES, (core + 1) * PLACES):
        if c.v[place] > CROSSBAR_NARROW_FAR or c.v[place] < -CROSSBAR_NARROW_FAR:
            return
    for place in range(core * PLACES, (core + 1) * PLACES):
        c.v16[place] = <int16_t>c.v[place]
    c.narrow[core] = 1


cdef inline int64_t potential(const Crossbars* c, int64_t place) noexcept nogil:
    if c.wide:
        return c.v64[place]
    return c.v16[place] if c.narrow[place // PLACES] else c.v[place]


cdef inline void count_active(const Crossbars* c, int64_t core) noexcept nogil:
    """Books the active updates of the tick on their accounts."""
    cdef const uint64_t* active = c.active + core * WORDS
    cdef int64_t stretch = c.stretch_ptr[core], word
    cdef uint64_t own[WORDS]
    if c.stretch_ptr[core + 1] == stretch + 1:
        c.n_active[stretch] += c.n_active_now[core]
        return
    for stretch in range(stretch, c.stretch_ptr[core + 1]):
        for word in range(WORDS):
            own[word] = active[word] & c.stretch_mask[stretch * WORDS + word]
        c.n_active[stretch] += crossbar_count(own)


cdef inline void show_active(const Crossbars* c, int64_t core) noexcept nogil:
    cdef const uint64_t* active = c.active + core * WORDS
    cdef int64_t slot = c.slot_ptr[core], i
    for i in range(c.slot_ptr[core + 1] - slot):
        c.active_flags[slot + i] = <uint8_t>(active[i >> 6] >> (i & 63) & 1)


cdef struct Draws:
    # of 16 neurons in one tick
    uint32_t words[N_WORDS]
    int64_t block  # use and first neuron that the words are of; -1: none yet
    int64_t neuron
    int64_t sample
    int64_t tick
    const uint32_t* key


@cython.overflowcheck(False)
cdef inline uint32_t drawn(Draws* draws, int64_t use, int64_t word) noexcept nogil:
    cdef int64_t block = use << 8 | draws.neuron & ~15
    if draws.block != block:
        philox4x32(
            <uint32_t>block, <uint32_t>draws.tick, <uint32_t>draws.sample, <uint32_t>(draws.tick >> 32),
            draws.key[0], draws.key[1], draws.words,
        )
        draws.block = block
    return draws.words[4 * (draws.neuron & 15) + word]


cdef inline int64_t sign_of(int64_t value) noexcept nogil:
    return (value > 0) - (value < 0)


cdef inline int64_t added(const Crossbars* c, int64_t v, int64_t amount) noexcept nogil:
    """Without the ends of the chip's register, potentials stop far beyond whatever a run can reach."""
    cdef int64_t limit = <int64_t>1 << 52 if c.wide else POTENTIAL_MAX
    v += amount
    return limit if v > limit else -limit - 1 if v < -limit - 1 else v


cdef inline void update_exactly(
    const Crossbars* c, int64_t core, const CrossbarList* due, int64_t sample, int64_t tick, CrossbarOutcome* outcome
) noexcept nogil:
    """One tick of every neuron of a core, synapse by synapse."""
    cdef int64_t neuron, slot = c.slot_ptr[core], n = c.slot_ptr[core + 1] - slot, before, after
    cdef bint active, fired
    cdef Draws draws
    draws.sample, draws.tick, draws.key = sample, c.first_tick + tick, c.key + 2 * core
    draws.block = -1
    memset(outcome, 0, sizeof(CrossbarOutcome))
    outcome.n_ops = ops_of(c, core, due)
    for neuron in range(n):
        before = c.v64[core * PLACES + neuron] if c.wide else c.v[core * PLACES + neuron]
        draws.neuron = neuron
        active = before != 0 or c.neurons.leak[slot + neuron] != 0
        after = integrated(c, core, neuron, due, before, &draws, &active)
        after = leaked(c, slot + neuron, after, &draws)
        fired = False
        after = compared(c, slot + neuron, after, &draws, &fired)
        if c.wide:
            c.v64[core * PLACES + neuron] = after
        else:
            c.v[core * PLACES + neuron] = <int32_t>after
        outcome.active[neuron >> 6] |= <uint64_t>active << (neuron & 63)
        outcome.fired.which[outcome.fired.n] = <uint8_t>neuron
        outcome.fired.n += fired
        outcome.moved |= after != before or fired
        outcome.near |= after > CROSSBAR_FAR or after < -CROSSBAR_FAR
    outcome.n_active = crossbar_count(outcome.active)


cdef inline int32_t ops_of(const Crossbars* c, int64_t core, const CrossbarList* due) noexcept nogil:
    """Synapses in the rows that are due."""
    cdef int32_t n = 0
    cdef int64_t i
    for i in range(due.n):
        n += crossbar_count(c.rows + (c.axon_ptr[core] + due.which[i]) * ROW_BYTES)
    return n


cdef inline int64_t integrated(
    const Crossbars* c, int64_t core, int64_t neuron, const CrossbarList* due, int64_t v, Draws* draws, bint* reached
) noexcept nogil:
    """Step 1: the synapses of the axons that are due, in their order."""
    cdef int64_t slot = c.slot_ptr[core] + neuron, axon, place, type, weight, i
    for i in range(due.n):
        axon = due.which[i]
        place = c.axon_ptr[core] + axon
        if not c.rows[place * ROW_BYTES + (neuron >> 3)] >> (neuron & 7) & 1:
            continue
        reached[0] = True
        type = crossbar_type(c.types + core, <int>axon)
        weight = c.neurons.weight[slot * TYPES + type]
        if c.neurons.stochastic[slot] >> type & 1:
            weight = kept(weight, drawn(draws, 1 + (axon >> 4), (axon & 15) >> 2) >> (8 * (axon & 3)) & 0xff)
        v = added(c, v, weight)
    return v


cdef inline int64_t kept(int64_t amount, int64_t rho) noexcept nogil:
    """What a stochastic synapse or leak adds."""
    return sign_of(amount) if amount >= rho or -amount >= rho else 0


cdef inline int64_t leaked(const Crossbars* c, int64_t slot, int64_t v, Draws* draws) noexcept nogil:
    """Step 2."""
    cdef int64_t leak = c.neurons.leak[slot], sign
    if c.neurons.stochastic[slot] & LEAK_STOCHASTIC:
        leak = kept(leak, drawn(draws, 0, 1) & 0xff)
    if not c.neurons.reversal[slot]:
        return added(c, v, leak)
    sign = sign_of(v)
    v = added(c, v, sign * leak)
    return v if sign_of(v) == sign else 0


cdef inline int64_t compared(
    const Crossbars* c, int64_t slot, int64_t v, Draws* draws, bint* fired
) noexcept nogil:
    """Steps 3 and 4."""
    cdef int64_t eta = 0, high, low, mode = c.neurons.reset_mode[slot]
    if c.neurons.mask_bits[slot]:
        eta = drawn(draws, 0, 0) & ((<int64_t>1 << c.neurons.mask_bits[slot]) - 1)
    high = c.neurons.alpha[slot] + eta
    low = -<int64_t>c.neurons.beta[slot]
    if v >= high:
        fired[0] = True
        return c.neurons.reset[slot] if mode == 0 else v - high if mode == 1 else v
    if not c.neurons.saturate[slot]:
        low -= eta
    if v > low or v == low and not c.at_threshold:
        return v
    if c.neurons.saturate[slot]:
        return low
    return -<int64_t>c.neurons.reset[slot] if mode == 0 else v - low if mode == 1 else v
