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
    Bin, EventQueue, append, close_bin, far_due, lowest_bit, next_bin, pop_far, push_far, shuffle_bin,
)
from emulator._ext.mesh_ports cimport wake, want, wanted_output
from emulator._ext.mesh_serial cimport OWN_LINK, Turn, take_turn
from emulator._ext.mesh_state cimport (
    BLOCKED, FIRST_SOURCE, FIXED, MESH_DEADLOCK, MESH_NO_MEMORY, MESH_OK, NEVER_PS, NOBODY, ROUND_ROBIN,
    TOUCHED, WAITED_FOR, Fork, Goal, GrantLog, Hop, Intake, Lost, Mesh, Port, Slot, Source, cold_void, expect, hot_void,
    prefetch, slot_of, word_of,
)
from emulator._ext.mesh_tree cimport branch_to, offer_branches
from libc.stdint cimport int16_t, int32_t, int64_t, uint16_t, uint64_t
from libc.stdlib cimport realloc


cdef inline hot_void offer(Mesh* mesh, Port* fifo, int32_t fifo_id, Slot* head) noexcept nogil:
    """Lets the output that the head of a FIFO wants know of it, or with multicast each of its branches'."""
    if expect(mesh.forks != NULL, 0):
        offer_branches(mesh, fifo, fifo_id, head)
    else:
        want(mesh, fifo, fifo_id, fifo.router + wanted_output(mesh, fifo, head))


cdef inline hot_void offer_later(Mesh* mesh, Port* fifo, int32_t fifo_id) noexcept nogil:
    """`offer` for a head that a source may have put there, to arrive any time from now."""
    cdef Slot* head = slot_of(mesh, fifo_id, fifo.n_granted)
    if head.at_ps > fifo.ready_ps:
        fifo.ready_ps = head.at_ps
        # An output has one event. One far ahead would have to be set anew after every grant until then.
        if head.at_ps >> mesh.queue.shift >= mesh.queue.now_bin + mesh.queue.n_bins:
            push_far(&mesh.queue, ~fifo_id, head.at_ps)
            return
    offer(mesh, fifo, fifo_id, head)


cdef inline void touch(Mesh* mesh, Port* port, int32_t port_id) noexcept nogil:
    """Remembers that a port has to be set back."""
    if not port.flags & TOUCHED:
        port.flags |= TOUCHED
        mesh.touched[mesh.n_touched] = port_id
        mesh.n_touched += 1


cdef inline Slot* put(
    Mesh* mesh, Port* fifo, int32_t fifo_id, int32_t packet, int16_t x, int16_t y, int64_t arrive_ps
) noexcept nogil:
    """Takes the next slot of a FIFO for a packet to tile (x, y) that becomes visible at `arrive_ps`."""
    cdef Slot* slot = slot_of(mesh, fifo_id, fifo.n_taken)
    touch(mesh, fifo, fifo_id)
    slot.at_ps = arrive_ps
    slot.packet = packet
    slot.x, slot.y = x, y
    fifo.n_taken += 1
    return slot


cdef inline cold_void find_room_beside_lost(
    Mesh* mesh, Port* fifo, int32_t fifo_id, int64_t* room_ps
) noexcept nogil:
    """`room_ps` where slots are released by grants and by losses: there is room as soon as no more than
    depth - 1 of all slots ever taken are held. The next grant may release one before a loss does, so that the
    feeder is told of it too."""
    cdef int64_t* until_ps = mesh.lost_until_ps + fifo_id * <int64_t>mesh.fifo_depth
    cdef int64_t granted = fifo.n_granted - 1, lost = mesh.lost[fifo_id].n - 1
    cdef int64_t oldest_granted = granted - mesh.fifo_depth, oldest_lost = lost - mesh.fifo_depth
    cdef int64_t n_later = mesh.fifo_depth - 1 - (fifo.n_taken - fifo.n_granted)
    cdef int64_t granted_ps, lost_ps, last_ps = 0
    if fifo.n_taken > fifo.n_granted:
        fifo.flags |= WAITED_FOR
    if n_later < 0:
        room_ps[0] = -1
        return
    while n_later >= 0:  # from the latest release backwards
        granted_ps = lost_ps = -1
        if granted >= 0 and granted > oldest_granted:
            granted_ps = slot_of(mesh, fifo_id, <int32_t>granted).at_ps
        if lost >= 0 and lost > oldest_lost:
            lost_ps = until_ps[lost % mesh.fifo_depth]
        if granted_ps < 0 and lost_ps < 0:
            room_ps[0] = 0
            return
        if granted_ps > lost_ps:
            last_ps = granted_ps
            granted -= 1
        else:
            last_ps = lost_ps
            lost -= 1
        n_later -= 1
    room_ps[0] = last_ps + mesh.credit_ps


cdef inline int64_t room_ps(Mesh* mesh, Port* fifo, int32_t fifo_id) noexcept nogil:
    """First instant at which the next slot of a FIFO can be taken. -1: not yet known; then the feeder is told
    as soon as it is."""
    cdef int64_t at_ps
    if expect(mesh.lost != NULL, 0) and mesh.lost[fifo_id].n:
        find_room_beside_lost(mesh, fifo, fifo_id, &at_ps)
        return at_ps
    if fifo.n_taken < mesh.fifo_depth:
        return 0
    if fifo.n_taken - fifo.n_granted == mesh.fifo_depth:
        fifo.flags |= WAITED_FOR
        return -1
    return slot_of(mesh, fifo_id, fifo.n_taken - mesh.fifo_depth).at_ps + mesh.credit_ps


cdef inline hot_void push(Mesh* mesh, int64_t source_id) noexcept nogil:
    """Pushes a source's packets as far as the instants at which its FIFO has room are known."""
    cdef Source* source = &mesh.sources[source_id]
    cdef Port* fifo = &mesh.ports[source.fifo]
    cdef const Goal* goal
    cdef int32_t packet, n  # destinations
    cdef int64_t ready_ps, at_ps
    while source.next_packet < source.end_packet:
        at_ps = room_ps(mesh, fifo, source.fifo)
        if at_ps < 0:
            return
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
        n = 1 if mesh.past == NULL else mesh.past[packet] - packet
        mesh.in_flight += n
        source.next_packet += n
        goal = &mesh.goals[mesh.goal[packet]]
        put(mesh, fifo, source.fifo, packet, goal.x, goal.y, at_ps + mesh.inject_ps)
        if fifo.n_taken - fifo.n_granted == 1:
            offer_later(mesh, fifo, source.fifo)


cdef inline void serve(Mesh* mesh, int64_t core, int64_t service_ps, int64_t arrive_ps) noexcept nogil:
    """A packet reaches a core: its service starts when it has arrived and those before it are done."""
    cdef Intake* intake = &mesh.intakes[core]
    cdef int64_t* start_ps = mesh.start_ps + core * mesh.intake_depth
    cdef int32_t place = intake.next - intake.occupancy_max
    start_ps[intake.next] = arrive_ps if arrive_ps > intake.busy_until_ps else intake.busy_until_ps
    intake.busy_until_ps = start_ps[intake.next] + service_ps
    if intake.busy_until_ps > mesh.done_ps:
        mesh.done_ps = intake.busy_until_ps
    # Starts ascend: more wait than ever before if, so many places back, one has not started either.
    if intake.occupancy_max < mesh.intake_depth and (place >= 0 or intake.lapped):
        if start_ps[place if place >= 0 else place + mesh.intake_depth] > arrive_ps:
            intake.occupancy_max += 1
    intake.next += 1
    if intake.next == mesh.intake_depth:
        intake.next = 0
        intake.lapped = 1


cdef inline void observe(Mesh* mesh, Port* fifo, int32_t fifo_id, int64_t now_ps) noexcept nogil:
    """Notes if more packets of a FIFO are visible than ever before."""
    while (
        fifo.occupancy_max < fifo.n_taken - fifo.n_granted
        and slot_of(mesh, fifo_id, fifo.n_granted + fifo.occupancy_max).at_ps <= now_ps
    ):
        fifo.occupancy_max += 1


cdef inline hot_void deliver(Mesh* mesh, Port* output, int32_t packet, int64_t arrive_ps) noexcept nogil:
    """A packet leaves the mesh by an output."""
    cdef int64_t core = FIRST_SOURCE - <int64_t>output.partner
    cdef int64_t at_ps
    mesh.in_flight -= 1
    mesh.arrive_ps[packet] = arrive_ps
    if core >= mesh.n_cores:  # always ready
        if arrive_ps > mesh.done_ps:
            mesh.done_ps = arrive_ps
        return
    serve(mesh, core, mesh.service_ps[packet], arrive_ps)
    if mesh.intakes[core].lapped:
        at_ps = mesh.start_ps[core * mesh.intake_depth + mesh.intakes[core].next] + mesh.credit_ps
        if at_ps > output.free_ps:
            output.free_ps = at_ps


cdef inline cold_void lose(Mesh* mesh, Port* output, int32_t packet, int64_t arrive_ps) noexcept nogil:
    """A packet gets lost on a link: the slot it was granted is held until it would have arrived."""
    cdef int32_t fifo_id = output.partner
    cdef Port* fifo = &mesh.ports[fifo_id]
    cdef Lost* lost = &mesh.lost[fifo_id]
    touch(mesh, fifo, fifo_id)
    mesh.lost_until_ps[fifo_id * <int64_t>mesh.fifo_depth + lost.n % mesh.fifo_depth] = arrive_ps
    lost.n += 1
    mesh.in_flight -= 1
    mesh.arrive_ps[packet] = 0
    wait_for_room(mesh, output, fifo, fifo_id)


cdef inline hot_void wait_for_room(Mesh* mesh, Port* output, Port* fifo, int32_t fifo_id) noexcept nogil:
    """The output waits for the slot that its next packet will need."""
    cdef int64_t at_ps = room_ps(mesh, fifo, fifo_id)
    if at_ps < 0:
        output.flags |= BLOCKED
    elif at_ps > output.free_ps:
        output.free_ps = at_ps


cdef inline hot_void send(Mesh* mesh, Port* output, Slot* slot, int64_t arrive_ps) noexcept nogil:
    """A packet crosses a link."""
    cdef Port* fifo = &mesh.ports[output.partner]
    cdef Slot* taken = put(mesh, fifo, output.partner, slot.packet, slot.x, slot.y, arrive_ps)
    wait_for_room(mesh, output, fifo, output.partner)
    if fifo.n_taken - fifo.n_granted == 1:
        if arrive_ps > fifo.ready_ps:
            fifo.ready_ps = arrive_ps
        offer(mesh, fifo, output.partner, taken)


cdef inline hot_void released(Mesh* mesh, Port* fifo, int32_t fifo_id, int64_t now_ps) noexcept nogil:
    """A slot that the feeder of a FIFO waits for is released."""
    cdef Port* output
    cdef int32_t word
    fifo.flags &= ~WAITED_FOR
    if fifo.partner < 0:
        push(mesh, FIRST_SOURCE - fifo.partner)
        return
    output = &mesh.ports[fifo.partner]
    output.flags &= ~BLOCKED
    if expect(mesh.lost != NULL, 0):  # room may come before what it waited for until now
        output.free_ps = mesh.lost[fifo.partner].recovered_ps
        wait_for_room(mesh, output, fifo, fifo_id)
        if output.flags & BLOCKED:
            return
    elif output.free_ps < now_ps + mesh.credit_ps:
        output.free_ps = now_ps + mesh.credit_ps
    if output.wanted_by:
        wake(mesh, output, fifo.partner, output.free_ps)
        return
    for word in range(mesh.n_more_words):
        if word_of(mesh, fifo.partner, word + 1)[0]:
            wake(mesh, output, fifo.partner, output.free_ps)


cdef inline cold_void write_down(Mesh* mesh, int32_t packet, int32_t output_id, int64_t now_ps) noexcept nogil:
    """Keeps a grant."""
    cdef GrantLog* log = mesh.log
    cdef int64_t* grown
    if log.n == log.n_room:
        grown = <int64_t*>realloc(log.rows, (2 * log.n_room + 1024) * 4 * sizeof(int64_t))
        if grown == NULL:
            mesh.queue.failed = True
            return
        log.rows, log.n_room = grown, 2 * log.n_room + 1024
    grown = log.rows + 4 * log.n
    grown[0], grown[1], grown[2] = packet, output_id, now_ps
    grown[3] = mesh.past[packet] if mesh.past != NULL else packet + 1
    log.n += 1


cdef inline hot_void grant(
    Mesh* mesh, Port* output, int32_t output_id, Port* fifo, int32_t fifo_id, int64_t now_ps
) noexcept nogil:
    """Moves the head of a FIFO through an output."""
    cdef Slot* head = slot_of(mesh, fifo_id, fifo.n_granted)
    if expect(mesh.forks != NULL, 0):
        grant_branch(mesh, output, output_id, fifo, fifo_id, now_ps)
        return
    leave(mesh, fifo, fifo_id, head, now_ps)
    move(mesh, output, output_id, fifo_id - fifo.router, head, now_ps)
    follow(mesh, fifo, fifo_id, now_ps)


cdef inline cold_void grant_branch(
    Mesh* mesh, Port* output, int32_t output_id, Port* fifo, int32_t fifo_id, int64_t now_ps
) noexcept nogil:
    """Moves a branch of the head of a FIFO through an output. The head leaves with its last branch: the
    latest, which need not be the one that is handled last."""
    cdef Fork* fork = &mesh.forks[fifo_id]
    cdef Slot branch
    branch_to(mesh, fifo, fifo_id, output_id, &branch)
    fork.n_left -= 1
    if now_ps > fork.left_ps:
        fork.left_ps = now_ps
    if fork.n_left == 0:
        leave(mesh, fifo, fifo_id, slot_of(mesh, fifo_id, fifo.n_granted), fork.left_ps)
    move(mesh, output, output_id, fifo_id - fifo.router, &branch, now_ps)
    if fork.n_left == 0:
        follow(mesh, fifo, fifo_id, fork.left_ps)


cdef inline hot_void leave(Mesh* mesh, Port* fifo, int32_t fifo_id, Slot* head, int64_t now_ps) noexcept nogil:
    """The head of a FIFO leaves it."""
    if fifo.n_taken - fifo.n_granted > fifo.occupancy_max:
        observe(mesh, fifo, fifo_id, now_ps)
    head.at_ps = now_ps
    fifo.n_granted += 1
    fifo.ready_ps = now_ps + mesh.cycle_ps


cdef inline hot_void follow(Mesh* mesh, Port* fifo, int32_t fifo_id, int64_t now_ps) noexcept nogil:
    """What waits for the head of a FIFO to leave: the next one, and whoever needs its slot."""
    if fifo.n_granted < fifo.n_taken:
        offer_later(mesh, fifo, fifo_id)
    if fifo.flags & WAITED_FOR:
        released(mesh, fifo, fifo_id, now_ps)


@cython.overflowcheck(False)
cdef inline hot_void move(
    Mesh* mesh, Port* output, int32_t output_id, int32_t port, Slot* slot, int64_t now_ps
) noexcept nogil:
    """Takes a packet, which has waited at an input port, through an output."""
    cdef Hop* hop = &mesh.hops[output.kind]
    word_of(mesh, output_id, port >> 6)[0] &= ~(<uint64_t>1 << (port & 63))
    touch(mesh, output, output_id)
    output.n_sent += 1
    output.free_ps = now_ps + hop.cycle_ps
    if expect(mesh.log != NULL, 0):
        write_down(mesh, slot.packet, output_id, now_ps)
    if expect(mesh.lost != NULL, 0):
        mesh.lost[output_id].recovered_ps = output.free_ps
        if mesh.lost_at[slot.packet] == output_id + 1:
            lose(mesh, output, slot.packet, now_ps + hop.latency_ps)
            return
    if output.partner >= 0:
        send(mesh, output, slot, now_ps + hop.latency_ps)
    else:
        deliver(mesh, output, slot.packet, now_ps + hop.latency_ps)


cdef struct Look:  # what an output finds
    int32_t chosen  # port whose head it grants; -1: none is ready
    int32_t n_ready
    int64_t later_ps  # when the first of the others is


@cython.overflowcheck(False)
cdef inline Look candidates(Mesh* mesh, Port* output, int32_t output_id, int64_t now_ps) noexcept nogil:
    """The heads that want an output."""
    cdef Port* router = &mesh.ports[output.router]
    cdef Look found
    cdef int64_t rank, best = 0, ready_ps
    cdef int32_t port, word
    cdef uint64_t ports = output.wanted_by
    found.chosen, found.n_ready, found.later_ps = -1, 0, NEVER_PS
    if ports & (ports - 1) == 0 and mesh.n_more_words == 0:  # only one: no need for the arbiter
        port = lowest_bit(ports)
        if router[port].ready_ps <= now_ps:
            found.chosen, found.n_ready = port, 1
        else:
            found.later_ps = router[port].ready_ps
        return found
    for word in range(mesh.n_more_words + 1):
        ports = word_of(mesh, output_id, word)[0]
        while ports:
            port = (word << 6) + lowest_bit(ports)
            ports &= ports - 1
            ready_ps = router[port].ready_ps
            if ready_ps > now_ps:
                if ready_ps < found.later_ps:
                    found.later_ps = ready_ps
                continue
            found.n_ready += 1
            rank = rank_of(mesh, output, port)
            if found.chosen < 0 or rank < best:  # ties: port order
                found.chosen, best = port, rank
    return found


cdef inline int64_t rank_of(Mesh* mesh, Port* output, int32_t port) noexcept nogil:
    """The lowest is granted, of equal ones the first port."""
    cdef int32_t fifo_id = output.router + port
    if mesh.arbiter == ROUND_ROBIN:
        return port - <int32_t>output.pointer + (mesh.n_ports if port < output.pointer else 0)
    if mesh.arbiter == FIXED:
        return port
    return mesh.push_ps[slot_of(mesh, fifo_id, mesh.ports[fifo_id].n_granted).packet]


cdef inline void look(Mesh* mesh, int32_t output_id) noexcept nogil:
    """Phase 2 for one output, or one serial link: grants at most one of the heads that want it."""
    cdef Port* output = &mesh.ports[output_id]
    cdef int64_t now_ps = output.wake_ps
    cdef int32_t fifo_id
    cdef Look found
    cdef Turn turn
    if now_ps >= mesh.queue.end_ps:
        return  # it was woken earlier than by this event
    output.wake_ps = NEVER_PS
    if expect(mesh.serial_of != NULL, 0) and mesh.serial_of[output_id] != OWN_LINK:
        take_turn(mesh, &mesh.serials[mesh.serial_of[output_id]], now_ps, &turn)
        if turn.output_id < 0:
            return
        found.n_ready, found.later_ps = 1, NEVER_PS
        output_id, fifo_id = turn.output_id, turn.fifo_id
        output = &mesh.ports[output_id]
    else:
        found = candidates(mesh, output, output_id, now_ps)
        if found.chosen < 0:
            wake(mesh, output, output_id, found.later_ps)
            return
        if mesh.arbiter == ROUND_ROBIN:
            output.pointer = <uint16_t>(found.chosen + 1 if found.chosen + 1 < mesh.n_ports else 0)
        fifo_id = output.router + found.chosen
    grant(mesh, output, output_id, &mesh.ports[fifo_id], fifo_id, now_ps)
    if found.n_ready > 1:
        found.later_ps = output.free_ps
    if found.later_ps < NEVER_PS and not output.flags & BLOCKED:
        wake(mesh, output, output_id, found.later_ps if found.later_ps > output.free_ps else output.free_ps)


cdef inline void fetch_ahead(Mesh* mesh, Bin* bin, int32_t i) noexcept nogil:
    """Asks for the memory that the next events of a bin will need, a step of each at a time. A large mesh is
    not in the cache, and what an event needs is known only by what it needed before."""
    cdef Port* output
    cdef Port* target
    cdef Slot* slot
    cdef int32_t id
    mesh.n_fetches += 1  # GCC 12 takes a function that only prefetches for one without effect
    if i + 8 < bin.n:
        prefetch(&mesh.ports[bin.ids[i + 8]])
    if i + 6 < bin.n:
        output = &mesh.ports[bin.ids[i + 6]]
        if output.partner >= 0:
            prefetch(&mesh.ports[output.partner])
        if output.wanted_by:
            prefetch(&mesh.ports[output.router + lowest_bit(output.wanted_by)])
    if i + 4 < bin.n:
        output = &mesh.ports[bin.ids[i + 4]]
        if output.partner >= 0:
            prefetch(slot_of(mesh, output.partner, mesh.ports[output.partner].n_taken))
        if output.wanted_by:
            id = output.router + lowest_bit(output.wanted_by)
            prefetch(slot_of(mesh, id, mesh.ports[id].n_granted))
    if i + 2 < bin.n:
        output = &mesh.ports[bin.ids[i + 2]]
        if output.partner >= 0 and output.wanted_by:
            id = output.router + lowest_bit(output.wanted_by)
            slot = slot_of(mesh, id, mesh.ports[id].n_granted)
            target = &mesh.ports[output.partner]
            prefetch(&mesh.ports[target.router + wanted_output(mesh, target, slot)])


cdef inline int run_events(Mesh* mesh) noexcept nogil:
    """Pushes what the sources hold and runs until nothing is left to happen. Returns a Status."""
    cdef EventQueue* queue = &mesh.queue
    cdef int64_t source_id
    cdef int32_t i
    cdef bint fetches
    cdef Bin* bin
    for source_id in range(mesh.n_sources):
        push(mesh, source_id)
    while not queue.failed:
        bin = next_bin(queue)
        if bin == NULL:
            return MESH_DEADLOCK if mesh.in_flight else MESH_OK
        take_far(mesh)
        if queue.shuffle:
            shuffle_bin(queue, bin)
        i = 0
        fetches = mesh.fetches and bin.n > 2  # with few at a time there is nothing to gain
        while i < bin.n:  # it may grow
            if fetches:
                fetch_ahead(mesh, bin, i)
            look(mesh, bin.ids[i])
            i += 1
        mesh.n_looks += bin.n
        close_bin(queue, bin)
    return MESH_NO_MEMORY


cdef inline void take_far(Mesh* mesh) noexcept nogil:
    """Adds what had been far ahead to the bin whose time has come: before any output looks."""
    cdef EventQueue* queue = &mesh.queue
    cdef Port* fifo
    cdef int32_t id
    while far_due(queue):
        id = pop_far(queue)
        if id >= 0:
            append(queue, id, queue.now_bin & (queue.n_bins - 1))
        else:
            fifo = &mesh.ports[~id]
            offer(mesh, fifo, ~id, slot_of(mesh, ~id, fifo.n_granted))


cdef inline void list_waits(Mesh* mesh, int64_t* waits_for) noexcept nogil:
    """After a deadlock: fills [n_routers, n_ports] with the input FIFO whose room each one's head waits for;
    NOBODY: it is empty, or its head waits for no input FIFO."""
    cdef int32_t fifo_id, target
    cdef Port* fifo
    for fifo_id in range(mesh.n_routers * mesh.n_ports):
        fifo = &mesh.ports[fifo_id]
        target = NOBODY
        if fifo.n_granted < fifo.n_taken:
            target = mesh.ports[
                fifo.router + wanted_output(mesh, fifo, slot_of(mesh, fifo_id, fifo.n_granted))
            ].partner
        waits_for[fifo_id] = target if target >= 0 else NOBODY
