/* The model clock's life of a case: draws, the median draw's parts, the same row at any number of
 * ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/case.h"
#include "harness/plan.h"
#include "harness/timeline.h"
#include "tests/mpi/mpitest.h"

enum { DRAWS = 5 };
#define ROW_HASH 0x03424c417f316201ull
static const double wire_s[DRAWS] = {5, 1, 3, 2, 4};

struct lab {
    int predicts, fail_at, wrong;
};
static struct lab lab; /* the benchmark has no other way to learn what the test wants */

static int setup(struct sn_case *c)
{
    c->state = &lab;
    return SN_OK;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    k->what = "nothing but the count";
    k->compared = c->env->world->rank == 0;
    if (lab.wrong && c->env->world->rank == c->env->world->size - 1)
        sn_check_fail(k, "wrong");
    return SN_OK;
}

static unsigned draws(const struct sn_case *c)
{
    return DRAWS;
}

static int predict(struct sn_case *c, struct sn_timeline *t)
{
    lab.predicts++;
    if ((int)c->rep == lab.fail_at)
        return SN_FAIL(SN_EINVAL, "draw %d has no route", (int)c->rep);
    sn_timeline_part(t, "launch", 0.5);
    sn_timeline_part(t, "wire", wire_s[c->rep] / 2);
    sn_timeline_part(t, "wire", wire_s[c->rep] / 2);
    sn_timeline_limit(t, wire_s[c->rep], "%d messages", 7);
    snprintf(t->bottleneck, sizeof t->bottleneck, "port %d", (int)c->rep);
    t->last_die = 10 + (long)c->rep;
    if (c->rep == 4)
        sn_timeline_flag(t, "extrapolated");
    return SN_OK;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    row->bytes.wire = 7;
}

static void teardown(struct sn_case *c)
{
}

static const struct sn_axis axes[] = {{.name = "n", .type = SN_AXIS_INT, .def = "3"}, {0}};
static const struct sn_bench bench = {
    .name = "lab",
    .axes = axes,
    .clocks = SN_CLOCK_MODEL,
    .setup = setup,
    .verify = verify,
    .draws = draws,
    .predict = predict,
    .metrics = metrics,
    .teardown = teardown,
};

/* The row on rank 0. */
static int run(struct sn_row *row, enum sn_clock_kind clock)
{
    static const struct sn_bench *const benches[] = {&bench, NULL};
    const struct sn_app app = {.benches = benches};
    struct sn_world w;
    struct sn_plan plan;
    sn_world_open(&w);
    sn_plan_init(&plan, 1, w.size);
    plan.clock = clock;
    sn_plan_add(&plan, &app, "lab", NULL, 0);
    const struct sn_env env = {.clock = clock, .world = &w, .hang_rank = -1};
    const struct sn_case_opts o = {.clock = clock};
    sn_row_init(row);
    sn_plan_row(&plan.cases[0], 1, row);
    lab.predicts = 0;
    int status = sn_case_run(&plan.cases[0], &env, &o, row);
    sn_plan_free(&plan);
    sn_world_close(&w);
    return status;
}

MPI_TEST(a_row_holds_the_median_draw)
{
    struct sn_row row;
    lab = (struct lab){.fail_at = -1};
    int status = run(&row, SN_CLOCK_MODEL);
    CHECK(status == SN_OK, "%s", sn_status_message());
    CHECK(lab.predicts == (rank ? 0 : DRAWS), "%d draws", lab.predicts);
    if (rank == 0) {
        CHECK(row.status == SN_ROW_OK, "%s", row.reason ? row.reason : "");
        CHECK(row.origin == SN_ORIGIN_MODELLED && row.ranks == -1, "%d", row.ranks);
        CHECK(row.n == DRAWS && row.samples_s[0] == 5.5 && row.samples_s[4] == 4.5, "samples");
        CHECK(row.stats.median == 3.5, "%g", row.stats.median);
        CHECK(row.n_breakdown == 2 && row.breakdown[0].s == 0.5 && row.breakdown[1].s == 3,
              "%d parts", (int)row.n_breakdown);
        CHECK(row.limit_s == 3 && fabs(row.efficiency - 3 / 3.5) < 1e-9, "%g", row.limit_s);
        CHECK(!strcmp(row.limit_why, "7 messages; bottleneck: port 2"), "%s", row.limit_why);
        const struct sn_metric *last = sn_row_metric(&row, "last_die");
        CHECK(last && last->value == 12, "last_die");
        CHECK(sn_row_has_flag(&row, "extrapolated"), "a flag of any draw counts");
    }
    sn_row_free(&row);
}

MPI_TEST(the_row_is_the_same_bytes_on_any_number_of_ranks)
{
    /* FNV-1a of the encoded row; the same constant at 1, 2, 4 and 7 ranks. */
    struct sn_row row;
    struct sn_buf b = {0};
    lab = (struct lab){.fail_at = -1};
    run(&row, SN_CLOCK_MODEL);
    if (rank == 0) {
        sn_row_encode(&row, &b);
        CHECK(strstr(b.data, "\"origin\":\"modelled\",\"clock\":\"model\"") &&
                  strstr(b.data, "\"ranks\":null") &&
                  strstr(b.data, "\"samples_s\":[5.5,1.5,3.5,2.5,4.5]"),
              "%.60s", b.data);
        uint64_t h = 1469598103934665603u;
        for (size_t i = 0; i < b.len; i++)
            h = (h ^ (uint8_t)b.data[i]) * 1099511628211u;
        CHECK(h == ROW_HASH, "%016llx", (unsigned long long)h);
    }
    sn_buf_free(&b);
    sn_row_free(&row);
}

MPI_TEST(a_draw_that_fails_fails_the_row)
{
    struct sn_row row;
    lab = (struct lab){.fail_at = 3};
    int status = run(&row, SN_CLOCK_MODEL);
    CHECK(status == SN_OK && row.status == SN_ROW_FAILED, "%d %d", status, row.status);
    CHECK(row.reason && strstr(row.reason, "draw 3 has no route"), "%s", row.reason);
    sn_row_free(&row);
}

MPI_TEST(a_wrong_check_is_no_prediction)
{
    struct sn_row row;
    lab = (struct lab){.fail_at = -1, .wrong = 1};
    int status = run(&row, SN_CLOCK_MODEL);
    CHECK(status == SN_OK && row.status == SN_ROW_FAILED && !lab.predicts, "%d predicts",
          lab.predicts);
    sn_row_free(&row);
}

MPI_TEST(a_benchmark_without_the_clock_is_skipped)
{
    struct sn_row row;
    lab = (struct lab){.fail_at = -1};
    int status = run(&row, SN_CLOCK_WALL);
    CHECK(status == SN_OK && row.status == SN_ROW_SKIPPED, "%d %d", status, row.status);
    sn_row_free(&row);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){
                            TEST(a_row_holds_the_median_draw),
                            TEST(the_row_is_the_same_bytes_on_any_number_of_ranks),
                            TEST(a_draw_that_fails_fails_the_row),
                            TEST(a_wrong_check_is_no_prediction),
                            TEST(a_benchmark_without_the_clock_is_skipped),
                            {0},
                        });
}
