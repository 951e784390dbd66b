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
