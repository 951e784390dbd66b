/* The model clock of the micro benchmarks; see modelled.h. */
#include "bench/micro/modelled.h"

#include <assert.h>
#include <math.h>

#include "bench/micro/fabric.h"
#include "harness/base/status.h"

enum payload { AUTO, HEADER, FULL };
const char *const sn_payload_words[] = {"auto", "header", "full", NULL};
enum { HEADER_BYTES = 64 };
static const uint64_t auto_limit = 2ull << 30;

uint64_t sn_payload_bytes(const struct sn_case *c, uint64_t size, uint64_t total)
{
    enum payload how = sn_case_word(c, "payload");
    bool header = how == HEADER || (how == AUTO && total > auto_limit);
    return header && size > HEADER_BYTES ? HEADER_BYTES : size;
}

/* --- ends ------------------------------------------------------------------------------------ */

/* NULL, or why the path cannot be taken both ways. */
static const char *far_end(const struct sn_net *net, const struct sn_profile *p, enum sn_path path,
                           unsigned *far)
{
    static const char *const no_place[SN_PATHS] = {
        [SN_PATH_PACKAGE] = "the profile's machine has one die in a package",
        [SN_PATH_NODE] = "the profile's machine has one package in a node",
        [SN_PATH_SUPERNODE] = "the profile's machine has one node",
        [SN_PATH_CPU] = "the profile's machine has no CPU memory",
        [SN_PATH_CPU_REMOTE] = "the profile's machine has no CPU memory on a second node"};
    unsigned dies = sn_net_dies(net), second = p->dies_per_node,
             at[SN_PATHS] = {[SN_PATH_PACKAGE] = 1,
                             [SN_PATH_NODE] = p->dies_per_npu,
                             [SN_PATH_SUPERNODE] = second,
                             [SN_PATH_CPU] = sn_net_cpu(net, 0, 0),
                             [SN_PATH_CPU_REMOTE] = sn_net_cpu(net, 1, 0)};
    bool cpu = path == SN_PATH_CPU || path == SN_PATH_CPU_REMOTE;
    if (at[path] >= (cpu ? sn_net_endpoints(net) : dies) || (cpu && !p->cpus_per_node) ||
        sn_net_path(net, 0, at[path]) != path)
        return no_place[path];
    *far = at[path];
    const char *why = sn_net_unreachable(net, 0, *far);
    return why ? why : sn_net_unreachable(net, *far, 0);
}

int sn_modelled_net(const struct sn_case *c, unsigned dies, const struct sn_profile **p,
                    struct sn_net **net)
{
    int status = sn_model_profile(c, p);
    if (status != SN_OK)
        return status;
    return sn_model_share(c, dies > (*p)->dies ? dies : (*p)->dies, NULL, net);
}

int sn_modelled_open(const struct sn_case *c, const struct sn_profile **p, struct sn_net **net,
                     unsigned *far)
{
    int status = sn_modelled_net(c, 0, p, net);
    if (status != SN_OK)
        return status;
    const char *why = far_end(*net, *p, sn_modelled_path(c), far);
    return why ? SN_FAIL(SN_EINVAL, "%s", why) : SN_OK;
}

const char *sn_modelled_path_unsupported(const struct sn_case *c)
{
    const struct sn_profile *p;
    struct sn_net *net;
    unsigned far;
    if (sn_modelled_net(c, 0, &p, &net) != SN_OK)
        return NULL; /* no reason to skip: the hook `inputs` says what is wrong */
    const char *why = far_end(net, p, sn_modelled_path(c), &far);
    return why ? why : sn_fabric_unsupported(c);
}

int sn_modelled_inputs(const struct sn_case *c)
{
    const struct sn_profile *p;
    struct sn_net *net;
    return sn_on_model(c) ? sn_modelled_net(c, 0, &p, &net) : SN_OK;
}

const char *sn_modelled_path_flag(enum sn_path path)
{
    static const char *const flags[SN_PATHS] = {
        [SN_PATH_SELF] = "path-self", [SN_PATH_PACKAGE] = "path-package",
        [SN_PATH_NODE] = "path-node", [SN_PATH_SUPERNODE] = "path-supernode",
        [SN_PATH_CPU] = "path-cpu",   [SN_PATH_CPU_REMOTE] = "path-cpu_remote"};
    return flags[path];
}

/* --- time ------------------------------------------------------------------------------------ */

int64_t sn_modelled_issue_ps(const struct sn_profile *p)
{
    return sn_ps(sn_figure_or(&p->cost.issue, 0));
}

/* What a message costs that waits for nobody. */
struct alone {
    int64_t issue, latency, wire;
};

static int64_t time_of(struct sn_net *net, struct sn_msg m, int64_t overhead_ps)
{
    struct sn_net_result ignored;
    int status = sn_net_run(net, &m, 1, overhead_ps, &ignored);
    assert(status == SN_OK); /* it has run before */
    (void)status;
    return m.done_ps;
}

static struct alone alone(struct sn_net *net, const struct sn_profile *p, const struct sn_msg *m,
                          int64_t overhead_ps)
{
    struct sn_msg one = *m;
    const struct sn_profile_path *path = &p->paths[sn_net_path(net, m->src, m->dst)];
    double latency = sn_figure_or(&path->latency, 0);
    if (m->flags & SN_MSG_READ)
        latency = sn_figure_or(&path->read_latency, latency);
    one.issue_ps = 0;
    one.after = SN_MSG_NONE;
    one.flags &= SN_MSG_READ;
    int64_t bare = time_of(net, one, 0), l = sn_ps(latency);
    return (struct alone){.issue = time_of(net, one, overhead_ps) - bare,
                          .latency = l < bare ? l : bare,
                          .wire = l < bare ? bare - l : 0};
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Without steps: the messages of the last one's source go through its port one after another. */
static struct alone train(struct sn_net *net, const struct sn_profile *p,
                          const struct sn_modelled_run *r, uint32_t last)
{
    const struct sn_msg *m = &r->msgs[last], *like = m;
    struct alone a = alone(net, p, m, r->overhead_ps), sum = {.latency = a.latency};
    for (uint32_t i = 0; i <= last; i++) {
        const struct sn_msg *o = &r->msgs[i];
        if (o->src != m->src || o->issue_ps > m->issue_ps)
            continue;
        if (o->dst != like->dst || o->bytes != like->bytes || o->flags != like->flags)
            a = alone(net, p, like = o, r->overhead_ps);
        sum.issue += a.issue;
        sum.wire += a.wire;
    }
    return sum;
}

/* With steps: the messages that waited for each other, from the last one back to *first. */
static struct alone chain(struct sn_net *net, const struct sn_profile *p,
                          const struct sn_modelled_run *r, uint32_t last, uint32_t *first)
{
    struct alone sum = {0};
    for (uint32_t i = last; i != SN_MSG_NONE; i = r->msgs[i].after) {
        struct alone a = alone(net, p, &r->msgs[i], r->overhead_ps);
        sum.issue += a.issue;
        sum.latency += a.latency;
        sum.wire += a.wire;
        *first = i;
    }
    return sum;
}

int sn_modelled_time(struct sn_net *net, const struct sn_profile *p, struct sn_modelled_run *r,
                     struct sn_timeline *t)
{
    struct sn_net_result result;
    int status = sn_net_run(net, r->msgs, r->n, r->overhead_ps, &result);
    if (status != SN_OK)
        return status;
    uint32_t first = result.last;
    bool steps = r->msgs[result.last].after != SN_MSG_NONE;
    struct alone sum =
        steps ? chain(net, p, r, result.last, &first) : train(net, p, r, result.last);
    int64_t contained =
        r->observed ? alone(net, p, &r->msgs[result.last], r->overhead_ps).issue : 0;
    int64_t rest = result.end_ps - r->start_ps - contained;
    int64_t skew = least(r->msgs[first].issue_ps - r->start_ps, rest);
    /* Links that serve at once what alone would take one after another make sums too long. */
    int64_t latency = least(sum.latency, rest -= skew);
    int64_t wire = least(sum.wire, rest -= latency);
    int64_t issue = least(sum.issue - contained, rest -= wire);
    rest -= issue;
    if (skew)
        sn_timeline_part(t, "skew", sn_ps_seconds(skew));
    sn_timeline_part(t, "issue", sn_ps_seconds(issue));
    sn_timeline_part(t, "latency", sn_ps_seconds(latency));
    sn_timeline_part(t, "wire", sn_ps_seconds(wire));
    sn_timeline_part(t, "queue", sn_ps_seconds(rest));
    result.bound_ps -= result.bound_ps > r->start_ps ? r->start_ps : 0;
    sn_model_result(net, r->msgs, &result, t);
    if (!result.bottleneck_bytes) /* copies inside dies pass no port: nothing bounds them */
        t->limit_s = NAN;
    return SN_OK;
}
