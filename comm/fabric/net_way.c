/* How a message goes: which FIFOs, at which rates, with which latency between.
 *
 * Sprayed: over the planes that are not cut anywhere on its way; what each carries is up to the
 * sprayer, which fills what is there. A port is held for the bytes over what its own links into
 * these planes have left together, a node's uplinks likewise; the message as a whole comes no
 * faster than the sum over the planes of the least on its way (the source's link, all uplinks of
 * either node, the destination's link): one of seven planes cut leaves exactly 6/7, and equal
 * degradation on both sides counts once. All of these fall with every factor, so less is never
 * faster. Hashed: all bytes go through one plane and one L2 chip. */
#include <math.h>
#include <stdio.h>

#include "comm/fabric/net_impl.h"
#include "harness/base/rng.h"

static double pair_factor(const struct sn_net *net, uint32_t src, uint32_t dst)
{
    size_t lo = 0, hi = net->n_pairs;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct sn_net_pair *p = &net->pairs[mid];
        if (p->src == src && p->dst == dst)
            return p->factor;
        if (p->src < src || (p->src == src && p->dst < dst))
            lo = mid + 1;
        else
            hi = mid;
    }
    return 1;
}

/* The plane and the L2 chip of a message, by hash. */
static unsigned choose(const struct sn_net *net, const struct sn_msg *m, size_t index,
                       struct sn_way *way, const uint8_t *usable, unsigned n)
{
    uint64_t h = sn_rng_at(net->seed, (uint64_t)m->src << 32 | m->dst, index);
    way->chip = (uint32_t)((h >> 32) % net->p->l2_per_plane);
    return way->plane = usable[(uint32_t)h % n];
}

/* The same as hashed_way() where only the planes have factors. */
static bool plain_hashed_way(const struct sn_net *net, const struct sn_msg *m, size_t index,
                             struct sn_way *way)
{
    if (!net->n_usable)
        return false;
    unsigned l = choose(net, m, index, way, net->usable, net->n_usable);
    if (way->read)
        l += net->lanes;
    way->link_rate[SN_STAGE_UP] = way->link_rate[SN_STAGE_DOWN] = way->path->link[l];
    if (way->cross)
        way->link_rate[SN_STAGE_L1] = way->link_rate[SN_STAGE_L2] = way->path->trunk[l];
    return true;
}

static bool hashed_way(const struct sn_net *net, const struct sn_msg *m, size_t index,
                       struct sn_way *way, double pair, const double *src, const double *dst,
                       const double *up, const double *down)
{
    uint8_t usable[SN_MAX_LANES];
    unsigned n = 0, lanes = net->lanes;
    double all_src = 0, all_dst = 0;
    for (unsigned l = 0; l < lanes; l++) {
        all_src += src[l] / lanes;
        all_dst += dst[l] / lanes;
        if ((net->pinned == SN_NET_NO_PLANE || net->pinned == l) && src[l] > 0 && dst[l] > 0 &&
            (!way->cross || (up[l] > 0 && down[l] > 0)))
            usable[n++] = (uint8_t)l;
    }
    if (!n)
        return false;
    unsigned l = choose(net, m, index, way, usable, n);
    uint64_t bw = way->src_rate;
    double uplink = net->p->uplink.value / (double)way->path->port_rate;
    way->src_rate = sn_net_scaled(bw, all_src * pair);
    way->dst_rate = sn_net_scaled(bw, all_dst * pair);
    way->link_rate[SN_STAGE_UP] = sn_net_scaled(bw, src[l] / lanes);
    way->link_rate[SN_STAGE_DOWN] = sn_net_scaled(bw, dst[l] / lanes);
    if (way->cross) {
        way->link_rate[SN_STAGE_L1] = sn_net_scaled(bw, up[l] * uplink);
        way->link_rate[SN_STAGE_L2] = sn_net_scaled(bw, down[l] * uplink);
    }
    return true;
}

/* Sprayed over planes, or without planes. */
static bool sprayed_way(const struct sn_net_call *c, const struct sn_msg *m, struct sn_way *way,
                        double pair, const double *src, const double *dst, const double *up,
                        const double *down)
{
    const struct sn_net *net = c->net;
    const struct sn_profile *p = net->p;
    unsigned lanes = net->lanes;
    double links = way->cross ? p->l2_per_plane * p->uplink.value / p->link.value : 0;
    double from = 0, to = 0, above = 0, below = 0, least = 0; /* sums over the planes */
    for (unsigned l = 0; l < lanes; l++) {
        double w = fmin(src[l], dst[l]);
        if (way->cross)
            w = fmin(w, links * fmin(up[l], down[l]));
        if (!(w > 0))
            continue;
        least += w;
        from += src[l];
        to += dst[l];
        above += way->cross ? up[l] : 0;
        below += way->cross ? down[l] : 0;
    }
    if (!(least > 0))
        return false;
    uint64_t bw = way->src_rate;
    way->src_rate = sn_net_scaled(bw, from / lanes * pair);
    way->dst_rate = sn_net_scaled(bw, to / lanes * pair);
    way->flow_rate = sn_net_scaled(bw, least / lanes * pair);
    if (way->cross && (c->all_uplinks || net->limited[net->node[m->src]]))
        way->link_rate[SN_STAGE_L1] = sn_net_scaled(bw, above * links / lanes);
    if (way->cross && (c->all_uplinks || net->limited[net->node[m->dst]]))
        way->link_rate[SN_STAGE_L2] = sn_net_scaled(bw, below * links / lanes);
    return true;
}

bool sn_way_find(const struct sn_net_call *c, const struct sn_msg *m, size_t index,
                 struct sn_way *way)
{
    const struct sn_net *net = c->net;
    const struct sn_net_path *path = &net->path[sn_net_path(net, m->src, m->dst)];
    uint32_t a = net->node[m->src], b = net->node[m->dst];
    way->path = path;
    way->read = m->flags & SN_MSG_READ;
    way->cross = path->planar && a != b;
    way->plane = way->chip = 0;
    way->flow_rate = 0;
    for (int s = SN_STAGE_UP; s <= SN_STAGE_DOWN; s++)
        way->link_rate[s] = 0;
    if (path->port < 0)
        return false;
    double pair = net->n_pairs ? pair_factor(net, m->src, m->dst) : 1;
    way->src_rate = way->dst_rate = path->rate[way->read];
    if (pair == 0 || !way->src_rate)
        return false;
    bool planes = net->p->planes, spread = path->planar || !planes;
    bool limits = way->cross && (c->all_uplinks || net->limited[a] || net->limited[b]);
    bool own = spread && net->die_touched &&
               (net->die_touched[m->src] || net->die_touched[m->dst] ||
                (way->cross && (net->node_touched[a] || net->node_touched[b])));
    bool hashed = path->planar && net->hashed;
    if (!own && pair == 1 && hashed)
        return plain_hashed_way(net, m, index, way);
    if (!own && !hashed && !limits) {
        if (pair != 1)
            way->src_rate = way->dst_rate = sn_net_scaled(way->src_rate, pair);
        return true;
    }
    size_t lanes = net->lanes;
    const double *src = net->plane, *dst = src, *up = src, *down = src;
    if (net->die_lane) {
        src = net->die_lane + m->src * lanes, dst = net->die_lane + m->dst * lanes;
        up = net->node_lane + a * lanes, down = net->node_lane + b * lanes;
    }
    way->src_rate = way->dst_rate = path->bandwidth[way->read];
    if (hashed)
        return hashed_way(net, m, index, way, pair, src, dst, up, down);
    return sprayed_way(c, m, way, pair, src, dst, up, down);
}

static uint32_t port_fifo(const struct sn_net *net, const struct sn_net_path *p, uint32_t endpoint)
{
    if (p->per_node) /* one for all: the node's first die stands for it */
        endpoint = net->node[endpoint] * net->p->dies_per_node;
    return endpoint * net->ports + (uint32_t)p->port;
}

static uint32_t trunk_fifo(const struct sn_net *net, const struct sn_way *w, uint32_t endpoint)
{
    uint32_t node = net->node[endpoint];
    return net->hashed ? (node * net->lanes + w->plane) * net->p->l2_per_plane + w->chip : node;
}

int64_t sn_way_gap(const struct sn_net_call *c, const struct sn_way *w, enum sn_stage stage)
{
    return stage == SN_STAGE_ISSUE ? 0
                                   : sn_way_passed(c, w, stage) - sn_way_passed(c, w, stage - 1);
}

uint32_t sn_way_fifo(const struct sn_net_call *c, const struct sn_msg *m, const struct sn_way *w,
                     enum sn_stage stage)
{
    const struct sn_net *net = c->net;
    uint32_t base = net->base[stage];
    if (!c->stages[stage])
        return SN_FIFO_NONE;
    switch (stage) {
    case SN_STAGE_ISSUE:
        return base + 2 * ((w->read ? m->dst : m->src) * net->ports + (uint32_t)w->path->port) +
               w->read;
    case SN_STAGE_INJECT:
        return base + port_fifo(net, w->path, m->src);
    case SN_STAGE_EJECT:
        return base + port_fifo(net, w->path, m->dst);
    default:
        break;
    }
    if (!w->link_rate[stage])
        return SN_FIFO_NONE;
    switch (stage) {
    case SN_STAGE_UP:
        return base + m->src * net->lanes + w->plane;
    case SN_STAGE_DOWN:
        return base + m->dst * net->lanes + w->plane;
    default:
        return base + trunk_fifo(net, w, stage == SN_STAGE_L1 ? m->src : m->dst);
    }
}

void sn_way_hop(const struct sn_net_call *c, const struct sn_msg *m, const struct sn_way *w,
                enum sn_stage stage, struct sn_hop *hop)
{
    bool shared = w->path->per_node;
    uint64_t rate;
    *hop = (struct sn_hop){.fifo = sn_way_fifo(c, m, w, stage), .gap = sn_way_gap(c, w, stage)};
    if (hop->fifo == SN_FIFO_NONE)
        return;
    switch (stage) {
    case SN_STAGE_ISSUE:
        rate = w->read ? w->dst_rate : w->src_rate;
        break;
    case SN_STAGE_INJECT:
        rate = shared ? w->path->port_rate : w->src_rate;
        break;
    case SN_STAGE_EJECT:
        rate = shared ? w->path->port_rate : w->dst_rate;
        break;
    default:
        rate = w->link_rate[stage];
    }
    hop->busy = hop->stretch = sn_service_ps(m->bytes, rate);
    if (stage == SN_STAGE_INJECT && shared && w->read) /* a send comes so from its issuer */
        hop->stretch = sn_service_ps(m->bytes, w->src_rate);
    /* From where its bytes start; a port is held no longer for that. */
    if (w->flow_rate && stage == (w->read ? SN_STAGE_INJECT : SN_STAGE_ISSUE)) {
        int64_t flow = sn_service_ps(m->bytes, w->flow_rate);
        hop->stretch = flow > hop->stretch ? flow : hop->stretch;
    }
}

enum sn_stage sn_net_stage(const struct sn_net *net, uint32_t fifo)
{
    int s = 0;
    while (fifo >= net->base[s + 1])
        s++;
    return (enum sn_stage)s;
}

static double lane_sum(const struct sn_net *net, const double *row)
{
    double sum = 0;
    for (unsigned l = 0; l < net->lanes; l++)
        sum += row[l];
    return sum;
}

double sn_net_capacity(const struct sn_net *net, uint32_t fifo)
{
    const struct sn_profile *p = net->p;
    enum sn_stage stage = sn_net_stage(net, fifo);
    uint32_t i = fifo - net->base[stage], lanes = net->lanes;
    switch (stage) {
    case SN_STAGE_UP:
    case SN_STAGE_DOWN:
        return p->link.value * net->die_lane[i];
    case SN_STAGE_L1:
    case SN_STAGE_L2:
        if (net->hashed)
            return p->uplink.value * net->node_lane[i / p->l2_per_plane];
        return p->uplink.value * p->l2_per_plane *
               lane_sum(net, net->node_lane ? net->node_lane + (size_t)i * lanes : net->plane);
    case SN_STAGE_ISSUE:
        i /= 2; /* all that it issues goes through that port */
        __attribute__((fallthrough));
    default: {
        const struct sn_profile_port *port = &p->ports[i % net->ports];
        if (port->per_node || (p->planes && i % net->ports != net->planes_port))
            return port->bandwidth.value;
        const double *row =
            net->die_lane ? net->die_lane + (size_t)(i / net->ports) * lanes : net->plane;
        return port->bandwidth.value * lane_sum(net, row) / lanes;
    }
    }
}

static void endpoint_words(const struct sn_net *net, unsigned e, char *out, size_t n)
{
    if (e < net->dies)
        snprintf(out, n, "die %u", e);
    else
        snprintf(out, n, "CPU %u of node %u", (e - net->dies) % net->cpus, net->node[e]);
}

unsigned sn_net_fifo_words(const struct sn_net *net, uint32_t fifo, char *out, size_t n)
{
    enum sn_stage stage = sn_net_stage(net, fifo);
    uint32_t i = fifo - net->base[stage];
    char who[48];
    if (stage == SN_STAGE_L1 || stage == SN_STAGE_L2) {
        const char *what = stage == SN_STAGE_L1 ? "up" : "down";
        unsigned chips = net->p->l2_per_plane, node = net->hashed ? i / chips / net->lanes : i;
        if (net->hashed)
            snprintf(out, n, "%slink of node %u, plane %u, L2 chip %u", what, node,
                     i / chips % net->lanes, i % chips);
        else
            snprintf(out, n, "%slinks of node %u", what, node);
        return node;
    }
    if (stage == SN_STAGE_UP || stage == SN_STAGE_DOWN) {
        endpoint_words(net, i / net->lanes, who, sizeof who);
        snprintf(out, n, "link %s plane %u of %s", stage == SN_STAGE_UP ? "to" : "from",
                 i % net->lanes, who);
        return i / net->lanes;
    }
    bool read = stage == SN_STAGE_ISSUE && (i & 1);
    if (stage == SN_STAGE_ISSUE)
        i /= 2;
    const struct sn_profile_port *port = &net->p->ports[i % net->ports];
    unsigned e = i / net->ports;
    bool node = port->per_node && stage != SN_STAGE_ISSUE;
    if (node)
        snprintf(who, sizeof who, "node %u", e = net->node[e]);
    else
        endpoint_words(net, e, who, sizeof who);
    snprintf(out, n, "%s %.24s of %s",
             read                      ? "requests at port"
             : stage == SN_STAGE_EJECT ? "ejection port"
                                       : "injection port",
             port->name, who);
    return e;
}
