/* One tick of a crossbar core without a draw, and without a potential that could reach the end of its register:
   then the order of the additions does not matter, and synapses are counted instead of walked.

   Rows of the crossbar are bits, a bit for each of 256 neurons. Those of one type of axon are added as columns
   of numbers: plane k holds bit k of the 256 sums. The sums times the weights of the type are what the neurons
   get. Neurons are updated 16 at a time, for which there are three ways with the same result; the best one that
   the processor has is chosen when a run begins.

   Steps and names: emulator/reference/crossbar.py. */
#ifndef SPIKEMESH_CROSSBAR_KERNEL
#define SPIKEMESH_CROSSBAR_KERNEL
#include <stdint.h>
#include <string.h>

enum {
    CROSSBAR_TYPES = 4,
    CROSSBAR_LANES = 16,
    CROSSBAR_BLOCKS = 16,
    CROSSBAR_WORDS = 4,  /* of 64 bits, in 256 */
    CROSSBAR_PLANES = 9, /* hold a sum of up to 256 */
    /* A tick adds at most 256 weights and a leak, each of at most 255: below this nothing can reach 2**19. */
    CROSSBAR_FAR = (1 << 19) - 1 - 257 * 255
};

/* What 16 neurons are configured to; blocks of neurons that are alike share one. Masks: bit i is neuron i. */
typedef struct {
    int32_t alpha[CROSSBAR_LANES];
    int32_t low[CROSSBAR_LANES]; /* -beta */
    int32_t reset[CROSSBAR_LANES];
    int16_t leak[CROSSBAR_LANES];
    int16_t weight[CROSSBAR_TYPES][CROSSBAR_LANES];
    uint16_t reversal;
    uint16_t to_reset; /* reset mode 0 */
    uint16_t subtract; /* reset mode 1 */
    uint16_t hold;     /* at -beta */
    uint16_t unused[12];
} CrossbarLanes;

typedef struct {
    uint64_t plane[CROSSBAR_TYPES][CROSSBAR_PLANES][CROSSBAR_WORDS];
    uint64_t reached[CROSSBAR_WORDS]; /* neurons that any row has a synapse onto */
    int32_t n_rows[CROSSBAR_TYPES];
    int32_t n_planes[CROSSBAR_TYPES];
} CrossbarInput;

typedef struct {
    uint64_t fired[CROSSBAR_WORDS];
    uint64_t active[CROSSBAR_WORDS];
    int32_t moved; /* whether a potential is another than before */
    int32_t near;  /* whether one is so high or low that the next tick has to be done exactly */
} CrossbarOutcome;

typedef void (*CrossbarUpdate)(
    const CrossbarLanes *table, const int32_t *config, const CrossbarInput *input, int32_t *v, CrossbarOutcome *outcome);

static inline void crossbar_begin(CrossbarInput *input) {
    memset(input->reached, 0, sizeof(input->reached));
    memset(input->n_rows, 0, sizeof(input->n_rows));
    memset(input->n_planes, 0, sizeof(input->n_planes));
}

/* Adds a row to the sums of a type. */
static inline void crossbar_add(CrossbarInput *input, int type, const uint8_t *row) {
    const int n = ++input->n_rows[type];
    uint64_t carry[CROSSBAR_WORDS];
    int k, i;
    memcpy(carry, row, sizeof(carry));
    for (i = 0; i < CROSSBAR_WORDS; i++)
        input->reached[i] |= carry[i];
    if ((n & (n - 1)) == 0) /* the first sum that needs one plane more */
        memset(input->plane[type][input->n_planes[type]++], 0, sizeof(carry));
    for (k = 0; k < input->n_planes[type]; k++) {
        uint64_t *plane = input->plane[type][k];
        for (i = 0; i < CROSSBAR_WORDS; i++) {
            const uint64_t both = plane[i] & carry[i];
            plane[i] ^= carry[i];
            carry[i] = both;
        }
    }
}

/* Bits of the 16 neurons of a block. */
static inline uint16_t crossbar_bits(const uint64_t *words, int block) {
    return (uint16_t)(words[block >> 2] >> (16 * (block & 3)));
}

static inline void crossbar_set_bits(uint64_t *words, int block, uint16_t bits) {
    words[block >> 2] |= (uint64_t)bits << (16 * (block & 3));
}

static inline int crossbar_sign(int32_t value) {
    return (value > 0) - (value < 0);
}

static void crossbar_update_portable(
    const CrossbarLanes *table, const int32_t *config, const CrossbarInput *input, int32_t *v, CrossbarOutcome *outcome) {
    int block, lane, type, k;
    memset(outcome, 0, sizeof(*outcome));
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint16_t fired = 0, active = crossbar_bits(input->reached, block);
        for (lane = 0; lane < CROSSBAR_LANES; lane++) {
            const int32_t before = v[CROSSBAR_LANES * block + lane];
            const int bit = 1 << lane;
            int32_t sum = before, after;
            for (type = 0; type < CROSSBAR_TYPES; type++) {
                int32_t n = 0;
                for (k = 0; k < input->n_planes[type]; k++)
                    n |= (crossbar_bits(input->plane[type][k], block) >> lane & 1) << k;
                sum += n * c->weight[type][lane];
            }
            if (c->reversal & bit) {
                const int sign = crossbar_sign(sum);
                sum += sign * c->leak[lane];
                if (crossbar_sign(sum) != sign)
                    sum = 0;
            } else {
                sum += c->leak[lane];
            }
            after = sum;
            if (sum >= c->alpha[lane]) {
                fired |= bit;
                after = c->to_reset & bit ? c->reset[lane] : c->subtract & bit ? sum - c->alpha[lane] : sum;
            } else if (sum < c->low[lane]) {
                after = c->hold & bit       ? c->low[lane]
                        : c->to_reset & bit ? -c->reset[lane]
                        : c->subtract & bit ? sum - c->low[lane]
                                            : sum;
            }
            if (before != 0 || c->leak[lane] != 0)
                active |= bit;
            outcome->moved |= after != before;
            outcome->near |= after > CROSSBAR_FAR || after < -CROSSBAR_FAR;
            v[CROSSBAR_LANES * block + lane] = after;
        }
        crossbar_set_bits(outcome->fired, block, fired);
        crossbar_set_bits(outcome->active, block, active);
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
#define CROSSBAR_X86 1
#include <immintrin.h>

__attribute__((target("avx2"))) static inline __m256i crossbar_spread(uint32_t bits) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lane), lane);
}

__attribute__((target("avx2"))) static inline uint32_t crossbar_gather(__m256i flags) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(flags));
}

__attribute__((target("avx2"))) static inline __m256i crossbar_wide(const int16_t *values) {
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)values));
}

__attribute__((target("avx2"))) static void crossbar_update_avx2(
    const CrossbarLanes *table, const int32_t *config, const CrossbarInput *input, int32_t *v, CrossbarOutcome *outcome) {
    const __m256i zero = _mm256_setzero_si256(), far = _mm256_set1_epi32(CROSSBAR_FAR);
    __m256i moved = zero, near = zero;
    int block, half, type, k;
    memset(outcome, 0, sizeof(*outcome));
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint32_t fired = 0, active = crossbar_bits(input->reached, block);
        for (half = 0; half < 2; half++) {
            const int at = 8 * half;
            int32_t *own = v + CROSSBAR_LANES * block + at;
            const __m256i before = _mm256_loadu_si256((const __m256i *)own);
            const __m256i leak = crossbar_wide(c->leak + at);
            const __m256i alpha = _mm256_loadu_si256((const __m256i *)(c->alpha + at));
            const __m256i low = _mm256_loadu_si256((const __m256i *)(c->low + at));
            const __m256i reset = _mm256_loadu_si256((const __m256i *)(c->reset + at));
            __m256i sum = before, after, fire, under, idle;
            for (type = 0; type < CROSSBAR_TYPES; type++) {
                __m256i n = zero;
                if (input->n_planes[type] == 0)
                    continue;
                for (k = 0; k < input->n_planes[type]; k++) {
                    const uint32_t bits = crossbar_bits(input->plane[type][k], block) >> at & 0xff;
                    n = _mm256_or_si256(n, _mm256_and_si256(crossbar_spread(bits), _mm256_set1_epi32(1 << k)));
                }
                /* both halves of n are below 2**15, and the upper one is 0 */
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(n, crossbar_wide(c->weight[type] + at)));
            }
            if (c->reversal) {
                const __m256i turned = crossbar_spread(c->reversal >> at & 0xff);
                const __m256i along = _mm256_add_epi32(sum, _mm256_sign_epi32(leak, sum));
                /* the signs are equal where one of the two numbers has the sign of the other */
                const __m256i kept = _mm256_cmpeq_epi32(
                    _mm256_sign_epi32(_mm256_set1_epi32(1), sum), _mm256_sign_epi32(_mm256_set1_epi32(1), along));
                sum = _mm256_blendv_epi8(_mm256_add_epi32(sum, leak), _mm256_and_si256(along, kept), turned);
            } else {
                sum = _mm256_add_epi32(sum, leak);
            }
            fire = _mm256_xor_si256(_mm256_cmpgt_epi32(alpha, sum), _mm256_set1_epi32(-1));
            under = _mm256_andnot_si256(fire, _mm256_cmpgt_epi32(low, sum));
            {
                const __m256i to_reset = crossbar_spread(c->to_reset >> at & 0xff);
                const __m256i subtract = crossbar_spread(c->subtract >> at & 0xff);
                const __m256i hold = crossbar_spread(c->hold >> at & 0xff);
                __m256i risen = _mm256_blendv_epi8(sum, reset, to_reset);
                __m256i fallen = _mm256_blendv_epi8(sum, _mm256_sub_epi32(zero, reset), to_reset);
                risen = _mm256_blendv_epi8(risen, _mm256_sub_epi32(sum, alpha), subtract);
                fallen = _mm256_blendv_epi8(fallen, _mm256_sub_epi32(sum, low), subtract);
                fallen = _mm256_blendv_epi8(fallen, low, hold);
                after = _mm256_blendv_epi8(sum, risen, fire);
                after = _mm256_blendv_epi8(after, fallen, under);
            }
            idle = _mm256_cmpeq_epi32(_mm256_or_si256(before, leak), zero);
            active |= (~crossbar_gather(idle) & 0xff) << at;
            fired |= crossbar_gather(fire) << at;
            moved = _mm256_or_si256(moved, _mm256_xor_si256(after, before));
            near = _mm256_or_si256(near, _mm256_cmpgt_epi32(_mm256_abs_epi32(after), far));
            _mm256_storeu_si256((__m256i *)own, after);
        }
        crossbar_set_bits(outcome->fired, block, (uint16_t)fired);
        crossbar_set_bits(outcome->active, block, (uint16_t)active);
    }
    outcome->moved = !_mm256_testz_si256(moved, moved);
    outcome->near = !_mm256_testz_si256(near, near);
}

__attribute__((target("avx512f,avx512bw"))) static void crossbar_update_avx512(
    const CrossbarLanes *table, const int32_t *config, const CrossbarInput *input, int32_t *v, CrossbarOutcome *outcome) {
    const __m512i zero = _mm512_setzero_si512(), far = _mm512_set1_epi32(CROSSBAR_FAR);
    __m512i moved = zero;
    __mmask16 near = 0;
    int block, type, k;
    memset(outcome, 0, sizeof(*outcome));
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        int32_t *own = v + CROSSBAR_LANES * block;
        const __m512i before = _mm512_loadu_si512(own);
        const __m512i leak = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)c->leak));
        const __m512i alpha = _mm512_loadu_si512(c->alpha), low = _mm512_loadu_si512(c->low);
        const __m512i reset = _mm512_loadu_si512(c->reset);
        const __mmask16 to_reset = c->to_reset, subtract = c->subtract, hold = c->hold, turned = c->reversal;
        __m512i sum = before, after;
        __mmask16 fire, under, free;
        for (type = 0; type < CROSSBAR_TYPES; type++) {
            __m512i n = zero;
            if (input->n_planes[type] == 0)
                continue;
            for (k = 0; k < input->n_planes[type]; k++) {
                const __mmask16 bits = crossbar_bits(input->plane[type][k], block);
                n = _mm512_mask_add_epi32(n, bits, n, _mm512_set1_epi32(1 << k));
            }
            sum = _mm512_add_epi32(
                sum, _mm512_madd_epi16(
                         n, _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)c->weight[type]))));
        }
        if (turned) {
            const __mmask16 above = _mm512_cmpgt_epi32_mask(sum, zero), below = _mm512_cmplt_epi32_mask(sum, zero);
            __m512i along = _mm512_mask_add_epi32(sum, above, sum, leak), other = _mm512_add_epi32(sum, leak);
            along = _mm512_mask_sub_epi32(along, below, sum, leak);
            along = _mm512_maskz_mov_epi32(
                (above & _mm512_cmpgt_epi32_mask(along, zero)) | (below & _mm512_cmplt_epi32_mask(along, zero)), along);
            sum = _mm512_mask_mov_epi32(other, turned, along);
        } else {
            sum = _mm512_add_epi32(sum, leak);
        }
        fire = _mm512_cmpge_epi32_mask(sum, alpha);
        under = _mm512_cmplt_epi32_mask(sum, low) & ~fire;
        free = under & ~hold;
        after = _mm512_mask_mov_epi32(sum, fire & to_reset, reset);
        after = _mm512_mask_sub_epi32(after, fire & subtract, sum, alpha);
        after = _mm512_mask_mov_epi32(after, under & hold, low);
        after = _mm512_mask_sub_epi32(after, free & to_reset, zero, reset);
        after = _mm512_mask_sub_epi32(after, free & subtract, sum, low);
        {
            const __m512i state = _mm512_or_si512(before, leak);
            const uint16_t reached = crossbar_bits(input->reached, block);
            crossbar_set_bits(outcome->active, block, (uint16_t)(_mm512_test_epi32_mask(state, state) | reached));
        }
        crossbar_set_bits(outcome->fired, block, (uint16_t)fire);
        moved = _mm512_or_si512(moved, _mm512_xor_si512(after, before));
        near |= _mm512_cmpgt_epi32_mask(_mm512_abs_epi32(after), far);
        _mm512_storeu_si512(own, after);
    }
    outcome->moved = _mm512_test_epi32_mask(moved, moved) != 0;
    outcome->near = near != 0;
}
#endif

/* Highest level that this processor has: 0 any, 1 AVX2, 2 AVX-512. */
static int crossbar_best(void) {
#ifdef CROSSBAR_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
        return 2;
    if (__builtin_cpu_supports("avx2"))
        return 1;
#endif
    return 0;
}

static CrossbarUpdate crossbar_update_of(int level) {
#ifdef CROSSBAR_X86
    if (level == 2)
        return crossbar_update_avx512;
    if (level == 1)
        return crossbar_update_avx2;
#endif
    (void)level;
    return crossbar_update_portable;
}
#endif
