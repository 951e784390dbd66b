/* The tiles of kernels/gemm/avx2_6x16.c, group by group. */
#include "kernels/grouped_gemm/grouped.h"

SN_GROUPED_GEMM_KERNEL(sn_gemm_avx2, avx2_6x16,
                       "exact 16-bit products, the tiles of gemm avx2_6x16 group by group", "avx2",
                       0, 20);
