/* Expansion of sweeps.
 *
 * Every error is one line "AXIS=TEXT: what is wrong; what would be right". Values are collected in
 * order and checked for duplicates once, by their canonical texts. */
#include "harness/axis.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

struct parse {
    const struct sn_axis *axis;
    const char *text;
    int64_t ranks;
    struct sn_value *values;
    size_t n, cap;
};

/* Puts "size=8:4:*0: " before the recorded message and passes the status on. */
static int in_sweep(const struct parse *p, int status)
{
    const char *cut = strlen(p->text) > 64 ? "..." : "";
    sn_status_prefix("%s=%.64s%s", p->axis->name, p->text, cut);
    return status;
}

static int too_many(const struct parse *p)
{
    return in_sweep(p, SN_FAIL(SN_EINVAL, "more than %d values in a sweep", SN_SWEEP_MAX));
}

/* Takes over v.text. */
static int add(struct parse *p, struct sn_value v)
{
    if (p->n == SN_SWEEP_MAX) {
        free(v.text);
        return too_many(p);
    }
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 16;
        p->values = sn_realloc(p->values, p->cap, sizeof *p->values);
    }
    p->values[p->n++] = v;
    return SN_OK;
}

static int in_range(const struct parse *p, double value)
{
    const struct sn_axis *a = p->axis;
    if ((a->min == 0 && a->max == 0) || (value >= a->min && value <= a->max))
        return SN_OK;
    char v[32], min[32], max[32];
    SN_FAIL(SN_EINVAL, "%s is outside the axis's range, %s to %s",
            sn_units_format(v, sizeof v, value, a->unit),
            sn_units_format(min, sizeof min, a->min, a->unit),
            sn_units_format(max, sizeof max, a->max, a->unit));
    return in_sweep(p, SN_EINVAL);
}

/* One end of a range, or a number alone. */
static int read_int(const struct parse *p, const char *text, int64_t *out)
{
    if (!strcmp(text, "ranks")) {
        *out = p->ranks;
    } else if (!strcmp(text, "ranks-1")) {
        *out = p->ranks - 1;
    } else {
        int status = sn_units_parse_int(text, p->axis->unit, out);
        if (status)
            return in_sweep(p, status);
    }
    return in_range(p, (double)*out);
}

static int add_int(struct parse *p, int64_t i)
{
    return add(p,
               (struct sn_value){.i = i, .r = (double)i, .text = sn_strdupf("%lld", (long long)i)});
}

static int add_geometric(struct parse *p, int64_t first, int64_t last, const char *by)
{
    int64_t factor;
    int status = sn_units_parse_int(by, SN_UNIT_COUNT, &factor);
    if (status)
        return in_sweep(p, status);
    if (factor < 2)
        return in_sweep(p, SN_FAIL(SN_EINVAL, "factor must be at least 2"));
    if (first < 1)
        return in_sweep(p, SN_FAIL(SN_EINVAL, "a geometric range must start at 1 or more"));
    if (first > last)
        return in_sweep(p, SN_FAIL(SN_EINVAL, "the first value is larger than the last"));
    for (int64_t i = first; i <= last;) {
        if ((status = add_int(p, i)) < 0)
            return status;
        if (__builtin_mul_overflow(i, factor, &i))
            break;
    }
    return SN_OK;
}

static int add_arithmetic(struct parse *p, int64_t first, int64_t last, const char *by)
{
    int64_t step = 1;
    int status = by ? sn_units_parse_int(by, p->axis->unit, &step) : SN_OK;
    if (status)
        return in_sweep(p, status);
    if (step < 1)
        return in_sweep(p, SN_FAIL(SN_EINVAL, "step must be at least 1"));
    if (first > last)
        return in_sweep(p, SN_FAIL(SN_EINVAL, "the first value is larger than the last"));
    /* The difference may be larger than int64_t, never larger than uint64_t. */
    if (((uint64_t)last - (uint64_t)first) / (uint64_t)step >= SN_SWEEP_MAX)
        return too_many(p);
    for (int64_t i = first; i <= last;) {
        if ((status = add_int(p, i)) < 0)
            return status;
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    return SN_OK;
}

/* "4M", "8:4M:*2", "1:8", "0:64:+8"; writes into `term`. */
static int expand_int(struct parse *p, char *term)
{
    char *last_text = strchr(term, ':'), *by = NULL;
    if (last_text) {
        *last_text++ = '\0';
        by = strchr(last_text, ':');
        if (by)
            *by++ = '\0';
    }
    if (by && *by != '*' && *by != '+')
        return in_sweep(p,
                        SN_FAIL(SN_EINVAL, "'%.64s' must be *FACTOR or +STEP, as in 8:4M:*2", by));
    int64_t first, last;
    int status = read_int(p, term, &first);
    if (status || !last_text)
        return status ? status : add_int(p, first);
    if ((status = read_int(p, last_text, &last)) < 0)
        return status;
    return by && *by == '*' ? add_geometric(p, first, last, by + 1)
                            : add_arithmetic(p, first, last, by ? by + 1 : NULL);
}

static int expand_real(struct parse *p, const char *term)
{
    double r;
    int status = sn_units_parse_real(term, p->axis->unit, &r);
    if (status)
        return in_sweep(p, status);
    r = sn_units_snap(r);
    if ((status = in_range(p, r)) < 0)
        return status;
    return add(p, (struct sn_value){.r = r, .text = sn_strdupf("%.12g", r)});
}

static int add_word(struct parse *p, size_t index, const char *word)
{
    return add(p,
               (struct sn_value){.i = (int64_t)index, .r = (double)index, .text = sn_strdup(word)});
}

static int expand_word(struct parse *p, const char *term)
{
    const char *const *words = p->axis->words;
    size_t n = 0;
    for (; words[n]; n++)
        if (!strcmp(words[n], term))
            return add_word(p, n, term);
    if (p->axis->extra && !strcmp(p->axis->extra, term))
        return add_word(p, n, term);
    if (!strcmp(term, "all")) {
        int status = SN_OK;
        for (size_t i = 0; i < n && !status; i++)
            status = add_word(p, i, words[i]);
        return status;
    }
    struct sn_buf all = {0};
    if (p->axis->extra)
        sn_buf_addf(&all, "%s, ", p->axis->extra);
    for (size_t i = 0; i < n; i++)
        sn_buf_addf(&all, "%s%s", i ? ", " : "", words[i]);
    const char *near = sn_nearest(term, words, n);
    SN_FAIL(SN_EINVAL, "no value '%.64s'%s%s%s (values: %s)", term, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "", all.data ? all.data : "none");
    sn_buf_free(&all);
    return in_sweep(p, SN_EINVAL);
}

static int expand_text(struct parse *p, const char *term)
{
    int status = p->axis->check ? p->axis->check(term) : SN_OK;
    if (status)
        return in_sweep(p, status);
    return add(p, (struct sn_value){.text = sn_strdup(term)});
}

/* The end of the term at `s`: the next comma that is not inside parentheses (TEXT only). NULL when
 * a parenthesis is not closed. */
static const char *end_of_term(const struct parse *p, const char *s)
{
    if (p->axis->type != SN_AXIS_TEXT)
        return s + strcspn(s, ",");
    size_t depth = 0;
    for (; *s && (*s != ',' || depth); s++) {
        if (*s == '(')
            depth++;
        else if (*s == ')' && depth)
            depth--;
    }
    return depth ? NULL : s;
}

/* A copy without the blanks at its ends. */
static char *trimmed(const char *s, const char *end)
{
    while (s < end && isspace((unsigned char)*s))
        s++;
    while (end > s && isspace((unsigned char)end[-1]))
        end--;
    return sn_strdupf("%.*s", (int)(end - s), s);
}

static int expand(struct parse *p, char *term)
{
    if (!*term)
        return in_sweep(p, SN_FAIL(SN_EINVAL, "an empty term between commas"));
    switch (p->axis->type) {
    case SN_AXIS_INT:
        return expand_int(p, term);
    case SN_AXIS_REAL:
        return expand_real(p, term);
    case SN_AXIS_WORD:
        return expand_word(p, term);
    case SN_AXIS_TEXT:
        return expand_text(p, term);
    }
    return SN_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(const struct sn_value *const *)a)->text,
                  (*(const struct sn_value *const *)b)->text);
}

static int no_duplicates(const struct parse *p)
{
    const struct sn_value **sorted = sn_calloc(p->n, sizeof *sorted);
    int status = SN_OK;
    for (size_t i = 0; i < p->n; i++)
        sorted[i] = &p->values[i];
    qsort(sorted, p->n, sizeof *sorted, by_text);
    for (size_t i = 1; i < p->n && !status; i++)
        if (!strcmp(sorted[i - 1]->text, sorted[i]->text))
            status =
                in_sweep(p, SN_FAIL(SN_EINVAL, "the value %.64s is given twice", sorted[i]->text));
    free(sorted);
    return status;
}

int sn_sweep_parse(struct sn_sweep *out, const struct sn_axis *axis, const char *text,
                   int64_t ranks)
{
    struct parse p = {.axis = axis, .text = text, .ranks = ranks};
    int status = SN_OK;
    if (!text[strspn(text, " \t\r\n")])
        return in_sweep(&p, SN_FAIL(SN_EINVAL, "empty sweep; right is for example %s=%s",
                                    axis->name, axis->def));
    for (const char *s = text, *end; !status; s = end + 1) {
        end = end_of_term(&p, s);
        if (!end) {
            status = in_sweep(&p, SN_FAIL(SN_EINVAL, "a parenthesis is not closed"));
            break;
        }
        char *term = trimmed(s, end);
        status = expand(&p, term);
        free(term);
        if (!*end)
            break;
    }
    if (!status)
        status = no_duplicates(&p);
    struct sn_sweep sweep = {.axis = axis, .values = p.values, .n = p.n};
    if (status) {
        sn_sweep_free(&sweep);
        return status;
    }
    *out = sweep;
    return SN_OK;
}

void sn_sweep_free(struct sn_sweep *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->values[i].text);
    free(s->values);
    *s = (struct sn_sweep){0};
}
