/* Ablations: what one change does. `base` names the value of each axis that is looked at; of every
 * row that has all of them, the rows that differ from it in exactly one of these axes and in
 * nothing else: the metric, its ratio and its change. Several base rows (another batch, say) make a
 * block each. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"
#include "harness/numbers.h"

struct ablation {
    const struct sn_exhibit *e;
    const struct sn_group *g;
    const json_t *base;
    const char *metric;
    struct sn_scale scale;
    struct sn_keys named; /* the axes of base */
    bool many;            /* several base rows: a column says which */
    struct sn_table t;
};

/* The only axis in which l differs from the base row, NULL when there are others, or when it is
 * none of base. */
static const char *differs(const struct ablation *a, const struct sn_line *base,
                           const struct sn_line *l)
{
    const char *only = NULL;

    for (size_t i = 0; i < a->g->n_axes; i++) {
        const char *axis = a->g->axes[i];
        if (!strcmp(sn_line_param(base, axis), sn_line_param(l, axis)))
            continue;
        if (only || !json_object_get(a->base, axis))
            return NULL;
        only = axis;
    }
    return base->row->origin == l->row->origin ? only : NULL;
}

static void add(struct ablation *a, const struct sn_line *base, const struct sn_line *l,
                const char *axis)
{
    double value = sn_exhibit_value(l, a->metric), from = sn_exhibit_value(base, a->metric);
    char text[SN_NUM_SIZE], raw[SN_NUM_SIZE], pretty[128];
    size_t c = 0;

    sn_table_row(&a->t);
    if (a->many) {
        char *label = sn_line_label(a->e->r, a->g, l, a->named.but, a->named.n);
        sn_table_set(&a->t, c++, label, label);
        free(label);
    }
    sn_table_set(&a->t, c++, axis ? axis : "base", axis ? axis : "base");
    if (axis) {
        sn_line_param_pretty(a->g, base, axis, pretty, sizeof pretty);
        sn_table_set(&a->t, c++, pretty, sn_line_param(base, axis));
        sn_line_param_pretty(a->g, l, axis, pretty, sizeof pretty);
        sn_table_set(&a->t, c++, pretty, sn_line_param(l, axis));
    } else {
        c += 2;
    }
    sn_table_set(&a->t, c++, sn_num_sig(text, value / a->scale.factor), sn_num_raw(raw, value));
    sn_table_set(&a->t, c++, sn_num_sig(text, value / from), sn_num_raw(raw, value / from));
    snprintf(text, sizeof text, "%+.1f", 100 * (value / from - 1));
    sn_table_set(&a->t, c++, axis && isfinite(value / from) ? text : NULL,
                 axis ? sn_num_raw(raw, value / from - 1) : NULL);
    sn_table_set(&a->t, c, sn_origin_name(l->row->origin), sn_origin_name(l->row->origin));
}

static void column(struct ablation *a, const char *key, const char *head, bool number)
{
    sn_table_column(&a->t, &(struct sn_column){key, head, number, 0, SN_SHOW_ALL});
}

static void columns(struct ablation *a)
{
    char *words = sn_exhibit_words(a->metric);
    bool plain = !*a->scale.unit;
    char *head = sn_strdupf("%s%s%s%s", words, plain ? "" : " (", a->scale.unit, plain ? "" : ")");

    sn_table_init(&a->t);
    if (a->many)
        column(a, "case", "case", false);
    column(a, "axis", "change of", false);
    column(a, "from", "from", false);
    column(a, "to", "to", false);
    column(a, a->metric, head, true);
    column(a, "ratio", "of the base", true);
    column(a, "change", "change (%)", true);
    column(a, "origin", "origin", false);
    free(head);
    free(words);
}

static struct sn_scale scale_of(const struct ablation *a)
{
    double *values = sn_calloc(a->g->n_lines + 1, sizeof *values);
    bool ignored;

    for (size_t i = 0; i < a->g->n_lines; i++)
        values[i] = sn_exhibit_value(&a->g->lines[i], a->metric);
    struct sn_scale scale =
        sn_scale_choose(sn_exhibit_unit(a->g, a->metric, &ignored), values, a->g->n_lines);
    free(values);
    return scale;
}

void sn_exhibit_ablation(const struct sn_exhibit *e)
{
    struct sn_group *g = sn_exhibit_group_of(e, 0);
    struct ablation a = {.e = e, .g = g, .base = json_object_get(e->decl, "base")};
    size_t bases = 0;
    const char *axis;
    json_t *value;

    if (!g)
        return;
    a.metric = sn_exhibit_str(e, "metric") ? sn_exhibit_str(e, "metric") : "median";
    a.scale = scale_of(&a);
    json_object_foreach ((json_t *)a.base, axis, value) {
        if (a.named.n < sizeof a.named.but / sizeof *a.named.but)
            a.named.but[a.named.n++] = axis;
    }
    for (size_t i = 0; i < g->n_lines; i++)
        bases += sn_exhibit_matches(a.base, &g->lines[i]);
    a.many = bases > 1;
    columns(&a);
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_line *base = &g->lines[i];
        if (!sn_exhibit_matches(a.base, base))
            continue;
        add(&a, base, base, NULL);
        for (size_t n = 0; n < g->n_axes; n++) /* axis by axis, each in the order of the rows */
            for (size_t j = 0; j < g->n_lines; j++) {
                const char *only = differs(&a, base, &g->lines[j]);
                if (only && !strcmp(only, g->axes[n]))
                    add(&a, base, &g->lines[j], only);
            }
    }
    if (bases)
        sn_exhibit_table(e, g->bench, &a.t,
                         "Each row differs from the base row in that axis alone");
    sn_table_free(&a.t);
    sn_exhibit_group_free(g);
}
