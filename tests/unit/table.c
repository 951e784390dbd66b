/* Tables, escaping, numbers for people, documents. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/doc.h"
#include "harness/escape.h"
#include "harness/numbers.h"
#include "harness/table.h"

static void escapes_to(sn_escape escape, const char *text, const char *want)
{
    struct sn_buf b = {0};

    escape(&b, text);
    cr_expect_str_eq(b.data ? b.data : "", want, "'%s' became '%s', not '%s'", text,
                     b.data ? b.data : "", want);
    sn_buf_free(&b);
}

Test(escape, html)
{
    escapes_to(sn_escape_html, "<b a=\"1\" b='2'>&</b>",
               "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;&lt;/b&gt;");
    escapes_to(sn_escape_html, "5 µs\n×\t3", "5 µs × 3");
}

Test(escape, bytes_that_are_no_text)
{
    /* a stray continuation byte, a cut sequence, an overlong slash, a surrogate, a control
     * character, and past the last code point: RFC 3629 allows none of them */
    escapes_to(sn_escape_html, "a\x80z", "a\xef\xbf\xbdz");
    escapes_to(sn_escape_html, "a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(sn_escape_html, "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(sn_escape_html, "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(sn_escape_html, "\x1b[31m", "\xef\xbf\xbd[31m");
    escapes_to(sn_escape_html, "\xf4\x90\x80\x80",
               "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    escapes_to(sn_escape_html, "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
    cr_expect_eq(sn_utf8_length("µ\xf0\x9f\x98\x80z"), 3);
}

Test(escape, markdown)
{
    escapes_to(sn_escape_md, "a|b", "a\\|b");
    escapes_to(sn_escape_md, "put_signal", "put_signal"); /* inside a word it means nothing */
    escapes_to(sn_escape_md, "_x_ *y* `z`", "\\_x\\_ \\*y\\* \\`z\\`");
    escapes_to(sn_escape_md, "[1.2, 1.3]", "[1.2, 1.3]");
    escapes_to(sn_escape_md, "[a](b) <i>", "[a\\](b) &lt;i>");
}

Test(escape, tex)
{
    escapes_to(sn_escape_tex, "50% of $5 & a_b #1 {x}", "50\\% of \\$5 \\& a\\_b \\#1 \\{x\\}");
    escapes_to(sn_escape_tex, "\\end{document}", "\\textbackslash{}end\\{document\\}");
    escapes_to(sn_escape_tex, "--x", "-{}-{}x");
    escapes_to(sn_escape_tex, "[1]", "{[}1{]}");
    escapes_to(sn_escape_tex, "2 µs 漢", "2 \\textmu{}s ?");
}

Test(escape, ascii_csv_json)
{
    escapes_to(sn_escape_ascii, "2 µs × 3 ≥ 漢", "2 us x 3 >= ?");
    escapes_to(sn_escape_csv, "plain", "plain");
    escapes_to(sn_escape_csv, "a,b", "\"a,b\"");
    escapes_to(sn_escape_csv, "say \"x\"", "\"say \"\"x\"\"\"");
    escapes_to(sn_escape_csv, " x", "\" x\"");
    escapes_to(sn_escape_csv, "a\nb", "\"a\nb\"");
    escapes_to(sn_escape_json, "a\"\\\n", "\"a\\\"\\\\\\u000a\"");
}

/* --- numbers ---------------------------------------------------------------------------------- */

Test(numbers, four_significant_digits)
{
    static const struct {
        double value;
        const char *text;
    } t[] = {
        {0.0214149, "0.02141"}, {3.21449, "3.214"}, {99.995, "100.0"},      {999.96, "1000"},
        {48210.4, "48210"},     {1e7, "1.000e+07"}, {0.00005, "5.000e-05"}, {0, "0"},
        {-2.5, "-2.500"},       {NAN, "-"},         {INFINITY, "-"},
    };
    char buf[SN_NUM_SIZE];

    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect_str_eq(sn_num_sig(buf, t[i].value), t[i].text, "%g: %s", t[i].value, buf);
}

Test(numbers, intervals)
{
    static const struct {
        double median, lo, hi;
        const char *text;
    } t[] = {
        {3.2145, 3.2012, 3.2303, "[3.201, 3.231]"}, /* half-width 0.0145: three decimals */
        {3.2145, 3.21449, 3.21451, "[3.214, 3.215]"},
        {106.1, 102.3, 253.4, "[102, 254]"}, /* half-width 75: whole numbers */
        {2, 1, 3, "[1.0, 3.0]"},
        {0.3728, 0.2914, 43.7, "[0.29, 43.70]"}, /* a time is not 0 */
        {5, 5, 5, "[5.000, 5.000]"},
        {5, NAN, NAN, "-"},
        {0.3, 0.3, 0.3, "[0.3000, 0.3000]"}, /* 0.3 / 0.0001 is a little below 3000 */
    };
    char buf[SN_NUM_SIZE];

    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect_str_eq(sn_num_interval(buf, t[i].median, t[i].lo, t[i].hi), t[i].text,
                         "%g [%g, %g]: %s", t[i].median, t[i].lo, t[i].hi, buf);
}

/* Whatever the digits, the printed interval holds the true one, and wastes little. */
Test(numbers, intervals_hold_the_true_one)
{
    struct sn_rng rng = sn_rng_make(7, 0);

    for (int i = 0; i < 20000; i++) {
        double median = pow(10, 9 * sn_rng_uniform(&rng) - 3);
        double lo = median * (1 - 0.5 * pow(sn_rng_uniform(&rng), 4));
        double hi = median * (1 + 2 * pow(sn_rng_uniform(&rng), 4)), got_lo, got_hi, width;
        char buf[SN_NUM_SIZE];
        cr_assert_eq(sscanf(sn_num_interval(buf, median, lo, hi), "[%lf, %lf]", &got_lo, &got_hi),
                     2, "%s", buf);
        cr_assert(got_lo <= lo * (1 + 1e-9) && got_hi >= hi * (1 - 1e-9), "%.12g %.12g: %s", lo, hi,
                  buf);
        /* A step is at most a tenth of the half-width, or the last of four digits of the median, or
         * 1: two such steps are all that rounding may add. */
        width = hi - lo + 2 * fmax(fmax(0.05 * (hi - lo), 1e-3 * median), median >= 1000);
        cr_assert(got_hi - got_lo <= width * (1 + 1e-9), "%.12g %.12g: %s", lo, hi, buf);
    }
}

Test(numbers, one_scale_for_a_column)
{
    const double times[] = {90e-9, 1e-6, 20e-6, NAN}, rates[] = {2e9, 30e9}, edge[] = {999.6e-9};
    struct sn_scale s = sn_scale_choose("s", times, 4);

    cr_expect_str_eq(s.unit, "µs"); /* the geometric middle is 1.2 us */
    cr_expect_eq(s.factor, 1e-6);
    cr_expect_str_eq(sn_scale_choose("B/s", rates, 2).unit, "GB/s");
    cr_expect_str_eq(sn_scale_choose("s", edge, 1).unit, "µs"); /* not "1000 ns" */
    cr_expect_str_eq(sn_scale_choose("1", rates, 2).unit, "");
    cr_expect_str_eq(sn_scale_choose("token/s", rates, 2).unit, "token/s");
    cr_expect_eq(sn_scale_choose("s", NULL, 0).factor, 1);
}

Test(numbers, files_and_counts)
{
    char buf[SN_NUM_SIZE];

    cr_expect_str_eq(sn_num_raw(buf, 1.0 / 3), "0.333333333333");
    cr_expect_str_eq(sn_num_raw(buf, -0.0), "0");
    cr_expect_str_eq(sn_num_raw(buf, NAN), "");
    cr_expect_str_eq(sn_num_count(buf, 9999), "9999");
    cr_expect_str_eq(sn_num_count(buf, 1048576), "1\xc2\xa0"
                                                 "048\xc2\xa0"
                                                 "576");
    cr_expect_str_eq(sn_num_percent(buf, 0.97412), "97.4");
    cr_expect_str_eq(sn_num_percent(buf, 1.089), "108.9");
    cr_expect_str_eq(sn_num_percent(buf, 0.0344), "3.44");
    cr_expect_str_eq(sn_num_percent(buf, 0.00017), "0.02");
    cr_expect_str_eq(sn_num_percent(buf, 0.00003), "<0.01");
    cr_expect_str_eq(sn_num_percent(buf, 0), "0.00");
    cr_expect_str_eq(sn_num_percent(buf, NAN), "-");
}

/* --- tables ----------------------------------------------------------------------------------- */

static void sample_table(struct sn_table *t)
{
    sn_table_init(t);
    sn_table_column(t, &(struct sn_column){"op", "op", false, 0, SN_SHOW_ALL});
    sn_table_column(t, &(struct sn_column){"median_s", "median (µs)", true, 0, SN_SHOW_ALL});
    sn_table_column(t, &(struct sn_column){"p99_s", "p99 (µs)", true, 5, SN_SHOW_ALL});
    sn_table_column(t, &(struct sn_column){"id", NULL, false, 0, SN_SHOW_FILES});
    sn_table_column(t, &(struct sn_column){NULL, "note", false, 1, SN_SHOW_PEOPLE});
    sn_table_row(t);
    sn_table_set(t, 0, "get", "get");
    sn_table_set(t, 1, "3.214", "3.214e-06");
    sn_table_set(t, 3, NULL, "ab,c");
    sn_table_set(t, 4, "a | b <c>", NULL);
    sn_table_tone(t, 4, SN_TONE_BAD);
    sn_table_row(t);
    sn_table_set(t, 0, "put_x", "put_x");
    sn_table_set(t, 1, "12.5", "1.25e-05");
    sn_table_set(t, 2, "20", "2e-05");
    sn_table_set(t, 3, NULL, "d");
}

static void table_is(void (*writer)(const struct sn_table *, struct sn_buf *), const char *want)
{
    struct sn_table t;
    struct sn_buf b = {0};

    sample_table(&t);
    writer(&t, &b);
    cr_expect_str_eq(b.data, want, "got:\n%s", b.data);
    sn_buf_free(&b);
    sn_table_free(&t);
}

static void text_100(const struct sn_table *t, struct sn_buf *b)
{
    sn_table_text(t, 100, b);
}

static void text_24(const struct sn_table *t, struct sn_buf *b)
{
    sn_table_text(t, 24, b);
}

static void text_8(const struct sn_table *t, struct sn_buf *b)
{
    sn_table_text(t, 8, b);
}

Test(table, text)
{
    table_is(text_100, "op     median   p99  note\n"
                       "         (us)  (us)\n"
                       "------------------------------\n"
                       "get     3.214     -  a | b <c>\n"
                       "put_x    12.5    20  -\n");
}

Test(table, text_leaves_out_the_least_important)
{
    table_is(text_24, "op     median  note\n"
                      "         (us)\n"
                      "------------------------\n"
                      "get     3.214  a | b <c>\n"
                      "put_x    12.5  -\n"
                      "(left out for width: p99 (us))\n");
    /* what must be shown is shown even when it is too wide */
    table_is(text_8, "op     median\n"
                     "         (us)\n"
                     "-------------\n"
                     "get     3.214\n"
                     "put_x    12.5\n"
                     "(left out for width: p99 (us), note)\n");
}

Test(table, text_wraps_the_last_column)
{
    struct sn_table t;
    struct sn_buf b = {0};

    sn_table_init(&t);
    sn_table_column(&t, &(struct sn_column){NULL, "fact", false, 0, SN_SHOW_PEOPLE});
    sn_table_column(&t, &(struct sn_column){NULL, "value", false, 0, SN_SHOW_PEOPLE});
    sn_table_row(&t);
    sn_table_set(&t, 0, "caches", NULL);
    sn_table_set(&t, 1, "one two three four five six seven eight nine ten", NULL);
    sn_table_text(&t, 34, &b);
    cr_expect_str_eq(b.data,
                     "fact    value\n"
                     "----------------------------------\n"
                     "caches  one two three four five\n"
                     "        six seven eight nine ten\n",
                     "got:\n%s", b.data);
    sn_buf_free(&b);
    sn_table_free(&t);
}

Test(table, markdown_and_csv)
{
    table_is(sn_table_md, "| op    | median (µs) | p99 (µs) | note          |\n"
                          "|:------|------------:|---------:|:--------------|\n"
                          "| get   |       3.214 |        - | a \\| b &lt;c> |\n"
                          "| put_x |        12.5 |       20 | -             |\n");
    table_is(sn_table_csv, "op,median_s,p99_s,id\n"
                           "get,3.214e-06,,\"ab,c\"\n"
                           "put_x,1.25e-05,2e-05,d\n");
}

Test(table, tex)
{
    table_is(sn_table_tex, "\\begin{longtable}{@{}lrrl@{}}\n"
                           "\\toprule\n"
                           "op & median (\\textmu{}s) & p99 (\\textmu{}s) & note \\\\\n"
                           "\\midrule\n"
                           "\\endhead\n"
                           "get & 3.214 & -{} & a \\textbar{} b \\textless{}c\\textgreater{} \\\\\n"
                           "put\\_x & 12.5 & 20 & -{} \\\\\n"
                           "\\bottomrule\n"
                           "\\end{longtable}\n");
}

Test(table, html_is_escaped_and_marked)
{
    struct sn_table t;
    struct sn_buf b = {0};

    sample_table(&t);
    sn_table_html(&t, "A & B", &b);
    cr_expect(strstr(b.data, "<caption>A &amp; B</caption>"));
    cr_expect(strstr(b.data, "<td class=\"t bad\">a | b &lt;c&gt;</td>"));
    cr_expect(strstr(b.data, "<th scope=\"col\" class=\"n\">median<br><small>(µs)</small></th>"));
    cr_expect(strstr(b.data, "<td class=\"n\">3.214</td>"));
    cr_expect_not(strstr(b.data, "ab,c"), "a column for files is on the page");
    sn_buf_free(&b);
    sn_table_free(&t);
}

/* --- documents -------------------------------------------------------------------------------- */

Test(doc, markdown_fence_is_longer_than_what_it_holds)
{
    struct sn_doc d;
    struct sn_buf b = {0};

    sn_doc_init(&d, "t");
    sn_doc_code(&d, "echo ```x```");
    sn_doc_md(&d, &b);
    cr_expect_str_eq(b.data, "# t\n\n````\necho ```x```\n````\n");
    sn_buf_free(&b);
    sn_doc_free(&d);
}

Test(doc, html_holds_no_markup_of_the_texts)
{
    static const char evil[] = "</style><script>alert(1)</script>\"'";
    struct sn_doc d;
    struct sn_table t;
    struct sn_buf b = {0};

    sn_table_init(&t);
    sn_table_column(&t, &(struct sn_column){NULL, evil, false, 0, SN_SHOW_PEOPLE});
    sn_table_row(&t);
    sn_table_set(&t, 0, evil, NULL);
    sn_doc_init(&d, evil);
    d.subtitle = sn_strdup(evil);
    sn_doc_verdict(&d, SN_TONE_BAD, evil);
    sn_doc_term(&d, evil, "%s", evil);
    sn_doc_heading(&d, 2, evil);
    sn_doc_para(&d, "%s", evil);
    sn_doc_open(&d, SN_BLOCK_LIST);
    sn_doc_term(&d, NULL, "%s", evil);
    sn_doc_code(&d, evil);
    sn_doc_table(&d, &t, evil);
    sn_doc_figure(&d, evil, NULL, evil);
    sn_doc_html(&d, &b);
    cr_expect_not(strstr(b.data, "<script"), "a text became markup");
    cr_expect_null(strstr(strstr(b.data, "</style>") + 1, "</style>"));
    cr_expect_not(strstr(b.data, "\"'"));
    sn_buf_free(&b);
    sn_doc_free(&d);
}

Test(doc, text_wraps_at_the_width)
{
    struct sn_doc d;
    struct sn_buf b = {0};

    sn_doc_init(&d, "");
    sn_doc_open(&d, SN_BLOCK_TERMS);
    sn_doc_term(&d, "Timed", "one two three four five six");
    sn_doc_text(&d, 22, &b);
    cr_expect_str_eq(b.data, "  Timed  one two three\n         four five six\n", "%s", b.data);
    sn_buf_free(&b);
    sn_doc_free(&d);
}
