/* decode and prefill on the wall clock: a whole model, run by R ranks of one die each.
 *
 * Attention, dense layers, shared experts and head are data parallel: a die has all their weights
 * and computes its own requests. Routed experts are spread over the dies; tokens go to them and
 * back by an algorithm of comm/moe.h, as int8 codes with a scale, answers as bf16. The operations
 * and their order are those of operations.def.
 *
 * Bits: a token's values depend on that token's data alone, in fixed orders. Products of int8 are
 * exact, their epilogues have one order in every kernel (harness/base/snbench.h), quantisation is
 * exact, and the feed-forwards go through kernels that say SN_KERNEL_SAME_BITS. Attention and gate,
 * whose variants differ in their last bits, go through one variant each, chosen for one request
 * (sn_native_kernel_of_one()); a row of theirs does not depend on the rows beside it. So tokens and
 * hidden states are the same for every number of ranks, algorithm, transport and microbatch, and
 * equal to those of the plain loop of native_reference.h, which is the check.
 *
 * Microbatches take turns layer by layer; a rank is one thread, so nothing overlaps here. */
#ifndef SN_BENCH_MACRO_NATIVE_H
#define SN_BENCH_MACRO_NATIVE_H

#include "bench/macro/native_weights.h"
#include "bench/macro/operation.h"
#include "comm/transport.h"
#include "kernels/kernel.h"

/* A kernel and what it made of its weights. */
struct sn_native_packed {
    enum sn_op op;
    const struct sn_kernel *kernel; /* NULL: none */
    union sn_problem p;             /* as it was prepared, without weights */
    void *packed;
    size_t packed_bytes;
    bool prepared;
};

struct sn_native_ffn {                /* experts of one size: struct sn_moe_ffn */
    struct sn_native_matrix up, down; /* their scales; weights are gone */
    struct sn_native_packed moe;
};

struct sn_native_layer {
    struct sn_native_attention attention;                   /* scales and gains */
    struct sn_native_packed prolog[SN_NATIVE_MICROBATCHES]; /* decode; for its number of tokens */
    struct sn_native_packed down_q, up_q, down_kv, keys;    /* prefill */
    struct sn_native_packed values, output;
    float *g_ffn, *router, *bias;
    struct sn_native_ffn routed, shared, dense;
    uint16_t *kv; /* (pages, SN_NATIVE_PAGE, latent + rope) bf16 */
};

/* A microbatch of this die: which requests, counted from the die's first. */
struct sn_native_batch {
    unsigned first, requests;
    size_t tokens;    /* requests * queries */
    uint16_t *x;      /* (tokens, hidden) bf16: the residual stream */
    uint16_t *shared; /* (tokens, hidden) bf16: of the shared experts */
};

/* What operations leave for each other; rows of a microbatch. */
struct sn_native_buffers {
    float *f, *g;         /* (tokens, widest) */
    uint8_t *u8;          /* (tokens, widest) */
    float *scale;         /* (tokens * heads) */
    uint16_t *q, *kv, *o; /* (tokens, heads, latent + rope), (tokens, latent + rope), results */
    uint16_t *k, *v, *t;  /* prefill: (tokens, heads, nope + rope), (tokens, heads, v) */
    uint32_t *position, *index;
    float *weight;     /* ones */
    float *score;      /* (tokens, routed) */
    uint32_t *expert;  /* (tokens, top_k) */
    float *logits;     /* (rows of the head, vocabulary) */
    uint8_t *copies;   /* (most copies, hidden) received codes, u8 */
    float *copy_scale; /* (most copies) */
    uint32_t *copy_token, *copy_expert;
    uint16_t *answers; /* (most copies, hidden) */
};

struct sn_native {
    struct sn_native_shape shape;
    const struct sn_env *env; /* borrowed */
    struct sn_endpoints endpoints;
    struct sn_moe moe;
    const struct sn_moe_algorithm *algorithm;
    struct sn_moe_exchange *exchange;
    bool endpoints_open, moe_open;
    unsigned die, first, requests; /* this die's */
    struct sn_native_batch batch[SN_NATIVE_MICROBATCHES];
    struct sn_native_layer *layers;
    struct sn_native_packed quantize, gate, mla, causal, head;
    struct sn_native_matrix head_scales;
    float *g_head;
    uint16_t *embedding; /* (vocabulary, hidden) */
    float *angle;        /* prefill: (prompt, rope), sn_native_angles() */
    struct sn_native_buffers b;
    void *scratch;
    size_t scratch_bytes;

    size_t pages_each, pages;
    uint32_t *table;  /* (requests, pages_each) */
    uint32_t *length; /* (requests) cached tokens, those of the step in hand included */
    uint32_t *cached; /* (requests) before the step */
    uint32_t *input;  /* (requests, queries) tokens of the step */
    size_t right_each;
    uint32_t *right; /* (all requests, right_each) the tokens that drafts are made of */

    /* What a repetition brings: up to new_max tokens of each own request, and the hidden states
     * that they came from, behind the last layer. */
    unsigned new_max;
    uint32_t *n_new;  /* (requests) */
    uint32_t *token;  /* (requests, new_max) */
    uint16_t *hidden; /* (requests, new_max, hidden) */

    /* Of the last repetition: seconds by operation; false: none, or one that is not timed. */
    double op_s[SN_OPERATIONS];
    bool timed;
    /* Of one repetition, while `account` is set: the least seconds by operation (native_bound.c),
     * and the copies that came. */
    bool account;
    double bound_s[SN_OPERATIONS], working_set;
    enum sn_operation now;
    uint64_t copies;
    enum sn_mutation mutate; /* of the first answers that come; then none */
};

/* --- native_open.c -----------------------------------------------------------------------------
 */

/* Opens all of it for the case on this rank: weights, cache, exchange. `right` (all requests,
 * right_each) is borrowed; only mtp looks at it. Collective. On failure, too, sn_native_close(). */
int sn_native_open(struct sn_native *n, const struct sn_case *c, bool prefill,
                   const uint32_t *right, size_t right_each);
void sn_native_close(struct sn_native *n);

/* --- native_layers.c: all statuses are those of allocations and prepare()
 * ------------------------- */

int sn_native_open_layer(struct sn_native *n, unsigned layer);
/* What has no layer: the kernels without weights, embedding and head. */
int sn_native_open_rest(struct sn_native *n);
void sn_native_close_layer(struct sn_native_layer *l);

/* --- native_kernel.c ---------------------------------------------------------------------------
 */

/* The best kernel for p, prepared from p's weights. Notes the scratch it needs. */
int sn_native_pack(struct sn_native *n, struct sn_native_packed *k, enum sn_op op,
                   const union sn_problem *p);
void sn_native_unpack(struct sn_native_packed *k);
/* Runs it on p, accounting for it where asked. */
void sn_native_call(struct sn_native *n, const struct sn_native_packed *k,
                    const union sn_problem *p);
/* The kernel of mla, mla-prefill or gate that every run of the shape takes. */
const struct sn_kernel *sn_native_kernel_of_one(const struct sn_native_shape *s, enum sn_op op);
/* x (t, h; ldx) to codes q (t, h; ldq) and scales. */
void sn_native_quantize(struct sn_native *n, struct sn_quantize q);
/* c (t, N) = a (t, K) u8 with scales b.scale by a prepared gemm. */
void sn_native_product(struct sn_native *n, const struct sn_native_packed *k, size_t t,
                       const uint8_t *a, const float *sa, const float *sb, void *c);
/* out (t, H) bf16 = expert 0 of f on t tokens. */
void sn_native_feed(struct sn_native *n, const struct sn_native_ffn *f, size_t t, uint16_t *out);

/* --- native_bound.c: least times, from the run's roofs ------------------------------------------
 */

void sn_native_account(struct sn_native *n, enum sn_op op, const union sn_problem *p);
/* Steps that are no kernel: f32 operations; bytes read; and of the exchange. */
void sn_native_account_plain(struct sn_native *n, double ops, double bytes);
void sn_native_account_dispatch(struct sn_native *n, double bytes);

/* --- the operations, each of microbatch mb; of a layer where there are layers --------------------
 */

typedef int sn_native_operation(struct sn_native *n, unsigned mb, unsigned layer);
sn_native_operation sn_native_prolog, sn_native_attend, sn_native_project; /* native_attention.c */
sn_native_operation sn_native_prompt_prolog, sn_native_prompt_attend;      /* native_prompt.c */
sn_native_operation sn_native_gate, sn_native_dispatch, sn_native_run_shared, /* native_experts.c */
    sn_native_run_experts, sn_native_combine, sn_native_run_dense;
sn_native_operation sn_native_embed, sn_native_head, sn_native_sample; /* native_step.c */

/* Where the cache entry of token `at` of own request r lies in a layer. */
static inline uint16_t *sn_native_slot(const struct sn_native *n, unsigned layer, unsigned r,
                                       size_t at)
{
    size_t page = n->table[r * n->pages_each + at / SN_NATIVE_PAGE];
    size_t d = n->shape.model.latent + n->shape.model.rope;
    return n->layers[layer].kv + (page * SN_NATIVE_PAGE + at % SN_NATIVE_PAGE) * d;
}
/* Copies the entries b.kv of a microbatch into their pages. */
void sn_native_append(struct sn_native *n, unsigned mb, unsigned layer);

/* --- native_step.c -----------------------------------------------------------------------------
 */

/* Everything as before the first step, without the tokens' cache entries: what comes is written
 * anew. */
void sn_native_reset(struct sn_native *n);
/* Is it an operation of the wall clock? */
bool sn_native_does(enum sn_operation op);

/* One repetition: all steps. Collective. */
int sn_native_repeat(struct sn_native *n);

#endif
