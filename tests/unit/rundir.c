/* Run directories: fresh, resumed, torn, locked, full. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/status.h"
#include "harness/rundir.h"

static char base[] = "/tmp/snbench-rundir-XXXXXX";
static char *path; /* of the run directory: base/a/run, not there yet */

static void make_base(void)
{
    cr_assert_not_null(mkdtemp(base));
    path = sn_strdupf("%s/a/run", base);
}

static void drop_base(void)
{
    char *line = sn_strdupf("rm -rf %s", base);
    cr_assert_eq(system(line), 0);
    free(line);
    free(path);
}

TestSuite(rundir, .init = make_base, .fini = drop_base);

enum { CASES = 5 };

static void make_row(struct sn_row *r, int i, int launch)
{
    double samples[] = {1e-6 * (i + 1), 2e-6, 3e-6};
    sn_row_init(r);
    r->bench = "latency";
    r->seed = 3;
    r->clock = "wall";
    r->ranks = 2;
    r->launch = launch;
    sn_row_add_param_int(r, "size", i);
    sn_row_set_samples(r, samples, 3);
    sn_row_compute(r);
    sn_row_set_id(r);
}

static json_t *make_manifest(int cases)
{
    json_t *plan = json_array();
    for (int i = 0; i < cases; i++) {
        struct sn_row r;
        make_row(&r, i, 0);
        json_array_append_new(plan, json_string(r.id));
        sn_row_free(&r);
    }
    return json_pack("{s:i, s:i, s:i, s:o, s:f, s:s}", "seed", 3, "ranks", 2, "launches", 2, "plan",
                     plan, "third", 1.0 / 3, "clock", "wall");
}

static int open_dir(struct sn_rundir **d, bool resume)
{
    json_t *m = make_manifest(CASES);
    int status = sn_rundir_open(d, path, resume, m);
    json_decref(m);
    return status;
}

static int append(struct sn_rundir *d, int i, int launch)
{
    struct sn_row r;
    make_row(&r, i, launch);
    int status = sn_rundir_append(d, &r);
    sn_row_free(&r);
    return status;
}

static bool has(struct sn_rundir *d, int i, int launch)
{
    struct sn_row r;
    make_row(&r, i, launch);
    bool there = sn_rundir_has(d, r.id, launch);
    sn_row_free(&r);
    return there;
}

static struct sn_buf slurp(const char *name)
{
    struct sn_buf b = {0};
    char *full = sn_strdupf("%s/%s", path, name);
    cr_assert_eq(sn_buf_read_file(&b, full), SN_OK, "%s", sn_status_message());
    free(full);
    return b;
}

static void spit(const char *name, const char *text, size_t n)
{
    struct sn_buf b = {0};
    char *full = sn_strdupf("%s/%s", path, name);
    sn_buf_addn(&b, text, n);
    cr_assert_eq(sn_buf_write_file(&b, full), SN_OK);
    sn_buf_free(&b);
    free(full);
}

static size_t count_rows(void)
{
    struct sn_rows rows;
    char *full = sn_strdupf("%s/rows.jsonl", path);
    cr_assert_eq(sn_rows_read(&rows, full, NULL), SN_OK, "%s", sn_status_message());
    size_t n = rows.n;
    sn_rows_free(&rows);
    free(full);
    return n;
}

#define MESSAGE_HAS(text)                                                                          \
    cr_assert(strstr(sn_status_message(), text), "wanted: %s\n   got: %s", text,                   \
              sn_status_message())

Test(rundir, fresh_append_finish)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK, "%s", sn_status_message());
    for (int i = 0; i < CASES; i++) {
        cr_assert(!has(d, i, 0));
        cr_assert_eq(append(d, i, 0), SN_OK);
        cr_assert(has(d, i, 0));
        cr_assert(!has(d, i, 1));
        cr_assert_eq(count_rows(), (size_t)i + 1); /* each is in the file when append returns */
    }
    struct sn_buf before = slurp("manifest.json");
    json_t *more =
        json_pack("{s:s, s:s}", "finished", "2026-01-31T12:00:00Z", "status", "complete");
    cr_assert_eq(sn_rundir_annotate(d, more), SN_OK);
    json_decref(more);
    sn_rundir_close(d);
    struct sn_buf after = slurp("manifest.json");
    /* pretty, in order, and completed at its end: the old text is its beginning */
    cr_assert_eq(strncmp(before.data, "{\n  \"seed\": 3,\n  \"ranks\": 2,\n", 29), 0);
    cr_assert_eq(strncmp(after.data, before.data, before.len - 3), 0);
    cr_assert_str_eq(
        after.data + before.len - 3,
        ",\n  \"finished\": \"2026-01-31T12:00:00Z\",\n  \"status\": \"complete\"\n}\n");
    cr_assert_not_null(strstr(after.data, "\"third\": 0.333333333333,"));
    sn_buf_free(&before);
    sn_buf_free(&after);
}

Test(rundir, second_row_of_a_case_is_refused)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    cr_assert_eq(append(d, 0, 0), SN_OK);
    cr_assert_eq(append(d, 0, 0), SN_EINVAL);
    MESSAGE_HAS("has a row already");
    cr_assert_eq(append(d, 0, 1), SN_OK);
    sn_rundir_close(d);
    cr_assert_eq(count_rows(), 2);
}

Test(rundir, fresh_run_does_not_touch_a_run)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    append(d, 0, 0);
    append(d, 1, 0);
    sn_rundir_close(d);
    struct sn_buf before = slurp("rows.jsonl");
    cr_assert_eq(open_dir(&d, false), SN_EINVAL);
    char *want = sn_strdupf("%s already holds a run of 2 rows: add --resume to go on with it, or "
                            "choose another directory with -o",
                            path);
    cr_assert_str_eq(sn_status_message(), want);
    struct sn_buf after = slurp("rows.jsonl");
    cr_assert_str_eq(after.data, before.data);
    spit("rows.jsonl", before.data, 10); /* half a row is a run as well */
    cr_assert_eq(open_dir(&d, false), SN_EINVAL);
    MESSAGE_HAS("already holds a run of 1 row:");
    free(want);
    sn_buf_free(&after);
    sn_buf_free(&before);
}

Test(rundir, directory_without_rows_is_fresh)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, true), SN_OK); /* absent, although resuming */
    sn_rundir_close(d);
    cr_assert_eq(open_dir(&d, false), SN_OK); /* killed before its first row */
    sn_rundir_close(d);
    char *full = sn_strdupf("%s/manifest.json", path);
    cr_assert_eq(unlink(full), 0);
    cr_assert_eq(open_dir(&d, true), SN_OK); /* killed before its manifest */
    sn_rundir_close(d);
    cr_assert_eq(access(full, F_OK), 0);
    free(full);
}

/* A last line torn at any byte goes away on resume, and nothing else changes. */
Test(rundir, torn_line_is_cut_off)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    append(d, 0, 0);
    append(d, 1, 0);
    sn_rundir_close(d);
    struct sn_buf rows = slurp("rows.jsonl"), manifest = slurp("manifest.json");
    size_t whole = (size_t)(strchr(rows.data, '\n') + 1 - rows.data);
    for (size_t n = whole; n <= rows.len;
         n += n + 53 < rows.len || n == rows.len ? 53 : rows.len - n) {
        bool torn = n < rows.len;
        spit("rows.jsonl", rows.data, n);
        cr_assert_eq(open_dir(&d, true), SN_OK, "%s", sn_status_message());
        cr_assert(has(d, 0, 0));
        cr_assert_eq(has(d, 1, 0), !torn);
        struct sn_buf now = slurp("rows.jsonl");
        cr_assert_eq(now.len, torn ? whole : rows.len);
        cr_assert_eq(memcmp(now.data, rows.data, now.len), 0);
        if (torn)
            cr_assert_eq(append(d, 1, 0), SN_OK);
        sn_buf_free(&now);
        now = slurp("rows.jsonl"); /* as if nothing had happened */
        cr_assert_str_eq(now.data, rows.data);
        sn_buf_free(&now);
        now = slurp("manifest.json");
        cr_assert_str_eq(now.data, manifest.data);
        sn_buf_free(&now);
        sn_rundir_close(d);
    }
    sn_buf_free(&manifest);
    sn_buf_free(&rows);
}

Test(rundir, failed_rows_count_as_done)
{
    struct sn_rundir *d;
    struct sn_row r;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    make_row(&r, 2, 0);
    r.status = SN_ROW_FAILED;
    r.reason = "time-out";
    cr_assert_eq(sn_rundir_append(d, &r), SN_OK);
    sn_row_free(&r);
    sn_rundir_close(d);
    cr_assert_eq(open_dir(&d, true), SN_OK);
    cr_assert(has(d, 2, 0));
    sn_rundir_close(d);
}

Test(rundir, resume_refuses_another_run)
{
    static const struct {
        const char *key;
        int value; /* 0: of the plan */
        const char *message;
    } cases[] = {
        {"seed", 4, ": holds another run: seed is 3 there and 4 now; "},
        {"ranks", 7, ": ranks is 2 there and 7 now; "},
        {"launches", 1, ": launches is 2 there and 1 now; "},
        {"plan", CASES - 1, ": the number of cases of the plan is 5 there and 4 now; "},
        {"plan", CASES + 1, ": the number of cases of the plan is 5 there and 6 now; "},
        {"plan", 0, ": case 3 of the plan is \""},
    };
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    append(d, 0, 0);
    sn_rundir_close(d);
    struct sn_buf before = slurp("manifest.json");
    json_t *model = make_manifest(CASES);
    json_object_set_new(model, "clock", json_string("model"));
    cr_expect_eq(sn_rundir_open(&d, path, true, model), SN_EINVAL);
    MESSAGE_HAS("clock is \"wall\" there and \"model\" now");
    json_decref(model);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool plan = !strcmp(cases[i].key, "plan");
        json_t *m = make_manifest(plan && cases[i].value ? cases[i].value : CASES);
        if (!plan)
            json_object_set_new(m, cases[i].key, json_integer(cases[i].value));
        else if (!cases[i].value)
            json_array_set_new(json_object_get(m, "plan"), 2, json_string("0123456789abcdef"));
        cr_expect_eq(sn_rundir_open(&d, path, true, m), SN_EINVAL, "%s", cases[i].message);
        cr_expect(strstr(sn_status_message(), cases[i].message), "wanted: %s\n   got: %s",
                  cases[i].message, sn_status_message());
        json_decref(m);
    }
    struct sn_buf after = slurp("manifest.json");
    cr_assert_str_eq(after.data, before.data);
    sn_buf_free(&after);
    sn_buf_free(&before);
    cr_assert_eq(open_dir(&d, true), SN_OK); /* the right one still goes on */
    sn_rundir_close(d);
}

Test(rundir, resume_refuses_what_it_cannot_read)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    append(d, 0, 0);
    append(d, 1, 0);
    sn_rundir_close(d);
    struct sn_buf rows = slurp("rows.jsonl"), manifest = slurp("manifest.json");
    char *bad = sn_strdup(rows.data);
    *strstr(bad, "latency") = '"';
    spit("rows.jsonl", bad, rows.len);
    cr_assert_eq(open_dir(&d, true), SN_EINVAL);
    MESSAGE_HAS("rows.jsonl:1: ");
    spit("rows.jsonl", rows.data, rows.len);
    spit("manifest.json", manifest.data, manifest.len / 2);
    cr_assert_eq(open_dir(&d, true), SN_EINVAL);
    MESSAGE_HAS("manifest.json:");
    spit("manifest.json", "{}", 2);
    cr_assert_eq(open_dir(&d, true), SN_EINVAL);
    MESSAGE_HAS("clock is missing there and \"wall\" now");
    char *full = sn_strdupf("%s/manifest.json", path);
    unlink(full);
    cr_assert_eq(open_dir(&d, true), SN_EINVAL);
    MESSAGE_HAS("manifest.json: missing beside 2 rows");
    free(full);
    free(bad);
    sn_buf_free(&manifest);
    sn_buf_free(&rows);
}

Test(rundir, left_over_temporaries_go_and_other_files_stay)
{
    struct sn_rundir *d;
    static const char *const names[] = {"manifest.json.4711.tmp", "report.md.1.tmp", "mine.1.tmp",
                                        "manifest.json.tmp", "report.x.tmp"};
    cr_assert_eq(open_dir(&d, false), SN_OK);
    sn_rundir_close(d);
    for (int i = 0; i < 5; i++)
        spit(names[i], "x", 1);
    cr_assert_eq(open_dir(&d, true), SN_OK);
    sn_rundir_close(d);
    for (int i = 0; i < 5; i++) {
        char *full = sn_strdupf("%s/%s", path, names[i]);
        cr_assert_eq(!access(full, F_OK), i >= 2, "%s", names[i]);
        free(full);
    }
}

Test(rundir, path_that_cannot_be)
{
    struct sn_rundir *d;
    json_t *m = make_manifest(1);
    char *file = sn_strdupf("%s/file", base), *below = sn_strdupf("%s/file/run", base);
    int fd = open(file, O_WRONLY | O_CREAT, 0666);
    cr_assert_geq(fd, 0);
    close(fd);
    cr_assert_eq(sn_rundir_open(&d, file, false, m), SN_EIO);
    MESSAGE_HAS("/file: is a file; choose another directory with -o");
    cr_assert_eq(sn_rundir_open(&d, below, true, m), SN_EIO);
    MESSAGE_HAS("/file: is a file");
    cr_assert_eq(sn_rundir_open(&d, "/proc/snbench/run", false, m), SN_EIO);
    MESSAGE_HAS("/proc/snbench: cannot be created: ");
    cr_assert_eq(sn_rundir_open(&d, "", false, m), SN_EINVAL);
    /* rows.jsonl is a directory */
    char *rows = sn_strdupf("%s/r/rows.jsonl", base), *run = sn_strdupf("%s/r", base);
    mkdir(run, 0777);
    mkdir(rows, 0777);
    cr_assert_eq(sn_rundir_open(&d, run, false, m), SN_EIO);
    MESSAGE_HAS("rows.jsonl: cannot be opened: Is a directory");
    free(run);
    free(rows);
    free(below);
    free(file);
    json_decref(m);
}

Test(rundir, two_writers_are_kept_apart)
{
    struct sn_rundir *d, *e;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    cr_assert_eq(open_dir(&e, false), SN_EINVAL);
    MESSAGE_HAS("another run is writing here");
    sn_rundir_close(d);
    cr_assert_eq(open_dir(&e, false), SN_OK);
    sn_rundir_close(e);
}

/* A killed run may take a moment to go: resuming waits for it. */
Test(rundir, resume_waits_for_the_killed_run)
{
    struct sn_rundir *d;
    int ready[2];
    char c;
    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (!pid) {
        if (open_dir(&d, false) != SN_OK || append(d, 0, 0) != SN_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        append(d, 1, 0);
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &c, 1), 1);
    cr_assert_eq(open_dir(&d, true), SN_OK, "%s", sn_status_message());
    cr_assert(has(d, 0, 0) && has(d, 1, 0)); /* also what it wrote last */
    sn_rundir_close(d);
    waitpid(pid, NULL, 0);
}

struct writer {
    struct sn_rundir *d;
    int launch;
};

static void *write_rows(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < 25; i++)
        if (append(w->d, i, w->launch) != SN_OK)
            return "failed";
    return NULL;
}

Test(rundir, threads_append_whole_lines)
{
    struct sn_rundir *d;
    pthread_t threads[4];
    struct writer writers[4];
    cr_assert_eq(open_dir(&d, false), SN_OK);
    for (int t = 0; t < 4; t++) {
        writers[t] = (struct writer){d, t};
        cr_assert_eq(pthread_create(&threads[t], NULL, write_rows, &writers[t]), 0);
    }
    for (int t = 0; t < 4; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        cr_assert_null(failed);
    }
    sn_rundir_close(d);
    cr_assert_eq(count_rows(), 100);
}

static void *write_same_rows(void *arg)
{
    size_t written = 0;
    for (int i = 0; i < 100; i++)
        written += append(arg, i, 0) == SN_OK;
    return (void *)written;
}

/* The thread that watches and the one that runs may both have a row for the case: one is stored. */
Test(rundir, one_of_two_threads_stores_the_row)
{
    struct sn_rundir *d;
    pthread_t other;
    void *theirs;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    cr_assert_eq(pthread_create(&other, NULL, write_same_rows, d), 0);
    size_t ours = (size_t)write_same_rows(d);
    pthread_join(other, &theirs);
    cr_assert_eq(ours + (size_t)theirs, 100);
    sn_rundir_close(d);
    cr_assert_eq(count_rows(), 100);
}

/* A disk that is full in the middle of a line: an error, and no half line stays. */
Test(rundir, full_disk_leaves_whole_lines)
{
    struct sn_rundir *d;
    cr_assert_eq(open_dir(&d, false), SN_OK);
    cr_assert_eq(append(d, 0, 0), SN_OK);
    struct sn_buf before = slurp("rows.jsonl");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit old, tight;
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = before.len + 100;
    setrlimit(RLIMIT_FSIZE, &tight);
    int status = append(d, 1, 0);
    setrlimit(RLIMIT_FSIZE, &old);
    cr_assert_eq(status, SN_EIO);
    MESSAGE_HAS("rows.jsonl: cannot be appended to: File too large");
    struct sn_buf after = slurp("rows.jsonl");
    cr_assert_str_eq(after.data, before.data);
    cr_assert(!has(d, 1, 0));
    cr_assert_eq(append(d, 1, 0), SN_OK);
    sn_rundir_close(d);
    cr_assert_eq(count_rows(), 2);
    sn_buf_free(&after);
    sn_buf_free(&before);
}

/* Killed at any instant while appending: what is there is whole rows and at most one torn line. */
Test(rundir, sigkill_while_appending)
{
    struct sn_rundir *d;
    size_t last = 0;
    for (int round = 0; round < 10; round++) {
        pid_t pid = fork();
        if (!pid) {
            if (open_dir(&d, true) != SN_OK)
                _exit(1);
            for (int i = 0;; i++)
                if (!has(d, i, 0))
                    append(d, i, 0);
        }
        nanosleep(&(struct timespec){.tv_nsec = 3000000 + 1700000 * round}, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        cr_assert_eq(open_dir(&d, true), SN_OK, "%s", sn_status_message());
        sn_rundir_close(d);
        size_t n = count_rows();
        cr_assert_geq(n, last);
        last = n;
    }
    cr_assert_gt(last, 0);
    struct sn_rows rows;
    char *full = sn_strdupf("%s/rows.jsonl", path);
    cr_assert_eq(sn_rows_read(&rows, full, NULL), SN_OK);
    for (size_t i = 0; i < rows.n; i++) /* the same ids once each: appended in order */
        cr_assert_eq(rows.rows[i].params[0].i, (int64_t)i);
    sn_rows_free(&rows);
    free(full);
}

Test(rundir, default_path_is_new_and_one_name)
{
    cr_assert_eq(chdir(base), 0);
    char *a = sn_rundir_default_path("../sui te.yaml");
    cr_assert_eq(strncmp(a, "results/runs/20", 15), 0, "%s", a);
    cr_assert_str_eq(a + strlen("results/runs/YYYYMMDD-HHMMSS"), "-..-sui-te.yaml");
    json_t *m = make_manifest(1);
    struct sn_rundir *d;
    for (int i = 0; i < 3; i++) { /* in one second or not: never one that is there */
        char *b = sn_rundir_default_path("x");
        cr_assert_neq(access(b, F_OK), 0, "%s", b);
        cr_assert_eq(sn_rundir_open(&d, b, false, m), SN_OK);
        sn_rundir_close(d);
        free(b);
    }
    json_decref(m);
    free(a);
}
