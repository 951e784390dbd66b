/* The step times of a case of `serve` (bench/macro/serve_times.h). */
#ifndef SN_BENCH_MACRO_PIPE_TIMES_H
#define SN_BENCH_MACRO_PIPE_TIMES_H

#include "bench/macro/serve_times.h"
#include "harness/bench.h"

/* By the axes model, device, profile, prefill_dies, decode_dies, mtp and accept of the case.
 * SN_EINVAL, SN_EIO as the readers of these files. Released with sn_pipe_times_close(). */
int sn_pipe_times_open(const struct sn_case *c, struct sn_serve_times *out);
void sn_pipe_times_close(struct sn_serve_times *t);

#endif
