/* The stations of a case's life, for those who lead one case or several through it. Internal to
 * harness/case*.c. All are collective. */
#ifndef SN_HARNESS_CASE_PARTS_H
#define SN_HARNESS_CASE_PARTS_H

#include "harness/case.h"
#include "harness/timeline.h"

/* Fills *c and the row's place. False: it cannot run here, the row is complete (skipped). */
bool sn_case_begin(struct sn_case *c, const struct sn_plan_case *pc, const struct sn_env *env,
                   const struct sn_case_opts *o, struct sn_row *row);

/* Setup and the first verification. Teardown is due also when this fails. */
int sn_case_set_up(struct sn_case *c, struct sn_row *row);
int sn_case_verify_after(struct sn_case *c, struct sn_row *row);

/* The row has failed; the reason is the recorded message. */
void sn_case_failed(struct sn_row *row);

/* Completes a row that is ok (on rank 0) and tears down. */
void sn_case_end(struct sn_case *c, const struct sn_timeline *median, struct sn_row *row);

#endif
