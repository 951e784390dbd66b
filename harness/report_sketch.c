/* Figures in the making: series, facets, names. */
#include "harness/report_sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sn_sketch_clean(char *s)
{
    for (; *s; s++)
        *s = *s == ',' ? ';' : *s == '"' ? '\'' : *s; /* gnuplot splits quoted fields too */
}

/* "get shm size=4 KiB": words stand alone, numbers keep the name of their axis. New string. */
char *sn_sketch_series(const struct sn_sketch *k, const struct sn_line *l,
                       const struct sn_keys *but)
{
    struct sn_buf b = {0};
    char text[128], *s;

    if (k->r->n_runs > 1)
        sn_buf_addf(&b, " %s", l->run->name);
    for (size_t a = 0; a < k->g->n_axes; a++) {
        const struct sn_param *p = sn_row_param(l->row, k->g->axes[a]);
        bool left_out = !k->g->varies[a] || !p;
        for (size_t i = 0; i < but->n; i++)
            left_out = left_out || strcmp(but->but[i], k->g->axes[a]) == 0;
        if (left_out)
            continue;
        sn_line_param_pretty(k->g, l, k->g->axes[a], text, sizeof text);
        if (p->type == SN_PARAM_TEXT)
            sn_buf_addf(&b, " %s", text);
        else
            sn_buf_addf(&b, " %s=%s", k->g->axes[a], text);
    }
    if (sn_group_mixed(k->g))
        sn_buf_addf(&b, " (%s)", sn_origin_name(l->row->origin));
    s = sn_strdup(b.len ? b.data + 1 : "median");
    sn_sketch_clean(s);
    sn_buf_free(&b);
    return s;
}

bool sn_sketch_drawn(const struct sn_line *l)
{
    return l->status == SN_ROW_OK && l->n_ok > 0 && isfinite(l->median) && l->median > 0;
}

size_t sn_sketch_values(const struct sn_group *g, const char *axis)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        bool before = !sn_sketch_drawn(&g->lines[i]);
        for (size_t j = 0; j < i && !before; j++)
            before =
                sn_sketch_drawn(&g->lines[j]) &&
                strcmp(sn_line_param(&g->lines[i], axis), sn_line_param(&g->lines[j], axis)) == 0;
        n += !before;
    }
    return n;
}

void sn_sketch_band(const struct sn_line *l, double *lo, double *hi)
{
    double low = sn_line_metric(l, "band_low_s"), high = sn_line_metric(l, "band_high_s");

    *lo = isnan(low) ? l->lo : low;
    *hi = isnan(high) ? l->hi : high;
}

const char *sn_sketch_band_words(const struct sn_group *g)
{
    if (sn_group_metric(g, "band_low_s"))
        return "what the model cannot tell (band_low_s to band_high_s)";
    return g->interval ? "95 % interval" : "range of launches";
}

/* --- facets: one figure for each combination of the axes in k->facets ------------------------- */

static char *facet_label(const struct sn_sketch *k, const struct sn_line *l)
{
    struct sn_buf b = {0};
    char text[128], *s;

    for (size_t f = 0; f < k->n_facets; f++)
        sn_buf_addf(&b, "%s%s = %s", f ? ", " : "", k->facets[f],
                    sn_line_param_pretty(k->g, l, k->facets[f], text, sizeof text));
    s = sn_strdup(b.len ? b.data : "");
    sn_buf_free(&b);
    return s;
}

bool sn_sketch_same_figure(const struct sn_sketch *k, const struct sn_line *a,
                           const struct sn_line *b)
{
    for (size_t f = 0; f < k->n_facets; f++)
        if (strcmp(sn_line_param(a, k->facets[f]), sn_line_param(b, k->facets[f])) != 0)
            return false;
    return true;
}

/* Does an earlier line stand for the same figure? */
bool sn_sketch_before(const struct sn_sketch *k, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (sn_sketch_drawn(&k->g->lines[j]) &&
            sn_sketch_same_figure(k, &k->g->lines[j], &k->g->lines[i]))
            return true;
    return false;
}

struct sn_keys sn_sketch_keys(const struct sn_sketch *k, const char *x, const char *y)
{
    struct sn_keys but = {.n = 0};

    if (x)
        but.but[but.n++] = x;
    if (y)
        but.but[but.n++] = y;
    for (size_t f = 0; f < k->n_facets; f++)
        but.but[but.n++] = k->facets[f];
    return but;
}

/* The most series that one figure would have. */
static size_t most_series(const struct sn_sketch *k, const struct sn_keys *but)
{
    size_t most = 0;
    char **names = sn_calloc(k->g->n_lines + 1, sizeof *names);

    for (size_t i = 0; i < k->g->n_lines; i++)
        names[i] = sn_sketch_series(k, &k->g->lines[i], but);
    for (size_t i = 0; i < k->g->n_lines; i++) {
        size_t n = 0;
        if (!sn_sketch_drawn(&k->g->lines[i]) || sn_sketch_before(k, i))
            continue;
        for (size_t j = 0; j < k->g->n_lines; j++) {
            bool before = !sn_sketch_drawn(&k->g->lines[j]) ||
                          !sn_sketch_same_figure(k, &k->g->lines[i], &k->g->lines[j]);
            for (size_t m = 0; m < j && !before; m++)
                before = sn_sketch_drawn(&k->g->lines[m]) && strcmp(names[j], names[m]) == 0 &&
                         sn_sketch_same_figure(k, &k->g->lines[m], &k->g->lines[j]);
            n += !before;
        }
        most = n > most ? n : most;
    }
    for (size_t i = 0; i < k->g->n_lines; i++)
        free(names[i]);
    free(names);
    return most;
}

void sn_sketch_facet(struct sn_sketch *k, const char *axis)
{
    if (k->n_facets < sizeof k->facets / sizeof k->facets[0])
        k->facets[k->n_facets++] = axis;
}

/* Splits by whole axes, first axis first, until no figure has too many series. */
void sn_sketch_split(struct sn_sketch *k, const char *x)
{
    for (size_t a = 0; a < k->g->n_axes; a++) {
        struct sn_keys but = sn_sketch_keys(k, x, NULL);
        if (most_series(k, &but) <= SN_FIGURE_SERIES)
            return;
        if (k->g->varies[a] && strcmp(k->g->axes[a], x) != 0)
            sn_sketch_facet(k, k->g->axes[a]);
    }
}

void sn_sketch_split_all(struct sn_sketch *k, const char *x, const char *y, const char *z)
{
    for (size_t a = 0; a < k->g->n_axes; a++) {
        const char *axis = k->g->axes[a];
        if (k->g->varies[a] && strcmp(axis, x) != 0 && strcmp(axis, y) != 0 &&
            (!z || strcmp(axis, z) != 0))
            sn_sketch_facet(k, axis);
    }
}

/* --- a figure --------------------------------------------------------------------------------- */

static char *file_name(const char *bench, const char *kind, const char *facet)
{
    char *safe = sn_report_file_name(bench);
    struct sn_buf b = {0};
    bool dash = false;

    sn_buf_addf(&b, "%s-%s%s", safe, kind, *facet ? "-" : "");
    for (const char *p = facet; *p; p++) {
        bool good = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                    (*p >= 'A' && *p <= 'Z') || *p == '_' || *p == '.';
        if (good && dash)
            sn_buf_add(&b, "-");
        if (good)
            sn_buf_addn(&b, p, 1);
        dash = !good;
    }
    free(safe);
    return b.data;
}

struct sn_figure *sn_sketch_figure(const struct sn_sketch *k, const struct sn_line *first,
                                   const char *script, const char *kind, const char *what)
{
    struct sn_figures *out = k->out;
    bool plain = sn_group_mixed(k->g) || first->row->origin == SN_ORIGIN_MEASURED;
    char *facet = facet_label(k, first);
    struct sn_figure *f;

    out->figures = sn_realloc(out->figures, out->n + 1, sizeof *out->figures);
    f = &out->figures[out->n++];
    *f = (struct sn_figure){.group = k->g, .script = script};
    f->name = file_name(k->g->bench, kind, facet);
    /* What was not measured says so on its face. */
    f->title = sn_strdupf("%s: %s%s%s%s%s", k->g->bench, what, *facet ? "; " : "", facet,
                          plain ? "" : "; ", plain ? "" : sn_origin_name(first->row->origin));
    free(facet);
    return f;
}
