"""Heap: nodes by key, the highest first, of equal ones the lowest number; each once."""

from libc.stdint cimport int32_t, int64_t

cdef enum:
    NOWHERE = -1


cdef struct Heap:
    int64_t n
    int32_t* node
    int64_t* key  # [n_nodes]
    int32_t* place  # [n_nodes] in `node`, or NOWHERE


cdef inline bint before(const Heap* heap, int32_t a, int32_t b) noexcept nogil:
    return heap.key[a] > heap.key[b] or (heap.key[a] == heap.key[b] and a < b)


cdef inline void sift_up(Heap* heap, int64_t at) noexcept nogil:
    cdef int32_t v = heap.node[at]
    cdef int64_t above
    while at > 0:
        above = (at - 1) >> 1
        if not before(heap, v, heap.node[above]):
            break
        heap.node[at] = heap.node[above]
        heap.place[heap.node[at]] = <int32_t>at
        at = above
    heap.node[at] = v
    heap.place[v] = <int32_t>at


cdef inline void sift_down(Heap* heap, int64_t at) noexcept nogil:
    cdef int32_t v = heap.node[at]
    cdef int64_t below
    while True:
        below = 2 * at + 1
        if below >= heap.n:
            break
        if below + 1 < heap.n and before(heap, heap.node[below + 1], heap.node[below]):
            below += 1
        if not before(heap, heap.node[below], v):
            break
        heap.node[at] = heap.node[below]
        heap.place[heap.node[at]] = <int32_t>at
        at = below
    heap.node[at] = v
    heap.place[v] = <int32_t>at


cdef inline void put(Heap* heap, int32_t v, int64_t key) noexcept nogil:
    """Adds the node, or gives it another key."""
    cdef int64_t was
    if heap.place[v] == NOWHERE:
        heap.key[v] = key
        heap.node[heap.n] = v
        heap.n += 1
        sift_up(heap, heap.n - 1)
        return
    was = heap.key[v]
    heap.key[v] = key
    if key > was:
        sift_up(heap, heap.place[v])
    else:
        sift_down(heap, heap.place[v])


cdef inline void take(Heap* heap, int32_t v) noexcept nogil:
    """Removes a node that is in the heap."""
    cdef int64_t at = heap.place[v]
    cdef int32_t last
    heap.place[v] = NOWHERE
    heap.n -= 1
    if at == heap.n:
        return
    last = heap.node[heap.n]
    heap.node[at] = last
    heap.place[last] = <int32_t>at
    sift_up(heap, at)
    sift_down(heap, heap.place[last])
