/* The tiles of kernels/gemm/avx2_maddubs.c, group by group. */
#include "kernels/grouped_gemm/grouped.h"

SN_GROUPED_GEMM_KERNEL(sn_gemm_maddubs, avx2_maddubs,
                       "INEXACT: the tiles of gemm avx2_maddubs group by group", "avx2",
                       SN_KERNEL_INEXACT, 0);
