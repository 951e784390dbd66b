/* Common time and common starts; see sync.h. */
#include "harness/sync.h"

#include <assert.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>

#include "harness/base/clock.h"
#include "harness/stats.h"

enum { TAG_PING = 1, TAG_PONG, TAG_OFFSET };

void sn_sync_offset(const struct sn_sync_probe *p, size_t n, double *offset_s, double *error_s)
{
    size_t best = 0;

    assert(n >= 1);
    for (size_t i = 1; i < n; i++)
        if (p[i].back_ns - p[i].sent_ns < p[best].back_ns - p[best].sent_ns)
            best = i;
    /* The difference first: clocks count from boot, and 2^53 ns are only 104 days. */
    int64_t rtt = p[best].back_ns - p[best].sent_ns;
    *offset_s = ((double)(p[best].peer_ns - p[best].sent_ns) - (double)rtt / 2) * 1e-9;
    *error_s = (double)rtt / 2 * 1e-9;
}

static int64_t wall_now(void *arg)
{
    (void)arg;
    return sn_clock_ns();
}

struct sn_sync_source sn_sync_wall(void)
{
    return (struct sn_sync_source){wall_now, NULL};
}

void sn_sync_wait(MPI_Request *request, bool yield)
{
    int done = 0;

    if (!yield) {
        MPI_Wait(request, MPI_STATUS_IGNORE);
        return;
    }
    for (MPI_Test(request, &done, MPI_STATUS_IGNORE); !done;
         MPI_Test(request, &done, MPI_STATUS_IGNORE))
        sched_yield();
}

static void receive(void *buf, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
                    bool yield)
{
    MPI_Request request;

    MPI_Irecv(buf, count, type, from, tag, comm, &request);
    sn_sync_wait(&request, yield);
}

void sn_sync_measure(MPI_Comm comm, struct sn_sync_source src, bool yield,
                     struct sn_sync_clock *clk)
{
    enum { PROBES = 20 };
    struct sn_sync_probe probe[PROBES];
    double result[2] = {0, 0};
    int rank, size;

    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    if (rank == 0) {
        for (int peer = 1; peer < size; peer++) {
            for (int i = 0; i < PROBES; i++) {
                probe[i].sent_ns = src.now_ns(src.arg);
                MPI_Send(NULL, 0, MPI_BYTE, peer, TAG_PING, comm);
                receive(&probe[i].peer_ns, 1, MPI_INT64_T, peer, TAG_PONG, comm, yield);
                probe[i].back_ns = src.now_ns(src.arg);
            }
            sn_sync_offset(probe, PROBES, &result[0], &result[1]);
            MPI_Send(result, 2, MPI_DOUBLE, peer, TAG_OFFSET, comm);
        }
        result[0] = result[1] = 0;
    } else {
        for (int i = 0; i < PROBES; i++) {
            receive(NULL, 0, MPI_BYTE, 0, TAG_PING, comm, yield);
            int64_t now = src.now_ns(src.arg);
            MPI_Send(&now, 1, MPI_INT64_T, 0, TAG_PONG, comm);
        }
        receive(result, 2, MPI_DOUBLE, 0, TAG_OFFSET, comm, yield);
    }
    clk->at_ns = src.now_ns(src.arg);
    clk->offset_s = result[0];
    clk->error_s = result[1];
}

static double offset_at(const struct sn_sync_clock *clk, int64_t local_ns)
{
    return clk->offset_s + clk->drift * (double)(local_ns - clk->at_ns) * 1e-9;
}

void sn_sync_remeasure(MPI_Comm comm, struct sn_sync_source src, bool yield,
                       struct sn_sync_clock *clk, double *residual_s)
{
    struct sn_sync_clock now = *clk;
    double residual;

    sn_sync_measure(comm, src, yield, &now);
    residual = fabs(now.offset_s - offset_at(clk, now.at_ns));
    double apart = (double)(now.at_ns - clk->at_ns) * 1e-9;
    if (apart >= 0.01)
        now.drift = (now.offset_s - clk->offset_s) / apart;
    *clk = now;
    MPI_Request request;
    MPI_Iallreduce(&residual, residual_s, 1, MPI_DOUBLE, MPI_MAX, comm, &request);
    sn_sync_wait(&request, yield);
}

int64_t sn_sync_to_global(const struct sn_sync_clock *clk, int64_t local_ns)
{
    return local_ns - llround(offset_at(clk, local_ns) * 1e9);
}

int64_t sn_sync_to_local(const struct sn_sync_clock *clk, int64_t global_ns)
{
    /* The offset is asked for at the local time sought; one step with it leaves drift^2 x offset,
     * far below a nanosecond. */
    int64_t near = global_ns + llround(offset_at(clk, global_ns) * 1e9);

    return global_ns + llround(offset_at(clk, near) * 1e9);
}

double sn_sync_bcast_time(MPI_Comm comm, const struct sn_sync_clock *clk, bool yield)
{
    enum { ROUNDS = 51 };
    double time_s[ROUNDS];
    int64_t begin = sn_clock_ns(), msg[2], mine, largest;
    MPI_Request request;
    int rank, n = 0;

    MPI_Comm_rank(comm, &rank);
    do {
        msg[0] = sn_clock_ns();
        msg[1] = n + 1 == ROUNDS || msg[0] - begin > (yield ? 50 : 200) * 1000000ll;
        MPI_Ibcast(msg, 2, MPI_INT64_T, 0, comm, &request);
        sn_sync_wait(&request, yield);
        mine = rank == 0 ? 0 : sn_sync_to_global(clk, sn_clock_ns()) - msg[0];
        MPI_Iallreduce(&mine, &largest, 1, MPI_INT64_T, MPI_MAX, comm, &request);
        sn_sync_wait(&request, yield);
        time_s[n++] = (double)largest * 1e-9;
    } while (!msg[1]);
    sn_stats_sort(time_s, (size_t)n);
    return fmax(time_s[yield ? n / 2 : 0], 100e-9);
}

void sn_sync_start_init(struct sn_sync_start *s, double bcast_s, bool yield)
{
    int64_t wanted = (int64_t)ceil(2e9 * bcast_s);

    *s = (struct sn_sync_start){.least_ns = wanted};
    s->most_ns = yield ? 20 * 1000 * 1000 : 2 * 1000 * 1000;
    /* Beyond 20 us a spinning rank rather meets the end of its time slice; whether the network
     * needs more is found out by doubling. */
    if (!yield && wanted > 20 * 1000)
        s->least_ns = 20 * 1000;
    if (s->least_ns > s->most_ns)
        s->least_ns = s->most_ns;
    s->lead_ns = s->least_ns;
    /* A spinning rank sees the instant within a few clock reads (measured: below 100 ns). */
    s->slack_ns = yield ? 20 * 1000 : 250;
}

bool sn_sync_start_note(struct sn_sync_start *s, int64_t lateness_ns)
{
    enum { WINDOW = 20 };
    bool late = lateness_ns > s->slack_ns;

    s->late += late;
    if (++s->seen == WINDOW) {
        /* Late with the longest lead as well: then the lead is not what makes them late. */
        if (s->late * 4 > WINDOW)
            s->lead_ns = 2 * s->lead_ns <= s->most_ns ? 2 * s->lead_ns : s->least_ns;
        s->seen = s->late = 0;
    }
    return late;
}
