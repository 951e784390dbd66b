/* Suites: what to run together, as YAML (bench/suites/, schema in its README), read with libcyaml.
 *
 *     name: quick
 *     brief: one line
 *     cases:
 *       - bench: latency
 *         axes: ["op=get,put", "size=8:4M:*4"]     # optional; as on the command line
 *         wall: ["transport=shm"]  # optional: axes of the wall clock; nothing on the model clock
 *         step: decode       # both optional: every case of the entry is so many times a part of
 *         count: 61          # that step, of which the report gives the time
 *     steps:                 # optional
 *       - name: decode
 *         brief: one line    # of what it is a step, and at which size
 *         without: text      # optional: what it leaves out
 *     figures:               # optional: figures and tables of the report, beside those that every
 *       - kind: stacked      # benchmark has; kinds and their keys: bench/suites/README.md
 *         bench: latency
 */
#ifndef SN_HARNESS_SUITE_H
#define SN_HARNESS_SUITE_H

#include "harness/steps.h"

struct sn_yaml;

struct sn_suite_entry {
    char *bench;
    char **axes; /* "axis=sweep": (n_axes), then those of the wall clock alone (n_wall) */
    size_t n_axes, n_wall;
    int line; /* of the entry in the file */
    int *axis_lines;
    size_t step; /* index into the suite's steps; SIZE_MAX: none */
    uint64_t count;
};

struct sn_suite {
    char *name, *brief;
    struct sn_suite_entry *entries;
    size_t n;
    struct sn_steps steps; /* without parts */
    char *path;
    struct sn_yaml *source; /* the file: its figures and their lines */
};

/* `name_or_file`: a path to a YAML file, or the name of a suite in `dir` (data_dir/suites). SN_EIO
 * / SN_EINVAL with "FILE:LINE: ..."; an unknown key names the nearest right one, an unknown suite
 * the nearest suite. */
int sn_suite_load(struct sn_suite *out, const char *name_or_file, const char *dir);
/* The same from text in memory (tests, fuzzing); `path` for messages. */
int sn_suite_parse(struct sn_suite *out, const char *text, size_t n, const char *path);
void sn_suite_free(struct sn_suite *s);

/* Calls emit(out, name, brief, NULL) for every suite in `dir`, sorted by name; for one that cannot
 * be read with brief "" and the reason. SN_EENV when `dir` cannot be read. */
int sn_suite_list(const char *dir,
                  void (*emit)(void *out, const char *name, const char *brief,
                               const char *unavailable),
                  void *out);

/* Adds every entry to the plan, and its cases to *steps (empty before; sn_steps_free()); an error
 * is prefixed "FILE:LINE: ". */
int sn_suite_plan(const struct sn_suite *s, const struct sn_app *app, struct sn_plan *plan,
                  struct sn_steps *steps);

/* The figures that the suite declares, as the manifest has them (harness/exhibit.h), a new array;
 * *out NULL where there are none. `plan` is that of sn_suite_plan(); `published` what its tables
 * may name, or NULL. SN_EINVAL "FILE:LINE: ...": an unknown kind, benchmark, axis, value, metric or
 * published figure, each with the nearest right one; a benchmark that the suite does not run; a key
 * that the kind does not have, or lacks. */
struct sn_published;
int sn_suite_figures(const struct sn_suite *s, const struct sn_app *app, const struct sn_plan *plan,
                     const struct sn_published *published, json_t **out);

#endif
