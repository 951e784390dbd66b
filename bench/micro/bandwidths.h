/* Bandwidths by name, from the matrix of bytes between endpoints.
 *
 * M[s][d] = payload bytes from endpoint s to endpoint d, n endpoints, T = time of the operation:
 *   logical    sum of all M / T                              (local copies included)
 *   aggregate  sum of M[s][d], s != d, / T
 *   wire       bytes really moved between endpoints / T: aggregate, but where data are forwarded
 *   bottleneck max over r of max(sum_{d != r} M[r][d], sum_{s != r} M[s][r]) / T
 *   busbw      nccl-tests: max over r of max(row r, column r, own part included) / T * (n - 1) / n
 * Uniform matrix of b bytes per pair: bottleneck = busbw = (n - 1) b / T, aggregate = n times that.
 */
#ifndef SN_BENCH_MICRO_BANDWIDTHS_H
#define SN_BENCH_MICRO_BANDWIDTHS_H

#include <stddef.h>
#include <stdint.h>

#include "harness/row.h"

struct sn_traffic {
    uint64_t logical;     /* all bytes */
    uint64_t wire;        /* between different endpoints */
    uint64_t local;       /* of endpoints to themselves: logical - wire */
    uint64_t moved;       /* really moved between endpoints: wire, but where data are forwarded */
    uint64_t bottleneck;  /* most payload that one endpoint sends to others or gets from them */
    uint64_t largest_sum; /* the same with its own part: nccl-tests' size of an alltoallv */
};

/* matrix (n, n) bytes, row = source; sums must fit 64 bits. */
struct sn_traffic sn_traffic_of(const uint64_t *matrix, unsigned n);
/* `bytes` from every endpoint to every endpoint, itself included. */
struct sn_traffic sn_traffic_uniform(uint64_t bytes, unsigned n);

/* nccl-tests' bus bandwidth in B/s. */
double sn_traffic_busbw(const struct sn_traffic *t, unsigned n, double seconds);

/* The documents of the metrics below, for a benchmark's metric_docs. */
#define SN_TRAFFIC_METRIC_DOCS                                                                     \
    {"bottleneck", "B/s", true,                                                                    \
     "most payload that one endpoint sends to others or gets from them / median"},                 \
        {"aggregate", "B/s", true, "payload between different endpoints / median"},                \
        {"wire", "B/s", true, "bytes.wire / median: what was really moved"},                       \
        {"logical", "B/s", true, "bytes.logical / median: local copies included"},                 \
    {                                                                                              \
        "busbw", "B/s", true,                                                                      \
            "nccl-tests: most bytes of one endpoint, own part included / median * (n - 1) / n"     \
    }

/* Sets row->bytes and adds the metrics of SN_TRAFFIC_METRIC_DOCS over the median. */
void sn_traffic_metrics(const struct sn_traffic *t, unsigned n, const struct sn_metric_doc *docs,
                        struct sn_row *row);

#endif
