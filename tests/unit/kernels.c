/* References and checks of kernels on problems whose results are known by hand. */
#include <float.h>
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/micro/gate_check.h"
#include "harness/base/peak.h"
#include "kernels/kernel.h"

/* --- quantize -------------------------------------------------------------------------------- */

static void quantize(const float *x, size_t h, int8_t *q, float *scale)
{
    union sn_problem p = {
        .quantize = {1, h, SN_F32, SN_S8, .x = x, .q = q, .scale = scale, .ldx = h, .ldq = h}};
    sn_kernel_run(sn_kernel_at(SN_OP_QUANTIZE, 0), &p, NULL, NULL, 1);
}

Test(kernels, quantize_rounds_to_even_and_defines_what_is_no_number)
{
    static const struct {
        float x[4];
        int8_t q[4];
        float scale;
    } rows[] = {{{127, 0.5f, -1.5f, -127}, {127, 0, -2, -127}, 1},
                {{0, -0.0f, 0, 0}, {0, 0, 0, 0}, 0},
                {{NAN, 254, -NAN, 127}, {0, 127, 0, 64}, 2}, /* 63.5 to even */
                {{INFINITY, -INFINITY, 1, FLT_MAX}, {127, -127, 0, 127}, FLT_MAX / 127},
                /* 2^-149 FLT_MAX = 2^-21: below a half; its scale rounds to 0 */
                {{0x1p-149f, -0x1p-149f, 0, 0}, {0, 0, 0, 0}, 0},
                /* 127 / 2^-126 = 127 * 2^126 is 15.9 * 2^129: FLT_MAX stands for it, and 2^-126
                 * FLT_MAX = 4 - 2^-22 */
                {{0x1p-126f, -0x1p-127f, 0, 0}, {4, -2, 0, 0}, 0x1p-126f / 127}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int8_t q[4];
        float scale;
        quantize(rows[i].x, 4, q, &scale);
        cr_assert_arr_eq(q, rows[i].q, 4, "row %zu: %d %d %d %d", i, q[0], q[1], q[2], q[3]);
        cr_assert_eq(scale, rows[i].scale, "row %zu", i);
    }
}

/* --- the check of gate ----------------------------------------------------------------------- */

/* Two groups of four, one kept, two chosen. s(0) = 1/2, s(log 3) = 3/4, s(-log 3) = 1/4. */
#define LOG3 1.0986123f

static uint64_t errors(const float score[8], uint32_t first, uint32_t second, float w0, float w1)
{
    static const float bias[8] = {0};
    uint32_t expert[2] = {first, second};
    float weight[2] = {w0, w1};
    struct sn_gate g = {1, 8, 2, 1, 2, 1, score, bias, expert, weight, 8};
    struct sn_check k = {0};
    sn_gate_check(&g, &k);
    return k.errors;
}

Test(kernels, gate_check_knows_right_from_wrong)
{
    static const float score[8] = {0, LOG3, -LOG3, 0, LOG3, -LOG3, -LOG3, -LOG3};
    /* 1/2 + 3/4 beats 3/4 + 1/4; of the two 1/2 the lower one. */
    cr_assert_eq(errors(score, 1, 0, 0.6f, 0.4f), 0u);
    cr_assert_gt(errors(score, 0, 1, 0.4f, 0.6f), 0u, "order");
    cr_assert_gt(errors(score, 1, 3, 0.6f, 0.4f), 0u, "tie");
    cr_assert_gt(errors(score, 1, 2, 0.75f, 0.25f), 0u, "a better one passed over");
    cr_assert_gt(errors(score, 4, 5, 0.75f, 0.25f), 0u, "wrong group");
    cr_assert_gt(errors(score, 1, 4, 0.5f, 0.5f), 0u, "two groups");
    cr_assert_gt(errors(score, 1, 1, 0.5f, 0.5f), 0u, "twice");
    cr_assert_gt(errors(score, 1, 8, 0.5f, 0.5f), 0u, "no expert");
    cr_assert_gt(errors(score, 1, 0, 0.600002f, 0.4f), 0u, "weight");
    cr_assert_gt(errors(score, 1, 0, NAN, 0.4f), 0u, "no number");
}

Test(kernels, gate_check_allows_what_exp_may_do)
{
    float score[8] = {0, 3e-7f, -LOG3, -LOG3, -LOG3, -LOG3, -LOG3, -LOG3};
    cr_assert_eq(errors(score, 0, 1, 0.5f, 0.5f), 0u, "b differ by 7.5e-8");
    cr_assert_eq(errors(score, 1, 0, 0.5f, 0.5f), 0u);
    score[1] = 3e-5f;
    cr_assert_gt(errors(score, 0, 1, 0.5f, 0.5f), 0u, "b differ by 7.5e-6");
}

Test(kernels, gate_ties_of_groups_go_to_the_lower)
{
    static const float score[8] = {0};
    cr_assert_eq(errors(score, 0, 1, 0.5f, 0.5f), 0u);
    cr_assert_gt(errors(score, 4, 5, 0.5f, 0.5f), 0u);
}

Test(kernels, gate_reference_does_what_the_check_wants)
{
    static const float score[8] = {NAN, -INFINITY, -200, -300, -INFINITY, NAN, -100, -100},
                       bias[8] = {0};
    uint32_t expert[2];
    float weight[2], scratch[64];
    union sn_problem p = {.gate = {1, 8, 2, 1, 2, 2.5f, score, bias, expert, weight, 8}};
    sn_kernel_run(sn_kernel_at(SN_OP_GATE, 0), &p, NULL, scratch, 1);
    cr_assert(expert[0] == 0 && expert[1] == 1, "all s are 0: by number");
    cr_assert(weight[0] == 1.25f && weight[1] == 1.25f, "sum 0: scale / K");
}

/* --- peak ------------------------------------------------------------------------------------ */

Test(kernels, peak_does_the_operations_that_it_says)
{
    for (int kind = 0; kind < SN_PEAKS; kind++)
        for (unsigned i = 0; i < SN_PEAK_SEQUENCES; i++) {
            double ops = sn_peak_ops((enum sn_peak_kind)kind, i, NULL);
            if (ops > 0)
                cr_assert_eq(sn_peak_run((enum sn_peak_kind)kind, i, 7), 7 * ops / 2);
        }
}
