/* Instruction sets as levels, for choosing variants at run time and for `--isa`. */
#ifndef SN_BASE_ISA_H
#define SN_BASE_ISA_H

#include <stdbool.h>

/* Each with what it contains of the ones before; an order, so that `--isa avx2` can say "no more
 * than that". */
enum sn_isa {
    SN_ISA_GENERIC,    /* what the compiler makes of plain C */
    SN_ISA_AVX2,       /* AVX2 and FMA */
    SN_ISA_AVX512,     /* AVX-512 F, BW, VL, DQ */
    SN_ISA_AVX512VNNI, /* and VNNI */
    SN_ISA_AVX512BF16, /* and BF16 */
    SN_ISAS
};
extern const char *const sn_isa_words[]; /* "generic", "avx2", ..., NULL */

/* Does this CPU (and its operating system) run it? */
bool sn_isa_here(enum sn_isa isa);

/* The highest level that this CPU runs. */
enum sn_isa sn_isa_best(void);

/* The most that kernels may choose for work of their own (a moe that calls the best gemm); set from
 * `--isa` before anything runs, by tests in turn. At first everything that this CPU has. */
void sn_isa_limit(enum sn_isa most);
enum sn_isa sn_isa_most(void);

#endif
