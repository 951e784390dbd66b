/* Properties of the engines over random traffic on many networks, and equality with the slow
 * reference (net_reference.h), time by time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "comm/fabric/net_impl.h"
#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "tests/unit/net_reference.h"
#include "tests/unit/netprofiles.h"

enum { KINDS = 7, DIES = 40 };

/* Network number `kind`: ideal, the reference machine at and below port speed, with half of its
 * uplinks, hashed, with one port a node, and without planes in packages and nodes. */
static const struct sn_profile *make_profile(struct net_profile *np, unsigned kind)
{
    struct sn_profile *p = &np->p;
    switch (kind) {
    case 0:
        net_ideal(np);
        p->paths[SN_PATH_SUPERNODE].latency = FIGURE(1e-6); /* ties with the issue times */
        return p;
    case 1:
        net_cm384(np, 1);
        break;
    case 2:
        net_cm384(np, 0.77);
        p->paths[SN_PATH_NODE].read_latency = FIGURE(1.2e-6);
        p->paths[SN_PATH_SUPERNODE].read_bandwidth = FIGURE(100e9);
        p->paths[SN_PATH_SUPERNODE].read_latency = FIGURE(1e-6); /* below the latency */
        break;
    case 3:
        net_cm384(np, 0.9);
        p->uplink = FIGURE(14e9);
        break;
    case 4:
        net_cm384(np, 0.8);
        p->hashed = true;
        break;
    case 5:
        net_vpc(np);
        break;
    default:
        net_cm384(np, 1);
        p->planes = p->l2_per_plane = 0;
        p->link = p->uplink = NO_FIGURE;
        p->planes_port = NULL;
    }
    return p;
}

static int make_terms(struct sn_rng *r, const struct sn_profile *p, struct ref_term *t,
                      struct sn_buf *spec)
{
    static const double factors[] = {0.5, 0.25, 0.9, 1, 0.003, 0};
    int n = (int)sn_rng_below(r, 5), planes = (int)p->planes;
    sn_buf_reset(spec);
    for (int i = 0; i < n; i++) {
        t[i].link = -1;
        /* A cut plane or a cut link, never a whole die or node: the others stay reachable. */
        t[i].factor = factors[sn_rng_below(r, 5)];
        bool link = planes && sn_rng_below(r, 2);
        if (link)
            t[i].link = 1 + (int)sn_rng_below(r, (uint64_t)planes - 1);
        switch (sn_rng_below(r, planes ? 4 : 2)) {
        case 0:
            t[i].kind = 'd', t[i].at = (int)sn_rng_below(r, DIES);
            break;
        case 1:
            t[i].kind = 'm', t[i].at = (int)sn_rng_below(r, DIES);
            t[i].link = (t[i].at + 1 + (int)sn_rng_below(r, DIES - 1)) % DIES;
            break;
        case 2:
            t[i].kind = 'n', t[i].at = (int)sn_rng_below(r, (DIES + 15) / 16);
            break;
        default: /* never plane 0, so that one is left */
            t[i].kind = 'p', t[i].at = 1 + (int)sn_rng_below(r, (uint64_t)planes - 1);
            t[i].link = -1;
        }
        if ((t[i].kind == 'd' || t[i].kind == 'n') && t[i].link >= 0 && sn_rng_below(r, 3) == 0)
            t[i].factor = 0;
        if (t[i].kind == 'p' && sn_rng_below(r, 3) == 0)
            t[i].factor = 0;
        sn_buf_addf(spec, "%s%s=%d", i ? "+" : "",
                    t[i].kind == 'd'   ? "die"
                    : t[i].kind == 'm' ? "pair"
                    : t[i].kind == 'n' ? "node"
                                       : "plane",
                    t[i].at);
        if (t[i].kind == 'm')
            sn_buf_addf(spec, "-%d", t[i].link);
        else if (t[i].link >= 0)
            sn_buf_addf(spec, ".link=%d", t[i].link);
        sn_buf_addf(spec, ":%.17g", t[i].factor);
    }
    return n;
}

static void make_traffic(struct sn_rng *r, const struct sn_net *net, struct sn_msg *m, int n,
                         bool reads, bool afters)
{
    unsigned ends = sn_net_endpoints(net), hot = (unsigned)sn_rng_below(r, ends);
    for (int i = 0; i < n; i++) {
        m[i] = (struct sn_msg){.after = SN_MSG_NONE};
        do {
            m[i].src = (uint32_t)sn_rng_below(r, sn_rng_below(r, 8) ? DIES : ends);
            m[i].dst = sn_rng_below(r, 4) ? (uint32_t)sn_rng_below(r, DIES) : hot;
        } while (sn_net_unreachable(net, m[i].src, m[i].dst));
        m[i].bytes = sn_rng_below(r, 1ull << sn_rng_below(r, 21));
        m[i].issue_ps = (int64_t)sn_rng_below(r, 8) * 1000000;
        if (sn_rng_below(r, 3) == 0)
            m[i].issue_ps += (int64_t)sn_rng_below(r, 1000000);
        if (reads && sn_rng_below(r, 3) == 0)
            m[i].flags = SN_MSG_READ;
        uint32_t before = i ? (uint32_t)sn_rng_below(r, (uint64_t)i) : 0;
        /* Behind a 0-byte delivery in the same picosecond no order is defined. */
        if (afters && i && m[before].bytes && m[before].src != m[before].dst &&
            sn_rng_below(r, 3)) {
            m[i].after = before;
            m[i].flags |= sn_rng_below(r, 2) ? SN_MSG_IN_TURN : 0;
        }
    }
}

static int64_t latest_issue(const struct sn_msg *m, int n)
{
    int64_t latest = 0;
    for (int i = 0; i < n; i++)
        latest = m[i].issue_ps > latest ? m[i].issue_ps : latest;
    return latest;
}

/* Both engines on the same messages: every time and every figure of the result. */
static void expect_engines_agree(struct sn_net *net, const struct sn_msg *m, int n,
                                 int64_t overhead, const char *what)
{
    struct sn_msg a[REF_MAX], b[REF_MAX];
    struct sn_net_result ra, rb;
    struct sn_net_call c;
    memcpy(a, m, (size_t)n * sizeof *m);
    memcpy(b, m, (size_t)n * sizeof *m);
    cr_assert_eq(sn_net_call_open(&c, net, a, (size_t)n, overhead), SN_OK);
    cr_assert_eq(sn_net_run_stages(&c), SN_OK);
    sn_net_call_close(&c, &ra);
    cr_assert_eq(sn_net_call_open(&c, net, b, (size_t)n, overhead), SN_OK);
    cr_assert_eq(sn_net_run_events(&c), SN_OK);
    sn_net_call_close(&c, &rb);
    for (int i = 0; i < n; i++)
        cr_assert_eq(a[i].done_ps, b[i].done_ps, "%s: message %d", what, i);
    cr_expect_eq(ra.bound_ps, rb.bound_ps, "%s", what);
    cr_expect_eq(ra.bottleneck_busy_ps, rb.bottleneck_busy_ps, "%s", what);
    cr_expect_eq(ra.bottleneck_bytes, rb.bottleneck_bytes, "%s", what);
    cr_expect_str_eq(ra.bottleneck, rb.bottleneck, "%s", what);
    cr_expect(ra.last == rb.last && ra.end_ps == rb.end_ps, "%s", what);
}

static void one_round(unsigned seed, unsigned kind, enum sn_net_spread spread, int n)
{
    struct sn_rng r = sn_rng_make(seed, kind * 8 + spread);
    struct net_profile np;
    struct ref_term terms[8];
    struct sn_buf spec = {0};
    const struct sn_profile *p = make_profile(&np, kind);
    if (!p->planes && spread != SN_NET_PROFILE)
        return;
    struct ref_net ref = {.p = p, .dies = DIES, .terms = terms, .spread = spread, .seed = seed};
    ref.n_terms = make_terms(&r, p, terms, &spec);
    struct sn_net_options o = {
        .degrade = ref.n_terms ? spec.data : NULL, .spread = spread, .seed = seed};
    struct sn_net *net;
    cr_assert_eq(sn_net_open(&net, p, DIES, &o), SN_OK, "%s", sn_status_message());
    bool reads = seed % 3 != 0, afters = seed % 2;
    int64_t overhead = seed % 4 == 0 ? 200000 : seed % 4 == 1 ? 1 : 0, done[REF_MAX];
    struct sn_msg m[REF_MAX], again[REF_MAX];
    make_traffic(&r, net, m, n, reads, afters);
    memcpy(again, m, sizeof *m * (size_t)n);
    char what[256];
    snprintf(what, sizeof what, "seed %u, network %u, spread %d, degrade %.150s", seed, kind,
             (int)spread, o.degrade ? o.degrade : "none");

    struct sn_net_result a, b;
    cr_assert_eq(sn_net_run(net, m, (size_t)n, overhead, &a), SN_OK, "%s: %s", what,
                 sn_status_message());
    ref_run(&ref, m, n, overhead, done);
    int64_t end = 0;
    for (int i = 0; i < n; i++) {
        cr_assert_eq(m[i].done_ps, done[i],
                     "%s: message %d (%u to %u, %llu B): %lld, reference %lld", what, i, m[i].src,
                     m[i].dst, (unsigned long long)m[i].bytes, (long long)m[i].done_ps,
                     (long long)done[i]);
        end = end > done[i] ? end : done[i];
    }
    cr_expect_eq(a.end_ps, end);
    cr_expect_eq(m[a.last].done_ps, end);
    cr_expect(a.bound_ps <= a.end_ps, "%s: below the bound", what);
    int64_t serial = sn_net_serial_ps(net, m, (size_t)n, overhead) + latest_issue(m, n);
    cr_expect(a.end_ps <= serial, "%s: end %lld above the serial sum %lld", what,
              (long long)a.end_ps, (long long)serial);

    cr_assert_eq(sn_net_run(net, again, (size_t)n, overhead, &b), SN_OK);
    cr_expect_eq(memcmp(m, again, sizeof *m * (size_t)n), 0, "%s: not the same twice", what);
    cr_expect_str_eq(a.bottleneck, b.bottleneck);
    if (!afters)
        expect_engines_agree(net, m, n, overhead, what);
    sn_net_close(net);
    sn_buf_free(&spec);
}

Test(net_random, equals_the_reference)
{
    for (unsigned seed = 0; seed < 40; seed++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            one_round(seed, kind, SN_NET_PROFILE, 10 + (int)(seed * 7 % 120));
}

Test(net_random, equals_the_reference_however_it_is_spread)
{
    for (unsigned seed = 0; seed < 20; seed++)
        for (unsigned kind = 1; kind < 5; kind++) {
            one_round(seed, kind, SN_NET_SPRAY, 60);
            one_round(seed, kind, SN_NET_HASH, 60);
        }
}

/* The full-speed path of sends against the queue: sizes, order of the array, latencies and ties at
 * random; messages of an issuer in order of readiness (or not: then the stages run). */
Test(net_random, sends_at_full_speed_agree)
{
    enum { N = 30000 };
    struct sn_msg *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b);
    unsigned fast = 0;
    for (unsigned seed = 0; seed < 24; seed++) {
        struct sn_rng r = sn_rng_make(77, seed);
        struct net_profile np;
        struct sn_net *net;
        struct sn_net_call c;
        struct sn_net_result ra, rb;
        unsigned dies = seed % 2 ? 100 : 700;
        const struct sn_profile *p = seed % 3 ? net_cm384(&np, 0.9) : net_ideal(&np);
        const char *degrade = seed % 3 == 2 ? "plane=2:0+plane=3:0.7" : NULL;
        struct sn_net_options o = {.degrade = degrade};
        cr_assert_eq(sn_net_open(&net, p, dies, &o), SN_OK, "%s", sn_status_message());
        bool by_sender = seed % 4 < 2, sorted = seed % 8 != 7;
        unsigned spread = 1u << (1 + seed % 20);
        for (int i = 0; i < N; i++) {
            uint64_t src = by_sender ? (uint64_t)i * dies / N : sn_rng_below(&r, dies);
            a[i] = (struct sn_msg){
                .src = (uint32_t)src,
                .dst = (uint32_t)sn_rng_below(&r, sn_rng_below(&r, 3) ? dies : 3),
                .bytes = seed % 5 ? sn_rng_below(&r, spread) : 24576,
                .issue_ps = (int64_t)(sorted ? (unsigned)i * (seed % 7) : sn_rng_below(&r, 100000)),
                .after = SN_MSG_NONE};
        }
        memcpy(b, a, N * sizeof *a);
        int64_t overhead = seed % 3 == 1 ? 50000 : 0;
        cr_assert_eq(sn_net_call_open(&c, net, a, N, overhead), SN_OK, "%s", sn_status_message());
        cr_assert(sn_net_sends_apply(&c));
        bool done = sn_net_run_sends(&c);
        cr_expect_eq(done, sorted);
        fast += done;
        if (!done)
            cr_assert_eq(sn_net_run_stages(&c), SN_OK);
        sn_net_call_close(&c, &ra);
        cr_assert_eq(sn_net_call_open(&c, net, b, N, overhead), SN_OK);
        cr_assert_eq(sn_net_run_events(&c), SN_OK);
        sn_net_call_close(&c, &rb);
        for (int i = 0; i < N; i++)
            cr_assert_eq(a[i].done_ps, b[i].done_ps, "seed %u, message %d", seed, i);
        cr_expect_eq(ra.bound_ps, rb.bound_ps);
        cr_expect_eq(ra.bottleneck_busy_ps, rb.bottleneck_busy_ps);
        cr_expect_eq(ra.bottleneck_bytes, rb.bottleneck_bytes);
        cr_expect_str_eq(ra.bottleneck, rb.bottleneck);
        sn_net_close(net);
    }
    cr_expect(fast >= 20);
    free(a);
    free(b);
}

/* Seen from outside, on ports alone: every message that reaches a port is served in order of
 * arrival, and the port never rests while one waits. */
Test(net_random, ports_conserve_work_and_order)
{
    enum { N = 200 };
    struct net_profile np;
    struct sn_net *net;
    cr_assert_eq(sn_net_open(&net, net_ideal(&np), N + 1, NULL), SN_OK);
    struct sn_rng r = sn_rng_make(5, 0);
    struct sn_msg m[N]; /* one of each sender, all to die N: arrivals are known */
    struct sn_net_result out;
    for (int i = 0; i < N; i++)
        m[i] = (struct sn_msg){.src = (uint32_t)i,
                               .dst = N,
                               .bytes = 196 * (1 + sn_rng_below(&r, 1000)),
                               .issue_ps = (int64_t)sn_rng_below(&r, 200) * 1000000,
                               .after = SN_MSG_NONE};
    cr_assert_eq(sn_net_run(net, m, N, 0, &out), SN_OK);
    int64_t free_at = 0, idle = 0, busy = 0, last_arrival = 0;
    bool seen[N] = {false};
    for (int k = 0; k < N; k++) {
        int next = -1;
        for (int i = 0; i < N; i++)
            if (!seen[i] && (next < 0 || m[i].done_ps < m[next].done_ps))
                next = i;
        seen[next] = true;
        int64_t x = (int64_t)m[next].bytes / 196 * 1000, at = m[next].issue_ps + 929000;
        int64_t start = m[next].done_ps - x;
        cr_expect_eq(start, at > free_at ? at : free_at, "message %d", next);
        cr_expect(at >= last_arrival, "message %d came before its turn", next);
        idle += start > free_at && k;
        busy += start > at;
        free_at = m[next].done_ps;
        last_arrival = at;
    }
    cr_expect(idle > 10 && busy > 10, "the port must rest and queue: %d, %d", (int)idle, (int)busy);
    sn_net_close(net);
}

/* On ports alone it does not matter what the dies are called (no two arrivals tie here). */
Test(net_random, names_of_dies_do_not_matter)
{
    enum { N = 300, P = 20 };
    struct net_profile np;
    struct sn_net *net;
    cr_assert_eq(sn_net_open(&net, net_ideal(&np), P, NULL), SN_OK);
    struct sn_rng r = sn_rng_make(6, 0);
    uint32_t name[P] = {0};
    sn_net_order(SN_ORDER_RANDOM, P, P + 1, 3, name);
    struct sn_msg a[N], b[N];
    struct sn_net_result ra, rb;
    for (int i = 0; i < N; i++) {
        a[i] = (struct sn_msg){.src = (uint32_t)sn_rng_below(&r, P),
                               .bytes = 1 + sn_rng_below(&r, 1 << 20),
                               .issue_ps = (int64_t)sn_rng_below(&r, 1000000000),
                               .after = SN_MSG_NONE};
        a[i].dst = (a[i].src + 1 + (uint32_t)sn_rng_below(&r, P - 1)) % P;
        b[i] = a[i];
        b[i].src = name[a[i].src], b[i].dst = name[a[i].dst];
    }
    cr_assert_eq(sn_net_run(net, a, N, 1000, &ra), SN_OK);
    cr_assert_eq(sn_net_run(net, b, N, 1000, &rb), SN_OK);
    for (int i = 0; i < N; i++)
        cr_expect_eq(a[i].done_ps, b[i].done_ps, "message %d", i);
    cr_expect_eq(ra.bound_ps, rb.bound_ps);
    sn_net_close(net);
}
