/* Inline assembly throughout: a compiler would fold multiplications of constants away. Twelve
 * accumulators hide latencies of up to 6 cycles at two a cycle. */
#include "harness/base/peak.h"

#include <stddef.h>

#include "harness/base/isa.h"

const char *const sn_peak_words[] = {"int8", "bf16", "f32", NULL};

enum { UNROLL = 20, CHAINS = 12 };

struct sequence {
    const char *name;
    enum sn_isa isa;
    double ops; /* of one instruction (sequence) */
    void (*run)(uint64_t passes);
};

#if defined(__x86_64__)
/* One pass: UNROLL times the sequence on each of 12 accumulators, registers 0 to 11; 12 and 13 are
 * what is multiplied (denormals and infinities cannot come of 0 and 0), 14 and 15 temporaries. */
#define TWELVE(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define CLOBBERS                                                                                   \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define ZERO(i) "vxorps %%xmm" #i ", %%xmm" #i ", %%xmm" #i "\n\t"
#define LOOP(name, x)                                                                              \
    static void name(uint64_t passes)                                                              \
    {                                                                                              \
        __asm__ volatile(TWELVE(ZERO) ZERO(12) ZERO(13) "1:\n\t.rept 20\n\t" TWELVE(               \
                             x) ".endr\n\tdec %0\n\tjnz 1b\n\tvzeroupper"                          \
                         : "+r"(passes)                                                            \
                         :                                                                         \
                         : "cc", CLOBBERS);                                                        \
    }

#define DPBUSD(i) "vpdpbusd %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define MADDWD(i)                                                                                  \
    "vpmaddwd %%ymm12, %%ymm13, %%ymm14\n\tvpaddd %%ymm14, %%ymm" #i ", %%ymm" #i "\n\t"
#define MADDUBS(i)                                                                                 \
    "vpmaddubsw %%ymm12, %%ymm13, %%ymm14\n\tvpmaddwd %%ymm14, %%ymm13, %%ymm15\n\t"               \
    "vpaddd %%ymm15, %%ymm" #i ", %%ymm" #i "\n\t"
#define DPBF16(i) "vdpbf16ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define FMA512(i) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define FMA256(i) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #i "\n\t"
LOOP(dpbusd, DPBUSD)
LOOP(maddwd, MADDWD)
LOOP(maddubs, MADDUBS)
LOOP(dpbf16, DPBF16)
LOOP(fma512, FMA512)
LOOP(fma256, FMA256)
#endif

static const struct sequence sequences[SN_PEAKS][SN_PEAK_SEQUENCES] = {
#if defined(__x86_64__)
    [SN_PEAK_INT8] = {{"vpdpbusd zmm", SN_ISA_AVX512VNNI, 128, dpbusd},
                      {"vpmaddwd, vpaddd ymm", SN_ISA_AVX2, 32, maddwd},
                      {"vpmaddubsw, vpmaddwd, vpaddd ymm", SN_ISA_AVX2, 64, maddubs}},
    [SN_PEAK_BF16] = {{"vdpbf16ps zmm", SN_ISA_AVX512BF16, 64, dpbf16}},
    [SN_PEAK_F32] = {{"vfmadd231ps zmm", SN_ISA_AVX512, 32, fma512},
                     {"vfmadd231ps ymm", SN_ISA_AVX2, 16, fma256}},
#endif
};

double sn_peak_ops(enum sn_peak_kind kind, unsigned sequence, const char **name)
{
    if (sequence >= SN_PEAK_SEQUENCES)
        return 0;
    const struct sequence *s = &sequences[kind][sequence];
    if (!s->run || !sn_isa_here(s->isa))
        return 0;
    if (name)
        *name = s->name;
    return s->ops * UNROLL * CHAINS;
}

void sn_peak_run(enum sn_peak_kind kind, unsigned sequence, uint64_t passes)
{
    if (passes)
        sequences[kind][sequence].run(passes);
}
