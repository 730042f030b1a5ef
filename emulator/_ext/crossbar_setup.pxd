# Crossbar cores of a run: the arrays they are in, and room for what they work on.
from emulator._ext.arrays cimport address
from emulator._ext.crossbar cimport (
    PLACES, TURN, WORDS, CrossbarLanes, Crossbars, CrossbarTypes, Neurons, Outbox, Target, crossbar_best,
    crossbar_room, crossbar_way_of,
)
from emulator._ext.run_state cimport Run, Worker
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc


cdef inline int bind_crossbars(Run* run, dict arrays, dict settings) except -1:
    """Lets a run know its cores. Raises MemoryError."""
    cdef Crossbars* c = &run.crossbars
    cdef int64_t n_cores = settings["n_cores"]
    c.slot_ptr = <const int64_t*>address(arrays, "slot_ptr", "int64")
    c.axon_ptr = <const int64_t*>address(arrays, "axon_ptr", "int64")
    c.types = <const CrossbarTypes*>address(arrays, "types", "uint64")
    c.rows = <const uint8_t*>address(arrays, "crossbar", "uint8")
    c.n_integrated = <uint32_t*>address(arrays, "n_integrated", "uint32")
    c.n_ops = <int64_t*>address(arrays, "n_ops", "int64")
    bind_neurons(&c.neurons, arrays)
    c.lanes = <const CrossbarLanes*>address(arrays, "lanes", "uint8")
    assert arrays["lanes"].size % sizeof(CrossbarLanes) == 0
    c.config = <const int32_t*>address(arrays, "lanes_of", "int32")
    c.kind = <const uint8_t*>address(arrays, "kind", "uint8")
    c.way = crossbar_way_of(min(settings["level"], crossbar_best()))
    c.wide, c.at_threshold = run.wide, settings["at_threshold"]
    if run.wide:
        c.v64 = <int64_t*>address(arrays, "v", "int64")
    else:
        c.v = <int32_t*>address(arrays, "v", "int32")
        c.v16 = <int16_t*>address(arrays, "v16", "int16")
    c.narrow = <uint8_t*>calloc(n_cores, 1)
    c.stretch_ptr = <const int64_t*>address(arrays, "stretch_ptr", "int64")
    c.stretch_mask = <const uint64_t*>address(arrays, "stretch_mask", "uint64")
    c.n_active = <int64_t*>address(arrays, "n_active", "int64")
    c.targets = <Target*>address(arrays, "targets", "uint8")
    assert arrays["targets"].size == run.n_slots * sizeof(Target)
    c.entry_ptr = <const int64_t*>address(arrays, "entry_ptr", "int64")
    c.entry_place = <const int32_t*>address(arrays, "entry_place", "int32")
    c.entry_delay = <const uint8_t*>address(arrays, "entry_delay", "uint8")
    c.owner = <const uint16_t*>address(arrays, "owner", "uint16")
    c.key = <const uint32_t*>address(arrays, "core_key", "uint32")
    c.first_tick, c.synapse_ps = settings["first_tick"], settings["synapse_ps"]
    c.due = <uint64_t*>crossbar_room(TURN * n_cores * WORDS * sizeof(uint64_t))
    c.active = <uint64_t*>calloc(n_cores * WORDS, sizeof(uint64_t))
    c.near = <uint8_t*>calloc(n_cores, 1)
    c.quiet = <uint8_t*>calloc(n_cores, 1)
    c.n_active_now = <int32_t*>calloc(n_cores, sizeof(int32_t))
    if (
        c.due == NULL or c.active == NULL or c.near == NULL or c.quiet == NULL or c.n_active_now == NULL
        or c.narrow == NULL
    ):
        raise MemoryError("native engine: cores")
    if settings["timed"]:
        c.active_flags = <uint8_t*>address(arrays, "active", "uint8")
        c.start_ps = <int64_t*>calloc(n_cores, sizeof(int64_t))
        if c.start_ps == NULL:
            raise MemoryError("native engine: cores")
    c.n_cores, run.n_axons = n_cores, settings["n_axons"]
    return 0


cdef inline int bind_neurons(Neurons* neurons, dict arrays) except -1:
    neurons.weight = <const int16_t*>address(arrays, "slot_weight", "int16")
    neurons.stochastic = <const uint8_t*>address(arrays, "slot_stochastic", "uint8")
    neurons.leak = <const int16_t*>address(arrays, "slot_leak", "int16")
    neurons.reversal = <const uint8_t*>address(arrays, "slot_reversal", "uint8")
    neurons.alpha = <const int32_t*>address(arrays, "slot_alpha", "int32")
    neurons.beta = <const int32_t*>address(arrays, "slot_beta", "int32")
    neurons.mask_bits = <const uint8_t*>address(arrays, "slot_mask_bits", "uint8")
    neurons.reset = <const int32_t*>address(arrays, "slot_reset", "int32")
    neurons.reset_mode = <const uint8_t*>address(arrays, "slot_reset_mode", "uint8")
    neurons.saturate = <const uint8_t*>address(arrays, "slot_saturate", "uint8")
    return 0


cdef inline int bind_cores(Run* run, Worker* worker, const int64_t[::1] core_shares, int64_t number) except -1:
    """Cores of a worker, and room for all its spikes on their way to each of the workers."""
    cdef int64_t parity, other, n_slots = worker.end_slot - worker.first_slot
    cdef Outbox* outbox
    worker.cores.number = number
    worker.cores.first_core, worker.cores.end_core = core_shares[number], core_shares[number + 1]
    worker.first_lane, worker.end_lane = PLACES * core_shares[number], PLACES * core_shares[number + 1]
    for parity in range(2):
        outbox = <Outbox*>calloc(run.n_workers, sizeof(Outbox))
        worker.cores.outbox[parity] = outbox
        if outbox == NULL:
            raise MemoryError("native engine: spike buffers")
        for other in range(run.n_workers):
            outbox[other].spike = <int32_t*>malloc((n_slots + 1) * sizeof(int32_t))
            if outbox[other].spike == NULL:
                raise MemoryError("native engine: spike buffers")
    return 0


cdef inline void free_outboxes(Run* run, Worker* worker) noexcept:
    cdef int64_t parity, other
    for parity in range(2):
        if worker.cores.outbox[parity] == NULL:
            continue
        for other in range(run.n_workers):
            free(worker.cores.outbox[parity][other].spike)
        free(worker.cores.outbox[parity])


cdef inline void free_crossbars(Crossbars* c) noexcept:
    free(c.due)
    free(c.active)
    free(c.near)
    free(c.quiet)
    free(c.n_active_now)
    free(c.narrow)
    free(c.start_ps)
