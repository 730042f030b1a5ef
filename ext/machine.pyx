"""A chip running an image, tick by tick, without the GIL. Twin of emulator/reference/machine.py.

What fires does not depend on the mesh, so a tick is first run as function (update, then add the synapses of
every spike to the sums to come); with timing on, the same spikes then cross the mesh for their instants.
Counts of a spike's packets are known from its routes: they are summed up per sender, not per event.
"""

from emulator._ext.arrays cimport address
from emulator._ext.core cimport BLOCK, Compartments, Configuration, Stretch
from emulator._ext.crossbar cimport crossbar_best
from emulator._ext.crossbar_setup cimport bind_cores, bind_crossbars, free_crossbars, free_outboxes
from emulator._ext.crossing cimport Crossing
from emulator._ext.generator cimport Generators
from emulator._ext.losses cimport Losses
from emulator._ext.mesh cimport list_waits
from emulator._ext.mesh_setup cimport allocate, release, reset, set_queue, wire
from emulator._ext.mesh_state cimport (
    BY_TABLE, FIRST_SOURCE, KIND_BORDER_EW, KIND_BORDER_NS, KIND_EJECT, KIND_EW, KIND_NS, Goal, GrantLog,
    Mesh,
)
from emulator._ext.run_state cimport (
    ACTIVE, BARRIER, FIRST_SENT, INACTIVE, N_EVENTS, N_SENT, NO_MEMORY, NO_THREAD, OK, SPIKES, Block, Run, Worker,
)
from emulator._ext.team cimport Thread, build, dismantle, join_thread, start_thread
from emulator._ext.tick cimport work
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

cimport numpy
import numpy as np

numpy.import_array()

# Columns of the count tables; the same order as emulator/chip/events.py, checked by engine/native.py.
EVENT_COLUMNS = {
    "spikes": SPIKES, "transmitted": FIRST_SENT, "synaptic_ops_sparse": FIRST_SENT + N_SENT - 1,
    "update_inactive": INACTIVE, "update_active": ACTIVE, "barrier": BARRIER,
}

# Ways to update crossbar cores, the best that this processor has last: see crossbar_kernel.h.
CROSSBAR_LEVELS = crossbar_best() + 1

# Fields of a stretch in the order that `Machine` takes them, see core.pxd.
STRETCH_FIELDS = (
    "start", "end", "uniform", "same_bias", "keep_u", "keep_v", "bias", "threshold", "vmin", "vmax",
    "refractory", "soft",
)


cdef struct Task:
    Run* run
    Worker* worker
    int32_t status


cdef void* work_on(void* argument) noexcept nogil:
    cdef Task* task = <Task*>argument
    task.status = work(task.run, task.worker)
    return NULL


cdef class Machine:
    """One run. Arrays are taken as checked: engine/native.py builds them from an image that passed its check."""

    cdef dict arrays  # keeps what the pointers of `run` point into
    cdef Run run
    cdef Crossing crossing
    cdef GrantLog log
    cdef Stretch* stretches
    cdef int64_t n_stretches, row

    def __cinit__(self):
        memset(&self.run, 0, sizeof(Run))
        memset(&self.crossing, 0, sizeof(Crossing))
        memset(&self.log, 0, sizeof(GrantLog))
        self.stretches = NULL

    def __dealloc__(self):
        cdef int64_t i
        if self.run.workers != NULL:
            for i in range(self.run.n_workers):
                free(self.run.workers[i].fired[0])
                free(self.run.workers[i].fired[1])
                free(self.run.workers[i].spikes)
                free(self.run.workers[i].n_of_row)
                free_outboxes(&self.run, &self.run.workers[i])
        if self.run.barrier.n:
            dismantle(&self.run.barrier)
        free(self.run.workers)
        free(self.run.blocks)
        free(self.run.lean)
        free_crossbars(&self.run.crossbars)
        free(self.run.probes.counter_before)
        free(self.stretches)
        free(self.crossing.fired)
        free(self.crossing.goals)
        free(self.crossing.goal)
        free(self.crossing.gap_ps)
        free(self.crossing.packet_service_ps)
        free(self.crossing.lost_at)
        free(self.log.rows)
        free(self.crossing.past)
        free(self.crossing.mesh.push_ps)
        free(self.crossing.mesh.arrive_ps)
        release(&self.crossing.mesh)

    def __init__(self, dict arrays, dict settings):
        """arrays: contiguous, of the dtypes of the structs' fields; settings: integers, see engine/native.py."""
        self.arrays = arrays
        cdef Run* run = &self.run
        run.wide = settings["wide"]
        run.n_slots = settings["n_slots"]
        run.n_delays = settings["n_delays"]
        if settings["crossbars"]:
            bind_crossbars(run, self.arrays, settings)
        elif run.wide:
            self._bind_wide(settings["policy"])
        else:
            self._bind_narrow(settings)
        self._bind_run(settings["n_ticks"])
        self._bind_generators(settings)
        if "risky_entry" in arrays:
            self._bind_losses(settings["first_tick"])
        self._bind_workers()
        if settings["timed"]:
            self._build_mesh(settings)

    cdef size_t _address(self, str name, str dtype) except? 0:
        return address(self.arrays, name, dtype)

    cdef int _bind_narrow(self, dict settings) except -1:
        cdef Run* run = &self.run
        cdef Compartments* c = &run.compartments
        self._bind_configuration()
        c.u = <int32_t*>self._address("u", "int32")
        c.v = <int32_t*>self._address("v", "int32")
        c.counter = <uint8_t*>self._address("counter", "uint8")
        c.active = <uint8_t*>self._address("active", "uint8")
        c.fired = <uint8_t*>self._address("fired", "uint8")
        c.shift = settings["shift"]
        self._bind_stretches()
        self._bind_blocks()
        run.rows.bytes = <const uint8_t*>self._address("rows", "uint8")
        run.rows.row_ptr = <const int64_t*>self._address("row_ptr", "int64")
        run.rows.n_senders = settings["n_senders"]
        run.rows.weight_bytes = settings["weight_bytes"]
        run.rows.target_bytes = settings["target_bytes"]
        run.sums.values = <uint16_t*>self._address("sums", "uint16")
        _, run.sums.n_rows, run.sums.width = self.arrays["sums"].shape
        run.sums.wraps = settings["wraps"]
        return 0

    cdef int _bind_configuration(self) except -1:
        """Where the values of all compartments are; what is absent is in the stretches alone."""
        cdef Configuration* each = &self.run.each
        each.bias = <const int32_t*>self._address("bias", "int32")
        each.soft = <const int32_t*>self._address("soft", "int32")
        each.refractory = <const int32_t*>self._address("refractory", "int32")
        if "keep_u" in self.arrays:
            each.keep_u = <const int32_t*>self._address("keep_u", "int32")
            each.keep_v = <const int32_t*>self._address("keep_v", "int32")
            each.threshold = <const int32_t*>self._address("threshold", "int32")
            each.vmin = <const int32_t*>self._address("vmin", "int32")
            each.vmax = <const int32_t*>self._address("vmax", "int32")
        return 0

    cdef int _bind_stretches(self) except -1:
        """Stretches as rows of STRETCH_FIELDS."""
        cdef const int32_t[:, ::1] table = self.arrays["stretches"]
        cdef int64_t i
        cdef Stretch* s
        assert table.shape[1] == len(STRETCH_FIELDS)
        self.n_stretches = table.shape[0]
        self.stretches = <Stretch*>malloc((self.n_stretches + 1) * sizeof(Stretch))
        self.run.lean = <uint8_t*>calloc(self.n_stretches + 1, 1)
        if self.stretches == NULL or self.run.lean == NULL:
            raise MemoryError("native engine: compartments")
        for i in range(self.n_stretches):
            s = &self.stretches[i]
            s.start, s.end, s.uniform, s.same_bias = table[i, 0], table[i, 1], table[i, 2], table[i, 3]
            s.keep_u, s.keep_v, s.bias, s.threshold = table[i, 4], table[i, 5], table[i, 6], table[i, 7]
            s.vmin, s.vmax, s.refractory, s.soft = table[i, 8], table[i, 9], table[i, 10], table[i, 11]
        self.run.stretches = self.stretches
        self.run.n_active = <int64_t*>self._address("n_active", "int64")
        return 0

    cdef int _bind_blocks(self) except -1:
        """Cuts stretches at the borders of parts, and then every BLOCK compartments."""
        cdef const int64_t[::1] part_slot = self.arrays["part_slot"]
        cdef int64_t n_parts = part_slot.shape[0] - 1, part = 0, n_blocks = 0, i, start, end
        cdef Block* block
        self.run.part_slot = &part_slot[0]
        self.run.blocks = <Block*>calloc(
            self.run.n_slots // BLOCK + self.n_stretches + n_parts + 1, sizeof(Block)
        )
        if self.run.blocks == NULL:
            raise MemoryError("native engine: compartments")
        for i in range(self.n_stretches):
            start = self.stretches[i].start
            while start < self.stretches[i].end:
                while part_slot[part + 1] <= start:
                    part += 1
                end = min(start + BLOCK, self.stretches[i].end, part_slot[part + 1])
                block = &self.run.blocks[n_blocks]
                block.start, block.n, block.stretch = <int32_t>start, <int32_t>(end - start), <int32_t>i
                block.part = <int32_t>part
                n_blocks += 1
                start = end
        return 0

    cdef int _bind_wide(self, int policy) except -1:
        cdef Run* run = &self.run
        self._bind_configuration()
        run.wide_compartments.n_slots = run.n_slots
        run.wide_compartments.policy = policy
        run.wide_compartments.u = <int64_t*>self._address("u", "int64")
        run.wide_compartments.v = <int64_t*>self._address("v", "int64")
        run.wide_compartments.counter = <uint8_t*>self._address("counter", "uint8")
        run.wide_compartments.active = <uint8_t*>self._address("active", "uint8")
        run.wide_compartments.fired = <uint8_t*>self._address("fired", "uint8")
        run.wide_compartments.plane_shift = <const int64_t*>self._address("plane_shift", "int64")
        run.wide_compartments.n_planes = len(self.arrays["plane_shift"])
        run.wide_active = <int64_t*>self._address("n_active", "int64")
        run.wide_rows.row_ptr = <const int64_t*>self._address("row_ptr", "int64")
        run.wide_rows.place = <const int64_t*>self._address("place", "int64")
        run.wide_rows.weight = <const int32_t*>self._address("weight", "int32")
        run.wide_rows.delay = <const uint8_t*>self._address("delay", "uint8")
        run.wide_rows.sums = <int64_t*>self._address("sums", "int64")
        run.wide_rows.n_rows = run.n_delays + 1
        run.wide_rows.width = run.n_slots * run.wide_compartments.n_planes
        return 0

    cdef int _bind_run(self, int64_t n_ticks) except -1:
        """Senders, samples and probes."""
        cdef Run* run = &self.run
        cdef str of_state = "int64" if run.wide else "int32"
        cdef str of_pending = "uint8" if run.crossbars.n_cores else of_state
        run.counts = <int64_t*>self._address("counts", "int64")
        run.senders.sent = <const int64_t*>self._address("sent", "int64")
        run.senders.n_spikes = <int64_t*>self._address("n_spikes", "int64")
        if self.arrays["slot_recorded"].any():
            run.senders.recorded = <const uint8_t*>self._address("slot_recorded", "uint8")
        run.senders.event_ptr = <const int64_t*>self._address("event_ptr", "int64")
        run.senders.event_sender = <const int32_t*>self._address("event_sender", "int32")
        run.samples.n_ticks = n_ticks
        run.samples.n_starts = len(self.arrays["start_u"])
        run.samples.start_u = <const void*>self._address("start_u", of_state)
        run.samples.start_v = <const void*>self._address("start_v", of_state)
        run.samples.start_counter = <const int32_t*>self._address("start_counter", "int32")
        if "start_pending" in self.arrays:
            run.samples.start_pending = <const void*>self._address("start_pending", of_pending)
        run.samples.end_u = <void*>self._address("end_u", of_state)
        run.samples.end_v = <void*>self._address("end_v", of_state)
        run.samples.end_counter = <int32_t*>self._address("end_counter", "int32")
        run.samples.end_pending = <void*>self._address("end_pending", of_pending)
        run.probes.n = len(self.arrays["n_probed"])
        run.probes.lane_ptr = <const int64_t*>self._address("lane_ptr", "int64")
        run.probes.slot = <const int32_t*>self._address("lane_slot", "int32")
        run.probes.variable = <const int32_t*>self._address("probe_variable", "int32")
        run.probes.at = <const int64_t*>self._address("probe_at", "int64")
        run.probes.n_probed = <const int64_t*>self._address("n_probed", "int64")
        run.probes.output = <const int64_t*>self._address("probe_output", "int64")
        run.probes.counter_before = <uint8_t*>calloc(len(self.arrays["lane_slot"]) + 1, 1)
        if run.probes.counter_before == NULL:
            raise MemoryError("native engine: probes")
        return 0

    cdef int _bind_generators(self, dict settings) except -1:
        cdef Generators* g = &self.run.inputs.generators
        cdef int32_t[:, ::1] drawn = self.arrays["drawn"]
        cdef int64_t parity
        g.n_generators = len(self.arrays["generator_kind"])
        g.kind = <const int64_t*>self._address("generator_kind", "int64")
        g.first_input = <const int64_t*>self._address("generator_first_input", "int64")
        g.n_inputs = <const int64_t*>self._address("generator_n_inputs", "int64")
        g.stream = <const int64_t*>self._address("generator_stream", "int64")
        g.n_rows = <const int64_t*>self._address("generator_n_rows", "int64")
        g.width = <const int64_t*>self._address("generator_width", "int64")
        g.table_ptr = <const int64_t*>self._address("generator_table_ptr", "int64")
        g.values = <const int64_t*>self._address("generator_values", "int64")
        g.seed, g.first_tick = settings["seed"], settings["first_tick"]
        if g.n_generators:
            for parity in range(2):
                self.run.inputs.drawn[parity] = &drawn[parity, 0]
        return 0

    cdef int _bind_losses(self, int64_t first_tick) except -1:
        cdef Losses* losses = &self.run.losses
        losses.n_risky = len(self.arrays["risky_entry"])
        losses.n_senders = len(self.arrays["n_packets"])
        losses.n_counts = N_SENT
        assert self.arrays["link_undo"].shape[1] == N_SENT
        losses.risky_ptr = <const int64_t*>self._address("risky_ptr", "int64")
        losses.risky_entry = <const int64_t*>self._address("risky_entry", "int64")
        losses.risky_place = <const int64_t*>self._address("risky_place", "int64")
        losses.n_packets = <const int64_t*>self._address("n_packets", "int64")
        losses.core_of_sender = <const int32_t*>self._address("core_of_sender", "int32")
        losses.link_ptr = <const int64_t*>self._address("link_ptr", "int64")
        losses.key = <const uint32_t*>self._address("link_key", "uint32")
        losses.threshold = <const int64_t*>self._address("link_threshold", "int64")
        losses.undo = <const int64_t*>self._address("link_undo", "int64")
        losses.n_lost = <int64_t*>self._address("n_lost", "int64")
        losses.survivors = <int32_t*>self._address("survivors", "int32")
        losses.lost_by = <int64_t*>self._address("lost_by", "int64")
        losses.first_tick = first_tick
        return 0

    cdef int _bind_workers(self) except -1:
        """Their shares of the slots, and of what was made of these."""
        cdef const int64_t[::1] shares = self.arrays["shares"]
        cdef const int64_t[::1] part_ptr
        cdef int64_t i, block = 0
        cdef Worker* worker
        cdef bint crossbars = self.run.crossbars.n_cores > 0
        if not self.run.wide and not crossbars:
            part_ptr = self.arrays["part_ptr"]
        self.run.n_workers = shares.shape[0] - 1
        if build(&self.run.barrier, <int>self.run.n_workers):
            raise MemoryError("native engine: barrier")
        self.run.workers = <Worker*>calloc(self.run.n_workers, sizeof(Worker))
        if self.run.workers == NULL:
            raise MemoryError("native engine: workers")
        for i in range(self.run.n_workers):
            worker = &self.run.workers[i]
            worker.first_slot, worker.end_slot = shares[i], shares[i + 1]
            worker.first_block = block
            worker.first_lane, worker.end_lane = shares[i], shares[i + 1]
            if crossbars:
                bind_cores(&self.run, worker, self.arrays["core_shares"], i)
            elif not self.run.wide:
                worker.first_part, worker.end_part = part_ptr[i], part_ptr[i + 1]
                worker.first_row = i * self.run.rows.n_senders
                while self.run.blocks[block].n and self.run.blocks[block].start < worker.end_slot:
                    block += 1
            worker.end_block = block
            worker.n_room = 1024
            worker.spikes = <int32_t*>malloc(worker.n_room * sizeof(int32_t))
            worker.n_of_row = <int32_t*>calloc(len(self.arrays["counts"]) + 1, sizeof(int32_t))
            worker.fired[0] = <int32_t*>malloc((worker.end_slot - worker.first_slot + 1) * sizeof(int32_t))
            worker.fired[1] = <int32_t*>malloc((worker.end_slot - worker.first_slot + 1) * sizeof(int32_t))
            if (
                worker.spikes == NULL or worker.n_of_row == NULL or worker.fired[0] == NULL
                or worker.fired[1] == NULL
            ):
                raise MemoryError("native engine: spike buffers")
        return 0

    cdef int _build_mesh(self, dict settings) except -1:
        cdef Crossing* c = &self.crossing
        cdef Mesh* mesh = &c.mesh
        c.n_cores, c.n_slots = settings["n_cores"], self.run.n_slots
        c.done_ps = <int64_t*>self._address("done_ps", "int64")
        c.slot_ptr = <const int64_t*>self._address("slot_ptr", "int64")
        c.active = self.run.wide_compartments.active if self.run.wide else self.run.compartments.active
        if self.run.crossbars.n_cores:
            c.active, c.start_ps = self.run.crossbars.active_flags, self.run.crossbars.start_ps
        c.entry_ptr = <const int64_t*>self._address("entry_ptr", "int64")
        c.entry_core = <const int32_t*>self._address("entry_core", "int32")
        if len(self.arrays["drops"]):
            c.drops = <const uint8_t*>self._address("drops", "uint8")
        c.service_ps = <const int64_t*>self._address("service_ps", "int64")
        c.active_ps, c.inactive_ps = settings["active_ps"], settings["inactive_ps"]
        c.spike_ps, c.send_ps = settings["spike_ps"], settings["send_ps"]
        mesh.width, mesh.height, mesh.n_ports = settings["width"], settings["height"], settings["n_ports"]
        mesh.n_routers = mesh.width * mesh.height
        mesh.chip_width, mesh.chip_height = settings["chip_width"], settings["chip_height"]
        mesh.merge = settings["merge"]
        mesh.arbiter, mesh.port_of_all, mesh.routing = settings["arbiter"], -1, settings["routing"]
        if mesh.routing == BY_TABLE:
            mesh.next_side = <const int8_t*>self._address("next_side", "int8")
        if settings["traced"]:
            mesh.log = &self.log
        if self.run.losses.n_risky:
            c.losses, c.lossy_link = &self.run.losses, <const int64_t*>self._address("link", "int64")
        if "tree_entry" in self.arrays:
            c.tree_entry = <const int32_t*>self._address("tree_entry", "int32")
        mesh.fifo_depth, mesh.intake_depth = settings["fifo_depth"], settings["intake_depth"]
        mesh.inject_ps, mesh.cycle_ps, mesh.credit_ps = (
            settings["inject_ps"], settings["cycle_ps"], settings["credit_ps"]
        )
        self._set_hop(KIND_EW, settings["hop_ew_ps"], settings["cycle_ps"])
        self._set_hop(KIND_NS, settings["hop_ns_ps"], settings["cycle_ps"])
        self._set_hop(KIND_BORDER_EW, settings["border_hop_ew_ps"], settings["border_cycle_ps"])
        self._set_hop(KIND_BORDER_NS, settings["border_hop_ns_ps"], settings["border_cycle_ps"])
        self._set_hop(KIND_EJECT, settings["eject_ps"], settings["cycle_ps"])
        mesh.n_cores, mesh.n_sources = c.n_cores, c.n_cores + 1
        c.fired = <int32_t*>malloc((self.run.n_slots + 1) * sizeof(int32_t))
        if c.fired == NULL or self._allocate_packets() or allocate(mesh):
            raise MemoryError("native engine: mesh buffers")
        wire(mesh)
        reset(mesh)
        set_queue(mesh, settings["heap_only"], settings["bin_ps"], settings["shuffle"])
        self._attach(settings)
        self.run.crossing = c
        return 0

    cdef void _set_hop(self, int32_t kind, int64_t latency_ps, int64_t cycle_ps) noexcept:
        self.crossing.mesh.hops[kind].latency_ps = latency_ps
        self.crossing.mesh.hops[kind].cycle_ps = cycle_ps

    cdef int _allocate_packets(self) noexcept:
        """Room for the packets of a tick in which every sender spikes. Returns -1 when memory is short."""
        cdef Crossing* c = &self.crossing
        cdef int64_t n = len(self.arrays["entry_core"]) + 1
        c.goals = <Goal*>calloc(c.n_cores + 1, sizeof(Goal))
        c.goal = <int32_t*>malloc(n * sizeof(int32_t))
        c.gap_ps = <int64_t*>malloc(n * sizeof(int64_t))
        c.packet_service_ps = <int64_t*>malloc(n * sizeof(int64_t))
        c.mesh.push_ps = <int64_t*>malloc(n * sizeof(int64_t))
        c.mesh.arrive_ps = <int64_t*>malloc(n * sizeof(int64_t))
        if c.losses != NULL:
            c.mesh.lost_at = c.lost_at = <int32_t*>malloc(n * sizeof(int32_t))
            if c.lost_at == NULL:
                return -1
        if c.tree_entry != NULL:
            c.mesh.past = c.past = <int32_t*>malloc(n * sizeof(int32_t))
            if c.past == NULL:
                return -1
        c.mesh.goals, c.mesh.goal = c.goals, c.goal
        c.mesh.gap_ps, c.mesh.service_ps = c.gap_ps, c.packet_service_ps
        if (
            c.goals == NULL or c.goal == NULL or c.gap_ps == NULL or c.packet_service_ps == NULL
            or c.mesh.push_ps == NULL or c.mesh.arrive_ps == NULL
        ):
            return -1
        return 0

    cdef int _attach(self, dict settings) except -1:
        """Lets cores and the host feed their ports, and packets find them."""
        cdef Mesh* mesh = &self.crossing.mesh
        cdef const int32_t[::1] x = self.arrays["core_x"], y = self.arrays["core_y"]
        cdef const int32_t[::1] ports = self.arrays["core_port"]
        cdef int64_t n_cores = self.crossing.n_cores, source
        cdef int32_t fifo
        cdef Goal* goal
        for source in range(n_cores + 1):
            goal = &self.crossing.goals[source]
            if source < n_cores:
                goal.x, goal.y, goal.port = <int16_t>x[source], <int16_t>y[source], ports[source]
            else:
                goal.x, goal.y, goal.port = settings["host_x"], settings["host_y"], settings["host_port"]
            fifo = (goal.y * mesh.width + goal.x) * mesh.n_ports + goal.port
            mesh.sources[source].fifo = fifo
            mesh.ports[fifo].partner = <int32_t>(FIRST_SOURCE - source)
        return 0

    def advance(self, int64_t n_rows):
        """Runs the next `n_rows` rows.

        Returns (status, row): 0, or 1 out of memory, 2 deadlock, 3 a value that fits no register, 4 no
        thread to be had; in that row.
        """
        cdef Run* run = &self.run
        cdef int64_t n = run.n_workers, i, started = 1
        cdef Thread* threads = <Thread*>calloc(n, sizeof(Thread))
        cdef Task* tasks = <Task*>calloc(n, sizeof(Task))
        cdef int32_t status = OK
        if threads == NULL or tasks == NULL:
            free(threads)
            free(tasks)
            return NO_MEMORY, self.row
        run.end_row = self.row + n_rows
        with nogil:
            for i in range(n):
                tasks[i].run, tasks[i].worker = run, &run.workers[i]
            while started < n and start_thread(&threads[started], NULL, work_on, &tasks[started]) == 0:
                started += 1
            if started < n:
                # Those that were started wait for the others at the first meeting: they are let through it.
                status = NO_THREAD
                run.failed[0] = run.failed[1] = NO_THREAD
                run.barrier.n = <int>started
            work_on(&tasks[0])
            for i in range(1, started):
                join_thread(threads[i], NULL)
            for i in range(started):
                if tasks[i].status > status:
                    status = tasks[i].status
        self.row = run.workers[0].row
        free(threads)
        free(tasks)
        return status, self.row

    def overflow(self):
        """(slot, register 0 q, 1 u, 2 x, 3 v, value) of status 3."""
        return self.run.overflow.slot, self.run.overflow.register, self.run.overflow.value

    def recorded_spikes(self):
        """int64 [n_spikes, 2]: row, slot; sorted."""
        cdef Run* run = &self.run
        cdef int64_t i, j, n = 0, row
        cdef const int32_t** next_slot = <const int32_t**>calloc(run.n_workers, sizeof(int32_t*))
        if next_slot == NULL:
            raise MemoryError("native engine: spikes")
        for i in range(run.n_workers):
            n += run.workers[i].n_recorded
            next_slot[i] = run.workers[i].spikes
        try:
            spikes = np.empty((n, 2), dtype=np.int64)
        except MemoryError:
            free(next_slot)
            raise
        cdef int64_t[:, ::1] view = spikes
        n = 0
        with nogil:
            for row in range(self.row):
                for i in range(run.n_workers):  # the slots of the next are higher
                    for j in range(run.workers[i].n_of_row[row]):
                        view[n, 0], view[n, 1] = row, next_slot[i][j]
                        n += 1
                    next_slot[i] += run.workers[i].n_of_row[row]
        free(next_slot)
        return spikes

    def sent_packets(self):
        """Of the row run last: senders that sent packets (slots that fired, then the host's), int32 [n], and
        push_ps, arrive_ps (0: lost) of their packets, int64, sender by sender in the order of their entries, with
        multicast in that of its tree, without those that are dropped; and int64 [n_grants, 4] packet, port (tile *
        ports per router + port), ps and the packet behind the last that takes part (with multicast several do)
        of every grant, in any order."""
        cdef Crossing* c = &self.crossing
        cdef int64_t i, n_senders = c.n_fired + c.n_inputs
        cdef int64_t n_packets = c.mesh.sources[c.n_cores].end_packet
        senders = np.empty(n_senders, dtype=np.int32)
        cdef int32_t[::1] sender_view = senders
        for i in range(n_senders):
            sender_view[i] = c.fired[i] if i < c.n_fired else c.inputs[i - c.n_fired]
        push_ps, arrive_ps = np.empty(n_packets, dtype=np.int64), np.empty(n_packets, dtype=np.int64)
        cdef int64_t[::1] push_view = push_ps
        cdef int64_t[::1] arrive_view = arrive_ps
        for i in range(n_packets):
            push_view[i] = c.mesh.push_ps[i]
            arrive_view[i] = c.mesh.arrive_ps[i]
        grants = np.empty((self.log.n, 4), dtype=np.int64)
        cdef int64_t[:, ::1] grant_view = grants
        if self.log.n:
            memcpy(&grant_view[0, 0], self.log.rows, self.log.n * 4 * sizeof(int64_t))
        return senders, push_ps, arrive_ps, grants

    def mesh_waits(self, int64_t[:, ::1] waits_for):
        """Of status 2: fills [n_tiles, n_ports], see mesh.pxd, and returns the packets in flight."""
        cdef Mesh* mesh = &self.crossing.mesh
        if waits_for.shape[0] != mesh.n_routers or waits_for.shape[1] != mesh.n_ports:
            raise ValueError("mesh_waits: one value per input FIFO")
        list_waits(mesh, &waits_for[0, 0])
        return mesh.in_flight

    def mesh_extremes(self, int64_t[::1] stall_ps, int64_t[:, ::1] occupancy_max, int64_t[::1] intake_max):
        """Fills stall_ps [n_cores + 1], occupancy_max [n_tiles, n_ports] and intake_max [n_cores]."""
        cdef Mesh* mesh = &self.crossing.mesh
        cdef int64_t n_cores = self.crossing.n_cores, i, port
        if (
            stall_ps.shape[0] != n_cores + 1 or intake_max.shape[0] != n_cores
            or occupancy_max.shape[0] != mesh.n_routers or occupancy_max.shape[1] != mesh.n_ports
        ):
            raise ValueError("mesh_extremes: arrays of inconsistent shape")
        for i in range(n_cores + 1):
            stall_ps[i] = mesh.sources[i].stall_ps
        for i in range(n_cores):
            intake_max[i] = mesh.intakes[i].occupancy_max
        for i in range(mesh.n_routers):
            for port in range(mesh.n_ports):
                occupancy_max[i, port] = mesh.ports[i * mesh.n_ports + port].occupancy_max
