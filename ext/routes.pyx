"""What the packets of an image are known to cause, from where their routes begin and end: one sweep over the
axon-out entries for what a spike of each sender counts, one for what a run's spikes come to."""

from emulator._ext.mesh_state cimport BY_TABLE, EAST, NORTH, SOUTH, WEST, WEST_FIRST, X_FIRST
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, llabs
from libc.string cimport memset


SENT = (
    "transmitted", "inject", "dropped", "host_in", "hop_e", "hop_w", "hop_n", "hop_s", "hop_chip", "eject", "host_out",
    "axon_in", "synaptic_ops_dense", "synaptic_ops_sparse",
)
"""Events that a spike of a sender causes, the same each time: the columns of its counts."""

cdef enum:  # places in SENT
    TRANSMITTED
    INJECT
    DROPPED
    HOST_IN
    HOP_E
    HOP_W
    HOP_N
    HOP_S
    HOP_CHIP
    EJECT
    HOST_OUT
    AXON_IN
    DENSE
    SPARSE
    N_SENT


cdef struct Ways:
    int32_t routing  # of Order
    const int8_t* next_side  # [n_tiles, n_tiles] see mesh.pxd
    int64_t n_tiles
    int64_t width  # tiles
    int64_t chip_width
    int64_t chip_height


cdef struct Trip:
    # grants of one packet by direction
    int64_t east
    int64_t west
    int64_t north
    int64_t south
    int64_t chips  # borders between chips


cdef inline Ways ways_of(
    int32_t routing, const int8_t[::1] next_side, int64_t width, int64_t chip_width, int64_t chip_height
):
    cdef Ways ways
    ways.routing, ways.width, ways.chip_width, ways.chip_height = routing, width, chip_width, chip_height
    ways.n_tiles = 0
    ways.next_side = NULL
    if routing == BY_TABLE:
        while ways.n_tiles * ways.n_tiles < next_side.shape[0]:
            ways.n_tiles += 1
        ways.next_side = &next_side[0]
    return ways


cdef inline int64_t beyond(int64_t width, int64_t tile, int side) noexcept nogil:
    """The tile at the other end of a link."""
    if side == EAST:
        return tile + 1
    if side == WEST:
        return tile - 1
    return tile + width if side == NORTH else tile - width


cdef inline int64_t chip_of(const Ways* ways, int64_t tile) noexcept nogil:
    """Tells chips apart."""
    return tile // ways.width // ways.chip_height * ways.width + tile % ways.width // ways.chip_width


cdef inline Trip walk(const Ways* ways, int64_t tile, int64_t target) noexcept nogil:
    """Follows the table from tile to tile."""
    cdef Trip trip
    cdef int64_t following
    cdef int side
    memset(&trip, 0, sizeof(Trip))
    while tile != target:
        side = ways.next_side[tile * ways.n_tiles + target]
        following = beyond(ways.width, tile, side)
        trip.east += side == EAST
        trip.west += side == WEST
        trip.north += side == NORTH
        trip.south += side == SOUTH
        trip.chips += chip_of(ways, tile) != chip_of(ways, following)
        tile = following
    return trip


cdef inline Trip trip_of(
    const Ways* ways, const int32_t* x, const int32_t* y, int64_t source, int64_t target
) noexcept nogil:
    cdef Trip trip
    if ways.routing == BY_TABLE:
        return walk(ways, y[source] * ways.width + x[source], y[target] * ways.width + x[target])
    cdef int64_t dx = x[target] - x[source], dy = y[target] - y[source]
    trip.east, trip.west = dx if dx > 0 else 0, -dx if dx < 0 else 0
    trip.north, trip.south = dy if dy > 0 else 0, -dy if dy < 0 else 0
    # the route never turns back: it crosses each border between its ends once
    trip.chips = llabs(x[target] // ways.chip_width - x[source] // ways.chip_width)
    trip.chips += llabs(y[target] // ways.chip_height - y[source] // ways.chip_height)
    return trip


cdef struct Crown:
    # a tree of ways along x, then y: how far it reaches along x, and in each of its columns along y
    int64_t n
    int64_t low_x
    int64_t high_x
    int64_t n_columns
    int64_t* column  # [width] those with a destination
    int64_t* low_y  # [width] by column
    int64_t* high_y
    char* has  # [width]


cdef int make_crown(Crown* crown, int64_t width) except -1:
    crown.n = crown.n_columns = 0
    crown.column = <int64_t*>calloc(width, sizeof(int64_t))
    crown.low_y = <int64_t*>calloc(width, sizeof(int64_t))
    crown.high_y = <int64_t*>calloc(width, sizeof(int64_t))
    crown.has = <char*>calloc(width, 1)
    if crown.column == NULL or crown.low_y == NULL or crown.high_y == NULL or crown.has == NULL:
        free_crown(crown)
        raise MemoryError("native engine: trees of packets")
    return 0


cdef inline void free_crown(Crown* crown) noexcept nogil:
    free(crown.column)
    free(crown.low_y)
    free(crown.high_y)
    free(crown.has)


cdef inline void grow(Crown* crown, int64_t x0, int64_t y0, int64_t x1, int64_t y1) noexcept nogil:
    """Adds a destination to the tree that begins at (x0, y0)."""
    if crown.n == 0:
        crown.low_x = crown.high_x = x0
    crown.n += 1
    crown.low_x, crown.high_x = min(crown.low_x, x1), max(crown.high_x, x1)
    if not crown.has[x1]:
        crown.has[x1] = 1
        crown.column[crown.n_columns] = x1
        crown.n_columns += 1
        crown.low_y[x1] = crown.high_y[x1] = y0
    crown.low_y[x1], crown.high_y[x1] = min(crown.low_y[x1], y1), max(crown.high_y[x1], y1)


cdef inline void forget(Crown* crown) noexcept nogil:
    cdef int64_t i
    for i in range(crown.n_columns):
        crown.has[crown.column[i]] = 0
    crown.n = crown.n_columns = 0


cdef inline Trip trip_of_tree(Crown* crown, const Ways* ways, int64_t x0, int64_t y0) noexcept nogil:
    """The links of the tree, each once; forgets the tree."""
    cdef Trip trip
    cdef int64_t i, column
    memset(&trip, 0, sizeof(Trip))
    if crown.n:
        trip.east, trip.west = crown.high_x - x0, x0 - crown.low_x
        trip.chips = crown.high_x // ways.chip_width - crown.low_x // ways.chip_width
        for i in range(crown.n_columns):
            column = crown.column[i]
            trip.north += crown.high_y[column] - y0
            trip.south += y0 - crown.low_y[column]
            trip.chips += crown.high_y[column] // ways.chip_height - crown.low_y[column] // ways.chip_height
    forget(crown)
    return trip


cdef inline void add_tree(
    int64_t[:, :, ::1] links, Crown* crown, int64_t x0, int64_t y0, int64_t n
) noexcept nogil:
    """Adds n packets to the links of the tree, see `add_up`; forgets the tree."""
    cdef int64_t i, column
    if crown.n:
        add_legs(links, x0, y0, crown.high_x, y0, y0, x0, n)
        add_legs(links, x0, y0, crown.low_x, y0, y0, x0, n)
        for i in range(crown.n_columns):
            column = crown.column[i]
            add_legs(links, column, y0, column, crown.high_y[column], y0, column, n)
            add_legs(links, column, y0, column, crown.low_y[column], y0, column, n)
    forget(crown)


def sum_sent(
    const int64_t[::1] entry_ptr, const int32_t[::1] entry_core, const int32_t[::1] entry_axon,
    const uint8_t[::1] drops, const int64_t[::1] syn_ptr, const int32_t[::1] n_dense, const int32_t[::1] core_of_sender,
    const int32_t[::1] x, const int32_t[::1] y, int32_t routing, const int8_t[::1] next_side, int64_t width,
    int64_t chip_width, int64_t chip_height, bint tree, int64_t[:, ::1] sent, int32_t[:, ::1] n_ops,
):
    """Fills sent [n_senders, len(SENT)], zeros so far: what one spike of each sender counts; and n_ops
    [n_entries, 2]: dense and sparse operations of each packet. drops [n_entries], or empty: entries whose
    packets are. n_dense [n_axons]; core_of_sender, x, y: rows of cores, and the host port as one row more.
    tree: the entries of a spike are one packet, which takes each link of its ways along x, then y once."""
    cdef int64_t n_senders = entry_ptr.shape[0] - 1, host = x.shape[0] - 1, sender, entry, source, axon
    cdef int64_t* out
    cdef Trip trip
    cdef Ways ways = ways_of(routing, next_side, width, chip_width, chip_height)
    cdef Crown crown
    if sent.shape[0] != n_senders or sent.shape[1] != N_SENT or core_of_sender.shape[0] != n_senders:
        raise ValueError("sum_sent: one row of counts per sender")
    make_crown(&crown, width)
    with nogil:
        for sender in range(n_senders):
            out = &sent[sender, 0]
            source = core_of_sender[sender]
            out[TRANSMITTED] = entry_ptr[sender + 1] > entry_ptr[sender]
            for entry in range(entry_ptr[sender], entry_ptr[sender + 1]):
                if not tree or entry == entry_ptr[sender]:
                    out[INJECT] += source != host
                    out[HOST_IN] += source == host
                if drops.shape[0] and drops[entry]:
                    out[DROPPED] += 1
                    n_ops[entry, 0] = n_ops[entry, 1] = 0
                    continue
                if tree:
                    grow(&crown, x[source], y[source], x[entry_core[entry]], y[entry_core[entry]])
                    memset(&trip, 0, sizeof(Trip))
                else:
                    trip = trip_of(&ways, &x[0], &y[0], source, entry_core[entry])
                out[HOP_E] += trip.east
                out[HOP_W] += trip.west
                out[HOP_N] += trip.north
                out[HOP_S] += trip.south
                out[HOP_CHIP] += trip.chips
                if entry_core[entry] == host:
                    out[HOST_OUT] += 1
                    n_ops[entry, 0] = n_ops[entry, 1] = 0
                    continue
                axon = entry_axon[entry]
                out[EJECT] += 1
                out[AXON_IN] += 1
                n_ops[entry, 0] = n_dense[axon]
                n_ops[entry, 1] = <int32_t>(syn_ptr[axon + 1] - syn_ptr[axon] - n_dense[axon])
                out[DENSE] += n_ops[entry, 0]
                out[SPARSE] += n_ops[entry, 1]
            if tree:
                trip = trip_of_tree(&crown, &ways, x[source], y[source])
                out[HOP_E] += trip.east
                out[HOP_W] += trip.west
                out[HOP_N] += trip.north
                out[HOP_S] += trip.south
                out[HOP_CHIP] += trip.chips
    free_crown(&crown)


def book_sent(
    const int64_t[::1] n_spikes, int64_t n_slots, const int64_t[:, ::1] sent,
    const int32_t[::1] core_of_sender, const int32_t[::1] group_of_sender, int64_t spikes_column,
    int64_t first_column, int64_t[:, ::1] by_core, int64_t[:, ::1] by_group
):
    """Adds what the spikes of every sender count, in columns first_column .., to the sender's account; to its
    core what counts there, and to no core (the last row) what happens on the way. Arrivals: book_received.
    Spikes of the first n_slots senders, the compartments, are counted themselves, in spikes_column."""
    cdef int64_t sender, column, n, value, nowhere = by_core.shape[0] - 1
    cdef int64_t* of_group
    if (
        sent.shape[1] != N_SENT or by_core.shape[1] < first_column + N_SENT
        or by_group.shape[1] < first_column + N_SENT
    ):
        raise ValueError("book_sent: one row of counts per sender")
    with nogil:
        for sender in range(n_spikes.shape[0]):
            n = n_spikes[sender]
            if n == 0:
                continue
            if sender < n_slots:
                by_core[core_of_sender[sender], spikes_column] += n
                by_group[group_of_sender[sender], spikes_column] += n
            of_group = &by_group[group_of_sender[sender], first_column]
            for column in range(N_SENT):
                value = n * sent[sender, column]
                of_group[column] += value
                if column <= DROPPED:
                    by_core[core_of_sender[sender], first_column + column] += value
                elif column <= HOP_CHIP or column == HOST_OUT:
                    by_core[nowhere, first_column + column] += value


cdef struct Arrivals:
    int64_t packets
    int64_t dense  # operations
    int64_t sparse


def book_received(
    const int64_t[::1] n_spikes, const int64_t[::1] entry_ptr, const int32_t[::1] entry_core,
    const uint8_t[::1] drops, const int32_t[:, ::1] n_ops, const int32_t[::1] core_of_sender, const int32_t[::1] x,
    const int32_t[::1] y, int32_t routing, const int8_t[::1] next_side, bint tree, int64_t[:, ::1] received,
    int64_t[:, :, ::1] links,
):
    """Adds up what the packets of n_spikes [n_senders] spikes cause on their way and at its end.

    received [n_cores + 1, 3]: packets, dense and sparse operations; last row: the host port. links [height,
    width, 4], zeros so far: grants of the links that leave each tile to the east, west, north and south. tree:
    see sum_sent.
    """
    cdef Crown crown
    cdef int64_t n_senders = entry_ptr.shape[0] - 1, host = x.shape[0] - 1
    cdef int64_t sender, entry, core, n, n_touched = 0, i
    cdef Ways ways = ways_of(routing, next_side, links.shape[1], links.shape[1], links.shape[0])
    # from one source to each core, and which cores there is something for; senders come source by source
    cdef Arrivals* arrivals = <Arrivals*>calloc(host + 1, sizeof(Arrivals))
    cdef Arrivals* of_core
    cdef int64_t* touched = <int64_t*>calloc(host + 1, sizeof(int64_t))
    if arrivals == NULL or touched == NULL:
        free(arrivals)
        free(touched)
        raise MemoryError("native engine: packets by core")
    make_crown(&crown, links.shape[1])
    with nogil:
        for sender in range(n_senders):
            n = n_spikes[sender]
            for entry in range(entry_ptr[sender], entry_ptr[sender + 1] if n else entry_ptr[sender]):
                if drops.shape[0] and drops[entry]:
                    continue
                of_core = &arrivals[entry_core[entry]]
                if of_core.packets == 0:
                    touched[n_touched] = entry_core[entry]
                    n_touched += 1
                of_core.packets += n
                of_core.dense += n * n_ops[entry, 0]
                of_core.sparse += n * n_ops[entry, 1]
                if tree:
                    grow(
                        &crown, x[core_of_sender[sender]], y[core_of_sender[sender]], x[entry_core[entry]],
                        y[entry_core[entry]],
                    )
            if tree and n:
                add_tree(links, &crown, x[core_of_sender[sender]], y[core_of_sender[sender]], n)
            if sender + 1 == n_senders or core_of_sender[sender + 1] != core_of_sender[sender]:
                for i in range(n_touched):
                    core, of_core = touched[i], &arrivals[touched[i]]
                    received[core, 0] += of_core.packets
                    received[core, 1] += of_core.dense
                    received[core, 2] += of_core.sparse
                    if not tree:
                        add_way(
                            links, &ways, x[core_of_sender[sender]], y[core_of_sender[sender]], x[core],
                            y[core], of_core.packets,
                        )
                    memset(of_core, 0, sizeof(Arrivals))
                n_touched = 0
        if routing != BY_TABLE:
            add_up(links)
    free_crown(&crown)
    free(arrivals)
    free(touched)


cdef inline void add_way(
    int64_t[:, :, ::1] links, const Ways* ways, int64_t x0, int64_t y0, int64_t x1, int64_t y1, int64_t n
) noexcept nogil:
    """Adds n packets to the links of their way: by table one by one, else to be summed up by `add_up`."""
    cdef int64_t tile = y0 * ways.width + x0, target = y1 * ways.width + x1
    cdef int side
    if ways.routing == X_FIRST or (ways.routing == WEST_FIRST and x1 < x0):
        add_legs(links, x0, y0, x1, y1, y0, x1, n)
    elif ways.routing != BY_TABLE:
        add_legs(links, x0, y0, x1, y1, y1, x0, n)
    else:
        while tile != target:
            side = ways.next_side[tile * ways.n_tiles + target]
            links[tile // ways.width, tile % ways.width, side] += n
            tile = beyond(ways.width, tile, side)


cdef inline void add_legs(
    int64_t[:, :, ::1] links, int64_t x0, int64_t y0, int64_t x1, int64_t y1, int64_t row, int64_t column,
    int64_t n,
) noexcept nogil:
    """Marks where the legs of n packets, one along a row and one along a column, start and where they are
    over: running sums make loads of that."""
    if x1 > x0:  # links of tiles x0 .. x1 - 1
        links[row, x0, 0] += n
        links[row, x1, 0] -= n
    elif x1 < x0:  # links of tiles x1 + 1 .. x0
        links[row, x1 + 1, 1] += n
        if x0 + 1 < links.shape[1]:
            links[row, x0 + 1, 1] -= n
    if y1 > y0:
        links[y0, column, 2] += n
        links[y1, column, 2] -= n
    elif y1 < y0:
        links[y1 + 1, column, 3] += n
        if y0 + 1 < links.shape[0]:
            links[y0 + 1, column, 3] -= n


cdef inline void add_up(int64_t[:, :, ::1] links) noexcept nogil:
    """Running sums along x for the links to the east and west, along y for those to the north and south."""
    cdef int64_t x, y
    for y in range(links.shape[0]):
        for x in range(links.shape[1]):
            if x:
                links[y, x, 0] += links[y, x - 1, 0]
                links[y, x, 1] += links[y, x - 1, 1]
            if y:
                links[y, x, 2] += links[y - 1, x, 2]
                links[y, x, 3] += links[y - 1, x, 3]
