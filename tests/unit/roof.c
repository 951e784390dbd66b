#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/roof.h"
#include "harness/roof_parts.h"

/* --- look-up --------------------------------------------------------------------------------- */

static const struct sn_roof_curve curve = {
    .n = 4, .bytes = {1024, 4096, 16384, 65536}, .bytes_per_s = {10, 20, NAN, 4}};

Test(roof, look_up_is_linear_in_the_logarithm)
{
    cr_assert_float_eq(sn_roof_at(&curve, 1024), 10, 1e-12);
    cr_assert_float_eq(sn_roof_at(&curve, 2048), 15, 1e-9); /* half-way from 2^10 to 2^12 */
    cr_assert_float_eq(sn_roof_at(&curve, 4096), 20, 1e-12);
}

Test(roof, look_up_outside_gives_the_ends)
{
    cr_assert_float_eq(sn_roof_at(&curve, 0), 10, 1e-12);
    cr_assert_float_eq(sn_roof_at(&curve, 1), 10, 1e-12);
    cr_assert_float_eq(sn_roof_at(&curve, UINT64_MAX), 4, 1e-12);
}

Test(roof, look_up_bridges_a_missing_figure)
{
    /* 16384 is half-way from 2^12 (20) to 2^16 (4). */
    cr_assert_float_eq(sn_roof_at(&curve, 16384), 12, 1e-9);
    cr_assert_float_eq(sn_roof_best(&curve), 20, 1e-12);
}

Test(roof, look_up_of_nothing_is_unknown)
{
    struct sn_roof_curve none = {0}, missing = {.n = 1, .bytes = {64}, .bytes_per_s = {NAN}};
    cr_assert(isnan(sn_roof_at(&none, 64)));
    cr_assert(isnan(sn_roof_best(&none)));
    cr_assert(isnan(sn_roof_at(&missing, 64)));
    cr_assert(isnan(sn_roof_best(&missing)));
}

Test(roof, sizes_rise_and_respect_both_ends)
{
    struct sn_roof_curve c;
    sn_roof_sizes(&c, 1, 64 << 20);
    cr_assert_eq(c.bytes[0], 8);
    cr_assert_eq(c.bytes[c.n - 1], 64 << 20);
    for (size_t i = 1; i < c.n; i++)
        cr_assert_lt(c.bytes[i - 1], c.bytes[i]);
    sn_roof_sizes(&c, 16 << 10, 100 << 10);
    cr_assert_eq(c.n, 2);
    cr_assert_eq(c.bytes[0], 16 << 10);
    cr_assert_eq(c.bytes[1], 64 << 10);
    cr_assert(isnan(c.bytes_per_s[1]));
    sn_roof_sizes(&c, 1, 0);
    cr_assert_eq(c.n, 1, "one size even where there is no memory");
}

/* --- the self-test --------------------------------------------------------------------------- */

static void spin(double seconds)
{
    int64_t end = sn_clock_ns() + (int64_t)(seconds * 1e9);
    while (sn_clock_ns() < end)
        ;
}

static void linear(void *arg, unsigned variant, uint64_t n)
{
    spin((double)n * (variant ? 2e-6 : 5e-6));
}

static void constant(void *arg, unsigned variant, uint64_t n)
{
    spin(200e-6);
}

static void with_start_up(void *arg, unsigned variant, uint64_t n)
{
    spin(300e-6 + (double)n * 100e-6);
}

Test(roof, rate_is_that_of_the_fastest_variant)
{
    const char *reason = NULL;
    unsigned variant = 9;
    struct sn_roof_work w = {linear, NULL, 2, 8};
    double rate = sn_roof_rate(&w, 5, &variant, &reason);
    cr_assert_null(reason);
    cr_assert_eq(variant, 1);
    cr_assert_float_eq(rate, 8 / 2e-6, 0.1 * 8 / 2e-6, "%g", rate); /* 2 us a pass of 8 units */
}

Test(roof, work_whose_time_does_not_double_has_no_rate)
{
    void (*const cheats[])(void *, unsigned, uint64_t) = {constant, with_start_up};
    for (int i = 0; i < 2; i++) {
        const char *reason = NULL;
        unsigned variant;
        struct sn_roof_work w = {cheats[i], NULL, 1, 1};
        cr_assert(isnan(sn_roof_rate(&w, 3, &variant, &reason)), "cheat %d", i);
        cr_assert_eq(reason, sn_roof_reason_self_test);
    }
}

/* --- walks: pieces of 100 us ------------------------------------------------------------------ */

struct walked {
    unsigned variant;
    uint64_t since; /* pieces since the variant changed */
    uint64_t disturbed_of_16;
};

/* Like a copy through caches that at first take up what is written: the first four pieces of a
 * variant are free. Variant 1 is the faster one. Three in four are disturbed by something else. */
static void absorbing(void *arg, unsigned variant, uint64_t first, uint64_t n)
{
    struct walked *w = arg;
    if (variant != w->variant)
        *w = (struct walked){.variant = variant, .disturbed_of_16 = w->disturbed_of_16};
    for (uint64_t i = first; i < first + n; i++, w->since++)
        if (w->since >= 4)
            spin((variant ? 100e-6 : 150e-6) +
                 (i % 16 < w->disturbed_of_16 ? 30e-6 + 70e-6 * (double)(i % 7) : 0));
}

static void piece_constant(void *arg, unsigned variant, uint64_t first, uint64_t n)
{
    spin(200e-6);
}

static void piece_with_start_up(void *arg, unsigned variant, uint64_t first, uint64_t n)
{
    spin(100e-6 + (double)n * 100e-6);
}

Test(roof, a_walk_is_as_fast_as_its_undisturbed_pieces)
{
    for (uint64_t disturbed = 0; disturbed <= 12; disturbed += 6) {
        const char *reason = NULL;
        struct walked state = {.variant = 9, .disturbed_of_16 = disturbed};
        struct sn_roof_walk w = {absorbing, &state, 2, 64, 4, 8};
        double rate = sn_roof_walk_rate(&w, &reason);
        cr_assert_null(reason);
        cr_assert_float_eq(rate, 8 / 100e-6, 0.1 * 8 / 100e-6, "%g, %d of 16 disturbed", rate,
                           (int)disturbed);
    }
}

Test(roof, a_walk_whose_time_does_not_double_has_no_rate)
{
    void (*const cheats[])(void *, unsigned, uint64_t, uint64_t) = {piece_constant,
                                                                    piece_with_start_up};
    for (int i = 0; i < 2; i++) {
        const char *reason = NULL;
        struct sn_roof_walk w = {cheats[i], NULL, 1, 32, 4, 1};
        cr_assert(isnan(sn_roof_walk_rate(&w, &reason)), "cheat %d", i);
        cr_assert_eq(reason, sn_roof_reason_self_test);
    }
}

Test(roof, reason_goes_when_every_figure_is_there)
{
    struct sn_roof_curve c = curve;
    c.reason = "x";
    sn_roof_settle_reason(&c);
    cr_assert_not_null(c.reason);
    c.bytes_per_s[2] = 1;
    sn_roof_settle_reason(&c);
    cr_assert_null(c.reason);
}

/* --- the operations -------------------------------------------------------------------------- */

Test(roof, read_touches_every_byte)
{
    enum { MOST = 64 * 81 };
    unsigned char *p;
    cr_assert_eq(sn_mem_alloc((void **)&p, MOST), 0);
    sn_roof_fill(p, MOST, 7);
    for (size_t n = 64; n <= MOST; n += 64) {
        /* The sum of all little-endian 64-bit words, byte by byte. */
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (uint64_t)p[i] << 8 * (i % 8);
        for (unsigned v = 0; v < SN_ROOF_READS; v++)
            cr_assert_eq(sn_roof_read(v, p, n), sum, "variant %u, %zu bytes", v, n);
    }
    sn_mem_free(p);
}

Test(roof, copies_are_copies)
{
    static const size_t sizes[] = {0, 1, 63, 64, 100, 512, 4096, 100003};
    for (unsigned v = 0; v < SN_ROOF_COPIES; v++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            void *a, *b;
            cr_assert_eq(sn_mem_guard_alloc(&a, sizes[i]), 0);
            cr_assert_eq(sn_mem_guard_alloc(&b, sizes[i]), 0);
            sn_roof_fill(a, sizes[i], v + 1);
            sn_roof_copy(v, b, a, sizes[i]);
            cr_assert_arr_eq(a, b, sizes[i], "variant %u, %zu bytes", v, sizes[i]);
            sn_mem_guard_free(a, sizes[i]);
            sn_mem_guard_free(b, sizes[i]);
        }
}

Test(roof, fill_leaves_no_line_of_zeros)
{
    enum { BYTES = 200000 };
    static const char zeros[64];
    char *p = malloc(BYTES), *q = malloc(BYTES);
    sn_roof_fill(p, BYTES, 1);
    sn_roof_fill(q, BYTES, 2);
    for (size_t at = 0; at + 64 <= BYTES; at += 64) {
        cr_assert_neq(memcmp(p + at, zeros, 64), 0, "at %zu", at);
        cr_assert_neq(memcmp(p + at, q + at, 64), 0, "at %zu", at);
    }
    free(q);
    free(p);
}

#if defined(__x86_64__) && defined(__OPTIMIZE__)
static void multiplications(void *arg, unsigned variant, uint64_t n)
{
    uint64_t x = 3, y = 5;
    for (uint64_t i = 0; i < n; i++)
        __asm__ volatile(".rept 300\n\timul %1, %0\n\t.endr" : "+r"(x) : "r"(y) : "cc");
}

Test(roof, core_clock_agrees_with_a_chain_of_multiplications)
{
    /* imul r64, r64 has a latency of 3 cycles on Intel since Nehalem and on every Zen (Agner Fog,
     * instruction tables). The core may change its clock in between. */
    const char *reason = NULL;
    unsigned variant;
    struct sn_roof_work w = {multiplications, NULL, 1, 300 * 3};
    double other = sn_roof_rate(&w, 20, &variant, &reason), hz = sn_roof_core_hz(&reason);
    if (isnan(hz) || isnan(other))
        cr_skip("the machine is too busy: %s", reason);
    cr_assert_float_eq(hz / other, 1, 0.2, "%g Hz, by multiplication %g Hz", hz, other);
}
#endif

Test(roof, one_process_without_mpi)
{
    struct sn_roofs r;
    cr_assert_eq(sn_roofs_measure(NULL, &r), 0);
    const struct sn_roof_curve *curves[] = {&r.copy, &r.read};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < curves[k]->n; i++) {
            double v = curves[k]->bytes_per_s[i];
            cr_assert(isnan(v) ? curves[k]->reason != NULL : v > 1e6 && v < 1e13, "%g", v);
        }
    cr_assert_eq(r.copy_shared.n, 0);
    cr_assert_not_null(r.copy_shared.reason);
    cr_assert(r.timer_call_s > 1e-10 && r.timer_call_s < 1e-4, "%g", r.timer_call_s);
    cr_assert(isnan(r.core_hz) ? r.core_hz_reason != NULL : r.core_hz > 1e8 && r.core_hz < 1e10);
    cr_assert_gt(r.seconds_spent, 0);
}
