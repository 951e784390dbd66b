/* Fidelity: what the model is made of, how far it is from the published figures, and what two
 * models that know nothing would say. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/numbers.h"
#include "harness/report_plots.h"

static bool any_modelled(const struct sn_report *r)
{
    for (size_t g = 0; g < r->n_groups; g++)
        if (r->groups[g].origins & 1u << SN_ORIGIN_MODELLED)
            return true;
    return false;
}

/* --- the models ------------------------------------------------------------------------------- */

static bool equal(const json_t *a, const json_t *b, const char *key)
{
    const char *x = sn_manifest_str(a, key, NULL), *y = sn_manifest_str(b, key, NULL);

    return x && y && strcmp(x, y) == 0;
}

/* Is the model the same file as one of an earlier run? */
static bool before(const struct sn_report *r, size_t run, const json_t *model)
{
    json_t *other;
    size_t i;

    for (size_t k = 0; k < run; k++) {
        json_array_foreach (sn_manifest_get(r->runs[k].manifest, "models"), i, other) {
            if (equal(other, model, "sha256") && equal(other, model, "name"))
                return true;
        }
    }
    return false;
}

/* Do the figures of the set belong to the model? They match an axis that names it. */
static bool belongs(const struct sn_report *r, const struct sn_published_set *set,
                    const json_t *model)
{
    const char *asked = sn_manifest_str(model, "asked", "");
    const char *name = sn_manifest_str(model, "name", "");

    for (size_t i = 0; i < set->expect.n; i++) {
        const struct sn_expectation *e = &set->expect.entries[i];
        const struct sn_bench *b = r->app ? sn_bench_find(r->app, e->bench) : NULL;
        for (size_t a = 0; b && a < e->match.n; a++) {
            int axis = sn_bench_axis_find(b, e->match.axes[a].axis);
            const char *value = e->match.axes[a].values[0];
            if (axis >= 0 && b->axes[axis].is_profile &&
                (strcmp(value, asked) == 0 || strcmp(value, name) == 0))
                return true;
        }
    }
    return false;
}

static size_t fitted(const json_t *model)
{
    json_t *figure;
    size_t i, n = 0;

    json_array_foreach (sn_manifest_get(model, "figures"), i, figure) {
        n += strcmp(sn_manifest_str(figure, "class", ""), "calibrated") == 0;
    }
    return n;
}

static void ratio(const struct sn_report *r, const struct sn_published *p, const json_t *model,
                  struct sn_doc *doc)
{
    size_t parameters = fitted(model);
    bool any = false;

    for (size_t s = 0; s < p->n; s++) {
        const struct sn_published_set *set = &p->sets[s];
        size_t figures = 0, here = 0;
        struct sn_findings f;
        if (!belongs(r, set, model))
            continue;
        sn_findings_make(&set->expect, r, &f);
        for (size_t i = 0; i < f.n; i++) {
            bool calibration = f.findings[i].e->class == SN_EXPECT_CALIBRATION;
            figures += calibration;
            here += calibration && f.findings[i].line;
        }
        sn_findings_free(&f);
        sn_doc_term(doc, "Fitted",
                    "%zu parameter%s against %zu calibration figures of %s (%.2f a "
                    "figure); %zu of these have a row here",
                    parameters, parameters == 1 ? "" : "s", figures, set->expect.figures,
                    figures ? (double)parameters / (double)figures : NAN, here);
        any = true;
    }
    if (!any)
        sn_doc_term(doc, "Fitted",
                    "%zu parameter%s; no published calibration figure belongs to "
                    "this model",
                    parameters, parameters == 1 ? "" : "s");
}

static void validity(const json_t *model, struct sn_doc *doc)
{
    struct sn_buf b = {0};
    json_t *v;
    size_t i;

    json_array_foreach (sn_manifest_get(model, "valid"), i, v) {
        const json_t *words = sn_manifest_get(v, "words");
        double min = sn_manifest_num(v, "min"), max = sn_manifest_num(v, "max");
        sn_buf_addf(&b, "%s%s", b.len ? ", " : "", sn_manifest_str(v, "axis", "-"));
        for (size_t k = 0; k < json_array_size(words); k++)
            sn_buf_addf(&b, "%s %s", k ? " or" : "", json_string_value(json_array_get(words, k)));
        if (!words)
            sn_buf_addf(&b, max != min ? " %.6g to %.6g" : " %.6g", min, max);
    }
    sn_doc_term(doc, "Valid for", "%s", b.len ? b.data : "no range given");
    sn_buf_reset(&b);
    json_array_foreach (sn_manifest_get(model, "warnings"), i, v) {
        if (json_is_string(v))
            sn_doc_term(doc, "Warning", "%s", json_string_value(v));
    }
    sn_buf_free(&b);
}

static void parameters(const json_t *model, struct sn_doc *doc)
{
    static const char *const heads[] = {"parameter", "value", "class", "source"};
    struct sn_table t;
    char text[128];
    json_t *figure;
    size_t i;

    sn_table_init(&t);
    for (i = 0; i < sizeof heads / sizeof *heads; i++)
        sn_table_column(&t, &(struct sn_column){NULL, heads[i], i == 1, i == 3, SN_SHOW_PEOPLE});
    json_array_foreach (sn_manifest_get(model, "figures"), i, figure) {
        sn_table_row(&t);
        sn_table_set(&t, 0, sn_manifest_str(figure, "key", NULL), NULL);
        sn_table_set(&t, 1,
                     sn_figure_text(text, sizeof text, sn_manifest_num(figure, "value"),
                                    sn_manifest_str(figure, "unit", "1")),
                     NULL);
        sn_table_set(&t, 2, sn_manifest_str(figure, "class", NULL), NULL);
        sn_table_set(&t, 3, sn_manifest_str(figure, "source", NULL), NULL);
    }
    if (t.n_rows > 0)
        sn_doc_table(doc, &t, "Parameters and how each was set");
    sn_table_free(&t);
}

static void models(const struct sn_report *r, const struct sn_published *p, struct sn_doc *doc)
{
    json_t *model;
    size_t i;

    for (size_t k = 0; k < r->n_runs; k++) {
        json_array_foreach (sn_manifest_get(r->runs[k].manifest, "models"), i, model) {
            if (before(r, k, model))
                continue;
            char *head = sn_strdupf("Model %s", sn_manifest_str(model, "name", "-"));
            sn_doc_heading(doc, 3, head);
            free(head);
            sn_doc_open(doc, SN_BLOCK_TERMS);
            sn_doc_term(doc, "File", "%s, sha256 %.12s", sn_manifest_str(model, "path", "-"),
                        sn_manifest_str(model, "sha256", "-"));
            ratio(r, p, model, doc);
            validity(model, doc);
            parameters(model, doc);
        }
    }
}

/* --- errors ----------------------------------------------------------------------------------- */

/* Tables of one set; false when no row of the report matches any of its figures. */
static bool errors_of(const struct sn_report *r, const struct sn_published_set *set,
                      struct sn_doc *doc)
{
    struct sn_findings f;
    struct sn_table t;
    bool any;

    sn_findings_make(&set->expect, r, &f);
    any = f.matched > 0;
    if (any) {
        char *head = sn_strdupf("Against %s", set->expect.name);
        sn_doc_heading(doc, 3, head);
        free(head);
        sn_doc_para(doc, "%s: %zu of %zu figures have a row here.", set->expect.brief, f.matched,
                    f.n);
        sn_findings_table(r, &f, false, true, &t);
        sn_doc_table(doc, &t,
                     "Published (expected) and modelled (got); the error is signed, the "
                     "residual is what the model does not explain");
        sn_table_free(&t);
        sn_findings_summary(&f, &t);
        if (t.n_rows > 0)
            sn_doc_table(doc, &t, "Errors by class, and of the null models");
        sn_table_free(&t);
    }
    sn_findings_free(&f);
    return any;
}

void sn_report_fidelity(const struct sn_report *r, const struct sn_published *p, struct sn_doc *doc)
{
    bool any = false;

    if (!any_modelled(r))
        return;
    sn_doc_heading(doc, 2, "Fidelity");
    models(r, p, doc);
    sn_report_validity(r, doc);
    for (size_t s = 0; s < p->n; s++)
        any = errors_of(r, &p->sets[s], doc) || any;
    sn_doc_para(doc, "%s",
                any ? sn_null_models_text : "No row of this report matches a published figure.");
    for (size_t i = 0; i < p->n_errors; i++)
        sn_doc_para(doc, "Published figures left out: %s.", p->errors[i]);
}

/* --- parity ----------------------------------------------------------------------------------- */

/* Number of a class among those that have points, by their order in the enumeration. */
static size_t series_of(const bool *seen, enum sn_expect_class class)
{
    size_t n = 1;

    for (int c = 0; c < (int)class; c++)
        n += seen[c];
    return n;
}

static bool is_point(const struct sn_finding *f, const char *unit)
{
    return f->line && !f->e->range && strcmp(f->e->unit, unit) == 0 && f->got > 0 &&
           f->e->expected > 0 && isfinite(f->got);
}

static int by_published(const void *a, const void *b)
{
    const struct sn_finding *x = *(const struct sn_finding *const *)a;
    const struct sn_finding *y = *(const struct sn_finding *const *)b;

    if (x->e->expected != y->e->expected)
        return x->e->expected < y->e->expected ? -1 : 1;
    return strcmp(x->e->id, y->e->id);
}

static void parity(const struct sn_findings *sets, size_t n, const char *unit, const char *kind,
                   const char *what, struct sn_figures *out)
{
    bool seen[SN_EXPECT_CLASSES] = {false};
    const struct sn_finding **points = NULL;
    struct sn_buf csv = {0};
    size_t n_points = 0;
    char raw[SN_NUM_SIZE];

    for (size_t s = 0; s < n; s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            if (!is_point(&sets[s].findings[i], unit))
                continue;
            points = sn_realloc(points, n_points + 1, sizeof *points);
            points[n_points++] = &sets[s].findings[i];
            seen[sets[s].findings[i].e->class] = true;
        }
    }
    if (!n_points)
        return;
    qsort(points, n_points, sizeof *points, by_published);
    sn_buf_add(&csv, "series,class,id,published,modelled,side\n");
    for (size_t i = 0; i < n_points; i++) {
        const struct sn_expectation *e = points[i]->e;
        sn_buf_addf(&csv, "%zu,%s,%s,%s", series_of(seen, e->class),
                    sn_expect_class_words[e->class], e->id, sn_num_raw(raw, e->expected));
        sn_buf_addf(&csv, ",%s,%d\n", sn_num_raw(raw, points[i]->got), i % 2 ? -1 : 1);
    }
    free(points);
    out->figures = sn_realloc(out->figures, out->n + 1, sizeof *out->figures);
    struct sn_figure *f = &out->figures[out->n++];
    *f = (struct sn_figure){.script = "parity.gp", .csv = csv};
    f->name = sn_strdupf("fidelity-%s", kind);
    f->title = sn_strdupf("fidelity: %s, modelled against published", what);
    f->args[0] = strcmp(unit, "s") == 0 ? "seconds" : "rate";
    f->args[1] = "published";
    f->args[2] = "modelled";
    f->caption =
        sn_strdupf("%s; line: equal, band: ±5 %%; the farthest row of each figure.", f->title);
}

void sn_figures_parity(const struct sn_report *r, const struct sn_published *p,
                       struct sn_figures *out)
{
    struct sn_findings *sets = sn_calloc(p->n + 1, sizeof *sets);

    for (size_t s = 0; s < p->n && any_modelled(r); s++)
        sn_findings_make(&p->sets[s].expect, r, &sets[s]);
    parity(sets, p->n, "s", "time", "time", out);
    parity(sets, p->n, "B/s", "rate", "bandwidth", out);
    for (size_t s = 0; s < p->n; s++)
        sn_findings_free(&sets[s]);
    free(sets);
}
