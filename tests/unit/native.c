/* Helpers of decode and prefill on the wall clock: against definitions in double, by hand, and by
 * what must hold for every number of dies. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "bench/macro/native_figures.h"
#include "bench/macro/native_math.h"
#include "bench/macro/native_weights.h"
#include "harness/base/bf16.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static struct sn_native_shape nano(unsigned dies, unsigned requests, unsigned microbatches)
{
    struct sn_native_shape s = {.dies = dies,
                                .requests = requests,
                                .context = 10,
                                .steps = 3,
                                .queries = 2,
                                .microbatches = microbatches,
                                .threads = 1,
                                .accept = 0.7,
                                .seed = 3};
    cr_assert_eq(sn_llm_open(&s.model, "nano"), SN_OK, "%s", sn_status_message());
    return s;
}

/* --- spreading ---------------------------------------------------------------------------------
 */

Test(native, every_request_is_on_one_die_and_in_one_microbatch)
{
    for (unsigned dies = 1; dies < 12; dies++)
        for (unsigned requests = 1; requests < 25; requests++)
            for (unsigned parts = 1; parts <= SN_NATIVE_MICROBATCHES; parts++) {
                struct sn_native_shape s = nano(dies, requests, parts);
                unsigned next = 0, most = 0;
                for (unsigned d = 0; d < dies; d++) {
                    unsigned n = sn_native_first(&s, d + 1) - sn_native_first(&s, d);
                    cr_assert_eq(sn_native_first(&s, d), next);
                    for (unsigned mb = 0; mb < parts; mb++) {
                        unsigned in = sn_native_part(&s, n, mb + 1) - sn_native_part(&s, n, mb);
                        most = in > most ? in : most;
                        next += in;
                    }
                    cr_assert_eq(sn_native_part(&s, n, 0), 0);
                    cr_assert_eq(sn_native_part(&s, n, parts), n);
                }
                cr_assert_eq(next, requests, "%u requests on %u dies: %u", requests, dies, next);
                cr_assert_eq(most, sn_native_part_max(&s), "%u on %u in %u", requests, dies, parts);
                sn_native_shape_close(&s);
            }
}

/* A share of all drafts is right; the others are never, and never out of the vocabulary. */
Test(native, drafts_are_right_as_often_as_asked)
{
    struct sn_native_shape s = nano(1, 4, 1);
    enum { N = 20000 };
    unsigned right = 0;
    for (unsigned i = 0; i < N; i++) {
        uint32_t token = (uint32_t)(i * 7919u % s.model.vocabulary),
                 got = sn_native_draft(&s, i % 4, i, token);
        cr_assert_lt(got, s.model.vocabulary);
        right += got == token;
    }
    /* Five standard deviations of a binomial. */
    cr_expect_float_eq(right / (double)N, 0.7, 5 * sqrt(0.7 * 0.3 / N), "%u right", right);
    s.accept = 0;
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_neq(sn_native_draft(&s, 0, i, 5), 5);
    s.accept = 1;
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_eq(sn_native_draft(&s, 0, i, 5), 5);
    sn_native_shape_close(&s);
}

/* --- weights -----------------------------------------------------------------------------------
 */

/* What a die makes for its experts is what the reference makes one by one. */
Test(native, a_matrix_depends_on_its_index_alone)
{
    struct sn_native_shape s = nano(1, 1, 1);
    enum { ROWS = 6, COLS = 33, N = 4 };
    struct sn_native_matrix all, one;
    cr_assert_eq(sn_native_matrix_open(&all, &s, 2, SN_NATIVE_UP, 5, N, ROWS, COLS), SN_OK);
    for (unsigned i = 0; i < N; i++) {
        cr_assert_eq(sn_native_matrix_open(&one, &s, 2, SN_NATIVE_UP, 5 + i, 1, ROWS, COLS), SN_OK);
        cr_expect_arr_eq(one.w, all.w + i * ROWS * COLS, ROWS * COLS, "expert %u", i);
        cr_expect_arr_eq(one.s, all.s + i * ROWS, ROWS * sizeof(float), "expert %u", i);
        sn_native_matrix_close(&one);
    }
    cr_assert_eq(sn_native_matrix_open(&one, &s, 1, SN_NATIVE_UP, 5, 1, ROWS, COLS), SN_OK);
    cr_expect(memcmp(one.w, all.w, ROWS * COLS), "another layer has the same weights");
    sn_native_matrix_close(&one);
    sn_native_matrix_close(&all);
    sn_native_shape_close(&s);
}

/* Codes times powers of two are bf16 exactly: decode and prefill have one Wuk. */
Test(native, the_absorbed_matrix_is_the_other_one)
{
    struct sn_native_shape s = nano(1, 1, 1);
    enum { ROWS = 64, COLS = 128 };
    static uint16_t out[ROWS * COLS];
    struct sn_native_matrix m;
    bool low = false, high = false;
    cr_assert_eq(sn_native_matrix_open(&m, &s, 0, SN_NATIVE_WUK, 0, 1, ROWS, COLS), SN_OK);
    sn_native_absorbed(&m, out);
    for (size_t i = 0; i < ROWS * COLS; i++) {
        cr_assert_eq((double)sn_bf16_to_f32(out[i]), (double)m.w[i] * m.s[i / COLS], "%zu", i);
        low |= m.w[i] == -128;
        high |= m.w[i] == 127;
    }
    cr_expect(low && high, "codes of the full range");
    sn_native_matrix_close(&m);
    sn_native_shape_close(&s);
}

/* --- arithmetic --------------------------------------------------------------------------------
 */

static void fill(float *x, size_t n, uint64_t seed)
{
    struct sn_rng r = sn_rng_make(seed, 1);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sn_rng_normal(&r);
}

Test(native, norm_is_the_definition)
{
    enum { N = 37 };
    float x[N], g[N], out[N];
    double sum = 0;
    fill(x, N, 1);
    fill(g, N, 2);
    for (int i = 0; i < N; i++)
        sum += (double)x[i] * x[i];
    sn_native_norm(x, g, N, out);
    for (int i = 0; i < N; i++) {
        double want = x[i] / sqrt(sum / N + 1e-6) * g[i];
        cr_expect_float_eq(out[i], want, 4e-7 * fabs(want), "%d: %.9g, not %.9g", i, out[i], want);
    }
    sn_native_norm(x, g, N, x);
    cr_expect_arr_eq(x, out, sizeof x, "in place");
}

/* A turn: lengths of pairs stay, position 0 changes nothing, turns add up. */
Test(native, rope_turns_pairs)
{
    enum { N = 8 };
    float x[N], turn[N];
    uint16_t out[N];
    fill(x, N, 3);
    sn_native_angles(0, N, turn);
    sn_native_rope(x, turn, N, out);
    for (int i = 0; i < N; i++)
        cr_expect_eq(out[i], sn_bf16_from_f32(x[i]));
    for (uint32_t position = 1; position < 2000; position += 333) {
        sn_native_angles(position, N, turn);
        sn_native_rope(x, turn, N, out);
        for (int i = 0; i < N; i += 2) {
            double angle = atan2(x[i + 1], x[i]) + position * pow(10000, -(double)i / N),
                   length = hypot(x[i], x[i + 1]);
            cr_expect_float_eq(sn_bf16_to_f32(out[i]), length * cos(angle), length / 200);
            cr_expect_float_eq(sn_bf16_to_f32(out[i + 1]), length * sin(angle), length / 200);
        }
    }
}

Test(native, scores_are_products)
{
    enum { E = 3, H = 53 };
    float x[H], w[E * H], score[E];
    fill(x, H, 4);
    fill(w, E * H, 5);
    sn_native_scores(x, w, E, H, score);
    for (int e = 0; e < E; e++) {
        double want = 0, size = 0;
        for (int h = 0; h < H; h++) {
            want += (double)x[h] * w[e * H + h];
            size += fabs((double)x[h] * w[e * H + h]);
        }
        cr_expect_float_eq(score[e], want, size * 1e-6, "%d", e);
    }
}

Test(native, the_largest_is_the_first_of_equals)
{
    cr_expect_eq(sn_native_largest((float[]){1, 5, 2, 5}, 4), 1);
    cr_expect_eq(sn_native_largest((float[]){-3}, 1), 0);
    cr_expect_eq(sn_native_largest((float[]){NAN, -7, NAN, -8}, 4), 1);
    cr_expect_eq(sn_native_largest((float[]){2, NAN, 1}, 3), 0);
    cr_expect_eq(sn_native_largest((float[]){-0.0f, 0.0f}, 2), 0);
}

/* 1 + 2^-8 lies between two bf16: to even, up only where the sum is more. */
Test(native, sums_are_rounded_once)
{
    uint16_t one = sn_bf16_from_f32(1), half = sn_bf16_from_f32(0x1p-9f), x = one;
    float y = 0x1p-8f;
    sn_native_add(&x, &y, 1);
    cr_expect_eq(x, one, "a tie to even");
    sn_native_add_bf16(&x, &half, &half, 1);
    cr_expect_eq(x, one, "both parts before the rounding");
    uint16_t more = sn_bf16_from_f32(0x1.02p-9f);
    sn_native_add_bf16(&x, &half, &more, 1);
    cr_expect_eq(x, one + 1);
    sn_native_add_bf16(&x, &half, NULL, 1);
    cr_expect_eq(x, one + 1);
}

/* --- figures -----------------------------------------------------------------------------------
 */

/* Of 17 repetitions, three are looked at: those around the median, whatever the others did. */
Test(native, the_parts_are_those_around_the_median)
{
    struct sn_native_times t[17] = {0}, out;
    for (int i = 0; i < 17; i++) {
        int place = i * 5 % 17; /* out of order */
        t[place].sum = i < 15 ? i + 1 : 1000;
        t[place].part[SN_OPERATION_GATE] = t[place].sum - 0.25;
        t[place].part[SN_OPERATION_HEAD] = 0.25;
        t[place].most[SN_OPERATION_GATE] = 2 * t[place].sum;
        t[place].least[SN_OPERATION_GATE] = t[place].sum / 2;
    }
    sn_native_times_near(t, 17, 9, &out);
    cr_expect_float_eq(out.sum, 9, 1e-12);
    cr_expect_float_eq(out.part[SN_OPERATION_GATE], 8.75, 1e-12);
    cr_expect_float_eq(out.part[SN_OPERATION_HEAD], 0.25, 1e-12);
    cr_expect_float_eq(out.most[SN_OPERATION_GATE], 18, 1e-12);
    cr_expect_float_eq(out.least[SN_OPERATION_GATE], 4.5, 1e-12);
    sn_native_times_near(t, 1, 500, &out);
    cr_expect_float_eq(out.sum, t[0].sum, 1e-12);
}
