/* sn_exp8() for exp.c, in a file that is compiled for AVX2. */
#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#include "kernels/exp_avx2.h"
#include "tests/unit/exp.h"

void exp_by_8(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8)
        _mm256_storeu_ps(y + i, sn_exp8(_mm256_loadu_ps(x + i)));
}
#endif
