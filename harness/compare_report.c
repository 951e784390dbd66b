/* A comparison in words, as a table, as JSON; see compare.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/compare.h"
#include "harness/doc.h"
#include "harness/escape.h"
#include "harness/numbers.h"
#include "harness/report_parts.h"

#define SN_COMPARE_SCHEMA "snbench-compare-1"
enum { TEXT_WIDTH = 120 };

/* --- figures ---------------------------------------------------------------------------------- */

/* "+10.2" for a ratio of 1.102. */
static char *change_text(char buf[SN_NUM_SIZE], double ratio)
{
    double percent = 100 * (ratio - 1);

    if (isnan(ratio))
        snprintf(buf, SN_NUM_SIZE, "-");
    else
        snprintf(buf, SN_NUM_SIZE, fabs(percent) < 0.05 ? "0.0" : "%+.1f", percent);
    return buf;
}

static char *p_text(char buf[SN_NUM_SIZE], double p)
{
    if (isnan(p))
        snprintf(buf, SN_NUM_SIZE, "-");
    else if (p < 1e-6)
        snprintf(buf, SN_NUM_SIZE, "<1e-6");
    else
        snprintf(buf, SN_NUM_SIZE, p < 1e-3 ? "%.1e" : "%.3f", p);
    return buf;
}

static double side_median(const struct sn_medians *m)
{
    return sn_contrast_median(m->x, m->n);
}

/* --- table ------------------------------------------------------------------------------------ */

enum {
    LABEL,
    BENCH,
    ID,
    VERDICT,
    BASE,
    NEXT,
    CHANGE,
    LO,
    HI,
    INTERVAL,
    P,
    P_HOLM,
    THRESHOLD,
    DETECTABLE,
    LAUNCHES,
    N_BASE,
    N_NEXT,
    NOISE,
    CLOCK,
    WHY
};

static const enum sn_tone tones[] = {SN_TONE_BAD, SN_TONE_GOOD, SN_TONE_NONE, SN_TONE_WARN};

static void set_real(struct sn_table *t, size_t column, const char *shown, double raw)
{
    char file[SN_NUM_SIZE];

    sn_num_raw(file, raw);
    sn_table_set(t, column, shown, *file ? file : NULL);
}

static void set_percent(struct sn_table *t, size_t column, double ln, double raw)
{
    char text[SN_NUM_SIZE];

    snprintf(text, sizeof text, "%.1f", 100 * expm1(ln));
    set_real(t, column, isfinite(ln) ? text : NULL, raw);
}

static void fill(const struct sn_compared *r, struct sn_table *t)
{
    const struct sn_contrast *c = &r->c;
    char text[128], number[SN_NUM_SIZE], other[SN_NUM_SIZE], *pair, *range;
    const char *verdict = sn_change_words[c->change];
    double base = side_median(&r->a), next = side_median(&r->b);

    range = isnan(c->lo) || c->exact
                ? NULL
                : sn_strdupf("[%s, %s]", change_text(number, c->lo), change_text(other, c->hi));
    pair = c->n_base == c->n_next ? sn_strdupf("%zu", c->n_base)
                                  : sn_strdupf("%zu, %zu", c->n_base, c->n_next);
    sn_table_row(t);
    sn_table_set(t, LABEL, r->label, r->label);
    sn_table_set(t, BENCH, NULL, r->base->row->bench);
    sn_table_set(t, ID, NULL, r->base->row->id);
    sn_table_set(t, VERDICT, verdict, verdict);
    sn_table_tone(t, VERDICT, tones[c->change]);
    set_real(t, BASE, sn_units_format(text, sizeof text, base, SN_UNIT_SECONDS), base);
    set_real(t, NEXT, sn_units_format(text, sizeof text, next, SN_UNIT_SECONDS), next);
    set_real(t, CHANGE, change_text(number, c->ratio), c->ratio);
    set_real(t, LO, NULL, c->exact ? NAN : c->lo);
    set_real(t, HI, NULL, c->exact ? NAN : c->hi);
    sn_table_set(t, INTERVAL, range, NULL);
    set_real(t, P, NULL, c->p);
    set_real(t, P_HOLM, isnan(c->p_holm) ? NULL : p_text(number, c->p_holm), c->p_holm);
    set_percent(t, THRESHOLD, c->threshold, exp(c->threshold));
    set_percent(t, DETECTABLE, log(c->detectable), c->detectable);
    sn_table_set(t, LAUNCHES, pair, NULL);
    set_real(t, N_BASE, NULL, (double)c->n_base);
    set_real(t, N_NEXT, NULL, (double)c->n_next);
    set_real(t, NOISE, NULL, c->exact ? NAN : exp(c->noise));
    sn_table_set(t, CLOCK, NULL, r->base->row->clock);
    sn_table_set(t, WHY, NULL, r->why);
    free(range);
    free(pair);
}

static void table_of(const struct sn_comparison *x, struct sn_table *t)
{
    static const struct sn_column columns[] = {
        [LABEL] = {.key = "label", .head = "row"},
        [BENCH] = {.key = "bench", .show = SN_SHOW_FILES},
        [ID] = {.key = "id", .show = SN_SHOW_FILES},
        [VERDICT] = {.key = "verdict", .head = "verdict"},
        [BASE] = {.key = "base_s", .head = "BASE", .number = true, .priority = 1},
        [NEXT] = {.key = "new_s", .head = "NEW", .number = true, .priority = 1},
        [CHANGE] = {.key = "ratio", .head = "change (%)", .number = true},
        [LO] = {.key = "ratio_lo", .number = true, .show = SN_SHOW_FILES},
        [HI] = {.key = "ratio_hi", .number = true, .show = SN_SHOW_FILES},
        [INTERVAL] = {.head = "interval (%)", .number = true, .show = SN_SHOW_PEOPLE},
        [P] = {.key = "p", .number = true, .show = SN_SHOW_FILES},
        [P_HOLM] = {.key = "p_holm", .head = "p (Holm)", .number = true, .priority = 2},
        [THRESHOLD] = {.key = "threshold_ratio",
                       .head = "threshold (%)",
                       .number = true,
                       .priority = 3},
        [DETECTABLE] = {.key = "detectable_ratio",
                        .head = "detectable (%)",
                        .number = true,
                        .priority = 2},
        [LAUNCHES] = {.head = "launches", .number = true, .priority = 3, .show = SN_SHOW_PEOPLE},
        [N_BASE] = {.key = "launches_base", .number = true, .show = SN_SHOW_FILES},
        [N_NEXT] = {.key = "launches_new", .number = true, .show = SN_SHOW_FILES},
        [NOISE] = {.key = "noise_ratio", .number = true, .show = SN_SHOW_FILES},
        [CLOCK] = {.key = "clock", .show = SN_SHOW_FILES},
        [WHY] = {.key = "why", .show = SN_SHOW_FILES},
    };

    sn_table_init(t);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        sn_table_column(t, &columns[c]);
    for (size_t i = 0; i < x->n_rows; i++)
        fill(&x->rows[i], t);
}

/* A row that was not compared is a line of the CSV too: nothing is silently missing. */
static void csv_asides(const struct sn_comparison *x, struct sn_table *t)
{
    for (size_t i = 0; i < x->n_asides; i++) {
        const struct sn_aside *a = &x->asides[i];
        sn_table_row(t);
        sn_table_set(t, LABEL, NULL, a->label);
        sn_table_set(t, ID, NULL, a->id);
        sn_table_set(t, VERDICT, NULL, a->open ? "inconclusive" : "not compared");
        sn_table_set(t, WHY, NULL, a->what);
    }
}

/* --- document --------------------------------------------------------------------------------- */

/* Rows that may be what --fail-on asks for. */
static size_t may_be(const struct sn_comparison *x)
{
    size_t n = x->open;

    for (size_t i = 0; i < x->n_rows; i++)
        n += (x->opts.fail_on != SN_FAIL_ON_FASTER && sn_contrast_may_be_slower(&x->rows[i].c)) ||
             (x->opts.fail_on != SN_FAIL_ON_SLOWER && sn_contrast_may_be_faster(&x->rows[i].c));
    return n;
}

char *sn_comparison_headline(const struct sn_comparison *x)
{
    static const char *const what[] = {"slower", "faster", "slower or faster", "changed"};
    static const char *const found[] = {"SLOWER", "FASTER", "CHANGED", "COMPARED"};
    size_t slower = x->counts[SN_CHANGE_SLOWER], faster = x->counts[SN_CHANGE_FASTER];
    size_t all = x->n_rows + x->open, n = x->opts.fail_on == SN_FAIL_ON_FASTER   ? faster
                                          : x->opts.fail_on == SN_FAIL_ON_SLOWER ? slower
                                                                                 : slower + faster;
    const char *rows = all == 1 ? "row" : "rows", *word = what[x->opts.fail_on];

    if (x->opts.fail_on == SN_FAIL_ON_NONE)
        return sn_strdupf("COMPARED: %zu %s", all, rows);
    if (x->status == SN_ERANGE)
        return sn_strdupf("%s: %zu of %zu %s by more than the threshold", found[x->opts.fail_on], n,
                          all, rows);
    if (x->status == SN_EUNSURE && all == 0)
        return sn_strdup("INCONCLUSIVE: no row could be compared");
    if (x->status == SN_EUNSURE)
        return sn_strdupf("INCONCLUSIVE: none is %s for certain, but %zu of %zu %s may be", word,
                          may_be(x), all, rows);
    return sn_strdupf("NOT %s: none of %zu %s by more than the threshold", found[x->opts.fail_on],
                      all, rows);
}

static void side_term(const struct sn_report *r, const char *side, struct sn_doc *doc)
{
    const json_t *m = r->runs[0].manifest;
    char *machine = sn_report_machine_line(m), commit[16] = "-";
    const json_t *dirty = sn_manifest_get(m, "git.dirty");

    snprintf(commit, sizeof commit, "%.12s%s", sn_manifest_str(m, "git.commit", "unknown"),
             json_is_true(dirty) ? "+" : "");
    sn_doc_term(doc, side, "%s, %s, commit %s", r->runs[0].name, machine, commit);
    free(machine);
}

static void detectable_term(const struct sn_comparison *x, struct sn_doc *doc)
{
    if (x->tested == 0)
        return;
    if (isnan(x->detectable_least))
        sn_doc_term(doc, "Detectable",
                    "no change, however large: too few launches for any row to be significant");
    else if (isnan(x->detectable))
        sn_doc_term(doc, "Detectable",
                    "from %.1f %% on in the best row; in some rows no change, however large",
                    100 * (x->detectable_least - 1));
    else
        sn_doc_term(doc, "Detectable",
                    "a change of %.1f %% in any of the compared rows (of %.1f %% in the best one) "
                    "would have been "
                    "called in 95 %% of such comparisons",
                    100 * (x->detectable - 1), 100 * (x->detectable_least - 1));
}

static void head(const struct sn_comparison *x, struct sn_doc *doc)
{
    static const enum sn_tone by_status[] = {SN_TONE_GOOD, SN_TONE_BAD, SN_TONE_WARN};
    char *text = sn_comparison_headline(x);

    sn_doc_verdict(doc,
                   by_status[x->status == SN_ERANGE    ? 1
                             : x->status == SN_EUNSURE ? 2
                                                       : 0],
                   text);
    free(text);
    side_term(&x->base, "BASE", doc);
    side_term(&x->next, "NEW", doc);
    sn_doc_term(doc, "Rows", "%zu slower, %zu faster, %zu same, %zu inconclusive; %zu not compared",
                x->counts[SN_CHANGE_SLOWER], x->counts[SN_CHANGE_FASTER], x->counts[SN_CHANGE_SAME],
                x->counts[SN_CHANGE_UNSURE], x->n_asides);
    sn_doc_term(doc, "Threshold", "%.3g %%%s%s", 100 * x->opts.threshold,
                x->noise_path ? ", or the noise of the row where it is more: " : "",
                x->noise_path ? x->noise_path : "");
    detectable_term(x, doc);
}

static void lists(const struct sn_comparison *x, struct sn_doc *doc)
{
    if (x->counts[SN_CHANGE_UNSURE]) {
        sn_doc_heading(doc, 2, "Inconclusive");
        sn_doc_open(doc, SN_BLOCK_LIST);
        for (size_t i = 0; i < x->n_rows; i++)
            if (x->rows[i].why)
                sn_doc_term(doc, NULL, "%s: %s", x->rows[i].label, x->rows[i].why);
    }
    if (x->n_asides) {
        sn_doc_heading(doc, 2, "Not compared");
        sn_doc_open(doc, SN_BLOCK_LIST);
        for (size_t i = 0; i < x->n_asides; i++)
            sn_doc_term(doc, NULL, "%s: %s", x->asides[i].label, x->asides[i].what);
    }
    if (x->n_warnings) {
        sn_doc_heading(doc, 2, "Warnings");
        sn_doc_open(doc, SN_BLOCK_LIST);
        for (size_t i = 0; i < x->n_warnings; i++)
            sn_doc_term(doc, NULL, "%s", x->warnings[i]);
    }
}

static void legend(const struct sn_comparison *x, struct sn_doc *doc)
{
    if (x->tested)
        sn_doc_para(
            doc,
            "change: Hodges-Lehmann ratio NEW/BASE of the medians of the launches, less 1, with "
            "its %.4g %% interval; p: Mann-Whitney, two-sided, Holm over %zu row%s. slower, "
            "faster: p at most %.3g and the interval wholly beyond the threshold; same: the "
            "interval wholly inside it; else inconclusive. detectable: the change that 95 %% of "
            "such comparisons would have called.",
            100 * (1 - x->opts.alpha), x->family, x->family == 1 ? "" : "s", x->opts.alpha);
    if (x->tested < x->n_rows)
        sn_doc_para(doc, "Rows of the model clock repeat themselves: their ratio is compared with "
                         "the threshold as it is, without p.");
}

static void document(const struct sn_comparison *x, struct sn_doc *doc)
{
    struct sn_table t;

    sn_doc_init(doc, "snbench: compare");
    head(x, doc);
    if (x->n_rows) {
        table_of(x, &t);
        sn_doc_table(doc, &t, NULL);
    }
    lists(x, doc);
    legend(x, doc);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void real(struct sn_buf *out, const char *key, double value)
{
    char raw[SN_NUM_SIZE];

    sn_num_raw(raw, value);
    sn_buf_addf(out, ",\"%s\":%s", key, *raw ? raw : "null");
}

static void word(struct sn_buf *out, const char *key, const char *value)
{
    sn_buf_addf(out, ",\"%s\":", key);
    if (value)
        sn_escape_json(out, value);
    else
        sn_buf_add(out, "null");
}

static void row_json(const struct sn_compared *r, struct sn_buf *out)
{
    const struct sn_contrast *c = &r->c;

    sn_buf_addf(out, "{\"id\":\"%s\"", r->base->row->id);
    word(out, "bench", r->base->row->bench);
    word(out, "label", r->label);
    word(out, "clock", r->base->row->clock);
    word(out, "origin", sn_origin_name(r->base->row->origin));
    word(out, "verdict", sn_change_words[c->change]);
    word(out, "why", r->why);
    real(out, "launches_base", (double)c->n_base);
    real(out, "launches_new", (double)c->n_next);
    real(out, "base_s", side_median(&r->a));
    real(out, "new_s", side_median(&r->b));
    real(out, "ratio", c->ratio);
    real(out, "ratio_lo", c->exact ? NAN : c->lo);
    real(out, "ratio_hi", c->exact ? NAN : c->hi);
    real(out, "p", c->p);
    real(out, "p_holm", c->p_holm);
    real(out, "p_least", c->exact ? NAN : c->p_least);
    real(out, "p_least_holm", c->p_least_holm);
    real(out, "noise_ratio", c->exact ? NAN : exp(c->noise));
    real(out, "threshold_ratio", exp(c->threshold));
    real(out, "detectable_ratio", c->detectable);
    sn_buf_add(out, "}");
}

static void json_of(const struct sn_comparison *x, struct sn_buf *out)
{
    static const char *const keys[] = {"slower", "faster", "same", "inconclusive"};
    char *headline = sn_comparison_headline(x);

    sn_buf_addf(out, "{\"schema\":\"%s\",\"exit\":%d", SN_COMPARE_SCHEMA,
                sn_status_exit_code(x->status));
    word(out, "headline", headline);
    word(out, "base", x->base.runs[0].name);
    word(out, "new", x->next.runs[0].name);
    word(out, "fail_on", sn_fail_on_words[x->opts.fail_on]);
    real(out, "threshold", x->opts.threshold);
    real(out, "alpha", x->opts.alpha);
    word(out, "noise", x->noise_path);
    real(out, "family", (double)x->family);
    real(out, "detectable_ratio", x->detectable);
    real(out, "detectable_ratio_least", x->detectable_least);
    sn_buf_add(out, ",\"counts\":{");
    for (size_t i = 0; i < SN_CHANGES; i++)
        sn_buf_addf(out, "%s\"%s\":%zu", i ? "," : "", keys[i], x->counts[i]);
    sn_buf_add(out, "},\n\"rows\":[");
    for (size_t i = 0; i < x->n_rows; i++) {
        sn_buf_add(out, i ? ",\n" : "\n");
        row_json(&x->rows[i], out);
    }
    sn_buf_add(out, "\n],\n\"not_compared\":[");
    for (size_t i = 0; i < x->n_asides; i++) {
        sn_buf_addf(out, "%s{\"id\":\"%s\"", i ? ",\n" : "\n", x->asides[i].id);
        word(out, "label", x->asides[i].label);
        word(out, "what", x->asides[i].what);
        sn_buf_addf(out, ",\"inconclusive\":%s}", x->asides[i].open ? "true" : "false");
    }
    sn_buf_add(out, "\n],\n\"warnings\":[");
    for (size_t i = 0; i < x->n_warnings; i++) {
        sn_buf_add(out, i ? ",\n" : "\n");
        sn_escape_json(out, x->warnings[i]);
    }
    sn_buf_add(out, "\n]}\n");
    free(headline);
}

void sn_comparison_write(const struct sn_comparison *x, enum sn_format format, struct sn_buf *out)
{
    struct sn_table t;
    struct sn_doc doc;

    if (format == SN_FORMAT_JSON) {
        json_of(x, out);
    } else if (format == SN_FORMAT_CSV) {
        table_of(x, &t);
        csv_asides(x, &t);
        sn_table_csv(&t, out);
        sn_table_free(&t);
    } else {
        document(x, &doc);
        sn_doc_write(&doc, format, TEXT_WIDTH, out);
        sn_doc_free(&doc);
    }
}
