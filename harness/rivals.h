/* Which cases of a plan compete: those that differ only in the axis that `compares`. */
#ifndef SN_HARNESS_RIVALS_H
#define SN_HARNESS_RIVALS_H

#include "harness/plan.h"

/* The cases of a plan in the order in which they run, sets of rivals together: set k is
 * order[start[k]] to order[start[k + 1] - 1], indices into plan.cases in the order of the plan, and
 * the sets are in the order of their first cases. A case without rivals is a set of its own. */
struct sn_rivals {
    size_t *order; /* one a case */
    size_t *start; /* n + 1 */
    size_t n;
};

/* Rivals follow each other in the plan with nothing but cases of their benchmark between: the axis
 * that compares need not be the one that varies fastest. On the model clock nobody has rivals:
 * there nothing drifts. O(cases). Release with sn_rivals_free(). */
void sn_rivals_find(struct sn_rivals *out, const struct sn_plan *p);
void sn_rivals_free(struct sn_rivals *r);

#endif
