# Crossbar cores of a worker, tick by tick: what `step`, `deliver` and the ends of a sample are for them.
from emulator._ext.core cimport prefetch
from emulator._ext.crossbar cimport (
    CROSSBAR_FAR, DROPPED, HOP_BITS, CrossbarList, CrossbarOutcome, N_HOPS, NO_PACKET, PLACES, TO_CORE, TO_HOST, TURN, WORDS, Crossbars, Outbox, Target, due_of, note, potential, take_due,
    update_core,
)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

cdef enum:
    AHEAD = 7  # cores whose rows are fetched before their turn: one less than a power of two
    TARGETS_AHEAD = 32
    SPIKES_AHEAD = 16
    N_WAYS = 4

cdef enum:  # events among those that a spike causes
    TRANSMITTED = 0
    INJECT = 1
    DROPPED_PACKET = 2
    HOPS = 4
    EJECT = 9
    HOST_OUT = 10
    AXON_IN = 11


cdef struct Share:
    # the cores of a worker
    int64_t number  # of the worker
    int64_t first_core
    int64_t end_core
    int64_t turn  # of `Crossbars.due` that this tick takes
    Outbox* outbox[2]  # [n_workers] of this tick and of the one before


cdef struct Sending:
    # the spikes of a worker's cores in a tick
    Outbox* outbox  # [n_workers]
    int64_t n_sent
    int64_t n_noted  # of the worker's own outbox
    int64_t hops[N_HOPS]
    int64_t ways[N_WAYS]


cdef inline void note_inputs(
    const Crossbars* c, const Share* share, const int32_t* sender, int64_t n, int64_t least, int64_t most
) noexcept nogil:
    """Notes spikes of the host for the worker's cores, those with a delay of least .. most."""
    cdef int64_t i, entry, delay, core
    for i in range(n):
        for entry in range(c.entry_ptr[sender[i]], c.entry_ptr[sender[i] + 1]):
            delay = c.entry_delay[entry]
            if c.entry_place[entry] < 0 or delay < least or delay > most:
                continue
            core = c.entry_place[entry] // PLACES
            if share.first_core <= core < share.end_core:
                note(c, share.turn + delay, c.entry_place[entry])


cdef inline int64_t step_cores(
    const Crossbars* c, const Share* share, int64_t parity, int64_t n_workers, int64_t sample, int64_t tick,
    int32_t* fired, int64_t* n_active, int64_t* n_ops, int64_t* counts
) noexcept nogil:
    """Updates the worker's cores, and sends their spikes. Lists the slots that fired, and returns their number.

    What a spike does waits for memory, and what a core does for the processor: spikes are sent a few cores after
    they fired. counts: of the events transmitted .. axon_in.
    """
    cdef CrossbarList due[8]
    cdef CrossbarOutcome outcome
    cdef Sending sending
    cdef int64_t core, slot, n = 0, i, taken = 0
    begin_sending(&sending, share.outbox[parity], n_workers)
    for core in range(share.first_core, share.end_core):
        while share.first_core + taken < share.end_core and share.first_core + taken <= core + AHEAD:
            take_due(c, share.turn, share.first_core + taken, &due[taken & AHEAD])
            taken += 1
        update_core(c, core, &due[(core - share.first_core) & AHEAD], sample, tick, &outcome)
        n_active[0] += outcome.n_active
        n_ops[0] += outcome.n_ops
        slot = c.slot_ptr[core]
        for i in range(outcome.fired.n):
            fired[n] = <int32_t>(slot + outcome.fired.which[i])
            prefetch(c.targets + fired[n])
            n += 1
        send_until(c, share, &sending, fired, n - TARGETS_AHEAD, SPIKES_AHEAD)
    send_until(c, share, &sending, fired, n, 0)
    count_sent(&sending, counts)
    return n


cdef inline void begin_sending(Sending* sending, Outbox* outbox, int64_t n_workers) noexcept nogil:
    cdef int64_t i
    memset(sending, 0, sizeof(Sending))
    sending.outbox = outbox
    for i in range(n_workers):
        outbox[i].n = 0


cdef inline void send_until(
    const Crossbars* c, const Share* share, Sending* sending, const int32_t* fired, int64_t end, int64_t n_waiting
) noexcept nogil:
    """Counts what the spikes of neurons cause, up to one, and lays them out for the workers of the cores they go
    to. The worker's own are noted at once, but for the last n_waiting, whose places come into the cache first."""
    cdef Target* target
    cdef Outbox* box
    cdef const Outbox* own = sending.outbox + share.number
    cdef int64_t i, side
    for i in range(sending.n_sent, end):
        target = c.targets + fired[i]
        target.n_spikes += 1
        sending.ways[target.counts >> N_HOPS * HOP_BITS] += 1
        for side in range(N_HOPS):
            sending.hops[side] += target.counts >> side * HOP_BITS & ((1 << HOP_BITS) - 1)
        if target.where >= 0:
            box = sending.outbox + c.owner[target.where // (TURN * PLACES)]
            box.spike[box.n] = target.where
            box.n += 1
            if box == own:
                fetch_due(c, share, target.where)
    if end > sending.n_sent:
        sending.n_sent = end
    for i in range(sending.n_noted, own.n - n_waiting):
        note_spike(c, share, own.spike[i])
    if own.n - n_waiting > sending.n_noted:
        sending.n_noted = own.n - n_waiting


cdef inline void count_sent(const Sending* sending, int64_t* counts) noexcept nogil:
    cdef int64_t side, n_packets = sending.n_sent - sending.ways[NO_PACKET]
    counts[TRANSMITTED] += n_packets
    counts[INJECT] += n_packets
    counts[DROPPED_PACKET] += sending.ways[DROPPED]
    for side in range(N_HOPS):
        counts[HOPS + side] += sending.hops[side]
    counts[EJECT] += sending.ways[TO_CORE]
    counts[HOST_OUT] += sending.ways[TO_HOST]
    counts[AXON_IN] += sending.ways[TO_CORE]


cdef inline void fetch_due(const Crossbars* c, const Share* share, int32_t where) noexcept nogil:
    prefetch(due_of(c, share.turn + (where & (TURN - 1)), where // (TURN * PLACES)))


cdef inline void note_spike(const Crossbars* c, const Share* share, int32_t where) noexcept nogil:
    note(c, share.turn + (where & (TURN - 1)), where // TURN)


cdef inline void note_spikes(const Crossbars* c, const Share* share, const Outbox* inbox) noexcept nogil:
    """Notes spikes of another worker's neurons for the worker's cores."""
    cdef int64_t i
    for i in range(inbox.n):
        if i + SPIKES_AHEAD < inbox.n:
            fetch_due(c, share, inbox.spike[i + SPIKES_AHEAD])
        note_spike(c, share, inbox.spike[i])


cdef inline void begin_cores(
    const Crossbars* c, Share* share, const void* start_v, const uint8_t* pending, int64_t n_delays, int64_t n_axons
) noexcept nogil:
    """Sets the worker's cores to the start of a sample. start_v: [n_slots]; pending: [n_delays, n_axons] or NULL."""
    cdef int64_t core, slot, i, delay, axon, value
    share.turn = 0
    for core in range(share.first_core, share.end_core):
        slot = c.slot_ptr[core]
        c.near[core] = c.quiet[core] = c.narrow[core] = 0
        for i in range(c.slot_ptr[core + 1] - slot):
            if c.wide:
                c.v64[core * PLACES + i] = (<const int64_t*>start_v)[slot + i]
            else:
                value = (<const int32_t*>start_v)[slot + i]
                c.v[core * PLACES + i] = <int32_t>value
                c.near[core] |= value > CROSSBAR_FAR or value < -CROSSBAR_FAR
        for i in range(TURN):
            memset(due_of(c, i, core), 0, WORDS * sizeof(uint64_t))
        if pending == NULL:
            continue
        for delay in range(n_delays):
            for axon in range(c.axon_ptr[core], c.axon_ptr[core + 1]):
                if pending[delay * n_axons + axon]:
                    note(c, delay, core * PLACES + axon - c.axon_ptr[core])


cdef inline void end_cores(
    const Crossbars* c, const Share* share, void* end_v, uint8_t* pending, int64_t n_delays, int64_t n_axons
) noexcept nogil:
    """Keeps the worker's cores as a sample leaves them."""
    cdef int64_t core, slot, i, delay, axon
    cdef const uint64_t* due
    for core in range(share.first_core, share.end_core):
        slot = c.slot_ptr[core]
        for i in range(c.slot_ptr[core + 1] - slot):
            if c.wide:
                (<int64_t*>end_v)[slot + i] = c.v64[core * PLACES + i]
            else:
                (<int32_t*>end_v)[slot + i] = <int32_t>potential(c, core * PLACES + i)
        for delay in range(n_delays):
            due = due_of(c, share.turn + delay, core)
            for i in range(c.axon_ptr[core + 1] - c.axon_ptr[core]):
                axon = c.axon_ptr[core] + i
                pending[delay * n_axons + axon] = <uint8_t>(due[i >> 6] >> (i & 63) & 1)
