/* The codec for AVX2: the steps of codec_avx512.c on 8 f32 lanes. */
#include "comm/codec_variants.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "harness/base/cpu.h"

#define TARGET __attribute__((target("avx2")))

static bool supported(void)
{
    return sn_cpu_has(SN_CPU_AVX2);
}

TARGET static inline uint16_t amax_bits(const uint16_t *x, size_t n)
{
    const __m256i abs = _mm256_set1_epi16(0x7fff);
    __m256i m = _mm256_setzero_si256();
    for (size_t i = 0; i < n; i += 16)
        m = _mm256_max_epu16(m, _mm256_and_si256(abs, _mm256_loadu_si256((const void *)(x + i))));
    __m128i s = _mm_max_epu16(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    /* The horizontal instruction finds the smallest u16: ask it for the complement. */
    s = _mm_minpos_epu16(_mm_xor_si128(s, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_extract_epi16(s, 0);
}

TARGET static inline __m256 widen(const uint16_t *x)
{
    __m256i v = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)x));
    return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16));
}

/* 32 i32 in [-128, 255] to bytes in order; packs work within 128-bit halves, so reorder after. */
TARGET static inline __m256i bytes_of(__m256i a, __m256i b, __m256i c, __m256i d, bool is_signed)
{
    __m256i lo = _mm256_packs_epi32(a, b), hi = _mm256_packs_epi32(c, d);
    __m256i v = is_signed ? _mm256_packs_epi16(lo, hi) : _mm256_packus_epi16(lo, hi);
    return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

TARGET static void int8_avx2(const uint16_t *x, size_t hidden, void *payload)
{
    uint16_t clean[SN_CODEC_HIDDEN_MAX], m = amax_bits(x, hidden);
    if (m >= 0x7f80) {
        sn_codec_clean(x, hidden, clean);
        x = clean;
        m = amax_bits(x, hidden);
    }
    float amax = sn_bf16_to_f32(m);
    __m256 inv = _mm256_set1_ps(sn_codec_inverse(127, amax));
    int8_t *q = payload;
    for (size_t i = 0; i < hidden; i += 32) {
        __m256i v[4];
        for (unsigned j = 0; j < 4; j++)
            v[j] = _mm256_cvtps_epi32(_mm256_mul_ps(widen(x + i + 8 * j), inv));
        _mm256_storeu_si256((__m256i *)(q + i), bytes_of(v[0], v[1], v[2], v[3], true));
    }
    sn_codec_int8_tail(q + hidden, amax / 127);
}

TARGET static inline __m256i e4m3(__m256 f)
{
    __m256i u = _mm256_castps_si256(f);
    __m256i sign = _mm256_and_si256(_mm256_srli_epi32(u, 24), _mm256_set1_epi32(0x80));
    __m256i a = _mm256_and_si256(u, _mm256_set1_epi32(0x7fffffff));
    a = _mm256_min_epu32(a, _mm256_set1_epi32(0x43e00000));
    __m256i last = _mm256_and_si256(_mm256_srli_epi32(a, 20), _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(_mm256_add_epi32(a, _mm256_set1_epi32(0x7ffff)), last);
    __m256i normal = _mm256_sub_epi32(_mm256_srli_epi32(r, 20), _mm256_set1_epi32(120 << 3));
    __m256 moved = _mm256_add_ps(_mm256_castsi256_ps(a), _mm256_set1_ps(0x1p14f));
    __m256i small = _mm256_sub_epi32(_mm256_castps_si256(moved), _mm256_set1_epi32(0x46800000));
    __m256i below = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x3c800000), a);
    return _mm256_or_si256(_mm256_blendv_epi8(normal, small, below), sign);
}

TARGET static void fp8_avx2(const uint16_t *x, size_t hidden, void *payload)
{
    uint16_t clean[SN_CODEC_HIDDEN_MAX];
    if (amax_bits(x, hidden) >= 0x7f80) {
        sn_codec_clean(x, hidden, clean);
        x = clean;
    }
    uint8_t *q = payload;
    for (size_t g = 0; g < hidden / SN_CODEC_FP8_GROUP; g++) {
        const uint16_t *x0 = x + g * SN_CODEC_FP8_GROUP;
        float amax = sn_bf16_to_f32(amax_bits(x0, SN_CODEC_FP8_GROUP)), scale = amax / 448;
        __m256 inv = _mm256_set1_ps(sn_codec_inverse(448, amax));
        for (size_t i = 0; i < SN_CODEC_FP8_GROUP; i += 32) {
            __m256i v[4];
            for (unsigned j = 0; j < 4; j++)
                v[j] = e4m3(_mm256_mul_ps(widen(x0 + i + 8 * j), inv));
            _mm256_storeu_si256((__m256i *)(q + g * SN_CODEC_FP8_GROUP + i),
                                bytes_of(v[0], v[1], v[2], v[3], false));
        }
        memcpy(q + hidden + 4 * g, &scale, sizeof scale);
    }
}

TARGET static inline __m256i narrow(__m256 f)
{
    __m256i u = _mm256_castps_si256(f);
    __m256i last = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), last);
    __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(f, f, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(r, quiet, nan), 16);
}

enum { LANES = 8, BLOCK = 8 * LANES };

TARGET static void sum_avx2(const uint16_t *const *y, const float *w, unsigned n, size_t hidden,
                            uint16_t *out)
{
    for (size_t h = 0; h < hidden; h += BLOCK) {
        __m256 acc[LANES], f = _mm256_set1_ps(w[0]);
        for (unsigned i = 0; i < LANES; i++)
            acc[i] = _mm256_mul_ps(f, widen(y[0] + h + 8 * i));
        for (unsigned j = 1; j < n; j++) {
            f = _mm256_set1_ps(w[j]);
            for (unsigned i = 0; i < LANES; i++)
                acc[i] = _mm256_add_ps(acc[i], _mm256_mul_ps(f, widen(y[j] + h + 8 * i)));
        }
        for (unsigned i = 0; i < LANES; i += 2) {
            __m256i v = _mm256_packus_epi32(narrow(acc[i]), narrow(acc[i + 1]));
            _mm256_storeu_si256((__m256i *)(out + h + 8 * i), _mm256_permute4x64_epi64(v, 0xd8));
        }
    }
}

const struct sn_codec sn_codec_avx2 = {
    .name = "avx2",
    .brief = "AVX2",
    .supported = supported,
    .int8 = int8_avx2,
    .fp8 = fp8_avx2,
    .sum = sum_avx2,
};

#endif
