/* gate by AVX-512: s and b of 16 experts at a time, then vector.h. */
#include "kernels/simd512.h"

#include "kernels/exp_avx512.h"
#include "kernels/gate/choose.h"

enum { LANES = 16, RANK = 2 };

/* 1 / (1 + exp(-x)); NaN counts as -inf: MAXPS returns its second operand then. */
static inline __m512 sigmoid(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1);
    x = _mm512_max_ps(x, _mm512_set1_ps(-INFINITY));
    return _mm512_div_ps(one, _mm512_add_ps(one, sn_exp16(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

static inline void scores(const float *score, const float *bias, struct sn_gate_work *w, size_t e)
{
    __m512 s = sigmoid(_mm512_loadu_ps(score));
    _mm512_storeu_ps(w->s + e, s);
    _mm512_storeu_ps(w->b + e, _mm512_add_ps(s, _mm512_loadu_ps(bias)));
}

#include "kernels/gate/vector.h"

GATE_KERNEL(sn_gate_avx512, "avx512",
            "exp of 16 at a time; candidates above a floor, ranked without branches");
