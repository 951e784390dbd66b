/* `snbench validate`: the table of expected and got, the errors of each class, the verdict. */
#include "harness/validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/doc.h"
#include "harness/numbers.h"
#include "harness/base/status.h"

enum { TEXT_WIDTH = 120 };

const char sn_null_models_text[] =
    "Errors are got - expected over expected, of the worst row of an entry; ranges, identities and "
    "projections enter no error figure. Null models: N0 is the mean of the calibration figures of "
    "the same quantity; N1 is bandwidth alone, the row's lower bound less its latency in place of "
    "its time.";

/* --- figures as text -------------------------------------------------------------------------- */

char *sn_figure_text(char *buf, size_t size, double value, const char *unit)
{
    if (!isfinite(value))
        snprintf(buf, size, "-");
    else if (strcmp(unit, "1") == 0)
        snprintf(buf, size, "%.4g", value);
    else
        sn_units_format_named(buf, size, value, unit);
    return buf;
}

/* "+3.1" for 0.0314; "-" for NAN. */
static char *percent(char buf[SN_NUM_SIZE], double fraction)
{
    if (isnan(fraction))
        snprintf(buf, SN_NUM_SIZE, "-");
    else
        snprintf(buf, SN_NUM_SIZE, fabs(fraction) < 5e-4 ? "0.0" : "%+.1f", 100 * fraction);
    return buf;
}

/* The same without a sign. */
static char *share(char buf[SN_NUM_SIZE], double fraction)
{
    if (isnan(fraction))
        snprintf(buf, SN_NUM_SIZE, "-");
    else
        snprintf(buf, SN_NUM_SIZE, "%.1f", 100 * fraction);
    return buf;
}

char *sn_expectation_text(const struct sn_expectation *e, bool tolerance)
{
    struct sn_buf b = {0};
    char text[128];

    if (!e->range) {
        sn_buf_add(&b, sn_figure_text(text, sizeof text, e->expected, e->unit));
    } else {
        if (isfinite(e->min))
            sn_buf_addf(&b, "at least %s", sn_figure_text(text, sizeof text, e->min, e->unit));
        if (isfinite(e->max))
            sn_buf_addf(&b, "%sat most %s", b.len ? ", " : "",
                        sn_figure_text(text, sizeof text, e->max, e->unit));
    }
    if (tolerance && e->tolerance > 0)
        sn_buf_addf(&b, " ±%.3g %%", 100 * e->tolerance);
    return b.data;
}

/* --- tables ----------------------------------------------------------------------------------- */

static size_t column(struct sn_table *t, const char *key, const char *head, bool number,
                     int priority)
{
    enum sn_column_show show = !head ? SN_SHOW_FILES : !key ? SN_SHOW_PEOPLE : SN_SHOW_ALL;

    return sn_table_column(t, &(struct sn_column){key, head, number, priority, show});
}

static void set_raw(struct sn_table *t, size_t at, const char *text, double value)
{
    char raw[SN_NUM_SIZE];

    sn_num_raw(raw, value);
    sn_table_set(t, at, text, *raw ? raw : NULL);
}

/* The group that a line belongs to. */
static const struct sn_group *group_of(const struct sn_report *r, const struct sn_line *l)
{
    const struct sn_group *g = r->groups;

    while (l < g->lines || l >= g->lines + g->n_lines)
        g++;
    return g;
}

/* What the file does not say of the row: the axes that the entry leaves open and that vary. */
static char *row_label(const struct sn_report *r, const struct sn_finding *f)
{
    const char *but[64];
    size_t n = 0;
    char *label;

    if (!f->line)
        return sn_strdup("");
    for (size_t i = 0; i < f->e->match.n && n < sizeof but / sizeof *but; i++)
        if (f->e->match.axes[i].n_values == 1)
            but[n++] = f->e->match.axes[i].axis;
    label = sn_line_label(r, group_of(r, f->line), f->line, but, n);
    return label;
}

static enum sn_tone tone_of(enum sn_verdict_of_entry v)
{
    return v == SN_FOUND_OK                                                     ? SN_TONE_GOOD
           : v == SN_FOUND_OUT || v == SN_FOUND_FAILED || v == SN_FOUND_MISSING ? SN_TONE_BAD
                                                                                : SN_TONE_NONE;
}

static void fill(const struct sn_report *r, const struct sn_finding *f, bool residual,
                 struct sn_table *t)
{
    const struct sn_expectation *e = f->e;
    char text[128], number[SN_NUM_SIZE], *words = sn_expectation_text(e, true);
    char *label = row_label(r, f);
    struct sn_buf verdict = {0};
    size_t at = 0;
    double to = e->range ? NAN : e->expected;

    sn_table_row(t);
    sn_table_set(t, at++, e->id, e->id);
    sn_table_set(t, at++, sn_expect_class_words[e->class], sn_expect_class_words[e->class]);
    sn_table_set(t, at++, *label ? label : NULL, *label ? label : NULL);
    sn_table_set(t, at++, NULL, f->line ? f->line->row->id : NULL);
    set_raw(t, at++, NULL, (double)f->rows);
    sn_table_set(t, at++, NULL, e->unit);
    sn_table_set(t, at++, words, NULL);
    set_raw(t, at++, NULL, to);
    set_raw(t, at++, NULL, e->range ? e->min : NAN);
    set_raw(t, at++, NULL, e->range ? e->max : NAN);
    set_raw(t, at++, NULL, e->tolerance);
    set_raw(t, at++, sn_figure_text(text, sizeof text, f->got, e->unit), f->got);
    if (!f->line || !isfinite(f->error))
        sn_table_set(t, at++, NULL, NULL);
    else if (e->range && f->error == 0)
        set_raw(t, at++, "inside", 0);
    else
        set_raw(t, at++, percent(number, f->error), f->error);
    if (residual)
        set_raw(t, at++, sn_figure_text(text, sizeof text, f->got - to, e->unit), f->got - to);
    set_raw(t, at++, f->line ? percent(number, (f->n0 - to) / fabs(to)) : NULL, f->n0);
    set_raw(t, at++, percent(number, (f->n1 - to) / fabs(to)), f->n1);
    sn_buf_add(&verdict, sn_found_name(f->verdict));
    if (f->bad > 0 && f->rows > 1)
        sn_buf_addf(&verdict, " (%zu of %zu)", f->bad, f->rows);
    else if (f->rows > 1)
        sn_buf_addf(&verdict, " (all %zu)", f->rows);
    if (f->extrapolated)
        sn_buf_add(&verdict, ", extrapolated");
    sn_table_set(t, at, verdict.data, sn_found_name(f->verdict));
    sn_table_tone(t, at++, tone_of(f->verdict));
    sn_table_set(t, at, NULL, e->note);
    sn_buf_free(&verdict);
    free(label);
    free(words);
}

static bool has_label(const struct sn_report *r, const struct sn_findings *f)
{
    bool any = false;

    for (size_t i = 0; i < f->n && !any; i++) {
        char *label = row_label(r, &f->findings[i]);
        any = *label != '\0';
        free(label);
    }
    return any;
}

static bool says(const struct sn_findings *f, size_t offset)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->findings[i].line && !f->findings[i].e->range &&
            isfinite(*(const double *)((const char *)&f->findings[i] + offset)))
            return true;
    return false;
}

void sn_findings_table(const struct sn_report *r, const struct sn_findings *f, bool absent,
                       bool residual, struct sn_table *out)
{
    sn_table_init(out);
    column(out, "id", "id", false, 0);
    column(out, "class", "class", false, 2);
    column(out, "row", has_label(r, f) ? "row" : NULL, false, 1);
    column(out, "row_id", NULL, false, 0);
    column(out, "rows", NULL, true, 0);
    column(out, "unit", NULL, false, 0);
    column(out, NULL, "expected", true, 0);
    column(out, "expected", NULL, true, 0);
    column(out, "min", NULL, true, 0);
    column(out, "max", NULL, true, 0);
    column(out, "tolerance", NULL, true, 0);
    column(out, "got", "got", true, 0);
    column(out, "error", "error (%)", true, 0);
    if (residual)
        column(out, "residual", "residual", true, 1);
    column(out, "n0", says(f, offsetof(struct sn_finding, n0)) ? "N0 (%)" : NULL, true, 3);
    column(out, "n1", says(f, offsetof(struct sn_finding, n1)) ? "N1 (%)" : NULL, true, 3);
    column(out, "verdict", "verdict", false, 0);
    column(out, "note", NULL, false, 0);
    for (size_t i = 0; i < f->n; i++)
        if (absent || f->findings[i].line)
            fill(r, &f->findings[i], residual, out);
}

/* "24.1 (2)": over how many entries, where these are not all. */
static void set_null(struct sn_table *t, size_t at, double mape, size_t n, size_t of)
{
    char number[SN_NUM_SIZE], *text;

    share(number, mape);
    text = n && n != of ? sn_strdupf("%s (%zu)", number, n) : sn_strdup(number);
    set_raw(t, at, text, mape);
    free(text);
}

void sn_findings_summary(const struct sn_findings *f, struct sn_table *out)
{
    char text[SN_NUM_SIZE];

    sn_table_init(out);
    column(out, "class", "class", false, 0);
    column(out, "judged", NULL, true, 0);
    column(out, "within", NULL, true, 0);
    column(out, NULL, "within tolerance", false, 0);
    column(out, "largest", "largest error (%)", true, 0);
    column(out, "largest_id", "of", false, 1);
    column(out, "mean", "mean signed (%)", true, 0);
    column(out, "mape", "MAPE (%)", true, 0);
    column(out, "n0_mape", "N0 MAPE (%)", true, 1);
    column(out, "n1_mape", "N1 MAPE (%)", true, 1);
    for (int c = 0; c < SN_EXPECT_CLASSES; c++) {
        struct sn_errors s = sn_findings_errors(f, (enum sn_expect_class)c);
        size_t at = 0;
        if (!s.judged)
            continue;
        char *within = sn_strdupf("%zu of %zu", s.within, s.judged);
        sn_table_row(out);
        sn_table_set(out, at++, sn_expect_class_words[c], sn_expect_class_words[c]);
        set_raw(out, at++, NULL, (double)s.judged);
        set_raw(out, at++, NULL, (double)s.within);
        sn_table_set(out, at, within, NULL);
        sn_table_tone(out, at++, s.within == s.judged ? SN_TONE_GOOD : SN_TONE_BAD);
        set_raw(out, at++, percent(text, s.largest), s.largest);
        sn_table_set(out, at++, s.largest_id, s.largest_id);
        set_raw(out, at++, percent(text, s.mean), s.mean);
        set_raw(out, at++, share(text, s.mape), s.mape);
        set_null(out, at++, s.n0, s.n_n0, s.n);
        set_null(out, at++, s.n1, s.n_n1, s.n);
        free(within);
    }
}

/* --- the command ------------------------------------------------------------------------------ */

/* The command line that would make the row of an entry. */
static char *run_for(const struct sn_expectations *x, const struct sn_expectation *e)
{
    struct sn_buf b = {0};

    sn_buf_addf(&b, "snbench run %s", e->bench);
    if (x->origin == SN_ORIGIN_MODELLED)
        sn_buf_add(&b, " --clock=model");
    for (size_t i = 0; i < e->match.n; i++)
        sn_buf_addf(&b, " '%s=%s'", e->match.axes[i].axis, e->match.axes[i].values[0]);
    return b.data;
}

static int nothing_matches(const struct sn_expectations *x, const char *dir, size_t n)
{
    struct sn_buf benches = {0};
    char *example = run_for(x, &x->entries[0]);

    for (size_t i = 0; i < x->n; i++) {
        bool before = false;
        for (size_t j = 0; j < i && !before; j++)
            before = strcmp(x->entries[i].bench, x->entries[j].bench) == 0;
        if (!before)
            sn_buf_addf(&benches, "%s%s", benches.len ? ", " : "", x->entries[i].bench);
    }
    SN_FAIL(SN_EINVAL,
            "%s%s: no row matches any entry of %s (benchmarks: %s%s%s); for example run: %s", dir,
            n > 1 ? ", ..." : "", x->path, benches.data, x->origin >= 0 ? "; origin: " : "",
            x->origin >= 0 ? sn_origin_name((enum sn_origin)x->origin) : "", example);
    free(example);
    sn_buf_free(&benches);
    return SN_EINVAL;
}

/* Entries that can fail and have a row, or should have one. */
static size_t judged(const struct sn_findings *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += f->findings[i].verdict != SN_FOUND_SHOWN && f->findings[i].verdict != SN_FOUND_ABSENT;
    return n;
}

/* SN_OK, or SN_ERANGE or SN_EUNSURE with the words for standard error. */
static int verdict(const struct sn_expectations *x, const struct sn_findings *f)
{
    enum { NAMED = 8 };
    struct sn_buf names = {0};
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (tone_of(f->findings[i].verdict) == SN_TONE_BAD && n++ < NAMED)
            sn_buf_addf(&names, "%s%s", names.len ? ", " : "", f->findings[i].e->id);
    }
    if (n > NAMED)
        sn_buf_addf(&names, " and %zu more", n - NAMED);
    if (f->failing)
        SN_FAIL(SN_ERANGE, "%s: %zu of %zu judged entries do not hold: %s", x->path, f->failing,
                judged(f), names.data);
    sn_buf_free(&names);
    if (judged(f) == 0)
        return SN_FAIL(SN_EUNSURE,
                       "%s: no row is judged: those that match are of identities and projections",
                       x->path);
    return f->failing ? SN_ERANGE : SN_OK;
}

static void headline(const struct sn_expectations *x, const struct sn_findings *f,
                     struct sn_doc *doc)
{
    size_t shown = 0, absent = 0;

    for (size_t i = 0; i < f->n; i++) {
        shown += f->findings[i].verdict == SN_FOUND_SHOWN;
        absent += f->findings[i].line == NULL;
    }
    bool none = judged(f) == 0;
    char *text = none         ? sn_strdup("INCONCLUSIVE: no judged entry has a row")
                 : f->failing ? sn_strdupf("OUT: %zu of %zu judged entries do not hold", f->failing,
                                           judged(f))
                              : sn_strdupf("OK: all %zu judged entries hold", judged(f));
    sn_doc_verdict(doc, none ? SN_TONE_WARN : f->failing ? SN_TONE_BAD : SN_TONE_GOOD, text);
    free(text);
    sn_doc_term(doc, "Against", "%s: %s", x->name, x->brief);
    if (shown)
        sn_doc_term(doc, "Shown", "%zu identities and projections, never judged", shown);
    if (absent)
        sn_doc_term(doc, "Absent", "%zu entries without a row here", absent);
}

static void build(const struct sn_expectations *x, const struct sn_report *r,
                  const struct sn_findings *f, struct sn_doc *doc)
{
    struct sn_table t;

    sn_doc_init(doc, "snbench: validate");
    headline(x, f, doc);
    sn_findings_table(r, f, true, false, &t);
    sn_doc_table(doc, &t, NULL);
    sn_table_free(&t);
    sn_findings_summary(f, &t);
    if (t.n_rows > 0) {
        sn_doc_heading(doc, 2, "Errors by class");
        sn_doc_table(doc, &t, NULL);
        sn_doc_para(doc, "%s", sn_null_models_text);
    }
    sn_table_free(&t);
}

static int print(FILE *out, const struct sn_expectations *x, const struct sn_report *r,
                 const struct sn_findings *f, enum sn_format format)
{
    struct sn_buf b = {0};
    struct sn_table t;
    struct sn_doc doc;
    int status;

    if (format == SN_FORMAT_CSV) {
        sn_findings_table(r, f, true, false, &t);
        sn_table_csv(&t, &b);
        sn_table_free(&t);
    } else {
        build(x, r, f, &doc);
        sn_doc_write(&doc, format, TEXT_WIDTH, &b);
        sn_doc_free(&doc);
    }
    status = sn_doc_put(out, &b, "table");
    sn_buf_free(&b);
    return status;
}

int sn_validate_print(FILE *out, const char *const *dirs, size_t n, const char *against,
                      enum sn_format format, const struct sn_app *app)
{
    struct sn_expectations x;
    struct sn_findings f;
    struct sn_report r;
    int status = sn_expectations_load(&x, against, app);

    if (status != SN_OK)
        return status;
    status = sn_report_load(&r, dirs, n, app);
    if (status != SN_OK)
        goto out_file;
    sn_findings_make(&x, &r, &f);
    status = f.matched ? print(out, &x, &r, &f, format) : nothing_matches(&x, dirs[0], n);
    if (status == SN_OK)
        status = verdict(&x, &f);
    sn_findings_free(&f);
    sn_report_free(&r);
out_file:
    sn_expectations_free(&x);
    return status;
}
