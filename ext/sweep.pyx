"""The mesh alone in sweeps over its channels: the same results as `mesh.run_mesh`, without events."""

from emulator._ext.mesh_state cimport BY_TABLE, MESH_NO_MEMORY, N_SIDES, set_sides
from emulator._ext.sweep cimport MAX_DEPTH, MAX_SIDE, N_CHANNELS, Sweep
from emulator._ext.sweep_run cimport N_FACTS, SWEEP_GIVEN_UP, run_windows
from emulator._ext.sweep_setup cimport Layout, allocate, is_crowded, n_grants, release, take_counts, wire
from libc.stdint cimport int8_t, int32_t, int64_t
from libc.string cimport memset

LIMITS = {"fifo_depth": MAX_DEPTH, "width": MAX_SIDE, "height": MAX_SIDE}


def sweep_mesh(
    const int64_t[::1] settings,
    const int8_t[::1] next_side,
    const int64_t[::1] inject_ps,
    const int32_t[::1] dst,
    const int32_t[::1] queue,
    const int64_t[::1] source_ptr,
    const int32_t[::1] order,
    int64_t[::1] push_ps,
    int64_t[::1] arrive_ps,
    int64_t[:, ::1] link_counts,
    int64_t[:, ::1] occupancy_max,
    int64_t[::1] stall_ps,
    int64_t[::1] facts,
    bint may_give_up,
):
    """Runs packets [n >= 1]; tile t pushes those at positions queue[source_ptr[t]] .., inject_ps ascending.

    settings: width, height, ports per router, arbiter, fifo_depth, inject_ps, eject_ps, cycle_ps, credit_ps,
    then of links within a chip and of those between two chips: hop_ps east-west, north-south, cycle_ps; then
    width and height of one chip; then the routing; the rest is not read. next_side [n_tiles * n_tiles]: see
    sweep.pxd; empty unless the routing is by table. order: all channels [n_tiles * 6], 6 * tile + output E, W,
    N, S, local or 5 for the source; best those first that feed others. Fills push_ps, arrive_ps [n],
    link_counts [n_tiles, 4], occupancy_max [n_tiles, n_ports], stall_ps [n_tiles], and facts [6]: windows, how
    many of them needed one sweep, sweeps, channels computed, pushes and grants computed, pushes and grants
    there are. Returns a status: 0 done, 1 out of memory, 2 deadlock, 3 given up early (if it may): the event loop would be faster.
    """
    cdef Sweep sweep
    cdef Layout layout
    cdef int64_t n = inject_ps.shape[0]
    cdef int status = MESH_NO_MEMORY
    memset(&sweep, 0, sizeof(Sweep))
    sweep.width, sweep.height = <int32_t>settings[0], <int32_t>settings[1]
    sweep.n_ports = <int32_t>settings[2]
    sweep.n_routers = sweep.width * sweep.height
    sweep.arbiter, sweep.depth = <int32_t>settings[3], <int32_t>settings[4]
    layout.inject_ps, layout.eject_ps = settings[5], settings[6]
    sweep.cycle_ps, sweep.credit_ps = settings[7], settings[8]
    layout.inner.hop_ew_ps, layout.inner.hop_ns_ps = settings[9], settings[10]
    layout.border.hop_ew_ps, layout.border.hop_ns_ps = settings[12], settings[13]
    layout.inner.cycle_ps, layout.border.cycle_ps = settings[11], settings[14]
    layout.chip_width, layout.chip_height = <int32_t>settings[15], <int32_t>settings[16]
    set_sides(sweep.sides, <int32_t>settings[17])
    if (
        n == 0 or dst.shape[0] != n or queue.shape[0] != n or push_ps.shape[0] != n or arrive_ps.shape[0] != n
        or source_ptr.shape[0] != sweep.n_routers + 1 or source_ptr[sweep.n_routers] != n
        or order.shape[0] != sweep.n_routers * N_CHANNELS or facts.shape[0] != N_FACTS
        or link_counts.shape[0] != sweep.n_routers or link_counts.shape[1] != N_SIDES
        or occupancy_max.shape[0] != sweep.n_routers or occupancy_max.shape[1] != sweep.n_ports
        or stall_ps.shape[0] != sweep.n_routers
        or (settings[17] == BY_TABLE and next_side.shape[0] != <int64_t>sweep.n_routers * sweep.n_routers)
    ):
        raise ValueError("sweep_mesh: arrays of inconsistent shape")
    if settings[4] > MAX_DEPTH or sweep.width > MAX_SIDE or sweep.height > MAX_SIDE:
        raise ValueError(f"sweep_mesh: a mesh beyond {LIMITS}")
    if settings[17] == BY_TABLE:
        sweep.next_side = &next_side[0]
    sweep.inject_ps, sweep.dst = &inject_ps[0], &dst[0]
    sweep.queue, sweep.source_ptr, sweep.order = &queue[0], &source_ptr[0], &order[0]
    sweep.push_ps, sweep.arrive_ps, sweep.facts = &push_ps[0], &arrive_ps[0], &facts[0]
    cdef int64_t n_all = n_grants(&sweep) if may_give_up else 0
    sweep.give_up_until = n_all // 4  # while less than a quarter would have to be done again
    if may_give_up and is_crowded(&sweep, n_all):
        return SWEEP_GIVEN_UP
    with nogil:
        if allocate(&sweep) == 0:
            wire(&sweep, &layout)
            status = run_windows(&sweep)
            take_counts(&sweep, &link_counts[0, 0], &occupancy_max[0, 0], &stall_ps[0])
        release(&sweep)
    return status
