/* The table of kernels. It is the one thing here that changes while the program runs: a plug-in is
 * loaded before any benchmark is planned, and stays for the life of the process. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "kernels/kernel.h"

const char *const sn_op_names[] = {[SN_OP_GEMM] = "gemm",
                                   [SN_OP_GROUPED_GEMM] = "grouped-gemm",
                                   [SN_OP_QUANTIZE] = "quantize",
                                   [SN_OP_GATE] = "gate",
                                   [SN_OP_MOE] = "moe",
                                   [SN_OP_MLA] = "mla",
                                   [SN_OP_MLA_PROLOG] = "mla-prolog",
                                   [SN_OP_MLA_PREFILL] = "mla-prefill",
                                   [SN_OP_STREAM] = "stream",
                                   [SN_OPS] = NULL};

static const struct sn_kernel *const built_in[] = {
#define SN_KERNEL(symbol) &sn_##symbol,
#include "kernels/kernels.def"
#undef SN_KERNEL
};
enum { BUILT_IN = sizeof built_in / sizeof *built_in };

static const struct sn_kernel *kernels[SN_OPS][SN_KERNELS_MAX];
const char *sn_kernel_words[SN_OPS][SN_KERNELS_MAX + 1];

static int op_of(const char *name)
{
    for (int i = 0; i < SN_OPS; i++)
        if (!strcmp(sn_op_names[i], name))
            return i;
    return -1;
}

static int isa_of(const char *name)
{
    for (int i = 0; i < SN_ISAS; i++)
        if (!strcmp(sn_isa_words[i], name))
            return i;
    return -1;
}

static size_t count_of(enum sn_op op)
{
    size_t n = 0;
    while (n < SN_KERNELS_MAX && kernels[op][n])
        n++;
    return n;
}

static void append(enum sn_op op, const struct sn_kernel *k)
{
    size_t n = count_of(op);
    kernels[op][n] = k;
    sn_kernel_words[op][n] = k->name;
}

void sn_kernels_open(void)
{
    if (kernels[0][0])
        return;
    for (size_t i = 0; i < BUILT_IN; i++)
        append((enum sn_op)op_of(built_in[i]->op), built_in[i]);
}

const struct sn_kernel *sn_kernel_at(enum sn_op op, size_t i)
{
    sn_kernels_open();
    return i < SN_KERNELS_MAX ? kernels[op][i] : NULL;
}

/* --- which one ------------------------------------------------------------------------------- */

const char *sn_kernel_unavailable(const struct sn_kernel *k, enum sn_isa most)
{
    static const char *const lacks[] = {[SN_ISA_GENERIC] = NULL,
                                        [SN_ISA_AVX2] = "this CPU has no AVX2 with FMA",
                                        [SN_ISA_AVX512] = "this CPU has no AVX-512 (F, BW, VL, DQ)",
                                        [SN_ISA_AVX512VNNI] = "this CPU has no AVX-512 VNNI",
                                        [SN_ISA_AVX512BF16] = "this CPU has no AVX-512 BF16"};
    static const char *const beyond[] = {
        [SN_ISA_GENERIC] = NULL,
        [SN_ISA_AVX2] = "needs avx2, more than --isa allows",
        [SN_ISA_AVX512] = "needs avx512, more than --isa allows",
        [SN_ISA_AVX512VNNI] = "needs avx512vnni, more than --isa allows",
        [SN_ISA_AVX512BF16] = "needs avx512bf16, more than --isa allows"};
    int isa = isa_of(k->isa);
    if (!sn_isa_here((enum sn_isa)isa))
        return lacks[isa];
    return isa > (int)most ? beyond[isa] : NULL;
}

const char *sn_kernel_unsupported(const struct sn_kernel *k, const union sn_problem *p,
                                  unsigned threads, enum sn_isa most)
{
    const char *reason = sn_kernel_unavailable(k, most);
    return !reason && k->unsupported ? k->unsupported(p, threads) : reason;
}

const struct sn_kernel *sn_kernel_best(enum sn_op op, const union sn_problem *p, unsigned threads,
                                       enum sn_isa most)
{
    const struct sn_kernel *best = sn_kernel_at(op, 0), *k;
    for (size_t i = 1; (k = sn_kernel_at(op, i)); i++) {
        if (k->flags & (SN_KERNEL_BASELINE | SN_KERNEL_INEXACT) ||
            sn_kernel_unsupported(k, p, threads, most))
            continue;
        int rank = k->rank ? k->rank(p, threads) : 0;
        if (rank > (best->rank ? best->rank(p, threads) : 0))
            best = k;
    }
    return best;
}

/* --- plug-ins -------------------------------------------------------------------------------- */

int sn_kernel_add(const struct sn_kernel *k)
{
    sn_kernels_open();
    if (k->abi != SN_ABI_VERSION || k->size != sizeof *k)
        return SN_FAIL(SN_EINVAL,
                       "a kernel for version %u of snbench.h (descriptor of %u bytes); this is "
                       "version %u (%zu bytes): compile it with this snbench's header",
                       k->abi, k->size, SN_ABI_VERSION, sizeof *k);
    enum { HOOKS = 4 }; /* the first of them */
    const struct {
        const char *name;
        bool missing;
    } fields[] = {{"op", !k->op},       {"name", !k->name || !*k->name},
                  {"brief", !k->brief}, {"isa", !k->isa},
                  {"run", !k->run},     {"prepare", k->packed_bytes && !k->prepare}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].missing)
            return SN_FAIL(SN_EINVAL, "kernel %s: its %s '%s' is missing",
                           k->name && *k->name ? k->name : "(without a name)",
                           i < HOOKS ? "field" : "hook", fields[i].name);
    if (!sn_is_word(k->name))
        return SN_FAIL(SN_EINVAL, "kernel %.64s: a name is made of letters, digits, _ . -",
                       k->name);
    int op = op_of(k->op);
    if (op < 0) {
        const char *near = sn_nearest(k->op, sn_op_names, SN_OPS);
        return SN_FAIL(SN_EINVAL, "kernel %s: unknown operation '%s'%s%s%s", k->name, k->op,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (!sn_kernel_at((enum sn_op)op, 0))
        return SN_FAIL(SN_EINVAL, "kernel %s: this snbench has no reference of %s to check it",
                       k->name, k->op);
    if (isa_of(k->isa) < 0)
        return SN_FAIL(SN_EINVAL,
                       "kernel %s: unknown isa '%s'; one of generic, avx2, avx512, avx512vnni, "
                       "avx512bf16",
                       k->name, k->isa);
    const struct sn_kernel *other;
    for (size_t i = 0; (other = sn_kernel_at((enum sn_op)op, i)); i++)
        if (!strcmp(other->name, k->name))
            return SN_FAIL(SN_EINVAL, "kernel %s: there is a variant of %s of that name already",
                           k->name, k->op);
    if (!strcmp(k->name, "best") || !strcmp(k->name, "all"))
        return SN_FAIL(SN_EINVAL, "kernel %s: the name means something else already", k->name);
    if (count_of((enum sn_op)op) == SN_KERNELS_MAX)
        return SN_FAIL(SN_EINVAL, "kernel %s: more than %d variants of %s", k->name, SN_KERNELS_MAX,
                       k->op);
    append((enum sn_op)op, k);
    return SN_OK;
}

/* --- running --------------------------------------------------------------------------------- */

size_t sn_kernel_packed_bytes(const struct sn_kernel *k, const union sn_problem *p,
                              unsigned threads)
{
    return k->packed_bytes ? k->packed_bytes(p, threads) : 0;
}

size_t sn_kernel_scratch_bytes(const struct sn_kernel *k, const union sn_problem *p,
                               unsigned threads)
{
    return k->scratch_bytes ? k->scratch_bytes(p, threads) : 0;
}

static void alone(const struct sn_team *t)
{
}

static void together(const struct sn_team *t)
{
#pragma omp barrier
}

void sn_kernel_run(const struct sn_kernel *k, const union sn_problem *p, const void *packed,
                   void *scratch, unsigned threads)
{
    if (threads == 1 || k->flags & SN_KERNEL_OWN_THREADS) {
        struct sn_team team = {.id = 0, .count = threads, .barrier = alone};
        k->run(p, packed, scratch, &team);
        return;
    }
#pragma omp parallel num_threads((int)threads)
    {
        struct sn_team team = {
            .id = (unsigned)omp_get_thread_num(), .count = threads, .barrier = together};
        k->run(p, packed, scratch, &team);
    }
}

void sn_kernel_list(void (*emit)(void *out, const char *name, const char *brief,
                                 const char *unavailable),
                    void *out)
{
    const struct sn_kernel *k;
    char name[96];
    for (int op = 0; op < SN_OPS; op++)
        for (size_t i = 0; (k = sn_kernel_at((enum sn_op)op, i)); i++) {
            snprintf(name, sizeof name, "%s %s", k->op, k->name);
            emit(out, name, k->brief, sn_kernel_unavailable(k, SN_ISAS - 1));
        }
}
