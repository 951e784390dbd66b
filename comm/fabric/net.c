/* The network for n dies: who sits where, what each path costs, and what degradations leave of it.
 * Cost of opening: endpoints x planes. */
#include "comm/fabric/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fabric/net_degrade.h"
#include "comm/fabric/net_impl.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static void set_counts(struct sn_net *net, unsigned dies)
{
    const struct sn_profile *p = net->p;
    net->dies = dies;
    net->nodes = (dies + p->dies_per_node - 1) / p->dies_per_node;
    net->cpus = p->cpus_per_node;
    net->endpoints = dies + net->nodes * net->cpus; /* below 2^27: net.h and check_shape() */
    net->ports = p->n_ports ? (unsigned)p->n_ports : 1;
    net->lanes = p->planes ? p->planes : 1;
}

static void set_places(struct sn_net *net)
{
    const struct sn_profile *p = net->p;
    unsigned dies = net->dies;
    net->node = sn_calloc(net->endpoints, sizeof *net->node);
    net->package = sn_calloc(net->endpoints, sizeof *net->package);
    for (unsigned e = 0; e < net->endpoints; e++) {
        net->node[e] = e < dies ? e / p->dies_per_node : (e - dies) / net->cpus;
        net->package[e] = e < dies ? e / p->dies_per_npu : UINT32_MAX - e;
    }
}

/* Before degradation. */
static void set_paths(struct sn_net *net)
{
    const struct sn_profile *p = net->p;
    for (unsigned i = 0; p->planes && i < p->n_ports; i++)
        if (!strcmp(p->ports[i].name, p->planes_port))
            net->planes_port = i;
    for (int i = 0; i < SN_PATHS; i++) {
        const struct sn_profile_path *h = &p->paths[i];
        struct sn_net_path *q = &net->path[i];
        q->port = h->port;
        q->latency = sn_ps(sn_figure_or(&h->latency, 0));
        double read = sn_figure_or(&h->read_latency, sn_figure_or(&h->latency, 0));
        int64_t whole = sn_ps(read);
        q->request = whole > q->latency ? whole - q->latency : whole / 2;
        q->data = whole - q->request;
        double bw = sn_figure_or(&h->bandwidth, 0);
        q->bandwidth[0] = (uint64_t)(bw + 0.5);
        q->bandwidth[1] = (uint64_t)(sn_figure_or(&h->read_bandwidth, bw) + 0.5);
        if (q->port < 0)
            continue;
        const struct sn_profile_port *port = &p->ports[q->port];
        q->port_rate = (uint64_t)(port->bandwidth.value + 0.5);
        q->per_node = port->per_node;
        q->planar = p->planes && (unsigned)q->port == net->planes_port;
    }
}

static int set_options(struct sn_net *net, const struct sn_net_options *o)
{
    const struct sn_profile *p = net->p;
    net->pinned = SN_NET_NO_PLANE;
    net->hashed = p->hashed;
    if (!o)
        return SN_OK;
    net->seed = o->seed;
    if (!p->planes && (o->spread == SN_NET_HASH || o->spread == SN_NET_PLANE))
        return SN_FAIL(SN_EINVAL, "profile %s has no planes to choose from", p->name);
    if (o->spread == SN_NET_PLANE) {
        if (o->plane >= p->planes)
            return SN_FAIL(SN_EINVAL, "plane %u: must be 0 to %u", o->plane, p->planes - 1);
        net->pinned = o->plane;
    }
    if (o->spread != SN_NET_PROFILE)
        net->hashed = o->spread != SN_NET_SPRAY;
    return SN_OK;
}

static int check_number(const struct sn_degrade_term *t, const char *what, unsigned v, unsigned n,
                        const char *of)
{
    if (v < n)
        return SN_OK;
    if (n == 1)
        return SN_FAIL(SN_EINVAL, "%s: %s must be 0 (%s)", t->text, what, of);
    return SN_FAIL(SN_EINVAL, "%s: %s must be 0 to %u (%s)", t->text, what, n - 1, of);
}

static int check_term(const struct sn_net *net, const struct sn_degrade_term *t)
{
    char machine[64], planes[160];
    snprintf(machine, sizeof machine, "%u dies on %u node%s", net->dies, net->nodes,
             net->nodes == 1 ? "" : "s");
    snprintf(planes, sizeof planes, "profile %.100s has %u planes", net->p->name, net->p->planes);
    bool link = t->target != SN_DEGRADE_PAIR && t->link != SN_DEGRADE_ALL;
    if (!net->p->planes && (link || t->target == SN_DEGRADE_PLANE || t->target == SN_DEGRADE_NODE))
        return SN_FAIL(SN_EINVAL,
                       "%s: profile %s has no planes and links; die=N:F or pair=N-N:F would do",
                       t->text, net->p->name);
    int s = SN_OK;
    switch (t->target) {
    case SN_DEGRADE_PLANE:
        return check_number(t, "plane", t->at, net->p->planes, planes);
    case SN_DEGRADE_NODE:
        s = check_number(t, "node", t->at, net->nodes, machine);
        break;
    case SN_DEGRADE_PAIR:
        s = check_number(t, "the source", t->at, net->dies, machine);
        return s ? s : check_number(t, "the destination", t->link, net->dies, machine);
    default:
        s = check_number(t, "die", t->at, net->dies, machine);
    }
    return s || !link ? s : check_number(t, "link", t->link, net->p->planes, planes);
}

static char *why_cut(const struct sn_net *net, const struct sn_degrade_term *t)
{
    bool all = t->link == SN_DEGRADE_ALL;
    switch (t->target) {
    case SN_DEGRADE_PLANE:
        return sn_strdupf("plane %u is cut", t->at);
    case SN_DEGRADE_NODE:
        return all ? sn_strdupf("node %u is cut", t->at)
                   : sn_strdupf("node %u is cut from plane %u", t->at, t->link);
    case SN_DEGRADE_PAIR:
        return sn_strdupf("die %u is cut from die %u", t->at, t->link);
    default:
        return all ? sn_strdupf("die %u is cut", t->at)
                   : sn_strdupf("die %u is cut from plane %u", t->at, t->link);
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const struct sn_net_pair *x = a, *y = b;
    if (x->src != y->src)
        return x->src < y->src ? -1 : 1;
    return (x->dst > y->dst) - (x->dst < y->dst);
}

/* Products, so that terms on the same link add up in any order. */
static void apply_term(struct sn_net *net, const struct sn_degrade_term *t)
{
    unsigned lanes = net->lanes;
    double *row = NULL;
    if (t->target == SN_DEGRADE_PLANE) {
        net->plane[t->at] *= t->factor;
        for (unsigned e = 0; net->die_lane && e < net->endpoints; e++)
            net->die_lane[(size_t)e * lanes + t->at] *= t->factor;
        for (unsigned n = 0; net->die_lane && n < net->nodes; n++)
            net->node_lane[(size_t)n * lanes + t->at] *= t->factor;
        return;
    }
    if (t->target == SN_DEGRADE_PAIR) {
        net->pairs[net->n_pairs++] = (struct sn_net_pair){t->at, t->link, t->factor};
        return;
    }
    if (t->target == SN_DEGRADE_NODE)
        net->node_touched[t->at] = 1;
    else
        net->die_touched[t->at] = 1;
    row = (t->target == SN_DEGRADE_NODE ? net->node_lane : net->die_lane) + (size_t)t->at * lanes;
    for (unsigned l = 0; l < lanes; l++)
        if (t->link == SN_DEGRADE_ALL || t->link == l)
            row[l] *= t->factor;
}

static double *ones(size_t n)
{
    double *x = sn_calloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = 1;
    return x;
}

static void join_pairs(struct sn_net *net)
{
    size_t n = 0;
    qsort(net->pairs, net->n_pairs, sizeof *net->pairs, compare_pairs);
    for (size_t i = 0; i < net->n_pairs; i++)
        if (n && !compare_pairs(&net->pairs[n - 1], &net->pairs[i]))
            net->pairs[n - 1].factor *= net->pairs[i].factor;
        else
            net->pairs[n++] = net->pairs[i];
    net->n_pairs = n;
}

/* Uplinks that carry less than the dies below can send queue; the others are only a latency. */
static void find_limits(struct sn_net *net)
{
    const struct sn_profile *p = net->p;
    double up = p->planes ? p->l2_per_plane * p->uplink.value : 0;
    net->limited = sn_calloc(net->nodes, 1);
    for (unsigned n = 0; n < net->nodes; n++)
        for (unsigned l = 0; l < p->planes; l++) {
            double below = 0,
                   f = net->die_lane ? net->node_lane[(size_t)n * net->lanes + l] : net->plane[l];
            unsigned first = n * p->dies_per_node, end = first + p->dies_per_node;
            for (unsigned d = first; d < end && d < net->dies; d++)
                below += p->link.value * (net->die_lane ? net->die_lane[(size_t)d * net->lanes + l]
                                                        : net->plane[l]);
            if (f > 0 && below > up * f * (1 + 1e-9))
                net->limited[n] = 1;
        }
}

/* What the routes have that only the planes' own factors touch. */
static void set_rates(struct sn_net *net)
{
    const struct sn_profile *p = net->p;
    unsigned lanes = net->lanes;
    net->plane_factor = 0;
    for (unsigned l = 0; l < lanes; l++) {
        net->plane_factor += net->plane[l] / lanes;
        if (net->plane[l] > 0 && (net->pinned == SN_NET_NO_PLANE || net->pinned == l))
            net->usable[net->n_usable++] = (uint8_t)l;
    }
    for (int i = 0; i < SN_PATHS; i++) {
        struct sn_net_path *h = &net->path[i];
        bool hashed = h->planar && net->hashed;
        if (hashed) {
            h->link = sn_calloc(2 * lanes, sizeof *h->link);
            h->trunk = sn_calloc(2 * lanes, sizeof *h->trunk);
        }
        for (unsigned k = 0; k < 2; k++) {
            h->rate[k] = sn_net_scaled(h->bandwidth[k], h->planar ? net->plane_factor : 1);
            for (unsigned l = 0; hashed && l < lanes; l++) {
                double up = p->uplink.value / (double)h->port_rate;
                h->link[k * lanes + l] = sn_net_scaled(h->bandwidth[k], net->plane[l] / lanes);
                h->trunk[k * lanes + l] = sn_net_scaled(h->bandwidth[k], net->plane[l] * up);
            }
        }
    }
}

static int set_degradation(struct sn_net *net, const char *spec)
{
    int s = sn_degrade_parse(&net->terms, &net->n_terms, spec);
    bool tables = net->hashed;
    for (size_t i = 0; !s && i < net->n_terms; i++) {
        s = check_term(net, &net->terms[i]);
        tables |= net->terms[i].target != SN_DEGRADE_PLANE;
    }
    if (s)
        return s;
    net->plane = ones(net->lanes);
    net->why = sn_calloc(net->n_terms + 1, sizeof *net->why);
    net->pairs = sn_calloc(net->n_terms + 1, sizeof *net->pairs);
    if (tables) {
        net->die_lane = ones((size_t)net->endpoints * net->lanes);
        net->node_lane = ones((size_t)net->nodes * net->lanes);
        net->die_touched = sn_calloc(net->endpoints, 1);
        net->node_touched = sn_calloc(net->nodes, 1);
    }
    for (size_t i = 0; i < net->n_terms; i++) {
        apply_term(net, &net->terms[i]);
        if (net->terms[i].factor == 0)
            net->why[i] = why_cut(net, &net->terms[i]);
    }
    join_pairs(net);
    set_rates(net);
    find_limits(net);
    return SN_OK;
}

/* FIFOs have numbers of 32 bits, and an account of 48 bytes each. */
#define FIFOS_MAX (1u << 27)

/* Before anything is allocated that grows with them. */
static int set_fifos(struct sn_net *net)
{
    uint64_t ports = (uint64_t)net->endpoints * net->ports, links = 0, trunks = 0, sum = 0;
    if (net->p->planes) {
        links = net->hashed ? (uint64_t)net->endpoints * net->lanes : 0;
        trunks =
            net->nodes * (net->hashed ? (uint64_t)net->lanes * net->p->l2_per_plane : UINT64_C(1));
    }
    const uint64_t count[SN_STAGES] = {
        [SN_STAGE_ISSUE] = 2 * ports, [SN_STAGE_INJECT] = ports, [SN_STAGE_UP] = links,
        [SN_STAGE_L1] = trunks,       [SN_STAGE_L2] = trunks,    [SN_STAGE_DOWN] = links,
        [SN_STAGE_EJECT] = ports};
    for (int s = 0; s < SN_STAGES; s++)
        sum += count[s];
    if (sum > FIFOS_MAX)
        return SN_FAIL(SN_EINVAL,
                       "profile %s with %u dies: %llu queues of ports and links, at most %u can be "
                       "modelled; fewer dies, ports, CPUs a node or links would do",
                       net->p->name, net->dies, (unsigned long long)sum, FIFOS_MAX);
    for (int s = 0; s < SN_STAGES; s++) {
        net->base[s + 1] = net->base[s] + (uint32_t)count[s];
        if (count[s] > net->most_fifos)
            net->most_fifos = (uint32_t)count[s];
    }
    return SN_OK;
}

int sn_net_open(struct sn_net **out, const struct sn_profile *p, unsigned dies,
                const struct sn_net_options *o)
{
    int s = sn_profile_check(p, NULL);
    if (s)
        return s;
    if (!dies || dies > 65536)
        return SN_FAIL(SN_EINVAL, "a network of %u dies: must be 1 to 65536", dies);
    struct sn_net *net = sn_calloc(1, sizeof *net);
    net->p = p;
    set_counts(net, dies);
    if ((s = set_options(net, o)) || (s = set_fifos(net)))
        goto failed;
    set_places(net);
    set_paths(net);
    if ((s = set_degradation(net, o ? o->degrade : NULL)))
        goto failed;
    *out = net;
    return SN_OK;
failed:
    sn_net_close(net);
    return s;
}

void sn_net_close(struct sn_net *net)
{
    if (!net)
        return;
    for (size_t i = 0; net->why && i < net->n_terms; i++)
        free(net->why[i]);
    free(net->why);
    free(net->terms);
    free(net->pairs);
    for (int i = 0; i < SN_PATHS; i++) {
        free(net->path[i].link);
        free(net->path[i].trunk);
    }
    free(net->touched);
    free(net->node_touched);
    free(net->die_touched);
    free(net->limited);
    free(net->node_lane);
    free(net->die_lane);
    free(net->plane);
    free(net->node);
    free(net->package);
    free(net->fifos);
    free(net->scratch);
    free(net->counts);
    free(net);
}

unsigned sn_net_dies(const struct sn_net *net)
{
    return net->dies;
}

unsigned sn_net_endpoints(const struct sn_net *net)
{
    return net->endpoints;
}

unsigned sn_net_cpu(const struct sn_net *net, unsigned node, unsigned socket)
{
    return net->dies + node * net->cpus + socket;
}

unsigned sn_net_node(const struct sn_net *net, unsigned endpoint)
{
    return net->node[endpoint];
}

enum sn_path sn_net_path(const struct sn_net *net, unsigned src, unsigned dst)
{
    if (src == dst)
        return SN_PATH_SELF;
    bool node = net->node[src] == net->node[dst];
    if (src >= net->dies || dst >= net->dies)
        return node ? SN_PATH_CPU : SN_PATH_CPU_REMOTE;
    if (net->package[src] == net->package[dst])
        return SN_PATH_PACKAGE;
    return node ? SN_PATH_NODE : SN_PATH_SUPERNODE;
}

void sn_net_size(const struct sn_net *net, struct sn_net_size *out)
{
    const struct sn_profile *p = net->p;
    unsigned l1 = net->nodes * p->planes;
    *out = (struct sn_net_size){
        .dies = net->dies,
        .packages = (net->dies + p->dies_per_npu - 1) / p->dies_per_npu,
        .nodes = net->nodes,
        .planes = p->planes,
        .l1 = l1,
        .l2 = p->planes * p->l2_per_plane,
        .die_links = (uint64_t)net->dies * p->planes,
        .l2_links = (uint64_t)l1 * p->l2_per_plane,
        .die_bandwidth = p->planes ? p->planes * p->link.value : 0,
        .l1_uplink = p->planes ? p->l2_per_plane * p->uplink.value : 0,
        .l2_bandwidth = p->planes ? net->nodes * p->uplink.value : 0,
    };
}
