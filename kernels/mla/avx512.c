/* mla by AVX-512: bf16 converted to f32 once for all heads, tiles of 12 x 32 with FMA; s8 in pairs
 * of 16 bits with VPMADDWD, twice as many products an instruction. */
#include "kernels/attention_avx512.h"

#include "kernels/attention_panel.h"

#define BF16_PER_WORD 1
#define BF16_PACK     pack_f32
#define BF16_BRING    bring_f32
#define BF16_ATTEND   attend_f32
#include "kernels/mla/decode.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 2;
}

const struct sn_kernel sn_mla_avx512 = {.abi = SN_ABI_VERSION,
                                        .size = sizeof(struct sn_kernel),
                                        .op = "mla",
                                        .name = "avx512",
                                        .brief =
                                            "online softmax on panels of 32 heads; f32 FMA, or "
                                            "16-bit integers for s8",
                                        .isa = "avx512",
                                        .rank = rank,
                                        .scratch_bytes = scratch_bytes,
                                        .run = run};
