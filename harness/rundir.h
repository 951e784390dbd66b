/* A run directory (DESIGN.md section 6): made once, appended to row by row, never rewritten.
 *
 * manifest.json is written before the first row and completed (keys "finished", "status",
 * "machine_after") after the last; rows.jsonl is appended with one write() and fsync per row, so
 * that a killed run loses at most the row in flight. A torn last line is cut off on resume.
 * SHA256SUMS covers every other file of the directory.
 */
#ifndef SN_HARNESS_RUNDIR_H
#define SN_HARNESS_RUNDIR_H

#include <jansson.h>

#include "harness/plan.h"
#include "harness/row.h"

struct sn_rundir;

/* Opens `path`. Not resuming: the directory must not hold rows yet, else SN_EINVAL saying how to go
 * on. Resuming: it may (an absent one is a fresh start), and its manifest must name the same plan,
 * seed, ranks, launches and clock, else SN_EINVAL naming the first difference. `manifest`
 * (borrowed) is written when fresh; it must hold "plan": [id, ...], "seed", "ranks", "launches".
 * The directory is locked until it is closed: SN_EINVAL when another process writes there (when
 * resuming, after waiting for 5 s). */
int sn_rundir_open(struct sn_rundir **out, const char *path, bool resume, json_t *manifest);

/* Is there a row of this case and launch already? */
bool sn_rundir_has(const struct sn_rundir *d, const char *id, int launch);

/* Appends and fsyncs. Thread-safe against itself (the watching thread may append too). A case and
 * launch has one row: a second one is SN_EINVAL and is not written. */
int sn_rundir_append(struct sn_rundir *d, const struct sn_row *row);

/* Completes the manifest with the keys of `more` (borrowed). The report and SHA256SUMS are made by
 * sn_report_write(). */
int sn_rundir_annotate(struct sn_rundir *d, json_t *more);
void sn_rundir_close(struct sn_rundir *d);

/* results/runs/YYYYMMDD-HHMMSS-<what> (UTC) under the working directory, made unique; new string.
 */
char *sn_rundir_default_path(const char *what);

/* Writes DIR/SHA256SUMS over all regular files below DIR but itself, sorted by path, in sha256sum's
 * format. */
int sn_rundir_write_sums(const char *dir);

/* `snbench verify DIR`: checksums, row syntax, ids, completeness against the manifest, and every
 * statistic, efficiency and id recomputed from what is stored. SN_EVERIFY naming the first
 * difference: file, line, key, stored and recomputed value. *rows gets the number of rows compared.
 */
int sn_rundir_verify(const char *dir, size_t *rows);

#endif
