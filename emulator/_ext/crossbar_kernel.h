/* One tick of a crossbar core without a draw, and without a potential that could reach the end of its register:
   then the order of the additions does not matter, and synapses are counted instead of walked.

   Rows of the crossbar are bits, a bit for each of 256 neurons. Those of one type of axon are added as columns
   of numbers: plane k holds bit k of the 256 sums. The sums times the weights of the type are what the neurons
   get. Neurons are updated 16 at a time; those that fired, or fell below their negative threshold, are few and
   get their new potential in a second pass.

   There are three ways with the same result; the best one that the processor has is chosen when a run begins.
   Steps and names: emulator/reference/crossbar.py. */
#ifndef SPIKEMESH_CROSSBAR_KERNEL
#define SPIKEMESH_CROSSBAR_KERNEL
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#define CROSSBAR_X86 1
#include <immintrin.h>
#endif

enum {
    CROSSBAR_TYPES = 4,
    CROSSBAR_LANES = 16,
    CROSSBAR_BLOCKS = 16,
    CROSSBAR_WORDS = 4,  /* of 64 bits, in 256 */
    CROSSBAR_ROWS = 128,  /* as many rows times weights are below 2**15 */
    CROSSBAR_PLANES = 8,  /* hold a sum of that */
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
    uint16_t leaks;    /* neurons with a leak */
    uint16_t unused[11];
} CrossbarLanes;

typedef uint64_t CrossbarRow __attribute__((vector_size(32))); /* a bit for each neuron */

typedef struct {
    CrossbarRow plane[CROSSBAR_TYPES][CROSSBAR_PLANES];
    CrossbarRow reached; /* neurons that any row has a synapse onto */
    int32_t n_planes[CROSSBAR_TYPES];
} CrossbarInput;

typedef struct {
    uint64_t fired[CROSSBAR_WORDS];
    uint64_t active[CROSSBAR_WORDS];
    int32_t n_active;
    int32_t n_ops; /* synapses in the rows */
    int32_t moved; /* whether a potential is another than before */
    int32_t near;  /* whether one is so high or low that the next tick has to be done exactly */
} CrossbarOutcome;

/* An axon: how many synapses its row has, and above that its type. */
enum { CROSSBAR_TYPE_SHIFT = 12, CROSSBAR_OPS_MASK = (1 << CROSSBAR_TYPE_SHIFT) - 1 };

/* rows, axons: of the core; due: bits of its axons that spikes are due at. */
typedef void (*CrossbarUpdate)(
    const CrossbarLanes *table, const int32_t *config, const uint8_t *rows, const uint16_t *axons,
    const uint64_t *due, int32_t *v, CrossbarOutcome *outcome);

#define CROSSBAR_INLINE static inline __attribute__((always_inline))

/* Adds rows of axons that are due, `CROSSBAR_ROWS` at most, to the sums of their types, and forgets them in
   `due`. Returns whether some are left; the synapses of the rows are added to n_ops. */
CROSSBAR_INLINE int crossbar_integrate(
    CrossbarInput *input, const uint8_t *rows, const uint16_t *axons, uint64_t *due, int32_t *n_ops) {
    int32_t n_rows[CROSSBAR_TYPES] = {0, 0, 0, 0};
    int word, k, n_left = CROSSBAR_ROWS;
    memset(input->n_planes, 0, sizeof(input->n_planes));
    for (word = 0; word < CROSSBAR_WORDS; word++) {
        while (due[word]) {
            const int axon = 64 * word + __builtin_ctzll(due[word]), type = axons[axon] >> CROSSBAR_TYPE_SHIFT;
            CrossbarRow carry, *plane = input->plane[type];
            if (n_left-- == 0)
                return 1;
            due[word] &= due[word] - 1;
            *n_ops += axons[axon] & CROSSBAR_OPS_MASK;
            memcpy(&carry, rows + 32 * axon, sizeof(carry));
            input->reached |= carry;
            for (k = 0; k < input->n_planes[type]; k++) {
                const CrossbarRow both = plane[k] & carry;
                plane[k] ^= carry;
                carry = both;
            }
            n_rows[type]++;
            if ((n_rows[type] & (n_rows[type] - 1)) == 0) /* the first sum that needs one plane more */
                plane[input->n_planes[type]++] = carry;
        }
    }
    return 0;
}

CROSSBAR_INLINE int32_t crossbar_count(const uint64_t *words) {
    return __builtin_popcountll(words[0]) + __builtin_popcountll(words[1]) + __builtin_popcountll(words[2])
           + __builtin_popcountll(words[3]);
}

/* Bits of the 16 neurons of a block. */
CROSSBAR_INLINE uint16_t crossbar_bits(const CrossbarRow *row, int block) {
#ifdef CROSSBAR_X86
    uint16_t bits;
    memcpy(&bits, (const char *)row + 2 * block, sizeof(bits));
    return bits;
#else
    return (uint16_t)((*row)[block >> 2] >> (16 * (block & 3)));
#endif
}

CROSSBAR_INLINE uint16_t crossbar_bits_of(const uint64_t *words, int block) {
    return (uint16_t)(words[block >> 2] >> (16 * (block & 3)));
}

CROSSBAR_INLINE void crossbar_set_bits(uint64_t *words, int block, uint16_t bits) {
#ifdef CROSSBAR_X86
    memcpy((char *)words + 2 * block, &bits, sizeof(bits));
#else
    words[block >> 2] |= (uint64_t)bits << (16 * (block & 3));
#endif
}

CROSSBAR_INLINE int crossbar_sign(int32_t value) {
    return (value > 0) - (value < 0);
}

/* A tick of a core is the same in each way, but for these: the way is inlined into it. */
typedef void (*CrossbarExpand)(
    const CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, int16_t *sum);
typedef void (*CrossbarAdvance)(
    const CrossbarLanes *table, const int32_t *config, const int16_t *sum, const CrossbarRow *reached, int32_t *v,
    uint16_t *under, CrossbarOutcome *outcome);

/* New potentials of the neurons of a block that fired or fell below their negative threshold. */
CROSSBAR_INLINE void crossbar_reset(
    const CrossbarLanes *c, uint16_t fired, uint16_t under, int32_t *v, CrossbarOutcome *outcome) {
    uint32_t bits;
    for (bits = fired | under; bits; bits &= bits - 1) {
        const int lane = __builtin_ctz(bits), bit = 1 << lane;
        int32_t after = v[lane];
        if (fired & bit)
            after = c->to_reset & bit ? c->reset[lane] : c->subtract & bit ? after - c->alpha[lane] : after;
        else
            after = c->hold & bit       ? c->low[lane]
                    : c->to_reset & bit ? -c->reset[lane]
                    : c->subtract & bit ? after - c->low[lane]
                                        : after;
        /* any other potential is between the thresholds, which are nearer than that */
        outcome->near |= after > CROSSBAR_FAR || after < -CROSSBAR_FAR;
        outcome->moved |= after != v[lane];
        v[lane] = after;
    }
}

CROSSBAR_INLINE void crossbar_tick(
    CrossbarExpand expand, CrossbarAdvance advance, const CrossbarLanes *table, const int32_t *config,
    const uint8_t *rows, const uint16_t *axons, const uint64_t *due, int32_t *v, CrossbarOutcome *outcome) {
    CrossbarInput input;
    uint64_t left[CROSSBAR_WORDS];
    int16_t sum[CROSSBAR_LANES * CROSSBAR_BLOCKS];
    uint16_t under[CROSSBAR_BLOCKS];
    int any_due = (due[0] | due[1] | due[2] | due[3]) != 0, more = any_due, block, i;
    outcome->n_ops = outcome->moved = outcome->near = 0;
    memset(&input.reached, 0, sizeof(input.reached));
    memcpy(left, due, sizeof(left));
    while (more) {
        more = crossbar_integrate(&input, rows, axons, left, &outcome->n_ops);
        expand(&input, table, config, sum);
        if (more)
            for (i = 0; i < CROSSBAR_LANES * CROSSBAR_BLOCKS; i++)
                v[i] += sum[i];
    }
    advance(table, config, any_due ? sum : NULL, &input.reached, v, under, outcome);
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const uint16_t fired = crossbar_bits_of(outcome->fired, block);
        if (fired | under[block])
            crossbar_reset(&table[config[block]], fired, under[block], v + CROSSBAR_LANES * block, outcome);
    }
    outcome->n_active = crossbar_count(outcome->active);
}

CROSSBAR_INLINE void crossbar_expand_portable(
    const CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, int16_t *sum) {
    int block, type, lane, k;
    memset(sum, 0, CROSSBAR_LANES * CROSSBAR_BLOCKS * sizeof(*sum));
    for (type = 0; type < CROSSBAR_TYPES; type++)
        for (block = 0; input->n_planes[type] && block < CROSSBAR_BLOCKS; block++)
            for (lane = 0; lane < CROSSBAR_LANES; lane++) {
                int n = 0;
                for (k = 0; k < input->n_planes[type]; k++)
                    n |= (crossbar_bits(&input->plane[type][k], block) >> lane & 1) << k;
                sum[CROSSBAR_LANES * block + lane] += (int16_t)(n * table[config[block]].weight[type][lane]);
            }
}

CROSSBAR_INLINE void crossbar_advance_portable(
    const CrossbarLanes *table, const int32_t *config, const int16_t *sum, const CrossbarRow *reached, int32_t *v,
    uint16_t *under, CrossbarOutcome *outcome) {
    int block, lane;
    memset(outcome->fired, 0, sizeof(outcome->fired));
    memset(outcome->active, 0, sizeof(outcome->active));
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint32_t fire = 0, fall = 0, active = c->leaks | crossbar_bits(reached, block);
        for (lane = 0; lane < CROSSBAR_LANES; lane++) {
            const int at = CROSSBAR_LANES * block + lane, before = v[at];
            int32_t after = before + (sum == NULL ? 0 : sum[at]);
            if (c->reversal >> lane & 1) {
                const int sign = crossbar_sign(after);
                after += sign * c->leak[lane];
                if (crossbar_sign(after) != sign)
                    after = 0;
            } else {
                after += c->leak[lane];
            }
            active |= (uint32_t)(before != 0) << lane;
            fire |= (uint32_t)(after >= c->alpha[lane]) << lane;
            fall |= (uint32_t)(after < c->low[lane]) << lane;
            outcome->moved |= after != before;
            v[at] = after;
        }
        crossbar_set_bits(outcome->fired, block, (uint16_t)fire);
        crossbar_set_bits(outcome->active, block, (uint16_t)active);
        under[block] = (uint16_t)(fall & ~fire);
    }
}

static void crossbar_update_portable(
    const CrossbarLanes *table, const int32_t *config, const uint8_t *rows, const uint16_t *axons,
    const uint64_t *due, int32_t *v, CrossbarOutcome *outcome) {
    crossbar_tick(
        crossbar_expand_portable, crossbar_advance_portable, table, config, rows, axons, due, v, outcome);
}

#ifdef CROSSBAR_X86
#define CROSSBAR_AVX2 __attribute__((target("avx2,bmi,popcnt")))
#define CROSSBAR_AVX512 __attribute__((target("avx512f,avx512bw,avx2,bmi,popcnt")))

CROSSBAR_INLINE CROSSBAR_AVX2 void crossbar_expand_avx2(
    const CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, int16_t *sum) {
    const __m256i lane = _mm256_setr_epi16(
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, (short)-32768);
    int block, type, k;
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        __m256i total = _mm256_setzero_si256();
        for (type = 0; type < CROSSBAR_TYPES; type++) {
            __m256i n = _mm256_setzero_si256();
            if (input->n_planes[type] == 0)
                continue;
            for (k = input->n_planes[type] - 1; k >= 0; k--) { /* n is doubled, and a flag that is set is -1 */
                const __m256i bits = _mm256_set1_epi16((short)crossbar_bits(&input->plane[type][k], block));
                const __m256i set = _mm256_cmpeq_epi16(_mm256_and_si256(bits, lane), lane);
                n = _mm256_sub_epi16(_mm256_add_epi16(n, n), set);
            }
            total = _mm256_add_epi16(
                total,
                _mm256_mullo_epi16(n, _mm256_loadu_si256((const __m256i *)table[config[block]].weight[type])));
        }
        _mm256_storeu_si256((__m256i *)(sum + CROSSBAR_LANES * block), total);
    }
}

CROSSBAR_INLINE CROSSBAR_AVX2 uint32_t crossbar_flags(__m256i flags) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(flags));
}

/* Half a block: adds the leak, in the direction of v where `reversal` says so. */
CROSSBAR_INLINE CROSSBAR_AVX2 __m256i crossbar_leak_avx2(__m256i v, __m256i leak, uint32_t reversal) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), one = _mm256_set1_epi32(1);
    const __m256i turned = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)reversal), lane), lane);
    const __m256i along = _mm256_add_epi32(v, _mm256_sign_epi32(leak, v));
    const __m256i kept = _mm256_cmpeq_epi32(_mm256_sign_epi32(one, v), _mm256_sign_epi32(one, along));
    return _mm256_blendv_epi8(_mm256_add_epi32(v, leak), _mm256_and_si256(along, kept), turned);
}

CROSSBAR_INLINE CROSSBAR_AVX2 void crossbar_advance_avx2(
    const CrossbarLanes *table, const int32_t *config, const int16_t *sum, const CrossbarRow *reached, int32_t *v,
    uint16_t *under, CrossbarOutcome *outcome) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i moved = zero;
    int block, half;
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint32_t fired = 0, fallen = 0, idle = 0;
        for (half = 0; half < 2; half++) {
            const int at = 8 * half;
            int32_t *own = v + CROSSBAR_LANES * block + at;
            const __m256i before = _mm256_loadu_si256((const __m256i *)own);
            const __m256i leak = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(c->leak + at)));
            const __m256i alpha = _mm256_loadu_si256((const __m256i *)(c->alpha + at));
            const __m256i low = _mm256_loadu_si256((const __m256i *)(c->low + at));
            __m256i after = before;
            if (sum != NULL) {
                const int16_t *own_sum = sum + CROSSBAR_LANES * block + at;
                after = _mm256_add_epi32(
                    after, _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)own_sum)));
            }
            if (c->reversal)
                after = crossbar_leak_avx2(after, leak, c->reversal >> at & 0xff);
            else
                after = _mm256_add_epi32(after, leak);
            fired |= (~crossbar_flags(_mm256_cmpgt_epi32(alpha, after)) & 0xff) << at;
            fallen |= crossbar_flags(_mm256_cmpgt_epi32(low, after)) << at;
            idle |= crossbar_flags(_mm256_cmpeq_epi32(before, zero)) << at;
            moved = _mm256_or_si256(moved, _mm256_xor_si256(after, before));
            _mm256_storeu_si256((__m256i *)own, after);
        }
        crossbar_set_bits(outcome->fired, block, (uint16_t)fired);
        crossbar_set_bits(outcome->active, block, (uint16_t)(~idle | c->leaks | crossbar_bits(reached, block)));
        under[block] = (uint16_t)(fallen & ~fired);
    }
    outcome->moved = !_mm256_testz_si256(moved, moved);
}

static CROSSBAR_AVX2 void crossbar_update_avx2(
    const CrossbarLanes *table, const int32_t *config, const uint8_t *rows, const uint16_t *axons,
    const uint64_t *due, int32_t *v, CrossbarOutcome *outcome) {
    crossbar_tick(crossbar_expand_avx2, crossbar_advance_avx2, table, config, rows, axons, due, v, outcome);
}

/* Two blocks at a time, and all of them in registers. */
CROSSBAR_INLINE CROSSBAR_AVX512 void crossbar_expand_avx512(
    const CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, int16_t *sum) {
    enum { PAIRS = CROSSBAR_BLOCKS / 2 };
    const __m512i one = _mm512_set1_epi16(1);
    __m512i total[PAIRS], n[PAIRS];
    __mmask32 bits[PAIRS];
    int pair, type, k;
#pragma GCC unroll 8
    for (pair = 0; pair < PAIRS; pair++)
        total[pair] = _mm512_setzero_si512();
    for (type = 0; type < CROSSBAR_TYPES; type++) {
        k = input->n_planes[type] - 1;
        if (k < 0)
            continue;
        memcpy(bits, &input->plane[type][k], sizeof(bits));
#pragma GCC unroll 8
        for (pair = 0; pair < PAIRS; pair++)
            n[pair] = _mm512_maskz_mov_epi16(bits[pair], one);
        while (--k >= 0) {
            memcpy(bits, &input->plane[type][k], sizeof(bits));
#pragma GCC unroll 8
            for (pair = 0; pair < PAIRS; pair++) {
                n[pair] = _mm512_add_epi16(n[pair], n[pair]);
                n[pair] = _mm512_mask_add_epi16(n[pair], bits[pair], n[pair], one);
            }
        }
#pragma GCC unroll 8
        for (pair = 0; pair < PAIRS; pair++) {
            const int16_t *first = table[config[2 * pair]].weight[type];
            const int16_t *second = table[config[2 * pair + 1]].weight[type];
            const __m512i weight = _mm512_inserti64x4(
                _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)first)),
                _mm256_loadu_si256((const __m256i *)second), 1);
            total[pair] = _mm512_add_epi16(total[pair], _mm512_mullo_epi16(n[pair], weight));
        }
    }
#pragma GCC unroll 8
    for (pair = 0; pair < PAIRS; pair++)
        _mm512_storeu_si512(sum + 2 * CROSSBAR_LANES * pair, total[pair]);
}

CROSSBAR_INLINE CROSSBAR_AVX512 __m512i crossbar_leak_avx512(__m512i v, __m512i leak, __mmask16 reversal) {
    const __m512i zero = _mm512_setzero_si512();
    const __mmask16 above = _mm512_cmpgt_epi32_mask(v, zero), below = _mm512_cmplt_epi32_mask(v, zero);
    __m512i along = _mm512_mask_add_epi32(v, above, v, leak);
    along = _mm512_mask_sub_epi32(along, below, v, leak);
    along = _mm512_maskz_mov_epi32(
        (above & _mm512_cmpgt_epi32_mask(along, zero)) | (below & _mm512_cmplt_epi32_mask(along, zero)), along);
    return _mm512_mask_mov_epi32(_mm512_add_epi32(v, leak), reversal, along);
}

CROSSBAR_INLINE CROSSBAR_AVX512 void crossbar_advance_avx512(
    const CrossbarLanes *table, const int32_t *config, const int16_t *sum, const CrossbarRow *reached, int32_t *v,
    uint16_t *under, CrossbarOutcome *outcome) {
    __m512i moved = _mm512_setzero_si512();
    int block;
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        int32_t *own = v + CROSSBAR_LANES * block;
        const __m512i before = _mm512_loadu_si512(own);
        const __m512i leak = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)c->leak));
        __m512i after = before;
        __mmask16 fired, fallen;
        if (sum != NULL)
            after = _mm512_add_epi32(
                after,
                _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(sum + CROSSBAR_LANES * block))));
        if (c->reversal)
            after = crossbar_leak_avx512(after, leak, c->reversal);
        else
            after = _mm512_add_epi32(after, leak);
        fired = _mm512_cmpge_epi32_mask(after, _mm512_loadu_si512(c->alpha));
        fallen = _mm512_cmplt_epi32_mask(after, _mm512_loadu_si512(c->low));
        crossbar_set_bits(outcome->fired, block, fired);
        crossbar_set_bits(
            outcome->active, block,
            (uint16_t)(_mm512_test_epi32_mask(before, before) | c->leaks | crossbar_bits(reached, block)));
        under[block] = (uint16_t)(fallen & ~fired);
        moved = _mm512_ternarylogic_epi32(moved, after, before, 0xf6); /* moved | (after ^ before) */
        _mm512_storeu_si512(own, after);
    }
    outcome->moved = _mm512_test_epi32_mask(moved, moved) != 0;
}

static CROSSBAR_AVX512 void crossbar_update_avx512(
    const CrossbarLanes *table, const int32_t *config, const uint8_t *rows, const uint16_t *axons,
    const uint64_t *due, int32_t *v, CrossbarOutcome *outcome) {
    crossbar_tick(crossbar_expand_avx512, crossbar_advance_avx512, table, config, rows, axons, due, v, outcome);
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
