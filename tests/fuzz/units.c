/* Any bytes as a number of each unit: no crash, and an integer that is read is the real that is
 * read. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size), out[48];
    for (int u = SN_UNIT_COUNT; u <= SN_UNIT_HERTZ; u++) {
        int64_t i;
        double r;
        int whole = sn_units_parse_int(text, (enum sn_unit)u, &i);
        int real = sn_units_parse_real(text, (enum sn_unit)u, &r);
        assert(whole == SN_OK || whole == SN_EINVAL);
        assert(real == SN_OK || real == SN_EINVAL);
        assert(whole != SN_OK || real == SN_OK);
        if (whole == SN_OK)
            assert(fabs((double)i - r) <= 1e-15 * fabs(r));
        if (real == SN_OK) {
            assert(isfinite(r));
            sn_units_format(out, sizeof out, r, (enum sn_unit)u);
            assert(strlen(out) > 0);
        }
    }
    sn_units_format_named(out, sizeof out, 1.5, text);
    free(text);
    return 0;
}
