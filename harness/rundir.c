/* A run directory: created, locked, appended to, resumed. audit.c verifies one.
 *
 * What a kill can leave behind, and what opening for a resume does about it: no manifest and no
 * rows (a fresh start), half a last line (cut off), temporary files of a rename that did not happen
 * (removed), another process still at work (waited for, then refused).
 */
#include "harness/rundir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/sums.h"

/* The ranks of a killed mpiexec take a moment to go. */
static const int64_t lock_patience_ns = 5000000000;

struct sn_rundir {
    char *path, *rows_path, *manifest_path;
    int fd;              /* rows.jsonl, locked */
    pthread_mutex_t *mx; /* guards what follows and the files */
    json_t *manifest;
    json_t *done; /* a set of "ID/LAUNCH" */
};

static void done_key(char key[64], const char *id, int launch)
{
    snprintf(key, 64, "%s/%d", id, launch);
}

/* ---- creating and locking -------------------------------------------------------------------- */

static int fsync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return SN_FAIL(SN_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    fsync(fd); /* some file systems cannot; the data is then as safe as they make it */
    close(fd);
    return SN_OK;
}

/* mkdir -p; each new name is made durable in its parent. */
static int make_dirs(const char *path)
{
    char *p = sn_strdup(path);
    int status = SN_OK;
    for (char *at = p + 1; status == SN_OK; at++) {
        if (*at && *at != '/')
            continue;
        char end = *at;
        *at = '\0';
        struct stat st;
        if (!mkdir(p, 0777)) {
            char *slash = strrchr(p, '/'), *parent;
            parent = slash ? sn_strdupf("%.*s/", (int)(slash - p), p) : sn_strdup(".");
            fsync_dir(parent);
            free(parent);
        } else if (errno != EEXIST) {
            status = SN_FAIL(SN_EIO, "%s: cannot be created: %s", p, strerror(errno));
        } else if (!stat(p, &st) && !S_ISDIR(st.st_mode)) {
            status = SN_FAIL(SN_EIO, "%s: is a file; choose another directory with -o", p);
        }
        *at = end;
        if (!end)
            break;
    }
    free(p);
    return status;
}

static int open_rows(struct sn_rundir *d, bool resume)
{
    d->fd = open(d->rows_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (d->fd < 0)
        return SN_FAIL(SN_EIO, "%s: cannot be opened: %s", d->rows_path, strerror(errno));
    int64_t end = sn_clock_ns() + (resume ? lock_patience_ns : 0);
    while (flock(d->fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return SN_OK; /* a file system without locks */
        if (sn_clock_ns() >= end)
            return SN_FAIL(SN_EINVAL,
                           "%s: another run is writing here; wait for it, or choose "
                           "another directory with -o",
                           d->path);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return SN_OK;
}

/* Ours are NAME.PID.tmp (sn_buf_write_file) with a name of the run directory. */
static bool is_temporary(const char *path)
{
    static const char *const ours[] = {"manifest.json", "SHA256SUMS", "report.", "tables/",
                                       "plots/"};
    bool known = false;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        known |= !strncmp(path, ours[i], strlen(ours[i]));
    const char *end = strrchr(path, '.');
    if (!known || !end || strcmp(end, ".tmp"))
        return false;
    const char *digits = end;
    while (digits > path && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    return digits < end && digits > path && digits[-1] == '.';
}

static int remove_temporaries(const struct sn_rundir *d)
{
    struct sn_sums_list l;
    int status = sn_sums_list(&l, d->path);
    if (status != SN_OK)
        return status;
    for (size_t i = 0; i < l.n; i++)
        if (is_temporary(l.paths[i])) {
            char *full = sn_strdupf("%s/%s", d->path, l.paths[i]);
            unlink(full);
            free(full);
        }
    sn_sums_list_free(&l);
    return SN_OK;
}

static int write_manifest(const struct sn_rundir *d)
{
    char *text =
        json_dumps(d->manifest, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
    struct sn_buf b = {0};
    assert(text);
    sn_buf_add(&b, text);
    sn_buf_add(&b, "\n");
    int status = sn_buf_write_file(&b, d->manifest_path);
    sn_buf_free(&b);
    free(text);
    return status;
}

/* ---- resuming -------------------------------------------------------------------------------- */

static int differs(const struct sn_rundir *d, const char *what, const json_t *then,
                   const json_t *now)
{
    const int flags = JSON_ENCODE_ANY | JSON_COMPACT;
    char *a = json_dumps(then, flags), *b = json_dumps(now, flags);
    int status = SN_FAIL(SN_EINVAL,
                         "%s: holds another run: %s is %.60s there and %.60s now; resume it with "
                         "its own options (manifest.json, \"argv\") or choose another directory "
                         "with -o",
                         d->path, what, a ? a : "missing", b ? b : "missing");
    free(b);
    free(a);
    return status;
}

static int compare_plans(const struct sn_rundir *d, const json_t *then, const json_t *now)
{
    size_t n_then = json_array_size(then), n_now = json_array_size(now);
    for (size_t i = 0; i < n_then && i < n_now; i++) {
        char what[48];
        snprintf(what, sizeof what, "case %zu of the plan", i + 1);
        if (!json_equal(json_array_get(then, i), json_array_get(now, i)))
            return differs(d, what, json_array_get(then, i), json_array_get(now, i));
    }
    if (n_then == n_now && json_is_array(then))
        return SN_OK;
    json_t *a = json_is_array(then) ? json_integer((json_int_t)n_then) : NULL;
    json_t *b = json_integer((json_int_t)n_now);
    int status = differs(d, "the number of cases of the plan", a, b);
    json_decref(a);
    json_decref(b);
    return status;
}

static int compare_runs(const struct sn_rundir *d, const json_t *then, const json_t *now)
{
    /* None of these is part of an id, but rows that differ in one are not one run. */
    static const char *const keys[] = {"clock",    "seed",   "ranks",    "launches", "mutate",
                                       "inputs",   "models", "sampling", "git",      "machine_id",
                                       "counters", "steps",  "plugins"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *a = json_object_get(then, keys[i]), *b = json_object_get(now, keys[i]);
        if (a != b && !json_equal(a, b))
            return differs(d, keys[i], a, b);
    }
    return compare_plans(d, json_object_get(then, "plan"), json_object_get(now, "plan"));
}

/* Takes over the rows and the manifest that are there. *fresh: there is nothing to go on with. */
static int take_over(struct sn_rundir *d, const json_t *now, bool *fresh)
{
    struct sn_rows rows = {0};
    size_t whole;
    json_error_t e;
    int status = sn_rows_read(&rows, d->rows_path, &whole);
    if (status != SN_OK)
        return status;
    *fresh = access(d->manifest_path, F_OK) != 0;
    if (*fresh) {
        if (rows.n)
            status = SN_FAIL(SN_EINVAL, "%s: missing beside %zu rows: they cannot be resumed",
                             d->manifest_path, rows.n);
        goto out;
    }
    json_t *then = json_load_file(d->manifest_path, JSON_REJECT_DUPLICATES, &e);
    if (!then)
        status = SN_FAIL(SN_EINVAL, "%s:%d: %s", d->manifest_path, e.line, e.text);
    else
        status = compare_runs(d, then, now);
    if (status == SN_OK) {
        json_decref(d->manifest);
        d->manifest = then;
        then = NULL;
    }
    json_decref(then);
    for (size_t i = 0; i < rows.n && status == SN_OK; i++) {
        char key[64];
        done_key(key, rows.rows[i].id, rows.rows[i].launch);
        json_object_set_new(d->done, key, json_true());
    }
out:
    sn_rows_free(&rows);
    if (status == SN_OK && ftruncate(d->fd, (off_t)whole))
        status = SN_FAIL(SN_EIO, "%s: cannot be cut: %s", d->rows_path, strerror(errno));
    return status;
}

static int refuse_rows(const struct sn_rundir *d)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, d->rows_path);
    size_t n = 0;
    for (size_t i = 0; status == SN_OK && i < text.len; i++)
        n += text.data[i] == '\n' || i + 1 == text.len;
    if (n)
        status = SN_FAIL(SN_EINVAL,
                         "%s already holds a run of %zu row%s: add --resume to go on with it, or "
                         "choose another directory with -o",
                         d->path, n, n == 1 ? "" : "s");
    sn_buf_free(&text);
    return status;
}

/* ---- public ---------------------------------------------------------------------------------- */

int sn_rundir_open(struct sn_rundir **out, const char *path, bool resume, json_t *manifest)
{
    assert(json_is_array(json_object_get(manifest, "plan")) &&
           json_is_integer(json_object_get(manifest, "seed")) &&
           json_is_integer(json_object_get(manifest, "ranks")) &&
           json_is_integer(json_object_get(manifest, "launches")));
    if (!*path)
        return SN_FAIL(SN_EINVAL, "the name of the run directory is empty");
    struct sn_rundir *d = sn_calloc(1, sizeof *d);
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    d->path = sn_strdupf("%.*s", (int)n, path);
    d->rows_path = sn_strdupf("%s/rows.jsonl", d->path);
    d->manifest_path = sn_strdupf("%s/manifest.json", d->path);
    d->fd = -1;
    d->mx = sn_calloc(1, sizeof *d->mx);
    pthread_mutex_init(d->mx, NULL);
    d->manifest = json_deep_copy(manifest);
    d->done = json_object();

    bool fresh = true;
    int status = make_dirs(d->path);
    if (status == SN_OK)
        status = open_rows(d, resume);
    if (status == SN_OK)
        status = resume ? take_over(d, manifest, &fresh) : refuse_rows(d);
    if (status == SN_OK)
        status = fresh ? write_manifest(d) : remove_temporaries(d);
    if (status == SN_OK)
        status = fsync_dir(d->path);
    if (status != SN_OK) {
        sn_rundir_close(d);
        return status;
    }
    *out = d;
    return SN_OK;
}

void sn_rundir_close(struct sn_rundir *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd); /* and the lock */
    pthread_mutex_destroy(d->mx);
    free(d->mx);
    json_decref(d->manifest);
    json_decref(d->done);
    free(d->manifest_path);
    free(d->rows_path);
    free(d->path);
    free(d);
}

bool sn_rundir_has(const struct sn_rundir *d, const char *id, int launch)
{
    char key[64];
    done_key(key, id, launch);
    pthread_mutex_lock(d->mx);
    bool has = json_object_get(d->done, key) != NULL;
    pthread_mutex_unlock(d->mx);
    return has;
}

/* One write(), so that a kill leaves at most one torn line; what a full disk left of it is cut. */
static int append_line(struct sn_rundir *d, const struct sn_buf *line)
{
    off_t before = lseek(d->fd, 0, SEEK_END);
    size_t done = 0;
    while (done < line->len) {
        ssize_t n = write(d->fd, line->data + done, line->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int why = errno;
            if (before >= 0 && done && ftruncate(d->fd, before))
                why = errno;
            return SN_FAIL(SN_EIO, "%s: cannot be appended to: %s", d->rows_path, strerror(why));
        }
        done += (size_t)n;
    }
    if (fsync(d->fd) && errno != EINVAL && errno != ENOTSUP) /* a file system that cannot */
        return SN_FAIL(SN_EIO, "%s: cannot be made durable: %s", d->rows_path, strerror(errno));
    return SN_OK;
}

int sn_rundir_append(struct sn_rundir *d, const struct sn_row *row)
{
    struct sn_buf line = {0};
    char key[64];
    done_key(key, row->id, row->launch);
    sn_row_encode(row, &line);
    pthread_mutex_lock(d->mx);
    int status;
    if (json_object_get(d->done, key))
        status = SN_FAIL(SN_EINVAL, "%s: case %s of launch %d has a row already", d->rows_path,
                         row->id, row->launch);
    else
        status = append_line(d, &line);
    if (status == SN_OK)
        json_object_set_new(d->done, key, json_true());
    pthread_mutex_unlock(d->mx);
    sn_buf_free(&line);
    return status;
}

int sn_rundir_annotate(struct sn_rundir *d, json_t *more)
{
    pthread_mutex_lock(d->mx);
    json_object_update(d->manifest, more);
    int status = write_manifest(d);
    pthread_mutex_unlock(d->mx);
    return status;
}

char *sn_rundir_default_path(const char *what)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
    char *base = sn_strdupf("results/runs/%s-%s", stamp, what);
    for (char *p = base + strlen("results/runs/"); *p; p++) /* a name of one part, whatever it is */
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *p))
            *p = '-';
    char *path = sn_strdup(base);
    for (int i = 2; !access(path, F_OK); i++) {
        free(path);
        path = sn_strdupf("%s-%d", base, i);
    }
    free(base);
    return path;
}

int sn_rundir_write_sums(const char *dir)
{
    return sn_sums_write(dir);
}
