/* kernels/cost.h and kernels/device.h: figures worked by hand, and the model's properties. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "harness/base/status.h"
#include "kernels/device.h"

static void expect(double got, double want, const char *what)
{
    cr_expect(fabs(got - want) <= 1e-12 * fabs(want), "%s: %.17g, not %.17g", what, got, want);
}

static void expect_cost(const struct sn_cost *c, double ops, double w, double a, double o)
{
    expect(c->ops, ops, "operations");
    expect(c->weight_bytes, w, "weights");
    expect(c->activation_bytes, a, "activations");
    expect(c->output_bytes, o, "output");
}

static double intensity(const struct sn_cost *c, double bytes)
{
    return c->ops / bytes;
}

Test(cost, gemm)
{
    struct sn_cost c;
    union sn_problem p = {
        .gemm = {.m = 3, .n = 5, .k = 7, .a_type = SN_U8, .c_type = SN_BF16, .lda = 7}};
    sn_cost_of(SN_OP_GEMM, &p, &c);
    expect_cost(&c, 210, 35 + 20, 21 + 12, 30);
    p.gemm.m = 0; /* nothing is touched */
    sn_cost_of(SN_OP_GEMM, &p, &c);
    expect_cost(&c, 0, 0, 0, 0);
}

Test(cost, grouped_gemm_counts_groups_that_have_rows)
{
    static const uint32_t first[] = {0, 4, 4, 5};
    struct sn_cost c;
    union sn_problem p = {
        .grouped_gemm = {
            .groups = 3, .n = 2, .k = 8, .first = first, .a_type = SN_S8, .c_type = SN_F32}};
    sn_cost_of(SN_OP_GROUPED_GEMM, &p, &c);
    expect_cost(&c, 2 * 5 * 2 * 8, 2 * (16 + 8), 40 + 20 + 16, 40);
    expect(c.shapes[0].value, 2.5, "rows a group");
}

Test(cost, quantize_and_gate)
{
    struct sn_cost c;
    union sn_problem q = {.quantize = {.t = 2, .h = 10, .x_type = SN_BF16, .q_type = SN_U8}};
    sn_cost_of(SN_OP_QUANTIZE, &q, &c);
    expect_cost(&c, 40, 0, 40, 20 + 8);
    union sn_problem g = {.gate = {.t = 3, .e = 16, .groups = 4, .kept = 2, .k = 4}};
    sn_cost_of(SN_OP_GATE, &g, &c);
    expect_cost(&c, 5 * 3 * 16, 0, 4 * 3 * 16 + 4 * 16, 8 * 3 * 4);
}

/* "Expert weights: 3 h I bytes in int8 (44 MB for h 7168, I 2048)": 44,040,192, and a scale of 4
 * bytes per output channel. */
Test(cost, moe_of_one_expert)
{
    static const uint32_t expert[] = {2, 2, 2};
    struct sn_cost c;
    union sn_problem p = {
        .moe = {.t = 2, .h = 7168, .i = 2048, .experts = 4, .copies = 3, .expert = expert}};
    sn_cost_of(SN_OP_MOE, &p, &c);
    expect_cost(&c, 3 * (6. * 7168 * 2048 + 6 * 2048 + 2 * 7168), 44040192 + 4 * (2 * 2048 + 7168),
                2 * 7168 + 8 + 36, 2 * 2 * 7168);
    expect(c.shapes[0].value, 3, "copies an expert that has some");
}

/* E_act = E_loc (1 - (1 - k/E)^N): 8 experts, one token to one of 8 each, two tokens: 8 (1 - 49/64)
 * = 1.875. */
Test(cost, experts_that_have_tokens)
{
    expect(sn_cost_active_experts(8, 8, 1, 2), 1.875, "two of eight");
    expect(sn_cost_active_experts(32, 256, 8, 1), 1, "a token's 8 of 256 on an eighth of them");
    struct sn_cost c;
    union sn_problem p = {.moe = {.t = 2, .h = 4, .i = 2, .experts = 8, .copies = 2}};
    sn_cost_of(SN_OP_MOE, &p, &c);
    expect(c.weight_bytes, 1.875 * (24 + 4 * 8), "weights of the expected experts");
}

/* The notes: F = 2 heads (576 + 512) ctx per token, Q = 576 x 2 ctx bytes per request: 242 FLOP/B,
 * with a speculative token 484. */
Test(cost, mla_decode)
{
    static const uint32_t length[] = {4096, 4096};
    struct sn_cost c;
    union sn_problem p = {.mla = {.requests = 2,
                                  .queries = 1,
                                  .heads = 128,
                                  .latent = 512,
                                  .rope = 64,
                                  .page = 128,
                                  .pages_per_request = 32,
                                  .kv_type = SN_BF16,
                                  .length = length}};
    double kv = 2 * 4096 * 1152., rest = 2 * (128 * 576 * 2 + 4) + 4 * 64;
    sn_cost_of(SN_OP_MLA, &p, &c);
    expect_cost(&c, 2. * 2 * 128 * 1088 * 4096, 0, kv + rest, 2 * 128 * 512 * 2);
    cr_expect_float_eq(intensity(&c, kv), 242, 0.5);
    p.mla.queries = 2; /* the first of the two does not see the second */
    sn_cost_of(SN_OP_MLA, &p, &c);
    expect(c.ops, 2. * 2 * 128 * 1088 * (4095 + 4096), "operations with speculation");
    cr_expect_float_eq(intensity(&c, kv), 484, 1);
    p.mla.kv_type = SN_S8;
    sn_cost_of(SN_OP_MLA, &p, &c);
    expect(c.activation_bytes, 2 * 4096 * 580. + 2 * (2 * 128 * 576 * 2 + 4) + 4 * 64,
           "cache of int8");
}

Test(cost, mla_prolog)
{
    struct sn_cost c;
    union sn_problem p = {.mla_prolog = {.t = 2,
                                         .hidden = 7168,
                                         .q_rank = 1536,
                                         .latent = 512,
                                         .rope = 64,
                                         .nope = 128,
                                         .heads = 128}};
    sn_cost_of(SN_OP_MLA_PROLOG, &p, &c);
    double q_down = 7168. * 1536, q_up = 1536. * 128 * 192, kv = 7168. * 576,
           absorb = 128. * 128 * 512;
    expect_cost(&c, 2 * 2 * (q_down + q_up + kv + absorb) + 6 * 2 * 7168,
                q_down + q_up + kv + 2 * absorb + 4 * (1536 + 128 * 192 + 576) +
                    4 * (7168 + 1536 + 512),
                2 * 2 * 7168 + 8, 2 * 2 * 128 * 576 + 2 * 2 * 576);
}

/* Causal: prompts of 3 and 2 rows see 6 + 3. */
Test(cost, mla_prefill)
{
    static const uint32_t first[] = {0, 3, 5};
    struct sn_cost c;
    union sn_problem p = {
        .mla_prefill = {.prompts = 2, .heads = 2, .qk = 6, .v_dim = 4, .first = first}};
    sn_cost_of(SN_OP_MLA_PREFILL, &p, &c);
    expect_cost(&c, 2 * 2 * 10 * 9, 0, 5 * 2 * 2 * 16 + 12, 5 * 2 * 2 * 4);
    expect(c.shapes[0].value, 9 / 5., "rows that a row sees");
}

Test(cost, sums_are_those_of_the_parts)
{
    static const uint32_t first[] = {0, 9, 20}, length[] = {30, 40};
    union sn_problem problems[SN_OPS] = {
        [SN_OP_GEMM] = {.gemm = {.m = 20, .n = 9, .k = 5}},
        [SN_OP_GROUPED_GEMM] = {.grouped_gemm = {.groups = 2, .n = 3, .k = 4, .first = first}},
        [SN_OP_QUANTIZE] = {.quantize = {.t = 7, .h = 9}},
        [SN_OP_GATE] = {.gate = {.t = 7, .e = 8, .groups = 2, .kept = 1, .k = 2}},
        [SN_OP_MOE] = {.moe = {.t = 5, .h = 6, .i = 7, .experts = 3, .copies = 11}},
        [SN_OP_MLA] = {.mla = {.requests = 2,
                               .queries = 2,
                               .heads = 3,
                               .latent = 8,
                               .rope = 2,
                               .page = 16,
                               .kv_type = SN_BF16,
                               .length = length}},
        [SN_OP_MLA_PROLOG] = {.mla_prolog = {.t = 3,
                                             .hidden = 20,
                                             .q_rank = 9,
                                             .latent = 8,
                                             .rope = 2,
                                             .nope = 4,
                                             .heads = 3}},
        [SN_OP_MLA_PREFILL] =
            {.mla_prefill = {.prompts = 2, .heads = 3, .qk = 6, .v_dim = 4, .first = first}},
        [SN_OP_STREAM] = {.memory = {.kind = SN_MEMORY_TRIAD, .n = 100}},
    };
    for (int op = 0; op < SN_OPS; op++) {
        struct sn_cost c;
        double ops = 0, bytes = 0, inner = 0, fixed = 0;
        sn_cost_of((enum sn_op)op, &problems[op], &c);
        for (unsigned i = 0; i < c.n_parts; i++) {
            ops += c.parts[i].ops;
            bytes += sn_cost_part_bytes(&c.parts[i]);
            inner += c.parts[i].inner_bytes;
            fixed = fmax(fixed, c.parts[i].fixed_bytes -
                                    (sn_cost_part_bytes(&c.parts[i]) - c.parts[i].inner_bytes));
        }
        cr_expect(c.ops > 0 && c.n_shapes > 0, "%s", sn_op_names[op]);
        expect(ops, c.ops, sn_op_names[op]);
        expect(bytes - inner, c.weight_bytes + c.activation_bytes + c.output_bytes,
               sn_op_names[op]);
        cr_expect(fixed <= 0, "%s: more bytes are fixed than there are", sn_op_names[op]);
    }
}

/* --- a device --------------------------------------------------------------------------------- */

#define FIGURE(x) ((struct sn_figure){x, SN_FIGURE_SPEC, "s"})

/* 1e12 int8 op/s, 1e10 B/s, 10 us a launch; compute 0.5 at 100 rows, 0.8 at 200; memory 0.8. */
static struct sn_device_point rising[] = {{100, 0.5}, {200, 0.8}}, flat[] = {{0, 0.8}};
static struct sn_device_range narrow[] = {{"k", 1, 4096}};

static struct sn_device by_hand(struct sn_device_table tables[2])
{
    tables[0] = (struct sn_device_table){.ops = 1u << SN_OP_GEMM,
                                         .roof = SN_DEVICE_COMPUTE,
                                         .over = "m",
                                         .points = rising,
                                         .n_points = 2,
                                         .valid = narrow,
                                         .n_valid = 1,
                                         .class = SN_FIGURE_CALIBRATED,
                                         .source = "s"};
    tables[1] = (struct sn_device_table){.ops = 1u << SN_OP_GEMM,
                                         .roof = SN_DEVICE_MEMORY,
                                         .points = flat,
                                         .n_points = 1,
                                         .class = SN_FIGURE_CALIBRATED,
                                         .source = "s"};
    return (struct sn_device){.name = "hand",
                              .peak = {[SN_PEAK_INT8] = FIGURE(1e12)},
                              .memory = FIGURE(1e10),
                              .launch = FIGURE(10e-6),
                              .tables = tables,
                              .n_tables = 2};
}

static struct sn_device_time gemm_time(const struct sn_device *d, size_t m, size_t n, size_t k)
{
    struct sn_cost c;
    struct sn_device_time t;
    union sn_problem p = {.gemm = {.m = m, .n = n, .k = k, .c_type = SN_F32}};
    sn_cost_of(SN_OP_GEMM, &p, &c);
    sn_device_predict(d, SN_OP_GEMM, &c, &t);
    return t;
}

Test(device, time_by_hand)
{
    struct sn_device_table tables[2];
    struct sn_device d = by_hand(tables);
    char where[SN_DEVICE_WHERE];
    cr_assert_eq(sn_device_check(&d, where), SN_OK, "%s", sn_status_message());

    /* 2 x 100 x 1000 x 1000 = 2e8 op at half of 1e12/s: 400 us; bytes (1e6 + 4000 + 1e5 + 400 +
     * 4e5) / 8e9 = 188 us. */
    struct sn_device_time t = gemm_time(&d, 100, 1000, 1000);
    expect(t.part_s[0], 400e-6, "100 rows");
    expect(t.s, 410e-6, "with launch");
    expect(t.limit_s, 200e-6, "bound");
    cr_expect_eq(t.flags, 0);
    /* 200 rows: 4e8 / 0.8e12 = 500 us. 150 rows lie between in time: 450 us, not 3e8 op at 0.65. */
    expect(gemm_time(&d, 200, 1000, 1000).part_s[0], 500e-6, "200 rows");
    expect(gemm_time(&d, 150, 1000, 1000).part_s[0], 450e-6, "150 rows");

    /* One row: memory decides, and its table is a constant: (1e6 + 4000 + 1000 + 4 + 4000) / 8e9.
     */
    t = gemm_time(&d, 1, 1000, 1000);
    expect(t.part_s[0], 1009004 / 8e9, "one row");
    cr_expect_eq(t.flags, 0, "what decides is inside its table");
    expect(gemm_time(&d, 0, 1000, 1000).s, 10e-6, "no rows");
}

Test(device, outside_of_its_tables_it_extrapolates)
{
    struct sn_device_table tables[2];
    struct sn_device d = by_hand(tables);
    struct sn_device_time t = gemm_time(&d, 400, 1000, 1000);
    expect(t.part_s[0], 8e8 / 0.8e12, "400 rows, as efficient as 200");
    cr_expect_eq(t.flags, SN_DEVICE_EXTRAPOLATED);
    cr_expect_eq(gemm_time(&d, 150, 1000, 5000).flags, SN_DEVICE_EXTRAPOLATED, "k is not valid");

    /* An operation without a table: the roofs themselves, and flagged. */
    struct sn_cost c;
    union sn_problem p = {.quantize = {.t = 10, .h = 1000, .x_type = SN_F32, .q_type = SN_S8}};
    sn_cost_of(SN_OP_QUANTIZE, &p, &c);
    sn_device_predict(&d, SN_OP_QUANTIZE, &c, &t);
    expect(t.part_s[0], 50040 / 1e10, "at the roof");
    cr_expect_eq(t.flags, SN_DEVICE_EXTRAPOLATED | SN_DEVICE_NO_PEAK, "f32 has no peak");
}

/* 5 tiles on 4 cores take two rounds: 5/8 of the cores work. */
Test(device, waves)
{
    struct sn_device_table tables[2];
    struct sn_device d = by_hand(tables);
    d.cores = FIGURE(4);
    d.tile_rows = FIGURE(100);
    d.tile_cols = FIGURE(256);
    struct sn_cost_part p = {.grids = 1, .rows = 100, .cols = 1200};
    expect(sn_device_wave(&d, &p), 5 / 8., "five tiles");
    p.rows = 301; /* 4 x 5 */
    expect(sn_device_wave(&d, &p), 1, "twenty tiles");
    expect(gemm_time(&d, 100, 1200, 1000).part_s[0], 2.4e8 / 0.5e12 / (5 / 8.), "in time");
}

Test(device, inner_bytes_stay_in_the_cache_that_holds_them)
{
    struct sn_device d = {.memory = FIGURE(1e10),
                          .peak = {FIGURE(1e15), FIGURE(1e15), FIGURE(1e15)}};
    struct sn_cost c;
    struct sn_device_time without, with;
    union sn_problem p = {.moe = {.t = 100, .h = 10, .i = 1000, .experts = 1, .copies = 100}};
    sn_cost_of(SN_OP_MOE, &p, &c);
    sn_device_predict(&d, SN_OP_MOE, &c, &without);
    d.l2 = FIGURE(1e11);
    d.l2_bytes = FIGURE(1e6);
    sn_device_predict(&d, SN_OP_MOE, &c, &with);
    /* 2 (100 x 1000 + 400) bytes */
    expect(without.s - with.s, 200800 / 1e10 - 200800 / 1e11, "ten times as fast");
    d.l2_bytes = FIGURE(1e5);
    sn_device_predict(&d, SN_OP_MOE, &c, &with);
    expect(with.s, without.s, "too small a cache");
    expect(with.limit_s, without.limit_s, "no bound is made of inner bytes");
}

/* More rows never take less time, and no time is below its bound. */
Test(device, time_grows_with_rows)
{
    struct sn_device_table tables[2];
    struct sn_device d = by_hand(tables);
    double before = 0;
    for (size_t m = 0; m < 500; m++) {
        struct sn_device_time t = gemm_time(&d, m, 700, 900);
        cr_expect(t.s >= before && t.s >= t.limit_s, "%zu rows", m);
        before = t.s;
    }
}

Test(device, contradictions)
{
    struct sn_device_table tables[2];
    char where[SN_DEVICE_WHERE];
    struct sn_device d = by_hand(tables);
    d.peak[SN_PEAK_INT8].value = -1;
    cr_expect_eq(sn_device_check(&d, where), SN_EINVAL);
    cr_expect_str_eq(where, "peak.int8");
    d = by_hand(tables);
    d.memory = (struct sn_figure){NAN, SN_FIGURE_NONE, NULL};
    cr_expect_eq(sn_device_check(&d, where), SN_EINVAL);
    cr_expect_str_eq(where, "memory");
    d = by_hand(tables);
    tables[1].roof = SN_DEVICE_COMPUTE;
    cr_expect_eq(sn_device_check(&d, where), SN_EINVAL);
    cr_expect_str_eq(where, "efficiency.1");
    d = by_hand(tables);
    tables[0].over = "ctx";
    cr_expect_eq(sn_device_check(&d, where), SN_EINVAL);
    d = by_hand(tables);
    struct sn_device_point down[] = {{200, 0.5}, {100, 0.8}}, above[] = {{100, 1.5}};
    tables[0].points = down;
    cr_expect_eq(sn_device_check(&d, where), SN_EINVAL);
    cr_expect_str_eq(where, "efficiency.0.points.1");
    tables[0].points = above;
    tables[0].n_points = 1;
    cr_expect_eq(sn_device_check(&d, where), SN_EINVAL);
    cr_expect_str_eq(where, "efficiency.0.points.0");
}
