/* Where modelled cases leave what their model was fitted to, and where it has no figure for what
 * they cost. */
#include "harness/report_parts.h"

#include <stdlib.h>
#include <string.h>

/* Distinct texts with "; " between. */
struct list {
    char **texts;
    size_t n;
};

static void add_text(struct list *l, char *text)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->texts[i], text)) {
            free(text);
            return;
        }
    l->texts = sn_realloc(l->texts, l->n + 1, sizeof *l->texts);
    l->texts[l->n++] = text;
}

/* At most `most` of them, then how many more; empties the list. */
static void join(struct list *l, size_t most, struct sn_buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        if (i < most)
            sn_buf_addf(out, "%s%s", i ? "; " : "", l->texts[i]);
        free(l->texts[i]);
    }
    if (l->n > most)
        sn_buf_addf(out, "; and %zu more", l->n - most);
    free(l->texts);
    *l = (struct list){0};
}

/* --- which condition -------------------------------------------------------------------------- */

static const json_t *model_of(const struct sn_line *l)
{
    const struct sn_param *profile = sn_row_param(l->at, "profile");
    json_t *model;
    size_t i;

    json_array_foreach (sn_manifest_get(l->run->manifest, "models"), i, model) {
        if (profile && !strcmp(sn_manifest_str(model, "asked", ""), profile->text))
            return model;
    }
    return NULL;
}

static bool among(const json_t *words, const char *text)
{
    json_t *word;
    size_t i;

    json_array_foreach (words, i, word) {
        if (json_is_string(word) && !strcmp(json_string_value(word), text))
            return true;
    }
    return false;
}

/* What the model was calibrated on, if the row lies outside of it on this axis: a new string, or
 * NULL. */
static char *outside(const struct sn_row *row, const json_t *range)
{
    const char *axis = sn_manifest_str(range, "axis", "");
    const json_t *words = sn_manifest_get(range, "words"),
                 *benches = sn_manifest_get(range, "benches");
    const struct sn_param *p = sn_row_param(row, axis);
    struct sn_buf b = {0};
    json_t *word;
    size_t i;

    if (!p || (benches && !among(benches, row->bench)))
        return NULL;
    if (words && (p->type != SN_PARAM_TEXT || among(words, p->text)))
        return NULL;
    sn_buf_addf(&b, "%s = %s (calibrated: ", axis, p->text);
    json_array_foreach (words, i, word) {
        sn_buf_addf(&b, "%s%s", i ? ", " : "",
                    json_is_string(word) ? json_string_value(word) : "-");
    }
    if (!words) {
        double value = p->type == SN_PARAM_INT ? (double)p->i : p->r;
        double min = sn_manifest_num(range, "min"), max = sn_manifest_num(range, "max");
        if (p->type == SN_PARAM_TEXT || (value >= min && value <= max)) {
            sn_buf_free(&b);
            return NULL;
        }
        sn_buf_addf(&b, min == max ? "%.6g" : "%.6g to %.6g", min, max);
    }
    sn_buf_add(&b, ")");
    return b.data;
}

static void add_conditions(const struct sn_line *l, struct list *out)
{
    const json_t *model = model_of(l);
    const double dies = model ? sn_manifest_num(model, "dies") : 0;
    json_t *range;
    size_t i;

    if (!model)
        return;
    if (l->at->endpoints > dies)
        add_text(out, sn_strdupf("%d dies (the machine has %.0f)", l->at->endpoints, dies));
    json_array_foreach (sn_manifest_get(model, "valid"), i, range) {
        char *text = outside(l->at, range);
        if (text)
            add_text(out, text);
    }
}

/* --- the paragraphs --------------------------------------------------------------------------- */

/* Cases with a flag; `conditions` gets those that they do not meet, unless it is NULL. */
static size_t flagged(const struct sn_report *r, const char *flag, struct list *cases,
                      struct list *conditions, size_t *all)
{
    size_t n = 0;

    *all = 0;
    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++) {
            const struct sn_line *l = &r->groups[g].lines[i];
            if (l->status == SN_ROW_SKIPPED || l->row->origin != SN_ORIGIN_MODELLED)
                continue;
            ++*all;
            if (!sn_row_has_flag(l->at, flag))
                continue;
            char *label = sn_line_label(r, &r->groups[g], l, NULL, 0);
            add_text(cases, sn_strdupf("%s%s%s", r->groups[g].bench, *label ? " " : "", label));
            free(label);
            if (conditions)
                add_conditions(l, conditions);
            n++;
        }
    return n;
}

void sn_report_validity(const struct sn_report *r, struct sn_doc *doc)
{
    enum { NAMED = 8 };
    struct list cases = {0}, conditions = {0};
    struct sn_buf names = {0}, why = {0};
    size_t all, n = flagged(r, "extrapolated", &cases, &conditions, &all);

    join(&cases, NAMED, &names);
    join(&conditions, NAMED, &why);
    if (n)
        sn_doc_para(doc,
                    "Extrapolated: %zu of %zu modelled cases lie outside the range of validity "
                    "(%s).%s%s%s",
                    n, all, names.data,
                    why.len ? " Warning: not what the model was fitted to: " : "",
                    why.len ? why.data : "", why.len ? "." : "");
    else
        sn_doc_para(doc, "Extrapolated: none of the %zu modelled cases.", all);
    sn_buf_reset(&names);
    n = flagged(r, "no-cost", &cases, NULL, &all);
    join(&cases, NAMED, &names);
    if (n)
        sn_doc_para(doc,
                    "Warning: %zu of %zu modelled cases take from their profile a cost that it has "
                    "no figure of, and that counts as 0: their times are from below (%s).",
                    n, all, names.data);
    sn_buf_free(&names);
    sn_buf_free(&why);
}
