/* The legend of a table: what is timed, which bytes, which limit, how every column is made. */
#include "harness/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "harness/stats.h"

/* What the harness and the benchmarks may flag; an unknown flag is listed without words. */
static const struct {
    const char *flag, *meaning;
} flag_words[] = {
    {"suspect", "efficiency above 100 %: the limit or the bytes are wrong"},
    {"unsteady", "the warm-up ended at its cap before the time was steady"},
    {"not-interleaved",
     "the variants were measured one after the other (no room for all at a time, "
     "or a resumed run), so that a drift of the machine is in their ratio"},
    {"late-start", "every repetition of a stretch began late on some rank; the samples were kept"},
    {"local-clock", "no clock common to all ranks: the largest local time is shown"},
    {"synced-clock", "several hosts: clocks synchronised and checked again at the end"},
    {"transport-unused", "the algorithm is made of MPI calls: the transport is only a name there"},
    {"extrapolated", "outside the range of the table it was computed from"},
    {"no-cost", "the profile has no figure for a cost of the operation, which counts as 0"},
    {"idle-dies", "fewer expert slots than dies: some dies only send"},
};

/* The words of the program for this benchmark, else those the manifest keeps. */
static const char *words(const struct sn_report *r, const struct sn_group *g, const char *key,
                         const char *of_program)
{
    const char *found = NULL;
    char *path;

    if (g->def)
        return of_program;
    path = sn_strdupf("benchmarks.%s.%s", g->bench, key);
    for (size_t i = 0; i < r->n_runs && !found; i++)
        found = sn_manifest_str(r->runs[i].manifest, path, NULL);
    free(path);
    return found;
}

/* Distinct values of a text of the rows, "; " between them; *more: there are others. New string or
 * NULL. */
static char *of_rows(const struct sn_group *g, const char *(*field)(const struct sn_row *),
                     bool *more)
{
    enum { MOST = 4 };
    const char *seen[MOST];
    struct sn_buf b = {0};
    size_t n = 0;
    char *s;

    *more = false;

    for (size_t i = 0; i < g->n_lines; i++) {
        for (size_t k = 0; k < g->lines[i].n_rows; k++) {
            const char *text = field(g->lines[i].rows[k]);
            bool known = !text || !*text;
            for (size_t j = 0; j < n && !known; j++)
                known = strcmp(seen[j], text) == 0;
            if (!known && n < MOST)
                seen[n++] = text;
            else if (!known)
                *more = true;
        }
    }
    for (size_t j = 0; j < n; j++)
        sn_buf_addf(&b, "%s%s", j ? "; " : "", seen[j]);
    if (*more)
        sn_buf_add(&b, "; and others");
    s = b.len ? sn_strdup(b.data) : NULL;
    sn_buf_free(&b);
    return s;
}

static const char *field_why(const struct sn_row *r)
{
    return r->limit_why;
}

static const char *field_check(const struct sn_row *r)
{
    return r->check.what;
}

static const char *field_sync(const struct sn_row *r)
{
    if (!r->sync)
        return NULL;
    if (strcmp(r->sync, "round") == 0)
        return "all ranks start at one named instant on a common clock, waiting in a spin loop; "
               "the "
               "time is the last end minus the first start";
    if (strcmp(r->sync, "round-yield") == 0)
        return "all ranks start at one named instant on a common clock, yielding the core while "
               "they wait; the time is the last end minus the first start";
    if (strcmp(r->sync, "local") == 0)
        return "no common clock: the largest time that a rank took by its own clock";
    return r->sync;
}

static char *metric_words(const struct sn_metric *d)
{
    bool plain = !d->unit || strcmp(d->unit, "1") == 0;

    return sn_strdupf("%s%s%s, %s is better", d->formula ? d->formula : "no formula recorded",
                      plain ? "" : ", in ", plain ? "" : d->unit,
                      d->higher_is_better ? "higher" : "lower");
}

/* The columns one by one; the metrics that only the CSV has in one term. */
static void metrics(const struct sn_group *g, struct sn_doc *doc)
{
    struct sn_buf others = {0};

    for (size_t m = 0; m < g->n_metrics; m++) {
        const struct sn_metric *d = sn_group_metric(g, g->metrics[m]);
        char *words_of = metric_words(d);
        if (sn_report_metric_shown(g, m))
            sn_doc_term(doc, d->name, "%s", words_of);
        else
            sn_buf_addf(&others, "%s%s = %s", others.len ? "; " : "", d->name, words_of);
        free(words_of);
    }
    if (others.len)
        sn_doc_term(doc, "In the CSV", "%s", others.data);
    sn_buf_free(&others);
}

static void batches(const struct sn_group *g, struct sn_doc *doc)
{
    unsigned least = ~0u, most = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        for (size_t k = 0; k < g->lines[i].n_rows; k++) {
            const struct sn_row *row = g->lines[i].rows[k];
            if (row->status != SN_ROW_OK || row->batch == 0)
                continue;
            least = row->batch < least ? row->batch : least;
            most = row->batch > most ? row->batch : most;
        }
    }
    if (most <= 1)
        return;
    if (least == most)
        sn_doc_term(doc, "Batch", "a sample is the mean of %u operations in a row", most);
    else
        sn_doc_term(doc, "Batch", "a sample is the mean of %u to %u operations in a row", least,
                    most);
}

static void statistics(const struct sn_group *g, struct sn_doc *doc)
{
    if (g->merged) {
        sn_doc_term(
            doc, "Median",
            "of the medians of the launches; %s; metrics, limit and p99 are those of the launch "
            "with the median",
            g->interval ? "its 95 % interval is over launches (order statistics)"
                        : "the range is from the lowest to the highest launch (an interval "
                          "needs 6 launches)");
    } else {
        sn_doc_term(doc, "Median",
                    "of n samples, with its distribution-free 95 %% interval (order statistics); "
                    "p99 is shown from 368 samples on; no sample is left out");
    }
}

static bool has_flag(const struct sn_group *g, const char *flag)
{
    for (size_t i = 0; i < g->n_lines; i++)
        for (size_t k = 0; k < g->lines[i].n_rows; k++)
            if (sn_row_has_flag(g->lines[i].rows[k], flag))
                return true;
    return false;
}

static void flags(const struct sn_group *g, struct sn_doc *doc)
{
    for (size_t i = 0; i < sizeof flag_words / sizeof flag_words[0]; i++)
        if (has_flag(g, flag_words[i].flag))
            sn_doc_term(doc, flag_words[i].flag, "%s", flag_words[i].meaning);
}

static void term_if(struct sn_doc *doc, const char *term, const char *text)
{
    if (text && *text)
        sn_doc_term(doc, term, "%s", text);
}

void sn_report_legend(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    bool many_whys, more;
    char *why = of_rows(g, field_why, &many_whys), *check = of_rows(g, field_check, &more);
    char *sync = of_rows(g, field_sync, &more);
    const char *brief = words(r, g, "brief", g->def ? g->def->brief : NULL);
    const char *limit = words(r, g, "limit", g->def ? g->def->limit : NULL);

    if (brief)
        sn_doc_para(doc, "%s", brief);
    sn_doc_open(doc, SN_BLOCK_TERMS);
    term_if(doc, "Timed", words(r, g, "timed", g->def ? g->def->timed : NULL));
    term_if(doc, "Start", sync);
    batches(g, doc);
    term_if(doc, "Bytes", words(r, g, "bytes", g->def ? g->def->bytes : NULL));
    statistics(g, doc);
    term_if(doc, "Limit", limit ? limit : why);
    if (limit && why && strcmp(limit, why) != 0 && !many_whys)
        sn_doc_term(doc, "Limit here", "%s", why);
    sn_doc_term(doc, "Efficiency", "limit / median");
    metrics(g, doc);
    term_if(doc, "Check", check);
    flags(g, doc);
    free(why);
    free(check);
    free(sync);
}
