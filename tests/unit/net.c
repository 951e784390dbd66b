/* The network: check values of the model notes, arithmetic by hand, topology, errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "comm/fabric/net.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

static struct sn_net *open_net(const struct sn_profile *p, unsigned dies, const char *degrade,
                               enum sn_net_spread spread, unsigned plane)
{
    struct sn_net *net = NULL;
    struct sn_net_options o = {.degrade = degrade, .spread = spread, .plane = plane, .seed = 1};
    cr_assert_eq(sn_net_open(&net, p, dies, &o), SN_OK, "%s", sn_status_message());
    return net;
}

static struct sn_msg message(uint32_t src, uint32_t dst, uint64_t bytes)
{
    return (struct sn_msg){.src = src, .dst = dst, .bytes = bytes, .after = SN_MSG_NONE};
}

static struct sn_net_result run(struct sn_net *net, struct sn_msg *m, size_t n, int64_t overhead)
{
    struct sn_net_result r;
    cr_assert_eq(sn_net_run(net, m, n, overhead, &r), SN_OK, "%s", sn_status_message());
    return r;
}

/* --- the check values of the model notes: 128 x 8 x 7680 / P bytes to each other die -------------
 */

static double all_to_all_us(unsigned P, enum sn_net_order order, int64_t overhead)
{
    struct net_profile np;
    struct sn_net *net = open_net(net_ideal(&np), P, NULL, SN_NET_PROFILE, 0);
    size_t n = (size_t)P * (P - 1);
    struct sn_msg *m = malloc(n * sizeof *m);
    uint32_t *dst = malloc(P * sizeof *dst);
    for (unsigned i = 0; i < P; i++) {
        sn_net_order(order, i, P, 1, dst);
        for (unsigned k = 0; k < P - 1; k++)
            m[i * (P - 1) + k] = message(i, dst[k], 128ull * 8 * 7680 / P);
    }
    struct sn_net_result r = run(net, m, n, overhead);
    cr_expect(r.end_ps >= r.bound_ps);
    cr_expect(r.end_ps <= sn_net_serial_ps(net, m, n, overhead));
    free(m);
    free(dst);
    sn_net_close(net);
    return (double)r.end_ps * 1e-6;
}

Test(net, published_all_to_all)
{
    static const struct {
        unsigned P;
        enum sn_net_order order;
        int64_t overhead;
        double us, within;
    } cases[] = {
        {320, SN_ORDER_ROTATED, 0, 40.9, 0.01},      {320, SN_ORDER_SAME, 0, 80.8, 0.01},
        {320, SN_ORDER_RANDOM, 0, 44.6, 0.03},       {64, SN_ORDER_ROTATED, 0, 40.4, 0.01},
        {64, SN_ORDER_SAME, 0, 79.3, 0.01},          {64, SN_ORDER_RANDOM, 0, 47.9, 0.05},
        {320, SN_ORDER_ROTATED, 200000, 64.7, 0.01}, {320, SN_ORDER_SAME, 200000, 104.6, 0.01},
        {320, SN_ORDER_RANDOM, 200000, 66.1, 0.03}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double us = all_to_all_us(cases[i].P, cases[i].order, cases[i].overhead);
        cr_expect(fabs(us / cases[i].us - 1) <= cases[i].within,
                  "P %u, %s, overhead %lld ps: %.2f us, published %.1f", cases[i].P,
                  sn_net_order_words[cases[i].order], (long long)cases[i].overhead, us,
                  cases[i].us);
    }
}

/* --- arithmetic by hand
 * ---------------------------------------------------------------------------- */

/* 196 B at 196 GB/s is 1000 ps; times below follow from the definitions in net.h. */
Test(net, sends_by_hand)
{
    struct net_profile np;
    struct sn_net *net = open_net(net_ideal(&np), 4, NULL, SN_NET_PROFILE, 0);
    struct sn_msg one[] = {message(0, 1, 196)};
    cr_expect_eq(run(net, one, 1, 0).end_ps, 929000 + 1000);
    cr_expect_eq(run(net, one, 1, 700).end_ps, 929000 + 1000, "overhead below the bytes' time");
    cr_expect_eq(run(net, one, 1, 5000).end_ps, 929000 + 5000, "overhead above it");
    cr_expect_eq(sn_net_serial_ps(net, one, 1, 5000), 929000 + 5000);

    /* Two of one sender: the second waits for the hold of the first. */
    struct sn_msg two[] = {message(0, 1, 196), message(0, 2, 392)};
    run(net, two, 2, 5000);
    cr_expect_eq(two[0].done_ps, 934000);
    cr_expect_eq(two[1].done_ps, 939000);

    /* Two to one receiver, the later in the array first by arrival; equal arrivals by source. */
    struct sn_msg in[] = {message(0, 2, 1960), message(1, 2, 196), message(3, 2, 196)};
    in[0].issue_ps = 1;
    struct sn_net_result r = run(net, in, 3, 0);
    cr_expect_eq(in[1].done_ps, 929000 + 1000);
    cr_expect_eq(in[2].done_ps, 929000 + 2000);
    cr_expect_eq(in[0].done_ps, 929000 + 12000);
    cr_expect_str_eq(r.bottleneck, "ejection port ub of die 2");
    cr_expect(r.last == 0 && r.bottleneck_die == 2 && r.bottleneck_bytes == 2352 &&
              r.bottleneck_busy_ps == 12000);
    cr_expect(r.bound_ps <= 929000 + 12000 && r.bound_ps >= 929000 + 12000 - 1);

    /* Dependence: the second 7 ps after the first was delivered, from a die that was idle. */
    struct sn_msg dep[] = {message(0, 1, 196), message(2, 3, 196)};
    dep[1].after = 0;
    dep[1].issue_ps = 7;
    run(net, dep, 2, 0);
    cr_expect_eq(dep[1].done_ps, 930000 + 7 + 930000);

    struct sn_msg none[] = {message(0, 1, 0)};
    cr_expect_eq(run(net, none, 1, 0).end_ps, 929000);
    r = run(net, none, 0, 0);
    cr_expect(r.end_ps == 0 && r.bound_ps == 0 && r.last == SN_MSG_NONE);
    sn_net_close(net);
}

/* A read of n bytes that waits nowhere takes read_latency + max(overhead, n / read_bandwidth). */
Test(net, reads_by_hand)
{
    struct net_profile np;
    net_cm384(&np, 1);
    np.p.paths[SN_PATH_NODE].read_latency = FIGURE(1.2e-6);
    np.p.paths[SN_PATH_NODE].read_bandwidth = FIGURE(98e9);
    np.p.paths[SN_PATH_SUPERNODE].read_latency = FIGURE(1e-6); /* below the 2.1 us of a send */
    struct sn_net *net = open_net(&np.p, 32, NULL, SN_NET_PROFILE, 0);
    static const struct {
        uint32_t src, dst;
        int64_t overhead, ps;
    } cases[] = {{2, 4, 0, 1200000 + 2000},     {2, 4, 1500, 1200000 + 2000},
                 {2, 4, 9000, 1200000 + 9000},  {2, 20, 0, 1000000 + 1000},
                 {2, 20, 4000, 1000000 + 4000}, {3, 2, 0, 200000 + 934}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_msg m = message(cases[i].src, cases[i].dst, 196);
        m.flags = SN_MSG_READ;
        cr_expect_eq(run(net, &m, 1, cases[i].overhead).end_ps, cases[i].ps, "case %zu: %lld", i,
                     (long long)m.done_ps);
    }
    /* Three read from die 0 at once: its port sends one after another. */
    struct sn_msg m[3];
    for (int i = 0; i < 3; i++) {
        m[i] = message(0, 4 + (uint32_t)i, 98000);
        m[i].flags = SN_MSG_READ;
    }
    struct sn_net_result r = run(net, m, 3, 0);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(m[i].done_ps, 1200000 + 1000000 * (i + 1));
    cr_expect_str_eq(r.bottleneck, "injection port ub of die 0");
    sn_net_close(net);
}

/* Copies inside a die take the time of the memory and no port; without a figure, none. */
Test(net, self_and_separate_ports)
{
    struct net_profile np;
    struct sn_net *net = open_net(net_cm384(&np, 1), 32, NULL, SN_NET_PROFILE, 0);
    struct sn_msg m[] = {message(5, 5, 800000), message(5, 4, 210000), message(5, 20, 196000),
                         message(5, 5, 1600000)};
    run(net, m, 4, 0);
    cr_expect_eq(m[0].done_ps, 1000000);
    cr_expect_eq(m[1].done_ps, 200000 + 1000000, "the package's port waits for nobody");
    cr_expect_eq(m[2].done_ps, 2100000 + 1000000);
    cr_expect_eq(m[3].done_ps, 2000000);
    sn_net_close(net);
    net = open_net(net_ideal(&np), 2, NULL, SN_NET_PROFILE, 0);
    struct sn_msg self = message(1, 1, 1 << 30);
    struct sn_net_result r = run(net, &self, 1, 0);
    cr_expect_eq(r.end_ps, 0);
    cr_expect_eq(strncmp(r.bottleneck, "none", 4), 0);
    sn_net_close(net);
}

/* All dies of a node share 50 GB/s, each has 25: n senders to another node. */
Test(net, ports_of_nodes_are_shared)
{
    struct net_profile np;
    struct sn_net *net = open_net(net_vpc(&np), 48, NULL, SN_NET_PROFILE, 0);
    static const struct {
        int senders;
        int64_t us;
    } cases[] = {{1, 40}, {2, 40}, {4, 80}, {16, 320}}; /* 1 MB each */
    for (size_t i = 0; i < 4; i++) {
        struct sn_msg m[16];
        for (int k = 0; k < cases[i].senders; k++)
            m[k] = message((uint32_t)k, 16 + (uint32_t)k, 1000000);
        struct sn_net_result r = run(net, m, (size_t)cases[i].senders, 0);
        /* Two: the second waits 20 us for the first at the port, its last byte leaves the die at
         * 40. */
        int64_t want = cases[i].us * 1000000 + 5000000;
        cr_expect_eq(r.end_ps, want, "%d senders: %lld", cases[i].senders, (long long)r.end_ps);
        cr_expect(r.bound_ps <= r.end_ps);
        if (cases[i].senders > 2)
            cr_expect_str_eq(r.bottleneck, "injection port vpc of node 0");
    }
    sn_net_close(net);
}

/* --- topology
 * -------------------------------------------------------------------------------------- */

Test(net, reference_machine)
{
    struct net_profile np;
    struct sn_net *net = open_net(net_cm384(&np, 1), 768, NULL, SN_NET_PROFILE, 0);
    struct sn_net_size s;
    sn_net_size(net, &s);
    cr_expect(s.dies == 768 && s.packages == 384 && s.nodes == 48 && s.planes == 7);
    cr_expect(s.l1 == 336 && s.l2 == 112, "%u L1, %u L2 chips", s.l1, s.l2);
    cr_expect(s.die_links == 768 * 7 && s.l2_links == 336 * 16);
    cr_expect(s.die_bandwidth == 196e9 && s.l1_uplink == 448e9 && s.l2_bandwidth == 48 * 28e9);
    cr_expect_eq(sn_net_dies(net), 768);
    cr_expect_eq(sn_net_endpoints(net), 768 + 48 * 4);
    cr_expect_eq(sn_net_cpu(net, 47, 3), 768 + 191);
    cr_expect_eq(sn_net_node(net, sn_net_cpu(net, 47, 3)), 47);
    static const struct {
        unsigned a, b;
        enum sn_path path;
    } paths[] = {{7, 7, SN_PATH_SELF},        {6, 7, SN_PATH_PACKAGE},
                 {7, 8, SN_PATH_NODE},        {0, 15, SN_PATH_NODE},
                 {15, 16, SN_PATH_SUPERNODE}, {0, 768, SN_PATH_CPU},
                 {771, 15, SN_PATH_CPU},      {15, 772, SN_PATH_CPU_REMOTE},
                 {768, 771, SN_PATH_CPU},     {959, 768, SN_PATH_CPU_REMOTE}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        cr_expect_eq(sn_net_path(net, paths[i].a, paths[i].b), paths[i].path, "%u to %u",
                     paths[i].a, paths[i].b);
    sn_net_close(net);
}

/* Any size: whole nodes and begun ones, and messages that pass from end to end. */
Test(net, any_number_of_dies)
{
    static const unsigned sizes[] = {1, 2, 15, 16, 17, 768, 769, 4096, 16384, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct net_profile np;
        unsigned n = sizes[i];
        struct sn_net *net = open_net(net_cm384(&np, 1), n, NULL, SN_NET_PROFILE, 0);
        struct sn_net_size s;
        sn_net_size(net, &s);
        unsigned nodes = n / 16 + (n % 16 > 0);
        cr_expect(s.nodes == nodes && s.packages == n / 2 + n % 2 && s.l1 == 7 * nodes);
        cr_expect(s.l2_links == 112ull * nodes && s.die_links == 7ull * n);
        if (n > 1) {
            struct sn_msg m = message(0, n - 1, 1960);
            cr_expect(run(net, &m, 1, 0).end_ps > 10000);
        }
        sn_net_close(net);
    }
}

/* Every die of 16,384 sends to 64 others at growing distances; the time by hand (all ports equal).
 */
Test(net, a_large_machine_runs)
{
    enum { P = 16384, K = 64 };
    struct net_profile np;
    struct sn_net *net = open_net(net_cm384(&np, 1), P, NULL, SN_NET_PROFILE, 0);
    struct sn_msg *m = malloc(sizeof *m * P * K);
    for (uint32_t i = 0; i < P; i++)
        for (uint32_t k = 0; k < K; k++)
            m[i * K + k] = message(i, (i + 16 * (k + 1)) % P, 196000);
    struct sn_net_result r = run(net, m, (size_t)P * K, 0);
    cr_expect_eq(r.end_ps, 2100000ll + K * 1000000ll);
    free(m);
    sn_net_close(net);
}

/* --- errors
 * ---------------------------------------------------------------------------------------- */

static void expect_refused(struct sn_net *net, struct sn_msg m, const char *words)
{
    struct sn_msg two[2] = {message(0, 1, 1), m};
    struct sn_net_result r;
    cr_expect_eq(sn_net_run(net, two, 2, 0, &r), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), words), "\"%s\" lacks \"%s\"", sn_status_message(),
              words);
}

Test(net, bad_messages_are_named)
{
    struct net_profile np;
    struct sn_net *net = open_net(net_ideal(&np), 4, NULL, SN_NET_PROFILE, 0);
    struct sn_msg m = message(0, 4, 1);
    expect_refused(net, m, "message 1: from 0 to 4: endpoints are 0 to 3");
    m = message(0, 2, 1), m.after = 1;
    expect_refused(net, m, "lower than its own index");
    m = message(0, 2, 1), m.flags = 4;
    expect_refused(net, m, "flags 0x4");
    expect_refused(net, message(0, 2, UINT64_MAX), "clock");
    struct sn_net_result r;
    m = message(0, 2, 1);
    cr_expect_eq(sn_net_run(net, &m, 1, -1, &r), SN_EINVAL);
    sn_net_close(net);

    net_cm384(&np, 1);
    np.p.paths[SN_PATH_SUPERNODE] = (struct sn_profile_path){.port = -1};
    net = open_net(&np.p, 32, NULL, SN_NET_PROFILE, 0);
    expect_refused(net, message(0, 20, 1), "no path `supernode`");
    sn_net_close(net);
}

Test(net, bad_networks_are_refused)
{
    struct net_profile np;
    struct sn_net *net = NULL;
    cr_expect_eq(sn_net_open(&net, net_ideal(&np), 0, NULL), SN_EINVAL);
    cr_expect_eq(sn_net_open(&net, net_ideal(&np), 65537, NULL), SN_EINVAL);
    struct sn_net_options o = {.spread = SN_NET_HASH};
    cr_expect_eq(sn_net_open(&net, net_ideal(&np), 4, &o), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "no planes"));
    o = (struct sn_net_options){.spread = SN_NET_PLANE, .plane = 7};
    cr_expect_eq(sn_net_open(&net, net_cm384(&np, 1), 4, &o), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "0 to 6"));
    np.p.dies_per_npu = 0;
    cr_expect_eq(sn_net_open(&net, &np.p, 4, NULL), SN_EINVAL);
    cr_expect_null(net);
}

/* 2^32 FIFOs and more: their number must not wrap around to few. */
Test(net, too_many_fifos_are_refused)
{
    struct net_profile np;
    struct sn_net *net = NULL;
    net_cm384(&np, 1);
    np.p.dies_per_npu = np.p.dies_per_node = 1;
    np.p.hashed = true;
    np.p.planes = 8;
    np.p.link = FIGURE(24.5e9);
    np.p.cpus_per_node = 0;
    np.p.paths[SN_PATH_CPU] = np.p.paths[SN_PATH_CPU_REMOTE] = (struct sn_profile_path){.port = -1};
    np.p.l2_per_plane = 4096; /* 2 x 65536 x 8 x 4096 = 2^32 of uplinks: 0, when it wraps */
    cr_expect_eq(sn_net_open(&net, &np.p, 65536, NULL), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "4296540160 queues"), "%s", sn_status_message());
    np.p.cpus_per_node = 1024; /* 67 million endpoints: 4.9e9 */
    cr_expect_eq(sn_net_open(&net, &np.p, 65536, NULL), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "queues of ports and links"), "%s", sn_status_message());
    cr_expect_null(net);
}

/* --- orders
 * ---------------------------------------------------------------------------------------- */

Test(net, orders_are_permutations)
{
    uint32_t dst[99], again[99];
    for (unsigned n = 1; n <= 100; n += 33)
        for (unsigned me = 0; me < n; me += 7)
            for (int o = SN_ORDER_ROTATED; o <= SN_ORDER_SAME; o++) {
                bool seen[100] = {false};
                sn_net_order((enum sn_net_order)o, me, n, 3, dst);
                sn_net_order((enum sn_net_order)o, me, n, 3, again);
                for (unsigned i = 0; i + 1 < n; i++) {
                    cr_assert(dst[i] < n && dst[i] != me && !seen[dst[i]]);
                    seen[dst[i]] = true;
                    cr_expect_eq(dst[i], again[i]);
                    if (o == SN_ORDER_ROTATED)
                        cr_expect_eq(dst[i], (me + 1 + i) % n);
                    if (o == SN_ORDER_SAME)
                        cr_expect_eq(dst[i], i < me ? i : i + 1);
                }
            }
    sn_net_order(SN_ORDER_RANDOM, 0, 100, 1, dst);
    sn_net_order(SN_ORDER_RANDOM, 0, 100, 2, again);
    cr_expect_neq(memcmp(dst, again, sizeof dst), 0, "the seed must matter");
    sn_net_order(SN_ORDER_RANDOM, 99, 100, 1, again);
    cr_expect_neq(memcmp(dst, again, sizeof dst), 0, "the die must matter");
}
