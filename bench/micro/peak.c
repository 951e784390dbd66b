/* peak: arithmetic at its limit (harness/base/peak.h), one core or several at once: the roofs of
 * arithmetic as a benchmark. The lower bound is the peak measured at the start, so an efficiency
 * far from 100 % says that one of both was disturbed, or that cores which compute together are
 * slower than one alone. No table of what a CPU should do per cycle is used: ops_per_cycle is there
 * to be held against the maker's. */
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <stdlib.h>

#include "bench/benches.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/peak.h"
#include "harness/base/status.h"
#include "harness/roof.h"

/* A repetition is some 20 us: longer than the timer's steps, shorter than a time slice. */
enum { PASSES = 200, VERIFIED = 50 };

struct state {
    enum sn_peak_kind kind;
    unsigned sequence, threads;
    double ops; /* of a pass */
};

static const struct sn_axis axes[] = {
    {.name = "kind",
     .type = SN_AXIS_WORD,
     .def = "all",
     .words = sn_peak_words,
     .help = "what is multiplied: int8 into int32, bf16 into f32, f32"},
    {.name = "threads",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 1,
     .max = 1024,
     .help = "OpenMP threads of each rank that compute at once"},
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"rate", "op/s", true, "operations / median"},
    {"ops_per_cycle", "op/cycle", true, "rate / threads / core clock (dependent-add chain)"},
    {"operations", "op", false, "multiplications + additions"},
    {0}};

static enum sn_peak_kind kind_of(const struct sn_case *c)
{
    return (enum sn_peak_kind)sn_case_word(c, "kind");
}

static const char *unsupported(const struct sn_case *c)
{
    if ((unsigned)sn_case_int(c, "threads") > sn_cpu_count())
        return "needs more cores than this process may use: a thread each";
    for (unsigned i = 0; i < SN_PEAK_SEQUENCES; i++)
        if (sn_peak_ops(kind_of(c), i, NULL) > 0)
            return NULL;
    return "this CPU has no such instructions";
}

static void run_all(const struct state *s, uint64_t passes)
{
#pragma omp parallel num_threads((int)s->threads) if (s->threads > 1)
    sn_peak_run(s->kind, s->sequence, passes);
}

/* The sequence that is fastest here: of each the shortest of some runs. */
static void choose(struct state *s)
{
    double best = 0;
    unsigned chosen = 0;
    for (unsigned i = 0; i < SN_PEAK_SEQUENCES; i++) {
        double ops = sn_peak_ops(s->kind, i, NULL), least = INFINITY;
        for (int repeat = 0; repeat < 20 && ops > 0; repeat++) {
            int64_t start = sn_clock_ns();
            sn_peak_run(s->kind, i, PASSES);
            least = fmin(least, (double)(sn_clock_ns() - start));
        }
        if (ops / least > best) {
            best = ops / least;
            chosen = i;
        }
    }
    s->sequence = chosen;
    s->ops = sn_peak_ops(s->kind, chosen, NULL);
}

static int setup(struct sn_case *c)
{
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    s->kind = kind_of(c);
    s->threads = (unsigned)sn_case_int(c, "threads");
    choose(s);
    return SN_OK;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    const struct state *s = c->state;
    double want = s->ops / 2 * VERIFIED, got = sn_peak_run(s->kind, s->sequence, VERIFIED);
    if (c->env->mutate != SN_MUTATE_NONE)
        got += 1;
    k->what = "the sum of all accumulators with the number of multiply-adds, all factors being 1";
    k->compared = 1;
    if (got != want)
        sn_check_fail(k, "%d passes did %.17g multiply-adds, expected %.17g", VERIFIED, got, want);
    return SN_OK;
}

static int run(struct sn_case *c)
{
    run_all(c->state, (uint64_t)PASSES * c->batch);
    return SN_OK;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    const struct state *s = c->state;
    const struct sn_roofs *r = c->env->roofs;
    const char *name = "";
    double ops = s->ops * PASSES * s->threads, rate = ops / row->stats.median,
           peak = r->peak_ops_per_s[s->kind] * s->threads;
    sn_peak_ops(s->kind, s->sequence, &name);
    row->bytes.logical = row->bytes.wire = row->bytes.local = 0;
    row->limit_s = ops / peak;
    row->limit_why =
        sn_row_str(row, "%.4g op at %.4g op/s: the peak measured at the start", ops, peak);
    sn_row_add_metric(row, docs, "rate", rate);
    sn_row_add_metric(row, docs, "ops_per_cycle", rate / s->threads / r->core_hz);
    sn_row_add_metric(row, docs, "operations", ops);
    sn_row_add_flag(row, sn_row_str(row, "sequence=%s", name));
}

static void teardown(struct sn_case *c)
{
    free(c->state);
    c->state = NULL;
}

const struct sn_bench sn_bench_peak = {
    .name = "peak",
    .brief = "arithmetic at its limit: int8, bf16, f32",
    .axes = axes,
    .clocks = SN_CLOCK_WALL,
    .flags = SN_BENCH_BATCH,
    .timed =
        "independent multiply-adds in registers, by `threads` threads. T = last end minus first "
        "start over ranks, each of which does the same",
    .bytes = "none",
    .limit = "operations / (the peak of one core, measured at the start, times threads)",
    .metric_docs = docs,
    .unsupported = unsupported,
    .setup = setup,
    .verify = verify,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
