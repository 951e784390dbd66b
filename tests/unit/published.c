/* Published figures: their tables and mistakes, what reports make of them, the files of this tree.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "bench/benches.h"
#include "harness/base/status.h"
#include "harness/datadir.h"
#include "harness/published.h"
#include "harness/report_parts.h"
#include "harness/report_plots.h"
#include "harness/validate.h"
#include "tests/unit/wire.h"

#define HEAD  "name: n\nbrief: b\nentries:\n"
#define ENTRY "  - id: a\n    class: calibration\n    bench: wire\n"

#define COLUMNS "id,source,class,quantity,params,value,unit,notes\n"

Test(published, published_tables)
{
    struct sn_published_table t;
    static const char text[] =
        "# a comment\n" COLUMNS "a,S,spec,\"a, \"\"quoted\"\" one\",\"x=1,y=2\",196e9,B/s,5+\n"
        "\n"
        "b,S,calibration,q,,-0.5,s,\n";
    cr_assert_eq(sn_published_table_parse(&t, text, strlen(text), "t.csv"), SN_OK, "%s",
                 sn_status_message());
    cr_assert_eq(t.n, 2);
    cr_expect_str_eq(t.figures[0].quantity, "a, \"quoted\" one");
    cr_expect_str_eq(t.figures[0].params, "x=1,y=2");
    cr_expect_eq(t.figures[0].value, 196e9);
    cr_expect_str_eq(t.figures[1].notes, "");
    cr_expect_eq(t.figures[1].value, -0.5);
    cr_expect_eq(sn_published_find(&t, "b"), &t.figures[1]);
    cr_expect_null(sn_published_find(&t, "c"));
    sn_published_table_free(&t);

    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"", "t.csv:1: there is no heading"},
        {"activations_percent,experts\n", "t.csv:1: the heading must be id,source"},
        {COLUMNS "a,S,spec,q,,1,s\n", "t.csv:2: 7 fields, not 8"},
        {COLUMNS "a,S,spec,q,,1,s,,\n", "t.csv:2: 9 fields, not 8"},
        {COLUMNS "a,S,spec,\"q,,1,s,\n", "t.csv:2: a quote is not closed"},
        {COLUMNS "a,S,spec,\"q\"x,,1,s,\n", "t.csv:2: a quote is not closed"},
        {COLUMNS "a,S,spek,q,,1,s,\n", "t.csv:2: unknown class 'spek'; did you mean 'spec'?"},
        {COLUMNS "a,S,spec,q,,1,s,\na,S,spec,q,,1,s,\n",
         "t.csv:3: the id 'a' stands in line 2 already"},
        {COLUMNS "a,S,spec,q,,many,s,\n", "t.csv:2: "},
        {COLUMNS "a,S,spec,q,,,s,\n", "t.csv:2: the value is empty"},
        {COLUMNS ",S,spec,q,,1,s,\n", "t.csv:2: the id is empty"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(sn_published_table_parse(&t, wrong[i].text, strlen(wrong[i].text), "t.csv"),
                     SN_EINVAL);
        cr_expect(!strncmp(sn_status_message(), wrong[i].message, strlen(wrong[i].message)),
                  "says '%s' instead of '%s'", sn_status_message(), wrong[i].message);
    }
}

/* A folder of literature for the benchmark of these tests. */
static void put_literature(const char *dir)
{
    char *folder = sn_strdupf("%s/published", dir);
    cr_assert_eq(mkdir(folder, 0777), 0);
    wire_put_file(folder, "m.csv",
                  COLUMNS "lat,PAPER,calibration,read latency,size=8,100e-6,s,\n"
                          "bw,PAPER,calibration,read bandwidth,size=8,8e4,B/s,\n"
                          "other,PAPER,spec,something else,,1,count,\n");
    wire_put_file(
        folder, "m.yaml",
        "name: machine\nbrief: a machine\nfigures: m.csv\norigin: modelled\ntolerance: 5%\n"
        "match: [profile=p]\nentries:\n"
        "  - {id: lat, class: calibration, bench: wire, match: [size=8], expected: 100 us}\n"
        "  - {id: bw, class: calibration, bench: wire, match: [size=8], metric: bandwidth, "
        "expected: 80 kB/s}\n");
    wire_put_file(folder, "ours.yaml",
                  "name: n\nbrief: b\nfigures: m.csv\nentries:\n" ENTRY "    max: 1 s\n");
    wire_put_file(folder, "spec.yaml", HEAD ENTRY "    max: 1 us\n");
    wire_put_file(folder, "broken.yaml", "name: x\n");
    free(folder);
}

#define MODELS                                                                                     \
    "{\"models\":[{\"name\":\"p\",\"path\":\"p.yaml\",\"sha256\":\"0123456789abcdef\","            \
    "\"asked\":\"p\",\"figures\":["                                                                \
    "{\"key\":\"cost.launch\",\"value\":3.3e-5,\"unit\":\"s\",\"class\":\"calibrated\","           \
    "\"source\":\"lat\"},"                                                                         \
    "{\"key\":\"ports.a\",\"value\":1e9,\"unit\":\"B/"                                             \
    "s\",\"class\":\"spec\",\"source\":\"PAPER\"}],"                                               \
    "\"valid\":[{\"axis\":\"size\",\"min\":8,\"max\":64}],\"warnings\":[\"told apart by "          \
    "nothing\"]}]}"

static char *reported(const char *dir, const char *results, enum sn_format format)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(sn_report_print(out, &dir, 1, format, &wire_app, "plots", results), SN_OK, "%s",
                 sn_status_message());
    fclose(out);
    return text;
}

Test(published, reports_show_published_figures_and_fidelity)
{
    char dir[] = "/tmp/snbench-validate-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct wire m = {0};
    wire_add(&m, "get", 8, "node", 104e-6);
    sn_row_add_flag(wire_add(&m, "get", 4096, "node", 1e-3), "extrapolated");
    wire_put_rows(dir, &m);
    wire_put_file(dir, "manifest.json", MODELS);
    put_literature(dir);
    static const char *const says[] = {
        "Published figures",
        "| lat | read latency | size=8 |", /* with origin, then the row beside it */
        "| published | PAPER | calibration |",
        "| modelled | here |",
        "Fidelity",
        "| cost.launch | 33 us | calibrated | lat |",
        "1 parameter against 2 calibration figures of m.csv (0.50 a figure); 2 of these",
        "size 8 to 64",
        "told apart by nothing",
        "1 of 2 modelled cases lie outside the range",
        "broken.yaml:1: the key 'brief' is missing",
        "ours.yaml:5: m.csv has no figure 'a'",
        "+4.0",
        "2 of 2",
    };
    char *md = reported(dir, dir, SN_FORMAT_MD);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        char *plain = sn_strdup(md); /* Markdown pads its cells */
        size_t n = 0;
        for (const char *p = md; *p; p++)
            if (*p != '\\' && !(*p == ' ' && n && plain[n - 1] == ' '))
                plain[n++] = *p;
        plain[n] = '\0';
        cr_expect(strstr(plain, says[i]), "does not say '%s':\n%s", says[i], plain);
        free(plain);
    }
    cr_expect(!strstr(md, "something else"), "a figure of no benchmark is not shown");
    char *again = reported(dir, dir, SN_FORMAT_MD);
    cr_expect_str_eq(md, again);
    free(again);
    free(md);
    /* Measured rows alone: no fidelity, but still the literature, without a row beside it. */
    for (size_t i = 0; i < m.rows.n; i++)
        m.rows.rows[i].origin = SN_ORIGIN_MEASURED;
    wire_put_rows(dir, &m);
    md = reported(dir, dir, SN_FORMAT_MD);
    cr_expect(!strstr(md, "Fidelity") && !strstr(md, "modelled |"), "%s", md);
    cr_expect(strstr(md, "Published figures"));
    free(md);
    md = reported(dir, NULL, SN_FORMAT_MD);
    cr_expect(!strstr(md, "ublished"), "no folder, no literature");
    free(md);
    sn_rows_free(&m.rows);
    wire_erase(dir);
}

Test(published, parity_has_one_figure_a_unit)
{
    char dir[] = "/tmp/snbench-validate-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct wire m = {0};
    wire_add(&m, "get", 8, "node", 104e-6);
    put_literature(dir);
    struct sn_figures f = {0};
    struct sn_published p;
    struct sn_report r;
    sn_report_of_rows(&r, &m.rows, &wire_app);
    sn_published_open(&p, dir, &wire_app);
    cr_assert_eq(p.n, 1, "spec.yaml has no figures, broken.yaml and ours.yaml are wrong");
    cr_expect_eq(p.n_errors, 2);
    sn_figures_parity(&r, &p, &f);
    cr_assert_eq(f.n, 2);
    cr_expect_str_eq(f.figures[0].name, "fidelity-time");
    cr_expect_str_eq(f.figures[0].csv.data, "series,class,id,published,modelled,side\n"
                                            "1,calibration,lat,0.0001,0.000104,1\n");
    cr_expect_str_eq(f.figures[1].csv.data, "series,class,id,published,modelled,side\n"
                                            "1,calibration,bw,80000,76923.0769231,1\n");
    sn_figures_free(&f);
    sn_published_close(&p);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
    wire_erase(dir);
}

/* --- the files of this tree ------------------------------------------------------------------- */

/* Every file reads, every entry of a table is a row of it, and the two figures agree. */
Test(published, the_files_of_this_tree)
{
    static const struct sn_app real = {.benches = sn_benches};
    struct sn_datadir data;
    cr_assert_eq(sn_datadir_open(&data), SN_OK, "%s", sn_status_message());
    struct sn_published p;
    sn_published_open(&p, data.results, &real);
    for (size_t i = 0; i < p.n_errors; i++)
        cr_expect(false, "%s", p.errors[i]);
    cr_expect_eq(p.n, 2);
    size_t entries = 0;
    for (size_t s = 0; s < p.n; s++) {
        for (size_t i = 0; i < p.sets[s].expect.n; i++, entries++) {
            const struct sn_expectation *e = &p.sets[s].expect.entries[i];
            const struct sn_published_figure *f = sn_published_find(&p.sets[s].table, e->id);
            cr_assert_not_null(f, "%s: %s is not in %s", p.sets[s].expect.path, e->id,
                               p.sets[s].expect.figures);
            wire_near(e->range ? e->max : e->expected, f->value);
            cr_expect_str_eq(sn_expect_class_words[e->class], f->class);
            cr_expect(!strcmp(e->unit, f->unit) || !strcmp(f->unit, "fraction") ||
                          !strcmp(f->unit, "ratio"),
                      "%s: %s, %s", e->id, e->unit, f->unit);
        }
    }
    cr_expect_eq(entries, 25);
    sn_published_close(&p);
    struct sn_expectations x;
    char *spec = sn_strdupf("%s/published/fabric-spec.yaml", data.results);
    cr_expect_eq(sn_expectations_load(&x, spec, &real), SN_OK, "%s", sn_status_message());
    sn_expectations_free(&x);
    free(spec);
    sn_datadir_close(&data);
}
