# How a sample begins and ends: registers and sums of a worker's cores, set and kept.
from emulator._ext.arith cimport input_of, times64
from emulator._ext.core cimport Sums, row_of
from emulator._ext.crossbar_tick cimport begin_cores, end_cores
from emulator._ext.run_state cimport Block, Run, Samples, Worker
from emulator._ext.wide cimport WideCompartments
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset


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
