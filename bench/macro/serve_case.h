/* From the axes of `serve` to what the engine serves, and with what. */
#ifndef SN_BENCH_MACRO_SERVE_CASE_H
#define SN_BENCH_MACRO_SERVE_CASE_H

#include "bench/llm.h"
#include "bench/macro/serve_load.h"
#include "bench/profile.h"
#include "harness/bench.h"

/* The values of the axis `find`. */
enum sn_serve_find { SN_SERVE_FIND_NONE, SN_SERVE_FIND_RATE };
extern const char *const sn_serve_admission_words[]; /* none, slo */
extern const char *const sn_serve_store_words[];     /* before, behind */
extern const char *const sn_serve_find_words[];      /* none, rate */

/* The values of the axis `cache`: off, unbounded, or bytes ("4TiB"). */
struct sn_serve_cache {
    bool on;
    uint64_t bytes; /* 0: unbounded */
};
int sn_serve_cache_parse(const char *term, struct sn_serve_cache *out);
int sn_serve_cache_check(const char *term); /* for the axis */
int sn_serve_model_check(const char *term); /* for the axis `model` */

struct sn_serve_case {
    struct sn_llm model;
    struct sn_profile cache, transfer; /* of the planes */
    struct sn_kvtrace trace;
    struct sn_serve_load_spec spec;
    struct sn_serve_config config;
    double ttft_s, tpot_s, percentile; /* the SLO */
    bool timed;                        /* config.times is open */
};

/* Reads all files that the case names. With `times` the step times too. SN_EINVAL, SN_EIO: what is
 * wrong with which axis, or "FILE:LINE: ...". sn_serve_case_close() is due also after a failure. */
int sn_serve_case_open(struct sn_serve_case *s, const struct sn_case *c, bool times);
void sn_serve_case_close(struct sn_serve_case *s);

/* NULL, or why a plane cannot do what the axes want of it: none of that name, no way to the pool.
 */
const char *sn_serve_case_unsupported(const struct sn_case *c);

/* NPUs of prefill, and of decode. */
double sn_serve_prefill_npus(const struct sn_serve_case *s);
double sn_serve_decode_npus(const struct sn_serve_case *s);

/* Bytes of weights that a die of an instance of `dies` holds in int8, an estimate: the routed
 * experts spread evenly, everything else on every die. */
double sn_serve_weight_bytes(const struct sn_llm *m, unsigned dies);

#endif
