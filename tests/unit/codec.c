/* The payload formats: values worked by hand, a table-driven reference for E4M3, bounds, and every
 * variant bit by bit against the plain one on guarded, misaligned buffers. */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/codec.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

static float f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

Test(codec, copy_bytes_are_the_published_ones)
{
    cr_assert_eq(sn_codec_copy_bytes(SN_DTYPE_BF16, 7168), 14352);
    cr_assert_eq(sn_codec_copy_bytes(SN_DTYPE_INT8, 7168), 7680);
    cr_assert_eq(sn_codec_copy_bytes(SN_DTYPE_FP8, 7168), 7408);
    cr_assert_eq(sn_codec_copy_bytes(SN_DTYPE_FP8, 128), 148);
    cr_assert_eq(sizeof(struct sn_copy_head), 16);
}

/* --- E4M3 against the table of its 127 magnitudes ------------------------------------------- */

/* The magnitude of code c from the words of the specification, without bit tricks. */
static double magnitude(unsigned c)
{
    unsigned e = c / 8, m = c % 8;
    return e == 0 ? m * pow(2, -9) : (1 + m / 8.0) * pow(2, (double)e - 7);
}

/* Nearest code, ties to the even one, by search. */
static unsigned nearest_code(double v)
{
    double a = fabs(v), best = INFINITY;
    unsigned code = 0;
    for (unsigned c = 0; c <= 0x7e; c++) {
        double d = fabs(a - magnitude(c));
        if (d < best || (d == best && c % 2 == 0)) {
            best = d;
            code = c;
        }
    }
    return code | (signbit(v) ? 0x80 : 0);
}

Test(codec, e4m3_decodes_every_code)
{
    for (unsigned c = 0; c < 256; c++) {
        float v = sn_e4m3_to_f32((uint8_t)c);
        if ((c & 0x7f) == 0x7f) {
            cr_assert(isnan(v), "code %#x", c);
            continue;
        }
        double want = magnitude(c & 0x7f) * (c & 0x80 ? -1 : 1);
        cr_assert(v == want && !signbit(v) == !(c & 0x80), "code %#x: %g, not %g", c, v, want);
        cr_assert_eq(sn_e4m3_from_f32(v), c, "code %#x comes back as %#x", c, sn_e4m3_from_f32(v));
    }
    cr_assert_eq(sn_e4m3_to_f32(0x7e), 448);
    cr_assert_eq(sn_e4m3_to_f32(0x01), 0x1p-9f);
}

Test(codec, e4m3_rounds_midpoints_to_even_and_saturates)
{
    for (unsigned c = 0; c < 0x7e; c++) {
        float mid = (float)((magnitude(c) + magnitude(c + 1)) / 2);
        float near[] = {mid, nextafterf(mid, 0), nextafterf(mid, INFINITY)};
        for (unsigned i = 0; i < 6; i++) {
            float v = i < 3 ? near[i] : -near[i - 3];
            cr_assert_eq(sn_e4m3_from_f32(v), nearest_code(v), "%a: %#x, not %#x", v,
                         sn_e4m3_from_f32(v), nearest_code(v));
        }
    }
    const float big[] = {448, 449, 464, 480, 1e30f, INFINITY};
    for (size_t i = 0; i < sizeof big / sizeof *big; i++) {
        cr_assert_eq(sn_e4m3_from_f32(big[i]), 0x7e);
        cr_assert_eq(sn_e4m3_from_f32(-big[i]), 0xfe);
    }
    cr_assert_eq(sn_e4m3_from_f32(NAN) & 0x7f, 0x7f);
    struct sn_rng r = sn_rng_make(1, 2);
    for (int i = 0; i < 20000; i++) {
        float v =
            f32((uint32_t)sn_rng_below(&r, 0x43e00000) | (uint32_t)(sn_rng_next(&r) & 1) << 31);
        cr_assert_eq(sn_e4m3_from_f32(v), nearest_code(v), "%a", v);
    }
}

Test(codec, bf16_rounds_to_even)
{
    cr_assert_eq(sn_bf16_from_f32(1.0f), 0x3f80);
    cr_assert_eq(sn_bf16_from_f32(f32(0x3f808000)), 0x3f80); /* tie, even below */
    cr_assert_eq(sn_bf16_from_f32(f32(0x3f818000)), 0x3f82); /* tie, even above */
    cr_assert_eq(sn_bf16_from_f32(f32(0x3f808001)), 0x3f81);
    cr_assert_eq(sn_bf16_from_f32(FLT_MAX), 0x7f80);
    cr_assert(isnan(sn_bf16_to_f32(sn_bf16_from_f32(f32(0x7fffffff)))));
    for (unsigned b = 0; b < 0x7f80; b++)
        cr_assert_eq(sn_bf16_from_f32(sn_bf16_to_f32((uint16_t)b)), b);
}

/* --- int8 ------------------------------------------------------------------------------------ */

Test(codec, int8_by_hand)
{
    /* amax 127 makes scale and inverse 1: the codes are the values rounded to even. */
    const float in[] = {127, -127, 63.5f, 62.5f, 0.5f, 1.5f, -2.5f, -0.5f, 126.5f, 0};
    const int want[] = {127, -127, 64, 62, 0, 2, -2, 0, 126, 0};
    for (size_t v = 0; sn_codecs[v]; v++) {
        if (!sn_codecs[v]->supported())
            continue;
        uint16_t x[128] = {0};
        int8_t out[128 + 496];
        memset(out, 0x55, sizeof out);
        for (size_t i = 0; i < 10; i++)
            x[i] = sn_bf16_from_f32(in[i]);
        sn_codec_encode(sn_codecs[v], SN_DTYPE_INT8, 128, x, out);
        for (size_t i = 0; i < 10; i++)
            cr_assert_eq(out[i], want[i], "%s: value %zu: %d, not %d", sn_codecs[v]->name, i,
                         out[i], want[i]);
        float scale;
        memcpy(&scale, out + 128, 4);
        cr_assert_eq(scale, 1);
        for (size_t i = 128 + 4; i < sizeof out; i++)
            cr_assert_eq(out[i], 0, "tail byte %zu", i);
    }
}

enum { H = 1024 };

/* Rows that are hard somewhere: kind 0 normal, 1 wide range, 2 zero, 3 one value, 4 subnormal,
 * 5 with NaN and infinities, 6 any bits, 7 largest values. */
enum { KINDS = 8 };
static void fill(uint16_t *x, unsigned kind, uint64_t seed)
{
    struct sn_rng r = sn_rng_make(seed, kind);
    for (size_t i = 0; i < H; i++) {
        float n = (float)sn_rng_normal(&r);
        uint16_t any = (uint16_t)sn_rng_next(&r);
        switch (kind) {
        case 0:
        case 5:
            x[i] = sn_bf16_from_f32(n);
            break;
        case 1:
            x[i] = sn_bf16_from_f32(ldexpf(n, (int)sn_rng_below(&r, 120) - 60));
            break;
        case 3:
            x[i] = i == seed % H ? sn_bf16_from_f32(n) : 0;
            break;
        case 4:
            x[i] = any & 0x80ff;
            break;
        case 6:
            x[i] = any;
            break;
        case 7:
            x[i] = any | 0x7f00;
            x[i] &= 0xff7f;
            break;
        default:
            x[i] = 0;
        }
    }
    if (kind == 5) {
        x[seed % H] = 0x7f80;
        x[(seed * 7 + 1) % H] = 0xff80;
        x[(seed * 3 + 2) % H] = 0x7fc1;
    }
}

Test(codec, int8_error_is_at_most_half_a_step)
{
    const struct sn_codec *c = sn_codecs[0];
    for (uint64_t seed = 0; seed < 50; seed++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            uint16_t x[H];
            int8_t out[H + 496];
            float scale, amax = 0;
            int top = 0;
            fill(x, kind, seed);
            c->int8(x, H, out);
            memcpy(&scale, out + H, 4);
            for (size_t i = 0; i < H; i++) {
                double v = sn_bf16_to_f32(x[i]);
                amax = fmaxf(amax, fabsf((float)v));
                top = abs(out[i]) > top ? abs(out[i]) : top;
                cr_assert_gt(out[i], -128);
                cr_assert_leq(fabs(v - (double)out[i] * scale), 0.5 * scale * (1 + 1e-5));
            }
            cr_assert_eq(scale, amax / 127);
            cr_assert_eq(top, amax == 0 ? 0 : 127); /* the range is used to its end */
        }
    }
}

Test(codec, not_finite_is_as_documented)
{
    uint16_t x[128] = {0}, y[128];
    x[0] = 0x7f80; /* inf */
    x[1] = 0xff80;
    x[2] = 0x7fc0; /* NaN */
    x[3] = 0x7f7f;
    int8_t q[128 + 496];
    uint8_t e[128 + 4];
    for (size_t v = 0; sn_codecs[v]; v++) {
        if (!sn_codecs[v]->supported())
            continue;
        sn_codecs[v]->int8(x, 128, q);
        cr_assert(q[0] == 127 && q[1] == -127 && q[2] == 0 && q[3] == 127);
        sn_codecs[v]->fp8(x, 128, e);
        cr_assert(e[0] == 0x7e && e[1] == 0xfe && e[2] == 0 && e[3] == 0x7e);
    }
    sn_codec_decode(SN_DTYPE_INT8, 128, q, 1, y);
    cr_assert(isfinite(sn_bf16_to_f32(y[5])) && y[5] == 0);
}

Test(codec, zero_rows_decode_to_zero)
{
    for (unsigned t = 0; t < SN_DTYPES; t++) {
        uint16_t x[256] = {0}, y[256];
        uint8_t p[1024];
        memset(y, 1, sizeof y);
        sn_codec_encode(sn_codec_best(), t, 256, x, p);
        sn_codec_decode(t, 256, p, 4, y);
        for (size_t i = 0; i < 256; i++)
            cr_assert_eq(y[i], 0, "%s", sn_dtype_words[t]);
    }
}

/* --- variants --------------------------------------------------------------------------------- */

Test(codec, variants_agree_bit_by_bit)
{
    size_t sizes[] = {128, 256, H};
    for (size_t v = 1; sn_codecs[v]; v++) {
        if (!sn_codecs[v]->supported())
            continue;
        for (uint64_t n = 0; n < 40 * KINDS; n++) {
            size_t hidden = sizes[n % 3];
            uint16_t row[H];
            fill(row, n % KINDS, n);
            for (unsigned t = SN_DTYPE_INT8; t <= SN_DTYPE_FP8; t++) {
                size_t bytes = sn_codec_payload_bytes(t, hidden);
                uint8_t want[H + 496];
                void *x, *out;
                cr_assert_eq(sn_mem_guard_alloc(&x, 2 * hidden), 0);
                cr_assert_eq(sn_mem_guard_alloc(&out, bytes), 0);
                memcpy(x, row, 2 * hidden);
                sn_codec_encode(sn_codecs[0], t, hidden, row, want);
                sn_codec_encode(sn_codecs[v], t, hidden, x, out);
                cr_assert_eq(memcmp(out, want, bytes), 0, "%s %s kind %d hidden %zu",
                             sn_codecs[v]->name, sn_dtype_words[t], (int)(n % KINDS), hidden);
                sn_mem_guard_free(x, 2 * hidden);
                sn_mem_guard_free(out, bytes);
            }
        }
    }
}

Test(codec, sums_agree_and_keep_their_order)
{
    enum { N = 9 };
    for (size_t v = 0; sn_codecs[v]; v++) {
        if (!sn_codecs[v]->supported())
            continue;
        /* (2^30 + 1) - 2^30 is 0 in f32, any other order gives 1. */
        uint16_t a[128], b[128], c[128], out[128];
        for (size_t i = 0; i < 128; i++) {
            a[i] = sn_bf16_from_f32(0x1p30f);
            b[i] = sn_bf16_from_f32(1);
            c[i] = sn_bf16_from_f32(-0x1p30f);
        }
        const float one[] = {1, 1, 1};
        sn_codecs[v]->sum((const uint16_t *const[]){a, b, c}, one, 3, 128, out);
        cr_assert(out[0] == 0 && out[127] == 0, "%s", sn_codecs[v]->name);
        sn_codecs[v]->sum((const uint16_t *const[]){a, c, b}, one, 3, 128, out);
        cr_assert(out[0] == 0x3f80 && out[127] == 0x3f80);
        for (uint64_t seed = 0; seed < 60; seed++) {
            uint16_t y[N][H], want[H], got[H];
            const uint16_t *p[N];
            float weight[N];
            struct sn_rng r = sn_rng_make(seed, 99);
            for (unsigned j = 0; j < N; j++) {
                fill(y[j], seed % 2, seed * N + j);
                p[j] = y[j];
                weight[j] = (float)sn_rng_uniform(&r);
            }
            unsigned n = 1 + seed % N;
            for (size_t h = 0; h < H; h++) {
                volatile float acc = weight[0] * sn_bf16_to_f32(y[0][h]);
                for (unsigned j = 1; j < n; j++) {
                    volatile float product = weight[j] * sn_bf16_to_f32(y[j][h]);
                    acc = acc + product;
                }
                want[h] = sn_bf16_from_f32(acc);
            }
            sn_codecs[v]->sum(p, weight, n, H, got);
            cr_assert_eq(memcmp(got, want, sizeof want), 0, "%s n %u", sn_codecs[v]->name, n);
        }
    }
}

Test(codec, decode_is_value_times_factor)
{
    uint16_t x[H], y[H];
    uint8_t p[2 * H];
    fill(x, 0, 3);
    sn_codec_encode(sn_codec_best(), SN_DTYPE_BF16, H, x, p);
    sn_codec_decode(SN_DTYPE_BF16, H, p, 0.5f, y);
    for (size_t i = 0; i < H; i++)
        cr_assert_eq(sn_bf16_to_f32(y[i]), 0.5f * sn_bf16_to_f32(x[i]));
    /* Quantised: within the step of the format and the rounding of bf16. */
    for (unsigned t = SN_DTYPE_INT8; t <= SN_DTYPE_FP8; t++) {
        double amax = 0;
        for (size_t i = 0; i < H; i++)
            amax = fmax(amax, fabs(sn_bf16_to_f32(x[i])));
        sn_codec_encode(sn_codec_best(), t, H, x, p);
        sn_codec_decode(t, H, p, 2, y);
        for (size_t i = 0; i < H; i++) {
            double v = 2 * sn_bf16_to_f32(x[i]);
            double step =
                t == SN_DTYPE_INT8 ? 2 * amax / 127 / 2 : fabs(v) / 16 + 2 * amax / 448 / 512;
            cr_assert_leq(fabs(sn_bf16_to_f32(y[i]) - v), 1.001 * step + fabs(v) / 256, "%s %g",
                          sn_dtype_words[t], v);
        }
    }
}

Test(codec, checksum_covers_payload_and_fields)
{
    struct sn_copy_head h = {.copy = 17, .src = 3, .slot = 9};
    uint64_t s = sn_codec_sum(1, &h);
    cr_assert_neq(s, sn_codec_sum(2, &h));
    struct sn_copy_head a = h, b = h, c = h;
    a.copy++;
    b.src++;
    c.slot++;
    cr_assert(s != sn_codec_sum(1, &a) && s != sn_codec_sum(1, &b) && s != sn_codec_sum(1, &c));
}
