/* Which rows an entry means, what they say, and how far that is from what was expected. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/validate.h"

/* Rows and files have 12 digits: a figure at its bound must not fall on the wrong side of it. */
#define SLACK 1e-9

const char *sn_found_name(enum sn_verdict_of_entry v)
{
    static const char *const names[] = {
        [SN_FOUND_OK] = "ok",       [SN_FOUND_OUT] = "OUT",       [SN_FOUND_FAILED] = "FAILED",
        [SN_FOUND_SHOWN] = "shown", [SN_FOUND_ABSENT] = "absent", [SN_FOUND_MISSING] = "MISSING"};

    return names[v];
}

/* --- selecting -------------------------------------------------------------------------------- */

static const struct sn_expect_axis *find(const struct sn_expect_axes *x, const char *axis)
{
    for (size_t i = 0; i < x->n; i++)
        if (strcmp(x->axes[i].axis, axis) == 0)
            return &x->axes[i];
    return NULL;
}

static bool has_value(const struct sn_expect_axis *a, const struct sn_line *l)
{
    const struct sn_param *p = sn_row_param(l->row, a->axis);

    for (size_t v = 0; p && v < a->n_values; v++)
        if (strcmp(p->text, a->values[v]) == 0)
            return true;
    return false;
}

/* Does the line match `first`, and `match` in the axes that `first` does not name? */
static bool matches(const struct sn_line *l, const struct sn_expect_axes *first,
                    const struct sn_expect_axes *match)
{
    for (size_t i = 0; i < first->n; i++)
        if (!has_value(&first->axes[i], l))
            return false;
    for (size_t i = 0; i < match->n; i++)
        if (!find(first, match->axes[i].axis) && !has_value(&match->axes[i], l))
            return false;
    return true;
}

bool sn_expectation_means(const struct sn_expectations *x, const struct sn_expectation *e,
                          const struct sn_line *l, const char *but)
{
    if (e->has_minus || e->has_over || strcmp(e->bench, l->row->bench) ||
        (x->origin >= 0 && l->row->origin != (enum sn_origin)x->origin))
        return false;
    for (size_t i = 0; i < e->match.n; i++)
        if ((!but || strcmp(e->match.axes[i].axis, but)) && !has_value(&e->match.axes[i], l))
            return false;
    return true;
}

bool sn_expectations_alike(const struct sn_expectation *a, const struct sn_expectation *b)
{
    bool alike = !strcmp(a->bench, b->bench) && a->match.n == b->match.n;

    for (size_t i = 0; alike && i < a->match.n; i++) {
        const struct sn_expect_axis *x = &a->match.axes[i], *y = find(&b->match, x->axis);
        alike = y && x->n_values == y->n_values;
        for (size_t v = 0; alike && v < x->n_values; v++)
            alike = !strcmp(x->values[v], y->values[v]);
    }
    return alike;
}

/* Is every parameter of the lines the same, those named in `but` left out? */
static bool alike(const struct sn_line *a, const struct sn_line *b,
                  const struct sn_expect_axes *but)
{
    if (a->row->origin != b->row->origin || a->row->n_params != b->row->n_params)
        return false;
    for (size_t i = 0; i < a->row->n_params; i++) {
        const struct sn_param *p = &a->row->params[i], *q = sn_row_param(b->row, p->name);
        if (!find(but, p->name) && (!q || strcmp(p->text, q->text) != 0))
            return false;
    }
    return true;
}

/* --- figures ---------------------------------------------------------------------------------- */

/* A figure of a line, and what it would be if bandwidth were all there is. */
struct figure {
    double got, n1;
};

/* The time that the bytes alone would take: the lower bound without the latency in it. */
static double bandwidth_time(const struct sn_line *l)
{
    double s = l->limit;

    for (size_t i = 0; i < l->at->n_breakdown; i++)
        if (strcmp(l->at->breakdown[i].part, "latency") == 0)
            s -= l->at->breakdown[i].s;
    return s > 0 ? s : NAN;
}

static struct figure figure_of(const struct sn_line *l, const char *metric)
{
    const struct sn_metric *m = sn_row_metric(l->at, metric);

    if (strcmp(metric, "median") == 0)
        return (struct figure){l->median, bandwidth_time(l)};
    if (strcmp(metric, "p99") == 0)
        return (struct figure){l->p99, NAN};
    if (strcmp(metric, "limit") == 0)
        return (struct figure){l->limit, NAN};
    if (!m)
        return (struct figure){NAN, NAN};
    /* A rate is work over the median: the same work in less time is faster by the quotient. */
    if (strcmp(m->unit, "B/s") == 0 || strcmp(m->unit, "op/s") == 0)
        return (struct figure){m->value, m->value * l->median / bandwidth_time(l)};
    if (strcmp(m->unit, "s") == 0 && fabs(m->value - l->median) <= SLACK * l->median)
        return (struct figure){m->value, bandwidth_time(l)};
    return (struct figure){m->value, NAN};
}

static struct figure combine(const struct sn_expectation *e, struct figure of, struct figure minus,
                             struct figure over)
{
    struct figure f = of;

    if (e->has_minus)
        f = (struct figure){f.got - minus.got, f.n1 - minus.n1};
    if (e->has_over)
        f = (struct figure){f.got / over.got, f.n1 / over.n1};
    return f;
}

static double relative(double x, double to)
{
    return (x - to) / fabs(to);
}

static double error_of(const struct sn_expectation *e, double got)
{
    if (!e->range)
        return relative(got, e->expected);
    if (got < e->min)
        return e->min != 0 ? relative(got, e->min) : -INFINITY;
    if (got > e->max)
        return e->max != 0 ? relative(got, e->max) : INFINITY;
    return 0;
}

/* Orders figures from good to bad: the error, and inside a range how near the bound is. */
static double badness(const struct sn_expectation *e, double got)
{
    double error = fabs(error_of(e, got)), low = -INFINITY, high = -INFINITY;

    if (!e->range || error > 0)
        return error;
    if (isfinite(e->min))
        low = (e->min - got) / (e->min != 0 ? fabs(e->min) : 1);
    if (isfinite(e->max))
        high = (got - e->max) / (e->max != 0 ? fabs(e->max) : 1);
    return low > high ? low : high;
}

/* --- judging an entry ------------------------------------------------------------------------- */

struct judge {
    const struct sn_expectations *x;
    const struct sn_group *g;
    struct sn_finding *out;
    double worst;
};

/* Wrong data, or a path through which nothing passes: neither holds anything. */
static bool is_failed(const struct sn_line *l)
{
    return l->status == SN_ROW_FAILED || sn_row_is_cut(l->row);
}

static bool eligible(const struct judge *j, const struct sn_line *l)
{
    return (l->status != SN_ROW_SKIPPED || sn_row_is_cut(l->row)) &&
           (j->x->origin < 0 || l->row->origin == (enum sn_origin)j->x->origin);
}

static bool is_extrapolated(const struct sn_line *l)
{
    return l && sn_row_has_flag(l->at, "extrapolated");
}

static void judge_one(struct judge *j, const struct sn_line *l, const struct sn_line *minus,
                      const struct sn_line *over)
{
    struct sn_finding *out = j->out;
    const struct sn_expectation *e = out->e;
    const struct figure none = {NAN, NAN};
    bool failed = is_failed(l) || (minus && is_failed(minus)) || (over && is_failed(over));
    struct figure f =
        combine(e, figure_of(l, e->metric), minus ? figure_of(minus, e->metric) : none,
                over ? figure_of(over, e->metric) : none);
    double how = failed ? INFINITY : badness(e, f.got);

    if (!failed && !isfinite(f.got))
        return; /* the metric is not defined in this row */
    out->rows++;
    out->bad += failed || !(fabs(error_of(e, f.got)) <= e->tolerance + SLACK);
    if (out->line && !(how > j->worst))
        return;
    j->worst = how;
    out->line = l;
    out->got = failed ? NAN : f.got;
    out->error = failed ? NAN : error_of(e, f.got);
    out->n1 = failed ? NAN : f.n1;
    out->extrapolated = is_extrapolated(l) || is_extrapolated(minus) || is_extrapolated(over);
    out->verdict = failed ? SN_FOUND_FAILED : SN_FOUND_OK;
}

/* The lines that go with `l` in a difference or quotient: of its own run where that has any. */
static size_t partners(const struct judge *j, const struct sn_line *l,
                       const struct sn_expect_axes *axes, const struct sn_line **out)
{
    size_t n = 0, own = 0;

    for (size_t i = 0; i < j->g->n_lines; i++) {
        const struct sn_line *p = &j->g->lines[i];
        if (!eligible(j, p) || !matches(p, axes, &j->out->e->match) || !alike(l, p, axes))
            continue;
        if (p->run == l->run) { /* those of its own run come first */
            out[n++] = out[own];
            out[own++] = p;
        } else {
            out[n++] = p;
        }
    }
    return own ? own : n;
}

static void judge_line(struct judge *j, const struct sn_line *l)
{
    const struct sn_expectation *e = j->out->e;
    const struct sn_line **minus = sn_calloc(j->g->n_lines + 1, sizeof *minus);
    const struct sn_line **over = sn_calloc(j->g->n_lines + 1, sizeof *over);
    size_t n_minus = e->has_minus ? partners(j, l, &e->minus, minus) : 1;
    size_t n_over = e->has_over ? partners(j, l, &e->over, over) : 1;

    for (size_t a = 0; a < n_minus; a++)
        for (size_t b = 0; b < n_over; b++)
            judge_one(j, l, minus[a], over[b]);
    free(minus);
    free(over);
}

static bool is_judged(const struct sn_expectation *e)
{
    return e->class != SN_EXPECT_IDENTITY && e->class != SN_EXPECT_PROJECTION;
}

/* Mean of the calibration figures of the quantity: as good as nothing known but their size. */
static double mean_of_quantity(const struct sn_expectations *x, const struct sn_expectation *e)
{
    const struct sn_expectation *only = NULL;
    double sum = 0;
    size_t n = 0;

    if (!e->quantity || e->range)
        return NAN;
    for (size_t i = 0; i < x->n; i++) {
        const struct sn_expectation *c = &x->entries[i];
        if (c->class != SN_EXPECT_CALIBRATION || c->range || !c->quantity ||
            strcmp(c->quantity, e->quantity) != 0 || strcmp(c->unit, e->unit) != 0)
            continue;
        sum += c->expected;
        only = c;
        n++;
    }
    return n == 0 || (n == 1 && only == e) ? NAN : sum / (double)n;
}

static void judge_entry(const struct sn_expectations *x, const struct sn_report *r,
                        struct sn_finding *out)
{
    const struct sn_expectation *e = out->e;
    struct judge j = {.x = x, .out = out, .worst = -INFINITY};

    for (size_t g = 0; g < r->n_groups; g++) {
        if (strcmp(r->groups[g].bench, e->bench) != 0)
            continue;
        j.g = &r->groups[g];
        for (size_t i = 0; i < j.g->n_lines; i++)
            if (eligible(&j, &j.g->lines[i]) && matches(&j.g->lines[i], &e->match, &e->match))
                judge_line(&j, &j.g->lines[i]);
    }
    out->n0 = mean_of_quantity(x, e);
    if (!out->line)
        out->verdict = e->required && is_judged(e) ? SN_FOUND_MISSING : SN_FOUND_ABSENT;
    else if (!is_judged(e))
        out->verdict = SN_FOUND_SHOWN;
    else if (out->verdict == SN_FOUND_OK && out->bad > 0)
        out->verdict = SN_FOUND_OUT;
}

void sn_findings_make(const struct sn_expectations *x, const struct sn_report *r,
                      struct sn_findings *out)
{
    *out = (struct sn_findings){.findings = sn_calloc(x->n + 1, sizeof *out->findings), .n = x->n};
    for (size_t i = 0; i < x->n; i++) {
        struct sn_finding *f = &out->findings[i];
        *f = (struct sn_finding){
            .e = &x->entries[i], .got = NAN, .error = NAN, .n0 = NAN, .n1 = NAN};
        judge_entry(x, r, f);
        out->matched += f->line != NULL;
        out->failing += f->verdict == SN_FOUND_OUT || f->verdict == SN_FOUND_FAILED ||
                        f->verdict == SN_FOUND_MISSING;
    }
}

void sn_findings_free(struct sn_findings *f)
{
    free(f->findings);
    *f = (struct sn_findings){0};
}

/* --- errors of a class ------------------------------------------------------------------------ */

struct sn_errors sn_findings_errors(const struct sn_findings *f, enum sn_expect_class class)
{
    struct sn_errors s = {.largest = NAN};
    double sum = 0, absolute = 0, n0 = 0, n1 = 0;

    for (size_t i = 0; i < f->n; i++) {
        const struct sn_finding *k = &f->findings[i];
        if (k->e->class != class || !k->line || !is_judged(k->e))
            continue;
        s.judged++;
        s.within += k->verdict == SN_FOUND_OK;
        if (k->e->range || !isfinite(k->error))
            continue;
        s.n++;
        sum += k->error;
        absolute += fabs(k->error);
        if (isnan(s.largest) || fabs(k->error) > fabs(s.largest)) {
            s.largest = k->error;
            s.largest_id = k->e->id;
        }
        if (isfinite(k->n0)) {
            n0 += fabs(relative(k->n0, k->e->expected));
            s.n_n0++;
        }
        if (isfinite(k->n1)) {
            n1 += fabs(relative(k->n1, k->e->expected));
            s.n_n1++;
        }
    }
    s.mean = s.n ? sum / (double)s.n : NAN;
    s.mape = s.n ? absolute / (double)s.n : NAN;
    s.n0 = s.n_n0 ? n0 / (double)s.n_n0 : NAN;
    s.n1 = s.n_n1 ? n1 / (double)s.n_n1 : NAN;
    return s;
}
