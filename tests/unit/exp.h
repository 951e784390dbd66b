/* exp of vectors against exp() of double: what the tests of its instruction sets share. */
#ifndef SN_TESTS_UNIT_EXP_H
#define SN_TESTS_UNIT_EXP_H

#include <stddef.h>
#include <stdint.h>

/* y[i] = exp(x[i]) for n, a multiple of 16. */
typedef void exp_fn(float *y, const float *x, size_t n);

/* Results that are more than 1 unit in the last place away, of one float in `stride` of all bit
 * patterns; prints the first. */
size_t exp_wrong(exp_fn *f, uint32_t stride);

/* Results of the special values that are not what they must be; prints the first. */
size_t exp_special_wrong(exp_fn *f);

/* sn_exp8() and sn_exp16(), each compiled for its instruction set. */
exp_fn exp_by_8, exp_by_16;

#endif
