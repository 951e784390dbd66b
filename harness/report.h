/* Reports from stored rows alone: the same rows give the same bytes. */
#ifndef SN_HARNESS_REPORT_H
#define SN_HARNESS_REPORT_H

#include <stdio.h>

#include "harness/bench.h"
#include "harness/doc.h"
#include "harness/row.h"

/* Makes report.md, report.html, REPRODUCE.md, tables/ *.csv, plots/ *.svg and SHA256SUMS in the run
 * directory `dir`. Plots need gnuplot in PATH and the scripts in `plots_dir`; without gnuplot the
 * report says so and has none. Published figures are those of `results_dir`/published (NULL: none).
 */
int sn_report_write(const char *dir, const struct sn_app *app, const char *plots_dir,
                    const char *results_dir);

/* `snbench report DIR... --format F`: prints the report of one or several runs to `out`. */
int sn_report_print(FILE *out, const char *const *dirs, size_t n, enum sn_format format,
                    const struct sn_app *app, const char *plots_dir, const char *results_dir);

/* Tables of rows alone (what `run` prints when it ends): one table per benchmark; of the manifest
 * (borrowed, or NULL) the steps that the rows make and the tables that a suite declares. */
int sn_report_tables(FILE *out, const struct sn_rows *rows, enum sn_format format,
                     const struct sn_app *app, json_t *manifest, const char *results_dir);

#endif
