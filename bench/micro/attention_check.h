/* How far the output of attention may be from the reference's, which computes in f64.
 *
 * Rounding errors are taken as independent and uniform; a sum of n of them, each at most u, then
 * stays within 6 sqrt(n / 3) u, six standard deviations (Higham and Mary, SIAM J. Sci. Comput.
 * 41(5), 2019, prove as much for independent errors of mean 0, but for the 3). For one query, with
 * A = scale |q| max |k| (Euclidean norms), which no partial sum of a score exceeds, u = 2^-24,
 * D elements, n tokens, six = 6 / sqrt(3):
 *     a score      e = six sqrt(D + 8) u A
 *       q in 15 bits     + six scale h max |k|,  h = max |q| / (2 q_most) half a step
 *     a weight     e + 2^-21: exp, its argument, a scale
 *     the output   2 max |v| (e + 2^-21 + six sqrt(n + 16) u): numerator and denominator
 *       p in 15 bits     + six sqrt(96) / (2 * 32767) max |v|: steps of the largest of 96 tokens,
 *                        one such block with all the weight, the worst
 *     SN_KERNEL_SHORT_WEIGHTS, spread = sqrt(sum p^2):
 *       p in bf16        + min(1, 2 six spread) 2^-8 max |v|: weights and their sum alike, so that
 *                        the output moves by sum d_i p_i (v_i - out), |d_i| <= 2^-8; |v_i - out| is
 *                        at most 2 max |v|, and its mean at most max |v|
 *       p in 8 bits      + six sqrt(96) min(spread, sqrt(1 / 8)) / (2 * 255) max |v|: steps of the
 *                        largest m of each 96 tokens; sum m^2 <= sum p^2, and with all m <= 1 / 8
 *                        (others keep 15 bits) sum m^2 <= 1 / 8; + 2^-9 max |v|: by what
 *                        all may change the sum before a block keeps 15 bits
 *     as bf16      + 2^-7 |want|: half a unit in the last place each */
#ifndef SN_BENCH_MICRO_ATTENTION_CHECK_H
#define SN_BENCH_MICRO_ATTENTION_CHECK_H

#include "bench/micro/kernel_compare.h"

#define SN_ATTENTION_WHAT                                                                          \
    "every output with the f64 reference's: 2^-7 of it (bf16), and of the largest value 7 "        \
    "(sqrt(D) scale |q| |k| + sqrt(tokens)) 2^-24 and what q and p in 15 bits lose (s8); "         \
    "tolerance: the largest such bound"

#define SN_ATTENTION_WHAT_SHORT                                                                    \
    SN_ATTENTION_WHAT ", and what weights in bf16 lose, 7 sqrt(sum p^2) 2^-8, or in 8 bits (s8), " \
                      "34 sqrt(min(sum p^2, 1 / 8)) 2^-9 + 2^-9"

struct sn_attention_bound {
    size_t elements, tokens;
    double scale, key_norm, value; /* largest |k|, largest |v| element */
    bool integers;                 /* q and p may have 15 bits */
    double spread;                 /* sqrt(sum p^2) where p may be short, else 0 */
};

/* Euclidean norm of n elements (bf16 or s8); *largest, unless NULL, gets the largest |x|. */
double sn_attention_norm(const void *x, enum sn_type type, size_t n, double *largest);

/* What an output of the query q (elements) may be off by, bf16 apart. */
double sn_attention_allowed(const struct sn_attention_bound *b, const uint16_t *q);

/* Compares outputs (bf16) row by row; absolute bounds (rows). */
void sn_attention_compare(const struct sn_compared *m, const double *absolute, struct sn_check *k);

#endif
