/* Reports: put together from the parts, printed or written into the run directory. */
#include "harness/report.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/exhibit.h"
#include "harness/report_parts.h"
#include "harness/report_plots.h"
#include "harness/rundir.h"
#include "harness/base/status.h"

enum { TEXT_WIDTH = 100 };

/* --- the document ----------------------------------------------------------------------------- */

static char *title_of(const struct sn_report *r)
{
    struct sn_buf b = {0};
    const char *suite = r->n_runs == 1 ? sn_manifest_str(r->runs[0].manifest, "suite", NULL) : NULL;
    char *s;

    if (suite)
        sn_buf_addf(&b, "snbench: suite %s", suite);
    for (size_t i = 0; i < r->n_groups && !suite; i++) {
        bool few = r->n_groups <= 3;
        if (i == 0 || few)
            sn_buf_addf(&b, "%s%s", i == 0 ? "snbench: " : ", ", r->groups[i].bench);
        else if (i == 1)
            sn_buf_addf(&b, " and %zu more benchmarks", r->n_groups - 1);
    }
    s = sn_strdup(b.len ? b.data : "snbench");
    sn_buf_free(&b);
    return s;
}

static char *subtitle_of(const struct sn_report *r)
{
    struct sn_buf b = {0};
    char *s;

    for (size_t i = 0; i < r->n_runs; i++) {
        const json_t *m = r->runs[i].manifest;
        char *machine = sn_report_machine_line(m);
        double ranks = sn_manifest_num(m, "ranks");
        if (r->n_runs > 1)
            sn_buf_addf(&b, "%s%s: ", i ? "; " : "", r->runs[i].name);
        sn_buf_addf(&b, "%s", machine);
        if (ranks >= 1)
            sn_buf_addf(&b, " · %.0f rank%s", ranks, ranks == 1 ? "" : "s");
        sn_buf_addf(&b, " · %s", sn_manifest_str(m, "started", "-"));
        free(machine);
    }
    s = sn_strdup(b.data);
    sn_buf_free(&b);
    return s;
}

void sn_report_figure(const struct sn_figure *f, const char *path, struct sn_doc *doc)
{
    char *at = path ? sn_strdupf("%s/%s", path, f->name) : NULL;

    if (f->svg.len)
        sn_doc_figure(doc, f->caption, f->svg.data, at);
    else if (f->error)
        sn_doc_para(doc, "Figure %s could not be drawn: %s.", f->name, f->error);
    free(at);
}

static void figures_of(const struct sn_group *g, const struct sn_figures *figures, const char *path,
                       struct sn_doc *doc)
{
    for (size_t i = 0; i < figures->n; i++)
        if (figures->figures[i].group == g)
            sn_report_figure(&figures->figures[i], path, doc);
}

/* `path`: where the figures' files lie as seen from the report, or NULL. `note`: why there are no
 * figures, or NULL. */
static void document(const struct sn_report *r, const struct sn_published *published,
                     const struct sn_figures *figures, const struct sn_exhibits *exhibits,
                     const char *path, const char *note, struct sn_doc *doc)
{
    char *title = title_of(r);
    struct sn_verdict v;

    sn_doc_init(doc, title);
    free(title);
    doc->subtitle = subtitle_of(r);
    sn_verdict_make(r, NULL, &v);
    sn_verdict_doc(&v, doc);
    sn_verdict_free(&v);
    if (note)
        sn_doc_para(doc, "%s", note);
    sn_exhibits_doc(r, exhibits, path, doc);
    for (size_t i = 0; i < r->n_groups; i++) {
        sn_report_bench(r, &r->groups[i], true, doc);
        figures_of(&r->groups[i], figures, path, doc);
        sn_report_published(r, &r->groups[i], published, doc);
    }
    sn_report_steps(r, doc);
    sn_report_pairs(r, doc);
    sn_report_fidelity(r, published, doc);
    figures_of(NULL, figures, path, doc);
    sn_report_machine(r, doc);
}

static void flat_csv(const struct sn_report *r, struct sn_buf *out)
{
    struct sn_table t;

    sn_report_rows_table(r, &t);
    sn_table_csv(&t, out);
    sn_table_free(&t);
}

/* --- figures in a place of their own ---------------------------------------------------------- */

/* Removes what a report made (CSV and SVG), nothing else that lies there. */
static void remove_made(const char *path)
{
    DIR *d = opendir(path);

    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char *file = sn_strdupf("%s/%s", path, e->d_name);
        const char *ending = strrchr(file, '.');
        if (strcmp(ending ? ending : "", ".csv") == 0 || strcmp(ending ? ending : "", ".svg") == 0)
            unlink(file);
        free(file);
    }
    if (d)
        closedir(d);
}

static const char no_gnuplot[] = "No figures: gnuplot was not found in PATH.";

/* Figures for a page that is printed: drawn in a temporary directory, which is gone afterwards.
 * *note gets why there are none. */
static void draw_aside(struct sn_figures *figures, struct sn_exhibits *exhibits,
                       const char *plots_dir, const char **note)
{
    const char *tmp = getenv("TMPDIR");
    char *gnuplot = sn_gnuplot_find();
    char *dir = sn_strdupf("%s/snbench-XXXXXX", tmp && *tmp ? tmp : "/tmp");

    if (!gnuplot)
        *note = no_gnuplot;
    else if (!mkdtemp(dir))
        *note = "No figures: there is no place for temporary files.";
    else {
        if (sn_figures_draw(figures, dir, gnuplot, plots_dir) != SN_OK ||
            sn_figures_draw(&exhibits->figures, dir, gnuplot, plots_dir) != SN_OK)
            *note = "No figures: their data could not be written to a temporary file.";
        remove_made(dir);
        rmdir(dir);
    }
    free(dir);
    free(gnuplot);
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_document(const struct sn_report *r, enum sn_format format, const char *plots_dir,
                           const char *results_dir, struct sn_buf *out)
{
    struct sn_figures figures = {0};
    struct sn_published published;
    struct sn_exhibits exhibits;
    const char *note = NULL;
    struct sn_doc doc;

    sn_published_open(&published, results_dir, r->app);
    sn_exhibits_build(r, &published, &exhibits);
    if (format == SN_FORMAT_HTML) { /* the only one that can hold drawings */
        sn_figures_build(r, &figures);
        sn_figures_parity(r, &published, &figures);
        draw_aside(&figures, &exhibits, plots_dir, &note);
    }
    document(r, &published, &figures, &exhibits, NULL, note, &doc);
    sn_doc_write(&doc, format, TEXT_WIDTH, out);
    sn_doc_free(&doc);
    sn_figures_free(&figures);
    sn_exhibits_free(&exhibits);
    sn_published_close(&published);
}

int sn_report_print(FILE *out, const char *const *dirs, size_t n, enum sn_format format,
                    const struct sn_app *app, const char *plots_dir, const char *results_dir)
{
    struct sn_buf b = {0};
    struct sn_report r;
    int status = sn_report_load(&r, dirs, n, app);

    if (status != SN_OK)
        return status;
    if (format == SN_FORMAT_CSV)
        flat_csv(&r, &b);
    else if (format == SN_FORMAT_JSON)
        sn_report_json(&r, &b);
    else if (format == SN_FORMAT_OSU)
        sn_report_osu(&r, &b);
    else
        print_document(&r, format, plots_dir, results_dir, &b);
    status = sn_doc_put(out, &b, "report");
    sn_buf_free(&b);
    sn_report_free(&r);
    return status;
}

static void declared_tables(const struct sn_report *r, const char *results_dir, struct sn_doc *doc)
{
    struct sn_published published;
    struct sn_exhibits exhibits;

    sn_published_open(&published, results_dir, r->app);
    sn_exhibits_build(r, &published, &exhibits);
    sn_exhibits_doc(r, &exhibits, NULL, doc);
    sn_exhibits_free(&exhibits);
    sn_published_close(&published);
}

int sn_report_tables(FILE *out, const struct sn_rows *rows, enum sn_format format,
                     const struct sn_app *app, json_t *manifest, const char *results_dir)
{
    struct sn_buf b = {0};
    struct sn_report r;
    struct sn_doc doc;
    int status;

    sn_report_of_rows(&r, rows, app);
    r.runs[0].manifest = json_incref(manifest);
    if (format == SN_FORMAT_CSV) {
        flat_csv(&r, &b);
    } else if (format == SN_FORMAT_JSON) {
        sn_report_json(&r, &b);
    } else if (format == SN_FORMAT_OSU) {
        sn_report_osu(&r, &b);
    } else {
        sn_doc_init(&doc, "");
        for (size_t i = 0; i < r.n_groups; i++)
            sn_report_bench(&r, &r.groups[i], false, &doc);
        sn_report_steps(&r, &doc);
        declared_tables(&r, results_dir, &doc);
        sn_doc_write(&doc, format, TEXT_WIDTH, &b);
        sn_doc_free(&doc);
    }
    status = sn_doc_put(out, &b, "report");
    sn_buf_free(&b);
    sn_report_free(&r);
    return status;
}

/* --- into the run directory ------------------------------------------------------------------- */

/* A directory inside the run, empty of what an earlier report left there. */
static int fresh_dir(const char *path)
{
    remove_made(path);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return SN_FAIL(SN_EIO, "%s: cannot make the directory: %s", path, strerror(errno));
    return SN_OK;
}

/* Takes over *t. */
static int write_table(struct sn_table *t, const char *dir, const char *bench, const char *what)
{
    char *name = sn_report_file_name(bench);
    char *path = sn_strdupf("%s/%s%s.csv", dir, name, what);
    struct sn_buf csv = {0};
    int status;

    sn_table_csv(t, &csv);
    status = sn_buf_write_file(&csv, path);
    sn_table_free(t);
    sn_buf_free(&csv);
    free(path);
    free(name);
    return status;
}

static int write_tables(const struct sn_report *r, const char *dir)
{
    int status = fresh_dir(dir);

    for (size_t i = 0; i < r->n_groups && status == SN_OK; i++) {
        const struct sn_group *g = &r->groups[i];
        struct sn_table t;
        sn_report_bench_table(r, g, &t);
        status = write_table(&t, dir, g->bench, "");
        sn_report_ratio_table(r, g, &t);
        if (status == SN_OK && t.n_rows > 0)
            status = write_table(&t, dir, g->bench, "-ratios");
        sn_table_free(&t);
    }
    struct sn_table steps, pairs;
    sn_report_steps_table(r, &steps);
    sn_report_pairs_table(r, &pairs);
    if (status == SN_OK && steps.n_rows > 0)
        status = write_table(&steps, dir, "steps", "");
    if (status == SN_OK && pairs.n_rows > 0)
        status = write_table(&pairs, dir, "measured-modelled", "");
    sn_table_free(&steps);
    sn_table_free(&pairs);
    return status;
}

static int write_page(const struct sn_doc *doc, const char *dir, const char *name,
                      void (*writer)(const struct sn_doc *, struct sn_buf *))
{
    char *path = sn_strdupf("%s/%s", dir, name);
    struct sn_buf b = {0};
    int status;

    writer(doc, &b);
    status = sn_buf_write_file(&b, path);
    sn_buf_free(&b);
    free(path);
    return status;
}

/* Data and drawings of all figures, tables of the exhibits. */
static int write_figures(struct sn_figures *figures, struct sn_exhibits *exhibits,
                         const char *tables, const char *plots, const char *gnuplot,
                         const char *plots_dir)
{
    int status = SN_OK;

    if (figures->n + exhibits->figures.n > 0)
        status = fresh_dir(plots);
    if (status == SN_OK)
        status = sn_figures_draw(figures, plots, gnuplot, plots_dir);
    if (status == SN_OK)
        status = sn_figures_draw(&exhibits->figures, plots, gnuplot, plots_dir);
    for (size_t i = 0; i < exhibits->n_tables && status == SN_OK; i++) {
        struct sn_buf csv = {0};
        char *path = sn_strdupf("%s/%s.csv", tables, exhibits->tables[i].name);
        sn_table_csv(&exhibits->tables[i].table, &csv);
        status = sn_buf_write_file(&csv, path);
        sn_buf_free(&csv);
        free(path);
    }
    return status;
}

static int write_reproduce(const struct sn_report *r, const struct sn_published *p, const char *dir)
{
    char *path = sn_strdupf("%s/REPRODUCE.md", dir);
    struct sn_buf b = {0};
    int status;

    sn_report_reproduce(r, p, &b);
    status = sn_buf_write_file(&b, path);
    sn_buf_free(&b);
    free(path);
    return status;
}

static int write_all(const struct sn_report *r, const char *dir, const char *plots_dir,
                     const char *results_dir)
{
    struct sn_published published;
    char *tables = sn_strdupf("%s/tables", dir), *plots = sn_strdupf("%s/plots", dir);
    char *gnuplot = sn_gnuplot_find();
    struct sn_figures figures;
    struct sn_exhibits exhibits;
    struct sn_doc doc;
    int status = write_tables(r, tables);

    sn_published_open(&published, results_dir, r->app);
    sn_figures_build(r, &figures);
    sn_figures_parity(r, &published, &figures);
    sn_exhibits_build(r, &published, &exhibits);
    if (status == SN_OK)
        status = write_figures(&figures, &exhibits, tables, plots, gnuplot, plots_dir);
    if (status == SN_OK) {
        document(r, &published, &figures, &exhibits, "plots", gnuplot ? NULL : no_gnuplot, &doc);
        status = write_page(&doc, dir, "report.md", sn_doc_md);
        if (status == SN_OK)
            status = write_page(&doc, dir, "report.html", sn_doc_html);
        sn_doc_free(&doc);
    }
    if (status == SN_OK)
        status = write_reproduce(r, &published, dir);
    sn_figures_free(&figures);
    sn_exhibits_free(&exhibits);
    sn_published_close(&published);
    free(gnuplot);
    free(plots);
    free(tables);
    return status;
}

int sn_report_write(const char *dir, const struct sn_app *app, const char *plots_dir,
                    const char *results_dir)
{
    struct sn_report r;
    int status = sn_report_load(&r, &dir, 1, app);

    if (status != SN_OK)
        return status;
    status = write_all(&r, dir, plots_dir, results_dir);
    sn_report_free(&r);
    return status == SN_OK ? sn_rundir_write_sums(dir) : status;
}
