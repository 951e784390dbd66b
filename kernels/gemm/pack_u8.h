/* Activations for tiles of u8. s8 are moved by 128; behind k there are zeros, of which the weights
 * are 0 too. */
#ifndef SN_KERNELS_GEMM_PACK_U8_H
#define SN_KERNELS_GEMM_PACK_U8_H

#include <string.h>

#include "harness/base/snbench.h"

/* struct sn_gemm_tiles, pack_tile, for group 4 and zero 128: groups of four k of each row in turn.
 */
static inline void sn_gemm_pack_u8(const void *const *r, unsigned rows, enum sn_type type, size_t k,
                                   size_t kp, void *dst)
{
    uint32_t flip = type == SN_S8 ? 0x80808080u : 0, *to = dst;
    for (size_t i = 0; i < kp; i += 4)
        for (unsigned row = 0; row < rows; row++) {
            const char *from = (const char *)r[row] + i;
            uint32_t x = 0;
            if (i + 4 <= k)
                memcpy(&x, from, 4);
            else if (i < k)
                memcpy(&x, from, k - i);
            *to++ = x ^ flip;
        }
}

/* The same row after row, for sets that are `rowwise`. */
static inline void sn_gemm_pack_u8_rows(const void *const *r, unsigned rows, enum sn_type type,
                                        size_t k, size_t kp, void *dst)
{
    for (unsigned row = 0; row < rows; row++) {
        uint8_t *restrict to = (uint8_t *)dst + row * kp, flip = type == SN_S8 ? 0x80 : 0;
        const uint8_t *restrict from = r[row];
        for (size_t i = 0; i < k; i++)
            to[i] = from[i] ^ flip;
        memset(to + k, 0, kp - k);
    }
}

#endif
