/* The verdict: what became of every planned case, where the figures come from, how quiet it was. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"
#include "harness/numbers.h"

static void tally(struct sn_tally **list, size_t *n, const char *name, size_t by)
{
    for (size_t i = 0; i < *n; i++) {
        if (strcmp((*list)[i].name, name) == 0) {
            (*list)[i].n += by;
            return;
        }
    }
    *list = sn_realloc(*list, *n + 1, sizeof **list);
    (*list)[(*n)++] = (struct sn_tally){sn_strdup(name), by};
}

static void free_tallies(struct sn_tally *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].name);
    free(list);
}

void sn_verdict_free(struct sn_verdict *v)
{
    free_tallies(v->flags, v->n_flags);
    free_tallies(v->reasons, v->n_reasons);
    free_tallies(v->absent, v->n_absent);
    *v = (struct sn_verdict){0};
}

const char *sn_result_name(enum sn_result result)
{
    static const char *const names[] = {"passed", "incomplete", "failed", "empty"};

    return names[result];
}

static const struct sn_line *line_of(const struct sn_report *r, const struct sn_report_run *run,
                                     const char *id)
{
    for (size_t g = 0; g < r->n_groups; g++) {
        for (size_t i = 0; i < r->groups[g].n_lines; i++) {
            const struct sn_line *l = &r->groups[g].lines[i];
            if (l->run == run && l->row->id && strcmp(l->row->id, id) == 0)
                return l;
        }
    }
    return NULL;
}

/* Planned cases without a row of every launch, by label where the manifest has labels. */
static void count_missing(const struct sn_report *r, const struct sn_report_run *run,
                          size_t launches, struct sn_verdict *v)
{
    const json_t *plan = sn_manifest_get(run->manifest, "plan");
    const json_t *cases = sn_manifest_get(run->manifest, "cases");

    for (size_t p = 0; p < json_array_size(plan); p++) {
        const char *id = json_string_value(json_array_get(plan, p));
        const char *label = json_string_value(json_array_get(cases, p));
        const struct sn_line *l = id ? line_of(r, run, id) : NULL;
        size_t have = l ? l->n_rows : 0;
        if (have >= launches || !id || (l && l->status == SN_ROW_FAILED))
            continue;
        v->missing++;
        tally(&v->absent, &v->n_absent, label ? label : id, launches - have);
    }
}

static void count_line(const struct sn_line *l, size_t launches, bool planned, struct sn_verdict *v)
{
    for (size_t k = 0; k < l->n_rows; k++)
        for (size_t f = 0; f < l->rows[k]->n_flags; f++)
            if (sn_flag_warns(l->rows[k]->flags[f]))
                tally(&v->flags, &v->n_flags, l->rows[k]->flags[f], 1);
    if (l->status != SN_ROW_SKIPPED)
        v->origins[l->row->origin]++;
    if (l->status == SN_ROW_FAILED)
        v->failed++;
    else if (planned && l->n_rows < launches)
        return; /* counted as missing */
    else if (l->status == SN_ROW_OK)
        v->passed++;
    else {
        v->skipped++;
        tally(&v->reasons, &v->n_reasons, l->row->reason ? l->row->reason : "no reason recorded",
              1);
    }
}

/* Load averages of several runs: the highest. */
static double higher(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void count_run(const struct sn_report *r, const struct sn_report_run *run,
                      struct sn_verdict *v)
{
    double launches_read = sn_manifest_num(run->manifest, "launches");
    size_t launches = launches_read >= 1 ? (size_t)launches_read : 1;
    bool plan_known = json_is_array(sn_manifest_get(run->manifest, "plan"));
    const char *status = sn_manifest_str(run->manifest, "status", NULL);

    v->plan_known = v->plan_known && plan_known;
    v->torn = v->torn || run->torn;
    v->launches = launches > v->launches ? launches : v->launches;
    v->oversubscribed =
        v->oversubscribed || json_is_true(sn_manifest_get(run->manifest, "mpi.oversubscribed"));
    v->load_before = higher(v->load_before, sn_manifest_num(run->manifest, "machine.load.load1"));
    v->load_after =
        higher(v->load_after, sn_manifest_num(run->manifest, "machine_after.load.load1"));
    /* Of several runs the first that is not complete speaks for all. */
    if (!v->status || (strcmp(v->status, "complete") == 0 && status))
        v->status = status;
    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++)
            if (r->groups[g].lines[i].run == run)
                count_line(&r->groups[g].lines[i], launches, plan_known, v);
    if (plan_known)
        count_missing(r, run, launches, v);
}

void sn_verdict_make(const struct sn_report *r, const struct sn_report_run *run,
                     struct sn_verdict *out)
{
    struct sn_verdict v = {.plan_known = true, .load_before = NAN, .load_after = NAN};

    for (size_t i = 0; i < r->n_runs; i++)
        if (!run || run == &r->runs[i])
            count_run(r, &r->runs[i], &v);
    v.planned = v.passed + v.failed + v.skipped + v.missing;
    if (v.failed > 0)
        v.result = SN_RESULT_FAILED;
    else if (v.missing > 0 || v.torn || (v.status && strcmp(v.status, "complete") != 0))
        v.result = SN_RESULT_INCOMPLETE;
    else
        v.result = v.passed > 0 ? SN_RESULT_PASSED : SN_RESULT_EMPTY;
    *out = v;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_tallies(const char *key, const struct sn_tally *list, size_t n,
                          struct sn_buf *out)
{
    sn_buf_addf(out, ",\"%s\":{", key);
    for (size_t i = 0; i < n; i++) {
        sn_buf_add(out, i ? "," : "");
        sn_escape_json(out, list[i].name);
        sn_buf_addf(out, ":%zu", list[i].n);
    }
    sn_buf_add(out, "}");
}

static void write_real(const char *key, double value, struct sn_buf *out)
{
    char raw[SN_NUM_SIZE];

    sn_num_raw(raw, value);
    sn_buf_addf(out, ",\"%s\":%s", key, *raw ? raw : "null");
}

void sn_verdict_json(const struct sn_verdict *v, struct sn_buf *out)
{
    const char *sep = "";

    sn_buf_addf(out, "{\"result\":\"%s\",\"status\":", sn_result_name(v->result));
    if (v->status)
        sn_escape_json(out, v->status);
    else
        sn_buf_add(out, "null");
    sn_buf_addf(out,
                ",\"plan_known\":%s,\"planned\":%zu,\"launches\":%zu,\"passed\":%zu,\"failed\":%zu,"
                "\"skipped\":%zu,\"missing\":%zu,\"torn\":%s,\"origins\":{",
                v->plan_known ? "true" : "false", v->planned, v->launches, v->passed, v->failed,
                v->skipped, v->missing, v->torn ? "true" : "false");
    for (unsigned o = 0; o <= SN_ORIGIN_IMPORTED; o++) {
        if (v->origins[o] == 0)
            continue;
        sn_buf_addf(out, "%s\"%s\":%zu", sep, sn_origin_name(o), v->origins[o]);
        sep = ",";
    }
    sn_buf_addf(out, "},\"oversubscribed\":%s", v->oversubscribed ? "true" : "false");
    write_real("load1_before", v->load_before, out);
    write_real("load1_after", v->load_after, out);
    write_tallies("flags", v->flags, v->n_flags, out);
    write_tallies("skip_reasons", v->reasons, v->n_reasons, out);
    write_tallies("missing_cases", v->absent, v->n_absent, out);
    sn_buf_add(out, "}");
}

static char *headline(const struct sn_verdict *v)
{
    const char *s = v->planned == 1 ? "" : "s";

    switch (v->result) {
    case SN_RESULT_FAILED:
        return sn_strdupf("FAILED: %zu of %zu case%s failed", v->failed, v->planned, s);
    case SN_RESULT_INCOMPLETE:
        if (v->missing > 0)
            return sn_strdupf("INCOMPLETE: %zu of %zu case%s have no result", v->missing,
                              v->planned, s);
        return sn_strdupf("INCOMPLETE: the run ended early (%s)",
                          v->torn ? "last row cut off" : v->status);
    case SN_RESULT_EMPTY:
        return sn_strdup(v->skipped ? "EMPTY: every case was skipped" : "EMPTY: no case");
    case SN_RESULT_PASSED:
        break;
    }
    if (v->skipped > 0)
        return sn_strdupf("PASSED: %zu of %zu case%s, %zu skipped", v->passed, v->planned, s,
                          v->skipped);
    return sn_strdupf(v->planned == 1 ? "PASSED: the only case" : "PASSED: all %zu cases",
                      v->passed);
}

static char *join(const struct sn_tally *list, size_t n, size_t most, const char *sep)
{
    struct sn_buf b = {0};
    char *s;

    for (size_t i = 0; i < n && i < most; i++) {
        if (i > 0)
            sn_buf_add(&b, sep);
        if (list[i].n > 1)
            sn_buf_addf(&b, "%s (%zu)", list[i].name, list[i].n);
        else
            sn_buf_add(&b, list[i].name);
    }
    if (n > most)
        sn_buf_addf(&b, "%sand %zu more", sep, n - most);
    s = sn_strdup(b.len ? b.data : "none");
    sn_buf_free(&b);
    return s;
}

static void origins_term(const struct sn_verdict *v, struct sn_doc *doc)
{
    static const char *const meaning[] = {
        "real time on this machine, one rank per endpoint",
        "real time, but more endpoints than ranks or more ranks than cores: not a bandwidth claim",
        "virtual time from a model",
        "figures from the literature",
        "read from another tool's output",
    };
    struct sn_buf b = {0};

    for (unsigned o = 0; o <= SN_ORIGIN_IMPORTED; o++)
        if (v->origins[o] > 0)
            sn_buf_addf(&b, "%s%zu %s (%s)", b.len ? "; " : "", v->origins[o], sn_origin_name(o),
                        meaning[o]);
    sn_doc_term(doc, "Origin", "%s", b.len ? b.data : "none");
    sn_buf_free(&b);
}

static void noise_term(const struct sn_verdict *v, struct sn_doc *doc)
{
    static const double BUSY = 0.5; /* half a core on average over the minute before */
    char before[SN_NUM_SIZE], after[SN_NUM_SIZE];

    snprintf(before, sizeof before, "%.2f", v->load_before);
    snprintf(after, sizeof after, "%.2f", v->load_after);
    sn_doc_term(doc, "Noise", "load average %s before, %s after%s",
                isnan(v->load_before) ? "-" : before, isnan(v->load_after) ? "-" : after,
                v->load_before >= BUSY ? ": other work was running before the run began" : "");
}

void sn_verdict_doc(const struct sn_verdict *v, struct sn_doc *doc)
{
    static const enum sn_tone tones[] = {SN_TONE_GOOD, SN_TONE_WARN, SN_TONE_BAD, SN_TONE_WARN};
    enum { NAMED = 8 };
    char *head = headline(v), *flags = join(v->flags, v->n_flags, NAMED, ", ");
    char *reasons = join(v->reasons, v->n_reasons, NAMED, "; ");
    char *absent = join(v->absent, v->n_absent, NAMED, "; ");

    sn_doc_verdict(doc, tones[v->result], head);
    sn_doc_term(doc, "Cases", "%zu %s%s: %zu passed, %zu failed, %zu skipped, %zu missing",
                v->planned, v->plan_known ? "planned" : "found (the plan is not known)",
                v->launches > 1 ? ", each in several launches" : "", v->passed, v->failed,
                v->skipped, v->missing);
    if (v->launches > 1)
        sn_doc_term(doc, "Launches", "%zu", v->launches);
    if (v->skipped > 0)
        sn_doc_term(doc, "Skipped", "%s", reasons);
    if (v->missing > 0)
        sn_doc_term(doc, "Missing", "%s", absent);
    if (v->status && strcmp(v->status, "complete") != 0)
        sn_doc_term(doc, "End", "%s", v->status);
    if (v->torn)
        sn_doc_term(doc, "Rows", "the last line of rows.jsonl was cut off and is not counted");
    origins_term(v, doc);
    sn_doc_term(doc, "Oversubscribed", "%s",
                v->oversubscribed ? "yes: more ranks than cores" : "no");
    noise_term(v, doc);
    sn_doc_term(doc, "Flags", "%s", flags);
    free(head);
    free(flags);
    free(reasons);
    free(absent);
}
