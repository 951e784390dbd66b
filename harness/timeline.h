/* What the model clock says of one draw of a case: parts of the time, bound, bottleneck.
 *
 * predict() (harness/bench.h) adds the parts in order; the time of the draw is their sum. A row's
 * samples are the draws; breakdown, limit, bottleneck and last die are those of the median draw
 * (the lower one of two), flags those of all draws.
 */
#ifndef SN_HARNESS_TIMELINE_H
#define SN_HARNESS_TIMELINE_H

#include "harness/bench.h"

enum { SN_TIMELINE_PARTS = 24, SN_TIMELINE_FLAGS = 8 };

struct sn_timeline {
    double s; /* sum of the parts */
    struct sn_part parts[SN_TIMELINE_PARTS];
    unsigned n_parts;
    double limit_s; /* NAN: no bound */
    char limit_why[160];
    char bottleneck[96]; /* "ejection port ub of die 17", or empty */
    long last_die;       /* that ended last, -1: not said */
    const char *flags[SN_TIMELINE_FLAGS];
    unsigned n_flags;
};

void sn_timeline_init(struct sn_timeline *t);

/* Adds a part of the time, in seconds, finite and at least 0; a part named again grows. `part` and
 * `flag` are static. */
void sn_timeline_part(struct sn_timeline *t, const char *part, double s);
void sn_timeline_limit(struct sn_timeline *t, double s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sn_timeline_flag(struct sn_timeline *t, const char *flag);

/* The metrics that every row of the model clock has beside its benchmark's own. */
extern const struct sn_metric_doc sn_timeline_metric_docs[];

/* Collective: all draws of the case by its predict on rank 0, the others rest; fills samples,
 * breakdown, limit and flags of the row there, and *median with the median draw. The bottleneck
 * stands at the end of limit_why. */
int sn_timeline_run(struct sn_case *c, struct sn_row *row, struct sn_timeline *median);

/* The common metrics, behind the benchmark's own. */
void sn_timeline_metrics(const struct sn_timeline *median, struct sn_row *row);

#endif
