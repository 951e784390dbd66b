/* The check of the experts' FFN: another exp passes, one wrong term does not. Expected values are
 * made here in double precision, from the formulas of snbench.h, by loops of another order. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/moe_check.h"
#include "harness/base/bf16.h"
#include "harness/base/rng.h"

enum { T = 5, H = 96, I = 700, E = 3, C = 8 };

struct arrays {
    uint8_t x[T * H];
    int8_t w1[E * 2 * I * H], w2[E * H * I];
    float sx[T], s1[E * 2 * I], s2[E * H], weight[C], slack[C];
    uint32_t token[C], expert[C];
    uint16_t want[T * H], got[T * H];
};

static void fill(struct arrays *a, uint64_t seed)
{
    struct sn_rng rng = sn_rng_make(seed, 1);
    for (size_t i = 0; i < sizeof a->x; i++)
        a->x[i] = (uint8_t)sn_rng_next(&rng);
    for (size_t i = 0; i < sizeof a->w1; i++)
        a->w1[i] = (int8_t)sn_rng_next(&rng);
    for (size_t i = 0; i < sizeof a->w2; i++)
        a->w2[i] = (int8_t)sn_rng_next(&rng);
    for (size_t i = 0; i < T; i++)
        a->sx[i] = (float)(0.01 + 0.01 * sn_rng_uniform(&rng));
    for (size_t i = 0; i < E * 2 * I; i++)
        a->s1[i] = (float)(0.001 + 0.003 * sn_rng_uniform(&rng));
    for (size_t i = 0; i < E * H; i++)
        a->s2[i] = (float)(0.001 + 0.001 * sn_rng_uniform(&rng));
    for (size_t c = 0; c < C; c++) {
        a->weight[c] = (float)(0.1 + sn_rng_uniform(&rng));
        a->token[c] = (uint32_t)sn_rng_below(&rng, T - 1); /* the last has none */
        a->expert[c] = (uint32_t)sn_rng_below(&rng, E);
    }
}

static struct sn_moe_ffn problem(struct arrays *a, uint16_t *out)
{
    return (struct sn_moe_ffn){.t = T,
                               .h = H,
                               .i = I,
                               .experts = E,
                               .copies = C,
                               .x = a->x,
                               .sx = a->sx,
                               .token = a->token,
                               .expert = a->expert,
                               .weight = a->weight,
                               .w1 = a->w1,
                               .w2 = a->w2,
                               .s1 = a->s1,
                               .s2 = a->s2,
                               .out = out,
                               .slack = a->slack};
}

static double projected(const struct arrays *a, size_t c, size_t row)
{
    size_t t = a->token[c], n = a->expert[c] * 2 * I + row;
    double sum = 0;
    for (size_t h = H; h-- > 0;)
        sum += (a->x[t * H + h] - 128.0) * a->w1[n * H + h];
    return sum * a->sx[t] * a->s1[n];
}

/* out += weight y of copy c, in double; the term of the largest q left out where `lose`. */
static void add_copy(const struct arrays *a, size_t c, bool lose, double *out)
{
    double act[I], amax = 0;
    size_t largest = 0;
    for (size_t i = 0; i < I; i++) {
        double g = projected(a, c, i);
        act[i] = g / (1 + exp(-g)) * projected(a, c, I + i);
        if (fabs(act[i]) > amax) {
            amax = fabs(act[i]);
            largest = i;
        }
    }
    for (size_t h = 0; h < H; h++) {
        size_t n = a->expert[c] * H + h;
        double sum = 0;
        for (size_t i = 0; i < I; i++)
            if (!lose || i != largest)
                sum += rint(act[i] * 127 / amax) * a->w2[n * I + i];
        out[a->token[c] * H + h] += a->weight[c] * sum * amax / 127 * a->s2[n];
    }
}

static void in_double(struct arrays *a, bool lose)
{
    double out[T * H] = {0};
    for (size_t c = C; c-- > 0;)
        add_copy(a, c, lose && c == 0, out);
    for (size_t i = 0; i < T * H; i++)
        a->got[i] = sn_bf16_from_f32((float)out[i]);
}

static uint64_t errors(struct arrays *a, unsigned flags)
{
    union sn_problem got = {.moe = problem(a, a->got)}, want = {.moe = problem(a, a->want)};
    const struct sn_kernel by = {.flags = flags};
    struct sn_check k = {0};
    sn_moe_compare(&by, &got, &want, &k);
    cr_assert_eq(k.compared, T * H);
    return k.errors;
}

static struct arrays *expected(uint64_t seed)
{
    struct arrays *a = calloc(1, sizeof *a);
    fill(a, seed);
    union sn_problem want = {.moe = problem(a, a->want)};
    void *packed = malloc(sn_kernel_packed_bytes(&sn_moe_ref, &want, 1)),
         *scratch = malloc(sn_kernel_scratch_bytes(&sn_moe_ref, &want, 1));
    sn_moe_ref.prepare(&want, 1, packed);
    sn_kernel_run(&sn_moe_ref, &want, packed, scratch, 1);
    free(packed);
    free(scratch);
    return a;
}

Test(moe_check, double_precision_is_within_the_bound)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct arrays *a = expected(seed);
        in_double(a, false);
        cr_expect_eq(errors(a, 0), 0, "seed %d", (int)seed);
        free(a);
    }
}

Test(moe_check, a_lost_term_is_found)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct arrays *a = expected(seed);
        in_double(a, true);
        cr_expect_gt(errors(a, 0), H / 8, "seed %d", (int)seed);
        free(a);
    }
}

Test(moe_check, one_wrong_element_is_found)
{
    struct arrays *a = expected(7);
    memcpy(a->got, a->want, sizeof a->got);
    cr_expect_eq(errors(a, 0), 0);
    cr_expect_eq(errors(a, SN_KERNEL_SAME_BITS), 0);
    size_t i = a->token[0] * H + 5;
    a->got[i] ^= 1; /* a rounding: allowed where the bits are not promised */
    cr_expect_eq(errors(a, 0), 0);
    cr_expect_eq(errors(a, SN_KERNEL_SAME_BITS), 1);
    a->got[i] = a->want[i] ^ 0x10; /* an eighth, or more, of its value */
    cr_expect_eq(errors(a, 0), 1);
    a->got[i] = a->want[i];
    a->got[(T - 1) * H] = 0x3c00; /* a token without copies */
    cr_expect_eq(errors(a, 0), 1);
    free(a);
}
