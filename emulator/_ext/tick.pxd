# The ticks of a run. Twin of emulator/reference/machine.py.
#
# Workers share the cores out among them. A worker touches registers and sums of its own cores only, so that
# one meeting in a tick, when all know who fired, is enough, and no bit depends on how many they are.
from emulator._ext.arith cimport fesetround, round_toward_zero
from emulator._ext.core cimport Outcome, Sums, add_spikes_of, prefetch, row_of, update
from emulator._ext.crossbar_tick cimport note_inputs, note_spikes, step_cores
from emulator._ext.crossing cimport Crossing, cross
from emulator._ext.generator cimport inputs_of_tick
from emulator._ext.losses cimport draw_spikes
from emulator._ext.probes cimport read_probes, remember_counters
from emulator._ext.run_state cimport (
    ACTIVE, BARRIER, FIRST_SENT, INACTIVE, LOST, N_EVENTS, N_SENT, NO_MEMORY, OK, OVERFLOWN, SPIKES, SYNAPTIC_OPS,
    Block, Inputs, Run, Worker,
)
from emulator._ext.sample cimport begin_sample, end_sample
from emulator._ext.team cimport meet
from emulator._ext.wide cimport add_wide, update_wide
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy, memset

cdef extern from *:
    """
    #if defined(__SSE2__)
    #include <emmintrin.h>
    /* Bit i says whether flag i of 64 is set; a flag is 0 or 1. */
    static inline uint64_t spikemesh_flags(const uint8_t *flags) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i += 16) {
            const __m128i sixteen = _mm_loadu_si128((const __m128i *)(flags + i));
            bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_slli_epi16(sixteen, 7)) << i;
        }
        return bits;
    }
    #else
    static inline uint64_t spikemesh_flags(const uint8_t *flags) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i++)
            bits |= (uint64_t)flags[i] << i;
        return bits;
    }
    #endif
    #define spikemesh_lowest_bit(value) __builtin_ctzll(value)
    """
    uint64_t flags_of "spikemesh_flags"(const uint8_t* flags) noexcept nogil
    int lowest_bit "spikemesh_lowest_bit"(uint64_t value) noexcept nogil


cdef inline int32_t work(Run* run, Worker* worker) noexcept nogil:
    """Runs rows worker.row .. run.end_row - 1, side by side with the other workers. Returns the status."""
    cdef int mode = round_toward_zero()
    cdef int32_t status = run_rows(run, worker)
    fesetround(mode)
    return status


cdef inline int32_t run_rows(Run* run, Worker* worker) noexcept nogil:
    cdef int64_t parity
    while worker.row < run.end_row:
        if worker.row % run.samples.n_ticks == 0:
            begin_sample(run, worker)
        parity = worker.row & 1
        step(run, worker, parity)
        meet(&run.barrier)
        if run.failed[parity]:
            return run.failed[parity]
        if run.losses.n_risky:
            if worker == run.workers:
                draw_losses(run, worker.row, parity)
            meet(&run.barrier)
        if worker == run.workers and run.crossing != NULL:
            cross_mesh(run, worker, parity)
        deliver(run, worker, parity)
        if run.crossing != NULL:
            meet(&run.barrier)  # the mesh reads what the next update overwrites
            if run.mesh_failed:
                return run.mesh_failed
        worker.row += 1
        if worker.row % run.samples.n_ticks == 0:
            end_sample(run, worker)
    return OK


cdef inline void step(Run* run, Worker* worker, int64_t parity) noexcept nogil:
    """Updates the worker's compartments and books their spikes."""
    cdef int64_t* counts = worker.counts[parity]
    cdef int64_t n_active = 0
    memset(counts, 0, N_EVENTS * sizeof(int64_t))
    remember_counters(run, worker)
    worker.n_fired[parity] = 0
    if run.crossbars.n_cores:
        step_crossbars(run, worker, parity, &n_active)
    elif run.wide:
        step_wide(run, worker, parity, &n_active)
    else:
        step_blocks(run, worker, parity, &n_active)
    read_probes(run, worker)
    counts[SPIKES] = worker.n_fired[parity]
    counts[ACTIVE] = n_active
    counts[INACTIVE] = worker.end_slot - worker.first_slot - n_active
    if worker == run.workers:
        counts[BARRIER] = 1
        take_inputs(run, worker.row, parity)
    if run.crossbars.n_cores == 0:
        book(run, worker.fired[parity], worker.n_fired[parity], counts)
    if record(run, worker, parity):
        run.failed[parity] = NO_MEMORY


cdef inline void take_inputs(Run* run, int64_t row, int64_t parity) noexcept nogil:
    """Lists the host inputs that spike in this tick: those given for it and those of generators."""
    cdef Inputs* inputs = &run.inputs
    cdef const int64_t* event_ptr = run.senders.event_ptr + row
    cdef int64_t n_ticks = run.samples.n_ticks
    inputs.sender[parity] = run.senders.event_sender + event_ptr[0]
    inputs.n[parity] = event_ptr[1] - event_ptr[0]
    if inputs.generators.n_generators:
        inputs.n[parity] = inputs_of_tick(
            &inputs.generators, row // n_ticks, row % n_ticks,
            inputs.sender[parity], inputs.n[parity], inputs.drawn[parity],
        )
        inputs.sender[parity] = inputs.drawn[parity]


cdef inline void step_blocks(Run* run, Worker* worker, int64_t parity, int64_t* n_active) noexcept nogil:
    cdef const Sums* sums = &run.sums
    cdef int64_t i
    cdef uint16_t* due
    cdef Block* block
    cdef Outcome outcome
    for i in range(worker.first_block, worker.end_block):
        block = &run.blocks[i]
        due = row_of(sums, block.part, worker.row_of_sums) + block.start - run.part_slot[block.part]
        if block.quiet and not any_of(due, block.n):
            if run.crossing != NULL:
                memset(run.compartments.active + block.start, 0, block.n)
            continue
        update(
            &run.compartments, &run.each, &run.stretches[block.stretch], run.lean[block.stretch], block.start,
            block.n, due, &outcome,
        )
        n_active[0] += outcome.n_active
        run.n_active[block.stretch] += outcome.n_active
        block.quiet = outcome.left == 0 and outcome.n_fired == 0
        if outcome.n_fired:
            gather(worker, parity, run.compartments.fired, block.start, block.start + block.n)


cdef inline void step_crossbars(Run* run, Worker* worker, int64_t parity, int64_t* n_active) noexcept nogil:
    """Spikes that the host sends ahead are given ones: generators have delays."""
    cdef int64_t n_ticks = run.samples.n_ticks
    cdef const int64_t* event_ptr = run.senders.event_ptr + worker.row
    cdef int64_t* counts = worker.counts[parity]
    note_inputs(
        &run.crossbars, &worker.cores, run.senders.event_sender + event_ptr[0], event_ptr[1] - event_ptr[0], 0, 0
    )
    worker.n_fired[parity] = step_cores(
        &run.crossbars, &worker.cores, parity, run.n_workers, worker.row // n_ticks, worker.row % n_ticks,
        worker.fired[parity], n_active, counts + SYNAPTIC_OPS, counts + FIRST_SENT,
    )


cdef inline void step_wide(Run* run, Worker* worker, int64_t parity, int64_t* n_active) noexcept nogil:
    cdef int64_t slot
    cdef int64_t* due = run.wide_rows.sums + worker.row_of_sums * run.wide_rows.width
    if update_wide(&run.wide_compartments, &run.each, due, n_active, &run.overflow):
        run.failed[parity] = OVERFLOWN
        return
    for slot in range(run.n_slots):
        run.wide_active[slot] += run.wide_compartments.active[slot]
    gather(worker, parity, run.wide_compartments.fired, 0, run.n_slots)


cdef inline bint any_of(const uint16_t* values, int64_t n) noexcept nogil:
    """Whether one of the values is not 0."""
    cdef int64_t i
    cdef uint16_t seen = 0
    for i in range(n):
        seen |= values[i]
    return seen != 0


cdef inline void gather(
    Worker* worker, int64_t parity, const uint8_t* fired, int64_t slot, int64_t end
) noexcept nogil:
    """Lists which of the slots have fired."""
    cdef uint64_t flags
    cdef int32_t* out = worker.fired[parity]
    cdef int64_t n = worker.n_fired[parity]
    while slot + 64 <= end:
        flags = flags_of(fired + slot)
        while flags:
            out[n] = <int32_t>(slot + lowest_bit(flags))
            n += 1
            flags &= flags - 1
        slot += 64
    while slot < end:
        if fired[slot]:
            out[n] = <int32_t>slot
            n += 1
        slot += 1
    worker.n_fired[parity] = n


cdef inline void book(Run* run, const int32_t* sender, int64_t n, int64_t* counts) noexcept nogil:
    """Counts what the spikes of n senders cause."""
    cdef const int64_t* sent
    cdef int64_t total[N_SENT]  # apart from all other memory, so that the sums are done side by side
    cdef int64_t i, column
    memset(total, 0, sizeof(total))
    for i in range(n):
        if i + 4 < n:
            prefetch(run.senders.sent + sender[i + 4] * N_SENT)
            prefetch(run.senders.sent + sender[i + 4] * N_SENT + N_SENT - 1)
            prefetch(run.senders.n_spikes + sender[i + 4])
        run.senders.n_spikes[sender[i]] += 1
        sent = run.senders.sent + sender[i] * N_SENT
        for column in range(N_SENT):
            total[column] += sent[column]
    for column in range(N_SENT):
        counts[FIRST_SENT + column] += total[column]


cdef inline int record(Run* run, Worker* worker, int64_t parity) noexcept nogil:
    """Keeps the spikes of slots that are recorded. -1: out of memory."""
    cdef int64_t i, n = worker.n_recorded, n_room = worker.n_recorded + worker.n_fired[parity]
    cdef int32_t* grown
    if run.senders.recorded == NULL:
        worker.n_of_row[worker.row] = 0
        return 0
    if n_room > worker.n_room:  # a run's spikes are output: their number is not known before
        grown = <int32_t*>realloc(worker.spikes, 2 * n_room * sizeof(int32_t))
        if grown == NULL:
            return -1
        worker.spikes = grown
        worker.n_room = 2 * n_room
    for i in range(worker.n_fired[parity]):
        worker.spikes[n] = worker.fired[parity][i]  # overwritten unless it counts
        n += run.senders.recorded[worker.fired[parity][i]]
    worker.n_of_row[worker.row] = <int32_t>(n - worker.n_recorded)
    worker.n_recorded = n
    return 0


cdef inline void deliver(Run* run, Worker* worker, int64_t parity) noexcept nogil:
    """Adds the synapses of all spikes of the tick, of whatever worker, to the sums of the worker's cores."""
    cdef const int32_t* inputs = run.inputs.sender[parity]
    cdef int64_t n_inputs = run.inputs.n[parity]
    cdef int64_t n_rows = run.wide_rows.n_rows if run.wide else run.sums.n_rows, i
    if worker == run.workers:
        book(run, inputs, n_inputs, worker.counts[parity])
        add_counts(run, worker.row, parity)
    if run.crossbars.n_cores:
        for i in range(run.n_workers):
            if i != worker.cores.number:  # its own are noted already
                note_spikes(&run.crossbars, &worker.cores, &run.workers[i].cores.outbox[parity][worker.cores.number])
        note_inputs(&run.crossbars, &worker.cores, inputs, n_inputs, 1, 15)
        worker.cores.turn += 1
        return
    for i in range(run.n_workers):
        add_spikes(run, worker, run.workers[i].fired[parity], run.workers[i].n_fired[parity])
    add_spikes(run, worker, inputs, n_inputs)
    if run.losses.n_risky:
        add_spikes(run, worker, run.losses.survivors, run.losses.n_survivors)
    worker.row_of_sums = worker.row_of_sums + 1 if worker.row_of_sums + 1 < n_rows else 0


cdef inline void draw_losses(Run* run, int64_t row, int64_t parity) noexcept nogil:
    """Decides which packets of the tick get lost, and counts them."""
    cdef int64_t* counts = run.counts + row * N_EVENTS
    cdef int64_t sample = row // run.samples.n_ticks, tick = row % run.samples.n_ticks + run.losses.first_tick
    cdef int64_t number = 0, i
    cdef int32_t core = -1
    run.losses.n_survivors = 0
    for i in range(run.n_workers):  # in order of their slots
        counts[LOST] += draw_spikes(
            &run.losses, run.workers[i].fired[parity], run.workers[i].n_fired[parity], &core, &number, sample,
            tick, counts + FIRST_SENT,
        )
    counts[LOST] += draw_spikes(
        &run.losses, run.inputs.sender[parity], run.inputs.n[parity], &core, &number, sample, tick,
        counts + FIRST_SENT,
    )


cdef inline void add_counts(Run* run, int64_t row, int64_t parity) noexcept nogil:
    """The counts of a tick are those of all workers."""
    cdef int64_t* counts = run.counts + row * N_EVENTS
    cdef int64_t i, event
    for i in range(run.n_workers):
        for event in range(N_EVENTS):
            counts[event] += run.workers[i].counts[parity][event]


cdef inline void add_spikes(Run* run, Worker* worker, const int32_t* sender, int64_t n) noexcept nogil:
    cdef int64_t i
    if run.wide:
        for i in range(n):
            add_wide(&run.wide_rows, worker.row_of_sums, sender[i])
        return
    add_spikes_of(
        &run.rows, &run.sums, worker.row_of_sums, worker.first_part, worker.end_part, worker.first_row, sender, n
    )


cdef inline void cross_mesh(Run* run, Worker* worker, int64_t parity) noexcept nogil:
    """Sends the tick's packets through the mesh for their instants."""
    cdef Crossing* crossing = run.crossing
    cdef int64_t i
    crossing.n_fired = 0
    for i in range(run.n_workers):  # in order of their slots
        memcpy(
            crossing.fired + crossing.n_fired, run.workers[i].fired[parity],
            run.workers[i].n_fired[parity] * sizeof(int32_t),
        )
        crossing.n_fired += run.workers[i].n_fired[parity]
    crossing.inputs = run.inputs.sender[parity]
    crossing.n_inputs = run.inputs.n[parity]
    run.mesh_failed = cross(crossing, worker.row)
