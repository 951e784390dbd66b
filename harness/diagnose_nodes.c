/* Slow nodes, pairs of nodes and insides of nodes; see diagnose.h.
 *
 * Four nodes or more: the fit for endpoints, on the matrix of medians over the cells between two
 * nodes. Two or three have no peers enough for it. Nothing is faster than healthy, so the fastest
 * pair of nodes stands for a healthy one there (and on one plane of several, what the cells inside
 * the nodes take, if that is less). Of two nodes this tells which direction or plane is slow, not
 * which node; of three also the node.
 *
 * One slow die can be the median of the few that were looked at: a node is accepted only when most
 * of its endpoints are slow; else it is left to the search for endpoints. */
#include <math.h>
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/diagnose_model.h"
#include "harness/diagnose_search.h"
#include "harness/diagnose_tail.h"

/* Share of a node's endpoints that must be slow, and of an endpoint's cells. */
static const double MOST = 0.6;

bool sn_nodes_few(const struct sn_cells *m)
{
    return m->nodes > 1 && m->nodes < SN_FIT_FEWEST && m->nodes < m->n;
}

bool sn_nodes_many(const struct sn_cells *m)
{
    return m->nodes >= SN_FIT_FEWEST && m->nodes * 2 <= m->n;
}

static bool between(const struct sn_cells *m, size_t i, size_t j, size_t k, size_t l)
{
    return (size_t)m->node[i] == k && (size_t)m->node[j] == l;
}

static size_t size_of(const struct sn_cells *m, size_t node)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n; i++)
        n += (size_t)m->node[i] == node;
    return n;
}

/* Medians over the cells from node k to node l: (nodes, nodes), NAN on the diagonal. */
static double *node_medians(const struct sn_search *s)
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

/* The cells from node k to node l; SIZE_MAX stands for any other node. */
struct span {
    size_t k, l;
};

static bool covers(const struct sn_search *s, const struct span *x, size_t i, size_t j)
{
    size_t a = (size_t)s->m->node[i], b = (size_t)s->m->node[j];

    return a != b && (x->k == SIZE_MAX || a == x->k) && (x->l == SIZE_MAX || b == x->l) &&
           !isnan(s->y[i * s->m->n + j]);
}

/* Takes `shift` out of the cells of a span; how many there are. */
static size_t take_out(struct sn_search *s, const struct span *x, double shift)
{
    const struct sn_cells *m = s->m;
    size_t cells = 0;

    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < m->n; j++)
            if (covers(s, x, i, j)) {
                s->y[i * m->n + j] -= shift;
                cells++;
            }
    return cells;
}

/* Are most endpoints of the span's sources (or destinations) slow, and are these two at least?
 * An endpoint is when most of its cells in the span are above their pair of nodes' median less half
 * the shift. */
static bool most_slow(const struct sn_search *s, const struct span *x, bool sources,
                      const double *z, double shift)
{
    const struct sn_cells *m = s->m;
    size_t all = 0, bad = 0;

    for (size_t e = 0; e < m->n; e++) {
        size_t n = 0, slow = 0;
        for (size_t f = 0; f < m->n; f++) {
            size_t i = sources ? e : f, j = sources ? f : e;
            if (!covers(s, x, i, j))
                continue;
            size_t pair = (size_t)m->node[i] * m->nodes + (size_t)m->node[j];
            n++;
            slow += s->y[i * m->n + j] > z[pair] - shift / 2;
        }
        all += n > 0;
        bad += n > 0 && (double)slow >= MOST * (double)n;
    }
    return all >= 2 && (double)bad >= MOST * (double)all;
}

static bool accepted(const struct sn_search *s, const struct span *x, const double *z, double shift)
{
    return (x->k == SIZE_MAX || most_slow(s, x, true, z, shift)) &&
           (x->l == SIZE_MAX || most_slow(s, x, false, z, shift));
}

/* Names a span and takes it out, or leaves it. */
static bool take(struct sn_search *s, const struct span *x, const double *z,
                 const struct sn_outlier *f)
{
    const int64_t *id = s->m->node_id;

    if (!accepted(s, x, z, f->shift))
        return false;
    size_t cells = take_out(s, x, f->shift);
    if (x->l == SIZE_MAX)
        sn_search_report(s, SN_FAULT_NODE, SN_FAULT_OUT, id[x->k], id[x->k], f, cells);
    else if (x->k == SIZE_MAX)
        sn_search_report(s, SN_FAULT_NODE, SN_FAULT_IN, id[x->l], id[x->l], f, cells);
    else
        sn_search_report(s, SN_FAULT_NODES, SN_FAULT_OUT, id[x->k], id[x->l], f, cells);
    return true;
}

/* --- four nodes or more ----------------------------------------------------------------------- */

static void search_node_pairs(struct sn_search *s)
{
    size_t n = s->m->nodes;
    unsigned char *tier = sn_calloc(n * n, 1);
    double *z = node_medians(s);
    struct sn_matrix x = {.n = n, .y = node_medians(s), .tier = tier, .tiers = 1};
    struct sn_fit_opts o = sn_search_options(s, 2 * (double)n, (double)n * (double)(n - 1));
    struct sn_fit fit;

    sn_fit_matrix(&x, &o, &fit);
    for (size_t f = 0; f < fit.n_found; f++) {
        const struct sn_outlier *q = &fit.found[f];
        struct span span = {q->type == SN_OUTLIER_COLUMN ? SIZE_MAX : q->i,
                            q->type == SN_OUTLIER_ROW ? SIZE_MAX : q->j};
        if (take(s, &span, z, q))
            for (size_t c = 0; c < n * n; c++) /* so that z stays what the cells are */
                if ((span.k == SIZE_MAX || span.k == c / n) &&
                    (span.l == SIZE_MAX || span.l == c % n))
                    z[c] -= q->shift;
    }
    sn_fit_free(&fit);
    free(x.y);
    free(z);
    free(tier);
}

/* --- two or three ----------------------------------------------------------------------------- */

/* How much a cell differs from the median of its pair of nodes; endpoints of the smallest node. */
static double pair_sigma(const struct sn_search *s, const double *z, size_t *smallest)
{
    const struct sn_cells *m = s->m;
    size_t c = 0;

    *smallest = m->n;
    for (size_t k = 0; k < m->nodes; k++)
        if (size_of(m, k) < *smallest)
            *smallest = size_of(m, k);
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < m->n; j++)
            if (covers(s, &(struct span){SIZE_MAX, SIZE_MAX}, i, j))
                s->scratch[c++] = fabs(s->y[i * m->n + j] -
                                       z[(size_t)m->node[i] * m->nodes + (size_t)m->node[j]]);
    return c ? 1.4826 * sn_fit_median(s->scratch, c, false) : 0;
}

/* Middle of the cells of a tier over the whole matrix (node SIZE_MAX) or within one node. */
static double tier_median(const struct sn_search *s, unsigned tier, size_t node, size_t *count)
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

/* What a healthy pair of nodes takes: no more than the fastest. */
static double healthy(const struct sn_search *s, const double *z)
{
    size_t n = s->m->nodes, count;
    double least = s->relative ? tier_median(s, 1, SIZE_MAX, &count) : NAN;

    for (size_t c = 0; c < n * n; c++)
        least = fmin(least, z[c]); /* fmin() passes over NAN */
    return least;
}

/* The longest span that is slow and not yet tried, the slowest of these; false: none. */
static bool worst_span(const struct sn_search *s, const double *z, const bool *tried,
                       struct span *best, size_t *slot, struct sn_outlier *f)
{
    const struct sn_cells *m = s->m;
    size_t n = m->nodes, smallest, most = 0;
    double sigma = fmax(pair_sigma(s, z, &smallest), SN_MODEL_LEAST_SIGMA), base = healthy(s, z);
    /* of the difference of two medians of cells that share their endpoints' own effects */
    double se = sqrt(2) * 1.2533 * sigma / sqrt((double)smallest), df = (double)m->n - 1;
    double pairs = (double)(n * (n - 1)), threshold = log1p(s->d->opts.threshold);
    struct sn_fit_opts o = sn_search_options(s, pairs * (pairs - 1), 1);

    for (size_t c = 0; c < 2 * n + n * n; c++) {
        struct span x = c < n       ? (struct span){c, SIZE_MAX}
                        : c < 2 * n ? (struct span){SIZE_MAX, c - n}
                                    : (struct span){(c - 2 * n) / n, (c - 2 * n) % n};
        double sum = 0, least = INFINITY;
        size_t count = 0;
        for (size_t k = 0; k < n; k++)
            for (size_t l = 0; l < n; l++) {
                if (k == l || (x.k != SIZE_MAX && x.k != k) || (x.l != SIZE_MAX && x.l != l))
                    continue;
                sum += z[k * n + l] - base;
                least = fmin(least, isnan(z[k * n + l]) ? -INFINITY : z[k * n + l] - base);
                count++;
            }
        if (tried[c] || count == 0 || (c < 2 * n && count < 2))
            continue;
        double p = sn_tail_t((least - threshold) / se, df) * o.lines;
        double shift = sum / (double)count;
        if (p > o.alpha || count < most || (count == most && shift <= f->shift))
            continue;
        double half = sn_tail_t_quantile(0.025, df) * se;
        *f = (struct sn_outlier){
            .shift = shift, .lo = shift - half, .hi = shift + half, .p = p, .n = count};
        most = count;
        *best = x;
        *slot = c;
    }
    return most > 0;
}

static void search_few(struct sn_search *s)
{
    size_t n = s->m->nodes, slot;
    bool *tried = sn_calloc(2 * n + n * n, sizeof *tried);
    struct sn_outlier f = {0};
    struct span x;

    for (;;) {
        double *z = node_medians(s);
        bool any = worst_span(s, z, tried, &x, &slot, &f);
        if (any)
            take(s, &x, z, &f);
        free(z);
        if (!any)
            break;
        tried[slot] = true;
    }
    free(tried);
}

/* --- within a node ---------------------------------------------------------------------------- */

/* Are most of the node's endpoints slow inside it? Of two endpoints nobody can say which it is. */
static bool most_slow_inside(const struct sn_search *s, size_t node, double limit)
{
    const struct sn_cells *m = s->m;
    size_t all = 0, bad = 0;

    for (size_t e = 0; e < m->n; e++) {
        size_t n = 0, slow = 0;
        for (size_t f = 0; f < 2 * m->n; f++) {
            size_t i = f < m->n ? e : f - m->n, j = f < m->n ? f : e, c = i * m->n + j;
            if (i == j || !between(m, i, j, node, node) || m->tier[c] != 1 || isnan(s->y[c]))
                continue;
            n++;
            slow += s->y[c] > limit;
        }
        all += n > 0;
        bad += n > 0 && (double)slow >= MOST * (double)n;
    }
    return all >= 3 && (double)bad >= MOST * (double)all;
}

/* Within a node: the median over its own cells (of the tier "node") against the other nodes. */
static void search_insides(struct sn_search *s)
{
    const struct sn_cells *m = s->m;
    size_t n = m->nodes, count, least = SIZE_MAX;
    double *v = sn_calloc(n, sizeof *v), mad = 0, lowest;
    struct sn_outlier *found = sn_calloc(n, sizeof *found);
    struct sn_fit_opts o = sn_search_options(s, (double)n, 1);

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
        if (!most_slow_inside(s, k, v[k] - found[f].shift / 2))
            continue;
        tier_median(s, 1, k, &count);
        sn_search_report(s, SN_FAULT_NODE, SN_FAULT_INSIDE, m->node_id[k], m->node_id[k], &found[f],
                         count);
        for (size_t i = 0; i < m->n; i++)
            for (size_t j = 0; j < m->n; j++)
                if (between(m, i, j, k, k) && m->tier[i * m->n + j] == 1)
                    s->y[i * m->n + j] -= found[f].shift;
    }
    free(v);
    free(found);
}

void sn_search_nodes(struct sn_search *s)
{
    if (sn_nodes_many(s->m)) {
        search_node_pairs(s);
        search_insides(s);
    } else if (sn_nodes_few(s->m)) {
        search_few(s);
    }
}
