/* The life of several cases that compete, side by side. */
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/mem_mix.h"
#include "harness/base/status.h"
#include "harness/case_parts.h"

/* Most bytes by which blocks of mixed memory, each whole pages, may pass what they hold. */
#define ROUNDING ((uint64_t)512 << 20)

struct rival {
    const struct sn_plan_case *plan;
    struct sn_case c;
    struct sn_row *row;
    bool open; /* teardown is due */
};

struct rivals {
    struct rival *all;
    size_t n;
    const struct sn_env *env;
    const struct sn_case_opts *o;
    const struct sn_turn_hook *hook;
    size_t *playing; /* which of them are sampled */
};

static void take(const struct rivals *r, size_t i)
{
    if (r->hook && r->hook->take)
        r->hook->take(r->hook->arg, i);
}

/* Bytes of all that can run, at a time. Rank 0's view, for all. */
static uint64_t memory_together(const struct rivals *r)
{
    uint64_t sum = 0, memory;

    for (size_t i = 0; i < r->n && r->env->world->rank == 0; i++) {
        struct sn_row scratch;
        sn_row_init(&scratch);
        if (!sn_case_unsupported(r->all[i].plan, r->env, r->o, &scratch, &memory))
            sum = sum + memory < sum ? UINT64_MAX : sum + memory;
        sn_row_free(&scratch);
    }
    MPI_Bcast(&sum, 1, MPI_UINT64_T, 0, r->env->world->comm);
    return sum;
}

static int one_after_the_other(const struct rivals *r)
{
    int status = SN_OK;

    for (size_t i = 0; i < r->n && status == SN_OK; i++) {
        take(r, i);
        status = sn_case_run(r->all[i].plan, r->env, r->o, r->all[i].row);
        if (r->all[i].row->status != SN_ROW_SKIPPED)
            sn_row_add_flag(r->all[i].row, SN_FLAG_NOT_INTERLEAVED);
    }
    return status;
}

/* The hook counts all rivals, the sampler those that it got. */
static void take_playing(void *arg, size_t i)
{
    const struct rivals *r = arg;

    take(r, r->playing[i]);
}

static int sample(struct rivals *r)
{
    const struct sn_turn_hook hook = {take_playing, r};
    struct sn_turn *turns = sn_calloc(r->n, sizeof *turns);
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        struct rival *v = &r->all[i];
        if (!v->open || v->row->status != SN_ROW_OK)
            continue;
        turns[n] = (struct sn_turn){.c = &v->c, .row = v->row};
        r->playing[n++] = i;
    }
    int status = n ? sn_sample_turns(turns, n, &r->o->sample, r->o->counters, &hook) : SN_OK;
    free(turns);
    return status;
}

static void set_up(struct rivals *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct rival *v = &r->all[i];
        take(r, i);
        v->open = sn_case_begin(&v->c, v->plan, r->env, r->o, v->row);
        if (v->open && sn_case_set_up(&v->c, v->row) != SN_OK)
            sn_case_failed(v->row);
    }
}

/* With SN_EINTR only to be torn down. */
static void end(struct rivals *r, int status)
{
    struct sn_timeline none;

    sn_timeline_init(&none);
    for (size_t i = 0; i < r->n; i++) {
        struct rival *v = &r->all[i];
        if (!v->open)
            continue;
        take(r, i);
        if (status == SN_EINTR) {
            v->c.bench->teardown(&v->c);
            continue;
        }
        if (v->row->status == SN_ROW_OK && sn_case_verify_after(&v->c, v->row) != SN_OK)
            sn_case_failed(v->row);
        sn_case_end(&v->c, &none, v->row);
    }
}

int sn_case_run_rivals(const struct sn_plan_case *const *cases, size_t n, const struct sn_env *env,
                       const struct sn_case_opts *o, const struct sn_turn_hook *hook,
                       struct sn_row *const *rows)
{
    struct rivals r = {.all = sn_calloc(n, sizeof *r.all),
                       .n = n,
                       .env = env,
                       .o = o,
                       .hook = hook,
                       .playing = sn_calloc(n, sizeof *r.playing)};
    uint64_t memory;
    int status;

    for (size_t i = 0; i < n; i++)
        r.all[i] = (struct rival){.plan = cases[i], .row = rows[i]};
    memory = n > 1 ? memory_together(&r) : 0;
    if (o->memory_limit && memory > o->memory_limit) {
        status = one_after_the_other(&r);
    } else {
        if (memory)
            sn_mem_mix_open(memory + (memory < ROUNDING ? memory : ROUNDING), env->seed);
        set_up(&r);
        sn_mem_mix_close();
        status = sample(&r);
        end(&r, status);
    }
    free(r.playing);
    free(r.all);
    return status;
}
