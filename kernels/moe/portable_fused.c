/* moe in one pass in plain C: fused.h. */
#include "kernels/moe/fused.h"

SN_MOE_FUSED_KERNEL(moe_portable_fused, sn_gemm_generic, sn_moe_steps_generic, "portable_fused",
                    "one pass: gather, SwiGLU, requantise, weighted sum around tiles of plain C",
                    "generic", SN_KERNEL_SAME_BITS, 15);
