/* What a profile's figures must agree on, and where the profile holds. */
#include "comm/fabric/profile.h"

#include <math.h>
#include <string.h>

#include "harness/base/status.h"

const char *const sn_path_words[] = {[SN_PATH_SELF] = "self", [SN_PATH_PACKAGE] = "package",
                                     [SN_PATH_NODE] = "node", [SN_PATH_SUPERNODE] = "supernode",
                                     [SN_PATH_CPU] = "cpu",   [SN_PATH_CPU_REMOTE] = "cpu_remote",
                                     [SN_PATHS] = NULL};

enum {
    PATH_ITSELF,
    PATH_PORT,
    PATH_LATENCY,
    PATH_BANDWIDTH,
    PATH_READ_LATENCY,
    PATH_READ_BANDWIDTH
};

#define KEYS(p)                                                                                    \
    {                                                                                              \
        "paths." p, "paths." p ".port", "paths." p ".latency", "paths." p ".bandwidth",            \
            "paths." p ".read_latency", "paths." p ".read_bandwidth"                               \
    }
static const char *const path_keys[SN_PATHS][6] = {
    [SN_PATH_SELF] = KEYS("self"), [SN_PATH_PACKAGE] = KEYS("package"),
    [SN_PATH_NODE] = KEYS("node"), [SN_PATH_SUPERNODE] = KEYS("supernode"),
    [SN_PATH_CPU] = KEYS("cpu"),   [SN_PATH_CPU_REMOTE] = KEYS("cpu_remote"),
};

static bool given(const struct sn_figure *f)
{
    return f->class != SN_FIGURE_NONE;
}

/* The clock holds 2^63 ps, 106 days; the most that is multiplied with one figure are the 2 M copies
 * of a die (a time of each) and their 10^11 bytes (a speed). */
#define TIME_MAX  1.0 /* s */
#define SPEED_MIN 1e6 /* B/s */
#define SPEED_MAX 1e18

/* A figure that is not given is well; a time may be 0. */
static int check_figure(const struct sn_figure *f, const char *key, bool speed, const char **where)
{
    *where = key;
    if (!given(f))
        return SN_OK;
    if (!isfinite(f->value))
        return SN_FAIL(SN_EINVAL, "%s: is not a finite number", key);
    if (f->value < 0)
        return SN_FAIL(SN_EINVAL, "%s: %g is negative", key, f->value);
    if (speed && f->value < SPEED_MIN)
        return SN_FAIL(SN_EINVAL, "%s: %g B/s is no speed, it must be at least %g", key, f->value,
                       SPEED_MIN);
    if (speed && f->value > SPEED_MAX)
        return SN_FAIL(SN_EINVAL, "%s: %g is more than %g B/s", key, f->value, SPEED_MAX);
    if (!speed && f->value > TIME_MAX)
        return SN_FAIL(SN_EINVAL, "%s: %g is more than %g s", key, f->value, TIME_MAX);
    return SN_OK;
}

static int check_ports(const struct sn_profile *p, const char **where)
{
    *where = "ports";
    for (size_t i = 0; i < p->n_ports; i++) {
        const struct sn_profile_port *q = &p->ports[i];
        if (!q->name || !*q->name)
            return SN_FAIL(SN_EINVAL, "ports: port %zu has no name", i);
        for (size_t j = 0; j < i; j++)
            if (!strcmp(q->name, p->ports[j].name))
                return SN_FAIL(SN_EINVAL, "ports: \"%s\" is there twice", q->name);
        if (!given(&q->bandwidth))
            return SN_FAIL(SN_EINVAL, "ports: \"%s\" has no bandwidth", q->name);
        int s = check_figure(&q->bandwidth, "ports", true, where);
        if (s) {
            sn_status_prefix("port \"%s\"", q->name);
            return s;
        }
    }
    return SN_OK;
}

static int check_path(const struct sn_profile *p, enum sn_path which, const char **where)
{
    const struct sn_profile_path *h = &p->paths[which];
    const char *const *key = path_keys[which], *word = sn_path_words[which];
    int s;
    if ((s = check_figure(&h->latency, key[PATH_LATENCY], false, where)) ||
        (s = check_figure(&h->bandwidth, key[PATH_BANDWIDTH], true, where)) ||
        (s = check_figure(&h->read_latency, key[PATH_READ_LATENCY], false, where)) ||
        (s = check_figure(&h->read_bandwidth, key[PATH_READ_BANDWIDTH], true, where)))
        return s;

    *where = key[PATH_PORT];
    if (h->port < -1 || h->port >= (int)p->n_ports)
        return SN_FAIL(SN_EINVAL, "%s: there is no such port", *where);
    *where = key[PATH_ITSELF];
    if (h->port < 0) { /* a copy inside the die needs no port */
        if (which != SN_PATH_SELF && (given(&h->latency) || given(&h->bandwidth) ||
                                      given(&h->read_latency) || given(&h->read_bandwidth)))
            return SN_FAIL(SN_EINVAL, "%s: has figures but no port", *where);
        return SN_OK;
    }
    *where = key[PATH_ITSELF];
    if (!given(&h->latency) || !given(&h->bandwidth))
        return SN_FAIL(SN_EINVAL, "%s: needs latency and bandwidth", *where);
    if ((which == SN_PATH_CPU || which == SN_PATH_CPU_REMOTE) && !p->cpus_per_node)
        return SN_FAIL(SN_EINVAL, "paths.%s: there are no CPUs (cpus_per_node)", word);

    const struct sn_profile_port *q = &p->ports[h->port];
    const struct sn_figure *speeds[] = {&h->bandwidth, &h->read_bandwidth};
    for (int i = 0; i < 2; i++) {
        *where = key[i ? PATH_READ_BANDWIDTH : PATH_BANDWIDTH];
        if (given(speeds[i]) && speeds[i]->value > q->bandwidth.value)
            return SN_FAIL(SN_EINVAL, "%s: %g B/s is more than the %g of its port \"%s\"", *where,
                           speeds[i]->value, q->bandwidth.value, q->name);
    }
    return SN_OK;
}

static int check_planes(const struct sn_profile *p, const char **where)
{
    int s;
    if ((s = check_figure(&p->link, "link", true, where)) ||
        (s = check_figure(&p->uplink, "uplink", true, where)))
        return s;
    *where = "planes";
    if (!p->planes) {
        if (given(&p->link) || given(&p->uplink) || p->l2_per_plane || p->hashed || p->planes_port)
            return SN_FAIL(SN_EINVAL, "planes: is 0, but links, L2 chips, hashing or a port of the "
                                      "planes are given");
        return SN_OK;
    }
    if (p->planes > 64)
        return SN_FAIL(SN_EINVAL, "planes: %u is more than 64", p->planes);
    *where = "l2_per_plane";
    if (!p->l2_per_plane || p->l2_per_plane > 4096)
        return SN_FAIL(SN_EINVAL, "l2_per_plane: %u is not in 1 to 4096", p->l2_per_plane);
    *where = "link";
    if (!given(&p->link))
        return SN_FAIL(SN_EINVAL, "link: is missing (bandwidth of a die's link to one plane)");
    *where = "uplink";
    if (!given(&p->uplink))
        return SN_FAIL(SN_EINVAL, "uplink: is missing (bandwidth from an L1 to one L2 chip)");

    *where = "planes_port";
    const struct sn_profile_port *q = NULL;
    for (size_t i = 0; p->planes_port && i < p->n_ports; i++)
        if (!strcmp(p->ports[i].name, p->planes_port))
            q = &p->ports[i];
    if (!q)
        return SN_FAIL(SN_EINVAL, "planes_port: there is no port \"%s\"",
                       p->planes_port ? p->planes_port : "");
    if (q->per_node)
        return SN_FAIL(SN_EINVAL, "planes_port: \"%s\" is one port per node; planes are of dies",
                       q->name);
    *where = "link";
    double sum = p->planes * p->link.value;
    if (fabs(sum - q->bandwidth.value) > 1e-6 * q->bandwidth.value)
        return SN_FAIL(SN_EINVAL, "link: %u planes of %g B/s make %g, port \"%s\" has %g",
                       p->planes, p->link.value, sum, q->name, q->bandwidth.value);
    return SN_OK;
}

static int check_shape(const struct sn_profile *p, const char **where)
{
    *where = "dies";
    if (!p->dies || p->dies > 65536)
        return SN_FAIL(SN_EINVAL, "dies: %u is not in 1 to 65536", p->dies);
    *where = "dies_per_npu";
    if (!p->dies_per_npu)
        return SN_FAIL(SN_EINVAL, "dies_per_npu: must be at least 1");
    *where = "dies_per_node";
    if (!p->dies_per_node || p->dies_per_node > 65536)
        return SN_FAIL(SN_EINVAL, "dies_per_node: %u is not in 1 to 65536", p->dies_per_node);
    if (p->dies_per_node % p->dies_per_npu)
        return SN_FAIL(SN_EINVAL, "dies_per_node: %u dies are no whole number of NPUs of %u",
                       p->dies_per_node, p->dies_per_npu);
    *where = "cpus_per_node";
    if (p->cpus_per_node > 1024)
        return SN_FAIL(SN_EINVAL, "cpus_per_node: %u is more than 1024", p->cpus_per_node);
    return SN_OK;
}

static int check_costs(const struct sn_profile *p, const char **where)
{
    const struct {
        const struct sn_figure *f;
        const char *key;
    } costs[] = {{&p->cost.launch, "cost.launch"},       {&p->cost.issue, "cost.issue"},
                 {&p->cost.flag, "cost.flag"},           {&p->cost.sync_base, "cost.sync_base"},
                 {&p->cost.sync_step, "cost.sync_step"}, {&p->cost.memory, "cost.memory"}};
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        struct sn_figure f = *costs[i].f;
        if (costs[i].f == &p->cost.sync_base) /* an intercept: may be negative */
            f.value = fabs(f.value);
        int s = check_figure(&f, costs[i].key, costs[i].f == &p->cost.memory, where);
        if (s)
            return s;
    }
    return SN_OK;
}

static int check_ranges(const struct sn_profile *p, const char **where)
{
    *where = "valid";
    for (size_t i = 0; i < p->n_valid; i++) {
        const struct sn_profile_range *r = &p->valid[i];
        if (!r->axis || !*r->axis)
            return SN_FAIL(SN_EINVAL, "valid: range %zu names no axis", i);
        if (!r->n_words && (!isfinite(r->min) || !isfinite(r->max) || r->min > r->max))
            return SN_FAIL(SN_EINVAL, "valid: %s from %g to %g is no range", r->axis, r->min,
                           r->max);
    }
    return SN_OK;
}

int sn_profile_check(const struct sn_profile *p, const char **where)
{
    const char *ignored;
    if (!where)
        where = &ignored;
    int s;
    if ((s = check_shape(p, where)) || (s = check_ports(p, where)))
        return s;
    for (int i = 0; i < SN_PATHS; i++)
        if ((s = check_path(p, (enum sn_path)i, where)))
            return s;
    if ((s = check_planes(p, where)) || (s = check_costs(p, where)) || (s = check_ranges(p, where)))
        return s;
    *where = NULL;
    return SN_OK;
}

static bool among(const char *const *words, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(words[i], word))
            return true;
    return false;
}

bool sn_profile_range_of(const struct sn_profile_range *r, const char *bench)
{
    return !r->n_benches || among(r->benches, r->n_benches, bench);
}

bool sn_profile_range_covers(const struct sn_profile_range *r, double value, const char *text)
{
    return r->n_words ? among(r->words, r->n_words, text) : value >= r->min && value <= r->max;
}
