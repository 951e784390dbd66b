/* The step times of a case of `serve` (bench/macro/serve_times.h), from the model of whole steps
 * (pipe.h): tables, between whose points time is interpolated linearly.
 *
 *     decode   requests of a die x context. Below one request a die: as one. Beyond the table: on
 *              the line of its last two points.
 *     prefill  tokens of a die to compute x mean number of tokens that each of them sees; dies
 * share the heads of prompts (SP-TP-SP), so how they lie on dies does not matter.
 *
 * A point is the faster of one microbatch and two. Layers with experts are alike but for their
 * draws: a step is modelled with 4 and with 8 of them, the others take what those 4 more take. */
#ifndef SN_BENCH_MACRO_PIPE_TIMES_H
#define SN_BENCH_MACRO_PIPE_TIMES_H

#include "bench/macro/serve_times.h"
#include "harness/bench.h"

/* By the axes model, device, profile, prefill_dies, decode_dies, mtp and accept of the case; kept
 * for later cases of the run. SN_EINVAL: no such step (the dies and the model do not fit); SN_EIO
 * as the readers of these files. Released with sn_pipe_times_close(). */
int sn_pipe_times_open(const struct sn_case *c, struct sn_serve_times *out);
void sn_pipe_times_close(struct sn_serve_times *t);

#endif
