/* Replays a traffic file ("src dst bytes", in the order of sending) in SimGrid's SMPI and prints
 * the makespan: all receives, then all sends at once, as the flow model has no FIFO at a port. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mpi.h>

struct message {
    int src, dst, bytes;
};

/* The messages that this rank sends or receives, and the largest. */
static struct message *read_traffic(const char *path, int rank, int *n, int *largest)
{
    struct message m, *own = NULL;
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "replay: %s cannot be read\n", path);
        exit(2);
    }
    for (*n = *largest = 0; fscanf(f, "%d %d %d", &m.src, &m.dst, &m.bytes) == 3;) {
        if (m.src != rank && m.dst != rank)
            continue;
        if (!(*n & (*n + 1)))
            own = realloc(own, (size_t)(2 * *n + 2) * sizeof *own);
        own[(*n)++] = m;
        *largest = m.bytes > *largest ? m.bytes : *largest;
    }
    fclose(f);
    return own;
}

int main(int argc, char **argv)
{
    int rank, n, largest, k = 0;
    double start, mine, most;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (argc < 2)
        MPI_Abort(MPI_COMM_WORLD, 2);
    struct message *own = read_traffic(argv[1], rank, &n, &largest);
    MPI_Request *requests = malloc(((size_t)n + 1) * sizeof(MPI_Request));
    char *buffer = malloc((size_t)largest + 1);
    /* All start at one virtual instant: a barrier lets them go at different ones. */
    const struct timespec until = {.tv_nsec = (long)((1e-1 - MPI_Wtime()) * 1e9)};
    nanosleep(&until, NULL);
    start = MPI_Wtime();
    for (int i = 0; i < n; i++)
        if (own[i].dst == rank)
            MPI_Irecv(buffer, own[i].bytes, MPI_BYTE, own[i].src, 0, MPI_COMM_WORLD,
                      &requests[k++]);
    for (int i = 0; i < n; i++)
        if (own[i].src == rank)
            MPI_Isend(buffer, own[i].bytes, MPI_BYTE, own[i].dst, 0, MPI_COMM_WORLD,
                      &requests[k++]);
    MPI_Waitall(k, requests, MPI_STATUSES_IGNORE);
    mine = MPI_Wtime();
    /* Virtual time is one for all ranks: from the first start to the last end. */
    MPI_Allreduce(MPI_IN_PLACE, &start, 1, MPI_DOUBLE, MPI_MIN, MPI_COMM_WORLD);
    MPI_Reduce(&mine, &most, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    if (!rank)
        printf("makespan %.9g s\n", most - start);
    free(own);
    free(requests);
    free(buffer);
    MPI_Finalize();
    return 0;
}
