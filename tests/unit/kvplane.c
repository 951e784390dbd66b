/* comm/kvplane.h: the times of a reader alone against a recurrence and against the network; many
 * readers at one memory; the list of reads by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "comm/kvplane.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

enum { MOST = 400 };
static const uint64_t block = 8994816; /* 128 tokens of 61 layers in bf16 */

static struct sn_net *net_of(const struct sn_profile *p, unsigned dies)
{
    struct sn_net *net = NULL;
    const struct sn_net_options o = {0};
    cr_assert_eq(sn_net_open(&net, p, dies, &o), SN_OK, "%s", sn_status_message());
    return net;
}

/* Read i begins when read i - q is done and l has passed, and when the reader is through with read
 * i - 1; it takes t. */
static double recurrence(unsigned q, unsigned n, double l, double t)
{
    double done[MOST];
    for (unsigned i = 0; i < n; i++) {
        const double asked = i < q ? 0 : done[i - q], before = i ? done[i - 1] : 0;
        done[i] = fmax(asked + l, before) + t;
    }
    return n ? done[n - 1] : 0;
}

Test(kvplane, bound_is_the_recurrence)
{
    struct sn_rng rng = sn_rng_make(7, 7);
    for (unsigned k = 0; k < 20000; k++) {
        const unsigned q = 1 + (unsigned)sn_rng_below(&rng, 12),
                       n = (unsigned)sn_rng_below(&rng, 60);
        const struct sn_kv_plane plane = {1 + 100 * sn_rng_uniform(&rng),
                                          sn_rng_uniform(&rng) * (k % 3)};
        const double net = k % 5 ? 0.1 * sn_rng_uniform(&rng) : 0;
        const double got = sn_kv_plane_bound(&plane, q, n, 10, net);
        const double want =
            recurrence(q, n, plane.block_latency + net, 10 / plane.effective_bandwidth);
        cr_assert(fabs(got - want) <= 1e-12 * want, "q %u, n %u: %.15g; %.15g", q, n, got, want);
    }
    const struct sn_kv_plane endless = {INFINITY, 2};
    cr_assert_float_eq(sn_kv_plane_bound(&endless, 4, 9, 100, 1), 9, 1e-12);
}

/* One request of n blocks from CPU memory to die 3; returns its end in seconds. latency (n) or
 * NULL: what each block took. */
static double alone(struct sn_net *net, const struct sn_profile *p, const struct sn_kv_plane *plane,
                    uint32_t src, unsigned q, unsigned n, bool spaced, int64_t *latency)
{
    struct sn_kv_read read[MOST];
    struct sn_msg msg[MOST];
    struct sn_kv_pace pace[SN_KV_DISTANCES];
    struct sn_net_result r;
    const enum sn_kv_distance d = sn_kv_distance(net, src, 3);
    for (unsigned i = 0; i < n; i++)
        read[i] = (struct sn_kv_read){.src = src, .dst = 3, .bytes = block, .distance = (uint8_t)d};
    sn_kv_pace(net, p, src, 3, block, &pace[d]);
    sn_kv_messages(plane, q, 0, spaced ? pace : NULL, read, n, 0, msg);
    const int64_t hold = spaced ? 75000 : sn_kv_hold_ps(plane, block);
    cr_assert_eq(sn_net_run(net, msg, n, hold, &r), SN_OK, "%s", sn_status_message());
    for (unsigned i = 0; i < n && latency; i++)
        latency[i] = sn_kv_latency_ps(msg, i, 0);
    return sn_ps_seconds(r.end_ps);
}

/* A reader alone takes the formula's time, whichever way its bandwidth is made; a plane faster than
 * the network gives the network's. */
Test(kvplane, a_reader_alone)
{
    struct net_profile np;
    const struct sn_profile *p = net_cm384(&np, 0.9);
    struct sn_net *net = net_of(p, 64);
    static const struct sn_kv_plane planes[] = {{10e9, 0},      {10e9, 50e-6},     {40e9, 3e-3},
                                                {100e9, 20e-6}, {INFINITY, 20e-6}, {INFINITY, 0}};
    for (size_t k = 0; k < sizeof planes / sizeof *planes; k++)
        for (unsigned far = 0; far < 2; far++)
            for (unsigned q = 1; q <= 16; q *= 2)
                for (unsigned n = 1; n <= 40; n = 2 * n + 3) {
                    const uint32_t src = sn_net_cpu(net, far ? 2 : 0, 1);
                    struct sn_kv_plane slow = planes[k];
                    int64_t one[MOST], two[MOST];
                    slow.effective_bandwidth =
                        fmin(slow.effective_bandwidth, far ? 0.9 * 147e9 : 0.9 * 151e9);
                    const double want =
                        sn_kv_plane_bound(&slow, q, n, block, far ? 1.9e-6 : 0.5e-6);
                    const double held = alone(net, p, &planes[k], src, q, n, false, one);
                    const double spaced = alone(net, p, &planes[k], src, q, n, true, two);
                    cr_assert_float_eq(held, want, 2e-12 * (n + 1), "plane %zu, q %u, n %u: %g; %g",
                                       k, q, n, held, want);
                    cr_assert_float_eq(spaced, want, 2e-12 * (n + 1),
                                       "spaced: plane %zu, q %u, n %u: %g; %g", k, q, n, spaced,
                                       want);
                    for (unsigned i = 0; i < n; i++) /* the same times, block by block */
                        cr_assert(llabs(one[i] - two[i]) <= 2 * (n + 1),
                                  "plane %zu, q %u, block %u of %u: %lld; spaced %lld", k, q, i, n,
                                  (long long)one[i], (long long)two[i]);
                }
    sn_net_close(net);
}

/* R dies of as many nodes read from one socket, 16 blocks each: together min(R x plane, port), and
 * a slow plane leaves the port to others. */
static double together(struct sn_net *net, const struct sn_profile *p,
                       const struct sn_kv_plane *plane, unsigned readers, bool spaced)
{
    enum { EACH = 16, Q = 4 };
    struct sn_kv_read read[EACH];
    struct sn_msg msg[MOST];
    struct sn_kv_pace pace[SN_KV_DISTANCES];
    struct sn_net_result r;
    cr_assert_leq(readers * EACH, MOST);
    const uint32_t src = sn_net_cpu(net, 0, 0);
    sn_kv_pace(net, p, src, 16, block, &pace[SN_KV_REMOTE]);
    for (unsigned m = 0; m < readers; m++) {
        for (unsigned i = 0; i < EACH; i++)
            read[i] = (struct sn_kv_read){
                .src = src, .dst = 16 * (m + 1), .bytes = block, .distance = SN_KV_REMOTE};
        sn_kv_messages(plane, Q, 0, spaced ? pace : NULL, read, EACH, m * EACH, msg + m * EACH);
    }
    cr_assert_eq(sn_net_run(net, msg, readers * EACH, spaced ? 0 : sn_kv_hold_ps(plane, block), &r),
                 SN_OK, "%s", sn_status_message());
    for (unsigned i = 0; i < readers * EACH; i++)
        cr_assert_geq(sn_kv_latency_ps(msg, i, 0),
                      sn_ps(plane->block_latency + 1.9e-6 + (double)block / 147e9) - 2);
    return (double)(readers * EACH * block) / sn_ps_seconds(r.end_ps);
}

Test(kvplane, readers_share_a_port)
{
    struct net_profile np;
    const struct sn_profile *p = net_cm384(&np, 1);
    struct sn_net *net = net_of(p, 16 * 20);
    const struct sn_kv_plane slow = {10e9, 30e-6};
    for (unsigned spaced = 0; spaced < 2; spaced++) {
        const double one = together(net, p, &slow, 1, spaced);
        const double ten = together(net, p, &slow, 10, spaced);
        const double all = together(net, p, &slow, 19, spaced);
        cr_assert_float_eq(one, 10e9, 0.01 * 10e9, "one reader: %g", one);
        cr_assert_float_eq(ten, 100e9, 0.05 * 100e9, "ten readers: %g", ten);
        cr_assert(all < 147e9 && all > 0.9 * 147e9, "19 readers: %g", all);
    }
    sn_net_close(net);
}

/* One at a time and alone: every block takes l + L + t. */
Test(kvplane, latency_of_a_block)
{
    struct net_profile np;
    const struct sn_profile *p = net_cm384(&np, 1);
    struct sn_net *net = net_of(p, 32);
    const struct sn_kv_plane plane = {20e9, 100e-6};
    struct sn_kv_read read[9];
    struct sn_msg msg[10] = {{.after = SN_MSG_NONE, .src = 5, .dst = 6, .bytes = 100}};
    struct sn_net_result r;
    for (unsigned i = 0; i < 9; i++)
        read[i] = (struct sn_kv_read){
            .src = sn_net_cpu(net, 1, 2), .dst = 3, .bytes = block, .distance = SN_KV_REMOTE};
    sn_kv_messages(&plane, 1, 7000000, NULL, read, 9, 1, msg + 1);
    cr_assert_eq(sn_net_run(net, msg, 10, sn_kv_hold_ps(&plane, block), &r), SN_OK, "%s",
                 sn_status_message());
    const int64_t want = sn_ps(100e-6 + 1.9e-6 + (double)block / 20e9);
    for (unsigned i = 1; i < 10; i++) {
        const int64_t got = sn_kv_latency_ps(msg, i, 7000000);
        cr_assert(llabs(got - want) <= 2, "block %u: %lld ps; %lld", i, (long long)got,
                  (long long)want);
        cr_assert_eq(msg[i].after, i == 1 ? SN_MSG_NONE : i - 1);
        cr_assert_eq(msg[i].flags, SN_MSG_READ);
    }
    cr_assert_eq(msg[1].issue_ps, 7000000 + sn_ps(100e-6));
    sn_net_close(net);
}

Test(kvplane, reads_by_hand)
{
    struct net_profile np;
    struct sn_net *net = net_of(net_cm384(&np, 1), 48);
    const uint32_t host[] = {sn_net_cpu(net, 0, 3), sn_net_cpu(net, 2, 0), 17, 21};
    const struct sn_kv_place place[] = {{.member = 1, .bytes = 100},
                                        {.member = SN_KV_ANY},
                                        {.member = 3, .bytes = 200},
                                        {.member = 2, .bytes = 300},
                                        {.member = 0, .bytes = 400}};
    struct sn_kv_read read[5];
    static const struct sn_kv_read want[] = {{0, 17, 100, SN_KV_REMOTE, SN_KV_VPC},
                                             {21, 17, 200, SN_KV_NODE, SN_KV_VPC},
                                             {17, 17, 300, SN_KV_LOCAL, SN_KV_VPC},
                                             {0, 17, 400, SN_KV_REMOTE, SN_KV_VPC}};
    cr_assert_eq(sn_kv_reads(net, host, 17, SN_KV_VPC, place, 5, read), 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(read[i].src, i == 0 ? host[1] : i == 3 ? host[0] : want[i].src);
        cr_assert(read[i].dst == want[i].dst && read[i].bytes == want[i].bytes &&
                      read[i].distance == want[i].distance && read[i].plane == want[i].plane,
                  "read %u", i);
    }
    cr_assert_eq(sn_kv_distance(net, host[0], 15), SN_KV_NODE, "CPU memory of the own node");
    cr_assert_str_eq(sn_kv_plane_words[SN_KV_VPC], "vpc");
    cr_assert_str_eq(sn_kv_distance_words[SN_KV_REMOTE], "remote");
    cr_assert_null(sn_kv_plane_words[SN_KV_PLANES]);
    cr_assert_null(sn_kv_distance_words[SN_KV_DISTANCES]);
    sn_net_close(net);
}
