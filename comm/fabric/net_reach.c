/* Why nothing passes between two endpoints: a path that the profile lacks, or what cuts it. */
#include "comm/fabric/net.h"

#include "comm/fabric/net_degrade.h"
#include "comm/fabric/net_impl.h"

/* Does term i touch messages from src to dst? */
static bool concerns(const struct sn_net *net, const struct sn_degrade_term *t, unsigned src,
                     unsigned dst)
{
    unsigned link = t->target == SN_DEGRADE_PLANE  ? t->at
                    : t->target == SN_DEGRADE_PAIR ? SN_DEGRADE_ALL
                                                   : t->link;
    if (net->pinned != SN_NET_NO_PLANE && link != SN_DEGRADE_ALL && link != net->pinned)
        return false;
    switch (t->target) {
    case SN_DEGRADE_PLANE:
        return true;
    case SN_DEGRADE_NODE:
        return net->node[src] != net->node[dst] &&
               (net->node[src] == t->at || net->node[dst] == t->at);
    case SN_DEGRADE_PAIR:
        return src == t->at && dst == t->link;
    default:
        return src == t->at || dst == t->at;
    }
}

const char *sn_net_unreachable(const struct sn_net *net, unsigned src, unsigned dst)
{
    static const char *const no_path[SN_PATHS] = {
        [SN_PATH_PACKAGE] = "the profile has no path `package`",
        [SN_PATH_NODE] = "the profile has no path `node`",
        [SN_PATH_SUPERNODE] = "the profile has no path `supernode`",
        [SN_PATH_CPU] = "the profile has no path `cpu`",
        [SN_PATH_CPU_REMOTE] = "the profile has no path `cpu_remote`"};
    if (src >= net->endpoints || dst >= net->endpoints)
        return "there is no such endpoint";
    if (src == dst)
        return NULL;
    enum sn_path path = sn_net_path(net, src, dst);
    if (net->path[path].port < 0)
        return no_path[path];
    struct sn_net_call c = {.net = (struct sn_net *)net};
    struct sn_way way;
    if (sn_way_find(&c, &(struct sn_msg){.src = src, .dst = dst}, 0, &way))
        return NULL;
    const char *why = NULL;
    size_t n = 0;
    for (size_t i = 0; i < net->n_terms; i++)
        if (net->why[i] && concerns(net, &net->terms[i], src, dst)) {
            why = net->why[i];
            n++;
            if (net->terms[i].target == SN_DEGRADE_PAIR || net->pinned != SN_NET_NO_PLANE ||
                (net->terms[i].link == SN_DEGRADE_ALL && net->terms[i].target != SN_DEGRADE_PLANE))
                return why; /* it is enough alone */
        }
    return n == 1 ? why : "every plane between them is cut";
}
