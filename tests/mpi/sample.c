/* Sampling: start, lateness, warm-up, batch, stop rules, failures. Benchmarks made for the purpose.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/counters.h"
#include "harness/sample.h"
#include "harness/stats.h"
#include "tests/mpi/mpitest.h"

/* What the made-up benchmarks see and leave. */
struct lab {
    int rank, size;
    int64_t busy_ns;        /* of each operation */
    int64_t slow_until_rep; /* repetitions before this take ten times as long */
    int64_t fail_at_rep;    /* -1: never */
    int fail_rank;
    int64_t oversleep_ns; /* in prepare(), on the last rank, while it would still be in time */
    uint64_t runs, prepares, out_of_order;
    int64_t worst_skew_ns;
};

static void spin(int64_t ns)
{
    int64_t until = sn_clock_ns() + ns;
    while (sn_clock_ns() < until)
        ;
}

static int lab_run(struct sn_case *c)
{
    struct lab *l = c->state;
    l->out_of_order += c->bench->prepare && l->prepares != l->runs + 1;
    l->runs++;
    if (l->busy_ns)
        for (unsigned i = 0; i < c->batch; i++)
            spin((int64_t)c->rep < l->slow_until_rep ? 10 * l->busy_ns : l->busy_ns);
    if ((int64_t)c->rep == l->fail_at_rep && l->rank == l->fail_rank)
        return SN_FAIL(SN_EIO, "operation %d broke", (int)c->rep);
    return SN_OK;
}

static int lab_prepare(struct sn_case *c)
{
    struct lab *l = c->state;
    l->prepares++;
    if (l->oversleep_ns && l->rank == l->size - 1)
        spin(l->oversleep_ns);
    if ((int64_t)c->rep == l->fail_at_rep && l->rank == l->fail_rank)
        return SN_FAIL(SN_ENOMEM, "nothing to prepare with");
    return SN_OK;
}

static const struct sn_bench plain = {.name = "plain", .run = lab_run};
static const struct sn_bench batched = {.name = "batched", .run = lab_run, .flags = SN_BENCH_BATCH};
static const struct sn_bench prepared = {
    .name = "prepared", .run = lab_run, .prepare = lab_prepare};

struct fixture {
    struct sn_world w;
    struct sn_env env;
    struct sn_case c;
    struct sn_row row;
    struct lab lab;
};

static void begin(struct fixture *f, const struct sn_bench *b)
{
    sn_world_open(&f->w);
    f->env = (struct sn_env){.world = &f->w, .hang_rank = -1};
    f->lab = (struct lab){.rank = f->w.rank, .size = f->w.size, .fail_at_rep = -1};
    f->c = (struct sn_case){.bench = b, .env = &f->env, .batch = 1, .state = &f->lab};
    sn_row_init(&f->row);
}

static void end(struct fixture *f)
{
    sn_row_free(&f->row);
    sn_world_close(&f->w);
}

/* Upper bounds are put to the fastest sample: other work on the machine cannot make that one short,
 * and what these tests look for would lengthen every sample. */
static double fastest(const struct sn_row *r)
{
    double m = INFINITY;
    for (uint64_t i = 0; i < r->n; i++)
        m = fmin(m, r->samples_s[i]);
    return m;
}

/* Samples `b` up to ten times until the fastest sample is below `bound_s`: on a machine where other
 * work takes whole time slices, every sample of one attempt may be hit. Returns the fastest of all.
 */
static double fastest_of_attempts(const struct sn_bench *b, const struct lab *lab,
                                  const struct sn_sample_opts *o, double bound_s)
{
    struct fixture f;
    double best = INFINITY;
    bool crowded = false;
    for (int attempt = 0; attempt < 10 && best >= bound_s && !crowded; attempt++) {
        begin(&f, b);
        f.lab.busy_ns = lab->busy_ns;
        f.lab.oversleep_ns = lab->oversleep_ns;
        f.lab.slow_until_rep = lab->slow_until_rep;
        int status = sn_sample(&f.c, o, NULL, &f.row);
        CHECK(status == SN_OK, "%s", sn_status_message());
        CHECK(f.lab.out_of_order == 0, "run() without its prepare()");
        CHECK(!b->prepare || f.lab.prepares == f.lab.runs, "%d prepares, %d runs",
              (int)f.lab.prepares, (int)f.lab.runs);
        CHECK(f.row.batch == f.c.batch, "row %u, case %u", f.row.batch, f.c.batch);
        best = fmin(best, fastest(&f.row));
        crowded = f.w.oversubscribed; /* no upper bound holds there: once is enough */
        end(&f);
    }
    return crowded ? fmin(best, bound_s / 2) : best;
}

/* The rank's value is the same everywhere. */
static int same_everywhere(const struct fixture *f, double x)
{
    double v[2] = {x, -x};
    MPI_Allreduce(MPI_IN_PLACE, v, 2, MPI_DOUBLE, MPI_MAX, f->w.comm);
    return v[0] == -v[1];
}

MPI_TEST(rows_agree_on_all_ranks)
{
    struct fixture f;
    begin(&f, &plain);
    f.lab.busy_ns = 20000;
    int status = sn_sample(&f.c, &(struct sn_sample_opts){.min = 10, .max = 60, .budget_s = 0.3},
                           NULL, &f.row);
    CHECK(status == SN_OK, "%s", sn_status_message());
    CHECK(f.row.n >= 6 && f.row.n <= 60, "n = %d", (int)f.row.n);
    CHECK(f.row.batch == 1, "batch %u", f.row.batch);
    CHECK(f.row.stop != SN_STOP_NONE, "no stop");
    CHECK(strcmp(f.row.sync, f.w.oversubscribed ? "round-yield" : "round") == 0, "%s", f.row.sync);
    CHECK(same_everywhere(&f, (double)f.row.n), "n differs");
    CHECK(same_everywhere(&f, (double)f.row.invalid), "invalid differs");
    CHECK(same_everywhere(&f, (double)f.row.warmup), "warmup differs");
    CHECK(same_everywhere(&f, (double)f.row.stop), "stop differs");
    CHECK(same_everywhere(&f, (double)f.row.steady), "steady differs");
    double sum = 0;
    for (uint64_t i = 0; i < f.row.n; i++) {
        CHECK(f.row.samples_s[i] >= 20e-6, "sample %d is %g s: shorter than the operation", (int)i,
              f.row.samples_s[i]);
        sum += f.row.samples_s[i] * (double)(i + 1);
    }
    CHECK(same_everywhere(&f, sum), "samples differ");
    CHECK(f.lab.runs == f.row.warmup + f.row.n + f.row.invalid, "%d runs, row tells of %d",
          (int)f.lab.runs, (int)(f.row.warmup + f.row.n + f.row.invalid));
    CHECK(f.c.rep == f.lab.runs, "rep %d", (int)f.c.rep);
    end(&f);
}

/* T is the makespan: one rank works four times as long, and that is the time. */
MPI_TEST(time_is_the_slowest_ranks)
{
    struct lab lab = {.busy_ns = rank == size - 1 ? 80000 : 20000};
    struct sn_sample_opts o = {.min = 10, .max = 30, .budget_s = 0.3};
    struct fixture f;
    begin(&f, &plain);
    f.lab.busy_ns = lab.busy_ns;
    sn_sample(&f.c, &o, NULL, &f.row);
    CHECK(fastest(&f.row) >= 80e-6, "%g s", fastest(&f.row));
    end(&f);
    double best = fastest_of_attempts(&plain, &lab, &o, 120e-6);
    CHECK(best < 120e-6, "%g s", best);
}

/* Ranks start together: where there is a core for each the makespan of 50 us of work stays near
 * 50 us, although the last rank comes 30 us late from its preparation. */
MPI_TEST(start_is_common_after_uneven_preparation)
{
    struct lab lab = {.busy_ns = 50000, .oversleep_ns = 30000};
    struct sn_sample_opts o = {.min = 20, .max = 40, .budget_s = 0.3};
    double best = fastest_of_attempts(&prepared, &lab, &o, 60e-6);
    CHECK(best < 60e-6, "%g s: the wait for the last rank is inside", best);
}

MPI_TEST(short_operations_are_batched)
{
    struct fixture f;
    unsigned largest = 0;
    double best = INFINITY;
    for (int attempt = 0; attempt < 10 && (largest < 16 || best >= 1500e-9); attempt++) {
        begin(&f, &batched);
        f.lab.busy_ns = 500;
        sn_sample(&f.c, &(struct sn_sample_opts){.min = 10, .max = 30, .budget_s = 0.3}, NULL,
                  &f.row);
        CHECK(f.row.batch == f.c.batch, "row %u, case %u", f.row.batch, f.c.batch);
        CHECK((f.row.batch & (f.row.batch - 1)) == 0, "batch %u", f.row.batch);
        CHECK(f.row.batch <= 64, "batch %u: 20 us of 0.5 us", f.row.batch);
        CHECK(fastest(&f.row) >= 500e-9, "%g s per operation", fastest(&f.row));
        largest = f.row.batch > largest ? f.row.batch : largest;
        best = fmin(best, fastest(&f.row));
        if (f.w.oversubscribed) /* no upper bound holds there */
            best = 0, largest = 64;
        end(&f);
    }
    /* Where three repetitions in a row were interrupted a smaller batch is taken for enough. */
    CHECK(largest >= 16, "batch %u: 20 us of 0.5 us", largest);
    CHECK(best < 1500e-9, "%g s per operation", best);

    begin(&f, &batched);
    f.lab.busy_ns = 50000;
    sn_sample(&f.c, &(struct sn_sample_opts){.min = 6, .max = 6, .budget_s = 0.3}, NULL, &f.row);
    CHECK(f.row.batch == 1, "50 us need no batch: %u", f.row.batch);
    end(&f);
}

MPI_TEST(warm_up_ends_when_steady)
{
    struct fixture f;
    bool good = false, steady = false;
    double best = INFINITY;
    for (int attempt = 0; attempt < 5 && !good; attempt++) {
        begin(&f, &plain);
        f.lab.busy_ns = 100000;
        f.lab.slow_until_rep = 15;
        sn_sample(&f.c, &(struct sn_sample_opts){.min = 6, .max = 6, .budget_s = 2, .warmup_s = 1},
                  NULL, &f.row);
        CHECK(f.row.warmup >= 25, "%d warm-up repetitions, 15 of them slow", (int)f.row.warmup);
        CHECK(fastest(&f.row) >= 100e-6, "%g s", fastest(&f.row));
        CHECK(f.row.steady == !sn_row_has_flag(&f.row, "unsteady"), "flag and verdict differ");
        steady |= f.row.steady;
        best = fmin(best, fastest(&f.row));
        good = f.w.oversubscribed || (steady && best < 500e-6);
        end(&f);
    }
    CHECK(good, "steady %d, fastest %g s: slow repetitions were sampled", steady, best);
}

/* An operation that takes 10 % longer each time never becomes steady; the cap ends the warm-up. */
static int slower_and_slower(struct sn_case *c)
{
    spin((int64_t)(20e3 * pow(1.1, (double)(c->rep < 80 ? c->rep : 80))));
    return SN_OK;
}

MPI_TEST(unsteady_is_flagged)
{
    static const struct sn_bench b = {.name = "drifts", .run = slower_and_slower};
    struct fixture f;
    bool flagged = false;
    /* Time slices of other work can make two blocks alike by chance, but hardly five times. */
    for (int attempt = 0; attempt < 5 && !flagged; attempt++) {
        begin(&f, &b);
        sn_sample(&f.c,
                  &(struct sn_sample_opts){.min = 6, .max = 6, .budget_s = 0.1, .warmup_s = 0.05},
                  NULL, &f.row);
        flagged = !f.row.steady && sn_row_has_flag(&f.row, "unsteady");
        end(&f);
    }
    CHECK(flagged, "blocks that differ by a factor of 2.6 passed as steady");
}

MPI_TEST(stop_rules)
{
    struct fixture f;
    begin(&f, &plain);
    f.lab.busy_ns = 10000;
    sn_sample(&f.c,
              &(struct sn_sample_opts){
                  .min = 20, .max = 1000, .ci = 1e6, .budget_s = 2, .warmup_s = 0.02},
              NULL, &f.row);
    if (!f.w.oversubscribed)
        CHECK(f.row.stop == SN_STOP_CI && f.row.n == 20, "stop %d at %d", f.row.stop, (int)f.row.n);
    end(&f);

    begin(&f, &plain);
    f.lab.busy_ns = 10000;
    sn_sample(
        &f.c,
        &(struct sn_sample_opts){.min = 7, .max = 17, .ci = 1e-12, .budget_s = 5, .warmup_s = 0.02},
        NULL, &f.row);
    CHECK(f.row.stop == SN_STOP_MAX && f.row.n == 17, "stop %d at %d", f.row.stop, (int)f.row.n);
    end(&f);

    begin(&f, &plain);
    f.lab.busy_ns = 2000000;
    int64_t t0 = sn_clock_ns();
    sn_sample(&f.c,
              &(struct sn_sample_opts){
                  .min = 1000, .max = 100000, .ci = 1e-12, .budget_s = 0.1, .warmup_s = 0.02},
              NULL, &f.row);
    double took = (double)(sn_clock_ns() - t0) * 1e-9;
    CHECK(f.row.stop == SN_STOP_BUDGET, "stop %d", f.row.stop);
    CHECK(f.row.n >= 6 || took >= 0.3, "n = %d", (int)f.row.n);
    CHECK(took < 0.1 + (f.w.oversubscribed ? 5 : 1), "a budget of 0.1 s became %g s", took);
    end(&f);
}

/* A budget of nothing still gives the fewest samples with an interval, or what fits in 3 of it. */
MPI_TEST(tiny_budget_gives_a_sample)
{
    struct fixture f;
    begin(&f, &plain);
    f.lab.busy_ns = 100000;
    int status = sn_sample(&f.c, &(struct sn_sample_opts){.min = 20, .max = 100, .budget_s = 1e-6},
                           NULL, &f.row);
    CHECK(status == SN_OK && f.row.n >= 1, "status %d, n %d", status, (int)f.row.n);
    CHECK(f.row.stop == SN_STOP_BUDGET, "stop %d", f.row.stop);
    end(&f);
}

/* A failure on one rank is the status and the message of all, in bounded time. */
MPI_TEST(failure_reaches_every_rank)
{
    struct fixture f;
    for (int at = 0; at < 40; at += 39) {
        begin(&f, &plain);
        f.lab.busy_ns = 1000;
        f.lab.fail_at_rep = at;
        f.lab.fail_rank = size - 1;
        int status = sn_sample(
            &f.c,
            &(struct sn_sample_opts){.min = 1000, .max = 1000, .budget_s = 2, .warmup_s = 0.001},
            NULL, &f.row);
        CHECK(status == SN_EIO, "run() failed at %d: status %d", at, status);
        char words[32];
        snprintf(words, sizeof words, "operation %d broke", at);
        CHECK(strstr(sn_status_message(), words), "\"%s\"", sn_status_message());
        CHECK(f.c.rep == (uint64_t)at + 1, "went on to %d", (int)f.c.rep);
        end(&f);
    }
    begin(&f, &prepared);
    f.lab.fail_at_rep = 3;
    f.lab.fail_rank = 0;
    int status = sn_sample(&f.c, &(struct sn_sample_opts){.budget_s = 2}, NULL, &f.row);
    CHECK(status == SN_ENOMEM, "prepare() failed: status %d", status);
    CHECK(f.lab.runs == 3, "run() was called without its preparation: %d", (int)f.lab.runs);
    end(&f);
}

/* A start named no time ahead is late for everybody: such repetitions are thrown away up to the
 * cap, then kept and flagged. From 40 ns on the lead doubles until nobody is late any more. */
MPI_TEST(late_starts_are_counted_and_bounded)
{
    struct fixture f;
    for (int ns = 0; ns <= 20; ns += 20) {
        begin(&f, &plain);
        f.w.bcast_s = ns * 1e-9;
        f.lab.busy_ns = 1000;
        int status = sn_sample(
            &f.c, &(struct sn_sample_opts){.min = 200, .max = 200, .budget_s = 3, .warmup_s = 0.01},
            NULL, &f.row);
        CHECK(status == SN_OK, "%s", sn_status_message());
        CHECK(f.row.n == 200 || f.row.stop == SN_STOP_BUDGET, "n %d", (int)f.row.n);
        bool flag = sn_row_has_flag(&f.row, "late-start");
        CHECK(same_everywhere(&f, (double)f.row.invalid), "invalid differs");
        CHECK(f.row.invalid <= 20 + 3 * f.row.n, "%d invalid", (int)f.row.invalid);
        if (!f.w.oversubscribed && size > 1) {
            if (ns == 0)
                CHECK(flag && f.row.invalid >= 20, "lead 0: %d invalid, flag %d",
                      (int)f.row.invalid, flag);
            else
                CHECK(!flag && f.row.invalid <= 100, "growing lead: %d invalid, flag %d",
                      (int)f.row.invalid, flag);
        }
        end(&f);
    }
}

/* Touches 16 fresh pages in run(), and 1000 in prepare(), which must not be counted. */
static int touch(int pages)
{
    size_t bytes = (size_t)pages * 4096;
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return SN_FAIL(SN_ENOMEM, "mmap");
    madvise(p, bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < bytes; i += 4096)
        ((volatile char *)p)[i] = 1;
    munmap(p, bytes);
    return SN_OK;
}

static int touch_16(struct sn_case *c)
{
    (void)c;
    return touch(16);
}

static int touch_1000(struct sn_case *c)
{
    (void)c;
    return touch(1000);
}

MPI_TEST(counters_see_the_operation_only)
{
    static const struct sn_bench b = {.name = "touch", .run = touch_16, .prepare = touch_1000};
    struct fixture f;
    struct sn_counters *counters = NULL;
    begin(&f, &b);
    int status = sn_counters_open(&counters, "page-faults");
    CHECK(status == SN_OK, "%s", sn_status_message());
    status = sn_sample(&f.c, &(struct sn_sample_opts){.min = 6, .max = 6, .budget_s = 10}, counters,
                       &f.row);
    CHECK(status == SN_OK && f.row.n == 6, "status %d, n %d", status, (int)f.row.n);
    CHECK(f.row.n_counters == 1, "%d counters", (int)f.row.n_counters);
    if (f.row.n_counters == 1) {
        double v = f.row.counters[0].value;
        CHECK(strcmp(f.row.counters[0].name, "page-faults") == 0, "%s", f.row.counters[0].name);
        CHECK(isnan(v) ? f.row.counters[0].reason != NULL : v >= 16 && v <= 40,
              "%g page faults a repetition, 16 expected", v);
    }
    sn_counters_close(counters);
    end(&f);
}

static int nothing(struct sn_case *c)
{
    (void)c;
    return SN_OK;
}

MPI_TEST(nothing_sampled_costs_about_a_clock_read)
{
    static const struct sn_bench b = {.name = "nothing", .run = nothing};
    struct lab lab = {0};
    double call = sn_clock_probe().call_s, bound = 10 * call + 200e-9;
    MPI_Bcast(&bound, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD); /* the number of attempts depends on it */
    double best = fastest_of_attempts(
        &b, &lab, &(struct sn_sample_opts){.min = 400, .max = 400, .budget_s = 0.5}, bound);
    CHECK(best < bound, "an empty operation takes %g s, a clock read %g s", best, call);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(rows_agree_on_all_ranks),
                                                 TEST(time_is_the_slowest_ranks),
                                                 TEST(start_is_common_after_uneven_preparation),
                                                 TEST(short_operations_are_batched),
                                                 TEST(warm_up_ends_when_steady),
                                                 TEST(unsteady_is_flagged),
                                                 TEST(stop_rules),
                                                 TEST(tiny_budget_gives_a_sample),
                                                 TEST(failure_reaches_every_rank),
                                                 TEST(late_starts_are_counted_and_bounded),
                                                 TEST(counters_see_the_operation_only),
                                                 TEST(nothing_sampled_costs_about_a_clock_read),
                                                 {0}});
}
