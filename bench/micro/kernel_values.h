/* Values for the arrays of kernels, by distribution, as functions of a seed. */
#ifndef SN_BENCH_MICRO_KERNEL_VALUES_H
#define SN_BENCH_MICRO_KERNEL_VALUES_H

#include "bench/micro/kernel.h"
#include "harness/base/rng.h"

/* rows x cols elements of `type` (u8, s8, bf16, f32) at p with leading dimension ld, in elements.
 *
 * u8 (zero point 128) and s8: full: all 256 values, one in 16 the smallest or the largest;
 * gaussian: sigma 32; outliers: sigma 3, one in 256 the smallest or largest; zeros: all 0 (u8:
 * 128). bf16, f32, in units of `scale`: full: uniform in (-1, 1) times 1, one in 16 exactly +-1;
 * gaussian: sigma 1/4; outliers: the same, one in 256 times 50; zeros. */
void sn_values_fill(void *p, enum sn_type type, size_t rows, size_t cols, size_t ld, double scale,
                    enum sn_value_dist dist, struct sn_rng *rng);

/* n positive scales (f32), log-uniform in [low, high). */
void sn_values_scales(float *p, size_t n, double low, double high, struct sn_rng *rng);

/* Bytes of an element. */
size_t sn_type_bytes(enum sn_type t);

#endif
