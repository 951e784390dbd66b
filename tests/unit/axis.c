/* Sweeps: expansions worked by hand, and the one line that each mistake gives. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/axis.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static int check_routing(const char *term)
{
    if (!strncmp(term, "zipf(", 5) || !strncmp(term, "hot(", 4) || !strcmp(term, "uniform"))
        return SN_OK;
    return SN_FAIL(SN_EINVAL, "no routing '%s'; right is for example zipf(1.2)", term);
}

static const char *const ops[] = {"get", "put", "atomic", "send", NULL};

static const struct sn_axis size_axis = {.name = "size",
                                         .type = SN_AXIS_INT,
                                         .unit = SN_UNIT_BYTES,
                                         .def = "8:4M:*4",
                                         .min = 1,
                                         .max = 8589934592.0};
static const struct sn_axis free_axis = {.name = "n", .type = SN_AXIS_INT, .def = "ranks"};
static const struct sn_axis op_axis = {
    .name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops};
static const struct sn_axis skew_axis = {
    .name = "skew", .type = SN_AXIS_REAL, .def = "0", .min = 0, .max = 2};
static const struct sn_axis gap_axis = {
    .name = "gap", .type = SN_AXIS_REAL, .unit = SN_UNIT_SECONDS, .def = "0s"};
static const struct sn_axis routing_axis = {
    .name = "routing", .type = SN_AXIS_TEXT, .def = "uniform", .check = check_routing};

/* The canonical texts joined by blanks, or the message after "! ". Freed by the caller. */
static char *expand(const struct sn_axis *axis, const char *text)
{
    struct sn_sweep s = {.n = 77};
    struct sn_buf b = {0};
    sn_buf_add(&b, "");
    if (sn_sweep_parse(&s, axis, text, 6)) {
        cr_expect_eq(s.n, 77, "%s: written on failure", text);
        sn_buf_addf(&b, "! %s", sn_status_message());
        return b.data;
    }
    cr_expect_eq(s.axis, axis);
    for (size_t i = 0; i < s.n; i++)
        sn_buf_addf(&b, "%s%s", i ? " " : "", s.values[i].text);
    sn_sweep_free(&s);
    cr_expect(!s.values && !s.n);
    return b.data;
}

Test(axis, expansions)
{
    static const struct {
        const struct sn_axis *axis;
        const char *text, *values;
    } t[] = {
        {&size_axis, "8", "8"},
        {&size_axis, "4K,1MiB", "4096 1048576"},
        {&size_axis, "8:128:*4", "8 32 128"},
        {&size_axis, "8:127:*4", "8 32"},
        {&size_axis, "8:4M:*64", "8 512 32768 2097152"},
        {&size_axis, "5:5:*2", "5"},
        {&size_axis, " 64 , 8 ", "64 8"},
        {&size_axis, "2:4,16,1:1", "2 3 4 16 1"},
        {&free_axis, "1:8", "1 2 3 4 5 6 7 8"},
        {&free_axis, "0:64:+32", "0 32 64"},
        {&free_axis, "0:63:+32", "0 32"},
        {&free_axis, "-3:3:+3", "-3 0 3"},
        {&free_axis, "ranks", "6"},
        {&free_axis, "4:ranks", "4 5 6"},
        {&free_axis, "0:ranks-1", "0 1 2 3 4 5"},
        {&free_axis, "1:9223372036854775807:*3000000000", "1 3000000000 9000000000000000000"},
        {&free_axis, "9223372036854775800:9223372036854775807:+5",
         "9223372036854775800 9223372036854775805"},
        {&op_axis, "put,get", "put get"},
        {&op_axis, "all", "get put atomic send"},
        {&skew_axis, "0,0.5,1.25,2", "0 0.5 1.25 2"},
        {&skew_axis, "1.50", "1.5"},
        {&gap_axis, "3us,1ms", "3e-06 0.001"},
        {&routing_axis, "zipf(1.2),hot(2,0.5),uniform", "zipf(1.2) hot(2,0.5) uniform"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *got = expand(t[i].axis, t[i].text);
        cr_expect_str_eq(got, t[i].values);
        free(got);
    }
}

Test(axis, values_have_their_numbers)
{
    struct sn_sweep s;
    cr_assert_eq(sn_sweep_parse(&s, &size_axis, "4K", 1), SN_OK);
    cr_expect(s.values[0].i == 4096 && s.values[0].r == 4096);
    sn_sweep_free(&s);
    cr_assert_eq(sn_sweep_parse(&s, &op_axis, "send", 1), SN_OK);
    cr_expect(s.values[0].i == 3);
    sn_sweep_free(&s);
    cr_assert_eq(sn_sweep_parse(&s, &gap_axis, "3us", 1), SN_OK);
    cr_expect(s.values[0].r == 3e-6);
    sn_sweep_free(&s);
}

/* Canonical texts are fixed points: what a row stores can be typed again and is the same value. */
Test(axis, canonical_texts_expand_to_themselves)
{
    static const struct {
        const struct sn_axis *axis;
        const char *text;
    } t[] = {{&size_axis, "8:4M:*2"},  {&free_axis, "-9:9"},  {&op_axis, "all"},
             {&skew_axis, "0.1,1e-7"}, {&gap_axis, "7ns,1h"}, {&routing_axis, "hot(2,0.5)"}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *once = expand(t[i].axis, t[i].text);
        for (char *p = once; *p; p++)
            *p = *p == ' ' ? ',' : *p;
        char *twice = expand(t[i].axis, once);
        for (char *p = twice; *p; p++)
            *p = *p == ' ' ? ',' : *p;
        cr_expect_str_eq(once, twice);
        free(once);
        free(twice);
    }
}

Test(axis, mistakes)
{
    static const struct {
        const struct sn_axis *axis;
        const char *text, *message;
    } t[] = {
        {&size_axis, "", "! size=: empty sweep; right is for example size=8:4M:*4"},
        {&size_axis, "  ", "! size=  : empty sweep; right is for example size=8:4M:*4"},
        {&size_axis, "8:4:*0", "! size=8:4:*0: factor must be at least 2"},
        {&size_axis, "8:4:*1", "! size=8:4:*1: factor must be at least 2"},
        {&size_axis, "8:4:*2", "! size=8:4:*2: the first value is larger than the last"},
        {&size_axis, "8:4", "! size=8:4: the first value is larger than the last"},
        {&size_axis, "1:8:+0", "! size=1:8:+0: step must be at least 1"},
        {&size_axis, "8:4M:4", "! size=8:4M:4: '4' must be *FACTOR or +STEP, as in 8:4M:*2"},
        {&size_axis, "99999999999999",
         "! size=99999999999999: 100 TB is outside the axis's range, 1 B to 8 GiB"},
        {&size_axis, "0", "! size=0: 0 B is outside the axis's range, 1 B to 8 GiB"},
        {&size_axis, "8,,16", "! size=8,,16: an empty term between commas"},
        {&size_axis, "8,", "! size=8,: an empty term between commas"},
        {&size_axis, "4K,4096", "! size=4K,4096: the value 4096 is given twice"},
        {&size_axis, "1:4,3", "! size=1:4,3: the value 3 is given twice"},
        {&free_axis, "0:8:*2", "! n=0:8:*2: a geometric range must start at 1 or more"},
        {&free_axis, "-9223372036854775807:9223372036854775807",
         "! n=-9223372036854775807:9223372036854775807: more than 4096 values in a sweep"},
        {&free_axis, "1:4097", "! n=1:4097: more than 4096 values in a sweep"},
        {&op_axis, "gte",
         "! op=gte: no value 'gte'; did you mean 'get'? (values: get, put, atomic, send)"},
        {&op_axis, "all,get", "! op=all,get: the value get is given twice"},
        {&skew_axis, "2.5", "! skew=2.5: 2.5 is outside the axis's range, 0 to 2"},
        {&skew_axis, "1:2", "! skew=1:2: '1:2' is not a number; right are for example 8, 4K, 2.5m"},
        {&routing_axis, "zopf(1)",
         "! routing=zopf(1): no routing 'zopf(1)'; right is for example zipf(1.2)"},
        {&routing_axis, "hot(2,0.5", "! routing=hot(2,0.5: a parenthesis is not closed"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *got = expand(t[i].axis, t[i].text);
        cr_expect_str_eq(got, t[i].message);
        free(got);
    }
}

Test(axis, limits_of_a_sweep)
{
    struct sn_sweep s;
    cr_assert_eq(sn_sweep_parse(&s, &free_axis, "1:4096", 1), SN_OK);
    cr_expect_eq(s.n, SN_SWEEP_MAX);
    sn_sweep_free(&s);
    cr_expect_eq(sn_sweep_parse(&s, &free_axis, "1:4096,5000", 1), SN_EINVAL);
}
