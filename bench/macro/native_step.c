/* A repetition of a native run: the operations of operations.def in their order, each timed; and
 * those at the beginning and the end of a step. */
#include <string.h>

#include "bench/macro/native.h"
#include "bench/macro/native_math.h"
#include "harness/base/clock.h"

static uint32_t *input_of(const struct sn_native *n, unsigned r)
{
    return n->input + (size_t)r * n->shape.queries;
}

/* The draft behind `token`, the newest of own request r, of which `made` were generated. */
static uint32_t draft(const struct sn_native *n, unsigned r, uint32_t made)
{
    unsigned request = n->first + r;
    return sn_native_draft(&n->shape, request, n->shape.context + made,
                           n->right[request * n->right_each + made]);
}

void sn_native_reset(struct sn_native *n)
{
    const struct sn_native_shape *s = &n->shape;
    memset(n->op_s, 0, sizeof n->op_s);
    for (unsigned r = 0; r < n->requests; r++) {
        uint32_t *in = input_of(n, r);
        n->n_new[r] = 0;
        n->cached[r] = s->prefill ? 0 : s->context;
        for (unsigned i = 0; i < s->queries && s->prefill; i++)
            in[i] = sn_native_token(s, n->first + r, i);
        if (s->prefill)
            continue;
        in[0] = sn_native_token(s, n->first + r, s->context);
        if (s->queries > 1)
            in[1] = draft(n, r, 0);
    }
}

int sn_native_embed(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_batch *b = &n->batch[mb];
    size_t h = n->shape.model.hidden;
    const uint32_t *in = input_of(n, b->first);
    for (unsigned r = b->first; r < b->first + b->requests; r++)
        n->length[r] = n->cached[r] + n->shape.queries;
    for (size_t t = 0; t < b->tokens; t++)
        memcpy(b->x + t * h, n->embedding + in[t] * h, h * sizeof *b->x);
    if (n->account)
        sn_native_account_plain(n, 0, 2.0 * (double)(b->tokens * h));
    return 0;
}

/* Rows that the head sees: all tokens of a decode step, the last one of each prompt. */
static size_t rows_of(const struct sn_native *n, const struct sn_native_batch *b)
{
    return n->shape.prefill ? b->requests : b->tokens;
}

static const uint16_t *row_at(const struct sn_native *n, const struct sn_native_batch *b, size_t i)
{
    size_t token = n->shape.prefill ? (i + 1) * n->shape.queries - 1 : i;
    return b->x + token * n->shape.model.hidden;
}

int sn_native_head(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_batch *b = &n->batch[mb];
    size_t h = n->shape.model.hidden, rows = rows_of(n, b);
    for (size_t i = 0; i < rows; i++)
        sn_native_norm_bf16(row_at(n, b, i), n->g_head, h, n->b.f + i * h);
    sn_native_quantize(n, (struct sn_quantize){.t = rows,
                                               .h = h,
                                               .x_type = SN_F32,
                                               .q_type = SN_U8,
                                               .x = n->b.f,
                                               .q = n->b.u8,
                                               .scale = n->b.scale,
                                               .ldx = h,
                                               .ldq = h});
    sn_native_product(n, &n->head, rows, n->b.u8, n->b.scale, n->head_scales.s, n->b.logits);
    return 0;
}

static void keep(struct sn_native *n, unsigned r, uint32_t token, const uint16_t *hidden)
{
    size_t at = (size_t)r * n->new_max + n->n_new[r]++, h = n->shape.model.hidden;
    n->token[at] = token;
    memcpy(n->hidden + at * h, hidden, h * sizeof *hidden);
}

/* A decode step: the next token, and the one behind the draft where the draft was that one. */
int sn_native_sample(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_shape *s = &n->shape;
    const struct sn_native_batch *b = &n->batch[mb];
    size_t words = s->model.vocabulary, each = s->prefill ? 1 : s->queries;
    for (unsigned i = 0; i < b->requests; i++) {
        unsigned r = b->first + i;
        uint32_t *in = input_of(n, r), next = 0;
        for (size_t q = 0; q < each; q++) {
            size_t row = i * each + q;
            if (q && in[q] != next)
                break;
            next = sn_native_largest(n->b.logits + row * words, words);
            keep(n, r, next, row_at(n, b, row));
            n->cached[r]++;
        }
        if (s->prefill)
            continue;
        in[0] = next;
        if (s->queries > 1 && n->n_new[r] < n->right_each)
            in[1] = draft(n, r, n->n_new[r]);
    }
    if (n->account)
        sn_native_account_plain(n, 0, 4.0 * (double)(rows_of(n, b) * words));
    return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static sn_native_operation *const decode_operations[SN_OPERATIONS] = {
    [SN_OPERATION_EMBED] = sn_native_embed,       [SN_OPERATION_PROLOG] = sn_native_prolog,
    [SN_OPERATION_ATTENTION] = sn_native_attend,  [SN_OPERATION_PROJECTION] = sn_native_project,
    [SN_OPERATION_GATE] = sn_native_gate,         [SN_OPERATION_DISPATCH] = sn_native_dispatch,
    [SN_OPERATION_SHARED] = sn_native_run_shared, [SN_OPERATION_EXPERTS] = sn_native_run_experts,
    [SN_OPERATION_COMBINE] = sn_native_combine,   [SN_OPERATION_DENSE] = sn_native_run_dense,
    [SN_OPERATION_HEAD] = sn_native_head,         [SN_OPERATION_SAMPLE] = sn_native_sample,
};

static sn_native_operation *operation_of(const struct sn_native *n, int op)
{
    if (n->shape.prefill && op == SN_OPERATION_PROLOG)
        return sn_native_prompt_prolog;
    if (n->shape.prefill && op == SN_OPERATION_ATTENTION)
        return sn_native_prompt_attend;
    return decode_operations[op];
}

bool sn_native_does(enum sn_operation op)
{
    return decode_operations[op] != NULL;
}

static bool is_of(const struct sn_native *n, enum sn_where where, unsigned layer)
{
    bool dense = layer < n->shape.model.dense_layers;
    return where == SN_WHERE_LAYER || where == (dense ? SN_WHERE_DENSE : SN_WHERE_MOE);
}

/* The operations of a place, of every microbatch after the other; `at` is when the last one ended.
 */
static int run_place(struct sn_native *n, enum sn_where where, unsigned layer, int64_t *at)
{
    for (unsigned mb = 0; mb < n->shape.microbatches; mb++)
        for (int op = 0; op < SN_OPERATIONS; op++) {
            enum sn_where is = sn_operation_descs[op].where;
            if ((where == SN_WHERE_LAYER ? !is_of(n, is, layer) : is != where) ||
                !sn_native_does((enum sn_operation)op))
                continue;
            n->now = (enum sn_operation)op;
            int status = operation_of(n, op)(n, mb, layer);
            if (status)
                return status;
            int64_t end = sn_clock_ns();
            n->op_s[op] += (double)(end - *at) * 1e-9;
            *at = end;
        }
    return 0;
}

int sn_native_repeat(struct sn_native *n)
{
    int64_t at = sn_clock_ns();
    int status = 0;
    for (unsigned step = 0; step < n->shape.steps && !status; step++) {
        status = run_place(n, SN_WHERE_BEGIN, 0, &at);
        for (unsigned l = 0; l < n->shape.model.layers && !status; l++)
            status = run_place(n, SN_WHERE_LAYER, l, &at);
        if (!status)
            status = run_place(n, SN_WHERE_END, 0, &at);
    }
    return status;
}
