#include "bench/macro/native_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/bf16.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

/* Standard deviation of all int8 bit patterns. */
static const double code_deviation = 73.9;

static struct sn_rng rng_of(const struct sn_native_shape *s, unsigned layer,
                            enum sn_native_which which, uint64_t index)
{
    return sn_rng_make(sn_rng_at(s->seed, 0x6e770000u + which, layer), index);
}

static void fill_codes(int8_t *w, size_t n, struct sn_rng *rng)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t x = sn_rng_next(rng);
        memcpy(w + i, &x, n - i < 8 ? n - i : 8);
    }
}

/* Half to one and a half times what keeps the mean square, or the power of two next to it. */
static float scale_of(size_t cols, bool power, struct sn_rng *rng)
{
    double middle = 1 / (code_deviation * sqrt((double)cols));
    if (power)
        return (float)exp2(round(log2(middle)));
    return (float)(middle * (0.5 + sn_rng_uniform(rng)));
}

int sn_native_matrix_open(struct sn_native_matrix *m, const struct sn_native_shape *s,
                          unsigned layer, enum sn_native_which which, unsigned first, size_t count,
                          size_t rows, size_t cols)
{
    bool power = which == SN_NATIVE_WUK || which == SN_NATIVE_WUV;
    *m = (struct sn_native_matrix){.rows = count * rows, .cols = cols};
    int status = sn_mem_alloc((void **)&m->w, m->rows * cols);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&m->s, m->rows * sizeof *m->s);
    for (size_t i = 0; i < count && status == SN_OK; i++) {
        struct sn_rng rng = rng_of(s, layer, which, first + i);
        fill_codes(m->w + i * rows * cols, rows * cols, &rng);
        for (size_t r = 0; r < rows; r++)
            m->s[i * rows + r] = scale_of(cols, power, &rng);
    }
    return status;
}

void sn_native_matrix_close(struct sn_native_matrix *m)
{
    sn_mem_free(m->w);
    sn_mem_free(m->s);
    *m = (struct sn_native_matrix){0};
}

float *sn_native_gains(const struct sn_native_shape *s, unsigned layer, enum sn_native_which which,
                       size_t n)
{
    struct sn_rng rng = rng_of(s, layer, which, 0);
    float *g = sn_calloc(n + 1, sizeof *g);
    for (size_t i = 0; i < n; i++)
        g[i] = (float)(0.5 + sn_rng_uniform(&rng));
    return g;
}

float *sn_native_router(const struct sn_native_shape *s, unsigned layer)
{
    struct sn_rng rng = rng_of(s, layer, SN_NATIVE_ROUTER, 0);
    size_t n = (size_t)s->model.routed * s->model.hidden;
    float *w = sn_calloc(n + 1, sizeof *w);
    double to = sqrt(12.0 / s->model.hidden); /* scores of mean square 1 */
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(to * (sn_rng_uniform(&rng) - 0.5));
    return w;
}

float *sn_native_bias(const struct sn_native_shape *s, unsigned layer)
{
    struct sn_rng rng = rng_of(s, layer, SN_NATIVE_BIAS, 0);
    float *b = sn_calloc(s->model.routed + 1, sizeof *b);
    for (size_t e = 0; e < s->model.routed; e++)
        b[e] = (float)((sn_rng_uniform(&rng) - 0.5) / 8);
    return b;
}

void sn_native_absorbed(const struct sn_native_matrix *wuk, uint16_t *out)
{
    for (size_t r = 0; r < wuk->rows; r++)
        for (size_t c = 0; c < wuk->cols; c++)
            out[r * wuk->cols + c] = sn_bf16_from_f32((float)wuk->w[r * wuk->cols + c] * wuk->s[r]);
}

/* Uniform, of mean square 1. */
static void vector(struct sn_rng *rng, size_t n, uint16_t *x)
{
    for (size_t i = 0; i < n; i += 4) {
        uint64_t bits = sn_rng_next(rng);
        for (size_t j = i; j < n && j < i + 4; j++, bits >>= 16)
            x[j] = sn_bf16_from_f32(((float)(bits & 0xffff) - 32767.5f) * (1.7320508f / 32768));
    }
}

void sn_native_embedding(const struct sn_native_shape *s, uint32_t token, uint16_t *x)
{
    struct sn_rng rng = rng_of(s, 0, SN_NATIVE_EMBED, token);
    vector(&rng, s->model.hidden, x);
}

void sn_native_cached(const struct sn_native_shape *s, unsigned layer, unsigned request,
                      unsigned position, uint16_t *kv)
{
    struct sn_rng rng = rng_of(s, layer, SN_NATIVE_CACHE, (uint64_t)request << 32 | position);
    vector(&rng, s->model.latent + s->model.rope, kv);
}

int sn_native_attention_open(struct sn_native_attention *a, const struct sn_native_shape *s,
                             unsigned layer)
{
    const struct sn_llm *m = &s->model;
    size_t qk = m->nope + m->rope;
    const struct {
        struct sn_native_matrix *to;
        enum sn_native_which which;
        size_t rows, cols;
    } all[] = {{&a->wdq, SN_NATIVE_WDQ, m->q_rank, m->hidden},
               {&a->wuq, SN_NATIVE_WUQ, m->heads * qk, m->q_rank},
               {&a->wdkv, SN_NATIVE_WDKV, m->latent + m->rope, m->hidden},
               {&a->wuk, SN_NATIVE_WUK, (size_t)m->heads * m->nope, m->latent},
               {&a->wuv, SN_NATIVE_WUV, (size_t)m->heads * m->v, m->latent},
               {&a->wo, SN_NATIVE_WO, m->hidden, (size_t)m->heads * m->v}};
    *a = (struct sn_native_attention){0};
    int status = SN_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && status == SN_OK; i++)
        status = sn_native_matrix_open(all[i].to, s, layer, all[i].which, 0, 1, all[i].rows,
                                       all[i].cols);
    a->g_x = sn_native_gains(s, layer, SN_NATIVE_GAIN_ATTENTION, m->hidden);
    a->g_q = sn_native_gains(s, layer, SN_NATIVE_GAIN_QUERIES, m->q_rank);
    a->g_kv = sn_native_gains(s, layer, SN_NATIVE_GAIN_CACHE, m->latent);
    return status;
}

void sn_native_attention_close(struct sn_native_attention *a)
{
    struct sn_native_matrix *all[] = {&a->wdq, &a->wuq, &a->wdkv, &a->wuk, &a->wuv, &a->wo};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sn_native_matrix_close(all[i]);
    free(a->g_x);
    free(a->g_q);
    free(a->g_kv);
    *a = (struct sn_native_attention){0};
}
