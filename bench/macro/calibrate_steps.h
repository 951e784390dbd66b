/* `snbench calibrate steps`: the figures of a device profile that are fitted to published times of
 * whole steps.
 *
 *     peak.f32, host   to decode.96.4096, decode.8.4096 (TPOT), decode.stream, decode.layer.mtp:
 *                      least squares of the relative errors
 *     skew             to prefill.default: met
 *     block            to cache.50: met
 *
 * Four figures, six rows. What two figures have one row each for is met exactly and says nothing of
 * the model; it is the first four rows that can contradict it. */
#ifndef SN_BENCH_MACRO_CALIBRATE_STEPS_H
#define SN_BENCH_MACRO_CALIBRATE_STEPS_H

#include <stdio.h>

#include "kernels/device.h"

struct sn_step_fit {
    struct {
        const char *id;
        double published, modelled;
    } rows[6];
    size_t n;
};

/* Sets the four figures of *d, with class and source. SN_EINVAL: the table lacks a row. */
int sn_calibrate_steps_fit(struct sn_device *d, struct sn_step_fit *fit);

struct sn_options;
int sn_calibrate_steps(const struct sn_options *o, FILE *out);

#endif
