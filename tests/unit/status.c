/* The record of a failure: what is kept, what a prefix does, per thread; exit codes as documented.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"

Test(status, fail_records_and_returns)
{
    cr_assert_str_eq(sn_status_message(), "");
    cr_expect_eq(SN_FAIL(SN_EIO, "%s: %d", "file", 7), SN_EIO);
    cr_expect_str_eq(sn_status_message(), "file: 7");
    int line = __LINE__ - 2;
    char where[64];
    snprintf(where, sizeof where, "tests/unit/status.c:%d", line);
    cr_expect_str_eq(sn_status_where(), where);
    SN_FAIL(SN_EINVAL, "second");
    cr_expect_str_eq(sn_status_message(), "second");
    sn_status_clear();
    cr_expect_str_eq(sn_status_message(), "");
    cr_expect_str_eq(sn_status_where(), "");
}

Test(status, message_may_quote_itself)
{
    SN_FAIL(SN_EIO, "inner");
    SN_FAIL(SN_EIO, "outer (%s)", sn_status_message());
    cr_expect_str_eq(sn_status_message(), "outer (inner)");
    sn_status_prefix("%s:%d", "quick.yaml", 7);
    cr_expect_str_eq(sn_status_message(), "quick.yaml:7: outer (inner)");
}

Test(status, long_messages_are_cut_not_overrun)
{
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    SN_FAIL(SN_EIO, "%s", text);
    size_t n = strlen(sn_status_message());
    cr_expect(n > 1000 && n < sizeof text);
    sn_status_prefix("%s", text);
    cr_expect_eq(strlen(sn_status_message()), n);
    SN_FAIL(SN_EIO, "tail");
    sn_status_prefix("head");
    cr_expect_str_eq(sn_status_message(), "head: tail");
}

static void *other_thread(void *seen)
{
    strcpy(seen, sn_status_message());
    SN_FAIL(SN_EIO, "theirs");
    return NULL;
}

Test(status, one_record_per_thread)
{
    char seen[64] = "unset";
    pthread_t t;
    SN_FAIL(SN_EINVAL, "mine");
    cr_assert_eq(pthread_create(&t, NULL, other_thread, seen), 0);
    pthread_join(t, NULL);
    cr_expect_str_eq(seen, "");
    cr_expect_str_eq(sn_status_message(), "mine");
}

/* A file's key may hold a line feed; the command line prints one line all the same. */
Test(status, one_line)
{
    SN_FAIL(SN_EINVAL, "unknown key '%s'", "a\n\tb\x7f");
    cr_expect_str_eq(sn_status_message(), "unknown key 'a??b?'");
    sn_status_prefix("%s:%d", "f\nx", 3);
    cr_expect_str_eq(sn_status_message(), "f?x:3: unknown key 'a??b?'");
    SN_FAIL(SN_EINVAL, "größer");
    cr_expect_str_eq(sn_status_message(), "größer");
}

/* DESIGN.md section 5. */
Test(status, exit_codes)
{
    static const struct {
        int status, code;
    } t[] = {{SN_OK, 0},      {SN_EVERIFY, 1},  {SN_EINVAL, 2}, {SN_EIO, 2}, {SN_ERANGE, 3},
             {SN_EUNSURE, 4}, {SN_ETIMEOUT, 5}, {SN_ENOMEM, 6}, {SN_EENV, 6}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect_eq(sn_status_exit_code(t[i].status), t[i].code, "status %d", t[i].status);
    cr_expect(sn_status_exit_code(SN_EINTR) > 128);
    cr_expect(sn_status_exit_code(-1000) != 0, "an unknown status is no success");
}
