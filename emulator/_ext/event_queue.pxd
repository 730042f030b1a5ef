# Which ids are due next: a time wheel, and a heap for what lies beyond its turn.
#
# Time is cut into bins of 2**shift ps. The ids of a bin come out together, in no order that anyone may rely
# on. With bins no longer than the shortest time from a cause to its effect that is enough: what happens in a
# bin is caused in earlier ones. Nothing is taken out before its time; who no longer wants an id drops it.
# With `reach` 1 the wheel holds the present bin alone and all else is in the heap: the queue that tests
# compare with.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

cdef extern from *:
    int lowest_bit "__builtin_ctzll"(uint64_t bits) noexcept nogil  # bits: not 0

cdef enum:
    MAX_BINS = 4096  # a word of words


cdef struct Bin:
    int32_t* ids
    int32_t n
    int32_t room


cdef struct Event:
    int64_t at_ps
    int32_t id


cdef struct EventQueue:
    int32_t shift
    int64_t n_bins  # power of two, 64 .. MAX_BINS
    int64_t reach  # ids that are due in fewer bins go to the wheel
    int64_t now_bin  # the bin that is being worked through; before the first -1
    int64_t end_ps  # of that bin
    Bin* bins
    uint64_t occupied[64]  # a bit for every bin
    uint64_t occupied_words
    Event* heap
    int64_t n_far
    int64_t heap_room
    uint64_t shuffle  # not 0: state of the draws that put the ids of a bin in any order
    bint failed  # memory was short, and ids are lost


cdef inline int make_queue(EventQueue* queue, int64_t shortest_ps, int64_t longest_ps) noexcept nogil:
    """Sizes the wheel for effects `shortest_ps` .. `longest_ps` after their causes. -1: memory is short."""
    queue.shift = 0
    while shortest_ps >> (queue.shift + 1):
        queue.shift += 1
    queue.n_bins = 64
    while queue.n_bins < MAX_BINS and queue.n_bins <= (longest_ps >> queue.shift) + 1:
        queue.n_bins *= 2
    queue.reach = queue.n_bins
    queue.heap_room = 64
    queue.bins = <Bin*>calloc(queue.n_bins, sizeof(Bin))
    queue.heap = <Event*>malloc(queue.heap_room * sizeof(Event))
    empty_queue(queue)
    return -1 if queue.bins == NULL or queue.heap == NULL else 0


cdef inline void free_queue(EventQueue* queue) noexcept nogil:
    cdef int64_t i
    if queue.bins != NULL:
        for i in range(queue.n_bins):
            free(queue.bins[i].ids)
    free(queue.bins)
    free(queue.heap)


cdef inline void empty_queue(EventQueue* queue) noexcept nogil:
    """Back to the start of time. What is left of a run that failed goes with it."""
    cdef int64_t i
    if queue.occupied_words:
        for i in range(queue.n_bins):
            queue.bins[i].n = 0
        memset(queue.occupied, 0, sizeof(queue.occupied))
        queue.occupied_words = 0
    queue.n_far = queue.end_ps = 0
    queue.now_bin = -1


cdef inline void enqueue(EventQueue* queue, int32_t id, int64_t at_ps) noexcept nogil:
    """Lets `id` come out in the bin of `at_ps`, which is not before the present one."""
    cdef int64_t bin_id = at_ps >> queue.shift
    if bin_id - queue.now_bin < queue.reach:
        append(queue, id, bin_id & (queue.n_bins - 1))
    else:
        push_far(queue, id, at_ps)


@cython.overflowcheck(False)
cdef inline void append(EventQueue* queue, int32_t id, int64_t place) noexcept nogil:
    cdef Bin* bin = &queue.bins[place]
    cdef int32_t* grown
    if bin.n == bin.room:
        grown = <int32_t*>realloc(bin.ids, (2 * bin.room + 16) * sizeof(int32_t))
        if grown == NULL:
            queue.failed = True
            return
        bin.ids = grown
        bin.room = 2 * bin.room + 16
    if bin.n == 0:
        queue.occupied[place >> 6] |= <uint64_t>1 << (place & 63)
        queue.occupied_words |= <uint64_t>1 << (place >> 6)
    bin.ids[bin.n] = id
    bin.n += 1


cdef inline Bin* next_bin(EventQueue* queue) noexcept nogil:
    """Goes to the next bin in which something is due; NULL: there is none. Far events of that bin stay where
    they are until `far_due` has handed them out; the wheel's are in the bin returned."""
    cdef int64_t ahead = bins_ahead(queue)
    cdef int64_t far
    if queue.n_far:
        far = (queue.heap[0].at_ps >> queue.shift) - queue.now_bin
        if ahead == 0 or far < ahead:
            ahead = far
    if ahead == 0:
        return NULL
    queue.now_bin += ahead
    queue.end_ps = (queue.now_bin + 1) << queue.shift
    return &queue.bins[queue.now_bin & (queue.n_bins - 1)]


cdef inline void close_bin(EventQueue* queue, Bin* bin) noexcept nogil:
    """The present bin has been worked through."""
    cdef int64_t place = queue.now_bin & (queue.n_bins - 1)
    bin.n = 0
    queue.occupied[place >> 6] &= ~(<uint64_t>1 << (place & 63))
    if queue.occupied[place >> 6] == 0:
        queue.occupied_words &= ~(<uint64_t>1 << (place >> 6))


@cython.overflowcheck(False)
cdef inline int64_t bins_ahead(EventQueue* queue) noexcept nogil:
    """From the present bin to the next occupied one of the wheel; 0: it is empty."""
    cdef int64_t start = (queue.now_bin + 1) & (queue.n_bins - 1)
    cdef int64_t word = start >> 6
    cdef uint64_t bits = queue.occupied[word] >> (start & 63)
    if bits:
        return 1 + lowest_bit(bits)
    if queue.occupied_words == 0:
        return 0
    bits = queue.occupied_words >> word >> 1 << word << 1  # words after this one, then from the first
    word = lowest_bit(bits if bits else queue.occupied_words)
    return ((word << 6) + lowest_bit(queue.occupied[word]) - queue.now_bin) & (queue.n_bins - 1)


cdef inline bint far_due(EventQueue* queue) noexcept nogil:
    """Whether the heap holds something for the present bin."""
    return queue.n_far > 0 and queue.heap[0].at_ps >> queue.shift == queue.now_bin


cdef inline void push_far(EventQueue* queue, int32_t id, int64_t at_ps) noexcept nogil:
    cdef int64_t child, parent
    cdef Event* grown
    if queue.n_far == queue.heap_room:
        grown = <Event*>realloc(queue.heap, 2 * queue.heap_room * sizeof(Event))
        if grown == NULL:
            queue.failed = True
            return
        queue.heap = grown
        queue.heap_room *= 2
    child = queue.n_far
    queue.n_far += 1
    while child > 0:
        parent = (child - 1) >> 1
        if queue.heap[parent].at_ps <= at_ps:
            break
        queue.heap[child] = queue.heap[parent]
        child = parent
    queue.heap[child].at_ps = at_ps
    queue.heap[child].id = id


cdef inline int32_t pop_far(EventQueue* queue) noexcept nogil:
    """Takes the earliest id out of the heap."""
    cdef int32_t first = queue.heap[0].id
    cdef Event last
    cdef int64_t parent = 0
    cdef int64_t child = 1
    queue.n_far -= 1
    last = queue.heap[queue.n_far]
    while child < queue.n_far:
        if child + 1 < queue.n_far and queue.heap[child + 1].at_ps < queue.heap[child].at_ps:
            child += 1
        if queue.heap[child].at_ps >= last.at_ps:
            break
        queue.heap[parent] = queue.heap[child]
        parent = child
        child = 2 * parent + 1
    queue.heap[parent] = last
    return first


@cython.overflowcheck(False)
cdef inline void shuffle_bin(EventQueue* queue, Bin* bin) noexcept nogil:
    """Puts the ids of a bin in an order drawn at random."""
    cdef int32_t i, other, id
    for i in range(bin.n - 1, 0, -1):
        queue.shuffle = queue.shuffle * 6364136223846793005ULL + 1442695040888963407ULL
        other = <int32_t>((queue.shuffle >> 33) % <uint64_t>(i + 1))
        id = bin.ids[i]
        bin.ids[i] = bin.ids[other]
        bin.ids[other] = id
