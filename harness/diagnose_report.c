/* A diagnosis in words, as a table, as JSON; see diagnose.h. */
#include "harness/diagnose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/doc.h"
#include "harness/escape.h"
#include "harness/numbers.h"

static const char *const kind_words[] = {"plane", "node", "nodes", "endpoint", "pair"};
static const char *const verdict_words[] = {"healthy", "found", "inconclusive"};

static const char *direction_words(const struct sn_fault *f)
{
    static const char *const words[] = {"",
                                        "sending",
                                        "receiving",
                                        "sending and receiving",
                                        "within",
                                        "sending and within",
                                        "receiving and within",
                                        "sending, receiving and within"};

    return words[f->direction & 7];
}

char *sn_fault_name(const struct sn_fault *f)
{
    struct sn_buf b = {0};
    bool two = f->kind == SN_FAULT_PAIR || f->kind == SN_FAULT_NODES;

    if (f->kind == SN_FAULT_PLANE)
        sn_buf_addf(&b, "plane %lld", (long long)f->plane);
    else if (two)
        sn_buf_addf(&b, "%s %lld %s %lld", kind_words[f->kind], (long long)f->src,
                    f->direction & SN_FAULT_IN ? "<->" : "->", (long long)f->dst);
    else
        sn_buf_addf(&b, "%s %lld, %s", kind_words[f->kind], (long long)f->src, direction_words(f));
    if (f->plane >= 0 && f->kind != SN_FAULT_PLANE)
        sn_buf_addf(&b, ", plane %lld", (long long)f->plane);
    return b.data;
}

static char *p_words(double p, const char *equals)
{
    if (p < 1e-6)
        return sn_strdup("< 1e-6");
    return sn_strdupf(p < 1e-3 ? "%s%.1e" : "%s%.4f", equals, fmin(p, 1));
}

char *sn_fault_sentence(const struct sn_diagnosis *d, const struct sn_fault *f)
{
    const struct sn_diagnosis_matrix *m = &d->matrices[f->matrix];
    char *name = sn_fault_name(f), *p = p_words(f->p, "= "), *s;
    const char *things = f->cells == 1 ? "pair" : "pairs";

    if (f->cut)
        s = sn_strdupf("%s: cut: nothing passes in %zu %s.", name, f->cells, things);
    else
        s = sn_strdupf("%s: takes %.4g times as long as its peers (%.4g to %.4g, 95 %%), seen in "
                       "%zu %s, p %s after correction.%s",
                       name, exp(f->shift), exp(f->lo), exp(f->hi), f->cells, things, p,
                       f->kind == SN_FAULT_PAIR && m->measured && m->launches < 2
                           ? " Measured once: --launches 3 tells a slow link from a disturbance."
                           : "");
    free(name);
    free(p);
    return s;
}

/* --- table ------------------------------------------------------------------------------------ */

static void set_number(struct sn_table *t, size_t column, const char *fmt, double shown, double raw)
{
    char text[SN_NUM_SIZE], file[SN_NUM_SIZE];

    snprintf(text, sizeof text, fmt, shown);
    sn_table_set(t, column, isnan(raw) ? NULL : text, isnan(raw) ? NULL : sn_num_raw(file, raw));
}

static void set_id(struct sn_table *t, size_t column, int64_t id)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)id);
    sn_table_set(t, column, NULL, id >= 0 ? text : NULL);
}

enum { WHERE, KIND, DIRECTION, SRC, DST, PLANE, STATE, RATIO, LO, HI, INTERVAL, P, CELLS, MATRIX };

static void table_of(const struct sn_diagnosis *d, struct sn_table *t)
{
    static const struct sn_column columns[] = {
        [WHERE] = {.head = "where", .show = SN_SHOW_PEOPLE},
        [KIND] = {.key = "kind", .show = SN_SHOW_FILES},
        [DIRECTION] = {.key = "direction", .show = SN_SHOW_FILES},
        [SRC] = {.key = "src", .number = true, .show = SN_SHOW_FILES},
        [DST] = {.key = "dst", .number = true, .show = SN_SHOW_FILES},
        [PLANE] = {.key = "plane", .number = true, .show = SN_SHOW_FILES},
        [STATE] = {.key = "state", .head = "state"},
        [RATIO] = {.key = "time_ratio", .head = "slower by (%)", .number = true},
        [LO] = {.key = "time_ratio_lo", .number = true, .show = SN_SHOW_FILES},
        [HI] = {.key = "time_ratio_hi", .number = true, .show = SN_SHOW_FILES},
        [INTERVAL] = {.head = "95 % interval", .show = SN_SHOW_PEOPLE},
        [P] = {.key = "p_adjusted", .head = "p (adjusted)", .number = true},
        [CELLS] = {.key = "cells", .head = "pairs", .number = true},
        [MATRIX] = {.key = "matrix", .head = "matrix", .priority = 1},
    };

    sn_table_init(t);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        sn_table_column(t, &columns[c]);
    for (size_t i = 0; i < d->n_faults; i++) {
        const struct sn_fault *f = &d->faults[i];
        char *name = sn_fault_name(f), *p = p_words(f->p, ""), raw[SN_NUM_SIZE];
        double none = f->cut ? NAN : 1;
        sn_table_row(t);
        sn_table_set(t, WHERE, name, NULL);
        sn_table_set(t, KIND, NULL, kind_words[f->kind]);
        sn_table_set(t, DIRECTION, NULL, direction_words(f));
        set_id(t, SRC, f->src);
        set_id(t, DST, f->dst);
        set_id(t, PLANE, f->plane);
        sn_table_set(t, STATE, f->cut ? "cut" : "slow", f->cut ? "cut" : "slow");
        sn_table_tone(t, STATE, SN_TONE_BAD);
        set_number(t, RATIO, "%.1f", 100 * expm1(f->shift), none * exp(f->shift));
        set_number(t, LO, "%g", 0, none * exp(f->lo));
        set_number(t, HI, "%g", 0, none * exp(f->hi));
        if (!f->cut) {
            char *interval = sn_strdupf("[%.1f, %.1f]", 100 * expm1(f->lo), 100 * expm1(f->hi));
            sn_table_set(t, INTERVAL, interval, NULL);
            sn_table_set(t, P, p, sn_num_raw(raw, fmin(f->p, 1)));
            free(interval);
        }
        set_number(t, CELLS, "%.0f", (double)f->cells, (double)f->cells);
        sn_table_set(t, MATRIX, d->matrices[f->matrix].label, d->matrices[f->matrix].label);
        free(name);
        free(p);
    }
}

/* --- document --------------------------------------------------------------------------------- */

static void verdict_of(const struct sn_diagnosis *d, struct sn_doc *doc)
{
    static const enum sn_tone tones[] = {SN_TONE_GOOD, SN_TONE_BAD, SN_TONE_WARN};
    char *head = NULL;

    if (d->verdict == SN_DIAGNOSIS_FOUND)
        head =
            sn_strdupf("FOUND: %zu place%s slow or cut", d->n_faults, d->n_faults == 1 ? "" : "s");
    else
        head = sn_strdup(d->verdict == SN_DIAGNOSIS_UNSURE
                             ? "INCONCLUSIVE: nothing was found, but a fault could have been missed"
                             : "HEALTHY: no plane, node, endpoint or pair stands out");
    sn_doc_verdict(doc, tones[d->verdict], head);
    free(head);
}

static void matrix_of(const struct sn_diagnosis_matrix *m, struct sn_doc *doc)
{
    struct sn_buf b = {0};

    sn_buf_addf(&b, "%s: %zu endpoints", m->label, m->endpoints);
    if (m->nodes)
        sn_buf_addf(&b, ", %zu nodes", m->nodes);
    if (m->planes)
        sn_buf_addf(&b, ", %zu plane%s", m->planes, m->planes == 1 ? "" : "s");
    sn_buf_addf(&b, ", %zu cells", m->cells);
    if (m->missing)
        sn_buf_addf(&b, " (%zu missing)", m->missing);
    sn_buf_add(&b, ".");
    if (!isnan(m->sigma))
        sn_buf_addf(&b, " Healthy pairs differ by %.2g %%.", 100 * m->sigma);
    if (isfinite(m->line) && isfinite(m->cell))
        sn_buf_addf(&b,
                    " Would be found: an endpoint from %.4g times the time on, a pair from %.4g.",
                    m->line, m->cell);
    if (m->unsure)
        sn_buf_addf(&b, " Inconclusive: %s.", m->unsure);
    sn_doc_term(doc, NULL, "%s", b.data);
    sn_buf_free(&b);
}

static void document(const struct sn_diagnosis *d, struct sn_doc *doc)
{
    struct sn_table t;

    sn_doc_init(doc, "");
    verdict_of(d, doc);
    sn_doc_open(doc, SN_BLOCK_LIST);
    for (size_t i = 0; i < d->n_matrices; i++)
        matrix_of(&d->matrices[i], doc);
    if (d->n_faults > 0) {
        table_of(d, &t);
        sn_doc_table(doc, &t, NULL);
        sn_doc_open(doc, SN_BLOCK_LIST);
        for (size_t i = 0; i < d->n_faults; i++) {
            char *s = sn_fault_sentence(d, &d->faults[i]);
            sn_doc_term(doc, NULL, "%s", s);
            free(s);
        }
    }
    sn_doc_para(
        doc,
        "At most %.3g %% of healthy matrices give a finding; slower by up to %.3g %% counts "
        "as healthy.",
        100 * d->opts.alpha, 100 * d->opts.threshold);
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
    sn_buf_addf(out, "\"%s\":", key);
    if (value)
        sn_escape_json(out, value);
    else
        sn_buf_add(out, "null");
}

static void finding_json(const struct sn_diagnosis *d, const struct sn_fault *f, struct sn_buf *out)
{
    char *s = sn_fault_sentence(d, f);
    double none = f->cut ? NAN : 1;

    sn_buf_add(out, "{");
    word(out, "kind", kind_words[f->kind]);
    sn_buf_add(out, ",");
    word(out, "direction", f->direction ? direction_words(f) : NULL);
    real(out, "src", f->src >= 0 ? (double)f->src : NAN);
    real(out, "dst", f->dst >= 0 ? (double)f->dst : NAN);
    real(out, "plane", f->plane >= 0 ? (double)f->plane : NAN);
    sn_buf_addf(out, ",\"state\":\"%s\"", f->cut ? "cut" : "slow");
    real(out, "time_ratio", none * exp(f->shift));
    real(out, "time_ratio_lo", none * exp(f->lo));
    real(out, "time_ratio_hi", none * exp(f->hi));
    real(out, "p_adjusted", none * fmin(f->p, 1));
    real(out, "cells", (double)f->cells);
    real(out, "matrix", (double)f->matrix);
    sn_buf_add(out, ",");
    word(out, "sentence", s);
    sn_buf_add(out, "}");
    free(s);
}

static void json_of(const struct sn_diagnosis *d, struct sn_buf *out)
{
    sn_buf_addf(out, "{\"verdict\":\"%s\"", verdict_words[d->verdict]);
    real(out, "alpha", d->opts.alpha);
    real(out, "threshold", d->opts.threshold);
    sn_buf_add(out, ",\"matrices\":[");
    for (size_t i = 0; i < d->n_matrices; i++) {
        const struct sn_diagnosis_matrix *m = &d->matrices[i];
        sn_buf_add(out, i ? ",{" : "{");
        word(out, "label", m->label);
        real(out, "endpoints", (double)m->endpoints);
        real(out, "nodes", (double)m->nodes);
        real(out, "planes", (double)m->planes);
        real(out, "cells", (double)m->cells);
        real(out, "missing", (double)m->missing);
        real(out, "launches", m->launches);
        real(out, "sigma", m->sigma);
        real(out, "detectable_endpoint", m->line);
        real(out, "detectable_pair", m->cell);
        sn_buf_add(out, ",");
        word(out, "inconclusive", m->unsure);
        sn_buf_add(out, "}");
    }
    sn_buf_add(out, "],\"findings\":[");
    for (size_t i = 0; i < d->n_faults; i++) {
        sn_buf_add(out, i ? "," : "");
        finding_json(d, &d->faults[i], out);
    }
    sn_buf_add(out, "]}\n");
}

int sn_diagnosis_print(FILE *out, const struct sn_diagnosis *d, enum sn_format format)
{
    enum { TEXT_WIDTH = 100 };
    struct sn_buf b = {0};
    struct sn_table t;
    struct sn_doc doc;

    if (format == SN_FORMAT_JSON) {
        json_of(d, &b);
    } else if (format == SN_FORMAT_CSV) {
        table_of(d, &t);
        sn_table_csv(&t, &b);
        sn_table_free(&t);
    } else {
        document(d, &doc);
        sn_doc_write(&doc, format, TEXT_WIDTH, &b);
        sn_doc_free(&doc);
    }
    int status = sn_doc_put(out, &b, "diagnosis");
    sn_buf_free(&b);
    return status;
}
