/* Where a run happens: the ranks, their hosts and cores, and the clock they share. */
#ifndef SN_HARNESS_WORLD_H
#define SN_HARNESS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <mpi.h>

#include "harness/sync.h"

struct sn_world {
    MPI_Comm comm;      /* a private duplicate; the harness's own traffic */
    MPI_Comm host_comm; /* the ranks of this host */
    int rank, size;
    int hosts;             /* number of hosts: ranks of one share memory */
    int machines;          /* number of kernels: containers of one machine are several hosts */
    int cores;             /* cores this host's ranks may use together */
    int host_ranks;        /* ranks on this host */
    bool oversubscribed;   /* on any machine more ranks than cores: waiting must yield, rows are
                              `emulated` */
    bool common_clock;     /* one machine and clock offsets checked by ping-pong */
    double clock_error_s;  /* bound of the offset between any rank's clock and rank 0's */
    double clock_offset_s; /* this rank's clock minus rank 0's (0 with a common clock) */
    struct sn_sync_clock clock; /* the same with its drift, as measured last */
    double bcast_s; /* time of a small broadcast (sn_sync_bcast_time): the unit of the lead */
};

/* Collective over MPI_COMM_WORLD, MPI already initialised. SN_EENV when MPI cannot be used. */
int sn_world_open(struct sn_world *w);
void sn_world_close(struct sn_world *w);

/* Collective: SN_OK on every rank if `status` is SN_OK on every rank; else every rank gets the
 * status and the recorded message of the lowest failing rank, prefixed "rank R: " when R is not 0.
 */
int sn_world_agree(const struct sn_world *w, int status);

/* Collective. Until all are here, giving the core away: for ranks that have nothing to do while one
 * computes. */
void sn_world_rest(const struct sn_world *w);

/* Collective. Compares the clocks again, updates the offset and its drift, and returns the largest
 * difference between an offset found and the one foretold (seconds, the same on all ranks). Within
 * 2 x clock_error_s it is only the exchange's own uncertainty. For the end of a run. */
double sn_world_recheck_clock(struct sn_world *w);

#endif
