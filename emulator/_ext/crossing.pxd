# The packets of one tick on the mesh: when each is pushed, and when the tick ends. Twin of TimedTick in
# emulator/reference/machine.py.
from emulator._ext.losses cimport Losses
from emulator._ext.mesh cimport run_events
from emulator._ext.mesh_setup cimport reset
from emulator._ext.mesh_state cimport N_SIDES, Goal, Mesh
from libc.stdint cimport int32_t, int64_t, uint8_t


cdef struct Crossing:
    Mesh mesh
    int64_t n_cores
    int64_t n_slots
    int64_t* done_ps  # [n_rows]
    const int64_t* slot_ptr  # [n_cores + 1]
    const uint8_t* active  # [n_slots] whether the update of this tick was active
    const int64_t* start_ps  # [n_cores] work of a soma before its updates; NULL: none
    const int64_t* entry_ptr  # [n_senders + 1]
    const int32_t* entry_core  # [n_entries]
    const int64_t* service_ps  # [n_entries]
    const Losses* losses  # NULL: nothing gets lost
    const int64_t* lossy_link  # [n_links] of `losses`: tile * 4 + side
    const uint8_t* drops  # [n_entries] 1: its packets are dropped once they are sent; NULL: none are
    Goal* goals  # [n_cores + 1] of each core and of the host port
    int32_t* goal  # of the packets of this tick, as those of the mesh: [n_entries]
    int64_t* gap_ps
    int64_t* packet_service_ps
    int32_t* lost_at  # NULL: nothing gets lost
    const int32_t* tree_entry  # [n_entries] those of each sender in the order of its tree; NULL: no multicast
    int32_t* past  # of the packets of this tick, as those of the mesh; NULL: no multicast
    int64_t active_ps
    int64_t inactive_ps
    int64_t spike_ps
    int64_t send_ps
    int32_t* fired  # slots that fired in this tick, ascending
    int64_t n_fired
    const int32_t* inputs  # senders of the host that spike in this tick, ascending
    int64_t n_inputs


cdef inline int cross(Crossing* c, int64_t row) noexcept nogil:
    """Sends this tick's packets through the mesh and sets done_ps. Returns a status of the mesh."""
    cdef Mesh* mesh = &c.mesh
    cdef int64_t core, n_packets = 0, next_fired = 0, end_ps, done_ps, i
    cdef int status = 0
    reset(mesh)
    for core in range(c.n_cores):
        mesh.sources[core].next_packet = n_packets
        mesh.sources[core].tail_ps = soma(c, core, &next_fired, &n_packets)
        mesh.sources[core].end_packet = n_packets
    mesh.sources[c.n_cores].next_packet = n_packets
    for i in range(c.n_inputs):
        pack(c, c.inputs[i], 0, 0, &n_packets)
    mesh.sources[c.n_cores].end_packet = n_packets
    if n_packets:
        status = run_events(mesh)
    done_ps = mesh.done_ps
    for core in range(c.n_cores + 1):
        end_ps = mesh.sources[core].last_push_ps + mesh.sources[core].tail_ps
        if end_ps > done_ps:
            done_ps = end_ps
    c.done_ps[row] = done_ps
    return status


cdef inline int64_t soma(Crossing* c, int64_t core, int64_t* next_fired, int64_t* n_packets) noexcept nogil:
    """Lists a core's packets with the time its soma works before each. Returns the work after the last."""
    cdef int64_t slot = c.slot_ptr[core], end = c.slot_ptr[core + 1]
    cdef int64_t work_ps = 0 if c.start_ps == NULL else c.start_ps[core], fired
    while next_fired[0] < c.n_fired and c.fired[next_fired[0]] < end:
        fired = c.fired[next_fired[0]]
        next_fired[0] += 1
        work_ps += updates_ps(c, slot, fired + 1) + c.spike_ps
        slot = fired + 1
        work_ps = pack(c, fired, work_ps, c.send_ps, n_packets)
    return work_ps + updates_ps(c, slot, end)


cdef inline int64_t updates_ps(Crossing* c, int64_t start, int64_t end) noexcept nogil:
    """Time to update slots start .. end - 1."""
    cdef int64_t n_active = 0, slot
    for slot in range(start, end):
        n_active += c.active[slot]
    return n_active * c.active_ps + (end - start - n_active) * c.inactive_ps


cdef inline int64_t pack(
    Crossing* c, int64_t sender, int64_t work_ps, int64_t send_ps, int64_t* n_packets
) noexcept nogil:
    """One packet per axon-out entry of a sender; the first waits for `work_ps`, each for `send_ps`. With
    multicast one packet for all. Returns the work after the last."""
    if c.tree_entry != NULL:
        return pack_tree(c, sender, work_ps, send_ps, n_packets)
    cdef int64_t entry, risky = c.losses.risky_ptr[sender] if c.losses != NULL else 0, n, link
    for entry in range(c.entry_ptr[sender], c.entry_ptr[sender + 1]):
        if c.drops != NULL and c.drops[entry]:
            work_ps += send_ps
            continue
        n = n_packets[0]
        c.goal[n] = c.entry_core[entry]
        c.packet_service_ps[n] = c.service_ps[entry]
        c.gap_ps[n] = work_ps + send_ps
        if c.losses != NULL:
            c.lost_at[n] = 0
            if risky < c.losses.risky_ptr[sender + 1] and c.losses.risky_entry[risky] == entry:
                if c.losses.lost_by[risky] >= 0:
                    link = c.lossy_link[c.losses.lost_by[risky]]
                    c.lost_at[n] = <int32_t>(1 + link // N_SIDES * c.mesh.n_ports + link % N_SIDES)
                risky += 1
        n_packets[0] = n + 1
        work_ps = 0
    return work_ps


cdef inline int64_t pack_tree(
    Crossing* c, int64_t sender, int64_t work_ps, int64_t send_ps, int64_t* n_packets
) noexcept nogil:
    """`pack` with multicast: a packet with as many numbers as it has destinations, see mesh_tree.pxd. It is
    sent even if all of them are dropped."""
    cdef int64_t place, entry, first = n_packets[0], n = n_packets[0]
    if c.entry_ptr[sender] == c.entry_ptr[sender + 1]:
        return work_ps
    for place in range(c.entry_ptr[sender], c.entry_ptr[sender + 1]):
        entry = c.tree_entry[place]
        if c.drops != NULL and c.drops[entry]:
            continue
        c.goal[n] = c.entry_core[entry]
        c.packet_service_ps[n] = c.service_ps[entry]
        n += 1
    if n == first:
        return work_ps + send_ps
    c.gap_ps[first] = work_ps + send_ps
    c.past[first] = <int32_t>n
    n_packets[0] = n
    return 0
