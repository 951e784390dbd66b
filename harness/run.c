#include "harness/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <mpi.h>

#include "harness/base/mem.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/datadir.h"
#include "harness/launch.h"
#include "harness/manifest.h"
#include "harness/published.h"
#include "harness/run_cases.h"
#include "harness/suite.h"
#include "harness/watch.h"

/* Share of the free memory that the cases of a host may take together. */
static const double memory_share = 0.8;

struct run {
    const struct sn_options *o;
    const struct sn_app *app;
    struct sn_world world;
    struct sn_plan plan;
    struct sn_steps steps; /* of a suite */
    json_t *figures;       /* the same, or NULL */
    struct sn_roofs roofs;
    enum { ROOFS_NONE, ROOFS_OWN, ROOFS_GIVEN } found; /* in this directory, by --roofs */
    struct sn_env env;
    struct sn_case_opts case_opts;
    struct sn_datadir data;
    struct sn_rundir *dir; /* on rank 0 */
    char *path;            /* of the run directory, on rank 0 */
    struct sn_run_cases cases;
    int signal;
    double clock_residual_s; /* how far the ranks' clocks were from what the run took them for */
};

static int read_figures(struct run *r, const struct sn_suite *suite)
{
    struct sn_published published;
    sn_published_open(&published, r->data.results, r->app);
    int status = sn_suite_figures(suite, r->app, &r->plan, &published, &r->figures);
    sn_published_close(&published);
    return status;
}

static int make_plan(struct run *r)
{
    const struct sn_options *o = r->o;
    sn_plan_init(&r->plan, o->seed, r->world.size);
    r->plan.clock = o->clock;
    r->plan.profile = o->profile;
    r->plan.degrade = o->degrade;
    r->plan.device = o->device;
    if (o->suite) {
        if (o->n_args)
            return SN_FAIL(SN_EINVAL,
                           "'%s': a suite takes no benchmark and no axes; leave out either",
                           o->args[0]);
        struct sn_suite suite;
        int status = sn_suite_load(&suite, o->suite, r->data.suites);
        if (status != SN_OK)
            return status;
        status = sn_suite_plan(&suite, r->app, &r->plan, &r->steps);
        if (status == SN_OK)
            status = read_figures(r, &suite);
        sn_suite_free(&suite);
        return status;
    }
    if (!o->n_args)
        return SN_FAIL(SN_EINVAL,
                       "run what? name a benchmark (`snbench list benchmarks`) or --suite NAME");
    return sn_plan_add(&r->plan, r->app, o->args[0], o->args + 1, o->n_args - 1);
}

/* Bad files that cases name are found before anything is measured or written. */
static int check_inputs(const struct run *r)
{
    int status = SN_OK;
    for (size_t i = 0; i < r->plan.n && status == SN_OK && r->world.rank == 0; i++) {
        const struct sn_plan_case *pc = &r->plan.cases[i];
        const struct sn_case c = {
            .bench = pc->bench, .values = pc->values, .env = &r->env, .batch = 1};
        if (pc->bench->inputs && !(pc->bench->unsupported && pc->bench->unsupported(&c)))
            status = pc->bench->inputs(&c);
    }
    return sn_world_agree(&r->world, status);
}

static void dry_run(struct run *r)
{
    uint64_t most = 0;
    size_t runs = 0;
    for (size_t i = 0; i < r->plan.n; i++) {
        struct sn_row row;
        uint64_t memory;
        sn_run_cases_row(&r->cases, i, &row);
        char *label = sn_plan_label(&r->plan.cases[i]), need[32];
        const char *reason =
            sn_case_unsupported(&r->plan.cases[i], &r->env, &r->case_opts, &row, &memory);
        sn_units_format(need, sizeof need, (double)memory, SN_UNIT_BYTES);
        printf("%s  %s  %s%s\n", r->plan.cases[i].id, label, reason ? "skipped: " : need,
               reason ? reason : " per rank");
        if (!reason && memory > most)
            most = memory;
        runs += !reason;
        free(label);
        sn_row_free(&row);
    }
    char need[32];
    sn_units_format(need, sizeof need, (double)most, SN_UNIT_BYTES);
    printf("%zu cases, %zu would run, at most %s per rank, about %.0f s\n", r->plan.n, runs, need,
           (double)runs * (r->o->sample.budget_s + 0.05) * r->o->launches);
}

/* Called in the watching thread of rank 0: the case that the time-out ended keeps a row. */
static void on_timeout(void *arg, const char *text)
{
    struct run *r = arg;
    sn_run_cases_timed_out(&r->cases, text);
    json_t *end = sn_manifest_end("timed-out");
    sn_rundir_annotate(r->dir, end);
    json_decref(end);
    sn_rundir_write_sums(r->path);
}

/* Takes the roofs that an earlier launch of this run stored, else those of --roofs, before anything
 * is written: a directory that holds none is refused. */
static int find_roofs(struct run *r)
{
    const struct sn_options *o = r->o;
    int ranks = r->world.size, found = ROOFS_NONE, status = SN_OK;
    if (r->world.rank == 0) {
        if ((o->resume || o->launch > 0) && sn_manifest_read_roofs(r->path, ranks, &r->roofs))
            found = ROOFS_OWN;
        else if (o->roofs && sn_manifest_read_roofs(o->roofs, ranks, &r->roofs))
            found = ROOFS_GIVEN;
        else if (o->roofs)
            status = SN_FAIL(SN_EINVAL,
                             "--roofs %s: holds no roofs of this machine with %d ranks; "
                             "leave the option out to measure them",
                             o->roofs, ranks);
    }
    status = sn_world_agree(&r->world, status);
    if (status != SN_OK)
        return status;
    MPI_Bcast(&found, 1, MPI_INT, 0, r->world.comm);
    if (found != ROOFS_NONE)
        MPI_Bcast(&r->roofs, sizeof r->roofs, MPI_BYTE, 0, r->world.comm);
    r->found = found;
    return SN_OK;
}

static int open_dir(struct run *r, int argc, char **argv)
{
    const struct sn_options *o = r->o;
    json_t *manifest = sn_manifest_make(o, argc, argv, &r->plan, &r->world, r->app);
    int status = SN_OK;
    if (manifest && r->steps.n)
        json_object_set_new(manifest, "steps", sn_steps_json(&r->steps));
    if (manifest && r->figures)
        json_object_set(manifest, "figures", r->figures);
    if (r->world.rank == 0)
        status = sn_rundir_open(&r->dir, r->path, o->resume || o->launch > 0, manifest);
    json_decref(manifest);
    return sn_world_agree(&r->world, status);
}

/* Measures the roofs where none were found, and stores them where this directory has none yet. */
static int get_roofs(struct run *r)
{
    int status = SN_OK;
    if (r->found == ROOFS_NONE)
        status = sn_roofs_measure(&r->world, &r->roofs);
    if (status == SN_OK && r->dir && r->found != ROOFS_OWN) {
        json_t *more = json_pack("{s:o, s:s?}", "roofs", sn_manifest_roofs(&r->roofs), "roofs_from",
                                 r->found == ROOFS_GIVEN ? r->o->roofs : NULL);
        status = sn_rundir_annotate(r->dir, more);
        json_decref(more);
    }
    return sn_world_agree(&r->world, status);
}

/* Rows as the plan has their cases, the launches of a case in a row: the file has rivals together.
 */
static void put_in_order(struct sn_rows *rows, const struct sn_plan *plan)
{
    struct sn_row *ordered = sn_calloc(rows->n + 1, sizeof *ordered);
    size_t *next = sn_calloc(plan->n + 2, sizeof *next), *at = sn_calloc(rows->n + 1, sizeof *at);
    json_t *places = json_object();

    for (size_t i = 0; i < plan->n; i++)
        json_object_set_new(places, plan->cases[i].id, json_integer((json_int_t)i));
    for (size_t i = 0; i < rows->n; i++) { /* a row that was not planned: behind all others */
        const json_t *place = json_object_get(places, rows->rows[i].id);
        at[i] = place ? (size_t)json_integer_value(place) : plan->n;
        next[at[i] + 1]++;
    }
    for (size_t i = 0; i < plan->n; i++)
        next[i + 1] += next[i];
    for (size_t i = 0; i < rows->n; i++)
        ordered[next[at[i]]++] = rows->rows[i];
    free(rows->rows);
    rows->rows = ordered;
    json_decref(places);
    free(next);
    free(at);
}

/* Rank 0: completes the directory, and prints what the run found. */
static int conclude(struct run *r, int ended)
{
    const struct sn_options *o = r->o;
    bool last = o->launch < 0 || o->launch == o->launches - 1;
    if (ended == SN_OK && !last)
        return SN_OK;
    json_t *end = sn_manifest_end(ended == SN_OK ? "complete" : "interrupted");
    json_object_set_new(end, "clock_residual_s", json_real(sn_units_snap(r->clock_residual_s)));
    int status = sn_rundir_annotate(r->dir, end);
    json_decref(end);
    if (status != SN_OK)
        return status;
    if (ended != SN_OK) {
        if (!o->quiet)
            fprintf(stderr, "snbench: stopped by a signal; `--resume -o %s` goes on\n", r->path);
        return sn_rundir_write_sums(r->path);
    }
    status = sn_report_write(r->path, r->app, r->data.plots, r->data.results);
    if (status != SN_OK)
        return status;
    char *rows_path = sn_strdupf("%s/rows.jsonl", r->path);
    struct sn_rows rows;
    status = sn_rows_read(&rows, rows_path, NULL);
    free(rows_path);
    if (status != SN_OK)
        return status;
    put_in_order(&rows, &r->plan);
    r->cases.failed = 0; /* of earlier launches and of what was resumed, too */
    for (size_t i = 0; i < rows.n; i++)
        r->cases.failed += rows.rows[i].status == SN_ROW_FAILED;
    if (!o->quiet) {
        char *path = sn_strdupf("%s/manifest.json", r->path);
        json_t *manifest = json_load_file(path, 0, NULL);
        status = sn_report_tables(stdout, &rows, o->format, r->app, manifest, r->data.results);
        free(path);
        json_decref(manifest);
        /* CSV and JSON on standard output stay clean for other programs. */
        FILE *out = o->format <= SN_FORMAT_MD ? stdout : stderr;
        fprintf(out, "\nrows    %s/rows.jsonl\nreport  %s/report.html\n", r->path, r->path);
    }
    sn_rows_free(&rows);
    return status;
}

/* Bytes that a case may take per rank. Windows that ranks share lie in /dev/shm, which may be small
 * (64 MiB in a container): to touch more than it holds kills, so it bounds all cases. */
static uint64_t memory_limit(const struct sn_world *w)
{
    struct statvfs fs;
    double limit = memory_share * (double)sn_mem_available();
    if (!statvfs("/dev/shm", &fs))
        limit = fmin(limit, memory_share * (double)fs.f_bavail * (double)fs.f_frsize);
    return (uint64_t)(limit / w->host_ranks);
}

/* One file holds one step. */
static int check_trace(const struct run *r)
{
    const struct sn_plan *p = &r->plan;
    if (!r->o->trace)
        return SN_OK;
    if (p->n != 1)
        return SN_FAIL(SN_EINVAL,
                       "--trace %s: is of one case, and the plan has %zu; give each axis "
                       "one value",
                       r->o->trace, p->n);
    if (!(p->cases[0].bench->flags & SN_BENCH_TRACES))
        return SN_FAIL(SN_EINVAL, "--trace %s: %s has no trace; decode and prefill have",
                       r->o->trace, p->cases[0].bench->name);
    return SN_OK;
}

static int run_plan(struct run *r, int argc, char **argv)
{
    const struct sn_options *o = r->o;
    int status = sn_world_agree(&r->world, sn_datadir_open(&r->data));
    if (status == SN_OK)
        status = sn_world_agree(&r->world, make_plan(r));
    if (status != SN_OK)
        return status;
    sn_isa_limit(o->isa);
    r->env = (struct sn_env){.clock = o->clock,
                             .world = &r->world,
                             .roofs = &r->roofs,
                             .seed = o->seed,
                             .mutate = o->mutate,
                             .hang_rank = o->hang_rank,
                             .isa = o->isa,
                             .map_file = o->map,
                             .trace = o->trace,
                             .shared = r->app->shared_open ? r->app->shared_open() : NULL};
    r->case_opts = (struct sn_case_opts){.clock = o->clock, .sample = o->sample};
    r->case_opts.memory_limit = memory_limit(&r->world);
    r->cases = (struct sn_run_cases){
        .o = o, .plan = &r->plan, .env = &r->env, .case_opts = &r->case_opts, .current = r->plan.n};
    status = check_inputs(r);
    if (status == SN_OK)
        status = check_trace(r);
    if (status != SN_OK)
        return status;
    if (o->dry_run) {
        if (r->world.rank == 0)
            dry_run(r);
        return SN_OK;
    }
    status = sn_world_agree(&r->world, sn_counters_open(&r->case_opts.counters, o->counters));
    if (status != SN_OK)
        return status;
    if (r->world.rank == 0)
        r->path =
            o->out ? sn_strdup(o->out) : sn_rundir_default_path(o->suite ? "suite" : o->args[0]);
    if (o->clock == SN_CLOCK_WALL)
        status = find_roofs(r);
    if (status == SN_OK)
        status =
            open_dir(r, argc, argv); /* before the roofs: what is wrong with it is said at once */
    r->cases.dir = r->dir;
    if (status == SN_OK)
        status = sn_watch_open(&r->env.watch, &r->world, o->timeout_s, on_timeout, r);
    if (status != SN_OK)
        return status;
    if (o->clock == SN_CLOCK_WALL) {
        sn_watch_case(r->env.watch, "roofs");
        sn_watch_phase(r->env.watch, "measure");
        status = get_roofs(r);
        sn_watch_case(r->env.watch, NULL);
    }
    if (status == SN_OK)
        status = sn_run_cases(&r->cases);
    r->signal = sn_watch_signal(r->env.watch);
    MPI_Allreduce(MPI_IN_PLACE, &r->signal, 1, MPI_INT, MPI_MAX, r->world.comm);
    int concluded =
        r->world.rank == 0 && (status == SN_OK || status == SN_EINTR) ? conclude(r, status) : SN_OK;
    sn_watch_close(r->env.watch);
    concluded = sn_world_agree(&r->world, concluded);
    uint64_t failed = r->cases.failed;
    MPI_Bcast(&failed, 1, MPI_UINT64_T, 0, r->world.comm);
    r->cases.failed = failed;
    if (status == SN_OK)
        status = concluded;
    if (status == SN_OK && r->cases.failed)
        status = SN_FAIL(SN_EVERIFY, "%zu of %zu rows failed", r->cases.failed,
                         r->plan.n * (size_t)(o->launch < 0 ? 1 : o->launches));
    return status;
}

int sn_run(const struct sn_options *o, int argc, char **argv, const struct sn_app *app, int *signal)
{
    struct run *r = sn_calloc(1, sizeof *r);
    int provided, rank, ranks;
    r->o = o;
    r->app = app;
    sn_launch_place(&rank, &ranks);
    /* Before MPI_Init, since it forks. Every rank loads them; that one cannot is everyone's. */
    int loaded = o->n_plugins && app->plugins_open
                     ? app->plugins_open(o->plugins, o->n_plugins, rank == 0)
                     : SN_OK;
    setenv("MPIR_CVAR_SUPPRESS_ABORT_MESSAGE", "1", 0); /* a time-out prints its own line */
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
        free(r);
        return SN_FAIL(SN_EENV, "MPI_Init failed; run under the mpiexec of the MPI library that "
                                "snbench was built with");
    }
    int status = sn_world_open(&r->world);
    if (status == SN_OK) {
        status = sn_world_agree(&r->world, loaded);
        if (status == SN_OK)
            status = run_plan(r, argc, argv);
        if (r->world.rank != 0 && status != SN_OK)
            sn_status_clear(); /* only rank 0 speaks */
        sn_world_close(&r->world);
    }
    *signal = r->signal;
    if (r->app->shared_close && r->env.shared)
        r->app->shared_close(r->env.shared);
    sn_counters_close(r->case_opts.counters);
    sn_rundir_close(r->dir);
    sn_steps_free(&r->steps);
    json_decref(r->figures);
    sn_plan_free(&r->plan);
    sn_datadir_close(&r->data);
    free(r->path);
    free(r);
    MPI_Finalize();
    return status;
}
