/* How long an instance takes for what `serve` asks of it, in seconds: the modelled step times of
 * prefill and decode, behind an interface of their own, so that tests can set them by hand. */
#ifndef SN_BENCH_MACRO_SERVE_TIMES_H
#define SN_BENCH_MACRO_SERVE_TIMES_H

#include <stddef.h>
#include <stdint.h>

struct sn_serve_times {
    void *of;
    /* One decode step of an instance of `requests` requests over all its dies, whose mean context
     * is `ctx` tokens. Finite, above 0, not falling in either. */
    double (*decode_step_s)(void *of, double requests, double ctx);
    /* One batch of n prompts on a prefill instance: fresh[i] tokens to compute behind cached[i]. */
    double (*prefill_s)(void *of, const uint32_t *fresh, const uint32_t *cached, size_t n);
    double tokens_per_step; /* expected of a request in a decode step, speculative ones included */
};

#endif
