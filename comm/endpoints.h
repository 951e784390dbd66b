/* Endpoints: logical dies, placed on MPI ranks. Endpoints are not ranks (DESIGN.md section 1). */
#ifndef SN_COMM_ENDPOINTS_H
#define SN_COMM_ENDPOINTS_H

#include <stdint.h>

/* How far apart two endpoints are; bytes are counted per tier. */
enum sn_tier { SN_TIER_SELF, SN_TIER_PACKAGE, SN_TIER_NODE, SN_TIER_SUPERNODE, SN_TIERS };
const char *sn_tier_name(enum sn_tier t);

struct sn_endpoints {
    unsigned n; /* endpoints = dies */
    int ranks;
    unsigned dies_per_npu;  /* 2; 1 where a node holds an odd number */
    unsigned dies_per_node; /* 16 */
    int *rank_of;           /* (n) rank of each endpoint */
    unsigned *first;        /* (ranks + 1) start of each rank's endpoints in `order` */
    unsigned *order;        /* (n) endpoints grouped by rank, ascending within a rank */
    unsigned *slot_of;      /* (n) position of an endpoint among those of its rank */
};

/* n endpoints in blocks over `ranks` (the first n % ranks ranks hold one more), or placed by the
 * file `map`: one line "die rank" per die, # comments; every die exactly once. SN_EINVAL with
 * FILE:LINE, SN_EIO. More ranks than endpoints leaves ranks empty. With an odd dies_per_node an
 * NPU has one die. *out is set only on SN_OK; released with sn_endpoints_close(). */
int sn_endpoints_open(struct sn_endpoints *out, unsigned n, int ranks, unsigned dies_per_node,
                      const char *map);
void sn_endpoints_close(struct sn_endpoints *e);

static inline unsigned sn_endpoints_count(const struct sn_endpoints *e, int rank)
{
    return e->first[rank + 1] - e->first[rank];
}
/* The i-th endpoint of a rank. */
static inline unsigned sn_endpoints_at(const struct sn_endpoints *e, int rank, unsigned i)
{
    return e->order[e->first[rank] + i];
}
static inline unsigned sn_endpoints_node(const struct sn_endpoints *e, unsigned die)
{
    return die / e->dies_per_node;
}
enum sn_tier sn_endpoints_tier(const struct sn_endpoints *e, unsigned a, unsigned b);

#endif
