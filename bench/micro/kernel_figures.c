#include "bench/micro/kernel_figures.h"

#include <math.h>
#include <stdio.h>

#include "harness/base/cpu.h"
#include "harness/base/units.h"
#include "harness/roof.h"

/* Bytes that every repetition must bring from past the caches; where everything is hot, all of them
 * come from the cache that holds the working set. */
static double memory_limit(const struct sn_kernel_state *s, const struct sn_roofs *r, char *why,
                           size_t size)
{
    const struct sn_cost *k = &s->cost;
    double all = k->weight_bytes + k->activation_bytes + k->output_bytes, bytes = all, rate;
    uint64_t at = UINT64_MAX;
    if (s->cache == SN_CACHE_COLD_WEIGHTS)
        bytes = k->weight_bytes;
    else if (s->cache == SN_CACHE_HOT)
        at = (uint64_t)all;
    if (k->copies)
        rate = 2 * sn_roof_copy_bytes(r, at == UINT64_MAX ? at : at / 2, s->threads);
    else
        rate = sn_roof_read_bytes(r, at, s->threads);
    char moved[32], speed[32];
    sn_units_format(moved, sizeof moved, bytes, SN_UNIT_BYTES);
    sn_units_format(speed, sizeof speed, rate, SN_UNIT_BYTES_PER_S);
    snprintf(why, size, "%s %s at %s (%s %s)", moved,
             s->cache == SN_CACHE_COLD_WEIGHTS ? "of weights" : "in all", speed,
             k->copies ? "copy roof, both ways," : "read roof",
             s->cache == SN_CACHE_HOT ? "at this working set" : "past the caches");
    return bytes / rate;
}

/* Kinds of arithmetic take turns: the vector units of a core do all of them. */
static double compute_limit(const struct sn_kernel_state *s, const struct sn_roofs *r, char *why,
                            size_t size)
{
    double ops[SN_PEAKS] = {0}, t = 0;
    for (unsigned i = 0; i < s->cost.n_parts; i++)
        ops[s->cost.parts[i].peak] += s->cost.parts[i].ops;
    snprintf(why, size, "no operations");
    for (size_t i = 0, n = 0; i < SN_PEAKS && n < size; i++) {
        double peak = sn_roof_peak(r, (enum sn_peak_kind)i, s->threads);
        if (!(ops[i] > 0))
            continue;
        n += (size_t)snprintf(why + n, size - n, "%s%.4g op at %.4g op/s (%s peak)",
                              n ? " and " : "", ops[i], peak, sn_peak_words[i]);
        t += ops[i] / peak;
    }
    return t;
}

void sn_kernel_figures(const struct sn_case *c, const struct sn_kernel_state *s, struct sn_row *row)
{
    const struct sn_metric_doc *docs = c->bench->metric_docs;
    const struct sn_cost *k = &s->cost;
    const struct sn_roofs *r = c->env->roofs;
    double t = row->stats.median, all = k->weight_bytes + k->activation_bytes + k->output_bytes;
    double rate = k->ops > 0 ? k->ops / t : NAN;
    char compute_why[240], memory_why[160];
    double compute = compute_limit(s, r, compute_why, sizeof compute_why),
           memory = memory_limit(s, r, memory_why, sizeof memory_why);
    row->bytes.logical = row->bytes.local = (uint64_t)all;
    row->bytes.wire = 0;
    row->limit_s = isnan(memory) ? compute : fmax(compute, memory);
    if (isnan(compute) || !(row->limit_s > 0))
        row->limit_s = memory > 0 ? memory : NAN;
    row->limit_why = sn_row_str(row, "%s: %s; %s: %s", compute >= memory ? "arithmetic" : "memory",
                                compute >= memory ? compute_why : memory_why,
                                compute >= memory ? "memory alone" : "arithmetic alone",
                                compute >= memory ? memory_why : compute_why);
    sn_row_add_metric(row, docs, "rate", rate);
    sn_row_add_metric(row, docs, "bandwidth", all / t);
    sn_row_add_metric(row, docs, "ops_per_cycle", rate / s->threads / r->core_hz);
    sn_row_add_metric(row, docs, "compute_limit", compute);
    sn_row_add_metric(row, docs, "memory_limit", memory);
    sn_row_add_metric(row, docs, "operations", k->ops);
    sn_row_add_metric(row, docs, "weights", k->weight_bytes);
    sn_row_add_metric(row, docs, "activations", k->activation_bytes);
    sn_row_add_metric(row, docs, "output", k->output_bytes);
    sn_row_add_metric(row, docs, "pack", isfinite(s->pack_s) ? s->pack_s : NAN);
    sn_row_add_metric(row, docs, "packed", (double)s->packed_bytes);
    sn_row_add_metric(row, docs, "ring", (double)s->n_ring);
    if (s->op->metrics)
        s->op->metrics(c, &s->base, row);
    sn_row_add_flag(row, sn_row_str(row, "kernel=%s", s->kernel->name));
    if (s->inexact)
        sn_row_add_flag(row, sn_row_str(row, "inexact=%.3g%%",
                                        100 * (double)s->inexact / (double)s->inexact_of));
    if (c->env->isa < sn_isa_best())
        sn_row_add_flag(row, sn_row_str(row, "isa=%s", sn_isa_words[c->env->isa]));
    if (s->cache != SN_CACHE_HOT && s->ring_bytes < sn_cpu_cold_bytes())
        sn_row_add_flag(row, "ring-small");
}
