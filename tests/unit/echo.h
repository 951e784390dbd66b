/* Rows of a benchmark `echo` as a run would leave them, in memory and in run directories: for the
 * tests of reports. */
#ifndef SN_TESTS_UNIT_ECHO_H
#define SN_TESTS_UNIT_ECHO_H

#include "harness/base/buf.h"
#include "harness/bench.h"
#include "harness/row.h"

extern const struct sn_app echo_app; /* has no benchmarks */
extern const struct sn_metric_doc echo_docs[];

struct echo {
    struct sn_rows rows;
};

struct sn_row *echo_make(struct echo *m, const char *bench, int launch);
/* All samples alike, so that every statistic is that time. */
void echo_samples(struct sn_row *r, double seconds);
struct sn_row *echo_row(struct echo *m, const char *op, int64_t size, int launch, double seconds);
void echo_without(struct sn_row *r, enum sn_row_status status, const char *reason);

/* A new folder; frees the name, too. */
char *echo_dir(void);
void echo_erase(char *dir);
void echo_write(const char *dir, const char *name, const char *text);
/* A run directory with the rows of `m`; the plan is their ids in reverse, and one id that never
 * ran. */
char *echo_run(const struct echo *m, const char *status, const char *tail);
char *echo_content(const char *dir, const char *name);
size_t echo_lines_in(const char *text);

#endif
