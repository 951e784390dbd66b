/* The time of a cost on a device: kernels/device.h. */
#include <math.h>
#include <string.h>

#include "kernels/device.h"

static const struct sn_device_table *table_of(const struct sn_device *d, enum sn_op op,
                                              enum sn_device_roof roof)
{
    for (size_t i = 0; i < d->n_tables; i++)
        if (d->tables[i].ops & 1u << op && d->tables[i].roof == roof)
            return &d->tables[i];
    return NULL;
}

/* Is the problem where the table holds? One that was taken from another operation holds nowhere. */
static bool covers(const struct sn_device_table *t, const struct sn_cost *c)
{
    if (t->class == SN_FIGURE_DERIVED)
        return false;
    double x = c->shapes[0].value;
    if (t->over && (x < t->points[0].at || x > t->points[t->n_points - 1].at))
        return false;
    for (size_t i = 0; i < t->n_valid; i++)
        for (unsigned s = 0; s < c->n_shapes; s++)
            if (!strcmp(t->valid[i].shape, c->shapes[s].name) &&
                !(c->shapes[s].value >= t->valid[i].min && c->shapes[s].value <= t->valid[i].max))
                return false;
    return true;
}

/* Work of `fixed` + `linear` (what it is at shape x), divided by the efficiency of the table. At a
 * point x_i the work is fixed + linear x_i / x. */
static double stretched(const struct sn_device_table *t, double x, double fixed, double linear)
{
    const struct sn_device_point *p = t->points;
    size_t n = t->n_points, i = 0;
    if (!t->over || n == 1 || x <= p[0].at)
        return (fixed + linear) / p[0].efficiency;
    if (x >= p[n - 1].at)
        return (fixed + linear) / p[n - 1].efficiency;
    while (x > p[i + 1].at)
        i++;
    double lo = (fixed + linear * p[i].at / x) / p[i].efficiency,
           hi = (fixed + linear * p[i + 1].at / x) / p[i + 1].efficiency,
           share = (x - p[i].at) / (p[i + 1].at - p[i].at);
    return lo + share * (hi - lo);
}

static double wave(const struct sn_device *d, const struct sn_cost_part *p, double share)
{
    if (!sn_figure_given(&d->cores) || !sn_figure_given(&d->tile_rows) ||
        !sn_figure_given(&d->tile_cols) || !(p->grids * p->rows * p->cols > 0))
        return 1;
    double tiles =
        p->grids * ceil(p->rows / d->tile_rows.value) * ceil(p->cols / d->tile_cols.value);
    double cores = fmax(1, floor(d->cores.value * share + 0.5));
    return tiles / (cores * ceil(tiles / cores));
}

double sn_device_wave(const struct sn_device *d, const struct sn_cost_part *p)
{
    return wave(d, p, 1);
}

struct roofs {
    const struct sn_device_table *compute, *memory;
    bool compute_holds, memory_holds;
};

static double compute_time(const struct sn_device *d, const struct roofs *r, double x,
                           const struct sn_cost_part *p, struct sn_device_share share,
                           unsigned *flags)
{
    if (!(p->ops > 0))
        return 0;
    if (!sn_figure_given(&d->peak[p->peak])) {
        *flags |= SN_DEVICE_NO_PEAK;
        return 0;
    }
    double work = r->compute ? stretched(r->compute, x, 0, p->ops) : p->ops;
    if (p->peak == SN_PEAK_F32 && sn_figure_given(&d->vector_cores))
        return p->ops / share.vector / d->peak[p->peak].value;
    return work / wave(d, p, share.cube) / share.cube / d->peak[p->peak].value;
}

static double memory_time(const struct sn_device *d, const struct roofs *r, double x,
                          const struct sn_cost_part *p)
{
    bool cached = sn_figure_given(&d->l2) && p->inner_bytes <= d->l2_bytes.value;
    double bytes = sn_cost_part_bytes(p) - (cached ? p->inner_bytes : 0);
    double work = bytes;
    if (r->memory)
        work = stretched(r->memory, x, p->fixed_bytes, bytes - p->fixed_bytes);
    return work / d->memory.value + (cached ? p->inner_bytes / d->l2.value : 0);
}

static void limits(const struct sn_device *d, const struct sn_cost *c, struct sn_device_time *out)
{
    for (unsigned i = 0; i < c->n_parts; i++) {
        const struct sn_cost_part *p = &c->parts[i];
        if (p->ops > 0 && sn_figure_given(&d->peak[p->peak]))
            out->compute_s += p->ops / d->peak[p->peak].value;
    }
    out->memory_s = (c->weight_bytes + c->activation_bytes + c->output_bytes) / d->memory.value;
    out->limit_s = fmax(out->compute_s, out->memory_s);
}

void sn_device_predict(const struct sn_device *d, enum sn_op op, const struct sn_cost *c,
                       struct sn_device_time *out)
{
    sn_device_predict_share(d, op, c, (struct sn_device_share){1, 1}, out);
}

void sn_device_predict_share(const struct sn_device *d, enum sn_op op, const struct sn_cost *c,
                             struct sn_device_share share, struct sn_device_time *out)
{
    struct roofs r = {.compute = table_of(d, op, SN_DEVICE_COMPUTE),
                      .memory = table_of(d, op, SN_DEVICE_MEMORY)};
    r.compute_holds = r.compute && covers(r.compute, c);
    r.memory_holds = r.memory && covers(r.memory, c);
    double x = c->shapes[0].value;
    *out = (struct sn_device_time){.launch_s = sn_figure_or(&d->launch, 0)};
    out->s = out->launch_s;
    if (!sn_figure_given(&d->launch))
        out->flags |= SN_DEVICE_NO_LAUNCH;
    for (unsigned i = 0; i < c->n_parts; i++) {
        double compute = compute_time(d, &r, x, &c->parts[i], share, &out->flags),
               memory = memory_time(d, &r, x, &c->parts[i]);
        bool holds = compute > memory ? r.compute_holds : r.memory_holds;
        out->part_s[i] = fmax(compute, memory);
        out->s += out->part_s[i];
        *(c->parts[i].peak == SN_PEAK_F32 ? &out->vector_s : &out->cube_s) += compute;
        out->bytes_s += memory;
        if (out->part_s[i] > 0 && !holds)
            out->flags |= SN_DEVICE_EXTRAPOLATED;
    }
    limits(d, c, out);
}
