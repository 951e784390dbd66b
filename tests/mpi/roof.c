/* The roofs of a world, measured once per launch and looked at from every side; and the description
 * of the ranks. */
#include "tests/mpi/mpitest.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/clock.h"
#include "harness/machine.h"
#include "harness/roof.h"
#include "harness/roof_parts.h"

static struct sn_world world;
static struct sn_roofs roofs;

/* The curves one by one; NULL after the last. */
static const struct sn_roof_curve *curve(int k)
{
    const struct sn_roof_curve *all[] = {&roofs.copy, &roofs.read, &roofs.copy_shared,
                                         &roofs.copy_all, NULL};
    return all[k];
}

MPI_TEST(measures_in_bounded_time)
{
    int64_t start = sn_clock_ns();
    CHECK(sn_world_open(&world) == 0, "no world");
    CHECK(sn_roofs_measure(&world, &roofs) == 0, "roofs failed");
    double s = (double)(sn_clock_ns() - start) * 1e-9;
    CHECK(roofs.seconds_spent > 0 && roofs.seconds_spent <= s, "%g s of %g", roofs.seconds_spent,
          s);
    CHECK(s < 60, "%g s", s); /* about 2 s on an idle machine; this one may be busy */
}

MPI_TEST(every_figure_or_a_reason)
{
    const struct sn_roof_curve *c;
    for (int k = 0; (c = curve(k)); k++) {
        CHECK(c->n > 0 || c->reason, "an empty curve without a reason");
        for (size_t i = 0; i < c->n; i++) {
            double v = c->bytes_per_s[i];
            CHECK(isnan(v) ? c->reason != NULL : v > 1e6 && v < 1e13, "%g B/s at %lu", v,
                  (unsigned long)c->bytes[i]);
            CHECK(i == 0 || c->bytes[i - 1] < c->bytes[i], "sizes fall at point %zu", i);
        }
    }
    CHECK(roofs.timer_call_s > 1e-10 && roofs.timer_call_s < 1e-4, "%g", roofs.timer_call_s);
    CHECK(!isnan(roofs.core_hz) || roofs.core_hz_reason, "no clock, no reason");
}

MPI_TEST(all_at_once_is_not_faster_than_alone)
{
    for (size_t i = 0; i < roofs.copy_all.n; i++) {
        double all = roofs.copy_all.bytes_per_s[i], alone = roofs.copy_shared.bytes_per_s[i];
        CHECK(isnan(all) || all <= alone, "%g > %g at %lu", all, alone,
              (unsigned long)roofs.copy_all.bytes[i]);
    }
}

MPI_TEST(sharing_cores_costs)
{
    /* R ranks on C cores cannot have the cores' caches more than C times: per rank at most C/R of
     * what one has alone, here with a third on top for what a busy machine kept from that one. */
    uint64_t bytes = 16 << 10;
    if (world.oversubscribed && world.common_clock && roofs.copy_all.n)
        CHECK(!(sn_roof_at(&roofs.copy_all, bytes) >
                sn_roof_at(&roofs.copy_shared, bytes) * 1.33 * world.cores / world.host_ranks),
              "%g all, %g alone", sn_roof_at(&roofs.copy_all, bytes),
              sn_roof_at(&roofs.copy_shared, bytes));
}

MPI_TEST(every_rank_has_the_same)
{
    const struct sn_roof_curve *c;
    for (int k = 0; (c = curve(k)); k++) {
        struct sn_roof_curve first = *c;
        MPI_Bcast(&first, sizeof first, MPI_BYTE, 0, world.comm);
        CHECK(first.n == c->n, "%zu points", c->n);
        for (size_t i = 0; i < c->n; i++)
            CHECK(first.bytes[i] == c->bytes[i] &&
                      !memcmp(&first.bytes_per_s[i], &c->bytes_per_s[i], sizeof(double)),
                  "point %zu differs", i);
    }
    double mine[3] = {roofs.core_hz, roofs.timer_call_s, roofs.seconds_spent}, first[3];
    memcpy(first, mine, sizeof mine);
    MPI_Bcast(first, 3, MPI_DOUBLE, 0, world.comm);
    CHECK(!memcmp(first, mine, sizeof mine), "clock, timer or time spent differ");
}

MPI_TEST(maximum_reaches_every_rank)
{
    double v[2] = {rank, -rank};
    sn_roof_idle_max(world.comm, v, 2);
    CHECK(v[0] == size - 1 && v[1] == 0, "%g %g", v[0], v[1]);
}

MPI_TEST(ranks_are_described_on_rank_0)
{
    json_t *j = sn_machine_describe_mpi(&world);
    CHECK((j != NULL) == (rank == 0), "rank %d", rank);
    if (!j)
        return;
    json_t *binding = json_object_get(j, "binding");
    CHECK((int)json_array_size(binding) == size, "%zu bindings", json_array_size(binding));
    for (int r = 0; r < size; r++) {
        json_t *b = json_array_get(binding, (size_t)r);
        CHECK(json_integer_value(json_object_get(b, "rank")) == r, "binding %d", r);
        const char *cpus = json_string_value(json_object_get(b, "cpus"));
        CHECK(cpus && *cpus >= '0' && *cpus <= '9', "rank %d: CPUs '%s'", r, cpus ? cpus : "");
    }
    CHECK(json_integer_value(json_object_get(j, "ranks")) == size, "ranks");
    CHECK((int)json_array_size(json_object_get(j, "hosts")) == world.hosts, "hosts");
    CHECK(json_boolean_value(json_object_get(j, "oversubscribed")) == world.oversubscribed, "over");
    json_decref(j);
}

MPI_TEST(world_closes)
{
    sn_world_close(&world);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(measures_in_bounded_time),
                                                 TEST(every_figure_or_a_reason),
                                                 TEST(all_at_once_is_not_faster_than_alone),
                                                 TEST(sharing_cores_costs),
                                                 TEST(every_rank_has_the_same),
                                                 TEST(maximum_reaches_every_rank),
                                                 TEST(ranks_are_described_on_rank_0),
                                                 TEST(world_closes),
                                                 {0}});
}
