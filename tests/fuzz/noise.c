/* Any bytes as noise.json: read, with every figure in its range, and written again the same; or one
 * line that names the file. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/noise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sn_buf once = {0}, twice = {0};
    struct sn_noise x, y;
    int status = sn_noise_parse(&x, "f", (const char *)data, size);

    if (status) {
        assert(status == SN_EINVAL && !strncmp(sn_status_message(), "f:", 2) &&
               !strchr(sn_status_message(), '\n'));
        return 0;
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        double noise = sn_noise_find(&x, x.rows[i].id);
        assert(isnan(noise) ? x.rows[i].reason != NULL : noise >= 0 && noise <= 100);
    }
    sn_noise_encode(&x, &once);
    assert(sn_noise_parse(&y, "f", once.data, once.len) == SN_OK);
    sn_noise_encode(&y, &twice);
    assert(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
    sn_noise_free(&x);
    sn_noise_free(&y);
    sn_buf_free(&once);
    sn_buf_free(&twice);
    return 0;
}
