/* Measured against modelled: pairs of rows (harness/report_pairs.h) as a table, with what is the
 * same in all of them above it and their errors and models below. */
#include "harness/report_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/numbers.h"
#include "harness/report_parts.h"

enum { LINES_FOR_PEOPLE = 40 };

/* --- as text ---------------------------------------------------------------------------------- */

/* Parameters of a kind: those that vary, those that do not, or all. */
enum which { VARYING, CONSTANT, ALL };

/* "ep=2 kv=4 KiB"; canonical texts where `pretty` is not asked for. */
static void put_params(const struct sn_pair_set *s, const struct sn_pair *p, enum sn_pair_kind kind,
                       enum which which, bool pretty, struct sn_buf *out)
{
    char text[128];

    for (size_t a = 0; a < s->g->n_axes; a++) {
        const char *axis = s->g->axes[a];
        const struct sn_line *l = sn_pair_holder(p, kind, axis);
        if (!l || (which != ALL && s->varies[kind][a] != (which == VARYING)))
            continue;
        sn_buf_addf(out, "%s%s=%s", out->len ? " " : "", axis,
                    pretty ? sn_line_param_pretty(s->g, l, axis, text, sizeof text)
                           : sn_line_param(l, axis));
    }
}

/* What to warn of in any launch of a line. */
static void put_flags(const struct sn_line *l, struct sn_buf *out)
{
    if (l->row->origin == SN_ORIGIN_EMULATED)
        sn_buf_add(out, "emulated");
    for (size_t k = 0; k < l->n_rows; k++)
        for (size_t f = 0; f < l->rows[k]->n_flags; f++) {
            const char *flag = l->rows[k]->flags[f];
            bool seen = !sn_flag_warns(flag);
            for (size_t j = 0; j < k && !seen; j++)
                seen = sn_row_has_flag(l->rows[j], flag);
            if (!seen)
                sn_buf_addf(out, "%s%s", out->len ? " " : "", flag);
        }
}

/* --- the table -------------------------------------------------------------------------------- */

struct columns {
    size_t bench, params[SN_PAIR_KINDS], metric, unit, measured, interval, lo, hi, modelled, error,
        flags;
    size_t origin, line_flags[2], run[2], id[2]; /* of the wall clock, of the model */
};

/* Larger numbers leave a narrow terminal first. */
enum { P_ALWAYS, P_INTERVAL, P_WALL, P_MODEL };

static size_t add(struct sn_table *t, const char *key, const char *head, bool number, int priority,
                  bool people)
{
    enum sn_column_show show = !people ? SN_SHOW_FILES : key ? SN_SHOW_ALL : SN_SHOW_PEOPLE;

    return sn_table_column(t, &(struct sn_column){key, head, number, priority, show});
}

static bool any_varies(const struct sn_pairs *p, enum sn_pair_kind kind)
{
    for (size_t i = 0; i < p->n_sets; i++)
        for (size_t a = 0; a < p->sets[i].g->n_axes; a++)
            if (p->sets[i].varies[kind][a])
                return true;
    return p->many_runs && kind != SN_PAIR_BOTH;
}

static bool any_of(const struct sn_pairs *p, bool (*has)(const struct sn_pair *))
{
    for (size_t i = 0; i < p->n_sets; i++)
        for (size_t k = 0; k < p->sets[i].n; k++)
            if (has(&p->sets[i].all[k]))
                return true;
    return false;
}

static bool has_interval(const struct sn_pair *p)
{
    return isfinite(p->lo);
}

static bool has_flags(const struct sn_pair *p)
{
    struct sn_buf b = {0};

    put_flags(p->wall, &b);
    put_flags(p->model, &b);
    bool any = b.len > 0;
    sn_buf_free(&b);
    return any;
}

static void add_columns(const struct sn_pairs *p, struct columns *c, struct sn_table *t)
{
    c->bench = add(t, "bench", "benchmark", false, P_ALWAYS, true);
    c->params[SN_PAIR_BOTH] =
        add(t, "both", "parameters", false, P_ALWAYS, any_varies(p, SN_PAIR_BOTH));
    c->metric = add(t, "metric", "metric", false, P_ALWAYS, true);
    c->unit = add(t, "unit", NULL, false, 0, false);
    c->measured = add(t, "measured", "measured", true, P_ALWAYS, true);
    if (any_of(p, has_interval))
        c->interval = add(t, NULL, "95 % interval", true, P_INTERVAL, true);
    c->lo = add(t, "measured_lo", NULL, true, 0, false);
    c->hi = add(t, "measured_hi", NULL, true, 0, false);
    c->modelled = add(t, "modelled", "modelled", true, P_ALWAYS, true);
    c->error = add(t, "error", "error (%)", true, P_ALWAYS, true);
    if (any_of(p, has_flags))
        c->flags = add(t, NULL, "flags", false, P_ALWAYS, true);
    c->origin = add(t, "wall_origin", NULL, false, 0, false);
    c->line_flags[0] = add(t, "wall_flags", NULL, false, 0, false);
    c->line_flags[1] = add(t, "model_flags", NULL, false, 0, false);
    c->params[SN_PAIR_WALL] =
        add(t, "wall_alone", "wall alone", false, P_WALL, any_varies(p, SN_PAIR_WALL));
    c->params[SN_PAIR_MODEL] =
        add(t, "model_alone", "model alone", false, P_MODEL, any_varies(p, SN_PAIR_MODEL));
    c->run[0] = add(t, "wall_run", NULL, false, 0, false);
    c->run[1] = add(t, "model_run", NULL, false, 0, false);
    c->id[0] = add(t, "wall_id", NULL, false, 0, false);
    c->id[1] = add(t, "model_id", NULL, false, 0, false);
}

static void fill_numbers(const struct sn_pair *p, const struct columns *c, struct sn_table *t)
{
    const double both[] = {p->measured, p->modelled};
    const struct sn_scale s = sn_scale_choose(p->unit, both, 2);
    const char *space = *s.unit ? " " : "";
    char number[SN_NUM_SIZE], raw[SN_NUM_SIZE], text[2 * SN_NUM_SIZE];

    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "%s%s%s", sn_num_sig(number, both[i] / s.factor), space,
                 s.unit);
        sn_table_set(t, i ? c->modelled : c->measured, text, sn_num_raw(raw, both[i]));
    }
    if (has_interval(p)) {
        sn_num_interval(number, p->measured / s.factor, p->lo / s.factor, p->hi / s.factor);
        snprintf(text, sizeof text, "%s%s%s", number, space, s.unit);
        sn_table_set(t, c->interval, text, NULL);
        sn_table_set(t, c->lo, NULL, sn_num_raw(raw, p->lo));
        sn_table_set(t, c->hi, NULL, sn_num_raw(raw, p->hi));
    }
    snprintf(text, sizeof text, "%+.1f", 100 * p->error);
    sn_table_set(t, c->error, text, sn_num_raw(raw, p->error));
}

static void fill_flags(const struct sn_pair *p, const struct columns *c, struct sn_table *t)
{
    struct sn_buf flags[2] = {{0}}, people = {0};

    put_flags(p->wall, &flags[0]);
    put_flags(p->model, &flags[1]);
    for (int i = 0; i < 2; i++) {
        sn_table_set(t, c->line_flags[i], NULL, flags[i].data);
        if (flags[i].len)
            sn_buf_addf(&people, "%s%s: %s", people.len ? "; " : "", i ? "model" : "wall",
                        flags[i].data);
        sn_buf_free(&flags[i]);
    }
    if (people.len) {
        sn_table_set(t, c->flags, people.data, NULL);
        sn_table_tone(t, c->flags, SN_TONE_WARN);
    }
    sn_buf_free(&people);
}

static void fill(const struct sn_pairs *all, const struct sn_pair_set *s, const struct sn_pair *p,
                 const struct columns *c, struct sn_table *t)
{
    sn_table_row(t);
    sn_table_set(t, c->bench, s->g->bench, s->g->bench);
    for (enum sn_pair_kind k = SN_PAIR_BOTH; k < SN_PAIR_KINDS; k++) {
        const struct sn_line *l = k == SN_PAIR_MODEL ? p->model : p->wall;
        struct sn_buf people = {0}, files = {0};
        if (all->many_runs && k != SN_PAIR_BOTH)
            sn_buf_addf(&people, "run=%s", l->run->name);
        put_params(s, p, k, VARYING, true, &people);
        put_params(s, p, k, ALL, false, &files);
        sn_table_set(t, c->params[k], people.data, files.data);
        sn_buf_free(&people);
        sn_buf_free(&files);
    }
    sn_table_set(t, c->metric, p->metric, p->metric);
    sn_table_set(t, c->unit, NULL, p->unit);
    fill_numbers(p, c, t);
    fill_flags(p, c, t);
    sn_table_set(t, c->origin, NULL, sn_origin_name(p->wall->row->origin));
    for (int i = 0; i < 2; i++) {
        const struct sn_line *l = i ? p->model : p->wall;
        sn_table_set(t, c->run[i], NULL, l->run->name);
        sn_table_set(t, c->id[i], NULL, l->row->id);
    }
}

/* The first `most` pairs. */
static void make_table(const struct sn_pairs *p, size_t most, struct sn_table *out)
{
    struct columns c = {0};

    sn_table_init(out);
    if (!p->n)
        return;
    add_columns(p, &c, out);
    for (size_t i = 0; i < p->n_sets; i++)
        for (size_t k = 0; k < p->sets[i].n && out->n_rows < most; k++)
            fill(p, &p->sets[i], &p->sets[i].all[k], &c, out);
}

void sn_report_pairs_table(const struct sn_report *r, struct sn_table *out)
{
    struct sn_pairs p = sn_pairs_find(r);

    make_table(&p, p.n, out);
    sn_pairs_free(&p);
}

/* --- in words --------------------------------------------------------------------------------- */

/* What is the same in all pairs of a benchmark. */
static void constants(const struct sn_pairs *p, struct sn_doc *doc)
{
    static const char *const words[SN_PAIR_KINDS] = {"on both clocks", "on the wall clock alone",
                                                     "on the model clock alone"};
    bool open = false;

    for (size_t i = 0; i < p->n_sets; i++)
        for (enum sn_pair_kind k = SN_PAIR_BOTH; k < SN_PAIR_KINDS; k++) {
            struct sn_buf text = {0};
            put_params(&p->sets[i], &p->sets[i].all[0], k, CONSTANT, true, &text);
            if (text.len) {
                if (!open)
                    sn_doc_open(doc, SN_BLOCK_TERMS); /* an empty one is no LaTeX */
                open = true;
                char *term = sn_strdupf("%s, %s", p->sets[i].g->bench, words[k]);
                sn_doc_term(doc, term, "%s", text.data);
                free(term);
            }
            sn_buf_free(&text);
        }
}

static void errors(const struct sn_pairs *p, struct sn_doc *doc)
{
    const struct sn_pair *worst = NULL;
    const struct sn_pair_set *of = NULL;
    struct sn_buf where = {0};
    double sum = 0;

    for (size_t i = 0; i < p->n_sets; i++)
        for (size_t k = 0; k < p->sets[i].n; k++) {
            const struct sn_pair *q = &p->sets[i].all[k];
            sum += fabs(q->error);
            if (worst && fabs(q->error) <= fabs(worst->error))
                continue;
            worst = q;
            of = &p->sets[i];
        }
    put_params(of, worst, SN_PAIR_BOTH, VARYING, true, &where);
    sn_doc_para(doc,
                "%zu pair%s: mean absolute error %.1f %%, largest %+.1f %% (%s%s%s, %s). The error "
                "is modelled / measured - 1.",
                p->n, p->n == 1 ? "" : "s", 100 * sum / (double)p->n, 100 * worst->error,
                of->g->bench, where.len ? " " : "", where.len ? where.data : "", worst->metric);
    sn_buf_free(&where);
}

/* --- the models ------------------------------------------------------------------------------- */

/* "24 spec, 3 calibrated": figures of a model by class, in the order of the first of each. */
static void put_classes(const json_t *model, struct sn_buf *out)
{
    const json_t *figures = sn_manifest_get(model, "figures");
    const size_t n = json_array_size(figures);

    for (size_t i = 0; i < n; i++) {
        const char *class = sn_manifest_str(json_array_get(figures, i), "class", "-");
        size_t before = 0, all = 0;
        for (size_t k = 0; k < n; k++) {
            bool same = !strcmp(sn_manifest_str(json_array_get(figures, k), "class", "-"), class);
            before += same && k < i;
            all += same;
        }
        if (!before)
            sn_buf_addf(out, "; %zu %s", all, class);
    }
}

/* `snbench calibrate` gives the name local to what it makes of measured rows. */
static char *describe(const json_t *model)
{
    const char *name = sn_manifest_str(model, "name", "-");
    struct sn_buf b = {0};

    sn_buf_addf(&b, "%s profile %s (%s%s, sha256 %.12s", sn_manifest_str(model, "kind", "fabric"),
                name, strcmp(name, "local") ? "" : "class local, calibrated on measured rows; ",
                sn_manifest_str(model, "path", "-"), sn_manifest_str(model, "sha256", "-"));
    put_classes(model, &b);
    sn_buf_add(&b, ")");
    return b.data;
}

static bool used(const struct sn_pairs *p, const struct sn_report_run *run)
{
    for (size_t i = 0; i < p->n_sets; i++)
        for (size_t k = 0; k < p->sets[i].n; k++)
            if (p->sets[i].all[k].model->run == run)
                return true;
    return false;
}

static void models(const struct sn_report *r, const struct sn_pairs *p, struct sn_doc *doc)
{
    struct sn_buf all = {0};
    json_t *model;
    size_t i;

    for (size_t k = 0; k < r->n_runs; k++) {
        if (!used(p, &r->runs[k]))
            continue;
        json_array_foreach (sn_manifest_get(r->runs[k].manifest, "models"), i, model) {
            char *text = describe(model);
            if (!all.len || !strstr(all.data, text))
                sn_buf_addf(&all, "%s%s", all.len ? ", " : "", text);
            free(text);
        }
    }
    if (all.len)
        sn_doc_para(doc,
                    "Device and fabric profiles of the modelled rows, as their manifest names "
                    "them, with the figures of each class: %s.",
                    all.data);
    else
        sn_doc_para(doc, "The manifest names no device or fabric profile of the modelled rows.");
    sn_buf_free(&all);
}

void sn_report_pairs(const struct sn_report *r, struct sn_doc *doc)
{
    struct sn_pairs p = sn_pairs_find(r);
    struct sn_table t;

    if (p.n) {
        sn_doc_heading(doc, 2, "Measured against modelled");
        sn_doc_para(doc, "Rows of the wall clock (measured, or emulated and flagged so) and of the "
                         "model clock that are equal in every parameter that both have. Parameters "
                         "that only one clock has are listed, not compared. The figure is the "
                         "first metric that both rows have, else the median.");
        constants(&p, doc);
        make_table(&p, LINES_FOR_PEOPLE, &t);
        sn_doc_table(doc, &t, NULL);
        sn_table_free(&t);
        if (p.n > LINES_FOR_PEOPLE)
            sn_doc_para(doc, "%zu more.", p.n - LINES_FOR_PEOPLE);
        errors(&p, doc);
        models(r, &p, doc);
    }
    sn_pairs_free(&p);
}
