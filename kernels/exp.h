/* exp of one float: the arithmetic of exp_avx2.h and exp_avx512.h in their order, so the same bits.
 * Slow where the CPU has no fused multiply-add. */
#ifndef SN_KERNELS_EXP_H
#define SN_KERNELS_EXP_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/exp_constants.h"

/* exp(x) within 1 unit in the last place; what else holds is in exp_avx2.h. */
static inline float sn_exp1(float x)
{
    x = SN_EXP_LOWEST > x ? SN_EXP_LOWEST : x;
    x = SN_EXP_HIGHEST < x ? SN_EXP_HIGHEST : x;
    float biased = fmaf(x, SN_EXP_LOG2E, SN_EXP_ROUND), n = biased - SN_EXP_ROUND;
    float r = fmaf(-n, SN_EXP_LN2_HIGH, x);
    r = fmaf(-n, SN_EXP_LN2_LOW, r);
    float p = fmaf(SN_EXP_C6, r, SN_EXP_C5);
    p = fmaf(p, r, SN_EXP_C4);
    p = fmaf(p, r, SN_EXP_C3);
    p = fmaf(p, r, SN_EXP_C2);
    p = fmaf(p, r, 1);
    p = fmaf(p, r, 1);
    uint32_t bits, halves[2];
    float power[2];
    memcpy(&bits, &biased, sizeof bits);
    halves[0] = bits >> 1 << 23;
    halves[1] = (bits - (bits >> 1)) << 23;
    memcpy(power, halves, sizeof power);
    return p * power[0] * power[1];
}

#endif
