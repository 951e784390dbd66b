/* Diagnosis: matrices searched one by one, findings put together; see diagnose.h. */
#include "harness/diagnose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/diagnose_cells.h"
#include "harness/diagnose_fit.h"

void sn_diagnosis_add(struct sn_diagnosis *d, const struct sn_fault *f)
{
    d->faults = sn_realloc(d->faults, d->n_faults + 1, sizeof *d->faults);
    d->faults[d->n_faults++] = *f;
}

static void drop(struct sn_diagnosis *d, size_t at)
{
    d->n_faults--;
    memmove(d->faults + at, d->faults + at + 1, (d->n_faults - at) * sizeof *d->faults);
}

/* Is b the other direction of a? */
static bool reverse(const struct sn_fault *a, const struct sn_fault *b)
{
    if (a->kind != b->kind || a->plane != b->plane || a->cut != b->cut || a->matrix != b->matrix)
        return false;
    if (a->kind == SN_FAULT_PAIR || a->kind == SN_FAULT_NODES)
        return a->src == b->dst && a->dst == b->src && !(a->direction & SN_FAULT_IN);
    return a->kind != SN_FAULT_PLANE && a->src == b->src && !(a->direction & b->direction);
}

/* The same place slow in several directions is one finding: the figures are those of the slowest.
 */
static void join_directions(struct sn_diagnosis *d)
{
    for (size_t i = 0; i < d->n_faults; i++)
        for (size_t j = i + 1; j < d->n_faults;) {
            struct sn_fault *a = &d->faults[i], b = d->faults[j];
            if (!reverse(a, &b)) {
                j++;
                continue;
            }
            bool pair = a->kind == SN_FAULT_PAIR || a->kind == SN_FAULT_NODES;
            unsigned both = a->direction | (pair ? SN_FAULT_IN : b.direction);
            size_t cells = a->cells + b.cells;
            double p = fmax(a->p, b.p);
            if (!a->cut && b.shift > a->shift) {
                a->shift = b.shift;
                a->lo = b.lo;
                a->hi = b.hi;
            }
            a->direction = both;
            if (pair && a->src > a->dst) { /* both ways: the smaller number first */
                a->src = b.src;
                a->dst = b.dst;
            }
            a->cells = cells;
            a->p = p;
            drop(d, j);
        }
}

static bool same_kind(const struct sn_fault *a, const struct sn_fault *b)
{
    return a->kind == b->kind && a->direction == b->direction && a->plane == b->plane &&
           a->cut == b->cut && a->matrix == b->matrix;
}

/* With two or three nodes none can be told from its peers, but its endpoints can: all of them slow
 * alike are a slow node. */
static void join_endpoints(struct sn_diagnosis *d, const struct sn_cells *m, size_t index)
{
    size_t *size = sn_calloc(m->nodes + 1, sizeof *size);

    for (size_t i = 0; i < m->n && m->nodes > 1; i++)
        size[m->node[i]]++;
    for (size_t i = 0; i < d->n_faults; i++) {
        struct sn_fault *f = &d->faults[i];
        if (f->kind != SN_FAULT_ENDPOINT || f->matrix != index || m->nodes < 2)
            continue;
        size_t mine = 0, alike = 0, cells = 0;
        while (m->id[mine] != f->src)
            mine++;
        size_t k = (size_t)m->node[mine];
        for (size_t j = i; j < d->n_faults; j++)
            for (size_t e = 0; e < m->n; e++)
                alike += (size_t)m->node[e] == k && m->id[e] == d->faults[j].src &&
                         same_kind(f, &d->faults[j]);
        if (size[k] < 2 || alike < size[k])
            continue;
        for (size_t j = d->n_faults; j-- > i;)
            for (size_t e = 0; e < m->n; e++)
                if ((size_t)m->node[e] == k && m->id[e] == d->faults[j].src &&
                    same_kind(f, &d->faults[j])) {
                    cells += d->faults[j].cells;
                    if (j > i)
                        drop(d, j);
                    break;
                }
        f->kind = SN_FAULT_NODE;
        f->src = f->dst = m->node_id[k];
        f->cells = cells;
    }
    free(size);
}

/* Large groups first, then by number. */
static int by_place(const void *a, const void *b)
{
    const struct sn_fault *x = a, *y = b;

    if (x->matrix != y->matrix)
        return x->matrix < y->matrix ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->plane != y->plane)
        return x->plane < y->plane ? -1 : 1;
    if (x->src != y->src)
        return x->src < y->src ? -1 : 1;
    if (x->dst != y->dst)
        return x->dst < y->dst ? -1 : 1;
    return (x->direction > y->direction) - (x->direction < y->direction);
}

int sn_diagnose_rows(struct sn_diagnosis *out, const struct sn_rows *runs, size_t n_runs,
                     const struct sn_diagnose_opts *o)
{
    struct sn_cells *list = sn_cells_gather(runs, n_runs, o);
    struct sn_diagnosis d = {.opts = *o};
    size_t index = 0;

    if (!list)
        return SN_FAIL(SN_EINVAL, "no row has both src and dst: diagnose reads the rows of "
                                  "`snbench run pairs`, every src with every dst");
    for (const struct sn_cells *m = list; m; m = m->next)
        d.n_matrices++;
    d.matrices = sn_calloc(d.n_matrices, sizeof *d.matrices);
    for (struct sn_cells *m = list; m; m = m->next, index++) {
        sn_cells_cut(m, index, &d);
        sn_cells_slow(m, index, d.n_matrices, &d);
        join_directions(&d);
        join_endpoints(&d, m, index);
    }
    sn_cells_free(list);
    if (d.n_faults > 0)
        qsort(d.faults, d.n_faults, sizeof *d.faults, by_place);
    d.verdict = SN_DIAGNOSIS_HEALTHY;
    for (size_t i = 0; i < d.n_matrices; i++)
        if (d.matrices[i].unsure)
            d.verdict = SN_DIAGNOSIS_UNSURE;
    if (d.n_faults > 0)
        d.verdict = SN_DIAGNOSIS_FOUND;
    *out = d;
    return SN_OK;
}

void sn_diagnosis_free(struct sn_diagnosis *d)
{
    for (size_t i = 0; i < d->n_matrices; i++) {
        free(d->matrices[i].label);
        free(d->matrices[i].unsure);
    }
    free(d->matrices);
    free(d->faults);
    *d = (struct sn_diagnosis){0};
}

static int read_runs(struct sn_rows *runs, const char *const *dirs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *path = sn_strdupf("%s/rows.jsonl", dirs[i]);
        size_t torn;
        int status = sn_rows_read(&runs[i], path, &torn);
        free(path);
        if (status != SN_OK)
            return status;
    }
    return SN_OK;
}

int sn_diagnose(FILE *out, const char *const *dirs, size_t n, const struct sn_diagnose_opts *o,
                enum sn_format format, int *exit_code)
{
    static const int codes[] = {[SN_DIAGNOSIS_HEALTHY] = SN_OK,
                                [SN_DIAGNOSIS_FOUND] = SN_ERANGE,
                                [SN_DIAGNOSIS_UNSURE] = SN_EUNSURE};
    struct sn_rows *runs = sn_calloc(n, sizeof *runs);
    struct sn_diagnosis d;
    int status = read_runs(runs, dirs, n);

    if (status == SN_OK)
        status = sn_diagnose_rows(&d, runs, n, o);
    if (status == SN_OK) {
        status = sn_diagnosis_print(out, &d, format);
        *exit_code = sn_status_exit_code(codes[d.verdict]);
        sn_diagnosis_free(&d);
    }
    for (size_t i = 0; i < n; i++)
        sn_rows_free(&runs[i]);
    free(runs);
    return status;
}
