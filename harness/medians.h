/* What `compare` and `noise` read of a case: the median of each of its launches. */
#ifndef SN_HARNESS_MEDIANS_H
#define SN_HARNESS_MEDIANS_H

#include "harness/report_data.h"

struct sn_medians {
    double *x; /* seconds, > 0, in the order of the launches */
    size_t n;  /* 0: see why */
    bool exact;
    char *why; /* NULL, or why there is nothing to compare: "launch 3 failed: ..." */
};

/* Medians of the stored samples. A case with a failed launch has none: what is left of it would
 * be the launches that went well. Release with sn_medians_free(). */
struct sn_medians sn_medians_of(const struct sn_line *l);
void sn_medians_free(struct sn_medians *m);

/* SN_EINVAL naming the run and the row when a case has one launch twice, or launches of different
 * clocks, origins, ranks or endpoints: no run of ours writes that. `dir` stands in the message. */
int sn_medians_check(const struct sn_report *r, const char *dir);

/* "latency op=get size=8": the benchmark and the axes that vary in its group. New string. */
char *sn_medians_label(const struct sn_group *g, const struct sn_line *l);

#endif
