/* The recurrent workload as a plain C loop: about the least work a machine can do for it. No cores, packets,
 * counts, decays, wraps or probes; one accumulator, because every delay is one tick. */
#include <stdint.h>

enum { BLOCK = 16 }; /* compartments searched together */

/* Runs n_ticks from the state in v (int32 [n]) and arriving (int32 [n], zero). Spikes go to spike_tick and
 * spike_index (int32 [capacity]). Returns the number of spikes, or -1 if they did not fit. */
int64_t roofline(int64_t n, int32_t threshold, const int16_t *restrict bias, int32_t *restrict v,
                 int32_t *restrict arriving, const int64_t *restrict indptr, const uint16_t *restrict target,
                 const int16_t *restrict weight_mant, int64_t n_ticks, int64_t capacity,
                 int32_t *restrict spike_tick, int32_t *restrict spike_index)
{
    int64_t n_spikes = 0;
    for (int64_t tick = 0; tick < n_ticks; tick++) {
        const int64_t first = n_spikes;
        if (capacity - n_spikes < n)
            return -1;
        for (int64_t i = 0; i < n; i += BLOCK) {
            const int64_t end = i + BLOCK < n ? i + BLOCK : n;
            int32_t fired = 0;
            for (int64_t j = i; j < end; j++) {
                v[j] += arriving[j] + bias[j];
                arriving[j] = 0;
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
            for (int64_t k = indptr[i]; k < indptr[i + 1]; k++)
                arriving[target[k]] += weight_mant[k] * 64;
        }
    }
    return n_spikes;
}
