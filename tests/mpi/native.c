/* decode and prefill on the wall clock: tokens, hidden states and cache are those of the plain loop
 * on one rank, for every algorithm, transport, microbatch and number of ranks, and every mutation
 * of an answer is noticed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/benches.h"
#include "bench/macro/native_reference.h"
#include "bench/model.h"
#include "harness/base/buf.h"
#include "harness/base/isa.h"
#include "harness/base/status.h"
#include "harness/plan.h"
#include "harness/roof.h"
#include "tests/mpi/mpitest.h"

/* Sizes that divide nothing: 10 experts on 7 ranks, tails everywhere. */
static const char tiny[] =
    "name: tiny\nbrief: \"small and odd\"\nsource: \"made for this test\"\n"
    "layers: 3\ndense_layers: 1\nhidden: 128\n"
    "attention: {heads: 3, q_rank: 25, latent: 37, rope: 6, nope: 11, v: 13}\n"
    "experts: {routed: 10, shared: 1, top_k: 3, groups: 5, kept: 2, intermediate: 43}\n"
    "dense: {intermediate: 71}\nvocabulary: 101\n"
    "steps:\n  decode: {requests: 1, ctx: 2, dies: 1, source: \"none\"}\n"
    "  prefill: {requests: 1, ctx: 2, dies: 1, source: \"none\"}\n";

static struct sn_world world; /* opened once: it costs clock checks */
static struct sn_roofs roofs;
static void *model;
static char *file; /* of the tiny model */

static struct sn_env env_of(enum sn_mutation how)
{
    return (struct sn_env){.clock = SN_CLOCK_WALL,
                           .world = &world,
                           .roofs = &roofs,
                           .shared = model,
                           .seed = 11,
                           .mutate = how,
                           .isa = sn_isa_best(),
                           .hang_rank = -1};
}

/* Opens, verifies, runs and verifies again; errors over all ranks, and rank 0's checksum. */
static uint64_t verify_case(const struct sn_plan_case *pc, enum sn_mutation how, char sum[17])
{
    struct sn_env env = env_of(how);
    struct sn_case c = {.bench = pc->bench, .values = pc->values, .env = &env, .batch = 1};
    struct sn_check k = {0};
    char *label = sn_plan_label(pc);
    int status = c.bench->setup(&c);
    CHECK(status == SN_OK, "%s: setup: %s", label, sn_status_message());
    if (status == SN_OK)
        status = c.bench->verify(&c, &k);
    CHECK(status == SN_OK, "%s: verify: %s", label, sn_status_message());
    memcpy(sum, k.checksum, sizeof k.checksum);
    for (c.rep = 0; status == SN_OK && how == SN_MUTATE_NONE && c.rep < 2; c.rep++) {
        c.bench->prepare(&c);
        status = c.bench->run(&c);
        CHECK(status == SN_OK, "%s: run: %s", label, sn_status_message());
        if (status == SN_OK)
            status = c.bench->verify(&c, &k);
        CHECK(!strcmp(sum, k.checksum), "%s: another checksum after a run", label);
    }
    c.bench->teardown(&c);
    CHECK(how != SN_MUTATE_NONE || !k.errors, "%s: %.120s", label, k.first);
    CHECK(!k.errors == !k.first[0], "%s: %llu errors, first '%.40s'", label,
          (unsigned long long)k.errors, k.first);
    free(label);
    MPI_Allreduce(MPI_IN_PLACE, &k.errors, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    return k.errors;
}

/* What the reference alone says of a case: it knows no ranks. mtp=0, or a prefill. */
static void reference_sum(const struct sn_plan_case *pc, char sum[17])
{
    struct sn_env env = env_of(SN_MUTATE_NONE);
    const struct sn_case c = {.bench = pc->bench, .values = pc->values, .env = &env, .batch = 1};
    struct sn_native_shape s;
    struct sn_native_expected *e = NULL;
    CHECK(sn_native_shape_open(&c, !strcmp(pc->bench->name, "prefill"), &s) == SN_OK, "%s",
          sn_status_message());
    CHECK(sn_native_reference(&s, &e) == SN_OK, "%s", sn_status_message());
    uint32_t *n_new = sn_calloc(s.requests, sizeof *n_new);
    uint64_t *cache = sn_calloc(s.requests, sizeof *cache);
    for (unsigned r = 0; r < s.requests; r++) {
        n_new[r] = e->new_max;
        cache[r] = e->cache[r * (e->new_max + 1) + e->new_max];
    }
    snprintf(
        sum, 17, "%016llx",
        (unsigned long long)sn_native_checksum(&s, e->new_max, n_new, e->token, e->hidden, cache));
    free(n_new);
    free(cache);
    sn_native_expected_free(e);
    sn_native_shape_close(&s);
}

/* All cases of the assignments bring one checksum: `want`, where that is not empty; else the first
 * one's, which want then gets. */
static void exercise(const char *bench, const char *const *axes, size_t n, char want[17])
{
    const struct sn_app app = {.benches = sn_benches};
    struct sn_plan plan;
    size_t ran = 0;
    sn_plan_init(&plan, 11, world.size);
    plan.clock = SN_CLOCK_WALL;
    int status = sn_plan_add(&plan, &app, bench, axes, n);
    CHECK(status == SN_OK, "%s: %s", bench, sn_status_message());
    for (size_t i = 0; i < plan.n; i++) {
        struct sn_env env = env_of(SN_MUTATE_NONE);
        const struct sn_plan_case *pc = &plan.cases[i];
        const struct sn_case probe = {.bench = pc->bench, .values = pc->values, .env = &env};
        char sum[17] = "";
        if (probe.bench->unsupported(&probe))
            continue;
        char *label = sn_plan_label(pc);
        verify_case(pc, SN_MUTATE_NONE, sum);
        if (world.rank == 0 && !*want)
            memcpy(want, sum, sizeof sum);
        CHECK(world.rank || !strcmp(sum, want), "%s: checksum %s, expected %s", label, sum, want);
        ran++;
        free(label);
    }
    CHECK(ran > 0, "%s: no case could run", bench);
    sn_plan_free(&plan);
}

/* The reference's checksum of the first case that the assignments give. */
static void expect(const char *bench, const char *const *axes, size_t n, char want[17])
{
    const struct sn_app app = {.benches = sn_benches};
    struct sn_plan plan;
    sn_plan_init(&plan, 11, world.size);
    plan.clock = SN_CLOCK_WALL;
    CHECK(sn_plan_add(&plan, &app, bench, axes, n) == SN_OK, "%s", sn_status_message());
    if (plan.n)
        reference_sum(&plan.cases[0], want);
    sn_plan_free(&plan);
}

#define MODEL   (file)
#define N_OF(a) (sizeof(a) / sizeof *(a))

/* With more ranks than cores one transport stands for all. */
#define FEW(words, few) (world.size <= 2 ? (words) : (few))

MPI_TEST(decode_is_the_reference)
{
    char want[17] = "";
    const char *axes[] = {MODEL,
                          "requests=5",
                          "kv=67",
                          "steps=3",
                          "microbatch=1,2",
                          "algorithm=all",
                          "node=2",
                          FEW("transport=all", "transport=shm,p2p")};
    expect("decode", axes, N_OF(axes), want);
    CHECK(strlen(want) == 16, "no checksum");
    exercise("decode", axes, N_OF(axes), want);
}

MPI_TEST(drafts_change_no_bits)
{
    char want[17] = "";
    const char *axes[] = {MODEL,   "requests=5", "kv=0",           "steps=4",
                          "mtp=1", "accept=0.6", "microbatch=1,2", "algorithm=put,alltoallv"};
    exercise("decode", axes, N_OF(axes), want);
}

/* With every draft right, two tokens a step: the checksum of twice as many steps without. */
MPI_TEST(right_drafts_are_steps_saved)
{
    char want[17] = "";
    const char *plain[] = {MODEL, "requests=4", "kv=30", "steps=6"},
               *drafts[] = {MODEL, "requests=4", "kv=30", "steps=3", "mtp=1", "accept=1"},
               *none[] = {MODEL, "requests=4", "kv=30", "steps=6", "mtp=1", "accept=0"};
    expect("decode", plain, N_OF(plain), want);
    exercise("decode", plain, N_OF(plain), want);
    exercise("decode", drafts, N_OF(drafts), want);
    exercise("decode", none, N_OF(none), want);
}

MPI_TEST(prefill_is_the_reference)
{
    char want[17] = "";
    const char *axes[] = {MODEL,
                          "requests=5",
                          "prompt=37",
                          "microbatch=1,2",
                          "algorithm=all",
                          "node=2",
                          FEW("transport=all", "transport=shm,p2p")};
    expect("prefill", axes, N_OF(axes), want);
    exercise("prefill", axes, N_OF(axes), want);
}

MPI_TEST(nano)
{
    char want[17] = "";
    const char *axes[] = {"model=nano", "requests=3", "kv=20", "steps=1"},
               *prompts[] = {"model=nano", "requests=2", "prompt=6"};
    expect("decode", axes, N_OF(axes), want);
    exercise("decode", axes, N_OF(axes), want);
    want[0] = '\0';
    expect("prefill", prompts, N_OF(prompts), want);
    exercise("prefill", prompts, N_OF(prompts), want);
}

MPI_TEST(threads)
{
    char want[17] = "";
    const char *axes[] = {MODEL, "requests=5", "kv=67", "steps=2", "threads=1,2"};
    if (world.size > 1) /* needs a core for each */
        return;
    exercise("decode", axes, N_OF(axes), want);
}

MPI_TEST(every_mutation_is_noticed)
{
    const struct sn_app app = {.benches = sn_benches};
    const char *decode[] = {MODEL, "requests=7", "kv=9", "steps=1"},
               *prefill[] = {MODEL, "requests=7", "prompt=5", "microbatch=2"};
    struct sn_plan plan;
    sn_plan_init(&plan, 11, world.size);
    plan.clock = SN_CLOCK_WALL;
    sn_plan_add(&plan, &app, "decode", decode, N_OF(decode));
    sn_plan_add(&plan, &app, "prefill", prefill, N_OF(prefill));
    CHECK(plan.n == 2, "%s", sn_status_message());
    const int last = world.size > 1 ? SN_MUTATE_WRONG_RANK : SN_MUTATE_DROP;
    for (size_t i = 0; i < plan.n; i++)
        for (int how = SN_MUTATE_BITFLIP; how <= last; how++) {
            char sum[17];
            uint64_t errors = verify_case(&plan.cases[i], (enum sn_mutation)how, sum);
            CHECK(errors > 0, "%s: mutation %d was not noticed", plan.cases[i].bench->name, how);
        }
    sn_plan_free(&plan);
}

/* Rank 0 writes it, all read it. */
static char *write_model(void)
{
    char path[64] = "";
    if (world.rank == 0) {
        struct sn_buf b = {0};
        snprintf(path, sizeof path, "/tmp/snbench-native-%d.yaml", (int)getpid());
        sn_buf_add(&b, tiny);
        if (sn_buf_write_file(&b, path) != SN_OK)
            path[0] = '\0';
        sn_buf_free(&b);
    }
    MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
    return sn_strdupf("model=%s", path);
}

MPI_TEST(opens)
{
    CHECK(sn_world_open(&world) == SN_OK, "%s", sn_status_message());
    model = sn_model_open();
    file = write_model();
}

MPI_TEST(closes)
{
    if (world.rank == 0)
        unlink(file + strlen("model="));
    free(file);
    sn_model_close(model);
    sn_world_close(&world);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(opens),
                                                 TEST(decode_is_the_reference),
                                                 TEST(drafts_change_no_bits),
                                                 TEST(right_drafts_are_steps_saved),
                                                 TEST(prefill_is_the_reference),
                                                 TEST(nano),
                                                 TEST(threads),
                                                 TEST(every_mutation_is_noticed),
                                                 TEST(closes),
                                                 {0}});
}
