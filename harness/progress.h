/* Progress of a run on standard error: a line that rewrites itself on a terminal, or a line per
 * case with -v. */
#ifndef SN_HARNESS_PROGRESS_H
#define SN_HARNESS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/row.h"

struct sn_progress {
    bool line;    /* standard error is a terminal and progress is wanted */
    bool verbose; /* a line per case */
    size_t total, done, fresh;
    int64_t start_ns;
};

/* `always`: also where standard error is no terminal (mpiexec puts a pipe before it). */
void sn_progress_open(struct sn_progress *p, size_t total, bool quiet, bool verbose, bool always);
void sn_progress_case(struct sn_progress *p, const char *label); /* a case begins */
void sn_progress_row(struct sn_progress *p, const char *label,
                     const struct sn_row *row); /* NULL: stored earlier */
void sn_progress_close(struct sn_progress *p);  /* leaves a clean line */

#endif
