/* Figures of a report: data as CSV, drawn by gnuplot with the scripts of plots/ (one a kind).
 *
 * Chosen by the names of axes and the units of metrics, never by benchmark: `size` with more than 2
 * values: time, and rate of the first metric in B/s; `tokens` and `algorithm`: time against tokens,
 * or bars when there is one number of tokens; `src` and `dst`: the matrix of the first metric in
 * B/s; every benchmark: the distribution of the samples of up to 8 cases. Of modelled rows and the
 * published figures they match: the parity of both. */
#ifndef SN_HARNESS_REPORT_PLOTS_H
#define SN_HARNESS_REPORT_PLOTS_H

#include "harness/published.h"
#include "harness/report_data.h"

enum { SN_FIGURE_ARGS = 4, SN_FIGURE_SERIES = 8, SN_FIGURES_PER_KIND = 12 };

struct sn_figure {
    const struct sn_group *group; /* NULL: of the report's fidelity section */
    const json_t *decl;           /* what the suite declared; NULL: chosen by itself */
    const char *script;           /* "curves.gp" */
    char *name;                   /* "latency-time": name of the CSV and SVG, without the ending */
    char *title, *caption;
    const char *args[SN_FIGURE_ARGS]; /* after title and prefix; NULL: no more */
    char *label, *label2;             /* owned texts among the args, or NULL */
    struct sn_buf csv;
    struct sn_buf svg; /* empty until drawn */
    char *error;       /* why it could not be drawn, or NULL */
};

struct sn_figures {
    struct sn_figure *figures;
    size_t n;
};

/* Builds the data of every figure; draws nothing. */
void sn_figures_build(const struct sn_report *r, struct sn_figures *out);
/* Adds the parity figures: published against modelled, one for times and one for rates
 * (report_fidelity.c). */
void sn_figures_parity(const struct sn_report *r, const struct sn_published *p,
                       struct sn_figures *out);
void sn_figures_free(struct sn_figures *f);

/* The gnuplot found in PATH: new string, or NULL. */
char *sn_gnuplot_find(void);

/* Writes DIR/NAME.csv, and draws DIR/NAME.svg unless `gnuplot` is NULL. A figure that cannot be
 * drawn gets its error and is no failure; SN_EIO when DIR cannot be written. */
int sn_figures_draw(struct sn_figures *f, const char *dir, const char *gnuplot,
                    const char *plots_dir);

#endif
