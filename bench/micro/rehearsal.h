/* Rehearsals: the messages of a collective of the model, moved with real bytes between endpoints on
 * whatever ranks there are, step by step, and every block checked at its end.
 *
 * Blocks move by slices, so that all endpoints together fill at most SN_VERIFY_BUDGET at a time (or
 * 64 bytes a block). */
#ifndef SN_BENCH_MICRO_REHEARSAL_H
#define SN_BENCH_MICRO_REHEARSAL_H

#include "bench/micro/fabric.h"
#include "comm/fabric/collectives.h"

struct sn_rehearsal {
    struct sn_fabric fabric;
    const struct sn_collective *a; /* all-to-all or all-gather */
    const uint32_t *orders;        /* borrowed; sn_collective_orders(), or NULL */
    unsigned p, mine;              /* endpoints; of this rank */
    size_t whole, slice;           /* bytes of a block that move; at a time */
    char **out;                    /* (mine) all-to-all: a block for everyone */
};

/* Collective; on failure sn_rehearsal_close() is still due. */
int sn_rehearsal_open(struct sn_rehearsal *r, const struct sn_case *c,
                      const struct sn_collective *a, unsigned p, const uint32_t *orders,
                      uint64_t block);
void sn_rehearsal_close(struct sn_rehearsal *r);

/* Blocks that all messages together carry: with forwarding more than one for each pair. */
uint64_t sn_rehearsal_blocks(const struct sn_collective *a, unsigned p);

/* Bytes of memory per rank, at most. */
uint64_t sn_rehearsal_memory(const struct sn_case *c, const struct sn_collective *a, unsigned p);

/* Fills, moves, compares every byte of every block and what the transport counted, per tier. */
int sn_rehearsal_verify(struct sn_rehearsal *r, struct sn_check *k);

#endif
