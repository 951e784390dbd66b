/* What a case of dispatch is: its axes, its shape, what really moves of it and through what; and
 * whether it can run here. */
#ifndef SN_BENCH_MICRO_DISPATCH_CASE_H
#define SN_BENCH_MICRO_DISPATCH_CASE_H

#include "comm/endpoints.h"
#include "comm/moe.h"
#include "comm/transport.h"
#include "harness/bench.h"

extern const struct sn_axis sn_dispatch_axes[];

struct sn_moe_shape sn_dispatch_shape(const struct sn_case *c);
/* What really moves. */
struct sn_moe_shape sn_dispatch_moved_shape(const struct sn_case *c);
/* And through what. */
const struct sn_transport *sn_dispatch_transport(const struct sn_case *c);
/* The case's dies on this run's ranks. SN_EINVAL, SN_EIO: the map. */
int sn_dispatch_open_endpoints(const struct sn_case *c, struct sn_endpoints *e);

/* Hooks of struct sn_bench. */
const char *sn_dispatch_unsupported(const struct sn_case *c);
int sn_dispatch_inputs(const struct sn_case *c);
uint64_t sn_dispatch_memory(const struct sn_case *c);
unsigned sn_dispatch_endpoints(const struct sn_case *c);

#endif
