/* Comparing a kernel's output with the reference's, element by element. */
#ifndef SN_BENCH_MICRO_KERNEL_COMPARE_H
#define SN_BENCH_MICRO_KERNEL_COMPARE_H

#include "bench/micro/kernel.h"

/* A matrix of both sides: (rows, cols; ld) of `type`, named in the first error. */
struct sn_compared {
    const char *name;
    enum sn_type type;
    const void *got, *want;
    size_t rows, cols, ld;
};

/* Every element has the same bits (but any zero equals any zero, any NaN any NaN). The elements
 * between rows have what they had: kernels write no padding. */
void sn_compare_exact(const struct sn_compared *m, struct sn_check *k);

/* |got - want| <= absolute[row] + relative |want| for floating point types; NaN and infinities must
 * be the same. Padding as above. `absolute` may be NULL: 0. */
void sn_compare_close(const struct sn_compared *m, const double *absolute, double relative,
                      struct sn_check *k);

#endif
