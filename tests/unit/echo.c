#include "tests/unit/echo.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"

static const struct sn_bench *const no_benches[] = {NULL};
const struct sn_app echo_app = {.benches = no_benches};
const struct sn_metric_doc echo_docs[] = {{"bandwidth", "B/s", true, "size / median"}, {0}};

struct sn_row *echo_make(struct echo *m, const char *bench, int launch)
{
    struct sn_row *r;

    m->rows.rows = sn_realloc(m->rows.rows, m->rows.n + 1, sizeof *m->rows.rows);
    r = &m->rows.rows[m->rows.n++];
    sn_row_init(r);
    r->bench = sn_row_str(r, "%s", bench);
    r->clock = "wall";
    r->ranks = r->endpoints = 2;
    r->batch = 1;
    r->launch = launch;
    return r;
}

/* All samples alike, so that every statistic is that time. */
void echo_samples(struct sn_row *r, double seconds)
{
    double x[8];

    for (size_t i = 0; i < 8; i++)
        x[i] = seconds;
    sn_row_set_samples(r, x, 8);
    r->n = 8;
    r->limit_s = 1e-6;
    r->check.what = "bytes";
    r->check.compared = 10;
    sn_row_compute(r);
    sn_row_set_id(r);
}

struct sn_row *echo_row(struct echo *m, const char *op, int64_t size, int launch, double seconds)
{
    struct sn_row *r = echo_make(m, "echo", launch);

    sn_row_add_param_text(r, "op", op);
    sn_row_add_param_int(r, "size", size);
    echo_samples(r, seconds);
    sn_row_add_metric(r, echo_docs, "bandwidth", (double)size / seconds);
    return r;
}

void echo_without(struct sn_row *r, enum sn_row_status status, const char *reason)
{
    r->status = status;
    r->reason = sn_row_str(r, "%s", reason);
    sn_row_set_id(r);
}

void echo_write(const char *dir, const char *name, const char *text)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    cr_assert(f, "%s", path);
    fputs(text, f);
    fclose(f);
    free(path);
}

char *echo_dir(void)
{
    char *dir = sn_strdup("/tmp/snbench-report-XXXXXX");

    cr_assert(mkdtemp(dir));
    return dir;
}

void echo_erase(char *dir)
{
    char *command = sn_strdupf("rm -rf '%s'", dir);

    cr_expect_eq(system(command), 0);
    free(command);
    free(dir);
}

/* A run directory with the rows of `m`; the plan is their ids in reverse, and one id that never
 * ran.
 */
char *echo_run(const struct echo *m, const char *status, const char *tail)
{
    char *dir = echo_dir(), *manifest;
    struct sn_buf rows = {0}, plan = {0};

    for (size_t i = 0; i < m->rows.n; i++)
        sn_row_encode(&m->rows.rows[i], &rows);
    sn_buf_add(&rows, tail);
    for (size_t i = m->rows.n; i-- > 0;)
        sn_buf_addf(&plan, "\"%s\",", m->rows.rows[i].id);
    manifest = sn_strdupf("{\"plan\":[%s\"ffffffffffffffff\"],\"cases\":[\"\"],\"launches\":1,"
                          "\"status\":\"%s\",\"seed\":18446744073709551615}",
                          plan.data, status);
    echo_write(dir, "rows.jsonl", rows.data);
    /* jansson has no unsigned 64-bit integers: the largest seed must not stop a report */
    char *seed = strstr(manifest, "18446744073709551615");
    memcpy(seed, "9223372036854775807 ", 20);
    echo_write(dir, "manifest.json", manifest);
    free(manifest);
    sn_buf_free(&plan);
    sn_buf_free(&rows);
    return dir;
}

char *echo_content(const char *dir, const char *name)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    struct sn_buf b = {0};

    cr_assert_eq(sn_buf_read_file(&b, path), SN_OK, "%s", sn_status_message());
    free(path);
    return b.data ? b.data : sn_strdup("");
}

size_t echo_lines_in(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}
