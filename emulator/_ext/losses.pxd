# Packets that may get lost, and the draws that decide, tick by tick. Twin of emulator/chip/losses.py.
#
# An axon-out entry whose way crosses lossy links is *risky*: its synapses are a row of their own, numbered
# behind those of the senders, which is added in the ticks in which its packet arrives.
from emulator._ext.philox cimport turn
from libc.stdint cimport int32_t, int64_t, uint32_t


cdef struct Losses:
    int64_t n_risky  # 0: no link that anything crosses is lossy
    int64_t n_senders
    int64_t n_counts  # columns of `undo`
    const int64_t* risky_ptr  # [n_senders + 1] risky entries of each sender
    const int64_t* risky_entry  # [n_risky]
    const int64_t* risky_place  # [n_risky] among the packets of a spike
    const int64_t* n_packets  # [n_senders] of a spike; without those dropped at once
    const int32_t* core_of_sender  # [n_senders] row
    const int64_t* link_ptr  # [n_risky + 1] lossy links on the way, in order
    const uint32_t* key  # [n_links, 2] of the draws of a link for the sender's source
    const int64_t* threshold  # [n_links] 1..2**32
    const int64_t* undo  # [n_links, n_counts] what a packet counts that gets past this link
    int64_t* n_lost  # [n_links]
    int64_t first_tick
    int32_t* survivors  # [n_risky] rows to be added in this tick
    int64_t n_survivors
    int64_t* lost_by  # [n_risky] of this tick's packets: the link that loses it, or -1


cdef inline uint32_t draw(
    uint32_t number, uint32_t tick, uint32_t sample, uint32_t age, const uint32_t* key
) noexcept nogil:
    """The first word of one block."""
    cdef uint32_t c0 = number, c1 = tick, c2 = sample, c3 = age
    cdef uint32_t step
    for step in range(10):
        turn(&c0, &c1, &c2, &c3, key[0], key[1], step)
    return c0


cdef inline int64_t draw_sender(
    Losses* losses, int64_t sender, int64_t number, int64_t sample, int64_t tick, int64_t* counts
) noexcept nogil:
    """Decides about the risky packets of a spike, of which the first packet is `number` of its source, and
    takes out of `counts`, from column 0 of `undo` on, what lost ones do not cause. Returns how many are lost."""
    cdef int64_t risky, link, lost_by, column, n_lost = 0
    for risky in range(losses.risky_ptr[sender], losses.risky_ptr[sender + 1]):
        lost_by = -1
        for link in range(losses.link_ptr[risky], losses.link_ptr[risky + 1]):
            if <int64_t>draw(
                <uint32_t>(number + losses.risky_place[risky]), <uint32_t>tick, <uint32_t>sample,
                <uint32_t>(tick >> 32), losses.key + 2 * link,
            ) < losses.threshold[link]:
                lost_by = link
                break
        losses.lost_by[risky] = lost_by
        if lost_by < 0:
            losses.survivors[losses.n_survivors] = <int32_t>(losses.n_senders + risky)
            losses.n_survivors += 1
            continue
        n_lost += 1
        losses.n_lost[lost_by] += 1
        for column in range(losses.n_counts):
            counts[column] -= losses.undo[lost_by * losses.n_counts + column]
    return n_lost


cdef inline int64_t draw_spikes(
    Losses* losses, const int32_t* sender, int64_t n, int32_t* core, int64_t* number, int64_t sample,
    int64_t tick, int64_t* counts
) noexcept nogil:
    """`draw_sender` for spikes in the order in which their cores send; `number` starts again with each core."""
    cdef int64_t i, n_lost = 0
    for i in range(n):
        if losses.core_of_sender[sender[i]] != core[0]:
            core[0] = losses.core_of_sender[sender[i]]
            number[0] = 0
        n_lost += draw_sender(losses, sender[i], number[0], sample, tick, counts)
        number[0] += losses.n_packets[sender[i]]
    return n_lost
