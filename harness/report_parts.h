/* The parts that a report is put together from. Internal to harness/report*.c and their tests. */
#ifndef SN_HARNESS_REPORT_PARTS_H
#define SN_HARNESS_REPORT_PARTS_H

#include "harness/doc.h"
#include "harness/published.h"
#include "harness/report_data.h"

struct sn_figure;

/* The table of a benchmark, one row per case that ran; its CSV face has every axis and metric. */
void sn_report_bench_table(const struct sn_report *r, const struct sn_group *g,
                           struct sn_table *out);
/* Is metric `m` of the group a column for people? The first few are, but not one that repeats the
 * median. The others are in the CSV. */
bool sn_report_metric_shown(const struct sn_group *g, size_t m);
/* Heading, legend (when asked), constant axes, table, failures and skipped cases. */
void sn_report_bench(const struct sn_report *r, const struct sn_group *g, bool legend,
                     struct sn_doc *doc);
/* What is timed, which bytes, which limit, how metrics and statistics are made. */
void sn_report_legend(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc);

/* Variants that compete (sn_axis.compares) on the wall clock: the time of each over that of the
 * base, the first of them in the plan that ran, with a 95 % interval (harness/paired.h). The table
 * is empty, and nothing is said, where no two variants of one case ran. */
void sn_report_ratio_table(const struct sn_report *r, const struct sn_group *g,
                           struct sn_table *out);
void sn_report_ratios(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc);
/* Is a flag something to warn of? All are but SN_FLAG_INTERLEAVED, which the ratios speak of. */
bool sn_flag_warns(const char *flag);

/* A figure that was drawn, or why it was not; nothing before. `path`: where the figures' files lie
 * as seen from the report, or NULL. */
void sn_report_figure(const struct sn_figure *f, const char *path, struct sn_doc *doc);

/* Breakdown of the time and counters, where rows have them. */
void sn_report_extra(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc);

/* Steps of a workload (a run's manifest has them, harness/steps.h): the sum over their parts of
 * count times median. By each variant that all parts have, and by the fastest variant of each part.
 * Nothing where no run has steps. */
void sn_report_steps(const struct sn_report *r, struct sn_doc *doc);
/* ,"steps":[{"run", "step", "brief", "covers", "without", "origins", "parts",
 * "variants":[{"variant", "parts", "time_s", "lo_s", "hi_s", "limit_s"}]}]; times are null where a
 * part has no row. */
void sn_report_steps_json(const struct sn_report *r, struct sn_buf *out);
/* A line for each part and variant. Empty where no run has steps. */
void sn_report_steps_table(const struct sn_report *r, struct sn_table *out);

/* One table of all rows, every launch, base units, the union of all axes and metrics. */
void sn_report_rows_table(const struct sn_report *r, struct sn_table *out);

/* Rows of the wall clock beside rows of the model clock that are equal in every parameter that both
 * have: what was measured, what was modelled, the signed error; at most 40 pairs. Nothing is said
 * where there is no pair. */
void sn_report_pairs(const struct sn_report *r, struct sn_doc *doc);
/* All of them, base units. Empty where there is no pair. */
void sn_report_pairs_table(const struct sn_report *r, struct sn_table *out);

/* How far the model is from what is known: only when the report holds modelled rows. Parameters and
 * how each was set, errors on published figures with the null models beside, range of validity. */
void sn_report_fidelity(const struct sn_report *r, const struct sn_published *p,
                        struct sn_doc *doc);

/* Its part on which modelled cases are extrapolated, in what, and which lack a cost. */
void sn_report_validity(const struct sn_report *r, struct sn_doc *doc);

/* Machine, roofs and how to reproduce, for every run. */
void sn_report_machine(const struct sn_report *r, struct sn_doc *doc);
/* The command of a run as a shell takes it, without what the launcher of several launches added;
 * with `output` into that directory, as a fresh run. New string, or NULL where none is known. */
char *sn_report_command(const json_t *manifest, const char *output);
/* REPRODUCE.md of the first run: program, run, checks, and the hashes of what was read. */
void sn_report_reproduce(const struct sn_report *r, const struct sn_published *p,
                         struct sn_buf *out);
/* "Intel Xeon ..., 2 cores" or "-". New string. */
char *sn_report_machine_line(const json_t *manifest);

/* Tables in the look of the OSU micro-benchmarks. */
void sn_report_osu(const struct sn_report *r, struct sn_buf *out);

/* {"schema", "verdict", "runs", "rows"}. */
void sn_report_json(const struct sn_report *r, struct sn_buf *out);

/* What became of what was planned. Cases, not rows: a case failed if one of its launches did, is
 * missing if a launch of it is, was skipped if all were. passed + failed + skipped + missing =
 * planned (or, without a plan, = the cases there are). */
enum sn_result { SN_RESULT_PASSED, SN_RESULT_INCOMPLETE, SN_RESULT_FAILED, SN_RESULT_EMPTY };

struct sn_tally {
    char *name; /* flag, reason, case label */
    size_t n;
};

struct sn_verdict {
    enum sn_result result;
    bool plan_known, torn;
    size_t planned, launches, passed, failed, skipped, missing;
    size_t origins[SN_ORIGIN_IMPORTED + 1]; /* cases that were not skipped, by origin */
    bool oversubscribed;
    double load_before, load_after; /* 1-minute load averages; NAN: unknown */
    const char *status;             /* "complete", "interrupted", ...; NULL: unknown */
    struct sn_tally *flags, *reasons, *absent;
    size_t n_flags, n_reasons, n_absent;
};

/* Of one run, or of all together when `run` is NULL. */
void sn_verdict_make(const struct sn_report *r, const struct sn_report_run *run,
                     struct sn_verdict *out);
void sn_verdict_free(struct sn_verdict *v);
const char *sn_result_name(enum sn_result result); /* "passed", "incomplete", "failed", "empty" */
void sn_verdict_json(const struct sn_verdict *v, struct sn_buf *out);
void sn_verdict_doc(const struct sn_verdict *v, struct sn_doc *doc);

#endif
