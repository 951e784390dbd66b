#include "bench/macro/serve_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/macro/serve_check.h"
#include "harness/base/buf.h"
#include "harness/stats.h"

#define PERCENTILES(word, what)                                                                    \
    {word "_mean", "s", false, "mean of " what}, {word "_median", "s", false, "median of " what},  \
        {word "_p95", "s", false, "95th percentile of " what},                                     \
    {                                                                                              \
        word "_p99", "s", false, "99th percentile of " what                                        \
    }

const struct sn_metric_doc sn_serve_metric_docs[] = {
    PERCENTILES("ttft", "TTFT_i = first_i - arrival_i over completed requests, all draws together"),
    PERCENTILES("tpot",
                "TPOT_i = (end_i - first_i) / (tokens_i - 1) over those of 2 tokens and more"),
    PERCENTILES("itl", "ITL_ij = t_ij - t_i(j-1) over all emissions j > 0, whatever their size"),
    PERCENTILES("e2e", "E2E_i = end_i - arrival_i over completed requests"),
    {"ttft_queue", "s", false, "mean of TTFT_i without the other four parts: waiting"},
    {"ttft_lookup", "s", false, "mean time of asking the cache's index: a read of no bytes"},
    {"ttft_transfer", "s", false, "mean time of reading cached blocks, alone"},
    {"ttft_compute", "s", false, "mean of computed_i - start_i: the prefill batch"},
    {"ttft_store", "s", false, "mean of first_i - computed_i: new blocks to the cache"},
    {"handover", "s", false,
     "mean of here_i - first_i of requests of 2 tokens and more: a place in decode, the transfer"},
    {"offered", "request/s", true, "(n - 1) / (last arrival - first arrival), mean over draws"},
    {"throughput", "request/s", true,
     "completed requests / span; span: first arrival to last event"},
    {"goodput", "request/s", true, "requests with TTFT_i <= ttft and TPOT_i <= tpot / span"},
    {"attainment", "1", true, "the same / all requests, rejected ones included"},
    {"rejected", "1", false, "rejected requests / all requests"},
    {"token_rate", "token/s", true, "tokens emitted / span"},
    {"tokens_per_npu", "token/s", true, "token_rate / NPUs of prefill and decode"},
    {"decode_tokens_per_npu", "token/s", true,
     "tokens emitted in decode steps / (time in steps x NPUs of decode): at the batches it had"},
    {"prompt_tokens_per_npu", "token/s", true,
     "input tokens of completed requests / (span x NPUs of prefill)"},
    {"decode_batch", "request", true, "requests in a decode step, mean over the time in steps"},
    {"emission_tokens", "token", true, "tokens of an emission j > 0, mean"},
    {"hit_rate", "1", true, "blocks in the leading runs of prompts / blocks of prompts"},
    {"evicted", "block", false, "blocks dropped from the cache for others, mean over draws"},
    {"bytes_ub", "B", false, "bytes over the plane ub, mean over draws"},
    {"bytes_rdma", "B", false, "the same over rdma"},
    {"bytes_vpc", "B", false, "the same over vpc"},
    {"util_prefill", "1", true, "time in batches / (span x instances)"},
    {"util_decode", "1", true, "time in steps / span"},
    {"util_ub", "1", false, "bytes / bandwidth / (span x ports) of the busiest side of ub's ports"},
    {"util_rdma", "1", false, "the same of rdma"},
    {"util_vpc", "1", false, "the same of vpc"},
    {"kv_peak", "1", false, "most tokens taken of decode's memory / tokens it holds, any draw"},
    {"max_rate", "request/s", true,
     "find=rate: largest offered rate with attainment >= percentile, within 1 %, median of draws; "
     "null, flag rate-unbounded: all requests at once meet it, there are too few"},
    {"max_factor", "1", true, "find=rate: the same over the offered rate"},
    {0},
};

/* --- adding a draw ---------------------------------------------------------------------------- */

static void add_request(struct sn_serve_figures *f, const struct sn_serve_request *q,
                        const struct sn_serve_instants *x)
{
    const double ttft = sn_ps_seconds(x->first_ps - x->arrival_ps);
    const double compute = sn_ps_seconds(x->computed_ps - x->start_ps);
    const double store = sn_ps_seconds(x->first_ps - x->computed_ps);
    sn_kvread_list_add(&f->ttft_s, ttft);
    sn_kvread_list_add(&f->e2e_s, sn_ps_seconds(x->end_ps - x->arrival_ps));
    if (q->output > 1) {
        sn_kvread_list_add(&f->tpot_s, sn_ps_seconds(x->end_ps - x->first_ps) / (q->output - 1));
        f->handover_s += sn_ps_seconds(x->here_ps - x->first_ps);
    }
    f->queue_s += sn_ps_seconds(x->start_ps - x->arrival_ps - x->lookup_ps - x->read_ps);
    f->lookup_s += sn_ps_seconds(x->lookup_ps);
    f->read_s += sn_ps_seconds(x->read_ps);
    f->compute_s += compute;
    f->store_s += store;
    f->blocks_read += x->read;
    f->prompt_tokens += q->input;
    f->decode_tokens += q->output - 1;
}

static void add_emissions(struct sn_serve_figures *f, const struct sn_serve_result *r)
{
    int64_t *last = sn_calloc(r->n + 1, sizeof *last);
    for (size_t i = 0; i < r->n; i++)
        last[i] = INT64_MIN;
    for (size_t i = 0; i < r->emissions; i++) {
        const struct sn_serve_emission *e = &r->emission[i];
        if (last[e->request] != INT64_MIN)
            sn_kvread_list_add(&f->itl_s, sn_ps_seconds(e->at_ps - last[e->request]));
        last[e->request] = e->at_ps;
    }
    free(last);
}

void sn_serve_figures_add(struct sn_serve_figures *f, const struct sn_serve_case *s,
                          const struct sn_serve_load *load, const struct sn_serve_result *r)
{
    const struct sn_serve_slo slo = {s->ttft_s, s->tpot_s, s->percentile};
    const double span = sn_ps_seconds(r->end_ps - r->start_ps);
    for (size_t i = 0; i < r->n; i++) {
        if (r->request[i].rejected)
            continue;
        add_request(f, &load->request[i], &r->request[i]);
        f->good += sn_serve_good(r, load, i, &slo);
    }
    add_emissions(f, r);
    f->draws++;
    f->span_s += span;
    f->offered += sn_serve_load_rate(load);
    f->requests += r->n;
    f->completed += r->completed;
    f->rejected += r->rejected;
    f->tokens += r->tokens;
    f->blocks_asked += r->blocks_asked;
    f->evicted += r->pool.evicted;
    f->steps += r->steps;
    f->batches += r->batches;
    f->slot_s += r->slot_s;
    f->decode_s += sn_ps_seconds(r->decode_ps);
    f->kv_peak = fmax(f->kv_peak, (double)r->kv_peak / (double)s->config.kv_tokens);
    f->prefill_busy_s += span * sn_serve_busy(r, &s->config, SN_SERVE_PREFILL);
    f->decode_busy_s += span * sn_serve_busy(r, &s->config, SN_SERVE_DECODE);
    for (unsigned p = 0; p < SN_SERVE_PLANES; p++) {
        f->bytes[p] += r->plane[p].bytes;
        f->plane_busy_s[p] += span * sn_serve_plane_busy(r, p); /* NAN stays: not used */
    }
}

void sn_serve_figures_free(struct sn_serve_figures *f)
{
    free(f->ttft_s.x);
    free(f->tpot_s.x);
    free(f->itl_s.x);
    free(f->e2e_s.x);
    free(f->rate.x);
    free(f->factor.x);
    *f = (struct sn_serve_figures){0};
}

/* --- a row ------------------------------------------------------------------------------------ */

static void add(struct sn_row *row, const char *name, double value)
{
    sn_row_add_metric(row, sn_serve_metric_docs, name, value);
}

static void add_list(struct sn_row *row, const char *what, const struct sn_kvread_list *l)
{
    static const struct {
        const char *name;
        double p;
    } points[] = {{"median", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
    double *x = sn_calloc(l->n + 1, sizeof *x), sum = 0;
    memcpy(x, l->x, l->n * sizeof *x);
    sn_stats_sort(x, l->n);
    for (size_t i = 0; i < l->n; i++)
        sum += x[i];
    add(row, sn_row_str(row, "%s_mean", what), l->n ? sum / (double)l->n : NAN);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        add(row, sn_row_str(row, "%s_%s", what, points[i].name),
            l->n ? sn_stats_percentile(x, l->n, points[i].p) : NAN);
    free(x);
}

static void add_parts(struct sn_row *row, const struct sn_serve_figures *f)
{
    const double n = (double)f->completed; /* none: 0 / 0, null in the row */
    add(row, "ttft_queue", f->queue_s / n);
    add(row, "ttft_lookup", f->lookup_s / n);
    add(row, "ttft_transfer", f->read_s / n);
    add(row, "ttft_compute", f->compute_s / n);
    add(row, "ttft_store", f->store_s / n);
    add(row, "handover", f->handover_s / (double)f->tpot_s.n);
}

static void add_rates(struct sn_row *row, const struct sn_serve_figures *f,
                      const struct sn_serve_case *s)
{
    const double prefill = sn_serve_prefill_npus(s), decode = sn_serve_decode_npus(s);
    add(row, "offered", f->offered / f->draws);
    add(row, "throughput", (double)f->completed / f->span_s);
    add(row, "goodput", (double)f->good / f->span_s);
    add(row, "attainment", (double)f->good / (double)f->requests);
    add(row, "rejected", (double)f->rejected / (double)f->requests);
    add(row, "token_rate", (double)f->tokens / f->span_s);
    add(row, "tokens_per_npu", (double)f->tokens / f->span_s / (prefill + decode));
    add(row, "decode_tokens_per_npu", (double)f->decode_tokens / (f->decode_s * decode));
    add(row, "prompt_tokens_per_npu", (double)f->prompt_tokens / (f->span_s * prefill));
    add(row, "decode_batch", f->slot_s / f->decode_s);
    add(row, "emission_tokens", (double)f->decode_tokens / (double)f->itl_s.n);
}

static void add_planes(struct sn_row *row, const struct sn_serve_figures *f, const char *what,
                       bool bytes)
{
    for (unsigned p = 0; p < SN_SERVE_PLANES; p++)
        if (!isnan(f->plane_busy_s[p]))
            add(row, sn_row_str(row, "%s_%s", what, sn_kvread_plane_words[p]),
                bytes ? (double)f->bytes[p] / f->draws : f->plane_busy_s[p] / f->span_s);
}

/* The lower one of two. */
static double median_of(const struct sn_kvread_list *l)
{
    double *x = sn_calloc(l->n, sizeof *x);
    memcpy(x, l->x, l->n * sizeof *x);
    sn_stats_sort(x, l->n);
    const double median = sn_stats_percentile(x, l->n, 0.5);
    free(x);
    return median;
}

void sn_serve_figures_row(const struct sn_serve_figures *f, const struct sn_serve_case *s,
                          struct sn_row *row)
{
    add_list(row, "ttft", &f->ttft_s);
    add_list(row, "tpot", &f->tpot_s);
    add_list(row, "itl", &f->itl_s);
    add_list(row, "e2e", &f->e2e_s);
    add_parts(row, f);
    add_rates(row, f, s);
    if (f->blocks_asked) {
        add(row, "hit_rate", (double)f->blocks_read / (double)f->blocks_asked);
        add(row, "evicted", (double)f->evicted / f->draws);
    }
    add_planes(row, f, "bytes", true);
    add(row, "util_prefill", f->prefill_busy_s / f->span_s);
    add(row, "util_decode", f->decode_busy_s / f->span_s);
    add_planes(row, f, "util", false);
    add(row, "kv_peak", f->kv_peak);
    if (f->searched) {
        add(row, "max_rate", f->rate.n ? median_of(&f->rate) : NAN);
        add(row, "max_factor", f->factor.n ? median_of(&f->factor) : NAN);
    }
    for (unsigned p = 0; p < SN_SERVE_PLANES; p++)
        row->bytes.wire += f->bytes[p] / f->draws;
    row->bytes.logical = row->bytes.wire;
}
