/* How a model is served where nothing else is said: for cases, calibration and serve's tables. */
#ifndef SN_BENCH_MACRO_PIPE_DEFAULTS_H
#define SN_BENCH_MACRO_PIPE_DEFAULTS_H

#include "bench/macro/pipe.h"

/* The algorithm of comm/algorithms.def with that schedule. */
const struct sn_moe_algorithm *sn_pipe_algorithm(enum sn_moe_schedule schedule);

/* Dies of shared experts alone: in decode, from 320 dies on, a tenth; else none. */
unsigned sn_pipe_shared_dies(const struct sn_pipe *p);

/* Slots for replicas, once shared_dies is set: as many as give each die one of its own, with
 * balance 32 at least. */
unsigned sn_pipe_redundant(const struct sn_pipe *p);

/* "uniform", or in prefill the popularity that the device's profile has for where nothing balances
 * the experts. */
enum { SN_PIPE_ROUTING_TEXT = 32 };
void sn_pipe_routing(const struct sn_pipe *p, char text[SN_PIPE_ROUTING_TEXT]);

/* What a die reads of the context cache over the plane of `pool`: from CPU memory, where the pool
 * is; a node's one port is shared by its dies. SN_EINVAL: the plane has no path there. */
int sn_pipe_pool(struct sn_pipe *p, const struct sn_profile *pool);

#endif
