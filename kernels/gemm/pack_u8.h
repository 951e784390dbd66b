/* Activations for tiles of u8: groups of four k of each row in turn. */
#ifndef SN_KERNELS_GEMM_PACK_U8_H
#define SN_KERNELS_GEMM_PACK_U8_H

#include <string.h>

#include "harness/base/snbench.h"

/* struct sn_gemm_tiles, pack_tile, for group 4 and zero 128: s8 are moved by 128. Behind k there
 * are zeros, of which the weights are 0 too. */
static void sn_gemm_pack_u8(const void *const *r, unsigned rows, enum sn_type type, size_t k,
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

#endif
