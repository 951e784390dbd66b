/* The largest rate of requests that meets an SLO. */
#ifndef SN_BENCH_MACRO_SERVE_FIND_H
#define SN_BENCH_MACRO_SERVE_FIND_H

#include "bench/macro/serve_load.h"

struct sn_serve_slo {
    double ttft_s, tpot_s, share; /* limits, and the share of requests that must keep both */
};

/* Does a request of a result keep both limits? A rejected one does not; one token has no TPOT. */
bool sn_serve_good(const struct sn_serve_result *r, const struct sn_serve_load *load, size_t i,
                   const struct sn_serve_slo *slo);

struct sn_serve_found {
    double factor, rate; /* of the load's arrivals; requests a second. 0: no rate meets the SLO */
    bool unbounded;      /* they may come as fast as was tried, 2^20 times */
    unsigned runs;
};

/* Bisection: the load comes 1, 2, 4, ... or 1/2, 1/4, ... times as fast until the SLO holds on one
 * side and not on the other, then in geometric means until these are within 1 %. The answer holds;
 * the next larger one tried does not. Where more load helps (a cache that is warm earlier) there
 * may be other such places. `tick` is called before each run. A failure of sn_serve_run(). */
int sn_serve_find_rate(const struct sn_serve_load *load, const struct sn_serve_config *c,
                       const struct sn_serve_slo *slo, void (*tick)(void *of), void *of,
                       struct sn_serve_found *out);

#endif
