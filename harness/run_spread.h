/* Cases of the model clock shared out over the ranks: each rank runs some alone, in a world of its
 * own, and rank 0 stores all rows in the order of the plan. Neighbours often share what is
 * expensive, so a rank gets a few at a time: SN_SPREAD_TURNS turns each, as even as they divide. */
#ifndef SN_HARNESS_RUN_SPREAD_H
#define SN_HARNESS_RUN_SPREAD_H

#include "harness/run_cases.h"

/* Can the case be run by one rank of several? */
bool sn_run_spreads(const struct sn_run_cases *r, size_t i);

/* Collective. The n cases order[] of the plan, all of which spread. Those without a row are dealt
 * out in turns. */
int sn_run_spread(struct sn_run_cases *r, const size_t *order, size_t n);

#endif
