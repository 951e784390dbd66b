/* The small f32 steps of a native run that no kernel computes, each in one fixed order, so that a
 * token has the same bits wherever it is computed. No fused multiply-adds (-ffp-contract=off). */
#ifndef SN_BENCH_MACRO_NATIVE_MATH_H
#define SN_BENCH_MACRO_NATIVE_MATH_H

#include <stddef.h>
#include <stdint.h>

/* out[i] = (x[i] r) g[i], r = 1 / sqrt(mean + 1e-6), the mean of x^2 in f64, rounded to f32: the
 * rmsnorm of struct sn_mla_prolog. out may be x. */
void sn_native_norm(const float *x, const float *g, size_t n, float *out);
/* The same of a bf16 x. */
void sn_native_norm_bf16(const uint16_t *x, const float *g, size_t n, float *out);

/* The pairs of x (n, even) turned by the angles (n) of their position, cosine and sine of each: the
 * rope of struct sn_mla_prolog. */
void sn_native_angles(uint32_t position, size_t n, float *angle);
void sn_native_rope(const float *x, const float *angle, size_t n, uint16_t *out);

void sn_native_to_f32(const uint16_t *x, size_t n, float *out);
void sn_native_to_bf16(const float *x, size_t n, uint16_t *out);

/* score[e] = sum_h x[h] w[e][h] in f32: 16 sums of every 16th h, in rising h, then these as a
 * tree.
 * x (H) f32, w (E, H). */
void sn_native_scores(const float *x, const float *w, size_t e, size_t h, float *score);

/* x[i] = bf16(x[i] + y[i]), y f32; and y[i] = a[i] + b[i] of two bf16, b NULL: a alone. */
void sn_native_add(uint16_t *x, const float *y, size_t n);
void sn_native_add_bf16(uint16_t *x, const uint16_t *a, const uint16_t *b, size_t n);

/* The place of the largest, the first of equals; NaN is never it; n >= 1. */
uint32_t sn_native_largest(const float *x, size_t n);

#endif
