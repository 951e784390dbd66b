/* gate by AVX2: s and b of 8 experts at a time, then vector.h. */
#include <immintrin.h>

#include "kernels/exp_avx2.h"
#include "kernels/gate/choose.h"

enum { LANES = 8, RANK = 1 };

/* 1 / (1 + exp(-x)); NaN counts as -inf: MAXPS returns its second operand then. */
static inline __m256 sigmoid(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1);
    x = _mm256_max_ps(x, _mm256_set1_ps(-INFINITY));
    return _mm256_div_ps(one, _mm256_add_ps(one, sn_exp8(_mm256_sub_ps(_mm256_setzero_ps(), x))));
}

static inline void scores(const float *score, const float *bias, struct sn_gate_work *w, size_t e)
{
    __m256 s = sigmoid(_mm256_loadu_ps(score));
    _mm256_storeu_ps(w->s + e, s);
    _mm256_storeu_ps(w->b + e, _mm256_add_ps(s, _mm256_loadu_ps(bias)));
}

#include "kernels/gate/vector.h"

GATE_KERNEL(sn_gate_avx2, "avx2",
            "exp of 8 at a time; candidates above a floor, ranked without branches");
