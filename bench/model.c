/* Profiles that are read once a run, nets for cases, and what the engine says as a timeline. */
#include "bench/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/plan.h"
#include "harness/sums.h"

struct known {
    char *name;
    struct sn_profile profile;
};

struct shared {
    const struct sn_profile *profile;
    char *degrade;
    unsigned dies;
    struct sn_net_options options; /* but for the text of degrade */
    struct sn_net *net;
    uint64_t used; /* when last */
};

/* A remembered value. Found by its hash first: there are hundreds. */
struct memo {
    uint64_t hash, used; /* when last */
    char *key;
    void *value;
    void (*release)(void *);
};

/* Pointers to profiles stay as the list grows: nets borrow them. */
struct sn_model {
    struct known **known;
    size_t n;
    struct shared shared[SN_MODEL_SHARED];
    uint64_t uses;
    struct memo memos[SN_MODEL_MEMOS];
};

static void forget(struct memo *m)
{
    if (m->key)
        m->release(m->value);
    free(m->key);
    *m = (struct memo){0};
}

void *sn_model_open(void)
{
    return sn_calloc(1, sizeof(struct sn_model));
}

static void drop(struct shared *s)
{
    if (s->net)
        sn_net_close(s->net);
    free(s->degrade);
    *s = (struct shared){0};
}

void sn_model_close(void *model)
{
    struct sn_model *m = model;
    for (int i = 0; i < SN_MODEL_SHARED; i++)
        drop(&m->shared[i]);
    for (size_t i = 0; i < m->n; i++) {
        sn_profile_close(&m->known[i]->profile);
        free(m->known[i]->name);
        free(m->known[i]);
    }
    free(m->known);
    for (int i = 0; i < SN_MODEL_MEMOS; i++)
        forget(&m->memos[i]);
    free(m);
}

void *sn_model_memo(const struct sn_case *c, const char *key)
{
    struct sn_model *m = c->env->shared;
    uint64_t hash = sn_hash_bytes(SN_HASH_START, key, strlen(key));
    for (struct memo *at = m->memos; at < m->memos + SN_MODEL_MEMOS; at++)
        if (at->key && at->hash == hash && !strcmp(at->key, key)) {
            at->used = ++m->uses;
            return at->value;
        }
    return NULL;
}

void sn_model_memo_set(const struct sn_case *c, const char *key, void *value,
                       void (*release)(void *))
{
    struct sn_model *m = c->env->shared;
    struct memo *oldest = m->memos;
    for (struct memo *at = m->memos; at < m->memos + SN_MODEL_MEMOS; at++)
        oldest = at->used < oldest->used ? at : oldest;
    forget(oldest);
    *oldest = (struct memo){.hash = sn_hash_bytes(SN_HASH_START, key, strlen(key)),
                            .used = ++m->uses,
                            .key = sn_strdup(key),
                            .value = value,
                            .release = release};
}

int sn_model_profile(const struct sn_case *c, const struct sn_profile **out)
{
    struct sn_model *m = c->env->shared;
    const char *name = sn_case_text(c, "profile");
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->known[i]->name, name)) {
            *out = &m->known[i]->profile;
            return SN_OK;
        }
    struct known *k = sn_calloc(1, sizeof *k);
    int status = sn_profile_open(&k->profile, name);
    if (status != SN_OK) {
        free(k);
        return status;
    }
    k->name = sn_strdup(name);
    m->known = sn_realloc(m->known, m->n + 1, sizeof(struct known *));
    m->known[m->n++] = k;
    *out = &k->profile;
    return SN_OK;
}

static struct sn_net_options options_of(const struct sn_case *c, const struct sn_net_options *o)
{
    struct sn_net_options options = {.spread = SN_NET_PROFILE, .seed = c->env->seed};
    if (o)
        options = *o;
    options.degrade = sn_case_text(c, "degrade");
    return options;
}

int sn_model_net(const struct sn_case *c, unsigned dies, const struct sn_net_options *o,
                 struct sn_net **out)
{
    const struct sn_profile *p;
    struct sn_net_options options = options_of(c, o);
    int status = sn_model_profile(c, &p);
    return status == SN_OK ? sn_net_open(out, p, dies, &options) : status;
}

int sn_model_share(const struct sn_case *c, unsigned dies, const struct sn_net_options *o,
                   struct sn_net **out)
{
    struct sn_model *m = c->env->shared;
    struct sn_net_options options = options_of(c, o);
    const struct sn_profile *p;
    int status = sn_model_profile(c, &p);
    if (status != SN_OK)
        return status;
    struct shared *oldest = m->shared;
    for (struct shared *s = m->shared; s < m->shared + SN_MODEL_SHARED; s++) {
        if (s->net && s->profile == p && s->dies == dies && !strcmp(s->degrade, options.degrade) &&
            s->options.spread == options.spread && s->options.plane == options.plane &&
            s->options.seed == options.seed) {
            s->used = ++m->uses;
            *out = s->net;
            return SN_OK;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    struct sn_net *net;
    status = sn_net_open(&net, p, dies, &options);
    if (status != SN_OK)
        return status;
    drop(oldest);
    *oldest = (struct shared){.profile = p,
                              .degrade = sn_strdup(options.degrade),
                              .dies = dies,
                              .options = options,
                              .net = net,
                              .used = ++m->uses};
    oldest->options.degrade = NULL;
    *out = net;
    return SN_OK;
}

int sn_model_inputs(const struct sn_case *c, unsigned dies)
{
    struct sn_net *net;
    int status = sn_model_net(c, dies, NULL, &net);
    if (status == SN_OK)
        sn_net_close(net);
    return status;
}

void sn_model_result(const struct sn_net *net, const struct sn_msg *msgs,
                     const struct sn_net_result *r, struct sn_timeline *t)
{
    char bytes[32];
    sn_timeline_limit(
        t, sn_ps_seconds(r->bound_ps),
        "the busiest port's %s at its physical bandwidth, and the latency",
        sn_units_format(bytes, sizeof bytes, (double)r->bottleneck_bytes, SN_UNIT_BYTES));
    snprintf(t->bottleneck, sizeof t->bottleneck, "%s", r->bottleneck);
    unsigned last = msgs[r->last].dst;
    t->last_die = last < sn_net_dies(net) ? (long)last : -1;
}

/* Axes of the benchmark that belong to this clock alone: the profile may know others. */
static bool inside(const struct sn_case *c, const struct sn_profile_range *r)
{
    int i = sn_profile_range_of(r, c->bench->name) ? sn_bench_axis_find(c->bench, r->axis) : -1;
    if (i < 0 || !sn_axis_on(&c->bench->axes[i], SN_CLOCK_MODEL))
        return true;
    const struct sn_axis *a = &c->bench->axes[i];
    const struct sn_value *v = &c->values[i];
    if ((a->type == SN_AXIS_INT || a->type == SN_AXIS_REAL) == (r->n_words > 0))
        return true; /* of an axis of that name elsewhere */
    return sn_profile_range_covers(r, a->type == SN_AXIS_INT ? (double)v->i : v->r, v->text);
}

void sn_model_validity(const struct sn_case *c, const struct sn_profile *p, struct sn_timeline *t)
{
    bool well = !c->bench->endpoints || c->bench->endpoints(c) <= p->dies;
    for (size_t i = 0; i < p->n_valid && well; i++)
        well = inside(c, &p->valid[i]);
    if (!well)
        sn_timeline_flag(t, "extrapolated");
}

void sn_model_cost(const struct sn_figure *cost, struct sn_timeline *t)
{
    if (cost->class == SN_FIGURE_NONE)
        sn_timeline_flag(t, "no-cost");
}

static const char *class_name(enum sn_figure_class class)
{
    static const char *const names[] = {[SN_FIGURE_SPEC] = "spec",
                                        [SN_FIGURE_CALIBRATED] = "calibrated",
                                        [SN_FIGURE_DERIVED] = "derived"};
    return names[class];
}

static void add_figure(json_t *figures, const char *key, const char *unit,
                       const struct sn_figure *f)
{
    if (f->class == SN_FIGURE_NONE)
        return;
    json_array_append_new(figures, json_pack("{s:s, s:f, s:s, s:s, s:s}", "key", key, "value",
                                             sn_units_snap(f->value), "unit", unit, "class",
                                             class_name(f->class), "source", f->source));
}

static json_t *figures_of(const struct sn_profile *p)
{
    json_t *figures = json_array();
    char key[96];
    for (size_t i = 0; i < p->n_ports; i++) {
        snprintf(key, sizeof key, "ports.%s.bandwidth", p->ports[i].name);
        add_figure(figures, key, "B/s", &p->ports[i].bandwidth);
    }
    add_figure(figures, "planes.link", "B/s", &p->link);
    add_figure(figures, "planes.uplink", "B/s", &p->uplink);
    for (int i = 0; i < SN_PATHS; i++) {
        const struct sn_profile_path *q = &p->paths[i];
        const struct {
            const char *name, *unit;
            const struct sn_figure *figure;
        } parts[] = {{"latency", "s", &q->latency},
                     {"bandwidth", "B/s", &q->bandwidth},
                     {"read_latency", "s", &q->read_latency},
                     {"read_bandwidth", "B/s", &q->read_bandwidth}};
        for (size_t j = 0; j < sizeof parts / sizeof *parts && (q->port >= 0 || !i); j++) {
            snprintf(key, sizeof key, "paths.%s.%s", sn_path_words[i], parts[j].name);
            add_figure(figures, key, parts[j].unit, parts[j].figure);
        }
    }
    add_figure(figures, "cost.launch", "s", &p->cost.launch);
    add_figure(figures, "cost.issue", "s", &p->cost.issue);
    add_figure(figures, "cost.flag", "s", &p->cost.flag);
    add_figure(figures, "cost.sync_base", "s", &p->cost.sync_base);
    add_figure(figures, "cost.sync_step", "s", &p->cost.sync_step);
    add_figure(figures, "cost.memory", "B/s", &p->cost.memory);
    return figures;
}

static json_t *words_of(const char *const *words, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(words[i]));
    return list;
}

static json_t *range_of(const struct sn_profile_range *r)
{
    json_t *j = json_pack("{s:s}", "axis", r->axis);
    if (r->n_words) {
        json_object_set_new(j, "words", words_of(r->words, r->n_words));
    } else {
        json_object_set_new(j, "min", json_real(r->min));
        json_object_set_new(j, "max", json_real(r->max));
    }
    if (r->n_benches)
        json_object_set_new(j, "benches", words_of(r->benches, r->n_benches));
    return j;
}

json_t *sn_model_describe(const char *name)
{
    struct sn_profile p;
    char hex[65], *path;
    if (sn_profile_path(name, &path) != SN_OK)
        return NULL;
    if (sn_profile_open(&p, name) != SN_OK || sn_sums_of_file(path, hex) != SN_OK) {
        free(path);
        return NULL;
    }
    json_t *valid = json_array(), *warnings = json_array();
    for (size_t i = 0; i < p.n_valid; i++)
        json_array_append_new(valid, range_of(&p.valid[i]));
    for (size_t i = 0; i < p.n_warnings; i++)
        json_array_append_new(warnings, json_string(p.warnings[i]));
    const char *base = strrchr(path, '/'); /* where it lies differs from machine to machine */
    json_t *j = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o}", "name", p.name, "path",
                          base ? base + 1 : path, "sha256", hex, "dies", (int)p.dies, "figures",
                          figures_of(&p), "valid", valid, "warnings", warnings);
    sn_profile_close(&p);
    free(path);
    return j;
}
