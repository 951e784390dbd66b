/* The end of equal sends between all pairs of dies (net.h): the FIFOs of net_sends.c, but of a
 * message only its arrival is kept, with the path it came by in the lowest bits. Arrivals at a port
 * are sorted and served; which of two that come together is first does not matter to when the last
 * is done. Cost O(messages), 8 bytes each. */
#include <stdlib.h>
#include <string.h>

#include "comm/fabric/net_impl.h"

enum { PATH_BITS = 3, BUCKETS = 2048, LONG = 24 };
_Static_assert(SN_PATHS <= 1 << PATH_BITS, "a path fits into the bits of an arrival");

struct copies {
    const struct sn_net_copies *m;
    const struct sn_net *net;
    int64_t service[SN_PATHS];
    uint32_t *end;    /* (dies, ports) where a port's arrivals end */
    int64_t *arrival; /* time << PATH_BITS | path */
    int64_t last;     /* of copies that a die sends itself */
};

static enum sn_path path_of(const struct sn_net *net, unsigned a, unsigned b)
{
    return net->node[a] != net->node[b]         ? SN_PATH_SUPERNODE
           : net->package[a] != net->package[b] ? SN_PATH_NODE
                                                : SN_PATH_PACKAGE;
}

static bool simple(const struct sn_net *net)
{
    if (net->die_lane || net->n_pairs || net->hashed || memchr(net->limited, 1, net->nodes))
        return false;
    for (int p = SN_PATH_PACKAGE; p <= SN_PATH_SUPERNODE; p++)
        if (net->path[p].port < 0 || net->path[p].per_node || !net->path[p].rate[0])
            return false;
    return true;
}

static inline uint32_t sent(const struct sn_net_copies *m, unsigned from, unsigned to)
{
    return m->back ? m->count[(size_t)to * m->dies + from] : m->count[(size_t)from * m->dies + to];
}

/* Where the arrivals of each port begin; how many there are. */
static size_t make_room(struct copies *c)
{
    const struct sn_net_copies *m = c->m;
    unsigned ports = c->net->ports;
    size_t sum = 0;
    for (unsigned from = 0; from < m->dies; from++)
        for (unsigned to = 0; to < m->dies; to++)
            if (from != to)
                c->end[to * ports + (unsigned)c->net->path[path_of(c->net, from, to)].port] +=
                    sent(m, from, to);
    for (size_t i = 0; i < (size_t)m->dies * ports; i++) {
        uint32_t n = c->end[i];
        c->end[i] = (uint32_t)sum;
        sum += n;
    }
    return sum;
}

/* Everything that a die sends, in turn. free (ports). */
static void issue(struct copies *c, unsigned die, int64_t *free_ps)
{
    const struct sn_net_copies *m = c->m;
    const struct sn_net *net = c->net;
    int64_t at = m->ready_ps[die];
    for (unsigned p = 0; p < net->ports; p++)
        free_ps[p] = INT64_MIN / 4;
    for (unsigned i = 0; i < m->dies; i++) {
        unsigned to = m->turn[(size_t)die * m->dies + i];
        uint32_t n = sent(m, die, to);
        if (to == die && n) {
            at += (int64_t)n * m->issue_ps;
            int64_t done = at - m->issue_ps + c->service[SN_PATH_SELF];
            c->last = done > c->last ? done : c->last;
        } else if (n) {
            enum sn_path path = path_of(net, die, to);
            int port = net->path[path].port;
            int64_t x = c->service[path], hold = x > m->issue_ps ? x : m->issue_ps,
                    way = hold - x + net->path[path].latency, free_at = free_ps[port];
            uint32_t *end = &c->end[to * net->ports + (unsigned)port];
            for (; n; n--, at += m->issue_ps) {
                int64_t start = at > free_at ? at : free_at;
                free_at = start + hold;
                c->arrival[(*end)++] = (start + way) << PATH_BITS | path;
            }
            free_ps[port] = free_at;
        }
    }
}

static int by_time(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* One pass into buckets of time, then insertion; many arrivals, or arrivals that lie together, by
 * the library. */
static void sort(int64_t *x, size_t n, int64_t *spare)
{
    uint16_t start[BUCKETS + 1];
    int64_t low = x[0], high = low;
    unsigned shift = 0;
    for (size_t i = 1; i < n; i++) {
        low = low < x[i] ? low : x[i];
        high = high > x[i] ? high : x[i];
    }
    while ((uint64_t)(high - low) >> shift >= BUCKETS || (uint64_t)(high - low) >> shift > 4 * n)
        shift++;
    unsigned buckets = (unsigned)((uint64_t)(high - low) >> shift) + 1;
    bool spread = n <= UINT16_MAX;
    memset(start, 0, (buckets + 1) * sizeof *start);
    for (size_t i = 0; i < n && spread; i++)
        spread = ++start[((uint64_t)(x[i] - low) >> shift) + 1] <= LONG;
    if (!spread) {
        qsort(x, n, sizeof *x, by_time);
        return;
    }
    for (unsigned b = 1; b <= buckets; b++)
        start[b] = (uint16_t)(start[b] + start[b - 1]);
    for (size_t i = 0; i < n; i++)
        spare[start[(uint64_t)(x[i] - low) >> shift]++] = x[i];
    x[0] = spare[0];
    for (size_t i = 1, j; i < n; i++) {
        int64_t v = spare[i];
        for (j = i; j && v < x[j - 1]; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

static int64_t serve(const struct copies *c, const int64_t *arrival, size_t n)
{
    int64_t free_at = INT64_MIN / 4;
    for (size_t i = 0; i < n; i++) {
        int64_t at = arrival[i] >> PATH_BITS;
        free_at = (at > free_at ? at : free_at) + c->service[arrival[i] & ((1 << PATH_BITS) - 1)];
    }
    return free_at;
}

static void set_services(struct copies *c)
{
    const struct sn_net_path *self = &c->net->path[SN_PATH_SELF];
    int64_t copy = self->bandwidth[0] ? sn_service_ps(c->m->bytes, self->bandwidth[0]) : 0;
    for (int p = SN_PATH_PACKAGE; p <= SN_PATH_SUPERNODE; p++)
        c->service[p] = sn_service_ps(c->m->bytes, c->net->path[p].rate[0]);
    c->service[SN_PATH_SELF] = (copy > c->m->issue_ps ? copy : c->m->issue_ps) + self->latency;
}

bool sn_net_run_copies(struct sn_net *net, const struct sn_net_copies *m, int64_t *end_ps)
{
    struct copies c = {.m = m, .net = net, .last = 0};
    size_t buckets = (size_t)m->dies * net->ports, from = 0;
    if (m->dies > net->dies || !simple(net))
        return false;
    set_services(&c);
    c.end = calloc(buckets + 1, sizeof *c.end);
    int64_t *free_ps = calloc(net->ports + 1, sizeof *free_ps);
    size_t n = c.end && free_ps ? make_room(&c) : 0;
    c.arrival = malloc((2 * n + 1) * sizeof *c.arrival);
    bool ok = c.end && free_ps && c.arrival;
    for (unsigned d = 0; d < m->dies && ok; d++)
        issue(&c, d, free_ps);
    *end_ps = c.last;
    for (size_t b = 0; b < buckets && ok; from = c.end[b++]) {
        size_t here = c.end[b] - from;
        if (!here)
            continue;
        sort(c.arrival + from, here, c.arrival + n);
        int64_t done = serve(&c, c.arrival + from, here);
        *end_ps = done > *end_ps ? done : *end_ps;
    }
    free(c.arrival);
    free(free_ps);
    free(c.end);
    return ok;
}
