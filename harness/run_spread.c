/* Cases shared out over the ranks: harness/run_spread.h. */
#include "harness/run_spread.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/watch.h"

enum { TAG = 0x5d };

/* The only axis in which two cases of a benchmark differ, -1: another benchmark, or several. */
static int differ_in(const struct sn_plan_case *a, const struct sn_plan_case *b)
{
    int axis = -1;
    if (a->bench != b->bench)
        return -1;
    for (size_t i = 0; i < sn_bench_axis_count(a->bench); i++)
        if (strcmp(a->values[i].text, b->values[i].text) != 0) {
            if (axis >= 0)
                return -1;
            axis = (int)i;
        }
    return axis;
}

/* group (n): numbers of runs of neighbours that differ in one axis; how many there are. */
static size_t find_groups(const struct sn_run_cases *r, const size_t *order, size_t n,
                          const bool *stored, size_t *group)
{
    const struct sn_plan_case *before = NULL;
    size_t groups = 0;
    int axis = -1;
    for (size_t i = 0; i < n; i++) {
        const struct sn_plan_case *pc = &r->plan->cases[order[i]];
        if (stored[i])
            continue;
        int now = before ? differ_in(before, pc) : -1;
        bool same = groups && now >= 0 && (axis < 0 || now == axis);
        axis = same ? now : -1;
        groups += !same;
        group[i] = groups - 1;
        before = pc;
    }
    return groups;
}

/* owner (n): groups in turn; where there are few groups, cases in turn. Not to and fro, though
 * costs mostly rise along a sweep: rank 0 stores in the order of the plan, and the last group would
 * often be its own, begun when all others are done. */
static void deal(const struct sn_run_cases *r, const size_t *order, size_t n, const bool *stored,
                 int *owner)
{
    size_t size = (size_t)r->env->world->size, *group = sn_calloc(n + 1, sizeof *group), k = 0;
    bool few = find_groups(r, order, n, stored, group) < 2 * size;
    for (size_t i = 0; i < n; i++) {
        owner[i] = (int)((few ? k : group[i]) % size);
        k += !stored[i];
    }
    free(group);
}

/* What a rank says of a case: its status, then the row as a line. */
struct sent {
    struct sn_buf text;
    MPI_Request request;
};

bool sn_run_spreads(const struct sn_run_cases *r, size_t i)
{
    return r->o->clock == SN_CLOCK_MODEL && r->env->world->size > 1 &&
           (r->plan->cases[i].bench->flags & SN_BENCH_SPREAD);
}

/* The world as one rank alone sees it. */
static struct sn_world alone(const struct sn_world *w)
{
    struct sn_world solo = *w;
    solo.comm = solo.host_comm = MPI_COMM_SELF;
    solo.rank = 0;
    solo.size = solo.hosts = solo.machines = solo.host_ranks = 1;
    solo.oversubscribed = false;
    solo.common_clock = true;
    return solo;
}

static int run_alone(struct sn_run_cases *r, size_t at, const char *label, struct sn_row *row)
{
    struct sn_world solo = alone(r->env->world);
    struct sn_env env = *r->env;
    env.world = &solo;
    r->current = at;
    sn_watch_case(r->env->watch, label);
    int status = sn_case_run(&r->plan->cases[at], &env, r->case_opts, row);
    sn_watch_case(r->env->watch, NULL);
    return status;
}

static void send_row(const struct sn_world *w, int status, const struct sn_row *row, struct sent *s)
{
    sn_buf_addf(&s->text, "%d ", status);
    sn_row_encode(row, &s->text);
    MPI_Isend(s->text.data, (int)s->text.len, MPI_CHAR, 0, TAG, w->comm, &s->request);
}

/* The row that `from` made of the case; its failure has the words of a failed row, or none. */
static int receive_row(struct sn_run_cases *r, int from, size_t at, const char *label,
                       struct sn_row *row)
{
    MPI_Status m;
    int n, here = 0;
    r->current = at;
    sn_watch_case(r->env->watch, label);
    sn_watch_tick(r->env->watch, true);
    while (!here) { /* gives the core to who computes */
        MPI_Iprobe(from, TAG, r->env->world->comm, &here, &m);
        if (!here)
            sn_clock_wait_until(sn_clock_ns() + 200000, true);
    }
    MPI_Get_count(&m, MPI_CHAR, &n);
    char *text = sn_calloc((size_t)n + 1, 1), *line;
    MPI_Recv(text, n, MPI_CHAR, from, TAG, r->env->world->comm, MPI_STATUS_IGNORE);
    sn_watch_case(r->env->watch, NULL);
    int status = (int)strtol(text, &line, 10);
    if (status == SN_OK) {
        sn_row_free(row);
        status = sn_row_decode(row, line + 1, strcspn(line + 1, "\n"));
    } else {
        SN_FAIL(status, "rank %d: %s ended", from, label);
    }
    free(text);
    return status;
}

/* Rank 0: its own cases and the others' rows, in the order of the plan. After a failure, or a
 * signal, it runs no more of its own, and stores what the others have. */
static int collect(struct sn_run_cases *r, const size_t *order, size_t n, const bool *stored,
                   const int *owner)
{
    int status = SN_OK;
    for (size_t i = 0; i < n; i++) {
        struct sn_row row;
        char *label = sn_plan_label(&r->plan->cases[order[i]]);
        int mine = SN_OK;
        sn_run_cases_row(r, order[i], &row);
        if (!stored[i] && (owner[i] || status == SN_OK)) {
            sn_progress_case(&r->progress, label);
            mine = owner[i] ? receive_row(r, owner[i], order[i], label, &row)
                            : run_alone(r, order[i], label, &row);
        }
        if (mine == SN_OK && !stored[i] && (owner[i] || status == SN_OK))
            mine = sn_run_cases_store(r, label, false, &row);
        else if (stored[i] && status == SN_OK)
            mine = sn_run_cases_store(r, label, true, &row);
        status = status ? status : mine;
        free(label);
        sn_row_free(&row);
    }
    return status;
}

static void work(struct sn_run_cases *r, const size_t *order, size_t n, const bool *stored,
                 const int *owner, struct sent *sent)
{
    const struct sn_world *w = r->env->world;
    int status = SN_OK;
    for (size_t i = 0; i < n; i++) {
        struct sn_row row;
        if (stored[i] || owner[i] != w->rank)
            continue;
        char *label = sn_plan_label(&r->plan->cases[order[i]]);
        sn_run_cases_row(r, order[i], &row);
        if (status == SN_OK)
            status = run_alone(r, order[i], label, &row);
        send_row(w, status, &row, &sent[i]);
        sn_row_free(&row);
        free(label);
    }
}

int sn_run_spread(struct sn_run_cases *r, const size_t *order, size_t n)
{
    const struct sn_world *w = r->env->world;
    bool *stored = sn_calloc(n, sizeof *stored);
    struct sent *sent = sn_calloc(n, sizeof *sent);
    int *owner = sn_calloc(n, sizeof *owner);
    int status = SN_OK;
    for (size_t i = 0; i < n; i++) {
        sent[i].request = MPI_REQUEST_NULL;
        stored[i] = sn_run_cases_stored(r, order[i]);
    }
    deal(r, order, n, stored, owner);
    if (w->rank == 0)
        status = collect(r, order, n, stored, owner);
    else
        work(r, order, n, stored, owner, sent);
    sn_watch_tick(r->env->watch, true);
    sn_world_rest(w);
    for (size_t i = 0; i < n; i++) {
        MPI_Wait(&sent[i].request, MPI_STATUS_IGNORE);
        sn_buf_free(&sent[i].text);
    }
    free(sent);
    free(owner);
    free(stored);
    r->current = r->plan->n;
    MPI_Bcast(&r->failed, sizeof r->failed, MPI_BYTE, 0, w->comm);
    return sn_world_agree(w, status);
}
