/* INEXACT: moe in one pass with tiles that saturate, as oneDNN's do without VNNI: fused.h. What
 * exactness costs, and like to compare with like. */
#include "kernels/moe/fused.h"

SN_MOE_FUSED_KERNEL(moe_avx2_fused_maddubs, sn_gemm_maddubs, sn_moe_steps_avx2, "fused_maddubs",
                    "INEXACT: fused around tiles of vpmaddubsw, which saturates", "avx2",
                    SN_KERNEL_INEXACT, 0);
