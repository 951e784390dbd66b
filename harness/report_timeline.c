/* Timelines: the spans of each row that has any, lane above lane. A figure a row. */
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"

enum { NAMES_MAX = 16 };

/* Number of a name from 1 on, in the order of appearance; past `most` those of the last. */
static size_t number(const char **names, size_t *n, size_t most, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (!strcmp(names[i], name))
            return i + 1;
    if (*n < most)
        names[(*n)++] = name;
    return *n;
}

static void spans(const struct sn_row *row, struct sn_buf *csv)
{
    const char **lanes = sn_calloc(row->n_timeline + 1, sizeof *lanes), *names[NAMES_MAX];
    size_t n_lanes = 0, n_names = 0;

    for (size_t i = 0; i < row->n_timeline; i++) {
        const struct sn_row_span *s = &row->timeline[i];
        size_t lane = number(lanes, &n_lanes, row->n_timeline, s->lane);
        size_t name = number(names, &n_names, NAMES_MAX - 1, s->name);
        bool known = !strcmp(names[name - 1], s->name);
        char *lane_text = sn_strdup(s->lane);
        char *text = sn_strdup(known ? s->name : "other");
        sn_sketch_clean(text);
        sn_sketch_clean(lane_text);
        sn_buf_addf(csv, "%zu,%s,%zu,%s", known ? name : NAMES_MAX, text, lane, lane_text);
        sn_exhibit_field(csv, s->start_s);
        sn_exhibit_field(csv, s->s);
        sn_buf_add(csv, "\n");
        free(lane_text);
        free(text);
    }
    free(lanes);
}

void sn_exhibit_timeline(const struct sn_exhibit *e)
{
    struct sn_group *g = sn_exhibit_group_of(e, 0);
    struct sn_sketch k = {.r = e->r, .g = g};
    size_t n = 0;

    for (size_t i = 0; g && i < g->n_lines; i++) /* of the rows that have any alone */
        if (g->lines[i].at->n_timeline)
            g->lines[n++] = g->lines[i];
    if (n) {
        g->n_lines = n;
        sn_exhibit_vary(g);
        sn_exhibit_facets(&k, NULL, NULL, NULL);
    }
    for (size_t i = 0; i < n && i < SN_FIGURES_PER_KIND; i++) {
        const struct sn_line *l = &g->lines[i];
        struct sn_figure *f = sn_exhibit_figure(e, &k, l, "timeline.gp", "what runs when");
        sn_buf_add(&f->csv, "series,name,lane,lane_name,start_s,s\n");
        spans(l->at, &f->csv);
        f->caption =
            sn_strdupf("%s; a box lasts from its start to its end, gaps are waiting.", f->title);
    }
    sn_exhibit_group_free(g);
}
