/* `snbench verify DIR`: everything that a stranger can recompute from a run directory.
 *
 * Rows come before checksums, so that an altered row is named by its key and not only by its file.
 * Order: manifest, syntax of the rows, each row by itself (identity, statistics, efficiency, bytes
 * of the line), completeness, checksums.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/rundir.h"
#include "harness/sums.h"

struct audit {
    const char *dir;
    json_t *manifest;
    const json_t *plan; /* borrowed from it, as the next three are */
    json_int_t seed, ranks, launches;
    struct sn_buf text;
    struct sn_rows rows;
    json_t *planned; /* set of ids */
    json_t *seen;    /* set of "ID/LAUNCH" */
};

#define DIFFERS(...) SN_FAIL(SN_EVERIFY, __VA_ARGS__)
/* A difference in the row on line i + 1. */
#define ROW_DIFFERS(i, fmt, ...) DIFFERS("rows.jsonl:%zu: " fmt, (i) + 1, __VA_ARGS__)

static bool exists(const char *dir, const char *name)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    bool there = !access(path, F_OK);
    free(path);
    return there;
}

/* ---- manifest -------------------------------------------------------------------------------- */

static int get_integer(const json_t *manifest, const char *key, json_int_t low, json_int_t *out)
{
    const json_t *j = json_object_get(manifest, key);
    if (!json_is_integer(j) || json_integer_value(j) < low)
        return DIFFERS("manifest.json: %s: must be an integer of at least %" JSON_INTEGER_FORMAT,
                       key, low);
    *out = json_integer_value(j);
    return SN_OK;
}

static int read_manifest(struct audit *a)
{
    json_error_t e;
    if (!exists(a->dir, "manifest.json"))
        return DIFFERS("manifest.json is missing");
    char *path = sn_strdupf("%s/manifest.json", a->dir);
    a->manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    free(path);
    if (!a->manifest)
        return DIFFERS("manifest.json:%d: %s", e.line, e.text);
    int status = get_integer(a->manifest, "seed", 0, &a->seed);
    if (status == SN_OK)
        status = get_integer(a->manifest, "ranks", 1, &a->ranks);
    if (status == SN_OK)
        status = get_integer(a->manifest, "launches", 1, &a->launches);
    if (status != SN_OK)
        return status;
    a->plan = json_object_get(a->manifest, "plan");
    if (!json_is_array(a->plan))
        return DIFFERS("manifest.json: plan: must be an array of case ids");
    for (size_t i = 0; i < json_array_size(a->plan); i++) {
        const char *id = json_string_value(json_array_get(a->plan, i));
        if (!id || json_object_get(a->planned, id))
            return DIFFERS("manifest.json: plan[%zu]: must be a case id that was not there before",
                           i);
        json_object_set_new(a->planned, id, json_true());
    }
    return SN_OK;
}

/* ---- one row --------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    size_t at;
} computed[] = {
    {"stats.min", offsetof(struct sn_row, stats.min)},
    {"stats.median", offsetof(struct sn_row, stats.median)},
    {"stats.ci95[0]", offsetof(struct sn_row, stats.ci95_lo)},
    {"stats.ci95[1]", offsetof(struct sn_row, stats.ci95_hi)},
    {"stats.p95", offsetof(struct sn_row, stats.p95)},
    {"stats.p99", offsetof(struct sn_row, stats.p99)},
    {"stats.max", offsetof(struct sn_row, stats.max)},
    {"stats.mean", offsetof(struct sn_row, stats.mean)},
    {"stats.stddev", offsetof(struct sn_row, stats.stddev)},
    {"efficiency", offsetof(struct sn_row, efficiency)},
};

static void print_real(char text[32], double x)
{
    if (isnan(x))
        snprintf(text, 32, "null");
    else
        snprintf(text, 32, "%.12g", x);
}

static int check_statistics(const struct sn_row *r, size_t i)
{
    struct sn_row again = *r; /* borrows everything; what compute may add is its own */
    again.arena = NULL;
    again.flags = NULL;
    again.n_flags = 0;
    sn_row_compute(&again);
    int status = SN_OK;
    for (size_t k = 0; k < sizeof computed / sizeof *computed && status == SN_OK; k++) {
        double stored = *(const double *)((const char *)r + computed[k].at);
        double now = *(const double *)((const char *)&again + computed[k].at);
        if (stored == now || (isnan(stored) && isnan(now)))
            continue;
        if (r->status == SN_ROW_FAILED && isnan(stored))
            continue; /* failed after sampling: nothing was computed */
        char was[32], is[32];
        print_real(was, stored);
        print_real(is, now);
        status = ROW_DIFFERS(i, "%s: stored %s, recomputed %s", computed[k].key, was, is);
    }
    bool suspect = sn_row_has_flag(&again, "suspect");
    if (status == SN_OK && suspect && !sn_row_has_flag(r, "suspect"))
        status = ROW_DIFFERS(i, "flags: \"suspect\" is missing at an efficiency of %.12g",
                             r->efficiency);
    sn_row_free(&again);
    return status;
}

static int check_identity(const struct audit *a, const struct sn_row *r, size_t i)
{
    struct sn_row again = *r;
    again.arena = NULL;
    sn_row_set_id(&again);
    int status = SN_OK;
    if (strcmp(again.id, r->id))
        status = ROW_DIFFERS(i, "id: stored %s, recomputed %s", r->id, again.id);
    sn_row_free(&again);
    if (status != SN_OK)
        return status;
    if (r->seed != (uint64_t)a->seed)
        return ROW_DIFFERS(i, "seed: stored %" PRIu64 ", manifest.json has %" JSON_INTEGER_FORMAT,
                           r->seed, a->seed);
    if (r->launch >= a->launches)
        return ROW_DIFFERS(i,
                           "launch: stored %d, manifest.json has %" JSON_INTEGER_FORMAT
                           " launches, counted from 0",
                           r->launch, a->launches);
    if (r->ranks != -1 && r->ranks != a->ranks)
        return ROW_DIFFERS(i, "ranks: stored %d, manifest.json has %" JSON_INTEGER_FORMAT, r->ranks,
                           a->ranks);
    if (!json_object_get(a->planned, r->id))
        return ROW_DIFFERS(i, "case %s is not in the plan of manifest.json", r->id);
    return SN_OK;
}

/* What the fields of a row say of each other (DESIGN.md section 1). */
static int check_sense(const struct sn_row *r, size_t i)
{
    const char *clock = r->origin == SN_ORIGIN_MODELLED ? "model"
                        : r->origin == SN_ORIGIN_MEASURED || r->origin == SN_ORIGIN_EMULATED
                            ? "wall"
                            : NULL;
    if (clock && (!r->clock || strcmp(r->clock, clock)))
        return ROW_DIFFERS(i, "clock: stored %s, a figure that is %s has %s",
                           r->clock ? r->clock : "null", sn_origin_name(r->origin), clock);
    if (r->status == SN_ROW_OK && clock && (!r->check.compared || !r->n))
        return ROW_DIFFERS(i,
                           "check.compared %" PRIu64 ", n %" PRIu64
                           ": a row whose status is ok was checked and has samples",
                           r->check.compared, r->n);
    if (r->status == SN_ROW_OK && r->check.errors)
        return ROW_DIFFERS(i, "check.errors: %" PRIu64 " in a row whose status is ok",
                           r->check.errors);
    return SN_OK;
}

static int check_line(const struct sn_row *r, size_t i, const char *line, size_t n)
{
    struct sn_buf again = {0};
    sn_row_encode(r, &again);
    size_t at = 0;
    while (at < n && at < again.len && line[at] == again.data[at])
        at++;
    int status = SN_OK;
    if (at < n || at < again.len)
        status = ROW_DIFFERS(i, "byte %zu: stored \"%.*s\", written again it is \"%.*s\"", at + 1,
                             (int)(n - at < 20 ? n - at : 20), line + at, 20, again.data + at);
    sn_buf_free(&again);
    return status;
}

static int check_rows(struct audit *a)
{
    const char *line = a->text.data;
    for (size_t i = 0; i < a->rows.n; i++) {
        const struct sn_row *r = &a->rows.rows[i];
        size_t n = (size_t)(strchr(line, '\n') + 1 - line); /* parsed: every line ends */
        char key[64];
        snprintf(key, sizeof key, "%s/%d", r->id, r->launch);
        int status = check_identity(a, r, i);
        if (status == SN_OK && json_object_get(a->seen, key))
            status = ROW_DIFFERS(i, "case %s of launch %d is there twice", r->id, r->launch);
        if (status == SN_OK)
            status = check_sense(r, i);
        if (status == SN_OK)
            status = check_statistics(r, i);
        if (status == SN_OK)
            status = check_line(r, i, line, n);
        if (status != SN_OK)
            return status;
        json_object_set_new(a->seen, key, json_true());
        line += n;
    }
    return SN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_rows(struct audit *a)
{
    if (!exists(a->dir, "rows.jsonl"))
        return DIFFERS("rows.jsonl is missing");
    char *path = sn_strdupf("%s/rows.jsonl", a->dir);
    int status = sn_buf_read_file(&a->text, path);
    free(path);
    if (status == SN_OK)
        status = sn_rows_parse(&a->rows, "rows.jsonl", a->text.data, a->text.len, NULL);
    if (status != SN_EINVAL)
        return status;
    char *message = sn_strdup(sn_status_message()); /* of a directory under audit, a difference */
    status = DIFFERS("%s", message);
    free(message);
    return status;
}

static int check_complete(const struct audit *a)
{
    size_t cases = json_array_size(a->plan);
    for (json_int_t launch = 0; cases && launch < a->launches; launch++)
        for (size_t i = 0; i < cases; i++) {
            char key[64], of_launch[48] = "";
            const char *id = json_string_value(json_array_get(a->plan, i));
            snprintf(key, sizeof key, "%.16s/%" JSON_INTEGER_FORMAT, id, launch);
            if (json_object_get(a->seen, key))
                continue;
            if (a->launches > 1)
                snprintf(of_launch, sizeof of_launch, " of launch %" JSON_INTEGER_FORMAT, launch);
            return DIFFERS("manifest.json: plan has %zu case%s%s, rows.jsonl has %zu: case %s%s is "
                           "missing (resume the run)",
                           cases, cases == 1 ? "" : "s", a->launches > 1 ? " a launch" : "",
                           a->rows.n, id, of_launch);
        }
    if (!json_is_string(json_object_get(a->manifest, "finished")))
        return DIFFERS("manifest.json: finished: missing: the run was killed before its end "
                       "(resume the run)");
    return SN_OK;
}

int sn_rundir_verify(const char *dir, size_t *rows)
{
    struct stat st;
    if (stat(dir, &st))
        return SN_FAIL(SN_EINVAL, "%s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return SN_FAIL(SN_EINVAL, "%s: not a directory; name a run directory", dir);
    if (!exists(dir, "manifest.json") && !exists(dir, "rows.jsonl"))
        return SN_FAIL(SN_EINVAL,
                       "%s: not a run directory: neither manifest.json nor rows.jsonl is there",
                       dir);
    struct audit a = {.dir = dir, .planned = json_object(), .seen = json_object()};
    int status = read_manifest(&a);
    if (status == SN_OK)
        status = read_rows(&a);
    if (status == SN_OK)
        status = check_rows(&a);
    if (status == SN_OK)
        status = check_complete(&a);
    if (status == SN_OK)
        status = sn_sums_verify(dir);
    if (status == SN_OK)
        *rows = a.rows.n;
    sn_rows_free(&a.rows);
    sn_buf_free(&a.text);
    json_decref(a.seen);
    json_decref(a.planned);
    json_decref(a.manifest);
    return status;
}
