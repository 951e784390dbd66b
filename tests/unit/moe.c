/* The dispatch problem's arithmetic: what it refuses, its bounds, and its inputs. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "comm/moe.h"

static const struct sn_moe_shape shape = {.dies = 320,
                                          .tokens = 128,
                                          .hidden = 7168,
                                          .experts = 256,
                                          .topk = 8,
                                          .redundant = 32,
                                          .shared = 32,
                                          .dtype = SN_DTYPE_INT8};

Test(moe, pair_max_is_the_supernodes_buffer)
{
    /* EP320 with 320 slots: a die holds one, so a token sends it at most one copy (arXiv
     * 2506.12708 sizes its buffers by ranks x tokens). */
    cr_assert_eq(sn_moe_pair_max(&shape), 128);
    struct sn_moe_shape s = shape;
    s.dies = 2;
    cr_assert_eq(sn_moe_pair_max(&s), 128 * 9); /* every copy may go to one of two dies */
    s.dies = 100;
    cr_assert_eq(sn_moe_pair_max(&s), 128 * 4); /* 320 slots on 100 dies: at most 4 a die */
}

Test(moe, refuses_with_a_reason)
{
    cr_assert_null(sn_moe_unsupported(&shape));
    struct {
        struct sn_moe_shape s;
        const char *says;
    } bad[7];
    for (size_t i = 0; i < 7; i++)
        bad[i].s = shape;
    bad[0].s.topk = 257, bad[0].says = "larger than experts";
    bad[1].s.topk = 64, bad[1].says = "64 copies";
    bad[2].s.hidden = 24, bad[2].says = "multiple of 128"; /* int8 */
    bad[3].s.hidden = 7169, bad[3].says = "multiple of 128";
    bad[4].s.hidden = 16512, bad[4].says = "16384";
    bad[5].s.experts = 65535, bad[5].says = "slots";
    bad[6].s.dies = 65536, bad[6].says = "dies";
    for (size_t i = 0; i < 7; i++) {
        const char *why = sn_moe_unsupported(&bad[i].s);
        cr_assert(why && strstr(why, bad[i].says), "%zu: %s", i, why ? why : "accepted");
    }
}

/* Dies without an expert are no error, and bf16 goes down to 8 values: a copy of 24 is 64 bytes. */
Test(moe, takes_idle_dies_and_small_copies)
{
    struct sn_moe_shape s = shape;
    s.dies = 321;
    cr_assert_null(sn_moe_unsupported(&s));
    s.dtype = SN_DTYPE_BF16;
    s.hidden = 24;
    cr_assert_null(sn_moe_unsupported(&s));
    cr_assert_eq(sn_codec_copy_bytes(s.dtype, s.hidden), 64);
    s.hidden = 136; /* from 128 on in steps of 128, as the fast variants are */
    cr_assert_not_null(sn_moe_unsupported(&s));
    s.hidden = 20;
    cr_assert_not_null(sn_moe_unsupported(&s));
}

Test(moe, inputs_fill_the_int8_range_and_differ)
{
    struct sn_moe m = {.shape = shape, .seed = 3};
    static uint16_t x[7168], y[7168];
    static int8_t q[7168 + 496];
    for (unsigned t = 0; t < 8; t++) {
        unsigned seen = 0, count[256] = {0};
        sn_moe_input(&m, 5, t, x);
        sn_moe_input(&m, 5, t, y);
        cr_assert_eq(memcmp(x, y, sizeof x), 0);
        sn_moe_input(&m, 5, t + 1, y);
        cr_assert_neq(memcmp(x, y, sizeof x), 0);
        sn_codec_encode(sn_codecs[0], SN_DTYPE_INT8, 7168, x, q);
        for (size_t h = 0; h < 7168; h++)
            seen += !count[(uint8_t)q[h]]++;
        cr_assert_geq(seen, 240, "token %u: only %u of 255 codes", t, seen);
        cr_assert_eq(count[128], 0); /* -128 */
    }
}

Test(moe, factors_are_powers_of_two)
{
    for (unsigned e = 0; e < 20; e++) {
        float f = sn_moe_factor((uint16_t)e);
        cr_assert(f == 0.25f || f == 0.5f || f == 1 || f == 2 || f == 4);
    }
    cr_assert_neq(sn_moe_factor(0), sn_moe_factor(1));
    cr_assert_eq(sn_moe_factor(SN_EXPERT_SHARED), 0.5f);
}

Test(moe, memory_of_ep320_is_the_published_order)
{
    /* ranks x tokens x copy, double-buffered: 320 x 128 x 7,680 B x 2 = 629 MB, and the answers. */
    const struct sn_moe_algorithm *put = sn_moe_algorithms[2];
    cr_assert_str_eq(put->name, "put");
    for (size_t t = 0; sn_transports[t]; t++) {
        uint64_t bytes = put->memory(&shape, 16, 1, sn_transports[t]);
        uint64_t copies = 2ull * 320 * 128 * 7680, answers = 320ull * 128 * 14336;
        cr_assert_geq(bytes, copies + answers);
        cr_assert_leq(bytes, copies + 3 * answers + copies / 2 + (8 << 20));
    }
}
