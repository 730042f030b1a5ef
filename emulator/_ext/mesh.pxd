# The mesh of one tick as an event loop. Twin of emulator/reference/mesh.py.
#
# Every buffer keeps the instants at which its packets arrive and leave, so that what holds "after phase 1 of
# instant t" is a comparison of times and never depends on which event of t was handled first. Only one kind
# of event is left: an output grants. An output knows when it may grant next, and a head when it may be
# granted, so an event is set for the later of the two and none is spent on waiting. A source knows when its
# own FIFO has room, and a core serves its intake in order, so pushes and services need no events.
#
# What a grant causes is felt one of the mesh's times later at the earliest: the events of a stretch of time
# no longer than the shortest of these cannot meet, whatever order they are handled in (event_queue.pxd).
cimport cython
from emulator._ext.event_queue cimport (
    Bin, EventQueue, append, close_bin, enqueue, far_due, lowest_bit, next_bin, pop_far, push_far, shuffle_bin,
)
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t

cdef extern from *:
    """
    #define MESH_NEVER_PS INT64_C(0x4000000000000000)
    """
    const int64_t NEVER_PS "MESH_NEVER_PS"
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil

cdef enum:
    N_SIDES = 4
    EAST = 0
    WEST = 1
    NORTH = 2
    SOUTH = 3

cdef enum Arbiter:
    ROUND_ROBIN = 0
    FIXED = 1
    OLDEST = 2

cdef enum Status:
    MESH_OK = 0
    MESH_NO_MEMORY = 1
    MESH_DEADLOCK = 2

cdef enum Feeder:
    NOBODY = -1  # edge input; feeders from 0 are outputs, feeders below are sources
    FIRST_SOURCE = -2

cdef enum:  # kinds of outputs: what it leads to
    KIND_EW = 0
    KIND_NS = 1
    KIND_BORDER_EW = 2
    KIND_BORDER_NS = 3
    KIND_EJECT = 4
    N_KINDS = 5

cdef enum:  # flags of a port
    TOUCHED = 1  # not in its initial state
    LAPPED = 2  # FIFO: every slot has been taken once
    WAITED_FOR = 4  # FIFO: its feeder waits for a slot, at an instant not yet known
    BLOCKED = 8  # output: it waits for a slot of its target


cdef struct Port:  # an input FIFO and the output of the same number; a cache line
    int64_t ready_ps  # FIFO: its head may be granted from then on; without a head, the next may
    int64_t free_ps  # output: it may grant from then on, unless it is blocked
    int64_t wake_ps  # output: when it looks for a packet; NEVER_PS: no event is set
    int32_t target  # output: FIFO at the other end; -1: always ready; -2 - core: that core's intake
    int32_t n_granted  # output
    int32_t router  # id of port 0 of this router
    int32_t head  # FIFO: slot of the head
    int32_t n  # FIFO: packets that hold a slot and are not granted
    int32_t n_visible  # FIFO: of these, how many are known to have arrived
    int32_t occupancy_max  # FIFO
    int32_t feeder  # FIFO: output id; FIRST_SOURCE - source id; NOBODY
    int16_t x
    int16_t y
    uint16_t pointer  # output: of its round robin
    uint8_t kind  # output
    uint8_t flags


cdef struct Slot:  # of a FIFO
    int64_t at_ps  # when its packet arrives, then when it was granted
    int32_t packet
    int16_t x  # where the packet goes
    int16_t y


cdef struct Hop:  # of a kind of output
    int64_t latency_ps
    int64_t cycle_ps  # least time between two grants


cdef struct Goal:  # where packets go
    int16_t x
    int16_t y
    int32_t port  # output port there: 4 + core in tile, or the side of the host port


cdef struct Intake:
    int64_t busy_until_ps  # end of the last service known
    int64_t occupancy_max
    int32_t next  # place of the next start
    uint8_t lapped


cdef struct Source:
    int64_t next_packet
    int64_t end_packet
    int64_t last_push_ps
    int64_t tail_ps  # work of the source after its last push
    int64_t stall_ps
    int32_t fifo


cdef struct Mesh:
    int32_t width
    int32_t height
    int32_t chip_width  # tiles of one chip; divide width and height
    int32_t chip_height
    Hop hops[5]  # by kind
    int32_t n_ports
    int32_t n_routers
    int32_t n_words  # of a set of ports
    int32_t arbiter
    int32_t fifo_depth
    int32_t intake_depth  # 0: intakes are always ready
    int64_t inject_ps
    int64_t cycle_ps  # of input FIFOs
    int64_t credit_ps
    int64_t soon_ps  # heads that are ready later become candidates by an event of their own
    Port* ports  # [n_routers, n_ports]
    uint64_t* wanted_by  # [n_routers, n_ports, n_words] of an output: ports whose head wants it
    Slot* slots  # [n_routers, n_ports, fifo_depth]
    Intake* intakes  # [n_cores]
    Source* sources  # [n_sources]
    int64_t n_sources
    int64_t n_cores
    int64_t* start_ps  # [n_cores, intake_depth] service starts
    const Goal* goals
    int32_t port_of_all  # output port at every goal; -1: they differ
    const int32_t* order  # [n_packets] packets as the sources hold them; NULL: 0, 1, ...
    const int32_t* goal  # [n_packets]; goals below n_cores are that core
    const int64_t* gap_ps  # [n_packets] from the source's previous push (or start) until ready; NULL: 0
    const int64_t* not_before_ps  # [n_packets]; NULL: 0
    const int64_t* service_ps  # [n_packets] of the receiving core's synapse pipeline
    int64_t* push_ps  # [n_packets] result
    int64_t* arrive_ps  # [n_packets] result
    int64_t in_flight
    int64_t done_ps
    int64_t n_looks  # events handled
    EventQueue queue
    int32_t* touched  # ports
    int64_t n_touched


cdef inline int32_t wanted_output(Mesh* mesh, Port* fifo, Slot* slot) noexcept nogil:
    """Port of the output that a packet in a FIFO wants. Dimension order: X, then Y, then its port there."""
    if slot.x != fifo.x:
        return EAST if slot.x > fifo.x else WEST
    if slot.y != fifo.y:
        return NORTH if slot.y > fifo.y else SOUTH
    if mesh.port_of_all >= 0:
        return mesh.port_of_all
    return mesh.goals[mesh.goal[slot.packet]].port


cdef inline int wake(Mesh* mesh, int32_t output_id, int64_t at_ps) noexcept nogil:
    """Lets an output look for a packet at `at_ps`, unless it will before."""
    cdef Port* output = &mesh.ports[output_id]
    if output.wake_ps <= at_ps:
        return 0
    output.wake_ps = at_ps
    return enqueue(&mesh.queue, output_id, at_ps)


@cython.overflowcheck(False)
cdef inline int offer(Mesh* mesh, int32_t fifo_id) noexcept nogil:
    """Lets the output that the head of a FIFO wants know of it."""
    cdef Port* fifo = &mesh.ports[fifo_id]
    cdef Slot* slot = &mesh.slots[<int64_t>fifo_id * mesh.fifo_depth + fifo.head]
    cdef int32_t output_id = fifo.router + wanted_output(mesh, fifo, slot)
    cdef int32_t port = fifo_id - fifo.router
    cdef Port* output = &mesh.ports[output_id]
    mesh.wanted_by[<int64_t>output_id * mesh.n_words + (port >> 6)] |= <uint64_t>1 << (port & 63)
    if output.flags & BLOCKED:
        return 0
    return wake(mesh, output_id, fifo.ready_ps if fifo.ready_ps > output.free_ps else output.free_ps)


cdef inline int new_head(Mesh* mesh, int32_t fifo_id) noexcept nogil:
    """A FIFO has another head than before."""
    cdef Port* fifo = &mesh.ports[fifo_id]
    cdef int64_t arrive_ps = mesh.slots[<int64_t>fifo_id * mesh.fifo_depth + fifo.head].at_ps
    if arrive_ps > fifo.ready_ps:
        fifo.ready_ps = arrive_ps
        # An output has one event. One far ahead, for a source's packet, would be set anew after each grant.
        if arrive_ps >> mesh.queue.shift >= mesh.queue.now_bin + mesh.queue.n_bins:
            return push_far(&mesh.queue, ~fifo_id, arrive_ps)
    return offer(mesh, fifo_id)


cdef inline void touch(Mesh* mesh, int32_t port_id) noexcept nogil:
    """Remembers that a port has to be set back."""
    if not mesh.ports[port_id].flags & TOUCHED:
        mesh.ports[port_id].flags |= TOUCHED
        mesh.touched[mesh.n_touched] = port_id
        mesh.n_touched += 1


cdef inline int32_t free_slot(Mesh* mesh, Port* fifo) noexcept nogil:
    """The slot of a FIFO that is taken next."""
    cdef int32_t place = fifo.head + fifo.n
    return place - mesh.fifo_depth if place >= mesh.fifo_depth else place


cdef inline int put(
    Mesh* mesh, int32_t fifo_id, int32_t packet, int16_t x, int16_t y, int64_t arrive_ps
) noexcept nogil:
    """Takes the next slot of a FIFO for a packet to tile (x, y) that becomes visible at `arrive_ps`."""
    cdef Port* fifo = &mesh.ports[fifo_id]
    cdef int32_t place = free_slot(mesh, fifo)
    cdef Slot* slot = &mesh.slots[<int64_t>fifo_id * mesh.fifo_depth + place]
    touch(mesh, fifo_id)
    slot.at_ps = arrive_ps
    slot.packet = packet
    slot.x, slot.y = x, y
    if place + 1 == mesh.fifo_depth:
        fifo.flags |= LAPPED
    fifo.n += 1
    if fifo.n == 1:
        return new_head(mesh, fifo_id)
    return 0


cdef inline int64_t room_ps(Mesh* mesh, int32_t fifo_id) noexcept nogil:
    """First instant at which the next slot of a FIFO can be taken. -1: not yet known; then the feeder is told
    as soon as it is."""
    cdef Port* fifo = &mesh.ports[fifo_id]
    if fifo.n == mesh.fifo_depth:
        fifo.flags |= WAITED_FOR
        return -1
    if not fifo.flags & LAPPED:
        return 0
    return mesh.slots[<int64_t>fifo_id * mesh.fifo_depth + free_slot(mesh, fifo)].at_ps + mesh.credit_ps


cdef inline int push(Mesh* mesh, int64_t source_id) noexcept nogil:
    """Pushes a source's packets as far as the instants at which its FIFO has room are known."""
    cdef Source* source = &mesh.sources[source_id]
    cdef const Goal* goal
    cdef int32_t packet
    cdef int64_t ready_ps, at_ps
    while source.next_packet < source.end_packet:
        at_ps = room_ps(mesh, source.fifo)
        if at_ps < 0:
            return 0
        packet = mesh.order[source.next_packet] if mesh.order != NULL else <int32_t>source.next_packet
        ready_ps = source.last_push_ps
        if mesh.gap_ps != NULL:
            ready_ps += mesh.gap_ps[packet]
        if mesh.not_before_ps != NULL and ready_ps < mesh.not_before_ps[packet]:
            ready_ps = mesh.not_before_ps[packet]
        if at_ps < ready_ps:
            at_ps = ready_ps
        mesh.push_ps[packet] = at_ps
        source.last_push_ps = at_ps
        source.stall_ps += at_ps - ready_ps
        mesh.in_flight += 1
        source.next_packet += 1
        goal = &mesh.goals[mesh.goal[packet]]
        if put(mesh, source.fifo, packet, goal.x, goal.y, at_ps + mesh.inject_ps):
            return -1
    return 0


cdef inline void serve(Mesh* mesh, int64_t core, int64_t service_ps, int64_t arrive_ps) noexcept nogil:
    """A packet reaches a core: its service starts when it has arrived and those before it are done."""
    cdef Intake* intake = &mesh.intakes[core]
    cdef int64_t* starts_ps = mesh.start_ps + core * mesh.intake_depth
    cdef int64_t start_ps = arrive_ps if arrive_ps > intake.busy_until_ps else intake.busy_until_ps
    cdef int32_t n_waiting = 1 if start_ps > arrive_ps else 0
    cdef int32_t place = intake.next
    starts_ps[place] = start_ps
    if n_waiting:
        while n_waiting < mesh.intake_depth:  # those before it that have not started either
            place = place - 1 if place else mesh.intake_depth - 1
            if (place >= intake.next and not intake.lapped) or starts_ps[place] <= arrive_ps:
                break
            n_waiting += 1
        if n_waiting > intake.occupancy_max:
            intake.occupancy_max = n_waiting
    intake.next += 1
    if intake.next == mesh.intake_depth:
        intake.next = 0
        intake.lapped = 1
    intake.busy_until_ps = start_ps + service_ps
    if intake.busy_until_ps > mesh.done_ps:
        mesh.done_ps = intake.busy_until_ps


cdef inline void observe(Mesh* mesh, Port* fifo, Slot* slots, int64_t now_ps) noexcept nogil:
    """Notes how many packets of a FIFO are visible."""
    cdef int32_t place
    while fifo.n_visible < fifo.n:
        place = fifo.head + fifo.n_visible
        if place >= mesh.fifo_depth:
            place -= mesh.fifo_depth
        if slots[place].at_ps > now_ps:
            break
        fifo.n_visible += 1
    if fifo.n_visible > fifo.occupancy_max:
        fifo.occupancy_max = fifo.n_visible


cdef inline int deliver(Mesh* mesh, Port* output, int32_t packet, int64_t arrive_ps) noexcept nogil:
    """A packet leaves the mesh by an output."""
    cdef int64_t core = -2 - <int64_t>output.target
    cdef int64_t at_ps
    mesh.in_flight -= 1
    mesh.arrive_ps[packet] = arrive_ps
    if core < 0 or mesh.intake_depth == 0:
        if arrive_ps > mesh.done_ps:
            mesh.done_ps = arrive_ps
        return 0
    serve(mesh, core, mesh.service_ps[packet], arrive_ps)
    if mesh.intakes[core].lapped:
        at_ps = mesh.start_ps[core * mesh.intake_depth + mesh.intakes[core].next] + mesh.credit_ps
        if at_ps > output.free_ps:
            output.free_ps = at_ps
    return 0


cdef inline int send(Mesh* mesh, Port* output, Slot* slot, int64_t arrive_ps) noexcept nogil:
    """A packet crosses a link; the output waits for the slot that the next one will need."""
    cdef int64_t at_ps
    cdef int failed = put(mesh, output.target, slot.packet, slot.x, slot.y, arrive_ps)
    at_ps = room_ps(mesh, output.target)
    if at_ps < 0:
        output.flags |= BLOCKED
    elif at_ps > output.free_ps:
        output.free_ps = at_ps
    return failed


cdef inline int released(Mesh* mesh, Port* fifo, int64_t now_ps) noexcept nogil:
    """A slot that the feeder of a FIFO waits for is released."""
    cdef Port* output
    cdef int64_t word
    fifo.flags &= ~WAITED_FOR
    if fifo.feeder < 0:
        return push(mesh, FIRST_SOURCE - fifo.feeder)
    output = &mesh.ports[fifo.feeder]
    output.flags &= ~BLOCKED
    if output.free_ps < now_ps + mesh.credit_ps:
        output.free_ps = now_ps + mesh.credit_ps
    for word in range(mesh.n_words):
        if mesh.wanted_by[<int64_t>fifo.feeder * mesh.n_words + word]:
            return wake(mesh, fifo.feeder, output.free_ps)
    return 0


@cython.overflowcheck(False)
cdef inline int grant(Mesh* mesh, int32_t output_id, int32_t fifo_id, int64_t now_ps) noexcept nogil:
    """Moves the head of a FIFO through an output."""
    cdef Port* output = &mesh.ports[output_id]
    cdef Port* fifo = &mesh.ports[fifo_id]
    cdef Slot* slots = &mesh.slots[<int64_t>fifo_id * mesh.fifo_depth]
    cdef Slot* slot = &slots[fifo.head]
    cdef Hop* hop = &mesh.hops[output.kind]
    cdef int32_t port = fifo_id - fifo.router
    cdef int failed = 0
    if fifo.n > fifo.occupancy_max:
        observe(mesh, fifo, slots, now_ps)
    slot.at_ps = now_ps
    fifo.head = fifo.head + 1 if fifo.head + 1 < mesh.fifo_depth else 0
    fifo.n -= 1
    fifo.n_visible -= fifo.n_visible > 0
    fifo.ready_ps = now_ps + mesh.cycle_ps
    mesh.wanted_by[<int64_t>output_id * mesh.n_words + (port >> 6)] &= ~(<uint64_t>1 << (port & 63))
    touch(mesh, output_id)
    output.n_granted += 1
    output.free_ps = now_ps + hop.cycle_ps
    if output.target >= 0:
        failed |= send(mesh, output, slot, now_ps + hop.latency_ps)
    else:
        failed |= deliver(mesh, output, slot.packet, now_ps + hop.latency_ps)
    if fifo.n:
        failed |= new_head(mesh, fifo_id)
    if fifo.flags & WAITED_FOR:
        failed |= released(mesh, fifo, now_ps)
    return failed


cdef struct Look:  # what an output finds
    int32_t chosen  # port whose head it grants; -1: none is ready
    int32_t n_ready
    int64_t later_ps  # when the first of the others is


@cython.overflowcheck(False)
cdef inline Look candidates(Mesh* mesh, int32_t output_id, int64_t now_ps) noexcept nogil:
    """The heads that want an output."""
    cdef Port* output = &mesh.ports[output_id]
    cdef Port* router = &mesh.ports[output.router]
    cdef Look found
    cdef int64_t rank, best = 0, ready_ps
    cdef int32_t port, word
    cdef uint64_t ports
    found.chosen, found.n_ready, found.later_ps = -1, 0, NEVER_PS
    for word in range(mesh.n_words):
        ports = mesh.wanted_by[<int64_t>output_id * mesh.n_words + word]
        while ports:
            port = (word << 6) + lowest_bit(ports)
            ports &= ports - 1
            ready_ps = router[port].ready_ps
            if ready_ps > now_ps:
                if ready_ps < found.later_ps:
                    found.later_ps = ready_ps
                continue
            found.n_ready += 1
            if mesh.arbiter == ROUND_ROBIN:
                rank = port - <int32_t>output.pointer
                if rank < 0:
                    rank += mesh.n_ports
            elif mesh.arbiter == FIXED:
                rank = port
            else:  # ties: port order, by the strict comparison below
                rank = mesh.push_ps[
                    mesh.slots[<int64_t>(output.router + port) * mesh.fifo_depth + router[port].head].packet
                ]
            if found.chosen < 0 or rank < best:
                found.chosen, best = port, rank
    return found


cdef inline int look(Mesh* mesh, int32_t output_id) noexcept nogil:
    """Phase 2 for one output: grants at most one of the heads that want it."""
    cdef Port* output = &mesh.ports[output_id]
    cdef int64_t now_ps = output.wake_ps
    cdef Look found
    cdef int failed
    if now_ps >> mesh.queue.shift != mesh.queue.now_bin:
        return 0  # it was woken earlier than by this event
    output.wake_ps = NEVER_PS
    found = candidates(mesh, output_id, now_ps)
    if found.chosen < 0:
        return wake(mesh, output_id, found.later_ps)
    if mesh.arbiter == ROUND_ROBIN:
        output.pointer = <uint16_t>(found.chosen + 1 if found.chosen + 1 < mesh.n_ports else 0)
    failed = grant(mesh, output_id, output.router + found.chosen, now_ps)
    if found.n_ready > 1:
        found.later_ps = output.free_ps
    elif found.later_ps < output.free_ps:
        found.later_ps = output.free_ps
    if found.later_ps < NEVER_PS and not output.flags & BLOCKED:
        failed |= wake(mesh, output_id, found.later_ps)
    return failed


cdef inline int run_events(Mesh* mesh) noexcept nogil:
    """Pushes what the sources hold and runs until nothing is left to happen. Returns a Status."""
    cdef EventQueue* queue = &mesh.queue
    cdef int64_t source_id
    cdef int32_t i
    cdef int failed = 0
    cdef Bin* bin
    for source_id in range(mesh.n_sources):
        failed |= push(mesh, source_id)
    while not failed:
        bin = next_bin(queue)
        if bin == NULL:
            return MESH_DEADLOCK if mesh.in_flight else MESH_OK
        while not failed and far_due(queue):
            i = pop_far(queue)
            failed |= offer(mesh, ~i) if i < 0 else append(queue, i, queue.now_bin & (queue.n_bins - 1))
        if queue.shuffle:
            shuffle_bin(queue, bin)
        i = 0
        while i < bin.n:
            failed |= look(mesh, bin.ids[i])
            i += 1
        mesh.n_looks += bin.n
        close_bin(queue, bin)
    return MESH_NO_MEMORY
