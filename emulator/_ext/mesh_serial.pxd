# Serial links: what the outputs of several rows to another chip are merged into. Twin of SerialLink in
# emulator/reference/mesh.py.
#
# A link looks for a packet instead of its outputs, as they would for themselves: its event is that of its
# first output, whose `wake_ps` is then that of the link. What an output knows of itself alone, when it has
# recovered and its next packet has room, stays with the output.
cimport cython
from emulator._ext.event_queue cimport enqueue, lowest_bit
from emulator._ext.mesh_state cimport (
    BLOCKED, EAST, FIXED, N_SIDES, NEVER_PS, NORTH, ROUND_ROBIN, WEST, Mesh, Port, Serial, cold_void,
    slot_of, word_of,
)
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc

cdef enum:
    OWN_LINK = -1  # of an output: it is not merged with others


cdef struct Turn:  # what a serial link finds
    int32_t output_id  # that grants; -1: no head is ready
    int32_t fifo_id  # whose head it grants
    int32_t place  # row * n_ports + port of that FIFO
    int32_t n_ready
    int64_t later_ps  # when the first of the others is


cdef inline int make_serial_links(Mesh* mesh) noexcept nogil:
    """Lets neighbouring rows of each side of a chip share a link if they are to. Returns -1 when memory is
    short."""
    cdef int32_t router, side, place, x, y
    cdef int32_t* of_output
    if mesh.merge <= 1:
        return 0
    mesh.serial_of = of_output = <int32_t*>malloc(mesh.n_routers * mesh.n_ports * sizeof(int32_t))
    mesh.serials = <Serial*>malloc((n_of_links(mesh) + 1) * sizeof(Serial))
    if mesh.serial_of == NULL or mesh.serials == NULL:
        return -1
    for place in range(mesh.n_routers * mesh.n_ports):
        of_output[place] = OWN_LINK
    for router in range(mesh.n_routers):
        x, y = router % mesh.width, router // mesh.width
        for side in range(N_SIDES):
            if leaves_chip(mesh, x, y, side):
                if side < NORTH:
                    join(mesh, router * mesh.n_ports + side, y % mesh.chip_height, mesh.width * mesh.n_ports)
                else:
                    join(mesh, router * mesh.n_ports + side, x % mesh.chip_width, mesh.n_ports)
    return 0


cdef inline void join(Mesh* mesh, int32_t output_id, int32_t row, int32_t step) noexcept nogil:
    """Merges an output with that of the row before, `step` ports back, or starts a link with it."""
    cdef Serial* link
    if row % mesh.merge:
        mesh.serial_of[output_id] = mesh.serial_of[output_id - step]
    else:
        mesh.serial_of[output_id] = mesh.n_serials
        link = &mesh.serials[mesh.n_serials]
        link.first, link.step, link.n_rows, link.pointer, link.free_ps = output_id, step, 0, 0, 0
        mesh.n_serials += 1
    mesh.serials[mesh.serial_of[output_id]].n_rows += 1


cdef inline bint leaves_chip(Mesh* mesh, int32_t x, int32_t y, int32_t side) noexcept nogil:
    """Whether a side of a tile faces another chip."""
    if side == EAST:
        return x + 1 < mesh.width and (x + 1) % mesh.chip_width == 0
    if side == WEST:
        return x > 0 and x % mesh.chip_width == 0
    if side == NORTH:
        return y + 1 < mesh.height and (y + 1) % mesh.chip_height == 0
    return y > 0 and y % mesh.chip_height == 0


cdef inline int64_t n_of_links(Mesh* mesh) noexcept nogil:
    """Serial links of all chips, both directions of each border."""
    cdef int64_t chips_x = mesh.width // mesh.chip_width, chips_y = mesh.height // mesh.chip_height
    cdef int64_t of_rows = (mesh.chip_height - 1) // mesh.merge + 1
    cdef int64_t of_columns = (mesh.chip_width - 1) // mesh.merge + 1
    return 2 * ((chips_x - 1) * chips_y * of_rows + (chips_y - 1) * chips_x * of_columns)


cdef inline void reset_serial_links(Mesh* mesh) noexcept nogil:
    """Back to the initial state of a tick."""
    cdef int32_t i
    for i in range(mesh.n_serials):
        mesh.serials[i].free_ps = 0
        mesh.serials[i].pointer = 0
        mesh.ports[mesh.serials[i].first].wake_ps = NEVER_PS


cdef inline void free_serial_links(Mesh* mesh) noexcept nogil:
    free(mesh.serial_of)
    free(mesh.serials)


cdef inline cold_void wake_serial_link(Mesh* mesh, Serial* link, int64_t at_ps) noexcept nogil:
    """Lets a link look for a packet at `at_ps`, or as soon after as it may grant, unless it will before."""
    cdef Port* first = &mesh.ports[link.first]
    if at_ps < link.free_ps:
        at_ps = link.free_ps
    if at_ps < first.wake_ps:
        first.wake_ps = at_ps
        enqueue(&mesh.queue, link.first, at_ps)


cdef inline cold_void take_turn(Mesh* mesh, Serial* link, int64_t now_ps, Turn* turn) noexcept nogil:
    """Phase 2: which head a link grants, if any. When it looks for the others is set before the grant: what
    that wakes must know when the link has recovered."""
    cdef Turn found = next_turn(mesh, link, now_ps)
    if found.output_id >= 0:
        if mesh.arbiter == ROUND_ROBIN:
            link.pointer = (found.place + 1) % (link.n_rows * mesh.n_ports)
        link.free_ps = now_ps + mesh.hops[mesh.ports[found.output_id].kind].cycle_ps
        if found.n_ready > 1:
            found.later_ps = link.free_ps
    if found.later_ps < NEVER_PS:
        wake_serial_link(mesh, link, found.later_ps)
    turn[0] = found


@cython.overflowcheck(False)
cdef inline Turn next_turn(Mesh* mesh, Serial* link, int64_t now_ps) noexcept nogil:
    """The heads that want an output of a link: the lowest rank is granted, of equal ones the first by row and
    port. An output that waits for room at an instant not yet known has none."""
    cdef Port* output
    cdef Port* router
    cdef Turn found
    cdef int64_t rank, best = 0, ready_ps
    cdef int32_t row, word, port, output_id
    cdef uint64_t ports
    found.output_id = found.fifo_id = -1
    found.place = found.n_ready = 0
    found.later_ps = NEVER_PS
    for row in range(link.n_rows):
        output_id = link.first + row * link.step
        output = &mesh.ports[output_id]
        if output.flags & BLOCKED:
            continue
        router = &mesh.ports[output.router]
        for word in range(mesh.n_more_words + 1):
            ports = word_of(mesh, output_id, word)[0]
            while ports:
                port = (word << 6) + lowest_bit(ports)
                ports &= ports - 1
                ready_ps = max(router[port].ready_ps, output.free_ps)
                if ready_ps > now_ps:
                    found.later_ps = min(found.later_ps, ready_ps)
                    continue
                found.n_ready += 1
                rank = rank_at(mesh, link, output.router + port, row * mesh.n_ports + port)
                if found.output_id < 0 or rank < best:
                    found.output_id, found.fifo_id, best = output_id, output.router + port, rank
                    found.place = row * mesh.n_ports + port
    return found


cdef inline int64_t rank_at(Mesh* mesh, Serial* link, int32_t fifo_id, int32_t place) noexcept nogil:
    if mesh.arbiter == ROUND_ROBIN:
        return place - link.pointer + (link.n_rows * mesh.n_ports if place < link.pointer else 0)
    if mesh.arbiter == FIXED:
        return place
    return mesh.push_ps[slot_of(mesh, fifo_id, mesh.ports[fifo_id].n_granted).packet]
