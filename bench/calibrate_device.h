/* `snbench calibrate DIR` on rows of kernels: a device profile of this machine. */
#ifndef SN_BENCH_CALIBRATE_DEVICE_H
#define SN_BENCH_CALIBRATE_DEVICE_H

#include <stdio.h>

#include "harness/base/buf.h"
#include "harness/row.h"

/* Does the run have rows of kernels that a device can be calibrated on? */
bool sn_cal_has_kernels(const struct sn_rows *rows);

/* A device profile `name` from measured rows of kernels: YAML that sn_device_parse() reads, with
 * the residuals as comments, and a text for people. `dir` stands for the run in sources.
 *
 *     peak, bandwidth   the roofs that the rows themselves were compared with
 *     launch            the fastest row without operations (m=0), else none
 *     efficiency(x)     at each value x of an operation's principal shape: what the model takes at
 *                       the roofs over what was measured less launch, geometric mean over the rows
 *                       of that x, of arithmetic and memory alike. At most 1.
 *
 * Of several variants of a case the fastest counts; of several numbers of threads the one with most
 * rows; rows with cold operands before hot ones, which never see memory. SN_EINVAL: no usable rows,
 * none that tell the bandwidth of memory. */
int sn_cal_device(const struct sn_rows *rows, const char *dir, const char *name,
                  struct sn_buf *yaml, struct sn_buf *text);

/* The command: a device profile where DIR has rows of kernels (results/devices/local.yaml), a
 * fabric profile (bench/calibrate.h) where it has others. */
struct sn_options;
int sn_calibrate_all(const struct sn_options *o, FILE *out);

#endif
