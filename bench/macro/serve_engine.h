/* Serving in virtual time: requests through prefill instances, a context cache in the pool, the
 * planes between them and one decode instance. Knows no axis and no file: tests set all by hand.
 *
 *   arrival  the instance with the fewest tokens to compute takes it (the lowest number of equals);
 *            the leading run of its blocks that the cache has is looked up and read
 *   prefill  requests that are read form batches in that order, as many as fit into batch_tokens,
 *            at least one; an instance computes one batch at a time
 *   store    blocks that the cache does not have are written to it; the first token goes out behind
 *            that, or (store_behind) with the end of the computation
 *   decode   in that order, where a request's place and the tokens of its whole context are free,
 *            these are taken, its cache goes from its prefill die to the decode die with the fewest
 *            requests, and it joins at the next step: 1 to 1 + mtp tokens a request and step
 *
 * Discrete events in integer picoseconds, ties by (time, kind, sequence): the same input gives the
 * same instants. Memory is only that of the KV cache of decode: what waits in prefill instances
 * takes none. O(events log events): arrivals, batches and steps are events, an emission is not.
 */
#ifndef SN_BENCH_MACRO_SERVE_ENGINE_H
#define SN_BENCH_MACRO_SERVE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/macro/serve_times.h"
#include "comm/kvplane.h"
#include "comm/kvpool.h"

struct sn_serve_request {
    int64_t arrival_ps;     /* never falls */
    uint32_t input, output; /* tokens, at least 1 each */
    uint32_t blocks;        /* of the prompt */
    size_t first;           /* of them in `id` */
};

struct sn_serve_load {
    size_t n;
    struct sn_serve_request *request; /* (n) */
    size_t ids;
    uint64_t *id; /* (ids) blocks: equal ids are the same prefix */
};

/* A plane as one port of it sees it. A port serves one request's blocks, or one prompt's transfer,
 * at a time, first come first served. */
enum { SN_SERVE_PLANES = 3 }; /* enum sn_kvread_plane */
struct sn_serve_link {
    unsigned plane;
    int64_t latency_ps, read_latency_ps;
    double bandwidth, read_bandwidth; /* B/s */
    unsigned dies_per_port;           /* 1, or those of a node */
};

struct sn_serve_config {
    unsigned instances, prefill_dies; /* of each */
    uint64_t batch_tokens;            /* computed in one prefill batch */
    unsigned decode_dies;
    uint32_t slots;       /* requests in the decode instance */
    uint64_t kv_tokens;   /* that its memory holds; a request takes input + output of them */
    uint64_t token_bytes; /* KV cache of a token, all layers */
    uint32_t block_tokens;
    struct sn_serve_link cache, transfer;
    bool cached;             /* false: no context cache */
    unsigned members;        /* of the pool */
    uint64_t capacity;       /* bytes of a member; 0: unbounded */
    struct sn_kv_plane pool; /* what the pool's software reaches */
    unsigned outstanding;    /* blocks of a request in flight */
    bool store_behind;
    unsigned mtp;  /* speculative tokens of a step */
    double accept; /* of each, if the one before was */
    uint64_t seed;
    int64_t ttft_limit_ps; /* requests whose predicted TTFT is above it are rejected */
    bool log;              /* keep emissions */
    struct sn_serve_times times;
};

/* Of a request, in picoseconds; of a rejected one only arrival_ps. */
struct sn_serve_instants {
    int64_t arrival_ps, start_ps, computed_ps, first_ps, end_ps;
    int64_t here_ps;            /* its cache is in decode's memory; of one token: 0 */
    int64_t lookup_ps, read_ps; /* durations; a read's alone: waiting for its port is queueing */
    uint32_t cached;            /* tokens of the prompt that were read */
    uint32_t read, stored;      /* blocks */
    uint32_t emitted;           /* tokens */
    bool rejected;
};

struct sn_serve_emission { /* in order of time */
    int64_t at_ps;
    uint32_t request, tokens;
};

enum sn_serve_side {
    SN_SERVE_PREFILL_IN,
    SN_SERVE_PREFILL_OUT,
    SN_SERVE_DECODE_IN,
    SN_SERVE_SIDES
};
struct sn_serve_traffic { /* of a plane */
    uint64_t bytes;
    unsigned ports[SN_SERVE_SIDES];  /* 0: not used */
    int64_t busy_ps[SN_SERVE_SIDES]; /* bytes / bandwidth, summed over them */
};

struct sn_serve_result {
    size_t n, completed, rejected;
    struct sn_serve_instants *request; /* (n) */
    struct sn_serve_emission *emission;
    size_t emissions, emission_cap;
    uint64_t tokens;           /* emitted */
    int64_t start_ps, end_ps;  /* first arrival, last event */
    uint64_t batches, steps;   /* of prefill, of decode */
    int64_t prefill_ps;        /* computing, summed over the instances */
    int64_t decode_ps;         /* stepping */
    double slot_s;             /* requests in a step x its time, summed */
    uint64_t blocks_asked;     /* of admitted requests */
    uint64_t kv_peak, kv_left; /* tokens of decode's memory: most taken; taken at the end */
    uint32_t slots_peak, slots_left;
    struct sn_serve_traffic plane[SN_SERVE_PLANES];
    struct sn_kvpool_stats pool; /* all zero without a cache */
};

/* Serves the load. *out is released with sn_serve_result_free(), also after a failure. SN_EINVAL: a
 * time of `times` that is not finite or above 0, more time than the model clock has, a pool that
 * cannot be opened; SN_EVERIFY: the pool is broken (sn_kvpool_check()). */
int sn_serve_run(struct sn_serve_result *out, const struct sn_serve_load *load,
                 const struct sn_serve_config *c);
void sn_serve_result_free(struct sn_serve_result *r);

/* Bytes of a block, and how long the cache's plane takes for n of them alone, read or written:
 * sn_kv_plane_bound() of the pool's software and the link together. */
uint64_t sn_serve_block_bytes(const struct sn_serve_config *c);
int64_t sn_serve_blocks_ps(const struct sn_serve_config *c, bool read, uint32_t n);

/* Tokens that request `r` emits in its step number `step` (0, 1, ...), of at least 1 that it still
 * wants: 1 and speculative ones until the first that is not accepted. A pure function. */
uint32_t sn_serve_tokens(const struct sn_serve_config *c, uint32_t r, uint32_t step,
                         uint32_t wanted);

#endif
