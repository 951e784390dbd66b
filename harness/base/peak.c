/* Inline assembly throughout: a compiler would fold multiplications of constants away. Twelve
 * accumulators hide latencies of up to 6 cycles at two a cycle. All factors are 1, so that the
 * accumulators count the multiply-adds. */
#include "harness/base/peak.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "harness/base/isa.h"

const char *const sn_peak_words[] = {"int8", "bf16", "f32", NULL};

enum { UNROLL = 20, CHAINS = 12 };

struct sequence {
    const char *name;
    enum sn_isa isa;
    double ops; /* of one instruction (sequence) */
    /* Puts the sum of the accumulators, a vector of 32-bit lanes, into lanes[16]. */
    void (*run)(uint64_t passes, void *lanes);
    bool is_float; /* the lanes */
};

#if defined(__x86_64__)
/* One pass: UNROLL times the sequence on each of 12 accumulators, registers 0 to 11; 12 and 13 are
 * what is multiplied, 14 is a temporary, 15 holds 16-bit ones. */
#define TWELVE(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11)
#define ELEVEN(x, r, op)                                                                           \
    x(1, r, op) x(2, r, op) x(3, r, op) x(4, r, op) x(5, r, op) x(6, r, op) x(7, r, op)            \
        x(8, r, op) x(9, r, op) x(10, r, op) x(11, r, op)
#define CLOBBERS                                                                                   \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"
#define ZERO(i)       "vxorps %%xmm" #i ", %%xmm" #i ", %%xmm" #i "\n\t"
#define SUM(i, r, op) op " %%" r #i ", %%" r "0, %%" r "0\n\t"
#define FILL(from, to, r)                                                                          \
    "vmovd %" #from ", %%xmm" #to "\n\tvpbroadcastd %%xmm" #to ", %%" r #to "\n\t"
#define LOOP(name, x, r, add, one)                                                                 \
    static void name(uint64_t passes, void *lanes)                                                 \
    {                                                                                              \
        __asm__ volatile(                                                                          \
            TWELVE(ZERO) FILL(1, 12, r) FILL(1, 13, r) FILL(2, 15, r) "1:\n\t.rept 20\n\t" TWELVE( \
                x) ".endr\n\tdec %0\n\tjnz 1b\n\t" ELEVEN(SUM, r, add) "vmovups %%" r              \
                                                                       "0, (%3)\n\tvzeroupper"     \
            : "+r"(passes)                                                                         \
            : "r"(one), "r"(0x00010001), "r"(lanes)                                                \
            : "cc", "memory", CLOBBERS);                                                           \
    }

#define DPBUSD(i) "vpdpbusd %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define MADDWD(i)                                                                                  \
    "vpmaddwd %%ymm12, %%ymm13, %%ymm14\n\tvpaddd %%ymm14, %%ymm" #i ", %%ymm" #i "\n\t"
#define MADDUBS(i)                                                                                 \
    "vpmaddubsw %%ymm12, %%ymm13, %%ymm14\n\tvpmaddwd %%ymm14, %%ymm15, %%ymm14\n\t"               \
    "vpaddd %%ymm14, %%ymm" #i ", %%ymm" #i "\n\t"
#define DPBF16(i) "vdpbf16ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define FMA512(i) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #i "\n\t"
#define FMA256(i) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #i "\n\t"
LOOP(dpbusd, DPBUSD, "zmm", "vpaddd", 0x01010101)
LOOP(maddwd, MADDWD, "ymm", "vpaddd", 0x00010001)
LOOP(maddubs, MADDUBS, "ymm", "vpaddd", 0x01010101)
LOOP(dpbf16, DPBF16, "zmm", "vaddps", 0x3f803f80)
LOOP(fma512, FMA512, "zmm", "vaddps", 0x3f800000)
LOOP(fma256, FMA256, "ymm", "vaddps", 0x3f800000)
#endif

static const struct sequence sequences[SN_PEAKS][SN_PEAK_SEQUENCES] = {
#if defined(__x86_64__)
    [SN_PEAK_INT8] = {{"vpdpbusd zmm", SN_ISA_AVX512VNNI, 128, dpbusd},
                      {"vpmaddwd, vpaddd ymm", SN_ISA_AVX2, 32, maddwd},
                      {"vpmaddubsw, vpmaddwd, vpaddd ymm", SN_ISA_AVX2, 64, maddubs}},
    [SN_PEAK_BF16] = {{"vdpbf16ps zmm", SN_ISA_AVX512BF16, 64, dpbf16, true}},
    [SN_PEAK_F32] = {{"vfmadd231ps zmm", SN_ISA_AVX512, 32, fma512, true},
                     {"vfmadd231ps ymm", SN_ISA_AVX2, 16, fma256, true}},
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

double sn_peak_run(enum sn_peak_kind kind, unsigned sequence, uint64_t passes)
{
    const struct sequence *s = &sequences[kind][sequence];
    uint32_t lanes[16] = {0}, counted = 0;
    float f[16], sum = 0;
    if (!passes)
        return 0;
    s->run(passes, lanes);
    memcpy(f, lanes, sizeof f);
    for (int i = 0; i < 16; i++) {
        counted += lanes[i];
        sum += f[i];
    }
    return s->is_float ? (double)sum : counted;
}
