#include <criterion/criterion.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/base/status.h"
#include "harness/counters.h"

struct listed {
    int n, bad;
    char all[512];        /* every name, comma-separated */
    bool page_faults;     /* available */
    char unavailable[64]; /* one that is not, or "" */
};

static void emit(void *out, const char *name, const char *brief, const char *unavailable)
{
    struct listed *l = out;
    l->bad += !*name || !*brief || (unavailable && !*unavailable);
    if (l->n++)
        strcat(l->all, ",");
    strcat(l->all, name);
    if (!strcmp(name, "page-faults"))
        l->page_faults = !unavailable;
    if (unavailable && !*l->unavailable)
        strcpy(l->unavailable, name);
}

static void expect_refusal(const char *names, const char *part)
{
    struct sn_counters *c = NULL;
    cr_assert_eq(sn_counters_open(&c, names), SN_EINVAL, "%s", names);
    cr_assert_null(c);
    cr_assert_not_null(strstr(sn_status_message(), part), "%s: %s", names, sn_status_message());
}

Test(counters, wrong_names_are_refused)
{
    expect_refusal("cycels", "did you mean 'cycles'");
    expect_refusal("xyzzyxyzzy", "snbench list counters");
    expect_refusal("", "empty name");
    expect_refusal("cycles,", "empty name");
    expect_refusal("cycles,instructions,cycles", "named twice");
}

Test(counters, none_asked_is_none_counted)
{
    struct sn_counters *c;
    struct sn_row row;
    sn_row_init(&row);
    cr_assert_eq(sn_counters_open(&c, NULL), SN_OK);
    sn_counters_start(c);
    sn_counters_stop(c, 1, &row);
    cr_assert_eq(row.n_counters, 0);
    sn_counters_close(c);
    sn_counters_start(NULL);
    sn_counters_stop(NULL, 1, &row);
    sn_counters_close(NULL);
    sn_row_free(&row);
}

Test(counters, every_counter_has_a_figure_or_a_reason)
{
    struct listed l = {0};
    struct sn_counters *c;
    struct sn_row row;
    sn_counters_list(emit, &l);
    cr_assert_eq(l.bad, 0);
    cr_assert_geq(l.n, 8);
    sn_row_init(&row);
    cr_assert_eq(sn_counters_open(&c, l.all), SN_OK);
    sn_counters_start(c);
    sn_counters_stop(c, 1, &row);
    cr_assert_eq(row.n_counters, (size_t)l.n);
    for (size_t i = 0; i < row.n_counters; i++)
        cr_assert(isnan(row.counters[i].value) ? row.counters[i].reason && *row.counters[i].reason
                                               : row.counters[i].reason == NULL,
                  "%s", row.counters[i].name);
    sn_counters_close(c);
    sn_row_free(&row);
}

Test(counters, what_the_machine_lacks_is_null_with_its_reason)
{
    struct listed l = {0};
    struct sn_counters *c;
    struct sn_row row;
    sn_counters_list(emit, &l);
    if (!*l.unavailable)
        cr_skip("this machine has every counter");
    sn_row_init(&row);
    cr_assert_eq(sn_counters_open(&c, l.unavailable), SN_OK);
    sn_counters_start(c);
    sn_counters_stop(c, 1, &row);
    cr_assert_eq(row.n_counters, 1);
    cr_assert(isnan(row.counters[0].value));
    cr_assert_not_null(row.counters[0].reason);
    sn_counters_close(c);
    cr_assert_str_eq(row.counters[0].name, l.unavailable, "the row outlives the counters");
    cr_assert_gt(strlen(row.counters[0].reason), 0);
    sn_row_free(&row);
}

Test(counters, page_faults_are_those_that_happen)
{
    enum { PAGES = 512, PAGE = 4096 };
    struct listed l = {0};
    struct sn_counters *c;
    sn_counters_list(emit, &l);
    if (!l.page_faults)
        cr_skip("no page-faults counter here");
    cr_assert_eq(sn_counters_open(&c, "page-faults"), SN_OK);
    for (int round = 0; round < 2; round++) { /* the second starts from zero again */
        struct sn_row row;
        sn_row_init(&row);
        char *p =
            mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cr_assert_neq(p, MAP_FAILED);
        madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
        sn_counters_start(c);
        for (int i = 0; i < PAGES; i++)
            p[i * PAGE] = 1;
        sn_counters_stop(c, 2, &row);
        munmap(p, PAGES * PAGE);
        /* One fault per page, as two operations; beside them a few of the program's own and, under
         * AddressSanitizer, its shadow of an eighth. */
        cr_assert_geq(row.counters[0].value, PAGES / 2);
        cr_assert_leq(row.counters[0].value, PAGES / 2 + PAGES / 8);
        sn_row_free(&row);
    }
    sn_counters_close(c);
}
