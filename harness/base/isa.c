#include "harness/base/isa.h"

#include <stddef.h>

#include "harness/base/cpu.h"

const char *const sn_isa_words[] = {
    [SN_ISA_GENERIC] = "generic",       [SN_ISA_AVX2] = "avx2",
    [SN_ISA_AVX512] = "avx512",         [SN_ISA_AVX512VNNI] = "avx512vnni",
    [SN_ISA_AVX512BF16] = "avx512bf16", [SN_ISAS] = NULL};

bool sn_isa_here(enum sn_isa isa)
{
#ifdef SN_EMULATE_AVX512 /* tests: kernels/simd512.h */
    if (isa >= SN_ISA_AVX512)
        return true;
#endif
    bool avx2 = sn_cpu_has(SN_CPU_AVX2) && sn_cpu_has(SN_CPU_FMA);
    bool avx512 = avx2 && sn_cpu_has(SN_CPU_AVX512F) && sn_cpu_has(SN_CPU_AVX512BW) &&
                  sn_cpu_has(SN_CPU_AVX512VL) && sn_cpu_has(SN_CPU_AVX512DQ);
    switch (isa) {
    case SN_ISA_AVX2:
        return avx2;
    case SN_ISA_AVX512:
        return avx512;
    case SN_ISA_AVX512VNNI:
        return avx512 && sn_cpu_has(SN_CPU_AVX512_VNNI);
    case SN_ISA_AVX512BF16:
        return avx512 && sn_cpu_has(SN_CPU_AVX512_BF16);
    default:
        return true;
    }
}

enum sn_isa sn_isa_best(void)
{
    enum sn_isa best = SN_ISA_GENERIC;
    for (int i = 0; i < SN_ISAS; i++)
        if (sn_isa_here((enum sn_isa)i))
            best = (enum sn_isa)i;
    return best;
}

static enum sn_isa limit = SN_ISAS - 1;

void sn_isa_limit(enum sn_isa most)
{
    limit = most;
}

enum sn_isa sn_isa_most(void)
{
    return limit;
}
