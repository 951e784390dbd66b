/* bf16: the upper half of an f32. */
#ifndef SN_BASE_BF16_H
#define SN_BASE_BF16_H

#include <stdint.h>
#include <string.h>

static inline float sn_bf16_to_f32(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To nearest even; NaN stays NaN, quiet. */
static inline uint16_t sn_bf16_from_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
