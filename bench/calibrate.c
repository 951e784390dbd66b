/* `snbench calibrate DIR`: which transport to describe, the fits, and the command; what cannot be
 * told (calibrate_warn.c), the profile (calibrate_profile.c) and what is printed stand apart. */
#include "bench/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/calibrate_parts.h"
#include "harness/base/status.h"

const char *const sn_cal_parameter_words[] = {[SN_FIT_LATENCY] = "latency",
                                              [SN_FIT_INVERSE] = "bandwidth",
                                              [SN_FIT_OVERHEAD] = "overhead per message"};

const char *sn_cal_keep(struct sn_calibration *c, char *text)
{
    c->strings = sn_realloc(c->strings, c->n_strings + 1, sizeof *c->strings);
    return c->strings[c->n_strings++] = text;
}

void sn_cal_warn(struct sn_calibration *c, char *text)
{
    c->warnings = sn_realloc(c->warnings, c->n_warnings + 1, sizeof *c->warnings);
    c->warnings[c->n_warnings++] = sn_cal_keep(c, text);
}

static void close_set(struct sn_cal_set *s)
{
    free(s->rows);
    *s = (struct sn_cal_set){0};
}

static void close_calibration(struct sn_calibration *c)
{
    close_set(&c->write);
    close_set(&c->read);
    close_set(&c->dispatch);
    free(c->others);
    for (size_t i = 0; i < c->n_strings; i++)
        free(c->strings[i]);
    free(c->strings);
    free(c->warnings);
}

static struct sn_cal_set fit_set(const struct sn_rows *rows, enum sn_cal_kind kind,
                                 const char *transport)
{
    struct sn_cal_set s = {.what = sn_cal_kind_words[kind]};
    s.n = sn_cal_path(rows, kind, transport, &s.rows);
    s.fitted = sn_fit_path(&s.fit, s.rows, s.n);
    return s;
}

static size_t used(const struct sn_cal_set *s)
{
    return s->fitted ? s->fit.n : 0;
}

/* The sets of one transport in place of those of c when they describe more rows, or as many with a
 * smaller largest error. */
static void try_transport(struct sn_calibration *c, const char *transport)
{
    struct sn_cal_set write = fit_set(c->all, SN_CAL_PUT, transport),
                      read = fit_set(c->all, SN_CAL_GET, transport);
    if (!write.fitted) {
        close_set(&write);
        write = fit_set(c->all, SN_CAL_SEND, transport);
    }
    size_t n = used(&write) + used(&read), before = used(&c->write) + used(&c->read);
    double worst = fmax(write.fit.worst, read.fit.worst),
           worst_before = fmax(c->write.fit.worst, c->read.fit.worst);
    if (n > before || (n && n == before && worst < worst_before)) {
        close_set(&c->write);
        close_set(&c->read);
        c->write = write;
        c->read = read;
        c->transport = transport;
    } else {
        close_set(&write);
        close_set(&read);
    }
}

static int choose(struct sn_calibration *c)
{
    size_t usable = 0;
    for (size_t i = 0; i < c->all->n; i++) {
        const struct sn_row *r = &c->all->rows[i];
        const char *transport = sn_cal_text(r, "transport");
        bool seen = false;
        if (!sn_cal_usable(r))
            continue;
        usable++;
        if (r->ranks > c->ranks)
            c->ranks = r->ranks;
        for (size_t j = 0; j < i && !seen; j++)
            seen = sn_cal_usable(&c->all->rows[j]) &&
                   !strcmp(sn_cal_text(&c->all->rows[j], "transport"), transport);
        if (*transport && !seen)
            try_transport(c, transport);
    }
    if (c->transport)
        return SN_OK;
    return SN_FAIL(SN_EINVAL,
                   "%s: %s; measure them with: mpiexec -n 2 snbench run latency op=put,get "
                   "size=8:4M:*4 transport=rma -o DIR",
                   c->dir,
                   usable ? "no two latency or bandwidth rows of one transport lie on a line that "
                            "rises with the size"
                          : "no measured rows that a fit can use (ok, wall clock, one rank per "
                            "endpoint)");
}

int sn_calibrate_rows(const struct sn_rows *rows, const char *dir, const char *name,
                      struct sn_buf *yaml, struct sn_buf *text)
{
    struct sn_calibration c = {.all = rows, .dir = dir, .launch = NAN};
    struct sn_profile p = {0};
    const char *where = NULL;
    int status = choose(&c);
    if (status != SN_OK)
        goto out;
    c.dispatch.what = "dispatch";
    c.dispatch.n = sn_cal_dispatch(rows, c.transport, &c.dispatch.rows);
    c.dispatch.fitted = sn_fit_path(&c.dispatch.fit, c.dispatch.rows, c.dispatch.n);
    c.n_others = sn_cal_others(rows, c.transport, &c.others);
    c.self = sn_cal_self(rows, c.transport);
    sn_cal_warn_all(&c);
    sn_cal_make_profile(&c, name, &p);
    p.warnings = c.warnings;
    p.n_warnings = c.n_warnings;
    status = sn_profile_check(&p, &where);
    if (status == SN_OK) {
        sn_cal_print(&c, text, yaml);
        sn_profile_write(&p, yaml);
    }
out:
    sn_cal_close_profile(&p);
    close_calibration(&c);
    return status;
}

/* --- the command ------------------------------------------------------------------------------ */

static const char own_file[] = "results/profiles/local.yaml";

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        return SN_FAIL(SN_EIO, "%s: cannot be made: %s", path, strerror(errno));
    return SN_OK;
}

/* The name of a file or folder without its way and without .yaml; new string. */
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

static int write_profile(const struct sn_options *o, const struct sn_buf *yaml)
{
    int status = SN_OK;
    if (!o->out) {
        status = make_folder("results");
        if (status == SN_OK)
            status = make_folder("results/profiles");
    }
    return status == SN_OK ? sn_buf_write_file(yaml, o->out ? o->out : own_file) : status;
}

int sn_calibrate(const struct sn_options *o, FILE *out)
{
    if (o->n_args != 1)
        return SN_FAIL(SN_EINVAL,
                       "calibrate takes one run directory, not %zu: snbench calibrate "
                       "DIR [-o FILE]",
                       o->n_args);
    const char *file = o->out ? o->out : own_file;
    char *path = sn_strdupf("%s/rows.jsonl", o->args[0]), *dir = base_name(o->args[0]),
         *name = base_name(file);
    struct sn_rows rows = {0};
    struct sn_buf yaml = {0}, text = {0};
    size_t torn;
    int status = sn_rows_read(&rows, path, &torn); /* of a killed run, what it has */
    if (status == SN_OK) {
        status = sn_calibrate_rows(&rows, dir, name, &yaml, &text);
        sn_rows_free(&rows);
    }
    if (status == SN_OK)
        status = write_profile(o, &yaml);
    if (status == SN_OK) {
        fputs(text.data, out);
        fprintf(out, "\nwritten: %s; use it with --clock=model --profile=%s\n", file,
                o->out ? file : name);
    }
    sn_buf_free(&yaml);
    sn_buf_free(&text);
    free(path);
    free(dir);
    free(name);
    return status;
}
