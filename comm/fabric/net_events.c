/* Traffic with `after`: a queue of head arrivals, earliest first (then by stage, source, index), in
 * a binary heap. A FIFO sees its messages in the order of their arrival, so each can be served when
 * its event comes; a delivery makes those that wait for it ready. Cost O(n stages log n). */
#include <stdlib.h>

#include "comm/fabric/net_impl.h"
#include "harness/base/status.h"

struct event {
    int64_t at;
    uint32_t order; /* source; 0 at the issuer, where the index decides */
    uint32_t index;
    uint32_t stage;
};

struct turn;
struct queue {
    struct event *heap;
    size_t n;
    uint32_t *first, *next; /* messages that wait for this one; chain of those that wait */
    int64_t *release;       /* no schedule makes it ready earlier */
    struct turn *turns;     /* of messages in turn, or NULL: there are none */
};

/* A message of an issuer that sends in turn. It waits for its `after` and for the one before. */
struct turn {
    uint32_t next;  /* in turn, of the same issuer */
    uint32_t waits; /* for so many */
    int64_t at;     /* not ready before */
};

static inline bool sooner(const struct event *a, const struct event *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    if (a->stage != b->stage)
        return a->stage < b->stage;
    return a->order != b->order ? a->order < b->order : a->index < b->index;
}

static void sift_down(struct queue *q, size_t i)
{
    struct event x = q->heap[i];
    for (size_t kid; (kid = 2 * i + 1) < q->n; i = kid) {
        kid += kid + 1 < q->n && sooner(&q->heap[kid + 1], &q->heap[kid]);
        if (!sooner(&q->heap[kid], &x))
            break;
        q->heap[i] = q->heap[kid];
    }
    q->heap[i] = x;
}

static void push(struct queue *q, struct event e)
{
    size_t i = q->n++;
    for (; i && sooner(&e, &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
        q->heap[i] = q->heap[(i - 1) / 2];
    q->heap[i] = e;
}

static inline bool in_turn(const struct sn_msg *m)
{
    return m->after != SN_MSG_NONE && m->flags & SN_MSG_IN_TURN;
}

/* The messages behind a ready one that waited for nothing else are ready as well, at that time or
 * later. */
static void set_ready(struct queue *q, uint32_t index, int64_t at)
{
    push(q, (struct event){.at = at, .index = index});
    for (uint32_t i; q->turns && (i = q->turns[index].next) != SN_MSG_NONE; index = i) {
        struct turn *t = &q->turns[i];
        t->at = at = t->at > at ? t->at : at;
        if (--t->waits)
            return;
        push(q, (struct event){.at = at, .index = i});
    }
}

static void deliver(const struct sn_net_call *c, struct queue *q, uint32_t index)
{
    int64_t now = c->msgs[index].done_ps;
    for (uint32_t i = q->first[index]; i != SN_MSG_NONE; i = q->next[i]) {
        if (!in_turn(&c->msgs[i])) {
            set_ready(q, i, now + c->msgs[i].issue_ps);
            continue;
        }
        struct turn *t = &q->turns[i];
        t->at = t->at > now ? t->at : now;
        if (!--t->waits)
            set_ready(q, i, t->at);
    }
}

/* Links each message in turn to the one before it of its issuer. */
static int open_turns(const struct sn_net_call *c, struct queue *q)
{
    size_t i = 0;
    while (i < c->n && !in_turn(&c->msgs[i]))
        i++;
    if (i == c->n)
        return SN_OK;
    uint32_t *last = malloc(c->net->endpoints * sizeof *last);
    q->turns = malloc(c->n * sizeof *q->turns);
    if (!last || !q->turns) {
        free(last);
        return SN_FAIL(SN_ENOMEM, "no memory for the turns of %zu messages", c->n);
    }
    for (i = 0; i < c->net->endpoints; i++)
        last[i] = SN_MSG_NONE;
    for (i = 0; i < c->n; i++) {
        const struct sn_msg *m = &c->msgs[i];
        uint32_t issuer = m->flags & SN_MSG_READ ? m->dst : m->src, before = last[issuer];
        bool waits = in_turn(m) && before != SN_MSG_NONE;
        q->turns[i] = (struct turn){.next = SN_MSG_NONE, .waits = 1 + waits, .at = m->issue_ps};
        if (waits)
            q->turns[before].next = (uint32_t)i;
        last[issuer] = (uint32_t)i;
    }
    free(last);
    return SN_OK;
}

/* The event on top: serves it at its stage and puts its next arrival in its place. */
static void step(const struct sn_net_call *c, struct queue *q)
{
    struct event e = q->heap[0];
    struct sn_msg *m = &c->msgs[e.index];
    struct sn_way w;
    struct sn_hop h;
    bool over = false;
    if (m->src == m->dst) {
        m->done_ps = e.at + sn_net_self_ps(c, m);
        over = true;
    } else {
        sn_way_find(c, m, e.index, &w);
        sn_way_hop(c, m, &w, (enum sn_stage)e.stage, &h);
        if (h.fifo != SN_FIFO_NONE) {
            struct sn_fifo *f = sn_fifo_get(c->net, h.fifo);
            sn_fifo_account(f, c, m, &w, (enum sn_stage)e.stage, q->release[e.index]);
            if (e.stage == SN_STAGE_ISSUE)
                sn_fifo_issue(f, &h, w.read, c->overhead, &e.at, &m->done_ps);
            else
                sn_fifo_serve(f, &h, &e.at, &m->done_ps);
        }
        over = e.stage == SN_STAGE_EJECT;
    }
    if (over) {
        q->heap[0] = q->heap[--q->n];
        if (q->n)
            sift_down(q, 0);
        deliver(c, q, e.index);
        return;
    }
    do { /* the next stage with a FIFO, or the end */
        e.stage++;
        sn_way_hop(c, m, &w, (enum sn_stage)e.stage, &h);
        e.at += h.gap;
        m->done_ps += h.gap;
    } while (h.fifo == SN_FIFO_NONE && e.stage != SN_STAGE_EJECT);
    e.order = m->src;
    q->heap[0] = e;
    sift_down(q, 0);
}

static void set_release(const struct sn_net_call *c, int64_t *release)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct sn_msg *m = &c->msgs[i], *a;
        release[i] = m->issue_ps;
        if (m->after == SN_MSG_NONE)
            continue;
        a = &c->msgs[m->after];
        const struct sn_net_path *p = &c->net->path[sn_net_path(c->net, a->src, a->dst)];
        int64_t delivered = release[m->after] + (a->src == a->dst         ? 0
                                                 : a->flags & SN_MSG_READ ? p->request + p->data
                                                                          : p->latency);
        if (!in_turn(m))
            release[i] += delivered;
        else if (release[i] < delivered)
            release[i] = delivered;
    }
}

int sn_net_run_events(struct sn_net_call *c)
{
    size_t n = c->n ? c->n : 1;
    struct queue q = {.heap = malloc(n * sizeof *q.heap),
                      .first = malloc(n * sizeof *q.first),
                      .next = malloc(n * sizeof *q.next),
                      .release = malloc(n * sizeof *q.release)};
    int s = 0;
    if (!q.heap || !q.first || !q.next || !q.release) {
        s = SN_FAIL(SN_ENOMEM, "no memory for the events of %zu messages", c->n);
        goto out;
    }
    if ((s = open_turns(c, &q)))
        goto out;
    set_release(c, q.release);
    for (size_t i = 0; i < c->n; i++)
        q.first[i] = SN_MSG_NONE;
    for (size_t i = c->n; i-- > 0;) {
        uint32_t a = c->msgs[i].after;
        if (a == SN_MSG_NONE)
            continue;
        q.next[i] = q.first[a];
        q.first[a] = (uint32_t)i;
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->msgs[i].after == SN_MSG_NONE)
            set_ready(&q, (uint32_t)i, c->msgs[i].issue_ps);
    while (q.n)
        step(c, &q);
out:
    free(q.heap);
    free(q.first);
    free(q.next);
    free(q.release);
    free(q.turns);
    return s;
}
