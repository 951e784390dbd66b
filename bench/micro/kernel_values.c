#include "bench/micro/kernel_values.h"

#include <math.h>
#include <string.h>

#include "harness/base/bf16.h"

size_t sn_type_bytes(enum sn_type t)
{
    static const size_t bytes[] = {
        [SN_F32] = 4, [SN_BF16] = 2, [SN_S32] = 4, [SN_U8] = 1, [SN_S8] = 1};
    return bytes[t];
}

static int clamp8(double x)
{
    return x < -128 ? -128 : x > 127 ? 127 : (int)lrint(x);
}

/* Bit tricks instead of a call a value: gigabytes are filled with this. */
static void full8(int8_t *q, size_t n, struct sn_rng *rng)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t x = sn_rng_next(rng), pick = sn_rng_next(rng);
        for (size_t b = 0; b < 8 && i + b < n; b++, x >>= 8, pick >>= 5) {
            int8_t v = (int8_t)(x & 0xff);
            q[i + b] = (pick & 15) ? v : (pick & 16) ? 127 : -128;
        }
    }
}

/* Normal values by a look into a table of 16,384 draws, always the same ones: gigabytes are filled,
 * and a logarithm and a cosine for each value took most of the time of tests. */
enum { NORMALS = 1 << 14 };

static const float *normals(void)
{
    static float table[NORMALS];
    static bool filled;
    if (!filled) {
        struct sn_rng rng = sn_rng_make(1, 0x901a);
        for (size_t i = 0; i < NORMALS; i++)
            table[i] = (float)sn_rng_normal(&rng);
        filled = true;
    }
    return table;
}

/* 14 bits of a random word choose the normal value, 9 others whether it is an outlier. */
static void spread8(int8_t *q, size_t n, enum sn_value_dist dist, struct sn_rng *rng)
{
    const float *normal = normals();
    float sigma = dist == SN_DIST_GAUSSIAN ? 32 : 3;
    for (size_t i = 0; i < n; i++) {
        uint64_t x = sn_rng_next(rng);
        unsigned pick = dist == SN_DIST_OUTLIERS ? (unsigned)(x >> 14) & 511 : 2;
        q[i] = (int8_t)(pick == 0 ? -128 : pick == 1 ? 127 : clamp8(sigma * normal[x % NORMALS]));
    }
}

static void fill8(uint8_t *p, enum sn_type type, size_t rows, size_t cols, size_t ld,
                  enum sn_value_dist dist, struct sn_rng *rng)
{
    uint8_t flip = type == SN_U8 ? 0x80 : 0;
    for (size_t r = 0; r < rows; r++) {
        int8_t *q = (int8_t *)p + r * ld;
        if (dist == SN_DIST_ZEROS)
            memset(q, 0, cols);
        else if (dist == SN_DIST_FULL)
            full8(q, cols, rng);
        else
            spread8(q, cols, dist, rng);
        for (size_t i = 0; flip && i < cols; i++)
            p[r * ld + i] ^= flip;
    }
}

static double value(enum sn_value_dist dist, struct sn_rng *rng)
{
    if (dist == SN_DIST_ZEROS)
        return 0;
    if (dist == SN_DIST_FULL) {
        uint64_t x = sn_rng_next(rng);
        if (!(x & 15))
            return x & 16 ? 1 : -1;
        return (double)(x >> 11) * 0x1p-52 - 1;
    }
    double x = sn_rng_normal(rng) / 4;
    return dist == SN_DIST_OUTLIERS && !sn_rng_below(rng, 256) ? 50 * x : x;
}

void sn_values_fill(void *p, enum sn_type type, size_t rows, size_t cols, size_t ld, double scale,
                    enum sn_value_dist dist, struct sn_rng *rng)
{
    if (type == SN_U8 || type == SN_S8) {
        fill8(p, type, rows, cols, ld, dist, rng);
        return;
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < cols; i++) {
            float x = (float)(scale * value(dist, rng));
            if (type == SN_BF16)
                ((uint16_t *)p)[r * ld + i] = sn_bf16_from_f32(x);
            else
                ((float *)p)[r * ld + i] = x;
        }
}

void sn_values_scales(float *p, size_t n, double low, double high, struct sn_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(low * exp(sn_rng_uniform(rng) * log(high / low)));
}
