/* Any bytes as expectations and as a table of figures: read, or one line that names the file. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/published.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const ops[] = {"get", "put", NULL};
static const struct sn_axis axes[] = {
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "size", .type = SN_AXIS_INT, .unit = SN_UNIT_BYTES, .def = "8", .min = 1, .max = 1e9},
    {0}};
static const struct sn_metric_doc docs[] = {
    {"bandwidth", "B/s", true, "x"}, {"tokens", "token/s", true, "x"}, {0}};
static const struct sn_bench latency = {.name = "latency", .axes = axes, .metric_docs = docs};
static const struct sn_bench *const benches[] = {&latency, NULL};
static const struct sn_app app = {.benches = benches};

static void refused(int status)
{
    assert(status == SN_EINVAL && !strncmp(sn_status_message(), "f:", 2) &&
           !strchr(sn_status_message(), '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sn_published_table t;
    struct sn_expectations x;
    int status = sn_expectations_parse(&x, (const char *)data, size, "f", &app);
    if (status)
        refused(status);
    for (size_t i = 0; !status && i < x.n; i++) {
        const struct sn_expectation *e = &x.entries[i];
        assert(*e->id && e->line >= 1 && e->tolerance >= 0 && e->tolerance <= 1);
        assert(e->range ? e->min <= e->max : isfinite(e->expected) && e->expected != 0);
        char *text = sn_expectation_text(e, true);
        assert(*text);
        free(text);
    }
    if (!status) {
        static const struct sn_rows none = {0};
        struct sn_findings f;
        struct sn_report r;
        sn_report_of_rows(&r, &none, &app);
        sn_findings_make(&x, &r, &f);
        assert(f.matched == 0);
        sn_findings_free(&f);
        sn_report_free(&r);
        sn_expectations_free(&x);
    }
    status = sn_published_table_parse(&t, (const char *)data, size, "f");
    if (status) {
        refused(status);
    } else {
        for (size_t i = 0; i < t.n; i++)
            assert(isfinite(t.figures[i].value) && sn_published_find(&t, t.figures[i].id));
        sn_published_table_free(&t);
    }
    return 0;
}
