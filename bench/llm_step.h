/* Which kernels run on one die in one step of a model, and how often.
 *
 * Attention is data parallel: a die computes it for its own requests. The experts are spread over
 * `dies`; tokens are routed evenly, so that a die's experts get dies * tokens * top_k / (dies that
 * hold routed experts) copies. Decode: T = requests * queries tokens, MLA absorbed. Prefill: T =
 * requests * ctx tokens, prompts side by side, heads not absorbed; a die that shares heads with
 * others computes as much of theirs as they of its own.
 *
 * Kernels of R1, n times per step: prolog, attention, value projection and output projection 61
 * times, dense feed-forward 3, gate and experts 58, head once. Not here, as no operation of
 * kernels/ computes them: norms between layers, rope of prefill, scores of the router, embedding,
 * sampling; communication is no kernel. */
#ifndef SN_BENCH_LLM_STEP_H
#define SN_BENCH_LLM_STEP_H

#include <stdbool.h>
#include <stdio.h>

#include "bench/llm.h"
#include "bench/macro/operation.h"
#include "harness/base/buf.h"
#include "kernels/kernel.h"

struct sn_llm_kernel {
    const char *what;            /* "attention output" */
    enum sn_operation operation; /* of the step that it is part of */
    enum sn_op op;
    union sn_problem p; /* sizes, and the index arrays that the cost depends on */
    uint32_t *index;    /* what p points to; NULL: nothing */
    unsigned count;     /* per step */
};

struct sn_llm_kernels {
    struct sn_llm_kernel *all;
    size_t n;
};

/* The kernels in the order in which they first run. SN_EINVAL: a step that is none (more dies than
 * slots, queries above ctx, ...). Release with sn_llm_kernels_free(). */
int sn_llm_step(const struct sn_llm *m, const struct sn_llm_step *s, struct sn_llm_kernels *out);
void sn_llm_kernels_free(struct sn_llm_kernels *k);

/* The share of tokens that come to a die which holds `here` of `slots` experts, each token going to
 * k different ones evenly: 1 - C(slots - here, k) / C(slots, k). A token comes once, however many
 * of its experts are there. */
double sn_llm_reach(uint64_t slots, uint64_t here, uint32_t k);

/* The kernel's problem as its benchmark's axes: "m=8 n=7168 k=16384". */
void sn_llm_axes(const struct sn_llm_kernel *k, struct sn_buf *out);

/* snbench step MODEL decode|prefill [requests=N ...] [--device NAME]: the kernels with their
 * counts, operations, bytes and, on a device, times; with --format yaml as the cases of a suite. */
struct sn_options;
int sn_llm_command(const struct sn_options *o, FILE *out);

#endif
