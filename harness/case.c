#include "harness/case_parts.h"

#include <math.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/watch.h"

const char *sn_case_unsupported(const struct sn_plan_case *pc, const struct sn_env *env,
                                const struct sn_case_opts *o, struct sn_row *row, uint64_t *memory)
{
    const struct sn_bench *b = pc->bench;
    struct sn_case c = {.bench = b, .values = pc->values, .env = env, .batch = 1};
    *memory = 0;
    if (!(b->clocks & o->clock))
        return sn_row_str(row, "%s has no %s clock", b->name,
                          o->clock == SN_CLOCK_MODEL ? "model" : "wall");
    const char *reason = b->unsupported ? b->unsupported(&c) : NULL;
    if (reason)
        return sn_row_str(row, "%s", reason);
    *memory = b->memory ? b->memory(&c) : 0;
    if (o->memory_limit && *memory > o->memory_limit) {
        char need[32], limit[32];
        sn_units_format(need, sizeof need, (double)*memory, SN_UNIT_BYTES);
        sn_units_format(limit, sizeof limit, (double)o->memory_limit, SN_UNIT_BYTES);
        return sn_row_str(row,
                          "needs %s of memory per rank, the limit here is %s (memory and /dev/shm)",
                          need, limit);
    }
    return NULL;
}

/* Rank 0's reason on every rank: `unsupported` may look at the machine, and all must take the same
 * way. */
static const char *agree_reason(const struct sn_world *w, const char *reason, struct sn_row *row)
{
    char text[512] = "";
    if (w->rank == 0 && reason)
        snprintf(text, sizeof text, "%s", reason);
    MPI_Bcast(text, sizeof text, MPI_CHAR, 0, w->comm);
    return text[0] ? sn_row_str(row, "%s", text) : NULL;
}

/* Adds up the checks of all ranks; keeps the first error of the lowest rank. */
static void reduce_check(const struct sn_world *w, struct sn_check *k)
{
    uint64_t sums[2] = {k->compared, k->errors};
    int mine = k->errors ? w->rank : w->size, first;
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, w->comm);
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, w->comm);
    k->compared = sums[0];
    k->errors = sums[1];
    if (first < w->size)
        MPI_Bcast(k->first, sizeof k->first, MPI_CHAR, first, w->comm);
}

/* One verification; the row's check keeps the sum of all and the first error. Returns SN_EVERIFY
 * when anything was wrong, or when nothing was compared: a check that compared nothing has not
 * passed. */
static int verify(struct sn_case *c, const char *phase, struct sn_row *row)
{
    const struct sn_world *w = c->env->world;
    struct sn_check k = {0};
    sn_watch_phase(c->env->watch, phase);
    sn_watch_tick(c->env->watch, false);
    int status = c->bench->verify(c, &k);
    sn_watch_tick(c->env->watch, true); /* what hangs is found among those that do not wait */
    status = sn_world_agree(w, status);
    if (status != SN_OK)
        return status;
    reduce_check(w, &k);
    row->check.what = k.what ? sn_row_str(row, "%s", k.what) : row->check.what;
    row->check.compared += k.compared;
    row->check.errors += k.errors;
    row->check.tolerance = k.tolerance;
    if (k.errors && !row->check.first)
        row->check.first = sn_row_str(row, "%s", k.first);
    int other = w->rank == 0 && row->check.checksum && strcmp(row->check.checksum, k.checksum);
    if (k.checksum[0])
        row->check.checksum = sn_row_str(row, "%s", k.checksum);
    MPI_Bcast(&other, 1, MPI_INT, 0, w->comm);
    if (k.errors)
        return SN_FAIL(SN_EVERIFY, "%s: %llu of %llu wrong; first: %s", phase,
                       (unsigned long long)k.errors, (unsigned long long)k.compared, k.first);
    if (!k.compared)
        return SN_FAIL(SN_EVERIFY, "%s: the check compared nothing", phase);
    if (other)
        return SN_FAIL(SN_EVERIFY, "%s: another checksum than before", phase);
    return SN_OK;
}

int sn_case_set_up(struct sn_case *c, struct sn_row *row)
{
    const struct sn_world *w = c->env->world;
    sn_watch_phase(c->env->watch, "setup");
    sn_watch_tick(c->env->watch, false);
    int status = c->bench->setup(c);
    sn_watch_tick(c->env->watch, true);
    status = sn_world_agree(w, status);
    return status == SN_OK ? verify(c, "verify before", row) : status;
}

int sn_case_verify_after(struct sn_case *c, struct sn_row *row)
{
    return verify(c, "verify after", row);
}

static void finish_row(const struct sn_case *c, const struct sn_timeline *median,
                       struct sn_row *row)
{
    sn_row_compute(row); /* statistics first: metrics are made of them */
    c->bench->metrics(c, row);
    sn_timeline_metrics(median, row);
    sn_row_compute(row); /* and the efficiency, now that the limit is known */
}

void sn_case_place(const struct sn_plan_case *pc, const struct sn_env *env,
                   enum sn_clock_kind clock, struct sn_row *row)
{
    const struct sn_world *w = env->world;
    const struct sn_case c = {.bench = pc->bench, .values = pc->values, .env = env, .batch = 1};
    row->batch = 1;
    row->endpoints = pc->bench->endpoints      ? (int)pc->bench->endpoints(&c)
                     : clock == SN_CLOCK_MODEL ? -1
                                               : w->size;
    if (clock == SN_CLOCK_MODEL) { /* the same rows whatever the number of ranks */
        row->clock = "model";
        row->origin = SN_ORIGIN_MODELLED;
        row->ranks = -1;
        return;
    }
    row->clock = "wall";
    row->ranks = w->size;
    row->origin =
        w->oversubscribed || row->endpoints > w->size ? SN_ORIGIN_EMULATED : SN_ORIGIN_MEASURED;
}

bool sn_case_begin(struct sn_case *c, const struct sn_plan_case *pc, const struct sn_env *env,
                   const struct sn_case_opts *o, struct sn_row *row)
{
    uint64_t memory;

    *c = (struct sn_case){.bench = pc->bench, .values = pc->values, .env = env, .batch = 1};
    sn_case_place(pc, env, o->clock, row);
    const char *reason = sn_case_unsupported(pc, env, o, row, &memory);
    reason = agree_reason(env->world, reason, row);
    if (!reason)
        return true;
    row->status = SN_ROW_SKIPPED;
    row->reason = reason;
    return false;
}

void sn_case_failed(struct sn_row *row)
{
    row->status = SN_ROW_FAILED;
    row->reason = sn_row_str(row, "%s", sn_status_message());
}

void sn_case_end(struct sn_case *c, const struct sn_timeline *median, struct sn_row *row)
{
    if (row->status == SN_ROW_OK && c->env->world->rank == 0)
        finish_row(c, median, row);
    sn_watch_phase(c->env->watch, "teardown");
    sn_watch_tick(c->env->watch, false);
    c->bench->teardown(c);
}

/* What is measured or computed of a case that is set up. */
static int measure(struct sn_case *c, const struct sn_case_opts *o, struct sn_row *row,
                   struct sn_timeline *median)
{
    if (o->clock == SN_CLOCK_MODEL) {
        sn_watch_phase(c->env->watch, "predict");
        return sn_timeline_run(c, row, median);
    }
    int status = sn_sample(c, &o->sample, o->counters, row);
    return status == SN_OK ? sn_case_verify_after(c, row) : status;
}

int sn_case_run(const struct sn_plan_case *pc, const struct sn_env *env,
                const struct sn_case_opts *o, struct sn_row *row)
{
    struct sn_case c;
    struct sn_timeline median;

    if (!sn_case_begin(&c, pc, env, o, row))
        return SN_OK;
    sn_timeline_init(&median);
    int status = sn_case_set_up(&c, row);
    if (status == SN_OK)
        status = measure(&c, o, row, &median);
    if (status == SN_EINTR) {
        c.bench->teardown(&c);
        return status;
    }
    if (status != SN_OK)
        sn_case_failed(row);
    sn_case_end(&c, &median, row);
    return SN_OK;
}
