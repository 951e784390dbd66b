/* The micro benchmarks: every one verifies its data, and its check fails on every mutation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/fabric.h"
#include "harness/base/status.h"
#include "harness/plan.h"
#include "harness/roof.h"
#include "tests/mpi/mpitest.h"

static struct sn_world world; /* opened once: it costs clock checks */
static struct sn_roofs roofs;

/* Errors found by both verifications, summed over ranks; what was compared into *compared. */
static uint64_t verify_case(const struct sn_plan_case *pc, enum sn_mutation how, unsigned batch,
                            uint64_t *compared)
{
    struct sn_env env = {
        .world = &world, .roofs = &roofs, .seed = 5, .mutate = how, .hang_rank = -1};
    struct sn_case c = {.bench = pc->bench, .values = pc->values, .env = &env, .batch = batch};
    struct sn_check k = {0};
    char *label = sn_plan_label(pc);
    int status = c.bench->setup(&c);
    CHECK(status == SN_OK, "%s: setup: %s", label, sn_status_message());
    if (status == SN_OK) {
        status = c.bench->verify(&c, &k);
        CHECK(status == SN_OK, "%s: verify: %s", label, sn_status_message());
        /* As in the harness: nobody goes on while another still compares. */
        MPI_Barrier(MPI_COMM_WORLD);
        status = c.bench->run(&c);
        CHECK(status == SN_OK, "%s: run: %s", label, sn_status_message());
        MPI_Barrier(MPI_COMM_WORLD);
        if (how == SN_MUTATE_NONE)
            c.bench->verify(&c, &k);
    }
    CHECK(!k.errors == !k.first[0], "%s: %llu errors, first '%.40s'", label,
          (unsigned long long)k.errors, k.first);
    if (status == SN_OK && world.rank == 0 && how == SN_MUTATE_NONE) {
        struct sn_row row;
        sn_row_init(&row);
        row.stats.median = 1e-3;
        c.bench->metrics(&c, &row);
        for (const struct sn_metric_doc *d = c.bench->metric_docs; d->name; d++) {
            const struct sn_metric *m = sn_row_metric(&row, d->name);
            CHECK(m || !strcmp(d->name, "bandwidth"), "%s: no metric %s", label, d->name);
            bool none = !strcmp(d->name, "fairness") && strstr(label, "op=get");
            CHECK(!m || (none ? isnan(m->value) : m->value >= 0), "%s: %s is %g", label, d->name,
                  m->value);
        }
        CHECK(row.bytes.logical == row.bytes.wire + row.bytes.local, "%s: bytes", label);
        sn_row_free(&row);
    }
    c.bench->teardown(&c);
    free(label);
    uint64_t sums[2] = {k.errors, k.compared};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    *compared = sums[1];
    return sums[0];
}

/* Every supported case of the assignments: clean, then under each mutation. */
static void exercise(const char *bench, const char *a, const char *b, const char *c, bool mutate)
{
    const struct sn_app app = {.benches = sn_benches};
    const char *axes[] = {a, b, c};
    struct sn_plan plan;
    size_t n = 0, ran = 0;
    while (n < 3 && axes[n])
        n++;
    sn_plan_init(&plan, 5, world.size);
    int status = sn_plan_add(&plan, &app, bench, axes, n);
    CHECK(status == SN_OK, "%s: %s", bench, sn_status_message());
    for (size_t i = 0; i < plan.n; i++) {
        struct sn_env env = {.world = &world, .roofs = &roofs};
        struct sn_case probe = {
            .bench = plan.cases[i].bench, .values = plan.cases[i].values, .env = &env};
        if (probe.bench->unsupported(&probe))
            continue;
        char *label = sn_plan_label(&plan.cases[i]);
        uint64_t compared, errors;
        errors = verify_case(&plan.cases[i], SN_MUTATE_NONE, 3, &compared);
        CHECK(errors == 0 && compared > 0, "%s: %llu errors of %llu", label,
              (unsigned long long)errors, (unsigned long long)compared);
        /* Collectives of more ranks than cores are slow: there one mutation stands for all. */
        int last = world.size <= 2 ? SN_MUTATE_WRONG_RANK : SN_MUTATE_BITFLIP;
        for (int how = SN_MUTATE_BITFLIP; mutate && how <= last; how++) {
            errors = verify_case(&plan.cases[i], (enum sn_mutation)how, 1, &compared);
            CHECK(errors > 0, "%s: mutation %d was not noticed", label, how);
        }
        ran++;
        free(label);
    }
    CHECK(ran > 0 || world.size == 1, "%s: no case could run", bench);
    sn_plan_free(&plan);
}

#define ALL "transport=all"
#define SHM "transport=shm"

MPI_TEST(latency)
{
    exercise("latency", size <= 2 ? "op=all" : "op=put,send", ALL, "size=8", false);
    exercise("latency", "op=all", SHM, size <= 2 ? "size=8,1001" : "size=8", size <= 2);
}
MPI_TEST(bandwidth)
{
    exercise("bandwidth", size <= 2 ? "op=all" : "op=put", ALL, "size=9001", false);
    exercise("bandwidth", "direction=both", SHM, "size=8", true);
}
MPI_TEST(msgrate)
{
    exercise("msgrate", size <= 2 ? "op=all" : "op=put", ALL, NULL, false);
    exercise("msgrate", size <= 2 ? "op=all" : "op=send", SHM, "pairs=1,2", false);
}
MPI_TEST(pairs)
{
    exercise("pairs", "size=4K", SHM, size <= 2 ? "dst=0:ranks-1" : "dst=0", size <= 2);
    exercise("pairs", "op=get,send", "dst=0", size <= 2 ? ALL : "src=1", false);
}
MPI_TEST(incast)
{
    exercise("incast", size <= 2 ? "op=all" : "op=put,send", ALL, "size=20000", false);
    exercise("incast", "op=get", SHM, "size=8", true);
}
MPI_TEST(alltoall)
{
    exercise("alltoall", "algorithm=all", SHM, "size=8", true);
    exercise("alltoall", "size=40", ALL, size <= 2 ? "ep=1,3,9" : "ep=9", false);
}
MPI_TEST(allgather)
{
    exercise("allgather", "algorithm=all", SHM, "size=3000", true);
    exercise("allgather", "algorithm=put", "transport=rma,p2p", "size=24", false);
}

/* The comparison of counted bytes: silent for what was put, one error for any other number, none
 * to find after a failure. */
MPI_TEST(counted_bytes)
{
    static const struct sn_value first = {.i = 0}; /* transport */
    struct sn_env env = {.world = &world, .roofs = &roofs};
    const struct sn_axis axes[] = {
        {.name = "transport", .type = SN_AXIS_WORD, .words = sn_transport_words}, {0}};
    const struct sn_bench bench = {.name = "counted", .axes = axes};
    struct sn_case c = {.bench = &bench, .values = &first, .env = &env, .batch = 1};
    struct sn_fabric f;
    int status = sn_fabric_open(&f, &c, (unsigned)size, 64, 1);
    CHECK(status == SN_OK, "%s", sn_status_message());
    if (status != SN_OK)
        return;
    for (int step = 0; step < 4; step++) {
        char data[24] = {0};
        struct sn_check k = {0};
        uint64_t expected[SN_TIERS] = {0};
        unsigned me = (unsigned)rank, to = (unsigned)((rank + 1) % size);
        sn_fabric_count_begin(&f);
        status = f.transport->put(f.link, me, to, 0, data, sizeof data);
        CHECK(status == SN_OK, "%s", sn_status_message());
        sn_fabric_barrier(&f);
        for (int r = 0; r < size; r++)
            expected[sn_endpoints_tier(&f.endpoints, (unsigned)r, (unsigned)((r + 1) % size))] +=
                sizeof data;
        expected[SN_TIER_SELF] += step == 1;      /* a byte too few was counted */
        expected[SN_TIER_SUPERNODE] += step == 2; /* of another tier */
        sn_fabric_count_check(&f, &k, step == 3 && rank == size - 1 ? SN_EENV : SN_OK, expected);
        uint64_t right = rank == 0 && (step == 1 || step == 2);
        CHECK(k.errors == right, "step %d: %llu errors, %.60s", step, (unsigned long long)k.errors,
              k.first);
        CHECK(k.compared == (rank == 0 && step < 3 ? SN_TIERS : 0), "step %d: %llu compared", step,
              (unsigned long long)k.compared);
    }
    sn_fabric_close(&f);
    CHECK(!f.link, "open after close");
}

/* What cannot run says why. */
MPI_TEST(reasons)
{
    static const struct {
        const char *bench, *axes[3], *words;
        int least_ranks;
    } cases[] = {
        {"latency", {"op=atomic", "size=16"}, "needs size=8", 2},
        {"bandwidth", {"op=send", "direction=both", "size=8"}, "one direction", 2},
        {"msgrate", {"pairs=500"}, "needs more ranks", 1},
        {"pairs", {"op=send", "src=0", "dst=0"}, "no diagonal", 1},
        {"pairs", {"src=60000", "dst=0"}, "no endpoint", 1},
        {"alltoall", {"algorithm=mpi", "ep=100", "size=8"}, "needs ep equal", 1},
        {"allgather", {"algorithm=ring", "ep=100", "size=8"}, "needs ep equal", 1},
    };
    const struct sn_app app = {.benches = sn_benches};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_plan plan;
        size_t n = 0;
        while (n < 3 && cases[i].axes[n])
            n++;
        if (size < cases[i].least_ranks)
            continue;
        sn_plan_init(&plan, 5, world.size);
        int status = sn_plan_add(&plan, &app, cases[i].bench, cases[i].axes, n);
        CHECK(status == SN_OK && plan.n, "%s", sn_status_message());
        struct sn_env env = {.world = &world, .roofs = &roofs};
        struct sn_case c = {
            .bench = plan.cases[0].bench, .values = plan.cases[0].values, .env = &env};
        const char *reason = c.bench->unsupported(&c);
        CHECK(reason && strstr(reason, cases[i].words), "%s: %s", cases[i].bench,
              reason ? reason : "supported");
        sn_plan_free(&plan);
    }
    (void)rank;
}

MPI_TEST(open_world)
{
    CHECK(sn_world_open(&world) == SN_OK, "%s", sn_status_message());
    (void)rank, (void)size;
}
MPI_TEST(close_world)
{
    sn_world_close(&world);
    (void)rank, (void)size;
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(open_world),
                                                 TEST(reasons),
                                                 TEST(counted_bytes),
                                                 TEST(latency),
                                                 TEST(bandwidth),
                                                 TEST(msgrate),
                                                 TEST(pairs),
                                                 TEST(incast),
                                                 TEST(alltoall),
                                                 TEST(allgather),
                                                 TEST(close_world),
                                                 {0}});
}
