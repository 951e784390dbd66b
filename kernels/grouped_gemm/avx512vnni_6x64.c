/* The tiles of kernels/gemm/avx512vnni_6x64.c, group by group. */
#include "kernels/grouped_gemm/grouped.h"

SN_GROUPED_GEMM_KERNEL(sn_gemm_avx512vnni, avx512vnni_6x64,
                       "vpdpbusd, the tiles of gemm avx512vnni_6x64 group by group", "avx512vnni",
                       0, 30);
