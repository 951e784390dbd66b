/* Where a run happens; see world.h. */
#define _GNU_SOURCE
#include "harness/world.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/base/status.h"

/* CPUs in the union of the affinity masks of the ranks of `comm`. */
static int cores_of(MPI_Comm comm)
{
    enum { WORDS = CPU_SETSIZE / 64 };
    uint64_t words[WORDS] = {0};
    cpu_set_t set;
    int cores = 0;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &set))
                words[cpu / 64] |= 1ull << cpu % 64;
    MPI_Allreduce(MPI_IN_PLACE, words, WORDS, MPI_UINT64_T, MPI_BOR, comm);
    for (int i = 0; i < WORDS; i++)
        cores += __builtin_popcountll(words[i]);
    return cores > 0 ? cores : 1;
}

/* Which kernel this is: the same in all containers and network namespaces of a machine. `otherwise`
 * where it does not say. */
static uint64_t kernel_key(uint64_t otherwise)
{
    char id[64] = "";
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    size_t n = f ? fread(id, 1, sizeof id, f) : 0;

    if (f)
        fclose(f);
    return n > 0 ? sn_hash_bytes(SN_HASH_START, id, n) : otherwise;
}

/* The ranks of one kernel: hosts that are containers of one machine share its cores and its clock.
 */
static void find_machines(struct sn_world *w, MPI_Comm *machine)
{
    uint64_t host = (uint64_t)w->rank, key, *keys = sn_calloc((size_t)w->size, sizeof *keys);
    int color = 0, rank, first;

    MPI_Bcast(&host, 1, MPI_UINT64_T, 0, w->host_comm); /* its first rank stands for a host */
    key = kernel_key(host);
    MPI_Bcast(&key, 1, MPI_UINT64_T, 0, w->host_comm);
    MPI_Allgather(&key, 1, MPI_UINT64_T, keys, 1, MPI_UINT64_T, w->comm);
    while (keys[color] != key)
        color++;
    free(keys);
    MPI_Comm_split(w->comm, color, w->rank, machine);
    MPI_Comm_rank(*machine, &rank);
    first = rank == 0;
    MPI_Allreduce(&first, &w->machines, 1, MPI_INT, MPI_SUM, w->comm);
}

static void find_hosts(struct sn_world *w)
{
    int host_rank, first, ranks;
    MPI_Comm machine;

    MPI_Comm_split_type(w->comm, MPI_COMM_TYPE_SHARED, w->rank, MPI_INFO_NULL, &w->host_comm);
    MPI_Comm_rank(w->host_comm, &host_rank);
    MPI_Comm_size(w->host_comm, &w->host_ranks);
    first = host_rank == 0;
    MPI_Allreduce(&first, &w->hosts, 1, MPI_INT, MPI_SUM, w->comm);
    w->cores = cores_of(w->host_comm);
    find_machines(w, &machine);
    MPI_Comm_size(machine, &ranks);
    int crowded = ranks > cores_of(machine), anywhere;
    MPI_Comm_free(&machine);
    MPI_Allreduce(&crowded, &anywhere, 1, MPI_INT, MPI_LOR, w->comm);
    w->oversubscribed = anywhere;
}

static void compare_clocks(struct sn_world *w)
{
    struct sn_sync_clock *clk = &w->clock;
    double mine[2], largest[2];

    *clk = (struct sn_sync_clock){0};
    sn_sync_measure(w->comm, sn_sync_wall(), w->oversubscribed, clk);
    /* One clock read takes some 20 ns, which neither side of the exchange can exclude. */
    mine[0] = fabs(clk->offset_s) > clk->error_s + 100e-9;
    mine[1] = clk->error_s;
    MPI_Allreduce(mine, largest, 2, MPI_DOUBLE, MPI_MAX, w->comm);
    w->common_clock = w->machines == 1 && largest[0] == 0;
    w->clock_error_s = largest[1];
    if (w->common_clock)
        *clk = (struct sn_sync_clock){.error_s = clk->error_s, .at_ns = clk->at_ns};
    w->clock_offset_s = clk->offset_s;
}

int sn_world_open(struct sn_world *w)
{
    int ready = 0, over = 0;

    MPI_Initialized(&ready);
    if (ready)
        MPI_Finalized(&over);
    if (!ready || over)
        return SN_FAIL(SN_EENV, "MPI is not running: call MPI_Init_thread first");
    *w = (struct sn_world){.comm = MPI_COMM_NULL, .host_comm = MPI_COMM_NULL};
    if (MPI_Comm_dup(MPI_COMM_WORLD, &w->comm) != MPI_SUCCESS)
        return SN_FAIL(SN_EENV, "MPI_Comm_dup of MPI_COMM_WORLD failed");
    MPI_Comm_rank(w->comm, &w->rank);
    MPI_Comm_size(w->comm, &w->size);
    find_hosts(w);
    compare_clocks(w);
    w->bcast_s = sn_sync_bcast_time(w->comm, &w->clock, w->oversubscribed);
    return SN_OK;
}

/* MPICH 4.0 over UCX's tcp (1.13) closes its connections in MPI_Finalize. A rank that sees a peer
 * close before it closes itself connects again, to a peer that no longer makes progress, and both
 * wait for ever: 14 of 40 runs on four hosts ended so. Hence every pair talks in both directions
 * once, so that no connection is half made (collectives leave pairs out); then nobody makes
 * progress, and so sees nobody close, until all are out of the barrier: 0 of 40 (3 of 40 without
 * the first step). */
static void settle(struct sn_world *w)
{
    static const struct timespec quiet = {.tv_nsec = 200 * 1000 * 1000};
    size_t n = (size_t)w->size;
    MPI_Request *request = sn_calloc(2 * n, sizeof *request), barrier;
    char *bytes = sn_calloc(n, 1), byte = 0;

    for (int r = 0; r < w->size; r++) {
        MPI_Irecv(&bytes[r], 1, MPI_BYTE, r, 0, w->comm, &request[r]);
        MPI_Isend(&byte, 1, MPI_BYTE, r, 0, w->comm, &request[w->size + r]);
    }
    for (size_t r = 0; r < 2 * n; r++)
        sn_sync_wait(&request[r], true);
    MPI_Ibarrier(w->comm, &barrier);
    sn_sync_wait(&barrier, true);
    nanosleep(&quiet, NULL);
    free(bytes);
    free(request);
}

void sn_world_close(struct sn_world *w)
{
    if (w->comm != MPI_COMM_NULL && w->hosts > 1)
        settle(w);
    if (w->host_comm != MPI_COMM_NULL)
        MPI_Comm_free(&w->host_comm);
    if (w->comm != MPI_COMM_NULL)
        MPI_Comm_free(&w->comm);
}

double sn_world_recheck_clock(struct sn_world *w)
{
    double residual;
    struct sn_sync_clock found = w->clock;

    sn_sync_remeasure(w->comm, sn_sync_wall(), w->oversubscribed, &found, &residual);
    if (!w->common_clock)
        w->clock = found;
    w->clock_offset_s = w->clock.offset_s;
    return residual;
}

void sn_world_rest(const struct sn_world *w)
{
    const struct timespec nap = {.tv_nsec = 50000};
    MPI_Request request;
    int done = 0;

    MPI_Ibarrier(w->comm, &request);
    for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done;
         MPI_Test(&request, &done, MPI_STATUS_IGNORE))
        nanosleep(&nap, NULL);
}

int sn_world_agree(const struct sn_world *w, int status)
{
    struct {
        int status;
        char text[1020];
    } msg;
    int mine = status == SN_OK ? w->size : w->rank, first;
    MPI_Request request;

    MPI_Iallreduce(&mine, &first, 1, MPI_INT, MPI_MIN, w->comm, &request);
    sn_sync_wait(&request, w->oversubscribed);
    if (first == w->size)
        return SN_OK;
    memset(&msg, 0, sizeof msg);
    msg.status = status;
    snprintf(msg.text, sizeof msg.text, "%s", sn_status_message());
    MPI_Ibcast(&msg, sizeof msg, MPI_BYTE, first, w->comm, &request);
    sn_sync_wait(&request, w->oversubscribed);
    if (first != 0)
        return SN_FAIL(msg.status, "rank %d: %s", first, msg.text);
    return w->rank == 0 ? msg.status : SN_FAIL(msg.status, "%s", msg.text);
}
