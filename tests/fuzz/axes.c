/* Any bytes as a sweep of each type of axis, and as an assignment of a benchmark. What is accepted
 * must hold what the header promises. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const ops[] = {"get", "put", "atomic", "send", NULL};
static const struct sn_axis axes[] = {
    {.name = "size", .type = SN_AXIS_INT, .unit = SN_UNIT_BYTES, .def = "8", .min = 1, .max = 1e12},
    {.name = "ep", .type = SN_AXIS_INT, .def = "ranks"},
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "skew", .type = SN_AXIS_REAL, .def = "0", .min = -1, .max = 3},
    {.name = "gap", .type = SN_AXIS_REAL, .unit = SN_UNIT_SECONDS, .def = "0s"},
    {.name = "routing", .type = SN_AXIS_TEXT, .def = "uniform"},
    {0}};
static const struct sn_bench bench = {.name = "fuzzed", .axes = axes};

static void holds(const struct sn_sweep *s)
{
    assert(s->n >= 1 && s->n <= SN_SWEEP_MAX);
    for (size_t i = 0; i < s->n; i++) {
        const struct sn_value *v = &s->values[i];
        assert(v->text && *v->text);
        if (s->axis->type != SN_AXIS_TEXT && s->axis->type != SN_AXIS_WORD &&
            (s->axis->min != 0 || s->axis->max != 0))
            assert(v->r >= s->axis->min && v->r <= s->axis->max);
        if (s->axis->type == SN_AXIS_WORD)
            assert(!strcmp(v->text, s->axis->words[v->i]));
        assert(!i || strcmp(v->text, s->values[i - 1].text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct sn_plan plan;
    struct sn_sweep s;
    sn_plan_init(&plan, 1, 7);
    for (size_t a = 0; axes[a].name; a++) {
        int status = sn_sweep_parse(&s, &axes[a], text, 7);
        assert(status == SN_OK || (status == SN_EINVAL && *sn_status_message()));
        if (status)
            continue;
        holds(&s);
        sn_sweep_free(&s);
    }
    if (sn_plan_sweep(&s, &plan, &bench, text) == SN_OK) {
        holds(&s);
        sn_sweep_free(&s);
    }
    free(text);
    return 0;
}
