/* comm/fabric/moe_model.h: times by hand to the picosecond, and what must hold for any routing. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "comm/fabric/moe_model.h"
#include "comm/moe_check.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

/* Two dies a node; 1 byte takes 1,000 ps through a port, 500 in a die, 1 in the memory of cost. */
static const struct sn_profile *by_hand(struct net_profile *n)
{
    *n = (struct net_profile){
        .p = {.name = "hand", .dies = 4, .dies_per_npu = 1, .dies_per_node = 2, .n_ports = 1}};
    n->p.ports = n->ports;
    n->ports[0] = (struct sn_profile_port){.name = "p", .bandwidth = FIGURE(1e9)};
    net_no_paths(n);
    n->p.paths[SN_PATH_SELF].bandwidth = FIGURE(2e9);
    n->p.paths[SN_PATH_NODE] = net_path(0, 5e-6, 1e9);
    n->p.paths[SN_PATH_SUPERNODE] = net_path(0, 7e-6, 1e9);
    n->p.cost.launch = FIGURE(10e-6);
    n->p.cost.issue = FIGURE(100e-9);
    n->p.cost.flag = FIGURE(50e-9);
    n->p.cost.sync_base = FIGURE(10e-9);
    n->p.cost.sync_step = FIGURE(20e-9);
    n->p.cost.memory = FIGURE(1e12);
    return &n->p;
}

/* A model whose routing is that of the draws, or what the caller writes into draw.to. */
struct bed {
    struct net_profile figures;
    const struct sn_profile *p;
    struct sn_moe moe;
    struct sn_moe_draw draw;
    struct sn_moe_model model;
};

static void open_bed(struct bed *b, const struct sn_profile *p, const struct sn_moe_shape *s,
                     const char *routing, enum sn_moe_schedule schedule)
{
    b->p = p;
    b->model = (struct sn_moe_model){.moe = &b->moe,
                                     .draw = &b->draw,
                                     .profile = p,
                                     .schedule = schedule,
                                     .dies_per_node = p->dies_per_node};
    cr_assert_eq(sn_moe_open_routing(&b->moe, s, routing, 1), SN_OK, "%s", sn_status_message());
    cr_assert_eq(sn_net_open(&b->model.net, p, s->dies, NULL), SN_OK, "%s", sn_status_message());
    sn_moe_draw_open(&b->draw, s);
    sn_moe_draw_set(&b->draw, &b->moe, 0);
}

static void close_bed(struct bed *b)
{
    sn_moe_model_close(&b->model);
    sn_net_close(b->model.net);
    sn_moe_draw_close(&b->draw);
    sn_moe_close(&b->moe);
}

static struct sn_moe_time leg(struct bed *b, enum sn_moe_leg which)
{
    struct sn_moe_time t;
    int64_t sum = 0;
    cr_assert_eq(sn_moe_model_leg(&b->model, which, &t), SN_OK, "%s", sn_status_message());
    for (int i = 0; i < SN_MOE_PARTS; i++) {
        cr_assert_geq(t.part_ps[i], 0, "%s: %lld", sn_moe_part_words[i], (long long)t.part_ps[i]);
        sum += t.part_ps[i];
    }
    cr_assert_eq(sum, t.total_ps);
    cr_assert_leq(t.bound_ps, t.total_ps);
    return t;
}

static void expect(const struct sn_moe_time *t, const int64_t parts[SN_MOE_PARTS])
{
    for (int i = 0; i < SN_MOE_PARTS; i++)
        cr_assert_eq(t->part_ps[i], parts[i], "%s: %lld, not %lld", sn_moe_part_words[i],
                     (long long)t->part_ps[i], (long long)parts[i]);
}

static struct sn_moe_shape shape_of(unsigned dies, unsigned tokens, unsigned topk)
{
    return (struct sn_moe_shape){.dies = dies,
                                 .tokens = tokens,
                                 .hidden = 128,
                                 .experts = dies * topk,
                                 .topk = topk,
                                 .dtype = SN_DTYPE_INT8}; /* a copy has 640 bytes, an answer 256 */
}

/* Opens a bed by hand with the dies of all copies given. */
static void open_by_hand(struct bed *b, const struct sn_moe_shape *s, enum sn_moe_schedule schedule,
                         const uint16_t *to)
{
    open_bed(b, by_hand(&b->figures), s, "uniform", schedule);
    memcpy(b->draw.to, to, s->dies * b->draw.per_die * sizeof *to);
    sn_moe_draw_count(&b->draw);
}

/* --- by hand ------------------------------------------------------------------------------------
 */

/* Die 0 sends its one copy to die 1, which keeps its own. */
Test(moe_model, one_copy)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(2, 1, 1);
    open_by_hand(&b, &s, SN_MOE_COPIES, (const uint16_t[]){1, 1});
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    expect(&t, (const int64_t[SN_MOE_PARTS]){[SN_MOE_LAUNCH] = 10000000,
                                             [SN_MOE_QUANTISE] = 128 * 3,
                                             [SN_MOE_INJECT] = 640 * 1000,
                                             [SN_MOE_LATENCY] = 5000000,
                                             [SN_MOE_FLAGS] = (50000 + 30000) / 2});
    cr_assert_eq(t.linear_ps, 50000);
    cr_assert_eq(t.log_ps, 30000);
    cr_assert_eq(t.last_die, 1);
    cr_assert_eq(t.wire_bytes, 640);
    cr_assert_eq(t.local_bytes, 640);
    cr_assert_eq(t.wire_copies, 1);
    t = leg(&b, SN_MOE_COMBINE);
    expect(&t, (const int64_t[SN_MOE_PARTS]){[SN_MOE_LAUNCH] = 10000000,
                                             [SN_MOE_INJECT] = 256 * 1000,
                                             [SN_MOE_LATENCY] = 5000000,
                                             [SN_MOE_FLAGS] = 40000,
                                             [SN_MOE_REDUCE] = 256});
    cr_assert_eq(t.last_die, 0);
    b.model.sync = SN_MOE_SYNC_LINEAR;
    t = leg(&b, SN_MOE_COMBINE);
    cr_assert_eq(t.part_ps[SN_MOE_FLAGS], 50000);
    b.model.sync = SN_MOE_SYNC_LOG;
    t = leg(&b, SN_MOE_COMBINE);
    cr_assert_eq(t.part_ps[SN_MOE_FLAGS], 30000);
    close_bed(&b);
}

/* Nothing is converted for bf16: a copy is 256 + 16 bytes. */
Test(moe_model, bf16_is_not_quantised)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(2, 1, 1);
    s.dtype = SN_DTYPE_BF16;
    open_by_hand(&b, &s, SN_MOE_COPIES, (const uint16_t[]){1, 1});
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    expect(&t, (const int64_t[SN_MOE_PARTS]){[SN_MOE_LAUNCH] = 10000000,
                                             [SN_MOE_INJECT] = 272 * 1000,
                                             [SN_MOE_LATENCY] = 5000000,
                                             [SN_MOE_FLAGS] = 40000});
    close_bed(&b);
}

/* Dies 0 and 1 meet at die 2 and 3: two copies, of other nodes, one behind the other. */
Test(moe_model, two_to_one)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(4, 1, 1);
    open_by_hand(&b, &s, SN_MOE_COPIES, (const uint16_t[]){2, 2, 2, 3});
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    expect(&t, (const int64_t[SN_MOE_PARTS]){[SN_MOE_LAUNCH] = 10000000,
                                             [SN_MOE_QUANTISE] = 384,
                                             [SN_MOE_INJECT] = 640000,
                                             [SN_MOE_QUEUE] = 640000,
                                             [SN_MOE_LATENCY] = 7000000,
                                             [SN_MOE_FLAGS] = (150000 + 50000) / 2});
    cr_assert_eq(t.last_die, 2);
    cr_assert(strstr(t.bottleneck, "die 2"), "%s", t.bottleneck);
    /* 1,280 bytes at 1 GB/s and the latency, at most a rounding below. */
    cr_assert_leq(t.bound_ps, 1280000 + 7000000);
    cr_assert_geq(t.bound_ps, 1280000 + 7000000 - 1);
    cr_assert_eq(t.bound_bytes, 1280);
    close_bed(&b);
}

/* Four copies that take longer to issue than to send. */
Test(moe_model, issue_bound)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(2, 4, 1);
    open_by_hand(&b, &s, SN_MOE_COPIES, (const uint16_t[]){1, 1, 1, 1, 1, 1, 1, 1});
    b.figures.p.cost.issue = FIGURE(1e-6);
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.part_ps[SN_MOE_INJECT], 4 * 1000000);
    cr_assert_eq(t.part_ps[SN_MOE_QUEUE], 0);
    /* Also where they leave by no port, or by several: the copy to itself is issued last. */
    b.draw.to[0] = 0;
    sn_moe_draw_count(&b.draw);
    t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.part_ps[SN_MOE_INJECT], 3 * 1000000);
    cr_assert_eq(t.total_ps, 10000000 + 4 * 384 + 3000000 + 5000000 + 40000);
    b.model.order = SN_ORDER_SAME; /* die 0 begins with itself */
    t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.part_ps[SN_MOE_INJECT], 4 * 1000000);
    /* What software costs is not in the bound: 3 copies into die 1. */
    cr_assert(t.bound_bytes == 3 * 640 && t.bound_ps <= 3 * 640000 + 5000000);
    close_bed(&b);
}

/* One port for a node: what both dies of node 1 get goes through it. */
Test(moe_model, bound_of_a_shared_port)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(4, 1, 1);
    open_by_hand(&b, &s, SN_MOE_COPIES, (const uint16_t[]){2, 3, 2, 3});
    b.figures.ports[0].per_node = true;
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.bound_bytes, 1280);
    b.figures.ports[0].per_node = false;
    t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.bound_bytes, 640);
    close_bed(&b);
}

/* Token 0 of die 0 to dies 2 and 3: one record of 624 + 16 + 2 x 8 bytes to die 2, which passes one
 * copy on to die 3 and one to itself; everybody else keeps both copies. */
Test(moe_model, by_node)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(4, 1, 2);
    open_by_hand(&b, &s, SN_MOE_NODES, (const uint16_t[]){2, 3, 1, 1, 2, 2, 3, 3});
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    expect(&t,
           (const int64_t[SN_MOE_PARTS]){[SN_MOE_LAUNCH] = 10000000,
                                         [SN_MOE_QUANTISE] = 384,
                                         [SN_MOE_INJECT] = 656000 + 640000,
                                         [SN_MOE_LATENCY] = 7000000 + 5000000,
                                         [SN_MOE_FLAGS] = (150000 + 50000 + 50000 + 30000) / 2});
    cr_assert_eq(t.last_die, 3);
    cr_assert_eq(t.wire_bytes, 656 + 640);
    cr_assert_eq(t.local_bytes, 7 * 640);
    cr_assert_eq(t.wire_copies, 2);
    close_bed(&b);
}

/* Two copies each way. Counts: 4 bytes are issued in 100 ns; then 1,280 bytes in one message. */
Test(moe_model, counts_first)
{
    static const uint16_t to[] = {1, 1, 0, 0};
    struct sn_moe_shape s = shape_of(2, 2, 1);
    struct bed b;
    int64_t parts[SN_MOE_PARTS] = {
        [SN_MOE_LAUNCH] = 10000000,  [SN_MOE_QUANTISE] = 2 * 384,      [SN_MOE_COUNTS] = 5100000,
        [SN_MOE_PACK] = 2 * 2 * 640, [SN_MOE_INJECT] = 2 * 640 * 1000, [SN_MOE_LATENCY] = 5000000};
    open_by_hand(&b, &s, SN_MOE_COUNTS_THEN_PAIRS, to);
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    expect(&t, parts);
    cr_assert_eq(t.wire_copies, 4);
    t = leg(&b, SN_MOE_COMBINE); /* the answers lie packed, and all are summed at the end */
    expect(&t, (const int64_t[SN_MOE_PARTS]){[SN_MOE_LAUNCH] = 10000000,
                                             [SN_MOE_INJECT] = 2 * 256 * 1000,
                                             [SN_MOE_LATENCY] = 5000000,
                                             [SN_MOE_REDUCE] = 2 * 256});
    close_bed(&b);
    open_by_hand(&b, &s, SN_MOE_COUNTS_AND_PAIRS, to);
    parts[SN_MOE_COUNTS] -= parts[SN_MOE_QUANTISE] + parts[SN_MOE_PACK]; /* meanwhile */
    t = leg(&b, SN_MOE_DISPATCH);
    expect(&t, parts);
    close_bed(&b);
}

/* 4 dies: two steps, to the next and to the next but one, with 2 counts each. */
Test(moe_model, counts_by_steps)
{
    struct sn_moe_shape s = shape_of(4, 1, 1);
    struct bed b;
    open_by_hand(&b, &s, SN_MOE_COUNTS_THEN_PAIRS, (const uint16_t[]){1, 0, 3, 2});
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    /* Die 0's next is in its node, but die 3 is not in die 0's: dies 0 and 2 wait for 7 us in the
     * first step, dies 1 and 3 for 5; the second step is 7 us for all and comes from the die two
     * behind, which is of the same kind. */
    cr_assert_eq(t.part_ps[SN_MOE_COUNTS], 2 * 100000 + 7000000 + 7000000);
    close_bed(&b);
}

/* A die that comes late adds that to T, and nothing to the time behind the last arrival. */
Test(moe_model, late_dies)
{
    struct bed b;
    struct sn_moe_shape s = shape_of(2, 1, 1);
    open_by_hand(&b, &s, SN_MOE_COPIES, (const uint16_t[]){1, 1});
    int64_t total = leg(&b, SN_MOE_DISPATCH).total_ps;
    b.model.late_ps = (const int64_t[]){1000000, 0};
    struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.total_ps, total + 1000000);
    cr_assert_eq(t.part_ps[SN_MOE_SKEW], 1000000);
    cr_assert_eq(t.skew_free_ps, total);
    b.model.late_ps =
        (const int64_t[]){0, 1000000}; /* its own copy is there long before the other */
    t = leg(&b, SN_MOE_DISPATCH);
    cr_assert_eq(t.total_ps, total);
    cr_assert_eq(t.part_ps[SN_MOE_SKEW], 0);
    cr_assert_eq(t.skew_free_ps, total - 1000000);
    close_bed(&b);
}

/* --- for any routing ----------------------------------------------------------------------------
 */

static const struct {
    unsigned dies, experts, redundant, shared;
    const char *routing;
} cases[] = {{1, 16, 0, 0, "uniform"},
             {8, 256, 0, 0, "uniform"},
             {40, 64, 0, 0, "zipf(1.1)"},
             {33, 64, 32, 3, "hot(2,0.2)"},
             {48, 32, 0, 0, "uniform"} /* 16 idle */};
enum { CASES = sizeof cases / sizeof *cases };

static struct sn_moe_shape case_shape(unsigned i)
{
    return (struct sn_moe_shape){.dies = cases[i].dies,
                                 .tokens = 16,
                                 .hidden = 1024,
                                 .experts = cases[i].experts,
                                 .topk = 8,
                                 .redundant = cases[i].redundant,
                                 .shared = cases[i].shared,
                                 .dtype = SN_DTYPE_INT8};
}

/* The bytes of the messages are those that the algorithms themselves must move by the routing. */
Test(moe_model, bytes_are_those_of_the_algorithms)
{
    for (unsigned i = 0; i < CASES; i++)
        for (unsigned a = 0; sn_moe_algorithms[a]; a++) {
            struct bed b;
            struct sn_moe_shape s = case_shape(i);
            struct sn_endpoints e;
            struct sn_moe_traffic want = {0};
            open_bed(&b, net_cm384(&b.figures, 0.8), &s, cases[i].routing,
                     sn_moe_algorithms[a]->schedule);
            cr_assert_eq(sn_endpoints_open(&e, s.dies, 1, 16, NULL), SN_OK);
            struct sn_moe all = b.moe; /* as one rank that holds all dies */
            struct sn_moe_exchange x = {.algorithm = sn_moe_algorithms[a], .moe = &all};
            all.endpoints = &e;
            all.local = s.dies;
            all.slot = malloc((size_t)s.dies * s.tokens * all.k * sizeof *all.slot);
            for (unsigned d = 0; d < s.dies; d++)
                for (unsigned t = 0; t < s.tokens; t++)
                    sn_moe_route(&all, d, t, all.slot + ((size_t)d * s.tokens + t) * all.k, NULL);
            struct sn_moe_time t = leg(&b, SN_MOE_DISPATCH);
            sn_moe_expected_dispatch(&x, &want);
            cr_assert_eq(t.wire_bytes, want.wire, "%s, case %u", x.algorithm->name, i);
            cr_assert_eq(t.local_bytes, want.local, "%s, case %u", x.algorithm->name, i);
            cr_assert_eq(t.wire_copies, want.wire_copies, "%s, case %u", x.algorithm->name, i);
            t = leg(&b, SN_MOE_COMBINE);
            sn_moe_expected_combine(&x, &want);
            cr_assert_eq(t.wire_bytes, want.wire, "%s, case %u", x.algorithm->name, i);
            cr_assert_eq(t.local_bytes, want.local, "%s, case %u", x.algorithm->name, i);
            free(all.slot);
            sn_endpoints_close(&e);
            close_bed(&b);
        }
}

/* Parts add up and no bound is passed (leg() looks), whatever the order, and degraded; more bytes
 * take longer. */
Test(moe_model, any_case_keeps_its_bound_and_grows_with_bytes)
{
    for (unsigned i = 0; i < CASES; i++)
        for (unsigned a = 0; sn_moe_algorithms[a]; a++)
            for (unsigned o = 0; sn_net_order_words[o]; o++) {
                struct bed b, twice;
                struct sn_moe_shape s = case_shape(i), larger = s;
                larger.hidden = 2048;
                open_bed(&b, net_cm384(&b.figures, 0.8), &s, cases[i].routing,
                         sn_moe_algorithms[a]->schedule);
                open_bed(&twice, net_cm384(&twice.figures, 0.8), &larger, cases[i].routing,
                         sn_moe_algorithms[a]->schedule);
                b.model.order = twice.model.order = (enum sn_net_order)o;
                for (unsigned l = SN_MOE_DISPATCH; l <= SN_MOE_COMBINE; l++) {
                    int64_t small = leg(&b, (enum sn_moe_leg)l).total_ps;
                    cr_assert_gt(leg(&twice, (enum sn_moe_leg)l).total_ps, small);
                    sn_net_close(b.model.net);
                    cr_assert_eq(sn_net_open(&b.model.net, b.p, s.dies,
                                             &(struct sn_net_options){.degrade = "plane=1:0.25"}),
                                 SN_OK);
                    cr_assert_geq(leg(&b, (enum sn_moe_leg)l).total_ps, small);
                    sn_net_close(b.model.net);
                    cr_assert_eq(sn_net_open(&b.model.net, b.p, s.dies, NULL), SN_OK);
                }
                close_bed(&b);
                close_bed(&twice);
            }
}

/* Everybody begins at die 0: the receivers serve one after another. The same bytes, shuffled, lie
 * between (model-notes: 40.9, 44.6 and 80.8 us at 320 dies for one message a pair). */
Test(moe_model, order_matters)
{
    struct sn_moe_shape s = {.dies = 64,
                             .tokens = 128,
                             .hidden = 7168,
                             .experts = 256,
                             .topk = 8,
                             .dtype = SN_DTYPE_INT8};
    struct bed b;
    int64_t total[3];
    open_bed(&b, net_ideal(&b.figures), &s, "balanced", SN_MOE_COPIES);
    for (unsigned o = 0; o < 3; o++) {
        b.model.order = (enum sn_net_order)o;
        total[o] = leg(&b, SN_MOE_DISPATCH).total_ps;
    }
    cr_assert_lt(total[SN_ORDER_ROTATED], total[SN_ORDER_RANDOM]);
    cr_assert_lt(total[SN_ORDER_RANDOM], total[SN_ORDER_SAME]);
    cr_assert_gt((double)total[SN_ORDER_SAME], 1.7 * (double)total[SN_ORDER_ROTATED]);
    close_bed(&b);
}

/* P (1 - C(E - E/P, k) / C(E, k)): 5.29 at EP8 to 8.00 at EP256. */
Test(moe_model, distinct_dies_of_a_token)
{
    static const unsigned dies[] = {8, 16, 32, 64, 128, 256};
    for (unsigned i = 0; i < 6; i++) {
        struct sn_moe_shape s = {
            .dies = dies[i], .tokens = 65536 / dies[i], .hidden = 128, .experts = 256, .topk = 8};
        struct sn_moe m;
        struct sn_moe_draw w;
        double none = 1, own = 256.0 / dies[i];
        for (unsigned j = 0; j < 8; j++)
            none *= (256 - own - j) / (256 - j);
        cr_assert_eq(sn_moe_open_routing(&m, &s, "uniform", 3), SN_OK);
        sn_moe_draw_open(&w, &s);
        sn_moe_draw_set(&w, &m, 5);
        double got = (double)w.distinct / 65536, want = dies[i] * (1 - none);
        /* At most 1 off per token with a spread below 1: 4 / 256 is 4 standard errors. */
        cr_assert_float_eq(got, want, 4.0 / 256, "EP%u: %g, not %g", dies[i], got, want);
        sn_moe_draw_close(&w);
        sn_moe_close(&m);
    }
}

/* --- draws and buffers
 * ---------------------------------------------------------------------------- */

Test(moe_model, counts_and_shares_of_a_draw)
{
    struct sn_moe_shape s = shape_of(3, 2, 2);
    struct sn_moe_draw w;
    struct sn_moe_share share[3];
    static const uint16_t to[] = {0, 0, 1, 2, /* die 0 */ 2, 2, 2, 1, /* 1 */ 0, 2, 2, 2 /* 2 */};
    sn_moe_draw_open(&w, &s);
    memcpy(w.to, to, sizeof to);
    sn_moe_draw_count(&w);
    cr_assert_arr_eq(w.count, ((uint32_t[]){2, 1, 1, 0, 1, 3, 1, 0, 3}), 9 * sizeof(uint32_t));
    cr_assert_eq(w.distinct, 1 + 2 + 1 + 2 + 2 + 1);
    cr_assert_eq(sn_moe_draw_most(&w), 7);
    sn_moe_draw_shares(&w, share);
    cr_assert(share[0].sent == 2 && share[0].received == 1 && share[0].own == 2);
    cr_assert(share[1].sent == 3 && share[1].received == 1 && share[1].own == 1);
    cr_assert(share[2].sent == 1 && share[2].received == 4 && share[2].own == 3);

    /* Regions of that draw lie side by side, on both sides. */
    struct sn_moe m = {.shape = s, .comm = MPI_COMM_NULL};
    m.shape.fit = 7;
    sn_moe_fit(&m, w.count);
    cr_assert(sn_moe_in(&m, 2, 0) == 0 && sn_moe_in(&m, 2, 1) == 1 && sn_moe_in(&m, 2, 2) == 4);
    cr_assert(sn_moe_in(&m, 0, 0) == 0 && sn_moe_in(&m, 0, 1) == 2 && sn_moe_in(&m, 0, 2) == 2);
    cr_assert(sn_moe_out(&m, 0, 0) == 0 && sn_moe_out(&m, 0, 1) == 2 && sn_moe_out(&m, 0, 2) == 3);
    cr_assert_eq(sn_moe_in_max(&m.shape), 7);
    cr_assert_eq(sn_moe_out_max(&m.shape), 4);
    sn_moe_close(&m);
    sn_moe_draw_close(&w);
}

/* What a check of 768 dies on one rank takes: the worst case is 100 times more. */
Test(moe_model, fitted_buffers_are_small)
{
    struct sn_moe_shape s = {.dies = 768,
                             .tokens = 128,
                             .hidden = 24,
                             .experts = 768,
                             .topk = 8,
                             .dtype = SN_DTYPE_BF16};
    const struct sn_moe_algorithm *put = sn_moe_algorithms[2];
    cr_assert_eq(put->schedule, SN_MOE_COPIES);
    cr_assert_gt(put->memory(&s, 16, 768, &sn_transport_shm), 12ull << 30);
    s.fit = 1200;
    cr_assert_lt(put->memory(&s, 16, 768, &sn_transport_shm), 300ull << 20);
}

/* What the process grows by, against what the model says it needs at most: with nodes of one die
 * every copy is a record and a copy passed on, which is all that there can be. */
Test(moe_model, memory_is_an_estimate_from_above)
{
#if defined(__SANITIZE_ADDRESS__)
    cr_skip("memory is not that of the program");
#endif
    struct sn_moe_shape s = shape_of(64, 512, 8);
    struct net_profile np;
    struct rusage before, after;
    struct sn_moe_time t;
    struct bed b;
    by_hand(&np);
    np.p.dies = 64;
    np.p.dies_per_node = 1;
    getrusage(RUSAGE_SELF, &before);
    open_bed(&b, &np.p, &s, "uniform", SN_MOE_NODES);
    cr_assert_eq(sn_moe_model_leg(&b.model, SN_MOE_DISPATCH, &t), SN_OK);
    getrusage(RUSAGE_SELF, &after);
    double grown = 1024.0 * (double)(after.ru_maxrss - before.ru_maxrss);
    double said = (double)sn_moe_model_memory(&s, SN_MOE_NODES);
    cr_expect(grown < said * 1.02, "%.1f MB, said %.1f", grown * 1e-6, said * 1e-6);
    cr_expect(grown > said * 0.5, "%.1f MB, said %.1f", grown * 1e-6, said * 1e-6);
    close_bed(&b);
}
