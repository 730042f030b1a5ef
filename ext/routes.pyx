"""What the packets of an image are known to cause, from where their routes begin and end: one sweep over the
axon-out entries for what a spike of each sender counts, one for what a run's spikes come to."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport llabs


cdef struct Trip:
    # of one packet, along x, then y
    int64_t east
    int64_t west
    int64_t north
    int64_t south
    int64_t chips  # borders between chips


cdef inline Trip trip_of(
    const int32_t* x, const int32_t* y, int64_t source, int64_t target, int64_t chip_width, int64_t chip_height
) noexcept nogil:
    cdef Trip trip
    cdef int64_t dx = x[target] - x[source], dy = y[target] - y[source]
    trip.east, trip.west = dx if dx > 0 else 0, -dx if dx < 0 else 0
    trip.north, trip.south = dy if dy > 0 else 0, -dy if dy < 0 else 0
    # the route never turns back: it crosses each border between its ends once
    trip.chips = llabs(x[target] // chip_width - x[source] // chip_width)
    trip.chips += llabs(y[target] // chip_height - y[source] // chip_height)
    return trip


def sum_sent(
    const int64_t[::1] entry_ptr, const int32_t[::1] entry_core, const int32_t[::1] entry_axon,
    const int64_t[::1] syn_ptr, const int32_t[::1] n_dense, const int32_t[::1] core_of_sender,
    const int32_t[::1] x, const int32_t[::1] y, int64_t chip_width, int64_t chip_height,
    int64_t[:, ::1] sent,
):
    """Fills sent [n_senders, 13], zeros so far: what one spike of each sender counts, columns as `SENT` of
    engine/routes.py. core_of_sender, x, y: rows of cores, and the host port as one row more."""
    cdef int64_t n_senders = entry_ptr.shape[0] - 1, host = x.shape[0] - 1, sender, entry, source, axon
    cdef int64_t* out
    cdef Trip trip
    if sent.shape[0] != n_senders or sent.shape[1] != 13 or core_of_sender.shape[0] != n_senders:
        raise ValueError("sum_sent: one row of 13 counts per sender")
    with nogil:
        for sender in range(n_senders):
            out = &sent[sender, 0]
            source = core_of_sender[sender]
            out[0] = entry_ptr[sender + 1] > entry_ptr[sender]
            for entry in range(entry_ptr[sender], entry_ptr[sender + 1]):
                trip = trip_of(&x[0], &y[0], source, entry_core[entry], chip_width, chip_height)
                out[1] += source != host
                out[2] += source == host
                out[3] += trip.east
                out[4] += trip.west
                out[5] += trip.north
                out[6] += trip.south
                out[7] += trip.chips
                if entry_core[entry] == host:
                    out[9] += 1
                    continue
                axon = entry_axon[entry]
                out[8] += 1
                out[10] += 1
                out[11] += n_dense[axon]
                out[12] += syn_ptr[axon + 1] - syn_ptr[axon] - n_dense[axon]


def book_received(
    const int64_t[::1] n_spikes, const int64_t[::1] entry_ptr, const int32_t[::1] entry_core,
    const int32_t[::1] entry_axon, const int64_t[::1] syn_ptr, const int32_t[::1] n_dense,
    const int32_t[::1] core_of_sender, const int32_t[::1] x, const int32_t[::1] y,
    int64_t[:, ::1] received, int64_t[:, ::1] east, int64_t[:, ::1] west, int64_t[:, ::1] north,
    int64_t[:, ::1] south,
):
    """Adds up what the packets of n_spikes [n_senders] spikes cause on their way and at its end.

    received [n_cores + 1, 3]: packets, dense and sparse operations; last row: the host port. The legs are
    differences along a row (east, west: [height, width + 1]) or a column (north, south: [width, height + 1]):
    running sums of them are the loads of the links that leave each tile to that side.
    """
    cdef int64_t n_senders = entry_ptr.shape[0] - 1, host = x.shape[0] - 1
    cdef int64_t sender, entry, axon, core, n, x0, y0, x1, y1
    with nogil:
        for sender in range(n_senders):
            n = n_spikes[sender]
            if n == 0:
                continue
            x0, y0 = x[core_of_sender[sender]], y[core_of_sender[sender]]
            for entry in range(entry_ptr[sender], entry_ptr[sender + 1]):
                core = entry_core[entry]
                x1, y1 = x[core], y[core]
                received[core, 0] += n
                if core != host:
                    axon = entry_axon[entry]
                    received[core, 1] += n * n_dense[axon]
                    received[core, 2] += n * (syn_ptr[axon + 1] - syn_ptr[axon] - n_dense[axon])
                if x1 > x0:  # links of tiles x0 .. x1 - 1
                    east[y0, x0] += n
                    east[y0, x1] -= n
                elif x1 < x0:  # links of tiles x1 + 1 .. x0
                    west[y0, x1 + 1] += n
                    west[y0, x0 + 1] -= n
                if y1 > y0:
                    north[x1, y0] += n
                    north[x1, y1] -= n
                elif y1 < y0:
                    south[x1, y1 + 1] += n
                    south[x1, y0 + 1] -= n
