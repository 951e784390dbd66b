/* Rivals of a plan: who competes with whom, and in which order cases run. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/rivals.h"

static const char *const words[] = {"a", "b", "c", NULL};

/* The axis that competes in the middle, as dispatch has it. */
static const struct sn_axis axes[] = {
    {.name = "size", .type = SN_AXIS_INT, .def = "8", .min = 1, .max = 1e9},
    {.name = "how", .type = SN_AXIS_WORD, .def = "a", .words = words, .compares = true},
    {.name = "leg", .type = SN_AXIS_INT, .def = "1", .min = 1, .max = 1e9},
    {0}};
static const struct sn_axis others[] = {
    {.name = "size", .type = SN_AXIS_INT, .def = "8", .min = 1, .max = 1e9}, {0}};
static const struct sn_bench contest = {.name = "contest", .axes = axes};
static const struct sn_bench lonely = {.name = "lonely", .axes = others};
static const struct sn_bench *const benches[] = {&contest, &lonely, NULL};
static const struct sn_app app = {.benches = benches};

static void add(struct sn_plan *p, const char *bench, const char *a, const char *b, const char *c)
{
    const char *assignments[] = {a, b, c};
    cr_assert_eq(
        sn_plan_add(p, &app, bench, assignments, (size_t)(a != NULL) + (b != NULL) + (c != NULL)),
        SN_OK, "%s", sn_status_message());
}

/* "0 2|1 3|4": sets and their cases. */
static void expect_sets(const struct sn_plan *p, const char *want)
{
    struct sn_rivals r;
    struct sn_buf b = {0};
    sn_rivals_find(&r, p);
    for (size_t k = 0; k < r.n; k++)
        for (size_t i = r.start[k]; i < r.start[k + 1]; i++)
            sn_buf_addf(&b, "%s%zu", i > r.start[k] ? " " : k ? "|" : "", r.order[i]);
    cr_expect_str_eq(b.data ? b.data : "", want);
    cr_expect_eq(r.start[r.n], p->n);
    sn_buf_free(&b);
    sn_rivals_free(&r);
}

Test(rivals, an_axis_that_is_not_the_fastest)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    expect_sets(&p, "");
    add(&p, "contest", "size=8,64", "how=all", "leg=1,2"); /* a1 a2 b1 b2 c1 c2, twice */
    expect_sets(&p, "0 2 4|1 3 5|6 8 10|7 9 11");
    sn_plan_free(&p);
}

Test(rivals, one_variant_is_alone)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    add(&p, "contest", "size=8,64", "how=b", NULL);
    add(&p, "lonely", "size=8,64", NULL, NULL);
    expect_sets(&p, "0|1|2|3");
    sn_plan_free(&p);
}

/* The texts "1", "11" and "11", "1" of the other axes are no one key. */
Test(rivals, values_do_not_run_together)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    add(&p, "contest", "size=1,11", "how=a,b", "leg=1,11");
    expect_sets(&p, "0 2|1 3|4 6|5 7");
    sn_plan_free(&p);
}

/* Two entries of a suite follow each other: the second brings a rival of the first. With another
 * benchmark between they are two experiments. */
Test(rivals, entries_join_when_they_follow_each_other)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    add(&p, "contest", "how=a", NULL, NULL);
    add(&p, "contest", "how=c,b", NULL, NULL);
    add(&p, "lonely", NULL, NULL, NULL);
    add(&p, "contest", "size=64", "how=a", NULL);
    add(&p, "lonely", "size=64", NULL, NULL);
    add(&p, "contest", "size=64", "how=b", NULL);
    expect_sets(&p, "0 1 2|3|4|5|6");
    sn_plan_free(&p);
}

Test(rivals, nobody_competes_on_the_model_clock)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    p.clock = SN_CLOCK_MODEL;
    add(&p, "contest", "how=all", NULL, NULL);
    expect_sets(&p, "0|1|2");
    sn_plan_free(&p);
}

Test(rivals, many_cases)
{
    struct sn_plan p;
    struct sn_rivals r;
    sn_plan_init(&p, 1, 4);
    add(&p, "contest", "size=1:3000", "how=all", "leg=1,2");
    sn_rivals_find(&r, &p);
    cr_expect_eq(r.n, 6000);
    for (size_t k = 0; k < r.n; k++) {
        const struct sn_plan_case *first = &p.cases[r.order[r.start[k]]];
        cr_assert_eq(r.start[k + 1] - r.start[k], 3);
        for (size_t i = 0; i < 3; i++) {
            const struct sn_plan_case *c = &p.cases[r.order[r.start[k] + i]];
            cr_assert(c->values[0].i == first->values[0].i && c->values[2].i == first->values[2].i);
            cr_assert_str_eq(c->values[1].text, words[i]);
        }
    }
    sn_rivals_free(&r);
    sn_plan_free(&p);
}

Test(rivals, the_axis_that_compares)
{
    cr_expect_eq(sn_bench_axis_compares(&contest), 1);
    cr_expect_eq(sn_bench_axis_compares(&lonely), -1);
}
