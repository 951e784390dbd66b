/* Any bytes as a fabric profile: refused in one line that names the file, or read; then what is
 * written reads back as the same text. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bench/profile.h"
#include "harness/base/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void holds(const struct sn_figure *f)
{
    assert(f->class == SN_FIGURE_NONE ? isnan(f->value) : isfinite(f->value) && *f->source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sn_profile p, q;
    int status = sn_profile_parse(&p, (const char *)data, size, "f.yaml");
    if (status != SN_OK) {
        assert(status == SN_EINVAL && !strncmp(sn_status_message(), "f.yaml", 6));
        assert(!strchr(sn_status_message(), '\n'));
        return 0;
    }
    assert(*p.name && *p.brief && p.dies >= 1 && p.n_ports >= 1);
    for (int i = 0; i < SN_PATHS; i++) {
        assert(p.paths[i].port >= -1 && p.paths[i].port < (int)p.n_ports);
        holds(&p.paths[i].latency);
        holds(&p.paths[i].bandwidth);
    }
    holds(&p.cost.sync_base);
    struct sn_buf first = {0}, second = {0};
    sn_profile_write(&p, &first);
    status = sn_profile_parse(&q, first.data, first.len, "g.yaml");
    assert(status == SN_OK);
    sn_profile_write(&q, &second);
    assert(!strcmp(first.data, second.data));
    sn_profile_close(&p);
    sn_profile_close(&q);
    sn_buf_free(&first);
    sn_buf_free(&second);
    return 0;
}
