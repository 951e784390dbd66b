/* One run of messages: checks them, picks the engine, and says what came out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fabric/net_impl.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static int bad_message(const struct sn_net_call *c, size_t i)
{
    const struct sn_msg *m = &c->msgs[i];
    unsigned ends = c->net->endpoints;
    if (m->src >= ends || m->dst >= ends)
        return SN_FAIL(SN_EINVAL, "message %zu: from %u to %u: endpoints are 0 to %u", i, m->src,
                       m->dst, ends - 1);
    if (m->after != SN_MSG_NONE && m->after >= i)
        return SN_FAIL(SN_EINVAL,
                       "message %zu: is after %u, which must be lower than its own index", i,
                       m->after);
    if (m->flags & ~(unsigned)(SN_MSG_READ | SN_MSG_IN_TURN))
        return SN_FAIL(SN_EINVAL, "message %zu: unknown flags 0x%x", i, m->flags);
    return SN_FAIL(SN_EINVAL, "message %zu: nothing passes from %u to %u: %s", i, m->src, m->dst,
                   sn_net_unreachable(c->net, m->src, m->dst));
}

static bool any_limited(const struct sn_net *net)
{
    return memchr(net->limited, 1, net->nodes) != NULL;
}

/* The clock holds 106 days; half of that is left for waiting. */
static int check_clock(const struct sn_net_call *c, double bytes, uint64_t slowest, int64_t latest)
{
    double ps = bytes * 1e12 / (double)slowest + (double)latest + (double)c->n * c->overhead;
    for (int i = 0; i < SN_PATHS; i++)
        ps += c->events ? (double)c->n * (c->net->path[i].request + c->net->path[i].latency) : 0;
    if (ps < 4e18)
        return SN_OK;
    return SN_FAIL(SN_EINVAL,
                   "%zu messages of %g bytes in all take more virtual time than the "
                   "clock holds (46 days)",
                   c->n, bytes);
}

static int grow(struct sn_net *net, size_t n)
{
    uint32_t fifos = net->base[SN_STAGES];
    if (!net->fifos) {
        net->fifos = calloc(fifos, sizeof *net->fifos);
        net->touched = malloc(fifos * sizeof *net->touched);
        net->counts = malloc(2 * ((size_t)net->most_fifos + 1) * sizeof *net->counts);
        if (!net->fifos || !net->touched || !net->counts)
            return SN_FAIL(SN_ENOMEM, "no memory for %u FIFOs", fifos);
    }
    if (net->scratch_n < n) {
        free(net->scratch);
        net->scratch_n = 0;
        net->scratch = malloc(2 * n * sizeof *net->scratch);
        if (!net->scratch)
            return SN_FAIL(SN_ENOMEM, "no memory for %zu messages", n);
        net->scratch_n = n;
    }
    return SN_OK;
}

int sn_net_call_open(struct sn_net_call *c, struct sn_net *net, struct sn_msg *msgs, size_t n,
                     int64_t overhead_ps)
{
    *c = (struct sn_net_call){.net = net, .msgs = msgs, .n = n, .overhead = overhead_ps};
    if (n >= UINT32_MAX)
        return SN_FAIL(SN_EINVAL, "%zu messages in one run: at most %u", n, UINT32_MAX - 1);
    if (overhead_ps < 0)
        return SN_FAIL(SN_EINVAL, "an overhead of %lld ps is negative", (long long)overhead_ps);
    bool reads = false, shared = false, used[SN_PATHS] = {0};
    int64_t latest = 0;
    uint64_t slowest = UINT64_MAX;
    double bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sn_msg *m = &msgs[i];
        if (m->src >= net->endpoints || m->dst >= net->endpoints ||
            (m->after != SN_MSG_NONE && m->after >= i) ||
            m->flags & ~(unsigned)(SN_MSG_READ | SN_MSG_IN_TURN))
            return bad_message(c, i);
        bytes += (double)m->bytes;
        latest = latest > m->issue_ps ? latest : m->issue_ps;
        c->events |= m->after != SN_MSG_NONE;
        enum sn_path path = sn_net_path(net, m->src, m->dst);
        used[path] = true;
        if (path == SN_PATH_SELF)
            continue;
        reads |= m->flags & SN_MSG_READ;
        struct sn_way w;
        uint64_t rate = net->path[path].rate[m->flags & SN_MSG_READ];
        if (net->die_lane || net->n_pairs) {
            if (!sn_way_find(c, m, i, &w))
                return bad_message(c, i);
            rate = w.src_rate < w.dst_rate ? w.src_rate : w.dst_rate;
            rate = w.flow_rate && w.flow_rate < rate ? w.flow_rate : rate;
            for (int s = SN_STAGE_UP; s <= SN_STAGE_DOWN; s++)
                rate = w.link_rate[s] && w.link_rate[s] < rate ? w.link_rate[s] : rate;
        } else if (net->path[path].port < 0 || !rate)
            return bad_message(c, i);
        slowest = slowest < rate ? slowest : rate;
    }
    uint64_t self = net->path[SN_PATH_SELF].bandwidth[0];
    slowest = used[SN_PATH_SELF] && self && self < slowest ? self : slowest;
    for (int i = 0; i < SN_PATHS; i++)
        shared |= used[i] && net->path[i].port >= 0 && net->path[i].per_node;
    bool links = net->hashed && net->p->planes;
    c->all_uplinks = !links && used[SN_PATH_CPU_REMOTE] && net->path[SN_PATH_CPU_REMOTE].planar;
    bool trunks = links || c->all_uplinks || any_limited(net);
    c->stages[SN_STAGE_ISSUE] = c->stages[SN_STAGE_EJECT] = true;
    c->stages[SN_STAGE_INJECT] = reads || shared; /* else an issuer never finds its port busy */
    c->stages[SN_STAGE_UP] = c->stages[SN_STAGE_DOWN] = links;
    c->stages[SN_STAGE_L1] = c->stages[SN_STAGE_L2] = trunks;
    int s = check_clock(c, bytes, slowest, latest);
    if (s || (s = grow(net, n)))
        return s;
    net->run++;
    net->n_touched = 0;
    return SN_OK;
}

int64_t sn_net_self_ps(const struct sn_net_call *c, const struct sn_msg *m)
{
    const struct sn_net_path *p = &c->net->path[SN_PATH_SELF];
    uint64_t rate = p->bandwidth[m->flags & SN_MSG_READ];
    int64_t copy = rate ? sn_service_ps(m->bytes, rate) : 0;
    return (copy > c->overhead ? copy : c->overhead) + p->latency;
}

/* Of FIFOs that are equally busy the first on a message's way is named; requests only when nothing
 * else is as busy. */
static unsigned rank(const struct sn_net *net, uint32_t fifo)
{
    enum sn_stage s = sn_net_stage(net, fifo);
    return s == SN_STAGE_ISSUE && (fifo & 1) ? SN_STAGES : s;
}

static bool busier(const struct sn_net *net, uint32_t a, uint32_t b)
{
    if (net->fifos[a].busy != net->fifos[b].busy)
        return net->fifos[a].busy > net->fifos[b].busy;
    unsigned ra = rank(net, a), rb = rank(net, b);
    return ra != rb ? ra < rb : a < b;
}

void sn_net_call_close(const struct sn_net_call *c, struct sn_net_result *out)
{
    const struct sn_net *net = c->net;
    *out = (struct sn_net_result){.last = SN_MSG_NONE};
    for (size_t i = 0; i < c->n; i++)
        if (out->last == SN_MSG_NONE || c->msgs[i].done_ps > out->end_ps) {
            out->end_ps = c->msgs[i].done_ps;
            out->last = (uint32_t)i;
        }
    uint32_t worst = SN_FIFO_NONE;
    bool bound = false;
    for (size_t i = 0; i < net->n_touched; i++) {
        uint32_t id = net->touched[i];
        const struct sn_fifo *f = &net->fifos[id];
        if (worst == SN_FIFO_NONE || busier(net, id, worst))
            worst = id;
        /* A byte a second more than it has, so that rounding never lifts the bound. */
        uint64_t rate = (uint64_t)(sn_net_capacity(net, id) + 1);
        int64_t least =
            f->before + f->after + (int64_t)((unsigned __int128)f->bytes * 1000000000000u / rate);
        if (!bound || least > out->bound_ps)
            out->bound_ps = least;
        bound = true;
    }
    if (worst == SN_FIFO_NONE) {
        snprintf(out->bottleneck, sizeof out->bottleneck, "none: no port was used");
        return;
    }
    out->bottleneck_die = sn_net_fifo_words(net, worst, out->bottleneck, sizeof out->bottleneck);
    out->bottleneck_bytes = net->fifos[worst].bytes;
    out->bottleneck_busy_ps = net->fifos[worst].busy;
}

int sn_net_run(struct sn_net *net, struct sn_msg *msgs, size_t n, int64_t overhead_ps,
               struct sn_net_result *out)
{
    struct sn_net_call c;
    int s = sn_net_call_open(&c, net, msgs, n, overhead_ps);
    if (s)
        return s;
    if (c.events)
        s = sn_net_run_events(&c);
    else if (!sn_net_sends_apply(&c) || !sn_net_run_sends(&c))
        s = sn_net_run_stages(&c);
    if (!s)
        sn_net_call_close(&c, out);
    return s;
}

/* Alone in the network; `apart`: its FIFOs one after another, not cut through. */
static int64_t alone_ps(const struct sn_net_call *c, size_t i, bool apart)
{
    const struct sn_msg *m = &c->msgs[i];
    if (m->src == m->dst)
        return sn_net_self_ps(c, m);
    struct sn_way w;
    if (!sn_way_find(c, m, i, &w))
        return 0;
    int64_t head = 0, tail = 0, sum = 0;
    for (int s = 0; s < SN_STAGES; s++) {
        struct sn_hop h;
        struct sn_fifo f = {.free = INT64_MIN / 4};
        sn_way_hop(c, m, &w, (enum sn_stage)s, &h);
        head += h.gap, tail += h.gap, sum += h.gap;
        if (h.fifo == SN_FIFO_NONE)
            continue;
        if (s == SN_STAGE_ISSUE) {
            sn_fifo_issue(&f, &h, w.read, c->overhead, &head, &tail);
            sum += f.busy + h.stretch - h.busy;
        } else {
            sn_fifo_serve(&f, &h, &head, &tail);
            sum += h.stretch;
        }
    }
    return apart ? sum : tail;
}

int64_t sn_net_serial_ps(const struct sn_net *net, const struct sn_msg *msgs, size_t n,
                         int64_t overhead_ps)
{
    struct sn_net_call c = {.net = (struct sn_net *)net,
                            .msgs = (struct sn_msg *)msgs,
                            .n = n,
                            .overhead = overhead_ps};
    /* Through all FIFOs there may be: those that are left out of a run take no time of their own.
     */
    bool cut_through = !any_limited(net) && !(net->hashed && net->p->planes), trunks = !cut_through;
    for (size_t i = 0; i < n; i++) {
        const struct sn_net_path *p = &net->path[sn_net_path(net, msgs[i].src, msgs[i].dst)];
        bool remote = sn_net_path(net, msgs[i].src, msgs[i].dst) == SN_PATH_CPU_REMOTE;
        c.all_uplinks |= remote && p->planar && !net->hashed;
        c.events |= msgs[i].after != SN_MSG_NONE;
        c.stages[SN_STAGE_INJECT] |= (msgs[i].flags & SN_MSG_READ) || p->per_node;
    }
    trunks |= c.all_uplinks;
    cut_through &= !c.events && !c.stages[SN_STAGE_INJECT] && !c.all_uplinks;
    c.stages[SN_STAGE_ISSUE] = c.stages[SN_STAGE_EJECT] = true;
    c.stages[SN_STAGE_UP] = c.stages[SN_STAGE_DOWN] = net->hashed && net->p->planes;
    c.stages[SN_STAGE_L1] = c.stages[SN_STAGE_L2] = trunks;
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t delay = msgs[i].after != SN_MSG_NONE && msgs[i].issue_ps > 0 ? msgs[i].issue_ps : 0;
        if (__builtin_add_overflow(sum, alone_ps(&c, i, !cut_through) + delay, &sum))
            return INT64_MAX;
    }
    return sum;
}
