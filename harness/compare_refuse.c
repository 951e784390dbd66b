/* Two runs that are not one workload: what differs, by name. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/compare.h"

/* --- no id in common -------------------------------------------------------------------------- */

/* Words of a set, each once: "a, b, c and 4 more". */
struct words {
    const char **w;
    size_t n;
};

static void add_word(struct words *s, const char *w)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->w[i], w) == 0)
            return;
    s->w = sn_realloc(s->w, s->n + 1, sizeof *s->w);
    s->w[s->n++] = w;
}

static char *joined(const struct words *s)
{
    enum { NAMED = 4 };
    struct sn_buf b = {0};

    for (size_t i = 0; i < s->n && i < NAMED; i++)
        sn_buf_addf(&b, "%s%s", i ? ", " : "", s->w[i]);
    if (s->n > NAMED)
        sn_buf_addf(&b, " and %zu more", s->n - NAMED);
    return b.data ? b.data : sn_strdup("nothing");
}

static struct words benches_of(const struct sn_report *r)
{
    struct words s = {0};

    for (size_t g = 0; g < r->n_groups; g++)
        add_word(&s, r->groups[g].bench);
    return s;
}

static struct words clocks_of(const struct sn_report *r)
{
    struct words s = {0};

    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++) {
            const char *clock = r->groups[g].lines[i].row->clock;
            add_word(&s, clock ? clock : "no");
        }
    return s;
}

static bool overlap(const struct words *a, const struct words *b)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++)
            if (strcmp(a->w[i], b->w[j]) == 0)
                return true;
    return false;
}

/* Refuses when the two sets have nothing in common. */
static int refuse_sets(const char *what, struct words a, struct words b)
{
    int status = SN_OK;

    if (!overlap(&a, &b)) {
        char *x = joined(&a), *y = joined(&b);
        status = SN_FAIL(SN_EINVAL,
                         "BASE and NEW are different workloads: %s: %s in BASE, %s in "
                         "NEW",
                         what, x, y);
        free(x);
        free(y);
    }
    free(a.w);
    free(b.w);
    return status;
}

static const char *param(const struct sn_row *r, const char *axis)
{
    const struct sn_param *p = sn_row_param(r, axis);

    return p && p->text ? p->text : NULL;
}

/* The number of axes in which the rows differ, the seed being one; with `out` also the words. */
static size_t differences(const struct sn_row *a, const struct sn_row *b, struct sn_buf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_params; i++) {
        const char *x = a->params[i].text, *y = param(b, a->params[i].name);
        if (y && strcmp(x, y) == 0)
            continue;
        if (out)
            sn_buf_addf(out, "%saxis %s: %.64s in BASE, %.64s in NEW", n ? "; " : "",
                        a->params[i].name, x, y ? y : "absent");
        n++;
    }
    for (size_t i = 0; i < b->n_params; i++) {
        if (param(a, b->params[i].name))
            continue;
        if (out)
            sn_buf_addf(out, "%saxis %s: absent in BASE, %.64s in NEW", n ? "; " : "",
                        b->params[i].name, b->params[i].text);
        n++;
    }
    if (a->seed != b->seed) {
        if (out)
            sn_buf_addf(out, "%sseed: %" PRIu64 " in BASE, %" PRIu64 " in NEW", n ? "; " : "",
                        a->seed, b->seed);
        n++;
    }
    return n;
}

/* The pair of rows of one benchmark that differs in the fewest axes. Looks at the first 500 rows
 * of each side: more would say nothing new. */
static void nearest_pair(const struct sn_report *base, const struct sn_report *next,
                         const struct sn_row **a, const struct sn_row **b)
{
    enum { MOST = 500 };
    size_t fewest = SIZE_MAX;

    for (size_t g = 0; g < base->n_groups; g++)
        for (size_t h = 0; h < next->n_groups; h++) {
            const struct sn_group *x = &base->groups[g], *y = &next->groups[h];
            if (strcmp(x->bench, y->bench) != 0)
                continue;
            for (size_t i = 0; i < x->n_lines && i < MOST; i++)
                for (size_t j = 0; j < y->n_lines && j < MOST; j++) {
                    size_t n = differences(x->lines[i].row, y->lines[j].row, NULL);
                    if (n >= fewest)
                        continue;
                    fewest = n;
                    *a = x->lines[i].row;
                    *b = y->lines[j].row;
                }
        }
}

int sn_compare_refuse_nothing_common(const struct sn_report *base, const struct sn_report *next)
{
    const struct sn_row *a = NULL, *b = NULL;
    struct sn_buf words = {0};
    int status = refuse_sets("clock", clocks_of(base), clocks_of(next));

    if (!status)
        status = refuse_sets("benchmark", benches_of(base), benches_of(next));
    if (status)
        return status;
    nearest_pair(base, next, &a, &b);
    differences(a, b, &words);
    status = SN_FAIL(SN_EINVAL,
                     "BASE and NEW are different workloads: no row is in both; the nearest pair, "
                     "of %s, differs in %s",
                     a->bench, words.len ? words.data : "its schema");
    sn_buf_free(&words);
    return status;
}

/* --- the same id under other conditions ------------------------------------------------------- */

static int refuse(const char *what, const struct sn_row *row, const char *base, const char *next)
{
    return SN_FAIL(SN_EINVAL,
                   "BASE and NEW cannot be compared: row %s (%s) has %s %s in BASE and %s in NEW",
                   row->id, row->bench, what, base, next);
}

static int refuse_numbers(const char *what, const struct sn_row *row, int base, int next)
{
    char x[24], y[24];

    snprintf(x, sizeof x, "%d", base);
    snprintf(y, sizeof y, "%d", next);
    return base == next ? SN_OK
                        : refuse(what, row, base < 0 ? "unknown" : x, next < 0 ? "unknown" : y);
}

int sn_compare_refuse_conditions(const struct sn_line *a, const struct sn_line *b)
{
    const struct sn_row *x = a->row, *y = b->row;
    const char *p = x->clock ? x->clock : "none", *q = y->clock ? y->clock : "none";

    if (a->status != SN_ROW_OK || b->status != SN_ROW_OK)
        return SN_OK; /* a row that did not run has no conditions */
    if (strcmp(p, q) != 0)
        return refuse("clock", x, p, q);
    if (x->origin != y->origin)
        return refuse("origin", x, sn_origin_name(x->origin), sn_origin_name(y->origin));
    int status = refuse_numbers("ranks", x, x->ranks, y->ranks);
    return status ? status : refuse_numbers("endpoints", x, x->endpoints, y->endpoints);
}

/* A file that both name must hold the same: a routing trace of other tokens is other work. */
int sn_compare_refuse_inputs(const struct sn_report *base, const struct sn_report *next)
{
    const json_t *a = sn_manifest_get(base->runs[0].manifest, "inputs");
    const json_t *b = sn_manifest_get(next->runs[0].manifest, "inputs");

    for (size_t i = 0; i < json_array_size(a); i++)
        for (size_t j = 0; j < json_array_size(b); j++) {
            const json_t *x = json_array_get(a, i), *y = json_array_get(b, j);
            const char *path = sn_manifest_str(x, "path", "");
            const char *sum = sn_manifest_str(x, "sha256", "");
            if (strcmp(path, sn_manifest_str(y, "path", "")) == 0 &&
                strcmp(sum, sn_manifest_str(y, "sha256", "")) != 0)
                return SN_FAIL(SN_EINVAL,
                               "BASE and NEW are different workloads: the input file %s held other "
                               "bytes (its SHA-256 differs)",
                               path);
        }
    return SN_OK;
}
