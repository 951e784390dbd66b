/* Suites: what is read, the line of every mistake, and where files are looked for. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/datadir.h"
#include "harness/suite.h"
#include "harness/yaml.h"

static const char *const ops[] = {"get", "put", NULL};
static const struct sn_axis axes[] = {
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "size", .type = SN_AXIS_INT, .def = "8"},
    {0}};
static const struct sn_bench latency = {.name = "latency", .axes = axes};
static const struct sn_bench *const benches[] = {&latency, NULL};
static const struct sn_app app = {.benches = benches};

#define HEAD "name: a\nbrief: b\ncases:\n"

static const char good[] = "# a comment\n"
                           "name: tiny\n"
                           "brief: two entries\n"
                           "cases:\n"
                           "  - bench: latency\n"
                           "    axes: [\"op=get,put\",\n"
                           "           size=8:32:*2]\n"
                           "\n"
                           "  - {bench: latency}\n";

Test(suite, parse)
{
    struct sn_suite s;
    cr_assert_eq(sn_suite_parse(&s, good, strlen(good), "t.yaml"), SN_OK, "%s",
                 sn_status_message());
    cr_expect_str_eq(s.name, "tiny");
    cr_expect_str_eq(s.brief, "two entries");
    cr_expect_str_eq(s.path, "t.yaml");
    cr_assert_eq(s.n, 2);
    cr_expect_str_eq(s.entries[0].bench, "latency");
    cr_assert_eq(s.entries[0].n_axes, 2);
    cr_expect_str_eq(s.entries[0].axes[0], "op=get,put");
    cr_expect_str_eq(s.entries[0].axes[1], "size=8:32:*2");
    cr_expect_eq(s.entries[0].line, 5);
    cr_expect_eq(s.entries[0].axis_lines[0], 6);
    cr_expect_eq(s.entries[0].axis_lines[1], 7);
    cr_expect_eq(s.entries[1].n_axes, 0);
    cr_expect_eq(s.entries[1].line, 9);
    struct sn_plan p;
    struct sn_steps steps;
    sn_plan_init(&p, 1, 2);
    cr_assert_eq(sn_suite_plan(&s, &app, &p, &steps), SN_OK, "%s", sn_status_message());
    cr_expect_eq(p.n, 6, "2 x 3, and the second entry's case is one of them");
    cr_expect_eq(steps.n, 0);
    sn_steps_free(&steps);
    sn_plan_free(&p);
    sn_suite_free(&s);
    cr_expect(!s.name && !s.entries);
}

/* Counts belong to the suite: cases, their ids and the plan are the same without. */
Test(suite, steps_count_cases)
{
    static const char text[] = "name: s\nbrief: b\n"
                               "steps:\n"
                               "  - {name: one, brief: first}\n"
                               "  - {name: two, brief: second, without: the rest}\n"
                               "cases:\n"
                               "  - {bench: latency, axes: [\"size=8,16\"], step: one, count: 61}\n"
                               "  - {bench: latency, axes: [\"size=8\"], step: one, count: 3}\n"
                               "  - {bench: latency, axes: [\"size=16\"], step: two, count: 1k}\n"
                               "  - {bench: latency, axes: [\"size=32\"]}\n";
    struct sn_suite s;
    struct sn_plan p;
    struct sn_steps steps;
    cr_assert_eq(sn_suite_parse(&s, text, sizeof text - 1, "t.yaml"), SN_OK, "%s",
                 sn_status_message());
    sn_plan_init(&p, 1, 2);
    cr_assert_eq(sn_suite_plan(&s, &app, &p, &steps), SN_OK, "%s", sn_status_message());
    cr_expect_eq(p.n, 3);
    cr_assert_eq(steps.n, 2);
    const struct sn_step *one = &steps.steps[0], *two = &steps.steps[1];
    cr_assert_eq(one->n_parts, 2);
    cr_expect_eq(one->parts[0].count, 64, "a case that is named twice counts both times");
    cr_expect_str_eq(one->parts[0].variants[0].id, p.cases[0].id);
    cr_expect_eq(one->parts[1].count, 61);
    cr_assert_eq(two->n_parts, 1);
    cr_expect_eq(two->parts[0].count, 1000);
    cr_expect_str_eq(two->parts[0].variants[0].id, p.cases[1].id);
    cr_expect_str_eq(two->without, "the rest");
    sn_steps_free(&steps);
    sn_plan_free(&p);
    sn_suite_free(&s);
}

/* Reads and plans; the message, or "" when all went well. */
static const char *mistake(const char *text, size_t n)
{
    struct sn_suite s;
    struct sn_plan p;
    struct sn_steps steps;
    sn_status_clear();
    if (sn_suite_parse(&s, text, n, "t.yaml"))
        return sn_status_message();
    sn_plan_init(&p, 1, 2);
    int status = sn_suite_plan(&s, &app, &p, &steps);
    sn_steps_free(&steps);
    sn_plan_free(&p);
    sn_suite_free(&s);
    return status ? sn_status_message() : "";
}

Test(suite, mistakes_have_a_line)
{
    static const struct {
        const char *text, *message;
    } t[] = {
#define CASE "name: s\nbrief: b\nsteps: [{name: one, brief: b}]\ncases:\n  - {bench: latency, "
        {CASE "step: one}\n", "t.yaml:5: step and count go together; the key 'count' is missing"},
        {CASE "count: 1}\n", "t.yaml:5: step and count go together; the key 'step' is missing"},
        {CASE "step: one, count: 0}\n", "t.yaml:5: count: 0 is not at least 1"},
        {CASE "step: one, count: x}\n",
         "t.yaml:5: count: 'x' is not a number; right are for example 8, 4K, 2.5m"},
        {CASE "step: ones, count: 1}\n",
         "t.yaml:5: unknown step 'ones'; did you mean 'one'? (steps: one)"},
        {"name: s\nbrief: b\nsteps: [{name: a, brief: b}, {name: a, brief: b}]\ncases: [{bench: "
         "latency}]\n",
         "t.yaml:3: a second step 'a'"},
        {"", "t.yaml:1: the file is empty"},
        {"# nothing\n", "t.yaml:1: the file is empty"},
        {"x\n", "t.yaml:1: the file must be a mapping (key: value), not a single value"},
        {"name: a\nbreif: b\n", "t.yaml:2: unknown key 'breif'; did you mean 'brief'? (keys: name, "
                                "brief, cases, steps, figures)"},
        {"name: a\nname: b\n", "t.yaml:2: the key 'name' stands here twice"},
        {"\nname: a\nbrief: b\n", "t.yaml:2: the key 'cases' is missing"},
        {"name: a\nbrief:\ncases: []\n", "t.yaml:2: brief is empty"},
        {"name: [a]\n", "t.yaml:1: name must be a text, not a list"},
        {"name: \"a\\0b\"\n", "t.yaml:1: name holds a NUL character"},
        {"name: a\nbrief: b\ncases: []\n", "t.yaml:3: 'cases' has 0 entries; at least 1"},
        {"name: a\nbrief: b\ncases: x\n", "t.yaml:3: cases must be a list, not a single value"},
        {HEAD "  - latency\n",
         "t.yaml:4: an entry of 'cases' must be a mapping (key: value), not a single value"},
        {HEAD "  - bench: latency\n    axez: [op=get]\n",
         "t.yaml:5: unknown key 'axez'; did you mean 'axes'? (keys: bench, axes, wall, step, "
         "count)"},
        {HEAD "  - axes: [op=get]\n", "t.yaml:4: the key 'bench' is missing"},
        {HEAD "  - bench: latency\n    axes: op=get\n",
         "t.yaml:5: axes must be a list, not a single value"},
        {HEAD "  - bench: latency\n    axes:\n      - op=get\n      - {size: 8}\n",
         "t.yaml:7: an entry of 'axes' must be a text, not a mapping"},
        {HEAD "  - bench: latency\n\n  - bench: latancy\n",
         "t.yaml:6: unknown benchmark 'latancy'; did you mean 'latency'? (benchmarks: latency)"},
        {HEAD "  - bench: latency\n    axes: [op=get,\n      sise=8]\n",
         "t.yaml:6: latency has no axis 'sise'; did you mean 'size'? (axes: op, size)"},
        {HEAD "  - bench: latency\n    axes:\n      - op=gte\n",
         "t.yaml:6: op=gte: no value 'gte'; did you mean 'get'? (values: get, put)"},
        {HEAD "  - bench: latency\n    axes: [size=8, size=9]\n",
         "t.yaml:4: latency: the axis 'size' is named twice; give its values in one list, "
         "size=A,B"},
        {HEAD "  - bench: [latency\n", "t.yaml:5: not YAML: did not find expected ',' or ']'"},
        {HEAD "\t- bench: latency\n",
         "t.yaml:4: not YAML: found character that cannot start any token"},
        {HEAD "  - bench: latency\n---\na: b\n", "t.yaml:6: a second document; a file holds one"},
        {"name: \xff\n", "t.yaml: not YAML: invalid leading UTF-8 octet at byte 6"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect_str_eq(mistake(t[i].text, strlen(t[i].text)), t[i].message);
    static const char alias[] = "name: &x a\nbrief: *x\ncases: [{bench: latency}]\n";
    cr_expect(strstr(mistake(alias, strlen(alias)), "alias"), "%s", sn_status_message());
    cr_expect(strstr(mistake(good, SN_YAML_MAX_BYTES + 1), "at most"), "%s", sn_status_message());
    cr_expect_str_eq(mistake(good, strlen(good)), "");
}

static void note(void *out, const char *name, const char *brief, const char *unavailable)
{
    sn_buf_addf(out, "%s|%s|%s\n", name, brief, unavailable ? unavailable : "");
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    struct sn_buf b = {0};
    sn_buf_add(&b, text);
    cr_assert_eq(sn_buf_write_file(&b, path), SN_OK);
    sn_buf_free(&b);
    free(path);
}

static void remove_tree(const char *dir)
{
    char *command = sn_strdupf("rm -r '%s'", dir);
    cr_expect_eq(system(command), 0);
    free(command);
}

Test(suite, load_and_list)
{
    char dir[] = "/tmp/snbench-suite-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    put_file(dir, "quick.yaml", good);
    put_file(dir, "broken.yaml", "name: x\n");
    put_file(dir, "notes.txt", "no suite");
    char *path = sn_strdupf("%s/quick.yaml", dir);
    struct sn_suite s;
    cr_assert_eq(sn_suite_load(&s, "quick", dir), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(s.path, path);
    sn_suite_free(&s);
    cr_assert_eq(sn_suite_load(&s, path, "/nonexistent"), SN_OK, "%s", sn_status_message());
    sn_suite_free(&s);
    cr_expect_eq(sn_suite_load(&s, "quik", dir), SN_EINVAL);
    cr_expect_str_eq(
        sn_status_message(),
        "unknown suite 'quik'; did you mean 'quick'? (suites: broken, quick; a file is "
        "named with its .yaml)");
    cr_expect_eq(sn_suite_load(&s, "", dir), SN_EINVAL);
    cr_expect_eq(sn_suite_load(&s, "missing.yaml", dir), SN_EIO);
    cr_expect_str_eq(sn_status_message(),
                     "missing.yaml: cannot be opened: No such file or directory");
    cr_expect_eq(sn_suite_load(&s, "quick", "/nonexistent"), SN_EENV);
    struct sn_buf b = {0};
    cr_assert_eq(sn_suite_list(dir, note, &b), SN_OK);
    char *expected = sn_strdupf(
        "broken||%s/broken.yaml:1: the key 'brief' is missing\nquick|two entries|\n", dir);
    cr_expect_str_eq(b.data, expected);
    free(expected);
    sn_buf_free(&b);
    free(path);
    remove_tree(dir);
}

Test(suite, lines_by_place)
{
    static const cyaml_schema_value_t any = {.type = CYAML_IGNORE, .flags = CYAML_FLAG_OPTIONAL};
    static const cyaml_schema_field_t fields[] = {
        {.key = "a", .value = any}, {.key = "b", .value = any}, CYAML_FIELD_END};
    struct nothing {
        int unused;
    };
    static const cyaml_schema_value_t schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct nothing, fields)};
    static const char text[] = "a:\n  x: [1,\n 2]\nb:\n  - c\n  -\n    d: 1\n";
    struct sn_yaml y;
    cr_assert_eq(sn_yaml_parse(&y, &schema, text, strlen(text), "t"), SN_OK, "%s",
                 sn_status_message());
    cr_expect_eq(sn_yaml_line(&y, ""), 1);
    cr_expect_eq(sn_yaml_line(&y, "a.x.0"), 2);
    cr_expect_eq(sn_yaml_line(&y, "a.x.1"), 3);
    cr_expect_eq(sn_yaml_line(&y, "b.0"), 5);
    cr_expect_eq(sn_yaml_line(&y, "b.1.d"), 7);
    cr_expect_eq(sn_yaml_line(&y, "b.2"), 0);
    cr_expect_eq(sn_yaml_line(&y, "c"), 0);
    cr_expect_eq(sn_yaml_line(&y, "b.0.x"), 0);
    sn_yaml_free(&y);
}

/* Whether a scalar is a number is libcyaml's to say; its complaint gets the file and the line. */
Test(suite, complaints_of_libcyaml)
{
    struct numbers {
        int64_t n;
    };
    static const cyaml_schema_field_t fields[] = {
        CYAML_FIELD_INT("n", CYAML_FLAG_DEFAULT, struct numbers, n), CYAML_FIELD_END};
    static const cyaml_schema_value_t schema = {
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct numbers, fields)};
    static const char text[] = "# one\n\nn: many\n";
    struct sn_yaml y;
    cr_expect_eq(sn_yaml_parse(&y, &schema, text, strlen(text), "t"), SN_EINVAL);
    cr_expect_str_eq(sn_status_message(), "t:3: Invalid INT value: 'many'");
    cr_assert_eq(sn_yaml_parse(&y, &schema, "n: 7\n", 5, "t"), SN_OK);
    cr_expect_eq(((struct numbers *)y.data)->n, 7);
    sn_yaml_free(&y);
}

Test(suite, data_files_in_a_tree_and_installed)
{
    char root[] = "/tmp/snbench-data-XXXXXX";
    cr_assert_not_null(mkdtemp(root));
    static const char *const folders[] = {
        "tree",    "tree/build", "tree/bench",        "tree/bench/suites",       "usr",
        "usr/bin", "usr/share",  "usr/share/snbench", "usr/share/snbench/suites"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *f = sn_strdupf("%s/%s", root, folders[i]);
        cr_assert_eq(mkdir(f, 0777), 0);
        free(f);
    }
    static const struct {
        const char *dir, *suites, *plots, *results, *profiles;
    } t[] = {
        {"tree/build", "tree/bench/suites", "tree/plots", "tree/results",
         "tree/comm/fabric/profiles"},
        {"tree/build/asan", "tree/bench/suites", "tree/plots", "tree/results",
         "tree/comm/fabric/profiles"},
        {"tree/build/release/tests", "tree/bench/suites", "tree/plots", "tree/results",
         "tree/comm/fabric/profiles"},
        {"usr/bin", "usr/share/snbench/suites", "usr/share/snbench/plots",
         "usr/share/snbench/results", "usr/share/snbench/profiles"},
    };
    size_t n = strlen(root) + 1;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *dir = sn_strdupf("%s/%s", root, t[i].dir);
        struct sn_datadir d;
        cr_assert_eq(sn_datadir_find(&d, dir), SN_OK, "%s", sn_status_message());
        cr_expect_str_eq(d.suites + n, t[i].suites);
        cr_expect_str_eq(d.plots + n, t[i].plots);
        cr_expect_str_eq(d.results + n, t[i].results);
        cr_expect_str_eq(d.profiles + n, t[i].profiles);
        sn_datadir_close(&d);
        free(dir);
    }
    struct sn_datadir d;
    char *elsewhere = sn_strdupf("%s/other/bin", root);
    cr_expect_eq(sn_datadir_find(&d, elsewhere), SN_EENV);
    cr_expect(strstr(sn_status_message(), "other/share/snbench/suites") &&
                  strstr(sn_status_message(), "other/bench/suites"),
              "%s", sn_status_message());
    free(elsewhere);
    remove_tree(root);
}

/* This program runs from a build tree; every suite of the tree can be read. */
Test(suite, the_suites_of_this_tree)
{
    struct sn_datadir d;
    cr_assert_eq(sn_datadir_open(&d), SN_OK, "%s", sn_status_message());
    struct sn_buf b = {0};
    cr_assert_eq(sn_suite_list(d.suites, note, &b), SN_OK);
    size_t lines = 0;
    for (char *line = b.data; line && *line; line = strchr(line, '\n') + 1, lines++) {
        const char *end = strchr(line, '\n');
        cr_expect(end[-1] == '|', "%.*s", (int)(end - line), line);
    }
    cr_expect(lines >= 2);
    sn_buf_free(&b);
    sn_datadir_close(&d);
}
