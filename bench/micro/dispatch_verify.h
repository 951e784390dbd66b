/* The verification of a dispatch case, on either clock: a dispatch, the stand-in experts and a
 * combine on the draw that is set, and every check of comm/moe_check.h on what they left. */
#ifndef SN_BENCH_MICRO_DISPATCH_VERIFY_H
#define SN_BENCH_MICRO_DISPATCH_VERIFY_H

#include "bench/micro/dispatch_figures.h"

/* Words for sn_check.what. */
extern const char sn_dispatch_verified[];

/* Collective. env->mutate damages what the phase's legs brought before it is checked. */
int sn_dispatch_verify(const struct sn_case *c, struct sn_moe_exchange *x,
                       enum sn_dispatch_phase phase, struct sn_check *k);

#endif
