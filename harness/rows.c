/* Many rows: rows.jsonl, one row a line. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/row.h"

int sn_rows_parse(struct sn_rows *out, const char *name, const char *text, size_t n, size_t *torn)
{
    struct sn_rows rows = {0};
    size_t cap = 0, at = 0, line = 1;
    int status = SN_OK;
    for (; at < n; line++) {
        const char *end = memchr(text + at, '\n', n - at);
        if (!end)
            break;
        if (rows.n == cap)
            rows.rows = sn_realloc(rows.rows, cap = cap ? 2 * cap : 16, sizeof *rows.rows);
        status = sn_row_decode(&rows.rows[rows.n], text + at, (size_t)(end - text) - at);
        if (status != SN_OK) {
            sn_status_prefix("%s:%zu", name, line);
            sn_rows_free(&rows);
            return status;
        }
        rows.n++;
        at = (size_t)(end - text) + 1;
    }
    if (at < n && !torn) {
        sn_rows_free(&rows);
        return SN_FAIL(SN_EINVAL,
                       "%s:%zu: the line does not end: a run was killed here (resume it)", name,
                       line);
    }
    if (torn)
        *torn = at;
    *out = rows;
    return SN_OK;
}

int sn_rows_read(struct sn_rows *out, const char *path, size_t *torn)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, path);
    if (status == SN_OK)
        status = sn_rows_parse(out, path, text.data, text.len, torn);
    sn_buf_free(&text);
    return status;
}

void sn_rows_free(struct sn_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        sn_row_free(&rows->rows[i]);
    free(rows->rows);
    *rows = (struct sn_rows){0};
}
