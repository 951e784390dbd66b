/* A kernel's case on the model clock: the cost of its problem (kernels/cost.h) on the device that
 * the axis `device` names (kernels/device.h). No kernel runs. */
#ifndef SN_BENCH_MICRO_KERNEL_MODEL_H
#define SN_BENCH_MICRO_KERNEL_MODEL_H

#include "bench/micro/kernel.h"

/* The cost of the case's problem; its index arrays are filled with the seed of c->env. SN_ENOMEM.
 */
int sn_kernel_cost_of_case(const struct sn_case *c, struct sn_cost *out);
/* Is it a benchmark of kernels, whose `own` is a struct sn_kernel_op? */
bool sn_kernel_is_bench(const struct sn_bench *b);

uint64_t sn_kernel_model_memory(const struct sn_case *c);
int sn_kernel_model_setup(struct sn_case *c);
/* That the cost is one of the problem's arrays: no more bytes than these have, and all outputs. */
int sn_kernel_model_verify(struct sn_case *c, struct sn_check *k);
void sn_kernel_model_figures(const struct sn_case *c, struct sn_row *row);
void sn_kernel_model_teardown(struct sn_case *c);

#endif
