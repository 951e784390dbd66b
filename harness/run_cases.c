#include "harness/run_cases.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/rivals.h"
#include "harness/run_spread.h"
#include "harness/watch.h"

/* One case of a set of rivals. */
struct entry {
    size_t at; /* in the plan */
    char *label;
    struct sn_row row;
    bool stored;      /* by an earlier start */
    int64_t spent_ns; /* until its last turn ended */
};

struct set {
    struct sn_run_cases *r;
    struct entry *entries;
    size_t n;
    size_t *missing; /* entries without a row */
    size_t n_missing;
    struct entry *on; /* whose turn it is; NULL: nobody's yet */
    int64_t since_ns;
};

void sn_run_cases_row(const struct sn_run_cases *r, size_t i, struct sn_row *row)
{
    sn_row_init(row);
    sn_plan_row(&r->plan->cases[i], r->o->seed, row);
    row->launch = r->o->launch < 0 ? 0 : r->o->launch;
}

void sn_run_cases_timed_out(struct sn_run_cases *r, const char *text)
{
    struct sn_row row;

    if (r->current >= r->plan->n)
        return;
    sn_run_cases_row(r, r->current, &row);
    row.status = SN_ROW_FAILED;
    sn_case_place(&r->plan->cases[r->current], r->env, r->o->clock, &row);
    row.reason = sn_row_str(&row, "%s", text);
    sn_rundir_append(r->dir, &row);
    sn_row_free(&row);
}

/* The watch counts for each case only the time that was its own. */
static void take_turn(void *arg, size_t i)
{
    struct set *s = arg;
    struct entry *e = &s->entries[s->missing[i]];
    int64_t now = sn_clock_ns();

    if (s->on)
        s->on->spent_ns += now - s->since_ns;
    s->on = e;
    s->since_ns = now;
    s->r->current = e->at;
    sn_watch_go_on(s->r->env->watch, e->label, e->spent_ns);
}

bool sn_run_cases_stored(const struct sn_run_cases *r, size_t i)
{
    int stored =
        r->dir && sn_rundir_has(r->dir, r->plan->cases[i].id, r->o->launch < 0 ? 0 : r->o->launch);

    MPI_Bcast(&stored, 1, MPI_INT, 0, r->env->world->comm);
    return stored;
}

static void open_set(struct set *s, struct sn_run_cases *r, const size_t *order, size_t n)
{
    *s = (struct set){.r = r,
                      .n = n,
                      .entries = sn_calloc(n, sizeof *s->entries),
                      .missing = sn_calloc(n, sizeof *s->missing)};
    for (size_t i = 0; i < n; i++) {
        struct entry *e = &s->entries[i];
        e->at = order[i];
        e->label = sn_plan_label(&r->plan->cases[e->at]);
        sn_run_cases_row(r, e->at, &e->row);
        e->stored = sn_run_cases_stored(r, e->at);
        if (!e->stored)
            s->missing[s->n_missing++] = i;
    }
}

static void close_set(struct set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->entries[i].label);
        sn_row_free(&s->entries[i].row);
    }
    free(s->entries);
    free(s->missing);
}

static int run_together(struct set *s)
{
    const struct sn_plan_case **cases = sn_calloc(s->n, sizeof *cases);
    struct sn_row **rows = sn_calloc(s->n, sizeof *rows);
    const struct sn_turn_hook hook = {take_turn, s};

    for (size_t i = 0; i < s->n; i++) {
        cases[i] = &s->r->plan->cases[s->entries[i].at];
        rows[i] = &s->entries[i].row;
    }
    if (s->r->env->world->rank == 0)
        sn_progress_case(&s->r->progress, s->entries[0].label);
    int status = sn_case_run_rivals(cases, s->n, s->r->env, s->r->case_opts, &hook, rows);
    free(cases);
    free(rows);
    return status;
}

static int run_missing(struct set *s, size_t i)
{
    struct entry *e = &s->entries[s->missing[i]];

    take_turn(s, i);
    if (s->r->env->world->rank == 0)
        sn_progress_case(&s->r->progress, e->label);
    int status = sn_case_run(&s->r->plan->cases[e->at], s->r->env, s->r->case_opts, &e->row);
    if (s->n > 1 && e->row.status != SN_ROW_SKIPPED)
        sn_row_add_flag(&e->row, SN_FLAG_NOT_INTERLEAVED);
    return status;
}

int sn_run_cases_store(struct sn_run_cases *r, const char *label, bool stored,
                       const struct sn_row *row)
{
    int status = SN_OK;

    sn_progress_row(&r->progress, label, stored ? NULL : row);
    if (!stored)
        status = sn_rundir_append(r->dir, row);
    if (row->status == SN_ROW_FAILED) {
        sn_progress_close(&r->progress);
        fprintf(stderr, "snbench: FAILED %s: %s\n", label, row->reason);
    }
    r->failed += row->status == SN_ROW_FAILED;
    return status;
}

/* The same where all ranks have run it. */
static int store(struct sn_run_cases *r, const struct entry *e)
{
    int status = SN_OK;

    if (r->env->world->rank == 0)
        status = sn_run_cases_store(r, e->label, e->stored, &e->row);
    else
        r->failed += e->row.status == SN_ROW_FAILED;
    return sn_world_agree(r->env->world, status);
}

static int run_set(struct sn_run_cases *r, const size_t *order, size_t n)
{
    struct set s;
    int status = SN_OK;

    open_set(&s, r, order, n);
    if (s.n_missing == n && n > 1) {
        status = run_together(&s);
        sn_watch_case(r->env->watch, NULL);
        for (size_t i = 0; i < n && status == SN_OK; i++)
            status = store(r, &s.entries[i]);
    } else {
        for (size_t i = 0, k = 0; i < n && status == SN_OK; i++) {
            if (!s.entries[i].stored) {
                status = run_missing(&s, k++);
                sn_watch_case(r->env->watch, NULL);
            }
            if (status == SN_OK)
                status = store(r, &s.entries[i]);
        }
    }
    close_set(&s);
    return status;
}

int sn_run_cases(struct sn_run_cases *r)
{
    struct sn_rivals rivals;
    int status = SN_OK;

    sn_rivals_find(&rivals, r->plan);
    sn_progress_open(&r->progress, r->plan->n, r->o->quiet || r->env->world->rank != 0,
                     r->o->verbose, r->o->progress);
    for (size_t k = 0, end; k < rivals.n && status == SN_OK; k = end) {
        for (end = k; end < rivals.n && sn_run_spreads(r, rivals.order[rivals.start[end]]);)
            end++;
        bool spread = end > k;
        end += !spread;
        const size_t *order = &rivals.order[rivals.start[k]];
        size_t n = rivals.start[end] - rivals.start[k];
        status = spread ? sn_run_spread(r, order, n) : run_set(r, order, n);
    }
    sn_progress_close(&r->progress);
    sn_rivals_free(&rivals);
    return status;
}
