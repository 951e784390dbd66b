#include "bench/macro/native_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"

/* MPI_DOUBLE_INT. */
struct place {
    double s;
    int rank;
};

void sn_native_figures_close(struct sn_native_figures *f)
{
    free(f->times);
    *f = (struct sn_native_figures){0};
}

static struct sn_native_times *more(struct sn_native_figures *f)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 64;
        f->times = sn_realloc(f->times, f->cap, sizeof *f->times);
    }
    return &f->times[f->n++];
}

void sn_native_figures_collect(struct sn_native_figures *f, struct sn_native *n)
{
    const struct sn_world *w = n->env->world;
    double part[SN_OPERATIONS], ends[2 * SN_OPERATIONS];
    struct place mine = {0, w->rank}, longest;
    if (!n->timed)
        return;
    n->timed = false;
    for (int op = 0; op < SN_OPERATIONS; op++) {
        part[op] = ends[op] = n->op_s[op];
        ends[SN_OPERATIONS + op] = -n->op_s[op];
        mine.s += n->op_s[op];
    }
    MPI_Allreduce(&mine, &longest, 1, MPI_DOUBLE_INT, MPI_MAXLOC, w->comm);
    MPI_Bcast(part, SN_OPERATIONS, MPI_DOUBLE, longest.rank, w->comm);
    MPI_Reduce(w->rank ? ends : MPI_IN_PLACE, ends, 2 * SN_OPERATIONS, MPI_DOUBLE, MPI_MAX, 0,
               w->comm);
    if (w->rank)
        return;
    struct sn_native_times *t = more(f);
    t->sum = longest.s;
    for (int op = 0; op < SN_OPERATIONS; op++) {
        t->part[op] = part[op];
        t->most[op] = ends[op];
        t->least[op] = -ends[SN_OPERATIONS + op];
    }
}

void sn_native_figures_account(struct sn_native_figures *f, const struct sn_native *n,
                               uint64_t wire, uint64_t local)
{
    const struct sn_world *w = n->env->world;
    struct place mine = {0, w->rank}, busiest;
    uint64_t sums[] = {wire, local, n->copies, 0}, most = n->copies;
    for (int op = 0; op < SN_OPERATIONS; op++)
        mine.s += n->bound_s[op];
    for (unsigned r = 0; r < n->requests; r++)
        sums[3] += n->n_new[r];
    if (isnan(mine.s))
        mine.s = 0; /* roofs are the same on all ranks: unknown here, unknown everywhere */
    MPI_Allreduce(&mine, &busiest, 1, MPI_DOUBLE_INT, MPI_MAXLOC, w->comm);
    memcpy(f->limit_s, n->bound_s, sizeof f->limit_s);
    MPI_Bcast(f->limit_s, SN_OPERATIONS, MPI_DOUBLE, busiest.rank, w->comm);
    MPI_Allreduce(MPI_IN_PLACE, sums, 4, MPI_UINT64_T, MPI_SUM, w->comm);
    MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPI_UINT64_T, MPI_MAX, w->comm);
    f->wire = sums[0];
    f->local = sums[1];
    f->logical = sums[2] * (n->moe.copy_bytes + n->moe.answer_bytes);
    f->copies_per_die = (double)sums[2] / n->shape.dies;
    f->imbalance = sums[2] ? (double)most / f->copies_per_die : NAN;
    f->tokens = sums[3];
}

/* --- the row -----------------------------------------------------------------------------------
 */

/* qsort() has no argument for it: how far each is from the median lies in the element. */
struct distance {
    double d;
    size_t at;
};

static int by_distance(const void *a, const void *b)
{
    const struct distance *x = a, *y = b;
    if (x->d != y->d)
        return x->d < y->d ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

void sn_native_times_near(const struct sn_native_times *times, size_t n, double median,
                          struct sn_native_times *out)
{
    size_t few = (n + 7) / 8;
    double share = 1.0 / (double)few;
    struct distance *order = sn_calloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct distance){fabs(times[i].sum - median), i};
    qsort(order, n, sizeof *order, by_distance);
    *out = (struct sn_native_times){0};
    for (size_t i = 0; i < few; i++) {
        const struct sn_native_times *t = &times[order[i].at];
        for (int op = 0; op < SN_OPERATIONS; op++) {
            out->part[op] += share * t->part[op];
            out->most[op] += share * t->most[op];
            out->least[op] += share * t->least[op];
        }
        out->sum += share * t->sum;
    }
    free(order);
}

/* The metric "WORD_ENDING" of an operation. */
static void add(struct sn_row *row, const struct sn_metric_doc *docs, int op, const char *ending,
                double value)
{
    char *name = sn_strdupf("%s_%s", sn_operation_descs[op].word, ending);
    sn_row_add_metric(row, docs, name, isfinite(value) ? value : NAN);
    free(name);
}

static void add_operations(const struct sn_native_figures *f, const struct sn_metric_doc *docs,
                           struct sn_row *row)
{
    struct sn_native_times t;
    if (!f->n)
        return;
    sn_native_times_near(f->times, f->n, row->stats.median, &t);
    for (int op = 0; op < SN_OPERATIONS; op++) {
        if (!sn_native_does((enum sn_operation)op))
            continue;
        sn_row_add_part(row, sn_operation_descs[op].word, t.part[op]);
        add(row, docs, op, "max_s", t.most[op]);
        add(row, docs, op, "min_s", t.least[op]);
        add(row, docs, op, "limit_s", f->limit_s[op]);
    }
}

void sn_native_figures_row(const struct sn_native_figures *f, const struct sn_native *n,
                           const struct sn_metric_doc *docs, struct sn_row *row)
{
    const struct sn_native_shape *s = &n->shape;
    double t = row->stats.median, tokens = (double)f->tokens, limit = 0;
    for (int op = 0; op < SN_OPERATIONS; op++)
        limit += f->limit_s[op];
    row->bytes.logical = f->logical;
    row->bytes.wire = f->wire;
    row->bytes.local = f->local;
    row->limit_s = isfinite(limit) && limit > 0 ? limit : NAN;
    if (isfinite(row->limit_s))
        row->limit_why = "sum over operations of the busiest die: kernels at peak or read roof, "
                         "copies written at 2 x copy roof, answers read once";
    if (s->prefill)
        sn_row_add_metric(row, docs, "ttft", t);
    else
        sn_row_add_metric(row, docs, "tpot", t * s->requests / tokens);
    sn_row_add_metric(row, docs, "tokens_per_s",
                      (s->prefill ? (double)s->requests * s->context : tokens) / t);
    sn_row_add_metric(row, docs, "tokens_per_s_per_npu",
                      (s->prefill ? (double)s->requests * s->context : tokens) / t * 2 / s->dies);
    sn_row_add_metric(row, docs, "of_roofline", row->limit_s / t);
    sn_row_add_metric(row, docs, "imbalance", f->imbalance);
    sn_row_add_metric(row, docs, "copies_per_die", f->copies_per_die);
    if (!s->prefill) {
        sn_row_add_metric(row, docs, "step_s", t / s->steps);
        sn_row_add_metric(row, docs, "tokens_per_step", tokens / s->requests / s->steps);
    }
    add_operations(f, docs, row);
}
