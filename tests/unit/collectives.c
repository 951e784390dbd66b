/* Collectives on the model: the blocks end where they must, the engine's times are the formulas of
 * the header, and steps keep their turn. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "comm/fabric/collectives.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

static const unsigned sizes[] = {2, 3, 4, 5, 7, 8, 12, 16, 17, 32};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* --- where blocks go ---------------------------------------------------------------------------
 */

/* held[die][origin][dest]: what a die has of the block that `origin` brings for `dest`. All-gather:
 * dest is always 0. Reduce-scatter: whether origin's part is in the die's sum for dest. */
struct holding {
    unsigned p;
    unsigned char *held;
};

static unsigned char *at(const struct holding *h, unsigned die, unsigned origin, unsigned dest)
{
    return &h->held[((size_t)die * h->p + origin) * h->p + dest];
}

static void begin(struct holding *h, enum sn_collective_kind kind, unsigned p)
{
    *h = (struct holding){.p = p, .held = calloc((size_t)p * p, p)};
    for (unsigned me = 0; me < p; me++)
        for (unsigned dest = 0; dest < (kind == SN_ALLGATHER ? 1 : p); dest++)
            *at(h, me, me, dest) = 1;
}

/* One block of a message. Returns false when the sender does not have it, or when a part of a sum
 * comes twice. */
static bool carry(const struct holding *before, struct holding *after, enum sn_collective_kind kind,
                  unsigned me, const struct sn_collective_part *part, unsigned block)
{
    if (kind == SN_ALLGATHER) {
        *at(after, part->to, block, 0) = 1;
        return *at(before, me, block, 0);
    }
    if (kind == SN_ALLTOALL) {
        *at(after, part->to, part->origin, block) = 1;
        return *at(before, me, part->origin, block);
    }
    bool once = true;
    for (unsigned o = 0; o < before->p; o++)
        if (*at(before, me, o, block)) {
            once &= !*at(after, part->to, o, block);
            *at(after, part->to, o, block) = 1;
        }
    return once;
}

static bool complete(const struct holding *h, enum sn_collective_kind kind)
{
    for (unsigned me = 0; me < h->p; me++)
        for (unsigned o = 0; o < h->p; o++)
            if (!*at(h, me, o, kind == SN_ALLGATHER ? 0 : me))
                return false;
    return true;
}

/* Plays an algorithm; `spoil` leaves out the message of that index. */
static bool plays(const struct sn_collective *a, unsigned p, const uint32_t *orders, size_t spoil)
{
    struct holding before, after;
    bool right = true;
    begin(&before, a->kind, p);
    begin(&after, a->kind, p);
    for (unsigned s = 0; s < a->steps(p); s++) {
        for (unsigned me = 0; me < p; me++) {
            struct sn_collective_part part = sn_collective_part_of(a, p, orders, s, me);
            right &= part.to < p && part.to != me && part.first < p && part.count;
            if (!orders)
                right &= a->part(p, s, part.to).from == me;
            for (unsigned k = 0; k < part.count && (size_t)s * p + me != spoil; k++)
                right &= carry(&before, &after, a->kind, me, &part, (part.first + k) % p);
        }
        memcpy(before.held, after.held, (size_t)p * p * p);
    }
    right &= complete(&after, a->kind);
    free(before.held);
    free(after.held);
    return right;
}

Test(collectives, blocks_end_where_they_must)
{
    for (size_t i = 0; sn_collectives[i]; i++)
        for (size_t k = 0; k < SIZES; k++) {
            const struct sn_collective *a = sn_collectives[i];
            if (sn_collective_unsupported(a, sizes[k]))
                continue;
            cr_expect(plays(a, sizes[k], NULL, SIZE_MAX), "kind %d %s at %u dies", a->kind, a->name,
                      sizes[k]);
            size_t last = sn_collective_count(a, sizes[k]) - 1;
            cr_expect(!plays(a, sizes[k], NULL, last), "kind %d %s at %u dies without a message",
                      a->kind, a->name, sizes[k]);
        }
}

Test(collectives, any_order_of_the_direct_ones)
{
    static const struct sn_collective *const direct[] = {&sn_alltoall_direct, &sn_allgather_direct,
                                                         &sn_reduce_scatter_direct};
    for (size_t i = 0; i < 3; i++)
        for (int o = SN_ORDER_ROTATED; o <= SN_ORDER_SAME; o++)
            for (size_t k = 0; k < SIZES; k++) {
                uint32_t *orders = malloc((size_t)sizes[k] * sizes[k] * sizeof *orders);
                sn_collective_orders((enum sn_net_order)o, sizes[k], 3, orders);
                cr_expect(plays(direct[i], sizes[k], orders, SIZE_MAX), "%s at %u dies",
                          sn_net_order_words[o], sizes[k]);
                free(orders);
            }
}

Test(collectives, powers_of_two_only)
{
    cr_expect_null(sn_collective_unsupported(&sn_allgather_doubling, 64));
    cr_expect_not_null(sn_collective_unsupported(&sn_allgather_doubling, 48));
    cr_expect_not_null(sn_collective_unsupported(&sn_reduce_scatter_halving, 6));
    cr_expect_null(sn_collective_unsupported(&sn_allgather_ring, 48));
}

/* --- cost --------------------------------------------------------------------------------------
 */

/* 100 GB/s and 1 us: a byte takes 10 ps. */
enum { BYTE_PS = 10, LATENCY_PS = 1000000 };
static const struct sn_profile *round_figures(struct net_profile *n)
{
    net_ideal(n);
    n->ports[0].bandwidth = FIGURE(100e9);
    n->p.paths[SN_PATH_SUPERNODE] = net_path(0, 1e-6, 100e9);
    return &n->p;
}

static int64_t time_of(const struct sn_profile *profile, const struct sn_collective *a, unsigned p,
                       uint64_t block, int64_t overhead, const int64_t *arrive)
{
    struct sn_net *net;
    struct sn_net_result r;
    struct sn_msg *msgs = calloc(sn_collective_count(a, p), sizeof *msgs);
    cr_assert_eq(sn_net_open(&net, profile, p, NULL), SN_OK, "%s", sn_status_message());
    sn_collective_build(a, p, block, NULL, arrive, msgs);
    cr_assert_eq(sn_net_run(net, msgs, sn_collective_count(a, p), overhead, &r), SN_OK, "%s",
                 sn_status_message());
    cr_expect(r.bound_ps <= r.end_ps);
    free(msgs);
    sn_net_close(net);
    return r.end_ps;
}

/* The header's table, with the time that n blocks hold their sender written out: what is longer of
 * the overhead and their bytes. */
static int64_t hold(uint64_t blocks, uint64_t block, int64_t overhead)
{
    int64_t bytes = (int64_t)(blocks * block) * BYTE_PS;
    return bytes > overhead ? bytes : overhead;
}

static int64_t formula(const struct sn_collective *a, unsigned p, uint64_t b, int64_t o)
{
    int64_t sum = 0;
    if (!a->waits)
        return LATENCY_PS + (p - 1) * hold(1, b, o);
    if (a == &sn_alltoall_ring) {
        for (unsigned blocks = 1; blocks < p; blocks++)
            sum += LATENCY_PS + hold(blocks, b, o);
        return sum;
    }
    if (a->power_of_two) {
        for (unsigned blocks = 1; blocks < p; blocks *= 2)
            sum += LATENCY_PS + hold(blocks, b, o);
        return sum;
    }
    return (p - 1) * (LATENCY_PS + hold(1, b, o));
}

Test(collectives, cost_as_in_the_header)
{
    static const uint64_t blocks[] = {1, 5000, 1 << 20};
    struct net_profile np;
    const struct sn_profile *profile = round_figures(&np);
    for (size_t i = 0; sn_collectives[i]; i++)
        for (size_t k = 0; k < SIZES; k++)
            for (size_t n = 0; n < 3; n++)
                for (int64_t o = 0; o <= 200000; o += 100000) {
                    const struct sn_collective *a = sn_collectives[i];
                    if (sn_collective_unsupported(a, sizes[k]))
                        continue;
                    int64_t got = time_of(profile, a, sizes[k], blocks[n], o, NULL);
                    cr_expect_eq(got, formula(a, sizes[k], blocks[n], o),
                                 "kind %d %s, %u dies, %llu B, overhead %lld ps: %lld ps, "
                                 "formula %lld",
                                 a->kind, a->name, sizes[k], (unsigned long long)blocks[n],
                                 (long long)o, (long long)got,
                                 (long long)formula(a, sizes[k], blocks[n], o));
                }
}

/* alpha and beta as printed there: log2 P alpha + (P - 1) b beta and so on. */
Test(collectives, cost_in_alpha_and_beta)
{
    enum { P = 16, B = 5000 };
    const int64_t alpha = LATENCY_PS, beta = BYTE_PS;
    cr_expect_eq(formula(&sn_alltoall_direct, P, B, 0), alpha + (P - 1) * B * beta);
    cr_expect_eq(formula(&sn_alltoall_pairwise, P, B, 0), (P - 1) * (alpha + B * beta));
    cr_expect_eq(formula(&sn_alltoall_ring, P, B, 0), (P - 1) * alpha + P * (P - 1) / 2 * B * beta);
    cr_expect_eq(formula(&sn_allgather_doubling, P, B, 0), 4 * alpha + (P - 1) * B * beta);
    cr_expect_eq(formula(&sn_reduce_scatter_halving, P, B, 0), 4 * alpha + (P - 1) * B * beta);
    cr_expect_eq(formula(&sn_allgather_ring, P, B, 0), (P - 1) * (alpha + B * beta));
}

/* --- turns -------------------------------------------------------------------------------------
 */

/* Die 0 comes D late. Its block goes round the other three dies, whose own steps wait for it. */
Test(collectives, a_late_die_of_a_ring)
{
    enum { P = 4, B = 1000, D = 50000000 };
    struct net_profile np;
    const int64_t arrive[P] = {D, 0, 0, 0};
    int64_t got = time_of(round_figures(&np), &sn_allgather_ring, P, B, 0, arrive);
    cr_expect_eq(got, D + 3 * (LATENCY_PS + B * BYTE_PS), "%lld ps", (long long)got);
}

/* Near and far dies, nothing to carry: nothing queues, so a step begins when the one before has
 * begun and its message is here. A die near its first partners must not run ahead. */
Test(collectives, steps_between_near_and_far_dies)
{
    enum { P = 40 };
    struct net_profile np;
    const struct sn_profile *profile = net_cm384(&np, 1);
    static const struct sn_collective *const stepped[] = {
        &sn_alltoall_pairwise, &sn_alltoall_ring, &sn_allgather_ring, &sn_reduce_scatter_ring};
    for (size_t i = 0; i < sizeof stepped / sizeof *stepped; i++) {
        int64_t ready[P], delivered[P], end = 0, arrive[P];
        for (unsigned me = 0; me < P; me++)
            arrive[me] = ready[me] = (me * 7919 % P) * 100000;
        for (unsigned s = 0; s < P - 1; s++) {
            for (unsigned me = 0; me < P; me++) {
                unsigned to = stepped[i]->part(P, s, me).to;
                double us = me / 2 == to / 2 ? 0.2 : me / 16 == to / 16 ? 0.7 : 2.1;
                delivered[to] = ready[me] + sn_ps(us * 1e-6);
                end = delivered[to] > end ? delivered[to] : end;
            }
            for (unsigned me = 0; me < P; me++)
                ready[me] = delivered[me] > ready[me] ? delivered[me] : ready[me];
        }
        int64_t got = time_of(profile, stepped[i], P, 0, 0, arrive);
        cr_expect_eq(got, end, "%s: %lld ps, recurrence %lld", stepped[i]->name, (long long)got,
                     (long long)end);
    }
}
