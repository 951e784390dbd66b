/* Exchanges: collectives in which every endpoint ends with one block of every endpoint, by MPI or
 * by puts. The engine of alltoall and allgather.
 *
 * Endpoint s gives endpoint d the block at d * out_stride of its source; out_stride = 0 gives all
 * the same (allgather). Endpoint d has the block of s at s * size of its destination. */
#ifndef SN_BENCH_MICRO_EXCHANGE_H
#define SN_BENCH_MICRO_EXCHANGE_H

#include "bench/micro/fabric.h"

struct sn_exchange {
    struct sn_fabric fabric;
    MPI_Comm comm; /* ranks in the order of their endpoints; MPI_COMM_NULL with several a rank */
    unsigned n;    /* endpoints */
    unsigned mine; /* of this rank */
    size_t size, out_stride;
    char **out, **in;   /* (mine) private source, and destination of algorithms by MPI */
    uint64_t iteration; /* of puts: value of the flags, and its parity the half in use */
};

/* Collective; on failure sn_exchange_close() is still due. With `by_put` the destinations are two
 * halves of the segments, used in turn; else private memory. */
int sn_exchange_open(struct sn_exchange *x, const struct sn_case *c, unsigned n, size_t size,
                     bool same_block, bool by_put);
void sn_exchange_close(struct sn_exchange *x);

/* Bytes of memory per rank, at most. */
uint64_t sn_exchange_memory(const struct sn_case *c, uint64_t n, uint64_t size);

/* Every endpoint puts its blocks in rotated order (to me, me + 1, ...), a flag behind each, and
 * waits for the flags of all. A half is written again two iterations later: whoever has all flags
 * of one iteration knows that everyone has ended the one before. */
int sn_exchange_put(struct sn_exchange *x);

/* n - 1 steps of MPI_Sendrecv on x->comm. Pairwise, for all-to-all: step s sends to me + s. Ring,
 * for all-gather: each step passes on what the last one brought. */
int sn_exchange_pairwise(struct sn_exchange *x);
int sn_exchange_ring(struct sn_exchange *x);

/* Fills the sources anew, clears the destinations, runs once (c->batch operations by c's run) and
 * compares every byte of every block. */
int sn_exchange_verify(struct sn_exchange *x, struct sn_case *c, struct sn_check *k, bool by_put);

/* NULL, or why `ep` endpoints cannot run: an algorithm of MPI calls works on ranks. */
const char *sn_exchange_unsupported(const struct sn_case *c, bool by_put);

/* Bytes, bandwidths and lower bound: each core copies the blocks of its endpoints once, at the roof
 * for the caches that they fill. `sources`: different blocks that an endpoint sends (ep, or 1). */
void sn_exchange_metrics(const struct sn_case *c, unsigned sources,
                         const struct sn_metric_doc *docs, struct sn_row *row);

#endif
