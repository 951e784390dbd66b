/* rows.jsonl: any bytes are read or refused with a message; what is read is written as a line that
 * reads as the same row, and its statistics can be computed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

static void check_row(struct sn_row *r)
{
    struct sn_row back;
    struct sn_buf once = {0}, twice = {0};
    sn_row_encode(r, &once);
    require(sn_row_decode(&back, once.data, once.len) == SN_OK);
    sn_row_encode(&back, &twice);
    require(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
    sn_row_set_id(r);
    sn_row_set_id(&back);
    require(!strcmp(r->id, back.id));
    sn_row_compute(&back);
    sn_buf_reset(&twice);
    sn_row_encode(&back, &twice);
    sn_row_free(&back);
    sn_buf_free(&twice);
    sn_buf_free(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sn_rows rows;
    const char *text = (const char *)data;
    size_t whole;
    sn_status_clear();
    int status = sn_rows_parse(&rows, "input", text, size, &whole);
    if (status != SN_OK) {
        require(status == SN_EINVAL && !strncmp(sn_status_message(), "input:", 6));
        require(sn_rows_parse(&rows, "input", text, size, NULL) == SN_EINVAL);
        return 0;
    }
    require(whole <= size && (whole == 0 || text[whole - 1] == '\n'));
    require(!memchr(text + whole, '\n', size - whole));
    for (size_t i = 0; i < rows.n; i++)
        check_row(&rows.rows[i]);
    sn_rows_free(&rows);
    return 0;
}
