/* Degradations: the grammar and its errors, what each target slows and what it leaves alone. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "comm/fabric/net.h"
#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

Test(net_degrade, right_forms)
{
    static const char *const right[] = {NULL,
                                        "none",
                                        "plane=3:0",
                                        "node=7:0.5",
                                        "node=7.link=2:0.5",
                                        "die=5:.5",
                                        "die=5.link=2:0",
                                        "pair=3-9:0.5",
                                        "plane=0:1",
                                        "die=1:1e-3",
                                        "die=1:1e-9",
                                        "die=1:0e-400",
                                        "plane=3:0+node=7.link=2:0.5+pair=1-2:0.25+die=9:1"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        cr_expect_eq(sn_degrade_check(right[i]), SN_OK, "%s: %s", right[i], sn_status_message());
}

Test(net_degrade, wrong_forms_say_what_is_wrong)
{
    static const struct {
        const char *spec, *words;
    } wrong[] = {{"", "is empty"},
                 {"plane=3:0+", "is empty"},
                 {"+plane=3:0", "is empty"},
                 {"plane=3", "has no :FACTOR"},
                 {"plane=3:", "factor must be"},
                 {"plane=3:2", "from 0 (cut) to 1, got \"2\""},
                 {"plane=3:-0.5", "factor must be"},
                 {"plane=3:-0", "factor must be"},
                 {"plane=3:nan", "factor must be"},
                 {"plane=3:0x1", "factor must be"},
                 {"plane=3:0.5 ", "factor must be"},
                 {"plane=3:0.5:1", "factor must be"},
                 {"plane=3:1e-400", "the factor 1e-400 is too small"},
                 {"plane=3:0.0001e-6", "too small, the least is 1e-09; 0 cuts"},
                 {"plane=:0", "plane= needs a whole number"},
                 {"plane=-1:0", "needs a whole number"},
                 {"plane=9999999999:0", "needs a whole number"},
                 {"plane=3.link=1:0", "a plane has no .link"},
                 {"plan=3:0", "did you mean plane"},
                 {"plane:0", "must be plane=N"},
                 {"rack=3:0", "must be plane=N"},
                 {"node=7.lin=2:0", "only .link=N may follow"},
                 {"node=7.link=:0", "only .link=N may follow"},
                 {"node=7.link=2x:0", "\"x\" before the factor"},
                 {"die=5/2:0", "\"/2\" before the factor"},
                 {"pair=3:0", "source-destination"},
                 {"pair=3-:0", "source-destination"},
                 {"pair=3-3:0", "two different dies"},
                 {"pair=3-4-5:0", "\"-5\" before the factor"},
                 {"none+plane=3:0", "has no :FACTOR"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(sn_degrade_check(wrong[i].spec), SN_EINVAL, "%s", wrong[i].spec);
        cr_expect(strstr(sn_status_message(), wrong[i].words), "%s: \"%s\" lacks \"%s\"",
                  wrong[i].spec, sn_status_message(), wrong[i].words);
    }
}

Test(net_degrade, wrong_numbers_say_what_would_be_right)
{
    static const struct {
        const char *spec, *message;
    } wrong[] = {
        {"node=7.link=9:0.5",
         "node=7.link=9:0.5: link must be 0 to 6 (profile cm384 has 7 planes)"},
        {"plane=7:0", "plane=7:0: plane must be 0 to 6 (profile cm384 has 7 planes)"},
        {"node=8:0", "node=8:0: node must be 0 to 7 (128 dies on 8 nodes)"},
        {"die=128:0", "die=128:0: die must be 0 to 127 (128 dies on 8 nodes)"},
        {"plane=1:0+die=5.link=7:0",
         "die=5.link=7:0: link must be 0 to 6 (profile cm384 has 7 planes)"},
        {"pair=128-0:0", "pair=128-0:0: the source must be 0 to 127 (128 dies on 8 nodes)"},
        {"pair=0-128:0", "pair=0-128:0: the destination must be 0 to 127 (128 dies on 8 nodes)"}};
    struct net_profile np;
    struct sn_net *net = NULL;
    net_cm384(&np, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sn_net_options o = {.degrade = wrong[i].spec};
        cr_expect_eq(sn_net_open(&net, &np.p, 128, &o), SN_EINVAL, "%s", wrong[i].spec);
        cr_expect_str_eq(sn_status_message(), wrong[i].message);
        cr_expect_null(net);
    }
    net_ideal(&np);
    static const char *const planes[] = {"plane=0:0", "node=0:0.5", "die=0.link=0:0"};
    for (size_t i = 0; i < 3; i++) {
        struct sn_net_options o = {.degrade = planes[i]};
        cr_expect_eq(sn_net_open(&net, &np.p, 4, &o), SN_EINVAL);
        cr_expect(strstr(sn_status_message(), "has no planes"), "%s", sn_status_message());
    }
}

/* Time of one message of 588,000 B alone, in ps without the latency of its path: at 196 GB/s
 * 3,000,000, and at k of seven planes 21,000,000 / k. */
static int64_t transfer(const struct sn_profile *p, const char *degrade, enum sn_net_spread spread,
                        unsigned plane, uint32_t src, uint32_t dst, uint32_t flags)
{
    struct sn_net_options o = {.degrade = degrade, .spread = spread, .plane = plane};
    struct sn_net *net;
    struct sn_net_result r;
    cr_assert_eq(sn_net_open(&net, p, 128, &o), SN_OK, "%s", sn_status_message());
    struct sn_msg m = {
        .src = src, .dst = dst, .bytes = 588000, .after = SN_MSG_NONE, .flags = flags};
    cr_assert_eq(sn_net_run(net, &m, 1, 0, &r), SN_OK, "%s", sn_status_message());
    int64_t latency = sn_ps(p->paths[sn_net_path(net, src, dst)].latency.value);
    cr_expect(r.bound_ps <= r.end_ps);
    sn_net_close(net);
    return r.end_ps - latency;
}

Test(net_degrade, each_target_slows_its_own)
{
    static const struct {
        const char *degrade;
        uint32_t src, dst;
        int64_t ps;
    } cases[] = {
        {"none", 0, 20, 3000000},
        {"plane=3:0", 0, 20, 3500000}, /* exactly 6/7 of the bandwidth */
        {"plane=3:0", 0, 2, 3500000},
        {"plane=3:0+plane=5:0", 0, 20, 4200000},
        {"plane=3:0.5", 0, 20, 3230770}, /* 21 / 6.5, rounded up */
        {"plane=3:0", 0, 1, 2800000},    /* a package has its own port, 210 GB/s */
        {"node=1:0.5", 0, 20, 3000000},  /* one die does not fill half of 16 dies' links */
        {"node=1:0.03125", 0, 20, 6000000},
        {"node=1:0.03125", 20, 0, 6000000},
        {"node=1:0.03125", 16, 20, 3000000}, /* inside the node no uplink is used */
        {"node=1:0.03125", 0, 40, 3000000},
        {"node=1.link=2:0", 20, 0, 3500000},
        {"node=1.link=2:0", 16, 20, 3000000},
        {"die=5:0.5", 5, 20, 6000000},
        {"die=5:0.5", 20, 5, 6000000},
        {"die=5:0.5", 5, 7, 6000000},
        {"die=5:0.5", 6, 20, 3000000},
        {"die=5:0.5+die=20:0.5", 5, 20, 6000000}, /* the same half on both sides */
        {"die=5:0.5+die=5:0.5", 5, 20, 12000000},
        {"die=5.link=2:0", 5, 20, 3500000},
        {"die=5.link=2:0+die=20.link=2:0", 5, 20, 3500000}, /* the same plane on both sides */
        {"die=5.link=2:0+die=20.link=3:0", 5, 20, 4200000}, /* five planes have both ends */
        {"die=5.link=2:0+node=1.link=3:0+plane=4:0", 5, 20, 5250000},
        {"pair=3-19:0.5", 3, 19, 6000000},
        {"pair=3-19:0.5", 19, 3, 3000000},
        {"pair=3-19:0.5", 3, 18, 3000000},
        {"pair=2-3:0.5", 2, 3, 5600000}, /* in a package as well */
    };
    struct net_profile np;
    net_cm384(&np, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t read = 0; read <= SN_MSG_READ; read++) {
            int64_t ps = transfer(&np.p, cases[i].degrade, SN_NET_SPRAY, 0, cases[i].src,
                                  cases[i].dst, read);
            cr_expect_eq(ps, cases[i].ps, "%s, %u to %u, read %u: %lld", cases[i].degrade,
                         cases[i].src, cases[i].dst, read, (long long)ps);
        }
}

Test(net_degrade, one_plane_for_all_is_a_seventh)
{
    struct net_profile np;
    net_cm384(&np, 1);
    cr_expect_eq(transfer(&np.p, "none", SN_NET_PLANE, 3, 0, 20, 0), 21000000);
    cr_expect_eq(transfer(&np.p, "plane=2:0", SN_NET_PLANE, 3, 0, 20, 0), 21000000);
    cr_expect_eq(transfer(&np.p, "plane=3:0.5", SN_NET_PLANE, 3, 0, 20, 0), 42000000);
    cr_expect_eq(transfer(&np.p, "die=0.link=3:0.5", SN_NET_PLANE, 3, 0, 20, 0), 42000000);
    cr_expect_eq(transfer(&np.p, "node=1.link=3:0.25", SN_NET_PLANE, 3, 0, 20, 0), 84000000);
    cr_expect_eq(transfer(&np.p, "none", SN_NET_HASH, 0, 0, 20, 0), 21000000);
    net_cm384(&np, 0.5); /* links are as much below their port as the path is */
    cr_expect_eq(transfer(&np.p, "none", SN_NET_PLANE, 3, 0, 20, 0), 42000000);
}

/* Without planes a die's port is slowed, for what it sends and what it gets. */
Test(net_degrade, ports_without_planes)
{
    struct net_profile np;
    net_ideal(&np);
    cr_expect_eq(transfer(&np.p, "die=5:0.5", SN_NET_PROFILE, 0, 5, 20, 0), 6000000);
    cr_expect_eq(transfer(&np.p, "die=5:0.5", SN_NET_PROFILE, 0, 20, 5, 0), 6000000);
    cr_expect_eq(transfer(&np.p, "die=5:0.5", SN_NET_PROFILE, 0, 20, 6, 0), 3000000);
    cr_expect_eq(transfer(&np.p, "pair=5-6:0.5", SN_NET_PROFILE, 0, 5, 6, 0), 6000000);
}

/* All 16 dies of node 1 send to node 2, 588,000 B each: the uplinks of node 1 carry what they have
 * left, and the node's neighbours are not touched. */
Test(net_degrade, nodes_share_their_uplinks)
{
    static const struct {
        const char *degrade;
        double us;
    } cases[] = {{"none", 3},
                 {"node=1:0.5", 6},
                 {"node=2:0.5", 6},
                 {"node=3:0.5", 3},
                 {"node=1:0.5+node=2:0.5", 6},
                 {"node=1.link=2:0.5", 3 * 7 / 6.5},
                 {"node=1.link=2:0", 3.5}};
    struct net_profile np;
    net_cm384(&np, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_net_options o = {.degrade = cases[i].degrade};
        struct sn_net *net;
        struct sn_net_result r;
        struct sn_msg m[16 * 100];
        for (uint32_t k = 0; k < 1600; k++)
            m[k] = (struct sn_msg){
                .src = 16 + k % 16, .dst = 32 + k % 16, .bytes = 5880, .after = SN_MSG_NONE};
        cr_assert_eq(sn_net_open(&net, &np.p, 128, &o), SN_OK, "%s", sn_status_message());
        cr_assert_eq(sn_net_run(net, m, 1600, 0, &r), SN_OK);
        double us = (double)(r.end_ps - 2100000) * 1e-6;
        cr_expect(us >= cases[i].us - 1e-6 && us <= cases[i].us * 1.02, "%s: %.3f us, not %.3f",
                  cases[i].degrade, us, cases[i].us);
        cr_expect(r.bound_ps <= r.end_ps);
        if (i == 1)
            cr_expect_str_eq(r.bottleneck, "uplinks of node 1");
        sn_net_close(net);
    }
}

/* --- less is never faster ----------------------------------------------------------------------
 */

enum { MOST = 4096 };
enum pattern { ALONE, NODE_OUT, NODE_IN, FAN_OUT, FAN_IN, RANDOM, PATTERNS };

/* Traffic in which node 1 (dies 16 to 31) and die 20 of 64 take part. */
static size_t traffic(enum pattern k, bool read, struct sn_msg *m)
{
    struct sn_rng r = sn_rng_make(11, (uint64_t)k);
    size_t n = 0;
    for (uint32_t i = 0; i < 512; i++) {
        uint32_t src = 20, dst = 40, other = 32 + i % 16;
        if (k == ALONE && i > 0)
            break;
        if (k == NODE_OUT || k == NODE_IN)
            src = k == NODE_OUT ? 16 + i % 16 : other, dst = k == NODE_OUT ? other : 16 + i % 16;
        else if (k == FAN_OUT || k == FAN_IN)
            src = k == FAN_OUT ? 20 : other, dst = k == FAN_OUT ? other : 20;
        else if (k == RANDOM)
            src = (uint32_t)sn_rng_below(&r, 64),
            dst = (src + 1 + (uint32_t)sn_rng_below(&r, 63)) % 64;
        m[n++] = (struct sn_msg){.src = src,
                                 .dst = dst,
                                 .bytes = 98000,
                                 .after = SN_MSG_NONE,
                                 .flags = read ? SN_MSG_READ : 0};
    }
    return n;
}

static int64_t ends(const struct sn_profile *p, const char *degrade, enum pattern k, bool read)
{
    static struct sn_msg m[MOST];
    struct sn_net_options o = {.degrade = degrade};
    struct sn_net *net;
    struct sn_net_result r;
    size_t n = traffic(k, read, m);
    cr_assert_eq(sn_net_open(&net, p, 64, &o), SN_OK, "%s", sn_status_message());
    cr_assert_eq(sn_net_run(net, m, n, 0, &r), SN_OK, "%s", sn_status_message());
    cr_expect(r.bound_ps <= r.end_ps, "%s: bound", degrade);
    sn_net_close(net);
    return r.end_ps;
}

/* A link with less left is never faster than one with more, cut or not, and all links of a node,
 * die or plane at some factor are not faster than one of them at it. To the picosecond where there
 * is one queue that matters; where several meet, what is slowed comes behind others that are then
 * earlier, and the last of all may end 2 % sooner. */
Test(net_degrade, less_is_never_faster)
{
    static const double factor[] = {1, 0.9, 0.5, 0.25, 0.1, 0.0625, 0.01, 1e-4, 0};
    static const struct {
        const char *whole, *link; /* beside them, always there: */
        const char *rest;
    } targets[] = {
        {"node=1", "node=1.link=2", ""},
        {"die=20", "die=20.link=2", ""},
        {"node=1", "node=1.link=2", "+node=1.link=3:0.25+die=20.link=4:0.5"},
        {"node=1", "node=1.link=2", "+node=2.link=2:0.3+node=3:0.5+plane=1:0.5"},
        {"node=2", "node=2.link=0", "+die=20.link=0:0.5+die=40.link=1:0.5"},
        {"die=40", "die=40.link=2", "+die=20.link=2:0.5+die=20.link=6:0"},
        {"die=40", "plane=2", "+die=20.link=3:0.1"},
    };
    struct net_profile np;
    net_cm384(&np, 1);
    for (int narrow = 0; narrow < 2; narrow++) {
        np.p.uplink = FIGURE(narrow ? 14e9 : 28e9); /* half of what the dies below can send */
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
            for (int k = 0; k < 2 * PATTERNS; k++) {
                bool meet = k / 2 == RANDOM || *targets[t].rest;
                double least = meet ? 0.98 : 1;
                int64_t before[2] = {0};
                for (size_t f = 0; f < sizeof factor / sizeof *factor; f++) {
                    int64_t now[2];
                    for (int one = 0; one < 2 && (one || factor[f] > 0); one++) {
                        char *spec = sn_strdupf("%s:%g%s", one ? targets[t].link : targets[t].whole,
                                                factor[f], targets[t].rest);
                        now[one] = ends(&np.p, spec, (enum pattern)(k / 2), k % 2);
                        cr_expect((double)now[one] >= least * (double)before[one],
                                  "%s, pattern %d: %lld ps; with more %lld", spec, k,
                                  (long long)now[one], (long long)before[one]);
                        before[one] = now[one] > before[one] ? now[one] : before[one];
                        free(spec);
                    }
                    bool part = strncmp(targets[t].link, "plane", 5) != 0;
                    cr_expect(factor[f] == 0 || !part || (double)now[0] >= least * (double)now[1],
                              "%s%s at %g, pattern %d: the whole takes %lld ps, a link of it %lld",
                              targets[t].whole, targets[t].rest, factor[f], k, (long long)now[0],
                              (long long)now[1]);
                }
            }
    }
}

/* Hashed messages fill all planes: 7,000 of a die to dies of other nodes take what sprayed ones do,
 * within the unevenness of the hash; with a plane cut 6/7 of the bandwidth. */
Test(net_degrade, hashes_use_the_planes_that_are_left)
{
    enum { N = 7000 };
    struct net_profile np;
    struct sn_msg *m = malloc(N * sizeof *m);
    for (int cut = 0; cut < 2; cut++) {
        struct sn_net_options o = {.spread = SN_NET_HASH, .degrade = cut ? "plane=3:0" : "none"};
        struct sn_net *net;
        struct sn_net_result r;
        cr_assert_eq(sn_net_open(&net, net_cm384(&np, 1), 128, &o), SN_OK);
        for (uint32_t k = 0; k < N; k++)
            m[k] = (struct sn_msg){
                .src = 0, .dst = 16 + k % 112, .bytes = 19600, .after = SN_MSG_NONE};
        cr_assert_eq(sn_net_run(net, m, N, 0, &r), SN_OK);
        double us = (double)r.end_ps * 1e-6 - 2.1, even = cut ? 700 * 7 / 6.0 : 700;
        cr_expect(us >= even && us < even * 1.1, "cut %d: %.1f us", cut, us);
        sn_net_close(net);
    }
    free(m);
}

Test(net_degrade, unreachable_says_why)
{
    static const struct {
        const char *degrade;
        enum sn_net_spread spread;
        uint32_t src, dst;
        const char *why;
    } cases[] = {
        {"none", SN_NET_SPRAY, 0, 20, NULL},
        {"plane=3:0", SN_NET_SPRAY, 0, 20, NULL},
        {"plane=3:0", SN_NET_HASH, 0, 20, NULL},
        {"plane=3:0", SN_NET_PLANE, 0, 20, "plane 3 is cut"},
        {"plane=3:0", SN_NET_PLANE, 0, 1, NULL}, /* the package's own port */
        {"plane=2:0", SN_NET_PLANE, 0, 20, NULL},
        {"plane=3:0", SN_NET_PLANE, 0, 0, NULL},
        {"die=5.link=3:0", SN_NET_PLANE, 20, 5, "die 5 is cut from plane 3"},
        {"die=5.link=3:0", SN_NET_PLANE, 20, 6, NULL},
        {"die=5.link=3:0", SN_NET_SPRAY, 20, 5, NULL},
        {"node=1.link=3:0", SN_NET_PLANE, 20, 5, "node 1 is cut from plane 3"},
        {"node=1.link=3:0", SN_NET_PLANE, 20, 22, NULL},
        {"node=1:0", SN_NET_SPRAY, 20, 5, "node 1 is cut"},
        {"node=1:0", SN_NET_HASH, 5, 20, "node 1 is cut"},
        {"node=1:0", SN_NET_SPRAY, 20, 22, NULL},
        {"die=5:0", SN_NET_SPRAY, 5, 7, "die 5 is cut"},
        {"die=5:0", SN_NET_SPRAY, 4, 5, NULL},
        {"pair=5-20:0", SN_NET_SPRAY, 5, 20, "die 5 is cut from die 20"},
        {"pair=5-20:0", SN_NET_SPRAY, 20, 5, NULL},
        {"plane=0:0+plane=1:0+plane=2:0+plane=3:0+plane=4:0+plane=5:0+plane=6:0", SN_NET_SPRAY, 0,
         20, "every plane between them is cut"},
        {"plane=0:0+plane=1:0+plane=2:0+die=0.link=3:0+die=20.link=4:0+node=0.link=5:0+"
         "node=1.link=6:0",
         SN_NET_SPRAY, 0, 20, "every plane between them is cut"},
        {"plane=0:0+plane=1:0+plane=2:0+die=0.link=3:0+die=20.link=4:0+node=0.link=5:0",
         SN_NET_SPRAY, 0, 20, NULL},
    };
    struct net_profile np;
    net_cm384(&np, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_net_options o = {
            .degrade = cases[i].degrade, .spread = cases[i].spread, .plane = 3};
        struct sn_net *net;
        cr_assert_eq(sn_net_open(&net, &np.p, 128, &o), SN_OK, "%s", sn_status_message());
        const char *why = sn_net_unreachable(net, cases[i].src, cases[i].dst);
        cr_expect(cases[i].why ? why && !strcmp(why, cases[i].why) : !why, "%s, %u to %u: %s",
                  cases[i].degrade, cases[i].src, cases[i].dst, why ? why : "reachable");
        struct sn_msg m = {
            .src = cases[i].src, .dst = cases[i].dst, .bytes = 1, .after = SN_MSG_NONE};
        struct sn_net_result r;
        int s = sn_net_run(net, &m, 1, 0, &r);
        cr_expect_eq(s, why ? SN_EINVAL : SN_OK, "the run must agree");
        if (why)
            cr_expect(strstr(sn_status_message(), why), "%s", sn_status_message());
        sn_net_close(net);
    }
}
