/* quantize: one row in plain C, and the two factors of a row. The reference is nothing else; the
 * vector variants use it for rows that hold NaN or infinities, which are rare. */
#ifndef SN_KERNELS_QUANTIZE_ROW_H
#define SN_KERNELS_QUANTIZE_ROW_H

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

/* Bit patterns of an infinity, without sign: what is below is finite. */
#define SN_QUANTIZE_INF_F32  0x7f800000u
#define SN_QUANTIZE_INF_BF16 0x7f80u

/* What x is multiplied by; 127 / 0 and what it overflows for count as FLT_MAX. */
static inline float sn_quantize_factor(float amax)
{
    float r = 127 / amax;
    return r < FLT_MAX ? r : FLT_MAX;
}

/* The value that x counts as; largest = the largest finite value of its type. */
static inline float sn_quantize_finite(float x, float largest)
{
    if (isnan(x))
        return 0;
    return x > largest ? largest : x < -largest ? -largest : x;
}

static inline float sn_quantize_value(const struct sn_quantize *g, size_t i)
{
    if (g->x_type == SN_F32)
        return sn_quantize_finite(((const float *)g->x)[i], FLT_MAX);
    return sn_quantize_finite(sn_bf16_to_f32(((const uint16_t *)g->x)[i]), 0x1.fep127f);
}

static inline void sn_quantize_row(const struct sn_quantize *g, size_t t)
{
    uint8_t *q = (uint8_t *)g->q + t * g->ldq, zero = g->q_type == SN_U8 ? 0x80 : 0;
    float amax = 0;
    for (size_t h = 0; h < g->h; h++)
        amax = fmaxf(amax, fabsf(sn_quantize_value(g, t * g->ldx + h)));
    float r = sn_quantize_factor(amax);
    for (size_t h = 0; h < g->h; h++)
        q[h] = (uint8_t)lrintf(sn_quantize_value(g, t * g->ldx + h) * r) ^ zero;
    g->scale[t] = amax / 127;
}

#endif
