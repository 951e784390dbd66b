/* Any bytes as a suite: read and planned, or one line that names the file. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const ops[] = {"get", "put", NULL};
static const struct sn_axis axes[] = {
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "size", .type = SN_AXIS_INT, .unit = SN_UNIT_BYTES, .def = "8", .min = 1, .max = 1e9},
    {0}};
static const struct sn_bench latency = {.name = "latency", .axes = axes};
static const struct sn_bench *const benches[] = {&latency, NULL};
static const struct sn_app app = {.benches = benches};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sn_suite s;
    int status = sn_suite_parse(&s, (const char *)data, size, "f.yaml");
    if (status == SN_OK) {
        assert(s.name && s.brief && s.n >= 1);
        for (size_t i = 0; i < s.n; i++)
            assert(s.entries[i].line >= 1 && *s.entries[i].bench);
        struct sn_plan p;
        struct sn_steps steps;
        sn_plan_init(&p, 1, 2);
        status = sn_suite_plan(&s, &app, &p, &steps);
        assert(status || p.n >= 1);
        json_t *figures = NULL;
        if (status == SN_OK)
            status = sn_suite_figures(&s, &app, &p, NULL, &figures);
        assert(!status || !figures);
        json_decref(figures);
        sn_steps_free(&steps);
        sn_plan_free(&p);
        sn_suite_free(&s);
    }
    if (status)
        assert(status == SN_EINVAL && !strncmp(sn_status_message(), "f.yaml", 6));
    return 0;
}
