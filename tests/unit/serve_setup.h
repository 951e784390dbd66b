/* Loads and configurations by hand for the tests of serving: no file, no profile. */
#ifndef SN_TESTS_UNIT_SERVE_SETUP_H
#define SN_TESTS_UNIT_SERVE_SETUP_H

#include <math.h>

#include "bench/macro/serve_load.h"

#define US 1000000ll /* picoseconds */

/* Whole microseconds, so that a reference can step through them. */
static inline double serve_prefill_us(void *of, const uint32_t *fresh, const uint32_t *cached,
                                      size_t n)
{
    double us = 5;
    for (size_t i = 0; i < n; i++)
        us += 2 * fresh[i] + cached[i] / 4;
    return us * 1e-6;
}

static inline double serve_decode_us(void *of, double requests, double ctx)
{
    return (10 + requests + floor(ctx / 4)) * 1e-6;
}

/* One instance of a die, one decode die, blocks of 8 tokens of 1000 B; a port moves 1 GB/s (a token
 * a microsecond) and reads 2 GB/s; latencies 3, 2 (reads) and 4 (transfer) microseconds. */
static inline struct sn_serve_config serve_config(void)
{
    return (struct sn_serve_config){.instances = 1,
                                    .prefill_dies = 1,
                                    .batch_tokens = 64,
                                    .decode_dies = 1,
                                    .slots = 4,
                                    .kv_tokens = 4000,
                                    .token_bytes = 1000,
                                    .block_tokens = 8,
                                    .cache = {.plane = 0,
                                              .latency_ps = 3 * US,
                                              .read_latency_ps = 2 * US,
                                              .bandwidth = 1e9,
                                              .read_bandwidth = 2e9,
                                              .dies_per_port = 1},
                                    .transfer = {.plane = 1,
                                                 .latency_ps = 4 * US,
                                                 .read_latency_ps = 4 * US,
                                                 .bandwidth = 1e9,
                                                 .read_bandwidth = 1e9,
                                                 .dies_per_port = 1},
                                    .cached = true,
                                    .members = 1,
                                    .pool = {.effective_bandwidth = INFINITY},
                                    .outstanding = 2,
                                    .mtp = 0,
                                    .accept = 0.7,
                                    .seed = 1,
                                    .ttft_limit_ps = INT64_MAX,
                                    .log = true,
                                    .times = {.prefill_s = serve_prefill_us,
                                              .decode_step_s = serve_decode_us,
                                              .tokens_per_step = 1}};
}

#endif
