/* Any bytes as degradations: refused with a message that names a term, or a network in which every
 * message that is reachable arrives, not earlier than its bound. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fabric/net.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct net_profile np;
    struct sn_net *net = NULL;
    int form = sn_degrade_check(text);
    assert(form == SN_OK || (form == SN_EINVAL && *sn_status_message()));
    for (int spread = SN_NET_PROFILE; spread <= SN_NET_PLANE; spread++) {
        struct sn_net_options o = {
            .degrade = text, .spread = (enum sn_net_spread)spread, .plane = 1};
        int s = sn_net_open(&net, net_cm384(&np, 1), 20, &o);
        assert(s == SN_OK || s == SN_EINVAL);
        assert(form == SN_OK || s == form);
        if (s)
            continue;
        for (uint32_t i = 0; i < 20; i++) {
            struct sn_msg m = {.src = i, .dst = (i + 7) % 20, .bytes = 4096, .after = SN_MSG_NONE};
            struct sn_net_result r;
            const char *why = sn_net_unreachable(net, m.src, m.dst);
            s = sn_net_run(net, &m, 1, 0, &r);
            assert(s == (why ? SN_EINVAL : SN_OK));
            assert(s || (r.end_ps > 0 && r.bound_ps <= r.end_ps));
        }
        sn_net_close(net);
        net = NULL;
    }
    free(text);
    return 0;
}
