/* From rows to matrices: which rows belong together, which cell each fills; see diagnose_cells.h.
 */
#include "harness/diagnose_cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/diagnose_fit.h"

/* Largest matrix looked at: 768 endpoints on 7 planes have 4 million cells. */
static const size_t MOST_CELLS = (size_t)1 << 26;

struct entry {
    size_t matrix;
    int64_t src, dst, plane;
    double y, se;
    int state, path; /* SN_CELL_*; a tier, or -1: the row does not say */
};

struct gather {
    struct entry *entries;
    size_t n, cap;
    char **labels;
    bool *measured;
    size_t n_labels;
};

/* A whole number among the parameters, -1 for words such as "all"; false: no such parameter. */
static bool number_of(const struct sn_row *r, const char *name, int64_t *out)
{
    const struct sn_param *p = sn_row_param(r, name);
    char *end;

    if (!p)
        return false;
    *out = strtoll(p->text, &end, 10);
    if (end == p->text || *end)
        *out = -1;
    return true;
}

/* Everything that a matrix has in common. Planes one by one and all together are two matrices. */
static char *label_of(const struct sn_row *r, bool by_plane)
{
    struct sn_buf b = {0};

    sn_buf_add(&b, r->bench);
    for (size_t i = 0; i < r->n_params; i++) {
        const char *name = r->params[i].name;
        if (!strcmp(name, "src") || !strcmp(name, "dst") || (!strcmp(name, "plane") && by_plane))
            continue;
        sn_buf_addf(&b, " %s=%s", name, r->params[i].text);
    }
    if (r->clock)
        sn_buf_addf(&b, " clock=%s", r->clock);
    return b.data;
}

static size_t matrix_of(struct gather *g, const struct sn_row *r, bool by_plane)
{
    char *label = label_of(r, by_plane);

    for (size_t i = g->n_labels; i-- > 0;)
        if (!strcmp(g->labels[i], label)) {
            free(label);
            return i;
        }
    g->labels = sn_realloc(g->labels, g->n_labels + 1, sizeof *g->labels);
    g->measured = sn_realloc(g->measured, g->n_labels + 1, sizeof *g->measured);
    g->labels[g->n_labels] = label;
    g->measured[g->n_labels] = !r->clock || strcmp(r->clock, "model") != 0;
    return g->n_labels++;
}

/* Rows of the model clock say what src and dst are to each other. */
static int path_of(const struct sn_row *r)
{
    static const char *const flags[] = {"path-package", "path-node", "path-supernode"};

    for (int t = 0; t < 3; t++)
        if (sn_row_has_flag(r, flags[t]))
            return t;
    return -1;
}

static void take_row(struct gather *g, const struct sn_row *r)
{
    struct entry e = {.plane = -1, .state = SN_CELL_NONE};
    double median = r->stats.median;

    if (!number_of(r, "src", &e.src) || !number_of(r, "dst", &e.dst) || e.src < 0 || e.dst < 0 ||
        e.src == e.dst)
        return;
    number_of(r, "plane", &e.plane);
    if (r->status == SN_ROW_OK && isfinite(median) && median > 0) {
        e.state = SN_CELL_LIVE;
        e.y = log(median);
        if (isfinite(r->stats.ci95_lo) && r->stats.ci95_lo > 0)
            e.se = log(r->stats.ci95_hi / r->stats.ci95_lo) / (2 * 1.96);
    } else if (sn_row_is_cut(r)) {
        e.state = SN_CELL_CUT;
    } else if (r->status == SN_ROW_SKIPPED) {
        return; /* not asked of this machine */
    }
    e.matrix = matrix_of(g, r, e.plane >= 0);
    e.path = path_of(r);
    if (g->n == g->cap) {
        g->cap = g->cap ? 2 * g->cap : 1024;
        g->entries = sn_realloc(g->entries, g->cap, sizeof *g->entries);
    }
    g->entries[g->n++] = e;
}

static int by_cell(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->matrix != y->matrix)
        return x->matrix < y->matrix ? -1 : 1;
    if (x->plane != y->plane)
        return x->plane < y->plane ? -1 : 1;
    if (x->src != y->src)
        return x->src < y->src ? -1 : 1;
    return (x->dst > y->dst) - (x->dst < y->dst);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static size_t unique(int64_t *v, size_t n)
{
    size_t k = 0;

    qsort(v, n, sizeof *v, by_value);
    for (size_t i = 0; i < n; i++)
        if (k == 0 || v[k - 1] != v[i])
            v[k++] = v[i];
    return k;
}

static size_t index_of(const int64_t *v, size_t n, int64_t key)
{
    return (size_t)((const int64_t *)bsearch(&key, v, n, sizeof *v, by_value) - v);
}

/* Launches of one cell: the median of their medians; its error from their scatter, at least what
 * the rows themselves say of one launch over the square root of their number. */
static void fill_cell(struct sn_cells *m, size_t at, const struct entry *e, size_t n)
{
    double *y = sn_calloc(n, sizeof *y), own = 0, sum = 0, squares = 0;
    size_t live = 0;

    for (size_t i = 0; i < n; i++) {
        if (e[i].state == SN_CELL_CUT)
            m->state[at] = SN_CELL_CUT;
        if (e[i].state != SN_CELL_LIVE)
            continue;
        own += e[i].se;
        sum += e[i].y;
        squares += e[i].y * e[i].y;
        y[live++] = e[i].y;
    }
    if (live > 0) {
        double k = (double)live, scatter = live > 2 ? (squares - sum * sum / k) / (k - 1) : 0;
        m->state[at] = SN_CELL_LIVE;
        m->y[at] = sn_fit_median(y, live, false);
        m->se[at] = fmax(own / k, sqrt(fmax(scatter, 0))) / sqrt(k);
        if (m->launches == 0 || (int)live < m->launches)
            m->launches = (int)live;
    }
    free(y);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static size_t root_of(const int64_t *parent, size_t i)
{
    while ((size_t)parent[i] != i)
        i = (size_t)parent[i];
    return i;
}

/* Endpoints that a row calls neighbours in a package or a node belong to one node, the others do
 * not: m->node (n) as the numbers of these groups. False: no row says what a path is. */
static bool groups_of(struct sn_cells *m, const struct entry *e, size_t count)
{
    int64_t *parent = sn_calloc(m->n, sizeof *parent);
    bool any = false;

    for (size_t i = 0; i < m->n; i++)
        parent[i] = (int64_t)i;
    for (size_t i = 0; i < count; i++) {
        any = any || e[i].path >= 0;
        if (e[i].path != 0 && e[i].path != 1)
            continue;
        size_t a = root_of(parent, index_of(m->id, m->n, e[i].src));
        size_t b = root_of(parent, index_of(m->id, m->n, e[i].dst));
        parent[a > b ? a : b] = (int64_t)(a > b ? b : a);
    }
    m->node = sn_calloc(m->n, sizeof *m->node);
    for (size_t i = 0; i < m->n; i++) { /* a root comes before its members */
        size_t r = root_of(parent, i);
        m->node[i] = r == i ? (int64_t)m->nodes++ : m->node[r];
    }
    free(parent);
    return any;
}

/* Do nodes of `size` endpoints make just these groups? */
static bool fits(const struct sn_cells *m, int64_t size)
{
    for (size_t i = 1; i < m->n; i++) {
        bool same = m->id[i] / size == m->id[i - 1] / size;
        if (same != (m->node[i] == m->node[i - 1]))
            return false;
    }
    return true;
}

/* How many endpoints a node of the machine has, of which the rows show a part; 0: no such number.
 * Where several would do: 16, 8, the other powers of two, the smallest of the rest. */
static int64_t size_from_groups(const struct sn_cells *m)
{
    static const int64_t usual[] = {16, 8, 4, 2, 32, 64, 128, 256, 512, 1};

    for (size_t k = 0; k < sizeof usual / sizeof *usual; k++)
        if (fits(m, usual[k]))
            return usual[k];
    for (int64_t s = 3; s <= m->id[m->n - 1] + 1; s++)
        if (fits(m, s))
            return s;
    return 0;
}

/* Nodes of `size` endpoints, counted from endpoint 0; 0: the groups, as they are numbered. */
static void find_nodes(struct sn_cells *m, int64_t size)
{
    if (!m->node)
        m->node = sn_calloc(m->n, sizeof *m->node);
    m->node_id = sn_calloc(m->n, sizeof *m->node_id);
    if (size == 0) {
        for (size_t k = 0; k < m->nodes; k++)
            m->node_id[k] = (int64_t)k;
        return;
    }
    m->nodes = 0;
    for (size_t i = 0; i < m->n; i++) {
        int64_t id = m->id[i] / size;
        if (m->nodes == 0 || m->node_id[m->nodes - 1] != id)
            m->node_id[m->nodes++] = id;
        m->node[i] = (int64_t)m->nodes - 1;
    }
}

/* Tiers as the rows name them, else from the numbers of the endpoints: nodes as the option says or
 * the rows tell; on the model clock 16 dies a node and 2 a package where nobody says. */
static void find_tiers(struct sn_cells *m, const struct entry *e, size_t count, int node)
{
    enum { DIES_PER_PACKAGE = 2, DIES_PER_NODE = 16 };
    size_t n = m->n;
    bool told = groups_of(m, e, count);

    m->tiers = 1;
    m->tier = sn_calloc(n * n, sizeof *m->tier);
    if (node == 0 && !told && m->measured) {
        free(m->node);
        m->node = NULL;
        m->nodes = 0;
        return;
    }
    m->tiers = 3;
    find_nodes(m, node > 0 ? node : told ? size_from_groups(m) : DIES_PER_NODE);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            bool package =
                !m->measured && m->id[i] / DIES_PER_PACKAGE == m->id[j] / DIES_PER_PACKAGE;
            m->tier[i * n + j] = m->node[i] != m->node[j] ? 2 : package ? 0 : 1;
        }
    for (size_t i = 0; i < count; i++)
        if (e[i].path >= 0)
            m->tier[index_of(m->id, n, e[i].src) * n + index_of(m->id, n, e[i].dst)] =
                (unsigned char)e[i].path;
}

static struct sn_cells *make_matrix(const char *label, bool measured, const struct entry *e,
                                    size_t count, int node)
{
    struct sn_cells *m = sn_calloc(1, sizeof *m);
    size_t cells;

    m->label = sn_strdup(label);
    m->measured = measured;
    m->id = sn_calloc(2 * count, sizeof *m->id);
    m->plane = sn_calloc(count, sizeof *m->plane);
    for (size_t i = 0; i < count; i++) {
        m->id[2 * i] = e[i].src;
        m->id[2 * i + 1] = e[i].dst;
        m->plane[i] = e[i].plane;
    }
    m->n = unique(m->id, 2 * count);
    m->planes = unique(m->plane, count);
    if (m->n > MOST_CELLS / m->n / m->planes)
        return m; /* far more places than rows: left without cells */
    cells = m->planes * m->n * m->n;
    m->y = sn_calloc(cells, sizeof *m->y);
    m->se = sn_calloc(cells, sizeof *m->se);
    m->state = sn_calloc(cells, sizeof *m->state);
    for (size_t c = 0; c < cells; c++)
        m->y[c] = NAN;
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && by_cell(&e[i], &e[next]) == 0; next++)
            ;
        size_t p = index_of(m->plane, m->planes, e[i].plane);
        size_t s = index_of(m->id, m->n, e[i].src), d = index_of(m->id, m->n, e[i].dst);
        fill_cell(m, (p * m->n + s) * m->n + d, e + i, next - i);
    }
    find_tiers(m, e, count, node);
    return m;
}

struct sn_cells *sn_cells_gather(const struct sn_rows *runs, size_t n_runs,
                                 const struct sn_diagnose_opts *o)
{
    struct gather g = {0};
    struct sn_cells *list = NULL, **tail = &list;

    for (size_t k = 0; k < n_runs; k++)
        for (size_t i = 0; i < runs[k].n; i++)
            take_row(&g, &runs[k].rows[i]);
    if (g.n > 0)
        qsort(g.entries, g.n, sizeof *g.entries, by_cell);
    for (size_t i = 0, next; i < g.n; i = next) {
        for (next = i + 1; next < g.n && g.entries[next].matrix == g.entries[i].matrix; next++)
            ;
        size_t k = g.entries[i].matrix;
        *tail = make_matrix(g.labels[k], g.measured[k], g.entries + i, next - i, o->node);
        tail = &(*tail)->next;
    }
    for (size_t i = 0; i < g.n_labels; i++)
        free(g.labels[i]);
    free(g.labels);
    free(g.measured);
    free(g.entries);
    return list;
}

void sn_cells_free(struct sn_cells *list)
{
    while (list) {
        struct sn_cells *next = list->next;
        free(list->label);
        free(list->id);
        free(list->plane);
        free(list->node);
        free(list->node_id);
        free(list->y);
        free(list->se);
        free(list->state);
        free(list->tier);
        free(list);
        list = next;
    }
}
