/* comm/eplb.h against cases worked by hand and against all solutions of small ones. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "comm/eplb.h"
#include "harness/base/rng.h"

enum { EXPERTS = 5, REPLICAS = 9, DIES = 4 };

static double max_per_replica(const double *load, const uint32_t *replicas, unsigned experts)
{
    double max = 0;
    for (unsigned e = 0; e < experts; e++)
        max = fmax(max, load[e] / replicas[e]);
    return max;
}

/* The least max_per_replica() over every way to hand out `redundant` more, from expert e on. */
static double best_replication(const double *load, uint32_t *replicas, unsigned experts, unsigned e,
                               unsigned redundant)
{
    double best = DBL_MAX;
    if (e == experts)
        return redundant ? DBL_MAX : max_per_replica(load, replicas, experts);
    for (unsigned more = 0; more <= redundant; more++) {
        replicas[e] = 1 + more;
        best = fmin(best, best_replication(load, replicas, experts, e + 1, redundant - more));
    }
    return best;
}

/* Multiples of 1/64, so that sums are exact. */
static void random_loads(struct sn_rng *rng, double *load, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        load[i] = (double)(1 + sn_rng_below(rng, 64) * sn_rng_below(rng, 64)) / 64;
}

Test(eplb, replicates_by_hand)
{
    uint32_t replicas[4];
    /* 9 5 3 1: 4.5 5 3 1, then 4.5 2.5 3 1, then 3 2.5 3 1 */
    sn_eplb_replicate((const double[]){9, 5, 3, 1}, 4, 3, replicas);
    cr_assert_arr_eq(replicas, ((uint32_t[]){3, 2, 1, 1}), sizeof replicas);
    sn_eplb_replicate((const double[]){9, 5, 3, 1}, 4, 0, replicas);
    cr_assert_arr_eq(replicas, ((uint32_t[]){1, 1, 1, 1}), sizeof replicas);
    /* ties go to the lower index */
    sn_eplb_replicate((const double[]){2, 2, 2, 2}, 4, 2, replicas);
    cr_assert_arr_eq(replicas, ((uint32_t[]){2, 2, 1, 1}), sizeof replicas);
    sn_eplb_replicate((const double[]){0, 0, 0, 0}, 4, 1, replicas);
    cr_assert_arr_eq(replicas, ((uint32_t[]){2, 1, 1, 1}), sizeof replicas);
}

Test(eplb, replication_is_optimal)
{
    struct sn_rng rng = sn_rng_make(1, 0);
    for (int round = 0; round < 300; round++) {
        const unsigned experts = 1 + (unsigned)sn_rng_below(&rng, EXPERTS);
        const unsigned redundant = (unsigned)sn_rng_below(&rng, 7);
        double load[EXPERTS];
        uint32_t replicas[EXPERTS], other[EXPERTS], sum = 0;
        random_loads(&rng, load, experts);
        sn_eplb_replicate(load, experts, redundant, replicas);
        for (unsigned e = 0; e < experts; e++) {
            cr_assert_geq(replicas[e], 1);
            sum += replicas[e];
        }
        cr_assert_eq(sum, experts + redundant);
        cr_assert_float_eq(max_per_replica(load, replicas, experts),
                           best_replication(load, other, experts, 0, redundant), 0);
    }
}

static void die_loads(const double *load, const uint32_t *replicas, unsigned experts,
                      const uint32_t *die, unsigned dies, double *out)
{
    memset(out, 0, dies * sizeof *out);
    for (unsigned e = 0, i = 0; e < experts; e++)
        for (unsigned j = 0; j < replicas[e]; j++, i++)
            out[die[i]] += load[e] / replicas[e];
}

static double largest(const double *x, unsigned n)
{
    double max = 0;
    for (unsigned i = 0; i < n; i++)
        max = fmax(max, x[i]);
    return max;
}

Test(eplb, packs_by_hand)
{
    const uint32_t one[5] = {1, 1, 1, 1, 1}, room[2] = {3, 2};
    uint32_t die[5];
    double load[2];
    /* 8 | ; 8 | 7; 8 | 7 6 (full); 8 5 | 13; 8 5 1 | 13 */
    sn_eplb_pack((const double[]){5, 8, 1, 7, 6}, one, 5, room, 2, die);
    cr_assert_arr_eq(die, ((uint32_t[]){0, 0, 0, 1, 1}), sizeof die);
    die_loads((const double[]){5, 8, 1, 7, 6}, one, 5, die, 2, load);
    cr_assert(load[0] == 14 && load[1] == 13);
}

/* Where the least loaded die holds the expert already. */
Test(eplb, spreads_replicas_where_that_is_free)
{
    uint32_t die[4];
    /* 5 | 3, 5 | 4; die 0 would rise to 6: die 1 again */
    sn_eplb_pack((const double[]){5, 3, 2}, (const uint32_t[]){1, 1, 2}, 3,
                 (const uint32_t[]){2, 3}, 2, die);
    cr_assert_arr_eq(die, ((uint32_t[]){0, 1, 1, 1}), sizeof die);
    /* 5 | 3 | 0, 5 | 3 | 1; die 1 holds 4 with the other replica, still below 5 */
    sn_eplb_pack((const double[]){5, 3, 2}, (const uint32_t[]){1, 1, 2}, 3,
                 (const uint32_t[]){2, 2, 2}, 3, die);
    cr_assert_arr_eq(die, ((uint32_t[]){0, 1, 2, 1}), sizeof die);
}

Test(eplb, one_slot_per_die)
{
    struct sn_rng rng = sn_rng_make(2, 0);
    for (int round = 0; round < 100; round++) {
        double load[40], on[64];
        uint32_t replicas[40], room[64], die[64];
        const unsigned experts = 1 + (unsigned)sn_rng_below(&rng, 40);
        const unsigned redundant = (unsigned)sn_rng_below(&rng, 24), dies = experts + redundant;
        random_loads(&rng, load, experts);
        for (unsigned d = 0; d < dies; d++)
            room[d] = 1;
        sn_eplb_replicate(load, experts, redundant, replicas);
        sn_eplb_pack(load, replicas, experts, room, dies, die);
        die_loads(load, replicas, experts, die, dies, on);
        cr_assert_float_eq(largest(on, dies), max_per_replica(load, replicas, experts), 0);
        cr_assert_leq(largest(on, dies), largest(load, experts), "replicas never hurt");
    }
}

/* The least largest die load over every packing of replicas i.. into dies with room left. */
static double best_packing(const double *weight, unsigned n, unsigned i, uint32_t *room, double *on,
                           unsigned dies)
{
    if (i == n)
        return largest(on, dies);
    double best = DBL_MAX;
    for (unsigned d = 0; d < dies; d++)
        if (room[d]) {
            room[d]--;
            on[d] += weight[i];
            best = fmin(best, best_packing(weight, n, i + 1, room, on, dies));
            on[d] -= weight[i];
            room[d]++;
        }
    return best;
}

/* Graham's 4/3 (1969) is for dies without a slot limit; with one, this greedy is known to exceed
 * it. In exchange for its speed it must be near the best on average, and a packing in the order of
 * the experts, the check of the check, must not be. */
Test(eplb, packing_is_near_the_best_of_all)
{
    enum { ROUNDS = 300 };
    struct sn_rng rng = sn_rng_make(3, 0);
    double worst = 1, mean = 0, mean_in_order = 0;
    unsigned optimal = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const unsigned dies = 2 + (unsigned)sn_rng_below(&rng, 2);
        const unsigned n = dies + (unsigned)sn_rng_below(&rng, REPLICAS - dies);
        uint32_t one[REPLICAS], room[DIES], die[REPLICAS], used[DIES] = {0}, in_order[REPLICAS];
        double load[REPLICAS], on[DIES], zero[DIES] = {0};
        random_loads(&rng, load, n);
        for (unsigned d = 0, i = 0; d < dies; d++) {
            room[d] = n / dies + (d < n % dies);
            for (unsigned j = 0; j < room[d]; j++, i++) {
                one[i] = 1;
                in_order[i] = d;
            }
        }
        sn_eplb_pack(load, one, n, room, dies, die);
        for (unsigned i = 0; i < n; i++)
            used[die[i]]++;
        cr_assert_arr_eq(used, room, dies * sizeof *used);
        const double best = best_packing(load, n, 0, room, zero, dies);
        die_loads(load, one, n, die, dies, on);
        double ratio = largest(on, dies) / best;
        cr_assert_geq(ratio, 1);
        optimal += ratio == 1;
        worst = fmax(worst, ratio);
        mean += ratio / ROUNDS;
        die_loads(load, one, n, in_order, dies, on);
        mean_in_order += largest(on, dies) / best / ROUNDS;
    }
    cr_assert_leq(worst, 1.5, "worst %g", worst);
    cr_assert_leq(mean, 1.06, "mean %g", mean);
    cr_assert_geq(mean_in_order, 1.2, "mean in order %g", mean_in_order);
    cr_assert_gt(optimal, ROUNDS * 2 / 5, "%u of %d optimal", optimal, ROUNDS);
}
