/* Can the messages of a dispatch pass on the model clock? */
#ifndef SN_BENCH_MICRO_DISPATCH_REACH_H
#define SN_BENCH_MICRO_DISPATCH_REACH_H

#include "comm/moe.h"
#include "harness/bench.h"

/* NULL, or why not, with the first pair of dies between which nothing passes: a path that the
 * profile lacks, a cut; or what the degradation names that a network of so many dies has not, while
 * the profile's machine has it. Kept for the run. NULL also where the profile or the degradation is
 * wrong whatever the number of dies: sn_dispatch_reach_inputs() says so.
 * Cost: with a degradation all pairs of dies, once for cases that differ in nothing of this. */
const char *sn_dispatch_unreachable(const struct sn_case *c, const struct sn_moe_algorithm *a);

/* The profile's file, and the degradation against its machine. SN_EINVAL, SN_EIO. */
int sn_dispatch_reach_inputs(const struct sn_case *c);

#endif
