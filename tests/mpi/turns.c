/* Rivals sampled in turn: the order A B B A, blocks, stops, failures, and a machine that drifts. */
#include <math.h>
#include <stdlib.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/case.h"
#include "harness/paired.h"
#include "harness/stats.h"
#include "tests/mpi/mpitest.h"

enum { MOST = 3, TURNS_MAX = 400 };

/* What the made-up benchmark sees and leaves, for each of its variants. */
static struct lab {
    int rank, size;
    struct player {
        uint64_t runs;
        int64_t busy_ns;
        int64_t fail_at_rep; /* -1: never */
        bool wild;           /* every other repetition takes ten times as long */
        bool unfit, wrong, broken_setup;
        uint64_t memory;
        int setups, verifies, teardowns, metrics;
    } players[MOST];
    int64_t origin_ns; /* work grows by itself in every `double_ns` from here on; 0: it does not */
    int64_t double_ns;
    int open, most_open;
    size_t turns[TURNS_MAX], n_turns;
    uint64_t runs_before[TURNS_MAX]; /* of the one whose turn it is */
} lab;

static const char *const words[] = {"a", "b", "c", NULL};
static const struct sn_axis axes[] = {
    {.name = "how", .type = SN_AXIS_WORD, .def = "a", .words = words, .compares = true}, {0}};

static struct player *player(const struct sn_case *c)
{
    return &lab.players[c->values[0].i];
}

static void spin(int64_t ns)
{
    int64_t until = sn_clock_ns() + ns;
    while (sn_clock_ns() < until)
        ;
}

static const char *unsupported(const struct sn_case *c)
{
    return player(c)->unfit ? "unfit" : NULL;
}

static uint64_t memory(const struct sn_case *c)
{
    return player(c)->memory;
}

static int setup(struct sn_case *c)
{
    player(c)->setups++;
    lab.open++;
    lab.most_open = lab.open > lab.most_open ? lab.open : lab.most_open;
    return player(c)->broken_setup && lab.rank == lab.size - 1 ? SN_FAIL(SN_ENOMEM, "no room")
                                                               : SN_OK;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    player(c)->verifies++;
    k->what = "nothing";
    k->compared = 1;
    if (player(c)->wrong)
        sn_check_fail(k, "wrong");
    return SN_OK;
}

static int run(struct sn_case *c)
{
    struct player *p = player(c);
    int64_t busy = p->wild && p->runs % 2 ? 10 * p->busy_ns : p->busy_ns;
    p->runs++;
    if (lab.origin_ns)
        busy += busy * ((sn_clock_ns() - lab.origin_ns) / 1000) / (lab.double_ns / 1000);
    spin(busy);
    if ((int64_t)c->rep == p->fail_at_rep && lab.rank == lab.size - 1)
        return SN_FAIL(SN_EIO, "broke at %d", (int)c->rep);
    return SN_OK;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    player(c)->metrics++;
    row->limit_s = 1e-9;
}

static void teardown(struct sn_case *c)
{
    player(c)->teardowns++;
    lab.open--;
}

static const struct sn_bench contest = {.name = "contest",
                                        .axes = axes,
                                        .clocks = SN_CLOCK_WALL,
                                        .unsupported = unsupported,
                                        .memory = memory,
                                        .setup = setup,
                                        .verify = verify,
                                        .run = run,
                                        .metrics = metrics,
                                        .teardown = teardown};

static void take(void *arg, size_t i)
{
    (void)arg;
    if (lab.n_turns == TURNS_MAX)
        return;
    lab.runs_before[lab.n_turns] = lab.players[i].runs;
    lab.turns[lab.n_turns++] = i;
}

struct fixture {
    struct sn_world w;
    struct sn_env env;
    struct sn_case_opts o;
    struct sn_value values[MOST];
    struct sn_plan_case cases[MOST];
    struct sn_row rows[MOST];
    size_t n;
};

static void begin(struct fixture *f, size_t n)
{
    *f = (struct fixture){.n = n};
    sn_world_open(&f->w);
    lab = (struct lab){.rank = f->w.rank, .size = f->w.size};
    f->env = (struct sn_env){.clock = SN_CLOCK_WALL, .world = &f->w, .hang_rank = -1};
    f->o = (struct sn_case_opts){
        .clock = SN_CLOCK_WALL,
        .sample = {.min = 30, .max = 30, .ci = 1e-12, .budget_s = 20, .warmup_s = 0.01}};
    for (size_t i = 0; i < n; i++) {
        lab.players[i] = (struct player){.busy_ns = 20000, .fail_at_rep = -1};
        f->values[i] = (struct sn_value){.i = (int64_t)i, .text = (char *)words[i]};
        f->cases[i] = (struct sn_plan_case){
            .bench = &contest, .values = &f->values[i], .clock = SN_CLOCK_WALL};
        sn_row_init(&f->rows[i]);
    }
}

static int play(struct fixture *f)
{
    const struct sn_plan_case *cases[MOST];
    struct sn_row *rows[MOST];
    for (size_t i = 0; i < f->n; i++) {
        cases[i] = &f->cases[i];
        rows[i] = &f->rows[i];
    }
    return sn_case_run_rivals(cases, f->n, &f->env, &f->o, &(struct sn_turn_hook){take, NULL},
                              rows);
}

static void end(struct fixture *f)
{
    for (size_t i = 0; i < f->n; i++) {
        CHECK(lab.players[i].setups == lab.players[i].teardowns, "%zu: %d setups, %d teardowns", i,
              lab.players[i].setups, lab.players[i].teardowns);
        sn_row_free(&f->rows[i]);
    }
    sn_world_close(&f->w);
}

/* Six blocks there and back, exactly: first one turn each to set up, one to warm up, then the
 * blocks, one to count and fill, one to end. */
static void check_order(size_t n)
{
    struct fixture f;
    size_t at = 2 * n, blocks[MOST] = {0};
    begin(&f, n);
    int status = play(&f);
    CHECK(status == SN_OK, "%s", sn_status_message());
    CHECK(lab.n_turns == 4 * n + 6 * n, "%zu turns", lab.n_turns);
    for (size_t i = 0; i < 2 * n; i++)
        CHECK(lab.turns[i] == i % n, "turn %zu is of %zu", i, lab.turns[i]);
    for (size_t round = 0; round < 6; round++)
        for (size_t j = 0; j < n; j++, at++) {
            size_t want = round % 2 ? n - 1 - j : j;
            CHECK(lab.turns[at] == want, "block %zu of round %zu is of %zu", j, round,
                  lab.turns[at]);
            blocks[want]++;
        }
    for (size_t i = 0; i < n; i++) {
        const struct sn_row *r = &f.rows[i];
        const struct player *p = &lab.players[i];
        CHECK(r->status == SN_ROW_OK, "%zu: %s", i, r->reason);
        CHECK(r->n == 30 && blocks[i] == 6 && r->stop == SN_STOP_MAX, "%zu: n %d, stop %d", i,
              (int)r->n, r->stop);
        CHECK(p->runs == r->warmup + r->n + r->invalid, "%zu: %d runs, the row tells of %d", i,
              (int)p->runs, (int)(r->warmup + r->n + r->invalid));
        CHECK(sn_row_has_flag(r, "interleaved"), "%zu: no flag", i);
        CHECK(p->verifies == 2 && p->metrics == (lab.rank == 0),
              "%zu: %d verifications, %d metrics", i, p->verifies, p->metrics);
    }
    /* Between two turns of one nobody else's time is counted: every block had at least 1 + 5. */
    for (size_t t = 2 * n; t < 8 * n; t++) {
        uint64_t after = lab.players[lab.turns[t]].runs;
        for (size_t u = lab.n_turns; u-- > t + 1;)
            if (lab.turns[u] == lab.turns[t])
                after = lab.runs_before[u];
        CHECK(after - lab.runs_before[t] >= 6, "turn %zu: %d runs", t,
              (int)(after - lab.runs_before[t]));
        if (f.rows[lab.turns[t]].invalid == 0)
            CHECK(after - lab.runs_before[t] == 6, "turn %zu: %d runs", t,
                  (int)(after - lab.runs_before[t]));
    }
    CHECK(lab.most_open == (int)n, "%d were open at a time", lab.most_open);
    end(&f);
}

MPI_TEST(two_come_as_a_b_b_a)
{
    check_order(2);
}

MPI_TEST(three_come_as_a_b_c_c_b_a)
{
    check_order(3);
}

/* A loose rule is met at 20 samples; the sixth block is still made, for the ratio's interval. */
MPI_TEST(six_blocks_at_least)
{
    struct fixture f;
    begin(&f, 2);
    f.o.sample = (struct sn_sample_opts){.min = 20, .max = 1000, .ci = 1e6, .budget_s = 20};
    int status = play(&f);
    CHECK(status == SN_OK, "%s", sn_status_message());
    for (size_t i = 0; i < 2; i++)
        CHECK(f.rows[i].n == 30 && f.rows[i].stop == SN_STOP_CI, "%zu: n %d, stop %d", i,
              (int)f.rows[i].n, f.rows[i].stop);
    end(&f);
}

/* b never gets narrow and goes on to its most samples; a, long satisfied, keeps it company. */
MPI_TEST(who_is_satisfied_goes_on_beside_the_other)
{
    struct fixture f;
    begin(&f, 2);
    f.o.sample = (struct sn_sample_opts){.min = 20, .max = 100, .ci = 0.3, .budget_s = 20};
    lab.players[1].wild = true;
    int status = play(&f);
    CHECK(status == SN_OK, "%s", sn_status_message());
    CHECK(f.rows[0].n == f.rows[1].n, "n %d and %d", (int)f.rows[0].n, (int)f.rows[1].n);
    if (!f.w.oversubscribed) { /* there all times are as wild */
        CHECK(f.rows[1].n == 100 && f.rows[1].stop == SN_STOP_MAX, "b: n %d, stop %d",
              (int)f.rows[1].n, f.rows[1].stop);
        CHECK(f.rows[0].stop == SN_STOP_CI, "a: stop %d", f.rows[0].stop);
    }
    end(&f);
}

/* The budget is each one's own: three of 0.1 s take 0.3 s together. What a busy machine adds only
 * lengthens it. */
MPI_TEST(budgets_are_their_own)
{
    struct fixture f;
    begin(&f, 3);
    f.o.sample = (struct sn_sample_opts){
        .min = 100000, .max = 100000, .ci = 1e-12, .budget_s = 0.1, .warmup_s = 0.02};
    int64_t t0 = sn_clock_ns();
    int status = play(&f);
    double took = (double)(sn_clock_ns() - t0) * 1e-9;
    CHECK(status == SN_OK, "%s", sn_status_message());
    for (size_t i = 0; i < 3; i++)
        CHECK(f.rows[i].stop == SN_STOP_BUDGET, "%zu: stop %d", i, f.rows[i].stop);
    CHECK(took > 0.28, "three budgets of 0.1 s were spent in %g s", took);
    end(&f);
}

/* One that fails in the middle, one that is unfit: the third has its samples all the same. */
MPI_TEST(others_go_on)
{
    struct fixture f;
    begin(&f, 3);
    lab.players[1].unfit = true;
    lab.players[2].broken_setup = true;
    CHECK(play(&f) == SN_OK, "%s", sn_status_message());
    CHECK(f.rows[0].status == SN_ROW_OK && f.rows[0].n == 30, "a: %s", f.rows[0].reason);
    CHECK(!sn_row_has_flag(&f.rows[0], "interleaved"), "with nobody");
    CHECK(f.rows[1].status == SN_ROW_SKIPPED && !strcmp(f.rows[1].reason, "unfit"), "%s",
          f.rows[1].reason);
    CHECK(f.rows[2].status == SN_ROW_FAILED && strstr(f.rows[2].reason, "no room"), "%s",
          f.rows[2].reason);
    end(&f);

    begin(&f, 3);
    f.o.sample.warmup_s = 1e-6; /* so that the failure comes among the samples */
    lab.players[1].fail_at_rep = 20;
    CHECK(play(&f) == SN_OK, "%s", sn_status_message());
    CHECK(f.rows[1].status == SN_ROW_FAILED && strstr(f.rows[1].reason, "broke at 20"), "%s",
          f.rows[1].reason);
    CHECK(lab.players[1].runs == 21, "went on for %d", (int)lab.players[1].runs);
    for (size_t i = 0; i < 3; i += 2)
        CHECK(f.rows[i].status == SN_ROW_OK && f.rows[i].n == 30 &&
                  sn_row_has_flag(&f.rows[i], "interleaved"),
              "%zu: n %d", i, (int)f.rows[i].n);
    end(&f);

    begin(&f, 2);
    lab.players[0].wrong = true;
    CHECK(play(&f) == SN_OK, "%s", sn_status_message());
    CHECK(f.rows[0].status == SN_ROW_FAILED && lab.players[0].runs == 0, "a ran unverified");
    CHECK(f.rows[0].check.errors == (uint64_t)size, "%d errors", (int)f.rows[0].check.errors);
    CHECK(f.rows[1].status == SN_ROW_OK && f.rows[1].n == 30, "b: n %d", (int)f.rows[1].n);
    end(&f);
}

/* Room for two of three at a time: one after the other, flagged. */
MPI_TEST(without_room_one_after_the_other)
{
    struct fixture f;
    begin(&f, 3);
    f.o.memory_limit = 250;
    for (size_t i = 0; i < 3; i++)
        lab.players[i].memory = 100;
    CHECK(play(&f) == SN_OK, "%s", sn_status_message());
    for (size_t i = 0; i < 3; i++)
        CHECK(f.rows[i].status == SN_ROW_OK && sn_row_has_flag(&f.rows[i], "not-interleaved") &&
                  !sn_row_has_flag(&f.rows[i], "interleaved"),
              "%zu: %s", i, f.rows[i].reason ? f.rows[i].reason : "flags");
    CHECK(lab.most_open == 1, "%d were open at a time", lab.most_open);
    end(&f);

    begin(&f, 3); /* the one that needs most cannot run at all: the others have room */
    f.o.memory_limit = 250;
    lab.players[0].memory = 100;
    lab.players[1].memory = 1000;
    lab.players[2].memory = 100;
    CHECK(play(&f) == SN_OK, "%s", sn_status_message());
    CHECK(f.rows[1].status == SN_ROW_SKIPPED, "status %d", f.rows[1].status);
    CHECK(sn_row_has_flag(&f.rows[0], "interleaved") && sn_row_has_flag(&f.rows[2], "interleaved"),
          "the others were not sampled in turn");
    end(&f);
}

/* Equal work on a machine that gets slower all the time (by the first time in 60 ms): one after the
 * other the second seems slower, in turn they are equal. */
static double ratio_under_drift(struct fixture *f, bool in_turn, struct sn_ratio *r)
{
    begin(f, 2);
    f->o.sample = (struct sn_sample_opts){
        .min = 200, .max = 200, .ci = 1e-12, .budget_s = 20, .warmup_s = 0.001};
    lab.players[0].busy_ns = lab.players[1].busy_ns = 50000;
    lab.double_ns = 60000000;
    lab.origin_ns = sn_clock_ns();
    MPI_Bcast(&lab.origin_ns, 1, MPI_INT64_T, 0, MPI_COMM_WORLD); /* one host, one clock */
    if (!in_turn) {
        f->o.memory_limit = 1;
        lab.players[0].memory = lab.players[1].memory = 1;
    }
    CHECK(play(f) == SN_OK, "%s", sn_status_message());
    CHECK(f->rows[0].n == 200 && f->rows[1].n == 200, "n %d, %d", (int)f->rows[0].n,
          (int)f->rows[1].n);
    *r = sn_paired_blocks(f->rows[0].samples_s, f->rows[0].n, f->rows[1].samples_s, f->rows[1].n,
                          SN_TURN_BLOCK);
    double a, b, lo, hi;
    sn_stats_median_ci(f->rows[0].samples_s, f->rows[0].n, 0.95, &a, &lo, &hi);
    sn_stats_median_ci(f->rows[1].samples_s, f->rows[1].n, 0.95, &b, &lo, &hi);
    end(f);
    return b / a;
}

MPI_TEST(drift_is_shared_in_turn)
{
    struct fixture f;
    struct sn_ratio ratio, ignored;
    bool good = false;
    double apart = 0;
    for (int attempt = 0; attempt < 5 && !good; attempt++) {
        apart = ratio_under_drift(&f, false, &ignored);
        ratio_under_drift(&f, true, &ratio);
        good = f.w.oversubscribed || (apart > 1.1 && fabs(ratio.ratio - 1) < 0.03);
    }
    CHECK(good, "one after the other %g, in turn %g", apart, ratio.ratio);
    if (rank == 0)
        printf("# under drift, truth 1: one after the other %.3f; in turn %.4f [%.4f, %.4f]\n",
               apart, ratio.ratio, ratio.lo, ratio.hi);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(two_come_as_a_b_b_a),
                                                 TEST(three_come_as_a_b_c_c_b_a),
                                                 TEST(six_blocks_at_least),
                                                 TEST(who_is_satisfied_goes_on_beside_the_other),
                                                 TEST(budgets_are_their_own),
                                                 TEST(others_go_on),
                                                 TEST(without_room_one_after_the_other),
                                                 TEST(drift_is_shared_in_turn),
                                                 {0}});
}
