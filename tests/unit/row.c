/* Rows: building, one line of JSON and back, everything that a strict decoder refuses. */
#include <criterion/criterion.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/row.h"
#include "harness/row_fields.h"

static const struct sn_metric_doc docs[] = {
    {"bandwidth", "B/s", true, "bytes.wire / median"},
    {"rate", "1/s", true, "1 / median"},
    {"imbalance", "1", false, "max / mean"},
    {0},
};

/* A row with something in every field. */
static void fill(struct sn_row *r)
{
    static const double samples[] = {1.5e-6, 1.25e-6, 1.75e-6, 2e-6, 1e-6, 3e-6, 1.0 / 3e6};
    sn_row_init(r);
    r->bench = "latency";
    sn_row_add_param_text(r, "op", "get");
    sn_row_add_param_int(r, "size", 4096);
    sn_row_add_param_real(r, "skew", 2);
    r->seed = 7;
    r->clock = "wall";
    r->ranks = 2;
    r->endpoints = 2;
    r->warmup = 40;
    r->batch = 16;
    r->steady = true;
    r->stop = SN_STOP_CI;
    r->sync = "round";
    sn_row_set_samples(r, samples, 7);
    r->bytes.logical = 4096;
    r->bytes.wire = 4096;
    r->limit_s = 2.5e-7;
    r->limit_why = "copy roof at 4 KiB";
    sn_row_compute(r);
    sn_row_add_metric(r, docs, "bandwidth", 4096 / r->stats.median);
    sn_row_add_metric(r, docs, "imbalance", NAN);
    r->check.what = "every byte with its source";
    r->check.compared = 8192;
    sn_row_add_part(r, "pack", 1e-7);
    sn_row_add_counter(r, "cycles", 4000, NULL);
    sn_row_add_counter(r, "llc-misses", NAN, "the virtual machine has no counters");
    sn_row_add_flag(r, "unsteady");
    sn_row_set_id(r);
}

static char *encode(const struct sn_row *r)
{
    struct sn_buf b = {0};
    sn_row_encode(r, &b);
    return b.data;
}

/* The statistics of the seven samples, worked by hand: sorted 0.333.., 1, 1.25, 1.5, 1.75, 2, 3 us;
 * the 95 % interval of a median of 7 is x(1)..x(7); the mean is (1/3 + 10.5)/7 us; no percentile.
 */
static const char *const expected =
    "{\"schema\":\"snbench-row-1\",\"bench\":\"latency\","
    "\"params\":{\"op\":\"get\",\"size\":4096,\"skew\":2.0},\"id\":\"ID\","
    "\"origin\":\"measured\",\"clock\":\"wall\",\"status\":\"ok\",\"reason\":null,"
    "\"ranks\":2,\"endpoints\":2,\"seed\":7,\"launch\":0,\"n\":7,\"warmup\":40,\"invalid\":0,"
    "\"batch\":16,\"steady\":true,\"stop\":\"ci\",\"sync\":\"round\","
    "\"samples_s\":[1.5e-6,1.25e-6,1.75e-6,2e-6,1e-6,3e-6,3.33333333333e-7],"
    "\"stats\":{\"min\":3.33333333333e-7,\"median\":1.5e-6,\"ci95\":[3.33333333333e-7,3e-6],"
    "\"p95\":null,\"p99\":null,\"max\":3e-6,\"mean\":1.54761904762e-6,\"stddev\":STDDEV},"
    "\"bytes\":{\"logical\":4096,\"wire\":4096,\"local\":0},"
    "\"metrics\":{\"bandwidth\":{\"value\":2730666666.67,\"unit\":\"B/s\",\"better\":\"higher\","
    "\"formula\":\"bytes.wire / median\"},\"imbalance\":{\"value\":null,\"unit\":\"1\","
    "\"better\":\"lower\",\"formula\":\"max / mean\"}},"
    "\"limit_s\":2.5e-7,\"limit_why\":\"copy roof at 4 KiB\",\"efficiency\":0.166666666667,"
    "\"check\":{\"what\":\"every byte with its source\",\"compared\":8192,\"errors\":0,"
    "\"tolerance\":0.0,\"first\":null},\"breakdown\":[{\"part\":\"pack\",\"s\":1e-7}],"
    "\"counters\":{\"cycles\":4000.0,\"llc-misses\":{\"unavailable\":"
    "\"the virtual machine has no counters\"}},\"flags\":[\"unsteady\"]}\n";

/* A copy of `text` with the first `from` replaced; the text must hold it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    cr_assert_not_null(at, "'%s' is not in %s", from, text);
    return sn_strdupf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

Test(row, line_is_as_documented)
{
    struct sn_row r;
    fill(&r);
    char *line = encode(&r), stddev[40];
    /* sum of (x - mean)^2 / 6 with the exact samples, 12 digits */
    double x[] = {1.5, 1.25, 1.75, 2, 1, 3, 0.333333333333}, mean = 0, q = 0;
    for (int i = 0; i < 7; i++)
        mean += x[i] / 7;
    for (int i = 0; i < 7; i++)
        q += (x[i] - mean) * (x[i] - mean);
    snprintf(stddev, sizeof stddev, "%.11fe-7", sqrt(q / 6) * 10);
    char *with_id = replaced(expected, "ID", r.id), *want = replaced(with_id, "STDDEV", stddev);
    cr_assert_str_eq(line, want);
    free(want);
    free(with_id);
    free(line);
    sn_row_free(&r);
}

Test(row, encode_of_decode_is_the_same_line)
{
    struct sn_row r, back;
    fill(&r);
    char *line = encode(&r);
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    char *again = encode(&back);
    cr_assert_str_eq(again, line);
    cr_assert_eq(sn_row_param(&back, "skew")->type, SN_PARAM_REAL);
    cr_assert_eq(sn_row_param(&back, "size")->i, 4096);
    cr_assert_str_eq(sn_row_param(&back, "skew")->text, "2");
    cr_assert(isnan(sn_row_metric(&back, "imbalance")->value));
    cr_assert(sn_row_metric(&back, "bandwidth")->higher_is_better);
    cr_assert_null(sn_row_metric(&back, "rate"));
    cr_assert_null(sn_row_param(&back, "Size"));
    cr_assert_str_eq(back.id, r.id);
    sn_row_set_id(&back); /* recomputed from what was stored */
    cr_assert_str_eq(back.id, r.id);
    free(again);
    free(line);
    sn_row_free(&back);
    sn_row_free(&r);
}

Test(row, empty_row_keeps_its_nulls)
{
    struct sn_row r, back;
    sn_row_init(&r);
    r.bench = "none";
    r.status = SN_ROW_SKIPPED;
    r.reason = "needs 2 ranks";
    sn_row_set_id(&r);
    char *line = encode(&r);
    cr_assert_not_null(strstr(line, "\"clock\":null"));
    cr_assert_not_null(strstr(line, "\"ranks\":null,\"endpoints\":null"));
    cr_assert_not_null(strstr(line, "\"stop\":null,\"sync\":null,\"samples_s\":[]"));
    cr_assert_not_null(strstr(line, "\"ci95\":[null,null]"));
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    cr_assert_eq(back.ranks, -1);
    cr_assert_eq(back.endpoints, -1);
    cr_assert_eq(back.stop, SN_STOP_NONE);
    cr_assert_null(back.clock);
    char *again = encode(&back);
    cr_assert_str_eq(again, line);
    free(again);
    free(line);
    sn_row_free(&back);
    sn_row_free(&r);
}

/* Reals of every size, integral ones among them, come back as they went. */
Test(row, reals_round_trip)
{
    struct sn_rng g = sn_rng_make(11, 0);
    double x[512];
    struct sn_row r, back;
    fill(&r);
    for (int i = 0; i < 512; i++)
        x[i] = i < 16 ? i : ldexp(sn_rng_uniform(&g) + 0.5, (int)sn_rng_below(&g, 2000) - 1000);
    sn_row_set_samples(&r, x, 512);
    char *line = encode(&r);
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    for (int i = 0; i < 512; i++) {
        cr_assert_eq(back.samples_s[i], r.samples_s[i], "sample %d: %.17g %.17g", i,
                     back.samples_s[i], r.samples_s[i]);
        cr_assert_eq(back.samples_s[i], sn_units_snap(x[i]));
    }
    char *again = encode(&back);
    cr_assert_str_eq(again, line);
    free(again);
    free(line);
    sn_row_free(&back);
    sn_row_free(&r);
}

Test(row, many_entries_keep_their_order)
{
    struct sn_row r, back;
    fill(&r);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        sn_row_add_flag(&r, name);
        sn_row_add_flag(&r, name);
        sn_row_add_param_int(&r, name, i);
        sn_row_add_part(&r, name, i);
        sn_row_add_counter(&r, name, i, NULL);
    }
    cr_assert_eq(r.n_flags, 101);
    char *line = encode(&r);
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        cr_assert_str_eq(back.flags[1 + i], name);
        cr_assert_str_eq(back.params[3 + i].name, name);
        cr_assert_eq(back.params[3 + i].i, i);
        cr_assert_eq(back.breakdown[1 + i].s, i);
        cr_assert_eq(back.counters[2 + i].value, i);
    }
    free(line);
    sn_row_free(&back);
    sn_row_free(&r);
}

/* A row that has none is the line it always was; one that has some keeps them. */
Test(row, optional_lists_are_there_where_there_is_something)
{
    struct sn_row r, back;
    fill(&r);
    char *line = encode(&r);
    cr_expect_null(strstr(line, "timeline"));
    cr_expect_null(strstr(line, "sensitivity"));
    free(line);
    sn_row_add_span(&r, "stream 0", "attention", 0, 1e-3);
    sn_row_add_span(&r, "stream 0", "attention", 1e-3, 2e-3);
    sn_row_add_sensitivity(&r, "memory.bandwidth", 0.071, -1.0 / 17);
    line = encode(&r);
    cr_assert(
        strstr(line,
               "\"timeline\":[{\"lane\":\"stream 0\",\"name\":\"attention\",\"start_s\":0.0,"
               "\"s\":0.001},{\"lane\":\"stream 0\",\"name\":\"attention\",\"start_s\":0.001,"
               "\"s\":0.002}],\"sensitivity\":[{\"name\":\"memory.bandwidth\",\"minus\":0.071,"
               "\"plus\":-0.0588235294118}],\"counters\""),
        "%s", line);
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    cr_assert_eq(back.n_timeline, 2);
    cr_expect_str_eq(back.timeline[1].lane, "stream 0");
    cr_expect_eq(back.timeline[1].s, 2e-3);
    cr_assert_eq(back.n_sensitivity, 1);
    cr_expect_eq(back.sensitivity[0].plus, -0.0588235294118);
    char *again = encode(&back);
    cr_expect_str_eq(again, line);
    sn_row_free(&back);
    free(again);
    free(line);
    sn_row_free(&r);
}

Test(row, text_that_is_not_utf8_is_made_so)
{
    struct sn_row r, back;
    fill(&r);
    /* a good two-byte letter; a lone continuation; overlong '/'; a surrogate; a cut sequence */
    sn_row_add_param_text(&r, "path",
                          "\xc3\xbc|\x80|\xc0\xaf|\xed\xa0\x80|\xf0\x9f\x98\x80|\xe2\x82");
    cr_assert_str_eq(sn_row_param(&r, "path")->text, "\xc3\xbc|?|??|???|\xf0\x9f\x98\x80|??");
    r.limit_why = "\xff literal";
    sn_row_set_id(&r);
    char *line = encode(&r);
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    cr_assert_str_eq(back.limit_why, "? literal");
    sn_row_set_id(&back);
    cr_assert_str_eq(back.id, r.id);
    free(line);
    sn_row_free(&back);
    sn_row_free(&r);
}

Test(row, id_depends_on_bench_params_order_and_seed_alone)
{
    struct sn_row a, b;
    fill(&a);
    fill(&b);
    cr_assert_eq(strlen(a.id), 16);
    cr_assert_eq(strspn(a.id, "0123456789abcdef"), 16);
    b.launch = 3;
    b.ranks = 64;
    b.status = SN_ROW_FAILED;
    sn_row_set_id(&b);
    cr_assert_str_eq(a.id, b.id);
    b.seed++;
    sn_row_set_id(&b);
    cr_assert_str_neq(a.id, b.id);
    b.seed--;
    b.bench = "latenc";
    sn_row_set_id(&b);
    cr_assert_str_neq(a.id, b.id);
    b.bench = "latency";
    struct sn_param p = b.params[0];
    b.params[0] = b.params[1];
    b.params[1] = p;
    sn_row_set_id(&b);
    cr_assert_str_neq(a.id, b.id);
    sn_row_free(&a);
    sn_row_free(&b);
}

/* The id is part of stored files: it must not change between versions of one schema. The value is
 * FNV-1a and the splitmix64 finaliser over "snbench-row-1\0latency\0" "1\0op=get\0size=8\0",
 * computed apart from this program. */
Test(row, id_is_stable)
{
    struct sn_row r;
    sn_row_init(&r);
    r.bench = "latency";
    r.seed = 1;
    sn_row_add_param_text(&r, "op", "get");
    sn_row_add_param_int(&r, "size", 8);
    sn_row_set_id(&r);
    cr_assert_str_eq(r.id, "39ac25f12a519405");
    sn_row_free(&r);
}

Test(row, efficiency_above_one_is_suspect_once)
{
    struct sn_row r;
    fill(&r);
    cr_assert(!sn_row_has_flag(&r, "suspect"));
    r.limit_s = 3e-6;
    sn_row_compute(&r);
    sn_row_compute(&r);
    cr_assert_float_eq(r.efficiency, 2, 1e-12);
    cr_assert_eq(r.limit_s, 3e-6);
    cr_assert(sn_row_has_flag(&r, "suspect"));
    cr_assert_eq(r.n_flags, 2);
    r.limit_s = 1.0 / 3e6;
    sn_row_compute(&r);
    cr_assert_eq(r.limit_s, 3.33333333333e-7); /* as stored: the efficiency is that of the file */
    r.limit_s = NAN;
    sn_row_compute(&r);
    cr_assert(isnan(r.efficiency));
    sn_row_set_samples(&r, NULL, 0);
    sn_row_compute(&r);
    cr_assert(isnan(r.stats.median) && isnan(r.stats.ci95_lo) && isnan(r.stats.stddev));
    sn_row_free(&r);
}

/* Samples of a foreign file may be anything: what overflows is null. */
Test(row, statistics_that_overflow_are_null)
{
    static const double huge[] = {1.5e308, 1.5e308, 1e-308};
    struct sn_row r;
    fill(&r);
    sn_row_set_samples(&r, huge, 3);
    sn_row_compute(&r);
    cr_assert(isnan(r.stats.mean) && isnan(r.stats.stddev));
    cr_assert_eq(r.stats.max, 1.5e308);
    sn_row_set_samples(&r, huge + 2, 1);
    r.limit_s = 1e300;
    sn_row_compute(&r);
    cr_assert(isnan(r.efficiency));
    sn_row_free(&r);
}

Test(row, decoder_refuses)
{
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"{\"schema\"", "[\"schema\"", "not a JSON object"},
        {"]}\n", "]", "not a JSON object"},
        {"snbench-row-1", "snbench-row-2",
         "schema: must be \"snbench-row-1\", is \"snbench-row-2\""},
        {"\"bench\":\"latency\",", "", "bench: missing"},
        {"\"stats\"", "\"stat\"", "stat: unknown key; the nearest is stats"},
        {"\"flags\":", "\"color\":1,\"flags\":", "color: unknown key"},
        {"\"counters\":", "\"timeline\":[],\"counters\":",
         "timeline: must be an array that is not empty, is []"},
        {"\"counters\":",
         "\"timeline\":[{\"lane\":\"a\",\"name\":\"b\",\"start_s\":-1,\"s\":1}],\"counters\":",
         "timeline[0].start_s: must be a number of at least 0, is -1"},
        {"\"counters\":", "\"sensitivity\":[{\"name\":\"a\",\"minus\":0}],\"counters\":",
         "sensitivity[0].plus: missing"},
        {"\"p95\":null,", "", "stats.p95: missing"},
        {"\"p95\":null,", "\"p95\":null,\"p96\":null,",
         "stats.p96: unknown key; the nearest is p95"},
        {"\"n\":7", "\"n\":7,\"n\":7", "duplicate object key"},
        {"\"n\":7", "\"n\":8", "n: is 8, but samples_s has 7"},
        {"\"n\":7", "\"n\":-7", "n: must be an integer of 0 to"},
        {"\"n\":7", "\"n\":7.0", "n: must be an integer of 0 to"},
        {"\"n\":7", "\"n\":99999999999999999999", "too big"},
        {"\"seed\":7", "\"seed\":null", "seed: must be an integer"},
        {"\"ranks\":2", "\"ranks\":0",
         "ranks: must be an integer of 1 to 2147483647 or null, is 0"},
        {"\"ranks\":2", "\"ranks\":2147483648", "ranks: must be an integer of 1 to"},
        {"\"launch\":0", "\"launch\":-1", "launch: must be an integer of 0 to"},
        {"\"batch\":16", "\"batch\":4294967296", "batch: must be an integer of 0 to 4294967295"},
        {"\"bench\":\"latency\"", "\"bench\":\"\"", "bench: must be a text, is \"\""},
        {"\"id\":\"", "\"id\":\"0", "id: must be 16 hexadecimal digits"},
        {"\"origin\":\"measured\"", "\"origin\":\"measurd\"",
         "origin: must be one of \"measured\", \"emulated\""},
        {"\"origin\":\"measured\"", "\"origin\":null", "origin: must be one of"},
        {"\"clock\":\"wall\"", "\"clock\":\"cpu\"",
         "clock: must be one of \"wall\", \"model\" or null, is \"cpu\""},
        {"\"stop\":\"ci\"", "\"stop\":\"none\"",
         "stop: must be one of \"ci\", \"max\", \"budget\""},
        {"\"sync\":\"round\"", "\"sync\":7", "sync: must be one of"},
        {"\"reason\":null", "\"reason\":\"x\"", "reason: must be null in a row that is ok"},
        {"\"status\":\"ok\"", "\"status\":\"failed\"", "reason: missing in a row that is failed"},
        {"\"steady\":true", "\"steady\":1", "steady: must be true or false, is 1"},
        {"[1.5e-6", "[-1.5e-6", "samples_s[0]: must be a number of at least 0, is -1.5e-6"},
        {"1.25e-6", "null", "samples_s[1]: must be a number of at least 0, is null"},
        {"1.25e-6", "1e999", "real number overflow"},
        {"\"median\":1.5e-6", "\"median\":\"1\"",
         "stats.median: must be a number of at least 0 or null"},
        {"\"ci95\":[", "\"ci95\":[1,", "stats.ci95: must be an array of two numbers"},
        {"\"wire\":4096", "\"wire\":true", "bytes.wire: must be an integer"},
        {"\"size\":4096", "\"size\":[]", "params.size: must be a number or a text, is []"},
        {"\"better\":\"higher\"", "\"better\":\"more\"",
         "metrics.bandwidth.better: must be one of \"lower\", \"higher\", is \"more\""},
        {"\"unit\":\"B/s\",", "", "metrics.bandwidth.unit: missing"},
        {"\"s\":1e-7", "\"s\":null", "breakdown[0].s: must be a number of at least 0, is null"},
        {"\"unavailable\"", "\"because\"", "counters.llc-misses: must be a number or"},
        {"[\"unsteady\"]", "[\"unsteady\",\"unsteady\"]", "flags[1]: must be a flag that was not"},
        {"[\"unsteady\"]", "{}", "flags: must be an array, is {}"},
        {"\"tolerance\":0.0", "\"tolerance\":null", "check.tolerance: must be a number"},
        {"\"efficiency\":0.1", "\"efficiency\":-0.1", "efficiency: must be a number of at least 0"},
    };
    struct sn_row r;
    fill(&r);
    char *line = encode(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_row out, before;
        memset(&out, 0x5a, sizeof out);
        before = out;
        char *bad = replaced(line, cases[i].from, cases[i].to);
        cr_expect_eq(sn_row_decode(&out, bad, strlen(bad)), SN_EINVAL, "%s", cases[i].message);
        cr_expect(strstr(sn_status_message(), cases[i].message), "wanted: %s\n   got: %s",
                  cases[i].message, sn_status_message());
        cr_expect_eq(memcmp(&out, &before, sizeof out), 0, "out was touched: %s", cases[i].message);
        free(bad);
    }
    free(line);
    sn_row_free(&r);
}

/* A row without a checksum has no such key: rows of before stay what they were. */
Test(row, a_checksum_is_there_or_not)
{
    struct sn_row r, back;
    fill(&r);
    char *plain = encode(&r);
    cr_expect_null(strstr(plain, "checksum"));
    r.check.checksum = "0123456789abcdef";
    char *line = encode(&r), *want = replaced(plain, "\"first\":null}",
                                              "\"first\":null,\"checksum\":\"0123456789abcdef\"}");
    cr_expect_str_eq(line, want);
    cr_assert_eq(sn_row_decode(&back, line, strlen(line)), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(back.check.checksum, "0123456789abcdef");
    char *again = encode(&back);
    cr_expect_str_eq(again, line);
    sn_row_free(&back);
    static const char *const wrong[] = {"\"0123456789abcde\"", "\"0123456789abcdeF\"", "null", "7",
                                        "\"\""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *bad = replaced(line, "\"0123456789abcdef\"", wrong[i]);
        cr_expect_eq(sn_row_decode(&back, bad, strlen(bad)), SN_EINVAL, "%s", wrong[i]);
        cr_expect(strstr(sn_status_message(), "check.checksum"), "%s", sn_status_message());
        free(bad);
    }
    free(plain);
    free(line);
    free(want);
    free(again);
    sn_row_free(&r);
}

/* The order of the table is the order of the file, and schema.json names the same keys. */
static void compare_keys(const struct sn_row_field *fields, const json_t *schema, const char *what)
{
    const json_t *required = json_object_get(schema, "required");
    const json_t *properties = json_object_get(schema, "properties");
    cr_assert_eq(json_object_get(schema, "additionalProperties"), json_false(), "%s", what);
    size_t n = 0, optional = 0;
    for (const struct sn_row_field *f = fields; f->key; f++) {
        const char *key = json_string_value(json_array_get(required, n));
        if (f->optional)
            optional++;
        else
            cr_assert_str_eq(key ? key : "(none)", f->key, "%s", what);
        n += !f->optional;
        const json_t *p = json_object_get(properties, f->key);
        cr_assert_not_null(p, "%s.%s", what, f->key);
        if (f->kind == SN_FIELD_OBJECT)
            compare_keys(f->fields, p, f->key);
    }
    cr_assert_eq(json_array_size(required), n, "%s", what);
    cr_assert_eq(json_object_size(properties), n + optional, "%s", what);
}

Test(row, schema_file_names_the_same_keys)
{
    json_error_t e;
    json_t *schema = json_load_file("results/schema.json", 0, &e);
    cr_assert_not_null(schema, "results/schema.json:%d: %s", e.line, e.text);
    compare_keys(sn_row_fields, schema, "row");
    const json_t *p = json_object_get(schema, "properties");
    const json_t *metric = json_object_get(json_object_get(p, "metrics"), "additionalProperties");
    compare_keys(sn_row_metric_fields, metric, "metric");
    compare_keys(sn_row_part_fields, json_object_get(json_object_get(p, "breakdown"), "items"),
                 "part");
    compare_keys(sn_row_span_fields, json_object_get(json_object_get(p, "timeline"), "items"),
                 "span");
    compare_keys(sn_row_change_fields, json_object_get(json_object_get(p, "sensitivity"), "items"),
                 "change");
    json_decref(schema);
}

/* ---- files ----------------------------------------------------------------------------------- */

static char *two_lines(void)
{
    struct sn_row r;
    struct sn_buf b = {0};
    fill(&r);
    sn_row_encode(&r, &b);
    r.launch = 1;
    sn_row_encode(&r, &b);
    sn_row_free(&r);
    return b.data;
}

Test(rows, parse_names_file_and_line)
{
    struct sn_rows rows = {0};
    char *text = two_lines(), *cut = replaced(text, "\"launch\":1", "\"launch\":\"1\"");
    cr_assert_eq(sn_rows_parse(&rows, "f", text, strlen(text), NULL), SN_OK);
    cr_assert_eq(rows.n, 2);
    cr_assert_eq(rows.rows[1].launch, 1);
    sn_rows_free(&rows);
    cr_assert_eq(sn_rows_parse(&rows, "f.jsonl", cut, strlen(cut), NULL), SN_EINVAL);
    cr_assert_eq(strncmp(sn_status_message(), "f.jsonl:2: launch: must be", 26), 0, "%s",
                 sn_status_message());
    cr_assert_eq(rows.n, 0);
    cr_assert_eq(sn_rows_parse(&rows, "f", "", 0, NULL), SN_OK);
    cr_assert_eq(rows.n, 0);
    cr_assert_eq(sn_rows_parse(&rows, "f", "\n", 1, NULL), SN_EINVAL);
    free(cut);
    free(text);
}

Test(rows, torn_last_line)
{
    struct sn_rows rows = {0};
    char *text = two_lines();
    size_t whole = (size_t)(strchr(text, '\n') + 1 - text), torn;
    for (size_t n = whole; n < strlen(text); n += 97) {
        cr_assert_eq(sn_rows_parse(&rows, "f", text, n, &torn), SN_OK);
        cr_assert_eq(rows.n, 1);
        cr_assert_eq(torn, whole);
        sn_rows_free(&rows);
        if (n > whole) {
            cr_assert_eq(sn_rows_parse(&rows, "f", text, n, NULL), SN_EINVAL);
            cr_assert_not_null(strstr(sn_status_message(), "f:2: the line does not end"));
        }
    }
    cr_assert_eq(sn_rows_parse(&rows, "f", text, strlen(text), &torn), SN_OK);
    cr_assert_eq(torn, strlen(text));
    sn_rows_free(&rows);
    free(text);
}

Test(rows, missing_file_is_named)
{
    struct sn_rows rows;
    cr_assert_eq(sn_rows_read(&rows, "/nonexistent/rows.jsonl", NULL), SN_EIO);
    cr_assert_not_null(strstr(sn_status_message(), "/nonexistent/rows.jsonl"));
}

/* Processor time, not wall time: a quadratic reader would need 64 times as much for 8 times the
 * rows. */
Test(rows, many_rows_are_read_in_linear_time)
{
    struct sn_rows rows;
    struct sn_buf line = {0}, small = {0}, big = {0};
    struct sn_row r;
    fill(&r);
    sn_row_encode(&r, &line);
    for (int i = 0; i < 40000; i++) {
        if (i < 5000)
            sn_buf_addn(&small, line.data, line.len);
        sn_buf_addn(&big, line.data, line.len);
    }
    clock_t t0 = clock();
    cr_assert_eq(sn_rows_parse(&rows, "small", small.data, small.len, NULL), SN_OK);
    sn_rows_free(&rows);
    clock_t t1 = clock();
    cr_assert_eq(sn_rows_parse(&rows, "big", big.data, big.len, NULL), SN_OK);
    cr_assert_eq(rows.n, 40000);
    sn_rows_free(&rows);
    clock_t t2 = clock();
    cr_assert_lt(t2 - t1, 32 * (t1 - t0), "8 times the rows took %.1f times as long",
                 (double)(t2 - t1) / (double)(t1 - t0));
    sn_buf_free(&big);
    sn_buf_free(&small);
    sn_buf_free(&line);
    sn_row_free(&r);
}
