# Compartments and synapses of all cores under the policies whose sums or registers are wider than the
# silicon's, in 64 bits. Twin of emulator/reference/core.py for every policy; plain, one compartment at a time.
from emulator._ext.arith cimport add64, decay64, times64, wrapped
from emulator._ext.core cimport Configuration
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef enum Policy:
    CHIP = 0
    LAVA = 1
    UNBOUNDED = 2
    STRICT = 3

cdef enum Register:
    INPUT = 0
    CURRENT = 1
    DRIVE = 2
    VOLTAGE = 3

cdef enum:
    INPUT_BITS = 22
    STATE_BITS = 24
    V_LIMIT = 0x7FFFFF  # 2**23 - 1; sums of constants do not pass the checked build


cdef struct WideCompartments:
    # arrays [n_slots]
    int64_t n_slots
    int32_t policy
    int64_t* u
    int64_t* v
    uint8_t* counter
    uint8_t* active
    uint8_t* fired
    int64_t n_planes
    const int64_t* plane_shift  # [n_planes]


cdef struct WideRows:
    # synapses of a sender: row_ptr[s] .. row_ptr[s + 1]
    const int64_t* row_ptr  # [n_senders + 1]
    const int64_t* place  # plane * n_slots + slot
    const int32_t* weight  # plane 0: effective weight / 64; others: mantissa
    const uint8_t* delay  # ticks, 1..63
    int64_t* sums  # [n_rows, n_planes * n_slots] modulo 2**64
    int64_t n_rows
    int64_t width  # n_planes * n_slots


cdef struct Overflow:
    # what a strict compartment could not hold
    int64_t slot
    int32_t register
    int64_t value


cdef inline int outside(int64_t value, int32_t bits) noexcept nogil:
    """Whether a two's complement register of that width cannot hold the value."""
    return value != wrapped(value, bits)


cdef inline int64_t current(int32_t policy, int64_t value) noexcept nogil:
    """Step 2: what the register u keeps of decayed u + q."""
    if policy == UNBOUNDED:
        return value
    if policy == LAVA:
        if value > 1 << 23:
            return add64(value, -(1 << 24))
        return add64(value, 1 << 24) if value <= -(1 << 23) else value
    return wrapped(value, STATE_BITS)


cdef inline int64_t clipped(int32_t policy, int64_t value, int64_t vmin, int64_t vmax) noexcept nogil:
    """Step 4: v within its limits; without bounds only those a user has drawn tighter count."""
    if value < vmin and (policy != UNBOUNDED or vmin > -V_LIMIT):
        return vmin
    if value > vmax and (policy != UNBOUNDED or vmax < V_LIMIT):
        return vmax
    return value


cdef inline int update_wide(
    WideCompartments* c, const Configuration* each, int64_t* due, int64_t* n_active, Overflow* overflow
) noexcept nogil:
    """One tick of all compartments; clears `due`. 1: `overflow` says what did not fit, and nothing counts."""
    cdef int64_t slot, plane, q, u, v, x, counter, bias, threshold
    cdef int32_t is_active, is_fired
    n_active[0] = 0
    for slot in range(c.n_slots):
        q = 0
        for plane in range(c.n_planes):
            q = add64(q, times64(due[plane * c.n_slots + slot] >> c.plane_shift[plane]))
            due[plane * c.n_slots + slot] = 0
        if c.policy == STRICT and outside(q, INPUT_BITS):
            return failed(overflow, slot, INPUT, q)
        if c.policy == CHIP:
            q = wrapped(q, INPUT_BITS)
        u, v, counter = c.u[slot], c.v[slot], c.counter[slot]
        bias, threshold = each.bias[slot], each.threshold[slot]
        is_active = (q | u | v | bias | counter) != 0
        u = add64(decay64(u, each.keep_u[slot]), q)
        if c.policy == STRICT and outside(u, STATE_BITS):
            return failed(overflow, slot, CURRENT, u)
        u = current(c.policy, u)
        x = add64(u, bias)
        if c.policy == STRICT and outside(x, STATE_BITS):
            return failed(overflow, slot, DRIVE, x)
        if c.policy == CHIP:
            x = wrapped(x, STATE_BITS)
        v = add64(decay64(v, each.keep_v[slot]), x)
        if c.policy == STRICT and (v > V_LIMIT or v < -V_LIMIT):
            return failed(overflow, slot, VOLTAGE, v)
        v = clipped(c.policy, v, each.vmin[slot], each.vmax[slot])
        if counter > 0:
            v = 0
        is_fired = v > threshold
        if is_fired:
            v = add64(v, -threshold) if each.soft[slot] else 0
            counter = each.refractory[slot]
        c.u[slot], c.v[slot] = u, v
        c.counter[slot] = <uint8_t>(counter - 1 if counter > 0 else 0)
        c.active[slot], c.fired[slot] = <uint8_t>is_active, <uint8_t>is_fired
        n_active[0] += is_active
    return 0


cdef inline int failed(Overflow* overflow, int64_t slot, int32_t register, int64_t value) noexcept nogil:
    overflow.slot, overflow.register, overflow.value = slot, register, value
    return 1


cdef inline void add_wide(WideRows* rows, int64_t now, int64_t sender) noexcept nogil:
    """A spike: adds its weights to the sums of the ticks they are due in; `now` is the row due now."""
    cdef int64_t k, row
    cdef int64_t* total
    for k in range(rows.row_ptr[sender], rows.row_ptr[sender + 1]):
        row = now + rows.delay[k]
        if row >= rows.n_rows:
            row -= rows.n_rows
        total = rows.sums + row * rows.width + rows.place[k]
        total[0] = add64(total[0], rows.weight[k])
