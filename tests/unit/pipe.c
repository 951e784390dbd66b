/* Steps on the model clock: bounds that every step keeps, what routing counts, what a change of a
 * figure does. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"
#include "bench/llm.h"
#include "bench/macro/lengths.h"
#include "bench/macro/pipe_defaults.h"
#include "bench/macro/pipe_detail.h"
#include "bench/profile.h"
#include "harness/base/status.h"

static struct sn_llm llm;
static struct sn_device device;
static struct sn_profile fabric;

static void open_files(const char *model)
{
    cr_assert_eq(sn_llm_open(&llm, model), SN_OK, "%s", sn_status_message());
    cr_assert_eq(sn_device_open(&device, "ascend910c-die"), SN_OK, "%s", sn_status_message());
    cr_assert_eq(sn_profile_open(&fabric, "cloudmatrix384-ub"), SN_OK, "%s", sn_status_message());
}

static void close_files(void)
{
    sn_llm_close(&llm);
    sn_device_close(&device);
    sn_profile_close(&fabric);
}

static struct sn_pipe decode(unsigned dies, unsigned requests, unsigned microbatches)
{
    return (struct sn_pipe){.llm = &llm,
                            .device = &device,
                            .profile = &fabric,
                            .degrade = "none",
                            .routing = "uniform",
                            .algorithm = sn_pipe_algorithm(SN_MOE_COPIES),
                            .dtype = SN_DTYPE_INT8,
                            .seed = 1,
                            .balance = true,
                            .dies = dies,
                            .requests = requests,
                            .queries = 2,
                            .ctx = 4096,
                            .microbatches = microbatches,
                            .redundant = llm.routed < dies ? dies - llm.routed : 0};
}

static struct sn_pipe_step step_of(const struct sn_pipe *p)
{
    struct sn_pipe_step s;
    cr_assert_eq(sn_pipe_step(p, 1, &s), SN_OK, "%s", sn_status_message());
    return s;
}

static double time_of(const struct sn_pipe *p)
{
    struct sn_pipe_step s = step_of(p);
    double t = s.s;
    sn_pipe_step_free(&s);
    return t;
}

/* What holds of every step. */
static void check_step(const struct sn_pipe *p, const struct sn_pipe_step *s)
{
    double critical = 0;
    for (unsigned o = 0; o < SN_OPERATIONS; o++)
        critical += s->critical_s[o];
    cr_expect_float_eq(critical, s->s, 1e-9 * s->s);
    cr_expect_leq(s->limit_s, s->s);
    cr_expect_leq(s->exposed_s, s->s);
    for (int r = 0; r < SN_RESOURCES; r++)
        cr_expect(s->utilisation[r] >= 0 && s->utilisation[r] <= 1 + 1e-9, "%s: %g",
                  sn_resource_names[r], s->utilisation[r]);
    for (unsigned i = 0; i < s->n_layers * p->microbatches; i++) {
        unsigned tokens = sn_pipe_tokens(p, sn_pipe_part(p, i % p->microbatches));
        uint64_t copies = (uint64_t)p->dies * tokens * (p->llm->top_k + (p->shared_dies > 0));
        cr_expect_eq(s->layers[i].sum, copies);
        cr_expect_geq(s->layers[i].most * p->dies, s->layers[i].sum);
    }
}

Test(pipe, every_step_adds_up)
{
    open_files("deepseek-v2-lite");
    for (unsigned dies = 8; dies <= 64; dies *= 8)
        for (unsigned requests = 1; requests <= 24; requests += 23)
            for (unsigned mb = 1; mb <= 2 && mb <= requests; mb++) {
                struct sn_pipe p = decode(dies, requests, mb);
                struct sn_pipe_step s = step_of(&p);
                check_step(&p, &s);
                sn_pipe_step_free(&s);
            }
    close_files();
}

/* "max(2A, 2M) <= T2 <= 2A + 2M", of a model of MoE layers alone, where A and M are sums of spans;
 * beside the layers there are embedding, heads and host. */
Test(pipe, two_streams_keep_their_bounds)
{
    open_files("deepseek-r1");
    llm.layers = 9;
    llm.dense_layers = 0;
    struct sn_pipe p = decode(64, 24, 2);
    struct sn_pipe_step s = step_of(&p);
    double stream[SN_PIPE_STREAMS] = {0}, once = 0;
    for (unsigned o = 0; o < SN_OPERATIONS; o++) {
        enum sn_where w = sn_operation_descs[o].where;
        if (w == SN_WHERE_BEGIN || w == SN_WHERE_END)
            once += s.spent_s[o];
        else
            stream[sn_operation_descs[o].stream] += s.spent_s[o];
    }
    double layers = s.s - once;
    cr_expect_geq(layers, fmax(stream[0], stream[1]) * (1 - 1e-9));
    cr_expect_leq(layers, (stream[0] + stream[1]) * (1 + 1e-9));
    sn_pipe_step_free(&s);
    close_files();
}

/* Without a second stream nothing overlaps: the step is the sum of all spans. */
Test(pipe, one_microbatch_is_the_sum)
{
    open_files("nano");
    struct sn_pipe p = decode(4, 6, 1);
    struct sn_pipe_step s = step_of(&p);
    double sum = 0;
    for (unsigned o = 0; o < SN_OPERATIONS; o++)
        sum += s.spent_s[o];
    cr_expect_float_eq(sum, s.s, 1e-9 * s.s);
    sn_pipe_step_free(&s);
    close_files();
}

Test(pipe, more_work_takes_longer)
{
    open_files("deepseek-v2-lite");
    struct sn_pipe p = decode(16, 8, 2);
    double t = time_of(&p);
    p.requests = 32;
    double batch = time_of(&p);
    p.requests = 8;
    p.ctx = 32768;
    double ctx = time_of(&p);
    p.ctx = 4096;
    p.dtype = SN_DTYPE_BF16;
    double wide = time_of(&p);
    p.dtype = SN_DTYPE_INT8;
    p.routing = "zipf(1)";
    double skewed = time_of(&p);
    cr_expect(batch > t && ctx > t && wide > t && skewed > t, "%g: %g %g %g %g", t, batch, ctx,
              wide, skewed);
    close_files();
}

/* The tokens of two microbatches as one: the bound is one, and not far. */
Test(pipe, whole_is_a_lower_bound)
{
    open_files("deepseek-v2-lite");
    for (unsigned requests = 2; requests <= 64; requests *= 4) {
        struct sn_pipe p = decode(32, requests, 2);
        struct sn_pipe_step two = step_of(&p);
        double least;
        cr_assert_eq(sn_pipe_step_whole(&p, &two, &least), SN_OK);
        p.microbatches = 1;
        double one = time_of(&p);
        cr_expect(least <= one && least > 0.8 * one, "%u requests: %g of %g", requests, least, one);
        sn_pipe_step_free(&two);
    }
    close_files();
}

/* Few dies keep many copies to themselves. */
Test(pipe, whole_is_a_lower_bound_of_few_dies)
{
    open_files("nano");
    for (unsigned dies = 1; dies <= 4; dies *= 2) {
        struct sn_pipe p = decode(dies, 16, 2);
        struct sn_pipe_step two = step_of(&p);
        double least;
        cr_assert_eq(sn_pipe_step_whole(&p, &two, &least), SN_OK);
        p.microbatches = 1;
        cr_expect_leq(least, time_of(&p), "%u dies", dies);
        sn_pipe_step_free(&two);
    }
    close_files();
}

/* Of every port: also of a node's, and of those inside it. */
Test(pipe, no_step_beats_its_bound)
{
    static const char *const fabrics[] = {"cloudmatrix384-vpc", "h800-deepep", "ideal",
                                          "cloudmatrix384-rdma"};
    open_files("nano");
    for (unsigned i = 0; i < 4; i++) {
        sn_profile_close(&fabric);
        cr_assert_eq(sn_profile_open(&fabric, fabrics[i]), SN_OK, "%s", sn_status_message());
        for (unsigned dies = 2; dies <= 32; dies *= 4) {
            struct sn_pipe p = decode(dies, 64, 1);
            p.routing = "zipf(1)";
            p.algorithm = sn_pipe_algorithm(SN_MOE_COUNTS_AND_PAIRS);
            struct sn_pipe_step s = step_of(&p);
            cr_expect_leq(s.limit_s, s.s * (1 + 1e-9), "%s, %u dies: %g of %g", fabrics[i], dies,
                          s.limit_s, s.s);
            sn_pipe_step_free(&s);
        }
    }
    close_files();
}

Test(pipe, another_number_of_layers_is_refused)
{
    open_files("nano");
    struct sn_pipe p = decode(4, 4, 1);
    struct sn_pipe_step s = step_of(&p), again;
    p.queries = 1; /* no draft */
    cr_expect_eq(sn_pipe_step_again(&p, &s, &again), SN_EINVAL);
    sn_pipe_step_free(&s);
    close_files();
}

/* The result does not depend on who works at it. */
Test(pipe, threads_do_not_matter)
{
    open_files("deepseek-v2-lite");
    struct sn_pipe p = decode(16, 5, 2);
    struct sn_pipe_step a = step_of(&p), b;
    cr_assert_eq(sn_pipe_step(&p, 3, &b), SN_OK);
    cr_expect_eq(memcmp(&a.s, &b.s, sizeof a.s), 0);
    cr_expect_eq(memcmp(a.layers, b.layers, a.n_layers * 2 * sizeof *a.layers), 0);
    sn_pipe_step_free(&a);
    sn_pipe_step_free(&b);
    close_files();
}

Test(pipe, a_better_figure_never_hurts_much)
{
    open_files("deepseek-v2-lite");
    struct sn_pipe p = decode(16, 16, 1);
    struct sn_pipe_step s = step_of(&p);
    struct sn_pipe_change change[SN_PIPE_FIGURES];
    size_t n;
    cr_assert_eq(sn_pipe_sensitivity(&p, &s, change, &n), SN_OK);
    cr_assert_gt(n, 5);
    for (size_t i = 0; i < n; i++) {
        bool rate = strstr(change[i].name, "peak") || strstr(change[i].name, "bandwidth") ||
                    strstr(change[i].name, "rate");
        double better = rate ? change[i].plus : change[i].minus;
        cr_expect_leq(better, 1e-9, "%s: %g", change[i].name, better);
        cr_expect_lt(fabs(better), 0.11, "%s: %g", change[i].name, better);
    }
    sn_pipe_step_free(&s);
    close_files();
}

Test(pipe, cached_tokens_are_not_computed)
{
    open_files("deepseek-v2-lite");
    struct sn_pipe p = decode(8, 2, 2);
    p.prefill = p.spread = true;
    p.queries = 1;
    p.ctx = 2048;
    struct sn_pipe_cost all[SN_OPERATIONS], half[SN_OPERATIONS];
    cr_assert_eq(sn_pipe_costs(&p, 1, 2, all), SN_OK);
    p.cached = 1024;
    cr_assert_eq(sn_pipe_costs(&p, 1, 2, half), SN_OK);
    /* Of a causal triangle the second half of the rows has three quarters. */
    cr_expect_float_eq(half[SN_OPERATION_ATTENTION].ops / all[SN_OPERATION_ATTENTION].ops, 0.75,
                       1e-3);
    cr_expect_float_eq(half[SN_OPERATION_DENSE].ops / all[SN_OPERATION_DENSE].ops, 0.5, 1e-2);
    cr_expect_float_eq(half[SN_OPERATION_GATHER].bytes / all[SN_OPERATION_GATHER].bytes, 0.5, 1e-9);
    close_files();
}

/* "Data-parallel attention costs the maximum over ranks of the length sums; SP-TP-SP costs the
 * mean." */
Test(pipe, lengths_of_prompts)
{
    for (enum sn_lengths kind = SN_LENGTHS_UNIFORM; kind <= SN_LENGTHS_BIMODAL; kind++) {
        struct sn_lengths_load own = sn_lengths_draw(kind, 32, 2, false, 1, 0),
                               spread = sn_lengths_draw(kind, 32, 2, true, 1, 0);
        cr_expect_eq(spread.longest, 1);
        cr_expect_gt(spread.pairs, 1); /* the mean of squares is above the square of the mean */
        cr_expect_gt(own.longest, 1);
        cr_expect_gt(own.pairs, spread.pairs);
    }
    struct sn_lengths_load fixed = sn_lengths_draw(SN_LENGTHS_FIXED, 32, 2, false, 1, 0);
    cr_expect(fixed.longest == 1 && fixed.pairs == 1);
    /* Of many prompts a die: E[x^2] of the distribution, by hand: 13/12; exp(sigma^2); 1.64. */
    static const double squares[] = {0, 13.0 / 12, 1.4333294, 1.64};
    for (enum sn_lengths kind = SN_LENGTHS_UNIFORM; kind <= SN_LENGTHS_BIMODAL; kind++)
        cr_expect_float_eq(sn_lengths_draw(kind, 256, 512, true, 3, 0).pairs, squares[kind], 0.02);
}

Test(pipe, what_is_no_step_is_said)
{
    open_files("deepseek-r1");
    struct sn_pipe p = decode(320, 4, 2);
    p.redundant = 0;
    cr_expect(strstr(sn_pipe_unsupported(&p), "more dies than slots"));
    p = decode(32, 1, 2);
    cr_expect(strstr(sn_pipe_unsupported(&p), "fewer requests"));
    p = decode(32, 4, 2);
    p.shared_dies = 32;
    cr_expect(strstr(sn_pipe_unsupported(&p), "no die is left"));
    p = decode(32, 4, 2);
    p.prefill = true;
    p.cached = p.ctx;
    cr_expect(strstr(sn_pipe_unsupported(&p), "nothing is left to compute"));
    close_files();
}
