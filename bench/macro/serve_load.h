/* The requests of a case of `serve`: of a trace, or generated. */
#ifndef SN_BENCH_MACRO_SERVE_LOAD_H
#define SN_BENCH_MACRO_SERVE_LOAD_H

#include "bench/macro/serve_engine.h"
#include "bench/macro/serve_spec.h"
#include "comm/kvtrace.h"

struct sn_serve_load_spec {
    const struct sn_kvtrace *trace; /* or NULL: generated */
    struct sn_serve_arrivals arrivals;
    struct sn_serve_lengths input, output; /* of generated requests */
    size_t requests;                       /* of a trace the first ones; 0: all */
    double reuse; /* generated: share of each prompt, whole blocks, that is the prefix of all */
    double scale; /* requests come so many times as fast */
    uint64_t seed;
    uint64_t draw;
};

/* Requests in order of arrival, the first at 0 where a trace gives the times. Generated: the first
 * blocks of a prompt, floor(reuse input / 512) of them, are those of one prefix that all share; the
 * others are its own. A request of a trace without output asks for one token: prefill gives it.
 * SN_EINVAL: they come over more days than the model clock leaves for them. Released with
 * sn_serve_load_close(). */
int sn_serve_load_open(struct sn_serve_load *out, const struct sn_serve_load_spec *s);
void sn_serve_load_close(struct sn_serve_load *l);

/* The same requests, coming `factor` times as fast; *out has its own array of requests and borrows
 * the ids: release it with free(out->request). */
void sn_serve_load_faster(struct sn_serve_load *out, const struct sn_serve_load *l, double factor);

/* Requests a second: n - 1 over the time from the first arrival to the last; NAN of fewer than 2,
 * or all at once. */
double sn_serve_load_rate(const struct sn_serve_load *l);

/* The file that the axis `trace` names: a path (with a slash or .jsonl), or the NAME.jsonl among
 * the program's own traces. *path is the caller's. */
int sn_serve_trace_path(const char *name_or_file, char **path);

#endif
