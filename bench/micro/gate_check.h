/* The check of gate: from scores and bias, in double, without the reference. */
#ifndef SN_BENCH_MICRO_GATE_CHECK_H
#define SN_BENCH_MICRO_GATE_CHECK_H

#include "harness/bench.h"
#include "harness/base/snbench.h"

/* Counts the tokens whose experts no b within its tolerance chooses in that order, or whose weights
 * are not those of its experts. Every b may be off by d = 4e-7 s + 2^-126 + 2^-24 |b| on its own,
 * the sum of a group's two by theirs and 2^-24 of itself. Equal score and bias: equal b. */
void sn_gate_check(const struct sn_gate *g, struct sn_check *k);

/* Largest relative error of a weight that passes. */
double sn_gate_weight_tolerance(const struct sn_gate *g);

#endif
