/* The model clock of kernels: kernel_model.h. A benchmark gives its `shape`; the index arrays that
 * its work depends on are written by its `index`, or by its `fill` with all the other arrays. */
#include "bench/micro/kernel_model.h"

#include <math.h>
#include <stdlib.h>

#include "bench/device.h"
#include "bench/micro/kernel_memory.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/timeline.h"

struct state {
    struct sn_cost cost;
    uint64_t in_bytes, out_bytes; /* of the problem's arrays */
};

static const struct sn_kernel_op *op_of(const struct sn_case *c)
{
    return c->bench->own;
}

/* Operations whose work depends on an array; sizes tell that of the others. */
static bool needs_arrays(enum sn_op op)
{
    return op == SN_OP_GROUPED_GEMM || op == SN_OP_MLA || op == SN_OP_MLA_PREFILL;
}

static const unsigned filled = SN_ROLE_BIT(SN_ARRAY_WEIGHT) | SN_ROLE_BIT(SN_ARRAY_INPUT);

static unsigned roles_of(const struct sn_kernel_op *op)
{
    if (op->index)
        return SN_ROLE_BIT(SN_ARRAY_INPUT);
    return needs_arrays(op->op) ? filled : 0;
}

uint64_t sn_kernel_model_memory(const struct sn_case *c)
{
    union sn_problem p = {0};
    struct sn_array arrays[SN_ARRAYS_MAX];
    op_of(c)->shape(c, &p);
    size_t n = op_of(c)->arrays(&p, arrays);
    /* `index` writes little of what is mapped. */
    return op_of(c)->index ? 0 : sn_arrays_bytes(arrays, n, roles_of(op_of(c)));
}

int sn_kernel_model_inputs(const struct sn_case *c)
{
    const struct sn_kernel_op *op = op_of(c);
    const struct sn_device *d;
    int status = op->inputs ? op->inputs(c) : SN_OK;
    if (status != SN_OK || c->env->clock != SN_CLOCK_MODEL)
        return status;
    return sn_device_of_case(c, &d);
}

/* *s gets the cost and the bytes of the arrays. */
static int make_state(const struct sn_case *c, struct state *s)
{
    const struct sn_kernel_op *op = op_of(c);
    union sn_problem p = {0};
    struct sn_array arrays[SN_ARRAYS_MAX];
    op->shape(c, &p);
    size_t n = op->arrays(&p, arrays);
    unsigned roles = roles_of(op);
    int status = sn_arrays_alloc(&p, arrays, n, roles, false);
    if (status != SN_OK)
        return status;
    if (op->index)
        op->index(c, &p);
    else if (roles)
        op->fill(c, &p);
    sn_cost_of(op->op, &p, &s->cost);
    sn_arrays_free(&p, arrays, n, roles, false);
    s->in_bytes = sn_arrays_bytes(arrays, n, filled);
    s->out_bytes = sn_arrays_bytes(arrays, n, SN_ROLE_BIT(SN_ARRAY_OUTPUT));
    return SN_OK;
}

int sn_kernel_model_setup(struct sn_case *c)
{
    c->state = sn_calloc(1, sizeof(struct state));
    return make_state(c, c->state);
}

int sn_kernel_cost_of_case(const struct sn_case *c, struct sn_cost *out)
{
    struct state s = {0};
    int status = make_state(c, &s);
    *out = s.cost;
    return status;
}

bool sn_kernel_is_bench(const struct sn_bench *b)
{
    return b->predict == sn_kernel_model_predict;
}

void sn_kernel_model_teardown(struct sn_case *c)
{
    free(c->state);
    c->state = NULL;
}

int sn_kernel_model_verify(struct sn_case *c, struct sn_check *k)
{
    const struct state *s = c->state;
    double in = s->cost.weight_bytes + s->cost.activation_bytes, out = s->cost.output_bytes;
    if (c->env->mutate != SN_MUTATE_NONE)
        out = 2 * out + 1;
    k->what = "the bytes of the cost with those of the problem's arrays: inputs at most theirs, "
              "outputs neither more nor none";
    if (c->env->world->rank != 0)
        return SN_OK; /* rows do not depend on ranks */
    k->compared = 2;
    if (in > (double)s->in_bytes * (1 + 1e-12))
        sn_check_fail(k, "cost: reads %.0f bytes of arrays that have %llu", in,
                      (unsigned long long)s->in_bytes);
    if (out > (double)s->out_bytes || (s->out_bytes && s->cost.ops > 0 && !(out > 0)))
        sn_check_fail(k, "cost: writes %.0f bytes of arrays that have %llu", out,
                      (unsigned long long)s->out_bytes);
    return SN_OK;
}

static void bound(const struct sn_device_time *d, struct sn_timeline *t)
{
    bool compute = d->compute_s >= d->memory_s;
    if (d->limit_s > 0)
        sn_timeline_limit(t, d->limit_s, "%s at the device's roof; %s alone: %.4g s",
                          compute ? "operations" : "bytes", compute ? "bytes" : "operations",
                          compute ? d->memory_s : d->compute_s);
}

int sn_kernel_model_predict(struct sn_case *c, struct sn_timeline *t)
{
    const struct state *s = c->state;
    const struct sn_device *device;
    struct sn_device_time d;
    int status = sn_device_of_case(c, &device);
    if (status != SN_OK)
        return status;
    sn_device_predict(device, op_of(c)->op, &s->cost, &d);
    if (d.launch_s > 0)
        sn_timeline_part(t, "launch", d.launch_s);
    for (unsigned i = 0; i < s->cost.n_parts; i++)
        sn_timeline_part(t, s->cost.parts[i].name, d.part_s[i]);
    bound(&d, t);
    if (d.flags & SN_DEVICE_EXTRAPOLATED)
        sn_timeline_flag(t, "extrapolated");
    if (d.flags & SN_DEVICE_NO_PEAK)
        sn_timeline_flag(t, "no-peak");
    if (d.flags & SN_DEVICE_NO_LAUNCH)
        sn_timeline_flag(t, "no-cost");
    return SN_OK;
}

void sn_kernel_model_figures(const struct sn_case *c, struct sn_row *row)
{
    const struct sn_metric_doc *docs = c->bench->metric_docs;
    const struct state *s = c->state;
    const struct sn_cost *k = &s->cost;
    const struct sn_device *device;
    struct sn_device_time d;
    double t = row->stats.median, all = k->weight_bytes + k->activation_bytes + k->output_bytes;
    if (sn_device_of_case(c, &device) != SN_OK)
        return; /* predict() failed before */
    sn_device_predict(device, op_of(c)->op, k, &d);
    row->bytes.logical = row->bytes.local = (uint64_t)all;
    sn_row_add_metric(row, docs, "rate", k->ops > 0 && t > 0 ? k->ops / t : NAN);
    sn_row_add_metric(row, docs, "bandwidth", t > 0 ? all / t : NAN);
    sn_row_add_metric(row, docs, "compute_limit", d.compute_s);
    sn_row_add_metric(row, docs, "memory_limit", d.memory_s);
    sn_row_add_metric(row, docs, "operations", k->ops);
    sn_row_add_metric(row, docs, "weights", k->weight_bytes);
    sn_row_add_metric(row, docs, "activations", k->activation_bytes);
    sn_row_add_metric(row, docs, "output", k->output_bytes);
}
