#include "bench/macro/native_math.h"

#include <math.h>

#include "harness/base/bf16.h"

void sn_native_norm(const float *x, const float *g, size_t n, float *out)
{
    double s[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)x[i + j] * x[i + j];
    for (; i < n; i++)
        s[0] += (double)x[i] * x[i];
    for (size_t j = 0; j < 8; j++)
        sum += s[j];
    float r = 1 / sqrtf((float)(sum / (double)n) + 1e-6f);
    for (i = 0; i < n; i++)
        out[i] = x[i] * r * g[i];
}

void sn_native_norm_bf16(const uint16_t *x, const float *g, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = sn_bf16_to_f32(x[i]);
    sn_native_norm(out, g, n, out);
}

void sn_native_rope(const float *x, size_t n, uint32_t position, uint16_t *out)
{
    for (size_t d = 0; d + 1 < n; d += 2) {
        double angle = position * pow(10000, -(double)d / (double)n);
        float c = (float)cos(angle), s = (float)sin(angle);
        float a = x[d] * c, b = x[d + 1] * s, e = x[d] * s, f = x[d + 1] * c;
        out[d] = sn_bf16_from_f32(a - b);
        out[d + 1] = sn_bf16_from_f32(e + f);
    }
}

void sn_native_scores(const float *x, const float *w, size_t e, size_t h, float *score)
{
    enum { LANES = 16 };
    for (size_t n = 0; n < e; n++, w += h) {
        float sum[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= h; i += LANES)
            for (size_t j = 0; j < LANES; j++)
                sum[j] += x[i + j] * w[i + j];
        for (size_t j = 0; i + j < h; j++)
            sum[j] += x[i + j] * w[i + j];
        for (size_t half = LANES / 2; half; half /= 2)
            for (size_t j = 0; j < half; j++)
                sum[j] += sum[j + half];
        score[n] = sum[0];
    }
}

void sn_native_add(uint16_t *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = sn_bf16_from_f32(sn_bf16_to_f32(x[i]) + y[i]);
}

void sn_native_add_bf16(uint16_t *x, const uint16_t *a, const uint16_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float y = sn_bf16_to_f32(a[i]);
        if (b)
            y += sn_bf16_to_f32(b[i]);
        x[i] = sn_bf16_from_f32(sn_bf16_to_f32(x[i]) + y);
    }
}

uint32_t sn_native_largest(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best] || (isnan(x[best]) && !isnan(x[i])))
            best = i;
    return (uint32_t)best;
}
