/* The draws of a case on the model clock, and what of them goes into the row. */
#include "harness/timeline.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/watch.h"

const struct sn_metric_doc sn_timeline_metric_docs[] = {
    {"last_die", "die", false, "the die that ended last in the median draw"},
    {0},
};

void sn_timeline_init(struct sn_timeline *t)
{
    *t = (struct sn_timeline){.limit_s = NAN, .last_die = -1};
}

void sn_timeline_part(struct sn_timeline *t, const char *part, double s)
{
    assert(isfinite(s) && s >= 0);
    unsigned i = 0;
    while (i < t->n_parts && strcmp(t->parts[i].part, part))
        i++;
    assert(i < SN_TIMELINE_PARTS && "too many parts");
    if (i == t->n_parts)
        t->parts[t->n_parts++] = (struct sn_part){part, 0};
    t->parts[i].s += s;
    t->s += s;
}

void sn_timeline_limit(struct sn_timeline *t, double s, const char *fmt, ...)
{
    va_list args;
    t->limit_s = s;
    va_start(args, fmt);
    vsnprintf(t->limit_why, sizeof t->limit_why, fmt, args);
    va_end(args);
}

void sn_timeline_flag(struct sn_timeline *t, const char *flag)
{
    for (unsigned i = 0; i < t->n_flags; i++)
        if (!strcmp(t->flags[i], flag))
            return;
    assert(t->n_flags < SN_TIMELINE_FLAGS && "too many flags");
    t->flags[t->n_flags++] = flag;
}

struct place {
    double s;
    unsigned draw;
};

static int by_time(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->s != y->s ? (x->s < y->s ? -1 : 1) : (x->draw > y->draw) - (x->draw < y->draw);
}

static const struct sn_timeline *median_draw(const struct sn_timeline *t, unsigned n)
{
    struct place *order = sn_calloc(n, sizeof *order);
    for (unsigned i = 0; i < n; i++)
        order[i] = (struct place){t[i].s, i};
    qsort(order, n, sizeof *order, by_time);
    unsigned median = order[(n - 1) / 2].draw;
    free(order);
    return &t[median];
}

static void fill_row(const struct sn_timeline *t, unsigned n, struct sn_row *row,
                     struct sn_timeline *median)
{
    double *samples = sn_calloc(n, sizeof *samples);
    for (unsigned i = 0; i < n; i++)
        samples[i] = t[i].s;
    sn_row_set_samples(row, samples, n);
    free(samples);
    row->stop = SN_STOP_MAX; /* all the draws there are */
    row->steady = true;
    const struct sn_timeline *m = median_draw(t, n);
    *median = *m;
    for (unsigned i = 0; i < m->n_parts; i++)
        sn_row_add_part(row, m->parts[i].part, m->parts[i].s);
    row->limit_s = m->limit_s;
    if (!isnan(m->limit_s))
        row->limit_why = sn_row_str(row, "%s%s%s", m->limit_why,
                                    m->bottleneck[0] ? "; bottleneck: " : "", m->bottleneck);
    for (unsigned i = 0; i < n; i++)
        for (unsigned f = 0; f < t[i].n_flags; f++)
            sn_row_add_flag(row, t[i].flags[f]);
}

int sn_timeline_run(struct sn_case *c, struct sn_row *row, struct sn_timeline *median)
{
    const struct sn_world *w = c->env->world;
    int status = SN_OK;
    if (w->rank == 0) {
        unsigned n = c->bench->draws ? c->bench->draws(c) : 1;
        struct sn_timeline *t = sn_calloc(n, sizeof *t);
        for (unsigned d = 0; d < n && status == SN_OK; d++) {
            sn_timeline_init(&t[d]);
            c->rep = d;
            status = c->bench->predict(c, &t[d]);
            sn_watch_tick(c->env->watch, false);
        }
        if (status == SN_OK)
            fill_row(t, n, row, median);
        free(t);
    }
    sn_world_rest(w);
    return sn_world_agree(w, status);
}

void sn_timeline_metrics(const struct sn_timeline *median, struct sn_row *row)
{
    if (median->last_die >= 0)
        sn_row_add_metric(row, sn_timeline_metric_docs, "last_die", (double)median->last_die);
}
