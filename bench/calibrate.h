/* `snbench calibrate DIR`: a fabric profile of this machine from measured rows. */
#ifndef SN_BENCH_CALIBRATE_H
#define SN_BENCH_CALIBRATE_H

#include <stdio.h>

#include "harness/base/buf.h"
#include "harness/options.h"
#include "harness/row.h"

/* Fits the rows of DIR (o->args[0]) and writes the profile to o->out, by default
 * results/profiles/local.yaml, whole or not at all; prints parameters, residuals and warnings.
 *
 * Used are rows that are measured, ok, on the wall clock and not suspect: latency, bandwidth
 * (one direction) and msgrate (one pair) for the latency, bandwidth and overhead of a path, pairs
 * for copies within an endpoint, dispatch for the launch of an operation; incast, alltoall and
 * both directions at once are only held against the fit. Of several transports the one that the
 * model describes over the most rows.
 *
 * SN_EINVAL: no usable rows (which benchmark to run), a DIR too much or missing; SN_EIO. */
int sn_calibrate(const struct sn_options *o, FILE *out);

/* The same from rows in memory: YAML to `yaml`, what is printed to `text`. `dir` names the run in
 * sources, `name` the profile. */
int sn_calibrate_rows(const struct sn_rows *rows, const char *dir, const char *name,
                      struct sn_buf *yaml, struct sn_buf *text);

#endif
