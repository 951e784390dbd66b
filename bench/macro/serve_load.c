#include "bench/macro/serve_load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/datadir.h"

enum { STREAM_ARRIVAL = 0x73726c31, STREAM_INPUT = 0x73726c32, STREAM_OUTPUT = 0x73726c33 };

/* Of 53 days in the engine's clock; the rest is for waiting. */
static const double most_days = 46, s_of_day = 86400;

static int check_days(double last_s, double scale)
{
    const double days = last_s / s_of_day;
    if (days < most_days)
        return SN_OK;
    return SN_FAIL(SN_EINVAL,
                   "requests come over %.4g days at scale=%g: the model clock leaves %g for them; "
                   "right would be scale=%.3g",
                   days, scale, most_days, 1.01 * scale * days / most_days);
}

static void of_trace(struct sn_serve_load *l, const struct sn_serve_load_spec *s)
{
    const struct sn_kvtrace *t = s->trace;
    l->n = s->requests && s->requests < t->n ? s->requests : t->n;
    l->request = sn_calloc(l->n, sizeof *l->request);
    for (size_t r = 0; r < l->n; r++) {
        const struct sn_kvtrace_request *q = &t->request[r];
        l->request[r] = (struct sn_serve_request){.input = q->input,
                                                  .output = q->output ? q->output : 1,
                                                  .blocks = q->blocks,
                                                  .first = q->first};
        l->ids = q->first + q->blocks;
    }
    l->id = sn_calloc(l->ids + 1, sizeof *l->id);
    memcpy(l->id, t->id, l->ids * sizeof *l->id);
}

/* Ids of the shared prefix are 0, 1, ...; a request's own have its number above 32 bits. */
static void add_blocks(struct sn_serve_load *l, size_t r, uint32_t shared, size_t *cap)
{
    struct sn_serve_request *q = &l->request[r];
    q->first = l->ids;
    q->blocks = (q->input + SN_KVTRACE_BLOCK_TOKENS - 1) / SN_KVTRACE_BLOCK_TOKENS;
    if (l->ids + q->blocks > *cap) {
        *cap = 2 * (l->ids + q->blocks);
        l->id = sn_realloc(l->id, *cap, sizeof *l->id);
    }
    for (uint32_t b = 0; b < q->blocks; b++)
        l->id[l->ids++] = b < shared ? b : ((uint64_t)r + 1) << 32 | b;
}

static void generated(struct sn_serve_load *l, const struct sn_serve_load_spec *s)
{
    struct sn_rng input = sn_rng_make(s->seed ^ sn_rng_mix64(s->draw), STREAM_INPUT),
                  output = sn_rng_make(s->seed ^ sn_rng_mix64(s->draw), STREAM_OUTPUT);
    size_t cap = 0;
    l->n = s->requests;
    l->request = sn_calloc(l->n, sizeof *l->request);
    for (size_t r = 0; r < l->n; r++) {
        struct sn_serve_request *q = &l->request[r];
        q->input = sn_serve_lengths_draw(&s->input, r, &input);
        q->output = sn_serve_lengths_draw(&s->output, r, &output);
        add_blocks(l, r, (uint32_t)(s->reuse * q->input / SN_KVTRACE_BLOCK_TOKENS), &cap);
    }
}

int sn_serve_load_open(struct sn_serve_load *out, const struct sn_serve_load_spec *s)
{
    struct sn_serve_load l = {0};
    struct sn_rng rng = sn_rng_make(s->seed ^ sn_rng_mix64(s->draw), STREAM_ARRIVAL);
    double at = 0;
    if (s->trace)
        of_trace(&l, s);
    else
        generated(&l, s);
    int status = SN_OK;
    for (size_t r = 0; r < l.n && status == SN_OK; r++) {
        if (s->arrivals.kind == SN_SERVE_TRACE)
            at = (double)(s->trace->request[r].time_ms - s->trace->request[0].time_ms) * 1e-3 /
                 s->scale;
        else
            at += sn_serve_arrivals_draw(&s->arrivals, &rng) / s->scale;
        status = check_days(at, s->scale);
        if (status == SN_OK)
            l.request[r].arrival_ps = sn_ps(at);
    }
    if (status == SN_OK)
        *out = l;
    else
        sn_serve_load_close(&l);
    return status;
}

void sn_serve_load_close(struct sn_serve_load *l)
{
    free(l->request);
    free(l->id);
    *l = (struct sn_serve_load){0};
}

void sn_serve_load_faster(struct sn_serve_load *out, const struct sn_serve_load *l, double factor)
{
    *out = *l;
    out->request = sn_calloc(l->n + 1, sizeof *out->request);
    for (size_t r = 0; r < l->n; r++) {
        out->request[r] = l->request[r];
        out->request[r].arrival_ps = llround((double)l->request[r].arrival_ps / factor);
    }
}

double sn_serve_load_rate(const struct sn_serve_load *l)
{
    if (l->n < 2 || l->request[l->n - 1].arrival_ps == l->request[0].arrival_ps)
        return NAN;
    return (double)(l->n - 1) /
           sn_ps_seconds(l->request[l->n - 1].arrival_ps - l->request[0].arrival_ps);
}

int sn_serve_trace_path(const char *name_or_file, char **path)
{
    static const char suffix[] = ".jsonl";
    const size_t n = strlen(name_or_file), m = strlen(suffix);
    struct sn_datadir d;
    if (strchr(name_or_file, '/') || (n > m && !strcmp(name_or_file + n - m, suffix))) {
        *path = sn_strdup(name_or_file);
        return SN_OK;
    }
    int status = sn_datadir_open(&d);
    if (status != SN_OK)
        return status;
    *path = sn_strdupf("%s/%s%s", d.traces, name_or_file, suffix);
    sn_datadir_close(&d);
    return SN_OK;
}
