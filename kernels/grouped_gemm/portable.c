/* The tiles of kernels/gemm/portable.c, group by group. */
#include "kernels/grouped_gemm/grouped.h"

SN_GROUPED_GEMM_KERNEL(sn_gemm_generic, portable,
                       "plain C, the tiles of gemm portable group by group", "generic", 0, 10);
