/* A test program for MPI: every rank runs every test; rank 0 prints "ok NAME" or "not ok NAME:
 * why".
 *
 *     MPI_TEST(put_arrives) { CHECK(x == 1, "x is %d", x); }
 *     int main(int argc, char **argv) { return mpitest_main(argc, argv, (const struct mpitest[]){
 *         TEST(put_arrives), {0}}); }
 *
 * CHECK does not leave the test: all ranks must go on to make the same collective calls.
 */
#ifndef SN_TESTS_MPITEST_H
#define SN_TESTS_MPITEST_H

#include <stdio.h>
#include <string.h>

#include <mpi.h>

struct mpitest {
    const char *name;
    void (*run)(int rank, int size);
};

static char mpitest_why[256];

#define MPI_TEST(n) static void n(int rank, int size)
#define TEST(n)                                                                                    \
    {                                                                                              \
#n, n                                                                                      \
    }
#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond) && !mpitest_why[0]) {                                                          \
            int at_ = snprintf(mpitest_why, sizeof mpitest_why, "%s:%d: %s: ", __FILE__, __LINE__, \
                               #cond);                                                             \
            if (at_ > 0 && at_ < (int)sizeof mpitest_why)                                          \
                snprintf(mpitest_why + at_, sizeof mpitest_why - (size_t)at_, __VA_ARGS__);        \
        }                                                                                          \
    } while (0)

static inline int mpitest_main(int argc, char **argv, const struct mpitest *tests)
{
    int provided, rank, size, failures = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (; tests->name; tests++) {
        mpitest_why[0] = 0;
        tests->run(rank, size);
        int bad = mpitest_why[0] ? rank : size, first;
        MPI_Allreduce(&bad, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
        if (first < size) {
            char why[sizeof mpitest_why];
            memcpy(why, mpitest_why, sizeof why);
            MPI_Bcast(why, sizeof why, MPI_CHAR, first, MPI_COMM_WORLD);
            if (rank == 0)
                printf("not ok %s (%d ranks): rank %d: %s\n", tests->name, size, first, why);
            failures++;
        } else if (rank == 0) {
            printf("ok %s (%d ranks)\n", tests->name, size);
        }
        fflush(stdout);
    }
    MPI_Finalize();
    return failures ? 1 : 0;
}

#endif
