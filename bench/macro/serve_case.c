#include "bench/macro/serve_case.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"
#include "bench/macro/pipe.h"
#include "bench/macro/pipe_times.h"
#include "bench/micro/kvread.h"
#include "harness/base/status.h"

const char *const sn_serve_admission_words[] = {"none", "slo", NULL};
const char *const sn_serve_store_words[] = {"before", "behind", NULL};
const char *const sn_serve_find_words[] = {
    [SN_SERVE_FIND_NONE] = "none", [SN_SERVE_FIND_RATE] = "rate", NULL};

/* --- axes of their own ------------------------------------------------------------------------ */

int sn_serve_cache_parse(const char *term, struct sn_serve_cache *out)
{
    int64_t bytes;
    *out = (struct sn_serve_cache){.on = strcmp(term, "off") != 0};
    if (!out->on || !strcmp(term, "unbounded"))
        return SN_OK;
    if (sn_units_parse_int(term, SN_UNIT_BYTES, &bytes) != SN_OK || bytes < 1)
        return SN_FAIL(SN_EINVAL, "'%s': no such cache; one of off, unbounded, or bytes as 4TiB",
                       term);
    out->bytes = (uint64_t)bytes;
    return SN_OK;
}

int sn_serve_cache_check(const char *term)
{
    struct sn_serve_cache x;
    return sn_serve_cache_parse(term, &x);
}

int sn_serve_model_check(const char *term)
{
    struct sn_llm m;
    int status = sn_llm_open(&m, term);
    if (status == SN_OK)
        sn_llm_close(&m);
    return status;
}

/* --- planes ----------------------------------------------------------------------------------- */

static enum sn_path pool_path(const struct sn_profile *p)
{
    return p->paths[SN_PATH_CPU_REMOTE].port >= 0 ? SN_PATH_CPU_REMOTE : SN_PATH_SUPERNODE;
}

/* How much longer bytes take on the degraded plane from a die to the pool, or a die, on another
 * node; reads alike. */
static int slowdown(const struct sn_profile *p, enum sn_path path, const char *degrade,
                    double *factor)
{
    enum { GIGA = 1000000000 };
    double rest[2]; /* of the second GB, healthy and degraded */
    for (int d = 0; d < 2; d++) {
        const struct sn_net_options o = {.degrade = d ? degrade : "none"};
        struct sn_net *net;
        struct sn_net_result r;
        int64_t end[2];
        int status = sn_net_open(&net, p, 2 * p->dies_per_node, &o);
        if (status != SN_OK)
            return status;
        for (int n = 0; n < 2 && status == SN_OK; n++) {
            struct sn_msg m = {.bytes = (uint64_t)GIGA * (n + 1),
                               .dst = path == SN_PATH_CPU_REMOTE ? sn_net_cpu(net, 1, 0)
                                                                 : p->dies_per_node,
                               .after = SN_MSG_NONE};
            status = sn_net_run(net, &m, 1, 0, &r);
            end[n] = m.done_ps;
        }
        sn_net_close(net);
        if (status != SN_OK)
            return status;
        rest[d] = (double)(end[1] - end[0]);
    }
    *factor = rest[1] / rest[0];
    return SN_OK;
}

/* A die's end of a path: of `cpu_remote`, where the pool is in CPU memory, which most blocks of a
 * large machine take; else of `supernode`. The axis `degrade` is of the case's own profile. */
static int link_of(const struct sn_case *c, const struct sn_profile *p, unsigned plane,
                   enum sn_path path, struct sn_serve_link *out)
{
    const struct sn_profile_path *way = &p->paths[path];
    const double latency = sn_figure_or(&way->latency, 0);
    const bool per_node = way->port >= 0 && p->ports[way->port].per_node;
    const char *degrade = sn_case_text(c, "degrade");
    double factor = 1;
    char own[512];
    if (strcmp(degrade, "none") != 0 &&
        sn_kvread_plane_name(sn_case_text(c, "profile"), (enum sn_kvread_plane)plane, own,
                             sizeof own) &&
        !strcmp(own, sn_case_text(c, "profile"))) {
        int status = slowdown(p, path, degrade, &factor);
        if (status != SN_OK)
            return status;
    }
    *out = (struct sn_serve_link){
        .plane = plane,
        .latency_ps = sn_ps(latency),
        .read_latency_ps = sn_ps(sn_figure_or(&way->read_latency, latency)),
        .bandwidth = way->bandwidth.value / factor,
        .read_bandwidth = sn_figure_or(&way->read_bandwidth, way->bandwidth.value) / factor,
        .dies_per_port = per_node ? p->dies_per_node : 1};
    return SN_OK;
}

static int open_plane(const struct sn_case *c, const char *axis, struct sn_profile *out)
{
    char name[512];
    if (!sn_kvread_plane_name(sn_case_text(c, "profile"),
                              (enum sn_kvread_plane)sn_case_word(c, axis), name, sizeof name))
        return SN_FAIL(SN_EINVAL, "%s=%s: profile %s has no such plane", axis,
                       sn_kvread_plane_words[sn_case_word(c, axis)], sn_case_text(c, "profile"));
    return sn_profile_open(out, name);
}

/* Terms of `degrade` that slow some dies and not others. */
static bool names_places(const char *degrade)
{
    for (const char *term = degrade; term; term = strchr(term, '+')) {
        term += *term == '+';
        if (strncmp(term, "plane=", 6) && strcmp(term, "none"))
            return true;
    }
    return false;
}

const char *sn_serve_case_unsupported(const struct sn_case *c)
{
    if (names_places(sn_case_text(c, "degrade")))
        return "serve takes the ports of a plane for alike: degrade=plane=P:FACTOR alone";
    char name[512];
    struct sn_profile p;
    const char *why = NULL;
    static const char *const axes[] = {"plane", "transfer"};
    for (unsigned i = 0; i < 2 && !why; i++) {
        if (!sn_kvread_plane_name(sn_case_text(c, "profile"),
                                  (enum sn_kvread_plane)sn_case_word(c, axes[i]), name,
                                  sizeof name))
            return "the profile has no such plane: those of NAME-ub are NAME-ub, NAME-rdma, "
                   "NAME-vpc";
        if (sn_profile_open(&p, name) != SN_OK)
            return NULL; /* the hook `inputs` says what is wrong */
        if (p.paths[SN_PATH_SUPERNODE].port < 0)
            why = "the plane has no path between nodes";
        sn_profile_close(&p);
    }
    return why;
}

static int open_planes(struct sn_serve_case *s, const struct sn_case *c)
{
    struct sn_serve_config *g = &s->config;
    int status = open_plane(c, "plane", &s->cache);
    if (status == SN_OK)
        status = open_plane(c, "transfer", &s->transfer);
    if (status != SN_OK)
        return status;
    const enum sn_path path = pool_path(&s->cache);
    status = link_of(c, &s->cache, sn_case_word(c, "plane"), path, &g->cache);
    if (status == SN_OK)
        status =
            link_of(c, &s->transfer, sn_case_word(c, "transfer"), SN_PATH_SUPERNODE, &g->transfer);
    if (status != SN_OK)
        return status;
    const double bandwidth = sn_case_real(c, "pool_bandwidth");
    const struct sn_device *device;
    status = sn_device_of_case(c, &device);
    if (status != SN_OK)
        return status;
    const double software =
        sn_figure_or(&device->block, 0) * SN_KVTRACE_BLOCK_TOKENS / SN_PIPE_BLOCK_TOKENS;
    g->pool = (struct sn_kv_plane){.effective_bandwidth = bandwidth > 0 ? bandwidth : INFINITY,
                                   .block_latency = sn_case_real(c, "block_latency") + software};
    g->outstanding = (unsigned)sn_case_int(c, "outstanding");
    const unsigned nodes = (s->cache.dies + s->cache.dies_per_node - 1) / s->cache.dies_per_node;
    g->members = path == SN_PATH_SUPERNODE ? s->cache.dies : nodes * s->cache.cpus_per_node;
    return SN_OK;
}

/* --- sizes ------------------------------------------------------------------------------------ */

double sn_serve_weight_bytes(const struct sn_llm *m, unsigned dies)
{
    const double h = m->hidden, moe = m->layers - m->dense_layers;
    const double q = m->q_rank ? m->q_rank * (h + m->heads * (double)(m->nope + m->rope))
                               : h * m->heads * (m->nope + m->rope);
    const double attention = q + h * (m->latent + m->rope) +
                             (double)m->latent * m->heads * (m->nope + m->v) +
                             (double)m->heads * m->v * h;
    const double expert = 3 * h * m->intermediate;
    return m->layers * attention + m->dense_layers * 3 * h * m->dense_intermediate +
           moe * expert * (m->shared + (double)m->routed / dies) + 2 * h * m->vocabulary;
}

/* Of the decode instance: what the axis gives, or what its weights leave of a die's memory. */
static int kv_of(struct sn_serve_case *s, const struct sn_case *c)
{
    struct sn_serve_config *g = &s->config;
    const struct sn_device *device;
    double bytes = (double)sn_case_int(c, "kv");
    int status = sn_device_of_case(c, &device);
    if (status != SN_OK)
        return status;
    if (bytes == 0) {
        bytes = sn_figure_or(&device->memory_bytes, NAN) -
                sn_serve_weight_bytes(&s->model, g->decode_dies);
        if (!(bytes > 0))
            return SN_FAIL(
                SN_EINVAL,
                "kv=0: the device's memory has no room beside the weights of %u dies, or "
                "its size is not known; right would be kv=BYTES",
                g->decode_dies);
    }
    g->kv_tokens = (uint64_t)(bytes * g->decode_dies / (double)g->token_bytes);
    return SN_OK;
}

static int sizes(struct sn_serve_case *s, const struct sn_case *c)
{
    struct sn_serve_config *g = &s->config;
    const unsigned per_npu = s->transfer.dies_per_npu ? s->transfer.dies_per_npu : 1;
    const struct sn_kv_geometry geometry = {.tokens = 1,
                                            .layers = s->model.layers,
                                            .values = s->model.latent + s->model.rope,
                                            .type = (enum sn_kv_type)sn_case_word(c, "dtype")};
    int status = sn_kv_geometry_bytes(&geometry, &g->token_bytes);
    if (status != SN_OK)
        return status;
    g->block_tokens = SN_KVTRACE_BLOCK_TOKENS;
    g->instances = (unsigned)sn_case_int(c, "prefill");
    g->prefill_dies = (unsigned)sn_case_int(c, "prefill_dies");
    g->decode_dies = (unsigned)sn_case_int(c, "decode_dies");
    g->batch_tokens = (uint64_t)sn_case_int(c, "batch_tokens") * g->prefill_dies;
    g->slots = (uint32_t)((uint64_t)sn_case_int(c, "max_batch") * g->decode_dies / per_npu);
    if (!g->slots)
        return SN_FAIL(SN_EINVAL, "max_batch=%lld: no request on %u dies, %u an NPU",
                       (long long)sn_case_int(c, "max_batch"), g->decode_dies, per_npu);
    return kv_of(s, c);
}

/* The cache's bytes spread over the members. */
static int cache_of(struct sn_serve_case *s, const struct sn_case *c)
{
    struct sn_serve_config *g = &s->config;
    struct sn_serve_cache cache;
    int status = sn_serve_cache_parse(sn_case_text(c, "cache"), &cache);
    if (status != SN_OK)
        return status;
    g->cached = cache.on;
    g->capacity = cache.bytes / g->members;
    if (cache.bytes && g->capacity < sn_serve_block_bytes(g))
        return SN_FAIL(
            SN_EINVAL, "cache=%s: %u members of the pool need room for a block of %llu bytes each",
            sn_case_text(c, "cache"), g->members, (unsigned long long)sn_serve_block_bytes(g));
    return SN_OK;
}

/* --- requests --------------------------------------------------------------------------------- */

static int check_trace_axes(const struct sn_serve_load_spec *s, const struct sn_case *c)
{
    const bool lengths = s->input.kind == SN_SERVE_OF_TRACE && s->output.kind == SN_SERVE_OF_TRACE;
    if (s->trace)
        return lengths && s->reuse == 0
                   ? SN_OK
                   : SN_FAIL(SN_EINVAL,
                             "trace=%s says how long requests are and what they share: input, "
                             "output and reuse need trace=none",
                             sn_case_text(c, "trace"));
    if (s->arrivals.kind == SN_SERVE_TRACE)
        return SN_FAIL(SN_EINVAL, "trace=none: right would be arrivals=poisson(2)");
    if (s->input.kind == SN_SERVE_OF_TRACE || s->output.kind == SN_SERVE_OF_TRACE)
        return SN_FAIL(SN_EINVAL,
                       "trace=none: right would be input=fixed(4096) and output=fixed(256)");
    return s->requests ? SN_OK
                       : SN_FAIL(SN_EINVAL, "trace=none: right would be requests=1000, not 0");
}

static int requests_of(struct sn_serve_case *s, const struct sn_case *c)
{
    struct sn_serve_load_spec *l = &s->spec;
    const bool trace = strcmp(sn_case_text(c, "trace"), "none") != 0;
    *l = (struct sn_serve_load_spec){.requests = (size_t)sn_case_int(c, "requests"),
                                     .reuse = sn_case_real(c, "reuse"),
                                     .scale = sn_case_real(c, "scale"),
                                     .seed = c->env->seed};
    int status = sn_serve_arrivals_parse(sn_case_text(c, "arrivals"), &l->arrivals);
    if (status == SN_OK)
        status = sn_serve_lengths_parse(sn_case_text(c, "input"), &l->input);
    if (status == SN_OK)
        status = sn_serve_lengths_parse(sn_case_text(c, "output"), &l->output);
    if (status == SN_OK && trace) {
        char *path;
        status = sn_serve_trace_path(sn_case_text(c, "trace"), &path);
        if (status == SN_OK) {
            status = sn_kvtrace_open(&s->trace, path);
            free(path);
        }
        l->trace = &s->trace;
    }
    if (status == SN_OK)
        status = check_trace_axes(l, c);
    if (status == SN_OK)
        status = sn_serve_lengths_read(&l->input);
    if (status == SN_OK)
        status = sn_serve_lengths_read(&l->output);
    return status;
}

int sn_serve_case_open(struct sn_serve_case *s, const struct sn_case *c, bool times)
{
    struct sn_serve_config *g = &s->config;
    *s = (struct sn_serve_case){.ttft_s = sn_case_real(c, "ttft"),
                                .tpot_s = sn_case_real(c, "tpot"),
                                .percentile = sn_case_real(c, "percentile")};
    g->seed = c->env->seed;
    g->mtp = (unsigned)sn_case_int(c, "mtp");
    g->accept = sn_case_real(c, "accept");
    g->store_behind = sn_case_word(c, "store") == 1;
    g->ttft_limit_ps = sn_case_word(c, "admission") == 1 ? sn_ps(s->ttft_s) : INT64_MAX;
    g->log = true;
    int status = sn_llm_open(&s->model, sn_case_text(c, "model"));
    if (status == SN_OK)
        status = open_planes(s, c);
    if (status == SN_OK)
        status = sizes(s, c);
    if (status == SN_OK)
        status = cache_of(s, c);
    if (status == SN_OK)
        status = requests_of(s, c);
    if (status == SN_OK && times) {
        status = sn_pipe_times_open(c, &g->times);
        s->timed = status == SN_OK;
    }
    return status;
}

void sn_serve_case_close(struct sn_serve_case *s)
{
    if (s->timed)
        sn_pipe_times_close(&s->config.times);
    sn_serve_lengths_free(&s->spec.input);
    sn_serve_lengths_free(&s->spec.output);
    sn_kvtrace_close(&s->trace);
    if (s->cache.name)
        sn_profile_close(&s->cache);
    if (s->transfer.name)
        sn_profile_close(&s->transfer);
    if (s->model.name)
        sn_llm_close(&s->model);
    *s = (struct sn_serve_case){0};
}

static double npus(const struct sn_serve_case *s, unsigned dies)
{
    return (double)dies / (s->transfer.dies_per_npu ? s->transfer.dies_per_npu : 1);
}

double sn_serve_prefill_npus(const struct sn_serve_case *s)
{
    return npus(s, s->config.instances * s->config.prefill_dies);
}

double sn_serve_decode_npus(const struct sn_serve_case *s)
{
    return npus(s, s->config.decode_dies);
}
