/* Dispatch by rotated Isend and Irecv: rank r sends to r + 1, r + 2, ..., so that no receiver is
 * everybody's first.
 *
 * 1. counts to every rank; 2. copies encoded and packed (comm/moe_mpi.h) while the counts travel;
 * 3. all receives posted, then one message per rank that gets any, in rotated order.
 * Combine: the answers the same way back, then the weighted sum.
 * Cost: 2 R messages, R alpha + the copies of a rank x beta; no collective, so a rank goes on as
 * soon as its own messages are there.
 */
#include "comm/moe_mpi.h"

#include "harness/base/copy.h"

enum { TAG_COUNTS = 1, TAG_COPIES, TAG_ANSWERS };

/* Moves runs between all ranks: n in units of type (bytes each), displacements first. */
static void exchange(struct sn_moe_mpi *x, int tag, MPI_Datatype type, size_t bytes,
                     const uint8_t *out, const int *n_out, const int *first_out, uint8_t *in,
                     const int *n_in, const int *first_in)
{
    const struct sn_moe *m = x->head.moe;
    int ranks = m->endpoints->ranks, n = 0;
    for (int step = 1; step < ranks; step++) {
        int from = (m->rank - step + ranks) % ranks;
        if (n_in[from])
            MPI_Irecv(in + (size_t)first_in[from] * bytes, n_in[from], type, from, tag, m->comm,
                      &x->requests[n++]);
    }
    for (int step = 1; step < ranks; step++) {
        int to = (m->rank + step) % ranks;
        if (n_out[to])
            MPI_Isend(out + (size_t)first_out[to] * bytes, n_out[to], type, to, tag, m->comm,
                      &x->requests[n++]);
    }
    sn_copy(in + (size_t)first_in[m->rank] * bytes, out + (size_t)first_out[m->rank] * bytes,
            (size_t)n_out[m->rank] * bytes);
    MPI_Waitall(n, x->requests, x->statuses);
}

static int dispatch(struct sn_moe_exchange *head)
{
    struct sn_moe_mpi *x = (struct sn_moe_mpi *)head;
    const struct sn_moe *m = head->moe;
    int ranks = m->endpoints->ranks, n = 0, block = (int)(x->most * x->most);
    sn_moe_mpi_plan(x);
    for (int step = 0; step < ranks; step++) {
        int from = (m->rank - step + ranks) % ranks;
        MPI_Irecv(x->counts_in + (size_t)from * block, block, MPI_UINT32_T, from, TAG_COUNTS,
                  m->comm, &x->requests[n++]);
    }
    for (int step = 0; step < ranks; step++) {
        int to = (m->rank + step) % ranks;
        MPI_Isend(x->counts_out + (size_t)to * block, block, MPI_UINT32_T, to, TAG_COUNTS, m->comm,
                  &x->requests[n++]);
    }
    sn_moe_mpi_pack(x);
    MPI_Waitall(n, x->requests, x->statuses);
    sn_moe_mpi_expect(x);
    exchange(x, TAG_COPIES, x->copy, m->copy_bytes, x->sent, x->n_out, x->first_out, x->got,
             x->n_in, x->first_in);
    sn_moe_mpi_deliver(x);
    return 0;
}

static int combine(struct sn_moe_exchange *head)
{
    struct sn_moe_mpi *x = (struct sn_moe_mpi *)head;
    exchange(x, TAG_ANSWERS, x->answer, head->moe->answer_bytes, x->y, x->n_in, x->first_in,
             x->back, x->n_out, x->first_out);
    sn_moe_mpi_sum(x);
    return 0;
}

static int open_pairwise(struct sn_moe_exchange **out, struct sn_moe *m,
                         const struct sn_transport *t, bool yield);

const struct sn_moe_algorithm sn_moe_pairwise = {
    .name = "pairwise",
    .brief = "rotated Isend and Irecv, counts first",
    .schedule = SN_MOE_COUNTS_AND_PAIRS,
    .unsupported = sn_moe_mpi_unsupported,
    .memory = sn_moe_mpi_memory,
    .open = open_pairwise,
    .close = sn_moe_mpi_close,
    .dispatch = dispatch,
    .combine = combine,
};

static int open_pairwise(struct sn_moe_exchange **out, struct sn_moe *m,
                         const struct sn_transport *t, bool yield)
{
    return sn_moe_mpi_open(out, m, &sn_moe_pairwise);
}
