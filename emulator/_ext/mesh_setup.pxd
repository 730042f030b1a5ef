# Building a mesh: its memory, its wires and its initial state.
from emulator._ext.event_queue cimport empty_queue, free_queue, lowest_bit, make_queue
from emulator._ext.mesh_serial cimport free_serial_links, make_serial_links, reset_serial_links
from emulator._ext.mesh_state cimport (
    EAST, KIND_BORDER_EW, KIND_BORDER_NS, KIND_EJECT, KIND_EW, KIND_NS, N_KINDS, N_SIDES, NEVER_PS, NOBODY,
    NORTH, TOUCHED, WEST, SOUTH, Fork, Intake, Lost, Mesh, Port, Slot, Source, set_sides,
)
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

cdef extern from "<stdlib.h>":
    void* aligned_alloc(size_t alignment, size_t size) noexcept nogil

cdef enum:
    CACHE_LINE = 64
    FETCHED = 262144  # bytes of a mesh from which it pays to fetch them ahead; measured, see benchmarks


cdef inline int64_t whole_lines(int64_t n_bytes) noexcept nogil:
    return (n_bytes + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE


cdef inline int allocate(Mesh* mesh) noexcept nogil:
    """Allocates what depends on sizes and times, which are set. Returns -1 when memory is short."""
    cdef int64_t n = <int64_t>mesh.n_routers * mesh.n_ports
    cdef int64_t n_starts = mesh.n_cores * mesh.intake_depth
    cdef int64_t shortest_ps = mesh.inject_ps, longest_ps = mesh.inject_ps, ps
    cdef int32_t i
    mesh.n_more_words = (mesh.n_ports - 1) // 64
    mesh.ports = <Port*>aligned_alloc(CACHE_LINE, n * sizeof(Port))
    mesh.ring_size = 1
    while mesh.ring_size < mesh.fifo_depth:
        mesh.ring_size *= 2
    mesh.ring_mask = <int32_t>(mesh.ring_size - 1)
    mesh.slots = <Slot*>aligned_alloc(CACHE_LINE, whole_lines(n * mesh.ring_size * sizeof(Slot)))
    mesh.fetches = n * <int64_t>(sizeof(Port) + mesh.ring_size * sizeof(Slot)) > FETCHED
    mesh.more_wanted_by = <uint64_t*>calloc(n * mesh.n_more_words + 1, sizeof(uint64_t))
    mesh.intakes = <Intake*>calloc(mesh.n_cores + 1, sizeof(Intake))
    mesh.sources = <Source*>calloc(mesh.n_sources + 1, sizeof(Source))
    mesh.start_ps = <int64_t*>malloc((n_starts + 1) * sizeof(int64_t))
    mesh.touched = <int32_t*>malloc(n * sizeof(int32_t))
    if mesh.lost_at != NULL:
        mesh.lost = <Lost*>calloc(n, sizeof(Lost))
        mesh.lost_until_ps = <int64_t*>malloc(n * mesh.fifo_depth * sizeof(int64_t))
        if mesh.lost == NULL or mesh.lost_until_ps == NULL:
            return -1
    if mesh.past != NULL:
        mesh.forks = <Fork*>calloc(n, sizeof(Fork))
        if mesh.forks == NULL:
            return -1
    for i in range(N_KINDS + 2):
        if i < N_KINDS:
            shortest_ps = min(shortest_ps, mesh.hops[i].cycle_ps)
            longest_ps = max(longest_ps, mesh.hops[i].cycle_ps)
        ps = mesh.cycle_ps if i == N_KINDS else mesh.credit_ps
        if i < N_KINDS:
            ps = mesh.hops[i].latency_ps
        if i != KIND_EJECT:  # nothing in the mesh waits for what arrives at a core
            shortest_ps = min(shortest_ps, ps)
            longest_ps = max(longest_ps, ps)
    if make_serial_links(mesh):
        return -1
    # a push waits for a credit, and its packet then arrives later by inject_ps
    if make_queue(&mesh.queue, shortest_ps, 2 * longest_ps):
        return -1
    if (
        mesh.ports == NULL or mesh.slots == NULL or mesh.more_wanted_by == NULL or mesh.intakes == NULL
        or mesh.sources == NULL or mesh.start_ps == NULL or mesh.touched == NULL
    ):
        return -1
    return 0


cdef inline void set_queue(Mesh* mesh, bint heap_only, int64_t bin_ps, uint64_t shuffle) noexcept nogil:
    """Another order of the same events. heap_only: no wheel; bin_ps: not 0: length of the bins, a power of
    two; shuffle: not 0: draws the order of the events of a bin. No instant depends on any of it, unless bins
    are longer than the shortest time of the mesh."""
    if bin_ps:
        mesh.queue.shift = lowest_bit(bin_ps)
    if heap_only:
        mesh.queue.reach = 1
    mesh.queue.shuffle = shuffle


cdef inline void release(Mesh* mesh) noexcept nogil:
    """Frees what `allocate` took."""
    free(mesh.ports)
    free(mesh.slots)
    free(mesh.more_wanted_by)
    free(mesh.intakes)
    free(mesh.sources)
    free(mesh.start_ps)
    free(mesh.touched)
    free(mesh.lost)
    free(mesh.lost_until_ps)
    free_serial_links(mesh)
    free(mesh.forks)
    free_queue(&mesh.queue)


cdef inline void wire(Mesh* mesh) noexcept nogil:
    """Sets every port up and connects every output to the input at the other end of its link."""
    cdef int32_t router, port, x, y, chip_x, chip_y, other, entry
    cdef bint border
    cdef Port* output
    set_sides(mesh.sides, mesh.routing)
    memset(mesh.ports, 0, <size_t>mesh.n_routers * mesh.n_ports * sizeof(Port))
    for router in range(mesh.n_routers):
        for port in range(mesh.n_ports):
            output = &mesh.ports[router * mesh.n_ports + port]
            output.router = router * mesh.n_ports
            output.x, output.y = <int16_t>(router % mesh.width), <int16_t>(router // mesh.width)
            output.partner = NOBODY
            output.wake_ps = NEVER_PS
            output.kind = KIND_EJECT
    for router in range(mesh.n_routers):
        for port in range(N_SIDES):
            x = router % mesh.width
            y = router // mesh.width
            chip_x, chip_y = x // mesh.chip_width, y // mesh.chip_height
            x += 1 if port == EAST else (-1 if port == WEST else 0)
            y += 1 if port == NORTH else (-1 if port == SOUTH else 0)
            if x < 0 or y < 0 or x >= mesh.width or y >= mesh.height:
                continue
            border = x // mesh.chip_width != chip_x or y // mesh.chip_height != chip_y
            other = y * mesh.width + x
            entry = port ^ 1
            output = &mesh.ports[router * mesh.n_ports + port]
            output.partner = other * mesh.n_ports + entry  # E and W, N and S face each other
            output.kind = KIND_EW if port < NORTH else KIND_NS
            if border:
                output.kind = KIND_BORDER_EW if port < NORTH else KIND_BORDER_NS


cdef inline void reset(Mesh* mesh) noexcept nogil:
    """Back to the initial state of a tick; keeps occupancy_max, stall_ps and the outputs' n_sent."""
    cdef int64_t i
    cdef Port* port
    for i in range(mesh.n_touched):
        port = &mesh.ports[mesh.touched[i]]
        port.ready_ps = port.free_ps = 0
        port.n_taken = port.n_granted = 0
        port.wake_ps = NEVER_PS
        port.pointer = 0
        port.flags = 0
        if mesh.lost != NULL:
            mesh.lost[mesh.touched[i]].n = 0
    for i in range(mesh.n_cores):
        mesh.intakes[i].busy_until_ps = 0
        mesh.intakes[i].next = 0
        mesh.intakes[i].lapped = 0
    for i in range(mesh.n_sources):
        mesh.sources[i].last_push_ps = 0
    reset_serial_links(mesh)
    empty_queue(&mesh.queue)
    mesh.n_touched = 0
    if mesh.log != NULL:
        mesh.log.n = 0
    mesh.in_flight = mesh.done_ps = 0
