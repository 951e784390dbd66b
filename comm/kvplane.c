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

int64_t sn_kv_hold_ps(const struct sn_kv_plane *plane, uint64_t bytes)
{
    return sn_ps((double)bytes / plane->effective_bandwidth);
}

void sn_kv_pace(const struct sn_net *net, const struct sn_profile *p, uint32_t src, uint32_t dst,
                uint64_t bytes, struct sn_kv_pace *out)
{
    const struct sn_profile_path *path = &p->paths[sn_net_path(net, src, dst)];
    const double latency = sn_figure_or(&path->read_latency, sn_figure_or(&path->latency, 0));
    const double bandwidth = sn_figure_or(&path->read_bandwidth, path->bandwidth.value);
    out->latency_ps = sn_ps(latency);
    out->transfer_ps = sn_ps((double)bytes / bandwidth);
}

/* When read i of a request may be issued: after its request, or after the read whose place in the
 * window it takes. Spaced: alone, read i then arrives when a reader that handles one block after
 * another is through with it. */
static int64_t issue_ps(const struct sn_kv_plane *plane, unsigned outstanding,
                        const struct sn_kv_pace *pace, const struct sn_kv_read *read, size_t i)
{
    const int64_t latency = sn_ps(plane->block_latency);
    if (!pace)
        return latency;
    const struct sn_kv_pace *alone = &pace[read->distance];
    int64_t hold = sn_kv_hold_ps(plane, read->bytes);
    hold = hold > alone->transfer_ps ? hold : alone->transfer_ps;
    if (i < outstanding)
        return latency + (int64_t)(i + 1) * hold - alone->transfer_ps;
    const int64_t exposed = latency + hold - alone->transfer_ps;
    const int64_t hidden = outstanding * hold - alone->latency_ps - alone->transfer_ps;
    return exposed > hidden ? exposed : hidden;
}

void sn_kv_messages(const struct sn_kv_plane *plane, unsigned outstanding, int64_t at_ps,
                    const struct sn_kv_pace *pace, const struct sn_kv_read *read, size_t n,
                    uint32_t first, struct sn_msg *msg)
{
    assert(outstanding > 0 && n <= SN_MSG_NONE - first);
    for (size_t i = 0; i < n; i++) {
        const bool waits = i >= outstanding;
        msg[i] = (struct sn_msg){.issue_ps = (waits ? 0 : at_ps) +
                                             issue_ps(plane, outstanding, pace, &read[i], i),
                                 .bytes = read[i].bytes,
                                 .src = read[i].src,
                                 .dst = read[i].dst,
                                 .after = waits ? first + (uint32_t)(i - outstanding) : SN_MSG_NONE,
                                 .flags = SN_MSG_READ};
    }
}

int64_t sn_kv_latency_ps(const struct sn_msg *msgs, size_t i, int64_t at_ps)
{
    const struct sn_msg *m = &msgs[i];
    return m->done_ps - (m->after == SN_MSG_NONE ? at_ps : msgs[m->after].done_ps);
}

double sn_kv_plane_bound(const struct sn_kv_plane *plane, unsigned outstanding, uint64_t n,
                         uint64_t bytes, double network_latency)
{
    if (n == 0)
        return 0;
    const double t = (double)bytes / plane->effective_bandwidth;
    const double l = plane->block_latency + network_latency;
    const double hidden = t * outstanding, exposed = l + t;
    return (double)((n - 1) / outstanding) * (hidden > exposed ? hidden : exposed) + l +
           t * (double)(1 + (n - 1) % outstanding);
}
