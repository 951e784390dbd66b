/* Traffic without `after`, stage by stage: every message passes the stages in the same order and
 * nothing comes back, so a stage's FIFOs can be served once all their messages are there.
 *
 * Per stage: a counting sort of the messages into the FIFOs' buckets, each bucket sorted by
 * arrival, then served. Cost O(n log n); memory 24 bytes a message (two arrays of entries), with
 * the last byte's time kept in done_ps. */
#include <string.h>

#include "comm/fabric/net_impl.h"

/* Bucket of a message at a stage: its FIFO, or one more for those that have none there. */
static uint32_t bucket_of(const struct sn_net_call *c, const struct sn_hop *h, enum sn_stage stage)
{
    const uint32_t *base = c->net->base;
    return h->fifo == SN_FIFO_NONE ? base[stage + 1] - base[stage] : h->fifo - base[stage];
}

static void look(const struct sn_net_call *c, uint32_t index, enum sn_stage stage, struct sn_way *w,
                 struct sn_hop *h)
{
    sn_way_find(c, &c->msgs[index], index, w);
    sn_way_hop(c, &c->msgs[index], w, stage, h);
}

/* Moves entries into buckets; returns where each bucket ends in counts[bucket]. */
static void scatter(const struct sn_net_call *c, enum sn_stage stage, struct sn_entry *from,
                    struct sn_entry *to, size_t n)
{
    uint32_t *counts = c->net->counts;
    uint32_t buckets = c->net->base[stage + 1] - c->net->base[stage] + 1;
    memset(counts, 0, buckets * sizeof *counts);
    struct sn_way w;
    struct sn_hop h;
    for (size_t i = 0; i < n; i++) {
        look(c, from[i].index, stage, &w, &h);
        counts[bucket_of(c, &h, stage)]++;
        from[i].at += h.gap;
        c->msgs[from[i].index].done_ps += h.gap;
    }
    uint32_t sum = 0;
    for (uint32_t b = 0; b < buckets; b++) {
        uint32_t count = counts[b];
        counts[b] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++) {
        look(c, from[i].index, stage, &w, &h);
        to[counts[bucket_of(c, &h, stage)]++] = from[i];
    }
}

static void serve_bucket(const struct sn_net_call *c, enum sn_stage stage, struct sn_entry *e,
                         size_t n)
{
    struct sn_way w;
    struct sn_hop h;
    for (size_t i = 0; i < n; i++) {
        struct sn_msg *m = &c->msgs[e[i].index];
        look(c, e[i].index, stage, &w, &h);
        struct sn_fifo *f = sn_fifo_get(c->net, h.fifo);
        int64_t at = e[i].at;
        sn_fifo_account(f, c, m, &w, stage, m->issue_ps);
        if (stage == SN_STAGE_ISSUE)
            sn_fifo_issue(f, &h, w.read, c->overhead, &at, &m->done_ps);
        else
            sn_fifo_serve(f, &h, &at, &m->done_ps);
        e[i].at = at;
    }
}

int sn_net_run_stages(struct sn_net_call *c)
{
    struct sn_net *net = c->net;
    struct sn_entry *now = net->scratch, *next = now + net->scratch_n;
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct sn_msg *m = &c->msgs[i];
        if (m->src == m->dst)
            m->done_ps = m->issue_ps + sn_net_self_ps(c, m);
        else {
            m->done_ps = m->issue_ps;
            now[n++] = (struct sn_entry){m->issue_ps, (uint32_t)i};
        }
    }
    for (int s = 0; s < SN_STAGES; s++) {
        enum sn_stage stage = (enum sn_stage)s;
        if (!c->stages[s])
            continue;
        scatter(c, stage, now, next, n);
        struct sn_entry *swap = now;
        now = next;
        next = swap;
        size_t from = 0;
        for (uint32_t b = 0; b < net->base[s + 1] - net->base[s]; b++) {
            size_t end = net->counts[b];
            if (end == from)
                continue;
            sn_entry_sort(now + from, end - from, next, c->msgs, stage != SN_STAGE_ISSUE);
            serve_bucket(c, stage, now + from, end - from);
            from = end;
        }
    }
    return 0;
}
