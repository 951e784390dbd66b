/* Figures that a suite declares: what becomes of them in the manifest, and the line of every
 * mistake. */
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/suite.h"

static const char *const ops[] = {"get", "put", NULL};
static const struct sn_axis axes[] = {
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "size", .type = SN_AXIS_INT, .unit = SN_UNIT_BYTES, .def = "8", .min = 1, .max = 1e9},
    {.name = "shm", .type = SN_AXIS_INT, .def = "1", .min = 1, .max = 9, .clocks = SN_CLOCK_WALL},
    {0}};
static const struct sn_metric_doc docs[] = {{"bandwidth", "B/s", true, "size / median"}, {0}};
static const struct sn_bench latency = {.name = "latency", .axes = axes, .metric_docs = docs},
                             other = {.name = "other", .axes = axes};
static const struct sn_bench *const benches[] = {&latency, &other, NULL};
static const struct sn_app app = {.benches = benches};

/* The figures of a suite whose list of them begins in line 5; NULL: status and message say why. */
static json_t *figures_of(const char *list, enum sn_clock_kind clock, int *status)
{
    char *text = sn_strdupf("name: a\nbrief: b\ncases: [{bench: latency, axes: [\"size=8,64\"]}]\n"
                            "figures:\n%s",
                            list);
    struct sn_suite s;
    struct sn_plan p;
    struct sn_steps steps;
    json_t *figures = NULL;

    sn_status_clear();
    *status = sn_suite_parse(&s, text, strlen(text), "t.yaml");
    if (*status == SN_OK) {
        sn_plan_init(&p, 1, 1);
        p.clock = clock;
        cr_assert_eq(sn_suite_plan(&s, &app, &p, &steps), SN_OK, "%s", sn_status_message());
        *status = sn_suite_figures(&s, &app, &p, NULL, &figures);
        sn_steps_free(&steps);
        sn_plan_free(&p);
        sn_suite_free(&s);
    }
    free(text);
    return figures;
}

static void expect_json(const char *list, enum sn_clock_kind clock, const char *want)
{
    int status;
    json_t *figures = figures_of(list, clock, &status);
    char *got = figures ? json_dumps(figures, JSON_COMPACT) : NULL;

    cr_assert_eq(status, SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(got ? got : "none", want);
    free(got);
    json_decref(figures);
}

/* Values as rows have them: 4K is 4096; an axis of the other clock is in no row. */
Test(suite_figures, values_are_canonical)
{
    expect_json("  - {kind: stacked, bench: latency, x: size, title: T, match: [\"size=4K,8\", "
                "op=put, shm=2]}\n",
                SN_CLOCK_MODEL,
                "[{\"kind\":\"stacked\",\"title\":\"T\",\"benches\":[\"latency\"],\"x\":\"size\","
                "\"match\":{\"size\":[\"4096\",\"8\"],\"op\":[\"put\"]}}]");
    expect_json("  - {kind: stacked, bench: latency, match: [shm=2]}\n", SN_CLOCK_WALL,
                "[{\"kind\":\"stacked\",\"benches\":[\"latency\"],\"match\":{\"shm\":[\"2\"]}}]");
    expect_json("  []\n", SN_CLOCK_WALL, "none");
}

Test(suite_figures, mistakes_have_a_line)
{
    static const struct {
        const char *list, *message;
    } cases[] = {
        {"  - {kind: staked, bench: latency}\n",
         "t.yaml:5: unknown kind of figure 'staked'; did you mean 'stacked'? (one of "},
        {"  - kind: stacked\n    bench: latencyy\n",
         "t.yaml:6: unknown benchmark 'latencyy'; did you mean 'latency'?"},
        {"  - kind: stacked\n    bench: other\n",
         "t.yaml:6: unknown benchmark of this suite 'other' (one of latency)"},
        {"  - kind: stacked\n    bench: latency\n    x: sise\n",
         "t.yaml:7: latency has no axis 'sise'; did you mean 'size'?"},
        {"  - kind: stacked\n    bench: latency\n    match: [size=8,\n      op=gett]\n",
         "t.yaml:8: op=gett: no value 'gett'; did you mean 'get'?"},
        {"  - kind: stacked\n    bench: latency\n    match: [op=get, op=put]\n",
         "t.yaml:7: the axis 'op' is named twice"},
        {"  - kind: stacked\n    bench: latency\n    by: op\n",
         "t.yaml:7: a figure of kind 'stacked' has no key 'by'"},
        {"  - kind: stacked\n", "t.yaml:5: a figure of kind 'stacked' needs the key 'bench'"},
        {"  - {kind: curve, bench: latency, x: op}\n",
         "t.yaml:5: latency: the values of the axis 'op' are no numbers"},
        {"  - {kind: curve, bench: latency, x: size, y: bandwith}\n",
         "t.yaml:5: unknown metric of latency 'bandwith'; did you mean 'bandwidth'? (one of "
         "median"},
        {"  - {kind: curve, bench: latency, x: size, by: po}\n",
         "t.yaml:5: latency has no axis 'po'; did you mean 'op'?"},
        {"  - kind: headline\n    rows:\n      - {label: a, bench: latency}\n"
         "      - {label: b, bench: latency, metric: p98}\n",
         "t.yaml:8: unknown metric of latency 'p98'; did you mean 'p99'?"},
        {"  - kind: headline\n    rows:\n      - {label: a, bench: latency, match: [size=x]}\n",
         "t.yaml:7: size=x"},
        {"  - kind: headline\n    rows:\n      - {label: a, metric: median}\n",
         "t.yaml:7: a row needs the key 'bench', or 'published' alone"},
        {"  - {kind: headline, rows: []}\n", "t.yaml:5: "},
        {"  - {kind: ablation, bench: latency, base: [opp=get]}\n",
         "t.yaml:5: latency has no axis 'opp'; did you mean 'op'?"},
        {"  - {kind: roofline, benches: [latency, lateny]}\n",
         "t.yaml:5: unknown benchmark 'lateny'; did you mean 'latency'?"},
        {"  - kind: stacked\n    bensh: latency\n", "t.yaml:6: unknown key 'bensh'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        json_t *figures = figures_of(cases[i].list, SN_CLOCK_WALL, &status);
        cr_expect_eq(status, SN_EINVAL);
        cr_expect_null(figures);
        cr_expect(strstr(sn_status_message(), cases[i].message) == sn_status_message(),
                  "'%s', not '%s'", sn_status_message(), cases[i].message);
    }
}
