/* Bandwidths from the byte matrix; definitions in the header. */
#include "bench/micro/bandwidths.h"

static void take_max(uint64_t *most, uint64_t x)
{
    if (x > *most)
        *most = x;
}

struct sn_traffic sn_traffic_of(const uint64_t *matrix, unsigned n)
{
    struct sn_traffic t = {0};
    for (unsigned r = 0; r < n; r++) {
        uint64_t own = matrix[(size_t)r * n + r], sent = 0, received = 0;
        for (unsigned i = 0; i < n; i++) {
            sent += matrix[(size_t)r * n + i];
            received += matrix[(size_t)i * n + r];
        }
        t.logical += sent;
        t.local += own;
        take_max(&t.bottleneck, sent - own);
        take_max(&t.bottleneck, received - own);
        take_max(&t.largest_sum, sent);
        take_max(&t.largest_sum, received);
    }
    t.wire = t.logical - t.local;
    t.moved = t.wire;
    return t;
}

struct sn_traffic sn_traffic_uniform(uint64_t bytes, unsigned n)
{
    return (struct sn_traffic){
        .logical = bytes * n * n,
        .wire = bytes * n * (n - 1),
        .local = bytes * n,
        .moved = bytes * n * (n - 1),
        .bottleneck = bytes * (n - 1),
        .largest_sum = bytes * n,
    };
}

double sn_traffic_busbw(const struct sn_traffic *t, unsigned n, double seconds)
{
    return (double)t->largest_sum / seconds * (n - 1) / n;
}

void sn_traffic_metrics(const struct sn_traffic *t, unsigned n, const struct sn_metric_doc *docs,
                        struct sn_row *row)
{
    double median = row->stats.median;
    row->bytes.logical = t->logical;
    row->bytes.wire = t->moved;
    row->bytes.local = t->local;
    sn_row_add_metric(row, docs, "bottleneck", (double)t->bottleneck / median);
    sn_row_add_metric(row, docs, "aggregate", (double)t->wire / median);
    sn_row_add_metric(row, docs, "wire", (double)t->moved / median);
    sn_row_add_metric(row, docs, "logical", (double)t->logical / median);
    sn_row_add_metric(row, docs, "busbw", sn_traffic_busbw(t, n, median));
}
