/* What a device profile must agree on. The model is kernels/predict.c. */
#include "kernels/device.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/status.h"

const char *const sn_device_roof_words[] = {"compute", "memory", NULL};

#define WRONG(where, at, ...)                                                                      \
    (snprintf((where), SN_DEVICE_WHERE, "%s", at), SN_FAIL(SN_EINVAL, __VA_ARGS__))

/* A figure that is not given is well. */
static int check_figure(const struct sn_figure *f, const char *at, double least, double most,
                        char *where)
{
    if (!sn_figure_given(f))
        return SN_OK;
    if (!isfinite(f->value) || f->value < least || f->value > most)
        return WRONG(where, at, "%s: %g is not in %g to %g", at, f->value, least, most);
    return SN_OK;
}

/* Streams share the cores out: together no more than there are. */
static int check_streams(const struct sn_device *d, char *where)
{
    static const char *const kinds[] = {"cube", "vector"};
    const struct sn_figure *cores[] = {&d->cores, &d->vector_cores};
    if (!sn_figure_given(&d->streams[0][0]))
        return SN_OK;
    for (unsigned k = 0; k < 2; k++) {
        double sum = d->streams[0][k].value + d->streams[1][k].value;
        if (!sn_figure_given(cores[k]))
            return WRONG(where, "streams", "streams: shares of %s cores, and %s is missing",
                         kinds[k], k ? "vector_cores" : "cores");
        if (!(sum > 0) || sum > cores[k]->value)
            return WRONG(where, "streams",
                         "streams: %g %s cores together; above 0 and at most the %g there are", sum,
                         kinds[k], cores[k]->value);
    }
    return SN_OK;
}

static int check_figures(const struct sn_device *d, char *where)
{
    const struct {
        const struct sn_figure *f;
        const char *at;
        double least, most;
    } figures[] = {
        {&d->cores, "cores", 1, 1e6},
        {&d->tile_rows, "tile.rows", 1, 1e6},
        {&d->tile_cols, "tile.cols", 1, 1e6},
        {&d->peak[SN_PEAK_INT8], "peak.int8", 1, 1e18},
        {&d->peak[SN_PEAK_BF16], "peak.bf16", 1, 1e18},
        {&d->peak[SN_PEAK_F32], "peak.f32", 1, 1e18},
        {&d->memory, "memory.bandwidth", 1, 1e18},
        {&d->memory_bytes, "memory.size", 1, 1e18},
        {&d->l2, "l2.bandwidth", 1, 1e18},
        {&d->l2_bytes, "l2.size", 1, 1e18},
        {&d->launch, "launch", 0, 1},
        {&d->vector_cores, "vector_cores", 1, 1e6},
        {&d->host, "host", 0, 1},
        {&d->block, "block", 0, 10},
        {&d->skew, "skew", 0, 10},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        int s = check_figure(figures[i].f, figures[i].at, figures[i].least, figures[i].most, where);
        if (s)
            return s;
    }
    if (!sn_figure_given(&d->memory))
        return WRONG(where, "memory", "memory.bandwidth: is missing");
    if (sn_figure_given(&d->l2) != sn_figure_given(&d->l2_bytes))
        return WRONG(where, "l2", "l2: bandwidth and size go together");
    if (sn_figure_given(&d->tile_rows) && !sn_figure_given(&d->cores))
        return WRONG(where, "tile", "tile: without cores it says nothing; give cores as well");
    return check_streams(d, where);
}

static int check_points(const struct sn_device_table *t, size_t index, char *where)
{
    char at[64];
    snprintf(at, sizeof at, "efficiency.%zu", index);
    if (!t->n_points)
        return WRONG(where, at, "%s: has no points", at);
    if (!t->over && t->n_points != 1)
        return WRONG(where, at, "%s: %zu points without a shape that they are over", at,
                     t->n_points);
    for (size_t i = 0; i < t->n_points; i++) {
        const struct sn_device_point *p = &t->points[i];
        snprintf(at, sizeof at, "efficiency.%zu.points.%zu", index, i);
        if (!isfinite(p->efficiency) || p->efficiency <= 0 || p->efficiency > 1)
            return WRONG(where, at, "%s: the efficiency %g is not above 0 and at most 1", at,
                         p->efficiency);
        if (t->over && (!isfinite(p->at) || p->at <= 0))
            return WRONG(where, at, "%s: %g is no %s; it must be above 0", at, p->at, t->over);
        if (i && p->at <= t->points[i - 1].at)
            return WRONG(where, at, "%s: %g does not follow %g; points rise", at, p->at,
                         t->points[i - 1].at);
    }
    return SN_OK;
}

static bool has_shape(unsigned ops, const char *shape)
{
    for (unsigned op = 0; op < SN_OPS; op++)
        for (const char *const *s = sn_cost_shapes((enum sn_op)op); *s; s++)
            if (ops & 1u << op && !strcmp(*s, shape))
                return true;
    return false;
}

static int check_table(const struct sn_device *d, size_t index, char *where)
{
    const struct sn_device_table *t = &d->tables[index];
    char at[64];
    snprintf(at, sizeof at, "efficiency.%zu", index);
    if (!t->ops)
        return WRONG(where, at, "%s: is of no operation", at);
    for (unsigned op = 0; op < SN_OPS; op++) {
        if (!(t->ops & 1u << op))
            continue;
        if (t->over && strcmp(t->over, sn_cost_shapes((enum sn_op)op)[0]))
            return WRONG(where, at, "%s: a table of %s is over '%s', not '%.32s'", at,
                         sn_op_names[op], sn_cost_shapes((enum sn_op)op)[0], t->over);
        for (size_t i = 0; i < index; i++)
            if (d->tables[i].ops & 1u << op && d->tables[i].roof == t->roof)
                return WRONG(where, at, "%s: a second table of %s (%s)", at, sn_op_names[op],
                             sn_device_roof_words[t->roof]);
    }
    for (size_t i = 0; i < t->n_valid; i++) {
        if (!has_shape(t->ops, t->valid[i].shape))
            return WRONG(where, at, "%s: no operation of the table has a shape '%.32s'", at,
                         t->valid[i].shape);
        if (!isfinite(t->valid[i].min) || !isfinite(t->valid[i].max) ||
            t->valid[i].min > t->valid[i].max)
            return WRONG(where, at, "%s: %s from %g to %g is no range", at, t->valid[i].shape,
                         t->valid[i].min, t->valid[i].max);
    }
    return check_points(t, index, where);
}

int sn_device_check(const struct sn_device *d, char where[SN_DEVICE_WHERE])
{
    where[0] = '\0';
    int s = check_figures(d, where);
    for (size_t i = 0; i < d->n_tables && !s; i++)
        s = check_table(d, i, where);
    return s;
}
