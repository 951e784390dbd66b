/* Dispatch and combine: all algorithms, formats and transports give the same bits on any number of
 * ranks and dies; the bytes they count are those of the routing; every mutation is found and
 * named. */
#include <stdlib.h>
#include <unistd.h>

#include "comm/moe_check.h"
#include "comm/moe_draw.h"
#include "harness/base/cpu.h"
#include "harness/base/hash.h"
#include "harness/base/status.h"
#include "tests/mpi/mpitest.h"

static struct sn_moe_shape shape_of(unsigned dies, enum sn_dtype dtype)
{
    return (struct sn_moe_shape){
        .dies = dies, .tokens = 5, .hidden = 256, .experts = 16, .topk = 3, .dtype = dtype};
}

static bool oversubscribed(int size)
{
    return (unsigned)size > sn_cpu_count();
}

/* Hash of the results of all dies, the same on every rank: dies in order, whoever holds them. */
static uint64_t result_hash(const struct sn_moe *m)
{
    size_t bytes = m->shape.tokens * m->answer_bytes;
    uint64_t sum = 0;
    for (unsigned i = 0; i < m->local; i++) {
        uint64_t h = sn_hash_payload((uint8_t *)m->out + i * bytes, bytes);
        sum += h * (2ull * sn_endpoints_at(m->endpoints, m->rank, i) + 1);
    }
    MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_UINT64_T, MPI_SUM, m->comm);
    return sum;
}

/* Bytes counted by all ranks against the routing. */
static void check_traffic(const struct sn_moe_exchange *x, bool combine, uint64_t wire,
                          uint64_t local, uint64_t copies)
{
    struct sn_moe_traffic t = {0};
    if (combine)
        sn_moe_expected_combine(x, &t);
    else
        sn_moe_expected_dispatch(x, &t);
    uint64_t v[6] = {wire, local, copies, t.wire, t.local, t.wire_copies};
    MPI_Allreduce(MPI_IN_PLACE, v, 6, MPI_UINT64_T, MPI_SUM, x->moe->comm);
    CHECK(v[0] == v[3], "%s %s: wire %llu, not %llu", x->algorithm->name,
          combine ? "combine" : "dispatch", (unsigned long long)v[0], (unsigned long long)v[3]);
    CHECK(v[1] == v[4], "%s: local %llu, not %llu", x->algorithm->name, (unsigned long long)v[1],
          (unsigned long long)v[4]);
    CHECK(combine || v[2] == v[5], "%s: %llu wire copies, not %llu", x->algorithm->name,
          (unsigned long long)v[2], (unsigned long long)v[5]);
}

/* One draw through one open algorithm; the hash of its result. */
static uint64_t round_trip(struct sn_moe_exchange *x, uint64_t draw, unsigned combines)
{
    struct sn_moe_verdict v = {0};
    struct sn_moe *m = x->moe;
    sn_moe_set_draw(m, draw);
    uint64_t wire = x->wire_bytes, local = x->local_bytes, copies = x->wire_copies;
    CHECK(x->algorithm->dispatch(x) == SN_OK, "%s", sn_status_message());
    check_traffic(x, false, x->wire_bytes - wire, x->local_bytes - local, x->wire_copies - copies);
    sn_moe_experts(x);
    memset(m->out, 0xff, (size_t)m->local * m->shape.tokens * m->answer_bytes);
    for (unsigned c = 0; c < combines; c++) {
        wire = x->wire_bytes;
        local = x->local_bytes;
        CHECK(x->algorithm->combine(x) == SN_OK, "%s", sn_status_message());
        check_traffic(x, true, x->wire_bytes - wire, x->local_bytes - local, 0);
    }
    sn_moe_check_received(x, &v);
    sn_moe_check_combined(x, &v);
    sn_moe_check_conserved(x, &v);
    CHECK(v.errors == 0, "%s ep %u %s: %llu errors: %.120s", x->algorithm->name, m->shape.dies,
          sn_dtype_words[m->shape.dtype], (unsigned long long)v.errors, v.first);
    CHECK(!m->local || v.compared > 0, "nothing was compared");
    return result_hash(m);
}

struct setting {
    struct sn_moe_shape shape;
    const char *routing;
    unsigned node;
    const uint32_t *count; /* buffers are fitted to these copies; NULL: the worst case */
};

/* Opens, runs `draws` draws and folds their hashes. */
static uint64_t run(const struct setting *s, const struct sn_moe_algorithm *a,
                    const struct sn_transport *t, int size, unsigned draws)
{
    struct sn_endpoints e;
    struct sn_moe m;
    struct sn_moe_exchange *x = NULL;
    uint64_t hash = 0;
    CHECK(sn_endpoints_open(&e, s->shape.dies, size, s->node, NULL) == SN_OK, "%s",
          sn_status_message());
    int status = sn_moe_open(&m, &s->shape, s->routing, 7, &e, MPI_COMM_WORLD);
    CHECK(status == SN_OK, "%s", sn_status_message());
    if (status == SN_OK) {
        if (s->count)
            sn_moe_fit(&m, s->count);
        status = a->open(&x, &m, t, oversubscribed(size));
        CHECK(status == SN_OK, "%s", sn_status_message());
        for (unsigned d = 0; d < draws && status == SN_OK; d++)
            hash = hash * 31 + round_trip(x, d, 1 + d % 2);
        a->close(x);
    }
    sn_moe_close(&m);
    sn_endpoints_close(&e);
    return hash;
}

enum { DRAWS = 2 }; /* one of each parity */

/* Every algorithm on one setting: one result. With a core per rank over every transport; else over
 * one, a different one for each `turn`, to end in reasonable time. */
static uint64_t run_all(const struct setting *s, int size, size_t turn)
{
    size_t transports = 0;
    while (sn_transports[transports])
        transports++;
    unsigned draws = s->count ? 1 : DRAWS;
    uint64_t want = run(s, sn_moe_algorithms[0], NULL, size, draws);
    for (size_t a = 1; sn_moe_algorithms[a]; a++) {
        const struct sn_moe_algorithm *algorithm = sn_moe_algorithms[a];
        for (size_t t = 0; sn_transports[t]; t++) {
            if (algorithm->transport ? oversubscribed(size) && t != (turn + a) % transports : t > 0)
                continue;
            if (sn_transports[t]->unsupported(sn_transports[t], MPI_COMM_WORLD))
                continue;
            uint64_t got = run(s, algorithm, sn_transports[t], size, draws);
            CHECK(got == want, "%s over %s, ep %u, %s, node %u: another result than %s",
                  algorithm->name, sn_transports[t]->name, s->shape.dies,
                  sn_dtype_words[s->shape.dtype], s->node, sn_moe_algorithms[0]->name);
        }
    }
    return want;
}

/* With what one rank alone computes. */
static void same_on_one_rank(const struct setting *s, uint64_t got, int rank)
{
    uint64_t alone = 0;
    if (rank == 0) {
        struct sn_endpoints e;
        struct sn_moe m;
        struct sn_moe_exchange *x = NULL;
        CHECK(sn_endpoints_open(&e, s->shape.dies, 1, s->node, NULL) == SN_OK, "endpoints");
        CHECK(sn_moe_open(&m, &s->shape, s->routing, 7, &e, MPI_COMM_SELF) == SN_OK, "%s",
              sn_status_message());
        CHECK(sn_moe_algorithms[0]->open(&x, &m, NULL, false) == SN_OK, "open");
        for (unsigned d = 0; d < DRAWS; d++)
            alone = alone * 31 + round_trip(x, d, 1);
        sn_moe_algorithms[0]->close(x);
        sn_moe_close(&m);
        sn_endpoints_close(&e);
        CHECK(alone == got, "another result than on one rank");
    }
}

MPI_TEST(all_algorithms_agree)
{
    static const unsigned dies[] = {1, 2, 3, 8, 16};
    for (size_t i = 0; i < sizeof dies / sizeof *dies; i++) {
        struct setting s = {shape_of(dies[i], (enum sn_dtype)(i % SN_DTYPES)), "uniform", 3, NULL};
        uint64_t got = run_all(&s, size, i);
        same_on_one_rank(&s, got, rank);
    }
}

MPI_TEST(all_formats_agree)
{
    for (unsigned t = 0; t < SN_DTYPES; t++) {
        struct setting s = {shape_of(4, t), "zipf(1.1)", 2, NULL};
        s.shape.hidden = 128;
        same_on_one_rank(&s, run_all(&s, size, t), rank);
    }
}

MPI_TEST(shared_and_redundant_experts)
{
    struct setting s = {shape_of(5, SN_DTYPE_INT8), "hot(2,0.5)", 2, NULL};
    s.shape.shared = 2;
    s.shape.redundant = 5;
    same_on_one_rank(&s, run_all(&s, size, 0), rank);
}

/* Dies without an expert only send; here also whole ranks of them. */
MPI_TEST(dies_without_experts)
{
    struct setting s = {shape_of(12, SN_DTYPE_FP8), "uniform", 4, NULL};
    s.shape.experts = 5;
    same_on_one_rank(&s, run_all(&s, size, 2), rank);
    s.shape.redundant = 2; /* by EPLB, 5 dies still have none */
    same_on_one_rank(&s, run_all(&s, size, 0), rank);
}

/* Buffers fitted to a draw bring the same bits as those of the worst case, and copies of 64 bytes
 * are copies: on every transport, popular experts too. */
MPI_TEST(buffers_fitted_to_one_draw)
{
    for (unsigned small = 0; small < 2; small++) {
        struct setting s = {shape_of(9, small ? SN_DTYPE_BF16 : SN_DTYPE_INT8), "hot(2,0.5)", 4,
                            NULL};
        s.shape.hidden = small ? 24 : 128;
        s.shape.redundant = 1;
        uint64_t want = run(&s, sn_moe_algorithms[0], NULL, size, 1);
        struct sn_moe m;
        struct sn_moe_draw w;
        CHECK(sn_moe_open_routing(&m, &s.shape, s.routing, 7) == SN_OK, "%s", sn_status_message());
        sn_moe_draw_open(&w, &s.shape);
        sn_moe_draw_set(&w, &m, 0);
        s.shape.fit = sn_moe_draw_most(&w);
        s.count = w.count;
        CHECK(sn_moe_in_max(&s.shape) < 9 * sn_moe_pair_max(&s.shape), "nothing is saved");
        CHECK(run_all(&s, size, small) == want, "fitted buffers, hidden %u: another result",
              s.shape.hidden);
        sn_moe_draw_close(&w);
        sn_moe_close(&m);
    }
}

MPI_TEST(one_token_and_every_expert)
{
    struct setting s = {shape_of(3, SN_DTYPE_FP8), "uniform", 2, NULL};
    s.shape.tokens = 1;
    s.shape.topk = s.shape.experts;
    run_all(&s, size, 1);
}

/* Back-to-back dispatches without a barrier, ranks held up at random: two parities must do. */
MPI_TEST(parities_hold_without_barriers)
{
    struct setting s = {shape_of(4, SN_DTYPE_INT8), "uniform", 2, NULL};
    for (size_t a = 0; sn_moe_algorithms[a]; a++) {
        struct sn_endpoints e;
        struct sn_moe m;
        struct sn_moe_exchange *x = NULL;
        if (!sn_moe_algorithms[a]->transport)
            continue;
        CHECK(sn_endpoints_open(&e, s.shape.dies, size, s.node, NULL) == SN_OK, "endpoints");
        CHECK(sn_moe_open(&m, &s.shape, s.routing, 7, &e, MPI_COMM_WORLD) == SN_OK, "moe");
        int status = sn_moe_algorithms[a]->open(&x, &m, sn_transports[0], oversubscribed(size));
        CHECK(status == SN_OK, "%s", sn_status_message());
        for (unsigned d = 0; d < 24 && status == SN_OK; d++) {
            struct sn_moe_verdict v = {0};
            sn_moe_set_draw(&m, d);
            if ((d * 7 + (unsigned)rank * 3) % 5 == 0)
                usleep(300);
            status = x->algorithm->dispatch(x);
            /* Looked at late: whoever could has gone on to the next dispatch. */
            if ((d + (unsigned)rank) % 3 == 0)
                usleep(300);
            sn_moe_check_received(x, &v);
            CHECK(v.errors == 0, "%s dispatch %u: %.120s", x->algorithm->name, d, v.first);
            if (d % 4 == 3) {
                sn_moe_experts(x);
                status = x->algorithm->combine(x);
                sn_moe_check_combined(x, &v);
                CHECK(v.errors == 0, "%s combine %u: %.120s", x->algorithm->name, d, v.first);
            }
        }
        sn_moe_algorithms[a]->close(x);
        sn_moe_close(&m);
        sn_endpoints_close(&e);
    }
}

/* The words of the first rank that found an error. */
static bool found(const struct sn_moe_verdict *v, char *first, size_t bytes, int rank, int size)
{
    int bad = v->errors ? rank : size, who;
    MPI_Allreduce(&bad, &who, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (who == size)
        return false;
    snprintf(first, bytes, "%s", v->first);
    MPI_Bcast(first, (int)bytes, MPI_CHAR, who, MPI_COMM_WORLD);
    return true;
}

MPI_TEST(mutations_are_found)
{
    static const char *const sign[] = {[SN_MOE_BITFLIP] = "payload byte",
                                       [SN_MOE_SWAP] = "payload byte",
                                       [SN_MOE_DROP] = "missing",
                                       [SN_MOE_WRONG_RANK] = "die"};
    struct setting s = {shape_of(4, SN_DTYPE_INT8), "uniform", 2, NULL};
    struct sn_endpoints e;
    struct sn_moe m;
    CHECK(sn_endpoints_open(&e, s.shape.dies, size, s.node, NULL) == SN_OK, "endpoints");
    CHECK(sn_moe_open(&m, &s.shape, s.routing, 7, &e, MPI_COMM_WORLD) == SN_OK, "moe");
    for (size_t a = 0; sn_moe_algorithms[a]; a++) {
        for (unsigned k = SN_MOE_BITFLIP; k <= SN_MOE_WRONG_RANK; k++) {
            struct sn_moe_exchange *x = NULL;
            struct sn_moe_verdict v = {0}, conserved = {0};
            char first[256] = "";
            CHECK(sn_moe_algorithms[a]->open(&x, &m, sn_transports[0], oversubscribed(size)) == 0,
                  "%s", sn_status_message());
            CHECK(x->algorithm->dispatch(x) == SN_OK, "dispatch");
            CHECK(sn_moe_mutate(x, k) == SN_OK, "%s", sn_status_message());
            sn_moe_check_received(x, &v);
            CHECK(found(&v, first, sizeof first, rank, size), "%s: mutation %u not found",
                  x->algorithm->name, k);
            CHECK(strstr(first, "token ") == first && strstr(first, sign[k]),
                  "%s: mutation %u: '%.100s'", x->algorithm->name, k, first);
            sn_moe_check_conserved(x, &conserved);
            CHECK(found(&conserved, first, sizeof first, rank, size) ==
                      (k == SN_MOE_DROP || k == SN_MOE_WRONG_RANK),
                  "%s: conservation under mutation %u", x->algorithm->name, k);
            x->algorithm->close(x);
        }
    }
    sn_moe_close(&m);
    sn_endpoints_close(&e);
}

/* What is done to combined tokens is found by value, and by nothing else. */
MPI_TEST(mutations_of_combined_tokens_are_found)
{
    struct setting s = {shape_of(4, SN_DTYPE_INT8), "uniform", 2, NULL};
    struct sn_endpoints e;
    struct sn_moe m;
    struct sn_moe_exchange *x = NULL;
    CHECK(sn_endpoints_open(&e, s.shape.dies, size, s.node, NULL) == SN_OK, "endpoints");
    CHECK(sn_moe_open(&m, &s.shape, s.routing, 7, &e, MPI_COMM_WORLD) == SN_OK, "moe");
    CHECK(sn_moe_algorithms[2]->open(&x, &m, sn_transports[0], oversubscribed(size)) == 0, "%s",
          sn_status_message());
    CHECK(x->algorithm->dispatch(x) == SN_OK, "dispatch");
    sn_moe_experts(x);
    for (unsigned k = SN_MOE_BITFLIP; k <= SN_MOE_WRONG_RANK; k++) {
        struct sn_moe_verdict v = {0}, received = {0};
        char first[256] = "";
        CHECK(x->algorithm->combine(x) == SN_OK, "combine");
        /* On one rank there is no other rank's token. */
        bool possible = k != SN_MOE_WRONG_RANK || size > 1;
        CHECK((sn_moe_mutate_combined(x, k) == SN_OK) == possible, "mutation %u", k);
        sn_moe_check_combined(x, &v);
        uint64_t errors = v.errors;
        MPI_Allreduce(MPI_IN_PLACE, &errors, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
        CHECK(errors == (possible ? 1 + (k == SN_MOE_SWAP) : 0), "mutation %u: %llu errors", k,
              (unsigned long long)errors);
        if (possible) {
            CHECK(found(&v, first, sizeof first, rank, size), "mutation %u not found", k);
            CHECK(strstr(first, "token ") == first && strstr(first, "combined value"),
                  "mutation %u: '%.100s'", k, first);
        }
        sn_moe_check_received(x, &received);
        CHECK(received.errors == 0, "mutation %u: received: %.100s", k, received.first);
    }
    x->algorithm->close(x);
    sn_moe_close(&m);
    sn_endpoints_close(&e);
}

/* The other checks can fail too. */
MPI_TEST(wrong_results_are_found)
{
    struct setting s = {shape_of((unsigned)size, SN_DTYPE_FP8), "uniform", 2, NULL};
    struct sn_endpoints e;
    struct sn_moe m;
    struct sn_moe_exchange *x = NULL;
    struct sn_moe_verdict v = {0}, w = {0};
    CHECK(sn_endpoints_open(&e, s.shape.dies, size, s.node, NULL) == SN_OK, "endpoints");
    CHECK(sn_moe_open(&m, &s.shape, s.routing, 7, &e, MPI_COMM_WORLD) == SN_OK, "moe");
    CHECK(sn_moe_algorithms[2]->open(&x, &m, sn_transports[0], oversubscribed(size)) == SN_OK,
          "open");
    CHECK(x->algorithm->dispatch(x) == SN_OK, "dispatch");
    sn_moe_experts(x);
    CHECK(x->algorithm->combine(x) == SN_OK, "combine");
    m.out[3 * m.shape.hidden + 17] ^= 1;
    sn_moe_check_combined(x, &v);
    CHECK(v.errors == 1 && strstr(v.first, "token 3 of die") && strstr(v.first, "value 17"),
          "%llu errors: '%.60s'", (unsigned long long)v.errors, v.first);
    /* A head that was changed: the checksum no longer fits, or the slot does not. */
    for (size_t pair = 0; pair < m.shape.dies; pair++)
        if (x->count[pair]) {
            x->received[pair][m.copy_bytes - 1] ^= 1;
            break;
        }
    sn_moe_check_received(x, &w);
    CHECK(w.errors == 1 && strstr(w.first, "checksum"), "%llu errors: '%.60s'",
          (unsigned long long)w.errors, w.first);
    x->algorithm->close(x);
    sn_moe_close(&m);
    sn_endpoints_close(&e);
}

/* From the definition, by hand: 2 dies, one expert each, both experts chosen by every token: of
 * T x 2 copies a die, half stay. */
MPI_TEST(bytes_by_hand)
{
    struct sn_moe_shape shape = {
        .dies = 2, .tokens = 4, .hidden = 128, .experts = 2, .topk = 2, .dtype = SN_DTYPE_INT8};
    struct sn_endpoints e;
    struct sn_moe m;
    CHECK(sn_endpoints_open(&e, 2, size, 16, NULL) == SN_OK, "endpoints");
    CHECK(sn_moe_open(&m, &shape, "uniform", 7, &e, MPI_COMM_WORLD) == SN_OK, "moe");
    for (size_t a = 0; sn_moe_algorithms[a]; a++) {
        struct sn_moe_exchange *x = NULL;
        CHECK(sn_moe_algorithms[a]->open(&x, &m, sn_transports[0], oversubscribed(size)) == 0,
              "open");
        CHECK(x->algorithm->dispatch(x) == SN_OK, "dispatch");
        uint64_t b[2] = {x->wire_bytes, x->local_bytes};
        MPI_Allreduce(MPI_IN_PLACE, b, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
        CHECK(b[0] == 2 * 4 * 640 && b[1] == 2 * 4 * 640, "%s: wire %llu, local %llu",
              x->algorithm->name, (unsigned long long)b[0], (unsigned long long)b[1]);
        x->algorithm->close(x);
    }
    sn_moe_close(&m);
    sn_endpoints_close(&e);
}

/* The payload by the routing is the same for every algorithm; what hier moves is not. By hand: 4
 * dies in 2 nodes, one expert each, every token to all 4: each die sends 3 T copies and keeps T. */
MPI_TEST(routed_bytes_by_hand)
{
    struct sn_moe_shape shape = {
        .dies = 4, .tokens = 4, .hidden = 128, .experts = 4, .topk = 4, .dtype = SN_DTYPE_BF16};
    struct sn_endpoints e;
    struct sn_moe m;
    CHECK(sn_endpoints_open(&e, 4, size, 2, NULL) == SN_OK, "endpoints");
    CHECK(sn_moe_open(&m, &shape, "uniform", 7, &e, MPI_COMM_WORLD) == SN_OK, "moe");
    for (size_t a = 0; sn_moe_algorithms[a]; a++) {
        struct sn_moe_exchange x = {.algorithm = sn_moe_algorithms[a], .moe = &m};
        uint64_t v[13] = {0}, copy = m.copy_bytes;
        struct sn_moe_traffic t = {.sent = v, .received = v + 4, .own = v + 8};
        sn_moe_expected_dispatch(&x, &t);
        v[12] = t.wire;
        MPI_Allreduce(MPI_IN_PLACE, v, 13, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
        for (unsigned d = 0; d < 4; d++)
            CHECK(v[d] == 3 * 4 * copy && v[4 + d] == 3 * 4 * copy && v[8 + d] == 4 * copy,
                  "%s: die %u sends %llu, gets %llu, keeps %llu", x.algorithm->name, d,
                  (unsigned long long)v[d], (unsigned long long)v[4 + d],
                  (unsigned long long)v[8 + d]);
        /* hier, per token: one copy inside the node, one record, one of two copies passed on. */
        uint64_t each = x.algorithm->by_node ? 2 * copy + sn_moe_record_bytes(&shape) : 3 * copy;
        CHECK(v[12] == 4 * 4 * each, "%s: %llu wire bytes", x.algorithm->name,
              (unsigned long long)v[12]);
    }
    sn_moe_close(&m);
    sn_endpoints_close(&e);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(all_algorithms_agree),
                                                 TEST(all_formats_agree),
                                                 TEST(shared_and_redundant_experts),
                                                 TEST(dies_without_experts),
                                                 TEST(buffers_fitted_to_one_draw),
                                                 TEST(one_token_and_every_expert),
                                                 TEST(parities_hold_without_barriers),
                                                 TEST(mutations_are_found),
                                                 TEST(mutations_of_combined_tokens_are_found),
                                                 TEST(wrong_results_are_found),
                                                 TEST(bytes_by_hand),
                                                 TEST(routed_bytes_by_hand),
                                                 {0}});
}
