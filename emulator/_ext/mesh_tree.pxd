# Multicast in the native mesh: packets that are copied where their ways part.
#
# The destinations of a packet have consecutive numbers, in an order in which those beyond any link of its tree
# are consecutive too (engine/routes.py, `tree_order`). So a packet, and each copy, is a range of them: it has the
# number of its first, p, and goes to p .. past[p] - 1. The first copy has the number of what it was copied from
# and sets past[p] anew: how far a head reaches is therefore noted in its fork before any copy of it is made.
from emulator._ext.mesh_ports cimport want, wanted_output
from emulator._ext.mesh_state cimport Fork, Goal, Mesh, Port, Slot, cold_void, slot_of
from libc.stdint cimport int32_t


cdef inline Slot copy_to(Mesh* mesh, int32_t packet) noexcept nogil:
    """A packet on its way to one destination."""
    cdef const Goal* goal = &mesh.goals[mesh.goal[packet]]
    cdef Slot copy
    copy.at_ps, copy.packet, copy.x, copy.y = 0, packet, goal.x, goal.y
    return copy


cdef inline int32_t output_towards(Mesh* mesh, Port* fifo, int32_t packet) noexcept nogil:
    """Id of the output that leads from the router of a FIFO to a destination."""
    cdef Slot copy = copy_to(mesh, packet)
    return fifo.router + wanted_output(mesh, fifo, &copy)


cdef inline int32_t branch_end(Mesh* mesh, Port* fifo, int32_t first, int32_t end) noexcept nogil:
    """Behind the last destination before `end` that is beyond the same output as the first."""
    cdef int32_t output_id, step = 1, beyond
    if end - first == 1:
        return end
    output_id = output_towards(mesh, fifo, first)
    while step < end - first and output_towards(mesh, fifo, first + step) == output_id:
        first += step
        step *= 2
    if step < end - first:
        end = first + step
    while end - first > 1:  # the branch reaches `first`, and not `end`
        beyond = first + (end - first) // 2
        if output_towards(mesh, fifo, beyond) == output_id:
            first = beyond
        else:
            end = beyond
    return end


cdef inline cold_void offer_branches(Mesh* mesh, Port* fifo, int32_t fifo_id, Slot* head) noexcept nogil:
    """Lets every output that the head of a FIFO wants know of it."""
    cdef Fork* fork = &mesh.forks[fifo_id]
    cdef int32_t packet = head.packet
    fork.left_ps, fork.end, fork.n_left = 0, mesh.past[packet], 0
    while packet < fork.end:
        want(mesh, fifo, fifo_id, output_towards(mesh, fifo, packet))
        fork.n_left += 1
        packet = branch_end(mesh, fifo, packet, fork.end)


cdef inline cold_void branch_to(
    Mesh* mesh, Port* fifo, int32_t fifo_id, int32_t output_id, Slot* branch
) noexcept nogil:
    """The copy of the head of a FIFO that leaves by an output."""
    cdef int32_t end = mesh.forks[fifo_id].end
    cdef int32_t head = slot_of(mesh, fifo_id, fifo.n_granted).packet, packet = head
    while output_towards(mesh, fifo, packet) != output_id:
        packet = branch_end(mesh, fifo, packet, end)
    mesh.past[packet] = branch_end(mesh, fifo, packet, end)
    mesh.push_ps[packet] = mesh.push_ps[head]
    branch[0] = copy_to(mesh, packet)
