#include "bench/macro/native_math.h"

#include <math.h>
#include <string.h>

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

/* Blocks of a fixed length are what GCC 12 makes vectors of at -O2. */
enum { BLOCK = 16 };

void sn_native_to_f32(const uint16_t *x, size_t n, float *out)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++)
            out[i + j] = sn_bf16_to_f32(x[i + j]);
    for (; i < n; i++)
        out[i] = sn_bf16_to_f32(x[i]);
}

void sn_native_to_bf16(const float *x, size_t n, uint16_t *out)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t j = 0; j < BLOCK; j++)
            out[i + j] = sn_bf16_from_f32(x[i + j]);
    for (; i < n; i++)
        out[i] = sn_bf16_from_f32(x[i]);
}

void sn_native_norm_bf16(const uint16_t *x, const float *g, size_t n, float *out)
{
    sn_native_to_f32(x, n, out);
    sn_native_norm(out, g, n, out);
}

void sn_native_angles(uint32_t position, size_t n, float *angle)
{
    for (size_t d = 0; d + 1 < n; d += 2) {
        double turn = position * pow(10000, -(double)d / (double)n);
        angle[d] = (float)cos(turn);
        angle[d + 1] = (float)sin(turn);
    }
}

/* Products first, each in a variable: GCC 12 would fuse them (kernels/mla_prolog/README.md). */
void sn_native_rope(const float *x, const float *angle, size_t n, uint16_t *out)
{
    for (size_t d = 0; d + 1 < n; d += 2) {
        float c = angle[d], s = angle[d + 1];
        float a = x[d] * c, b = x[d + 1] * s, e = x[d] * s, f = x[d + 1] * c;
        out[d] = sn_bf16_from_f32(a - b);
        out[d + 1] = sn_bf16_from_f32(e + f);
    }
}

/* Sixteen sums side by side. */
typedef float lanes __attribute__((vector_size(64)));

static lanes lanes_at(const float *x, size_t n)
{
    lanes v = {0};
    memcpy(&v, x, n * sizeof *x);
    return v;
}

static float sum_of(lanes v)
{
    enum { LANES = sizeof v / sizeof(float) };
    float sum[LANES];
    memcpy(sum, &v, sizeof v);
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

void sn_native_scores(const float *x, const float *w, size_t e, size_t h, float *score)
{
    for (size_t n = 0; n < e; n++, w += h) {
        lanes sum = {0};
        size_t i = 0;
        for (; i + 16 <= h; i += 16)
            sum += lanes_at(x + i, 16) * lanes_at(w + i, 16);
        if (i < h)
            sum += lanes_at(x + i, h - i) * lanes_at(w + i, h - i);
        score[n] = sum_of(sum);
    }
}

void sn_native_add(uint16_t *x, const float *y, size_t n)
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t j = i; j < i + BLOCK; j++)
            x[j] = sn_bf16_from_f32(sn_bf16_to_f32(x[j]) + y[j]);
    for (; i < n; i++)
        x[i] = sn_bf16_from_f32(sn_bf16_to_f32(x[i]) + y[i]);
}

void sn_native_add_bf16(uint16_t *x, const uint16_t *a, const uint16_t *b, size_t n)
{
    float sum[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        sn_native_to_f32(a + i, m, sum);
        for (size_t j = 0; b && j < m; j++)
            sum[j] += sn_bf16_to_f32(b[i + j]);
        sn_native_add(x + i, sum, m);
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
