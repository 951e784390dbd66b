/* Figures that a suite declares, kind by kind: curve, pareto, roofline, timeline, sensitivity,
 * ablation, headline. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tests/unit/exhibits.h"

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
