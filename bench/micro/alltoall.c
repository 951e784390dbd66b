/* alltoall: every endpoint gives every endpoint a block of its own.
 *
 * mpi: MPI_Alltoall. pairwise: n - 1 steps of MPI_Sendrecv, rotated. put: blocks put straight into
 * the receivers' segments, rotated, a flag behind each (the transport axis counts here only).
 * Cost for n endpoints of b bytes per pair: (n - 1) b through each port.
 * Model clock: put = direct, pairwise, ring of comm/fabric/collectives.h. */
#include <stdlib.h>

#include "bench/benches.h"
#include "bench/micro/bandwidths.h"
#include "bench/micro/collective.h"
#include "bench/micro/exchange.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum algorithm { MPI, PAIRWISE, PUT, RING };
static const char *const algorithm_words[] = {"mpi", "pairwise", "put", "ring", NULL};

static const struct sn_axis axes[] = {
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .model_def = "8,16,32,64",
     .min = 1,
     .max = 4096,
     .help = "endpoints; on the wall clock more or fewer than ranks with algorithm=put only"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8:1M:*8",
     .model_def = "256,4K,64K",
     .min = 8,
     .max = 1 << 30,
     .help = "bytes from each endpoint to each"},
    {.name = "algorithm",
     .type = SN_AXIS_WORD,
     .def = "mpi,pairwise,put",
     .model_def = "put,pairwise,ring",
     .words = algorithm_words,
     .compares = true,
     .help = "MPI_Alltoall; MPI_Sendrecv in rotated steps; puts and flags by the transport; ring "
             "(model clock): to the next endpoint, which passes on"},
    SN_TRANSPORT_AXIS,
    SN_COLLECTIVE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {SN_TRAFFIC_METRIC_DOCS, SN_COLLECTIVE_METRIC_DOCS, {0}};

/* The algorithm of the model clock, or NULL. */
static const struct sn_collective *on_model(const struct sn_case *c)
{
    static const struct sn_collective *const by_word[] = {[MPI] = NULL,
                                                          [PAIRWISE] = &sn_alltoall_pairwise,
                                                          [PUT] = &sn_alltoall_direct,
                                                          [RING] = &sn_alltoall_ring};
    return by_word[sn_case_word(c, "algorithm")];
}

static bool by_put(const struct sn_case *c)
{
    return sn_case_word(c, "algorithm") == PUT;
}

static const char *unsupported(const struct sn_case *c)
{
    if (sn_on_model(c))
        return sn_collective_case_unsupported(c, on_model(c));
    if (sn_case_word(c, "algorithm") == RING)
        return "algorithm=ring is of the model clock";
    return sn_exchange_unsupported(c, by_put(c));
}

static uint64_t memory(const struct sn_case *c)
{
    if (sn_on_model(c))
        return sn_collective_case_memory(c, on_model(c));
    return sn_exchange_memory(c, (uint64_t)sn_case_int(c, "ep"), (uint64_t)sn_case_int(c, "size"));
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

static int setup(struct sn_case *c)
{
    if (sn_on_model(c))
        return sn_collective_case_setup(c, on_model(c));
    struct sn_exchange *x = c->state = sn_calloc(1, sizeof *x);
    return sn_exchange_open(x, c, endpoints(c), (size_t)sn_case_int(c, "size"), false, by_put(c));
}

static void teardown(struct sn_case *c)
{
    if (sn_on_model(c)) {
        sn_collective_case_teardown(c);
        return;
    }
    if (c->state)
        sn_exchange_close(c->state);
    free(c->state);
    c->state = NULL;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    if (sn_on_model(c))
        return sn_collective_case_verify(c, k);
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
    if (sn_on_model(c)) {
        sn_collective_case_metrics(c, docs, row);
        return;
    }
    sn_exchange_metrics(c, (unsigned)sn_case_int(c, "ep"), docs, row);
    if (!by_put(c))
        sn_row_add_flag(row, "transport-unused");
}

const struct sn_bench sn_bench_alltoall = {
    .name = "alltoall",
    .brief = "every endpoint gives every endpoint a block: by MPI, in steps, or by puts and flags",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .flags = SN_BENCH_BATCH,
    .timed =
        "one exchange: until every endpoint has every block, its own included. T = last end "
        "minus first start over ranks. With batch > 1 a sample is the mean of exchanges in a "
        "row without a barrier between (two of them may overlap). Flag transport-unused: the "
        "algorithm is made of MPI calls, the transport is only a name there. Model clock: from the "
        "first die's coming to the last delivery; each message costs its sender the profile's "
        "cost of issuing or its bytes, what is longer, and a step waits for what the die sent "
        "and got in the step before",
    .bytes = "logical = ep * ep * size; wire = ep * (ep - 1) * size, more where blocks are passed "
             "on (model clock); local = ep * size",
    .limit =
        "the blocks of a rank's endpoints (endpoints of the fullest rank * ep * size) copied "
        "once by its core: roof copy_all where every rank holds equally many endpoints, else "
        "copy_shared; model clock: the busiest port's bytes at its physical bandwidth, and the "
        "latency",
    .metric_docs = docs,
    .unsupported = unsupported,
    .inputs = sn_collective_case_inputs,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .draws = sn_collective_case_draws,
    .predict = sn_collective_case_predict,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
