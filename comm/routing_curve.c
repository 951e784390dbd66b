/* Routing curve(FILE): a measured popularity curve.
 *
 * FILE is CSV, "experts,share": the share of all activations that the most used experts take
 * together, at growing numbers of them; # comments. Between two points every expert has the same
 * share (the cumulative curve is linear): the points are reproduced exactly, shares fall with rank
 * whenever the points allow it, and nothing is added that was not measured. A last point below 1
 * leaves the rest to the experts up to the number asked. Asked for a number E' of experts other
 * than the file's E, the curve is resampled by quantile: the n most used of E' take what the n E/E'
 * most used of E take.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/lines.h"
#include "comm/routing_kind.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

struct point {
    double experts, share;
};

struct curve {
    struct point *point; /* (n) [0] is the origin */
    unsigned n;
};

#define FAIL_AT(lines, ...) fail_at(lines, SN_FAIL(SN_EINVAL, __VA_ARGS__))
static int fail_at(const struct sn_lines *l, int rc)
{
    sn_status_prefix("%s:%u", l->path, l->line);
    return rc;
}

static double slope(const struct point *a, const struct point *b)
{
    return (b->share - a->share) / (b->experts - a->experts);
}

static int add_point(struct curve *c, const struct sn_lines *l, char *line)
{
    char *rest = line, *experts = sn_lines_field(&rest), *share = sn_lines_field(&rest);
    uint64_t n;
    double s;
    if (!share || rest)
        return FAIL_AT(l, "%s; must be experts,share",
                       share ? "more than two fields" : "one field");
    if (!sn_lines_uint(experts, UINT16_MAX, &n))
        return FAIL_AT(l, "'%s' is no number of experts (1..%u)", experts, UINT16_MAX);
    if (sn_units_parse_real(share, SN_UNIT_COUNT, &s))
        return fail_at(l, SN_EINVAL);

    const struct point *last = &c->point[c->n - 1];
    struct point p = {(double)n, s};
    if (!(p.experts > last->experts))
        return FAIL_AT(l, "%g experts after %g: must grow from line to line", p.experts,
                       last->experts);
    if (!(p.share >= last->share && p.share <= 1))
        return FAIL_AT(l, "share %g after %g: cumulative shares must not fall, nor pass 1", p.share,
                       last->share);
    /* 1e-9: shares written with few digits may make equal slopes differ by rounding only */
    if (c->n > 1 && slope(last, &p) > slope(last - 1, last) + 1e-9)
        return FAIL_AT(l,
                       "experts up to %g have %.4g each, those before %.4g: the most used must "
                       "come first",
                       p.experts, slope(last, &p), slope(last - 1, last));
    c->point = sn_realloc(c->point, c->n + 1, sizeof *c->point);
    c->point[c->n++] = p;
    return SN_OK;
}

static int read_points(struct curve *c, struct sn_lines *l, unsigned experts)
{
    char *line = sn_lines_next(l);
    if (!line || strcmp(line, "experts,share") != 0)
        return FAIL_AT(l, "the first line must be 'experts,share'");
    while ((line = sn_lines_next(l))) {
        int rc = add_point(c, l, line);
        if (rc)
            return rc;
    }
    const struct point last = c->point[c->n - 1];
    if (c->n < 2)
        return FAIL_AT(l, "no line of the curve, such as 10,0.173");
    if (last.share >= 1)
        return SN_OK;
    if (experts <= last.experts)
        return FAIL_AT(l,
                       "the curve ends at share %g; for %u experts or fewer it must say how many "
                       "experts take all (a last line such as 384,1)",
                       last.share, (unsigned)last.experts);
    c->point = sn_realloc(c->point, c->n + 1, sizeof *c->point);
    c->point[c->n++] = (struct point){experts, 1};
    return SN_OK;
}

int sn_routing_curve_parse(char *text, const char *path, unsigned experts, double *popularity)
{
    struct sn_lines lines = {.path = path, .next = text};
    struct curve c = {.point = sn_calloc(1, sizeof *c.point), .n = 1};
    int rc = read_points(&c, &lines, experts);

    double before = 0;
    unsigned at = 0; /* the segment from point `at` */
    for (unsigned i = 0; rc == SN_OK && i < experts; i++) {
        double x = (i + 1) * c.point[c.n - 1].experts / experts;
        while (at + 2 < c.n && c.point[at + 1].experts < x)
            at++;
        const struct point *p = &c.point[at];
        double upto =
            x >= p[1].experts ? p[1].share : p->share + (x - p->experts) * slope(p, p + 1);
        popularity[i] = fmax(0, upto - before);
        before = upto;
    }
    free(c.point);
    return rc;
}

static int open_curve(struct sn_routing *r, const struct sn_routing_args *args)
{
    struct sn_buf text = {0};
    double *popularity = sn_calloc(r->experts, sizeof *popularity);
    int rc = sn_buf_read_file(&text, args->path);
    if (rc == SN_OK)
        rc = sn_routing_curve_parse(text.data ? text.data : (char[]){""}, args->path, r->experts,
                                    popularity);
    if (rc == SN_OK) {
        unsigned used = 0;
        while (used < r->experts && popularity[used] > 0)
            used++;
        if (used < r->topk)
            rc = SN_FAIL(SN_EINVAL, "%s: only %u of %u experts are used, fewer than top-%u",
                         args->path, used, r->experts, r->topk);
    }
    if (rc == SN_OK)
        rc = sn_routing_open_popular(r, popularity);
    sn_buf_free(&text);
    free(popularity);
    return rc;
}

const struct sn_routing_kind sn_routing_curve = {
    .name = "curve",
    .form = "curve(FILE)",
    .example = "curve(results/published/routing-curve-384.csv)",
    .brief = "the popularity curve of a CSV file \"experts,share\" (cumulative shares)",
    .takes_file = true,
    .open = open_curve,
    .draw = sn_routing_draw_popular,
    .close = sn_routing_close_popular,
};
