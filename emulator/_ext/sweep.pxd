# The mesh alone as sweeps over its channels: another way to the instants of mesh.pxd, without an event queue.
#
# A channel is a router's output or a source. The run is cut into windows of time. Within a window a channel
# merges the time-sorted streams of its input FIFOs: at each instant max(channel free, earliest candidate
# ready) the arbiter chooses among all candidates ready by then. A candidate is ready when it is visible and
#   (a) cycle_ps have passed since the grant of the packet before it in its FIFO.
# The channel is free when its own cycle is over and, for the next slot n of the FIFO that it feeds,
#   (b) credit_ps have passed since the grant of slot n - fifo_depth.
# What other channels grant may not be known yet. Then it is taken to be what was found last or, for a packet
# not seen before, what it would be without contention; who used a value that turns out otherwise is dirty and
# computed anew in the next sweep. The window is done when no channel is dirty.
#
# Why the result is exact.
# 1. Let F compute all pushes and grants from all pushes and grants by the rule above. Those of the event loop
#    satisfy g = F(g): heads, ties, pointers, cycles, credits are those of the rule. No other g does: every
#    delay is at least 1 ps, so what happens at an instant depends on earlier instants only, and two solutions
#    have no first instant at which they differ. So whatever g = F(g) is the run, however it was found.
# 2. When no channel is dirty, g = F(g), as whatever F reads makes its reader dirty when it changes: which
#    packets a FIFO holds, since when, how old they are (append, forget), (a) (hold_next), (b) (give_credit).
#    Changes of (a) and (b) that cannot matter are let pass: a bound that rises, but not above what it bounds.
#    It takes a candidate away at instants at which it was not chosen, or keeps a channel busy that granted
#    nothing. Arbiters take the least rank, and the least of a set stays the least when others leave it.
# 3. It ends: if all is right before an instant t, it is right before t + 1 ps after the next sweep.
# 4. Instants from the window's end on are guesses and all mean "not in this window". As g before an instant
#    depends on g before it only, a window may be ended earlier than planned; who went further is dirty.
# So the length of windows and the order of channels bear on speed alone, and no routing has to be free of
# cycles for it; a good order lets most windows be done after few sweeps.
cimport cython
from emulator._ext.mesh_state cimport FIXED, N_SIDES, OLDEST, direction
from libc.stdint cimport int8_t, int32_t, int64_t, uint32_t, uint64_t

cdef extern from *:
    """
    #define SWEEP_FAR_PS INT64_C(0x4000000000000000)
    """
    const int64_t FAR_PS "SWEEP_FAR_PS"  # after everything
    void prefetch "__builtin_prefetch"(const void* address) noexcept nogil
    int __builtin_ctzll(unsigned long long) noexcept nogil

cdef enum:
    N_INPUTS = 5  # the four sides and local port 0, the one that traffic alone uses
    N_CHANNELS = 6  # of a router: outputs E, W, N, S, local; its source
    SOURCE = 5
    MAX_DEPTH = 21
    MAX_SIDE = 16384  # coordinates have 14 bits
    WORD = 64
    RING = 64  # slots of a FIFO's ring; three depths and one have to fit

cdef struct Slot:
    int64_t arrive_ps  # visible from then on
    int64_t grant_ps  # towards the next FIFO or core; a guess if not before the window's end
    int64_t push_ps  # for the arbiter `oldest`; else 0
    int32_t packet
    uint32_t target  # destination: x, y, then the output wanted here: 14, 14 and 4 bits


cdef struct Buffer:  # an input FIFO; slots are numbered in the order in which they are taken
    int32_t n_taken  # in what is known of this window
    int32_t n_kept  # taken before this window
    int32_t n_granted  # granted before this window
    int32_t n_visible  # visible at the last of those grants
    int32_t occupancy_max
    int32_t feeder  # channel
    int32_t outputs  # first channel of its router
    int32_t port  # input port
    int32_t x  # of its router
    int32_t y
    int64_t latency_ps  # taken to visible
    int64_t cycle_ps  # of the feeder
    int64_t n_before  # slots taken and granted before slot 0: numbers start anew when it runs empty


cdef struct Channel:
    uint64_t wanting[5]  # by input port: slots of its ring that hold a packet for this output
    int32_t place  # in the order of channels
    int32_t buffer  # the FIFO fed; -1: a core's intake, always ready
    int64_t next_ps  # first instant free again, at the window's start; of a source: its last push
    int32_t pointer  # round robin, at the window's start and end
    int32_t end_pointer
    int64_t end_next_ps  # at the window's end
    int64_t stall_ps  # of a source; as above
    int64_t end_stall_ps
    int64_t cycle_ps
    int64_t latency_ps
    int64_t window  # the last in which it was computed
    int64_t unused[2]  # 128 bytes, two cache lines


cdef struct Candidate:  # the packet of an input FIFO that is the next one for an output
    int64_t ready_ps
    Slot* slot
    Slot* ring
    uint64_t left  # those after it, by their distance from `origin`
    int32_t number  # of the slot
    int32_t origin
    int32_t buffer
    int32_t port


cdef struct Feed:  # a FIFO being filled in a window
    Slot* ring
    Buffer* buffer
    uint64_t turned[5]  # slots newly filled, by the output that their packets want
    int32_t buffer_id
    int32_t number  # of the next slot


cdef struct Sweep:
    int32_t width
    int32_t height
    int32_t n_routers
    int32_t n_ports  # of a router, those that traffic does not use too
    int32_t arbiter
    int8_t sides[9]  # see set_sides
    const int8_t* next_side  # [n_routers, n_routers] side by router and destination; NULL: not by table
    int64_t longest_ps  # cycle or credit
    int64_t last_inject_ps
    void* memory  # holds all that follows; zeros at first
    Slot* slots  # [n_routers, N_INPUTS, RING]
    Buffer* buffers  # [n_routers, N_INPUTS]
    Channel* channels  # [n_routers, N_CHANNELS]
    const int32_t* order  # [n_routers * N_CHANNELS] channels, those that feed others first
    uint64_t* dirty  # by place in the order
    uint64_t* touched  # by buffer: something to keep at the window's end
    int64_t n_words
    int64_t n_touched_words
    int64_t n_dirty
    int32_t depth
    int64_t cycle_ps
    int64_t credit_ps
    int64_t origin_ps  # added to all instants here: slots before the first, granted at 0, then bind nobody
    int64_t window  # its number, from 1
    int64_t end_ps  # of the window
    bint cut  # the window's end was moved: a ring had no room
    int64_t n_computed  # pushes and grants, repeated ones too
    int64_t n_visits  # channels computed, repeatedly too
    int64_t n_kept  # pushes and grants of the windows done
    int64_t last_ps  # the latest of them
    int32_t* live  # [n_live] sources with packets left
    int64_t* wake_ps  # [n_live] first instant at which they may push
    int64_t n_live
    const int64_t* inject_ps  # [n_packets]
    const int32_t* dst
    const int32_t* queue  # positions of packets by source, then in the order in which it pushes them
    const int64_t* source_ptr  # [n_routers + 1] into the queue
    int64_t* push_ps
    int64_t* arrive_ps
    int64_t* facts  # [N_FACTS]
    int64_t give_up_until  # pushes and grants; later too much would be thrown away


cdef inline int32_t port_towards(Sweep* sweep, int32_t x, int32_t y, int32_t to_x, int32_t to_y) noexcept nogil:
    """The output that a packet wants at the router at (x, y)."""
    if sweep.next_side != NULL and (x != to_x or y != to_y):
        return sweep.next_side[
            (<int64_t>y * sweep.width + x) * sweep.n_routers + <int64_t>to_y * sweep.width + to_x
        ]
    return sweep.sides[direction(to_x - x, to_y - y)]


cdef inline Slot* slot_of(Sweep* sweep, int32_t buffer_id, int32_t number) noexcept nogil:
    return &sweep.slots[<int64_t>buffer_id * RING + (number & (RING - 1))]


cdef inline void set_dirty(Sweep* sweep, int32_t channel_id) noexcept nogil:
    """Has a channel computed anew."""
    cdef int32_t place = sweep.channels[channel_id].place
    cdef uint64_t bit = (<uint64_t>1) << (place & (WORD - 1))
    if not sweep.dirty[place >> 6] & bit:
        sweep.dirty[place >> 6] |= bit
        sweep.n_dirty += 1


cdef inline int32_t output_of(Buffer* buffer, Slot* slot) noexcept nogil:
    """The channel that the packet in a slot of this buffer wants."""
    return buffer.outputs + <int32_t>(slot.target >> 28)


cdef inline void hold_next(Sweep* sweep, int32_t buffer_id, int32_t number, int64_t old_ps) noexcept nogil:
    """Bound (a): a grant is not at `old_ps` any more; the next packet's output is dirty if that matters."""
    cdef Buffer* buffer = &sweep.buffers[buffer_id]
    cdef Slot* slot = slot_of(sweep, buffer_id, number)
    cdef Slot* after = slot_of(sweep, buffer_id, number + 1)
    cdef int64_t new_ps
    if number + 1 >= buffer.n_taken or after.target >> 28 == slot.target >> 28:
        return  # the same output: it is being computed, or dirty
    old_ps = max(after.arrive_ps, min(old_ps + sweep.cycle_ps, sweep.end_ps))
    new_ps = max(after.arrive_ps, min(slot.grant_ps + sweep.cycle_ps, sweep.end_ps))
    if new_ps != old_ps and not old_ps < new_ps <= after.grant_ps:
        set_dirty(sweep, output_of(buffer, after))


cdef inline void give_credit(Sweep* sweep, int32_t buffer_id, int32_t number, int64_t old_ps) noexcept nogil:
    """Bound (b): a grant is not at `old_ps` any more; the FIFO's feeder is dirty if that matters."""
    cdef Buffer* buffer = &sweep.buffers[buffer_id]
    cdef int32_t user = number + sweep.depth  # the slot that is taken again
    cdef int64_t new_ps, free_ps
    cdef int64_t taken_ps = sweep.end_ps
    if user > buffer.n_taken:
        return
    if user < buffer.n_taken:
        taken_ps = slot_of(sweep, buffer_id, user).arrive_ps - buffer.latency_ps
    free_ps = slot_of(sweep, buffer_id, user - 1).arrive_ps - buffer.latency_ps + buffer.cycle_ps
    old_ps = min(max(old_ps + sweep.credit_ps, free_ps), sweep.end_ps)
    new_ps = slot_of(sweep, buffer_id, number).grant_ps
    new_ps = min(max(new_ps + sweep.credit_ps, free_ps), sweep.end_ps)
    if new_ps != old_ps and not old_ps < new_ps <= taken_ps:
        set_dirty(sweep, buffer.feeder)


cdef inline void regrant(Sweep* sweep, int32_t buffer_id, int32_t number, int64_t at_ps) noexcept nogil:
    """Changes the grant of a slot."""
    cdef Slot* slot = slot_of(sweep, buffer_id, number)
    cdef int64_t old_ps = slot.grant_ps
    slot.grant_ps = at_ps
    if old_ps < sweep.end_ps or at_ps < sweep.end_ps:
        hold_next(sweep, buffer_id, number, old_ps)
        give_credit(sweep, buffer_id, number, old_ps)


cdef inline void forget(Sweep* sweep, int32_t buffer_id, int32_t number) noexcept nogil:
    """A slot of this window does not hold the packet that it held."""
    cdef Buffer* buffer = &sweep.buffers[buffer_id]
    cdef int32_t output = output_of(buffer, slot_of(sweep, buffer_id, number))
    sweep.channels[output].wanting[buffer.port] &= ~((<uint64_t>1) << (number & (RING - 1)))
    set_dirty(sweep, output)


cdef inline Feed feed_of(Sweep* sweep, int32_t buffer_id) noexcept nogil:
    """What a channel needs to fill the FIFO that it feeds, from the window's start on."""
    cdef Feed feed
    feed.buffer_id, feed.buffer = buffer_id, &sweep.buffers[buffer_id]
    feed.ring = slot_of(sweep, buffer_id, 0)
    feed.number = feed.buffer.n_kept
    feed.turned[0] = feed.turned[1] = feed.turned[2] = feed.turned[3] = feed.turned[4] = 0
    return feed


cdef inline int64_t room_ps(Sweep* sweep, Feed* feed) noexcept nogil:
    """Bound (b): first instant at which the next slot may be taken."""
    return feed.ring[(feed.number - sweep.depth) & (RING - 1)].grant_ps + sweep.credit_ps


cdef inline int append(Sweep* sweep, Feed* feed, Slot* packet, int64_t taken_ps) noexcept nogil:
    """Puts a packet into the next slot, if it is not there yet. -1: no room, and the window is cut short."""
    cdef Buffer* buffer = feed.buffer
    cdef Slot* slot = &feed.ring[feed.number & (RING - 1)]
    cdef int64_t arrive_ps = taken_ps + buffer.latency_ps
    cdef int64_t old_ps = slot.grant_ps
    cdef int32_t port
    cdef bint known = feed.number < buffer.n_taken
    if known:
        if slot.arrive_ps == arrive_ps and slot.packet == packet.packet and slot.push_ps == packet.push_ps:
            feed.number += 1
            return 0
        forget(sweep, feed.buffer_id, feed.number)
    elif feed.number - buffer.n_granted >= RING - sweep.depth:
        sweep.end_ps = taken_ps
        sweep.cut = True
        return -1
    port = port_towards(sweep, buffer.x, buffer.y, packet.target & 0x3FFF, (packet.target >> 14) & 0x3FFF)
    slot.arrive_ps, slot.push_ps, slot.packet = arrive_ps, packet.push_ps, packet.packet
    slot.target = (packet.target & 0xFFFFFFF) | (<uint32_t>port << 28)
    slot.grant_ps = max(arrive_ps, feed.ring[(feed.number - 1) & (RING - 1)].grant_ps + sweep.cycle_ps)
    feed.turned[port] |= (<uint64_t>1) << (feed.number & (RING - 1))
    if known:
        hold_next(sweep, feed.buffer_id, feed.number, old_ps)  # (b) is the caller's, who has yet to use it
    feed.number += 1
    return 0


cdef inline void end_feed(Sweep* sweep, Feed* feed) noexcept nogil:
    """No more slots are taken in this window."""
    cdef Buffer* buffer = feed.buffer
    cdef int32_t port
    while buffer.n_taken > feed.number:
        buffer.n_taken -= 1
        forget(sweep, feed.buffer_id, buffer.n_taken)
    buffer.n_taken = feed.number
    for port in range(N_INPUTS):
        if feed.turned[port]:
            sweep.channels[buffer.outputs + port].wanting[buffer.port] |= feed.turned[port]
            set_dirty(sweep, buffer.outputs + port)
    if feed.number > buffer.n_kept:
        sweep.touched[feed.buffer_id >> 6] |= (<uint64_t>1) << (feed.buffer_id & (WORD - 1))


cdef inline void push_window(Sweep* sweep, int32_t channel_id) noexcept nogil:
    """Pushes of a source in this window."""
    cdef Channel* source = &sweep.channels[channel_id]
    cdef Feed feed = feed_of(sweep, source.buffer)
    cdef int64_t place = sweep.source_ptr[channel_id // N_CHANNELS] + feed.buffer.n_before + feed.number
    cdef int64_t end_place = sweep.source_ptr[channel_id // N_CHANNELS + 1]
    cdef int64_t last_ps = source.next_ps
    cdef int64_t stall_ps = source.stall_ps
    cdef int64_t ready_ps, at_ps
    cdef int32_t destination
    cdef Slot packet
    while place < end_place:
        packet.packet = sweep.queue[place]
        ready_ps = max(sweep.inject_ps[packet.packet] + sweep.origin_ps, last_ps)
        at_ps = max(ready_ps, room_ps(sweep, &feed))
        if at_ps >= sweep.end_ps:
            break
        packet.push_ps = at_ps if sweep.arbiter == OLDEST else 0
        destination = sweep.dst[packet.packet]
        packet.target = <uint32_t>(destination % sweep.width | (destination // sweep.width) << 14)
        if append(sweep, &feed, &packet, at_ps):
            break
        sweep.push_ps[packet.packet] = at_ps - sweep.origin_ps
        sweep.n_computed += 1
        stall_ps += at_ps - ready_ps
        last_ps = at_ps
        place += 1
    end_feed(sweep, &feed)
    source.end_next_ps, source.end_stall_ps = last_ps, stall_ps


@cython.overflowcheck(False)
cdef inline uint64_t from_head(uint64_t bits, int32_t head) noexcept nogil:
    """Turns a ring so that bit i stands for slot head + i."""
    return (bits >> (head & (RING - 1))) | (bits << ((RING - (head & (RING - 1))) & (RING - 1)))


cdef inline void next_candidate(Sweep* sweep, Candidate* head) noexcept nogil:
    """Moves on to an input's next packet for an output; it is ready by bound (a)."""
    head.number = head.origin + <int32_t>__builtin_ctzll(head.left)
    head.left &= head.left - 1
    head.slot = &head.ring[head.number & (RING - 1)]
    head.ready_ps = max(
        head.slot.arrive_ps, head.ring[(head.number - 1) & (RING - 1)].grant_ps + sweep.cycle_ps
    )


cdef inline int32_t candidates(Sweep* sweep, int32_t channel_id, Candidate* heads) noexcept nogil:
    """The first packet that each input FIFO holds for an output; returns how many have one."""
    cdef Channel* output = &sweep.channels[channel_id]
    cdef int32_t n = 0
    cdef int32_t port
    for port in range(N_INPUTS):
        if output.wanting[port]:
            heads[n].port, heads[n].buffer = port, channel_id // N_CHANNELS * N_INPUTS + port
            heads[n].ring = slot_of(sweep, heads[n].buffer, 0)
            heads[n].origin = sweep.buffers[heads[n].buffer].n_granted
            heads[n].left = from_head(output.wanting[port], heads[n].origin)
            next_candidate(sweep, &heads[n])
            n += 1
    return n


cdef inline void grant_window(Sweep* sweep, int32_t channel_id) noexcept nogil:
    """Grants of an output in this window: merges the packets that its router's input FIFOs hold for it."""
    cdef Channel* output = &sweep.channels[channel_id]
    cdef int32_t n_ports = sweep.n_ports
    cdef int32_t pointer = output.pointer
    cdef bint feeds = output.buffer >= 0
    cdef Feed feed = feed_of(sweep, output.buffer if feeds else 0)
    cdef int64_t next_ps = output.next_ps
    cdef int64_t at_ps, later_ps, ready_ps
    cdef Candidate heads[5]
    cdef Candidate* chosen
    cdef int32_t n = candidates(sweep, channel_id, heads)
    cdef int32_t i
    while n:
        chosen = &heads[0]
        at_ps = chosen.ready_ps
        later_ps = FAR_PS  # when the next but one is ready
        for i in range(1, n):
            ready_ps = heads[i].ready_ps
            later_ps = min(later_ps, max(at_ps, ready_ps))
            chosen = &heads[i] if ready_ps < at_ps else chosen
            at_ps = min(at_ps, ready_ps)
        at_ps = max(at_ps, next_ps)
        if feeds:
            at_ps = max(at_ps, room_ps(sweep, &feed))
        if at_ps >= sweep.end_ps:
            break
        if later_ps <= at_ps:
            chosen = choose(heads, n, at_ps, sweep.arbiter, pointer, n_ports)
        if feeds:
            if append(sweep, &feed, chosen.slot, at_ps):
                break
        else:
            sweep.arrive_ps[chosen.slot.packet] = at_ps + output.latency_ps - sweep.origin_ps
        if chosen.slot.grant_ps != at_ps:
            regrant(sweep, chosen.buffer, chosen.number, at_ps)
        sweep.n_computed += 1
        next_ps = at_ps + output.cycle_ps
        pointer = chosen.port + 1 if chosen.port + 1 < n_ports else 0
        if chosen.left:
            next_candidate(sweep, chosen)
        else:
            n -= 1
            chosen[0] = heads[n]
    for i in range(n):
        defer(sweep, &heads[i])
    if feeds:
        end_feed(sweep, &feed)
    output.end_next_ps, output.end_pointer = next_ps, pointer


cdef inline Candidate* choose(
    Candidate* heads, int32_t n, int64_t at_ps, int32_t arbiter, int32_t pointer, int32_t n_ports
) noexcept nogil:
    """The arbiter, among those ready at an instant."""
    cdef Candidate* chosen = NULL
    cdef int64_t rank
    cdef int64_t best = 0
    cdef int32_t i
    for i in range(n):
        if heads[i].ready_ps > at_ps:
            continue
        if arbiter == FIXED:
            rank = heads[i].port
        elif arbiter == OLDEST:
            rank = heads[i].slot.push_ps
        else:
            rank = heads[i].port - pointer
            if rank < 0:
                rank += n_ports
        # in port order only until an input has no more
        if chosen == NULL or rank < best or (rank == best and heads[i].port < chosen.port):
            chosen, best = &heads[i], rank
    return chosen


cdef inline void defer(Sweep* sweep, Candidate* head) noexcept nogil:
    """What an input holds for an output is not granted in this window."""
    cdef int64_t at_ps
    while True:
        at_ps = max(head.ready_ps, sweep.end_ps)
        if head.slot.grant_ps != at_ps:
            regrant(sweep, head.buffer, head.number, at_ps)
        if not head.left:
            return
        next_candidate(sweep, head)


cdef inline void compute(Sweep* sweep, int32_t channel_id) noexcept nogil:
    """Computes a channel's part of the window from the window's start."""
    cdef Channel* channel = &sweep.channels[channel_id]
    sweep.n_visits += 1
    if channel.window != sweep.window:
        channel.window = sweep.window
        channel.next_ps, channel.pointer = channel.end_next_ps, channel.end_pointer
        channel.stall_ps = channel.end_stall_ps
    if channel_id % N_CHANNELS == SOURCE:
        push_window(sweep, channel_id)
    else:
        grant_window(sweep, channel_id)


cdef inline void ask_ahead(Sweep* sweep, int64_t word) noexcept nogil:
    """Has the memory fetch what the next dirty channel works on."""
    cdef int32_t channel_id, buffer_id
    if sweep.dirty[word]:
        channel_id = sweep.order[word * WORD + __builtin_ctzll(sweep.dirty[word])]
        prefetch(&sweep.channels[channel_id])
        prefetch(<char*>&sweep.channels[channel_id] + WORD)
        buffer_id = sweep.channels[channel_id].buffer
        if buffer_id >= 0:
            prefetch(&sweep.buffers[buffer_id])
            prefetch(slot_of(sweep, buffer_id, sweep.buffers[buffer_id].n_kept))


cdef inline int64_t sweep_window(Sweep* sweep) noexcept nogil:
    """Sweeps over dirty channels until none is left. Returns how many sweeps it took."""
    cdef int64_t word, n_sweeps = 0
    cdef int32_t bit, channel_id
    cdef Channel* channel
    while sweep.n_dirty:
        n_sweeps += 1
        for word in range(sweep.n_words):
            while sweep.dirty[word]:
                bit = <int32_t>__builtin_ctzll(sweep.dirty[word])
                sweep.dirty[word] &= sweep.dirty[word] - 1
                sweep.n_dirty -= 1
                ask_ahead(sweep, word)
                compute(sweep, sweep.order[word * WORD + bit])
        if sweep.cut:
            sweep.cut = False
            for channel_id in range(sweep.n_routers * N_CHANNELS):
                channel = &sweep.channels[channel_id]
                if channel.window == sweep.window and channel.end_next_ps - channel.cycle_ps >= sweep.end_ps:
                    set_dirty(sweep, channel_id)
    return n_sweeps
