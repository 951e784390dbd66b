/* gate by AVX-512: s and b of 16 experts at a time, then choose.h. */
#include "kernels/simd512.h"

#include "kernels/exp_avx512.h"
#include "kernels/gate/choose.h"

enum { LANES = 16 };

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

static void token(const struct sn_gate *g, struct sn_gate_work *w, size_t t)
{
    const float *score = g->score + t * g->lds;
    size_t e = 0;
    for (; e + LANES <= g->e; e += LANES)
        scores(score + e, g->bias + e, w, e);
    if (e < g->e) {
        float last[2][LANES] = {{0}};
        memcpy(last[0], score + e, (g->e - e) * sizeof(float));
        memcpy(last[1], g->bias + e, (g->e - e) * sizeof(float));
        scores(last[0], last[1], w, e);
    }
    sn_gate_choose(g, w, t);
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return threads * sn_gate_bytes_each(&p->gate);
}

static int rank(const union sn_problem *p, unsigned threads)
{
    return 2;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gate *g = &p->gate;
    struct sn_gate_work w = sn_gate_work_of(g, scratch, team->id);
    size_t end = g->t * (team->id + 1) / team->count;
    for (size_t t = g->t * team->id / team->count; t < end; t++)
        token(g, &w, t);
}

const struct sn_kernel sn_gate_avx512 = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "gate",
    .name = "avx512",
    .brief = "exp of 16 at a time; candidates above a floor, ranked without branches",
    .isa = "avx512",
    .rank = rank,
    .scratch_bytes = scratch_bytes,
    .run = run};
