# A few threads that go through the ticks side by side, and the barrier at which they meet.

cdef extern from *:
    """
    #include <pthread.h>
    #if defined(__x86_64__) && defined(__GNUC__)
    #define spikemesh_pause() __builtin_ia32_pause()
    #else
    #define spikemesh_pause() ((void)0)
    #endif
    typedef struct {
        int n, arrived, round, n_asleep;
        pthread_mutex_t lock;
        pthread_cond_t turned;
    } spikemesh_barrier;
    static inline int spikemesh_build(spikemesh_barrier *barrier, int n) {
        barrier->arrived = barrier->round = barrier->n_asleep = 0;
        if (pthread_mutex_init(&barrier->lock, NULL)) return -1;
        if (pthread_cond_init(&barrier->turned, NULL)) {
            pthread_mutex_destroy(&barrier->lock);
            return -1;
        }
        barrier->n = n;
        return 0;
    }
    static inline void spikemesh_dismantle(spikemesh_barrier *barrier) {
        pthread_cond_destroy(&barrier->turned);
        pthread_mutex_destroy(&barrier->lock);
    }
    /* A tick is short, so who waits looks again and again. Who waited for long goes to sleep: the others may
       be without a processor, and get one the sooner. */
    static inline void spikemesh_meet(spikemesh_barrier *barrier) {
        int spins = 0, round = __atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE);
        if (barrier->n == 1) return;
        if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->n) {
            __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
            pthread_mutex_lock(&barrier->lock);
            __atomic_store_n(&barrier->round, (round + 1) & 0xffff, __ATOMIC_RELEASE);
            if (barrier->n_asleep) pthread_cond_broadcast(&barrier->turned);
            pthread_mutex_unlock(&barrier->lock);
            return;
        }
        while (__atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round) {
            if (++spins < 2000) {
                spikemesh_pause();
                continue;
            }
            pthread_mutex_lock(&barrier->lock);
            ++barrier->n_asleep;
            while (__atomic_load_n(&barrier->round, __ATOMIC_ACQUIRE) == round)
                pthread_cond_wait(&barrier->turned, &barrier->lock);
            --barrier->n_asleep;
            pthread_mutex_unlock(&barrier->lock);
        }
    }
    """
    ctypedef struct Barrier "spikemesh_barrier":
        int n  # threads that have to arrive; 0 until it is built
    int build "spikemesh_build"(Barrier* barrier, int n) noexcept nogil
    void dismantle "spikemesh_dismantle"(Barrier* barrier) noexcept nogil
    ctypedef unsigned long Thread "pthread_t"
    void meet "spikemesh_meet"(Barrier* barrier) noexcept nogil
    int start_thread "pthread_create"(Thread* thread, const void* attributes, void* (*work)(void*) noexcept nogil, void* argument) noexcept nogil
    int join_thread "pthread_join"(Thread thread, void** outcome) noexcept nogil
