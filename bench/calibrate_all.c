/* snbench calibrate DIR: a fabric profile, a device profile or both, as the run's rows allow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/benches.h"
#include "bench/calibrate.h"
#include "bench/calibrate_device.h"
#include "bench/calibrate_rows.h"
#include "bench/macro/calibrate_steps.h"
#include "bench/micro/kernel_model.h"
#include "harness/base/status.h"
#include "harness/options.h"

static const char own_file[] = "results/devices/local.yaml";

/* The last part of a path without its .yaml; new string. */
static char *base_name(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t from = n;
    while (from && path[from - 1] != '/')
        from--;
    if (n - from > 5 && !strncmp(path + n - 5, ".yaml", 5))
        n -= 5;
    return sn_strdupf("%.*s", (int)(n - from), path + from);
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        return SN_FAIL(SN_EIO, "%s: cannot be made: %s", path, strerror(errno));
    return SN_OK;
}

static int write_device(const struct sn_options *o, const struct sn_rows *rows, FILE *out)
{
    const char *file = o->out ? o->out : own_file;
    char *dir = base_name(o->args[0]), *name = base_name(file);
    struct sn_buf yaml = {0}, text = {0};
    int status = sn_cal_device(rows, dir, name, &yaml, &text);
    if (status == SN_OK && !o->out)
        status = make_folder("results");
    if (status == SN_OK && !o->out)
        status = make_folder("results/devices");
    if (status == SN_OK)
        status = sn_buf_write_file(&yaml, file);
    if (status == SN_OK) {
        fputs(text.data, out);
        fprintf(out, "\nwritten: %s; use it with --clock=model --device=%s\n", file,
                o->out ? file : name);
    }
    sn_buf_free(&yaml);
    sn_buf_free(&text);
    free(dir);
    free(name);
    return status;
}

/* Rows that the calibration of a fabric may use. */
static bool has_others(const struct sn_rows *rows)
{
    static const struct sn_app app = {.benches = sn_benches};
    for (size_t i = 0; i < rows->n; i++) {
        const struct sn_bench *b = sn_bench_find(&app, rows->rows[i].bench);
        if (sn_cal_usable(&rows->rows[i]) && !(b && sn_kernel_is_bench(b)))
            return true;
    }
    return false;
}

int sn_calibrate_all(const struct sn_options *o, FILE *out)
{
    struct sn_rows rows = {0};
    size_t torn;
    if (o->n_args != 1)
        return sn_calibrate(o, out); /* which says what is wrong */
    if (!strcmp(o->args[0], "steps"))
        return sn_calibrate_steps(o, out);
    char *path = sn_strdupf("%s/rows.jsonl", o->args[0]);
    int status = sn_rows_read(&rows, path, &torn); /* of a killed run, what it has */
    free(path);
    if (status != SN_OK)
        return status;
    bool kernels = sn_cal_has_kernels(&rows), others = has_others(&rows);
    if (kernels && others && o->out)
        status = SN_FAIL(SN_EINVAL,
                         "%s: has rows of kernels and of communication, which make two profiles; "
                         "leave out -o",
                         o->args[0]);
    if (status == SN_OK && kernels)
        status = write_device(o, &rows, out);
    if (status == SN_OK && kernels && others)
        fputc('\n', out);
    if (status == SN_OK && (others || !kernels))
        status = sn_calibrate(o, out);
    sn_rows_free(&rows);
    return status;
}
