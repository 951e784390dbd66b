/* A slow second model of the network, written apart from the engines: routes from the profile's
 * figures and a list of terms by division and remainder, FIFOs by the unrolled formula
 *     start(m) = max over j <= m of (head(j) + service(j) + ... + service(m - 1))
 * over all messages sorted by arrival, repeated until no time changes. O(n^2) per round and FIFO.
 */
#ifndef SN_TESTS_UNIT_NET_REFERENCE_H
#define SN_TESTS_UNIT_NET_REFERENCE_H

#include "comm/fabric/net.h"

enum { REF_MAX = 400 };

struct ref_term { /* kind: 'p'lane, 'n'ode, 'd'ie, 'm'essages of a pair; link -1: all */
    char kind;
    int at, link;
    double factor;
};

struct ref_net {
    const struct sn_profile *p;
    unsigned dies;
    const struct ref_term *terms;
    int n_terms;
    enum sn_net_spread spread;
    unsigned plane;
    uint64_t seed;
};

/* done_ps of n <= REF_MAX messages into done. */
void ref_run(const struct ref_net *net, const struct sn_msg *msgs, int n, int64_t overhead,
             int64_t *done);

#endif
