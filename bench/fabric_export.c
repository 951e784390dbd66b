/* A platform and a traffic for SimGrid (simgrid.org, platform DTD 4.1), and the engine's answer to
 * the same traffic. */
#include "bench/fabric_export.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/profile.h"
#include "comm/fabric/net.h"
#include "harness/axis.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

enum { DIES, TRAFFIC, SIZE, ORDER, SEED, AXES };
enum traffic { ALLTOALL, SKEWED, INCAST };
static const char *const traffic_words[] = {"alltoall", "skewed", "incast", NULL};

static const struct sn_axis axes[AXES + 1] = {
    [DIES] = {.name = "dies", .type = SN_AXIS_INT, .def = "16", .min = 2, .max = 1024},
    [TRAFFIC] = {.name = "traffic",
                 .type = SN_AXIS_WORD,
                 .def = "alltoall",
                 .words = traffic_words},
    [SIZE] = {.name = "size",
              .type = SN_AXIS_INT,
              .unit = SN_UNIT_BYTES,
              .def = "120K",
              .min = 1,
              .max = 1 << 30},
    [ORDER] = {.name = "order",
               .type = SN_AXIS_WORD,
               .def = "rotated",
               .words = sn_net_order_words},
    [SEED] = {.name = "seed", .type = SN_AXIS_INT, .def = "1", .min = 0, .max = 1e15},
    [AXES] = {0},
};

struct request {
    int64_t value[AXES];
    const struct sn_profile *profile;
    struct sn_net *net;
    struct sn_msg *msgs;
    size_t n;
};

static int parse_one(struct request *r, bool *given, const char *text)
{
    const char *names[AXES], *equals = strchr(text, '=');
    for (size_t a = 0; a < AXES; a++) {
        names[a] = axes[a].name;
        size_t len = strlen(names[a]);
        if (!equals || (size_t)(equals - text) != len || strncmp(text, names[a], len))
            continue;
        struct sn_sweep s;
        if (given[a])
            return SN_FAIL(SN_EINVAL, "fabric export: %s is given twice", names[a]);
        int status = sn_sweep_parse(&s, &axes[a], equals + 1, 0);
        if (status != SN_OK)
            return status;
        r->value[a] = s.values[0].i;
        size_t n = s.n;
        sn_sweep_free(&s);
        given[a] = true;
        return n == 1 ? SN_OK : SN_FAIL(SN_EINVAL, "fabric export: %s: one value", text);
    }
    char *name = sn_strdupf("%.*s", equals ? (int)(equals - text) : (int)strlen(text), text);
    const char *near = sn_nearest(name, names, AXES);
    free(name);
    return SN_FAIL(SN_EINVAL,
                   "fabric export: '%s'%s%s%s; it takes dies=N traffic=alltoall|skewed|incast "
                   "size=BYTES order=rotated|random|same seed=N",
                   text, near ? ": did you mean '" : "", near ? near : "", near ? "='?" : "");
}

static int parse(struct request *r, const struct sn_options *o)
{
    bool given[AXES] = {false};
    if (!o->n_args || strcmp(o->args[0], "export"))
        return SN_FAIL(SN_EINVAL, "fabric %s: the one thing it does is `fabric export`",
                       o->n_args ? o->args[0] : "");
    if (o->form && strcmp(o->form, "simgrid"))
        return SN_FAIL(SN_EINVAL, "--format %s: the one form is simgrid", o->form);
    if (!o->out)
        return SN_FAIL(SN_EINVAL, "fabric export: where to? -o DIR");
    for (size_t i = 1; i < o->n_args; i++) {
        int status = parse_one(r, given, o->args[i]);
        if (status != SN_OK)
            return status;
    }
    for (size_t a = 0; a < AXES; a++) {
        struct sn_sweep s;
        if (given[a])
            continue;
        int status = sn_sweep_parse(&s, &axes[a], axes[a].def, 0);
        if (status != SN_OK)
            return status;
        r->value[a] = s.values[0].i;
        sn_sweep_free(&s);
    }
    return SN_OK;
}

/* Bytes from src to dst. Skewed: popularity of the receivers falls as 1 / (rank + 1)^0.6, dealt out
 * by the seed, with 50 % of noise per pair; the mean stays `size`. */
static uint64_t bytes_of(const struct request *r, const double *share, unsigned src, unsigned dst)
{
    double size = (double)r->value[SIZE];
    if (r->value[TRAFFIC] != SKEWED)
        return (uint64_t)size;
    struct sn_rng rng = sn_rng_make((uint64_t)r->value[SEED], (uint64_t)src << 32 | dst);
    double noise = 0.5 + sn_rng_uniform(&rng);
    return (uint64_t)fmax(1, size * share[dst] * noise);
}

static void make_traffic(struct request *r)
{
    unsigned n = (unsigned)r->value[DIES];
    double *share = sn_calloc(n, sizeof *share), sum = 0;
    uint32_t *order = sn_calloc(n, sizeof *order);
    for (unsigned d = 0; d < n; d++) {
        order[d] = d;
        share[d] = pow(d + 1, -0.6);
        sum += share[d];
    }
    struct sn_rng rng = sn_rng_make((uint64_t)r->value[SEED], UINT64_MAX);
    for (unsigned d = n - 1; d > 0; d--) {
        unsigned other = (unsigned)sn_rng_below(&rng, d + 1);
        uint32_t kept = order[d];
        order[d] = order[other];
        order[other] = kept;
    }
    double *dealt = sn_calloc(n, sizeof *dealt);
    for (unsigned d = 0; d < n; d++)
        dealt[order[d]] = share[d] * n / sum;
    r->msgs = sn_calloc((size_t)n * n, sizeof *r->msgs);
    for (unsigned s = 0; s < n; s++) {
        sn_net_order((enum sn_net_order)r->value[ORDER], s, n, (uint64_t)r->value[SEED], order);
        for (unsigned i = 0; i + 1 < n; i++)
            if (r->value[TRAFFIC] != INCAST || order[i] == 0)
                r->msgs[r->n++] = (struct sn_msg){.src = s,
                                                  .dst = order[i],
                                                  .bytes = bytes_of(r, dealt, s, order[i]),
                                                  .after = SN_MSG_NONE};
    }
    free(order);
    free(share);
    free(dealt);
}

/* (ports, dies) rate at which the engine serves this traffic, where there is none the port's. */
static double *port_rates(const struct request *r, bool in)
{
    const struct sn_profile *p = r->profile;
    size_t dies = (size_t)r->value[DIES];
    double *bytes = sn_calloc(p->n_ports * dies, sizeof *bytes);
    double *busy = sn_calloc(p->n_ports * dies, sizeof *busy);
    for (size_t i = 0; i < r->n; i++) {
        const struct sn_msg *m = &r->msgs[i];
        const struct sn_profile_path *path = &p->paths[sn_net_path(r->net, m->src, m->dst)];
        size_t at = (size_t)path->port * dies + (in ? m->dst : m->src);
        bytes[at] += (double)m->bytes;
        busy[at] += (double)m->bytes / path->bandwidth.value;
    }
    for (size_t i = 0; i < p->n_ports * dies; i++)
        bytes[i] = bytes[i] > 0 ? bytes[i] / busy[i] : p->ports[i / dies].bandwidth.value;
    free(busy);
    return bytes;
}

static void write_links(const struct request *r, const double *rates, const char *way,
                        struct sn_buf *b)
{
    size_t dies = (size_t)r->value[DIES];
    for (size_t q = 0; q < r->profile->n_ports; q++)
        for (size_t d = 0; d < dies; d++)
            sn_buf_addf(b, "<link id=\"%s-%s-%zu\" bandwidth=\"%.12gBps\" latency=\"0s\"/>\n", way,
                        r->profile->ports[q].name, d, rates[q * dies + d]);
}

static void write_platform(const struct request *r, struct sn_buf *b)
{
    const struct sn_profile *p = r->profile;
    unsigned dies = (unsigned)r->value[DIES];
    double *up = port_rates(r, false), *down = port_rates(r, true);
    sn_buf_addf(b,
                "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                "\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n"
                "<!-- dies=%u traffic=%s size=%lld order=%s seed=%lld -->\n"
                "<zone id=\"%s\" routing=\"Full\">\n",
                dies, traffic_words[r->value[TRAFFIC]], (long long)r->value[SIZE],
                sn_net_order_words[r->value[ORDER]], (long long)r->value[SEED], p->name);
    for (unsigned d = 0; d < dies; d++)
        sn_buf_addf(b, "<host id=\"die%u\" speed=\"1Gf\"/>\n", d);
    write_links(r, up, "up", b);
    write_links(r, down, "down", b);
    /* One a source: the solver's work grows with the flows that share a link. */
    for (unsigned i = 0; i < SN_PATHS * dies; i++)
        if (p->paths[i % SN_PATHS].port >= 0)
            sn_buf_addf(b,
                        "<link id=\"path-%s-%u\" bandwidth=\"%.12gBps\" latency=\"%.12gs\" "
                        "sharing_policy=\"FATPIPE\"/>\n",
                        sn_path_words[i % SN_PATHS], i / SN_PATHS,
                        p->paths[i % SN_PATHS].bandwidth.value,
                        p->paths[i % SN_PATHS].latency.value);
    for (unsigned i = 0; i < dies * dies; i++) {
        unsigned src = i / dies, dst = i % dies;
        enum sn_path path = sn_net_path(r->net, src, dst);
        if (src == dst)
            continue;
        const char *port = p->ports[p->paths[path].port].name;
        sn_buf_addf(b,
                    "<route src=\"die%u\" dst=\"die%u\" symmetrical=\"NO\"><link_ctn "
                    "id=\"up-%s-%u\"/><link_ctn id=\"path-%s-%u\"/><link_ctn id=\"down-%s-%u\"/>"
                    "</route>\n",
                    src, dst, port, src, sn_path_words[path], src, port, dst);
    }
    sn_buf_add(b, "</zone>\n</platform>\n");
    free(up);
    free(down);
}

/* Random: the receivers' popularity and the noise of skewed traffic, a shuffled order. */
static bool is_random(const struct request *r)
{
    return r->value[TRAFFIC] == SKEWED || r->value[ORDER] == SN_ORDER_RANDOM;
}

/* What a flow model of two links and a latency a route cannot say: SN_EINVAL with what it is. */
static int check_exportable(const struct request *r)
{
    const struct sn_profile *p = r->profile;
    unsigned dies = (unsigned)r->value[DIES];
    const char *name = p->name;
    for (size_t q = 0; q < p->n_ports; q++)
        if (p->ports[q].per_node)
            return SN_FAIL(SN_EINVAL,
                           "fabric export: profile %s: port \"%s\" is one for all dies of a node, "
                           "which the exported form has not; export a profile with ports of dies",
                           name, p->ports[q].name);
    if (p->hashed)
        return SN_FAIL(
            SN_EINVAL,
            "fabric export: profile %s hashes messages to links, which the exported form "
            "has not; export one with spread: sprayed",
            name);
    unsigned below = dies < p->dies_per_node ? dies : p->dies_per_node;
    if (p->planes && dies > p->dies_per_node &&
        below * p->link.value > p->l2_per_plane * p->uplink.value * (1 + 1e-9))
        return SN_FAIL(SN_EINVAL,
                       "fabric export: profile %s: a node's uplinks carry less than its %u dies "
                       "send, and the exported form has none; export at most %u dies",
                       name, below, p->dies_per_node);
    for (unsigned dst = 1; dst < dies; dst++) { /* healthy: as seen from any die */
        const char *why = sn_net_unreachable(r->net, 0, dst);
        if (why)
            return SN_FAIL(SN_EINVAL, "fabric export: nothing passes from die 0 to die %u: %s", dst,
                           why);
    }
    return SN_OK;
}

static int write_file(const char *dir, const char *name, const struct sn_buf *b)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    int status = SN_OK;
    if (!f || fwrite(b->data, 1, b->len, f) != b->len)
        status = SN_FAIL(SN_EIO, "%s: %s", path, strerror(errno));
    if (f && fclose(f) && status == SN_OK)
        status = SN_FAIL(SN_EIO, "%s: %s", path, strerror(errno));
    free(path);
    return status;
}

static int write_all(const struct request *r, const char *dir)
{
    struct sn_buf platform = {0}, hosts = {0}, traffic = {0};
    int status = SN_OK;
    write_platform(r, &platform);
    for (unsigned d = 0; d < (unsigned)r->value[DIES]; d++)
        sn_buf_addf(&hosts, "die%u\n", d);
    for (size_t i = 0; i < r->n; i++)
        sn_buf_addf(&traffic, "%u %u %llu\n", r->msgs[i].src, r->msgs[i].dst,
                    (unsigned long long)r->msgs[i].bytes);
    if (mkdir(dir, 0777) && errno != EEXIST)
        status = SN_FAIL(SN_EIO, "%s: %s", dir, strerror(errno));
    if (status == SN_OK)
        status = write_file(dir, "platform.xml", &platform);
    if (status == SN_OK)
        status = write_file(dir, "hosts", &hosts);
    if (status == SN_OK)
        status = write_file(dir, "traffic.txt", &traffic);
    sn_buf_free(&platform);
    sn_buf_free(&hosts);
    sn_buf_free(&traffic);
    return status;
}

int sn_fabric_export(const struct sn_options *o, FILE *out)
{
    struct request r = {0};
    struct sn_profile profile;
    struct sn_net_result result;
    int status = parse(&r, o);
    if (status == SN_OK)
        status = sn_profile_open(&profile, o->profile ? o->profile : "ideal");
    if (status != SN_OK)
        return status;
    r.profile = &profile;
    const struct sn_net_options options = {.spread = SN_NET_SPRAY};
    status = sn_net_open(&r.net, &profile, (unsigned)r.value[DIES], &options);
    if (status == SN_OK) {
        status = check_exportable(&r);
        if (status == SN_OK)
            make_traffic(&r);
        if (status == SN_OK)
            status = sn_net_run(r.net, r.msgs, r.n, 0, &result);
        if (status == SN_OK)
            status = write_all(&r, o->out);
        if (status == SN_OK && is_random(&r))
            fprintf(out, "seed %lld\n", (long long)r.value[SEED]);
        if (status == SN_OK)
            fprintf(out, "messages %zu\nmakespan %.9g s\nbound %.9g s\nfiles %s\n", r.n,
                    sn_ps_seconds(result.end_ps), sn_ps_seconds(result.bound_ps), o->out);
        sn_net_close(r.net);
    }
    free(r.msgs);
    sn_profile_close(&profile);
    return status;
}
