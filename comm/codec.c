/* Payload formats: the plain variants, the scalars, and the choice of a variant.
 *
 * bf16: upper half of an f32. E4M3 (OCP 8-bit floating point specification 1.0, 2023): bias 7,
 * subnormals are multiples of 2^-9, largest 448 = 0x7e, NaN = 0x7f, no infinities.
 * The largest magnitude is found on the bits of |x|, whose order as integers is that of the values.
 */
#include "comm/codec.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "harness/base/hash.h"
#include "harness/base/rng.h"

#include "comm/codec_variants.h"

const char *const sn_dtype_words[] = {
    [SN_DTYPE_BF16] = "bf16", [SN_DTYPE_INT8] = "int8", [SN_DTYPE_FP8] = "fp8", NULL};

bool sn_codec_hidden_valid(enum sn_dtype t, size_t hidden)
{
    size_t step = t == SN_DTYPE_BF16 && hidden < SN_CODEC_HIDDEN_STEP ? SN_CODEC_HIDDEN_SMALL
                                                                      : SN_CODEC_HIDDEN_STEP;
    return hidden && hidden % step == 0 && hidden <= SN_CODEC_HIDDEN_MAX;
}

size_t sn_codec_payload_bytes(enum sn_dtype t, size_t hidden)
{
    switch (t) {
    case SN_DTYPE_BF16:
        return 2 * hidden;
    case SN_DTYPE_INT8:
        return hidden + SN_CODEC_INT8_TAIL - sizeof(struct sn_copy_head);
    default:
        return hidden + 4 * (hidden / SN_CODEC_FP8_GROUP);
    }
}

size_t sn_codec_copy_bytes(enum sn_dtype t, size_t hidden)
{
    return sn_codec_payload_bytes(t, hidden) + sizeof(struct sn_copy_head);
}

uint64_t sn_codec_sum(uint64_t payload_hash, const struct sn_copy_head *h)
{
    uint64_t fields = h->copy | (uint64_t)h->src << 32 | (uint64_t)h->slot << 48;
    return sn_rng_mix64(payload_hash ^ sn_rng_mix64(fields));
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

float sn_e4m3_to_f32(uint8_t code)
{
    unsigned e = code >> 3 & 15, m = code & 7;
    float v = e == 15 && m == 7 ? NAN
              : e               ? ldexpf(1.0f + (float)m / 8, (int)e - 7)
                                : ldexpf((float)m, -9);
    return code & 0x80 ? -v : v;
}

uint8_t sn_e4m3_from_f32(float f)
{
    uint32_t u = bits_of(f), sign = u >> 24 & 0x80, a = u & 0x7fffffff;
    if (a > 0x7f800000)
        return (uint8_t)(sign | 0x7f);
    if (a >= 0x43e00000) /* 448 */
        return (uint8_t)(sign | 0x7e);
    if (a < 0x3c800000) /* 2^-6: adding 2^14, whose last bit is worth 2^-9, rounds to a subnormal */
        return (uint8_t)(sign | (bits_of(fabsf(f) + 0x1p14f) - 0x46800000));
    return (uint8_t)(sign | (((a + 0x7ffff + (a >> 20 & 1)) >> 20) - (120 << 3)));
}

void sn_codec_clean(const uint16_t *x, size_t hidden, uint16_t *out)
{
    for (size_t i = 0; i < hidden; i++) {
        uint16_t a = x[i] & 0x7fff;
        out[i] = a < 0x7f80 ? x[i] : a == 0x7f80 ? (uint16_t)((x[i] & 0x8000) | 0x7f7f) : 0;
    }
}

static uint16_t amax_bits(const uint16_t *x, size_t n)
{
    uint16_t m = 0;
    for (size_t i = 0; i < n; i++)
        if ((x[i] & 0x7fff) > m)
            m = x[i] & 0x7fff;
    return m;
}

float sn_codec_inverse(float top, float amax)
{
    float inv = top / amax;
    return inv > FLT_MAX ? FLT_MAX : inv;
}

static void int8_plain(const uint16_t *x, size_t hidden, void *payload)
{
    uint16_t clean[SN_CODEC_HIDDEN_MAX], m = amax_bits(x, hidden);
    if (m >= 0x7f80) {
        sn_codec_clean(x, hidden, clean);
        x = clean;
        m = amax_bits(x, hidden);
    }
    float amax = sn_bf16_to_f32(m), inv = sn_codec_inverse(127, amax);
    int8_t *q = payload;
    for (size_t i = 0; i < hidden; i++)
        q[i] = (int8_t)rintf(sn_bf16_to_f32(x[i]) * inv);
    sn_codec_int8_tail(q + hidden, amax / 127);
}

static void fp8_plain(const uint16_t *x, size_t hidden, void *payload)
{
    uint16_t clean[SN_CODEC_HIDDEN_MAX];
    if (amax_bits(x, hidden) >= 0x7f80) {
        sn_codec_clean(x, hidden, clean);
        x = clean;
    }
    uint8_t *q = payload;
    for (size_t g = 0; g < hidden / SN_CODEC_FP8_GROUP; g++) {
        const uint16_t *v = x + g * SN_CODEC_FP8_GROUP;
        float amax = sn_bf16_to_f32(amax_bits(v, SN_CODEC_FP8_GROUP)), scale = amax / 448;
        float inv = sn_codec_inverse(448, amax);
        for (size_t i = 0; i < SN_CODEC_FP8_GROUP; i++)
            q[g * SN_CODEC_FP8_GROUP + i] = sn_e4m3_from_f32(sn_bf16_to_f32(v[i]) * inv);
        memcpy(q + hidden + 4 * g, &scale, sizeof scale);
    }
}

static void sum_plain(const uint16_t *const *y, const float *w, unsigned n, size_t hidden,
                      uint16_t *out)
{
    for (size_t h = 0; h < hidden; h++) {
        float acc = w[0] * sn_bf16_to_f32(y[0][h]);
        for (unsigned j = 1; j < n; j++)
            acc += w[j] * sn_bf16_to_f32(y[j][h]);
        out[h] = sn_bf16_from_f32(acc);
    }
}

static bool always(void)
{
    return true;
}

static const struct sn_codec codec_plain = {
    .name = "plain",
    .brief = "portable C, the reference",
    .supported = always,
    .int8 = int8_plain,
    .fp8 = fp8_plain,
    .sum = sum_plain,
};

const struct sn_codec *const sn_codecs[] = {
    &codec_plain,
#if defined(__x86_64__)
    &sn_codec_avx2,
    &sn_codec_avx512,
#endif
    NULL,
};

const struct sn_codec *sn_codec_best(void)
{
    const struct sn_codec *best = &codec_plain;
    for (size_t i = 0; sn_codecs[i]; i++)
        if (sn_codecs[i]->supported())
            best = sn_codecs[i];
    return best;
}

const struct sn_codec *sn_codec_for(size_t hidden)
{
    return hidden % SN_CODEC_HIDDEN_STEP ? &codec_plain : sn_codec_best();
}

void sn_codec_encode(const struct sn_codec *c, enum sn_dtype t, size_t hidden, const uint16_t *x,
                     void *payload)
{
    assert(sn_codec_hidden_valid(t, hidden));
    switch (t) {
    case SN_DTYPE_BF16:
        memcpy(payload, x, 2 * hidden);
        break;
    case SN_DTYPE_INT8:
        c->int8(x, hidden, payload);
        break;
    default:
        c->fp8(x, hidden, payload);
    }
}

void sn_codec_decode(enum sn_dtype t, size_t hidden, const void *payload, float factor, uint16_t *y)
{
    const uint8_t *p = payload;
    float scale;
    switch (t) {
    case SN_DTYPE_BF16:
        for (size_t h = 0; h < hidden; h++) {
            uint16_t b;
            memcpy(&b, p + 2 * h, sizeof b);
            y[h] = sn_bf16_from_f32(factor * sn_bf16_to_f32(b));
        }
        break;
    case SN_DTYPE_INT8:
        memcpy(&scale, p + hidden, sizeof scale);
        for (size_t h = 0; h < hidden; h++)
            y[h] = sn_bf16_from_f32(factor * (scale * (float)(int8_t)p[h]));
        break;
    default: {
        float value[256];
        for (unsigned c = 0; c < 256; c++)
            value[c] = sn_e4m3_to_f32((uint8_t)c);
        for (size_t h = 0; h < hidden; h++) {
            memcpy(&scale, p + hidden + 4 * (h / SN_CODEC_FP8_GROUP), sizeof scale);
            y[h] = sn_bf16_from_f32(factor * (scale * value[p[h]]));
        }
    }
    }
}
