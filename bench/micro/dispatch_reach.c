/* Which pairs of dies a dispatch needs, and whether the network joins them. */
#include "bench/micro/dispatch_reach.h"

#include <stdlib.h>
#include <string.h>

#include "bench/micro/dispatch_figures.h"
#include "bench/model.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

/* Does `src` send to `dst`? Of all algorithms every die to all that have experts; but by node, in
 * dispatch, to other nodes through one die each alone. */
static bool sends(const struct sn_case *c, const struct sn_moe_algorithm *a, unsigned src,
                  unsigned dst)
{
    const unsigned dies = (unsigned)sn_case_int(c, "ep"), node = (unsigned)sn_case_int(c, "node");
    const unsigned first = dst / node * node, size = dies - first < node ? dies - first : node;
    if (a->schedule != SN_MOE_NODES || sn_case_word(c, "phase") != SN_DISPATCH_ONLY ||
        src / node == dst / node)
        return true;
    return dst == first + src % node % size;
}

/* A new string: why the case cannot run, or "". A healthy network is the same seen from any die. */
static char *look(const struct sn_case *c, const struct sn_moe_algorithm *a,
                  const struct sn_net *net)
{
    const unsigned dies = (unsigned)sn_case_int(c, "ep");
    const unsigned sources = strcmp(sn_case_text(c, "degrade"), "none") ? dies : 1;
    for (unsigned src = 0; src < sources; src++)
        for (unsigned dst = 0; dst < dies; dst++) {
            const char *why = sends(c, a, src, dst) ? sn_net_unreachable(net, src, dst) : NULL;
            if (why)
                return sn_strdupf("nothing passes from die %u to die %u: %s", src, dst, why);
        }
    return sn_strdup("");
}

static unsigned dies_of_machine(const struct sn_case *c, const struct sn_profile *p)
{
    const unsigned dies = (unsigned)sn_case_int(c, "ep");
    return dies > p->dies ? dies : p->dies;
}

int sn_dispatch_reach_inputs(const struct sn_case *c)
{
    const struct sn_profile *p;
    int status = sn_model_profile(c, &p);
    return status == SN_OK ? sn_model_inputs(c, dies_of_machine(c, p)) : status;
}

/* NULL: wrong for any number of dies. */
static char *find(const struct sn_case *c, const struct sn_moe_algorithm *a)
{
    struct sn_net *net;
    if (sn_model_share(c, (unsigned)sn_case_int(c, "ep"), NULL, &net) == SN_OK)
        return look(c, a, net);
    char *why = sn_strdup(sn_status_message());
    if (sn_dispatch_reach_inputs(c) == SN_OK)
        return why;
    free(why);
    return NULL;
}

const char *sn_dispatch_unreachable(const struct sn_case *c, const struct sn_moe_algorithm *a)
{
    char *key = sn_strdupf("reach %s %s ep %s %s node %s %d", sn_case_text(c, "profile"),
                           sn_case_text(c, "degrade"), sn_case_text(c, "ep"), a->name,
                           sn_case_text(c, "node"), sn_case_word(c, "phase") == SN_DISPATCH_ONLY);
    char *why = sn_model_memo(c, key);
    if (!why && (why = find(c, a)))
        sn_model_memo_set(c, key, why, free);
    free(key);
    return why && *why ? why : NULL;
}
