/* Kernels by name: what there is, what this CPU runs, which one is best for a problem.
 *
 * struct sn_kernel, the one type to know, and the operations are in harness/base/snbench.h, which a
 * plug-in sees as well. Kernels come from kernels/kernels.def, in its order, then from plug-ins, in
 * the order in which they were added. */
#ifndef SN_KERNELS_KERNEL_H
#define SN_KERNELS_KERNEL_H

#include <stdbool.h>

#include "harness/base/isa.h"
#include "harness/base/snbench.h"

/* Operations. The names are those of the benchmarks. */
enum sn_op {
    SN_OP_GEMM,
    SN_OP_GROUPED_GEMM,
    SN_OP_QUANTIZE,
    SN_OP_GATE,
    SN_OP_MOE,
    SN_OP_MLA,
    SN_OP_MLA_PROLOG,
    SN_OP_MLA_PREFILL,
    SN_OP_STREAM,
    SN_OPS
};
extern const char *const sn_op_names[]; /* "gemm", ..., NULL */

/* Most kernels of one operation, plug-ins included. */
enum { SN_KERNELS_MAX = 48 };

/* The variants of an operation by name, NULL-terminated, for the words of an axis; the array never
 * moves, a plug-in's are appended. Word i is the name of kernel i. */
extern const char *sn_kernel_words[SN_OPS][SN_KERNELS_MAX + 1];

/* Builds the table; called first by main(), since the words are read as they are. Again: nothing.
 */
void sn_kernels_open(void);

/* Kernel i of an operation, or NULL past the last. */
const struct sn_kernel *sn_kernel_at(enum sn_op op, size_t i);

/* NULL, or why the kernel cannot run here: this CPU, or `most`, lacks its instruction set. */
const char *sn_kernel_unavailable(const struct sn_kernel *k, enum sn_isa most);

/* The same, and then what the kernel itself says of the problem. */
const char *sn_kernel_unsupported(const struct sn_kernel *k, const union sn_problem *p,
                                  unsigned threads, enum sn_isa most);

/* The kernel of the highest rank, the first of equals, that runs the problem with no more than
 * `most`; baselines and inexact ones are left out. Never NULL: the reference runs everything. */
const struct sn_kernel *sn_kernel_best(enum sn_op op, const union sn_problem *p, unsigned threads,
                                       enum sn_isa most);

/* Adds a plug-in's kernel after checking it; it must stay loaded. SN_EINVAL says what is wrong with
 * it: version, a missing hook by name, unknown operation or instruction set, a name that is taken.
 */
int sn_kernel_add(const struct sn_kernel *k);

/* Hooks that may be NULL. */
size_t sn_kernel_packed_bytes(const struct sn_kernel *k, const union sn_problem *p,
                              unsigned threads);
size_t sn_kernel_scratch_bytes(const struct sn_kernel *k, const union sn_problem *p,
                               unsigned threads);

/* Runs the kernel with `threads` threads of an OpenMP team, this one among them. */
void sn_kernel_run(const struct sn_kernel *k, const union sn_problem *p, const void *packed,
                   void *scratch, unsigned threads);

/* For `snbench list kernels`: "gemm avx2_4x24", its brief, and why it is not available. */
void sn_kernel_list(void (*emit)(void *out, const char *name, const char *brief,
                                 const char *unavailable),
                    void *out);

/* The kernels that come with snbench. */
#define SN_KERNEL(symbol) extern const struct sn_kernel sn_##symbol;
#include "kernels/kernels.def"
#undef SN_KERNEL

#endif
