/* The metrics, the lower bound and the flags of a kernel's row. */
#ifndef SN_BENCH_MICRO_KERNEL_FIGURES_H
#define SN_BENCH_MICRO_KERNEL_FIGURES_H

#include "bench/micro/kernel_state.h"

void sn_kernel_figures(const struct sn_case *c, const struct sn_kernel_state *s,
                       struct sn_row *row);

#endif
