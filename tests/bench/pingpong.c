/* A plain MPI ping-pong: the yardstick for `snbench run latency op=send transport=p2p`.
 * Prints "size seconds" per size: the median over repetitions of half a round trip. It sends from
 * one buffer and receives into another, as OSU's latency test does: to send back what just arrived
 * moves lines that another core has written, and takes up to three times as long from 32 KiB on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

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
        size_t room = ((size_t)size + (2 << 20)) & ~(size_t)((2 << 20) - 1);
        char *out = aligned_alloc(2 << 20, room), *in = aligned_alloc(2 << 20, room);
        double t[200];
        memset(out, 1, room);
        memset(in, 2, room);
        for (int i = -20; i < reps; i++) {
            double start = MPI_Wtime();
            for (int k = 0; k < batch; k++) {
                if (rank == 0)
                    MPI_Send(out, size, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
                MPI_Recv(in, size, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                if (rank == 1)
                    MPI_Send(out, size, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
            }
            if (i >= 0)
                t[i] = (MPI_Wtime() - start) / batch / 2;
        }
        qsort(t, (size_t)reps, sizeof *t, by_value);
        if (rank == 0)
            printf("%d %.9g\n", size, t[reps / 2]);
        free(out);
        free(in);
    }
    MPI_Finalize();
    return 0;
}
