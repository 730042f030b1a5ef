/* Two marks of what the machine can do with a recurrent workload: `plain` does exactly what the workload
 * defines, in the least C; `roofline` streams the same synapse rows and updates the same compartments with all
 * sums kept in the first-level cache, which no network larger than that cache can do. */
#include <stdint.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* One machine code per instruction set, as our own blocks are built. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__linux__)
#define CLONES __attribute__((target_clones("arch=cascadelake", "arch=skylake-avx512", "avx2", "default")))
#else
#define CLONES
#endif

enum {
    BLOCK = 16,    /* compartments searched together */
    WINDOW = 4096, /* sums of the roofline: 8 or 16 KB */
    AHEAD = 2,     /* spikes whose rows are fetched ahead */
    FETCHED = 512  /* synapses of such a row that are fetched; on longer ones the hardware follows */
};

/* Runs n_ticks from the state in v (int32 [n]) with arriving (int32 [n_rows, n], zero; n_rows the longest
 * delay + 1). delay_ticks: one per synapse, or all 1 if same_delay. Spikes go to spike_tick and spike_index
 * (int32 [capacity]). Returns the number of spikes, or -1 if they did not fit. */
int64_t plain(int64_t n, int64_t n_rows, int32_t threshold, const int16_t *restrict bias, int32_t *restrict v,
              int32_t *restrict arriving, const int64_t *restrict indptr, const int32_t *restrict target,
              const int16_t *restrict weight_mant, const uint8_t *restrict delay_ticks, int64_t same_delay,
              int64_t n_ticks, int64_t capacity, int32_t *restrict spike_tick, int32_t *restrict spike_index)
{
    int64_t n_spikes = 0;
    for (int64_t tick = 0; tick < n_ticks; tick++) {
        const int64_t first = n_spikes;
        int32_t *restrict due = arriving + tick % n_rows * n;
        int32_t *restrict next = arriving + (tick + 1) % n_rows * n;
        int32_t *after[256]; /* sums of the tick a delay leads to */
        for (int64_t delay = 0; delay < n_rows; delay++)
            after[delay] = arriving + (tick + delay) % n_rows * n;
        if (capacity - n_spikes < n)
            return -1;
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int64_t end = i + BLOCK < n ? i + BLOCK : n;
            int32_t fired = 0;
            for (int64_t j = i; j < end; j++) {
                v[j] += due[j] + bias[j];
                due[j] = 0;
                fired |= v[j] > threshold;
            }
            if (fired) /* rarely: the search for who fired stays out of the vector loop */
                for (int64_t j = i; j < end; j++)
                    if (v[j] > threshold)
                        spike_index[n_spikes++] = (int32_t)j;
        }
        for (int64_t s = first; s < n_spikes; s++) {
            const int32_t i = spike_index[s];
            spike_tick[s] = (int32_t)tick;
            v[i] = 0;
            if (same_delay)
                for (int64_t k = indptr[i]; k < indptr[i + 1]; k++)
                    next[target[k]] += weight_mant[k] * 64;
            else
                for (int64_t k = indptr[i]; k < indptr[i + 1]; k++)
                    after[delay_ticks[k]][target[k]] += weight_mant[k] * 64;
        }
    }
    return n_spikes;
}

/* sgn(value) * ((|value| * keep) >> 12) in 32 bits, for |value| < 2**23. */
static inline int32_t decay(int32_t value, int32_t keep)
{
    const int32_t magnitude = value < 0 ? -value : value;
    const int32_t kept = (magnitude >> 12) * keep + (((magnitude & 4095) * keep) >> 12);
    return value < 0 ? -kept : kept;
}

/* One tick of n <= WINDOW compartments with current, voltage and refractory counter, and parameters that all
 * share: threshold, 4096 - du, 4096 - dv, refractory. Clears the sums. Returns how many fired. */
#define UPDATE(NAME, SUM)                                                                                       \
    CLONES static int64_t NAME(int64_t n, const int32_t *restrict constants, const int16_t *restrict bias,      \
                               int32_t *restrict u, int32_t *restrict v, uint8_t *restrict counter,             \
                               SUM *restrict sums)                                                              \
    {                                                                                                           \
        const int32_t threshold = constants[0], keep_u = constants[1], keep_v = constants[2];                   \
        const uint8_t refractory = (uint8_t)constants[3];                                                       \
        int32_t n_fired = 0;                                                                                    \
        for (int64_t i = 0; i < n; i++) {                                                                       \
            const int32_t current = decay(u[i], keep_u) + sums[i] * 64;                                         \
            int32_t voltage = decay(v[i], keep_v) + current + bias[i];                                          \
            voltage = counter[i] ? 0 : voltage;                                                                 \
            const int32_t fired = voltage > threshold;                                                          \
            const uint8_t left = fired ? refractory : counter[i];                                               \
            u[i] = current;                                                                                     \
            v[i] = fired ? 0 : voltage;                                                                         \
            counter[i] = left ? left - 1 : 0;                                                                   \
            sums[i] = 0;                                                                                        \
            n_fired += fired;                                                                                   \
        }                                                                                                       \
        return n_fired;                                                                                         \
    }
UPDATE(update_16, int16_t)
UPDATE(update_32, int32_t)

typedef struct {
    const int64_t *indptr;      /* [n + 1] */
    const uint16_t *target;     /* [n_synapses] modulo WINDOW */
    const int16_t *weight_mant; /* [n_synapses] */
} Rows;

static inline void fetch_row(const Rows *rows, int32_t i)
{
    const int64_t start = rows->indptr[i], stop = rows->indptr[i + 1];
    for (int64_t k = start; k < stop && k < start + FETCHED; k += 32) {
        __builtin_prefetch(rows->target + k);
        __builtin_prefetch(rows->weight_mant + k);
    }
}

static void add_scalar(const Rows *rows, const int32_t *spikes, int64_t n_spikes, int16_t *restrict sums)
{
    const uint16_t *restrict target = rows->target;
    const int16_t *restrict weight_mant = rows->weight_mant;
    for (int64_t s = 0; s < n_spikes; s++) {
        if (s + AHEAD < n_spikes)
            fetch_row(rows, spikes[s + AHEAD]);
        for (int64_t k = rows->indptr[spikes[s]]; k < rows->indptr[spikes[s] + 1]; k++)
            sums[target[k]] += weight_mant[k];
    }
}

#ifdef __x86_64__
/* The targets of a row differ, so sixteen may be added at once. (Those that fall on one sum of the window get
 * lost; a bound may lose them.) */
__attribute__((target("avx512f,avx512bw"))) static void add_scattered(const Rows *rows, const int32_t *spikes,
                                                                     int64_t n_spikes, int32_t *restrict sums)
{
    for (int64_t s = 0; s < n_spikes; s++) {
        if (s + AHEAD < n_spikes)
            fetch_row(rows, spikes[s + AHEAD]);
        const int64_t stop = rows->indptr[spikes[s] + 1];
        int64_t k = rows->indptr[spikes[s]];
        for (; k + 16 <= stop; k += 16) {
            const __m512i target = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(rows->target + k)));
            const __m512i weight =
                _mm512_cvtepi16_epi32(_mm256_loadu_si256((const void *)(rows->weight_mant + k)));
            const __m512i sum = _mm512_i32gather_epi32(target, sums, 4);
            _mm512_i32scatter_epi32(sums, target, _mm512_add_epi32(sum, weight), 4);
        }
        for (; k < stop; k++)
            sums[rows->target[k]] += rows->weight_mant[k];
    }
}
#endif

/* Kernels this machine has: 1 or 2. */
int64_t n_kernels(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ? 2 : 1;
#else
    return 1;
#endif
}

/* Runs n_ticks with kernel 0 (plain) or 1 (sixteen at once). bias, u, v, counter: [n]. Whose rows are streamed
 * is given, so that the work is that of the workload: in tick t those of spikes[tick_ptr[t]] ..
 * spikes[tick_ptr[t + 1]]. Returns how many compartments fired, so that the compiler has to compute it. */
int64_t roofline(int64_t kernel, int64_t n, const int32_t *constants, const int16_t *bias, int32_t *u, int32_t *v,
                 uint8_t *counter, const int64_t *indptr, const uint16_t *target, const int16_t *weight_mant,
                 int64_t n_ticks, const int64_t *tick_ptr, const int32_t *spikes)
{
    static _Alignas(64) int16_t sums_16[WINDOW];
    static _Alignas(64) int32_t sums_32[WINDOW];
    const Rows rows = {indptr, target, weight_mant};
    int64_t n_fired = 0;
    for (int64_t tick = 0; tick < n_ticks; tick++) {
        const int32_t *first = spikes + tick_ptr[tick];
        const int64_t n_spikes = tick_ptr[tick + 1] - tick_ptr[tick];
        for (int64_t i = 0; i < n; i += WINDOW) {
            const int64_t m = n - i < WINDOW ? n - i : WINDOW;
            if (kernel)
                n_fired += update_32(m, constants, bias + i, u + i, v + i, counter + i, sums_32);
            else
                n_fired += update_16(m, constants, bias + i, u + i, v + i, counter + i, sums_16);
        }
#ifdef __x86_64__
        if (kernel) {
            add_scattered(&rows, first, n_spikes, sums_32);
            continue;
        }
#endif
        add_scalar(&rows, first, n_spikes, sums_16);
    }
    return n_fired;
}

int64_t window(void)
{
    return WINDOW;
}
