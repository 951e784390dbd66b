/* What alltoallv and pairwise share: packed buffers in the order of ranks.
 *
 * Send order: destination dies grouped by rank (endpoints->order), for each the own dies in order,
 * for each its copies in the order of (token, j). So one message to a rank holds, per destination
 * die and source die, a run of copies; the answers come back in the very same order.
 */
#ifndef SN_COMM_MOE_MPI_H
#define SN_COMM_MOE_MPI_H

#include "comm/moe.h"

struct sn_moe_mpi {
    struct sn_moe_exchange head;
    unsigned most;          /* dies of the rank that has most */
    uint8_t *sent, *got;    /* copies in send order; in receive order */
    uint8_t *y, *back;      /* answers in receive order; in send order */
    uint32_t *where;        /* (local, T, K) place of each copy in send order */
    uint32_t *next;         /* (dies, local) next place of each run while packing */
    uint32_t *counts_out;   /* (ranks, most, most) copies per (destination die, source die) */
    uint32_t *counts_in;    /* the same from each rank */
    int *n_out, *first_out; /* (ranks) copies and displacements in copies */
    int *n_in, *first_in;
    MPI_Datatype copy, answer;
    MPI_Request *requests; /* (2 ranks) */
    MPI_Status *statuses;
};

const char *sn_moe_mpi_unsupported(const struct sn_moe_shape *s, unsigned dies_per_node,
                                   unsigned local);
uint64_t sn_moe_mpi_memory(const struct sn_moe_shape *s, unsigned dies_per_node, unsigned local,
                           const struct sn_transport *t);
int sn_moe_mpi_open(struct sn_moe_exchange **out, struct sn_moe *m,
                    const struct sn_moe_algorithm *a);
void sn_moe_mpi_close(struct sn_moe_exchange *x);

/* The steps of a dispatch around the messages. plan: counts_out, n_out, first_out, where. pack:
 * encodes every token into `sent`. expect: from counts_in to n_in and first_in. deliver: from
 * counts_in to count, received and answer of the head, and counts the bytes of what has come. */
void sn_moe_mpi_plan(struct sn_moe_mpi *x);
void sn_moe_mpi_pack(struct sn_moe_mpi *x);
void sn_moe_mpi_expect(struct sn_moe_mpi *x);
void sn_moe_mpi_deliver(struct sn_moe_mpi *x);

/* The end of combine: sums `back` into out, and counts the bytes of the answers. */
void sn_moe_mpi_sum(struct sn_moe_mpi *x);

#endif
