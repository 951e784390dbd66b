/* What the operations of a step cost on a die: bench/macro/pipe.h. */
#include <math.h>
#include <stdlib.h>

#include "bench/llm_step.h"
#include "bench/macro/pipe.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

unsigned sn_pipe_tokens(const struct sn_pipe *p, unsigned requests)
{
    return requests * (p->prefill ? p->ctx - p->cached : p->queries);
}

unsigned sn_pipe_part(const struct sn_pipe *p, unsigned i)
{
    return p->requests / p->microbatches + (i < p->requests % p->microbatches);
}

struct sn_device_share sn_pipe_share(const struct sn_pipe *p, enum sn_pipe_stream stream)
{
    const struct sn_device *d = p->device;
    const struct sn_figure *own = d->streams[stream];
    if (p->microbatches == 1 || p->prefill || !sn_figure_given(&own[0]))
        return (struct sn_device_share){1, 1};
    return (struct sn_device_share){
        sn_figure_given(&d->cores) ? own[0].value / d->cores.value : 1,
        sn_figure_given(&d->vector_cores) ? own[1].value / d->vector_cores.value : 1};
}

/* --- one kernel after the other ----------------------------------------------------------------
 */

/* bf16 instead of int8: twice the bytes of weights and activations, at the bf16 peak. */
static void widen(struct sn_cost *c)
{
    for (unsigned i = 0; i < c->n_parts; i++) {
        struct sn_cost_part *x = &c->parts[i];
        if (x->peak != SN_PEAK_INT8)
            continue;
        x->peak = SN_PEAK_BF16;
        c->weight_bytes += x->weight_bytes;
        c->activation_bytes += x->activation_bytes;
        x->fixed_bytes += x->weight_bytes;
        x->weight_bytes *= 2;
        x->activation_bytes *= 2;
    }
}

/* Adds a kernel behind what the operation has so far. */
static void add_kernel(const struct sn_pipe *p, enum sn_pipe_stream stream, enum sn_op op,
                       struct sn_cost *c, struct sn_pipe_cost *out)
{
    const struct sn_device *d = p->device;
    struct sn_device_share share = sn_pipe_share(p, stream);
    struct sn_device_time t;
    if (p->dtype == SN_DTYPE_BF16)
        widen(c);
    sn_device_predict_share(d, op, c, share, &t);
    double before = out->work_s, work = t.s - t.launch_s, sum = before + work;
    double bytes = 0;
    for (unsigned i = 0; i < c->n_parts; i++)
        bytes += sn_cost_part_bytes(&c->parts[i]);
    double used[SN_RESOURCES] = {[SN_RES_CUBE] = t.cube_s * share.cube,
                                 [SN_RES_VECTOR] = t.vector_s * share.vector,
                                 [SN_RES_HBM] = bytes / d->memory.value};
    for (int r = 0; r < SN_RESOURCES && sum > 0; r++)
        out->use[r] = fmin(1, (out->use[r] * before + used[r]) / sum);
    out->work_s = sum;
    out->launch_s += t.launch_s;
    for (unsigned i = 0; i < c->n_parts; i++)
        if (c->parts[i].peak != SN_PEAK_F32 && c->parts[i].ops > 0)
            out->roof_s[SN_RES_CUBE] += c->parts[i].ops / d->peak[c->parts[i].peak].value;
        else if (sn_figure_given(&d->peak[SN_PEAK_F32]))
            out->roof_s[SN_RES_VECTOR] += c->parts[i].ops / d->peak[SN_PEAK_F32].value;
    out->roof_s[SN_RES_HBM] += t.memory_s;
    out->ops += c->ops;
    out->bytes += bytes;
    out->flags |= t.flags;
    out->any = true;
}

/* A pass of the vector cores over arrays: `ops` f32 operations, bytes read and written. */
static void add_pass(const struct sn_pipe *p, enum sn_pipe_stream stream, double ops, double in,
                     double written, struct sn_pipe_cost *out)
{
    struct sn_cost c = {.parts = {{.name = "pass",
                                   .ops = ops,
                                   .peak = SN_PEAK_F32,
                                   .activation_bytes = in,
                                   .output_bytes = written}},
                        .n_parts = 1,
                        .ops = ops,
                        .activation_bytes = in,
                        .output_bytes = written,
                        .shapes = {{"t", 1}},
                        .n_shapes = 1};
    add_kernel(p, stream, SN_OP_QUANTIZE, &c, out);
}

static void add_product(const struct sn_pipe *p, enum sn_pipe_stream stream, size_t m, size_t n,
                        size_t k, struct sn_pipe_cost *out)
{
    struct sn_cost c;
    union sn_problem x = {.gemm = {.m = m, .n = n, .k = k, .a_type = SN_U8, .c_type = SN_F32}};
    sn_cost_of(SN_OP_GEMM, &x, &c);
    add_kernel(p, stream, SN_OP_GEMM, &c, out);
}

static enum sn_pipe_stream stream_of(enum sn_operation o)
{
    return sn_operation_descs[o].stream;
}

/* --- what kernels/ has no operation for ---------------------------------------------------------
 */

/* Norm: square, +, * rms, * g of each value, read and written in bf16. */
static void add_norm(const struct sn_pipe *p, enum sn_operation o, double t,
                     struct sn_pipe_cost *out)
{
    double n = t * p->llm->hidden;
    add_pass(p, stream_of(o), 4 * n, 2 * n, 2 * n, out);
}

/* Two bf16 arrays are added into one. */
static void add_residual(const struct sn_pipe *p, enum sn_operation o, double t,
                         struct sn_pipe_cost *out)
{
    double n = t * p->llm->hidden;
    add_pass(p, stream_of(o), n, 4 * n, 2 * n, out);
}

/* Scores of the router, f32 weights in the device's memory as bf16. */
static void add_router(const struct sn_pipe *p, double t, struct sn_pipe_cost *out)
{
    double h = p->llm->hidden, e = p->llm->routed;
    struct sn_cost c = {.parts = {{.name = "router",
                                   .ops = 2 * t * h * e,
                                   .peak = SN_PEAK_BF16,
                                   .weight_bytes = 2 * h * e,
                                   .activation_bytes = 2 * t * h,
                                   .output_bytes = 4 * t * e,
                                   .fixed_bytes = 2 * h * e}},
                        .n_parts = 1,
                        .ops = 2 * t * h * e,
                        .weight_bytes = 2 * h * e,
                        .activation_bytes = 2 * t * h,
                        .output_bytes = 4 * t * e,
                        .shapes = {{"m", t}, {"n", e}, {"k", h}},
                        .n_shapes = 3};
    add_kernel(p, stream_of(SN_OPERATION_GATE), SN_OP_GEMM, &c, out);
}

/* Prefill behind cached tokens: what the whole prompt costs, less what its beginning would. The
 * keys and values of the beginning are read all the same. */
static void leave_out(struct sn_cost *c, const struct sn_cost *cached, double reread)
{
    for (unsigned i = 0; i < c->n_parts; i++) {
        c->parts[i].ops -= cached->parts[i].ops;
        c->parts[i].activation_bytes -= cached->parts[i].activation_bytes - reread;
        c->parts[i].output_bytes -= cached->parts[i].output_bytes;
        c->parts[i].fixed_bytes = 0;
    }
    c->ops -= cached->ops;
    c->activation_bytes -= cached->activation_bytes - reread;
    c->output_bytes -= cached->output_bytes;
}

/* Attention of prompts, and the keys and values of what was cached, from its latents. */
static void add_prompts(const struct sn_pipe *p, unsigned requests, struct sn_pipe_cost *attention,
                        struct sn_pipe_cost *prolog)
{
    const struct sn_llm *m = p->llm;
    enum sn_pipe_stream stream = stream_of(SN_OPERATION_ATTENTION);
    size_t qk = m->nope + m->rope;
    uint32_t *first = sn_calloc(requests + 1, sizeof *first);
    struct sn_cost all, part;
    union sn_problem x = {
        .mla_prefill = {
            .prompts = requests, .heads = m->heads, .qk = qk, .v_dim = m->v, .first = first}};
    for (unsigned i = 0; i <= requests; i++)
        first[i] = i * p->ctx;
    sn_cost_of(SN_OP_MLA_PREFILL, &x, &all);
    for (unsigned i = 0; i <= requests; i++)
        first[i] = i * p->cached;
    sn_cost_of(SN_OP_MLA_PREFILL, &x, &part);
    double kept = (double)requests * p->kept;
    if (p->cached)
        leave_out(&all, &part, 2 * kept * m->heads * (double)(qk + m->v));
    if (p->kept) {
        add_product(p, stream, (size_t)kept, m->heads * (size_t)(m->nope + m->v), m->latent,
                    prolog);
    }
    add_kernel(p, stream, SN_OP_MLA_PREFILL, &all, attention);
    free(first);
}

static void add_rest(const struct sn_pipe *p, double t, double whole, struct sn_pipe_cost *cost)
{
    const struct sn_llm *m = p->llm;
    double h = m->hidden, v = m->vocabulary,
           heads = (double)m->heads * (p->prefill ? 0 : m->latent);
    double sampled = p->prefill ? p->requests : whole;
    add_pass(p, SN_STREAM_ATTENTION, 0, 2 * whole * h, 2 * whole * h, &cost[SN_OPERATION_EMBED]);
    /* Results of the heads, in latents, to int8 for the products with the values' weights. */
    if (!p->prefill && p->dtype != SN_DTYPE_BF16)
        add_pass(p, SN_STREAM_ATTENTION, 2 * t * heads, 2 * t * heads, t * heads,
                 &cost[SN_OPERATION_PROJECTION]);
    if (p->prefill)
        add_norm(p, SN_OPERATION_PROLOG, t, &cost[SN_OPERATION_PROLOG]);
    add_residual(p, SN_OPERATION_PROJECTION, t, &cost[SN_OPERATION_PROJECTION]);
    add_norm(p, SN_OPERATION_GATE, t, &cost[SN_OPERATION_GATE]);
    add_router(p, t, &cost[SN_OPERATION_GATE]);
    if (m->dense_layers) {
        add_norm(p, SN_OPERATION_DENSE, t, &cost[SN_OPERATION_DENSE]);
        add_residual(p, SN_OPERATION_DENSE, t, &cost[SN_OPERATION_DENSE]);
    }
    add_norm(p, SN_OPERATION_HEAD, sampled, &cost[SN_OPERATION_HEAD]);
    /* The largest of the scores, which the head left as f32. */
    add_pass(p, SN_STREAM_ATTENTION, sampled * v, 4 * sampled * v, 4 * sampled,
             &cost[SN_OPERATION_SAMPLE]);
}

/* Once a step, or in each layer of each microbatch? */
static bool once(enum sn_operation o)
{
    enum sn_where w = sn_operation_descs[o].where;
    return w == SN_WHERE_BEGIN || w == SN_WHERE_END;
}

static int add_kernels(const struct sn_pipe *p, unsigned requests, bool of_once,
                       struct sn_pipe_cost *cost)
{
    struct sn_llm_kernels k;
    struct sn_llm_step s = {.prefill = p->prefill,
                            .requests = requests,
                            .queries = p->queries,
                            .ctx = p->prefill ? p->ctx - p->cached : p->ctx,
                            .dies = p->dies,
                            .slots = p->llm->routed + p->redundant,
                            .shared_dies = p->shared_dies};
    int status = sn_llm_step(p->llm, &s, &k);
    for (size_t i = 0; !status && i < k.n; i++) {
        const struct sn_llm_kernel *x = &k.all[i];
        enum sn_operation o = x->operation;
        struct sn_cost c;
        if (o == SN_OPERATION_EXPERTS || o == SN_OPERATION_DISPATCH || once(o) != of_once ||
            x->op == SN_OP_MLA_PREFILL || (p->dtype == SN_DTYPE_BF16 && x->op == SN_OP_QUANTIZE))
            continue;
        sn_cost_of(x->op, &x->p, &c);
        add_kernel(p, stream_of(o), x->op, &c, &cost[o]);
    }
    if (!status)
        sn_llm_kernels_free(&k);
    return status;
}

/* `by` times the work. */
static void stretch(struct sn_pipe_cost *c, double by)
{
    if (!(by > 0) || by == 1)
        return;
    c->work_s *= by;
    c->ops *= by;
    c->bytes *= by;
    for (int r = 0; r < SN_RESOURCES; r++)
        c->roof_s[r] *= by;
}

/* Prompts of different lengths, in what attention does of them. */
static void stretch_prompts(const struct sn_pipe *p, struct sn_pipe_cost cost[])
{
    stretch(&cost[SN_OPERATION_ATTENTION], p->pairs);
    stretch(&cost[SN_OPERATION_PROLOG], p->longest);
    stretch(&cost[SN_OPERATION_PROJECTION], p->longest);
}

int sn_pipe_costs(const struct sn_pipe *p, unsigned requests, unsigned whole,
                  struct sn_pipe_cost cost[SN_OPERATIONS])
{
    for (unsigned o = 0; o < SN_OPERATIONS; o++)
        cost[o] = (struct sn_pipe_cost){0};
    int status = add_kernels(p, requests, false, cost);
    status = status ? status : add_kernels(p, whole, true, cost);
    if (status)
        return status;
    if (p->prefill) {
        add_prompts(p, requests, &cost[SN_OPERATION_ATTENTION], &cost[SN_OPERATION_PROLOG]);
        status = sn_pipe_comm(p, requests, cost);
    }
    add_rest(p, sn_pipe_tokens(p, requests), sn_pipe_tokens(p, whole), cost);
    if (p->prefill)
        stretch_prompts(p, cost);
    if (sn_figure_given(&p->device->host) && !p->prefill)
        cost[SN_OPERATION_HOST] =
            (struct sn_pipe_cost){.fixed_s = p->device->host.value, .any = true};
    return status;
}

static void experts_of_die(const struct sn_pipe *p, unsigned slots, uint64_t copies,
                           struct sn_pipe_cost *out)
{
    const struct sn_llm *m = p->llm;
    struct sn_cost c;
    /* Each copy is a token of its own, whose answer leaves the product as bf16: weights and sums
     * belong to combine, where the tokens are. */
    union sn_problem x = {
        .moe = {
            .t = copies, .h = m->hidden, .i = m->intermediate, .experts = slots, .copies = copies}};
    *out = (struct sn_pipe_cost){0};
    if (!copies)
        return;
    sn_cost_of(SN_OP_MOE, &x, &c);
    c.ops -= c.parts[c.n_parts - 1].ops;
    c.parts[c.n_parts - 1].ops = 0;
    add_kernel(p, SN_STREAM_EXPERTS, SN_OP_MOE, &c, out);
}

void sn_pipe_experts(const struct sn_pipe *p, const struct sn_pipe_layer *l,
                     struct sn_pipe_cost *out)
{
    *out = (struct sn_pipe_cost){0};
    for (unsigned k = 0; k < l->kinds; k++) {
        struct sn_pipe_cost c;
        experts_of_die(p, l->slots[k], l->most_of[k], &c);
        if (c.work_s > out->work_s)
            *out = c;
    }
}
