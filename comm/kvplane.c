/* Block reads on the model clock (comm/kvplane.h). */
#include "comm/kvplane.h"

#include <assert.h>

const char *const sn_kv_plane_words[] = {"ub", "vpc", NULL};
const char *const sn_kv_distance_words[] = {"local", "node", "remote", NULL};

enum sn_kv_distance sn_kv_distance(const struct sn_net *net, uint32_t src, uint32_t dst)
{
    if (src == dst)
        return SN_KV_LOCAL;
    return sn_net_node(net, src) == sn_net_node(net, dst) ? SN_KV_NODE : SN_KV_REMOTE;
}

size_t sn_kv_reads(const struct sn_net *net, const uint32_t *host, uint32_t reader,
                   enum sn_kv_plane_kind plane, const struct sn_kv_place *place, size_t n,
                   struct sn_kv_read *read)
{
    size_t reads = 0;
    for (size_t i = 0; i < n; i++) {
        if (place[i].member == SN_KV_ANY)
            continue;
        const uint32_t src = host[place[i].member];
        read[reads++] = (struct sn_kv_read){.src = src,
                                            .dst = reader,
                                            .bytes = place[i].bytes,
                                            .distance = (uint8_t)sn_kv_distance(net, src, reader),
                                            .plane = (uint8_t)plane};
    }
    return reads;
}

void sn_kv_messages(const struct sn_kv_plane *plane, unsigned outstanding, int64_t at_ps,
                    const struct sn_kv_read *read, size_t n, uint32_t first, struct sn_msg *msg)
{
    const int64_t latency = sn_ps(plane->block_latency);
    assert(outstanding > 0 && n <= SN_MSG_NONE - first);
    for (size_t i = 0; i < n; i++) {
        const bool waits = i >= outstanding;
        msg[i] = (struct sn_msg){.issue_ps = waits ? latency : at_ps + latency,
                                 .bytes = read[i].bytes,
                                 .src = read[i].src,
                                 .dst = read[i].dst,
                                 .after = waits ? first + (uint32_t)(i - outstanding) : SN_MSG_NONE,
                                 .flags = SN_MSG_READ};
    }
}

void sn_kv_plane_profile(struct sn_profile *out, const struct sn_profile *base,
                         const struct sn_kv_plane *plane)
{
    *out = *base;
    for (unsigned k = SN_PATH_PACKAGE; k < SN_PATHS; k++) {
        struct sn_profile_path *path = &out->paths[k];
        const double now = sn_figure_or(&path->read_bandwidth, path->bandwidth.value);
        if (path->port >= 0 && plane->effective_bandwidth < now)
            path->read_bandwidth =
                (struct sn_figure){.value = plane->effective_bandwidth,
                                   .class = SN_FIGURE_DERIVED,
                                   .source = "effective bandwidth of the plane per reader"};
    }
}

double sn_kv_plane_bound(const struct sn_kv_plane *plane, unsigned outstanding, uint64_t n,
                         uint64_t bytes)
{
    if (n == 0)
        return 0;
    const double t = (double)bytes / plane->effective_bandwidth, l = plane->block_latency;
    const double hidden = t * outstanding, exposed = l + t;
    return (double)((n - 1) / outstanding) * (hidden > exposed ? hidden : exposed) + l +
           t * (double)(1 + (n - 1) % outstanding);
}
