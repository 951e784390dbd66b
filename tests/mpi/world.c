/* Ranks, hosts, cores, clocks; agreement on failures. */
#define _GNU_SOURCE
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/world.h"
#include "tests/mpi/mpitest.h"

MPI_TEST(open_describes_one_host)
{
    struct sn_world w;
    cpu_set_t set;
    int status = sn_world_open(&w);
    CHECK(status == SN_OK, "%s", sn_status_message());
    CHECK(w.rank == rank && w.size == size, "rank %d of %d", w.rank, w.size);
    CHECK(w.hosts == 1 && w.host_ranks == size, "%d hosts, %d here", w.hosts, w.host_ranks);
    sched_getaffinity(0, sizeof set, &set);
    CHECK(w.cores >= CPU_COUNT(&set), "%d cores, my mask has %d", w.cores, CPU_COUNT(&set));
    CHECK(w.cores <= sysconf(_SC_NPROCESSORS_CONF), "%d cores", w.cores);
    CHECK(w.oversubscribed == (size > w.cores), "%d ranks on %d cores", size, w.cores);
    CHECK(w.common_clock, "offset %g s, bound %g s", w.clock_offset_s, w.clock_error_s);
    CHECK(w.clock_offset_s == 0, "%g", w.clock_offset_s);
    CHECK(w.clock_error_s >= 0 && w.clock_error_s < 0.05, "bound %g s", w.clock_error_s);
    CHECK(w.bcast_s > 0 && w.bcast_s < 0.5, "broadcast %g s", w.bcast_s);
    sn_world_close(&w);
}

/* Ranks bound to the cores 0 and 1 in turn may use two together, bound to one core only one. */
MPI_TEST(cores_are_the_union_of_the_masks)
{
    struct sn_world w;
    cpu_set_t old, one;
    int first = -1, second = -1;
    sched_getaffinity(0, sizeof old, &old);
    for (int c = 0; c < CPU_SETSIZE; c++)
        if (CPU_ISSET(c, &old)) {
            if (first < 0)
                first = c;
            else if (second < 0)
                second = c;
        }
    for (int same = 0; same < 2; same++) {
        int mine = same || second < 0 || rank % 2 == 0 ? first : second;
        CPU_ZERO(&one);
        CPU_SET(mine, &one);
        sched_setaffinity(0, sizeof one, &one);
        sn_world_open(&w);
        int expected = same || second < 0 || size == 1 ? 1 : 2;
        CHECK(w.cores == expected, "%d cores, expected %d", w.cores, expected);
        CHECK(w.oversubscribed == (size > expected), "%d ranks on %d", size, expected);
        sn_world_close(&w);
        sched_setaffinity(0, sizeof old, &old);
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

MPI_TEST(agree_brings_the_lowest_failure)
{
    struct sn_world w;
    int status;
    sn_world_open(&w);
    CHECK(sn_world_agree(&w, SN_OK) == SN_OK, "all well");

    status = rank == size - 1 ? SN_FAIL(SN_EIO, "disk of %d is full", rank) : SN_OK;
    status = sn_world_agree(&w, status);
    CHECK(status == SN_EIO, "status %d", status);
    char expected[64];
    snprintf(expected, sizeof expected,
             size > 1 ? "rank %d: disk of %d is full" : "disk of 0 is full", size - 1, size - 1);
    CHECK(strcmp(sn_status_message(), expected) == 0, "\"%s\"", sn_status_message());

    /* Everybody fails, each in its own way: rank 0 is the lowest, and needs no prefix. */
    status = sn_world_agree(&w, SN_FAIL(rank ? SN_ENOMEM : SN_EVERIFY, "mine is %d", rank));
    CHECK(status == SN_EVERIFY, "status %d", status);
    CHECK(strcmp(sn_status_message(), "mine is 0") == 0, "\"%s\"", sn_status_message());
    sn_world_close(&w);
}

/* A clock that is off and drifts: what another host's would be. */
struct skewed {
    int64_t base_ns, offset_ns;
    double drift;
};

static int64_t skew(const struct skewed *s, int64_t ns)
{
    return ns + s->offset_ns + llround(s->drift * (double)(ns - s->base_ns));
}

static int64_t skewed_now(void *arg)
{
    return skew(arg, sn_clock_ns());
}

/* Clocks off by +-1 ms that drift by +-50 ppm give the same makespan as one common clock, within
 * the bound of the exchange, also 0.2 s after the measurement, when 50 ppm have become 10 us. */
MPI_TEST(skewed_clocks_give_the_same_time)
{
    struct sn_world w;
    double residual;
    sn_world_open(&w);
    int64_t base = sn_clock_ns();
    MPI_Bcast(&base, 1, MPI_INT64_T, 0, w.comm);
    struct skewed mine = {base, rank % 2 ? 1000000 : -1000000, rank % 2 ? 50e-6 : -50e-6};
    if (rank == 0)
        mine = (struct skewed){base, 0, 0};
    struct sn_sync_source src = {skewed_now, &mine};
    struct sn_sync_clock clk = {0};

    sn_sync_measure(w.comm, src, w.oversubscribed, &clk);
    double truth = (double)(skew(&mine, clk.at_ns) - clk.at_ns) * 1e-9;
    CHECK(rank == 0 || fabs(fabs(clk.offset_s) - 1e-3) < 1e-4 + clk.error_s, "offset %g s",
          clk.offset_s);
    CHECK(fabs(clk.offset_s - truth) <= clk.error_s + 1e-6,
          "offset %g s, in truth %g s, bound %g s", clk.offset_s, truth, clk.error_s);
    usleep(100000);
    sn_sync_remeasure(w.comm, src, w.oversubscribed, &clk, &residual);
    /* The first time the drift was unknown: it shows as the residual. */
    if (size > 1)
        CHECK(residual > 2e-6, "0.1 s at 50 ppm went unseen: %g s", residual);
    usleep(100000);

    /* An event of known start and length on each rank, as its clock shows it. */
    int64_t t0 = sn_clock_ns();
    MPI_Bcast(&t0, 1, MPI_INT64_T, 0, w.comm);
    int64_t t1 = t0 + 1000 * (rank + 1);
    int64_t real[2] = {t1, -t0};
    int64_t seen[2] = {sn_sync_to_global(&clk, skew(&mine, t1)),
                       -sn_sync_to_global(&clk, skew(&mine, t0))};
    MPI_Allreduce(MPI_IN_PLACE, real, 2, MPI_INT64_T, MPI_MAX, w.comm);
    MPI_Allreduce(MPI_IN_PLACE, seen, 2, MPI_INT64_T, MPI_MAX, w.comm);
    double off = (double)llabs(seen[0] + seen[1] - real[0] - real[1]) * 1e-9;
    double bound = clk.error_s;
    MPI_Allreduce(MPI_IN_PLACE, &bound, 1, MPI_DOUBLE, MPI_MAX, w.comm);
    /* Offset now and drift from two offsets over as long a time: at most 4 bounds at either end. */
    CHECK(off <= 8 * bound + 1e-6, "off by %g s, bound %g s", off, bound);
    /* Without the mapping the same check fails. */
    if (size > 1) {
        int64_t raw[2] = {skew(&mine, t1), -skew(&mine, t0)};
        MPI_Allreduce(MPI_IN_PLACE, raw, 2, MPI_INT64_T, MPI_MAX, w.comm);
        double raw_off = (double)llabs(raw[0] + raw[1] - real[0] - real[1]) * 1e-9;
        CHECK(raw_off > 5e-4, "unmapped clocks are off by %g s only", raw_off);
    }
    sn_world_close(&w);
}

MPI_TEST(recheck_of_a_common_clock)
{
    struct sn_world w;
    sn_world_open(&w);
    double residual = sn_world_recheck_clock(&w);
    CHECK(residual < 0.05, "%g s", residual);
    CHECK(w.clock_offset_s == 0 && w.clock.drift == 0, "the common clock is left alone");
    sn_world_close(&w);
}

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(open_describes_one_host),
                                                 TEST(cores_are_the_union_of_the_masks),
                                                 TEST(agree_brings_the_lowest_failure),
                                                 TEST(skewed_clocks_give_the_same_time),
                                                 TEST(recheck_of_a_common_clock),
                                                 {0}});
}
