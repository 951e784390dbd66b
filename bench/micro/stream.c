/* Streams: see stream.h. The passive end of a flow lies in the segment of its endpoint, the other
 * in private memory: source of a put, destination of a get or a receive. */
#include "bench/micro/stream.h"

#include <stdlib.h>
#include <string.h>

#include "bench/micro/modelled.h"
#include "bench/micro/pattern.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

const char *const sn_stream_ops[] = {"put", "get", "send", NULL};

const char *sn_stream_unsupported(const struct sn_case *c, int ranks)
{
    if (sn_on_model(c) && sn_case_word(c, "op") == SN_STREAM_SEND)
        return "op=send: profiles have no cost of matching messages; op=put moves the same bytes";
    if (sn_on_model(c))
        return sn_fabric_unsupported(c);
    if (c->env->world->size < ranks)
        return ranks == 2 ? "needs at least 2 ranks" : "needs more ranks: 2 for every pair";
    return sn_fabric_unsupported(c);
}

uint64_t sn_stream_memory(unsigned flows, uint64_t size, uint64_t window)
{
    return 2 * flows * size * window + (16 << 20);
}

/* Bytes of a message moved at a time: so many that the segments of all endpoints, and the private
 * ends, stay within the budget, a multiple of 64 and at least that. */
static size_t slice(size_t whole, uint64_t messages_held)
{
    size_t most = SN_VERIFY_BUDGET / messages_held & ~(uint64_t)63;
    most = most < 64 ? 64 : most;
    return whole < most ? whole : most;
}

uint64_t sn_stream_model_memory(const struct sn_case *c, unsigned n, unsigned places,
                                uint64_t window)
{
    uint64_t endpoints = c->bench->endpoints(c), ranks = (uint64_t)c->env->world->size,
             on_one = (endpoints + ranks - 1) / ranks, held = endpoints * places + n;
    uint64_t message = slice(SIZE_MAX, held * window);
    return held * window * message / endpoints * on_one + on_one * places * 64 + (16 << 20);
}

/* The endpoint whose rank issues the put or get, or sends. */
static unsigned actor(const struct sn_stream *s, const struct sn_flow *f)
{
    return s->op == SN_STREAM_GET ? f->to : f->from;
}

/* The endpoint in whose segment the passive end lies. */
static unsigned holder(const struct sn_stream *s, const struct sn_flow *f)
{
    return s->op == SN_STREAM_PUT ? f->to : f->from;
}

/* The endpoint whose rank holds the private end. */
static unsigned owner(const struct sn_stream *s, const struct sn_flow *f)
{
    return s->op == SN_STREAM_PUT ? f->from : f->to;
}

static bool mine(const struct sn_stream *s, unsigned endpoint)
{
    return sn_fabric_mine(&s->fabric, endpoint);
}

static size_t flow_bytes(const struct sn_stream *s)
{
    return s->size * s->window;
}

static size_t offset_of(const struct sn_stream *s, const struct sn_flow *f, size_t message)
{
    return f->place * flow_bytes(s) + message * s->size;
}

/* Numbers the flows of each holder; returns the most that one has. */
static unsigned place_flows(struct sn_stream *s, unsigned endpoints)
{
    unsigned *held = sn_calloc(endpoints, sizeof *held), most = 0;
    for (unsigned i = 0; i < s->n; i++) {
        s->flows[i].place = held[holder(s, &s->flows[i])]++;
        if (s->flows[i].place + 1 > most)
            most = s->flows[i].place + 1;
    }
    free(held);
    return most;
}

/* Blocking sends between ranks that also receive, or within a rank, would wait for ever. */
static int check_sends(const struct sn_stream *s)
{
    const int *rank_of = s->fabric.endpoints.rank_of;
    for (unsigned i = 0; i < s->n; i++)
        if (rank_of[s->flows[i].from] == rank_of[s->flows[i].to])
            return SN_FAIL(
                SN_EINVAL,
                "op=send needs its endpoints on different ranks, %u and %u are on rank %d",
                s->flows[i].from, s->flows[i].to, rank_of[s->flows[i].to]);
    return SN_OK;
}

int sn_stream_open(struct sn_stream *s, const struct sn_case *c, enum sn_stream_op op,
                   const struct sn_flow *flows, unsigned n, size_t size, size_t window)
{
    unsigned endpoints = sn_on_model(c) ? c->bench->endpoints(c) : (unsigned)c->env->world->size;
    *s = (struct sn_stream){.op = op, .n = n, .size = size, .window = window, .whole = size};
    s->flows = sn_calloc(n, sizeof *s->flows);
    memcpy(s->flows, flows, n * sizeof *flows);
    s->own = sn_calloc(n, sizeof *s->own);
    unsigned places = place_flows(s, endpoints);
    if (sn_on_model(c)) {
        uint64_t messages = (uint64_t)n * window;
        s->whole =
            sn_payload_bytes(c, size, size > UINT64_MAX / messages ? UINT64_MAX : size * messages);
        s->size = slice(s->whole, ((uint64_t)endpoints * places + n) * window);
    }
    int status = sn_fabric_open(&s->fabric, c, endpoints, places * flow_bytes(s), places);
    if (status == SN_OK && op == SN_STREAM_SEND)
        status = check_sends(s);
    for (unsigned i = 0; i < n && status == SN_OK; i++)
        if (mine(s, owner(s, &s->flows[i])))
            status = sn_mem_alloc((void **)&s->own[i], flow_bytes(s));
    return status;
}

void sn_stream_close(struct sn_stream *s)
{
    sn_fabric_close(&s->fabric);
    for (unsigned i = 0; s->own && i < s->n; i++)
        sn_mem_free(s->own[i]);
    free(s->own);
    free(s->flows);
    *s = (struct sn_stream){0};
}

/* Message m of flow i, as far as this rank takes part. */
static int message(struct sn_stream *s, unsigned i, size_t m)
{
    const struct sn_transport *t = s->fabric.transport;
    struct sn_link *l = s->fabric.link;
    const struct sn_flow *f = &s->flows[i];
    size_t at = m * s->size, remote = offset_of(s, f, m);
    switch (s->op) {
    case SN_STREAM_PUT:
        return mine(s, f->from) ? t->put(l, f->from, f->to, remote, s->own[i] + at, s->size)
                                : SN_OK;
    case SN_STREAM_GET:
        return mine(s, f->to) ? t->get(l, f->to, f->from, remote, s->own[i] + at, s->size) : SN_OK;
    case SN_STREAM_SEND:
        if (mine(s, f->from))
            return t->send(l, f->from, f->to, (char *)t->local(l, f->from) + remote, s->size);
        return mine(s, f->to) ? t->recv(l, f->to, f->from, s->own[i] + at, s->size) : SN_OK;
    }
    return SN_OK;
}

static int one_window(struct sn_stream *s)
{
    int status = SN_OK;
    for (size_t m = 0; m < s->window; m++)
        for (unsigned i = 0; i < s->n && status == SN_OK; i++)
            status = message(s, i, m);
    if (s->op != SN_STREAM_PUT)
        return status;
    for (unsigned i = 0; i < s->n && status == SN_OK; i++)
        if (mine(s, s->flows[i].from))
            status = s->fabric.transport->flush(s->fabric.link, s->flows[i].from);
    return status;
}

/* Two-sided transports: a passive rank serves until everyone who acts on it has ended. */
static int close_flows(struct sn_stream *s)
{
    const struct sn_transport *t = s->fabric.transport;
    int status = SN_OK;
    s->closed++;
    for (unsigned i = 0; i < s->n && status == SN_OK; i++) {
        const struct sn_flow *f = &s->flows[i];
        if (mine(s, actor(s, f)))
            status = t->notify(s->fabric.link, actor(s, f), holder(s, f), f->place, s->closed);
    }
    for (unsigned i = 0; i < s->n && status == SN_OK; i++) {
        const struct sn_flow *f = &s->flows[i];
        if (mine(s, holder(s, f)))
            status = t->wait(s->fabric.link, holder(s, f), f->place, s->closed);
    }
    return status;
}

int sn_stream_run(struct sn_stream *s, unsigned batch)
{
    int status = SN_OK;
    int64_t start = sn_clock_ns();
    for (unsigned b = 0; b < batch && status == SN_OK; b++)
        status = one_window(s);
    s->busy_ns += sn_clock_ns() - start;
    s->operations += batch;
    if (status == SN_OK && s->op != SN_STREAM_SEND && s->fabric.transport->needs_target)
        status = close_flows(s);
    return status;
}

/* --- verification ---------------------------------------------------------------------------- */

static uint64_t key_of(const struct sn_stream *s, const struct sn_message *m)
{
    return sn_pattern_key(s->fabric.env->seed, s->fabric.round, m);
}

static struct sn_message message_of(const struct sn_flow *f, size_t m)
{
    return (struct sn_message){.from = f->from, .to = f->to, .item = m};
}

/* The two ends of flow i on this rank, NULL where another holds it. */
static char *source(const struct sn_stream *s, unsigned i)
{
    const struct sn_flow *f = &s->flows[i];
    const struct sn_fabric *b = &s->fabric;
    if (!mine(s, f->from))
        return NULL;
    return s->op == SN_STREAM_PUT
               ? s->own[i]
               : (char *)b->transport->local(b->link, f->from) + offset_of(s, f, 0);
}

static char *destination(const struct sn_stream *s, unsigned i)
{
    const struct sn_flow *f = &s->flows[i];
    const struct sn_fabric *b = &s->fabric;
    if (!mine(s, f->to))
        return NULL;
    return s->op == SN_STREAM_PUT ? (char *)b->transport->local(b->link, f->to) + offset_of(s, f, 0)
                                  : s->own[i];
}

static void fill_and_clear(struct sn_stream *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        char *from = source(s, i), *to = destination(s, i);
        for (size_t m = 0; from && m < s->window; m++) {
            struct sn_message what = message_of(&s->flows[i], m);
            sn_pattern_fill(from + m * s->size, s->size, key_of(s, &what));
        }
        if (to)
            memset(to, 0, flow_bytes(s));
    }
}

static void compare(struct sn_stream *s, struct sn_check *k)
{
    enum sn_mutation how = s->fabric.env->mutate;
    for (unsigned i = 0; i < s->n; i++) {
        char *to = destination(s, i);
        for (size_t m = 0; to && m < s->window; m++) {
            struct sn_message what = message_of(&s->flows[i], m),
                              wrong = {.from = what.from + 1, .to = what.to, .item = m};
            if (how != SN_MUTATE_NONE) {
                sn_pattern_mutate(how, to + m * s->size, s->size, key_of(s, &wrong));
                how = SN_MUTATE_NONE; /* one message a rank */
            }
            sn_pattern_check(k, to + m * s->size, s->size, key_of(s, &what), &what);
        }
    }
}

static int verify_once(struct sn_stream *s, struct sn_case *c, struct sn_check *k)
{
    uint64_t expected[SN_TIERS] = {0};
    for (unsigned i = 0; i < s->n; i++)
        expected[sn_endpoints_tier(&s->fabric.endpoints, s->flows[i].from, s->flows[i].to)] +=
            c->batch * flow_bytes(s);
    s->fabric.round++;
    fill_and_clear(s);
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_begin(&s->fabric);
    int status = sn_stream_run(s, c->batch);
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_check(&s->fabric, k, status, expected);
    if (status == SN_OK)
        compare(s, k);
    return status;
}

int sn_stream_verify(struct sn_stream *s, struct sn_case *c, struct sn_check *k)
{
    k->what = "every byte with the pattern of its source, destination, message and round; bytes "
              "moved per tier with window times size of each flow";
    size_t size = s->size;
    int status = SN_OK;
    for (size_t at = 0; at < s->whole && status == SN_OK; at += size) {
        s->size = size < s->whole - at ? size : s->whole - at;
        status = verify_once(s, c, k);
    }
    s->size = size;
    return status;
}

double sn_stream_fairness(const struct sn_stream *s)
{
    double rate = s->busy_ns ? (double)s->operations * 1e9 / (double)s->busy_ns : 0;
    int ranks = s->fabric.endpoints.ranks;
    double *rates = sn_calloc((size_t)ranks, sizeof *rates), sum = 0, squares = 0;
    MPI_Allgather(&rate, 1, MPI_DOUBLE, rates, 1, MPI_DOUBLE, s->fabric.env->world->comm);
    for (unsigned i = 0; i < s->n; i++) {
        double x = rates[s->fabric.endpoints.rank_of[actor(s, &s->flows[i])]];
        sum += x;
        squares += x * x;
    }
    free(rates);
    return squares > 0 ? sum * sum / (s->n * squares) : 1;
}
