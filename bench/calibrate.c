/* `snbench calibrate DIR`: which transport to describe, the fits, what cannot be told, the profile.
 * A machine of one node is assumed: the suite's endpoints are ranks, and every rank a die. */
#include "bench/calibrate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/calibrate_rows.h"
#include "bench/profile.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/table.h"

static const char *const parameter_words[] = {[SN_FIT_LATENCY] = "latency",
                                              [SN_FIT_INVERSE] = "bandwidth",
                                              [SN_FIT_OVERHEAD] = "overhead per message"};

/* One set of rows and its fit. */
struct set {
    const char *what; /* "put", "get", "dispatch" */
    struct sn_fit_row *rows;
    size_t n;
    struct sn_fit fit;
    bool fitted;
};

struct calibration {
    const struct sn_rows *all;
    const char *dir, *transport;
    struct set write, read, dispatch; /* write: puts, or messages where there are no puts */
    struct sn_fit_row *others;
    size_t n_others;
    double self, launch;
    int ranks;

    char **strings; /* what the profile's texts live in */
    size_t n_strings;
    const char **warnings;
    size_t n_warnings;
};

static const char *keep(struct calibration *c, char *text)
{
    c->strings = sn_realloc(c->strings, c->n_strings + 1, sizeof *c->strings);
    return c->strings[c->n_strings++] = text;
}

static void warn(struct calibration *c, char *text)
{
    c->warnings = sn_realloc(c->warnings, c->n_warnings + 1, sizeof *c->warnings);
    c->warnings[c->n_warnings++] = keep(c, text);
}

static void close_set(struct set *s)
{
    free(s->rows);
    *s = (struct set){0};
}

static void close_calibration(struct calibration *c)
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

static struct set fit_set(const struct sn_rows *rows, enum sn_cal_kind kind, const char *transport)
{
    struct set s = {.what = sn_cal_kind_words[kind]};
    s.n = sn_cal_path(rows, kind, transport, &s.rows);
    s.fitted = sn_fit_path(&s.fit, s.rows, s.n);
    return s;
}

static size_t used(const struct set *s)
{
    return s->fitted ? s->fit.n : 0;
}

/* The sets of one transport in place of those of c when they describe more rows, or as many with a
 * smaller largest error. */
static void try_transport(struct calibration *c, const char *transport)
{
    struct set write = fit_set(c->all, SN_CAL_PUT, transport),
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

static int choose(struct calibration *c)
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

/* --- what the rows do not tell ---------------------------------------------------------------- */

static void warn_fit(struct calibration *c, const struct set *s)
{
    const struct sn_fit *f = &s->fit;
    char value[32];
    for (int i = 0; i < SN_FIT_PARAMETERS; i++) {
        if (f->error[i] > SN_FIT_ERROR)
            warn(c,
                 sn_strdupf("%s: %s is uncertain: its standard error is %s of it", s->what,
                            parameter_words[i],
                            sn_units_format(value, sizeof value, f->error[i], SN_UNIT_FRACTION)));
        for (int j = 0; j < i; j++)
            if (fabs(f->correlation[i][j]) > SN_FIT_CORRELATION)
                warn(c, sn_strdupf("%s: %s and %s cannot be told apart (correlation %.3f): measure "
                                   "sizes further apart",
                                   s->what, parameter_words[j], parameter_words[i],
                                   f->correlation[i][j]));
    }
    if (f->n <= f->parameters)
        warn(c, sn_strdupf("%s: %zu parameters of %zu rows: no error can be given", s->what,
                           f->parameters, f->n));
    if (f->clamped)
        warn(c, sn_strdupf("%s: the latency would be negative and is taken as 0", s->what));
    if (f->share_least > 0.5)
        warn(c, sn_strdupf("%s: latency is extrapolated: of the shortest row used the bytes "
                           "already take %.0f %%",
                           s->what, f->share_least * 100));
    if (f->share_most < 0.5)
        warn(c, sn_strdupf("%s: bandwidth is extrapolated: of the longest row used the bytes take "
                           "%.0f %%",
                           s->what, f->share_most * 100));
    size_t off = 0;
    for (size_t k = 0; k < s->n; k++)
        off += s->rows[k].used && fabs(s->rows[k].predicted / s->rows[k].s - 1) > SN_FIT_TOLERANCE;
    if (off)
        warn(c, sn_strdupf("%s: %zu of the %zu rows fitted are off by more than %.0f %%", s->what,
                           off, f->n, SN_FIT_TOLERANCE * 100));
    if (f->n < s->n)
        warn(c, sn_strdupf("%s: %zu of %zu rows are of sizes that lie on another line and are left "
                           "out (other caches, other protocols)",
                           s->what, s->n - f->n, s->n));
}

static double foretell(const struct calibration *c, const struct sn_fit_row *r)
{
    return sn_fit_predict(&c->write.fit, r->messages, r->bytes);
}

static void warn_all(struct calibration *c)
{
    size_t other = 0, suspect = 0, off = 0;
    for (size_t i = 0; i < c->all->n; i++) {
        const struct sn_row *r = &c->all->rows[i];
        suspect += sn_row_has_flag(r, "suspect");
        other += sn_cal_usable(r) && *sn_cal_text(r, "transport") &&
                 strcmp(sn_cal_text(r, "transport"), c->transport);
    }
    if (other)
        warn(c, sn_strdupf("describes transport %s; %zu rows of others are not used", c->transport,
                           other));
    if (suspect)
        warn(c, sn_strdupf("%zu rows flagged suspect are not used", suspect));
    if (c->write.fitted)
        warn_fit(c, &c->write);
    if (c->read.fitted)
        warn_fit(c, &c->read);
    if (!c->read.fitted)
        warn(c, sn_strdupf("no get rows fitted: reads are taken to be as %s", c->write.what));
    if (!c->write.fitted)
        warn(c, sn_strdup("no put or send rows fitted: writes are taken to be as get"));
    if (c->write.fit.fitted[SN_FIT_OVERHEAD] && c->read.fit.fitted[SN_FIT_OVERHEAD] &&
        fabs(c->read.fit.value[SN_FIT_OVERHEAD] / c->write.fit.value[SN_FIT_OVERHEAD] - 1) >
            SN_FIT_TOLERANCE)
        warn(c,
             sn_strdupf("the overhead of a get is %.2f times that of a %s, which the profile has",
                        c->read.fit.value[SN_FIT_OVERHEAD] / c->write.fit.value[SN_FIT_OVERHEAD],
                        c->write.what));
    if (!c->write.fit.fitted[SN_FIT_OVERHEAD] && !c->read.fit.fitted[SN_FIT_OVERHEAD])
        warn(c, sn_strdup("no overhead per message: it takes msgrate rows, or windows of small "
                          "messages in bandwidth"));
    for (size_t i = 0; c->write.fitted && i < c->n_others; i++)
        off += fabs(foretell(c, &c->others[i]) / c->others[i].s - 1) > SN_FIT_TOLERANCE;
    if (off)
        warn(c, sn_strdupf("%zu of %zu rows of incast, alltoall and both directions at once are "
                           "foretold with an error above %.0f %%",
                           off, c->n_others, SN_FIT_TOLERANCE * 100));
}

/* --- the profile ------------------------------------------------------------------------------ */

/* As many digits as a fit is worth, so that the file can be read. */
static double six_digits(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.5e", value);
    return strtod(text, NULL);
}

static const struct sn_figure none = {.value = NAN};

static struct sn_figure calibrated(struct calibration *c, double value, const struct set *s)
{
    char least[32], most[32];
    const bool tokens = s == &c->dispatch;
    return (struct sn_figure){
        .value = six_digits(value),
        .class = SN_FIGURE_CALIBRATED,
        .source =
            keep(c, sn_strdupf("%s: %zu %s rows, transport %s, %s to %s%s, largest error %.1f %%",
                               c->dir, s->fit.n, s->what, c->transport,
                               sn_units_format(least, sizeof least, s->fit.least,
                                               tokens ? SN_UNIT_COUNT : SN_UNIT_BYTES),
                               sn_units_format(most, sizeof most, s->fit.most,
                                               tokens ? SN_UNIT_COUNT : SN_UNIT_BYTES),
                               tokens ? " tokens" : "", s->fit.worst * 100)),
    };
}

static struct sn_figure derived(double value, const char *source)
{
    return (struct sn_figure){.value = value, .class = SN_FIGURE_DERIVED, .source = source};
}

static double bandwidth(const struct set *s)
{
    return 1 / s->fit.value[SN_FIT_INVERSE];
}

static const struct set *of_overhead(const struct calibration *c)
{
    return c->write.fit.fitted[SN_FIT_OVERHEAD]  ? &c->write
           : c->read.fit.fitted[SN_FIT_OVERHEAD] ? &c->read
                                                 : NULL;
}

static void make_paths(struct calibration *c, struct sn_profile *p)
{
    const struct set *write = c->write.fitted ? &c->write : &c->read;
    struct sn_profile_path *node = &p->paths[SN_PATH_NODE], *self = &p->paths[SN_PATH_SELF];
    for (int i = 0; i < SN_PATHS; i++)
        p->paths[i] = (struct sn_profile_path){-1, none, none, none, none};
    node->port = 0;
    node->latency = calibrated(c, write->fit.value[SN_FIT_LATENCY], write);
    node->bandwidth = calibrated(c, bandwidth(write), write);
    if (c->write.fitted && c->read.fitted) {
        node->read_latency = calibrated(c, c->read.fit.value[SN_FIT_LATENCY], &c->read);
        node->read_bandwidth = calibrated(c, bandwidth(&c->read), &c->read);
    }
    if (!isnan(c->self)) {
        self->bandwidth.value = six_digits(c->self);
        self->bandwidth.class = SN_FIGURE_CALIBRATED;
        self->bandwidth.source =
            keep(c, sn_strdupf("%s: fastest pairs row with src = dst", c->dir));
    }
    p->ports[0].bandwidth =
        derived(fmax(node->bandwidth.value, sn_figure_or(&node->read_bandwidth, 0)),
                "the path's own bandwidth: the port was never seen faster");
}

/* The logarithmic form through the linear one at EP 2 and at all ranks: no parameter of its own. */
static void make_sync(const struct calibration *c, struct sn_profile *p)
{
    double flag = p->cost.flag.value, steps = ceil(log2(c->ranks > 2 ? c->ranks : 2)),
           step = c->ranks > 2 ? flag * (c->ranks - 2) / (steps - 1) : flag;
    p->cost.sync_step = derived(six_digits(step), "as flag (EP - 1) at EP 2 and at all ranks");
    p->cost.sync_base =
        derived(six_digits(flag - step), "as flag (EP - 1) at EP 2 and at all ranks");
}

static void make_costs(struct calibration *c, struct sn_profile *p)
{
    const struct set *overhead = of_overhead(c);
    p->cost.launch = p->cost.issue = p->cost.flag = none;
    p->cost.sync_base = p->cost.sync_step = p->cost.memory = none;
    if (overhead) {
        p->cost.issue = calibrated(c, overhead->fit.value[SN_FIT_OVERHEAD], overhead);
        p->cost.flag = derived(2 * p->cost.issue.value, "2 issue");
        make_sync(c, p);
    }
    if (c->dispatch.fitted) {
        /* What a dispatch of no tokens takes, less what the model adds of its own. */
        int peers = c->ranks - 1;
        c->launch = c->dispatch.fit.value[SN_FIT_LATENCY] - p->paths[SN_PATH_NODE].latency.value -
                    peers * sn_figure_or(&p->cost.flag, 0);
        if (c->launch < 0) {
            warn(c, sn_strdup("launch would be negative: flags and latency explain all of a "
                              "dispatch without tokens; it is left out"));
        } else {
            p->cost.launch = calibrated(c, c->launch, &c->dispatch);
        }
        warn(c, sn_strdup("cost.memory is not fitted: on the model clock quantisation, packing and "
                          "sums take no time"));
    }
}

static void add_range(struct sn_profile *p, const char *axis, double min, double max)
{
    p->valid = sn_realloc(p->valid, p->n_valid + 1, sizeof *p->valid);
    p->valid[p->n_valid++] = (struct sn_profile_range){axis, min, max};
}

/* Where all that was fitted holds. */
static void make_ranges(const struct calibration *c, struct sn_profile *p)
{
    double least = 0, most = INFINITY;
    const struct set *const sets[] = {&c->write, &c->read};
    for (int i = 0; i < 2; i++)
        if (sets[i]->fitted && sets[i]->fit.most >= least && sets[i]->fit.least <= most) {
            least = fmax(least, sets[i]->fit.least);
            most = fmin(most, sets[i]->fit.most);
        }
    add_range(p, "size", least, most);
    if (c->ranks >= 2)
        add_range(p, "ep", 2, c->ranks);
    if (c->dispatch.fitted)
        add_range(p, "tokens", c->dispatch.fit.least, c->dispatch.fit.most);
}

static void make_profile(struct calibration *c, const char *name, struct sn_profile *p)
{
    unsigned dies = c->ranks > 1 ? (unsigned)c->ranks : 2;
    *p = (struct sn_profile){.name = name,
                             .dies = dies,
                             .dies_per_npu = 1,
                             .dies_per_node = dies,
                             .link = none,
                             .uplink = none,
                             .n_ports = 1};
    p->brief =
        keep(c, sn_strdupf("this machine, transport %s, fitted to %s", c->transport, c->dir));
    p->machine_source = keep(c, sn_strdupf("%s: its ranks, on one node", c->dir));
    p->ports = sn_calloc(1, sizeof *p->ports);
    p->ports[0].name = c->transport;
    make_paths(c, p);
    make_costs(c, p);
    make_ranges(c, p);
    p->warnings = c->warnings;
    p->n_warnings = c->n_warnings;
}

/* --- what is printed -------------------------------------------------------------------------- */

static void parameter_row(struct sn_table *t, const struct set *s, enum sn_fit_parameter i)
{
    const struct sn_fit *f = &s->fit;
    char text[32], least[32], most[32];
    if (!f->fitted[i] && !(i == SN_FIT_LATENCY && f->clamped))
        return;
    double value = i == SN_FIT_INVERSE ? bandwidth(s) : f->value[i];
    sn_table_row(t);
    sn_table_set(t, 0, s->what, NULL);
    sn_table_set(t, 1, parameter_words[i], NULL);
    sn_table_set(t, 2,
                 sn_units_format(text, sizeof text, value,
                                 i == SN_FIT_INVERSE ? SN_UNIT_BYTES_PER_S : SN_UNIT_SECONDS),
                 NULL);
    sn_table_set(t, 3, sn_units_format(text, sizeof text, f->error[i], SN_UNIT_FRACTION), NULL);
    snprintf(text, sizeof text, "%zu", f->n);
    sn_table_set(t, 4, text, NULL);
    char *range =
        sn_strdupf("%s to %s", sn_units_format(least, sizeof least, f->least, SN_UNIT_BYTES),
                   sn_units_format(most, sizeof most, f->most, SN_UNIT_BYTES));
    sn_table_set(t, 5, range, NULL);
    free(range);
}

static void print_parameters(const struct calibration *c, struct sn_buf *out)
{
    static const struct sn_column columns[] = {
        {.head = "rows of"},
        {.head = "parameter"},
        {.head = "value", .number = true},
        {.head = "std. error", .number = true},
        {.head = "rows", .number = true},
        {.head = "sizes", .priority = 1},
    };
    const struct set *const sets[] = {&c->write, &c->read};
    struct sn_table t;
    sn_table_init(&t);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        sn_table_column(&t, &columns[i]);
    for (int i = 0; i < 2; i++)
        for (int p = 0; sets[i]->fitted && p < SN_FIT_PARAMETERS; p++)
            parameter_row(&t, sets[i], (enum sn_fit_parameter)p);
    sn_table_text(&t, 100, out);
    sn_table_free(&t);
}

static void residual_row(struct sn_table *t, const struct sn_fit_row *r, double predicted,
                         const char *role)
{
    struct sn_buf what = {0};
    char text[32];
    sn_cal_describe(r->of, &what);
    sn_table_row(t);
    sn_table_set(t, 0, what.data, NULL);
    sn_table_set(t, 1, sn_units_format(text, sizeof text, r->s, SN_UNIT_SECONDS), NULL);
    sn_table_set(t, 2, sn_units_format(text, sizeof text, predicted, SN_UNIT_SECONDS), NULL);
    snprintf(text, sizeof text, "%+.1f %%", (predicted / r->s - 1) * 100);
    sn_table_set(t, 3, text, NULL);
    sn_table_set(t, 4, role, NULL);
    sn_buf_free(&what);
}

static void residual_table(const struct calibration *c, struct sn_table *t)
{
    static const struct sn_column columns[] = {
        {.head = "row"},
        {.head = "measured", .number = true},
        {.head = "model", .number = true},
        {.head = "error", .number = true},
        {.head = "role"},
    };
    const struct set *const sets[] = {&c->write, &c->read, &c->dispatch};
    sn_table_init(t);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        sn_table_column(t, &columns[i]);
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; sets[i]->fitted && k < sets[i]->n; k++)
            residual_row(t, &sets[i]->rows[k], sets[i]->rows[k].predicted,
                         sets[i]->rows[k].used ? "fitted" : "left out");
    for (size_t k = 0; c->write.fitted && k < c->n_others; k++)
        residual_row(t, &c->others[k], foretell(c, &c->others[k]), "foretold");
}

static void print(const struct calibration *c, struct sn_buf *text, struct sn_buf *yaml)
{
    struct sn_table t;
    struct sn_buf residuals = {0};
    residual_table(c, &t);
    sn_table_text(&t, 100, &residuals);
    sn_table_free(&t);
    sn_buf_addf(
        text,
        "t = latency + bytes / bandwidth + (messages - 1) max(overhead, bytes / bandwidth);\n"
        "transport %s\n\n",
        c->transport);
    print_parameters(c, text);
    sn_buf_addf(text, "\n%s", residuals.data);
    for (size_t i = 0; i < c->n_warnings; i++)
        sn_buf_addf(text, "%swarning: %s\n", i ? "" : "\n", c->warnings[i]);

    sn_buf_addf(yaml, "# Written by snbench calibrate. Residuals of the fit:\n#\n");
    for (const char *line = residuals.data; line && *line;) {
        int n = (int)strcspn(line, "\n");
        sn_buf_addf(yaml, n ? "#   %.*s\n" : "#\n", n, line);
        line += n + (line[n] == '\n');
    }
    sn_buf_free(&residuals);
}

int sn_calibrate_rows(const struct sn_rows *rows, const char *dir, const char *name,
                      struct sn_buf *yaml, struct sn_buf *text)
{
    struct calibration c = {.all = rows, .dir = dir, .launch = NAN};
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
    warn_all(&c);
    make_profile(&c, name, &p);
    p.warnings = c.warnings;
    p.n_warnings = c.n_warnings;
    status = sn_profile_check(&p, &where);
    if (status == SN_OK) {
        print(&c, text, yaml);
        sn_profile_write(&p, yaml);
    }
out:
    free(p.ports);
    free(p.valid);
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
