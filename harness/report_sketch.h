/* Making a figure: which lines it has, which axis goes where, how its series are called. Internal
 * to harness/report_plots.c and the kinds that suites declare (harness/exhibit.h). */
#ifndef SN_HARNESS_REPORT_SKETCH_H
#define SN_HARNESS_REPORT_SKETCH_H

#include "harness/report_plots.h"

struct sn_sketch {
    const struct sn_report *r;
    const struct sn_group *g;
    const char *facets[16]; /* axes that make figures of their own: one for each combination */
    size_t n_facets;
    struct sn_figures *out;
};

/* Axes that do not tell the series apart: x and the facets. */
struct sn_keys {
    const char *but[24];
    size_t n;
};
/* x and y may be NULL. */
struct sn_keys sn_sketch_keys(const struct sn_sketch *k, const char *x, const char *y);

/* Ends of the band around a median: the interval, or how far a model is sure; what it is. */
void sn_sketch_band(const struct sn_line *l, double *lo, double *hi);
const char *sn_sketch_band_words(const struct sn_group *g);

/* Is the line a point of figures: ok and with a median? */
bool sn_sketch_drawn(const struct sn_line *l);
/* Number of values of an axis among the lines drawn. */
size_t sn_sketch_values(const struct sn_group *g, const char *axis);

/* "get shm size=4 KiB": words stand alone, numbers keep the name of their axis. New string. */
char *sn_sketch_series(const struct sn_sketch *k, const struct sn_line *l,
                       const struct sn_keys *but);
/* Replaces what gnuplot would read as the end of a field. */
void sn_sketch_clean(char *s);

/* One figure for each value of the axis. */
void sn_sketch_facet(struct sn_sketch *k, const char *axis);
/* Splits by whole axes, first axis first, until no figure has too many series. */
void sn_sketch_split(struct sn_sketch *k, const char *x);
/* Splits by every axis that varies, but x, y and z (may be NULL). */
void sn_sketch_split_all(struct sn_sketch *k, const char *x, const char *y, const char *z);
/* Are two lines of one figure? */
bool sn_sketch_same_figure(const struct sn_sketch *k, const struct sn_line *a,
                           const struct sn_line *b);
/* Does a line before number `i` stand for the same figure? */
bool sn_sketch_before(const struct sn_sketch *k, size_t i);

/* Adds a figure named and titled after the facet of its first line. */
struct sn_figure *sn_sketch_figure(const struct sn_sketch *k, const struct sn_line *first,
                                   const char *script, const char *kind, const char *what);

#endif
