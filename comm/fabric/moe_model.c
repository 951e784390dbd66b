/* The time of a leg, part by part (comm/fabric/moe_model.h). */
#include "comm/fabric/moe_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fabric/moe_messages.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { COUNT_BYTES = 4 };

const char *const sn_moe_sync_words[] = {
    [SN_MOE_SYNC_MEAN] = "mean", [SN_MOE_SYNC_LINEAR] = "linear", [SN_MOE_SYNC_LOG] = "log", NULL};

const char *const sn_moe_part_words[] = {[SN_MOE_LAUNCH] = "launch",
                                         [SN_MOE_SKEW] = "skew",
                                         [SN_MOE_QUANTISE] = "quantise",
                                         [SN_MOE_COUNTS] = "counts",
                                         [SN_MOE_PACK] = "pack",
                                         [SN_MOE_INJECT] = "inject",
                                         [SN_MOE_QUEUE] = "queue",
                                         [SN_MOE_LATENCY] = "latency",
                                         [SN_MOE_FLAGS] = "flags",
                                         [SN_MOE_REDUCE] = "reduce",
                                         NULL};

struct used { /* of an endpoint's paths in one direction */
    uint64_t bytes[SN_PATHS];
    bool any[SN_PATHS];
};

/* A die's messages of a leg, at most: with hier every copy may be a record and a copy passed on. */
static size_t most_messages(size_t per_die)
{
    return 2 * per_die;
}

uint64_t sn_moe_model_memory(const struct sn_moe_shape *s, enum sn_moe_schedule schedule)
{
    enum { SORT = 24, EVENTS = 40, MESSAGE = sizeof(struct sn_msg) }; /* bytes a message: net.h */
    const bool nodes = schedule == SN_MOE_NODES;
    const uint64_t per_die = (uint64_t)s->tokens * (s->topk + (s->shared > 0));
    const uint64_t pairs = (uint64_t)s->dies * s->dies, copies = s->dies * per_die;
    const uint64_t room = s->dies * most_messages(per_die), all = room > pairs ? room : pairs;
    uint64_t sent = nodes ? room : copies > pairs ? copies : pairs;
    uint64_t few = copies; /* where one die's experts answer all */
    uint64_t last = nodes ? pairs * sizeof(uint32_t) : 0;
    return sn_moe_draw_memory(s) + all * MESSAGE + sent * (SORT + (nodes ? EVENTS : 0)) +
           few * MESSAGE + last + 2 * s->dies * sizeof(struct used);
}

void sn_moe_model_close(struct sn_moe_model *m)
{
    free(m->msgs);
    free(m->few);
    free(m->ready_ps);
    free(m->turn);
    m->turn = NULL;
    m->msgs = m->few = NULL;
    m->ready_ps = NULL;
    m->cap = m->few_cap = m->n = 0;
}

static int reserve(struct sn_moe_model *m)
{
    size_t dies = m->draw->dies, all = dies * most_messages(m->draw->per_die);
    all = all > dies * dies ? all : dies * dies; /* the counts of pairwise */
    if (m->cap >= all)
        return SN_OK;
    sn_moe_model_close(m);
    m->msgs = malloc(all * sizeof *m->msgs);
    m->ready_ps = malloc(dies * sizeof *m->ready_ps);
    if (!m->msgs || !m->ready_ps) {
        sn_moe_model_close(m);
        return SN_FAIL(SN_ENOMEM, "no memory for %zu messages of the model", all);
    }
    m->cap = all;
    return SN_OK;
}

/* --- costs that are no messages ----------------------------------------------------------------
 */

static int64_t memory_ps(const struct sn_moe_model *m, double bytes)
{
    const struct sn_figure *f = &m->profile->cost.memory;
    return f->class == SN_FIGURE_NONE ? 0 : sn_ps(bytes / f->value);
}

static int64_t quantise_ps(const struct sn_moe_model *m)
{
    const struct sn_moe_shape *s = &m->moe->shape;
    return s->dtype == SN_DTYPE_BF16 ? 0 : memory_ps(m, (double)s->tokens * s->hidden * (2 + 1));
}

static int64_t pack_ps(const struct sn_moe_model *m)
{
    return memory_ps(m, 2.0 * (double)(m->draw->per_die * m->moe->copy_bytes));
}

static bool by_pairs(const struct sn_moe_model *m)
{
    return m->schedule == SN_MOE_COUNTS_THEN_PAIRS || m->schedule == SN_MOE_COUNTS_AND_PAIRS;
}

static int64_t reduce_ps(const struct sn_moe_model *m)
{
    double token = (double)m->draw->k * (double)m->moe->answer_bytes;
    return memory_ps(m, by_pairs(m) ? token * m->moe->shape.tokens : token);
}

static unsigned ceil_log2(unsigned n)
{
    unsigned steps = 0;
    while (1ul << steps < n)
        steps++;
    return steps;
}

static void add_flags(const struct sn_moe_model *m, unsigned peers, struct sn_moe_time *t)
{
    const struct sn_profile *p = m->profile;
    t->linear_ps += sn_ps(sn_figure_or(&p->cost.flag, 0) * (peers - 1));
    double s = sn_figure_or(&p->cost.sync_base, 0) +
               sn_figure_or(&p->cost.sync_step, 0) * ceil_log2(peers);
    t->log_ps += s > 0 && peers > 1 ? sn_ps(s) : 0;
}

static void flags(const struct sn_moe_model *m, enum sn_moe_leg leg, struct sn_moe_time *t)
{
    unsigned dies = m->draw->dies;
    if (!by_pairs(m))
        add_flags(m, dies, t);
    if (m->schedule == SN_MOE_NODES && leg == SN_MOE_DISPATCH)
        add_flags(m, (dies + m->dies_per_node - 1) / m->dies_per_node, t);
    t->part_ps[SN_MOE_FLAGS] = m->sync == SN_MOE_SYNC_LINEAR ? t->linear_ps
                               : m->sync == SN_MOE_SYNC_LOG  ? t->log_ps
                                                             : (t->linear_ps + t->log_ps) / 2;
}

/* --- counts ------------------------------------------------------------------------------------
 */

/* Runs the counts that lie in msgs; ready_ps grows to when the last one came. */
static int run_counts(struct sn_moe_model *m, int64_t issue_ps)
{
    struct sn_net_result r;
    int status = sn_net_run(m->net, m->msgs, m->n, issue_ps, &r);
    for (size_t i = 0; i < m->n && !status; i++) {
        int64_t *ready = &m->ready_ps[m->msgs[i].dst];
        *ready = m->msgs[i].done_ps > *ready ? m->msgs[i].done_ps : *ready;
    }
    return status;
}

/* ceil(log2 P) steps, each after what came in the one before. */
static int counts_by_steps(struct sn_moe_model *m, int64_t issue_ps)
{
    unsigned dies = m->draw->dies;
    int status = SN_OK;
    for (unsigned distance = 1; distance < dies && !status; distance *= 2) {
        uint64_t blocks = 0; /* whose way has this step in it */
        for (unsigned b = 0; b < dies; b++)
            blocks += (b & distance) != 0;
        sn_moe_messages_counts(m, distance, COUNT_BYTES * blocks, issue_ps);
        status = run_counts(m, issue_ps);
    }
    return status;
}

static int counts_to_all(struct sn_moe_model *m, int64_t issue_ps)
{
    sn_moe_messages_counts(m, 0, COUNT_BYTES, issue_ps);
    return run_counts(m, issue_ps);
}

/* When each die can send its first copy, after launch. */
static int get_ready(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps)
{
    unsigned dies = m->draw->dies;
    int64_t quantise = leg == SN_MOE_DISPATCH ? quantise_ps(m) : 0;
    bool counts = leg == SN_MOE_DISPATCH && by_pairs(m);
    int64_t pack = counts ? quantise + pack_ps(m) : quantise;
    for (unsigned d = 0; d < dies; d++)
        m->ready_ps[d] = m->late_ps ? m->late_ps[d] : 0;
    int status = SN_OK;
    if (counts && m->schedule == SN_MOE_COUNTS_THEN_PAIRS)
        status = counts_by_steps(m, issue_ps);
    else if (counts)
        status = counts_to_all(m, issue_ps);
    for (unsigned d = 0; d < dies; d++) {
        int64_t packed = pack + (m->late_ps ? m->late_ps[d] : 0);
        if (counts && m->schedule == SN_MOE_COUNTS_AND_PAIRS)
            m->ready_ps[d] = m->ready_ps[d] > packed ? m->ready_ps[d] : packed;
        else
            m->ready_ps[d] += pack;
    }
    return status;
}

/* --- the parts of the last message's time -------------------------------------------------------
 */

/* When the last of few[0..n) is delivered with nothing else in the network. */
static int alone(struct sn_moe_model *m, size_t n, int64_t overhead_ps, int64_t *done_ps)
{
    struct sn_net_result r;
    int status = sn_net_run(m->net, m->few, n, overhead_ps, &r);
    *done_ps = m->few[n - 1].done_ps;
    return status;
}

/* Copies n messages from `first` on to `few`. A popular expert's die answers with far more than it
 * sends. */
static void take(struct sn_moe_model *m, size_t first, size_t n)
{
    if (m->few_cap < n) {
        m->few = sn_realloc(m->few, n, sizeof *m->few);
        m->few_cap = n;
    }
    memcpy(m->few, m->msgs + first, n * sizeof *m->few);
}

/* Message `index` by itself, issued at 0; its latency: without bytes and overhead. */
static int one(struct sn_moe_model *m, size_t index, int64_t issue_ps, int64_t *done_ps,
               int64_t *latency_ps)
{
    take(m, index, 1);
    m->few[0].issue_ps = 0;
    m->few[0].after = SN_MSG_NONE;
    int status = alone(m, 1, issue_ps, done_ps);
    m->few[0].bytes = 0;
    return status ? status : alone(m, 1, 0, latency_ps);
}

static int split(struct sn_moe_model *m, enum sn_moe_leg leg, const struct sn_net_result *r,
                 int64_t issue_ps, struct sn_moe_time *t)
{
    size_t root = r->last;
    int64_t done, latency, inject = 0, way = 0;
    int status = SN_OK;
    while (m->msgs[root].after != SN_MSG_NONE && !status) {
        status = one(m, root, issue_ps, &done, &latency);
        inject += done - latency;
        way += latency;
        root = m->msgs[root].after;
    }
    uint32_t src = m->msgs[root].src;
    status = status ? status : one(m, root, issue_ps, &done, &latency);
    size_t first = root;
    while (first > 0 && m->msgs[first - 1].src == src && m->msgs[first - 1].after == SN_MSG_NONE)
        first--;
    take(m, first, root - first + 1);
    status = status ? status : alone(m, root - first + 1, issue_ps, &done);
    if (status)
        return status;
    int64_t late = m->late_ps ? m->late_ps[src] : 0, ready = m->ready_ps[src];
    bool counts = leg == SN_MOE_DISPATCH && by_pairs(m);
    inject += done - ready - latency;
    way += latency;
    /* Where a hash spreads messages, the sender's own may take other ways when they are alone. */
    inject = inject < r->end_ps - ready - way ? inject : r->end_ps - ready - way;
    t->part_ps[SN_MOE_SKEW] = late;
    t->part_ps[SN_MOE_QUANTISE] = leg == SN_MOE_DISPATCH ? quantise_ps(m) : 0;
    t->part_ps[SN_MOE_PACK] = counts ? pack_ps(m) : 0;
    t->part_ps[SN_MOE_COUNTS] =
        ready - late - t->part_ps[SN_MOE_QUANTISE] - t->part_ps[SN_MOE_PACK];
    t->part_ps[SN_MOE_INJECT] = inject;
    t->part_ps[SN_MOE_LATENCY] = way;
    t->part_ps[SN_MOE_QUEUE] = r->end_ps - ready - inject - way;
    return SN_OK;
}

/* The network's time as one part. */
static void lump(const struct sn_moe_model *m, enum sn_moe_leg leg, const struct sn_net_result *r,
                 struct sn_moe_time *t)
{
    t->part_ps[SN_MOE_QUANTISE] = leg == SN_MOE_DISPATCH ? quantise_ps(m) : 0;
    t->part_ps[SN_MOE_INJECT] = r->end_ps - t->part_ps[SN_MOE_QUANTISE];
}

/* Pairs carry several copies each. */
static void count_bytes(const struct sn_moe_model *m, enum sn_moe_leg leg, struct sn_moe_time *t)
{
    for (size_t i = 0; i < m->n; i++) {
        bool own = m->msgs[i].src == m->msgs[i].dst;
        *(own ? &t->local_bytes : &t->wire_bytes) += m->msgs[i].bytes;
        t->wire_copies += !own;
    }
    if (leg == SN_MOE_COMBINE)
        t->wire_copies = 0;
    else if (by_pairs(m))
        t->wire_copies = t->wire_bytes / m->moe->copy_bytes;
}

/* --- the bound ----------------------------------------------------------------------------------
 */

/* Bytes and least latency of port `port` at dies [first, end) in one direction. */
static void look_at(const struct sn_moe_model *m, const struct used *u, unsigned first,
                    unsigned end, int port, struct sn_moe_time *t)
{
    const struct sn_profile *p = m->profile;
    uint64_t bytes = 0, rate = (uint64_t)(p->ports[port].bandwidth.value + 1);
    double latency = INFINITY;
    for (unsigned d = first; d < end; d++)
        for (int path = SN_PATH_SELF + 1; path < SN_PATHS; path++)
            if (u[d].any[path] && p->paths[path].port == port) {
                bytes += u[d].bytes[path];
                latency = fmin(latency, sn_figure_or(&p->paths[path].latency, 0));
            }
    if (isinf(latency))
        return;
    int64_t least = (int64_t)((unsigned __int128)bytes * 1000000000000u / rate) + sn_ps(latency);
    if (least <= t->bound_ps)
        return;
    t->bound_ps = least;
    t->bound_bytes = bytes;
}

/* Over all ports, of a die or of a node, in both directions. The engine's own bound counts from
 * when a port's messages are issued, which is a cost of software. */
static void find_bound(const struct sn_moe_model *m, struct sn_moe_time *t)
{
    unsigned dies = m->draw->dies;
    struct used *out = sn_calloc(2 * (size_t)dies, sizeof *out), *in = out + dies;
    for (size_t i = 0; i < m->n; i++) {
        const struct sn_msg *x = &m->msgs[i];
        enum sn_path path = sn_net_path(m->net, x->src, x->dst);
        out[x->src].bytes[path] += x->bytes;
        in[x->dst].bytes[path] += x->bytes;
        out[x->src].any[path] = in[x->dst].any[path] = true;
    }
    for (unsigned port = 0; port < m->profile->n_ports; port++) {
        unsigned step = m->profile->ports[port].per_node ? m->profile->dies_per_node : 1;
        for (unsigned d = 0; d < dies; d += step) {
            unsigned end = d + step < dies ? d + step : dies;
            look_at(m, out, d, end, (int)port, t);
            look_at(m, in, d, end, (int)port, t);
        }
    }
    free(out);
}

/* Copy by copy in a plain network, of which only the end is asked for. */
static bool run_copies(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps,
                       struct sn_net_result *r)
{
    unsigned dies = m->draw->dies;
    if (!m->brief || m->order == SN_ORDER_RANDOM || by_pairs(m) ||
        (m->schedule == SN_MOE_NODES && leg == SN_MOE_DISPATCH))
        return false;
    if (!m->turn) {
        m->turn = sn_calloc((size_t)dies * dies, sizeof *m->turn);
        for (unsigned d = 0; d < dies; d++)
            sn_moe_messages_turn(m, d, m->turn + (size_t)d * dies);
    }
    struct sn_net_copies copies = {.dies = dies,
                                   .count = m->draw->count,
                                   .back = leg == SN_MOE_COMBINE,
                                   .bytes = leg == SN_MOE_COMBINE ? m->moe->answer_bytes
                                                                  : m->moe->copy_bytes,
                                   .turn = m->turn,
                                   .ready_ps = m->ready_ps,
                                   .issue_ps = issue_ps};
    return sn_net_run_copies(m->net, &copies, &r->end_ps);
}

/* The messages of a leg through the network. */
static int run_messages(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps,
                        struct sn_net_result *r)
{
    if (by_pairs(m))
        sn_moe_messages_pairs(m, leg, issue_ps);
    else if (m->schedule == SN_MOE_NODES && leg == SN_MOE_DISPATCH)
        sn_moe_messages_nodes(m, issue_ps);
    else
        sn_moe_messages_copies(m, leg, issue_ps);
    return sn_net_run(m->net, m->msgs, m->n, issue_ps, r);
}

int sn_moe_model_leg(struct sn_moe_model *m, enum sn_moe_leg leg, struct sn_moe_time *out)
{
    int64_t issue_ps = sn_ps(sn_figure_or(&m->profile->cost.issue, 0));
    int64_t last_arrival = 0;
    struct sn_net_result r;
    *out = (struct sn_moe_time){0};
    int status = reserve(m);
    status = status ? status : get_ready(m, leg, issue_ps);
    if (status)
        return status;
    if (!run_copies(m, leg, issue_ps, &r))
        status = run_messages(m, leg, issue_ps, &r);
    if (!status && m->brief)
        lump(m, leg, &r, out);
    else if (!status)
        status = split(m, leg, &r, issue_ps, out);
    if (status)
        return status;
    out->part_ps[SN_MOE_LAUNCH] = sn_ps(sn_figure_or(&m->profile->cost.launch, 0));
    out->part_ps[SN_MOE_REDUCE] = leg == SN_MOE_COMBINE ? reduce_ps(m) : 0;
    flags(m, leg, out);
    for (unsigned i = 0; i < SN_MOE_PARTS; i++)
        out->total_ps += out->part_ps[i];
    if (m->brief)
        return SN_OK;
    count_bytes(m, leg, out);
    for (unsigned d = 0; d < m->draw->dies; d++) {
        int64_t late = m->late_ps ? m->late_ps[d] : 0;
        last_arrival = late > last_arrival ? late : last_arrival;
    }
    out->skew_free_ps = out->total_ps - last_arrival;
    find_bound(m, out);
    out->last_die = m->msgs[r.last].dst;
    snprintf(out->bottleneck, sizeof out->bottleneck, "%s", r.bottleneck);
    return SN_OK;
}
