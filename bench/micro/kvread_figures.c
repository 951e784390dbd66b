/* From what was seen to the metrics of a row (bench/micro/kvread.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/kvread.h"
#include "harness/base/buf.h"
#include "harness/stats.h"

const struct sn_metric_doc sn_kvread_metric_docs[] = {
    {"block_p50", "s", false,
     "median time of a block from asking to its last byte, all readers and repetitions (wall "
     "clock: "
     "warm-up included; model clock: all draws)"},
    {"block_p95", "s", false, "95th percentile of the same"},
    {"block_p99", "s", false, "99th percentile of the same"},
    {"request_p50", "s", false,
     "trace on the model clock: median time of a request from its arrival to the last byte of the "
     "blocks it reads, requests that read any"},
    {"request_p95", "s", false, "95th percentile of the same"},
    {"request_p99", "s", false, "99th percentile of the same"},
    {"reader_bandwidth", "B/s", true,
     "bytes a reader read / time in which it did (trace: times of its requests added up), mean "
     "over "
     "the readers"},
    {"aggregate", "B/s", true, "bytes that all readers read / median"},
    {"fairness", "1", true,
     "Jain's index (sum x)^2 / (n sum x^2) over the readers' bandwidths x, those that read any"},
    {"copy_roof", "B/s", true,
     "wall clock: bytes of a reader / median time of straight copies of as many, one before each "
     "repetition, all readers at once, out of the same segments into the same memory (where the "
     "transport does not map them: the copy roof at the footprint of its reads)"},
    {"of_copy_roof", "1", true,
     "wall clock: time of the straight copy before a repetition / of the reads of its slowest "
     "reader, median over the repetitions, warm-up included (where there are no straight copies: "
     "bytes of a reader / median / copy_roof)"},
    {"blocks_found", "1", true, "trace: blocks found in the pool / blocks asked for"},
    {"prefix_found", "1", true, "trace: blocks found in the leading run of a request / asked for"},
    {"evicted", "block", false, "trace: blocks dropped for others"},
    {"pool_bytes", "B", false, "trace: most bytes in the pool at once"},
    {"read_bytes", "B", true, "model clock: bytes read"},
    {"stored_bytes", "B", true, "trace on the model clock: bytes written to the pool"},
    {"bytes_ub", "B", true, "model clock: bytes between memories over the plane ub"},
    {"bytes_rdma", "B", true, "the same over the plane rdma"},
    {"bytes_vpc", "B", true, "the same over the plane vpc"},
    {"slowdown_read", "1", false,
     "with=dispatch: time until all blocks are read beside dispatch / until they are alone; "
     "dispatch offers a layer every layer_alone for as long as reads go on. Flag "
     "dispatch-ended-first: that were over 2^20 copies or 512 layers, and only the blocks count "
     "that came while layers did, also in block_p50 to p99. Mean over draws"},
    {"slowdown_dispatch", "1", false,
     "with=dispatch: time of a layer beside the reads / time of one alone, mean over "
     "the layers that began before the last read ended, and draws"},
    {"layer_alone", "s", false, "with=dispatch: time of one layer of dispatch alone"},
    {"jain", "1", true,
     "with=dispatch: Jain's index over the two kinds of traffic, x = 1 / slowdown"},
    {0},
};

void sn_kvread_list_add(struct sn_kvread_list *l, double x)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 1024;
        l->x = sn_realloc(l->x, l->cap, sizeof *l->x);
    }
    l->x[l->n++] = x;
}

void sn_kvread_figures_open(struct sn_kvread_figures *f, unsigned readers)
{
    *f = (struct sn_kvread_figures){0};
    f->busy_s = sn_calloc(readers, sizeof *f->busy_s);
    f->bytes = sn_calloc(readers, sizeof *f->bytes);
}

void sn_kvread_figures_close(struct sn_kvread_figures *f)
{
    free(f->block_s.x);
    free(f->request_s.x);
    free(f->share.x);
    free(f->busy_s);
    free(f->bytes);
    *f = (struct sn_kvread_figures){0};
}

double sn_kvread_jain(const double *x, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    return squares > 0 ? sum * sum / ((double)n * squares) : NAN;
}

/* A time that a rank did not measure is 0 in its log: the sum over the ranks is the log of all.
 * Every rank has logged the same repetitions. */
void sn_kvread_gather(struct sn_kvread *s)
{
    const struct sn_world *w = s->env->world;
    for (size_t rep = 0; rep < s->logged; rep++) {
        double *log = s->log_s + rep * s->logs;
        MPI_Reduce(w->rank ? log : MPI_IN_PLACE, log, (int)s->logs, MPI_DOUBLE, MPI_SUM, 0,
                   w->comm);
        if (w->rank)
            continue;
        double slowest = 0, busy = 0;
        for (size_t i = 0; i < s->logs; i++) {
            sn_kvread_list_add(&s->figures.block_s, log[i]);
            s->figures.busy_s[i / s->reads] += log[i];
            s->figures.bytes[i / s->reads] += s->block;
            busy = i % s->reads ? busy + log[i] : log[i];
            slowest = fmax(slowest, busy);
        }
        if (!isnan(s->log_roof_s[rep]))
            sn_kvread_list_add(&s->figures.share, s->log_roof_s[rep] / slowest);
    }
    s->logged = 0;
}

static void add_percentiles(struct sn_row *row, const char *what, const struct sn_kvread_list *l)
{
    static const struct {
        const char *name;
        double p;
    } points[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
    double *x = sn_calloc(l->n + 1, sizeof *x);
    memcpy(x, l->x, l->n * sizeof *x);
    sn_stats_sort(x, l->n);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        sn_row_add_metric(row, sn_kvread_metric_docs,
                          sn_row_str(row, "%s_%s", what, points[i].name),
                          sn_stats_percentile(x, l->n, points[i].p));
    free(x);
}

static void add_readers(const struct sn_kvread *s, struct sn_row *row)
{
    const struct sn_kvread_figures *f = &s->figures;
    double *rate = sn_calloc(s->readers, sizeof *rate), sum = 0;
    size_t n = 0;
    for (unsigned r = 0; r < s->readers; r++)
        if (f->busy_s[r] > 0) {
            rate[n] = (double)f->bytes[r] / f->busy_s[r];
            sum += rate[n++];
        }
    sn_row_add_metric(row, sn_kvread_metric_docs, "reader_bandwidth", n ? sum / (double)n : NAN);
    sn_row_add_metric(row, sn_kvread_metric_docs, "aggregate",
                      (double)f->read_bytes / row->stats.median);
    sn_row_add_metric(row, sn_kvread_metric_docs, "fairness", sn_kvread_jain(rate, n));
    free(rate);
}

static void add_model(const struct sn_kvread *s, const struct sn_case *c, struct sn_row *row)
{
    static const char *const plane[] = {[SN_KVREAD_UB] = "bytes_ub",
                                        [SN_KVREAD_RDMA] = "bytes_rdma",
                                        [SN_KVREAD_VPC] = "bytes_vpc"};
    const struct sn_kvread_figures *f = &s->figures;
    const struct sn_metric_doc *docs = sn_kvread_metric_docs;
    if (s->trace_replay) {
        const struct sn_kvpool_stats *u = &f->reuse;
        sn_row_add_metric(row, docs, "blocks_found", (double)u->hits / (double)u->lookups);
        sn_row_add_metric(row, docs, "prefix_found", (double)u->prefix_hits / (double)u->lookups);
        sn_row_add_metric(row, docs, "evicted", (double)u->evicted);
        sn_row_add_metric(row, docs, "pool_bytes", (double)u->peak_bytes);
    }
    sn_row_add_metric(row, docs, "read_bytes", (double)f->read_bytes);
    if (s->trace_replay)
        sn_row_add_metric(row, docs, "stored_bytes", (double)f->stored_bytes);
    sn_row_add_metric(row, docs, plane[sn_case_word(c, "plane")], (double)f->wire_bytes);
    if (!f->slowdowns)
        return;
    const double read = f->slowdown_read / f->slowdowns;
    const double dispatch = f->slowdown_dispatch / f->slowdowns, x[] = {1 / read, 1 / dispatch};
    sn_row_add_metric(row, docs, "slowdown_read", read);
    sn_row_add_metric(row, docs, "slowdown_dispatch", dispatch);
    sn_row_add_metric(row, docs, "layer_alone", f->layer_s / f->slowdowns);
    sn_row_add_metric(row, docs, "jain", sn_kvread_jain(x, 2));
}

/* Bytes and bound of a repetition on the wall clock, from the places drawn last: by distance they
 * are the same in every draw, but with placement=any, where they are an example. */
static void add_wall(const struct sn_kvread *s, const struct sn_case *c, struct sn_row *row)
{
    const struct sn_endpoints *e = &s->fabric.endpoints;
    uint64_t most = 0, each = (uint64_t)s->reads * s->block, held = s->blocks * s->block;
    for (int rank = 0; rank < e->ranks; rank++) {
        uint64_t bytes = 0;
        for (unsigned r = 0; r < s->readers; r++)
            bytes += e->rank_of[s->reader_at[r]] == rank ? each : 0;
        most = bytes > most ? bytes : most;
    }
    /* A smaller footprint has the higher roof: a bound takes the smaller of both sides. */
    sn_fabric_limit(c, row, sn_fabric_roof(c, s->readers), most, held < each ? held : each);
    double best, straight = sn_kvread_roof(s, &best), roof = (double)most / row->limit_s;
    if (!isnan(straight)) {
        roof = (double)each / straight;
        if (!(row->limit_s <= best)) {
            row->limit_s = best;
            row->limit_why = sn_row_str(
                row,
                "as many bytes copied straight by every reader at once, %s the caches: the "
                "fastest of %zu between the repetitions",
                s->fabric.link->stream ? "around" : "through", s->roof_s.n);
        }
    }
    sn_row_add_metric(row, sn_kvread_metric_docs, "copy_roof", roof);
    double share = (double)each / row->stats.median / roof;
    if (s->figures.share.n) {
        sn_stats_sort(s->figures.share.x, s->figures.share.n); /* the order is of no more use */
        share = sn_stats_percentile(s->figures.share.x, s->figures.share.n, 0.5);
    }
    sn_row_add_metric(row, sn_kvread_metric_docs, "of_copy_roof", share);
}

void sn_kvread_row(const struct sn_kvread *s, const struct sn_case *c, struct sn_row *row)
{
    const struct sn_kvread_figures *f = &s->figures;
    row->bytes.wire = f->wire_bytes;
    row->bytes.local = f->local_bytes;
    row->bytes.logical = f->wire_bytes + f->local_bytes;
    if (f->block_s.n)
        add_percentiles(row, "block", &f->block_s);
    if (f->request_s.n)
        add_percentiles(row, "request", &f->request_s);
    add_readers(s, row);
    if (s->model)
        add_model(s, c, row);
    else
        add_wall(s, c, row);
}
