/* Traffic without `after`, stage by stage: every message passes the stages in the same order and
 * nothing comes back, so a stage's FIFOs can be served once all their messages are there.
 *
 * Per stage: the messages move into the FIFOs' buckets (counted as the stage before served them),
 * each bucket is sorted by arrival, then served. Cost O(n log n); memory 24 bytes a message (two
 * arrays of entries), with the last byte's time kept in done_ps. */
#include <string.h>

#include "comm/fabric/net_impl.h"

enum { AHEAD = 12 }; /* messages fetched before their turn: they lie far apart in memory */

/* The buckets of a stage: its FIFOs, and one more for messages that have none there. */
struct buckets {
    uint32_t *counts; /* then where each starts, then where it ends */
    uint32_t n;
    enum sn_stage stage; /* SN_STAGES: behind the last */
};

static struct buckets open_buckets(const struct sn_net_call *c, int stage, uint32_t *memory)
{
    struct buckets b = {.counts = memory, .stage = (enum sn_stage)stage};
    if (stage < SN_STAGES)
        b.n = c->net->base[stage + 1] - c->net->base[stage];
    memset(memory, 0, (b.n + 1) * sizeof *memory);
    return b;
}

static inline uint32_t bucket_of(const struct sn_net_call *c, uint32_t fifo,
                                 const struct buckets *b)
{
    return fifo == SN_FIFO_NONE ? b->n : fifo - c->net->base[b->stage];
}

/* Counts a message for the next stage and moves its times there. */
static inline void expect(const struct sn_net_call *c, struct buckets *next, const struct sn_way *w,
                          struct sn_msg *m, int64_t *at)
{
    if (next->stage == SN_STAGES)
        return;
    int64_t gap = sn_way_gap(c, w, next->stage);
    next->counts[bucket_of(c, sn_way_fifo(c, m, w, next->stage), next)]++;
    *at += gap;
    m->done_ps += gap;
}

static void scatter(const struct sn_net_call *c, struct buckets *b, const struct sn_entry *from,
                    struct sn_entry *to, size_t n)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= b->n; i++) {
        uint32_t count = b->counts[i];
        b->counts[i] = sum;
        sum += count;
    }
    struct sn_way w;
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(&c->msgs[from[i + AHEAD].index]);
        const struct sn_msg *m = &c->msgs[from[i].index];
        sn_way_find(c, m, from[i].index, &w);
        to[b->counts[bucket_of(c, sn_way_fifo(c, m, &w, b->stage), b)]++] = from[i];
    }
}

/* The entries of one FIFO in order, or those that have none at this stage (fifo = NONE). */
static void serve(struct sn_net_call *c, enum sn_stage stage, uint32_t fifo, struct sn_entry *e,
                  size_t n, struct buckets *next)
{
    struct sn_way w;
    struct sn_hop h;
    struct sn_fifo *f = fifo == SN_FIFO_NONE ? NULL : sn_fifo_get(c->net, fifo);
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(&c->msgs[e[i + AHEAD].index], 1);
        struct sn_msg *m = &c->msgs[e[i].index];
        int64_t at = e[i].at;
        sn_way_find(c, m, e[i].index, &w);
        if (f) {
            sn_way_hop(c, m, &w, stage, &h);
            sn_fifo_account(f, c, m, &w, stage, m->issue_ps);
            if (stage == SN_STAGE_ISSUE)
                sn_fifo_issue(f, &h, w.read, c->overhead, &at, &m->done_ps);
            else
                sn_fifo_serve(f, &h, &at, &m->done_ps);
        }
        expect(c, next, &w, m, &at);
        e[i].at = at;
    }
}

static int next_stage(const struct sn_net_call *c, int stage)
{
    do
        stage++;
    while (stage < SN_STAGES && !c->stages[stage]);
    return stage;
}

/* The messages at their issuers, counted; copies inside a die are done. */
static size_t start(struct sn_net_call *c, struct sn_entry *e, struct buckets *b)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct sn_msg *m = &c->msgs[i];
        struct sn_way w;
        m->done_ps = m->issue_ps;
        if (m->src == m->dst) {
            m->done_ps += sn_net_self_ps(c, m);
            continue;
        }
        int64_t at = m->issue_ps;
        sn_way_find(c, m, i, &w);
        expect(c, b, &w, m, &at);
        e[n++] = (struct sn_entry){at, (uint32_t)i};
    }
    return n;
}

int sn_net_run_stages(struct sn_net_call *c)
{
    struct sn_net *net = c->net;
    struct sn_entry *now = net->scratch, *spare = now + net->scratch_n;
    uint32_t *memory[2] = {net->counts, net->counts + net->most_fifos + 1};
    struct buckets b = open_buckets(c, SN_STAGE_ISSUE, memory[0]);
    size_t n = start(c, now, &b);
    for (int turn = 1; b.stage < SN_STAGES; turn ^= 1) {
        struct buckets next = open_buckets(c, next_stage(c, (int)b.stage), memory[turn]);
        scatter(c, &b, now, spare, n);
        struct sn_entry *swap = now;
        now = spare;
        spare = swap;
        size_t from = 0;
        for (uint32_t i = 0; i <= b.n; i++) {
            size_t end = b.counts[i];
            uint32_t fifo = i < b.n ? net->base[b.stage] + i : SN_FIFO_NONE;
            if (end == from)
                continue;
            if (i < b.n)
                sn_entry_sort(now + from, end - from, spare, c->msgs, b.stage != SN_STAGE_ISSUE);
            serve(c, b.stage, fifo, now + from, end - from, &next);
            from = end;
        }
        b = next;
    }
    return 0;
}
