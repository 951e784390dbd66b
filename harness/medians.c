/* Launches of a case as medians; see medians.h. */
#include "harness/medians.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/contrast.h"

static char *not_ok(const struct sn_row *r)
{
    return r->status == SN_ROW_SKIPPED
               ? sn_strdupf("skipped: %s", r->reason ? r->reason : "no reason given")
               : sn_strdupf("launch %d failed: %s", r->launch,
                            r->reason ? r->reason : "no reason given");
}

struct sn_medians sn_medians_of(const struct sn_line *l)
{
    struct sn_medians m = {.x = sn_calloc(l->n_rows + 1, sizeof *m.x)};

    for (size_t i = 0; i < l->n_rows && !m.why; i++)
        if (l->rows[i]->status == SN_ROW_FAILED)
            m.why = not_ok(l->rows[i]);
    for (size_t i = 0; i < l->n_rows && !m.why; i++) {
        const struct sn_row *r = l->rows[i];
        if (r->status == SN_ROW_SKIPPED) {
            m.why = not_ok(r);
            break;
        }
        /* imported rows may have statistics without samples */
        double x = r->n ? sn_contrast_median(r->samples_s, r->n) : r->stats.median;
        if (isnan(x))
            m.why = sn_strdupf("launch %d has no samples", r->launch);
        else if (x <= 0)
            m.why = sn_strdupf("launch %d has a median of 0, which has no ratio", r->launch);
        m.x[m.n++] = x;
        m.exact = r->clock && strcmp(r->clock, "model") == 0;
    }
    if (m.why)
        m.n = 0;
    return m;
}

void sn_medians_free(struct sn_medians *m)
{
    free(m->x);
    free(m->why);
    *m = (struct sn_medians){0};
}

static const char *clock_of(const struct sn_row *r)
{
    return r->clock ? r->clock : "no";
}

static int check_line(const struct sn_line *l, const char *dir)
{
    const struct sn_row *first = NULL;

    for (size_t i = 0; i < l->n_rows; i++) {
        const struct sn_row *r = l->rows[i];
        if (i && r->launch == l->rows[i - 1]->launch)
            return SN_FAIL(SN_EINVAL, "%s/rows.jsonl: launch %d of row %s stands there twice", dir,
                           r->launch, r->id);
        if (r->status != SN_ROW_OK)
            continue;
        if (first && strcmp(clock_of(first), clock_of(r)) != 0)
            return SN_FAIL(SN_EINVAL, "%s/rows.jsonl: row %s mixes the clocks %s and %s", dir,
                           r->id, clock_of(first), clock_of(r));
        if (first && (first->ranks != r->ranks || first->endpoints != r->endpoints))
            return SN_FAIL(SN_EINVAL, "%s/rows.jsonl: row %s mixes launches of %d and %d %s", dir,
                           r->id, first->ranks != r->ranks ? first->ranks : first->endpoints,
                           first->ranks != r->ranks ? r->ranks : r->endpoints,
                           first->ranks != r->ranks ? "ranks" : "endpoints");
        first = first ? first : r;
    }
    return SN_OK;
}

int sn_medians_check(const struct sn_report *r, const char *dir)
{
    int status = SN_OK;

    for (size_t g = 0; g < r->n_groups && !status; g++)
        for (size_t i = 0; i < r->groups[g].n_lines && !status; i++) {
            const struct sn_line *l = &r->groups[g].lines[i];
            status = check_line(l, dir);
            /* lines of one case with different origins follow each other */
            const struct sn_line *n = i + 1 < r->groups[g].n_lines ? l + 1 : NULL;
            if (!status && n && n->run == l->run && strcmp(n->row->id, l->row->id) == 0)
                status = SN_FAIL(SN_EINVAL, "%s/rows.jsonl: row %s mixes the origins %s and %s",
                                 dir, l->row->id, sn_origin_name(l->row->origin),
                                 sn_origin_name(n->row->origin));
        }
    return status;
}

char *sn_medians_label(const struct sn_group *g, const struct sn_line *l)
{
    struct sn_buf b = {0};
    char *s;

    sn_buf_add(&b, g->bench);
    for (size_t a = 0; a < g->n_axes; a++)
        if (g->varies[a])
            sn_buf_addf(&b, " %s=%s", g->axes[a], sn_line_param(l, g->axes[a]));
    s = sn_strdup(b.data);
    sn_buf_free(&b);
    return s;
}
