#include "bench/micro/attention_check.h"

#include <math.h>

#include "harness/base/bf16.h"

/* Six standard deviations of an error that is uniform within +-1. */
static const double u = 0x1p-24, six = 6 / 1.7320508075688772;

double sn_attention_norm(const void *x, enum sn_type type, size_t n, double *largest)
{
    double sum = 0, most = 0;
    for (size_t i = 0; i < n; i++) {
        double e =
            type == SN_S8 ? ((const int8_t *)x)[i] : sn_bf16_to_f32(((const uint16_t *)x)[i]);
        sum += e * e;
        most = fabs(e) > most ? fabs(e) : most;
    }
    if (largest)
        *largest = most;
    return sqrt(sum);
}

double sn_attention_allowed(const struct sn_attention_bound *b, const uint16_t *q)
{
    double largest, norm = sn_attention_norm(q, SN_BF16, b->elements, &largest),
                    d = (double)b->elements, n = (double)b->tokens,
                    score = six * sqrt(d + 8) * u * b->scale * norm * b->key_norm, lost = 0;
    if (b->integers) {
        double q_most = fmin(32767, floor(INT32_MAX / (128 * d)));
        score += six * b->scale * largest / (2 * q_most) * b->key_norm;
        lost = six * sqrt(96) / (2 * 32767) +
               six * sqrt(96) / (2 * 255) * fmin(b->spread, sqrt(1.0 / SN_SHORT_WEIGHTS_SHARE)) +
               (b->spread > 0 ? 0x1p-9 : 0);
    } else {
        lost = fmin(1, 2 * six * b->spread) * 0x1p-8;
    }
    return b->value * (2 * (score + 0x1p-21 + six * sqrt(n + 16) * u) + lost);
}

void sn_attention_compare(const struct sn_compared *m, const double *absolute, struct sn_check *k)
{
    for (size_t i = 0; i < m->rows; i++)
        k->tolerance = fmax(k->tolerance, absolute[i]);
    sn_compare_close(m, absolute, 0x1.02p-7, k);
}
