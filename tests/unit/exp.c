/* exp of 8 and of 16 floats: bit patterns from one end of f32 to the other, special values, and the
 * same bits from both. The 16 are computed by simde here (exp_by_16.c). */
#include "tests/unit/exp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/isa.h"

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The distance of floats around x. */
static double ulp(double x)
{
    int e;
    frexp(x, &e);
    return ldexp(1, (e < -125 ? -125 : e) - 24);
}

/* |got - exp(x)| in units of the last place; results past FLT_MAX + 1/2 unit are infinite. */
static double error(float x, float got)
{
    double want = exp((double)x);
    if (isnan(x))
        return isnan(got) ? 0 : INFINITY;
    if (isinf(got))
        return want >= 0x1.fffffep127 ? 0 : INFINITY;
    if (!(got >= 0))
        return INFINITY;
    return fabs(got - want) / ulp(want);
}

enum { BLOCK = 4096 };

size_t exp_wrong(exp_fn *f, uint32_t stride)
{
    static float x[BLOCK], y[BLOCK];
    size_t wrong = 0;
    double worst = 0;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32;) {
        for (size_t i = 0; i < BLOCK; i++, bits += stride)
            x[i] = from_bits((uint32_t)bits);
        f(y, x, BLOCK);
        for (size_t i = 0; i < BLOCK; i++) {
            double e = error(x[i], y[i]);
            worst = fmax(worst, e);
            if (e > 1 && !wrong++)
                printf("exp(%a) = %a, expected %a: off by %g\n", (double)x[i], (double)y[i],
                       exp((double)x[i]), e);
        }
    }
    printf("# exp: at most %.3f units in the last place\n", worst);
    return wrong;
}

size_t exp_special_wrong(exp_fn *f)
{
    const float tiny = 0x1p-149f;
    /* The last that is not 0, the first that is; the last that is finite, the first that is not. */
    const float x[16] = {-INFINITY, INFINITY, 0,          -0.0f,      tiny,   -tiny,  NAN,    -NAN,
                         -1e30f,    1e30f,    -103.9720f, -103.9729f, 88.72f, 88.73f, 1e-30f, -104};
    const float want[16] = {0, INFINITY,       1,        1, 1, 1, NAN, NAN, 0, INFINITY, tiny,
                            0, 0x1.fe8c9p127f, INFINITY, 1, 0};
    float y[16];
    size_t wrong = 0;
    f(y, x, 16);
    for (int i = 0; i < 16; i++) {
        double slack = i == 12 ? 0x1p104 : 0; /* the one that is not exact: a unit */
        if (isnan(want[i]) ? isnan(y[i]) : y[i] == want[i] || fabs(y[i] - want[i]) <= slack)
            continue;
        if (!wrong++)
            printf("exp(%a) = %a, expected %a\n", (double)x[i], (double)y[i], (double)want[i]);
    }
    return wrong;
}

/* One that flushes subnormal results must not pass. */
static void wrong_exp(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)exp((double)x[i]);
        if (y[i] < 0x1p-126f)
            y[i] = 0;
    }
}

Test(exp, a_wrong_one_is_seen)
{
    cr_assert_gt(exp_wrong(wrong_exp, 65521), 0u);
    cr_assert_gt(exp_special_wrong(wrong_exp), 0u);
}

#if defined(__x86_64__) && __has_include(<simde/x86/avx512.h>)
Test(exp, of_16)
{
    if (!sn_isa_here(SN_ISA_AVX2))
        cr_skip_test("this CPU has no AVX2");
    cr_assert_eq(exp_wrong(exp_by_16, 4093), 0u);
    cr_assert_eq(exp_special_wrong(exp_by_16), 0u);
}

Test(exp, of_8)
{
    if (!sn_isa_here(SN_ISA_AVX2))
        cr_skip_test("this CPU has no AVX2");
    cr_assert_eq(exp_wrong(exp_by_8, 1021), 0u);
    cr_assert_eq(exp_special_wrong(exp_by_8), 0u);
}

Test(exp, both_give_the_same_bits)
{
    enum { N = 1 << 16 };
    static float x[N], y8[N], y16[N];
    if (!sn_isa_here(SN_ISA_AVX2))
        cr_skip_test("this CPU has no AVX2");
    for (uint32_t i = 0; i < N; i++)
        x[i] = from_bits(i * 65521u);
    exp_by_8(y8, x, N);
    exp_by_16(y16, x, N);
    for (size_t i = 0; i < N; i++)
        cr_assert(!memcmp(&y8[i], &y16[i], sizeof *y8) || (isnan(y8[i]) && isnan(y16[i])),
                  "exp(%a): %a and %a", (double)x[i], (double)y8[i], (double)y16[i]);
}
#endif
