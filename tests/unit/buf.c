/* Text buffers, whole files, allocation, nearest words. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

Test(buf, grows_and_stays_terminated)
{
    struct sn_buf b = {0};
    char *expected = calloc(1, 100000);
    for (int i = 0; i < 5000; i++) {
        sn_buf_addf(&b, "%d,", i);
        sprintf(expected + strlen(expected), "%d,", i);
        sn_buf_addn(&b, "ab\0c", i % 3 ? 0 : 2);
        strcat(expected, i % 3 ? "" : "ab");
    }
    cr_expect_str_eq(b.data, expected);
    cr_expect_eq(b.len, strlen(expected));
    size_t cap = b.cap;
    sn_buf_reset(&b);
    cr_expect(b.len == 0 && b.cap == cap && !*b.data);
    sn_buf_addn(&b, "a\0b", 3);
    sn_buf_addf(&b, "%*d", 3000, 7); /* more than the first try has room for */
    cr_expect(b.len == 3003 && !memcmp(b.data, "a\0b", 3) && b.data[3002] == '7');
    sn_buf_free(&b);
    cr_expect(!b.data && !b.len && !b.cap);
    sn_buf_reset(&b);
    free(expected);
}

static size_t entries(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

Test(buf, files_round_trip)
{
    char dir[] = "/tmp/snbench-buf-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    char *path = sn_strdupf("%s/f", dir), *missing = sn_strdupf("%s/no/f", dir);
    static const size_t sizes[] = {0, 1, 4095, 4096, 100000};
    struct sn_buf w = {0}, r = {0};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        sn_buf_reset(&w);
        for (size_t i = 0; i < sizes[s]; i++)
            sn_buf_addn(&w, &(char){(char)(i * 31)}, 1);
        cr_assert_eq(sn_buf_write_file(&w, path), SN_OK, "%s", sn_status_message());
        cr_assert_eq(sn_buf_read_file(&r, path), SN_OK);
        cr_expect(r.len == sizes[s] && (!r.len || !memcmp(r.data, w.data, r.len)));
        cr_expect(r.data && r.data[r.len] == '\0');
    }
    cr_expect_eq(entries(dir), 1, "temporaries are left");
    cr_expect_eq(sn_buf_write_file(&w, missing), SN_EIO);
    cr_expect(strstr(sn_status_message(), missing), "%s", sn_status_message());
    cr_expect_eq(sn_buf_write_file(&w, dir), SN_EIO, "a folder cannot be replaced");
    cr_expect_eq(entries(dir), 1);
    cr_expect_eq(sn_buf_read_file(&r, missing), SN_EIO);
    cr_expect(strstr(sn_status_message(), "No such file"), "%s", sn_status_message());
    cr_expect_eq(sn_buf_read_file(&r, dir), SN_EIO);
    cr_expect(strstr(sn_status_message(), "directory"), "%s", sn_status_message());
    cr_expect_eq(sn_buf_read_file(&r, "/proc/self/status"), SN_OK); /* its length is said to be 0 */
    cr_expect(r.len > 100);
    unlink(path);
    rmdir(dir);
    free(path);
    free(missing);
    sn_buf_free(&w);
    sn_buf_free(&r);
}

Test(buf, strings)
{
    char *a = sn_strdup(""), *b = sn_strdupf("%s-%04d", "x", 42), *c = sn_strdupf("%5000s", "y");
    cr_expect_str_eq(a, "");
    cr_expect_str_eq(b, "x-0042");
    cr_expect_eq(strlen(c), 5000);
    free(a);
    free(b);
    free(c);
    free(sn_calloc(0, 8));
}

Test(buf, product_overflow_aborts, .signal = SIGABRT)
{
    sn_realloc(NULL, SIZE_MAX / 2, 3);
}

Test(buf, nearest)
{
    static const char *const words[] = {"size", "op", "transport", "window", "algorithm"};
    static const struct {
        const char *word, *near;
    } t[] = {
        {"sise", "size"},
        {"siez", "size"},
        {"sizes", "size"},
        {"ize", "size"},
        {"po", "op"},
        {"trasnport", "transport"},
        {"transprot", "transport"},
        {"windwo", "window"},
        {"algoritm", "algorithm"},
        {"x", NULL},
        {"", NULL},
        {"latency", NULL},
        {"zzzz", NULL},
        {"size", "size"},
        {"qq", NULL},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const char *near = sn_nearest(t[i].word, words, sizeof words / sizeof *words);
        cr_expect(near == t[i].near || (near && t[i].near && !strcmp(near, t[i].near)),
                  "'%s' gives '%s'", t[i].word, near ? near : "nothing");
    }
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[199] = '\0';
    const char *const only[] = {longest};
    cr_expect_null(sn_nearest(longest, words, 5));
    cr_expect_null(sn_nearest("aaaa", only, 1));
    cr_expect_null(sn_nearest("size", words, 0));
}

Test(buf, words_are_what_a_sweep_can_hold)
{
    char longest[66];
    memset(longest, 'a', sizeof longest);
    longest[64] = '\0';
    cr_expect(sn_is_word("avx2_4x12") && sn_is_word("a") && sn_is_word("v1.2-b"));
    cr_expect(sn_is_word(longest));
    longest[64] = 'a';
    longest[65] = '\0';
    cr_expect_not(sn_is_word(longest));
    const char *const none[] = {"", "a,b", "a b", "a=b", "zipf(1)", "a\n", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_not(sn_is_word(none[i]), "'%s'", none[i]);
}
