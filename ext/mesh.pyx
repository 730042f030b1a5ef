"""The mesh alone: packets pushed at given instants, intakes always ready. Twin of emulator/reference/traffic.py."""

from emulator._ext.mesh cimport list_waits, run_events
from emulator._ext.mesh_setup cimport allocate, release, reset, set_queue, wire
from emulator._ext.mesh_state cimport (
    BY_TABLE, FIRST_SOURCE, KIND_BORDER_EW, KIND_BORDER_NS, KIND_EJECT, KIND_EW, KIND_NS, MESH_DEADLOCK,
    MESH_NO_MEMORY, N_SIDES, Goal, GrantLog, Mesh,
)
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np


def sort_by_source(
    const int64_t[::1] inject_ps, const int32_t[::1] src, int64_t[::1] source_ptr, int32_t[::1] order
):
    """Packets of each source tile in the order given. src [n]: 0 .. n_tiles - 1; fills order [n] and
    source_ptr [n_tiles + 1]: packets of tile t are order[source_ptr[t]] .. Returns whether their inject_ps
    ascend, so that this is the order of the queues."""
    cdef int64_t n = inject_ps.shape[0], n_tiles = source_ptr.shape[0] - 1, i, tile, place
    cdef bint ascending = True
    if src.shape[0] != n or order.shape[0] != n:
        raise ValueError("sort_by_source: arrays of inconsistent shape")
    with nogil:
        for tile in range(n_tiles + 1):
            source_ptr[tile] = 0
        for i in range(n):
            source_ptr[src[i] + 1] += 1
        for tile in range(n_tiles):
            source_ptr[tile + 1] += source_ptr[tile]
        for i in range(n):
            place = source_ptr[src[i]]
            order[place] = <int32_t>i
            source_ptr[src[i]] = place + 1
        for tile in range(n_tiles, 0, -1):  # each has moved on to the start of the next
            source_ptr[tile] = source_ptr[tile - 1]
        source_ptr[0] = 0
        for tile in range(n_tiles):
            for i in range(source_ptr[tile] + 1, source_ptr[tile + 1]):
                if inject_ps[order[i]] < inject_ps[order[i - 1]]:
                    ascending = False
    return ascending


cdef object taken_down(const GrantLog* log):
    """int64 [n_grants, 4]."""
    rows = np.empty((log.n, 4), dtype=np.int64)
    cdef int64_t[:, ::1] view = rows
    if log.n:
        memcpy(&view[0, 0], log.rows, log.n * 4 * sizeof(int64_t))
    return rows


def run_mesh(
    const int64_t[::1] settings,
    const int64_t[::1] queue,
    const int8_t[::1] next_side,
    const int64_t[::1] inject_ps,
    const int32_t[::1] dst,
    const int64_t[::1] source_ptr,
    const int32_t[::1] order,
    const int32_t[::1] lost_by,
    int64_t[::1] push_ps,
    int64_t[::1] arrive_ps,
    int64_t[:, ::1] link_counts,
    int64_t[:, ::1] occupancy_max,
    int64_t[::1] stall_ps,
    int64_t[:, ::1] waits_for,
    bint traced,
):
    """Runs packets [n]; the queue of tile t is order[source_ptr[t]] .., inject_ps ascending.

    settings: width, height, ports per router, arbiter, fifo_depth, inject_ps, eject_ps, cycle_ps, credit_ps,
    then of links within a chip and of those between two chips: hop_ps east-west, north-south, cycle_ps; then
    width and height of one chip; the routing; the rows that share a link to another chip. queue: see
    `set_queue`. next_side [n_tiles * n_tiles]: see mesh_state.pxd; empty unless the routing is by table. lost_by
    [n]: 1 + link (tile * 4 + side) that loses a packet, or 0; empty: none does. Fills push_ps, arrive_ps [n],
    link_counts [n_tiles, 4], occupancy_max [n_tiles, n_ports], stall_ps [n_tiles]; on deadlock waits_for
    [n_tiles, n_ports], see mesh.pxd. Returns a status, 0 done, 1 out of memory, 2 deadlock; the number of events
    handled; packets in flight; and, if traced, int64 [n_grants, 4] packet, port (tile * ports per router + port),
    ps of every grant, in any order, and 1 + the packet.
    """
    cdef Mesh mesh
    cdef GrantLog log
    cdef Goal* goals
    cdef int32_t* lost_at = NULL
    cdef int64_t n = inject_ps.shape[0], n_lossy = lost_by.shape[0]
    cdef int64_t tile, side, port_id, i, link
    cdef int status
    memset(&mesh, 0, sizeof(Mesh))
    memset(&log, 0, sizeof(GrantLog))
    if traced:
        mesh.log = &log
    mesh.width, mesh.height, mesh.n_ports = <int32_t>settings[0], <int32_t>settings[1], <int32_t>settings[2]
    mesh.n_routers = mesh.width * mesh.height
    mesh.arbiter, mesh.fifo_depth = <int32_t>settings[3], <int32_t>settings[4]
    mesh.inject_ps, mesh.hops[KIND_EJECT].latency_ps = settings[5], settings[6]
    mesh.cycle_ps = mesh.hops[KIND_EJECT].cycle_ps = settings[7]
    mesh.credit_ps = settings[8]
    mesh.hops[KIND_EW].latency_ps, mesh.hops[KIND_NS].latency_ps = settings[9], settings[10]
    mesh.hops[KIND_EW].cycle_ps = mesh.hops[KIND_NS].cycle_ps = settings[11]
    mesh.hops[KIND_BORDER_EW].latency_ps, mesh.hops[KIND_BORDER_NS].latency_ps = settings[12], settings[13]
    mesh.hops[KIND_BORDER_EW].cycle_ps = mesh.hops[KIND_BORDER_NS].cycle_ps = settings[14]
    mesh.chip_width, mesh.chip_height = <int32_t>settings[15], <int32_t>settings[16]
    mesh.routing, mesh.merge = <int32_t>settings[17], <int32_t>settings[18]
    mesh.n_sources, mesh.port_of_all = mesh.n_routers, N_SIDES
    if (
        dst.shape[0] != n or order.shape[0] != n or push_ps.shape[0] != n or arrive_ps.shape[0] != n
        or source_ptr.shape[0] != mesh.n_routers + 1 or source_ptr[mesh.n_routers] != n
        or link_counts.shape[0] != mesh.n_routers or link_counts.shape[1] != N_SIDES
        or occupancy_max.shape[0] != mesh.n_routers or occupancy_max.shape[1] != mesh.n_ports
        or stall_ps.shape[0] != mesh.n_routers or n_lossy not in (0, n)
        or waits_for.shape[0] != mesh.n_routers or waits_for.shape[1] != mesh.n_ports
        or (mesh.routing == BY_TABLE and next_side.shape[0] != <int64_t>mesh.n_routers * mesh.n_routers)
    ):
        raise ValueError("run_mesh: arrays of inconsistent shape")
    if n:
        mesh.order, mesh.goal, mesh.not_before_ps = &order[0], &dst[0], &inject_ps[0]
        mesh.push_ps, mesh.arrive_ps = &push_ps[0], &arrive_ps[0]
    if mesh.routing == BY_TABLE:
        mesh.next_side = &next_side[0]
    if n_lossy:
        mesh.lost_at = lost_at = <int32_t*>malloc(n * sizeof(int32_t))
        if lost_at == NULL:
            return MESH_NO_MEMORY, 0, 0, None
    with nogil:
        for i in range(n_lossy):
            link = lost_by[i] - 1
            lost_at[i] = 0
            if link >= 0:
                lost_at[i] = <int32_t>(1 + link // N_SIDES * mesh.n_ports + link % N_SIDES)
        goals = <Goal*>malloc(mesh.n_routers * sizeof(Goal))
        status = allocate(&mesh)
        if goals == NULL or status:
            status = MESH_NO_MEMORY
        else:
            mesh.goals = goals
            wire(&mesh)
            reset(&mesh)
            set_queue(&mesh, queue[0], queue[1], queue[2])
            for tile in range(mesh.n_routers):
                port_id = tile * mesh.n_ports + N_SIDES
                goals[tile].x, goals[tile].y = mesh.ports[port_id].x, mesh.ports[port_id].y
                goals[tile].port = N_SIDES
                mesh.sources[tile].fifo = <int32_t>port_id
                mesh.ports[port_id].partner = <int32_t>(FIRST_SOURCE - tile)
                mesh.sources[tile].next_packet = source_ptr[tile]
                mesh.sources[tile].end_packet = source_ptr[tile + 1]
            status = run_events(&mesh)
            if status == MESH_DEADLOCK:
                list_waits(&mesh, &waits_for[0, 0])
            for tile in range(mesh.n_routers):
                stall_ps[tile] = mesh.sources[tile].stall_ps
                for side in range(mesh.n_ports):
                    occupancy_max[tile, side] = mesh.ports[tile * mesh.n_ports + side].occupancy_max
                for side in range(N_SIDES):
                    port_id = tile * mesh.n_ports + side
                    if mesh.ports[port_id].partner >= 0:
                        link_counts[tile, side] = mesh.ports[port_id].n_sent
        free(goals)
        free(lost_at)
        release(&mesh)
    try:
        return status, mesh.n_looks, mesh.in_flight, taken_down(&log) if traced else None
    finally:
        free(log.rows)
