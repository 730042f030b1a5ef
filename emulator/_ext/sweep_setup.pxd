# The memory and the wiring of a sweep, and what is read off it at the end.
from emulator._ext.mesh_state cimport EAST, N_SIDES, NORTH, SOUTH, WEST
from emulator._ext.sweep cimport N_CHANNELS, N_INPUTS, RING, SOURCE, WORD, Buffer, Channel, Slot, Sweep
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free

cdef extern from "<sys/mman.h>" nogil:
    enum: MADV_HUGEPAGE
    int madvise(void* address, size_t length, int advice)

cdef enum:
    HUGE_PAGE = 2097152  # bytes


cdef struct Delays:
    int64_t hop_ew_ps
    int64_t hop_ns_ps
    int64_t cycle_ps  # of the output that feeds a link


cdef struct Layout:
    Delays inner  # of links between tiles of one chip
    Delays border  # of links between tiles of two chips
    int32_t chip_width  # in tiles
    int32_t chip_height
    int64_t inject_ps
    int64_t eject_ps


cdef inline int allocate(Sweep* sweep) noexcept nogil:
    """Memory of a sweep whose width and height are set. Returns -1 when there is not enough."""
    cdef int64_t n_routers = sweep.n_routers
    cdef int64_t n_buffers = n_routers * N_INPUTS
    cdef int64_t n_channels = n_routers * N_CHANNELS
    cdef int64_t n_bytes = n_buffers * (RING * sizeof(Slot) + sizeof(Buffer)) + n_channels * sizeof(Channel)
    sweep.n_words = (n_channels + WORD - 1) // WORD
    sweep.n_touched_words = (n_buffers + WORD - 1) // WORD
    n_bytes += (sweep.n_words + sweep.n_touched_words + 2 * n_routers) * sizeof(int64_t)
    sweep.memory = calloc(n_bytes + HUGE_PAGE, 1)
    if sweep.memory == NULL:
        return -1
    # All are multiples of a cache line long, so none shares one with another's.
    sweep.slots = <Slot*>(<char*>sweep.memory + (HUGE_PAGE - <size_t>sweep.memory % HUGE_PAGE))
    sweep.buffers = <Buffer*>(sweep.slots + n_buffers * RING)
    sweep.channels = <Channel*>(sweep.buffers + n_buffers)
    sweep.dirty = <uint64_t*>(sweep.channels + n_channels)
    sweep.touched = sweep.dirty + sweep.n_words
    sweep.wake_ps = <int64_t*>(sweep.touched + sweep.n_touched_words)
    sweep.live = <int32_t*>(sweep.wake_ps + n_routers)
    madvise(sweep.slots, n_bytes, MADV_HUGEPAGE)  # a wish: nothing depends on it
    return 0


cdef inline void wire_output(Sweep* sweep, Layout* layout, int32_t router, int32_t port) noexcept nogil:
    """What an output leads to, and its delays."""
    cdef Channel* output = &sweep.channels[router * N_CHANNELS + port]
    cdef Delays* delays = &layout.inner
    cdef int32_t x = router % sweep.width
    cdef int32_t y = router // sweep.width
    cdef int32_t chip_x = x // layout.chip_width
    cdef int32_t chip_y = y // layout.chip_height
    output.buffer = -1
    output.latency_ps, output.cycle_ps = layout.eject_ps, sweep.cycle_ps
    x += 1 if port == EAST else (-1 if port == WEST else 0)
    y += 1 if port == NORTH else (-1 if port == SOUTH else 0)
    if port >= N_SIDES or x < 0 or y < 0 or x >= sweep.width or y >= sweep.height:
        return
    if x // layout.chip_width != chip_x or y // layout.chip_height != chip_y:
        delays = &layout.border
    output.buffer = (y * sweep.width + x) * N_INPUTS + (port ^ 1)  # E and W, N and S face each other
    output.latency_ps = delays.hop_ew_ps if port < NORTH else delays.hop_ns_ps
    output.cycle_ps = delays.cycle_ps


cdef inline void wire(Sweep* sweep, Layout* layout) noexcept nogil:
    """Connects channels and FIFOs; the order is set."""
    cdef int32_t router, port, channel_id, packet
    cdef Channel* channel
    cdef Buffer* buffer
    sweep.origin_ps = sweep.cycle_ps + sweep.credit_ps
    sweep.longest_ps = sweep.credit_ps
    for channel_id in range(sweep.n_routers * N_CHANNELS):
        sweep.channels[sweep.order[channel_id]].place = channel_id
    for router in range(sweep.n_routers):
        sweep.live[router] = router
        if sweep.source_ptr[router] < sweep.source_ptr[router + 1]:
            packet = sweep.queue[sweep.source_ptr[router + 1] - 1]
            sweep.last_inject_ps = max(sweep.last_inject_ps, sweep.inject_ps[packet] + sweep.origin_ps)
        for port in range(N_INPUTS):
            buffer = &sweep.buffers[router * N_INPUTS + port]
            buffer.x, buffer.y = router % sweep.width, router // sweep.width
            buffer.outputs, buffer.port = router * N_CHANNELS, port
    sweep.n_live = sweep.n_routers
    for router in range(sweep.n_routers):
        for port in range(N_CHANNELS):
            channel = &sweep.channels[router * N_CHANNELS + port]
            if port == SOURCE:
                channel.buffer, channel.latency_ps = router * N_INPUTS + N_SIDES, layout.inject_ps
            else:
                wire_output(sweep, layout, router, port)
            if channel.buffer >= 0:
                buffer = &sweep.buffers[channel.buffer]
                buffer.feeder = router * N_CHANNELS + port
                buffer.latency_ps, buffer.cycle_ps = channel.latency_ps, channel.cycle_ps
            sweep.longest_ps = max(sweep.longest_ps, channel.cycle_ps)


cdef inline int64_t n_grants(Sweep* sweep) noexcept nogil:
    """Pushes and grants that there will be, on shortest routes."""
    cdef int64_t n = 0
    cdef int64_t router, place
    cdef int64_t from_x, from_y, to_x, to_y, destination
    for router in range(sweep.n_routers):
        from_x, from_y = router % sweep.width, router // sweep.width
        for place in range(sweep.source_ptr[router], sweep.source_ptr[router + 1]):
            destination = sweep.dst[sweep.queue[place]]
            to_x, to_y = destination % sweep.width, destination // sweep.width
            n += 2 + max(to_x - from_x, from_x - to_x) + max(to_y - from_y, from_y - to_y)
    return n


cdef inline int64_t span_ps(Sweep* sweep) noexcept nogil:
    """From the first packet that is ready to the last."""
    cdef int64_t first_ps = -1, last_ps = 0
    cdef int64_t router, start, end
    for router in range(sweep.n_routers):
        start, end = sweep.source_ptr[router], sweep.source_ptr[router + 1]
        if start < end:
            last_ps = max(last_ps, sweep.inject_ps[sweep.queue[end - 1]])
            if first_ps < 0 or sweep.inject_ps[sweep.queue[start]] < first_ps:
                first_ps = sweep.inject_ps[sweep.queue[start]]
    return last_ps - first_ps


cdef inline bint is_crowded(Sweep* sweep, int64_t n_grants) noexcept nogil:
    """Whether channels would be taken for more than a third of the time, were all packets on their way at once
    when they are ready: then most of what a sweep computes has to be computed again."""
    cdef double taken_ps = <double>n_grants * sweep.cycle_ps
    return 3 * taken_ps > <double>span_ps(sweep) * sweep.n_routers * N_CHANNELS


cdef inline void take_counts(
    Sweep* sweep, int64_t* link_counts, int64_t* occupancy_max, int64_t* stall_ps
) noexcept nogil:
    """Fills link_counts [n_routers, 4], occupancy_max [n_routers, n_ports], stall_ps [n_routers]."""
    cdef int64_t router, port, buffer_id
    for router in range(sweep.n_routers):
        stall_ps[router] = sweep.channels[router * N_CHANNELS + SOURCE].end_stall_ps
        for port in range(N_INPUTS):
            buffer_id = router * N_INPUTS + port
            occupancy_max[router * sweep.n_ports + port] = sweep.buffers[buffer_id].occupancy_max
        for port in range(N_SIDES):
            buffer_id = sweep.channels[router * N_CHANNELS + port].buffer
            if buffer_id >= 0:
                link_counts[router * N_SIDES + port] = (
                    sweep.buffers[buffer_id].n_before + sweep.buffers[buffer_id].n_kept
                )


cdef inline void release(Sweep* sweep) noexcept nogil:
    """Frees what `allocate` took."""
    free(sweep.memory)
