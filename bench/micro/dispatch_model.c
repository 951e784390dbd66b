/* dispatch on the model clock (bench/micro/dispatch_model.h). */
#include "bench/micro/dispatch_model.h"

#include <stdlib.h>
#include <string.h>

#include "bench/micro/modelled.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

/* --- keys --------------------------------------------------------------------------------------
 */

/* What a key leaves out: axes that do not matter to what is remembered. */
static const char *const any_phase[] = {"phase", NULL};
static const char *const no_bytes[] = {"phase", "order", "degrade", "profile",
                                       "sync",  "skew",  NULL};

static bool among(const char *const *words, const char *word)
{
    while (*words && strcmp(*words, word))
        words++;
    return *words != NULL;
}

/* The case's values of all axes but those, in words; a new string. */
static char *key_of(const struct sn_case *c, const char *what, const char *const *without)
{
    struct sn_buf b = {0};
    sn_buf_addf(&b, "%s %s %llu", c->bench->name, what, (unsigned long long)c->env->seed);
    for (size_t i = 0; c->bench->axes[i].name; i++)
        if (!among(without, c->bench->axes[i].name))
            sn_buf_addf(&b, " %s=%s", c->bench->axes[i].name, c->values[i].text);
    return b.data;
}

/* --- verification ------------------------------------------------------------------------------
 */

/* Fills a draw of the routing of `s` on this rank; false when it cannot be opened. */
static bool draw_zero(const struct sn_case *c, const struct sn_moe_shape *s, struct sn_moe_draw *w)
{
    struct sn_moe m;
    int status = sn_moe_open_routing(&m, s, sn_case_text(c, "routing"), c->env->seed);
    if (status == SN_OK) {
        sn_moe_draw_open(w, s);
        sn_moe_draw_set(w, &m, 0);
    }
    sn_moe_close(&m);
    return status == SN_OK;
}

/* Most copies that a die gets in draw 0; 0 when the routing cannot be opened (`inputs` says why).
 */
static unsigned fit_of(const struct sn_case *c, const struct sn_moe_shape *s)
{
    char *key = key_of(c, "fit", no_bytes);
    unsigned *known = sn_model_memo(c, key);
    struct sn_moe_draw w;
    if (!known && draw_zero(c, s, &w)) {
        known = sn_calloc(1, sizeof *known);
        *known = sn_moe_draw_most(&w);
        sn_moe_draw_close(&w);
        sn_model_memo_set(c, key, known, free);
    }
    free(key);
    return known ? *known : 0;
}

struct sn_moe_shape sn_dispatch_check_shape(const struct sn_case *c,
                                            const struct sn_moe_shape *shape)
{
    enum { SMALL = 24, DRAWS = SN_DISPATCH_MODEL_DRAWS };
    struct sn_moe_shape s = *shape;
    uint64_t copies = (uint64_t)s.dies * s.tokens * (s.topk + (s.shared > 0));
    uint64_t copy = sn_codec_copy_bytes(s.dtype, s.hidden);
    if (sn_moe_unsupported(shape))
        return s;
    if (sn_payload_bytes(c, copy, DRAWS * copies * (copy + 2ull * s.hidden)) < copy) {
        s.dtype = SN_DTYPE_BF16;
        s.hidden = SMALL;
    }
    s.fit = fit_of(c, &s);
    return s;
}

void sn_dispatch_check_fit(struct sn_moe *m)
{
    struct sn_moe_draw w;
    sn_moe_draw_open(&w, &m->shape);
    sn_moe_draw_set(&w, m, 0);
    sn_moe_fit(m, w.count);
    sn_moe_draw_close(&w);
}

bool sn_dispatch_checked(const struct sn_case *c, uint64_t *compared)
{
    char *key = key_of(c, "checked", no_bytes);
    const uint64_t *known = c->env->mutate ? NULL : sn_model_memo(c, key);
    int all = known != NULL;
    free(key);
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, c->env->world->comm);
    if (all)
        *compared = *known;
    return all;
}

void sn_dispatch_set_checked(const struct sn_case *c, uint64_t compared)
{
    char *key = key_of(c, "checked", no_bytes);
    uint64_t *value = sn_calloc(1, sizeof *value);
    *value = compared;
    sn_model_memo_set(c, key, value, free);
    free(key);
}

/* --- legs --------------------------------------------------------------------------------------
 */

/* A leg of a draw, remembered for the phase that has both. */
struct leg {
    struct sn_moe_time time;
    struct sn_dispatch_traffic traffic;
    struct sn_moe_share share[]; /* (dies); traffic points to it */
};

static int open_model(const struct sn_case *c, struct sn_dispatch_model *d)
{
    struct sn_moe_model *m = &d->model;
    unsigned dies = d->shape.dies;
    int status = sn_moe_open_routing(&d->moe, &d->shape, sn_case_text(c, "routing"), c->env->seed);
    d->open = true;
    sn_moe_draw_open(&d->draw, &d->shape);
    status = status ? status : sn_model_profile(c, &m->profile);
    status = status ? status : sn_model_share(c, dies, NULL, &m->net);
    m->moe = &d->moe;
    m->draw = &d->draw;
    m->schedule = d->algorithm->schedule;
    m->dies_per_node = (unsigned)sn_case_int(c, "node");
    m->order = (enum sn_net_order)sn_case_word(c, "order");
    m->sync = (enum sn_moe_sync)sn_case_word(c, "sync");
    d->late_ps = sn_calloc(dies, sizeof *d->late_ps);
    return status;
}

void sn_dispatch_model_close(struct sn_dispatch_model *d)
{
    if (!d->open)
        return;
    sn_moe_model_close(&d->model);
    sn_moe_draw_close(&d->draw);
    sn_moe_close(&d->moe);
    free(d->late_ps);
    d->open = false;
}

/* When each die comes, after the first. */
static void set_arrivals(const struct sn_case *c, struct sn_dispatch_model *d, bool skewed)
{
    int dies = (int)d->shape.dies;
    d->model.late_ps = NULL;
    if (!skewed)
        return;
    int64_t first = INT64_MAX;
    for (int i = 0; i < dies; i++) {
        double s = sn_arrival_delay_s(&d->skew, c->env->seed, c->rep, i, dies);
        d->late_ps[i] = sn_ps(s);
        first = d->late_ps[i] < first ? d->late_ps[i] : first;
    }
    for (int i = 0; i < dies; i++)
        d->late_ps[i] -= first;
    d->model.late_ps = d->late_ps;
}

static int compute(const struct sn_case *c, struct sn_dispatch_model *d, enum sn_moe_leg which,
                   bool skewed, struct leg **out)
{
    int status = d->open ? SN_OK : open_model(c, d);
    if (status != SN_OK)
        return status;
    if (d->drawn != c->rep + 1)
        sn_moe_draw_set(&d->draw, &d->moe, c->rep);
    d->drawn = c->rep + 1;
    set_arrivals(c, d, skewed);
    struct leg *l = sn_calloc(1, sizeof *l + d->shape.dies * sizeof *l->share);
    status = sn_moe_model_leg(&d->model, which, &l->time);
    if (status != SN_OK) {
        free(l);
        return status;
    }
    bool back = which == SN_MOE_COMBINE;
    sn_moe_draw_shares(&d->draw, l->share);
    l->traffic =
        (struct sn_dispatch_traffic){.share = l->share,
                                     .bytes = back ? d->moe.answer_bytes : d->moe.copy_bytes,
                                     .back = back,
                                     .wire = l->time.wire_bytes,
                                     .local = l->time.local_bytes,
                                     .wire_copies = l->time.wire_copies,
                                     .distinct = d->draw.distinct};
    *out = l;
    return SN_OK;
}

/* A leg of draw c->rep, from the memo or computed. */
static int find(const struct sn_case *c, struct sn_dispatch_model *d, enum sn_moe_leg which,
                bool skewed, struct leg **out)
{
    bool late = skewed && d->skew.kind != SN_ARRIVAL_NONE;
    char *what = sn_strdupf("leg %d draw %llu late %d", which, (unsigned long long)c->rep, late);
    char *key = key_of(c, what, any_phase);
    int status = SN_OK;
    *out = sn_model_memo(c, key);
    if (!*out) {
        status = compute(c, d, which, late, out);
        if (status == SN_OK)
            sn_model_memo_set(c, key, *out, free);
    }
    free(what);
    free(key);
    return status;
}

/* --- a draw ------------------------------------------------------------------------------------
 */

static void add_parts(const struct leg *l, struct sn_timeline *t)
{
    for (unsigned i = 0; i < SN_MOE_PARTS; i++)
        if (l->time.part_ps[i])
            sn_timeline_part(t, sn_moe_part_words[i], sn_ps_seconds(l->time.part_ps[i]));
}

/* The bounds of the legs, one after the other; the bottleneck is that of the larger. */
static void add_limit(struct leg *const *legs, unsigned n, struct sn_timeline *t)
{
    const struct leg *most = legs[0];
    int64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        sum += legs[i]->time.bound_ps;
        most = legs[i]->time.bound_ps > most->time.bound_ps ? legs[i] : most;
    }
    if (!sum)
        return;
    char bytes[32];
    sn_units_format(bytes, sizeof bytes, (double)most->time.bound_bytes, SN_UNIT_BYTES);
    sn_timeline_limit(t, sn_ps_seconds(sum),
                      "the busiest port's %s at its physical bandwidth, and the latency%s", bytes,
                      n > 1 ? ", with the other leg's" : "");
    snprintf(t->bottleneck, sizeof t->bottleneck, "%s", most->time.bottleneck);
}

/* Launch and issue are those of every algorithm; flags only of those that put. */
static void check_costs(const struct sn_case *c, const struct sn_dispatch_model *d,
                        const struct sn_profile *p, struct sn_timeline *t)
{
    enum sn_moe_sync sync = (enum sn_moe_sync)sn_case_word(c, "sync");
    sn_model_cost(&p->cost.launch, t);
    sn_model_cost(&p->cost.issue, t);
    if (d->algorithm->schedule != SN_MOE_COPIES && d->algorithm->schedule != SN_MOE_NODES)
        return;
    if (sync != SN_MOE_SYNC_LOG)
        sn_model_cost(&p->cost.flag, t);
    if (sync != SN_MOE_SYNC_LINEAR)
        sn_model_cost(&p->cost.sync_step, t);
}

int sn_dispatch_predict(const struct sn_case *c, struct sn_dispatch_model *d,
                        struct sn_dispatch_figures *f, struct sn_timeline *t, double *skew_free_s)
{
    struct leg *legs[2];
    const struct sn_profile *p;
    unsigned n = 0;
    int64_t skew_free = 0, linear = 0, log = 0, flags = 0;
    int status = sn_model_profile(c, &p);
    if (status != SN_OK)
        return status;
    for (enum sn_moe_leg leg = SN_MOE_DISPATCH; leg <= SN_MOE_COMBINE; leg++) {
        if ((leg == SN_MOE_DISPATCH && d->phase == SN_COMBINE_ONLY) ||
            (leg == SN_MOE_COMBINE && d->phase == SN_DISPATCH_ONLY))
            continue;
        status = find(c, d, leg, n == 0, &legs[n]); /* a dispatch ends when all have come */
        if (status != SN_OK)
            return status;
        const struct sn_moe_time *time = &legs[n]->time;
        skew_free += n ? time->total_ps : time->skew_free_ps;
        linear += time->linear_ps;
        log += time->log_ps;
        flags += time->part_ps[SN_MOE_FLAGS];
        add_parts(legs[n], t);
        n++;
    }
    const struct sn_dispatch_traffic *traffic[2] = {&legs[0]->traffic,
                                                    n > 1 ? &legs[1]->traffic : NULL};
    sn_dispatch_figures_add_model(f, &d->shape, traffic, n);
    add_limit(legs, n, t);
    t->last_die = (long)legs[n - 1]->time.last_die;
    sn_model_validity(c, p, t);
    check_costs(c, d, p, t);
    d->linear_s = sn_ps_seconds(linear);
    d->log_s = sn_ps_seconds(log);
    d->flags_s = sn_ps_seconds(flags);
    *skew_free_s = sn_ps_seconds(skew_free);
    return SN_OK;
}

void sn_dispatch_model_metrics(const struct sn_dispatch_model *d, struct sn_row *row)
{
    const struct sn_metric_doc *docs = sn_dispatch_metric_docs;
    double rest = row->stats.median - d->flags_s;
    double low = d->linear_s < d->log_s ? d->linear_s : d->log_s;
    double high = d->linear_s < d->log_s ? d->log_s : d->linear_s;
    /* The band first: what stands first is shown in tables. */
    sn_row_add_metric(row, docs, "band_low_s", rest + low);
    sn_row_add_metric(row, docs, "band_high_s", rest + high);
    sn_row_add_metric(row, docs, "sync_linear_s", d->linear_s);
    sn_row_add_metric(row, docs, "sync_log_s", d->log_s);
}
