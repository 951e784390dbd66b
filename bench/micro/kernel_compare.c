#include "bench/micro/kernel_compare.h"

#include <math.h>
#include <string.h>

#include "bench/micro/kernel_values.h"
#include "harness/base/bf16.h"

static double element(const void *p, enum sn_type type, size_t i)
{
    switch (type) {
    case SN_F32:
        return ((const float *)p)[i];
    case SN_BF16:
        return sn_bf16_to_f32(((const uint16_t *)p)[i]);
    case SN_S32:
        return ((const int32_t *)p)[i];
    case SN_U8:
        return ((const uint8_t *)p)[i];
    case SN_S8:
        return ((const int8_t *)p)[i];
    }
    return NAN;
}

static void check_padding(const struct sn_compared *m, size_t row, struct sn_check *k)
{
    size_t e = sn_type_bytes(m->type), at = (row * m->ld + m->cols) * e, n = (m->ld - m->cols) * e;
    if (row + 1 < m->rows && memcmp((const char *)m->got + at, (const char *)m->want + at, n))
        sn_check_fail(k, "%s: behind row %zu, columns %zu to %zu, padding was written", m->name,
                      row, m->cols, m->ld - 1);
}

static void compare(const struct sn_compared *m, const double *absolute, double relative,
                    struct sn_check *k)
{
    size_t e = sn_type_bytes(m->type);
    for (size_t r = 0; r < m->rows; r++) {
        const char *got = (const char *)m->got + r * m->ld * e,
                   *want = (const char *)m->want + r * m->ld * e;
        k->compared += m->cols;
        check_padding(m, r, k);
        if (!memcmp(got, want, m->cols * e))
            continue;
        for (size_t i = 0; i < m->cols; i++) {
            double g = element(got, m->type, i), w = element(want, m->type, i);
            double allowed = (absolute ? absolute[r] : 0) + relative * fabs(w);
            if (g == w || (isnan(g) && isnan(w)) || fabs(g - w) <= allowed)
                continue;
            sn_check_fail(k, "%s[%zu][%zu]: got %.9g, expected %.9g, allowed +-%.3g", m->name, r, i,
                          g, w, allowed);
        }
    }
}

void sn_compare_exact(const struct sn_compared *m, struct sn_check *k)
{
    compare(m, NULL, 0, k);
}

void sn_compare_close(const struct sn_compared *m, const double *absolute, double relative,
                      struct sn_check *k)
{
    compare(m, absolute, relative, k);
}
