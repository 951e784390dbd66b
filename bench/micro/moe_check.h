/* moe: its check against the reference. */
#ifndef SN_BENCH_MICRO_MOE_CHECK_H
#define SN_BENCH_MICRO_MOE_CHECK_H

#include "bench/micro/kernel.h"

/* Kernels with SN_KERNEL_SAME_BITS: every bit. Others: every element of token t within
 *     sum over the copies c of t of |weight[c]| s2[e][h] slack[c]  +  2^-7 |expected|
 * of the reference's; the last for two roundings to bf16. slack: kernels/moe/ref.c. */
void sn_moe_compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k);

#endif
