# Compartments and synapses of all cores, flat. Twin of emulator/reference/core.py for chips whose registers
# are as wide as the silicon's; `wide.pxd` has the other policies.
cimport cython
from emulator._ext.arith cimport add_wrapping, decay, input_of, share_of, wrap24
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef extern from *:
    """
    /* One machine code per instruction set, chosen when the library is loaded. The sanitizers of the checked
       build cannot run the chooser, so it goes without. */
    #if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__) \\
        && !defined(SPIKEMESH_CHECKED)
    #define SPIKEMESH_CLONES __attribute__((target_clones("arch=cascadelake", "arch=skylake-avx512", \
        "avx2", "default")))
    #else
    #define SPIKEMESH_CLONES
    #endif
    /* The body that every variant shares has to be part of its clones, or it would be compiled for none. */
    #if defined(__GNUC__)
    #define SPIKEMESH_BODY __attribute__((always_inline))
    #define spikemesh_prefetch(address) __builtin_prefetch((const void *)(address))
    #define spikemesh_prefetch_for_later(address) __builtin_prefetch((const void *)(address), 1, 2)
    #else
    #define SPIKEMESH_BODY
    #define spikemesh_prefetch(address) ((void)(address))
    #define spikemesh_prefetch_for_later(address) ((void)(address))
    #endif
    /* Arrays of an update never overlap; only when the compiler is told so does it vectorise the loop. */
    typedef const int32_t *restrict spikemesh_const32;
    typedef int32_t *restrict spikemesh_int32;
    typedef uint16_t *restrict spikemesh_uint16;
    typedef uint8_t *restrict spikemesh_uint8;
    typedef const int8_t *restrict spikemesh_const8;
    typedef const int16_t *restrict spikemesh_const16;
    """
    ctypedef void cloned_void "SPIKEMESH_CLONES void"
    ctypedef void body_void "SPIKEMESH_BODY void"
    ctypedef const int32_t* const32 "spikemesh_const32"
    ctypedef int32_t* apart32 "spikemesh_int32"
    ctypedef uint16_t* apart16 "spikemesh_uint16"
    ctypedef uint8_t* apart8 "spikemesh_uint8"
    ctypedef const int8_t* narrow8 "spikemesh_const8"
    ctypedef const int16_t* narrow16 "spikemesh_const16"
    void prefetch "spikemesh_prefetch"(const void* address) noexcept nogil
    void prefetch_for_later "spikemesh_prefetch_for_later"(const void* address) noexcept nogil


cdef enum:
    BLOCK = 512  # compartments updated at once, and skipped at once when nothing can change in them
    AHEAD = 8  # spikes whose synapses are fetched before their turn
    LINE = 64  # bytes of a cache line
    MOST_LINES = 8  # of the sums of the next part that a spike fetches
    AT_ONCE = 512  # spikes that are taken through the parts together
    SPAN = 32  # places whose weights are kept together, see Rows; divides the width of all sums
    FETCHED = 16  # lines of a spike to come that are fetched ahead; on longer rows the hardware follows


cdef struct Stretch:
    # consecutive compartments of one core and one account; the configuration counts if `uniform`
    int32_t start  # slots
    int32_t end
    int32_t uniform  # 1: all have the values below; 0: each its own, in the arrays
    int32_t same_bias  # 1: `bias` is everybody's; 0: in the array
    int32_t keep_u  # 4096 - (du + ds_offset), 0..4096
    int32_t keep_v  # 4096 - dv, 1..4096
    int32_t bias  # within 20 bits
    int32_t threshold  # vth_mant * 64
    int32_t vmin
    int32_t vmax
    int32_t refractory  # ticks, 1..63
    int32_t soft  # -1: firing takes the threshold off v; 0: it sets v to 0


cdef struct Configuration:
    # arrays [n_slots]: each compartment's own values, as in `Stretch`
    const int32_t* bias
    const int32_t* refractory
    const int32_t* soft
    # NULL where the stretches say it all
    const int32_t* keep_u
    const int32_t* keep_v
    const int32_t* threshold
    const int32_t* vmin
    const int32_t* vmax


cdef struct Compartments:
    # arrays [n_slots]
    int32_t* u  # 24 bits
    int32_t* v  # vmin..vmax
    uint8_t* counter  # ticks, 0..63
    uint8_t* active  # outcome of the last update, 0 or 1; written on timed runs only
    uint8_t* fired  # outcome of the last update, 0 or 1
    int32_t shift  # of the input sums, see input_of


cdef struct Outcome:
    # of the update of a block
    int32_t n_active
    int32_t n_fired
    int32_t left  # 0: nothing is left in its registers, nor is there a bias: without input it stays silent


cdef inline body_void update_body(
    bint uniform,
    bint same_bias,
    bint counting,
    bint timed,
    bint instant,
    bint leaky,
    int64_t n,
    int32_t shift,
    const Stretch* s,
    apart16 due,
    const32 keep_u,
    const32 keep_v,
    const32 bias,
    const32 threshold,
    const32 vmin,
    const32 vmax,
    const32 refractory,
    const32 soft,
    apart32 u_out,
    apart32 v_out,
    apart8 counter_out,
    apart8 active,
    apart8 fired,
    Outcome* outcome,
) noexcept nogil:
    """One tick of n compartments; clears `due`. Steps 1 to 7 of the reference, without branches: a compiler
    that finds one does not vectorise. The thread rounds toward zero, see `decay`.

    The first six are known where it is inlined. counting: a refractory counter may be above 0. instant: of u
    nothing is kept, and firing sets v to 0. leaky: not all of v is kept.
    """
    cdef int64_t i
    cdef int32_t q, u, v, counter, is_active, is_fired, mask
    cdef int32_t n_active = 0, n_fired = 0, left = 0
    cdef int32_t own_bias = s.bias, own_threshold = s.threshold
    cdef float share_u = share_of(s.keep_u), share_v = share_of(s.keep_v)
    cdef int32_t own_vmin = s.vmin, own_vmax = s.vmax, own_refractory = s.refractory, own_soft = s.soft
    for i in range(n):
        if not uniform:
            share_u, share_v = share_of(keep_u[i]), share_of(keep_v[i])
            own_threshold, own_vmin, own_vmax = threshold[i], vmin[i], vmax[i]
            own_refractory, own_soft = refractory[i], soft[i]
        if not (uniform and same_bias):
            own_bias = bias[i]
        q = input_of(due[i], shift)
        due[i] = 0
        u = u_out[i]
        v = v_out[i]
        counter = counter_out[i] if counting else 0
        is_active = (q | u | v | own_bias | counter) != 0
        if instant:  # 22 bits and 20 that never need a wrap
            u = q
            v = (decay(v, share_v) if leaky else v) + (u + own_bias)
        else:
            u = wrap24(decay(u, share_u) + q)
            v = decay(v, share_v) + wrap24(u + own_bias)
        v = own_vmin if v < own_vmin else v
        v = own_vmax if v > own_vmax else v
        if counting:
            v &= -<int32_t>(counter == 0)
        is_fired = v > own_threshold
        mask = -is_fired
        v = v & ~mask if instant else (v & ~mask) | ((v - own_threshold) & own_soft & mask)
        if counting:
            counter = (counter & ~mask) | (own_refractory & mask)
            counter -= counter > 0
            counter_out[i] = <uint8_t>counter
        u_out[i] = u
        v_out[i] = v
        if timed:
            active[i] = <uint8_t>is_active
        fired[i] = <uint8_t>is_fired
        n_active += is_active
        n_fired += is_fired
        left |= u | v | own_bias | counter
    outcome.n_active, outcome.n_fired, outcome.left = n_active, n_fired, left


cdef inline cloned_void update_each(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 keep_u, const32 keep_v, const32 bias,
    const32 threshold, const32 vmin, const32 vmax, const32 refractory, const32 soft, apart32 u, apart32 v,
    apart8 counter, apart8 active, apart8 fired, Outcome* outcome,
) noexcept nogil:
    """Compartments with a configuration each."""
    update_body(
        False, False, True, True, False, True, n, shift, s, due, keep_u, keep_v, bias, threshold, vmin, vmax,
        refractory, soft, u, v, counter, active, fired, outcome,
    )


cdef inline cloned_void update_alike(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias, apart32 u, apart32 v,
    apart8 counter, apart8 active, apart8 fired, Outcome* outcome,
) noexcept nogil:
    """Compartments with one configuration."""
    update_body(
        True, False, True, True, False, True, n, shift, s, due, NULL, NULL, bias, NULL, NULL, NULL, NULL,
        NULL, u, v, counter, active, fired, outcome,
    )


# The rest is as update_alike, where no tick is lost after a spike and nobody asks who was active.

cdef inline body_void update_lean(
    bint instant, bint leaky, int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias,
    apart32 u, apart32 v, apart8 fired, Outcome* outcome,
) noexcept nogil:
    if s.same_bias:
        update_body(
            True, True, False, False, instant, leaky, n, shift, s, due, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, u, v, NULL, NULL, fired, outcome,
        )
    else:
        update_body(
            True, False, False, False, instant, leaky, n, shift, s, due, NULL, NULL, bias, NULL, NULL, NULL,
            NULL, NULL, u, v, NULL, NULL, fired, outcome,
        )


cdef inline cloned_void update_cuba(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias, apart32 u, apart32 v,
    apart8 fired, Outcome* outcome,
) noexcept nogil:
    update_lean(False, True, n, shift, s, due, bias, u, v, fired, outcome)


cdef inline cloned_void update_leaky(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias, apart32 u, apart32 v,
    apart8 fired, Outcome* outcome,
) noexcept nogil:
    """Leaky integrate-and-fire: input acts at once."""
    update_lean(True, True, n, shift, s, due, bias, u, v, fired, outcome)


cdef inline cloned_void update_perfect(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias, apart32 u, apart32 v,
    apart8 fired, Outcome* outcome,
) noexcept nogil:
    """Perfect integrate-and-fire: as the leaky one, without a leak."""
    update_lean(True, False, n, shift, s, due, bias, u, v, fired, outcome)


cdef inline void update_short(
    int64_t n, int32_t shift, const Stretch* s, uint16_t* due, const int32_t* bias, int32_t* u, int32_t* v,
    uint8_t* fired, Outcome* outcome,
) noexcept nogil:
    if s.keep_u or s.soft:
        update_cuba(n, shift, s, due, bias, u, v, fired, outcome)
    elif s.keep_v < 4096:
        update_leaky(n, shift, s, due, bias, u, v, fired, outcome)
    else:
        update_perfect(n, shift, s, due, bias, u, v, fired, outcome)


cdef inline void update(
    const Compartments* c, const Configuration* each, const Stretch* s, bint lean, int64_t start, int64_t n,
    uint16_t* due, Outcome* outcome,
) noexcept nogil:
    """One tick of n compartments of a stretch from slot `start` on; `due` are theirs.

    lean: no refractory counter of the stretch is above 0 and none will be, and `active` is not asked for.
    """
    cdef const int32_t* bias = each.bias + start
    cdef int32_t* u = c.u + start
    cdef int32_t* v = c.v + start
    cdef uint8_t* fired = c.fired + start
    if not s.uniform:
        update_each(
            n, c.shift, s, due, each.keep_u + start, each.keep_v + start, bias, each.threshold + start,
            each.vmin + start, each.vmax + start, each.refractory + start, each.soft + start, u, v,
            c.counter + start, c.active + start, fired, outcome,
        )
    elif not lean:
        update_alike(
            n, c.shift, s, due, bias, u, v, c.counter + start, c.active + start, fired, outcome
        )
    else:
        update_short(n, c.shift, s, due, bias, u, v, fired, outcome)


cdef struct Rows:
    # All synapses of a sender that a worker adds are a row; rows are in order of workers, then senders. A row
    # has a piece for each part of the worker's share of the chip, in one of two forms. Both begin with two
    # heads, as wide as a target; a target is a place in the sums, from the row on that a spike adds to now.
    #   list: n, 0, then n targets, then their n weights
    #   span: first place / SPAN, n, then a weight for each of n * SPAN consecutive places
    # Weights (int8 or int16) are divided as input_of says; `bytes_of_list` says how a list is padded.
    const uint8_t* bytes
    const int64_t* row_ptr  # [n_workers * n_senders + 1] byte of a row
    int64_t n_senders
    int32_t target_bytes  # 2 or 4
    int32_t weight_bytes  # 1 or 2


cdef inline int64_t bytes_of_list(int64_t n, int64_t target_bytes, int64_t weight_bytes) noexcept nogil:
    """Bytes of n synapses: whole targets, so that the next piece is aligned."""
    return target_bytes * ((2 * target_bytes + n * (target_bytes + weight_bytes) + target_bytes - 1) // target_bytes)


cdef inline int64_t bytes_of_span(int64_t n, int64_t target_bytes, int64_t weight_bytes) noexcept nogil:
    return 2 * target_bytes + n * SPAN * weight_bytes


cdef struct Sums:
    # Inputs of the ticks to come, modulo 2**16. The rows of a part take turns. If all delays are the same there
    # are as many as a delay has ticks, and a spike adds to the row that was just read. If they differ, a target
    # says by how many rows beyond the next it is due, and behind the last row comes the first again: so that
    # this is cutting bits off a place, rows and width are powers of two.
    uint16_t* values  # [n_parts, n_rows, width]
    int64_t n_rows
    int64_t width  # at least the slots of the largest part
    int32_t wraps  # 1: delays differ


cdef inline uint16_t* row_of(const Sums* sums, int64_t part, int64_t row) noexcept nogil:
    return sums.values + (part * sums.n_rows + row) * sums.width


cdef struct Goal:
    # where the places of targets are counted from
    uint16_t* sums
    uint32_t first  # place
    uint32_t mask  # of places that wrap; 0: they do not, and first is 0


cdef inline Goal goal_of(const Sums* sums, int64_t part, int64_t now) noexcept nogil:
    """For spikes of the tick whose inputs were row `now`."""
    cdef Goal goal
    goal.sums, goal.first, goal.mask = row_of(sums, part, now), 0, 0
    if sums.wraps:
        goal.sums = row_of(sums, part, 0)
        goal.mask = <uint32_t>(sums.n_rows * sums.width - 1)
        goal.first = <uint32_t>((now + 1) * sums.width) & goal.mask
    return goal


ctypedef fused Target:
    uint16_t
    uint32_t

ctypedef fused Weight:
    int8_t
    int16_t


cdef inline uint16_t* place_of(bint wraps, const Goal* goal, uint32_t target) noexcept nogil:
    return &goal.sums[(goal.first + target) & goal.mask if wraps else target]


cdef inline void add_list(
    bint wraps, const Goal* goal, const Target* target, const Weight* weight, int64_t n
) noexcept nogil:
    cdef Goal here = goal[0]  # of which no sum is a part
    cdef int64_t k = 0
    while k + 4 <= n:
        add_wrapping(place_of(wraps, &here, target[k]), weight[k])
        add_wrapping(place_of(wraps, &here, target[k + 1]), weight[k + 1])
        add_wrapping(place_of(wraps, &here, target[k + 2]), weight[k + 2])
        add_wrapping(place_of(wraps, &here, target[k + 3]), weight[k + 3])
        k += 4
    while k < n:
        add_wrapping(place_of(wraps, &here, target[k]), weight[k])
        k += 1


cdef inline void add_weights(
    const Goal* goal, const Target* target, const Weight* weight, int64_t n
) noexcept nogil:
    if goal.mask:
        add_list(True, goal, target, weight, n)
    else:
        add_list(False, goal, target, weight, n)


cdef inline cloned_void add_span8(apart16 sums, narrow8 weight, int64_t n) noexcept nogil:
    cdef int64_t k
    for k in range(n * SPAN):
        add_wrapping(&sums[k], weight[k])


cdef inline cloned_void add_span16(apart16 sums, narrow16 weight, int64_t n) noexcept nogil:
    cdef int64_t k
    for k in range(n * SPAN):
        add_wrapping(&sums[k], weight[k])


cdef inline void add_span(const Goal* goal, int64_t place, const Weight* weight, int64_t n) noexcept nogil:
    """Weights of n * SPAN places from `place` on."""
    cdef int64_t first = place, n_before = n
    if goal.mask:
        first = (goal.first + place) & goal.mask
        n_before = (<int64_t>goal.mask + 1 - first) // SPAN
        if n_before < n:
            add_span(goal, place + n_before * SPAN, weight + n_before * SPAN, n - n_before)
            n = n_before
    if Weight is int8_t:
        add_span8(goal.sums + first, weight, n)
    else:
        add_span16(goal.sums + first, weight, n)


cdef inline const uint8_t* add_heads(const Rows* rows, const Goal* goal, const Target* head) noexcept nogil:
    cdef int64_t n = head[0], n_spans = head[1]
    cdef const Target* target = head + 2
    if n_spans:
        if rows.weight_bytes == 1:
            add_span(goal, n * SPAN, <const int8_t*>target, n_spans)
        else:
            add_span(goal, n * SPAN, <const int16_t*>target, n_spans)
        return <const uint8_t*>head + bytes_of_span(n_spans, sizeof(Target), rows.weight_bytes)
    if rows.weight_bytes == 1:
        add_weights(goal, target, <const int8_t*>(target + n), n)
    else:
        add_weights(goal, target, <const int16_t*>(target + n), n)
    return <const uint8_t*>head + bytes_of_list(n, sizeof(Target), rows.weight_bytes)


cdef inline const uint8_t* add_piece(const Rows* rows, const Goal* goal, const uint8_t* piece) noexcept nogil:
    """A spike in one part: adds its weights. Returns where the next piece is."""
    if rows.target_bytes == 2:
        return add_heads(rows, goal, <const uint16_t*>piece)
    return add_heads(rows, goal, <const uint32_t*>piece)


cdef inline void expect_row(const Rows* rows, int64_t row) noexcept nogil:
    """Fetches the beginning of a row."""
    cdef int64_t at = rows.row_ptr[row], end = rows.row_ptr[row + 1]
    if end > at + FETCHED * LINE:
        end = at + FETCHED * LINE
    while at < end:
        prefetch(rows.bytes + at)
        at += LINE


cdef inline void add_rows(
    const Rows* rows, const Goal* goal, int64_t first_row, const int32_t* sender, int64_t n
) noexcept nogil:
    """Rows of one piece: those of n spikes, one after the other."""
    cdef int64_t i
    for i in range(n if n < AHEAD else AHEAD):
        expect_row(rows, first_row + sender[i])
    for i in range(n):
        if i + 2 * AHEAD < n:
            prefetch(rows.row_ptr + first_row + sender[i + 2 * AHEAD])
        if i + AHEAD < n:
            expect_row(rows, first_row + sender[i + AHEAD])
        add_piece(rows, goal, rows.bytes + rows.row_ptr[first_row + sender[i]])


cdef inline void add_pieces(
    const Rows* rows, const Sums* sums, int64_t now, int64_t first_part, int64_t end_part,
    int64_t first_row, const int32_t* sender, int64_t n
) noexcept nogil:
    """Rows of several pieces: those of n <= AT_ONCE spikes, part by part, so that the sums stay near."""
    cdef const uint8_t* piece[AT_ONCE]
    cdef const uint8_t* next_sums
    cdef Goal goal
    cdef int64_t i, part, line
    # Of the sums of the next part each spike fetches so many lines. Few spikes would not touch most of them.
    cdef int64_t n_lines = sums.n_rows * sums.width * <int64_t>sizeof(uint16_t) // (LINE * n) + 1 if n else 0
    if n_lines > MOST_LINES:
        n_lines = 0
    for i in range(n):
        if i + 2 * AHEAD < n:
            prefetch(rows.row_ptr + first_row + sender[i + 2 * AHEAD])
        piece[i] = rows.bytes + rows.row_ptr[first_row + sender[i]]
        prefetch(piece[i])
        prefetch(piece[i] + LINE)
        prefetch(piece[i] + 2 * LINE)
    for part in range(first_part, end_part):
        goal = goal_of(sums, part, now)
        next_sums = <const uint8_t*>row_of(sums, part + 1 if part + 1 < end_part else part, 0)
        for i in range(n):
            if i + AHEAD < n:
                prefetch(piece[i + AHEAD])
            for line in range(n_lines):
                prefetch_for_later(next_sums)
                next_sums += LINE
            piece[i] = add_piece(rows, &goal, piece[i])
            prefetch(piece[i] + 3 * LINE)


cdef inline void add_spikes_of(
    const Rows* rows, const Sums* sums, int64_t now, int64_t first_part, int64_t end_part,
    int64_t first_row, const int32_t* sender, int64_t n
) noexcept nogil:
    """Adds the synapses of n spikes to the sums of parts first_part .. end_part - 1, all of one worker, whose
    rows begin with first_row; row `now` of the sums was just read."""
    cdef Goal goal
    if end_part == first_part + 1:
        goal = goal_of(sums, first_part, now)
        add_rows(rows, &goal, first_row, sender, n)
        return
    while n > AT_ONCE:
        add_pieces(rows, sums, now, first_part, end_part, first_row, sender, AT_ONCE)
        sender += AT_ONCE
        n -= AT_ONCE
    add_pieces(rows, sums, now, first_part, end_part, first_row, sender, n)
