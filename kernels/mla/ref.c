/* mla, plainly, in f64: scores of all tokens, their softmax, the sum of values. The tokens of a
 * request are taken out of their pages and converted once. For the check it also writes how the
 * weights are spread: what roundings of them can do to an output. */
#include <math.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

static size_t most_tokens(const struct sn_mla *a)
{
    return a->page * a->pages_per_request;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    const struct sn_mla *a = &p->mla;
    return sizeof(double) * ((a->latent + a->rope) * most_tokens(a) +
                             threads * (a->latent + a->rope + a->latent + most_tokens(a)));
}

static void convert(const struct sn_mla *a, size_t request, size_t token, double *out)
{
    size_t slot = (size_t)a->table[request * a->pages_per_request + token / a->page] * a->page +
                  token % a->page,
           n = a->latent + a->rope;
    for (size_t d = 0; d < n; d++)
        out[d] = a->kv_type == SN_S8
                     ? (double)((const int8_t *)a->kv)[slot * n + d] * a->kv_scale[slot]
                     : sn_bf16_to_f32(((const uint16_t *)a->kv)[slot * n + d]);
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

/* sqrt(sum p^2) of the weights of scores s. */
static float spread(const double *s, size_t n, double top, double all)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double p = exp(s[i] - top) / all;
        squares += p * p;
    }
    return (float)sqrt(squares);
}

/* Row j * heads + head of a request; s and o are work space. */
static void attend(const struct sn_mla *a, size_t request, size_t row, const double *kv, double *q,
                   double *o, double *s)
{
    size_t n = a->latent + a->rope, seen = a->length[request] - a->queries + 1 + row / a->heads,
           at = request * a->queries * a->heads + row;
    double top = -INFINITY, sum = 0;
    for (size_t d = 0; d < n; d++)
        q[d] = sn_bf16_to_f32(a->q[at * n + d]);
    for (size_t i = 0; i < seen; i++) {
        s[i] = a->scale * dot(q, kv + i * n, n);
        top = fmax(top, s[i]);
    }
    for (size_t d = 0; d < a->latent; d++)
        o[d] = 0;
    for (size_t i = 0; i < seen; i++) {
        double p = exp(s[i] - top);
        sum += p;
        for (size_t d = 0; d < a->latent; d++)
            o[d] += p * kv[i * n + d];
    }
    for (size_t d = 0; d < a->latent; d++)
        a->out[at * a->latent + d] = sn_bf16_from_f32((float)(o[d] / sum));
    if (a->spread)
        a->spread[at] = spread(s, seen, top, sum);
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_mla *a = &p->mla;
    size_t n = a->latent + a->rope, own = n + a->latent + most_tokens(a);
    double *kv = scratch, *q = kv + n * most_tokens(a) + team->id * own, *o = q + n,
           *s = o + a->latent;
    for (size_t r = 0; r < a->requests; r++) {
        for (size_t i = team->id; i < a->length[r]; i += team->count)
            convert(a, r, i, kv + i * n);
        team->barrier(team);
        for (size_t row = team->id; row < a->queries * a->heads; row += team->count)
            attend(a, r, row, kv, q, o, s);
        team->barrier(team);
    }
}

const struct sn_kernel sn_mla_ref = {.abi = SN_ABI_VERSION,
                                     .size = sizeof(struct sn_kernel),
                                     .op = "mla",
                                     .name = "ref",
                                     .brief = "f64, one query of one head after the other",
                                     .isa = "generic",
                                     .scratch_bytes = scratch_bytes,
                                     .run = run};
