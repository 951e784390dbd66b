/* The schedule of a step: chains, overlap, shared resources, and what holds of every schedule. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/macro/schedule.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static void near(double got, double want, const char *what)
{
    cr_expect_float_eq(got, want, 1e-12 * (1 + want), "%s: %.15g, not %.15g", what, got, want);
}

Test(schedule, one_batch_is_the_sum)
{
    static const uint32_t a0[] = {0}, m0[] = {1}, a1[] = {2};
    const struct sn_task t[] = {
        {.name = "A0", .stream = 0, .fixed_s = 1, .work_s = 5, .use = {[SN_RES_HBM] = 0.9}},
        {.name = "M0",
         .stream = 1,
         .work_s = 4,
         .use = {[SN_RES_HBM] = 0.9},
         .after = a0,
         .n_after = 1},
        {.name = "A1", .stream = 0, .work_s = 5, .after = m0, .n_after = 1},
        {.name = "M1", .stream = 1, .work_s = 4, .after = a1, .n_after = 1}};
    struct sn_schedule s;
    uint32_t path[4];
    cr_assert_eq(sn_schedule_run(&s, t, 4, 2), SN_OK);
    near(s.end_s, 19, "T1 = A + M");
    near(s.busy_s[SN_RES_HBM], 0.9 * 9, "busy");
    cr_expect_eq(sn_schedule_critical(&s, path), 4);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect(path[i] == i && s.span[i].slowed_s == 0);
    sn_schedule_free(&s);
}

/* Two microbatches of `layers`: A on one stream, M on the other, in turn. */
static double two_streams(double a, double m, double share, uint32_t layers)
{
    enum { MOST = 64 };
    struct sn_task t[4 * MOST];
    uint32_t after[4 * MOST];
    size_t n = 0;
    for (uint32_t l = 0; l < layers; l++)
        for (uint32_t b = 0; b < 2; b++) {
            after[n] = (uint32_t)n - 3; /* M of this microbatch, one layer back */
            t[n] = (struct sn_task){.name = "A",
                                    .stream = 0,
                                    .work_s = a,
                                    .after = &after[n],
                                    .n_after = l > 0,
                                    .use = {[SN_RES_HBM] = share}};
            n++;
            after[n] = (uint32_t)n - 1;
            t[n] = (struct sn_task){.name = "M",
                                    .stream = 1,
                                    .work_s = m,
                                    .after = &after[n],
                                    .n_after = 1,
                                    .use = {[SN_RES_HBM] = share}};
            n++;
        }
    struct sn_schedule s;
    cr_assert_eq(sn_schedule_run(&s, t, n, 2), SN_OK, "%s", sn_status_message());
    double end = s.end_s;
    sn_schedule_free(&s);
    return end;
}

/* model-notes: max(2A, 2M) <= T2 <= 2A + 2M a layer, the fill once. */
Test(schedule, two_microbatches_hide_the_shorter)
{
    near(two_streams(3, 2, 0, 10), 10 * 2 * 3 + 2, "A is longer");
    near(two_streams(2, 3, 0, 10), 10 * 2 * 3 + 2, "M is longer");
    near(two_streams(2, 2, 0, 10), 10 * 2 * 2 + 2, "alike");
    near(two_streams(2, 2, 0.5, 10), 10 * 2 * 2 + 2, "half of the memory each: no matter");
    /* All of the memory each: nothing can be gained. */
    near(two_streams(2, 3, 1, 10), 10 * (2 * 2 + 2 * 3), "T2 = 2A + 2M");
}

Test(schedule, a_full_resource_is_shared_evenly_and_all_of_it)
{
    const struct sn_task t[] = {
        {.name = "hungry", .stream = 0, .work_s = 6, .use = {[SN_RES_HBM] = 0.9}},
        {.name = "modest", .stream = 1, .work_s = 3, .use = {[SN_RES_HBM] = 0.6}},
        {.name = "apart", .stream = 2, .work_s = 5, .use = {[SN_RES_FABRIC] = 1}},
        {.name = "fixed", .stream = 3, .fixed_s = 2, .use = {[SN_RES_HBM] = 1}}};
    struct sn_schedule s;
    cr_assert_eq(sn_schedule_run(&s, t, 4, 4), SN_OK);
    /* Both at 1 / 1.5 until 4.5, when the second ends; then the first has 3 left. */
    near(s.span[1].end_s, 4.5, "modest");
    near(s.span[0].end_s, 7.5, "hungry");
    near(s.span[1].slowed_s, 1.5, "slowed");
    near(s.span[2].end_s, 5, "apart");
    near(s.span[3].end_s, 2, "fixed");
    near(s.busy_s[SN_RES_HBM], 0.9 * 6 + 0.6 * 3, "work is conserved");
    sn_schedule_free(&s);
}

/* Launches run ahead: the first of a stream pays its own, one behind longer work nothing. */
Test(schedule, launches_are_queued)
{
    const struct sn_task t[] = {{.name = "a", .stream = 0, .launch_s = 2, .work_s = 1},
                                {.name = "b", .stream = 0, .launch_s = 5, .work_s = 1},
                                {.name = "c", .stream = 0, .launch_s = 4, .fixed_s = 1}};
    struct sn_schedule s;
    cr_assert_eq(sn_schedule_run(&s, t, 3, 1), SN_OK);
    near(s.span[0].launch_s, 2, "a: all of it");
    near(s.span[1].launch_s, 2, "b: 3 of 5 are over");
    near(s.span[2].launch_s, 0, "c: it was launched long ago");
    near(s.end_s, 7, "end");
    near(s.span[1].slowed_s, 0, "a launch slows nothing");
    sn_schedule_free(&s);
}

/* Who is held by one resource leaves the other to the rest. */
Test(schedule, what_one_cannot_use_another_can)
{
    const struct sn_task t[] = {
        {.name = "a", .stream = 0, .work_s = 1, .use = {[SN_RES_HBM] = 1, [SN_RES_FABRIC] = 0.5}},
        {.name = "b", .stream = 1, .work_s = 1, .use = {[SN_RES_HBM] = 1}},
        {.name = "c", .stream = 2, .work_s = 1, .use = {[SN_RES_FABRIC] = 0.75}}};
    struct sn_schedule s;
    cr_assert_eq(sn_schedule_run(&s, t, 3, 3), SN_OK);
    near(s.span[2].end_s, 1, "c: a takes a quarter of the fabric, c needs three");
    near(s.span[0].end_s, 2, "a");
    near(s.span[1].end_s, 2, "b");
    sn_schedule_free(&s);
}

static void refused(const struct sn_task *t, size_t n, const char *words)
{
    struct sn_schedule s;
    cr_expect_eq(sn_schedule_run(&s, t, n, 2), SN_EINVAL, "%s", words);
    cr_expect(strstr(sn_status_message(), words), "%s", sn_status_message());
}

Test(schedule, refuses_what_cannot_run)
{
    static const uint32_t zero[] = {0}, one[] = {1}, nine[] = {9};
    const struct sn_task circle[] = {{.name = "gate", .stream = 0, .after = one, .n_after = 1},
                                     {.name = "experts", .stream = 1, .after = zero, .n_after = 1}};
    const struct sn_task order[] = {{.name = "gate", .stream = 0, .after = one, .n_after = 1},
                                    {.name = "experts", .stream = 0}};
    refused(circle, 2, "gate waits for experts, which cannot start");
    refused(order, 2, "gate waits for experts, which cannot start");
    refused(&(struct sn_task){.name = "x", .after = nine, .n_after = 1}, 1,
            "x: waits for task 9 of 1");
    refused(&(struct sn_task){.name = "x", .stream = 2}, 1, "x: stream 2 of 2");
    refused(&(struct sn_task){.name = "x", .work_s = NAN}, 1, "x: 0 s of launch, 0 s fixed, nan s");
    refused(&(struct sn_task){.name = "x", .use = {[SN_RES_DMA] = 1.5}}, 1, "x: 1.5 of dma");
}

/* Of random graphs: nothing starts before what it waits for, the end is no sooner than the longest
 * chain and the fullest resource allow and no later than one after the other, all work is done, no
 * resource is used twice, the critical path has no gap, and equal input gives equal bits. */
Test(schedule, holds_of_every_graph)
{
    enum { N = 60, STREAMS = 4 };
    struct sn_rng rng = sn_rng_make(7, 0x5ced);
    for (int trial = 0; trial < 300; trial++) {
        struct sn_task t[N];
        uint32_t after[N][2], path[N];
        double chain[N], last_of[STREAMS] = {0}, longest = 0, sum = 0, busy[SN_RESOURCES] = {0};
        for (uint32_t i = 0; i < N; i++) {
            t[i] = (struct sn_task){.name = "t",
                                    .stream = (uint32_t)sn_rng_below(&rng, STREAMS),
                                    .fixed_s = sn_rng_below(&rng, 3) ? 0 : sn_rng_uniform(&rng),
                                    .work_s = sn_rng_below(&rng, 5) ? sn_rng_uniform(&rng) : 0,
                                    .after = after[i],
                                    .n_after = i ? sn_rng_below(&rng, 3) : 0};
            double from = last_of[t[i].stream];
            for (size_t k = 0; k < t[i].n_after; k++) {
                after[i][k] = (uint32_t)sn_rng_below(&rng, i);
                from = fmax(from, chain[after[i][k]]);
            }
            chain[i] = last_of[t[i].stream] = from + t[i].fixed_s + t[i].work_s;
            longest = fmax(longest, chain[i]);
            sum += t[i].fixed_s + t[i].work_s;
            for (int r = 0; r < SN_RESOURCES; r++) {
                t[i].use[r] = sn_rng_below(&rng, 2) ? sn_rng_uniform(&rng) : 0;
                busy[r] += t[i].use[r] * t[i].work_s;
            }
        }
        struct sn_schedule s, again;
        cr_assert_eq(sn_schedule_run(&s, t, N, STREAMS), SN_OK, "%s", sn_status_message());
        cr_assert_eq(sn_schedule_run(&again, t, N, STREAMS), SN_OK);
        cr_expect(s.end_s >= longest * (1 - 1e-12) && s.end_s <= sum * (1 + 1e-12));
        for (int r = 0; r < SN_RESOURCES; r++) {
            near(s.busy_s[r], busy[r], sn_resource_names[r]);
            cr_expect_leq(s.busy_s[r], s.end_s * (1 + 1e-12));
        }
        for (uint32_t i = 0; i < N; i++) {
            cr_expect(s.span[i].start_s == again.span[i].start_s &&
                      s.span[i].end_s == again.span[i].end_s);
            for (size_t k = 0; k < t[i].n_after; k++)
                cr_expect_geq(s.span[i].start_s, s.span[after[i][k]].end_s);
        }
        size_t n = sn_schedule_critical(&s, path);
        cr_expect_eq(s.span[path[0]].start_s, 0);
        cr_expect_eq(s.span[path[n - 1]].end_s, s.end_s);
        for (size_t i = 1; i < n; i++)
            cr_expect_eq(s.span[path[i]].start_s, s.span[path[i - 1]].end_s);
        sn_schedule_free(&s);
        sn_schedule_free(&again);
    }
}
