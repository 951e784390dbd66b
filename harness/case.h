/* The life of one case: from setup to a complete row (DESIGN.md section 4). */
#ifndef SN_HARNESS_CASE_H
#define SN_HARNESS_CASE_H

#include "harness/counters.h"
#include "harness/plan.h"
#include "harness/sample_turns.h"

/* What every case of a run shares. */
struct sn_case_opts {
    enum sn_clock_kind clock;
    struct sn_sample_opts sample;
    struct sn_counters *counters; /* or NULL */
    uint64_t memory_limit;        /* bytes per rank that a case may take; 0: no limit */
};

/* Collective. Runs the case and fills `row` (initialised) on rank 0 completely and on the others as
 * far as they know: status ok, skipped with a reason, or failed with a reason: none of these is an
 * error of this function. SN_EINTR when a signal asked to end: the row is then not to be stored. */
int sn_case_run(const struct sn_plan_case *pc, const struct sn_env *env,
                const struct sn_case_opts *o, struct sn_row *row);

/* Collective. The same for n cases that compete (rivals.h), on the wall clock: all are set up and
 * verified, then sampled in turn (sample_turns.h), then verified again. A case that is skipped or
 * fails leaves the others to go on. Where the memory of all together is above the limit, they run
 * one after the other, flagged SN_FLAG_NOT_INTERLEAVED. rows[i] belongs to cases[i]. hook->take(i)
 * comes before anything is done for case i. */
int sn_case_run_rivals(const struct sn_plan_case *const *cases, size_t n, const struct sn_env *env,
                       const struct sn_case_opts *o, const struct sn_turn_hook *hook,
                       struct sn_row *const *rows);

/* Of a row whose case has rivals that it was not sampled in turn with. */
#define SN_FLAG_NOT_INTERLEAVED "not-interleaved"

/* Fills clock, ranks, endpoints, origin and batch of a case's row. */
void sn_case_place(const struct sn_plan_case *pc, const struct sn_env *env,
                   enum sn_clock_kind clock, struct sn_row *row);

/* Why the case cannot run on this machine now (rank 0's view, no communication), or NULL; for
 * --dry-run. *memory gets the bytes per rank it would take. The text is valid until the row is
 * freed. */
const char *sn_case_unsupported(const struct sn_plan_case *pc, const struct sn_env *env,
                                const struct sn_case_opts *o, struct sn_row *row, uint64_t *memory);

#endif
