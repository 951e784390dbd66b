/* The parts of `snbench calibrate`: what is fitted, warned of, written and printed. */
#ifndef SN_BENCH_CALIBRATE_PARTS_H
#define SN_BENCH_CALIBRATE_PARTS_H

#include "bench/calibrate_rows.h"
#include "bench/profile.h"

/* One set of rows and its fit. */
struct sn_cal_set {
    const char *what; /* "put", "get", "dispatch" */
    struct sn_fit_row *rows;
    size_t n;
    struct sn_fit fit;
    bool fitted;
};

struct sn_calibration {
    const struct sn_rows *all;
    const char *dir, *transport;
    struct sn_cal_set write, read, dispatch; /* write: puts, or messages where there are no puts */
    struct sn_fit_row *others;
    size_t n_others;
    double self, launch;
    int ranks;

    char **strings; /* what the profile's texts live in */
    size_t n_strings;
    const char **warnings;
    size_t n_warnings;
};

extern const char *const sn_cal_parameter_words[]; /* by enum sn_fit_parameter */

/* B/s of a fitted set. */
static inline double sn_cal_bandwidth(const struct sn_cal_set *s)
{
    return 1 / s->fit.value[SN_FIT_INVERSE];
}

/* What the fit of writes says of a row. */
static inline double sn_cal_foretell(const struct sn_calibration *c, const struct sn_fit_row *r)
{
    return sn_fit_predict(&c->write.fit, r->messages, r->bytes);
}

/* Keeps a text for as long as the calibration lives; and as a warning. */
const char *sn_cal_keep(struct sn_calibration *c, char *text);
void sn_cal_warn(struct sn_calibration *c, char *text);

/* What the rows do not tell, as warnings. */
void sn_cal_warn_all(struct sn_calibration *c);

/* The profile of the fits; more warnings. Texts are the calibration's; released with
 * sn_cal_close_profile(). */
void sn_cal_make_profile(struct sn_calibration *c, const char *name, struct sn_profile *p);
void sn_cal_close_profile(struct sn_profile *p);

/* Parameters, residuals and warnings as text; the residuals as comments of the YAML file. */
void sn_cal_print(const struct sn_calibration *c, struct sn_buf *text, struct sn_buf *yaml);

#endif
