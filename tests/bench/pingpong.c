/* A plain MPI ping-pong: the yardstick for `snbench run latency op=send transport=p2p`.
 * Prints "size seconds" per size: the median over repetitions of half a round trip. One buffer,
 * from the same allocator as snbench's: huge pages alone change 4 MiB by up to three times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

#include "harness/base/mem.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int a = 1; a < argc; a++) {
        int size = atoi(argv[a]), reps = 200, batch = size > 65536 ? 4 : 64;
        void *buffer;
        if (sn_mem_alloc(&buffer, (size_t)size))
            MPI_Abort(MPI_COMM_WORLD, 6);
        double t[200];
        memset(buffer, rank, (size_t)size);
        for (int i = -20; i < reps; i++) {
            double start = MPI_Wtime();
            for (int k = 0; k < batch; k++) {
                if (rank == 0)
                    MPI_Send(buffer, size, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
                MPI_Recv(buffer, size, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                if (rank == 1)
                    MPI_Send(buffer, size, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
            }
            if (i >= 0)
                t[i] = (MPI_Wtime() - start) / batch / 2;
        }
        qsort(t, (size_t)reps, sizeof *t, by_value);
        if (rank == 0)
            printf("%d %.9g\n", size, t[reps / 2]);
        sn_mem_free(buffer);
    }
    MPI_Finalize();
    return 0;
}
