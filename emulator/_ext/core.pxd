# Compartments and synapse lists of all cores, flat. Twin of emulator/reference/core.py.
cimport cython
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from emulator._ext.arith cimport add_wrapping, decay, input_of, wrap24

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
    /* Arrays of an update never overlap; only when the compiler is told so does it vectorise the loop. */
    typedef const int32_t *restrict spikemesh_const32;
    typedef int32_t *restrict spikemesh_int32;
    typedef uint16_t *restrict spikemesh_uint16;
    #define spikemesh_prefetch(address) __builtin_prefetch((const void *)(address))
    typedef uint8_t *restrict spikemesh_uint8;
    """
    ctypedef void cloned_void "SPIKEMESH_CLONES void"
    ctypedef const int32_t* const32 "spikemesh_const32"
    ctypedef int32_t* apart32 "spikemesh_int32"
    ctypedef uint16_t* apart16 "spikemesh_uint16"
    ctypedef uint8_t* apart8 "spikemesh_uint8"
    void prefetch "spikemesh_prefetch"(const void* address) noexcept nogil


cdef enum:
    FETCHED = 256  # synapses of a spike to come that are fetched ahead


cdef struct Compartments:
    # arrays [n_slots]; registers as described in emulator/reference/core.py
    int64_t n_slots
    const int32_t* keep_u  # 4096 - (du + ds_offset), 0..4096
    const int32_t* keep_v  # 4096 - dv, 1..4096
    const int32_t* bias  # within 20 bits
    const int32_t* threshold  # vth_mant * 64
    const int32_t* vmin
    const int32_t* vmax
    const int32_t* refractory  # ticks, 1..63
    int32_t* u  # 24 bits
    int32_t* v  # vmin..vmax
    int32_t* counter  # ticks, 0..63
    int32_t* n_active  # updates that were active since last collected
    uint8_t* active  # outcome of the last update, 0 or 1
    uint8_t* fired


cdef struct Synapses:
    # synapses in order of their senders, so that a spike reads one piece of memory whatever cores it reaches;
    # those of a sender are cut into runs of one delay
    const int64_t* run_ptr  # [n_senders + 1]
    const int64_t* run_start  # [n_runs + 1] first synapse of a run
    const uint8_t* run_delay  # [n_runs] ticks, 1..63
    const uint32_t* slot  # [n_synapses] numbered through over the cores
    const int16_t* weight  # [n_synapses] effective weight / 64
    # sums of the ticks to come, in units of 64: rows of [n_slots], modulo 2**16
    uint16_t* sums  # [n_rows, n_slots]
    int64_t n_rows  # longest delay + 1
    int64_t row  # the row due in this tick
    int64_t n_slots


@cython.overflowcheck(False)
cdef inline cloned_void update(
    int64_t n,
    apart16 due,
    const32 keep_u,
    const32 keep_v,
    const32 bias,
    const32 threshold,
    const32 vmin,
    const32 vmax,
    const32 refractory,
    apart32 u_out,
    apart32 v_out,
    apart32 counter_out,
    apart32 n_active,
    apart8 active,
    apart8 fired,
) noexcept nogil:
    """One tick of n compartments; clears `due`. Steps 1 to 7 of the reference, without branches."""
    cdef int64_t i
    cdef int32_t q, u, v, counter, is_active, is_fired
    for i in range(n):
        q = input_of(due[i])
        due[i] = 0
        u = u_out[i]
        v = v_out[i]
        counter = counter_out[i]
        is_active = (q | u | v | bias[i] | counter) != 0
        u = wrap24(decay(u, keep_u[i]) + q)
        v = decay(v, keep_v[i]) + wrap24(u + bias[i])
        v = vmin[i] if v < vmin[i] else v
        v = vmax[i] if v > vmax[i] else v
        v = 0 if counter > 0 else v
        is_fired = v > threshold[i]
        v = 0 if is_fired else v
        counter = refractory[i] if is_fired else counter
        u_out[i] = u
        v_out[i] = v
        counter_out[i] = counter - 1 if counter > 0 else 0
        n_active[i] += is_active
        active[i] = <uint8_t>is_active
        fired[i] = <uint8_t>is_fired


cdef inline void receive(Synapses* synapses, int64_t sender) noexcept nogil:
    """Walks the synapse lists of a sender and adds its weights to the sums of the ticks they are due in."""
    cdef int64_t run, k, row
    cdef uint16_t* sums
    for run in range(synapses.run_ptr[sender], synapses.run_ptr[sender + 1]):
        row = synapses.row + synapses.run_delay[run]
        if row >= synapses.n_rows:
            row -= synapses.n_rows
        sums = synapses.sums + row * synapses.n_slots
        for k in range(synapses.run_start[run], synapses.run_start[run + 1]):
            add_wrapping(&sums[synapses.slot[k]], synapses.weight[k])


cdef inline void expect_lists(Synapses* synapses, int64_t sender) noexcept nogil:
    """Fetches where a sender's synapses are; to be called some spikes before `expect_synapses`."""
    prefetch(synapses.run_ptr + sender)


cdef inline void expect_synapses(Synapses* synapses, int64_t sender) noexcept nogil:
    """Fetches the beginning of a sender's synapses, line by line; on long lists the hardware follows."""
    cdef int64_t k = synapses.run_start[synapses.run_ptr[sender]]
    cdef int64_t end = synapses.run_start[synapses.run_ptr[sender + 1]]
    if end > k + FETCHED:
        end = k + FETCHED
    while k < end:
        prefetch(synapses.slot + k)
        prefetch(synapses.slot + k + 16)
        prefetch(synapses.weight + k)
        k += 32
