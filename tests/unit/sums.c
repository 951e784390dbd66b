/* SHA-256 against published digests, SHA256SUMS against sha256sum(1). */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/sums.h"

static char dir[] = "/tmp/snbench-sums-XXXXXX";

static void put(const char *path, const char *text, size_t n)
{
    char *full = sn_strdupf("%s/%s", dir, path);
    struct sn_buf b = {0};
    sn_buf_addn(&b, text, n);
    cr_assert_eq(sn_buf_write_file(&b, full), SN_OK);
    sn_buf_free(&b);
    free(full);
}

static int sh(const char *command)
{
    char *line = sn_strdupf("cd %s && { %s; } >/dev/null 2>&1", dir, command);
    int rc = system(line);
    free(line);
    return rc;
}

static void make_dir(void)
{
    cr_assert_not_null(mkdtemp(dir));
}

static void drop_dir(void)
{
    sh("rm -rf \"$PWD\"");
}

TestSuite(sums, .init = make_dir, .fini = drop_dir);

/* FIPS 180-2, appendix B, and the digest of nothing. */
Test(sums, published_digests)
{
    char *million = malloc(1000000), *path = sn_strdupf("%s/x", dir), hex[65];
    const struct {
        const char *text;
        size_t n;
        const char *hex;
    } cases[] = {
        {"", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {million, 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    memset(million, 'a', 1000000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("x", cases[i].text, cases[i].n);
        cr_assert_eq(sn_sums_of_file(path, hex), SN_OK);
        cr_assert_str_eq(hex, cases[i].hex);
    }
    free(path);
    path = sn_strdupf("%s/none", dir);
    cr_assert_eq(sn_sums_of_file(path, hex), SN_EIO);
    cr_assert_not_null(strstr(sn_status_message(), path));
    free(path);
    free(million);
}

static void fill(void)
{
    cr_assert_eq(sh("mkdir -p tables/deep empty"), 0);
    put("rows.jsonl", "rows\n", 5);
    put("report.md", "r", 1);
    put("tables/latency.csv", "a,b\n", 4);
    put("tables/deep/x.csv", "", 0);
    put("tables.csv", "sorts before tables/", 20);
    put("with space", "s", 1);
    put("back\\slash", "b", 1);
    put("line\nbreak", "l", 1);
    put(".hidden", "h", 1);
    cr_assert_eq(sh("ln -s rows.jsonl link"), 0);
    cr_assert_eq(sn_sums_write(dir), SN_OK, "%s", sn_status_message());
}

Test(sums, sha256sum_accepts_the_file)
{
    fill();
    cr_assert_eq(sh("sha256sum -c --strict SHA256SUMS"), 0);
    /* every regular file once: as many lines as find sees, the file itself not among them */
    cr_assert_eq(
        sh("test $(wc -l <SHA256SUMS) = $(find . -type f ! -name SHA256SUMS -printf x | wc -c)"),
        0);
    cr_assert_eq(sh("sed 's/^\\\\*[0-9a-f]*  //' SHA256SUMS | LC_ALL=C sort -c"), 0);
    cr_assert_eq(sn_sums_verify(dir), SN_OK, "%s", sn_status_message());
    put("tables/latency.csv", "a,c\n", 4);
    cr_assert_neq(sh("sha256sum -c --strict SHA256SUMS"), 0);
}

/* Also the other way: what sha256sum wrote is verified here. */
Test(sums, accepts_what_sha256sum_writes)
{
    fill();
    cr_assert_eq(sh("find . -type f ! -name SHA256SUMS -printf '%P\\0' | LC_ALL=C sort -z |"
                    "xargs -0 sha256sum >../$$.sums && mv ../$$.sums SHA256SUMS"),
                 0);
    cr_assert_eq(sn_sums_verify(dir), SN_OK, "%s", sn_status_message());
}

Test(sums, writing_twice_gives_the_same_bytes)
{
    fill();
    cr_assert_eq(sh("cp SHA256SUMS /tmp/snbench-sums.$PPID"), 0);
    cr_assert_eq(sn_sums_write(dir), SN_OK);
    cr_assert_eq(
        sh("cmp SHA256SUMS /tmp/snbench-sums.$PPID; rc=$?; rm /tmp/snbench-sums.$PPID; exit $rc"),
        0);
}

Test(sums, verify_names_the_first_difference)
{
    static const struct {
        const char *command, *message;
    } cases[] = {
        {"echo x >>tables/latency.csv", "tables/latency.csv: SHA-256 differs from SHA256SUMS"},
        {"rm tables/latency.csv", "tables/latency.csv: listed in SHA256SUMS, but missing"},
        {"rm .hidden", ".hidden: listed in SHA256SUMS, but missing"},
        {"rm 'with space'", "with space: listed in SHA256SUMS, but missing"},
        {"touch tables/new.csv", "tables/new.csv: not listed in SHA256SUMS"},
        {"touch zzz", "zzz: not listed in SHA256SUMS"},
        {"mv report.md rows", "report.md: listed in SHA256SUMS, but missing"},
        {"rm SHA256SUMS", "SHA256SUMS is missing"},
        {": >SHA256SUMS", ".hidden: not listed in SHA256SUMS"},
        {"sed -i 1s/..../xxxx/ SHA256SUMS", "SHA256SUMS:1: must be 64 hex digits"},
        {"sed -i '2s/  / /' SHA256SUMS", "SHA256SUMS:2: must be 64 hex digits"},
        {"sed -i '3d' SHA256SUMS", "line?break: not listed"},
        {"sed -i '1p' SHA256SUMS", "SHA256SUMS:2: .hidden must stand before .hidden, and once"},
        {"sort -r -k2 SHA256SUMS >s; mv s SHA256SUMS", "listed in SHA256SUMS"},
        {"printf x >>SHA256SUMS", "the last line does not end"},
        {"printf 'x\\0y\\n' >>SHA256SUMS", "SHA256SUMS: holds a NUL byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(sh("rm -rf ./* .hidden"), 0);
        fill();
        cr_assert_eq(sn_sums_verify(dir), SN_OK);
        cr_assert_eq(sh(cases[i].command), 0, "%s", cases[i].command);
        cr_expect_eq(sn_sums_verify(dir), SN_EVERIFY, "%s", cases[i].command);
        cr_expect(strstr(sn_status_message(), cases[i].message),
                  "after '%s'\nwanted: %s\n   got: %s", cases[i].command, cases[i].message,
                  sn_status_message());
    }
}

Test(sums, missing_directory_is_named)
{
    cr_assert_eq(sn_sums_write("/nonexistent/run"), SN_EIO);
    cr_assert_not_null(strstr(sn_status_message(), "/nonexistent/run"));
}
