/* kvread, kvtransfer and modelload: each moves and verifies its blocks on both clocks, at any
 * number of ranks, and its check fails under every mutation. */
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/model.h"
#include "comm/transport.h"
#include "harness/base/status.h"
#include "harness/plan.h"
#include "harness/roof.h"
#include "tests/mpi/mpitest.h"

#define TRACE "pattern=trace(bench/traces/small.jsonl)"

static struct sn_world world; /* opened once: it costs clock checks */
static struct sn_roofs roofs;
static void *model;

static struct sn_env env_of(enum sn_clock_kind clock, enum sn_mutation how)
{
    return (struct sn_env){.clock = clock,
                           .world = &world,
                           .roofs = &roofs,
                           .shared = model,
                           .seed = 5,
                           .mutate = how,
                           .hang_rank = -1};
}

/* Errors of a case over all ranks; *compared likewise. Clean cases verify, run and verify again. */
static uint64_t verify_case(const struct sn_plan_case *pc, enum sn_mutation how, uint64_t *compared)
{
    struct sn_env env = env_of(pc->clock, how);
    struct sn_case c = {.bench = pc->bench, .values = pc->values, .env = &env, .batch = 1};
    struct sn_check k = {0};
    char *label = sn_plan_label(pc);
    int status = c.bench->setup(&c);
    CHECK(status == SN_OK, "%s: setup: %s", label, sn_status_message());
    if (status == SN_OK)
        status = c.bench->verify(&c, &k);
    CHECK(status == SN_OK, "%s: verify: %s", label, sn_status_message());
    MPI_Barrier(MPI_COMM_WORLD); /* as in the harness: nobody goes on while another compares */
    for (c.rep = 1; status == SN_OK && how == SN_MUTATE_NONE && c.rep < 2; c.rep++) {
        if (pc->clock == SN_CLOCK_WALL) {
            if (c.bench->prepare)
                c.bench->prepare(&c);
            status = c.bench->run(&c);
            MPI_Barrier(MPI_COMM_WORLD);
        }
        CHECK(status == SN_OK, "%s: run: %s", label, sn_status_message());
        if (status == SN_OK)
            status = c.bench->verify(&c, &k);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    c.bench->teardown(&c);
    CHECK(!k.errors == !k.first[0], "%s: %llu errors, first '%.40s'", label,
          (unsigned long long)k.errors, k.first);
    CHECK(how != SN_MUTATE_NONE || !k.errors, "%s: %.120s", label, k.first);
    free(label);
    uint64_t sums[2] = {k.errors, k.compared};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    *compared = sums[1];
    return sums[0];
}

/* Every case of the assignments; `ran` says whether any is supported here. */
static void exercise(enum sn_clock_kind clock, const char *bench, const char *const *axes, size_t n)
{
    const struct sn_app app = {.benches = sn_benches};
    struct sn_plan plan;
    size_t ran = 0;
    sn_plan_init(&plan, 5, world.size);
    plan.clock = clock;
    int status = sn_plan_add(&plan, &app, bench, axes, n);
    CHECK(status == SN_OK, "%s: %s", bench, sn_status_message());
    for (size_t i = 0; i < plan.n; i++) {
        struct sn_env env = env_of(clock, SN_MUTATE_NONE);
        const struct sn_case probe = {
            .bench = plan.cases[i].bench, .values = plan.cases[i].values, .env = &env};
        if (probe.bench->unsupported(&probe))
            continue;
        char *label = sn_plan_label(&plan.cases[i]);
        uint64_t compared, errors;
        errors = verify_case(&plan.cases[i], SN_MUTATE_NONE, &compared);
        CHECK(errors == 0 && compared > 0, "%s: %llu errors of %llu", label,
              (unsigned long long)errors, (unsigned long long)compared);
        /* More ranks than cores are slow: there one mutation of one case stands for all. */
        const int last = world.size <= 2 ? SN_MUTATE_WRONG_RANK : SN_MUTATE_BITFLIP - (ran > 0);
        for (int how = SN_MUTATE_BITFLIP; how <= last; how++) {
            errors = verify_case(&plan.cases[i], (enum sn_mutation)how, &compared);
            CHECK(errors > 0, "%s: mutation %d was not noticed", label, how);
        }
        ran++;
        free(label);
    }
    CHECK(ran > 0, "%s: no case could run", bench);
    sn_plan_free(&plan);
}

/* A case costs its window: two seconds on more ranks than cores. There, fewer. */
#define FEW(words, few) (world.size <= 2 ? (words) : (few))
#define EXERCISE(clock, bench, ...)                                                                \
    do {                                                                                           \
        const char *const axes_[] = {__VA_ARGS__};                                                 \
        exercise(clock, bench, axes_, sizeof axes_ / sizeof *axes_);                               \
    } while (0)

MPI_TEST(kvread_wall)
{
    EXERCISE(SN_CLOCK_WALL, "kvread", "block=9001", "blocks=3", "reads=4", "transport=all",
             "placement=any");
    EXERCISE(SN_CLOCK_WALL, "kvread", "block=64", "blocks=5", "reads=11", "readers=1",
             FEW("placement=local,node", "placement=node"), "pattern=zipf(1.5)");
    EXERCISE(SN_CLOCK_WALL, "kvread", "block=100", "reads=200", "placement=any", TRACE);
}

MPI_TEST(kvread_model)
{
    EXERCISE(SN_CLOCK_MODEL, "kvread", "block=1000", "dies=40", "readers=5", "blocks=3", "reads=7",
             "memory=die", FEW("placement=any,local,node,remote", "placement=any"));
    EXERCISE(SN_CLOCK_MODEL, "kvread", "block=640", "dies=40", "readers=5", "memory=die",
             "payload=header", "capacity=10000", TRACE);
}

MPI_TEST(kvtransfer)
{
    EXERCISE(SN_CLOCK_WALL, "kvtransfer", "prefill=2", "decode_dp=4", "prompt=1", "layers=3",
             "mode=whole", "transport=all");
    EXERCISE(SN_CLOCK_WALL, "kvtransfer", "prefill=4", "decode_dp=2", "decode_tp=2", "prompt=3",
             "layers=2", "interval=100us", "mode=layers");
    EXERCISE(SN_CLOCK_MODEL, "kvtransfer", "prefill=4", "decode_dp=6", "decode_tp=2", "prompt=70",
             "layers=3", FEW("mode=all", "mode=layers"), "payload=header");
}

MPI_TEST(modelload)
{
    EXERCISE(SN_CLOCK_MODEL, "modelload", "model_bytes=10001", "block=1000", "instances=3",
             "instance_dies=4", "dies=20", FEW("from=all", "from=pool"));
}

MPI_TEST(open_world)
{
    CHECK(sn_world_open(&world) == SN_OK, "%s", sn_status_message());
    model = sn_model_open();
}
MPI_TEST(close_world)
{
    sn_model_close(model);
    sn_world_close(&world);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(open_world),
                                                 TEST(kvread_wall),
                                                 TEST(kvread_model),
                                                 TEST(kvtransfer),
                                                 TEST(modelload),
                                                 TEST(close_world),
                                                 {0}});
}
