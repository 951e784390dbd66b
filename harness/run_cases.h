/* The cases of a run, one after the other, rivals side by side; their rows into the directory. */
#ifndef SN_HARNESS_RUN_CASES_H
#define SN_HARNESS_RUN_CASES_H

#include "harness/case.h"
#include "harness/options.h"
#include "harness/progress.h"
#include "harness/rundir.h"

struct sn_run_cases {
    const struct sn_options *o;
    const struct sn_plan *plan;
    const struct sn_env *env;
    const struct sn_case_opts *case_opts;
    struct sn_rundir *dir; /* on rank 0 */
    struct sn_progress progress;
    size_t current; /* case that runs, for the time-out's row; plan->n: none */
    size_t failed;
};

/* An initialised row of case i of the plan in this launch. */
void sn_run_cases_row(const struct sn_run_cases *r, size_t i, struct sn_row *row);

/* Collective. Has case i a row in this launch from an earlier start? */
bool sn_run_cases_stored(const struct sn_run_cases *r, size_t i);

/* Rank 0: appends the row of a case that has run, unless it was there before, and says what became
 * of it. */
int sn_run_cases_store(struct sn_run_cases *r, const char *label, bool stored,
                       const struct sn_row *row);

/* Collective. Runs what has no row yet. Rows are appended as soon as a case and its rivals are
 * complete: the file has the plan's order but for rivals, which follow each other. Rivals of which
 * some have rows from an earlier start run one after the other, flagged SN_FLAG_NOT_INTERLEAVED:
 * what they compete with is no longer there to be sampled in turn with. */
int sn_run_cases(struct sn_run_cases *r);

/* In the watching thread of rank 0: the case that the time-out ended keeps a row. */
void sn_run_cases_timed_out(struct sn_run_cases *r, const char *text);

#endif
