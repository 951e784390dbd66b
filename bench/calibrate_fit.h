/* Least squares for `snbench calibrate`: a path's latency, bandwidth and overhead per message from
 * measured times.
 *
 *     t = L + bytes / B + (messages - 1) max(o, bytes / B)
 *
 * as the model clock moves a window of messages between two dies (bench/micro/modelled.h): a
 * latency as it is observed holds the overhead of one message. Relative errors are minimised, so
 * that 8 bytes count as much as 8 MiB. */
#ifndef SN_BENCH_CALIBRATE_FIT_H
#define SN_BENCH_CALIBRATE_FIT_H

#include <stdbool.h>
#include <stddef.h>

/* One time: `messages` of `bytes` each, one after another, in `s` > 0 seconds. */
struct sn_fit_row {
    double messages, bytes, s;
    const void *of;   /* the caller's */
    double predicted; /* out: by the fit, whether used or not */
    bool used;        /* out */
};

enum sn_fit_parameter { SN_FIT_LATENCY, SN_FIT_INVERSE, SN_FIT_OVERHEAD, SN_FIT_PARAMETERS };

/* Largest relative residual of a row that is in line with the others. */
#define SN_FIT_TOLERANCE 0.25
/* Above these, a parameter cannot be told: from another one, or at all. */
#define SN_FIT_CORRELATION 0.95
#define SN_FIT_ERROR       0.5

struct sn_fit {
    double value[SN_FIT_PARAMETERS]; /* L (s), 1/B (s/B), o (s); not fitted: 0 */
    double error[SN_FIT_PARAMETERS]; /* standard error over the value; NAN: not fitted, or as many
                                        parameters as rows */
    double correlation[SN_FIT_PARAMETERS][SN_FIT_PARAMETERS]; /* NAN where one is not fitted */
    bool fitted[SN_FIT_PARAMETERS];
    bool clamped;                   /* L would be negative: it is 0, B fitted without it */
    size_t parameters, n;           /* fitted; rows used */
    double worst;                   /* largest relative residual of a row used */
    double least, most;             /* bytes of a message, of the rows used */
    double share_least, share_most; /* what bytes / B is of the time: least of a row of the least
                                       bytes, most of one of the most */
};

/* Fits all rows of the sizes over which those of one message lie on a line: the longest run of
 * them, in order of bytes, within SN_FIT_TOLERANCE of t = L + bytes / B (another cache level or
 * protocol lies on another line); of equally long ones that of the largest messages. Without such
 * a run, that of the other rows. o is fitted when some of the rows have several messages and are
 * bound by it. Sorts the rows, fills their `predicted` and `used`. False: there is no line of two
 * rows or more that rises with the bytes. */
bool sn_fit_path(struct sn_fit *out, struct sn_fit_row *rows, size_t n);

/* Seconds by the fit. */
double sn_fit_predict(const struct sn_fit *f, double messages, double bytes);

#endif
