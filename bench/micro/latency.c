/* latency: one operation at a time between endpoints 0 and 1.
 *
 * put = put + flush, get and atomic = until the result is there, send = one message one way,
 * measured as a ping-pong whose messages wait for each other. put and get work on the same,
 * unchanged buffers every time: warm, with shm the line may lie in the cache of whoever reads. A
 * message is fresh: it was just received. Bound: one copy of the bytes out of a shared window.
 * Model clock: one put or get along a path of the profile, whose latency was calibrated as software
 * observes it, so that nothing is added for issuing. */
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/fabric.h"
#include "bench/micro/modelled.h"
#include "bench/micro/pattern.h"
#include "bench/micro/stream.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

enum op { PUT, GET, ATOMIC, SEND };
static const char *const op_words[] = {"put", "get", "atomic", "send", NULL};
enum { FLAG_END, FLAGS };
static const int64_t ADD = 0x100000003;

struct state {
    struct sn_fabric fabric;
    enum op op;
    size_t size;
    void *own;               /* private: source of put, destination of get */
    uint64_t closed;         /* repetitions ended by FLAG_END */
    uint64_t turn;           /* messages of a ping-pong so far: its parity names the next sender */
    int64_t old;             /* of the last atomic */
    struct sn_stream stream; /* model clock: what the verification moves */
};

static const struct sn_axis axes[] = {
    {.name = "op",
     .type = SN_AXIS_WORD,
     .def = "get",
     .words = op_words,
     .help = "operation: put and flush, get, atomic (fetch and add, 8 B), send (one way)"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8:4M:*4",
     .min = 8,
     .max = (double)(8ull << 30),
     .help = "bytes moved by one operation"},
    SN_TRANSPORT_AXIS,
    SN_PATH_AXIS,
    SN_PAYLOAD_AXIS("auto"),
    SN_MODEL_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"latency", "s", false, "median time of one operation"},
    {"rate", "op/s", true, "1 / median"},
    {"bandwidth", "B/s", true, "size / median"},
    {0},
};

static const char *unsupported(const struct sn_case *c)
{
    if (sn_on_model(c) && sn_case_word(c, "op") == ATOMIC)
        return "op=atomic: profiles have no cost of atomics";
    if (sn_on_model(c) && sn_case_word(c, "op") == SEND)
        return "op=send: profiles have no cost of matching messages; op=put moves the same bytes";
    if (sn_on_model(c))
        return sn_modelled_path_unsupported(c);
    if (c->env->world->size < 2)
        return "needs at least 2 ranks";
    if (sn_case_word(c, "op") == ATOMIC && sn_case_int(c, "size") != sizeof(int64_t))
        return "op=atomic works on 8 bytes: needs size=8";
    return sn_fabric_unsupported(c);
}

static unsigned endpoints(const struct sn_case *c)
{
    return sn_on_model(c) ? 2 : (unsigned)c->env->world->size;
}

static uint64_t memory(const struct sn_case *c)
{
    if (sn_on_model(c))
        return sn_stream_model_memory(c, 1, 1, 1);
    return 2 * (uint64_t)sn_case_int(c, "size") + (8 << 20);
}

static int setup(struct sn_case *c)
{
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    s->op = sn_case_word(c, "op");
    s->size = (size_t)sn_case_int(c, "size");
    if (sn_on_model(c)) { /* whoever acts is endpoint 0 */
        bool put = s->op == PUT;
        struct sn_flow flow = {.from = put ? 0 : 1, .to = put ? 1 : 0};
        return sn_stream_open(&s->stream, c, put ? SN_STREAM_PUT : SN_STREAM_GET, &flow, 1, s->size,
                              1);
    }
    int status = sn_fabric_open(&s->fabric, c, (unsigned)c->env->world->size, s->size, FLAGS);
    if (status != SN_OK)
        return status;
    const int *rank_of = s->fabric.endpoints.rank_of;
    if (s->op == SEND && rank_of[0] == rank_of[1])
        return SN_FAIL(SN_EINVAL,
                       "op=send needs endpoints 0 and 1 on different ranks, the map "
                       "puts both on rank %d",
                       rank_of[0]);
    return sn_mem_alloc(&s->own, s->size);
}

static void teardown(struct sn_case *c)
{
    struct state *s = c->state;
    if (!s)
        return;
    sn_fabric_close(&s->fabric);
    sn_stream_close(&s->stream);
    sn_mem_free(s->own);
    free(s);
    c->state = NULL;
}

static int active(struct state *s, unsigned batch)
{
    const struct sn_transport *t = s->fabric.transport;
    struct sn_link *l = s->fabric.link;
    int status = SN_OK;
    switch (s->op) {
    case PUT:
        for (unsigned i = 0; i < batch && status == SN_OK; i++) {
            status = t->put(l, 0, 1, 0, s->own, s->size);
            if (status == SN_OK)
                status = t->flush(l, 0);
        }
        break;
    case GET:
        for (unsigned i = 0; i < batch && status == SN_OK; i++)
            status = t->get(l, 0, 1, 0, s->own, s->size);
        break;
    case ATOMIC:
        for (unsigned i = 0; i < batch && status == SN_OK; i++)
            status = t->atomic_add(l, 0, 1, 0, ADD, &s->old);
        break;
    case SEND:
        break;
    }
    if (status == SN_OK && t->needs_target && !sn_fabric_mine(&s->fabric, 1))
        status = t->notify(l, 0, 1, FLAG_END, ++s->closed);
    return status;
}

/* `batch` messages, each the other way and after the one before, over repetitions as well. One
 * buffer, as in every ping-pong: what is sent was just received, hence fresh from the other core.
 */
static int ping_pong(struct state *s, unsigned batch)
{
    const struct sn_transport *t = s->fabric.transport;
    struct sn_link *l = s->fabric.link;
    unsigned me = sn_fabric_mine(&s->fabric, 0) ? 0 : 1;
    void *buffer = t->local(l, me);
    int status = SN_OK;
    for (unsigned i = 0; i < batch && status == SN_OK; i++, s->turn++)
        status = s->turn % 2 == me ? t->send(l, me, 1 - me, buffer, s->size)
                                   : t->recv(l, me, 1 - me, buffer, s->size);
    return status;
}

static int run(struct sn_case *c)
{
    struct state *s = c->state;
    const struct sn_transport *t = s->fabric.transport;
    bool first = sn_fabric_mine(&s->fabric, 0), second = sn_fabric_mine(&s->fabric, 1);
    if (s->op == SEND)
        return first || second ? ping_pong(s, c->batch) : SN_OK;
    if (first)
        return active(s, c->batch);
    if (second && t->needs_target)
        return t->wait(s->fabric.link, 1, FLAG_END, ++s->closed);
    return SN_OK;
}

/* --- verification ---------------------------------------------------------------------------- */

static uint64_t key_of(const struct state *s, unsigned from, unsigned to)
{
    return sn_pattern_key(s->fabric.env->seed, s->fabric.round,
                          &(struct sn_message){.from = from, .to = to});
}

/* Moves data from endpoint a to endpoint b between two barriers: the timed operation, of a
 * ping-pong one message. */
static int move(struct sn_case *c, struct sn_check *k, unsigned a)
{
    struct state *s = c->state;
    uint64_t messages = s->op == SEND     ? 1
                        : s->op == ATOMIC ? 0
                                          : c->batch,
             expected[SN_TIERS] = {0};
    expected[sn_endpoints_tier(&s->fabric.endpoints, 0, 1)] = messages * s->size;
    bool takes_part = sn_fabric_mine(&s->fabric, 0) || sn_fabric_mine(&s->fabric, 1);
    int status = SN_OK;
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_begin(&s->fabric);
    s->turn = a;
    if (s->op != SEND)
        status = run(c);
    else if (takes_part)
        status = ping_pong(s, 1);
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_check(&s->fabric, k, status, expected);
    return status;
}

/* Fills the source at endpoint a, clears the destination at endpoint b, moves and compares. */
static int verify_move(struct sn_case *c, struct sn_check *k, unsigned a, unsigned b)
{
    struct state *s = c->state;
    const struct sn_fabric *f = &s->fabric;
    void *from = NULL, *to = NULL;
    if (sn_fabric_mine(f, a))
        from = s->op == PUT ? s->own : f->transport->local(f->link, a);
    if (sn_fabric_mine(f, b))
        to = s->op == GET ? s->own : f->transport->local(f->link, b);
    if (from)
        sn_pattern_fill(from, s->size, key_of(s, a, b));
    if (to)
        memset(to, 0, s->size);
    int status = move(c, k, a);
    if (status == SN_OK && to) {
        sn_pattern_mutate(f->env->mutate, to, s->size, key_of(s, b, a));
        sn_pattern_check(k, to, s->size, key_of(s, a, b), &(struct sn_message){.from = a, .to = b});
    }
    return status;
}

static int verify_data(struct sn_case *c, struct sn_check *k)
{
    const struct state *s = c->state;
    int status = s->op == GET ? SN_OK : verify_move(c, k, 0, 1);
    if (status == SN_OK && (s->op == GET || s->op == SEND))
        status = verify_move(c, k, 1, 0);
    return status;
}

static void mutate_sum(enum sn_mutation how, int64_t *word)
{
    if (how == SN_MUTATE_DROP)
        *word -= ADD;
    else
        sn_pattern_mutate(how, word, sizeof *word, (uint64_t)*word);
}

static int verify_atomic(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    const struct sn_fabric *f = &s->fabric;
    int64_t start = (int64_t)(sn_rng_at(f->env->seed, f->round, 0) >> 2), *word = NULL;
    if (sn_fabric_mine(f, 1)) {
        word = f->transport->local(f->link, 1);
        *word = start;
    }
    int status = move(c, k, 0);
    if (status == SN_OK && word) {
        int64_t expected = start + (int64_t)c->batch * ADD;
        mutate_sum(f->env->mutate, word);
        k->compared++;
        if (*word != expected)
            sn_check_fail(k, "endpoint 1, word 0 after %u additions is %lld, expected %lld",
                          c->batch, (long long)*word, (long long)expected);
    }
    if (status == SN_OK && sn_fabric_mine(f, 0)) {
        int64_t expected = start + (int64_t)(c->batch - 1) * ADD;
        k->compared++;
        if (s->old != expected)
            sn_check_fail(k, "endpoint 0, addition %u returned %lld, expected %lld", c->batch,
                          (long long)s->old, (long long)expected);
    }
    return status;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    if (sn_on_model(c))
        return sn_stream_verify(&s->stream, c, k);
    s->fabric.round++;
    if (s->op == ATOMIC) {
        k->what = "the word after all additions, the value the last one returned, and that no "
                  "payload was counted";
        return verify_atomic(c, k);
    }
    k->what = "every byte with the pattern of its source, destination and round; bytes moved per "
              "tier with batch times size";
    return verify_data(c, k);
}

/* --- model clock ----------------------------------------------------------------------------- */

static int predict(struct sn_case *c, struct sn_timeline *t)
{
    struct sn_msg m = {.bytes = (uint64_t)sn_case_int(c, "size"), .after = SN_MSG_NONE};
    const struct sn_profile *p;
    struct sn_net *net;
    unsigned far;
    int status = sn_modelled_open(c, &p, &net, &far);
    if (status != SN_OK)
        return status;
    if (sn_case_word(c, "op") == GET) {
        m.src = far;
        m.flags = SN_MSG_READ;
    } else {
        m.dst = far;
    }
    sn_model_validity(c, p, t);
    return sn_modelled_time(net, p, &(struct sn_modelled_run){.msgs = &m, .n = 1}, t);
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    double median = row->stats.median;
    row->bytes.logical = row->bytes.wire = size;
    sn_row_add_metric(row, docs, "latency", median);
    sn_row_add_metric(row, docs, "rate", 1 / median);
    if (sn_case_word(c, "op") != ATOMIC)
        sn_row_add_metric(row, docs, "bandwidth", (double)size / median);
    sn_fabric_limit(c, row, SN_COPY_SHARED, size, size);
}

const struct sn_bench sn_bench_latency = {
    .name = "latency",
    .brief = "time of one put, get, atomic or message between two endpoints",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .flags = SN_BENCH_BATCH,
    .timed = "one operation of endpoint 0 on endpoint 1, one after another: put and its flush, get "
             "or atomic on the same unchanged buffers (warm: with shm in the caller's own cache "
             "where they fit), two-sided transports adding one closing flag a repetition; or a "
             "message one way, just received from the other direction and sent back. T = last end "
             "minus first start over ranks. Model clock: one put or get by die 0 along `path`; "
             "latency and "
             "bandwidth of the profile, as observed: its cost of issuing is not added",
    .bytes = "logical = wire = size",
    .limit = "size copied once by one core out of a shared window (roof copy_shared); model clock: "
             "size at the physical bandwidth of the busiest port, and the latency",
    .metric_docs = docs,
    .unsupported = unsupported,
    .inputs = sn_modelled_inputs,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .predict = predict,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
