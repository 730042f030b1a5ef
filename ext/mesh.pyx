"""The mesh alone: packets pushed at given instants, intakes always ready. Twin of emulator/reference/traffic.py."""

from emulator._ext.mesh cimport (
    BY_TABLE, FIRST_SOURCE, MESH_DEADLOCK, MESH_NO_MEMORY, N_SIDES, Mesh, Packet,
    allocate, list_waits, release, reset, run_events, wire,
)
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset


def run_mesh(
    const int64_t[::1] settings,
    const int8_t[::1] next_side,
    const int64_t[::1] inject_ps,
    const int32_t[::1] dst,
    const int64_t[::1] source_ptr,
    const int64_t[::1] lost_by,
    int64_t[::1] push_ps,
    int64_t[::1] arrive_ps,
    int64_t[:, ::1] link_counts,
    int64_t[:, ::1] occupancy_max,
    int64_t[::1] stall_ps,
    int64_t[:, ::1] waits_for,
):
    """Runs packets [n], sorted by source tile, then inject_ps; packets of tile t are source_ptr[t] ..

    settings: width, height, ports per router, arbiter, fifo_depth, inject_ps, eject_ps, cycle_ps, credit_ps,
    then of links within a chip and of those between two chips: hop_ps east-west, north-south, cycle_ps; then
    width and height of one chip; then the routing. next_side [n_tiles * n_tiles]: see mesh.pxd; empty unless
    the routing is by table. lost_by [n]: 1 + link (tile * 4 + side) that loses a packet, or 0. Fills push_ps, arrive_ps [n], link_counts [n_tiles, 4], occupancy_max
    [n_tiles, n_ports], stall_ps [n_tiles]; on deadlock waits_for [n_tiles, n_ports], see mesh.pxd. Returns a
    status, 0 done, 1 out of memory, 2 deadlock, and the packets in flight.
    """
    cdef Mesh mesh
    cdef int64_t n = inject_ps.shape[0]
    cdef int64_t i, tile, side, link
    cdef int status
    memset(&mesh, 0, sizeof(Mesh))
    mesh.width, mesh.height, mesh.n_ports = <int32_t>settings[0], <int32_t>settings[1], <int32_t>settings[2]
    mesh.n_routers = mesh.width * mesh.height
    mesh.arbiter, mesh.fifo_depth = <int32_t>settings[3], settings[4]
    mesh.inject_ps, mesh.eject_ps = settings[5], settings[6]
    mesh.cycle_ps, mesh.credit_ps = settings[7], settings[8]
    mesh.inner.hop_ew_ps, mesh.inner.hop_ns_ps, mesh.inner.cycle_ps = settings[9], settings[10], settings[11]
    mesh.border.hop_ew_ps, mesh.border.hop_ns_ps, mesh.border.cycle_ps = settings[12], settings[13], settings[14]
    mesh.chip_width, mesh.chip_height = <int32_t>settings[15], <int32_t>settings[16]
    mesh.routing = <int32_t>settings[17]
    mesh.n_sources = mesh.n_routers
    if (
        dst.shape[0] != n or lost_by.shape[0] != n or push_ps.shape[0] != n or arrive_ps.shape[0] != n
        or source_ptr.shape[0] != mesh.n_routers + 1 or source_ptr[mesh.n_routers] != n
        or link_counts.shape[0] != mesh.n_routers or link_counts.shape[1] != N_SIDES
        or occupancy_max.shape[0] != mesh.n_routers or occupancy_max.shape[1] != mesh.n_ports
        or stall_ps.shape[0] != mesh.n_routers
        or waits_for.shape[0] != mesh.n_routers or waits_for.shape[1] != mesh.n_ports
        or (mesh.routing == BY_TABLE and next_side.shape[0] != <int64_t>mesh.n_routers * mesh.n_routers)
    ):
        raise ValueError("run_mesh: arrays of inconsistent shape")
    if mesh.routing == BY_TABLE:
        mesh.next_side = &next_side[0]
    with nogil:
        for i in range(n):
            mesh.lossy |= lost_by[i] > 0
        mesh.packets = <Packet*>calloc(n + 1, sizeof(Packet))
        status = allocate(&mesh, 64 + n)
        if mesh.packets == NULL or status:
            status = MESH_NO_MEMORY
        else:
            wire(&mesh)
            reset(&mesh)
            for i in range(n):
                mesh.packets[i].x = dst[i] % mesh.width
                mesh.packets[i].y = dst[i] // mesh.width
                mesh.packets[i].port = N_SIDES
                mesh.packets[i].not_before_ps = inject_ps[i]
                if lost_by[i]:
                    link = lost_by[i] - 1
                    mesh.packets[i].lost_at = <int32_t>(1 + link // N_SIDES * mesh.n_ports + link % N_SIDES)
            for tile in range(mesh.n_routers):
                mesh.sources[tile].fifo = <int32_t>(tile * mesh.n_ports + N_SIDES)
                mesh.fifos[mesh.sources[tile].fifo].feeder = <int32_t>(FIRST_SOURCE - tile)
                mesh.sources[tile].next_packet = source_ptr[tile]
                mesh.sources[tile].end_packet = source_ptr[tile + 1]
            status = run_events(&mesh)
            if status == MESH_DEADLOCK:
                list_waits(&mesh, &waits_for[0, 0])
            for i in range(n):
                push_ps[i] = mesh.packets[i].push_ps
                arrive_ps[i] = mesh.packets[i].arrive_ps
            for tile in range(mesh.n_routers):
                stall_ps[tile] = mesh.sources[tile].stall_ps
                for side in range(mesh.n_ports):
                    occupancy_max[tile, side] = mesh.fifos[tile * mesh.n_ports + side].occupancy_max
                for side in range(N_SIDES):
                    if mesh.outputs[tile * mesh.n_ports + side].target >= 0:
                        link_counts[tile, side] = mesh.outputs[tile * mesh.n_ports + side].n_granted
        free(mesh.packets)
        release(&mesh)
    return status, mesh.in_flight
