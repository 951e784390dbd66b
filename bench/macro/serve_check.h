/* What must hold of every run of `serve`: nothing is lost, made or used twice. */
#ifndef SN_BENCH_MACRO_SERVE_CHECK_H
#define SN_BENCH_MACRO_SERVE_CHECK_H

#include "bench/macro/serve_engine.h"
#include "harness/bench.h"

/* Share of the time from the first arrival to the last event in which a resource was busy. */
enum sn_serve_resource { SN_SERVE_PREFILL, SN_SERVE_DECODE, SN_SERVE_PLANE, SN_SERVE_RESOURCES };
double sn_serve_busy(const struct sn_serve_result *r, const struct sn_serve_config *c,
                     enum sn_serve_resource what);
/* Of the busiest side of a plane: bytes / bandwidth over its ports and that time; NAN: not used. */
double sn_serve_plane_busy(const struct sn_serve_result *r, unsigned plane);

/* Adds to *k, of a result with its emissions:
 *   requests in = completed + rejected
 *   of a request: tokens emitted = asked; instants in order; first emission one token at its first
 *   instant, the last at its end; sizes 1 to 1 + mtp
 *   blocks: inserted = evicted + resident, at most as many as were written
 *   bytes of a plane = blocks read and written x bytes of a block + tokens transferred x bytes of
 *   one
 *   utilisation of prefill, decode and every plane at most 1; memory and places of decode never
 *   above what there is, all given back */
void sn_serve_check(const struct sn_serve_result *r, const struct sn_serve_load *load,
                    const struct sn_serve_config *c, struct sn_check *k);

/* Damages the emissions: drop one, flip a bit of a size, swap two requests, give one to another
 * request. Where there is too little for that one is dropped, or made up. */
void sn_serve_mutate(struct sn_serve_result *r, enum sn_mutation how);

#endif
