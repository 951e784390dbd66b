/* gate: from b to the K experts by AVX2, for the vector variants. No search for one maximum after
 * the other, which is a chain of K reductions with a mispredicted branch each:
 *
 *   1. the two largest b of each group: 8 pairs side by side, then 3 merges;
 *   2. the groups whose rank, the number of those before them, is below `kept`;
 *   3. a floor that at least K experts reach: the smallest of the kept groups' second ones where
 *      2 kept >= K. It leaves some 12 of 128 candidates with R1's figures;
 *   4. each candidate's place is the number of candidates before it. Comparing all with all has no
 *      branch; where many remain (ties, large K) they are inserted into a sorted list.
 *
 * A candidate is one integer that falls in the order of choice: b above, the expert's complement
 * below. b is never -0, since s + bias with s >= 0 is not. */
#ifndef SN_KERNELS_GATE_CHOOSE_H
#define SN_KERNELS_GATE_CHOOSE_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/kernel.h"

enum { SN_GATE_K_MAX = 64, SN_GATE_ALL_WITH_ALL = 48, SN_GATE_LANES_MAX = 16 };

/* Of a thread; s and b have room for whole vectors. */
struct sn_gate_work {
    float *s, *b, *sum, *second;
    int64_t *candidate;
    bool *kept;
};

static inline size_t sn_gate_floats(const struct sn_gate *g)
{
    return (g->e + SN_GATE_LANES_MAX - 1) / SN_GATE_LANES_MAX * SN_GATE_LANES_MAX;
}

static inline size_t sn_gate_bytes_each(const struct sn_gate *g)
{
    size_t n = sn_gate_floats(g);
    return (n * (sizeof(int64_t) + 2 * sizeof(float)) + g->groups * (2 * sizeof(float) + 1) + 63) /
           64 * 64;
}

static inline struct sn_gate_work sn_gate_work_of(const struct sn_gate *g, void *scratch,
                                                  unsigned id)
{
    size_t n = sn_gate_floats(g);
    struct sn_gate_work w;
    w.candidate = (int64_t *)((char *)scratch + id * sn_gate_bytes_each(g));
    w.s = (float *)(w.candidate + n);
    w.b = w.s + n;
    w.sum = w.b + n;
    w.second = w.sum + g->groups;
    w.kept = (bool *)(w.second + g->groups);
    return w;
}

/* --- groups ---------------------------------------------------------------------------------- */

struct sn_gate_two {
    __m256 first, second;
};

static inline struct sn_gate_two sn_gate_merge(struct sn_gate_two a, __m256 first, __m256 second)
{
    return (struct sn_gate_two){
        _mm256_max_ps(a.first, first),
        _mm256_max_ps(_mm256_min_ps(a.first, first), _mm256_max_ps(a.second, second))};
}

/* n a multiple of 8. */
static inline void sn_gate_two_of_vectors(const float *b, size_t n, float *first, float *second)
{
    struct sn_gate_two m = {_mm256_loadu_ps(b), _mm256_set1_ps(-INFINITY)};
    for (size_t i = 8; i < n; i += 8) {
        __m256 x = _mm256_loadu_ps(b + i);
        m.second = _mm256_max_ps(m.second, _mm256_min_ps(m.first, x));
        m.first = _mm256_max_ps(m.first, x);
    }
    m = sn_gate_merge(m, _mm256_permute2f128_ps(m.first, m.first, 1),
                      _mm256_permute2f128_ps(m.second, m.second, 1));
    m = sn_gate_merge(m, _mm256_permute_ps(m.first, 0x4e), _mm256_permute_ps(m.second, 0x4e));
    m = sn_gate_merge(m, _mm256_permute_ps(m.first, 0xb1), _mm256_permute_ps(m.second, 0xb1));
    *first = _mm256_cvtss_f32(m.first);
    *second = _mm256_cvtss_f32(m.second);
}

static inline void sn_gate_two_of(const float *b, size_t n, float *first, float *second)
{
    *first = *second = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        *second = fmaxf(*second, fminf(*first, b[i]));
        *first = fmaxf(*first, b[i]);
    }
}

/* Marks the groups that remain; returns a b that at least K of their experts reach. */
static inline float sn_gate_keep(const struct sn_gate *g, struct sn_gate_work *w)
{
    size_t each = g->e / g->groups;
    float least = INFINITY;
    if (g->groups == 1 && g->k > 2) {
        w->kept[0] = true;
        return -INFINITY;
    }
    for (size_t i = 0; i < g->groups; i++) {
        float first;
        if (each % 8)
            sn_gate_two_of(w->b + i * each, each, &first, &w->second[i]);
        else
            sn_gate_two_of_vectors(w->b + i * each, each, &first, &w->second[i]);
        w->sum[i] = each > 1 ? first + w->second[i] : first;
    }
    for (size_t i = 0; i < g->groups; i++) {
        size_t before = 0;
        for (size_t j = 0; j < g->groups; j++)
            before += (w->sum[j] > w->sum[i]) | ((w->sum[j] == w->sum[i]) & (j < i));
        w->kept[i] = before < g->kept;
        least = w->kept[i] ? fminf(least, w->second[i]) : least;
    }
    return each > 1 && 2 * g->kept >= g->k ? least : -INFINITY;
}

/* --- experts --------------------------------------------------------------------------------- */

static inline int64_t sn_gate_candidate(float b, size_t e)
{
    int32_t bits;
    memcpy(&bits, &b, sizeof bits);
    bits ^= bits >> 31 & 0x7fffffff; /* integers in the order of the floats */
    return (int64_t)((uint64_t)(uint32_t)bits << 32 | (uint32_t)~e);
}

/* The kept groups' experts whose b is at least `least`. */
static inline size_t sn_gate_candidates(const struct sn_gate *g, struct sn_gate_work *w,
                                        float least)
{
    size_t each = g->e / g->groups, n = 0;
    for (size_t i = 0; i < g->groups; i++) {
        if (!w->kept[i])
            continue;
        size_t e = i * each, end = e + each;
        for (; e + 8 <= end; e += 8) {
            __m256 at_least =
                _mm256_cmp_ps(_mm256_loadu_ps(w->b + e), _mm256_set1_ps(least), _CMP_GE_OQ);
            for (unsigned m = (unsigned)_mm256_movemask_ps(at_least); m; m &= m - 1) {
                size_t lane = (size_t)__builtin_ctz(m);
                w->candidate[n++] = sn_gate_candidate(w->b[e + lane], e + lane);
            }
        }
        for (; e < end; e++)
            if (w->b[e] >= least)
                w->candidate[n++] = sn_gate_candidate(w->b[e], e);
    }
    return n;
}

static inline void sn_gate_insert(const int64_t *candidate, size_t n, size_t k, uint32_t *expert)
{
    int64_t best[SN_GATE_K_MAX];
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        if (have == k && candidate[i] < best[k - 1])
            continue;
        size_t at = have < k ? have++ : k - 1;
        for (; at > 0 && best[at - 1] < candidate[i]; at--)
            best[at] = best[at - 1];
        best[at] = candidate[i];
    }
    for (size_t i = 0; i < k; i++)
        expert[i] = ~(uint32_t)best[i];
}

/* The K largest of n candidates (n >= K), which all differ, in falling order. */
static inline void sn_gate_largest(const int64_t *candidate, size_t n, size_t k, uint32_t *expert)
{
    if (n > SN_GATE_ALL_WITH_ALL) {
        sn_gate_insert(candidate, n, k, expert);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t before = 0;
        for (size_t j = 0; j < n; j++)
            before += candidate[j] > candidate[i];
        if (before < (int64_t)k)
            expert[before] = ~(uint32_t)candidate[i];
    }
}

/* A token whose s and b are in w. */
static inline void sn_gate_choose(const struct sn_gate *g, struct sn_gate_work *w, size_t t)
{
    uint32_t *expert = g->expert + t * g->k;
    float *weight = g->weight + t * g->k, sum = 0;
    float least = sn_gate_keep(g, w);
    sn_gate_largest(w->candidate, sn_gate_candidates(g, w, least), g->k, expert);
    for (size_t k = 0; k < g->k; k++)
        sum += w->s[expert[k]];
    for (size_t k = 0; k < g->k; k++)
        weight[k] = sum > 0 ? g->scale * w->s[expert[k]] / sum : g->scale / (float)g->k;
}

#endif
