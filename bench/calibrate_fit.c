/* The fit of a path: see calibrate_fit.h. For a given set of rows that the overhead binds, the
 * model is linear in (L, 1/B, o); the set follows from the solution, and the two are iterated. */
#include "bench/calibrate_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { P = SN_FIT_PARAMETERS, ROUNDS = 32 };
#define ROUNDING 1e-9 /* share of a time that is no more than its rounding */

double sn_fit_predict(const struct sn_fit *f, double messages, double bytes)
{
    double bytes_s = bytes * f->value[SN_FIT_INVERSE];
    return f->value[SN_FIT_LATENCY] + bytes_s +
           (messages - 1) * fmax(f->value[SN_FIT_OVERHEAD], bytes_s);
}

/* inverse = m^-1 for the n parameters in `which`, by Gauss and Jordan with the diagonal scaled to
 * 1; false where the rows do not tell them apart. */
static bool invert(double m[P][P], const bool which[P], double inverse[P][P])
{
    double a[P][2 * P] = {{0}}, scale[P] = {0};
    int index[P], n = 0;
    for (int i = 0; i < P; i++)
        if (which[i])
            index[n++] = i;
    for (int i = 0; i < n; i++) {
        double d = m[index[i]][index[i]];
        if (!(d > 0))
            return false;
        scale[i] = 1 / sqrt(d);
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++)
            a[i][j] = m[index[i]][index[j]] * scale[i] * scale[j];
        a[i][n + i] = 1;
    }
    for (int i = 0; i < n; i++) {
        if (!(a[i][i] > 1e-12)) /* positive definite: no other pivot would be better */
            return false;
        double pivot = 1 / a[i][i];
        for (int j = 0; j < 2 * n; j++)
            a[i][j] *= pivot;
        for (int k = 0; k < n; k++) {
            double factor = a[k][i];
            for (int j = 0; k != i && j < 2 * n; j++)
                a[k][j] -= factor * a[i][j];
        }
    }
    memset(inverse, 0, sizeof(double[P][P]));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            inverse[index[i]][index[j]] = a[i][n + j] * scale[i] * scale[j];
    return true;
}

/* What a row's time is made of, per parameter: t = sum_i part[i] value[i]. */
static void parts(const struct sn_fit *f, const struct sn_fit_row *r, double part[P])
{
    bool bound = f->value[SN_FIT_OVERHEAD] > r->bytes * f->value[SN_FIT_INVERSE];
    part[SN_FIT_LATENCY] = 1;
    part[SN_FIT_INVERSE] = bound ? r->bytes : r->messages * r->bytes;
    part[SN_FIT_OVERHEAD] = bound ? r->messages - 1 : 0;
}

/* One linear solution for the bound rows that f's present values say; false: not determined. */
static bool solve(struct sn_fit *f, const struct sn_fit_row *rows, size_t n, double inverse[P][P])
{
    double m[P][P] = {{0}}, y[P] = {0};
    for (size_t k = 0; k < n; k++) {
        double part[P];
        parts(f, &rows[k], part);
        for (int i = 0; i < P; i++) {
            y[i] += part[i] / rows[k].s;
            for (int j = 0; j < P; j++)
                m[i][j] += part[i] * part[j] / (rows[k].s * rows[k].s);
        }
    }
    if (!invert(m, f->fitted, inverse))
        return false;
    for (int i = 0; i < P; i++) {
        f->value[i] = 0;
        for (int j = 0; j < P; j++)
            f->value[i] += inverse[i][j] * y[j];
    }
    return true;
}

static double residual(const struct sn_fit *f, const struct sn_fit_row *r)
{
    return sn_fit_predict(f, r->messages, r->bytes) / r->s - 1;
}

static double bytes_share(const struct sn_fit *f, const struct sn_fit_row *r)
{
    double part[P];
    parts(f, r, part);
    return part[SN_FIT_INVERSE] * f->value[SN_FIT_INVERSE] /
           sn_fit_predict(f, r->messages, r->bytes);
}

/* Some rows of several messages must be bound by the overhead: one message's is part of L. */
static bool overhead_is_told(const struct sn_fit *f, const struct sn_fit_row *rows, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (rows[k].messages > 1 &&
            f->value[SN_FIT_OVERHEAD] > rows[k].bytes * f->value[SN_FIT_INVERSE])
            return true;
    return false;
}

static void describe(struct sn_fit *f, const struct sn_fit_row *rows, size_t n,
                     double inverse[P][P])
{
    double sum = 0;
    f->n = n;
    f->worst = f->most = 0;
    f->least = INFINITY;
    f->parameters = 0;
    f->share_least = 1;
    f->share_most = 0;
    for (int i = 0; i < P; i++)
        f->parameters += f->fitted[i];
    for (size_t k = 0; k < n; k++) {
        double e = residual(f, &rows[k]);
        sum += e * e;
        f->worst = fmax(f->worst, fabs(e));
        f->least = fmin(f->least, rows[k].bytes);
        f->most = fmax(f->most, rows[k].bytes);
    }
    for (size_t k = 0; k < n; k++) {
        if (rows[k].bytes == f->least)
            f->share_least = fmin(f->share_least, bytes_share(f, &rows[k]));
        if (rows[k].bytes == f->most)
            f->share_most = fmax(f->share_most, bytes_share(f, &rows[k]));
    }
    double variance = n > f->parameters ? sum / (double)(n - f->parameters) : NAN;
    for (int i = 0; i < P; i++) {
        f->error[i] = f->fitted[i] ? sqrt(variance * inverse[i][i]) / f->value[i] : NAN;
        for (int j = 0; j < P; j++)
            f->correlation[i][j] = f->fitted[i] && f->fitted[j]
                                       ? inverse[i][j] / sqrt(inverse[i][i] * inverse[j][j])
                                       : NAN;
    }
}

/* The fit of exactly these rows, with the parameters that `fitted` names. */
static bool fit_with(struct sn_fit *out, const struct sn_fit_row *rows, size_t n,
                     const bool fitted[P])
{
    struct sn_fit f = {.n = n};
    double inverse[P][P];
    memcpy(f.fitted, fitted, sizeof f.fitted);
    /* Start: no latency; the largest message gives 1/B, the busiest small one the overhead. */
    f.value[SN_FIT_INVERSE] = INFINITY;
    f.value[SN_FIT_OVERHEAD] = INFINITY;
    for (size_t k = 0; k < n; k++) {
        const struct sn_fit_row *r = &rows[k];
        f.value[SN_FIT_INVERSE] = fmin(f.value[SN_FIT_INVERSE], r->s / (r->messages * r->bytes));
        f.value[SN_FIT_OVERHEAD] = fmin(f.value[SN_FIT_OVERHEAD], r->s / r->messages);
    }
    if (!fitted[SN_FIT_OVERHEAD])
        f.value[SN_FIT_OVERHEAD] = 0;
    double before[P];
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(before, f.value, sizeof before);
        if (!solve(&f, rows, n, inverse) || !(f.value[SN_FIT_INVERSE] > 0))
            return false;
        if (!memcmp(before, f.value, sizeof before))
            break;
    }
    /* A slope that moves no row's time by more than its last digits is rounding. */
    double most = 0;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, rows[k].messages * rows[k].bytes * f.value[SN_FIT_INVERSE] / rows[k].s);
    if (most < ROUNDING)
        return false;
    if (fitted[SN_FIT_OVERHEAD] &&
        (!(f.value[SN_FIT_OVERHEAD] > 0) || !overhead_is_told(&f, rows, n)))
        return false;
    describe(&f, rows, n, inverse);
    *out = f;
    return true;
}

static bool fit_rows(struct sn_fit *out, const struct sn_fit_row *rows, size_t n)
{
    static const bool sets[][P] = {
        {[SN_FIT_LATENCY] = true, [SN_FIT_INVERSE] = true, [SN_FIT_OVERHEAD] = true},
        {[SN_FIT_LATENCY] = true, [SN_FIT_INVERSE] = true},
    };
    static const bool no_latency[][P] = {
        {[SN_FIT_INVERSE] = true, [SN_FIT_OVERHEAD] = true},
        {[SN_FIT_INVERSE] = true},
    };
    struct sn_fit f;
    for (int i = 0; i < 2; i++) {
        if (!fit_with(&f, rows, n, sets[i]))
            continue;
        bool negative = f.value[SN_FIT_LATENCY] < 0;
        if (negative && !fit_with(&f, rows, n, no_latency[i]))
            continue;
        *out = f;
        out->clamped = negative;
        return true;
    }
    return false;
}

static int by_bytes(const void *a, const void *b)
{
    const struct sn_fit_row *x = a, *y = b;
    if ((x->messages > 1) != (y->messages > 1))
        return x->messages > 1 ? 1 : -1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    if (x->messages != y->messages)
        return x->messages < y->messages ? -1 : 1;
    return x->s < y->s ? -1 : x->s > y->s;
}

/* The longest run of rows, sorted by bytes, that lie on one line; of equally long ones that of the
 * largest messages. False: there is none. */
static bool longest_run(struct sn_fit *out, const struct sn_fit_row *rows, size_t n)
{
    for (size_t len = n; len >= 2; len--)
        for (size_t at = n - len + 1; at-- > 0;) {
            /* Rows of equal bytes stay together, and a line needs two places to stand on. */
            if ((at && rows[at - 1].bytes == rows[at].bytes) ||
                (at + len < n && rows[at + len - 1].bytes == rows[at + len].bytes) ||
                rows[at].bytes == rows[at + len - 1].bytes)
                continue;
            if (fit_rows(out, rows + at, len) && out->worst <= SN_FIT_TOLERANCE)
                return true;
        }
    return false;
}

bool sn_fit_path(struct sn_fit *out, struct sn_fit_row *rows, size_t n)
{
    struct sn_fit line, f;
    size_t single = 0, m = 0;
    if (n < 2)
        return false;
    qsort(rows, n, sizeof *rows, by_bytes);
    while (single < n && rows[single].messages <= 1)
        single++;
    if (!longest_run(&line, rows, single) && !longest_run(&line, rows + single, n - single))
        return false;
    struct sn_fit_row *both = malloc(n * sizeof *both);
    if (!both)
        return false;
    for (size_t k = 0; k < n; k++) {
        rows[k].used = rows[k].bytes >= line.least && rows[k].bytes <= line.most;
        if (rows[k].used)
            both[m++] = rows[k];
    }
    if (!fit_rows(&f, both, m))
        f = line;
    free(both);
    for (size_t k = 0; k < n; k++)
        rows[k].predicted = sn_fit_predict(&f, rows[k].messages, rows[k].bytes);
    *out = f;
    return true;
}
