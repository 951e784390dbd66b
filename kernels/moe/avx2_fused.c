/* moe in one pass with the tiles of AVX2: fused.h. */
#include "kernels/moe/fused.h"

SN_MOE_FUSED_KERNEL(moe_avx2_fused, sn_gemm_avx2, sn_moe_steps_avx2, "fused",
                    "one pass: gather, SwiGLU, requantise, weighted sum around exact tiles", "avx2",
                    SN_KERNEL_SAME_BITS, 20);
