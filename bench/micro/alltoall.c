/* alltoall: every endpoint gives every endpoint a block of its own.
 *
 * mpi: MPI_Alltoall. pairwise: n - 1 steps of MPI_Sendrecv, rotated. put: blocks put straight into
 * the receivers' segments, rotated, a flag behind each (the transport axis counts here only).
 * Cost for n endpoints of b bytes per pair: (n - 1) b through each port. */
#include <stdlib.h>

#include "bench/benches.h"
#include "bench/micro/bandwidths.h"
#include "bench/micro/exchange.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum algorithm { MPI, PAIRWISE, PUT };
static const char *const algorithm_words[] = {"mpi", "pairwise", "put", NULL};

static const struct sn_axis axes[] = {
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .min = 1,
     .max = 4096,
     .help = "endpoints; more or fewer than ranks with algorithm=put only"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8:1M:*8",
     .min = 8,
     .max = 1 << 30,
     .help = "bytes from each endpoint to each"},
    {.name = "algorithm",
     .type = SN_AXIS_WORD,
     .def = "all",
     .words = algorithm_words,
     .help = "MPI_Alltoall; MPI_Sendrecv in rotated steps; puts and flags by the transport"},
    SN_TRANSPORT_AXIS,
    {0},
};

static const struct sn_metric_doc docs[] = {SN_TRAFFIC_METRIC_DOCS, {0}};

static bool by_put(const struct sn_case *c)
{
    return sn_case_word(c, "algorithm") == PUT;
}

static const char *unsupported(const struct sn_case *c)
{
    return sn_exchange_unsupported(c, by_put(c));
}

static uint64_t memory(const struct sn_case *c)
{
    return sn_exchange_memory(c, (uint64_t)sn_case_int(c, "ep"), (uint64_t)sn_case_int(c, "size"));
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

static int setup(struct sn_case *c)
{
    struct sn_exchange *x = c->state = sn_calloc(1, sizeof *x);
    return sn_exchange_open(x, c, endpoints(c), (size_t)sn_case_int(c, "size"), false, by_put(c));
}

static void teardown(struct sn_case *c)
{
    if (c->state)
        sn_exchange_close(c->state);
    free(c->state);
    c->state = NULL;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    return sn_exchange_verify(c->state, c, k, by_put(c));
}

static int by_mpi(struct sn_exchange *x)
{
    if (MPI_Alltoall(x->out[0], (int)x->size, MPI_BYTE, x->in[0], (int)x->size, MPI_BYTE,
                     x->comm) != MPI_SUCCESS)
        return SN_FAIL(SN_EENV, "MPI_Alltoall of %zu bytes per pair failed", x->size);
    return SN_OK;
}

static int run(struct sn_case *c)
{
    struct sn_exchange *x = c->state;
    enum algorithm a = sn_case_word(c, "algorithm");
    int status = SN_OK;
    for (unsigned b = 0; b < c->batch && status == SN_OK; b++)
        status = a == MPI        ? by_mpi(x)
                 : a == PAIRWISE ? sn_exchange_pairwise(x)
                                 : sn_exchange_put(x);
    return status;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    sn_exchange_metrics(c, (unsigned)sn_case_int(c, "ep"), docs, row);
    if (!by_put(c))
        sn_row_add_flag(row, "transport-unused");
}

const struct sn_bench sn_bench_alltoall = {
    .name = "alltoall",
    .brief = "every endpoint gives every endpoint a block: by MPI, in steps, or by puts and flags",
    .axes = axes,
    .clocks = SN_CLOCK_WALL,
    .flags = SN_BENCH_BATCH,
    .timed = "one exchange: until every endpoint has every block, its own included. T = last end "
             "minus first start over ranks. With batch > 1 a sample is the mean of exchanges in a "
             "row without a barrier between (two of them may overlap). Flag transport-unused: the "
             "algorithm is made of MPI calls, the transport is only a name there",
    .bytes = "logical = ep * ep * size; wire = ep * (ep - 1) * size; local = ep * size",
    .limit = "the blocks of a rank's endpoints (endpoints of the fullest rank * ep * size) copied "
             "once by its core: roof copy_all where every rank holds equally many endpoints, else "
             "copy_shared",
    .metric_docs = docs,
    .unsupported = unsupported,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
