/* Crossbar cores as an unoptimised simulator goes through them: core by core, neuron by neuron, axon by axon,
 * first listing the axons that are both active and connected, then adding their weights. RANC's simulator has
 * these loops; it also copies the rows that it compares, and moves packets hop by hop, which is left out here. */
#include <stdint.h>
#include <string.h>

enum { AXONS = 256, NEURONS = 256, SLOTS = 16, TYPES = 4 };

/* Runs n_ticks from the state in v. All neurons have the same leak, thresholds at alpha and -alpha, and a linear
 * reset. connected: 1 or 0 [n_cores, NEURONS, AXONS]; axon_type [AXONS]; weight [n_cores, NEURONS, TYPES]; v,
 * target (core * AXONS + axon), delay (1..15) [n_cores, NEURONS]; due [SLOTS, n_cores, AXONS], zero. Spikes go to
 * spike_tick and spike_index [capacity]. Returns the number of spikes, or -1 if they did not fit; adds synaptic
 * operations to *operations. */
int64_t crossbar_loop(int64_t n_cores, const uint8_t *connected, const uint8_t *axon_type, const int16_t *weight,
                      int64_t leak, int64_t alpha, int32_t *v, const int32_t *target, const uint8_t *delay,
                      uint8_t *due, int64_t n_ticks, int64_t capacity, int32_t *spike_tick, int32_t *spike_index,
                      int64_t *operations)
{
    int64_t n_spikes = 0;
    for (int64_t tick = 0; tick < n_ticks; tick++) {
        for (int64_t core = 0; core < n_cores; core++) {
            uint8_t *active = due + (tick % SLOTS * n_cores + core) * AXONS;
            for (int64_t neuron = 0; neuron < NEURONS; neuron++) {
                const int64_t i = core * NEURONS + neuron;
                const uint8_t *row = connected + i * AXONS;
                int32_t found[AXONS];
                int64_t n_found = 0;
                for (int32_t axon = 0; axon < AXONS; axon++)
                    if (row[axon] && active[axon])
                        found[n_found++] = axon;
                int64_t potential = v[i];
                for (int64_t k = 0; k < n_found; k++)
                    potential += weight[i * TYPES + axon_type[found[k]]];
                *operations += n_found;
                potential += leak;
                if (potential >= alpha) {
                    if (n_spikes == capacity)
                        return -1;
                    spike_tick[n_spikes] = (int32_t)tick;
                    spike_index[n_spikes++] = (int32_t)i;
                    due[(tick + delay[i]) % SLOTS * n_cores * AXONS + target[i]] = 1;
                    potential -= alpha;
                } else if (potential < -alpha) {
                    potential += alpha;
                }
                v[i] = (int32_t)potential;
            }
            memset(active, 0, AXONS);
        }
    }
    return n_spikes;
}
