/* Tables of modelled step times: bench/macro/pipe_times.h. */
#include "bench/macro/pipe_times.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/macro/pipe_case.h"
#include "bench/macro/pipe_defaults.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { ROWS = 10, COLS = 8, FEW = 4, MORE = 8 };

/* time[i][k] at row[i], col[k]. */
struct table {
    double row[ROWS], col[COLS], time[ROWS][COLS];
    size_t rows, cols;
};

struct times {
    struct table decode, prefill;
    double key_s; /* of a cached token, all layers: its keys and values from the latent */
    double decode_dies, prefill_dies;
};

/* --- interpolation ------------------------------------------------------------------------------
 */

/* The pair of points around x, or the last one. */
static size_t place(const double *at, size_t n, double x)
{
    size_t i = 0;
    while (i + 2 < n && x > at[i + 1])
        i++;
    return i;
}

static double between(double x, double x0, double x1, double y0, double y1)
{
    return y0 + (x - x0) / (x1 - x0) * (y1 - y0);
}

static double look_up(const struct table *t, double row, double col)
{
    row = fmax(row, t->row[0]);
    col = fmax(col, t->col[0]);
    size_t i = place(t->row, t->rows, row), k = place(t->col, t->cols, col);
    double low = between(col, t->col[k], t->col[k + 1], t->time[i][k], t->time[i][k + 1]),
           high = between(col, t->col[k], t->col[k + 1], t->time[i + 1][k], t->time[i + 1][k + 1]);
    return between(row, t->row[i], t->row[i + 1], low, high);
}

static double decode_step_s(void *of, double requests, double ctx)
{
    const struct times *t = of;
    return look_up(&t->decode, requests / t->decode_dies, ctx);
}

static double prefill_s(void *of, const uint32_t *fresh, const uint32_t *cached, size_t n)
{
    const struct times *t = of;
    double tokens = 0, seen = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        tokens += fresh[i];
        kept += cached[i];
        seen += fresh[i] * (cached[i] + (fresh[i] + 1) / 2.0);
    }
    if (!(tokens > 0))
        return 0;
    return look_up(&t->prefill, tokens / t->prefill_dies, seen / tokens) +
           kept / t->prefill_dies * t->key_s;
}

/* --- the points ---------------------------------------------------------------------------------
 */

/* A row of a table: the routing once, a step for each column. set() makes p the step of a column;
 * time[k] of `layers` layers with experts. */
struct line {
    struct sn_pipe p;
    unsigned microbatches;
    double x; /* of the row */
    void (*set)(struct sn_pipe *p, double row, double col);
};

static int steps(const struct line *l, unsigned layers, const double *col, size_t cols,
                 double *time)
{
    struct sn_llm small = *l->p.llm;
    struct sn_pipe p = l->p;
    struct sn_pipe_step routed;
    small.layers = small.dense_layers + layers;
    p.llm = &small;
    p.microbatches = l->microbatches;
    l->set(&p, l->x, col[0]);
    int status = sn_pipe_step(&p, 1, &routed);
    for (size_t k = 0; k < cols && !status; k++) {
        struct sn_pipe_step s;
        l->set(&p, l->x, col[k]);
        status = sn_pipe_step_again(&p, &routed, &s);
        if (!status) {
            time[k] = s.s;
            sn_pipe_step_free(&s);
        }
    }
    sn_pipe_step_free(&routed);
    return status;
}

/* All layers: those beyond MORE take what the last of these take. */
static int fill_line(const struct line *l, const double *col, size_t cols, double *time)
{
    double few[COLS], more[COLS];
    double with_experts = l->p.llm->layers - l->p.llm->dense_layers;
    int status = steps(l, FEW, col, cols, few);
    status = status ? status : steps(l, MORE, col, cols, more);
    for (size_t k = 0; k < cols && !status; k++)
        time[k] =
            fmin(time[k], more[k] + (more[k] - few[k]) / (MORE - FEW) * (with_experts - MORE));
    return status;
}

static int fill(struct table *t, const struct sn_pipe *p,
                void (*set)(struct sn_pipe *p, double row, double col))
{
    int status = SN_OK;
    for (size_t i = 0; i < t->rows && !status; i++) {
        for (size_t k = 0; k < t->cols; k++)
            t->time[i][k] = INFINITY;
        for (unsigned mb = 1; mb <= SN_PIPE_MICROBATCHES && !status; mb++) {
            struct line l = {.p = *p, .microbatches = mb, .x = t->row[i], .set = set};
            struct sn_pipe first = *p;
            set(&first, t->row[i], t->col[0]);
            if (first.requests >= mb)
                status = fill_line(&l, t->col, t->cols, t->time[i]);
        }
        /* A step never takes less than a smaller one: draws differ. */
        for (size_t k = 0; k < t->cols && i && !status; k++)
            t->time[i][k] = fmax(t->time[i][k], t->time[i - 1][k]);
    }
    return status;
}

static void set_decode(struct sn_pipe *p, double requests, double ctx)
{
    p->requests = (unsigned)requests;
    p->ctx = (unsigned)ctx;
}

/* Two prompts a die, so that there are two microbatches; behind as many cached tokens as make the
 * mean what it is to be. */
static void set_prefill(struct sn_pipe *p, double tokens, double seen)
{
    unsigned fresh = (unsigned)tokens / 2;
    p->requests = 2;
    p->cached = seen > fresh / 2.0 ? (unsigned)(seen - fresh / 2.0) : 0;
    p->ctx = p->cached + fresh;
}

/* --- a case -------------------------------------------------------------------------------------
 */

static int decode_table(const struct sn_case *c, struct sn_pipe p, struct table *t)
{
    static const double requests[] = {1, 4, 16, 48, 128},
                        ctx[] = {128, 1024, 4096, 16384, 65536, 262144};
    *t = (struct table){.rows = sizeof requests / sizeof *requests,
                        .cols = sizeof ctx / sizeof *ctx};
    memcpy(t->row, requests, sizeof requests);
    memcpy(t->col, ctx, sizeof ctx);
    p.algorithm = sn_pipe_algorithm(SN_MOE_COPIES);
    p.routing = "uniform";
    p.balance = true;
    p.dies = (unsigned)sn_case_int(c, "decode_dies");
    p.shared_dies = sn_pipe_shared_dies(&p);
    p.redundant = sn_pipe_redundant(&p);
    p.queries = 1 + (unsigned)sn_case_int(c, "mtp");
    return fill(t, &p, set_decode);
}

static int prefill_table(const struct sn_case *c, struct sn_pipe p, struct table *t)
{
    static const double tokens[] = {16, 128, 512, 2048, 8192, 16384},
                        seen[] = {64, 1024, 4096, 16384, 65536, 262144};
    char routing[SN_PIPE_ROUTING_TEXT];
    *t = (struct table){.rows = sizeof tokens / sizeof *tokens, .cols = sizeof seen / sizeof *seen};
    memcpy(t->row, tokens, sizeof tokens);
    memcpy(t->col, seen, sizeof seen);
    p.prefill = p.spread = true;
    sn_pipe_routing(&p, routing);
    p.algorithm = sn_pipe_algorithm(SN_MOE_COUNTS_AND_PAIRS);
    p.routing = routing;
    p.dies = (unsigned)sn_case_int(c, "prefill_dies");
    p.redundant = sn_pipe_redundant(&p);
    p.queries = 1;
    return fill(t, &p, set_prefill);
}

/* As the difference of two costs of prefill, with and without them. */
static int key_time(const struct sn_pipe *p, double *out)
{
    enum { TOKENS = 4096 };
    struct sn_pipe q = *p;
    struct sn_pipe_cost with[SN_OPERATIONS], without[SN_OPERATIONS];
    q.prefill = q.spread = true;
    q.dies = 1;
    q.requests = 1;
    q.microbatches = 1;
    q.queries = 1;
    q.cached = TOKENS;
    q.ctx = TOKENS + 1;
    q.redundant = q.shared_dies = 0;
    int status = sn_pipe_costs(&q, 1, 1, without);
    q.kept = TOKENS;
    status = status ? status : sn_pipe_costs(&q, 1, 1, with);
    if (!status)
        *out = (with[SN_OPERATION_PROLOG].work_s - without[SN_OPERATION_PROLOG].work_s) / TOKENS *
               p->llm->layers;
    return status;
}

static int make(const struct sn_case *c, struct times *t)
{
    struct sn_pipe p = {.degrade = "none", .dtype = SN_DTYPE_INT8, .seed = c->env->seed};
    int status = sn_pipe_model(c, &p.llm);
    status = status ? status : sn_device_of_case(c, &p.device);
    status = status ? status : sn_model_profile(c, &p.profile);
    t->decode_dies = (double)sn_case_int(c, "decode_dies");
    t->prefill_dies = (double)sn_case_int(c, "prefill_dies");
    status = status ? status : key_time(&p, &t->key_s);
    status = status ? status : decode_table(c, p, &t->decode);
    return status ? status : prefill_table(c, p, &t->prefill);
}

int sn_pipe_times_open(const struct sn_case *c, struct sn_serve_times *out)
{
    char *key = sn_strdupf("step times %s %s %s %s %s %s %llu", sn_case_text(c, "model"),
                           sn_case_text(c, "device"), sn_case_text(c, "profile"),
                           sn_case_text(c, "prefill_dies"), sn_case_text(c, "decode_dies"),
                           sn_case_text(c, "mtp"), (unsigned long long)c->env->seed);
    struct times *t = sn_model_memo(c, key), *copy;
    int status = SN_OK;
    if (!t) {
        t = sn_calloc(1, sizeof *t);
        status = make(c, t);
        if (status == SN_OK)
            sn_model_memo_set(c, key, t, free);
        else
            free(t);
    }
    free(key);
    if (status != SN_OK)
        return status;
    copy = sn_calloc(1, sizeof *copy);
    *copy = *t;
    *out = (struct sn_serve_times){.of = copy,
                                   .decode_step_s = decode_step_s,
                                   .prefill_s = prefill_s,
                                   .tokens_per_step = 1 + (double)sn_case_int(c, "mtp") *
                                                              sn_case_real(c, "accept")};
    return SN_OK;
}

void sn_pipe_times_close(struct sn_serve_times *t)
{
    free(t->of);
    *t = (struct sn_serve_times){0};
}
