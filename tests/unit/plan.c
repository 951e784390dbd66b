/* Plans: order of the cross product, repeats, limits, and the line that each mistake gives. Also
 * the look-ups and accessors of harness/bench.c, which need a case. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "harness/plan.h"

static const char *const ops[] = {"get", "put", NULL};

static const struct sn_axis latency_axes[] = {
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8,64",
     .min = 1,
     .max = 1e9},
    {.name = "skew", .type = SN_AXIS_REAL, .def = "0.5"},
    {.name = "routing", .type = SN_AXIS_TEXT, .def = "uniform"},
    {0}};
static const struct sn_axis ranks_axes[] = {{.name = "ep", .type = SN_AXIS_INT, .def = "ranks"},
                                            {0}};
static const struct sn_axis no_axes[] = {{0}};

static const struct sn_bench latency = {.name = "latency", .axes = latency_axes};
static const struct sn_bench dispatch = {.name = "dispatch", .axes = ranks_axes};
static const struct sn_bench plain = {.name = "plain", .axes = no_axes};
static const struct sn_bench *const benches[] = {&latency, &dispatch, &plain, NULL};
static const struct sn_app app = {.benches = benches};

static int add(struct sn_plan *p, const char *bench, const char *a, const char *b)
{
    const char *assignments[] = {a, b};
    return sn_plan_add(p, &app, bench, assignments, (size_t)(a != NULL) + (b != NULL));
}

static void expect_label(const struct sn_plan *p, size_t i, const char *label)
{
    cr_assert(i < p->n);
    char *got = sn_plan_label(&p->cases[i]);
    cr_expect_str_eq(got, label);
    free(got);
}

Test(plan, the_last_axis_varies_fastest)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    cr_assert_eq(add(&p, "latency", "size=8,16", "op=all"), SN_OK);
    cr_assert_eq(p.n, 4);
    expect_label(&p, 0, "latency op=get size=8 skew=0.5 routing=uniform");
    expect_label(&p, 1, "latency op=get size=16 skew=0.5 routing=uniform");
    expect_label(&p, 2, "latency op=put size=8 skew=0.5 routing=uniform");
    expect_label(&p, 3, "latency op=put size=16 skew=0.5 routing=uniform");
    cr_assert_eq(add(&p, "dispatch", NULL, NULL), SN_OK);
    expect_label(&p, 4, "dispatch ep=4");
    cr_assert_eq(add(&p, "plain", NULL, NULL), SN_OK);
    expect_label(&p, 5, "plain");
    sn_plan_free(&p);
}

Test(plan, a_case_is_planned_once)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    cr_assert_eq(add(&p, "latency", "size=8,16", NULL), SN_OK);
    cr_assert_eq(add(&p, "latency", "size=16,8,32", NULL), SN_OK);
    cr_expect_eq(p.n, 3);
    expect_label(&p, 2, "latency op=get size=32 skew=0.5 routing=uniform");
    for (size_t i = 0; i < p.n; i++) {
        cr_expect_eq(strspn(p.cases[i].id, "0123456789abcdef"), 16);
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(p.cases[i].id, p.cases[j].id);
    }
    sn_plan_free(&p);
}

/* The id is that of the row, does not depend on how a value was spelt, and depends on the seed. */
Test(plan, ids_are_those_of_the_rows)
{
    struct sn_plan a, b, c;
    sn_plan_init(&a, 1, 4);
    sn_plan_init(&b, 1, 2);
    sn_plan_init(&c, 2, 4);
    cr_assert_eq(add(&a, "latency", "size=4K", "skew=0.50"), SN_OK);
    cr_assert_eq(add(&b, "latency", "skew=5e-1", "size=4096"), SN_OK);
    cr_assert_eq(add(&c, "latency", "size=4K", NULL), SN_OK);
    cr_expect_str_eq(a.cases[0].id, b.cases[0].id);
    cr_expect_str_neq(a.cases[0].id, c.cases[0].id);
    struct sn_row row;
    sn_row_init(&row);
    sn_plan_row(&a.cases[0], 1, &row);
    cr_expect_str_eq(row.id, a.cases[0].id);
    cr_expect_str_eq(row.bench, "latency");
    cr_expect_eq(row.seed, 1);
    cr_assert_eq(row.n_params, 4);
    cr_expect(row.params[0].type == SN_PARAM_TEXT && !strcmp(row.params[0].text, "get"));
    cr_expect(row.params[1].type == SN_PARAM_INT && row.params[1].i == 4096);
    cr_expect(row.params[2].type == SN_PARAM_REAL && row.params[2].r == 0.5);
    cr_expect(row.params[3].type == SN_PARAM_TEXT && !strcmp(row.params[3].text, "uniform"));
    sn_row_free(&row);
    sn_plan_free(&a);
    sn_plan_free(&b);
    sn_plan_free(&c);
}

Test(plan, mistakes_add_nothing)
{
    static const struct {
        const char *bench, *a, *b, *message;
    } t[] = {
        {"latancy", NULL, NULL,
         "unknown benchmark 'latancy'; did you mean 'latency'? (benchmarks: latency, dispatch, "
         "plain)"},
        {"zzz", NULL, NULL, "unknown benchmark 'zzz' (benchmarks: latency, dispatch, plain)"},
        {"latency", "sise=8", NULL,
         "latency has no axis 'sise'; did you mean 'size'? (axes: op, size, skew, routing)"},
        {"latency", "hidden=8", NULL,
         "latency has no axis 'hidden' (axes: op, size, skew, routing)"},
        {"plain", "size=8", NULL, "plain has no axis 'size' (axes: none)"},
        {"latency", "size", NULL, "latency: 'size' is not AXIS=VALUES, for example op=get"},
        {"latency", "=8", NULL, "latency: '=8' is not AXIS=VALUES, for example op=get"},
        {"latency", "size=8", "size=16",
         "latency: the axis 'size' is named twice; give its values in one list, size=A,B"},
        {"latency", "size=8", "op=gat",
         "op=gat: no value 'gat'; did you mean 'get'? (values: get, put)"},
        {"latency", "size=", NULL, "size=: empty sweep; right is for example size=8,64"},
    };
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    cr_assert_eq(add(&p, "dispatch", NULL, NULL), SN_OK);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        cr_expect_eq(add(&p, t[i].bench, t[i].a, t[i].b), SN_EINVAL);
        cr_expect_str_eq(sn_status_message(), t[i].message);
        cr_expect_eq(p.n, 1);
    }
    sn_plan_free(&p);
}

Test(plan, too_many_cases)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    cr_expect_eq(add(&p, "latency", "size=1:4096",
                     "skew=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,"
                     "18,19,20,21,22,23,24"),
                 SN_EINVAL); /* 102,400 */
    cr_expect(strstr(sn_status_message(), "more than 100000 cases"), "%s", sn_status_message());
    cr_assert_eq(add(&p, "latency", "size=1:4096", "skew=0,1,2,3,4,5,6,7,8,9,10,11"), SN_OK);
    cr_expect_eq(p.n, 12 * 4096);
    cr_assert_eq(add(&p, "latency", "size=1:4096", "skew=0,1,2"), SN_OK);
    cr_expect_eq(p.n, 12 * 4096, "all of them were there");
    cr_expect_eq(add(&p, "latency", "size=1:4096", "skew=13,14,15,16,17,18,19,20,21,22,23,24,25"),
                 SN_EINVAL);
    cr_expect_eq(p.n, 12 * 4096);
    sn_plan_free(&p);
}

Test(plan, accessors_of_a_case)
{
    struct sn_plan p;
    sn_plan_init(&p, 1, 4);
    cr_assert_eq(add(&p, "latency", "size=4K", "op=put"), SN_OK);
    struct sn_case c = {.bench = p.cases[0].bench, .values = p.cases[0].values};
    cr_expect_eq(sn_case_int(&c, "size"), 4096);
    cr_expect_eq(sn_case_word(&c, "op"), 1);
    cr_expect_str_eq(sn_case_text(&c, "op"), "put");
    cr_expect_str_eq(sn_case_text(&c, "routing"), "uniform");
    cr_expect_eq(sn_case_real(&c, "skew"), 0.5);
    sn_plan_free(&p);
    cr_expect_eq(sn_bench_find(&app, "dispatch"), &dispatch);
    cr_expect_null(sn_bench_find(&app, "nothing"));
    cr_expect_eq(sn_bench_axis_count(&latency), 4);
    cr_expect_eq(sn_bench_axis_count(&plain), 0);
    cr_expect_eq(sn_bench_axis_find(&latency, "skew"), 2);
    cr_expect_eq(sn_bench_axis_find(&latency, "sk"), -1);
}

Test(plan, an_unknown_axis_is_a_programmer_error, .signal = SIGABRT)
{
    struct sn_value v[4] = {{0}};
    sn_case_int(&(struct sn_case){.bench = &latency, .values = v}, "sise");
}

Test(plan, an_axis_of_another_type_is_a_programmer_error, .signal = SIGABRT)
{
    struct sn_value v[4] = {{0}};
    sn_case_int(&(struct sn_case){.bench = &latency, .values = v}, "op");
}

Test(plan, a_check_keeps_its_first_error)
{
    struct sn_check k = {.compared = 9};
    sn_check_fail(&k, "token %d", 3);
    sn_check_fail(&k, "token %d", 4);
    cr_expect_eq(k.errors, 2);
    cr_expect_str_eq(k.first, "token 3");
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[999] = '\0';
    struct sn_check l = {0};
    sn_check_fail(&l, "%s", text);
    cr_expect_eq(strlen(l.first), sizeof l.first - 1);
}

/* --- clocks ------------------------------------------------------------------------------------
 */

static const struct sn_axis clock_axes[] = {
    {.name = "ep", .type = SN_AXIS_INT, .def = "ranks", .model_def = "8,16"},
    {.name = "transport", .type = SN_AXIS_WORD, .def = "all", .words = ops, .clocks = 1},
    {.name = "profile", .type = SN_AXIS_TEXT, .def = "ub", .is_profile = true, .clocks = 2},
    {.name = "degrade", .type = SN_AXIS_TEXT, .def = "no", .is_degrade = true, .clocks = 2},
    {0}};
static const struct sn_bench both = {.name = "both", .axes = clock_axes};
static const struct sn_axis bare_axes[] = {{.name = "n", .type = SN_AXIS_INT, .def = "1"}, {0}};
static const struct sn_bench bare = {.name = "bare", .axes = bare_axes};
static const struct sn_bench *const clock_benches[] = {&both, &bare, NULL};
static const struct sn_app clock_app = {.benches = clock_benches};

static int add_both(struct sn_plan *p, enum sn_clock_kind clock, const char *profile,
                    const char *axis)
{
    sn_plan_init(p, 1, 4);
    p->clock = clock;
    p->profile = profile;
    return sn_plan_add(p, &clock_app, "both", &axis, axis != NULL);
}

Test(plan, an_axis_counts_on_its_clock_only)
{
    struct sn_plan p;
    cr_assert_eq(add_both(&p, SN_CLOCK_WALL, NULL, NULL), SN_OK);
    cr_expect_eq(p.n, 2);
    expect_label(&p, 1, "both ep=4 transport=put");
    sn_plan_free(&p);
    cr_assert_eq(add_both(&p, SN_CLOCK_MODEL, NULL, NULL), SN_OK);
    cr_expect_eq(p.n, 2, "ep by its default on the model clock, transport none");
    expect_label(&p, 0, "both ep=8 profile=ub degrade=no");
    expect_label(&p, 1, "both ep=16 profile=ub degrade=no");
    struct sn_row row;
    sn_row_init(&row);
    sn_plan_row(&p.cases[0], 1, &row);
    cr_expect_eq(row.n_params, 3);
    cr_expect(!sn_row_param(&row, "transport"));
    sn_row_free(&row);
    sn_plan_free(&p);
    cr_assert_eq(add_both(&p, SN_CLOCK_MODEL, "rdma", "ep=3"), SN_OK);
    expect_label(&p, 0, "both ep=3 profile=rdma degrade=no");
    sn_plan_free(&p);
}

/* An option and an axis that say different things are a slip, whichever was meant. */
Test(plan, options_and_axes_do_not_contradict)
{
    struct sn_plan p;
    cr_assert_eq(add_both(&p, SN_CLOCK_MODEL, "rdma", "profile=rdma"), SN_OK);
    expect_label(&p, 0, "both ep=8 profile=rdma degrade=no");
    sn_plan_free(&p);
    static const char *const others[] = {"profile=vpc", "profile=vpc,ub", "profile=rdma,ub"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_expect_eq(add_both(&p, SN_CLOCK_MODEL, "rdma", others[i]), SN_EINVAL, "%s", others[i]);
        cr_expect(strstr(sn_status_message(), "both: --profile rdma contradicts profile="), "%s",
                  sn_status_message());
        cr_expect_eq(p.n, 0);
        sn_plan_free(&p);
    }
    const char *same = "degrade=cut", *other = "degrade=slow";
    sn_plan_init(&p, 1, 4);
    p.clock = SN_CLOCK_MODEL;
    p.degrade = "cut";
    cr_assert_eq(sn_plan_add(&p, &clock_app, "both", NULL, 0), SN_OK);
    expect_label(&p, 0, "both ep=8 profile=ub degrade=cut");
    cr_expect_eq(sn_plan_add(&p, &clock_app, "both", &same, 1), SN_OK);
    cr_expect_eq(sn_plan_add(&p, &clock_app, "both", &other, 1), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "--degrade cut contradicts degrade=slow"));
    cr_expect_eq(sn_plan_add(&p, &clock_app, "bare", NULL, 0), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "bare: --degrade cut: it has no links"));
    sn_plan_free(&p);
}

Test(plan, an_axis_of_the_other_clock_is_refused)
{
    struct sn_plan p;
    cr_assert_eq(add_both(&p, SN_CLOCK_WALL, NULL, "profile=ub"), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "the axis 'profile' belongs to the model clock"));
    sn_plan_free(&p);
    cr_assert_eq(add_both(&p, SN_CLOCK_MODEL, NULL, "transport=get"), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "belongs to the wall clock"));
    sn_plan_free(&p);
    cr_assert_eq(add_both(&p, SN_CLOCK_MODEL, NULL, "ep=8,ranks"), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "ep=8,ranks: rows of the model clock do not depend"));
    sn_plan_free(&p);
}
