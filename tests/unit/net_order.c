/* The order of sending by place (sn_net_rotation()), on networks of one tier and of several. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

/* Eight dies a node on a port of 200 GB/s, between nodes each has one of 50 GB/s; no latency. */
static const struct sn_profile *two_ports(struct net_profile *n)
{
    *n = (struct net_profile){
        .p = {.name = "two", .dies = 256, .dies_per_npu = 1, .dies_per_node = 8, .n_ports = 2}};
    n->p.ports = n->ports;
    n->ports[0] = (struct sn_profile_port){.name = "in", .bandwidth = FIGURE(200e9)};
    n->ports[1] = (struct sn_profile_port){.name = "out", .bandwidth = FIGURE(50e9)};
    net_no_paths(n);
    n->p.paths[SN_PATH_NODE] = net_path(0, 0, 200e9);
    n->p.paths[SN_PATH_SUPERNODE] = net_path(1, 0, 50e9);
    return &n->p;
}

static struct sn_net *open_net(const struct sn_profile *p, unsigned n)
{
    struct sn_net *net;
    cr_assert_eq(sn_net_open(&net, p, n, NULL), SN_OK, "%s", sn_status_message());
    return net;
}

/* Every other die once; with `apart`, no two dies the same one at a time. */
static void check_orders(const struct sn_profile *p, unsigned n, bool apart)
{
    struct sn_net *net = open_net(p, n);
    uint32_t *to = sn_calloc((size_t)n * n, sizeof *to);
    char *seen = sn_calloc(n, 1);
    for (unsigned me = 0; me < n; me++) {
        memset(seen, 0, n);
        seen[me] = 1;
        sn_net_rotation(net, me, n, to + (size_t)me * n);
        for (unsigned i = 0; i + 1 < n; i++) {
            unsigned d = to[(size_t)me * n + i];
            cr_assert_lt(d, n);
            cr_assert(!seen[d], "%s, %u dies: die %u sends to %u twice", p->name, n, me, d);
            seen[d] = 1;
        }
    }
    for (unsigned i = 0; apart && i + 1 < n; i++) {
        memset(seen, 0, n);
        for (unsigned me = 0; me < n; me++) {
            unsigned d = to[(size_t)me * n + i];
            cr_assert(!seen[d], "%s, %u dies: two send to %u as their %u-th", p->name, n, d, i);
            seen[d] = 1;
        }
    }
    free(to);
    free(seen);
    sn_net_close(net);
}

Test(net_order, every_die_once_and_no_two_the_same_at_a_time)
{
    struct net_profile np;
    for (unsigned n = 1; n <= 70; n++)
        check_orders(two_ports(&np), n, n % 8 == 0);
    for (unsigned n = 1; n <= 70; n++)
        check_orders(net_cm384(&np, 1), n, n % 16 == 0);
    check_orders(net_ideal(&np), 13, true); /* by number */
}

static int64_t all_to_all_ps(struct sn_net *net, unsigned n, bool by_place)
{
    enum { BYTES = 50000 }; /* 1 us between nodes */
    struct sn_msg *m = sn_calloc((size_t)n * n, sizeof *m);
    uint32_t *to = sn_calloc(n, sizeof *to);
    struct sn_net_result r;
    size_t count = 0;
    for (unsigned me = 0; me < n; me++) {
        if (by_place)
            sn_net_rotation(net, me, n, to);
        else
            sn_net_order(SN_ORDER_ROTATED, me, n, 1, to);
        for (unsigned i = 0; i + 1 < n; i++)
            m[count++] =
                (struct sn_msg){.src = me, .dst = to[i], .bytes = BYTES, .after = SN_MSG_NONE};
    }
    cr_assert_eq(sn_net_run(net, m, count, 0, &r), SN_OK, "%s", sn_status_message());
    free(m);
    free(to);
    return r.end_ps;
}

/* Of 16 dies each has 8 messages of 1 us for the port between the nodes. Rotated by number all 8 of
 * a node send to one die at a time: the last message's receiver gets 8 at the end of 8 steps. */
Test(net_order, ports_side_by_side_are_kept_busy)
{
    struct net_profile np;
    struct sn_net *net = open_net(two_ports(&np), 16);
    cr_expect_eq(all_to_all_ps(net, 16, true), 8000000);
    cr_expect_geq(all_to_all_ps(net, 16, false), 14000000);
    sn_net_close(net);
}
