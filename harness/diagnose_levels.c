/* What is slow, from the largest group to the smallest; see diagnose.h.
 *
 * Several planes: each cell's base is the median over its planes (the faster of two middle ones),
 * so that a fault of few planes is not in it; what is left is searched plane by plane. Nodes: the
 * same fit as for endpoints, on the matrix of medians over the cells between two nodes. */
#include "harness/diagnose_cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/diagnose_fit.h"

struct search {
    struct sn_cells *m;
    struct sn_diagnosis *d;
    struct sn_diagnosis_matrix *info;
    size_t index;
    double share;  /* of alpha: kinds of findings times matrices */
    double layers; /* matrices searched here: 1, or 1 + planes */
    int64_t plane; /* searched now; -1: all */
    double *y;     /* (n, n) what is searched now */
    const double *se;
    double *scratch; /* n * n */
};

static bool between(const struct sn_cells *m, size_t i, size_t j, size_t k, size_t l)
{
    return (size_t)m->node[i] == k && (size_t)m->node[j] == l;
}

static struct sn_fit_opts options(const struct search *s, double lines, double cells)
{
    const struct sn_diagnose_opts *o = &s->d->opts;

    return (struct sn_fit_opts){.threshold = o->threshold,
                                .alpha = o->alpha,
                                .once = s->m->measured && s->m->launches < 3,
                                .lines = lines * s->layers * s->share,
                                .cells = cells * s->layers * s->share};
}

static void report(struct search *s, enum sn_fault_kind kind, unsigned direction, int64_t src,
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

/* --- nodes ------------------------------------------------------------------------------------ */

static double *node_medians(const struct search *s)
{
    const struct sn_cells *m = s->m;
    double *z = sn_calloc(m->nodes * m->nodes, sizeof *z);

    for (size_t k = 0; k < m->nodes; k++)
        for (size_t l = 0; l < m->nodes; l++) {
            size_t c = 0;
            for (size_t i = 0; i < m->n && k != l; i++)
                for (size_t j = 0; j < m->n; j++)
                    if (between(m, i, j, k, l) && !isnan(s->y[i * m->n + j]))
                        s->scratch[c++] = s->y[i * m->n + j];
            z[k * m->nodes + l] = sn_fit_median(s->scratch, c, false);
        }
    return z;
}

/* Takes `shift` out of the cells from node k to node l (SIZE_MAX: any other); how many there are.
 */
static size_t take_out(struct search *s, size_t k, size_t l, double shift)
{
    const struct sn_cells *m = s->m;
    size_t cells = 0;

    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < m->n; j++) {
            size_t a = (size_t)m->node[i], b = (size_t)m->node[j];
            bool in = a != b && (k == SIZE_MAX || a == k) && (l == SIZE_MAX || b == l);
            if (!in || isnan(s->y[i * m->n + j]))
                continue;
            s->y[i * m->n + j] -= shift;
            cells++;
        }
    return cells;
}

static void search_node_pairs(struct search *s)
{
    const struct sn_cells *m = s->m;
    size_t n = m->nodes;
    unsigned char *tier = sn_calloc(n * n, 1);
    struct sn_matrix x = {.n = n, .y = node_medians(s), .tier = tier, .tiers = 1};
    struct sn_fit_opts o = options(s, 2 * (double)n, (double)n * (double)(n - 1));
    struct sn_fit fit;

    sn_fit_matrix(&x, &o, &fit);
    for (size_t f = 0; f < fit.n_found; f++) {
        const struct sn_outlier *q = &fit.found[f];
        size_t src = q->type == SN_OUTLIER_COLUMN ? SIZE_MAX : q->i;
        size_t dst = q->type == SN_OUTLIER_ROW ? SIZE_MAX : q->j;
        size_t cells = take_out(s, src, dst, q->shift);
        if (q->type == SN_OUTLIER_CELL)
            report(s, SN_FAULT_NODES, SN_FAULT_OUT, m->node_id[src], m->node_id[dst], q, cells);
        else
            report(s, SN_FAULT_NODE, q->type == SN_OUTLIER_ROW ? SN_FAULT_OUT : SN_FAULT_IN,
                   m->node_id[q->i], m->node_id[q->i], q, cells);
    }
    sn_fit_free(&fit);
    free(x.y);
    free(tier);
}

/* Middle of the cells of a tier over the whole matrix (node SIZE_MAX) or within one node. */
static double tier_median(const struct search *s, unsigned tier, size_t node, size_t *count)
{
    const struct sn_cells *m = s->m;

    *count = 0;
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < m->n; j++)
            if (m->tier[i * m->n + j] == tier && !isnan(s->y[i * m->n + j]) && i != j &&
                (node == SIZE_MAX || (size_t)m->node[i] == node))
                s->scratch[(*count)++] = s->y[i * m->n + j];
    return sn_fit_median(s->scratch, *count, node == SIZE_MAX);
}

/* Within a node: the median over its own cells (of the tier "node") against the other nodes. */
static void search_insides(struct search *s)
{
    const struct sn_cells *m = s->m;
    size_t n = m->nodes, count, least = SIZE_MAX;
    double *v = sn_calloc(n, sizeof *v), mad = 0, lowest;
    struct sn_outlier *found = sn_calloc(n, sizeof *found);
    struct sn_fit_opts o = options(s, (double)n, 1);

    for (size_t k = 0; k < n; k++) {
        v[k] = tier_median(s, 1, k, &count);
        least = count > 0 && count < least ? count : least;
        for (size_t c = 0; c < count; c++)
            s->scratch[c] = fabs(s->scratch[c] - v[k]);
        mad += count ? 1.4826 * sn_fit_median(s->scratch, count, false) / (double)n : 0;
    }
    size_t hits =
        sn_fit_values(v, n, least == SIZE_MAX ? 0 : (double)least, mad, &o, found, &lowest);
    for (size_t f = 0; f < hits; f++) {
        size_t k = found[f].i;
        tier_median(s, 1, k, &count);
        report(s, SN_FAULT_NODE, SN_FAULT_INSIDE, m->node_id[k], m->node_id[k], &found[f], count);
        for (size_t i = 0; i < m->n; i++)
            for (size_t j = 0; j < m->n; j++)
                if (between(m, i, j, k, k) && m->tier[i * m->n + j] == 1)
                    s->y[i * m->n + j] -= found[f].shift;
    }
    free(v);
    free(found);
}

/* --- one layer -------------------------------------------------------------------------------- */

static void search_endpoints(struct search *s)
{
    const struct sn_cells *m = s->m;
    double n = (double)m->n;
    struct sn_matrix x = {
        .n = m->n, .y = s->y, .se = (double *)s->se, .tier = m->tier, .tiers = m->tiers};
    struct sn_fit_opts o = options(s, 2 * n, n * (n - 1));
    struct sn_fit fit;

    sn_fit_matrix(&x, &o, &fit);
    for (size_t f = 0; f < fit.n_found; f++) {
        const struct sn_outlier *q = &fit.found[f];
        if (q->type == SN_OUTLIER_CELL)
            report(s, SN_FAULT_PAIR, SN_FAULT_OUT, m->id[q->i], m->id[q->j], q, 1);
        else
            report(s, SN_FAULT_ENDPOINT, q->type == SN_OUTLIER_ROW ? SN_FAULT_OUT : SN_FAULT_IN,
                   m->id[q->i], m->id[q->i], q, q->n);
    }
    if (s->plane < 0 || isnan(s->info->sigma)) {
        s->info->sigma = fit.sigma;
        s->info->line = exp(fit.least_line);
        s->info->cell = exp(fit.least_cell);
    }
    sn_fit_free(&fit);
}

static void search_layer(struct search *s)
{
    const struct sn_cells *m = s->m;

    /* Nodes of one endpoint each are endpoints. */
    if (m->nodes >= SN_FIT_FEWEST && m->nodes * 2 <= m->n) {
        search_node_pairs(s);
        search_insides(s);
    }
    search_endpoints(s);
}

/* --- planes ----------------------------------------------------------------------------------- */

static void search_planes(struct search *s)
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
        for (size_t at = 0; at < nn; at++) {
            m->y[p * nn + at] -= base[at];
            if (!isnan(m->y[p * nn + at]))
                s->scratch[count[p]++] = m->y[p * nn + at];
        }
        c[p] = sn_fit_median(s->scratch, count[p], false);
        for (size_t i = 0; i < count[p]; i++)
            s->scratch[i] = fabs(s->scratch[i] - c[p]);
        mad = fmax(mad, count[p] ? 1.4826 * sn_fit_median(s->scratch, count[p], false) : 0);
        least = count[p] > 0 && count[p] < least ? count[p] : least;
    }
    struct sn_fit_opts o = options(s, (double)m->planes / s->layers, 1);
    hits =
        sn_fit_values(c, m->planes, least == SIZE_MAX ? 0 : (double)least, mad, &o, found, &lowest);
    for (size_t f = 0; f < hits; f++) {
        s->plane = m->plane[found[f].i];
        report(s, SN_FAULT_PLANE, 0, -1, -1, &found[f], count[found[f].i]);
    }
    s->plane = -1;
    s->y = base;
    s->se = NULL;
    search_layer(s);
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
    bool nodes = m->nodes >= SN_FIT_FEWEST && m->nodes * 2 <= m->n;
    struct search s = {.m = m, .d = d, .info = info, .index = index, .plane = -1};

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
