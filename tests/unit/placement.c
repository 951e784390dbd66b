/* comm/placement.h: properties of every shape, and what EPLB gains on a measured curve. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "comm/placement.h"
#include "comm/routing.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

/* Every promise of the header about slots, whatever the shape. */
static void check_structure(const struct sn_placement *p)
{
    unsigned least = UINT32_MAX, most = 0, shared_least = UINT32_MAX, shared_most = 0, listed = 0;
    cr_assert_eq(p->slots, p->experts + p->redundant + p->shared);
    cr_assert_eq(p->slot_first[0], 0);
    cr_assert_eq(p->slot_first[p->dies], p->slots);
    for (unsigned d = 0; d < p->dies; d++) {
        unsigned n = p->slot_first[d + 1] - p->slot_first[d], shared = 0;
        for (unsigned s = p->slot_first[d]; s < p->slot_first[d + 1]; s++) {
            cr_assert_eq(p->slot_die[s], d);
            cr_assert(p->slot_expert[s] == SN_EXPERT_SHARED || p->slot_expert[s] < p->experts);
            shared += p->slot_expert[s] == SN_EXPERT_SHARED;
        }
        least = n < least ? n : least;
        most = n > most ? n : most;
        shared_least = shared < shared_least ? shared : shared_least;
        shared_most = shared > shared_most ? shared : shared_most;
    }
    cr_assert(most - least <= 1);
    cr_assert(least >= 1 || p->slots < p->dies);
    cr_assert_leq(shared_most - shared_least, 1, "%u dies, %u slots, %u shared: %u to %u", p->dies,
                  p->slots, p->shared, shared_least, shared_most);
    for (unsigned e = 0; e <= p->experts; e++) {
        const unsigned first = p->replica_first[e], end = p->replica_first[e + 1];
        cr_assert(e == p->experts ? end - first == p->shared : end > first);
        for (unsigned i = first; i < end; i++, listed++) {
            const unsigned s = p->replica_slot[i];
            cr_assert_eq(p->slot_expert[s], e == p->experts ? SN_EXPERT_SHARED : e);
            cr_assert(i == first || p->replica_slot[i - 1] < s);
        }
    }
    cr_assert_eq(listed, p->slots);
}

Test(placement, any_shape_is_well_formed)
{
    struct sn_rng rng = sn_rng_make(1, 0);
    for (int round = 0; round < 3000; round++) {
        const unsigned experts = 1 + (unsigned)sn_rng_below(&rng, 40);
        const unsigned redundant = (unsigned)sn_rng_below(&rng, 40);
        const unsigned shared = (unsigned)sn_rng_below(&rng, 20);
        const unsigned slots = experts + redundant + shared;
        const unsigned dies = 1 + (unsigned)sn_rng_below(&rng, slots + slots / 4);
        double load[40];
        struct sn_placement p;
        for (unsigned e = 0; e < experts; e++)
            load[e] = sn_rng_below(&rng, 5) ? sn_rng_exponential(&rng) : 0;
        cr_assert_eq(
            sn_placement_open(&p, dies, experts, redundant, shared, round % 2 ? load : NULL), SN_OK,
            "%s", sn_status_message());
        check_structure(&p);

        double on[128], sum = 0, expected = 3;
        sn_placement_die_load(&p, load, shared ? 3 : 0, on);
        for (unsigned e = 0; e < experts; e++)
            expected += load[e];
        for (unsigned d = 0; d < dies; d++)
            sum += on[d];
        cr_assert_float_eq(sum, shared ? expected : expected - 3, 1e-9);
        sn_placement_close(&p);
    }
}

/* The published decode set-up: 320 dies, 32 of them with the shared expert, 256 + 32 routed. */
Test(placement, ep320_of_cloudmatrix)
{
    struct sn_placement p;
    cr_assert_eq(sn_placement_open(&p, 320, 256, 32, 32, NULL), SN_OK);
    check_structure(&p);
    for (unsigned d = 0, e = 0; d < 320; d++) {
        cr_assert_eq(p.slot_first[d], d);
        if (d % 10 == 0)
            cr_assert_eq(p.slot_expert[d], SN_EXPERT_SHARED);
        else
            cr_assert_eq(p.slot_expert[d], e++ % 256);
    }
    for (unsigned e = 0; e < 256; e++)
        cr_assert_eq(p.replica_first[e + 1] - p.replica_first[e], e < 32 ? 2 : 1);
    sn_placement_close(&p);
}

/* EP320 with 256 experts and nothing else: the last 64 dies hold none. */
Test(placement, more_dies_than_slots)
{
    struct sn_placement p;
    cr_assert_eq(sn_placement_open(&p, 320, 256, 0, 0, NULL), SN_OK);
    check_structure(&p);
    for (unsigned d = 0; d < 320; d++)
        cr_assert_eq(p.slot_first[d + 1] - p.slot_first[d], d < 256);
    sn_placement_close(&p);
}

Test(placement, in_order_on_few_dies)
{
    struct sn_placement p;
    cr_assert_eq(sn_placement_open(&p, 3, 4, 2, 2, NULL), SN_OK);
    /* 8 slots as 3 3 2; shared on dies 0 and 1 */
    cr_assert_arr_eq(p.slot_first, ((uint32_t[]){0, 3, 6, 8}), 4 * sizeof(uint32_t));
    cr_assert_arr_eq(p.slot_expert, ((uint16_t[]){0, 1, 0xffff, 2, 3, 0xffff, 0, 1}),
                     8 * sizeof(uint16_t));
    cr_assert_arr_eq(p.replica_slot, ((uint32_t[]){0, 6, 1, 7, 3, 4, 2, 5}), 8 * sizeof(uint32_t));
    double on[3];
    sn_placement_die_load(&p, (const double[]){4, 2, 1, 8}, 10, on);
    cr_assert(on[0] == 2 + 1 + 5 && on[1] == 1 + 8 + 5 && on[2] == 2 + 1);
    sn_placement_close(&p);
}

Test(placement, eplb_by_hand)
{
    struct sn_placement p;
    /* 8 has three replicas (4 4 4 2 before the last), 2.67 each; 2.67 2.67 | 2.67 4 ... */
    const double load[4] = {8, 4, 1, 1};
    cr_assert_eq(sn_placement_open(&p, 3, 4, 2, 0, load), SN_OK);
    cr_assert_eq(p.replica_first[1] - p.replica_first[0], 3);
    double on[3];
    sn_placement_die_load(&p, load, 0, on);
    /* 4 | 8/3 | 8/3, then the third 8/3, heaviest first, on die 1; 1 and 1 on dies 2 and 2 or 0 */
    cr_assert_leq(fmax(on[0], fmax(on[1], on[2])), 16 / 3.0 + 1e-12);
    sn_placement_close(&p);
}

Test(placement, copies_spread_over_replicas)
{
    struct sn_placement p;
    uint64_t seen[320] = {0}, hashed[320] = {0};
    cr_assert_eq(sn_placement_open(&p, 320, 256, 32, 32, NULL), SN_OK);
    for (uint64_t c = 0; c < 3200; c++) {
        seen[sn_placement_slot(&p, 5, c)]++;
        seen[sn_placement_slot(&p, 200, c)]++;
        seen[sn_placement_slot(&p, SN_EXPERT_SHARED, c)]++;
        hashed[sn_placement_slot(&p, 5, sn_rng_at(1, 2, c))]++;
    }
    for (unsigned s = 0; s < 320; s++) {
        const unsigned e = p.slot_expert[s];
        cr_assert_eq(seen[s], e == 5 ? 1600 : e == 200 ? 3200 : e == SN_EXPERT_SHARED ? 100 : 0);
        cr_assert_float_eq((double)hashed[s], e == 5 ? 1600 : 0, e == 5 ? 150 : 0);
    }
    sn_placement_close(&p);
}

Test(placement, errors)
{
    const double bad[2] = {1, -1}, nan[2] = {NAN, 1}, inf[2] = {1, INFINITY};
    static const struct {
        unsigned dies, experts, redundant, shared;
        const char *says;
    } table[] = {{0, 8, 0, 0, "no dies"},
                 {8, 0, 8, 0, "0 experts"},
                 {8, 65536, 0, 0, "65536 experts"},
                 {8, 8, UINT32_MAX, 0, "4294967295"}};
    struct sn_placement p;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        sn_status_clear();
        cr_assert_eq(sn_placement_open(&p, table[i].dies, table[i].experts, table[i].redundant,
                                       table[i].shared, NULL),
                     SN_EINVAL);
        cr_assert(strstr(sn_status_message(), table[i].says), "%s", sn_status_message());
    }
    cr_assert_eq(sn_placement_open(&p, 2, 2, 0, 0, bad), SN_EINVAL);
    cr_assert(strstr(sn_status_message(), "load -1 of expert 1"), "%s", sn_status_message());
    cr_assert_eq(sn_placement_open(&p, 2, 2, 0, 0, nan), SN_EINVAL);
    cr_assert_eq(sn_placement_open(&p, 2, 2, 0, 0, inf), SN_EINVAL);
}

/* --- placed on one window of the routing, judged on a later one ------------------------------- */

static void window(const struct sn_routing *r, uint64_t first, uint64_t tokens, double *load)
{
    memset(load, 0, 256 * sizeof *load);
    for (uint64_t t = first; t < first + tokens; t++) {
        uint16_t expert[8];
        sn_routing_token(r, 0, t, expert, NULL);
        for (int j = 0; j < 8; j++)
            load[expert[j]]++;
    }
}

static double imbalance(const double *x, unsigned n)
{
    double max = 0, sum = 0;
    for (unsigned i = 0; i < n; i++) {
        max = fmax(max, x[i]);
        sum += x[i];
    }
    return max * n / sum;
}

static double judged(unsigned dies, unsigned redundant, const double *placed_on,
                     const double *judged_on)
{
    double on[320];
    struct sn_placement p;
    cr_assert_eq(sn_placement_open(&p, dies, 256, redundant, 0, placed_on), SN_OK);
    sn_placement_die_load(&p, judged_on, 0, on);
    sn_placement_close(&p);
    return imbalance(on, dies);
}

Test(placement, eplb_helps_on_a_later_window)
{
    static const unsigned shapes[][2] = {{288, 32}, {144, 32}, {32, 32}, {16, 16}};
    double past[256], later[256];
    struct sn_routing *r;
    cr_assert_eq(sn_routing_open(&r, "curve(results/published/routing-curve-384.csv)", 256, 8, 3),
                 SN_OK);
    window(r, 0, 20480, past);
    window(r, 20480, 20480, later);
    sn_routing_close(r);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const unsigned dies = shapes[i][0], redundant = shapes[i][1];
        const double in_order = judged(dies, redundant, NULL, later);
        const double eplb = judged(dies, redundant, past, later);
        /* what is over 1 falls at least to a third */
        cr_assert_lt(eplb - 1, (in_order - 1) / 3, "%u dies: %g in order, %g by EPLB", dies,
                     in_order, eplb);
    }
}
