# The ticks of a run. Twin of emulator/reference/machine.py.
#
# Workers share the cores out among them. A worker touches registers and sums of its own cores only, so that
# one meeting in a tick, when all know who fired, is enough, and no bit depends on how many they are.
from emulator._ext.arith cimport fesetround, input_of, round_toward_zero, times64
from emulator._ext.core cimport BLOCK, Compartments, Configuration, Outcome, Rows, Stretch, Sums, add_spikes_of, prefetch, row_of, update
from emulator._ext.crossbar cimport Crossbars, potential
from emulator._ext.crossbar_tick cimport (
    Share, begin_cores, end_cores, note_inputs, note_spikes, send_spikes, step_cores,
)
from emulator._ext.crossing cimport Crossing, cross
from emulator._ext.generator cimport Generators, inputs_of_tick
from emulator._ext.losses cimport Losses, draw_spikes
from emulator._ext.team cimport Barrier, meet
from emulator._ext.wide cimport Overflow, WideCompartments, WideRows, add_wide, update_wide
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

cdef enum:
    SPIKES = 0
    FIRST_SENT = 1  # transmitted .. synaptic_ops_sparse: what a sender's spike causes
    N_SENT = 14
    SYNAPTIC_OPS = 13  # of dense lists and crossbars
    INACTIVE = 15
    ACTIVE = 16
    BARRIER = 17
    LOST = 18
    N_EVENTS = 19

cdef enum Status:
    OK = 0
    NO_MEMORY = 1
    DEADLOCK = 2
    OVERFLOWN = 3
    NO_THREAD = 4

cdef enum Variable:
    U = 0
    V = 1
    V_RAW = 2


cdef struct Block:
    # compartments of one stretch that are updated, or skipped, at once
    int32_t start  # slot
    int32_t n
    int32_t stretch
    int32_t part
    int32_t quiet  # 1: nothing was left in its registers, so that without input nothing changes


cdef struct Senders:
    const int64_t* sent  # [n_senders, N_SENT] events that one spike causes
    int64_t* n_spikes  # [n_senders]
    const uint8_t* recorded  # [n_slots]
    const int64_t* event_ptr  # [n_rows + 1]
    const int32_t* event_sender  # host inputs that spike in a row, as senders, ascending


cdef struct Inputs:
    # host inputs that spike in this tick and in the one before, as senders, ascending
    const int32_t* sender[2]
    int64_t n[2]
    Generators generators  # their inputs are numbered as senders too
    int32_t* drawn[2]  # [n_inputs + 1] room for senders when there are generators


cdef struct Samples:
    # registers when a sample starts (one set for all samples, or one each) and when it has ended
    int64_t n_ticks  # of a sample
    int64_t n_starts
    const void* start_u  # int32 (wide: int64) [n_starts, n_slots]
    const void* start_v
    const int32_t* start_counter
    const void* start_pending  # [n_starts, n_delays, width]; NULL: nothing is due; crossbars: uint8, per axon
    void* end_u  # [n_samples, n_slots]
    void* end_v
    int32_t* end_counter
    void* end_pending  # [n_samples, n_delays, width]


cdef struct Probes:
    # lane l reads slot[l], of crossbar cores the place; probe p has lanes lane_ptr[p] .. lane_ptr[p + 1], all of one variable
    int64_t n
    const int64_t* lane_ptr
    const int32_t* slot
    const int32_t* variable  # [n] of Variable
    const int64_t* at  # [n, n_ticks] row of the sample's output, or -1
    const int64_t* n_probed  # [n] such rows
    const int64_t* output  # [n] address of int32 (wide: int64) [n_samples, n_probed, n_lanes]
    uint8_t* counter_before  # [n_lanes]


cdef struct Worker:
    int64_t first_slot
    int64_t end_slot
    int64_t first_block
    int64_t end_block
    int64_t first_part
    int64_t end_part
    int64_t first_row
    int32_t* fired[2]  # slots that fired in this tick and in the one before, ascending
    int64_t n_fired[2]
    int64_t counts[2][N_EVENTS]  # of this tick and of the one before
    int64_t* spikes  # pairs row, slot
    int64_t n_recorded
    int64_t n_room
    int64_t row  # its own view of where the run is
    int64_t row_of_sums
    int64_t first_lane  # what probes name, see `Probes.slot`
    int64_t end_lane
    Share cores  # of crossbars


cdef struct Run:
    int32_t wide
    int64_t n_slots
    int64_t n_delays  # longest delay
    Configuration each
    Compartments compartments
    const Stretch* stretches
    uint8_t* lean  # [n_stretches] see core.pxd
    int64_t* n_active  # [n_stretches] active updates of the run
    Block* blocks
    const int64_t* part_slot  # [n_parts + 1] first slot of a part
    Rows rows
    Sums sums
    WideCompartments wide_compartments
    WideRows wide_rows
    Crossbars crossbars
    int64_t n_axons  # of crossbar cores
    int64_t* wide_active  # [n_slots] active updates of the run
    Overflow overflow
    Senders senders
    Losses losses
    Inputs inputs
    Samples samples
    Probes probes
    int64_t* counts  # [n_rows, N_EVENTS]
    Worker* workers
    int64_t n_workers
    Barrier barrier
    # A status is set before a meeting and read after it; whoever is a tick ahead sets the other one.
    int32_t failed[2]
    int32_t mesh_failed
    int64_t end_row
    Crossing* crossing  # NULL: untimed


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
        &run.crossbars, &worker.cores, worker.row // n_ticks, worker.row % n_ticks, worker.fired[parity], n_active,
        counts + SYNAPTIC_OPS,
    )
    send_spikes(
        &run.crossbars, &worker.cores, parity, run.n_workers, worker.fired[parity], worker.n_fired[parity],
        counts + FIRST_SENT,
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
    cdef int64_t i, n_room = worker.n_recorded + worker.n_fired[parity]
    cdef int32_t slot
    cdef int64_t* grown
    if n_room > worker.n_room:  # a run's spikes are output: their number is not known before
        grown = <int64_t*>realloc(worker.spikes, 4 * n_room * sizeof(int64_t))
        if grown == NULL:
            return -1
        worker.spikes = grown
        worker.n_room = 2 * n_room
    for i in range(worker.n_fired[parity]):
        slot = worker.fired[parity][i]
        if run.senders.recorded[slot]:
            worker.spikes[2 * worker.n_recorded] = worker.row
            worker.spikes[2 * worker.n_recorded + 1] = slot
            worker.n_recorded += 1
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
            note_spikes(
                &run.crossbars, &worker.cores, run.workers[i].cores.outbox[parity] + (worker - run.workers)
            )
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


cdef inline void begin_sample(Run* run, Worker* worker) noexcept nogil:
    """Sets the worker's registers and sums to what the sample starts with."""
    cdef Samples* samples = &run.samples
    cdef int64_t start = worker.row // samples.n_ticks if samples.n_starts > 1 else 0
    cdef int64_t first = worker.first_slot, n = worker.end_slot - worker.first_slot, slot
    cdef int64_t from_slot = start * run.n_slots + first
    cdef const int32_t* counter = samples.start_counter + from_slot
    cdef const uint8_t* pending = <const uint8_t*>samples.start_pending
    worker.row_of_sums = 0
    if run.crossbars.n_cores:
        begin_cores(
            &run.crossbars, &worker.cores,
            <const uint8_t*>samples.start_v + start * run.n_slots * (8 if run.wide else 4),
            NULL if pending == NULL else pending + start * run.n_delays * run.n_axons, run.n_delays, run.n_axons,
        )
        return
    if run.wide:
        begin_wide(run, start)
        return
    memcpy(run.compartments.u + first, <const int32_t*>samples.start_u + from_slot, n * sizeof(int32_t))
    memcpy(run.compartments.v + first, <const int32_t*>samples.start_v + from_slot, n * sizeof(int32_t))
    for slot in range(n):
        run.compartments.counter[first + slot] = <uint8_t>counter[slot]
        run.compartments.fired[first + slot] = 0
    begin_sums(run, worker, start)
    begin_blocks(run, worker)


cdef inline void begin_sums(Run* run, Worker* worker, int64_t start) noexcept nogil:
    """Sets the sums of the worker's parts to what is due at the start."""
    cdef Samples* samples = &run.samples
    cdef int64_t n_parts = worker.end_part - worker.first_part, part, delay, slot, n
    cdef const int32_t* pending
    cdef uint16_t* sums
    memset(
        row_of(&run.sums, worker.first_part, 0), 0,
        n_parts * run.sums.n_rows * run.sums.width * sizeof(uint16_t),
    )
    if samples.start_pending == NULL:
        return
    for part in range(worker.first_part, worker.end_part):
        n = run.part_slot[part + 1] - run.part_slot[part]
        for delay in range(run.n_delays):
            sums = row_of(&run.sums, part, delay)
            pending = <const int32_t*>samples.start_pending + (start * run.n_delays + delay) * run.n_slots
            pending += run.part_slot[part]
            for slot in range(n):
                sums[slot] = <uint16_t>((pending[slot] >> run.compartments.shift) & 0xffff)


cdef inline void begin_blocks(Run* run, Worker* worker) noexcept nogil:
    """Whatever the registers hold, the first update of a sample looks at all of them."""
    cdef int64_t i, slot
    cdef int32_t stretch = -1
    cdef Block* block
    for i in range(worker.first_block, worker.end_block):
        block = &run.blocks[i]
        block.quiet = 0
        if block.stretch != stretch:
            stretch = block.stretch
            run.lean[stretch] = run.crossing == NULL and run.stretches[stretch].refractory == 1
        for slot in range(block.start, block.start + block.n):
            if run.compartments.counter[slot]:
                run.lean[stretch] = 0


cdef inline void begin_wide(Run* run, int64_t start) noexcept nogil:
    cdef Samples* samples = &run.samples
    cdef WideCompartments* c = &run.wide_compartments
    cdef int64_t slot, width = run.wide_rows.width, i
    memcpy(c.u, <const int64_t*>samples.start_u + start * run.n_slots, run.n_slots * sizeof(int64_t))
    memcpy(c.v, <const int64_t*>samples.start_v + start * run.n_slots, run.n_slots * sizeof(int64_t))
    for slot in range(run.n_slots):
        c.counter[slot] = <uint8_t>samples.start_counter[start * run.n_slots + slot]
    memset(run.wide_rows.sums, 0, run.wide_rows.n_rows * width * sizeof(int64_t))
    if samples.start_pending != NULL:
        memcpy(
            run.wide_rows.sums, <const int64_t*>samples.start_pending + start * run.n_delays * width,
            run.n_delays * width * sizeof(int64_t),
        )
        for i in range(run.n_delays):  # plane 0 is shown in the unit of u
            for slot in range(run.n_slots):
                run.wide_rows.sums[i * width + slot] >>= 6


cdef inline void end_sample(Run* run, Worker* worker) noexcept nogil:
    """Keeps the worker's registers and sums as the sample leaves them."""
    cdef Samples* samples = &run.samples
    cdef int64_t sample = worker.row // samples.n_ticks - 1
    cdef int64_t first = worker.first_slot, n = worker.end_slot - worker.first_slot, slot, part
    cdef int64_t to_slot = sample * run.n_slots + first
    if run.crossbars.n_cores:
        end_cores(
            &run.crossbars, &worker.cores, <uint8_t*>samples.end_v + sample * run.n_slots * (8 if run.wide else 4),
            <uint8_t*>samples.end_pending + sample * run.n_delays * run.n_axons, run.n_delays, run.n_axons,
        )
        return
    if run.wide:
        end_wide(run, worker.row_of_sums, sample)
        return
    memcpy(<int32_t*>samples.end_u + to_slot, run.compartments.u + first, n * sizeof(int32_t))
    memcpy(<int32_t*>samples.end_v + to_slot, run.compartments.v + first, n * sizeof(int32_t))
    for slot in range(n):
        samples.end_counter[to_slot + slot] = run.compartments.counter[first + slot]
    for part in range(worker.first_part, worker.end_part):
        end_sums(run, worker.row_of_sums, sample, part)


cdef inline void end_sums(Run* run, int64_t row_of_sums, int64_t sample, int64_t part) noexcept nogil:
    cdef const Sums* sums = &run.sums
    cdef int64_t n = run.part_slot[part + 1] - run.part_slot[part], slot, delay
    cdef int32_t* pending
    cdef uint16_t* due
    for delay in range(run.n_delays):
        due = row_of(sums, part, (row_of_sums + delay) % sums.n_rows)
        pending = <int32_t*>run.samples.end_pending + (sample * run.n_delays + delay) * run.n_slots
        pending += run.part_slot[part]
        for slot in range(n):
            pending[slot] = input_of(due[slot], run.compartments.shift)


cdef inline void end_wide(Run* run, int64_t row_of_sums, int64_t sample) noexcept nogil:
    cdef Samples* samples = &run.samples
    cdef WideCompartments* c = &run.wide_compartments
    cdef int64_t slot, delay, width = run.wide_rows.width
    cdef int64_t* pending
    memcpy(<int64_t*>samples.end_u + sample * run.n_slots, c.u, run.n_slots * sizeof(int64_t))
    memcpy(<int64_t*>samples.end_v + sample * run.n_slots, c.v, run.n_slots * sizeof(int64_t))
    for slot in range(run.n_slots):
        samples.end_counter[sample * run.n_slots + slot] = c.counter[slot]
    for delay in range(run.n_delays):
        pending = <int64_t*>samples.end_pending + (sample * run.n_delays + delay) * width
        memcpy(
            pending, run.wide_rows.sums + (row_of_sums + delay) % run.wide_rows.n_rows * width,
            width * sizeof(int64_t),
        )
        for slot in range(run.n_slots):
            pending[slot] = times64(pending[slot])


cdef inline int64_t probed_row(const Run* run, int64_t probe, int64_t row) noexcept nogil:
    """Row of a probe's output that a tick goes to, over all samples; -1: it does not ask for the tick."""
    cdef int64_t n_ticks = run.samples.n_ticks
    cdef int64_t at = run.probes.at[probe * n_ticks + row % n_ticks]
    return at if at < 0 else at + row // n_ticks * run.probes.n_probed[probe]


cdef inline bint is_own(const Worker* worker, int32_t slot) noexcept nogil:
    return worker.first_lane <= slot < worker.end_lane


cdef inline void remember_counters(Run* run, Worker* worker) noexcept nogil:
    """A raw voltage needs the refractory counter as it stood before the update."""
    cdef Probes* probes = &run.probes
    cdef const uint8_t* counter = run.wide_compartments.counter if run.wide else run.compartments.counter
    cdef int64_t probe, lane
    for probe in range(probes.n):
        if probes.variable[probe] == V_RAW and probed_row(run, probe, worker.row) >= 0:
            for lane in range(probes.lane_ptr[probe], probes.lane_ptr[probe + 1]):
                if is_own(worker, probes.slot[lane]):
                    probes.counter_before[lane] = counter[probes.slot[lane]]


cdef inline void read_probes(Run* run, Worker* worker) noexcept nogil:
    """Reads the lanes of the worker's slots whose probe asks for this tick."""
    cdef Probes* probes = &run.probes
    cdef int64_t probe, lane, at, value
    for probe in range(probes.n):
        at = probed_row(run, probe, worker.row)
        if at < 0:
            continue
        at *= probes.lane_ptr[probe + 1] - probes.lane_ptr[probe]
        for lane in range(probes.lane_ptr[probe], probes.lane_ptr[probe + 1]):
            if is_own(worker, probes.slot[lane]):
                value = value_of(run, probes.variable[probe], lane)
                if run.wide:
                    (<int64_t*>probes.output[probe])[at] = value
                else:
                    (<int32_t*>probes.output[probe])[at] = <int32_t>value
            at += 1


cdef inline int64_t value_of(const Run* run, int32_t variable, int64_t lane) noexcept nogil:
    """What a lane reads. Raw: while refractory the register holds the counter, as a compartment does that
    has just been set to 0; a soft reset leaves v where it is."""
    cdef const Configuration* each = &run.each
    cdef int32_t slot = run.probes.slot[lane]
    cdef bint fired
    if run.crossbars.n_cores:
        return potential(&run.crossbars, slot)
    if variable == U:
        return run.wide_compartments.u[slot] if run.wide else run.compartments.u[slot]
    if variable == V_RAW and not each.soft[slot]:
        fired = run.wide_compartments.fired[slot] if run.wide else run.compartments.fired[slot]
        if fired:
            return 128 * each.refractory[slot]
        if run.probes.counter_before[lane] > 0:
            return 128 * <int64_t>run.probes.counter_before[lane]
    return run.wide_compartments.v[slot] if run.wide else run.compartments.v[slot]
