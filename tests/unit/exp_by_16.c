/* sn_exp16() for exp.c; the AVX-512 intrinsics by simde, which makes two of AVX2 of each, so that
 * every CPU tests it. */
#if defined(__x86_64__) && __has_include(<simde/x86/avx512.h>)
#pragma GCC target("avx2,fma") /* or its multiply-adds round twice */
#define SN_EMULATE_AVX512
#include "kernels/exp_avx512.h"
#include "tests/unit/exp.h"

void exp_by_16(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        _mm512_storeu_ps(y + i, sn_exp16(_mm512_loadu_ps(x + i)));
}
#endif
