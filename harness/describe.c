#include "harness/describe.h"

#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/counters.h"
#include "harness/datadir.h"
#include "harness/plan.h"
#include "harness/suite.h"
#include "harness/timeline.h"

static void emit_line(void *out, const char *name, const char *brief, const char *unavailable)
{
    fprintf(out, "  %-18s %s%s%s\n", name, brief ? brief : "",
            unavailable ? " -- unavailable: " : "", unavailable ? unavailable : "");
}

static int list_suites(FILE *out)
{
    struct sn_datadir data;
    int status = sn_datadir_open(&data);
    if (status != SN_OK)
        return status;
    status = sn_suite_list(data.suites, emit_line, out);
    sn_datadir_close(&data);
    return status;
}

static int list_topic(FILE *out, const struct sn_app *app, const char *topic)
{
    if (!strcmp(topic, "benchmarks")) {
        for (size_t i = 0; app->benches[i]; i++)
            emit_line(out, app->benches[i]->name, app->benches[i]->brief, NULL);
        return SN_OK;
    }
    if (!strcmp(topic, "suites"))
        return list_suites(out);
    if (!strcmp(topic, "counters")) {
        sn_counters_list(emit_line, out);
        return SN_OK;
    }
    for (const struct sn_listing *l = app->listings; l->topic; l++)
        if (!strcmp(topic, l->topic))
            l->list(emit_line, out);
    return SN_OK;
}

int sn_describe_list(FILE *out, const struct sn_app *app, const char *topic)
{
    enum { MOST = 16 };
    const char *topics[MOST] = {"benchmarks", "suites", "counters"};
    size_t n = 3;
    for (const struct sn_listing *l = app->listings; l->topic && n < MOST; l++)
        topics[n++] = l->topic;
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++)
        sn_buf_addf(&all, "%s%s", i ? ", " : "", topics[i]);
    int status = SN_OK;
    bool found = !topic;
    for (size_t i = 0; i < n && status == SN_OK; i++) {
        if (topic && strcmp(topic, topics[i]))
            continue;
        found = true;
        if (!topic)
            fprintf(out, "%s\n", topics[i]);
        status = list_topic(out, app, topics[i]);
    }
    if (!found) {
        const char *near = sn_nearest(topic, topics, n);
        status = near ? SN_FAIL(SN_EINVAL, "list %s: unknown topic; did you mean '%s'? (%s)", topic,
                                near, all.data)
                      : SN_FAIL(SN_EINVAL, "list %s: unknown topic; one of %s", topic, all.data);
    }
    sn_buf_free(&all);
    return status;
}

static void print_axis(FILE *out, const struct sn_axis *a)
{
    fprintf(out, "  %-10s %-22s %s", a->name, a->def, a->help);
    if (a->model_def)
        fprintf(out, "; on the model clock %s", a->model_def);
    if (a->compares)
        fputs(" [variants: sampled in turn, ratios reported]", out);
    if (a->clocks)
        fprintf(out, " [%s clock only]", a->clocks & SN_CLOCK_MODEL ? "model" : "wall");
    if (a->type == SN_AXIS_WORD) {
        fputs(" (", out);
        if (a->extra)
            fprintf(out, "%s, ", a->extra);
        for (size_t i = 0; a->words[i]; i++)
            fprintf(out, "%s%s", i ? ", " : "", a->words[i]);
        fputc(')', out);
    } else if (a->type != SN_AXIS_TEXT && (a->min != 0 || a->max != 0)) {
        char lo[32], hi[32];
        sn_units_format(lo, sizeof lo, a->min, a->unit);
        sn_units_format(hi, sizeof hi, a->max, a->unit);
        fprintf(out, " (%s to %s)", lo, hi);
    }
    fputc('\n', out);
}

static void print_metrics(FILE *out, const struct sn_metric_doc *docs)
{
    for (const struct sn_metric_doc *m = docs; m->name; m++)
        fprintf(out, "  %-18s %-8s %-7s %s\n", m->name, m->unit,
                m->higher_is_better ? "higher" : "lower", m->formula);
}

int sn_describe_bench(FILE *out, const struct sn_app *app, const char *name)
{
    const struct sn_bench *b;
    int status = sn_plan_bench(app, name, &b);
    if (status != SN_OK)
        return status;
    fprintf(out, "%s: %s\n\naxes (name, default sweep, meaning)\n", b->name, b->brief);
    for (const struct sn_axis *a = b->axes; a->name; a++)
        print_axis(out, a);
    fprintf(out,
            "\ntimed   %s\nbytes   %s\nlimit   %s\nclocks  %s%s\n\nmetrics (name, unit, better, "
            "formula)\n",
            b->timed, b->bytes, b->limit, b->clocks & SN_CLOCK_WALL ? "wall " : "",
            b->clocks & SN_CLOCK_MODEL ? "model" : "");
    print_metrics(out, b->metric_docs);
    if (b->clocks & SN_CLOCK_MODEL)
        print_metrics(out, sn_timeline_metric_docs);
    return SN_OK;
}
