/* Cells through which nothing passes, named by the fewest and largest groups: a plane, a node, an
 * endpoint, a pair. No statistics: a cut is a fact. See diagnose.h. */
#include "harness/diagnose_cells.h"

#include <stdlib.h>

#include "harness/base/buf.h"

/* A group is called cut when at least this share of its cells is: paths inside a package or a node
 * may not use the link that is cut. */
static const double MOST = 0.75;

struct group {
    enum sn_fault_kind kind;
    unsigned direction;
    size_t at, to;   /* index of the node or endpoint; of the destination in a pair */
    size_t from, up; /* planes [from, up) */
};

struct cut {
    struct sn_cells *m;
    struct sn_diagnosis *d;
    size_t index;
    bool *named; /* by cell: already in a finding */
};

static bool belongs(const struct cut *x, const struct group *g, size_t i, size_t j)
{
    const struct sn_cells *m = x->m;
    bool out = g->direction & SN_FAULT_OUT, in = g->direction & SN_FAULT_IN;

    switch (g->kind) {
    case SN_FAULT_PLANE:
        return true;
    case SN_FAULT_NODE:
        if (m->node[i] == m->node[j])
            return false;
        return (out && (size_t)m->node[i] == g->at) || (in && (size_t)m->node[j] == g->at);
    case SN_FAULT_NODES:
        return (size_t)m->node[i] == g->at && (size_t)m->node[j] == g->to;
    case SN_FAULT_ENDPOINT:
        return (out && i == g->at) || (in && j == g->at);
    case SN_FAULT_PAIR:
        return i == g->at && j == g->to;
    }
    return false;
}

/* Names the group if it is cut and says something new. */
static void try(struct cut *x, const struct group *g)
{
    const struct sn_cells *m = x->m;
    size_t cut = 0, all = 0, fresh = 0;
    bool one = g->kind == SN_FAULT_PAIR;
    size_t i0 = one ? g->at : 0, i1 = one ? g->at + 1 : m->n;
    size_t j0 = one ? g->to : 0, j1 = one ? g->to + 1 : m->n;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t p = g->from; p < g->up; p++)
            for (size_t i = i0; i < i1; i++)
                for (size_t j = j0; j < j1; j++) {
                    size_t c = (p * m->n + i) * m->n + j;
                    if (i == j || m->state[c] == SN_CELL_NONE || !belongs(x, g, i, j))
                        continue;
                    if (pass == 1) {
                        x->named[c] = x->named[c] || m->state[c] == SN_CELL_CUT;
                        continue;
                    }
                    all++;
                    cut += m->state[c] == SN_CELL_CUT;
                    fresh += m->state[c] == SN_CELL_CUT && !x->named[c];
                }
        size_t least = one ? 1 : 2;
        if (pass == 0 && (fresh < least || (double)cut < MOST * (double)all))
            return;
    }
    bool node = g->kind == SN_FAULT_NODE || g->kind == SN_FAULT_NODES;
    const int64_t *number = node ? m->node_id : m->id;
    bool two = one || g->kind == SN_FAULT_NODES;
    struct sn_fault f = {
        .kind = g->kind,
        .direction = g->direction,
        .src = g->kind == SN_FAULT_PLANE ? -1 : number[g->at],
        .dst = g->kind == SN_FAULT_PLANE ? -1 : number[two ? g->to : g->at],
        .plane = g->up - g->from == 1 ? m->plane[g->from] : -1,
        .cut = true,
        .cells = fresh,
        .matrix = x->index,
    };
    sn_diagnosis_add(x->d, &f);
}

/* Both directions first: one finding instead of two. */
static void try_directions(struct cut *x, struct group g)
{
    static const unsigned order[] = {SN_FAULT_OUT | SN_FAULT_IN, SN_FAULT_OUT, SN_FAULT_IN};

    for (size_t k = 0; k < 3; k++) {
        g.direction = order[k];
        try(x, &g);
    }
}

static void try_kinds(struct cut *x, size_t from, size_t up)
{
    const struct sn_cells *m = x->m;

    if (m->nodes > 1 && m->nodes < m->n) {
        for (size_t k = 0; k < m->nodes; k++)
            try_directions(x, (struct group){SN_FAULT_NODE, 0, k, k, from, up});
        for (size_t k = 0; k < m->nodes * m->nodes; k++)
            if (k / m->nodes != k % m->nodes)
                try(x, &(struct group){SN_FAULT_NODES, SN_FAULT_OUT, k / m->nodes, k % m->nodes,
                                       from, up});
    }
    for (size_t i = 0; i < m->n; i++)
        try_directions(x, (struct group){SN_FAULT_ENDPOINT, 0, i, i, from, up});
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < m->n; j++)
            try(x, &(struct group){SN_FAULT_PAIR, SN_FAULT_OUT, i, j, from, up});
}

void sn_cells_cut(struct sn_cells *m, size_t index, struct sn_diagnosis *d)
{
    struct cut x = {.m = m, .d = d, .index = index};
    bool any = false;

    for (size_t c = 0; m->y && c < m->planes * m->n * m->n && !any; c++)
        any = m->state[c] == SN_CELL_CUT;
    if (!any)
        return;
    x.named = sn_calloc(m->planes * m->n * m->n, sizeof *x.named);
    for (size_t p = 0; p < m->planes && m->plane[p] >= 0; p++)
        try(&x, &(struct group){SN_FAULT_PLANE, 0, 0, 0, p, p + 1});
    try_kinds(&x, 0, m->planes);
    for (size_t p = 0; p < m->planes && m->planes > 1; p++)
        try_kinds(&x, p, p + 1);
    free(x.named);
}
