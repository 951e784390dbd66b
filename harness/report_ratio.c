/* The ratios of variants that compete: a function of the stored rows alone. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/hash.h"
#include "harness/numbers.h"
#include "harness/paired.h"
#include "harness/sample_turns.h"

/* Two lines of the group that are compared, and how. */
struct pair {
    const struct sn_line *base, *other;
    struct sn_ratio ratio; /* n = 0: of the medians; they were not sampled in turn */
};

struct pairs {
    const char *axis; /* that compares */
    struct pair *all;
    size_t n;
};

static bool ran_on_wall(const struct sn_line *l)
{
    return l->n_ok > 0 && !isnan(l->median) && l->row->clock && !strcmp(l->row->clock, "wall");
}

/* Of the program, else as the manifest has it; or NULL. */
static const char *axis_that_compares(const struct sn_report *r, const struct sn_group *g)
{
    int axis = g->def ? sn_bench_axis_compares(g->def) : -1;
    const char *found = axis >= 0 ? g->def->axes[axis].name : NULL;
    char *path = sn_strdupf("benchmarks.%s.compares", g->bench);

    for (size_t i = 0; i < r->n_runs && !g->def && !found; i++)
        found = sn_manifest_str(r->runs[i].manifest, path, NULL);
    free(path);
    return found && sn_group_axis(g, found) >= 0 ? found : NULL;
}

bool sn_flag_warns(const char *flag)
{
    return strcmp(flag, SN_FLAG_INTERLEAVED) != 0;
}

static uint64_t hash_of(const struct sn_group *g, const struct sn_line *l, const char *axis)
{
    uint64_t h = SN_HASH_START;

    for (size_t a = 0; a < g->n_axes; a++) {
        const char *text = sn_line_param(l, g->axes[a]);
        if (strcmp(g->axes[a], axis) != 0)
            h = sn_hash_bytes(h, text, strlen(text) + 1);
    }
    return h;
}

/* Equal in everything but the axis that compares. */
static bool same_case(const struct sn_group *g, const struct sn_line *x, const struct sn_line *y,
                      const char *axis)
{
    if (x->run != y->run || x->row->origin != y->row->origin || x->row->seed != y->row->seed)
        return false;
    for (size_t a = 0; a < g->n_axes; a++)
        if (strcmp(g->axes[a], axis) != 0 &&
            strcmp(sn_line_param(x, g->axes[a]), sn_line_param(y, g->axes[a])) != 0)
            return false;
    return true;
}

static const struct sn_row *ok_row_of(const struct sn_line *l, int launch)
{
    for (size_t i = 0; i < l->n_rows; i++)
        if (l->rows[i]->launch == launch && l->rows[i]->status == SN_ROW_OK)
            return l->rows[i];
    return NULL;
}

static struct sn_ratio by_launches(const struct sn_line *base, const struct sn_line *other)
{
    double *a = sn_calloc(base->n_rows + 1, sizeof *a), *b = sn_calloc(base->n_rows + 1, sizeof *b);
    size_t n = 0;

    for (size_t i = 0; i < base->n_rows; i++) {
        const struct sn_row *x = base->rows[i], *y = ok_row_of(other, x->launch);
        if (x->status != SN_ROW_OK || !y || !(x->stats.median > 0) || !(y->stats.median > 0))
            continue;
        a[n] = x->stats.median;
        b[n++] = y->stats.median;
    }
    struct sn_ratio r = sn_paired_launches(a, b, n);
    free(a);
    free(b);
    return r;
}

static struct sn_ratio compare(const struct sn_group *g, const struct sn_line *base,
                               const struct sn_line *other)
{
    const struct sn_row *x = base->at, *y = other->at;

    if (g->merged)
        return by_launches(base, other);
    if (sn_row_has_flag(x, SN_FLAG_INTERLEAVED) && sn_row_has_flag(y, SN_FLAG_INTERLEAVED)) {
        struct sn_ratio r = sn_paired_blocks(x->samples_s, x->n, y->samples_s, y->n, SN_TURN_BLOCK);
        if (r.n > 0)
            return r;
    }
    return (struct sn_ratio){x->stats.median > 0 ? y->stats.median / x->stats.median : NAN, NAN,
                             NAN, 0};
}

/* The base of a line is the first line of its case, in the order of the plan, that ran. A hash
 * table of the bases: plans may have many thousands of cases. */
static void find_pairs(const struct sn_report *r, const struct sn_group *g, struct pairs *out)
{
    size_t slots = 16;

    *out = (struct pairs){.axis = axis_that_compares(r, g)};
    if (!out->axis)
        return;
    while (slots < 2 * g->n_lines)
        slots *= 2;
    const struct sn_line **bases = sn_calloc(slots, sizeof *bases);
    out->all = sn_calloc(g->n_lines + 1, sizeof *out->all);
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_line *l = &g->lines[i];
        if (!ran_on_wall(l))
            continue;
        size_t at = hash_of(g, l, out->axis) & (slots - 1);
        while (bases[at] && !same_case(g, bases[at], l, out->axis))
            at = (at + 1) & (slots - 1);
        if (bases[at])
            out->all[out->n++] = (struct pair){bases[at], l, compare(g, bases[at], l)};
        else
            bases[at] = l;
    }
    free(bases);
}

/* --- the table -------------------------------------------------------------------------------- */

enum { P_ALWAYS, P_PAIRS, P_TIMES }; /* larger numbers leave a narrow terminal first */

struct columns {
    size_t run, *axes, base, median, base_median, ratio, interval, lo, hi, n;
};

static size_t add(struct sn_table *t, const char *key, const char *head, bool number, int priority,
                  enum sn_column_show show)
{
    return sn_table_column(t, &(struct sn_column){key, head, number, priority, show});
}

static void add_columns(const struct sn_report *r, const struct sn_group *g, const struct pairs *p,
                        struct sn_scale time, struct columns *c, struct sn_table *t)
{
    char *median = sn_strdupf("median (%s)", time.unit);
    char *of_base = sn_strdupf("base median (%s)", time.unit);

    *c = (struct columns){.run = SIZE_MAX, .axes = sn_calloc(g->n_axes + 1, sizeof *c->axes)};
    if (r->n_runs > 1)
        c->run = add(t, "run", "run", false, P_ALWAYS, SN_SHOW_ALL);
    for (size_t a = 0; a < g->n_axes; a++) {
        const struct sn_param *param = sn_row_param(p->all[0].other->row, g->axes[a]);
        c->axes[a] = add(t, g->axes[a], g->axes[a], param && param->type != SN_PARAM_TEXT, P_ALWAYS,
                         g->varies[a] ? SN_SHOW_ALL : SN_SHOW_FILES);
    }
    c->median = add(t, "median_s", median, true, P_TIMES, SN_SHOW_ALL);
    c->base = add(t, "base", "base", false, P_ALWAYS, SN_SHOW_ALL);
    c->base_median = add(t, "base_median_s", of_base, true, P_TIMES, SN_SHOW_ALL);
    c->ratio = add(t, "ratio", "time / base", true, P_ALWAYS, SN_SHOW_ALL);
    c->interval = add(t, NULL, "95 % interval", true, P_ALWAYS, SN_SHOW_PEOPLE);
    c->lo = add(t, "ratio_lo", NULL, true, 0, SN_SHOW_FILES);
    c->hi = add(t, "ratio_hi", NULL, true, 0, SN_SHOW_FILES);
    c->n = add(t, g->merged ? "launches" : "blocks", g->merged ? "launches" : "blocks", true,
               P_PAIRS, SN_SHOW_ALL);
    free(median);
    free(of_base);
}

static void set_number(struct sn_table *t, size_t column, double shown, double value)
{
    char text[SN_NUM_SIZE], raw[SN_NUM_SIZE];

    sn_num_sig(text, shown);
    sn_num_raw(raw, value);
    sn_table_set(t, column, text, *raw ? raw : NULL);
}

static void fill(const struct sn_group *g, const struct pair *p, const char *axis,
                 struct sn_scale time, const struct columns *c, struct sn_table *t)
{
    const struct sn_ratio *x = &p->ratio;
    char text[128], raw[SN_NUM_SIZE];

    sn_table_row(t);
    if (c->run != SIZE_MAX)
        sn_table_set(t, c->run, p->other->run->name, p->other->run->name);
    for (size_t a = 0; a < g->n_axes; a++)
        sn_table_set(
            t, c->axes[a], sn_line_param_pretty(g, p->other, g->axes[a], text, sizeof text),
            sn_row_param(p->other->row, g->axes[a]) ? sn_line_param(p->other, g->axes[a]) : NULL);
    sn_table_set(t, c->base, sn_line_param(p->base, axis), sn_line_param(p->base, axis));
    set_number(t, c->median, p->other->median / time.factor, p->other->median);
    set_number(t, c->base_median, p->base->median / time.factor, p->base->median);
    set_number(t, c->ratio, x->ratio, x->ratio);
    sn_table_set(t, c->interval, sn_num_interval(text, x->ratio, x->lo, x->hi), NULL);
    set_number(t, c->lo, x->lo, x->lo);
    set_number(t, c->hi, x->hi, x->hi);
    snprintf(raw, sizeof raw, "%zu", x->n);
    sn_table_set(t, c->n, x->n ? sn_num_count(text, x->n) : NULL, raw);
}

static void make_table(const struct sn_report *r, const struct sn_group *g, const struct pairs *p,
                       struct sn_table *out)
{
    double *medians = sn_calloc(2 * p->n + 1, sizeof *medians);
    struct sn_scale time;
    struct columns c;

    sn_table_init(out);
    for (size_t i = 0; i < p->n; i++) {
        medians[2 * i] = p->all[i].base->median;
        medians[2 * i + 1] = p->all[i].other->median;
    }
    time = sn_scale_choose("s", medians, 2 * p->n);
    if (p->n > 0) {
        add_columns(r, g, p, time, &c, out);
        for (size_t i = 0; i < p->n; i++)
            fill(g, &p->all[i], p->axis, time, &c, out);
        free(c.axes);
    }
    free(medians);
}

void sn_report_ratio_table(const struct sn_report *r, const struct sn_group *g,
                           struct sn_table *out)
{
    struct pairs p;

    find_pairs(r, g, &p);
    make_table(r, g, &p, out);
    free(p.all);
}

/* --- in words --------------------------------------------------------------------------------- */

static bool any(const struct pairs *p, bool in_turn)
{
    for (size_t i = 0; i < p->n; i++)
        if ((p->all[i].ratio.n > 0) == in_turn)
            return true;
    return false;
}

static void explain(const struct sn_group *g, const struct pairs *p, struct sn_doc *doc)
{
    sn_doc_para(doc,
                "Time of each %s over that of the base, the first of its case that ran: below 1 it "
                "is faster.",
                p->axis);
    if (g->merged)
        sn_doc_para(doc,
                    "From the medians of the launches, paired by launch: the ratio is the "
                    "Hodges-Lehmann centre of the logarithms (median of Walsh averages) with the "
                    "exact 95 %% interval of the signed ranks, from 6 launches on; 4 and 5 are "
                    "compared as two groups (Mann-Whitney); fewer have no interval.");
    else if (any(p, true))
        sn_doc_para(doc,
                    "Variants were sampled in turn, there and back (A B B A), in blocks of %d "
                    "samples. A pair is the medians of two blocks side by side; the ratio is the "
                    "Hodges-Lehmann centre of the logarithms of the pairs' ratios (median of Walsh "
                    "averages) with the exact 95 %% interval of the signed ranks, from 6 blocks "
                    "on. It tells of this launch; another start may differ by more (--launches).",
                    SN_TURN_BLOCK);
    if (!g->merged && any(p, false))
        sn_doc_para(doc, "Without a number of blocks: not sampled in turn, or not for one whole "
                         "block. The ratio is that of the medians; a drift between them is part "
                         "of it, so it has no interval.");
}

void sn_report_ratios(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    struct sn_table t;
    struct pairs p;

    find_pairs(r, g, &p);
    make_table(r, g, &p, &t);
    if (p.n > 0) {
        sn_doc_heading(doc, 3, "Variants compared");
        explain(g, &p, doc);
        sn_doc_table(doc, &t, NULL);
    }
    sn_table_free(&t);
    free(p.all);
}
