#include "tests/unit/net_reference.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/rng.h"

enum { HOPS = 7 };

struct item { /* one message at one of its FIFOs */
    long key; /* FIFO: kind * 10^9 + number */
    int64_t gap, hold, lead, stretch;
    int64_t head, tail, start;
};

struct route {
    struct item hop[HOPS];
    int n;
    bool self;
    int64_t self_ps;
};

static int64_t ps_of(uint64_t bytes, uint64_t rate)
{
    __int128 ps = (__int128)bytes * 1000000000000ll, whole = ps / rate;
    return (int64_t)(whole * rate == ps ? whole : whole + 1);
}

static int node_of(const struct ref_net *r, unsigned e)
{
    return (int)(e < r->dies ? e / r->p->dies_per_node : (e - r->dies) / r->p->cpus_per_node);
}

static enum sn_path path_of(const struct ref_net *r, unsigned a, unsigned b)
{
    bool same = node_of(r, a) == node_of(r, b);
    if (a == b)
        return SN_PATH_SELF;
    if (a >= r->dies || b >= r->dies)
        return same ? SN_PATH_CPU : SN_PATH_CPU_REMOTE;
    if (a / r->p->dies_per_npu == b / r->p->dies_per_npu)
        return SN_PATH_PACKAGE;
    return same ? SN_PATH_NODE : SN_PATH_SUPERNODE;
}

/* Bandwidth left of the link of an endpoint to a plane, as a factor; of a node's L1 chip. */
static double die_left(const struct ref_net *r, unsigned e, int plane)
{
    double f = 1;
    for (int i = 0; i < r->n_terms; i++) {
        const struct ref_term *t = &r->terms[i];
        if ((t->kind == 'p' && t->at == plane) ||
            (t->kind == 'd' && e == (unsigned)t->at && (t->link < 0 || t->link == plane)))
            f *= t->factor;
    }
    return f;
}

static double node_left(const struct ref_net *r, int node, int plane)
{
    double f = 1;
    for (int i = 0; i < r->n_terms; i++) {
        const struct ref_term *t = &r->terms[i];
        if ((t->kind == 'p' && t->at == plane) ||
            (t->kind == 'n' && node == t->at && (t->link < 0 || t->link == plane)))
            f *= t->factor;
    }
    return f;
}

static double pair_left(const struct ref_net *r, unsigned a, unsigned b)
{
    double f = 1;
    for (int i = 0; i < r->n_terms; i++)
        if (r->terms[i].kind == 'm' && a == (unsigned)r->terms[i].at &&
            b == (unsigned)r->terms[i].link)
            f *= r->terms[i].factor;
    return f;
}

/* Less above a node's L1 chips than below, in any plane that is not cut. */
static bool node_limited(const struct ref_net *r, int node)
{
    for (int l = 0; l < (int)r->p->planes; l++) {
        double below = 0, above = r->p->l2_per_plane * r->p->uplink.value * node_left(r, node, l);
        for (unsigned e = 0; e < r->dies; e++)
            if (node_of(r, e) == node)
                below += r->p->link.value * die_left(r, e, l);
        if (above > 0 && below > above * (1 + 1e-9))
            return true;
    }
    return false;
}

static uint64_t rounded(double x)
{
    uint64_t v = (uint64_t)(x + 0.5);
    return v ? v : 1;
}

static void add(struct route *o, long key, int64_t gap, int64_t busy)
{
    o->hop[o->n++] = (struct item){.key = key, .gap = gap, .hold = busy, .stretch = busy};
}

/* Rates of the source's and the destination's port and of the uplinks, and what the message gets of
 * all planes together, in B/s. */
struct rates {
    double src, dst, up, down, flow;
};

static struct rates sprayed(const struct ref_net *r, const struct sn_msg *m, double bw, bool planar,
                            bool cross)
{
    int planes = planar ? (int)r->p->planes : 1, a = node_of(r, m->src), b = node_of(r, m->dst);
    double trunk = r->p->l2_per_plane * r->p->uplink.value / r->p->link.value;
    double per = bw / planes, sum[5] = {0};
    for (int l = 0; l < planes; l++) {
        double x[5] = {die_left(r, m->src, l), die_left(r, m->dst, l), 1e9, 1e9, 1e9};
        if (cross)
            x[2] = node_left(r, a, l) * trunk, x[3] = node_left(r, b, l) * trunk;
        for (int k = 0; k < 4; k++)
            x[4] = x[k] < x[4] ? x[k] : x[4];
        for (int k = 0; k < 5 && x[4] > 0; k++)
            sum[k] += x[k];
    }
    return (struct rates){per * sum[0], per * sum[1], per * sum[2], per * sum[3], per * sum[4]};
}

static void find_route(const struct ref_net *r, const struct sn_msg *m, int index, bool remote_cpus,
                       bool inject, int64_t overhead, struct route *o)
{
    const struct sn_profile *p = r->p;
    enum sn_path which = path_of(r, m->src, m->dst);
    const struct sn_profile_path *h = &p->paths[which];
    bool read = m->flags & SN_MSG_READ;
    memset(o, 0, sizeof *o);
    double bw = sn_figure_or(&h->bandwidth, 0);
    if (read)
        bw = sn_figure_or(&h->read_bandwidth, bw);
    if (which == SN_PATH_SELF) {
        o->self = true;
        o->self_ps = bw > 0 ? ps_of(m->bytes, rounded(bw)) : 0;
        if (o->self_ps < overhead)
            o->self_ps = overhead;
        o->self_ps += sn_ps(sn_figure_or(&h->latency, 0));
        return;
    }
    const struct sn_profile_port *port = &p->ports[h->port];
    bool planar = p->planes && !strcmp(port->name, p->planes_port);
    bool cross = planar && node_of(r, m->src) != node_of(r, m->dst);
    bool hashed = planar && (r->spread == SN_NET_HASH || r->spread == SN_NET_PLANE ||
                             (r->spread == SN_NET_PROFILE && p->hashed));
    double pair = pair_left(r, m->src, m->dst);
    int na = node_of(r, m->src), nb = node_of(r, m->dst);

    struct rates rate = {bw, bw, 0, 0, 0};
    int plane = 0, chip = 0;
    if (hashed) {
        int usable[64], n = 0;
        rate.src = rate.dst = 0;
        for (int l = 0; l < (int)p->planes; l++) {
            double a = die_left(r, m->src, l), b = die_left(r, m->dst, l);
            double c = cross ? node_left(r, na, l) * node_left(r, nb, l) : 1;
            rate.src += bw * a / p->planes, rate.dst += bw * b / p->planes;
            if (a > 0 && b > 0 && c > 0 && (r->spread != SN_NET_PLANE || l == (int)r->plane))
                usable[n++] = l;
        }
        assert(n);
        uint64_t x = sn_rng_at(r->seed, (uint64_t)m->src << 32 | m->dst, (uint64_t)index);
        plane = usable[(uint32_t)x % (unsigned)n];
        chip = (int)((x >> 32) % p->l2_per_plane);
    } else if (planar || !p->planes)
        rate = sprayed(r, m, bw, planar, cross);
    uint64_t src_rate = rounded(rate.src * pair), dst_rate = rounded(rate.dst * pair);

    int64_t latency = sn_ps(h->latency.value), request = 0;
    if (read) {
        int64_t whole = sn_ps(sn_figure_or(&h->read_latency, h->latency.value));
        request = whole > latency ? whole - latency : whole / 2;
        latency = whole - request;
    }
    /* The issuer: a send's port is held, a read's request leaves as early as its data would. */
    int64_t x = ps_of(m->bytes, read ? dst_rate : src_rate);
    long who = (long)(read ? m->dst : m->src) * 8 + h->port;
    add(o, 1000000000l * (read ? 2 : 1) + who, 0, x > overhead ? x : overhead);
    o->hop[0].lead = x;
    o->hop[0].stretch = o->hop[0].hold;
    long from = (long)(port->per_node ? (unsigned)na : m->src) * 8 + h->port;
    long to = (long)(port->per_node ? (unsigned)nb : m->dst) * 8 + h->port;
    uint64_t shared = rounded(port->bandwidth.value);
    if (inject) {
        add(o, 3000000000l + from, request, ps_of(m->bytes, port->per_node ? shared : src_rate));
        if (port->per_node && read)
            o->hop[1].stretch = ps_of(m->bytes, src_rate);
    }
    int64_t third = latency / 3, rest = latency;
    if (hashed) {
        add(o, 4000000000l + (long)m->src * 64 + plane, 0,
            ps_of(m->bytes, rounded(bw * die_left(r, m->src, plane) / p->planes)));
        double up = p->uplink.value / port->bandwidth.value;
        if (cross) {
            add(o, 5000000000l + (na * 64l + plane) * 4096 + chip, third,
                ps_of(m->bytes, rounded(bw * up * node_left(r, na, plane))));
            add(o, 6000000000l + (nb * 64l + plane) * 4096 + chip, third,
                ps_of(m->bytes, rounded(bw * up * node_left(r, nb, plane))));
            rest -= 2 * third;
        }
        add(o, 7000000000l + (long)m->dst * 64 + plane, rest,
            ps_of(m->bytes, rounded(bw * die_left(r, m->dst, plane) / p->planes)));
        rest = 0;
    } else if (cross) {
        /* Without a FIFO on the way only the sum of the thirds matters. */
        if (remote_cpus || node_limited(r, na)) {
            add(o, 5000000000l + na, third, ps_of(m->bytes, rounded(rate.up)));
            rest -= third;
        }
        if (remote_cpus || node_limited(r, nb)) {
            bool first = !remote_cpus && !node_limited(r, na);
            add(o, 6000000000l + nb, first ? 2 * third : third,
                ps_of(m->bytes, rounded(rate.down)));
            rest = latency - 2 * third;
        }
    }
    add(o, 8000000000l + to, rest, ps_of(m->bytes, port->per_node ? shared : dst_rate));
    if (rate.flow > 0) { /* the last byte is that far behind the first, from the source on */
        struct item *q = &o->hop[read ? 1 : 0];
        int64_t flow = ps_of(m->bytes, rounded(rate.flow * pair)), lead = read ? 0 : q->hold - x;
        if (lead + flow > q->stretch)
            q->stretch = lead + flow;
    }
}

static const struct sn_msg *sort_msgs; /* qsort has no argument; the tests are one thread */
static struct route *sort_routes;

static int by_arrival(const void *a, const void *b)
{
    const int *x = a, *y = b; /* message, hop */
    int64_t h = sort_routes[x[0]].hop[x[1]].head, g = sort_routes[y[0]].hop[y[1]].head;
    if (h != g)
        return h < g ? -1 : 1;
    if (x[1] > 0 && sort_msgs[x[0]].src != sort_msgs[y[0]].src)
        return sort_msgs[x[0]].src < sort_msgs[y[0]].src ? -1 : 1;
    return x[0] - y[0];
}

/* All FIFOs from the heads as they stand; heads and tails behind them are for the next round. */
static void serve_all(struct route *routes, int n)
{
    static int at[REF_MAX * HOPS][2];
    static bool taken[REF_MAX][HOPS];
    memset(taken, 0, sizeof taken);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < routes[i].n; k++) {
            if (taken[i][k])
                continue;
            int count = 0;
            for (int j = i; j < n; j++)
                for (int l = 0; l < routes[j].n; l++)
                    if (routes[j].hop[l].key == routes[i].hop[k].key) {
                        taken[j][l] = true;
                        at[count][0] = j, at[count++][1] = l;
                    }
            qsort(at, (size_t)count, sizeof at[0], by_arrival);
            for (int j = 0; j < count; j++) {
                int64_t start = INT64_MIN, held = 0;
                for (int l = j; l >= 0; l--) {
                    struct item *q = &routes[at[l][0]].hop[at[l][1]];
                    held += l < j ? q->hold : 0;
                    start = q->head + held > start ? q->head + held : start;
                }
                routes[at[j][0]].hop[at[j][1]].start = start;
            }
        }
}

/* That long after the delivery; in turn, at the latest of issue_ps, the delivery and the readiness
 * of the issuer's message before it. */
static int64_t ready_after(const struct sn_msg *msgs, int i, const int64_t *readies,
                           const int64_t *done)
{
    int64_t at = msgs[i].issue_ps, came = done[msgs[i].after];
    uint32_t issuer[2];
    if (!(msgs[i].flags & SN_MSG_IN_TURN))
        return at + came;
    for (int j = i; j >= 0; j--) {
        issuer[j < i] = msgs[j].flags & SN_MSG_READ ? msgs[j].dst : msgs[j].src;
        if (j < i && issuer[1] == issuer[0]) {
            at = at > readies[j] ? at : readies[j];
            break;
        }
    }
    return at > came ? at : came;
}

void ref_run(const struct ref_net *net, const struct sn_msg *msgs, int n, int64_t overhead,
             int64_t *done)
{
    static struct route routes[REF_MAX];
    static int64_t readies[REF_MAX];
    bool remote_cpus = false, inject = false, changed = true;
    assert(n <= REF_MAX);
    sort_msgs = msgs, sort_routes = routes;
    for (int i = 0; i < n; i++) {
        enum sn_path which = path_of(net, msgs[i].src, msgs[i].dst);
        remote_cpus |= which == SN_PATH_CPU_REMOTE && net->p->planes;
        /* The source's port queues only what comes from several issuers. */
        if (which != SN_PATH_SELF)
            inject |=
                (msgs[i].flags & SN_MSG_READ) || net->p->ports[net->p->paths[which].port].per_node;
    }
    for (int i = 0; i < n; i++) {
        find_route(net, &msgs[i], i, remote_cpus, inject, overhead, &routes[i]);
        done[i] = 0;
    }
    for (int round = 0; changed; round++) {
        assert(round < 20000);
        changed = false;
        for (int i = 0; i < n; i++) {
            struct route *o = &routes[i];
            int64_t ready = msgs[i].issue_ps, end;
            if (msgs[i].after != SN_MSG_NONE)
                ready = ready_after(msgs, i, readies, done);
            readies[i] = ready;
            if (o->self)
                end = ready + o->self_ps;
            else {
                int64_t head = ready, tail = INT64_MIN / 2;
                for (int k = 0; k < o->n; k++) {
                    struct item *q = &o->hop[k];
                    head += q->gap, tail += q->gap;
                    changed |= round == 0 || q->head != head;
                    q->head = head;
                    if (round == 0)
                        q->start = head; /* as if nobody else were there */
                    int64_t out = q->start + q->stretch;
                    bool request = k == 0 && (msgs[i].flags & SN_MSG_READ);
                    tail = request ? tail : out > tail ? out : tail;
                    head = k == 0 ? q->start + q->hold - q->lead : q->start;
                }
                end = tail;
            }
            changed |= done[i] != end;
            done[i] = end;
        }
        static int64_t starts[REF_MAX][HOPS];
        for (int i = 0; i < n; i++)
            for (int k = 0; k < routes[i].n; k++)
                starts[i][k] = routes[i].hop[k].start;
        serve_all(routes, n);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < routes[i].n; k++)
                changed |= starts[i][k] != routes[i].hop[k].start;
    }
}
