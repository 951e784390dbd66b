/* `snbench list` and `snbench describe`: what there is, from the same tables that the run uses. */
#ifndef SN_HARNESS_DESCRIBE_H
#define SN_HARNESS_DESCRIBE_H

#include <stdio.h>

#include "harness/bench.h"

/* Prints one topic (name, one line, and the reason where it is not available), or all when `topic`
 * is NULL. SN_EINVAL: unknown topic with the nearest. */
int sn_describe_list(FILE *out, const struct sn_app *app, const char *topic);

/* Prints axes with defaults, what is timed, the bytes, metrics with formulas, the lower bound.
 * SN_EINVAL: unknown. */
int sn_describe_bench(FILE *out, const struct sn_app *app, const char *name);

#endif
