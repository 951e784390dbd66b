/* What is slow, from the largest group to the smallest; see diagnose.h.
 *
 * Several planes: each cell's base is the median over its planes (the faster of two middle ones),
 * so that a fault of few planes is not in it; what is left is searched plane by plane. Nodes:
 * diagnose_nodes.c. */
#include "harness/diagnose_cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/diagnose_fit.h"
#include "harness/diagnose_search.h"

struct sn_fit_opts sn_search_options(const struct sn_search *s, double lines, double cells)
{
    const struct sn_diagnose_opts *o = &s->d->opts;

    return (struct sn_fit_opts){.threshold = o->threshold,
                                .alpha = o->alpha,
                                .once = s->m->measured && s->m->launches < 3,
                                .lines = lines * s->layers * s->share,
                                .cells = cells * s->layers * s->share};
}

void sn_search_report(struct sn_search *s, enum sn_fault_kind kind, unsigned direction, int64_t src,
                      int64_t dst, const struct sn_outlier *f, size_t cells)
{
    struct sn_fault out = {.kind = kind,
                           .direction = direction,
                           .src = src,
                           .dst = dst,
                           .plane = s->plane,
                           .shift = f->shift,
                           .lo = f->lo,
                           .hi = f->hi,
                           .p = f->p,
                           .cells = cells,
                           .matrix = s->index};
    sn_diagnosis_add(s->d, &out);
}

/* --- one layer -------------------------------------------------------------------------------- */

static void search_endpoints(struct sn_search *s)
{
    const struct sn_cells *m = s->m;
    double n = (double)m->n;
    struct sn_matrix x = {
        .n = m->n, .y = s->y, .se = (double *)s->se, .tier = m->tier, .tiers = m->tiers};
    struct sn_fit_opts o = sn_search_options(s, 2 * n, n * (n - 1));
    struct sn_fit fit;

    sn_fit_matrix(&x, &o, &fit);
    for (size_t f = 0; f < fit.n_found; f++) {
        const struct sn_outlier *q = &fit.found[f];
        if (q->type == SN_OUTLIER_CELL)
            sn_search_report(s, SN_FAULT_PAIR, SN_FAULT_OUT, m->id[q->i], m->id[q->j], q, 1);
        else
            sn_search_report(s, SN_FAULT_ENDPOINT,
                             q->type == SN_OUTLIER_ROW ? SN_FAULT_OUT : SN_FAULT_IN, m->id[q->i],
                             m->id[q->i], q, q->n);
    }
    if (s->plane < 0 || isnan(s->info->sigma)) {
        s->info->sigma = fit.sigma;
        s->info->line = exp(fit.least_line);
        s->info->cell = exp(fit.least_cell);
    }
    sn_fit_free(&fit);
}

static void search_layer(struct sn_search *s)
{
    sn_search_nodes(s);
    search_endpoints(s);
}

/* --- planes ----------------------------------------------------------------------------------- */

/* Is this a cell that shows what a whole plane does? With few nodes only those within a node: one
 * slow node slows most of the others. */
static bool shows_plane(const struct sn_cells *m, size_t at, bool inside)
{
    return !inside || m->tier[at] == 1;
}

/* Middle of a plane's cells, which are relative to the base, and how much they scatter about it. */
static double plane_level(struct sn_search *s, const double *y, size_t *count, double *mad)
{
    const struct sn_cells *m = s->m;
    bool inside = false;

    for (size_t at = 0; at < m->n * m->n && sn_nodes_few(m) && !inside; at++)
        inside = m->tier[at] == 1 && !isnan(y[at]);
    *count = 0;
    for (size_t at = 0; at < m->n * m->n; at++)
        if (!isnan(y[at]) && shows_plane(m, at, inside))
            s->scratch[(*count)++] = y[at];
    double level = sn_fit_median(s->scratch, *count, false);
    for (size_t i = 0; i < *count; i++)
        s->scratch[i] = fabs(s->scratch[i] - level);
    if (*count)
        *mad = fmax(*mad, 1.4826 * sn_fit_median(s->scratch, *count, false));
    return level;
}

static void search_planes(struct sn_search *s)
{
    const struct sn_cells *m = s->m;
    size_t nn = m->n * m->n, hits, least = SIZE_MAX;
    double *base = sn_calloc(nn, sizeof *base), *c = sn_calloc(m->planes, sizeof *c), lowest;
    double *few = sn_calloc(m->planes, sizeof *few), mad = 0;
    size_t *count = sn_calloc(m->planes, sizeof *count);
    struct sn_outlier *found = sn_calloc(m->planes, sizeof *found);

    for (size_t at = 0; at < nn; at++) {
        size_t k = 0;
        for (size_t p = 0; p < m->planes; p++)
            if (!isnan(m->y[p * nn + at]))
                few[k++] = m->y[p * nn + at];
        base[at] = sn_fit_median(few, k, true);
    }
    for (size_t p = 0; p < m->planes; p++) {
        for (size_t at = 0; at < nn; at++)
            m->y[p * nn + at] -= base[at];
        c[p] = plane_level(s, m->y + p * nn, &count[p], &mad);
        least = count[p] > 0 && count[p] < least ? count[p] : least;
    }
    struct sn_fit_opts o = sn_search_options(s, (double)m->planes / s->layers, 1);
    hits =
        sn_fit_values(c, m->planes, least == SIZE_MAX ? 0 : (double)least, mad, &o, found, &lowest);
    for (size_t f = 0; f < hits; f++) {
        s->plane = m->plane[found[f].i];
        sn_search_report(s, SN_FAULT_PLANE, 0, -1, -1, &found[f], count[found[f].i]);
    }
    s->plane = -1;
    s->y = base;
    s->se = NULL;
    search_layer(s);
    s->relative = true;
    for (size_t p = 0; p < m->planes; p++) {
        if (count[p] == 0)
            continue;
        for (size_t at = 0; at < nn; at++)
            m->y[p * nn + at] -= c[p];
        s->plane = m->plane[p];
        s->y = m->y + p * nn;
        s->se = m->se + p * nn;
        search_layer(s);
    }
    free(base);
    free(c);
    free(few);
    free(count);
    free(found);
}

/* --- a matrix --------------------------------------------------------------------------------- */

/* Half of an endpoint's row or column missing: it may be slow, or dead, unseen. NULL, or so in
 * words. */
static char *hidden_endpoint(const struct sn_cells *m)
{
    struct sn_buf b = {0};
    size_t named = 0, all = (m->n - 1) * m->planes;

    for (size_t i = 0; i < 2 * m->n; i++) {
        size_t e = i / 2, missing = 0;
        for (size_t p = 0; p < m->planes; p++)
            for (size_t f = 0; f < m->n; f++)
                missing +=
                    f != e &&
                    m->state[(p * m->n + (i % 2 ? f : e)) * m->n + (i % 2 ? e : f)] == SN_CELL_NONE;
        if (2 * missing <= all)
            continue;
        if (named++ < 4)
            sn_buf_addf(&b, "%s%zu of %zu pairs %s endpoint %lld", named > 1 ? ", " : "", missing,
                        all, i % 2 ? "to" : "from", (long long)m->id[e]);
    }
    if (named > 4)
        sn_buf_addf(&b, " and of %zu more", named - 4);
    if (named)
        sn_buf_add(&b, " have no result (not run, or failed); what they hide is not known");
    return b.data;
}

static char *too_little(const struct sn_cells *m, const struct sn_diagnosis_matrix *info,
                        const struct sn_diagnose_opts *o)
{
    const char *more =
        m->measured ? "repeat it with --launches 3, or on a quieter machine" : "use more endpoints";

    if (m->n < SN_FIT_FEWEST)
        return sn_strdupf("%zu endpoints: at least %d are needed to tell a slow one from its "
                          "peers; run with all of src and dst",
                          m->n, SN_FIT_FEWEST);
    if (info->missing > info->cells || !m->y)
        return sn_strdupf("%zu of %zu pairs have no result; run every src with every dst",
                          info->missing, info->missing + info->cells);
    if (info->cells == 0)
        return sn_strdup("no pair has a time");
    char *hidden = hidden_endpoint(m);
    if (hidden)
        return hidden;
    if (sn_nodes_few(m))
        return sn_strdupf("%zu nodes: a slow one has too few peers to stand out; run with src and "
                          "dst of at least %d nodes, several of each",
                          m->nodes, SN_FIT_FEWEST);
    if (isnan(info->sigma))
        return sn_strdup("too few pairs are alike to tell how much healthy ones differ; run every "
                         "src with every dst");
    if (!(info->line <= o->detect))
        return sn_strdupf("an endpoint %g times slower could be missed (found from %.3g times on); "
                          "%s, or ask for less with --detect",
                          o->detect, info->line, more);
    if (!(info->cell <= o->detect))
        return sn_strdupf("a pair %g times slower could be missed (found from %.3g times on); %s, "
                          "or ask for less with --detect",
                          o->detect, info->cell, more);
    return NULL;
}

static void count_cells(const struct sn_cells *m, struct sn_diagnosis_matrix *info)
{
    for (size_t c = 0; m->y && c < m->planes * m->n * m->n; c++)
        if (c / m->n % m->n != c % m->n) {
            info->cells += m->state[c] != SN_CELL_NONE;
            info->missing += m->state[c] == SN_CELL_NONE;
        }
}

void sn_cells_slow(struct sn_cells *m, size_t index, size_t matrices, struct sn_diagnosis *d)
{
    struct sn_diagnosis_matrix *info = &d->matrices[index];
    bool nodes = sn_nodes_many(m) || sn_nodes_few(m);
    struct sn_search s = {.m = m, .d = d, .info = info, .index = index, .plane = -1};

    *info = (struct sn_diagnosis_matrix){.label = sn_strdup(m->label),
                                         .endpoints = m->n,
                                         .nodes = nodes ? m->nodes : 0,
                                         .planes = m->plane[0] >= 0 ? m->planes : 0,
                                         .launches = m->launches,
                                         .measured = m->measured,
                                         .sigma = NAN,
                                         .line = INFINITY,
                                         .cell = INFINITY};
    count_cells(m, info);
    /* endpoints and pairs; nodes, pairs of nodes and within nodes; planes */
    s.share = (2 + (nodes ? 3 : 0) + (m->planes > 1)) * (double)matrices;
    s.layers = m->planes > 1 ? 1 + (double)m->planes : 1;
    if (m->y && m->n >= SN_FIT_FEWEST) {
        s.scratch = sn_calloc(m->n * m->n, sizeof *s.scratch);
        s.y = m->y;
        s.se = m->se;
        if (m->planes > 1) {
            search_planes(&s);
        } else {
            s.plane = m->plane[0];
            search_layer(&s);
        }
        free(s.scratch);
    }
    info->unsure = too_little(m, info, &d->opts);
}
