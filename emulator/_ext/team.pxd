# A few threads that go through the ticks side by side, and the barrier at which they meet.

cdef extern from *:
    """
    #include <pthread.h>
    #include <sched.h>
    #if defined(__x86_64__) && defined(__GNUC__)
    #define spikemesh_pause() __builtin_ia32_pause()
    #else
    #define spikemesh_pause() ((void)0)
    #endif
    typedef struct { int n, arrived, round; } spikemesh_barrier;
    /* A tick is short, so who waits looks again and again; when the others have no processor, it lets them. */
    static inline void spikemesh_meet(spikemesh_barrier *barrier) {
        int spins = 0, round = __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE);
        if (barrier->n == 1) return;
        if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->n) {
            __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
            __atomic_store_n(&barrier->round, (round + 1) & 0xffff, __ATOMIC_RELEASE);
            return;
        }
        while (__atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round)
            if (++spins < 10000) spikemesh_pause(); else sched_yield();
    }
    """
    ctypedef struct Barrier "spikemesh_barrier":
        int n  # threads that have to arrive
        int arrived
        int round
    ctypedef unsigned long Thread "pthread_t"
    void meet "spikemesh_meet"(Barrier* barrier) noexcept nogil
    int start_thread "pthread_create"(Thread* thread, const void* attributes, void* (*work)(void*) noexcept nogil, void* argument) noexcept nogil
    int join_thread "pthread_join"(Thread thread, void** outcome) noexcept nogil
