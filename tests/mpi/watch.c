/* Time-outs and signals. What ends the program is tried in children: rank 0 of a run on one or two
 * ranks starts mpiexec with this same program once its own MPI is over. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/sample.h"
#include "harness/watch.h"
#include "tests/mpi/mpitest.h"

static void told(void *arg, const char *text)
{
    printf("%s: %s\n", (const char *)arg, text);
    fflush(stdout);
}

static int nothing(struct sn_case *c)
{
    (void)c;
    return SN_OK;
}

static const struct sn_bench idle = {.name = "idle", .run = nothing};

/* Samples an idle benchmark; `run` NULL: the one above. */
static int sample(const struct sn_world *w, struct sn_watch *watch, int hang_rank,
                  const struct sn_bench *b, double budget_s)
{
    struct sn_env env = {.world = w, .watch = watch, .hang_rank = hang_rank};
    struct sn_case c = {.bench = b, .env = &env, .batch = 1};
    struct sn_row row;
    sn_row_init(&row);
    int status = sn_sample(
        &c,
        &(struct sn_sample_opts){
            .min = 20, .max = 1u << 30, .ci = 1e-12, .budget_s = budget_s, .warmup_s = 0.02},
        NULL, &row);
    sn_row_free(&row);
    return status;
}

/* --- in this process ------------------------------------------------------------------------- */

MPI_TEST(deadline_is_of_one_case)
{
    struct sn_world w;
    struct sn_watch *watch;
    sn_world_open(&w);
    int status = sn_watch_open(&watch, &w, 2.0, told, "time-out");
    CHECK(status == SN_OK, "%s", sn_status_message());
    for (int i = 0; i < 3; i++) { /* 3 s in all, each below 2 s */
        sn_watch_case(watch, "short");
        sn_watch_phase(watch, "verify");
        usleep(1000000);
        sn_watch_tick(watch, true);
        MPI_Barrier(w.comm);
        sn_watch_tick(watch, false);
    }
    sn_watch_case(watch, NULL);
    usleep(2200000); /* between cases there is no deadline */
    sn_watch_close(watch);
    sn_world_close(&w);
}

MPI_TEST(signal_on_one_rank_ends_sampling_on_all)
{
    struct sn_world w;
    struct sn_watch *watch;
    sn_world_open(&w);
    sn_watch_open(&watch, &w, 0, NULL, NULL);
    CHECK(sn_watch_signal(watch) == 0, "%d", sn_watch_signal(watch));
    sn_watch_case(watch, "idle");
    if (rank == size - 1)
        raise(SIGTERM);
    int status = sample(&w, watch, -1, &idle, 60);
    CHECK(status == SN_EINTR, "status %d", status);
    CHECK(strstr(sn_status_message(), "signal 15"), "\"%s\"", sn_status_message());
    CHECK((sn_watch_signal(watch) == SIGTERM) == (rank == size - 1), "rank %d: %d", rank,
          sn_watch_signal(watch));
    sn_watch_case(watch, NULL);
    sn_watch_close(watch);

    /* A new watch knows nothing of it. */
    sn_watch_open(&watch, &w, 0, NULL, NULL);
    CHECK(sn_watch_signal(watch) == 0, "%d", sn_watch_signal(watch));
    sn_watch_close(watch);
    sn_world_close(&w);
}

MPI_TEST(close_restores_the_handlers)
{
    struct sn_world w;
    struct sn_watch *watch;
    struct sigaction before = {.sa_handler = SIG_IGN}, during, after;
    struct sigaction old;
    sigaction(SIGINT, &before, &old);
    sn_world_open(&w);
    sn_watch_open(&watch, &w, 0, NULL, NULL);
    sigaction(SIGINT, NULL, &during);
    sn_watch_close(watch);
    sn_world_close(&w);
    sigaction(SIGINT, &old, &after);
    CHECK(during.sa_handler != SIG_IGN, "no handler was installed");
    CHECK(after.sa_handler == SIG_IGN, "the old one did not come back");
}

MPI_TEST(tick_is_cheap)
{
    struct sn_world w;
    struct sn_watch *watch;
    sn_world_open(&w);
    sn_watch_open(&watch, &w, 60, NULL, NULL);
    sn_watch_case(watch, "ticks");
    int64_t best = INT64_MAX;
    for (int r = 0; r < 20; r++) {
        int64_t t0 = sn_clock_ns();
        for (int i = 0; i < 1000; i++)
            sn_watch_tick(watch, i & 1);
        int64_t t = sn_clock_ns() - t0;
        best = t < best ? t : best;
    }
    CHECK(best < 50 * 1000, "%d ns for 1000 ticks", (int)best);
    sn_watch_case(watch, NULL);
    sn_watch_close(watch);
    sn_watch_tick(NULL, true); /* no watch, no harm */
    sn_watch_phase(NULL, "x");
    sn_watch_case(NULL, "x");
    sn_world_close(&w);
}

/* --- children -------------------------------------------------------------------------------- */

/* Rank 1 stops inside the operation, rank 0 waits for it there. */
static int stuck_run(struct sn_case *c)
{
    int x = 0;
    if (c->env->world->rank == 0)
        MPI_Recv(&x, 1, MPI_INT, MPI_ANY_SOURCE, 9, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    else
        for (;;)
            pause();
    return SN_OK;
}

static int slow_run(struct sn_case *c)
{
    usleep(1000);
    return SN_OK;
}

static int child(const char *what)
{
    static const struct sn_bench slow = {.name = "slow", .run = slow_run};
    static const struct sn_bench stuck = {.name = "stuck", .run = stuck_run};
    struct sn_world w;
    struct sn_watch *watch;
    int provided, status = SN_OK;

    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    sn_world_open(&w);
    sn_watch_open(&watch, &w, !strcmp(what, "deaf") || !strcmp(what, "long") ? 0 : 1.0, told,
                  "row");
    sn_watch_case(watch, "idle size=8");
    if (!strcmp(what, "hang")) {
        status = sample(&w, watch, w.size - 1, &idle, 60);
    } else if (!strcmp(what, "stuck")) {
        status = sample(&w, watch, -1, &stuck, 60);
    } else if (!strcmp(what, "setup")) {
        sn_watch_phase(watch, "setup");
        if (w.rank == w.size - 1)
            for (;;)
                pause();
        sn_watch_tick(watch, true);
        MPI_Barrier(w.comm);
    } else if (!strcmp(what, "deaf")) {
        sn_watch_phase(watch, "setup");
        if (w.rank == w.size - 1)
            for (;;)
                pause();
        raise(SIGINT);
        sn_watch_tick(watch, true);
        MPI_Barrier(w.comm);
    } else if (!strcmp(what, "long")) {
        status =
            sample(&w, watch, -1, &slow, 60); /* by hand: mpiexec -n 2 mpi-watch --child long */
    } else if (!strcmp(what, "twice")) {
        raise(SIGTERM);
        usleep(500000);
        raise(SIGTERM);
        usleep(100000);
    }
    sn_watch_case(watch, NULL);
    sn_watch_close(watch);
    sn_world_close(&w);
    MPI_Finalize();
    return sn_status_exit_code(status);
}

/* Starts a child and judges its exit code, its time and what it says: `says` is all of its standard
 * error; "row: " and the same text stand on its standard output. NULL: whatever mpiexec says. */
static int try(const char *program, const char *what, int ranks, int code, double least_s,
               double most_s, const char *says)
{
    char cmd[4096], line[512], why[1024] = "";
    int lines = 0, rows = 0;
    const char *asan = getenv("ASAN_OPTIONS");
    /* Without the variables that tie this process to its own mpiexec. */
    snprintf(cmd, sizeof cmd,
             "env -i PATH='%s' ASAN_OPTIONS='%s' mpiexec -n %d '%s' --child %s 2>&1",
             getenv("PATH"), asan ? asan : "", ranks, program, what);
    int64_t t0 = sn_clock_ns();
    FILE *f = popen(cmd, "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "snbench: ", 9)) {
            lines++;
            if (strcmp(line + 9, says))
                snprintf(why, sizeof why, "it says \"%s\"", line);
        } else if (!strncmp(line, "row: ", 5)) {
            rows++;
            if (strcmp(line + 5, says))
                snprintf(why, sizeof why, "the row says \"%s\"", line);
        } else if (says) {
            snprintf(why, sizeof why, "also said: \"%s\"", line);
        }
    }
    int rc = f ? pclose(f) : -1, exited = WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
    double took = (double)(sn_clock_ns() - t0) * 1e-9;
    if (exited != code && exited != 128 + code) /* MPICH passes a signal on bare, others add 128 */
        snprintf(why, sizeof why, "exit code %d, expected %d", exited, code);
    if (took < least_s || took > most_s)
        snprintf(why, sizeof why, "took %.1f s, expected %g to %g s", took, least_s, most_s);
    if (!why[0] && (lines != (says != NULL) || rows != (says != NULL)))
        snprintf(why, sizeof why, "%d lines and %d rows", lines, rows);
    if (why[0])
        printf("not ok child_%s (%d ranks): %s\n", what, ranks, why);
    else
        printf("ok child_%s (%d ranks)\n", what, ranks);
    fflush(stdout);
    return why[0] != 0;
}

static int children(const char *program, int ranks)
{
    int bad = 0;
    if (ranks == 1) {
        bad |=
            try(program, "hang", 1, 5, 0.9, 8,
                "time-out after 1 s: case 'idle size=8', phase 'sample', rank 0 does not answer");
        bad |= try(program, "twice", 1, SIGTERM, 0.4, 8, NULL);
    } else if (ranks == 2) {
        bad |=
            try(program, "hang", 2, 5, 0.9, 8,
                "time-out after 1 s: case 'idle size=8', phase 'sample', rank 1 does not answer");
        bad |= try(program, "setup", 2, 5, 0.9, 8,
                   "time-out after 1 s: case 'idle size=8', phase 'setup', rank 1 does not answer");
        bad |= try(program, "stuck", 2, 5, 0.9, 8,
                   "time-out after 1 s: case 'idle size=8', phase 'warm-up', ranks 0, 1 do not "
                   "answer");
        bad |=
            try(program, "deaf", 2, 5, 4.9, 12,
                "no orderly end within 5 s of signal 2: case 'idle size=8', phase 'setup', rank 1 "
                "does not answer");
    }
    return bad;
}

static int my_rank, my_size;

MPI_TEST(remember_who_i_am)
{
    my_rank = rank;
    my_size = size;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--child"))
        return child(argv[2]);
    int bad = mpitest_main(argc, argv,
                           (const struct mpitest[]){TEST(deadline_is_of_one_case),
                                                    TEST(signal_on_one_rank_ends_sampling_on_all),
                                                    TEST(close_restores_the_handlers),
                                                    TEST(tick_is_cheap),
                                                    TEST(remember_who_i_am),
                                                    {0}});
    if (my_rank == 0)
        bad |= children(argv[0], my_size);
    return bad;
}
