/* The micro benchmarks: every one verifies its data, and its check fails on every mutation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/fabric.h"
#include "bench/model.h"
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
            bool may_miss = !strcmp(d->name, "bandwidth") || !strcmp(d->name, "skew_free_s");
            CHECK(m || may_miss, "%s: no metric %s", label, d->name);
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

/* --- model clock ----------------------------------------------------------------------------- */

static void *model; /* of all cases */

static struct sn_env model_env(enum sn_mutation how)
{
    return (struct sn_env){.clock = SN_CLOCK_MODEL,
                           .world = &world,
                           .roofs = &roofs,
                           .shared = model,
                           .seed = 5,
                           .mutate = how,
                           .hang_rank = -1};
}

/* What predict says of each draw: parts that add up to a time not below its bound. */
static void check_time(struct sn_case *c, const char *label)
{
    unsigned draws = c->bench->draws ? c->bench->draws(c) : 1;
    for (c->rep = 0; c->rep < draws; c->rep++) {
        struct sn_timeline t;
        double sum = 0;
        sn_timeline_init(&t);
        int status = c->bench->predict(c, &t);
        CHECK(status == SN_OK, "%s: predict: %s", label, sn_status_message());
        for (unsigned i = 0; i < t.n_parts; i++)
            sum += t.parts[i].s;
        CHECK(t.s > 0 && fabs(sum - t.s) < 1e-9 * t.s, "%s: %g s of parts, %g", label, sum, t.s);
        CHECK(!(t.limit_s > t.s * (1 + 1e-9)), "%s: bound %g of %g", label, t.limit_s, t.s);
    }
    c->rep = 0;
}

/* Errors and what was compared, summed over the ranks. */
static uint64_t verify_model(const struct sn_plan_case *pc, enum sn_mutation how,
                             uint64_t *compared)
{
    struct sn_env env = model_env(how);
    struct sn_case c = {.bench = pc->bench, .values = pc->values, .env = &env, .batch = 1};
    struct sn_check k = {0};
    char *label = sn_plan_label(pc);
    int status = c.bench->setup(&c);
    CHECK(status == SN_OK, "%s: setup: %s", label, sn_status_message());
    if (status == SN_OK)
        status = c.bench->verify(&c, &k);
    CHECK(status == SN_OK, "%s: verify: %s", label, sn_status_message());
    MPI_Barrier(MPI_COMM_WORLD);
    if (status == SN_OK && world.rank == 0 && how == SN_MUTATE_NONE)
        check_time(&c, label);
    c.bench->teardown(&c);
    free(label);
    uint64_t sums[2] = {k.errors, k.compared};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    *compared = sums[1];
    return sums[0];
}

/* Every case moves `expected` bytes and words on any number of ranks, clean, and is found damaged
 * under each mutation. */
static void exercise_model(const char *bench, uint64_t expected, const char *const *axes)
{
    const struct sn_app app = {.benches = sn_benches};
    struct sn_plan plan;
    size_t n = 0;
    while (axes[n])
        n++;
    sn_plan_init(&plan, 5, world.size);
    plan.clock = SN_CLOCK_MODEL;
    int status = sn_plan_add(&plan, &app, bench, axes, n);
    CHECK(status == SN_OK && plan.n, "%s: %s", bench, sn_status_message());
    for (size_t i = 0; i < plan.n; i++) {
        struct sn_env env = model_env(SN_MUTATE_NONE);
        struct sn_case probe = {
            .bench = plan.cases[i].bench, .values = plan.cases[i].values, .env = &env};
        const char *reason = probe.bench->unsupported(&probe);
        char *label = sn_plan_label(&plan.cases[i]);
        CHECK(!reason, "%s: %s", label, reason);
        if (reason) {
            free(label);
            continue;
        }
        uint64_t compared, errors = verify_model(&plan.cases[i], SN_MUTATE_NONE, &compared);
        CHECK(errors == 0 && compared == expected, "%s: %llu errors of %llu, expected 0 of %llu",
              label, (unsigned long long)errors, (unsigned long long)compared,
              (unsigned long long)expected);
        int last = world.size <= 2 ? SN_MUTATE_WRONG_RANK : SN_MUTATE_BITFLIP;
        for (int how = SN_MUTATE_BITFLIP; how <= last; how++) {
            errors = verify_model(&plan.cases[i], (enum sn_mutation)how, &compared);
            CHECK(errors > 0, "%s: mutation %d was not noticed", label, how);
        }
        free(label);
    }
    sn_plan_free(&plan);
}

#define AXES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Bytes compared, and the tiers counted each time that data move. */
MPI_TEST(model_points)
{
    exercise_model("latency", 1000 + SN_TIERS, AXES("op=put,get", "path=cpu", "size=1000"));
    exercise_model("bandwidth", 2 * 3 * 64 + SN_TIERS,
                   AXES("direction=both", "window=3", "size=64"));
    exercise_model("incast", 5 * 64 + SN_TIERS, AXES("op=put,get", "senders=5", "payload=header"));
    exercise_model("pairs", 64 + SN_TIERS, AXES("src=3", "dst=3,17", "degrade=plane=1:0"));
    (void)rank, (void)size;
}

MPI_TEST(model_slices)
{
    /* Two segments and a private end share 32 MiB. */
    enum { BYTES = 48 << 20, SLICE = (32 << 20) / 3 & ~63 };
    if (size <= 2)
        exercise_model("bandwidth", BYTES + SN_TIERS * ((BYTES + SLICE - 1) / SLICE),
                       AXES("window=1", "path=node", "size=48M"));
    (void)rank;
}

MPI_TEST(model_collectives)
{
    static const char *const names[] = {"alltoall", "allgather"};
    for (int i = 0; i < 2; i++) {
        exercise_model(names[i], 25 * 96 + SN_TIERS, AXES("ep=5", "size=96", "algorithm=put,ring"));
        if (size <= 2)
            exercise_model(names[i], 16 * 96 + SN_TIERS,
                           AXES("ep=4", "size=96", "skew=uniform(1us),exp(1us),late(1us)"));
    }
    exercise_model("alltoall", 25 * 64 + SN_TIERS, AXES("ep=5", "size=4K", "payload=header"));
    exercise_model("alltoall", 49 * 8 + SN_TIERS,
                   AXES("ep=7", "size=8", "algorithm=put", "order=random,same"));
    exercise_model("allgather", 64 * 40 + SN_TIERS, AXES("ep=8", "size=40", "algorithm=doubling"));
    (void)rank;
}

/* What the model clock cannot say has a reason. */
MPI_TEST(model_reasons)
{
    static const struct {
        const char *bench, *axes[3], *words;
    } cases[] = {
        {"latency", {"op=atomic", "size=8"}, "no cost of atomics"},
        {"latency", {"op=send", "size=8"}, "matching messages"},
        {"latency", {"path=cpu", "size=8", "profile=h800-deepep"}, "no CPU memory"},
        {"latency", {"path=package", "size=8", "profile=h800-deepep"}, "one die in a package"},
        {"latency", {"size=8", "degrade=node=0:0", "path=supernode"}, "is cut"},
        {"bandwidth", {"direction=both", "path=cpu", "size=8"}, "CPU memory issues nothing"},
        {"incast", {"op=send", "senders=1"}, "matching messages"},
        {"pairs", {"src=40", "dst=0", "dies=32"}, "no die of the machine"},
        {"pairs", {"src=0", "dst=1", "plane=7"}, "fewer planes"},
        {"pairs", {"src=0", "dst=2,17", "profile=ideal"}, NULL},
        {"pairs", {"src=0", "dst=2", "plane=0"}, NULL},
        {"pairs", {"src=0", "dst=2", "plane=x"}, NULL}, /* no plan: see below */
        {"alltoall", {"ep=4", "algorithm=mpi", "size=8"}, "no messages to model"},
        {"alltoall", {"ep=1", "algorithm=put", "size=8"}, "at least 2"},
        {"alltoall", {"ep=4", "algorithm=ring", "order=same"}, "one order"},
        {"allgather", {"ep=6", "algorithm=doubling", "size=8"}, "power of two"},
    };
    const struct sn_app app = {.benches = sn_benches};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_plan plan;
        size_t n = 0;
        while (n < 3 && cases[i].axes[n])
            n++;
        sn_plan_init(&plan, 5, world.size);
        plan.clock = SN_CLOCK_MODEL;
        int status = sn_plan_add(&plan, &app, cases[i].bench, cases[i].axes, n);
        bool right = !strstr(cases[i].axes[n - 1], "plane=x");
        CHECK((status == SN_OK) == right, "%s %s: %s", cases[i].bench, cases[i].axes[n - 1],
              status == SN_OK ? "accepted" : sn_status_message());
        for (size_t k = 0; k < plan.n; k++) {
            struct sn_env env = model_env(SN_MUTATE_NONE);
            struct sn_case c = {
                .bench = plan.cases[k].bench, .values = plan.cases[k].values, .env = &env};
            const char *reason = c.bench->unsupported(&c), *words = cases[i].words;
            CHECK(words ? reason && strstr(reason, words) : !reason, "%s %s: %s", cases[i].bench,
                  cases[i].axes[n - 1], reason ? reason : "supported");
        }
        sn_plan_free(&plan);
    }
    (void)rank, (void)size;
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
    model = sn_model_open();
    (void)rank, (void)size;
}
MPI_TEST(close_world)
{
    sn_model_close(model);
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
                                                 TEST(model_reasons),
                                                 TEST(model_points),
                                                 TEST(model_slices),
                                                 TEST(model_collectives),
                                                 TEST(close_world),
                                                 {0}});
}
