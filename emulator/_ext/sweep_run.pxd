# The windows of a sweep, one after the other: what is kept of each, and how long the next one is.
from emulator._ext.mesh_state cimport MESH_DEADLOCK, MESH_OK, N_SIDES
from emulator._ext.sweep cimport (
    FAR_PS, MAX_DEPTH, N_CHANNELS, N_INPUTS, RING, SOURCE, WORD, Buffer, Slot, Sweep,
    __builtin_ctzll, output_of, prefetch, set_dirty, slot_of, sweep_window,
)
from libc.stdint cimport int32_t, int64_t, uint64_t

cdef enum:
    N_FACTS = 6

cdef enum:  # When the event loop is faster: benchmarks/bench_sweep.py measures these.
    FIRST_CYCLES = 16  # length of the first window
    PROBATION = 4  # windows, once their length has settled
    VISIT_COST = 4  # of computing a channel in a window, besides its grants, in grants
    COST_LIMIT = 2  # of the event loop, per grant that there is, in grants computed here
    SWEEP_GIVEN_UP = 3  # a Status


cdef struct Pace:
    bint starting  # lengths are doubled still
    int64_t patience  # windows to go before a longer one is tried
    int64_t window_computed  # of the sweep, before this window
    int64_t window_kept
    int64_t n_windows  # on probation
    int64_t n_visits  # of the sweep, before probation
    int64_t n_computed
    int64_t n_kept


cdef inline void restart_numbers(Sweep* sweep, int32_t buffer_id) noexcept nogil:
    """Lets an empty FIFO use the first slots of its ring again, which are likely to be in the cache."""
    cdef Buffer* buffer = &sweep.buffers[buffer_id]
    cdef Slot* ring = slot_of(sweep, buffer_id, 0)
    cdef int64_t grants_ps[MAX_DEPTH]
    cdef int32_t depth = sweep.depth
    cdef int32_t i
    if buffer.n_taken < 2 * depth:
        return
    for i in range(depth):
        grants_ps[i] = ring[(buffer.n_taken - depth + i) & (RING - 1)].grant_ps
    for i in range(depth):
        ring[i].grant_ps = grants_ps[i]
    buffer.n_before += buffer.n_taken - depth
    buffer.n_taken = buffer.n_kept = buffer.n_granted = buffer.n_visible = depth


cdef inline int64_t keep(Sweep* sweep, int32_t buffer_id) noexcept nogil:
    """Takes over what happened to a FIFO in this window; returns a lower bound of its next grant."""
    cdef Buffer* buffer = &sweep.buffers[buffer_id]
    cdef Slot* slot
    cdef int32_t port
    cdef int32_t number = buffer.n_granted
    cdef int32_t n_visible = buffer.n_visible
    cdef int32_t occupancy = buffer.occupancy_max
    cdef uint64_t gone = 0
    cdef int64_t bound_ps, first_ps
    if buffer.port == N_SIDES:
        sweep.n_kept += buffer.n_taken - buffer.n_kept
    buffer.n_kept = buffer.n_taken
    while number < buffer.n_taken:
        slot = slot_of(sweep, buffer_id, number)
        if slot.grant_ps >= sweep.end_ps:
            break
        while n_visible < buffer.n_taken and slot_of(sweep, buffer_id, n_visible).arrive_ps <= slot.grant_ps:
            n_visible += 1
        occupancy = max(occupancy, n_visible - number)
        gone |= (<uint64_t>1) << (number & (RING - 1))
        number += 1
    sweep.n_kept += number - buffer.n_granted
    buffer.n_granted, buffer.n_visible, buffer.occupancy_max = number, n_visible, occupancy
    if gone:
        for port in range(N_INPUTS):
            sweep.channels[buffer.outputs + port].wanting[buffer.port] &= ~gone
    bound_ps = slot_of(sweep, buffer_id, number - 1).grant_ps
    sweep.last_ps = max(sweep.last_ps, bound_ps)
    if number == buffer.n_taken:
        restart_numbers(sweep, buffer_id)
        sweep.touched[buffer_id >> 6] &= ~((<uint64_t>1) << (buffer_id & (WORD - 1)))
        return FAR_PS
    sweep.last_ps = max(sweep.last_ps, slot_of(sweep, buffer_id, buffer.n_taken - 1).arrive_ps)
    bound_ps = max(sweep.end_ps, bound_ps + sweep.cycle_ps)
    first_ps = max(bound_ps, slot_of(sweep, buffer_id, number).arrive_ps)
    while number < buffer.n_taken:
        slot = slot_of(sweep, buffer_id, number)
        slot.grant_ps = max(bound_ps, slot.arrive_ps)
        bound_ps = slot.grant_ps + sweep.cycle_ps
        set_dirty(sweep, output_of(buffer, slot))
        number += 1
    return first_ps


cdef inline void ask_slots(Sweep* sweep, int32_t buffer_id) noexcept nogil:
    """Has the memory fetch the slots of a FIFO that this window has used."""
    cdef int32_t number = sweep.buffers[buffer_id].n_granted
    while number < sweep.buffers[buffer_id].n_taken:
        prefetch(slot_of(sweep, buffer_id, number))
        number += 2  # two share a cache line


cdef inline int64_t keep_window(Sweep* sweep) noexcept nogil:
    """Takes over what happened in a window; returns a lower bound of the next grant or push."""
    cdef int64_t start_ps = FAR_PS
    cdef int64_t word, i, place, wake_ps
    cdef int32_t router, buffer_id
    cdef Buffer* buffer
    cdef uint64_t bits
    for word in range(sweep.n_touched_words):
        bits = sweep.touched[word]
        while bits:
            buffer_id = <int32_t>(word * WORD + __builtin_ctzll(bits))
            bits &= bits - 1
            if bits:
                ask_slots(sweep, <int32_t>(word * WORD + __builtin_ctzll(bits)))
            start_ps = min(start_ps, keep(sweep, buffer_id))
    i = 0
    while i < sweep.n_live:
        router = sweep.live[i]
        buffer = &sweep.buffers[router * N_INPUTS + N_SIDES]
        place = sweep.source_ptr[router] + buffer.n_before + buffer.n_kept
        if place == sweep.source_ptr[router + 1]:
            sweep.n_live -= 1
            sweep.live[i] = sweep.live[sweep.n_live]
            continue
        wake_ps = slot_of(sweep, router * N_INPUTS + N_SIDES, buffer.n_kept - sweep.depth).grant_ps
        wake_ps = max(wake_ps + sweep.credit_ps, sweep.channels[router * N_CHANNELS + SOURCE].end_next_ps)
        sweep.wake_ps[i] = max(wake_ps, sweep.inject_ps[sweep.queue[place]] + sweep.origin_ps)
        start_ps = min(start_ps, sweep.wake_ps[i])
        i += 1
    return start_ps


cdef inline int64_t next_length(Pace* pace, Sweep* sweep, int64_t asked_ps, int64_t was_ps) noexcept nogil:
    """Length of the next window: longer ones cost less per grant until too much is computed twice."""
    cdef int64_t n_computed = sweep.n_computed - pace.window_computed
    cdef int64_t n_kept = sweep.n_kept - pace.window_kept
    pace.window_computed, pace.window_kept = sweep.n_computed, sweep.n_kept
    if was_ps < asked_ps:  # a ring was full
        pace.starting, pace.patience = False, 32
        return max(3 * was_ps // 4, 1)
    if n_computed > 2 * n_kept:
        pace.starting, pace.patience = False, 4
        return max(was_ps // 2, sweep.cycle_ps)
    if 2 * n_computed > 3 * n_kept:
        pace.starting = False
        return was_ps
    if pace.starting:
        return 2 * was_ps
    pace.patience -= 1
    return was_ps if pace.patience >= 0 else was_ps + max(was_ps // 4, 1)


cdef inline bint does_not_pay(Pace* pace, Sweep* sweep) noexcept nogil:
    """Whether the last windows cost more than the event loop would have. By counts: the same each time."""
    cdef int64_t cost
    if not pace.starting:
        pace.n_windows += 1
    if pace.n_windows < PROBATION:
        return False
    cost = sweep.n_computed - pace.n_computed + VISIT_COST * (sweep.n_visits - pace.n_visits)
    if cost > COST_LIMIT * (sweep.n_kept - pace.n_kept):
        return True
    pace.n_windows = 0
    pace.n_visits, pace.n_computed, pace.n_kept = sweep.n_visits, sweep.n_computed, sweep.n_kept
    return False


cdef inline int run_windows(Sweep* sweep) noexcept nogil:
    """Window after window until nothing is left. Returns a Status, or SWEEP_GIVEN_UP."""
    cdef int64_t start_ps = keep_window(sweep)
    cdef int64_t length_ps = FIRST_CYCLES * sweep.cycle_ps
    cdef int64_t i, n_sweeps, was_ps
    cdef Pace pace
    pace.starting, pace.patience, pace.n_windows = True, 0, 0
    pace.n_visits = pace.n_computed = pace.n_kept = pace.window_computed = pace.window_kept = 0
    while start_ps < FAR_PS:
        if start_ps > max(sweep.last_ps, sweep.last_inject_ps) + sweep.longest_ps:
            return MESH_DEADLOCK
        sweep.window += 1
        sweep.end_ps = start_ps + length_ps
        for i in range(sweep.n_live):
            if sweep.wake_ps[i] < sweep.end_ps:
                set_dirty(sweep, sweep.live[i] * N_CHANNELS + SOURCE)
        n_sweeps = sweep_window(sweep)
        sweep.facts[0] += 1
        sweep.facts[1] += n_sweeps == 1
        sweep.facts[2] += n_sweeps
        was_ps = sweep.end_ps - start_ps
        start_ps = keep_window(sweep)
        length_ps = next_length(&pace, sweep, length_ps, was_ps)
        sweep.facts[3], sweep.facts[4], sweep.facts[5] = sweep.n_visits, sweep.n_computed, sweep.n_kept
        if sweep.n_kept < sweep.give_up_until and does_not_pay(&pace, sweep):
            return SWEEP_GIVEN_UP
    return MESH_OK
