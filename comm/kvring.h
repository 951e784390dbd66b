/* Consistent hashing: which pool member owns a key.
 *
 * Each member has `vnodes` points on a circle of 64-bit hashes; a key belongs to the member of the
 * first point at or after its hash. A point depends on the member's id alone, so a member that
 * joins takes 1/(n + 1) of the keys on average and one that leaves gives away only its own. Share
 * of a member: mean 1/n, coefficient of variation sqrt((n - 1) / (n vnodes + 1)). Lookup is O(1) on
 * average (a table of starting points), open O(n vnodes log). Pure functions of their arguments.
 * Source: Karger et al., STOC 1997.
 */
#ifndef SN_COMM_KVRING_H
#define SN_COMM_KVRING_H

#include <stdint.h>

struct sn_kvring_point;

struct sn_kvring {
    unsigned members, vnodes;
    uint64_t seed;
    struct sn_kvring_point *point; /* (members x vnodes) by hash */
    uint32_t *start;               /* (2^bits + 1) first point of each interval of hashes */
    unsigned bits;
};

/* ids (n): distinct names of the members; NULL: 0..n-1. SN_EINVAL: n or vnodes of 0, more than 2^24
 * points, an id twice. *out is set only on SN_OK; released with sn_kvring_close(). */
int sn_kvring_open(struct sn_kvring *out, const uint32_t *ids, unsigned n, unsigned vnodes,
                   uint64_t seed);
void sn_kvring_close(struct sn_kvring *r);

/* The member (index into ids) that owns a key. */
unsigned sn_kvring_owner(const struct sn_kvring *r, uint64_t key);

/* share (members): the part of the circle that each member owns; sums to 1. */
void sn_kvring_shares(const struct sn_kvring *r, double *share);

#endif
