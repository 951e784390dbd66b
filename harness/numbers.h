/* Numbers for tables: one unit for a column, 4 significant digits, intervals rounded outwards.
 *
 * sn_units_format() scales a single value; here a whole column shares its unit, so that a reader
 * compares figures and not prefixes. */
#ifndef SN_HARNESS_NUMBERS_H
#define SN_HARNESS_NUMBERS_H

#include <stddef.h>

enum { SN_NUM_SIZE = 64 }; /* large enough for every text made here */

/* value in base units / factor = value in `unit`. unit "" for a plain number. */
struct sn_scale {
    double factor;
    const char *unit;
};

/* The scale of a column of values in base unit `unit` ("s", "B/s", "op/s", "B", "1", others as they
 * are): that of the geometric middle of the finite positive values. */
struct sn_scale sn_scale_choose(const char *unit, const double *values, size_t n);

/* 4 significant digits, never fewer than the digits before the point: "0.02141", "3.214", "48210".
 * Below 1e-4 and from 1e7 on with an exponent. "-" for NaN. Returns buf. */
char *sn_num_sig(char buf[SN_NUM_SIZE], double value);

/* "[3.21, 3.24]": ends with two significant digits of the half-width (and of the lower end, which
 * must not become 0) but no more decimals than the median itself has, rounded outwards so that the
 * printed interval holds the true one. "-" for NaN. Values are already scaled. */
char *sn_num_interval(char buf[SN_NUM_SIZE], double median, double lo, double hi);

/* 12 significant digits for files; "" for what is not finite. */
char *sn_num_raw(char buf[SN_NUM_SIZE], double value);

/* Percent of a fraction: "97.4"; "-" for NaN. */
char *sn_num_percent(char buf[SN_NUM_SIZE], double fraction);

/* "1 024" with no-break spaces from 10,000 on: counts. */
char *sn_num_count(char buf[SN_NUM_SIZE], unsigned long long n);

#endif
