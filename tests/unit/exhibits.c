/* Figures that a suite declares, built from rows and drawn. */
#include "tests/unit/exhibits.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "harness/report_plots.h"

const struct sn_metric_doc exhibit_docs[] = {{"tpot", "s", false, "median / tokens"},
                                             {"rate", "token/s", true, "tokens / median"},
                                             {"operations", "op", false, "of the shape"},
                                             {0}};

struct sn_row *exhibit_row(struct echo *m, int64_t batch, const char *mode, double us)
{
    struct sn_row *r = echo_make(m, "step", 0);

    sn_row_add_param_int(r, "batch", batch);
    sn_row_add_param_text(r, "mode", mode);
    echo_samples(r, us * 1e-6);
    return r;
}

static const char *const modes[] = {"x", "y", "z", NULL};
static const struct sn_axis axes[] = {
    {.name = "batch", .type = SN_AXIS_INT, .def = "8", .min = 1, .max = 1e6},
    {.name = "mode", .type = SN_AXIS_WORD, .def = "x", .words = modes},
    {0}};
static const struct sn_bench step = {.name = "step", .axes = axes, .metric_docs = exhibit_docs};
static const struct sn_bench *const benches[] = {&step, NULL};
static const struct sn_app app = {.benches = benches};

void exhibit_open(struct exhibit_bed *b, const struct echo *m, const char *json)
{
    exhibit_open_with(b, m, json, NULL, NULL);
}

static void publish(struct exhibit_bed *b, const char *table, const char *entries)
{
    char *csv = sn_strdupf("id,source,class,quantity,params,value,unit,notes\n%s", table);
    char *yaml = sn_strdupf("name: paper\nbrief: b\nfigures: p.csv\nentries:\n%s", entries);

    b->published = (struct sn_published){.sets = sn_calloc(1, sizeof *b->published.sets), .n = 1};
    cr_assert_eq(sn_published_table_parse(&b->published.sets[0].table, csv, strlen(csv), "p.csv"),
                 SN_OK, "%s", sn_status_message());
    cr_assert_eq(
        sn_expectations_parse(&b->published.sets[0].expect, yaml, strlen(yaml), "p.yaml", &app),
        SN_OK, "%s", sn_status_message());
    free(csv);
    free(yaml);
}

void exhibit_open_with(struct exhibit_bed *b, const struct echo *m, const char *json,
                       const char *table, const char *entries)
{
    char *text = sn_strdup(json);
    json_error_t e;

    for (char *p = text; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *figures = json_loads(text, 0, &e);
    cr_assert_not_null(figures, "%s", e.text);
    free(text);
    sn_report_of_rows(&b->r, &m->rows, &app);
    b->r.runs[0].manifest = json_pack("{s:o}", "figures", figures);
    b->published = (struct sn_published){0};
    if (table)
        publish(b, table, entries);
    sn_exhibits_build(&b->r, &b->published, &b->x);
}

void exhibit_close(struct exhibit_bed *b, struct echo *m)
{
    sn_exhibits_free(&b->x);
    sn_published_close(&b->published);
    sn_report_free(&b->r);
    sn_rows_free(&m->rows);
}

const struct sn_figure *exhibit_figure(const struct exhibit_bed *b, const char *name)
{
    const struct sn_figure *found = NULL;

    for (size_t i = 0; i < b->x.figures.n; i++)
        if (!strcmp(b->x.figures.figures[i].name, name))
            found = &b->x.figures.figures[i];
    cr_assert_not_null(found, "no figure %s; the first of %zu is %s", name, b->x.figures.n,
                       b->x.figures.n ? b->x.figures.figures[0].name : "none");
    return found;
}

char *exhibit_table(const struct exhibit_bed *b, const char *name)
{
    struct sn_buf csv = {0};

    for (size_t i = 0; i < b->x.n_tables; i++)
        if (!strcmp(b->x.tables[i].name, name))
            sn_table_csv(&b->x.tables[i].table, &csv);
    cr_assert_not_null(csv.data, "no table %s; the first of %zu is %s", name, b->x.n_tables,
                       b->x.n_tables ? b->x.tables[0].name : "none");
    return csv.data;
}

const char *exhibit_drawn(struct exhibit_bed *b)
{
    char *gnuplot = sn_gnuplot_find(), *dir = echo_dir();

    cr_assert_eq(sn_figures_draw(&b->x.figures, dir, gnuplot, "plots"), SN_OK);
    for (size_t i = 0; gnuplot && i < b->x.figures.n; i++)
        cr_expect_null(b->x.figures.figures[i].error, "%s: %s", b->x.figures.figures[i].name,
                       b->x.figures.figures[i].error);
    echo_erase(dir);
    free(gnuplot);
    return b->x.figures.n ? b->x.figures.figures[0].svg.data : NULL;
}

/* --- stacked ---------------------------------------------------------------------------------- */

static void parts(struct sn_row *r, double a, double b)
{
    sn_row_add_part(r, "a, first", a);
    sn_row_add_part(r, "b", b);
}

Test(exhibits, stacked_has_a_bar_a_value)
{
    struct echo m = {0};
    struct exhibit_bed b;

    parts(exhibit_row(&m, 8, "x", 5), 1e-6, 4e-6);
    parts(exhibit_row(&m, 96, "x", 9), 2e-6, 9e-6);
    parts(exhibit_row(&m, 96, "y", 3), 1e-6, 2e-6);
    exhibit_row(&m, 192, "x", 3); /* says nothing of its parts */
    exhibit_open(&b, &m,
                 "[{'kind':'stacked','benches':['step'],'x':'batch','title':'Parts',"
                 "'match':{'mode':['x']}}]");
    cr_assert_eq(b.x.figures.n, 1);
    const struct sn_figure *f = exhibit_figure(&b, "fig1-step-stacked");
    cr_expect_str_eq(f->csv.data, "series,part,bar,name,s,median_s\n"
                                  "1,a; first,1,8,1e-06,5e-06\n"
                                  "2,b,1,8,4e-06,5e-06\n"
                                  "1,a; first,2,96,2e-06,9e-06\n"
                                  "2,b,2,96,9e-06,9e-06\n");
    cr_expect_str_eq(f->title, "Parts");
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* What varies beside x is a figure of its own; without x every case is a bar. */
Test(exhibits, stacked_without_x_has_a_bar_a_case)
{
    struct echo m = {0};
    struct exhibit_bed b;

    parts(exhibit_row(&m, 8, "x", 5), 1e-6, 4e-6);
    parts(exhibit_row(&m, 96, "y", 3), 1e-6, 2e-6);
    exhibit_open(&b, &m,
                 "[{'kind':'stacked','benches':['step'],'x':'batch'},"
                 "{'kind':'stacked','benches':['step']}]");
    cr_assert_eq(b.x.figures.n, 3);
    exhibit_figure(&b, "fig1-step-stacked-mode-x");
    exhibit_figure(&b, "fig1-step-stacked-mode-y");
    cr_expect(strstr(exhibit_figure(&b, "fig2-step-stacked")->csv.data,
                     "1,a; first,2,batch=96 y,1e-06,3e-06\n"));
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* Of more than 16 parts the last are one. */
Test(exhibits, stacked_adds_up_what_it_has_no_colour_for)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_row *r = exhibit_row(&m, 8, "x", 5);

    for (int i = 0; i < 20; i++)
        sn_row_add_part(r, sn_row_str(r, "p%d", i), 1e-6);
    exhibit_open(&b, &m, "[{'kind':'stacked','benches':['step']}]");
    const char *csv = exhibit_figure(&b, "fig1-step-stacked")->csv.data;
    cr_expect_eq(echo_lines_in(csv), 1 + 16);
    cr_expect(strstr(csv, "\n16,other,1,step,5e-06,"), "%s", csv);
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* A declared figure that no row gives, or of a kind that is not known here, is said to be missing.
 */
Test(exhibits, what_has_no_rows_is_named)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_doc doc;
    struct sn_buf text = {0};

    exhibit_row(&m, 8, "x", 5);
    exhibit_open(&b, &m,
                 "[{'kind':'stacked','benches':['step'],'title':'Parts'},"
                 "{'kind':'hologram','benches':['gone']}]");
    sn_doc_init(&doc, "");
    sn_exhibits_doc(&b.r, &b.x, NULL, &doc);
    sn_doc_text(&doc, 100, &text);
    cr_expect_str_eq(text.data, "Results\n=======\n\nParts\n-----\n\n"
                                "No row of this report gives it.\n\nHologram, gone\n"
                                "--------------\n\nNo row of this report gives it.\n");
    sn_buf_free(&text);
    sn_doc_free(&doc);
    exhibit_close(&b, &m);
}

/* A manifest is a file that anybody may have written. */
Test(exhibits, damaged_declarations_are_survived)
{
    static const char *const kinds[] = {"stacked",  "curve",    "pareto",
                                        "roofline", "timeline", "sensitivity",
                                        "ablation", "headline", ""};
    static const char *const rests[] = {
        "", ",'benches':3,'rows':7,'match':[1],'base':'x'", ",'benches':['step'],'x':1,'y':[]",
        ",'benches':['step'],'x':'gone','y':'gone','by':'gone','along':'gone','rows':[1,{}],"
        "'base':{'gone':4}",
        ",'benches':[null],'match':{'batch':[null,8]}"};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
            struct echo m = {0};
            struct exhibit_bed b;
            struct sn_doc doc;
            struct sn_buf text = {0};
            char *json = sn_strdupf("[{'kind':'%s'%s},1,null]", kinds[k], rests[i]);

            parts(exhibit_row(&m, 8, "x", 5), 1e-6, 4e-6);
            exhibit_open(&b, &m, json);
            sn_doc_init(&doc, "");
            sn_exhibits_doc(&b.r, &b.x, NULL, &doc);
            sn_doc_md(&doc, &text);
            cr_expect(text.len > 0);
            sn_buf_free(&text);
            sn_doc_free(&doc);
            exhibit_close(&b, &m);
            free(json);
        }
}
