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

/* --- curve ------------------------------------------------------------------------------------ */

/* In the order of x, whatever that of the rows; published figures that match all but x. */
Test(exhibits, curve_has_published_marks)
{
    struct echo m = {0};
    struct exhibit_bed b;

    exhibit_row(&m, 96, "x", 9);
    exhibit_row(&m, 8, "x", 5);
    exhibit_row(&m, 8, "y", 7);
    exhibit_open_with(&b, &m,
                      "[{'kind':'curve','benches':['step'],'x':'batch','y':'median',"
                      "'by':'mode'}]",
                      "p.8,S,held-out,q,,6e-6,s,\np.320,S,held-out,q,,30e-6,s,\n"
                      "p.z,S,held-out,q,,9e-6,s,\np.tpot,S,held-out,q,,9e-6,s,\n",
                      "  - {id: p.8, class: held-out, bench: step, match: [batch=8, mode=x], "
                      "expected: 6 us, tolerance: 5%}\n"
                      "  - {id: p.320, class: held-out, bench: step, match: [batch=320, mode=y], "
                      "expected: 30 us, tolerance: 5%}\n"
                      "  - {id: p.z, class: held-out, bench: step, match: [batch=8, mode=z], "
                      "expected: 9 us, tolerance: 5%}\n"
                      "  - {id: p.tpot, class: held-out, bench: step, metric: tpot, "
                      "match: [batch=8], expected: 9 us, tolerance: 5%}\n");
    const struct sn_figure *f = exhibit_figure(&b, "fig1-step-curve");
    cr_expect_str_eq(f->csv.data, "series,name,batch,median,lo,hi,limit,published\n"
                                  "1,x,8,5e-06,5e-06,5e-06,1e-06,\n"
                                  "1,x,96,9e-06,9e-06,9e-06,1e-06,\n"
                                  "2,y,8,7e-06,7e-06,7e-06,1e-06,\n"
                                  "0,p.8,8,,,,,6e-06\n"
                                  "0,p.320,320,,,,,3e-05\n");
    cr_expect(strstr(f->caption, "published: p.8 (S), p.320 (S)."), "%s", f->caption);
    const char *svg = exhibit_drawn(&b);
    if (svg)
        cr_expect(strstr(svg, ">published<"));
    exhibit_close(&b, &m);
}

/* From 0 on an axis is linear; a metric has no band, and a row without it is no point. */
Test(exhibits, curve_of_a_metric_from_zero)
{
    struct echo m = {0};
    struct exhibit_bed b;

    for (int i = 0; i < 3; i++)
        sn_row_add_metric(exhibit_row(&m, 10 * i, "x", 5), exhibit_docs, "rate", i - 1);
    exhibit_row(&m, 40, "x", 5);
    exhibit_open(&b, &m, "[{'kind':'curve','benches':['step'],'x':'batch','y':'rate'}]");
    const struct sn_figure *f = exhibit_figure(&b, "fig1-step-curve");
    cr_expect_str_eq(f->csv.data, "series,name,batch,rate,lo,hi,limit,published\n"
                                  "1,rate,0,-1,,,,\n1,rate,10,0,,,,\n1,rate,20,1,,,,\n");
    cr_expect_str_eq(f->args[3], "rate (token/s)");
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* --- pareto ----------------------------------------------------------------------------------- */

static void both(struct sn_row *r, double tpot, double rate)
{
    sn_row_add_metric(r, exhibit_docs, "tpot", tpot);
    sn_row_add_metric(r, exhibit_docs, "rate", rate);
}

/* Less tpot and more rate is better: of x, 96 is beaten by 48 in both; of y nothing is. */
Test(exhibits, pareto_frontier_of_each_series)
{
    struct echo m = {0};
    struct exhibit_bed b;

    both(exhibit_row(&m, 96, "x", 9), 4e-3, 150);
    both(exhibit_row(&m, 8, "x", 5), 1e-3, 100);
    both(exhibit_row(&m, 48, "x", 5), 2e-3, 200);
    both(exhibit_row(&m, 8, "y", 5), 3e-3, 50);
    exhibit_row(&m, 16, "y", 5);
    exhibit_open_with(&b, &m,
                      "[{'kind':'pareto','benches':['step'],'x':'tpot','y':'rate','by':'mode',"
                      "'along':'batch'}]",
                      "t,S,held-out,q,,2.5e-3,s,\nr,S,held-out,q,,210,token/s,\n"
                      "u,S,held-out,q,,5,token/s,\n",
                      "  - {id: t, class: held-out, bench: step, metric: tpot, "
                      "match: [batch=48, mode=x], expected: 2.5 ms, tolerance: 5%}\n"
                      "  - {id: r, class: held-out, bench: step, metric: rate, "
                      "match: [mode=x, batch=48], expected: 210 token/s, tolerance: 5%}\n"
                      "  - {id: u, class: held-out, bench: step, metric: rate, "
                      "match: [mode=x, batch=8], expected: 5 token/s, tolerance: 5%}\n");
    const struct sn_figure *f = exhibit_figure(&b, "fig1-step-pareto");
    cr_expect_str_eq(f->csv.data, "series,name,tpot,rate,frontier,batch\n"
                                  "1,x,0.001,100,1,8\n"
                                  "1,x,0.002,200,1,48\n"
                                  "1,x,0.004,150,0,96\n"
                                  "2,y,0.003,50,1,8\n"
                                  "0,t,0.0025,210,0,\n");
    cr_expect_str_eq(f->args[2], "tpot, less is better");
    cr_expect_str_eq(f->args[3], "rate (token/s), more is better");
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* --- roofline --------------------------------------------------------------------------------- */

static void work(struct sn_row *r, double ops, uint64_t bytes)
{
    sn_row_add_metric(r, exhibit_docs, "operations", ops);
    r->bytes.logical = bytes;
}

/* 1,000 operations on 100 bytes in 5 us are 10 a byte and 2e8 a second. */
Test(exhibits, roofline_has_the_roofs_of_the_device)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_exhibits again;

    work(exhibit_row(&m, 8, "x", 5), 1000, 100);
    work(exhibit_row(&m, 8, "y", 5), 1000, 0);
    exhibit_row(&m, 16, "x", 5);
    exhibit_open(&b, &m, "[{'kind':'roofline','benches':['step','gone']}]");
    cr_expect_eq(b.x.figures.n, 0, "there are no roofs");
    json_t *roofs = json_pack("{s:f, s:f, s:f, s:f, s:n}", "threads", 2.0, "int8_op_per_s", 1e12,
                              "dram_read_bytes_per_s", 1e10, "dram_read_all_bytes_per_s", 1.5e10,
                              "bf16_op_per_s");
    json_object_set_new(b.r.runs[0].manifest, "roofs", roofs);
    json_object_set_new(b.r.runs[0].manifest, "models",
                        json_pack("[{s:s, s:s, s:s, s:[{s:s, s:f}, {s:s, s:f}, {s:s, s:f}]}]",
                                  "kind", "device", "name", "die", "asked", "x", "figures", "key",
                                  "peak.int8", "value", 2e12, "key", "memory.bandwidth", "value",
                                  1e9, "key", "memory.size", "value", 1.0));
    again = b.x;
    sn_exhibits_build(&b.r, &b.published, &b.x);
    sn_exhibits_free(&again);
    cr_assert_eq(b.x.figures.n, 2);
    cr_expect_str_eq(exhibit_figure(&b, "fig1-roofline-die")->csv.data,
                     "series,name,op_per_B,op_per_s\n1,step,10,200000000\n"
                     "0,int8,1000000000,2e+12\n");
    cr_expect_str_eq(exhibit_figure(&b, "fig1-roofline")->csv.data,
                     "series,name,op_per_B,op_per_s\n1,step,10,200000000\n"
                     "0,int8 on 1 core,10000000000,1e+12\n"
                     "0,int8 on 2 cores,15000000000,2e+12\n");
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* --- timeline and sensitivity ----------------------------------------------------------------- */

/* Lanes and names are numbered as they come; rows without spans give no figure. */
Test(exhibits, timeline_of_the_row_that_has_one)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_row *r;

    exhibit_row(&m, 8, "x", 5);
    r = exhibit_row(&m, 96, "x", 5);
    sn_row_add_span(r, "s0", "gate, first", 0, 1e-6);
    sn_row_add_span(r, "s1", "dispatch", 1e-6, 2e-6);
    sn_row_add_span(r, "s0", "gate, first", 2e-6, 1e-6);
    exhibit_open(&b, &m, "[{'kind':'timeline','benches':['step']}]");
    cr_assert_eq(b.x.figures.n, 1);
    cr_expect_str_eq(exhibit_figure(&b, "fig1-step-timeline")->csv.data,
                     "series,name,lane,lane_name,start_s,s\n"
                     "1,gate; first,1,s0,0,1e-06\n"
                     "2,dispatch,2,s1,1e-06,2e-06\n"
                     "1,gate; first,1,s0,2e-06,1e-06\n");
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

Test(exhibits, timeline_of_more_names_than_colours)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_row *r = exhibit_row(&m, 96, "x", 5);

    for (int i = 0; i < 18; i++)
        sn_row_add_span(r, "s0", sn_row_str(r, "n%d", i), i * 1e-6, 1e-6);
    exhibit_open(&b, &m, "[{'kind':'timeline','benches':['step']}]");
    const char *csv = exhibit_figure(&b, "fig1-step-timeline")->csv.data;
    cr_expect(strstr(csv, "\n15,n14,"), "%s", csv);
    cr_expect(strstr(csv, "\n16,other,1,s0,1.5e-05,"), "%s", csv);
    cr_expect(strstr(csv, "\n16,other,1,s0,1.7e-05,"), "%s", csv);
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* What moves the time most comes first, whichever way. */
Test(exhibits, sensitivity_is_sorted)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_row *r;

    exhibit_row(&m, 8, "x", 5);
    r = exhibit_row(&m, 96, "x", 5);
    sn_row_add_sensitivity(r, "launch", 0.001, -0.001);
    sn_row_add_sensitivity(r, "memory", 0.02, -0.05);
    sn_row_add_sensitivity(r, "peak", 0.03, 0);
    exhibit_open(&b, &m, "[{'kind':'sensitivity','benches':['step']}]");
    cr_expect_str_eq(exhibit_figure(&b, "fig1-step-sensitivity")->csv.data,
                     "bar,name,minus,plus\n1,memory,0.02,-0.05\n2,peak,0.03,0\n"
                     "3,launch,0.001,-0.001\n");
    char *csv = exhibit_table(&b, "fig1-step-sensitivity");
    cr_expect_str_eq(csv, "parameter,minus,plus\nmemory,0.02,-0.05\npeak,0.03,0\n"
                          "launch,0.001,-0.001\n");
    free(csv);
    exhibit_drawn(&b);
    exhibit_close(&b, &m);
}

/* --- ablation and headline -------------------------------------------------------------------- */

/* Of base (8, x) at 5 us: mode alone and batch alone; (96, y) differs in both. */
Test(exhibits, ablation_changes_one_axis)
{
    struct echo m = {0};
    struct exhibit_bed b;

    exhibit_row(&m, 8, "x", 5);
    exhibit_row(&m, 8, "y", 6);
    exhibit_row(&m, 96, "x", 4);
    exhibit_row(&m, 96, "y", 1);
    exhibit_open(&b, &m,
                 "[{'kind':'ablation','benches':['step'],'metric':'median','base':"
                 "{'batch':['8'],'mode':['x']}},"
                 "{'kind':'ablation','benches':['step'],'base':{'mode':['x']}}]");
    char *csv = exhibit_table(&b, "fig1-step-ablation");
    cr_expect_str_eq(csv, "axis,from,to,median,ratio,change,origin\n"
                          "base,,,5e-06,1,,measured\n"
                          "batch,8,96,4e-06,0.8,-0.2,measured\n"
                          "mode,x,y,6e-06,1.2,0.2,measured\n");
    free(csv);
    csv = exhibit_table(&b, "fig2-step-ablation");
    cr_expect_str_eq(csv, "case,axis,from,to,median,ratio,change,origin\n"
                          "batch=8,base,,,5e-06,1,,measured\n"
                          "batch=8,mode,x,y,6e-06,1.2,0.2,measured\n"
                          "batch=96,base,,,4e-06,1,,measured\n"
                          "batch=96,mode,x,y,1e-06,0.25,-0.75,measured\n");
    free(csv);
    exhibit_close(&b, &m);
}

/* A figure that is named, one that is found, one of another system, and a row that is missing. */
Test(exhibits, headline_tells_origins_apart)
{
    struct echo m = {0};
    struct exhibit_bed b;
    struct sn_row *r = exhibit_row(&m, 8, "x", 5);

    sn_row_add_metric(r, exhibit_docs, "rate", 90);
    sn_row_add_metric(r, exhibit_docs, "tpot", 2);
    exhibit_row(&m, 8, "y", 4);
    exhibit_open_with(
        &b, &m,
        "[{'kind':'headline','rows':["
        "{'label':'time','bench':'step','metric':'median','match':{}},"
        "{'label':'rate','bench':'step','metric':'rate','match':{'mode':['x']},'published':'p.r'},"
        "{'label':'tpot','bench':'step','metric':'tpot','match':{'mode':['x']},'published':'p.r'},"
        "{'label':'other','published':'ref'},"
        "{'label':'gone','bench':'step','metric':'median','match':{'batch':['9']},"
        "'published':'p.r'}]}]",
        "p.8,S,held-out,q,,4e-6,s,\np.r,S,calibration,q,,100,token/s,\n"
        "ref,T,reference,q,,7,token/s,\n",
        "  - {id: p.8, class: held-out, bench: step, match: [batch=8, mode=x], "
        "expected: 4 us, tolerance: 5%}\n");
    char *csv = exhibit_table(&b, "fig1-headline");
    cr_expect_str_eq(csv, "what,metric,value,unit,origin,published,error,class,source,figure\n"
                          "time: mode=x,median,5e-06,s,measured,4e-06,0.25,held-out,S,p.8\n"
                          "time: mode=y,median,4e-06,s,measured,,,,,\n"
                          "rate,rate,90,token/s,measured,100,-0.1,calibration,S,p.r\n"
                          "tpot,tpot,2,s,measured,100,,calibration,S,p.r\n"
                          "other,,7,token/s,published,,,reference,T,ref\n"
                          "gone,median,,,no row,100,,calibration,S,p.r\n");
    free(csv);
    exhibit_close(&b, &m);
}
