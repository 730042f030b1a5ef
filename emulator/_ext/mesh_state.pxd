# What the mesh of a tick consists of: ports, FIFOs, intakes, sources. mesh_setup.pxd builds it, mesh.pxd runs it.
cimport cython
from emulator._ext.event_queue cimport EventQueue
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t

cdef extern from *:
    """
    #define MESH_NEVER_PS INT64_C(0x4000000000000000)
    /* What every event runs is to lie in the loop, what few meshes need is not to. */
    #define MESH_HOT __attribute__((always_inline))
    #define MESH_COLD __attribute__((cold))
    """
    ctypedef void hot_void "MESH_HOT void"
    ctypedef void cold_void "MESH_COLD void"
    const int64_t NEVER_PS "MESH_NEVER_PS"
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil
    long expect "__builtin_expect"(long value, long usual) noexcept nogil

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

cdef enum:
    NOBODY = -1  # partner of a port at the edge; partners from 0 are ports, those below are sources
    FIRST_SOURCE = -2

cdef enum:  # kinds of outputs: what it leads to
    KIND_EW = 0
    KIND_NS = 1
    KIND_BORDER_EW = 2
    KIND_BORDER_NS = 3
    KIND_EJECT = 4
    N_KINDS = 5

cdef enum:  # flags of a port
    TOUCHED = 1  # not in its initial state
    WAITED_FOR = 2  # FIFO: its feeder waits for a slot, at an instant not yet known
    BLOCKED = 4  # output: it waits for a slot of its target


cdef struct Port:  # an input FIFO and the output of the same number; a cache line
    int64_t ready_ps  # FIFO: its head may be granted from then on; without a head, the next may
    int64_t free_ps  # output: it may grant from then on, unless it is blocked
    int64_t wake_ps  # output: when it looks for a packet; NEVER_PS: no event is set
    uint64_t wanted_by  # output: ports of its router whose head wants it; those from 64 on: more_wanted_by
    int32_t partner  # port that it feeds and that feeds it; FIRST_SOURCE - source (and core); NOBODY
    int32_t router  # id of port 0 of this router
    int32_t n_taken  # FIFO: packets ever put in
    int32_t n_granted  # FIFO: of those put in, how many were granted out
    int32_t occupancy_max  # FIFO
    int32_t n_sent  # output: packets ever granted
    int16_t x
    int16_t y
    uint16_t pointer  # output: of its round robin
    uint8_t kind  # output
    uint8_t flags


cdef struct Slot:  # of a FIFO
    int64_t at_ps  # when its packet arrives, then when it was granted
    int32_t packet
    int16_t x  # where the packet goes
    int16_t y


cdef struct Lost:  # what a port needs to know besides where packets get lost
    int64_t n  # FIFO: packets ever lost on the way in
    int64_t recovered_ps  # output: it may grant from then on, if there is room


cdef struct Serial:  # a link to another chip that grants for several rows
    int64_t free_ps  # it may grant from then on
    int32_t first  # output of its first row
    int32_t step  # from an output to that of the next row
    int32_t n_rows
    int32_t pointer  # of its round robin: row * n_ports + port


cdef struct Fork:  # what is left of a FIFO's head with multicast
    int64_t left_ps  # latest grant of a branch
    int32_t end  # behind its destinations
    int32_t n_left  # branches that have not been granted


cdef struct Hop:  # of a kind of output
    int64_t latency_ps
    int64_t cycle_ps  # least time between two grants


cdef struct Goal:  # where packets go
    int16_t x
    int16_t y
    int32_t port  # output port there: 4 + core in tile, or the side of the host port


cdef struct Intake:
    int64_t busy_until_ps  # end of the last service known
    int32_t occupancy_max
    int32_t next  # place of the next start
    bint lapped  # every place has been used


cdef struct Source:
    int64_t next_packet
    int64_t end_packet
    int64_t last_push_ps
    int64_t tail_ps  # work of the source after its last push
    int64_t stall_ps
    int32_t fifo


cdef struct GrantLog:
    int64_t* rows  # [n_room, 4] packet, port, ps, end: with multicast packets up to end - 1 share the grant
    int64_t n
    int64_t n_room


cdef struct Mesh:
    int32_t width
    int32_t height
    int32_t chip_width  # tiles of one chip; divide width and height
    int32_t chip_height
    int32_t merge  # rows, or columns, of a side of a chip that share a link to another chip
    Hop hops[5]  # by kind
    int32_t n_ports
    int32_t n_routers
    int32_t n_more_words  # of a set of ports, beyond the first
    int32_t arbiter
    int32_t fifo_depth
    int32_t ring_mask
    int64_t ring_size  # slots of a FIFO's ring: a power of two, at least its depth
    int32_t routing  # of Order
    int8_t sides[9]  # output by the way still to go, see `wanted_output`
    const int8_t* next_side  # [n_routers, n_routers] side by router and destination; NULL: not BY_TABLE
    int32_t intake_depth  # 0: intakes are always ready
    int64_t inject_ps
    int64_t cycle_ps  # of input FIFOs
    int64_t credit_ps
    Port* ports  # [n_routers, n_ports]
    uint64_t* more_wanted_by  # [n_routers, n_ports, n_more_words]
    Slot* slots  # [n_routers, n_ports, ring_size] packet n of a FIFO in slot n modulo the ring
    Serial* serials  # [n_serials]
    int32_t* serial_of  # [n_routers, n_ports] of each output or OWN_LINK; NULL: none is merged with others
    int32_t n_serials
    Intake* intakes  # [n_cores]
    Source* sources  # [n_sources]
    int64_t n_sources
    int64_t n_cores
    int64_t* start_ps  # [n_cores, intake_depth] service starts
    const Goal* goals
    int32_t port_of_all  # output port at every goal; -1: they differ
    bint fetches  # too large for the nearest caches
    const int32_t* order  # [n_packets] packets as the sources hold them; NULL: 0, 1, ...
    const int32_t* goal  # [n_packets]; goals below n_cores are that core
    const int64_t* gap_ps  # [n_packets] from the source's previous push (or start) until ready; NULL: 0
    const int64_t* not_before_ps  # [n_packets]; NULL: 0
    const int64_t* service_ps  # [n_packets] of the receiving core's synapse pipeline
    const int32_t* lost_at  # [n_packets] 1 + output whose link loses it; 0: it arrives. NULL: nothing is lost
    Lost* lost  # [n_routers, n_ports] if anything is
    int64_t* lost_until_ps  # [n_routers, n_ports, fifo_depth] when the slots of lost packets are released
    GrantLog* log  # every grant, in any order; NULL: nobody asks
    int32_t* past  # [n_packets] behind the last destination of a packet, see mesh_tree.pxd; NULL: no multicast
    Fork* forks  # [n_routers, n_ports] with multicast
    int64_t* push_ps  # [n_packets] result
    int64_t* arrive_ps  # [n_packets] result; of a lost packet 0
    int64_t in_flight
    int64_t done_ps
    int64_t n_looks  # events handled
    int64_t n_fetches
    EventQueue queue
    int32_t* touched  # ports
    int64_t n_touched


cdef inline Slot* slot_of(Mesh* mesh, int32_t fifo_id, int32_t n) noexcept nogil:
    """Where packet number `n` of a FIFO is, or will be."""
    return &mesh.slots[fifo_id * mesh.ring_size + (n & mesh.ring_mask)]


@cython.overflowcheck(False)
cdef inline uint64_t* word_of(Mesh* mesh, int32_t output_id, int32_t word) noexcept nogil:
    """The `word`-th 64 ports of those whose head wants an output."""
    if word == 0:
        return &mesh.ports[output_id].wanted_by
    return &mesh.more_wanted_by[<int64_t>output_id * mesh.n_more_words + word - 1]


cdef inline int32_t direction(int32_t dx, int32_t dy) noexcept nogil:
    """Place in `sides` of a way still to go."""
    return 4 + 3 * ((dx > 0) - (dx < 0)) + ((dy > 0) - (dy < 0))


cdef inline void set_sides(int8_t* sides, int32_t routing) noexcept nogil:
    """[9]: the output towards a goal in each direction, local port 0 in none; for routings not by table."""
    cdef int32_t x, y
    cdef bint x_first
    for x in range(-1, 2):
        for y in range(-1, 2):
            x_first = routing == X_FIRST or (routing == WEST_FIRST and x < 0)
            if x == 0 and y == 0:
                sides[4] = N_SIDES
            elif y == 0 or (x != 0 and x_first):
                sides[direction(x, y)] = <int8_t>(EAST if x > 0 else WEST)
            else:
                sides[direction(x, y)] = <int8_t>(NORTH if y > 0 else SOUTH)
