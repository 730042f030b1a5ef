"""A chip running an image, tick by tick, without the GIL. Twin of emulator/reference/machine.py.

What fires does not depend on the mesh, so a tick is first run as function (update, then walk the synapse
lists of every spike); with timing on, the same spikes then cross the mesh (`mesh.pxd`) for their instants.
Counts of a spike's packets are known from its routes: they are summed up per sender, not per event.
"""

from emulator._ext.core cimport Compartments, Synapses, expect_lists, expect_synapses, prefetch, receive, update
from emulator._ext.mesh cimport (
    FIRST_SOURCE, Mesh, Packet,
    allocate, release, reset, run_events, wire,
)
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import numpy as np

# Columns of the count tables; the same order as emulator/chip/events.py, checked by engine/native.py.
EVENT_COLUMNS = {
    "spikes": SPIKES, "transmitted": FIRST_SENT, "synaptic_ops_sparse": FIRST_SENT + N_SENT - 1,
    "update_inactive": INACTIVE, "update_active": ACTIVE, "barrier": BARRIER,
}

cdef enum:
    SPIKES = 0
    FIRST_SENT = 1  # transmitted .. synaptic_ops_sparse: what a sender's spike causes
    N_SENT = 12
    INACTIVE = 13
    ACTIVE = 14
    BARRIER = 15
    N_EVENTS = 16

cdef enum:
    OK = 0
    NO_MEMORY = 1  # further ones are those of mesh.pxd


cdef class Machine:
    """One run. Arrays are taken as checked: engine/native.py builds them from an image that passed its check."""

    cdef dict arrays  # keeps what the pointers below point into
    cdef Compartments compartments
    cdef Synapses synapses
    cdef Mesh mesh
    cdef int64_t n_slots, n_cores, n_ticks, row
    cdef const int64_t* slot_ptr  # [n_cores + 1]
    cdef const uint8_t* recorded  # [n_slots]
    cdef const int64_t* entry_ptr  # [n_senders + 1]
    cdef const int64_t* entry_axon  # [n_entries] numbered through; n_axons for the host port
    cdef const int32_t* entry_core  # [n_entries]
    cdef const int64_t* sent  # [n_senders, N_SENT] events that one spike causes
    cdef int64_t* n_spikes  # [n_senders]
    cdef const int64_t* event_ptr  # [n_rows + 1]
    cdef const int32_t* event_input
    cdef int64_t* counts  # [n_rows, N_EVENTS]
    cdef int64_t* tick_ps  # [n_rows]
    cdef bint timed
    # spikes of the present tick and of the run
    cdef int32_t* fired  # [n_slots]
    cdef int64_t n_fired
    cdef int64_t* spikes  # pairs row, slot
    cdef int64_t n_recorded, n_room
    # probes: lane l reads variable[l] of slot[l]; probe p has lanes lane_ptr[p] ..
    cdef int64_t n_probes, n_lanes
    cdef const int64_t* lane_ptr
    cdef const int32_t* lane_slot
    cdef const int32_t* lane_variable
    cdef const int64_t* probe_at  # [n_probes, n_ticks] row of the probe's output, or -1
    cdef int32_t* counter_before  # [n_lanes]
    # timing
    cdef const int64_t* service_ps  # [n_axons + 1]
    cdef const int32_t* core_x
    cdef const int32_t* core_y
    cdef const int32_t* core_port
    cdef int64_t active_ps, inactive_ps, spike_ps, send_ps, barrier_ps
    cdef int32_t host_x, host_y, host_port

    def __cinit__(self):
        memset(&self.mesh, 0, sizeof(Mesh))

    def __dealloc__(self):
        free(self.fired)
        free(self.spikes)
        free(self.counter_before)
        free(self.mesh.packets)
        release(&self.mesh)

    def __init__(self, dict arrays, dict settings):
        """arrays: contiguous, of the dtypes of the fields above; settings: integers, see engine/native.py."""
        self.arrays = arrays
        self.n_slots = settings["n_slots"]
        self.n_cores = settings["n_cores"]
        self.n_ticks = settings["n_ticks"]
        self.timed = settings["timed"]
        self._bind_compartments()
        self._bind_synapses(settings["n_rows_of_sums"])
        self.slot_ptr = <const int64_t*>self._address("slot_ptr", "int64")
        self.recorded = <const uint8_t*>self._address("slot_recorded", "uint8")
        self.entry_ptr = <const int64_t*>self._address("entry_ptr", "int64")
        self.entry_axon = <const int64_t*>self._address("entry_axon", "int64")
        self.entry_core = <const int32_t*>self._address("entry_core", "int32")
        self.sent = <const int64_t*>self._address("sent", "int64")
        self.n_spikes = <int64_t*>self._address("n_spikes", "int64")
        self.event_ptr = <const int64_t*>self._address("event_ptr", "int64")
        self.event_input = <const int32_t*>self._address("event_input", "int32")
        self.counts = <int64_t*>self._address("counts", "int64")
        self.n_probes = settings["n_probes"]
        self.n_lanes = len(arrays["lane_slot"])
        self.lane_ptr = <const int64_t*>self._address("lane_ptr", "int64")
        self.lane_slot = <const int32_t*>self._address("lane_slot", "int32")
        self.lane_variable = <const int32_t*>self._address("lane_variable", "int32")
        self.probe_at = <const int64_t*>self._address("probe_at", "int64")
        self.fired = <int32_t*>malloc((self.n_slots + 1) * sizeof(int32_t))
        self.n_room = 1024
        self.spikes = <int64_t*>malloc(2 * self.n_room * sizeof(int64_t))
        self.counter_before = <int32_t*>malloc((self.n_lanes + 1) * sizeof(int32_t))
        if self.fired == NULL or self.spikes == NULL or self.counter_before == NULL:
            raise MemoryError("native engine: spike buffers")
        if self.timed:
            self._build_mesh(settings)

    cdef size_t _address(self, str name, str dtype) except? 0:
        array = self.arrays[name]
        assert array.dtype == dtype and array.flags.c_contiguous, (name, array.dtype)
        return array.ctypes.data

    cdef int _bind_compartments(self) except -1:
        cdef Compartments* c = &self.compartments
        c.n_slots = self.n_slots
        c.keep_u = <const int32_t*>self._address("keep_u", "int32")
        c.keep_v = <const int32_t*>self._address("keep_v", "int32")
        c.bias = <const int32_t*>self._address("bias", "int32")
        c.threshold = <const int32_t*>self._address("threshold", "int32")
        c.vmin = <const int32_t*>self._address("vmin", "int32")
        c.vmax = <const int32_t*>self._address("vmax", "int32")
        c.refractory = <const int32_t*>self._address("refractory", "int32")
        c.u = <int32_t*>self._address("u", "int32")
        c.v = <int32_t*>self._address("v", "int32")
        c.counter = <int32_t*>self._address("counter", "int32")
        c.n_active = <int32_t*>self._address("n_active", "int32")
        c.active = <uint8_t*>self._address("active", "uint8")
        c.fired = <uint8_t*>self._address("fired", "uint8")
        return 0

    cdef int _bind_synapses(self, int64_t n_rows) except -1:
        cdef Synapses* s = &self.synapses
        s.run_ptr = <const int64_t*>self._address("run_ptr", "int64")
        s.run_start = <const int64_t*>self._address("run_start", "int64")
        s.run_delay = <const uint8_t*>self._address("run_delay", "uint8")
        s.slot = <const uint32_t*>self._address("syn_slot", "uint32")
        s.weight = <const int16_t*>self._address("weight", "int16")
        s.sums = <uint16_t*>self._address("sums", "uint16")
        s.n_rows = n_rows
        s.n_slots = self.n_slots
        return 0

    cdef int _build_mesh(self, dict settings) except -1:
        cdef Mesh* mesh = &self.mesh
        cdef int64_t core, n_entries = len(self.arrays["entry_core"])
        self.tick_ps = <int64_t*>self._address("tick_ps", "int64")
        self.service_ps = <const int64_t*>self._address("service_ps", "int64")
        self.core_x = <const int32_t*>self._address("core_x", "int32")
        self.core_y = <const int32_t*>self._address("core_y", "int32")
        self.core_port = <const int32_t*>self._address("core_port", "int32")
        self.active_ps, self.inactive_ps = settings["active_ps"], settings["inactive_ps"]
        self.spike_ps, self.send_ps = settings["spike_ps"], settings["send_ps"]
        self.barrier_ps = settings["barrier_ps"]
        self.host_x, self.host_y, self.host_port = settings["host_x"], settings["host_y"], settings["host_port"]
        mesh.width, mesh.height, mesh.n_ports = settings["width"], settings["height"], settings["n_ports"]
        mesh.n_routers = mesh.width * mesh.height
        mesh.arbiter = settings["arbiter"]
        mesh.fifo_depth, mesh.intake_depth = settings["fifo_depth"], settings["intake_depth"]
        mesh.inject_ps, mesh.eject_ps = settings["inject_ps"], settings["eject_ps"]
        mesh.cycle_ps, mesh.credit_ps = settings["cycle_ps"], settings["credit_ps"]
        mesh.n_cores, mesh.n_sources = self.n_cores, self.n_cores + 1
        mesh.packets = <Packet*>malloc((n_entries + 1) * sizeof(Packet))
        if mesh.packets == NULL or allocate(mesh, 1024):
            raise MemoryError("native engine: mesh buffers")
        wire(mesh, settings["hop_ew_ps"], settings["hop_ns_ps"])
        for core in range(self.n_cores):
            self._attach(core, self.core_x[core], self.core_y[core], self.core_port[core])
            mesh.outputs[mesh.sources[core].fifo].target = <int32_t>(-2 - core)
        self._attach(self.n_cores, self.host_x, self.host_y, self.host_port)
        return 0

    cdef void _attach(self, int64_t source, int32_t x, int32_t y, int32_t port) noexcept:
        """Lets a source feed input FIFO `port` of router (x, y)."""
        cdef int32_t fifo = (y * self.mesh.width + x) * self.mesh.n_ports + port
        self.mesh.sources[source].fifo = fifo
        self.mesh.fifos[fifo].feeder = <int32_t>(FIRST_SOURCE - source)

    def restart(self):
        """Begins a sample: the caller has set u, v, counter, and the sums with the due row at 0."""
        self.synapses.row = 0

    def due_row(self):
        """Row of the sums that is due in the next tick."""
        return self.synapses.row

    def advance(self, int64_t n_rows, list outputs):
        """Runs the next `n_rows` ticks, all of one sample. outputs: per probe its int32 [n, n_probed] array.

        Returns (status, row): 0, or 1 out of memory, 2 deadlock in that row.
        """
        cdef int32_t** out = <int32_t**>calloc(self.n_probes + 1, sizeof(int32_t*))
        cdef int64_t done = 0
        cdef int status = OK
        if out == NULL:
            raise MemoryError("native engine: probes")
        for probe in range(self.n_probes):
            assert outputs[probe].dtype == np.int32 and outputs[probe].flags.c_contiguous
            out[probe] = <int32_t*><size_t>outputs[probe].ctypes.data
        with nogil:
            while done < n_rows and status == OK:
                status = self._tick(out)
                done += 1
        free(out)
        return status, self.row - 1

    def recorded_spikes(self):
        """int64 [n_spikes, 2]: row, slot."""
        spikes = np.empty((self.n_recorded, 2), dtype=np.int64)
        cdef int64_t[:, ::1] view = spikes
        if self.n_recorded:
            memcpy(&view[0, 0], self.spikes, 2 * self.n_recorded * sizeof(int64_t))
        return spikes

    def collect_active(self, int64_t[::1] totals):
        """Adds the number of active updates per slot to `totals` and starts counting anew."""
        cdef int64_t slot
        if totals.shape[0] != self.n_slots:
            raise ValueError("collect_active: one total per slot")
        for slot in range(self.n_slots):
            totals[slot] += self.compartments.n_active[slot]
            self.compartments.n_active[slot] = 0

    def mesh_extremes(self, int64_t[::1] stall_ps, int64_t[:, ::1] occupancy_max, int64_t[::1] intake_max):
        """Fills stall_ps [n_cores + 1], occupancy_max [n_tiles, n_ports] and intake_max [n_cores]."""
        cdef int64_t i, port
        if (
            stall_ps.shape[0] != self.n_cores + 1 or intake_max.shape[0] != self.n_cores
            or occupancy_max.shape[0] != self.mesh.n_routers or occupancy_max.shape[1] != self.mesh.n_ports
        ):
            raise ValueError("mesh_extremes: arrays of inconsistent shape")
        for i in range(self.n_cores + 1):
            stall_ps[i] = self.mesh.sources[i].stall_ps
        for i in range(self.n_cores):
            intake_max[i] = self.mesh.intakes[i].occupancy_max
        for i in range(self.mesh.n_routers):
            for port in range(self.mesh.n_ports):
                occupancy_max[i, port] = self.mesh.fifos[i * self.mesh.n_ports + port].occupancy_max

    cdef int _tick(self, int32_t** out) noexcept nogil:
        """One tick of every core, booked on the present row. Returns a status."""
        cdef Compartments* c = &self.compartments
        cdef Synapses* s = &self.synapses
        cdef int64_t* counts = self.counts + self.row * N_EVENTS
        cdef int64_t n_active, i
        cdef int status = OK
        self._before_probes()
        update(
            self.n_slots, s.sums + s.row * s.n_slots, c.keep_u, c.keep_v, c.bias, c.threshold, c.vmin, c.vmax,
            c.refractory, c.u, c.v, c.counter, c.n_active, c.active, c.fired,
        )
        self._read_probes(out)
        if self._gather():
            return NO_MEMORY
        n_active = total(c.active, self.n_slots)
        counts[SPIKES] += self.n_fired
        counts[ACTIVE] += n_active
        counts[INACTIVE] += self.n_slots - n_active
        counts[BARRIER] += 1
        for i in range(self.n_fired):
            if i + 6 < self.n_fired:
                expect_lists(s, self.fired[i + 6])
                prefetch(self.sent + self.fired[i + 6] * N_SENT)
                prefetch(self.sent + self.fired[i + 6] * N_SENT + 8)
                prefetch(self.n_spikes + self.fired[i + 6])
            if i + 2 < self.n_fired:
                expect_synapses(s, self.fired[i + 2])
            self._send(self.fired[i], counts)
        for i in range(self.event_ptr[self.row], self.event_ptr[self.row + 1]):
            self._send(self.n_slots + self.event_input[i], counts)
        if self.timed:
            status = self._cross_mesh()
        s.row = s.row + 1 if s.row + 1 < s.n_rows else 0
        self.row += 1
        return status

    cdef int _gather(self) noexcept nogil:
        """Lists the slots that fired and records their spikes. -1: out of memory."""
        cdef const uint8_t* fired = self.compartments.fired
        cdef int64_t slot = 0
        cdef uint64_t eight
        self.n_fired = 0
        while slot < self.n_slots:
            if slot + 8 <= self.n_slots:
                memcpy(&eight, fired + slot, 8)
                if eight == 0:
                    slot += 8
                    continue
            if fired[slot]:
                self.fired[self.n_fired] = <int32_t>slot
                self.n_fired += 1
            slot += 1
        if self.n_recorded + self.n_fired > self.n_room and self._grow():
            return -1
        for slot in range(self.n_fired):
            if self.recorded[self.fired[slot]]:
                self.spikes[2 * self.n_recorded] = self.row
                self.spikes[2 * self.n_recorded + 1] = self.fired[slot]
                self.n_recorded += 1
        return 0

    cdef int _grow(self) noexcept nogil:
        """Makes room for the spikes of this tick: a run's spikes are output, their number is not known before."""
        cdef int64_t n_room = 2 * (self.n_recorded + self.n_fired)
        cdef int64_t* grown = <int64_t*>realloc(self.spikes, 2 * n_room * sizeof(int64_t))
        if grown == NULL:
            return -1
        self.spikes = grown
        self.n_room = n_room
        return 0

    cdef inline void _send(self, int64_t sender, int64_t* counts) noexcept nogil:
        """Delivers a spike to every synapse of its sender and books what it causes."""
        cdef const int64_t* sent = self.sent + sender * N_SENT
        cdef int64_t i
        self.n_spikes[sender] += 1
        for i in range(N_SENT):
            counts[FIRST_SENT + i] += sent[i]
        receive(&self.synapses, sender)

    cdef void _before_probes(self) noexcept nogil:
        """A raw voltage needs the refractory counter as it stood before the update."""
        cdef int64_t lane
        for lane in range(self.n_lanes):
            self.counter_before[lane] = self.compartments.counter[self.lane_slot[lane]]

    cdef void _read_probes(self, int32_t** out) noexcept nogil:
        cdef Compartments* c = &self.compartments
        cdef int64_t probe, lane, at, width
        cdef int32_t slot, value
        for probe in range(self.n_probes):
            at = self.probe_at[probe * self.n_ticks + self.row % self.n_ticks]
            if at < 0:
                continue
            width = self.lane_ptr[probe + 1] - self.lane_ptr[probe]
            for lane in range(self.lane_ptr[probe], self.lane_ptr[probe + 1]):
                slot = self.lane_slot[lane]
                value = c.u[slot] if self.lane_variable[lane] == 0 else c.v[slot]
                if self.lane_variable[lane] == 2:
                    if c.fired[slot]:
                        value = 128 * c.refractory[slot]
                    elif self.counter_before[lane] > 0:
                        value = 128 * self.counter_before[lane]
                out[probe][at * width + lane - self.lane_ptr[probe]] = value

    cdef int _cross_mesh(self) noexcept nogil:
        """Sends this tick's packets through the mesh and sets tick_ps."""
        cdef Mesh* mesh = &self.mesh
        cdef int64_t core, n_packets = 0, next_fired = 0, end_ps, done_ps, i
        cdef int status = OK
        reset(mesh)
        for core in range(self.n_cores):
            mesh.sources[core].next_packet = n_packets
            mesh.sources[core].tail_ps = self._soma(core, &next_fired, &n_packets)
            mesh.sources[core].end_packet = n_packets
        mesh.sources[self.n_cores].next_packet = n_packets
        for i in range(self.event_ptr[self.row], self.event_ptr[self.row + 1]):
            self._pack(self.n_slots + self.event_input[i], 0, 0, &n_packets)
        mesh.sources[self.n_cores].end_packet = n_packets
        if n_packets:
            status = run_events(mesh)
        done_ps = mesh.done_ps
        for core in range(self.n_cores + 1):
            end_ps = mesh.sources[core].last_push_ps + mesh.sources[core].tail_ps
            if end_ps > done_ps:
                done_ps = end_ps
        self.tick_ps[self.row] = done_ps + self.barrier_ps
        return status

    cdef int64_t _soma(self, int64_t core, int64_t* next_fired, int64_t* n_packets) noexcept nogil:
        """Lists a core's packets with the time its soma works before each. Returns the work after the last."""
        cdef const uint8_t* active = self.compartments.active
        cdef int64_t slot = self.slot_ptr[core], end = self.slot_ptr[core + 1]
        cdef int64_t work_ps = 0, fired
        while next_fired[0] < self.n_fired and self.fired[next_fired[0]] < end:
            fired = self.fired[next_fired[0]]
            next_fired[0] += 1
            work_ps += self._updates_ps(slot, fired + 1) + self.spike_ps
            slot = fired + 1
            if self.entry_ptr[fired + 1] > self.entry_ptr[fired]:
                self._pack(fired, work_ps, self.send_ps, n_packets)
                work_ps = 0
        return work_ps + self._updates_ps(slot, end)

    cdef inline int64_t _updates_ps(self, int64_t start, int64_t end) noexcept nogil:
        """Time to update slots start .. end - 1."""
        cdef int64_t n_active = total(self.compartments.active + start, end - start)
        return n_active * self.active_ps + (end - start - n_active) * self.inactive_ps

    cdef void _pack(self, int64_t sender, int64_t work_ps, int64_t send_ps, int64_t* n_packets) noexcept nogil:
        """One packet per axon-out entry of a sender; the first waits for `work_ps`, each for `send_ps`."""
        cdef Packet* packet
        cdef int64_t entry
        cdef int32_t core
        for entry in range(self.entry_ptr[sender], self.entry_ptr[sender + 1]):
            packet = &self.mesh.packets[n_packets[0]]
            n_packets[0] += 1
            core = self.entry_core[entry]
            packet.core = core
            if core == self.n_cores:
                packet.x, packet.y, packet.port = self.host_x, self.host_y, self.host_port
            else:
                packet.x, packet.y, packet.port = self.core_x[core], self.core_y[core], self.core_port[core]
            packet.gap_ps = work_ps + send_ps
            packet.not_before_ps = 0
            packet.service_ps = self.service_ps[self.entry_axon[entry]]
            work_ps = 0


cdef inline int64_t total(const uint8_t* flags, int64_t n) noexcept nogil:
    """Sum of n flags."""
    cdef int64_t i, n_set = 0
    for i in range(n):
        n_set += flags[i]
    return n_set
