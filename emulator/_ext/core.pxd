# Compartments and synapses of all cores, flat. Twin of emulator/reference/core.py for chips whose registers
# are as wide as the silicon's; `wide.pxd` has the other policies.
cimport cython
from emulator._ext.arith cimport add_wrapping, decay, input_of, wrap24
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
    #else
    #define SPIKEMESH_BODY
    #define spikemesh_prefetch(address) ((void)(address))
    #endif
    /* Arrays of an update never overlap; only when the compiler is told so does it vectorise the loop. */
    typedef const int32_t *restrict spikemesh_const32;
    typedef int32_t *restrict spikemesh_int32;
    typedef uint16_t *restrict spikemesh_uint16;
    typedef uint8_t *restrict spikemesh_uint8;
    """
    ctypedef void cloned_void "SPIKEMESH_CLONES void"
    ctypedef void body_void "SPIKEMESH_BODY void"
    ctypedef const int32_t* const32 "spikemesh_const32"
    ctypedef int32_t* apart32 "spikemesh_int32"
    ctypedef uint16_t* apart16 "spikemesh_uint16"
    ctypedef uint8_t* apart8 "spikemesh_uint8"
    void prefetch "spikemesh_prefetch"(const void* address) noexcept nogil


cdef enum:
    BLOCK = 256  # compartments updated at once, and skipped at once when nothing can change in them
    AHEAD = 4  # spikes whose synapses are fetched before their turn
    LINE = 64  # bytes of a cache line
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
    that finds one does not vectorise.

    The first four are known where it is inlined. counting: a refractory counter may be above 0.
    """
    cdef int64_t i
    cdef int32_t q, u, v, counter, is_active, is_fired, mask
    cdef int32_t n_active = 0, n_fired = 0, left = 0
    cdef int32_t own_bias = s.bias
    cdef int32_t own_keep_u = s.keep_u, own_keep_v = s.keep_v, own_threshold = s.threshold
    cdef int32_t own_vmin = s.vmin, own_vmax = s.vmax, own_refractory = s.refractory, own_soft = s.soft
    for i in range(n):
        if not uniform:
            own_keep_u, own_keep_v, own_threshold = keep_u[i], keep_v[i], threshold[i]
            own_vmin, own_vmax, own_refractory, own_soft = vmin[i], vmax[i], refractory[i], soft[i]
        if not (uniform and same_bias):
            own_bias = bias[i]
        q = input_of(due[i], shift)
        due[i] = 0
        u = u_out[i]
        v = v_out[i]
        counter = counter_out[i] if counting else 0
        is_active = (q | u | v | own_bias | counter) != 0
        u = wrap24(decay(u, own_keep_u) + q)
        v = decay(v, own_keep_v) + wrap24(u + own_bias)
        v = own_vmin if v < own_vmin else v
        v = own_vmax if v > own_vmax else v
        if counting:
            v &= -<int32_t>(counter == 0)
        is_fired = v > own_threshold
        mask = -is_fired
        v = (v & ~mask) | ((v - own_threshold) & own_soft & mask)
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
        False, False, True, True, n, shift, s, due, keep_u, keep_v, bias, threshold, vmin, vmax, refractory,
        soft, u, v, counter, active, fired, outcome,
    )


cdef inline cloned_void update_alike(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias, apart32 u, apart32 v,
    apart8 counter, apart8 active, apart8 fired, Outcome* outcome,
) noexcept nogil:
    """Compartments with one configuration."""
    update_body(
        True, False, True, True, n, shift, s, due, NULL, NULL, bias, NULL, NULL, NULL, NULL,
        NULL, u, v, counter, active, fired, outcome,
    )


cdef inline cloned_void update_lean(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, const32 bias, apart32 u, apart32 v,
    apart8 fired, Outcome* outcome,
) noexcept nogil:
    """As update_alike, where no tick is lost after a spike and nobody asks who was active."""
    update_body(
        True, False, False, False, n, shift, s, due, NULL, NULL, bias, NULL, NULL, NULL, NULL,
        NULL, u, v, NULL, NULL, fired, outcome,
    )


cdef inline cloned_void update_leanest(
    int64_t n, int32_t shift, const Stretch* s, apart16 due, apart32 u, apart32 v, apart8 fired,
    Outcome* outcome,
) noexcept nogil:
    """As update_lean, with one bias."""
    update_body(
        True, True, False, False, n, shift, s, due, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, u, v, NULL, NULL, fired, outcome,
    )


cdef inline void update(
    const Compartments* c, const Configuration* each, const Stretch* s, bint lean, int64_t start, int64_t n,
    uint16_t* due, Outcome* outcome,
) noexcept nogil:
    """One tick of n compartments of a stretch from slot `start` on; `due` are theirs.

    lean: no refractory counter of the stretch is above 0 and none will be, and `active` is not asked for.
    """
    if not s.uniform:
        update_each(
            n, c.shift, s, due, each.keep_u + start, each.keep_v + start, each.bias + start,
            each.threshold + start, each.vmin + start, each.vmax + start, each.refractory + start,
            each.soft + start, c.u + start, c.v + start, c.counter + start, c.active + start,
            c.fired + start, outcome,
        )
    elif not lean:
        update_alike(
            n, c.shift, s, due, each.bias + start, c.u + start, c.v + start, c.counter + start,
            c.active + start, c.fired + start, outcome,
        )
    elif not s.same_bias:
        update_lean(
            n, c.shift, s, due, each.bias + start, c.u + start, c.v + start, c.fired + start, outcome
        )
    else:
        update_leanest(n, c.shift, s, due, c.u + start, c.v + start, c.fired + start, outcome)


cdef struct Rows:
    # The synapses of a sender in one part of the chip are a row; rows are in order of their parts, then
    # senders. A row of n synapses is n targets (uint16, from the part's first slot on), then n weights
    # (int8 or int16, divided as input_of says), padded to an even number of bytes; by delay, then target.
    const uint8_t* bytes
    const int64_t* row_ptr  # [n_parts * n_senders + 1] byte of a row
    int64_t n_senders
    int32_t weight_bytes  # 1 or 2
    int32_t delay  # of all synapses, ticks; 0: the rows are cut into runs of one delay
    const int64_t* run_ptr  # [n_parts * n_senders + 1]
    const uint8_t* run_delay  # [n_runs] ticks, 1..63
    const int32_t* run_end  # [n_runs] synapses of the row up to the end of the run


cdef struct Sums:
    # inputs of the ticks to come: rows of [n_slots], modulo 2**16
    uint16_t* rows  # [n_rows, n_slots]
    int64_t n_rows  # longest delay + 1
    int64_t n_slots


cdef inline int64_t row_of(const Sums* sums, int64_t now, int64_t delay) noexcept nogil:
    """Row that is due `delay` < n_rows ticks after the one that row `now` is due in."""
    return now + delay if now + delay < sums.n_rows else now + delay - sums.n_rows


ctypedef fused Weight:
    int8_t
    int16_t


cdef inline void add_weights(
    uint16_t* sums, const uint16_t* target, const Weight* weight, int64_t n
) noexcept nogil:
    cdef int64_t k = 0
    while k + 4 <= n:
        add_wrapping(&sums[target[k]], weight[k])
        add_wrapping(&sums[target[k + 1]], weight[k + 1])
        add_wrapping(&sums[target[k + 2]], weight[k + 2])
        add_wrapping(&sums[target[k + 3]], weight[k + 3])
        k += 4
    while k < n:
        add_wrapping(&sums[target[k]], weight[k])
        k += 1


cdef inline void add_stretch(
    const Rows* rows, uint16_t* sums, const uint8_t* row, int64_t length, int64_t begin, int64_t end
) noexcept nogil:
    """Adds synapses begin .. end - 1 of a row of `length` synapses to the sums of its part."""
    cdef const uint16_t* target = <const uint16_t*>row + begin
    cdef const uint8_t* weight = row + 2 * length + rows.weight_bytes * begin
    if rows.weight_bytes == 1:
        add_weights(sums, target, <const int8_t*>weight, end - begin)
    else:
        add_weights(sums, target, <const int16_t*>weight, end - begin)


cdef inline int64_t length_of(const Rows* rows, int64_t row) noexcept nogil:
    """Synapses of a row."""
    cdef int64_t n_bytes = rows.row_ptr[row + 1] - rows.row_ptr[row]
    return n_bytes // 3 if rows.weight_bytes == 1 else n_bytes >> 2


cdef inline void expect_row(const Rows* rows, int64_t row) noexcept nogil:
    """Fetches the beginning of a row, and where its runs are."""
    cdef int64_t at = rows.row_ptr[row], end = rows.row_ptr[row + 1]
    if end > at + FETCHED * LINE:
        end = at + FETCHED * LINE
    while at < end:
        prefetch(rows.bytes + at)
        at += LINE
    if rows.delay == 0:
        prefetch(rows.run_end + rows.run_ptr[row])
        prefetch(rows.run_delay + rows.run_ptr[row])


cdef inline void expect_place(const Rows* rows, int64_t row) noexcept nogil:
    """Fetches where a row is; to be called some spikes before `expect_row`."""
    prefetch(rows.row_ptr + row)
    if rows.delay == 0:
        prefetch(rows.run_ptr + row)


cdef inline void add_row(
    const Rows* rows, const Sums* sums, int64_t now, int64_t first_slot, int64_t row
) noexcept nogil:
    """A spike: adds the weights of a row to the sums of the ticks they are due in."""
    cdef int64_t length = length_of(rows, row), run, begin = 0
    cdef const uint8_t* bytes = rows.bytes + rows.row_ptr[row]
    cdef uint16_t* part = sums.rows + first_slot
    if rows.delay:
        add_stretch(
            rows, part + row_of(sums, now, rows.delay) * sums.n_slots, bytes, length, 0, length
        )
        return
    for run in range(rows.run_ptr[row], rows.run_ptr[row + 1]):
        add_stretch(
            rows, part + row_of(sums, now, rows.run_delay[run]) * sums.n_slots, bytes, length, begin,
            rows.run_end[run],
        )
        begin = rows.run_end[run]


cdef inline void add_rows(
    const Rows* rows, const Sums* sums, int64_t now, int64_t part, int64_t first_slot, const int32_t* sender,
    int64_t n
) noexcept nogil:
    """The rows of n spikes in one part, whose first slot is `first_slot`."""
    cdef int64_t first_row = part * rows.n_senders, i
    for i in range(n if n < AHEAD else AHEAD):
        expect_row(rows, first_row + sender[i])
    for i in range(n):
        if i + 2 * AHEAD < n:
            expect_place(rows, first_row + sender[i + 2 * AHEAD])
        if i + AHEAD < n:
            expect_row(rows, first_row + sender[i + AHEAD])
        add_row(rows, sums, now, first_slot, first_row + sender[i])
