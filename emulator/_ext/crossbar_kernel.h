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
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__)
#define CROSSBAR_X86 1
#include <immintrin.h>
#endif

enum {
    CROSSBAR_TYPES = 4,
    CROSSBAR_LANES = 32,
    CROSSBAR_BLOCKS = 8,
    CROSSBAR_WORDS = 4,  /* of 64 bits, in 256 */
    CROSSBAR_ROWS = 128,  /* as many rows times weights are below 2**15 */
    CROSSBAR_PLANES = 8,  /* hold a sum of that */
    CROSSBAR_FEW = 48,    /* rows that are added one by one with AVX-512 */
    /* A tick adds at most 256 weights and a leak, each of at most 255: below this nothing can reach 2**19. */
    CROSSBAR_FAR = (1 << 19) - 1 - 257 * 255,
    /* With few rows nothing reaches 2**15 either, and potentials are kept in 16 bits: half the memory to move. */
    CROSSBAR_NARROW_ROWS = 63,
    CROSSBAR_NARROW_FAR = (1 << 15) - 1 - (CROSSBAR_NARROW_ROWS + 1) * 255
};

/* What 32 neurons are configured to; blocks of neurons that are alike share one. Masks: bit i is neuron i. */
typedef struct {
    int32_t alpha[CROSSBAR_LANES];
    int32_t low[CROSSBAR_LANES]; /* -beta */
    int32_t reset[CROSSBAR_LANES];
    int16_t narrow_alpha[CROSSBAR_LANES]; /* the same for cores that are narrow: 16 bits, or the nearest to them */
    int16_t narrow_low[CROSSBAR_LANES];
    int16_t narrow_reset[CROSSBAR_LANES];
    int16_t leak[CROSSBAR_LANES];
    int16_t weight[CROSSBAR_TYPES][CROSSBAR_LANES];
    uint32_t reversal;
    uint32_t to_reset; /* reset mode 0 */
    uint32_t subtract; /* reset mode 1 */
    uint32_t hold;     /* at -beta */
    uint32_t leaks;    /* neurons with a leak */
    uint32_t unused[11];
} CrossbarLanes;

typedef uint64_t CrossbarRow __attribute__((vector_size(32))); /* a bit for each neuron */

typedef struct {
    CrossbarRow plane[CROSSBAR_TYPES][CROSSBAR_PLANES];
    CrossbarRow reached; /* neurons that any row has a synapse onto */
    int32_t n_planes[CROSSBAR_TYPES];
} CrossbarInput;

/* Which of a core's 256 axons or neurons, ascending; what is behind them has no meaning. */
typedef struct {
    int32_t n;
    uint8_t which[256 + 8];
} CrossbarList;

typedef struct {
    CrossbarList fired;
    uint64_t active[CROSSBAR_WORDS];
    int32_t n_active;
    int32_t n_ops; /* synapses in the rows */
    int32_t moved; /* whether a potential is another than before */
    int32_t near;  /* whether one is above CROSSBAR_FAR or below its negative; narrow: CROSSBAR_NARROW_FAR */
} CrossbarOutcome;

/* Low and high bits of the types of a core's axons. */
typedef struct {
    uint64_t bit[2][CROSSBAR_WORDS];
} CrossbarTypes;

/* narrow: v is int16 instead of int32; steady: all of the core's 256 neurons have a leak, none with reversal;
   alike: all of its blocks have one configuration. */
typedef struct {
    int narrow, steady, alike;
} CrossbarForm;

/* rows, types: of the core's axons; due: its axons that spikes are due at; v: [256]. */
typedef void (*CrossbarUpdate)(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const uint8_t *rows,
    const CrossbarTypes *types, const CrossbarList *due, void *v, CrossbarOutcome *outcome);

typedef void (*CrossbarLister)(const uint64_t *words, CrossbarList *list);

/* The ways of a level. */
typedef struct {
    CrossbarUpdate update;
    CrossbarLister list;
} CrossbarWay;

#define CROSSBAR_INLINE static inline __attribute__((always_inline))

CROSSBAR_INLINE int32_t crossbar_count(const void *words) {
    uint64_t word[CROSSBAR_WORDS];
    memcpy(word, words, sizeof(word));
    return __builtin_popcountll(word[0]) + __builtin_popcountll(word[1]) + __builtin_popcountll(word[2])
           + __builtin_popcountll(word[3]);
}

CROSSBAR_INLINE int crossbar_type(const CrossbarTypes *types, int axon) {
    const uint64_t low = types->bit[0][axon >> 6] >> (axon & 63), high = types->bit[1][axon >> 6] >> (axon & 63);
    return (int)((low & 1) | (high & 1) << 1);
}

/* Lists the bits that are set. They are few in a word and their number cannot be foreseen: four are listed
   whether they are there or not, which is faster than to look. */
CROSSBAR_INLINE void crossbar_list(const uint64_t *words, CrossbarList *list) {
    int word, i, n = 0;
    for (word = 0; word < CROSSBAR_WORDS; word++) {
        const uint64_t top = UINT64_C(1) << 63;
        uint64_t bits = words[word];
        int left = __builtin_popcountll(bits), at = n;
        n += left;
        do {
            for (i = 0; i < 4; i++) {
                list->which[at + i] = (uint8_t)(64 * word + __builtin_ctzll(bits | top));
                bits &= bits - 1;
            }
            at += 4;
            left -= 4;
        } while (left > 0);
    }
    list->n = n;
}

/* Adds the rows of some axons to the sums of their types. Returns the synapses in them. */
CROSSBAR_INLINE int32_t crossbar_integrate(
    CrossbarInput *input, const uint8_t *rows, const CrossbarTypes *types, const uint8_t *due, int n_due) {
    int32_t n_ops = 0;
    int i, k, type, n_planes = 32 - __builtin_clz((unsigned)n_due);
    for (type = 0; type < CROSSBAR_TYPES; type++)
        input->n_planes[type] = 0;
    for (i = 0; i < n_due; i++) {
        CrossbarRow carry, *plane;
        type = crossbar_type(types, due[i]);
        plane = input->plane[type];
        memcpy(&carry, rows + 32 * due[i], sizeof(carry));
        n_ops += crossbar_count(&carry);
        input->reached |= carry;
        if (input->n_planes[type] == 0) {
            input->n_planes[type] = n_planes;
            memset(plane, 0, 3 * sizeof(*plane)); /* of a number that is known: the call would take longer */
            if (n_planes > 3)
                memset(plane + 3, 0, (n_planes - 3) * sizeof(*plane));
        }
        for (k = 0; k < n_planes; k++) {
            const CrossbarRow both = plane[k] & carry;
            plane[k] ^= carry;
            carry = both;
        }
    }
    return n_ops;
}

/* Bits of the neurons of a block. */
CROSSBAR_INLINE uint32_t crossbar_bits(const void *row, int block) {
    uint32_t bits;
    memcpy(&bits, (const char *)row + 4 * block, sizeof(bits));
    return bits;
}

CROSSBAR_INLINE void crossbar_set_bits(void *row, int block, uint32_t bits) {
    memcpy((char *)row + 4 * block, &bits, sizeof(bits));
}

CROSSBAR_INLINE int crossbar_sign(int32_t value) {
    return (value > 0) - (value < 0);
}

/* A tick of a core is the same in each way, but for these: the way is inlined into it. */
typedef int32_t (*CrossbarAdd)( /* adds up what some axons give; returns their synapses */
    CrossbarForm form, CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, const uint8_t *rows,
    const CrossbarTypes *types, const uint8_t *due, int n_due, int16_t *sum);
typedef int (*CrossbarAdvance)( /* those that fire are reset, too; returns whether a bit of `under` is set */
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const int16_t *sum,
    const CrossbarRow *reached, void *v, uint64_t *fired, uint32_t *under, CrossbarOutcome *outcome);

CROSSBAR_INLINE int32_t crossbar_get(int narrow, const void *v, int neuron) {
    return narrow ? ((const int16_t *)v)[neuron] : ((const int32_t *)v)[neuron];
}

CROSSBAR_INLINE void crossbar_put(int narrow, void *v, int neuron, int32_t value) {
    if (narrow)
        ((int16_t *)v)[neuron] = (int16_t)value;
    else
        ((int32_t *)v)[neuron] = value;
}

/* New potentials of the neurons of a block that fell below their negative threshold. Only these and those that
   fired can be far away: any other potential is between the thresholds, which are nearer. */
CROSSBAR_INLINE void crossbar_fall(
    int narrow, const CrossbarLanes *c, uint32_t under, void *v, int first, CrossbarOutcome *outcome) {
    for (; under; under &= under - 1) {
        const uint32_t lane = __builtin_ctz(under), bit = UINT32_C(1) << lane;
        const int32_t before = crossbar_get(narrow, v, first + (int)lane);
        const int32_t after = c->hold & bit       ? c->low[lane]
                              : c->to_reset & bit ? -c->reset[lane]
                              : c->subtract & bit ? before - c->low[lane]
                                                  : before;
        crossbar_put(narrow, v, first + (int)lane, after);
        outcome->moved = 1;
        outcome->near |= after < -(narrow ? CROSSBAR_NARROW_FAR : CROSSBAR_FAR);
    }
}

CROSSBAR_INLINE void crossbar_fire(
    int narrow, const CrossbarLanes *table, const int32_t *config, const uint64_t *fired, void *v,
    CrossbarOutcome *outcome) {
    int block;
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint32_t left;
        for (left = crossbar_bits(fired, block); left; left &= left - 1) {
            const int lane = __builtin_ctz(left), neuron = CROSSBAR_LANES * block + lane;
            const int32_t before = crossbar_get(narrow, v, neuron);
            const int32_t kept = c->subtract >> lane & 1 ? before - c->alpha[lane] : before;
            const int32_t after = c->to_reset >> lane & 1 ? c->reset[lane] : kept;
            crossbar_put(narrow, v, neuron, after);
            outcome->near |= after > (narrow ? CROSSBAR_NARROW_FAR : CROSSBAR_FAR);
        }
    }
}

/* What follows the additions, for a form that is known where it is inlined. */
CROSSBAR_INLINE void crossbar_settle(
    CrossbarAdvance advance, CrossbarLister list, CrossbarForm form, const CrossbarLanes *table,
    const int32_t *config, const int16_t *sum, const CrossbarRow *reached, void *v, CrossbarOutcome *outcome) {
    uint32_t under[CROSSBAR_BLOCKS];
    uint64_t fired[CROSSBAR_WORDS];
    int block;
    if (advance(form, table, config, sum, reached, v, fired, under, outcome))
        for (block = 0; block < CROSSBAR_BLOCKS; block++)
            crossbar_fall(
                form.narrow, &table[config[block]], under[block] & ~crossbar_bits(fired, block), v,
                CROSSBAR_LANES * block, outcome);
    list(fired, &outcome->fired);
    outcome->moved |= outcome->fired.n > 0;
    if (form.steady) { /* what is known was left out */
        memset(outcome->active, 0xff, sizeof(outcome->active));
        outcome->moved = 1;
    }
    outcome->n_active = crossbar_count(outcome->active);
}

CROSSBAR_INLINE void crossbar_tick(
    CrossbarAdd add, CrossbarAdvance advance, CrossbarLister list, CrossbarForm form, const CrossbarLanes *table,
    const int32_t *config, const uint8_t *rows, const CrossbarTypes *types, const CrossbarList *due, void *v,
    CrossbarOutcome *outcome) {
    CrossbarInput input;
    int16_t sums[CROSSBAR_LANES * CROSSBAR_BLOCKS] __attribute__((aligned(64)));
    const int16_t *sum = due->n ? sums : NULL;
    int first, i;
    memset(&input.reached, 0, sizeof(input.reached));
    outcome->n_ops = outcome->moved = outcome->near = 0;
    for (first = 0; first < due->n; first += CROSSBAR_ROWS) {
        const int n = due->n - first < CROSSBAR_ROWS ? due->n - first : CROSSBAR_ROWS;
        if (first) /* so many rows are never narrow */
            for (i = 0; i < CROSSBAR_LANES * CROSSBAR_BLOCKS; i++)
                ((int32_t *)v)[i] += sums[i];
        outcome->n_ops += add(form, &input, table, config, rows, types, due->which + first, n, sums);
    }
    crossbar_settle(advance, list, form, table, config, sum, &input.reached, v, outcome);
}

/* Each form on its own. */
CROSSBAR_INLINE void crossbar_form_tick(
    CrossbarAdd add, CrossbarAdvance advance, CrossbarLister list, CrossbarForm form, const CrossbarLanes *table,
    const int32_t *config, const uint8_t *rows, const CrossbarTypes *types, const CrossbarList *due, void *v,
    CrossbarOutcome *outcome) {
    const CrossbarForm wide = {0, 0, 0}, wide_steady = {0, 1, 0}, narrow = {1, 0, 0}, narrow_steady = {1, 1, 0},
                       alike = {1, 0, 1}, alike_steady = {1, 1, 1};
    if (form.narrow && form.alike && form.steady)
        crossbar_tick(add, advance, list, alike_steady, table, config, rows, types, due, v, outcome);
    else if (form.narrow && form.alike)
        crossbar_tick(add, advance, list, alike, table, config, rows, types, due, v, outcome);
    else if (form.narrow && form.steady)
        crossbar_tick(add, advance, list, narrow_steady, table, config, rows, types, due, v, outcome);
    else if (form.narrow)
        crossbar_tick(add, advance, list, narrow, table, config, rows, types, due, v, outcome);
    else if (form.steady)
        crossbar_tick(add, advance, list, wide_steady, table, config, rows, types, due, v, outcome);
    else
        crossbar_tick(add, advance, list, wide, table, config, rows, types, due, v, outcome);
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

CROSSBAR_INLINE int32_t crossbar_add_portable(
    CrossbarForm form, CrossbarInput *input, const CrossbarLanes *table, const int32_t *config,
    const uint8_t *rows, const CrossbarTypes *types, const uint8_t *due, int n_due, int16_t *sum) {
    const int32_t n_ops = crossbar_integrate(input, rows, types, due, n_due);
    (void)form;
    crossbar_expand_portable(input, table, config, sum);
    return n_ops;
}

CROSSBAR_INLINE int crossbar_advance_portable(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const int16_t *sum,
    const CrossbarRow *reached, void *v, uint64_t *fired_words, uint32_t *under, CrossbarOutcome *outcome) {
    int block, lane, any_under = 0;
    memset(fired_words, 0, CROSSBAR_WORDS * sizeof(*fired_words));
    if (!form.steady)
        memset(outcome->active, 0, sizeof(outcome->active));
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint32_t fire = 0, fall = 0, active = c->leaks | crossbar_bits(reached, block);
        for (lane = 0; lane < CROSSBAR_LANES; lane++) {
            const int at = CROSSBAR_LANES * block + lane, before = crossbar_get(form.narrow, v, at);
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
            crossbar_put(form.narrow, v, at, after);
        }
        crossbar_set_bits(fired_words, block, fire);
        if (!form.steady)
            crossbar_set_bits(outcome->active, block, active);
        any_under |= (under[block] = fall) != 0;
    }
    crossbar_fire(form.narrow, table, config, fired_words, v, outcome);
    return any_under;
}

static void crossbar_list_portable(const uint64_t *words, CrossbarList *list) {
    crossbar_list(words, list);
}

static void crossbar_update_portable(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const uint8_t *rows,
    const CrossbarTypes *types, const CrossbarList *due, void *v, CrossbarOutcome *outcome) {
    form.alike = 0; /* nothing is gained */
    crossbar_form_tick(
        crossbar_add_portable, crossbar_advance_portable, crossbar_list_portable, form, table, config, rows, types, due, v,
        outcome);
}

#ifdef CROSSBAR_X86
#define CROSSBAR_AVX2 __attribute__((target("avx2,bmi,popcnt")))
#define CROSSBAR_AVX512 __attribute__((target("avx512f,avx512bw,avx2,bmi,popcnt")))

CROSSBAR_INLINE CROSSBAR_AVX2 void crossbar_expand_avx2(
    const CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, int16_t *sum) {
    const __m256i lane = _mm256_setr_epi16(
        1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, (short)-32768);
    int half, type, k;
    for (half = 0; half < 2 * CROSSBAR_BLOCKS; half++) {
        const CrossbarLanes *c = &table[config[half / 2]];
        __m256i total = _mm256_setzero_si256();
        for (type = 0; type < CROSSBAR_TYPES; type++) {
            __m256i n = _mm256_setzero_si256();
            if (input->n_planes[type] == 0)
                continue;
            for (k = input->n_planes[type] - 1; k >= 0; k--) { /* n is doubled, and a flag that is set is -1 */
                uint16_t own;
                __m256i bits;
                memcpy(&own, (const char *)&input->plane[type][k] + 2 * half, sizeof(own));
                bits = _mm256_set1_epi16((short)own);
                n = _mm256_sub_epi16(
                    _mm256_add_epi16(n, n), _mm256_cmpeq_epi16(_mm256_and_si256(bits, lane), lane));
            }
            total = _mm256_add_epi16(
                total, _mm256_mullo_epi16(
                           n, _mm256_loadu_si256((const __m256i *)(c->weight[type] + 16 * (half & 1)))));
        }
        _mm256_storeu_si256((__m256i *)(sum + 16 * half), total);
    }
}

CROSSBAR_INLINE CROSSBAR_AVX2 int32_t crossbar_add_avx2(
    CrossbarForm form, CrossbarInput *input, const CrossbarLanes *table, const int32_t *config,
    const uint8_t *rows, const CrossbarTypes *types, const uint8_t *due, int n_due, int16_t *sum) {
    const int32_t n_ops = crossbar_integrate(input, rows, types, due, n_due);
    (void)form;
    crossbar_expand_avx2(input, table, config, sum);
    return n_ops;
}

CROSSBAR_INLINE CROSSBAR_AVX2 uint32_t crossbar_flags(__m256i flags) {
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(flags));
}

CROSSBAR_INLINE CROSSBAR_AVX2 __m256i crossbar_load_avx2(int narrow, const void *v, int place) {
    if (narrow)
        return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)((const int16_t *)v + place)));
    return _mm256_loadu_si256((const __m256i *)((const int32_t *)v + place));
}

CROSSBAR_INLINE CROSSBAR_AVX2 void crossbar_store_avx2(int narrow, void *v, int place, __m256i values) {
    if (narrow) {
        const __m256i halves = _mm256_permute4x64_epi64(_mm256_packs_epi32(values, values), 8);
        _mm_storeu_si128((__m128i *)((int16_t *)v + place), _mm256_castsi256_si128(halves));
    } else {
        _mm256_storeu_si256((__m256i *)((int32_t *)v + place), values);
    }
}

/* A part of a block: adds the leak, in the direction of v where `reversal` says so. */
CROSSBAR_INLINE CROSSBAR_AVX2 __m256i crossbar_leak_avx2(__m256i v, __m256i leak, uint32_t reversal) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), one = _mm256_set1_epi32(1);
    const __m256i turned = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)reversal), lane), lane);
    const __m256i along = _mm256_add_epi32(v, _mm256_sign_epi32(leak, v));
    const __m256i kept = _mm256_cmpeq_epi32(_mm256_sign_epi32(one, v), _mm256_sign_epi32(one, along));
    return _mm256_blendv_epi8(_mm256_add_epi32(v, leak), _mm256_and_si256(along, kept), turned);
}

CROSSBAR_INLINE CROSSBAR_AVX2 int crossbar_advance_avx2(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const int16_t *sum,
    const CrossbarRow *reached, void *v, uint64_t *fired_words, uint32_t *under, CrossbarOutcome *outcome) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i moved = zero;
    int block, part, any_under = 0;
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[block]];
        uint32_t fired = 0, fallen = 0, idle = 0;
        for (part = 0; part < CROSSBAR_LANES / 8; part++) {
            const int at = 8 * part;
            const int place = CROSSBAR_LANES * block + at;
            const __m256i before = crossbar_load_avx2(form.narrow, v, place);
            const __m256i leak = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(c->leak + at)));
            const __m256i alpha = _mm256_loadu_si256((const __m256i *)(c->alpha + at));
            const __m256i low = _mm256_loadu_si256((const __m256i *)(c->low + at));
            __m256i after = before;
            if (sum != NULL) {
                const __m128i own_sum = _mm_loadu_si128((const __m128i *)(sum + place));
                after = _mm256_add_epi32(after, _mm256_cvtepi16_epi32(own_sum));
            }
            if (!form.steady && c->reversal)
                after = crossbar_leak_avx2(after, leak, c->reversal >> at & 0xff);
            else
                after = _mm256_add_epi32(after, leak);
            fired |= (~crossbar_flags(_mm256_cmpgt_epi32(alpha, after)) & 0xff) << at;
            fallen |= crossbar_flags(_mm256_cmpgt_epi32(low, after)) << at;
            if (!form.steady) {
                idle |= crossbar_flags(_mm256_cmpeq_epi32(before, zero)) << at;
                moved = _mm256_or_si256(moved, _mm256_xor_si256(after, before));
            }
            crossbar_store_avx2(form.narrow, v, place, after);
        }
        crossbar_set_bits(fired_words, block, fired);
        if (!form.steady)
            crossbar_set_bits(outcome->active, block, ~idle | c->leaks | crossbar_bits(reached, block));
        any_under |= (under[block] = fallen) != 0;
    }
    outcome->moved = !_mm256_testz_si256(moved, moved);
    crossbar_fire(form.narrow, table, config, fired_words, v, outcome);
    return any_under;
}

static CROSSBAR_AVX2 void crossbar_list_avx2(const uint64_t *words, CrossbarList *list) {
    crossbar_list(words, list);
}

static CROSSBAR_AVX2 void crossbar_update_avx2(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const uint8_t *rows,
    const CrossbarTypes *types, const CrossbarList *due, void *v, CrossbarOutcome *outcome) {
    form.alike = 0; /* nothing is gained */
    crossbar_form_tick(
        crossbar_add_avx2, crossbar_advance_avx2, crossbar_list_avx2, form, table, config, rows, types, due, v,
        outcome);
}

/* All blocks are in registers. */
CROSSBAR_INLINE CROSSBAR_AVX512 void crossbar_expand_avx512(
    const CrossbarInput *input, const CrossbarLanes *table, const int32_t *config, int16_t *sum) {
    const __m512i one = _mm512_set1_epi16(1);
    __m512i total[CROSSBAR_BLOCKS], n[CROSSBAR_BLOCKS];
    int block, type, k;
#pragma GCC unroll 8
    for (block = 0; block < CROSSBAR_BLOCKS; block++)
        total[block] = _mm512_setzero_si512();
    for (type = 0; type < CROSSBAR_TYPES; type++) {
        if (input->n_planes[type] == 0)
            continue;
#pragma GCC unroll 8
        for (block = 0; block < CROSSBAR_BLOCKS; block++)
            n[block] = _mm512_setzero_si512();
        for (k = input->n_planes[type] - 1; k >= 0; k--) {
            const CrossbarRow *plane = &input->plane[type][k];
#pragma GCC unroll 8
            for (block = 0; block < CROSSBAR_BLOCKS; block++) {
                n[block] = _mm512_add_epi16(n[block], n[block]);
                n[block] = _mm512_mask_add_epi16(n[block], crossbar_bits(plane, block), n[block], one);
            }
        }
#pragma GCC unroll 8
        for (block = 0; block < CROSSBAR_BLOCKS; block++)
            total[block] = _mm512_add_epi16(
                total[block],
                _mm512_mullo_epi16(n[block], _mm512_loadu_si512(table[config[block]].weight[type])));
    }
#pragma GCC unroll 8
    for (block = 0; block < CROSSBAR_BLOCKS; block++)
        _mm512_storeu_si512(sum + CROSSBAR_LANES * block, total[block]);
}

/* To add the weights where a row has its bits takes as long as to add it to the planes, and they need not be
   read out again. */
CROSSBAR_INLINE CROSSBAR_AVX512 int32_t crossbar_add_avx512(
    CrossbarForm form, CrossbarInput *input, const CrossbarLanes *table, const int32_t *config,
    const uint8_t *rows, const CrossbarTypes *types, const uint8_t *due, int n_due, int16_t *sum) {
    __m512i total[CROSSBAR_BLOCKS];
    int32_t n_ops = 0;
    int block, i;
    if (n_due > CROSSBAR_FEW) {
        n_ops = crossbar_integrate(input, rows, types, due, n_due);
        crossbar_expand_avx512(input, table, config, sum);
        return n_ops;
    }
#pragma GCC unroll 8
    for (block = 0; block < CROSSBAR_BLOCKS; block++)
        total[block] = _mm512_setzero_si512();
    for (i = 0; i < n_due; i++) {
        const uint8_t *row = rows + 32 * due[i];
        const int type = crossbar_type(types, due[i]);
        CrossbarRow bits;
        memcpy(&bits, row, sizeof(bits));
        input->reached |= bits;
        n_ops += crossbar_count(row);
#pragma GCC unroll 8
        for (block = 0; block < CROSSBAR_BLOCKS; block++)
            total[block] = _mm512_mask_add_epi16(
                total[block], crossbar_bits(row, block), total[block],
                _mm512_loadu_si512(table[config[form.alike ? 0 : block]].weight[type]));
    }
#pragma GCC unroll 8
    for (block = 0; block < CROSSBAR_BLOCKS; block++)
        _mm512_storeu_si512(sum + CROSSBAR_LANES * block, total[block]);
    return n_ops;
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

CROSSBAR_INLINE CROSSBAR_AVX512 int crossbar_advance_wide_avx512(
    int steady, const CrossbarLanes *table, const int32_t *config, const int16_t *sum, const CrossbarRow *reached,
    int32_t *v, uint64_t *fired_words, uint32_t *under, CrossbarOutcome *outcome) {
    __m512i moved = _mm512_setzero_si512();
    __mmask16 any_under = 0;
    int part;
    for (part = 0; part < 2 * CROSSBAR_BLOCKS; part++) {
        const CrossbarLanes *c = &table[config[part / 2]];
        const int at = 16 * (part & 1);
        const __m512i before = _mm512_loadu_si512(v + 16 * part);
        const __m512i leak = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(c->leak + at)));
        __m512i after = before;
        __mmask16 fired, fallen;
        if (sum != NULL)
            after = _mm512_add_epi32(
                after, _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)(sum + 16 * part))));
        if (!steady && c->reversal)
            after = crossbar_leak_avx512(after, leak, (__mmask16)(c->reversal >> at));
        else
            after = _mm512_add_epi32(after, leak);
        fired = _mm512_cmpge_epi32_mask(after, _mm512_loadu_si512(c->alpha + at));
        fallen = _mm512_cmplt_epi32_mask(after, _mm512_loadu_si512(c->low + at));
        _store_mask16((__mmask16 *)fired_words + part, fired);
        _store_mask16((__mmask16 *)under + part, fallen);
        any_under = _kor_mask16(any_under, fallen);
        if (!steady) {
            const __mmask16 state = _mm512_test_epi32_mask(before, before);
            uint16_t active;
            memcpy(&active, (const char *)reached + 2 * part, sizeof(active));
            active |= state | c->leaks >> at;
            memcpy((char *)outcome->active + 2 * part, &active, sizeof(active));
            moved = _mm512_ternarylogic_epi32(moved, after, before, 0xf6); /* moved | (after ^ before) */
        }
        _mm512_storeu_si512(v + 16 * part, after);
    }
    outcome->moved = _mm512_test_epi32_mask(moved, moved) != 0;
    crossbar_fire(0, table, config, fired_words, v, outcome);
    return any_under != 0;
}

CROSSBAR_INLINE CROSSBAR_AVX512 __m512i crossbar_leak_narrow_avx512(__m512i v, __m512i leak, __mmask32 reversal) {
    const __m512i zero = _mm512_setzero_si512();
    const __mmask32 above = _mm512_cmpgt_epi16_mask(v, zero), below = _mm512_cmplt_epi16_mask(v, zero);
    __m512i along = _mm512_mask_add_epi16(v, above, v, leak);
    along = _mm512_mask_sub_epi16(along, below, v, leak);
    along = _mm512_maskz_mov_epi16(
        (above & _mm512_cmpgt_epi16_mask(along, zero)) | (below & _mm512_cmplt_epi16_mask(along, zero)), along);
    return _mm512_mask_mov_epi16(_mm512_add_epi16(v, leak), reversal, along);
}

/* A block at a time, in 16 bits throughout; those that fire are reset on the way. */
CROSSBAR_INLINE CROSSBAR_AVX512 int crossbar_advance_narrow_avx512(
    int steady, int alike, const CrossbarLanes *table, const int32_t *config, const int16_t *sum, const CrossbarRow *reached,
    int16_t *v, uint64_t *fired_words, uint32_t *under, CrossbarOutcome *outcome) {
    const __m512i far = _mm512_set1_epi16(CROSSBAR_NARROW_FAR);
    __m512i moved = _mm512_setzero_si512();
    __mmask32 any_under = 0, near = 0;
    int block;
#pragma GCC unroll 8
    for (block = 0; block < CROSSBAR_BLOCKS; block++) {
        const CrossbarLanes *c = &table[config[alike ? 0 : block]];
        const __m512i before = _mm512_loadu_si512(v + CROSSBAR_LANES * block);
        const __m512i leak = _mm512_loadu_si512(c->leak), alpha = _mm512_loadu_si512(c->narrow_alpha);
        __m512i after = before;
        __mmask32 fired, fallen;
        if (sum != NULL)
            after = _mm512_add_epi16(after, _mm512_loadu_si512(sum + CROSSBAR_LANES * block));
        if (!steady && c->reversal)
            after = crossbar_leak_narrow_avx512(after, leak, c->reversal);
        else
            after = _mm512_add_epi16(after, leak);
        fired = _mm512_cmpge_epi16_mask(after, alpha);
        fallen = _mm512_cmplt_epi16_mask(after, _mm512_loadu_si512(c->narrow_low));
        if (!steady) {
            crossbar_set_bits(
                outcome->active, block,
                _mm512_test_epi16_mask(before, before) | c->leaks | crossbar_bits(reached, block));
            moved = _mm512_ternarylogic_epi32(moved, after, before, 0xf6); /* moved | (after ^ before) */
        }
        after = _mm512_mask_sub_epi16(after, fired & c->subtract, after, alpha);
        after = _mm512_mask_mov_epi16(after, fired & c->to_reset, _mm512_loadu_si512(c->narrow_reset));
        near |= _mm512_mask_cmpgt_epi16_mask(fired, after, far);
        _mm512_storeu_si512(v + CROSSBAR_LANES * block, after);
        crossbar_set_bits(fired_words, block, fired);
        any_under |= under[block] = fallen;
    }
    outcome->moved = _mm512_test_epi32_mask(moved, moved) != 0;
    outcome->near |= near != 0;
    return any_under != 0;
}

CROSSBAR_INLINE CROSSBAR_AVX512 int crossbar_advance_avx512(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const int16_t *sum,
    const CrossbarRow *reached, void *v, uint64_t *fired, uint32_t *under, CrossbarOutcome *outcome) {
    if (form.narrow)
        return crossbar_advance_narrow_avx512(
            form.steady, form.alike, table, config, sum, reached, v, fired, under, outcome);
    return crossbar_advance_wide_avx512(form.steady, table, config, sum, reached, v, fired, under, outcome);
}

static CROSSBAR_AVX512 void crossbar_list_avx512(const uint64_t *words, CrossbarList *list) {
    crossbar_list(words, list);
}

static CROSSBAR_AVX512 void crossbar_update_avx512(
    CrossbarForm form, const CrossbarLanes *table, const int32_t *config, const uint8_t *rows,
    const CrossbarTypes *types, const CrossbarList *due, void *v, CrossbarOutcome *outcome) {
    crossbar_form_tick(
        crossbar_add_avx512, crossbar_advance_avx512, crossbar_list_avx512, form, table, config, rows, types, due, v,
        outcome);
}
#endif

/* Zeros for what is written to from all over it: in huge pages where it is large. Freed with `free`. */
static void *crossbar_room(size_t n_bytes) {
    const size_t page = (size_t)1 << 21;
    const size_t n = n_bytes < page ? n_bytes + 1 : (n_bytes + page - 1) / page * page;
    void *room = NULL;
    if (posix_memalign(&room, n_bytes < page ? 64 : page, n))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (n_bytes >= page)
        madvise(room, n, MADV_HUGEPAGE);
#endif
    return memset(room, 0, n);
}

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

static CrossbarWay crossbar_way_of(int level) {
    CrossbarWay way = {crossbar_update_portable, crossbar_list_portable};
#ifdef CROSSBAR_X86
    if (level == 2)
        way.update = crossbar_update_avx512, way.list = crossbar_list_avx512;
    if (level == 1)
        way.update = crossbar_update_avx2, way.list = crossbar_list_avx2;
#endif
    (void)level;
    return way;
}
#endif
