/* moe in one pass with the tiles of AVX-512 VNNI: fused.h. */
#include "kernels/moe/fused.h"

SN_MOE_FUSED_KERNEL(moe_avx512vnni_fused, sn_gemm_avx512vnni, sn_moe_steps_avx512,
                    "avx512vnni_fused",
                    "one pass: gather, SwiGLU, requantise, weighted sum around tiles of vpdpbusd",
                    "avx512vnni", SN_KERNEL_SAME_BITS, 30);
