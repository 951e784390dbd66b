/* The common case of net_stages.c at full speed: sends that pass no FIFO but their issuer and the
 * destination's port, at the same rate in both.
 *
 * Two walks over the messages as they stand count and fill the destinations' buckets with the
 * arrivals (issuers need no sorting where their messages already lie in the order of readiness);
 * each bucket is sorted and served. With equal rates the tail never comes late: done = start +
 * bytes / rate. Cost O(n log n) at most, some 30 to 60 ns a message; 24 bytes a message.
 */
#include <string.h>

#include "comm/fabric/net_impl.h"

enum { AHEAD = 12 }; /* messages fetched before their turn: arrivals lie far apart in memory */

/* Service times of the last size asked for, per path: traffic has few sizes. */
struct memo {
    uint64_t bytes[SN_PATHS];
    int64_t ps[SN_PATHS];
};

static inline int64_t service(const struct sn_net *net, struct memo *memo, enum sn_path path,
                              uint64_t bytes)
{
    if (memo->bytes[path] != bytes) {
        memo->bytes[path] = bytes;
        memo->ps[path] = sn_service_ps(bytes, net->path[path].rate[0]);
    }
    return memo->ps[path];
}

/* sn_net_path() of different endpoints, for dies and CPUs alike. */
static inline enum sn_path path_of(const struct sn_net *net, uint32_t src, uint32_t dst)
{
    bool node = net->node[src] == net->node[dst];
    if (src >= net->dies || dst >= net->dies)
        return node ? SN_PATH_CPU : SN_PATH_CPU_REMOTE;
    if (!node)
        return SN_PATH_SUPERNODE;
    return net->package[src] == net->package[dst] ? SN_PATH_PACKAGE : SN_PATH_NODE;
}

bool sn_net_sends_apply(const struct sn_net_call *c)
{
    if (c->net->die_lane || c->net->n_pairs)
        return false;
    for (int s = SN_STAGE_INJECT; s < SN_STAGE_EJECT; s++)
        if (c->stages[s])
            return false;
    return true;
}

/* counts[b] = where bucket b starts. False when an issuer's messages are not in order of readiness
 * (then nothing else was touched). */
static bool count(const struct sn_net_call *c, uint32_t buckets)
{
    struct sn_net *net = c->net;
    uint32_t *counts = net->counts;
    memset(counts, 0, (buckets + 1) * sizeof *counts);
    for (size_t i = 0; i < c->n; i++) {
        const struct sn_msg *m = &c->msgs[i];
        if (m->src == m->dst)
            continue;
        uint32_t port = (uint32_t)net->path[path_of(net, m->src, m->dst)].port;
        struct sn_fifo *f =
            sn_fifo_get(net, net->base[SN_STAGE_ISSUE] + (m->src * net->ports + port) * 2);
        if (m->issue_ps < f->free) /* `free` is the last readiness here */
            return false;
        f->free = m->issue_ps;
        counts[m->dst * net->ports + port]++;
    }
    uint32_t sum = 0;
    for (uint32_t b = 0; b <= buckets; b++) {
        uint32_t n = counts[b];
        counts[b] = sum;
        sum += n;
    }
    for (size_t i = 0; i < net->n_touched; i++)
        net->fifos[net->touched[i]].free = INT64_MIN / 4;
    return true;
}

/* Issues every message and puts its arrival into its bucket; counts[b] = where bucket b ends. */
static void issue(const struct sn_net_call *c, struct sn_entry *out)
{
    struct sn_net *net = c->net;
    struct memo memo = {{0}, {0}};
    for (size_t i = 0; i < c->n; i++) {
        struct sn_msg *m = &c->msgs[i];
        if (m->src == m->dst) {
            m->done_ps = m->issue_ps + sn_net_self_ps(c, m);
            continue;
        }
        enum sn_path path = path_of(net, m->src, m->dst);
        const struct sn_net_path *p = &net->path[path];
        struct sn_fifo *f =
            &net->fifos[net->base[SN_STAGE_ISSUE] + (m->src * net->ports + (uint32_t)p->port) * 2];
        int64_t x = service(net, &memo, path, m->bytes), hold = x > c->overhead ? x : c->overhead;
        int64_t start = m->issue_ps > f->free ? m->issue_ps : f->free;
        f->free = start + hold;
        f->busy += hold;
        f->bytes += m->bytes;
        f->before = f->before < m->issue_ps ? f->before : m->issue_ps;
        f->after = f->after < p->latency ? f->after : p->latency;
        out[net->counts[m->dst * net->ports + (uint32_t)p->port]++] =
            (struct sn_entry){start + hold - x + p->latency, (uint32_t)i};
    }
}

static void deliver(const struct sn_net_call *c, struct sn_fifo *f, const struct sn_entry *e,
                    size_t n)
{
    const struct sn_net *net = c->net;
    struct sn_msg *msgs = c->msgs;
    struct sn_fifo sum = *f;
    struct memo memo = {{0}, {0}};
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(&msgs[e[i + AHEAD].index], 1);
        struct sn_msg *m = &msgs[e[i].index];
        enum sn_path path = path_of(net, m->src, m->dst);
        int64_t x = service(net, &memo, path, m->bytes), at = e[i].at;
        int64_t before = m->issue_ps + net->path[path].latency;
        sum.free = (at > sum.free ? at : sum.free) + x;
        sum.busy += x;
        sum.bytes += m->bytes;
        sum.before = sum.before < before ? sum.before : before;
        m->done_ps = sum.free;
    }
    sum.after = 0;
    *f = sum;
}

bool sn_net_run_sends(struct sn_net_call *c)
{
    struct sn_net *net = c->net;
    uint32_t first = net->base[SN_STAGE_EJECT], buckets = net->base[SN_STAGES] - first;
    struct sn_entry *e = net->scratch, *spare = e + net->scratch_n;
    if (!count(c, buckets)) {
        net->run++; /* forget what the look at the issuers left */
        net->n_touched = 0;
        return false;
    }
    issue(c, e);
    size_t from = 0;
    for (uint32_t b = 0; b < buckets; b++) {
        size_t end = net->counts[b];
        if (end == from)
            continue;
        sn_entry_sort(e + from, end - from, spare, c->msgs, true);
        deliver(c, sn_fifo_get(net, first + b), e + from, end - from);
        from = end;
    }
    return true;
}
