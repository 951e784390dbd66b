/* The file of a suite as libcyaml fills it. Internal to harness/suite*.c. */
#ifndef SN_HARNESS_SUITE_PARTS_H
#define SN_HARNESS_SUITE_PARTS_H

#include "harness/suite.h"
#include "harness/yaml.h"

struct sn_suite_case {
    char *bench;
    char **axes;
    unsigned axes_count;
    char **wall;
    unsigned wall_count;
    char *step, *count;
};

struct sn_suite_step {
    char *name, *brief, *without;
};

struct sn_suite_row { /* of a headline */
    char *label, *bench, *metric, *published;
    char **match;
    unsigned match_count;
};

struct sn_suite_figure {
    char *kind, *title, *bench, *x, *y, *by, *along, *metric;
    char **benches;
    unsigned benches_count;
    char **match;
    unsigned match_count;
    char **base;
    unsigned base_count;
    struct sn_suite_row *rows;
    unsigned rows_count;
};

struct sn_suite_file {
    char *name, *brief;
    struct sn_suite_case *cases;
    unsigned cases_count;
    struct sn_suite_step *steps;
    unsigned steps_count;
    struct sn_suite_figure *figures;
    unsigned figures_count;
};

enum { SN_SUITE_TEXT_MAX = 4096 };
extern const cyaml_schema_value_t sn_suite_text_schema;   /* an entry of a list of texts */
extern const cyaml_schema_value_t sn_suite_figure_schema; /* struct sn_suite_figure */

#endif
