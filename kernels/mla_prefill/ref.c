/* mla-prefill, plainly, in f64: for each row and head the scores of all rows before, their softmax,
 * the sum of values. */
#include <math.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

static size_t doubles(const struct sn_mla_prefill *a, size_t tokens)
{
    return tokens * (a->qk + a->v_dim + 1) + a->qk + a->v_dim;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    const struct sn_mla_prefill *a = &p->mla_prefill;
    return threads * sizeof(double) * doubles(a, a->longest);
}

static void convert(const uint16_t *in, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = sn_bf16_to_f32(in[i]);
}

/* In four sums, since one waits for each addition. */
static double dot(const double *a, const double *b, size_t n)
{
    double s[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t j = 0; j < 4; j++)
            s[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        s[0] += a[i] * b[i];
    return s[0] + s[1] + (s[2] + s[3]);
}

/* One head of the n rows that begin at `from`. */
static void attend(const struct sn_mla_prefill *a, size_t from, size_t n, size_t head, double *work)
{
    double *k = work, *v = k + n * a->qk, *s = v + n * a->v_dim, *q = s + n, *o = q + a->qk;
    for (size_t j = 0; j < n; j++) {
        convert(a->k + ((from + j) * a->heads + head) * a->qk, a->qk, k + j * a->qk);
        convert(a->v + ((from + j) * a->heads + head) * a->v_dim, a->v_dim, v + j * a->v_dim);
    }
    for (size_t i = 0; i < n; i++) {
        double top = -INFINITY, sum = 0;
        convert(a->q + ((from + i) * a->heads + head) * a->qk, a->qk, q);
        for (size_t j = 0; j <= i; j++) {
            s[j] = a->scale * dot(q, k + j * a->qk, a->qk);
            top = fmax(top, s[j]);
        }
        for (size_t c = 0; c < a->v_dim; c++)
            o[c] = 0;
        for (size_t j = 0; j <= i; j++) {
            double p = exp(s[j] - top);
            sum += p;
            for (size_t c = 0; c < a->v_dim; c++)
                o[c] += p * v[j * a->v_dim + c];
        }
        uint16_t *out = a->out + ((from + i) * a->heads + head) * a->v_dim;
        for (size_t c = 0; c < a->v_dim; c++)
            out[c] = sn_bf16_from_f32((float)(o[c] / sum));
    }
}

static void run(const union sn_problem *problem, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_mla_prefill *a = &problem->mla_prefill;
    double *work = (double *)scratch + team->id * doubles(a, a->longest);
    for (size_t p = 0; p < a->prompts; p++)
        for (size_t head = team->id; head < a->heads; head += team->count)
            attend(a, a->first[p], a->first[p + 1] - a->first[p], head, work);
}

const struct sn_kernel sn_mla_prefill_ref = {.abi = SN_ABI_VERSION,
                                             .size = sizeof(struct sn_kernel),
                                             .op = "mla-prefill",
                                             .name = "ref",
                                             .brief = "f64, one row of one head after the other",
                                             .isa = "generic",
                                             .scratch_bytes = scratch_bytes,
                                             .run = run};
