# The mesh of one tick as an event loop. Twin of emulator/reference/mesh.py.
#
# Every buffer keeps the instants at which its packets arrive and leave, so that what holds "after phase 1 of
# instant t" is a comparison of times and never depends on which event of t was handled first. Only one kind
# of event is left: an output has a reason to look for a packet to grant. A source knows when its own FIFO
# has room, and a core serves its intake in order, so pushes and services need no events.
cimport cython
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc, realloc

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

cdef enum Order:  # of emulator/chip/routing.py
    X_FIRST = 0
    Y_FIRST = 1
    WEST_FIRST = 2
    BY_TABLE = 3

cdef enum Status:
    MESH_OK = 0
    MESH_NO_MEMORY = 1
    MESH_DEADLOCK = 2

cdef enum Feeder:
    NOBODY = -1  # edge input; feeders from 0 are outputs, feeders below are sources
    FIRST_SOURCE = -2


cdef struct Packet:
    int32_t x  # destination router
    int32_t y
    int32_t port  # output port there: 4 + core in tile, or the side of the host port
    int32_t core  # row of the receiving core, or n_cores for the host port
    int64_t gap_ps  # from the source's previous push (or start) to when this one is ready; >= 0
    int64_t not_before_ps
    int64_t service_ps  # of the receiving core's synapse pipeline
    int64_t push_ps  # result
    int64_t arrive_ps  # result
    int32_t lost_at  # 1 + output whose link loses it; 0: it arrives


cdef struct Fifo:
    int64_t n_taken  # packets ever put in
    int64_t n_granted  # packets ever granted out
    int64_t n_visible  # of those put in, how many had arrived at the last grant
    int64_t n_lost  # packets ever lost on the way in
    int64_t next_grant_ps
    int64_t occupancy_max
    int32_t feeder  # output id; FIRST_SOURCE - source id; NOBODY
    int32_t waiting  # 1: the feeder waits for room at an instant not yet known


cdef struct Output:
    int64_t next_grant_ps
    int64_t wake_ps  # instant of the latest event scheduled
    int64_t n_granted
    int64_t latency_ps
    int64_t cycle_ps  # least time between two of its grants
    int32_t pointer
    int32_t target  # input FIFO at the other end; -1: always ready; -2 - core: that core's intake


cdef struct Intake:
    int64_t n_in  # packets ever granted towards it
    int64_t busy_until_ps  # end of the last service known
    int64_t occupancy_max


cdef struct Source:
    int64_t next_packet
    int64_t end_packet
    int64_t last_push_ps
    int64_t tail_ps  # work of the source after its last push
    int64_t stall_ps
    int32_t fifo


cdef struct Event:
    int64_t at_ps
    int32_t output


cdef struct Link:
    int64_t hop_ew_ps
    int64_t hop_ns_ps
    int64_t cycle_ps  # of the output that feeds it


cdef struct Mesh:
    int32_t width
    int32_t height
    int32_t chip_width  # tiles of one chip; divide width and height
    int32_t chip_height
    Link inner  # between tiles of one chip
    Link border  # between tiles of two chips
    int32_t n_ports
    int32_t n_routers
    int32_t arbiter
    int32_t routing  # of Order
    const int8_t* next_side  # [n_routers, n_routers] side by router and destination, 4 there; BY_TABLE only
    int64_t fifo_depth
    int64_t intake_depth  # 0: intakes are always ready
    int64_t inject_ps
    int64_t eject_ps
    int64_t cycle_ps  # of input FIFOs, and of outputs to cores and the host
    int64_t credit_ps
    Fifo* fifos  # [n_routers, n_ports]
    Output* outputs  # [n_routers, n_ports]
    Intake* intakes  # [n_cores]
    Source* sources  # [n_sources]
    int64_t n_sources
    int64_t n_cores
    int32_t* ring_packet  # [n_routers, n_ports, fifo_depth]
    int64_t* ring_arrive_ps
    int64_t* ring_grant_ps
    int32_t lossy  # 1: packets may be lost
    int64_t* ring_lost_ps  # [n_routers, n_ports, fifo_depth] when slots of lost packets are released; lossy
    int64_t* ring_start_ps  # [n_cores, intake_depth] service starts
    Packet* packets
    int64_t in_flight
    int64_t done_ps
    Event* heap
    int64_t n_events
    int64_t heap_size
    int32_t* touched_fifos
    int64_t n_touched_fifos
    int32_t* touched_outputs
    int64_t n_touched_outputs
    int32_t status


cdef inline int schedule(Mesh* mesh, int32_t output, int64_t at_ps) noexcept nogil:
    """Lets an output look for a packet at `at_ps`, which lies after the present instant."""
    cdef int64_t child, parent
    cdef Event* grown
    if mesh.outputs[output].wake_ps == at_ps:
        return 0
    if mesh.outputs[output].wake_ps < 0:
        mesh.touched_outputs[mesh.n_touched_outputs] = output
        mesh.n_touched_outputs += 1
    mesh.outputs[output].wake_ps = at_ps
    if mesh.n_events == mesh.heap_size:
        grown = <Event*>realloc(mesh.heap, 2 * mesh.heap_size * sizeof(Event))
        if grown == NULL:
            mesh.status = MESH_NO_MEMORY
            return -1
        mesh.heap = grown
        mesh.heap_size *= 2
    child = mesh.n_events
    mesh.n_events += 1
    while child > 0:
        parent = (child - 1) >> 1
        if mesh.heap[parent].at_ps <= at_ps:
            break
        mesh.heap[child] = mesh.heap[parent]
        child = parent
    mesh.heap[child].at_ps = at_ps
    mesh.heap[child].output = output
    return 0


cdef inline Event next_event(Mesh* mesh) noexcept nogil:
    """Takes the earliest event out."""
    cdef Event first = mesh.heap[0]
    cdef Event last
    cdef int64_t parent = 0
    cdef int64_t child = 1
    mesh.n_events -= 1
    last = mesh.heap[mesh.n_events]
    while child < mesh.n_events:
        if child + 1 < mesh.n_events and mesh.heap[child + 1].at_ps < mesh.heap[child].at_ps:
            child += 1
        if mesh.heap[child].at_ps >= last.at_ps:
            break
        mesh.heap[parent] = mesh.heap[child]
        parent = child
        child = 2 * parent + 1
    mesh.heap[parent] = last
    return first


cdef inline int32_t wanted_output(Mesh* mesh, int32_t router, Packet* packet) noexcept nogil:
    """The side that the routing says, and at the destination the packet's port there. Returns an output id."""
    cdef int32_t x = router % mesh.width
    cdef int32_t y = router // mesh.width
    cdef int32_t port = packet.port
    cdef int32_t x_first
    if packet.x == x and packet.y == y:
        return router * mesh.n_ports + port
    if mesh.routing == BY_TABLE:
        return router * mesh.n_ports + mesh.next_side[
            <int64_t>router * mesh.n_routers + packet.y * mesh.width + packet.x
        ]
    x_first = mesh.routing == X_FIRST or (mesh.routing == WEST_FIRST and packet.x < x)
    if packet.y == y or (packet.x != x and x_first):
        port = EAST if packet.x > x else WEST
    else:
        port = NORTH if packet.y > y else SOUTH
    return router * mesh.n_ports + port


cdef inline int head_ready(Mesh* mesh, int32_t fifo_id) noexcept nogil:
    """Lets the output that a FIFO's new head wants look at it as soon as the head may be granted."""
    cdef Fifo* fifo = &mesh.fifos[fifo_id]
    cdef int64_t place = fifo_id * mesh.fifo_depth + fifo.n_granted % mesh.fifo_depth
    cdef int64_t ready_ps = mesh.ring_arrive_ps[place]
    if ready_ps < fifo.next_grant_ps:
        ready_ps = fifo.next_grant_ps
    return schedule(
        mesh,
        wanted_output(mesh, fifo_id // mesh.n_ports, &mesh.packets[mesh.ring_packet[place]]),
        ready_ps,
    )


cdef inline int put(Mesh* mesh, int32_t fifo_id, int32_t packet, int64_t arrive_ps) noexcept nogil:
    """Takes the next slot of a FIFO for a packet that becomes visible at `arrive_ps`."""
    cdef Fifo* fifo = &mesh.fifos[fifo_id]
    cdef int64_t place = fifo_id * mesh.fifo_depth + fifo.n_taken % mesh.fifo_depth
    if fifo.n_taken == 0 and fifo.n_lost == 0:
        mesh.touched_fifos[mesh.n_touched_fifos] = fifo_id
        mesh.n_touched_fifos += 1
    mesh.ring_packet[place] = packet
    mesh.ring_arrive_ps[place] = arrive_ps
    fifo.n_taken += 1
    if fifo.n_taken - fifo.n_granted == 1:
        return head_ready(mesh, fifo_id)
    return 0


cdef inline void lose(Mesh* mesh, int32_t fifo_id, int64_t release_ps) noexcept nogil:
    """Takes the next slot of a FIFO for a packet that never becomes visible, until `release_ps`."""
    cdef Fifo* fifo = &mesh.fifos[fifo_id]
    if fifo.n_taken == 0 and fifo.n_lost == 0:
        mesh.touched_fifos[mesh.n_touched_fifos] = fifo_id
        mesh.n_touched_fifos += 1
    mesh.ring_lost_ps[fifo_id * mesh.fifo_depth + fifo.n_lost % mesh.fifo_depth] = release_ps
    fifo.n_lost += 1


cdef inline int64_t room_beside_lost_ps(Mesh* mesh, int32_t fifo_id) noexcept nogil:
    """`room_ps` when slots are released in two orders, by grants and by losses: there is room as soon as no
    more than depth - 1 of all slots taken are held."""
    cdef Fifo* fifo = &mesh.fifos[fifo_id]
    cdef int64_t ring = fifo_id * mesh.fifo_depth, last_ps = 0
    cdef int64_t granted = fifo.n_granted - 1, lost = fifo.n_lost - 1
    cdef int64_t n_free = mesh.fifo_depth - 1 - (fifo.n_taken - fifo.n_granted)
    cdef int64_t oldest_granted = granted - mesh.fifo_depth, oldest_lost = lost - mesh.fifo_depth
    cdef int64_t granted_ps, lost_ps
    if n_free < 0:
        return -1
    while n_free >= 0:  # from the latest release backwards
        granted_ps = lost_ps = -1
        if granted >= 0 and granted > oldest_granted:
            granted_ps = mesh.ring_grant_ps[ring + granted % mesh.fifo_depth]
        if lost >= 0 and lost > oldest_lost:
            lost_ps = mesh.ring_lost_ps[ring + lost % mesh.fifo_depth]
        if granted_ps < 0 and lost_ps < 0:
            return 0
        if granted_ps > lost_ps:
            last_ps = granted_ps
            granted -= 1
        else:
            last_ps = lost_ps
            lost -= 1
        n_free -= 1
    return last_ps + mesh.credit_ps


cdef inline int64_t room_ps(Mesh* mesh, int32_t fifo_id) noexcept nogil:
    """First instant at which the next slot of a FIFO can be taken; -1 when that is not yet known."""
    cdef Fifo* fifo = &mesh.fifos[fifo_id]
    if fifo.n_lost:
        return room_beside_lost_ps(mesh, fifo_id)
    if fifo.n_taken < mesh.fifo_depth:
        return 0
    if fifo.n_taken - fifo.n_granted >= mesh.fifo_depth:
        return -1
    return (
        mesh.ring_grant_ps[fifo_id * mesh.fifo_depth + fifo.n_taken % mesh.fifo_depth] + mesh.credit_ps
    )


cdef inline int push(Mesh* mesh, int64_t source_id) noexcept nogil:
    """Pushes a source's packets as far as the instants at which its FIFO has room are known."""
    cdef Source* source = &mesh.sources[source_id]
    cdef Packet* packet
    cdef int64_t ready_ps, at_ps
    while source.next_packet < source.end_packet:
        at_ps = room_ps(mesh, source.fifo)
        if at_ps < 0:
            mesh.fifos[source.fifo].waiting = 1
            return 0
        packet = &mesh.packets[source.next_packet]
        ready_ps = source.last_push_ps + packet.gap_ps
        if ready_ps < packet.not_before_ps:
            ready_ps = packet.not_before_ps
        if at_ps < ready_ps:
            at_ps = ready_ps
        packet.push_ps = at_ps
        source.last_push_ps = at_ps
        source.stall_ps += at_ps - ready_ps
        mesh.in_flight += 1
        if put(mesh, source.fifo, <int32_t>source.next_packet, at_ps + mesh.inject_ps):
            return -1
        source.next_packet += 1
    return 0


cdef inline void serve(Mesh* mesh, Packet* packet, int64_t arrive_ps) noexcept nogil:
    """A packet reaches a core: its service starts when it has arrived and those before it are done."""
    cdef Intake* intake = &mesh.intakes[packet.core]
    cdef int64_t* starts_ps = mesh.ring_start_ps + packet.core * mesh.intake_depth
    cdef int64_t start_ps = arrive_ps if arrive_ps > intake.busy_until_ps else intake.busy_until_ps
    cdef int64_t n_waiting = 1 if start_ps > arrive_ps else 0
    cdef int64_t n
    starts_ps[intake.n_in % mesh.intake_depth] = start_ps
    if n_waiting:
        n = intake.n_in - 1  # those before it that have not started either: all arrived earlier
        while n >= 0 and intake.n_in - n < mesh.intake_depth and starts_ps[n % mesh.intake_depth] > arrive_ps:
            n_waiting += 1
            n -= 1
        if n_waiting > intake.occupancy_max:
            intake.occupancy_max = n_waiting
    intake.n_in += 1
    intake.busy_until_ps = start_ps + packet.service_ps
    if intake.busy_until_ps > mesh.done_ps:
        mesh.done_ps = intake.busy_until_ps


cdef inline int grant(Mesh* mesh, int32_t output_id, int32_t fifo_id, int64_t now_ps) noexcept nogil:
    """Moves the head of a FIFO through an output."""
    cdef Output* output = &mesh.outputs[output_id]
    cdef Fifo* fifo = &mesh.fifos[fifo_id]
    cdef int64_t ring = fifo_id * mesh.fifo_depth
    cdef int64_t place = ring + fifo.n_granted % mesh.fifo_depth
    cdef int32_t packet_id = mesh.ring_packet[place]
    cdef Packet* packet = &mesh.packets[packet_id]
    cdef int failed = 0
    while (
        fifo.n_visible < fifo.n_taken
        and mesh.ring_arrive_ps[ring + fifo.n_visible % mesh.fifo_depth] <= now_ps
    ):
        fifo.n_visible += 1
    if fifo.n_visible - fifo.n_granted > fifo.occupancy_max:
        fifo.occupancy_max = fifo.n_visible - fifo.n_granted
    mesh.ring_grant_ps[place] = now_ps
    fifo.n_granted += 1
    fifo.next_grant_ps = now_ps + mesh.cycle_ps
    output.next_grant_ps = now_ps + output.cycle_ps
    output.n_granted += 1
    packet.arrive_ps = now_ps + output.latency_ps
    if packet.lost_at == output_id + 1:
        lose(mesh, output.target, packet.arrive_ps)
        packet.arrive_ps = 0
        mesh.in_flight -= 1
    elif output.target >= 0:
        failed |= put(mesh, output.target, packet_id, packet.arrive_ps)
    else:
        mesh.in_flight -= 1
        if packet.core < mesh.n_cores and mesh.intake_depth:
            serve(mesh, packet, packet.arrive_ps)
        elif packet.arrive_ps > mesh.done_ps:
            mesh.done_ps = packet.arrive_ps
    if fifo.n_granted < fifo.n_taken:
        failed |= head_ready(mesh, fifo_id)
    if fifo.waiting:
        fifo.waiting = 0
        if fifo.feeder >= 0:
            failed |= schedule(mesh, fifo.feeder, now_ps + mesh.credit_ps)
        else:
            failed |= push(mesh, FIRST_SOURCE - fifo.feeder)
    return failed


cdef inline int64_t blocked_until_ps(Mesh* mesh, int32_t output_id, int64_t now_ps) noexcept nogil:
    """`now_ps` if the output may grant; else the instant it may, or -1 when that is not yet known."""
    cdef Output* output = &mesh.outputs[output_id]
    cdef int64_t at_ps = 0
    cdef Intake* intake
    cdef int64_t core
    if output.next_grant_ps > now_ps:
        return output.next_grant_ps
    if output.target >= 0:
        at_ps = room_ps(mesh, output.target)
        if at_ps < 0:
            mesh.fifos[output.target].waiting = 1
            return -1
        if at_ps > now_ps and mesh.fifos[output.target].n_lost:
            mesh.fifos[output.target].waiting = 1  # a grant may release a slot before the lost packet does
    elif output.target < -1 and mesh.intake_depth:
        core = -2 - <int64_t>output.target
        intake = &mesh.intakes[core]
        if intake.n_in >= mesh.intake_depth:
            at_ps = (
                mesh.ring_start_ps[core * mesh.intake_depth + intake.n_in % mesh.intake_depth]
                + mesh.credit_ps
            )
    return at_ps if at_ps > now_ps else now_ps


cdef inline int arbitrate(Mesh* mesh, int32_t output_id, int64_t now_ps) noexcept nogil:
    """Phase 2 for one output: grants at most one of the heads that want it."""
    cdef int64_t at_ps = blocked_until_ps(mesh, output_id, now_ps)
    cdef int32_t router, port, chosen = -1
    cdef int32_t n_waiting = 0
    cdef int64_t rank, best = 0
    cdef Fifo* fifo
    cdef int32_t fifo_id
    cdef int64_t place
    cdef Packet* packet
    if at_ps < 0:
        return 0
    if at_ps > now_ps:
        return schedule(mesh, output_id, at_ps)
    router = output_id // mesh.n_ports
    for port in range(mesh.n_ports):
        fifo_id = router * mesh.n_ports + port
        fifo = &mesh.fifos[fifo_id]
        if fifo.n_granted == fifo.n_taken or fifo.next_grant_ps > now_ps:
            continue
        place = fifo_id * mesh.fifo_depth + fifo.n_granted % mesh.fifo_depth
        if mesh.ring_arrive_ps[place] > now_ps:
            continue
        packet = &mesh.packets[mesh.ring_packet[place]]
        if wanted_output(mesh, router, packet) != output_id:
            continue
        n_waiting += 1
        if mesh.arbiter == FIXED:
            rank = port
        elif mesh.arbiter == OLDEST:
            rank = packet.push_ps  # ties: port order, by the strict comparison below
        else:
            rank = port - mesh.outputs[output_id].pointer
            if rank < 0:
                rank += mesh.n_ports
        if chosen < 0 or rank < best:
            chosen, best = port, rank
    if chosen < 0:
        return 0
    if mesh.arbiter == ROUND_ROBIN:
        mesh.outputs[output_id].pointer = chosen + 1 if chosen + 1 < mesh.n_ports else 0
    if grant(mesh, output_id, router * mesh.n_ports + chosen, now_ps):
        return -1
    if n_waiting > 1:
        return schedule(mesh, output_id, now_ps + mesh.outputs[output_id].cycle_ps)
    return 0


cdef inline int run_events(Mesh* mesh) noexcept nogil:
    """Pushes what the sources hold and runs until nothing is left to happen. Returns a Status."""
    cdef int64_t source_id
    cdef Event event
    for source_id in range(mesh.n_sources):
        if push(mesh, source_id):
            return mesh.status
    while mesh.n_events:
        event = next_event(mesh)
        if arbitrate(mesh, event.output, event.at_ps):
            return mesh.status
    return MESH_DEADLOCK if mesh.in_flight else MESH_OK


cdef inline void list_waits(Mesh* mesh, int64_t* waits_for) noexcept nogil:
    """After a deadlock: fills [n_routers, n_ports] with the input FIFO whose room each one's head waits for;
    NOBODY: it is empty, or its head waits for no input FIFO."""
    cdef int32_t fifo_id, target
    cdef int64_t place
    cdef Fifo* fifo
    for fifo_id in range(mesh.n_routers * mesh.n_ports):
        fifo = &mesh.fifos[fifo_id]
        target = NOBODY
        if fifo.n_granted < fifo.n_taken:
            place = fifo_id * mesh.fifo_depth + fifo.n_granted % mesh.fifo_depth
            target = mesh.outputs[
                wanted_output(mesh, fifo_id // mesh.n_ports, &mesh.packets[mesh.ring_packet[place]])
            ].target
        waits_for[fifo_id] = target if target >= 0 else NOBODY


cdef inline void reset(Mesh* mesh) noexcept nogil:
    """Back to the initial state of a tick; keeps occupancy_max, stall_ps and the outputs' n_granted."""
    cdef int64_t i
    cdef Fifo* fifo
    cdef Output* output
    for i in range(mesh.n_touched_fifos):
        fifo = &mesh.fifos[mesh.touched_fifos[i]]
        fifo.n_taken = fifo.n_granted = fifo.n_visible = fifo.n_lost = fifo.next_grant_ps = 0
        fifo.waiting = 0
    for i in range(mesh.n_touched_outputs):
        output = &mesh.outputs[mesh.touched_outputs[i]]
        output.next_grant_ps = 0
        output.wake_ps = -1
        output.pointer = 0
    for i in range(mesh.n_cores):
        mesh.intakes[i].n_in = mesh.intakes[i].busy_until_ps = 0
    for i in range(mesh.n_sources):
        mesh.sources[i].last_push_ps = 0
    mesh.n_touched_fifos = mesh.n_touched_outputs = mesh.n_events = 0
    mesh.in_flight = mesh.done_ps = 0
    mesh.status = MESH_OK


cdef inline void wire(Mesh* mesh) noexcept nogil:
    """Connects every output to the input at the other end of its link."""
    cdef int32_t router, port, x, y, chip_x, chip_y, other, entry, fifo_id
    cdef Link* link
    for router in range(mesh.n_routers):
        for port in range(mesh.n_ports):
            fifo_id = router * mesh.n_ports + port
            mesh.fifos[fifo_id].feeder = NOBODY
            mesh.outputs[fifo_id].target = -1
            mesh.outputs[fifo_id].wake_ps = -1
            mesh.outputs[fifo_id].latency_ps = mesh.eject_ps
            mesh.outputs[fifo_id].cycle_ps = mesh.cycle_ps
    for router in range(mesh.n_routers):
        for port in range(N_SIDES):
            x = router % mesh.width
            y = router // mesh.width
            chip_x, chip_y = x // mesh.chip_width, y // mesh.chip_height
            x += 1 if port == EAST else (-1 if port == WEST else 0)
            y += 1 if port == NORTH else (-1 if port == SOUTH else 0)
            if x < 0 or y < 0 or x >= mesh.width or y >= mesh.height:
                continue
            link = &mesh.inner
            if x // mesh.chip_width != chip_x or y // mesh.chip_height != chip_y:
                link = &mesh.border
            other = y * mesh.width + x
            entry = port ^ 1  # E and W, N and S face each other
            fifo_id = router * mesh.n_ports + port
            mesh.outputs[fifo_id].target = other * mesh.n_ports + entry
            mesh.outputs[fifo_id].latency_ps = link.hop_ew_ps if port < NORTH else link.hop_ns_ps
            mesh.outputs[fifo_id].cycle_ps = link.cycle_ps
            mesh.fifos[other * mesh.n_ports + entry].feeder = fifo_id


cdef inline int allocate(Mesh* mesh, int64_t heap_size) noexcept nogil:
    """Allocates every array but `packets`; sizes are set. Returns -1 when memory is short."""
    cdef int64_t n = <int64_t>mesh.n_routers * mesh.n_ports
    cdef int64_t n_starts = mesh.n_cores * mesh.intake_depth
    mesh.fifos = <Fifo*>calloc(n, sizeof(Fifo))
    mesh.outputs = <Output*>calloc(n, sizeof(Output))
    mesh.intakes = <Intake*>calloc(mesh.n_cores + 1, sizeof(Intake))
    mesh.sources = <Source*>calloc(mesh.n_sources + 1, sizeof(Source))
    mesh.ring_packet = <int32_t*>malloc(n * mesh.fifo_depth * sizeof(int32_t))
    mesh.ring_arrive_ps = <int64_t*>malloc(n * mesh.fifo_depth * sizeof(int64_t))
    mesh.ring_grant_ps = <int64_t*>malloc(n * mesh.fifo_depth * sizeof(int64_t))
    mesh.ring_lost_ps = <int64_t*>malloc((n * mesh.fifo_depth if mesh.lossy else 1) * sizeof(int64_t))
    mesh.ring_start_ps = <int64_t*>malloc((n_starts + 1) * sizeof(int64_t))
    mesh.touched_fifos = <int32_t*>malloc(n * sizeof(int32_t))
    mesh.touched_outputs = <int32_t*>malloc(n * sizeof(int32_t))
    mesh.heap = <Event*>malloc(heap_size * sizeof(Event))
    mesh.heap_size = heap_size
    if (
        mesh.fifos == NULL or mesh.outputs == NULL or mesh.intakes == NULL or mesh.sources == NULL
        or mesh.ring_packet == NULL or mesh.ring_arrive_ps == NULL or mesh.ring_grant_ps == NULL
        or mesh.ring_lost_ps == NULL or mesh.ring_start_ps == NULL or mesh.touched_fifos == NULL or mesh.touched_outputs == NULL
        or mesh.heap == NULL
    ):
        return -1
    return 0


cdef inline void release(Mesh* mesh) noexcept nogil:
    """Frees what `allocate` took."""
    free(mesh.fifos)
    free(mesh.outputs)
    free(mesh.intakes)
    free(mesh.sources)
    free(mesh.ring_packet)
    free(mesh.ring_arrive_ps)
    free(mesh.ring_grant_ps)
    free(mesh.ring_lost_ps)
    free(mesh.ring_start_ps)
    free(mesh.touched_fifos)
    free(mesh.touched_outputs)
    free(mesh.heap)
