/* Dispatch by MPI_Alltoallv: the baseline that everybody knows.
 *
 * 1. counts per (source die, destination die) by MPI_Alltoall;
 * 2. every copy encoded once, packed in the order of ranks (comm/moe_mpi.h);
 * 3. the copies, each with its index in its head, by one MPI_Alltoallv.
 * Combine: the answers, already in receive order, by one MPI_Alltoallv with the counts turned
 * round, then the weighted sum.
 * Cost: (ceil(log2 R) or R) alpha for the counts + R alpha + the copies of a rank x beta, and each
 * byte is written twice (pack, transfer). The choice where nothing is known of the fabric.
 */
#include "comm/moe_mpi.h"

static int dispatch(struct sn_moe_exchange *head)
{
    struct sn_moe_mpi *x = (struct sn_moe_mpi *)head;
    MPI_Comm comm = head->moe->comm;
    int block = (int)(x->most * x->most);
    sn_moe_mpi_plan(x);
    MPI_Alltoall(x->counts_out, block, MPI_UINT32_T, x->counts_in, block, MPI_UINT32_T, comm);
    sn_moe_mpi_expect(x);
    sn_moe_mpi_pack(x);
    MPI_Alltoallv(x->sent, x->n_out, x->first_out, x->copy, x->got, x->n_in, x->first_in, x->copy,
                  comm);
    sn_moe_mpi_deliver(x);
    return 0;
}

static int combine(struct sn_moe_exchange *head)
{
    struct sn_moe_mpi *x = (struct sn_moe_mpi *)head;
    MPI_Alltoallv(x->y, x->n_in, x->first_in, x->answer, x->back, x->n_out, x->first_out, x->answer,
                  head->moe->comm);
    sn_moe_mpi_sum(x);
    return 0;
}

static int open_alltoallv(struct sn_moe_exchange **out, struct sn_moe *m,
                          const struct sn_transport *t, bool yield);

const struct sn_moe_algorithm sn_moe_alltoallv = {
    .name = "alltoallv",
    .brief = "counts by MPI_Alltoall, copies by MPI_Alltoallv: the baseline",
    .schedule = SN_MOE_COUNTS_THEN_PAIRS,
    .unsupported = sn_moe_mpi_unsupported,
    .memory = sn_moe_mpi_memory,
    .open = open_alltoallv,
    .close = sn_moe_mpi_close,
    .dispatch = dispatch,
    .combine = combine,
};

static int open_alltoallv(struct sn_moe_exchange **out, struct sn_moe *m,
                          const struct sn_transport *t, bool yield)
{
    return sn_moe_mpi_open(out, m, &sn_moe_alltoallv);
}
