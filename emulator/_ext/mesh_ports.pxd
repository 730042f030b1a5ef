# What the ports of a mesh know of each other: heads of FIFOs, and the outputs that they want.
cimport cython
from emulator._ext.event_queue cimport enqueue
from emulator._ext.mesh_serial cimport OWN_LINK, wake_serial_link
from emulator._ext.mesh_state cimport BLOCKED, Mesh, Port, Slot, direction, expect, hot_void, word_of
from libc.stdint cimport int32_t, int64_t, uint64_t


cdef inline int32_t wanted_output(Mesh* mesh, Port* fifo, Slot* slot) noexcept nogil:
    """Port of the output that a packet in a FIFO wants: a function of the signs of the way still to go."""
    cdef int32_t dx = slot.x - fifo.x
    cdef int32_t dy = slot.y - fifo.y
    if dx | dy:  # no branch by direction: which one it is cannot be foreseen
        if mesh.next_side != NULL:
            return mesh.next_side[
                (<int64_t>fifo.y * mesh.width + fifo.x) * mesh.n_routers
                + <int64_t>slot.y * mesh.width + slot.x
            ]
        return mesh.sides[direction(dx, dy)]
    if mesh.port_of_all >= 0:
        return mesh.port_of_all
    return mesh.goals[mesh.goal[slot.packet]].port


cdef inline hot_void wake(Mesh* mesh, Port* output, int32_t output_id, int64_t at_ps) noexcept nogil:
    """Lets an output, or the serial link that it is merged into, look for a packet at `at_ps`, unless it will
    before."""
    if expect(mesh.serial_of != NULL, 0) and mesh.serial_of[output_id] != OWN_LINK:
        wake_serial_link(mesh, &mesh.serials[mesh.serial_of[output_id]], at_ps)
        return
    if at_ps < output.wake_ps:
        output.wake_ps = at_ps
        enqueue(&mesh.queue, output_id, at_ps)


@cython.overflowcheck(False)
cdef inline hot_void want(Mesh* mesh, Port* fifo, int32_t fifo_id, int32_t output_id) noexcept nogil:
    """Lets an output know that the head of a FIFO of its router wants it."""
    cdef int32_t port = fifo_id - fifo.router
    cdef Port* output = &mesh.ports[output_id]
    word_of(mesh, output_id, port >> 6)[0] |= <uint64_t>1 << (port & 63)
    if not output.flags & BLOCKED:
        wake(mesh, output, output_id, fifo.ready_ps if fifo.ready_ps > output.free_ps else output.free_ps)
