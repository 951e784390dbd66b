/* The verification of a modelled step: tokens of one layer really go to their experts and back
 * through MPI, and what the model draws and schedules adds up. */
#ifndef SN_BENCH_MACRO_PIPE_CHECK_H
#define SN_BENCH_MACRO_PIPE_CHECK_H

#include "bench/macro/pipe.h"
#include "harness/bench.h"

/* Collective over the case's ranks. Few tokens a die move, with a payload of few values: every
 * copy, sum and byte is compared with what (seed, draw, token) gives, as dispatch does. On rank 0,
 * of the first layer: as many copies as tokens x experts each; of a step of a small model: the
 * spans of the critical path add up to the step. Remembered for later cases of the run that would
 * move the same.
 */
int sn_pipe_check(const struct sn_case *c, const struct sn_pipe *p, struct sn_check *k);

#endif
