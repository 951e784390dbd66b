/* Spans, sensitivity and traces of a step: bench/macro/pipe_detail.h. */
#include "bench/macro/pipe_detail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

/* --- sensitivity -------------------------------------------------------------------------------
 */

/* Copies of the profiles that can be changed. */
struct varied {
    struct sn_device device;
    struct sn_profile fabric;
};

static void scale(struct sn_figure *f, double by)
{
    if (sn_figure_given(f))
        f->value *= by;
}

static void int8_peak(struct varied *v, double by)
{
    scale(&v->device.peak[SN_PEAK_INT8], by);
}
static void bf16_peak(struct varied *v, double by)
{
    scale(&v->device.peak[SN_PEAK_BF16], by);
}
static void vector_rate(struct varied *v, double by)
{
    scale(&v->device.peak[SN_PEAK_F32], by);
}
static void memory(struct varied *v, double by)
{
    scale(&v->device.memory, by);
}
static void host(struct varied *v, double by)
{
    scale(&v->device.host, by);
}
static void launch(struct varied *v, double by)
{
    scale(&v->fabric.cost.launch, by);
}
static void issue(struct varied *v, double by)
{
    scale(&v->fabric.cost.issue, by);
}
static void flags(struct varied *v, double by)
{
    scale(&v->fabric.cost.flag, by);
    scale(&v->fabric.cost.sync_base, by);
    scale(&v->fabric.cost.sync_step, by);
}
static void latency(struct varied *v, double by)
{
    for (int p = SN_PATH_PACKAGE; p <= SN_PATH_SUPERNODE; p++)
        scale(&v->fabric.paths[p].latency, by);
}
/* What software reaches; ports stay what they are. */
static void bandwidth(struct varied *v, double by)
{
    for (int p = SN_PATH_PACKAGE; p <= SN_PATH_SUPERNODE; p++) {
        struct sn_profile_path *way = &v->fabric.paths[p];
        scale(&way->bandwidth, by);
        if (way->port >= 0)
            way->bandwidth.value =
                fmin(way->bandwidth.value, v->fabric.ports[way->port].bandwidth.value);
    }
}

static const struct {
    const char *name;
    void (*set)(struct varied *v, double by);
    bool of_fabric;
} figures[SN_PIPE_FIGURES] = {
    {"int8 peak", int8_peak, false},
    {"bf16 peak", bf16_peak, false},
    {"vector rate", vector_rate, false},
    {"memory bandwidth", memory, false},
    {"host", host, false},
    {"launch of a leg", launch, true},
    {"issue of a message", issue, true},
    {"flags", flags, true},
    {"fabric latency", latency, true},
    {"fabric bandwidth", bandwidth, true},
};

static int change_by(const struct sn_pipe *p, const struct sn_pipe_step *s, size_t figure,
                     double by, double *change)
{
    struct varied v = {*p->device, *p->profile};
    struct sn_pipe q = *p;
    struct sn_pipe_step step;
    q.device = &v.device;
    q.profile = &v.fabric;
    figures[figure].set(&v, by);
    int status =
        figures[figure].of_fabric ? sn_pipe_step(&q, 1, &step) : sn_pipe_step_again(&q, s, &step);
    if (status == SN_OK) {
        *change = step.s / s->s - 1;
        sn_pipe_step_free(&step);
    }
    return status;
}

int sn_pipe_sensitivity(const struct sn_pipe *p, const struct sn_pipe_step *s,
                        struct sn_pipe_change *change, size_t *n)
{
    static const double tenth = 0.1;
    int status = SN_OK;
    *n = 0;
    for (size_t i = 0; i < SN_PIPE_FIGURES && !status; i++) {
        struct sn_pipe_change *c = &change[*n];
        c->name = figures[i].name;
        status = change_by(p, s, i, 1 - tenth, &c->minus);
        status = status ? status : change_by(p, s, i, 1 + tenth, &c->plus);
        *n += c->minus != 0 || c->plus != 0;
    }
    return status;
}

/* --- spans -------------------------------------------------------------------------------------
 */

static bool in_layer(const struct sn_pipe_task *t)
{
    enum sn_where where = sn_operation_descs[t->operation].where;
    return where != SN_WHERE_BEGIN && where != SN_WHERE_END;
}

size_t sn_pipe_spans(const struct sn_pipe *p, const struct sn_pipe_step *s,
                     struct sn_pipe_span **out)
{
    unsigned first = (p->llm->dense_layers + p->llm->layers) / 2;
    double start = INFINITY;
    size_t n = 0;
    *out = sn_calloc(s->n + 1, sizeof **out);
    for (size_t i = 0; i < s->n; i++)
        if (in_layer(&s->what[i]) && s->what[i].layer == first)
            start = fmin(start, s->schedule.span[i].start_s);
    for (size_t i = 0; i < s->n; i++) {
        const struct sn_pipe_task *t = &s->what[i];
        const struct sn_span *span = &s->schedule.span[i];
        if (!in_layer(t) || t->layer < first || t->layer > first + 1)
            continue;
        struct sn_pipe_span *x = &(*out)[n++];
        x->lane = sn_pipe_stream_words[sn_operation_descs[t->operation].stream];
        snprintf(x->name, sizeof x->name, "%s %u", sn_operation_descs[t->operation].word,
                 t->microbatch + 1);
        x->start_s = sn_units_snap(span->start_s - start);
        x->s = sn_units_snap(span->end_s - span->start_s);
    }
    return n;
}

/* --- trace -------------------------------------------------------------------------------------
 */

static const double us = 1e6;

static void add_names(const struct sn_pipe *p, json_t *events)
{
    json_array_append_new(events, json_pack("{s:s, s:s, s:i, s:{s:s}}", "name", "process_name",
                                            "ph", "M", "pid", 0, "args", "name", p->llm->name));
    for (int i = 0; i < SN_PIPE_STREAMS; i++)
        json_array_append_new(events, json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "name",
                                                "thread_name", "ph", "M", "pid", 0, "tid", i,
                                                "args", "name", sn_pipe_stream_words[i]));
}

int sn_pipe_trace(const struct sn_pipe *p, const struct sn_pipe_step *s, const char *file)
{
    json_t *events = json_array();
    add_names(p, events);
    for (size_t i = 0; i < s->n; i++) {
        const struct sn_pipe_task *t = &s->what[i];
        const struct sn_span *span = &s->schedule.span[i];
        const struct sn_operation_desc *o = &sn_operation_descs[t->operation];
        json_array_append_new(
            events, json_pack("{s:s, s:s, s:s, s:f, s:f, s:i, s:i, s:{s:i, s:i, s:f}}", "name",
                              o->word, "cat", sn_pipe_stream_words[o->stream], "ph", "X", "ts",
                              sn_units_snap(span->start_s * us), "dur",
                              sn_units_snap((span->end_s - span->start_s) * us), "pid", 0, "tid",
                              (int)o->stream, "args", "layer", (int)t->layer, "microbatch",
                              (int)t->microbatch, "slowed_us", sn_units_snap(span->slowed_s * us)));
    }
    json_t *root = json_pack("{s:o, s:s}", "traceEvents", events, "displayTimeUnit", "ns");
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(12));
    struct sn_buf b = {0};
    sn_buf_addf(&b, "%s\n", text);
    int status = sn_buf_write_file(&b, file);
    sn_buf_free(&b);
    free(text);
    json_decref(root);
    return status;
}
