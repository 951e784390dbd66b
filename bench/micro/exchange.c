/* Exchanges of blocks between all endpoints; see exchange.h. */
#include "bench/micro/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "bench/micro/bandwidths.h"
#include "bench/micro/pattern.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

const char *sn_exchange_unsupported(const struct sn_case *c, bool by_put)
{
    if (!by_put && sn_case_int(c, "ep") != c->env->world->size)
        return "this algorithm is made of MPI calls: needs ep equal to the number of ranks";
    return by_put ? sn_fabric_unsupported(c) : NULL;
}

uint64_t sn_exchange_memory(const struct sn_case *c, uint64_t n, uint64_t size)
{
    uint64_t ranks = (uint64_t)c->env->world->size, mine = (n + ranks - 1) / ranks;
    return mine * n * size * 3 + mine * n * 64 + (16 << 20);
}

/* The ranks in the order of their endpoints, where each has one. */
static int order_ranks(struct sn_exchange *x)
{
    const struct sn_endpoints *e = &x->fabric.endpoints;
    for (int r = 0; r < e->ranks; r++)
        if (sn_endpoints_count(e, r) != 1)
            return SN_FAIL(SN_EINVAL,
                           "the map puts %u endpoints on rank %d, an algorithm made of MPI calls "
                           "needs one on each",
                           sn_endpoints_count(e, r), r);
    int me = (int)sn_endpoints_at(e, x->fabric.env->world->rank, 0);
    MPI_Comm_split(x->fabric.env->world->comm, 0, me, &x->comm);
    return SN_OK;
}

static int allocate(struct sn_exchange *x, bool by_put)
{
    int status = SN_OK;
    x->mine = sn_endpoints_count(&x->fabric.endpoints, x->fabric.env->world->rank);
    x->out = sn_calloc(x->mine, sizeof *x->out);
    x->in = sn_calloc(x->mine, sizeof *x->in);
    size_t out_bytes = x->out_stride ? x->n * x->size : x->size;
    for (unsigned i = 0; i < x->mine && status == SN_OK; i++) {
        status = sn_mem_alloc((void **)&x->out[i], out_bytes);
        if (status == SN_OK && !by_put)
            status = sn_mem_alloc((void **)&x->in[i], x->n * x->size);
    }
    return status;
}

int sn_exchange_open(struct sn_exchange *x, const struct sn_case *c, unsigned n, size_t size,
                     bool same_block, bool by_put)
{
    size_t half;
    *x = (struct sn_exchange){
        .comm = MPI_COMM_NULL, .n = n, .size = size, .out_stride = same_block ? 0 : size};
    if (!sn_mem_mul(n, size, &half) || half > SIZE_MAX / 4)
        return SN_FAIL(SN_ENOMEM, "%u blocks of %zu bytes do not fit the address space", n, size);
    int status = by_put ? sn_fabric_open(&x->fabric, c, n, 2 * half, n)
                        : sn_fabric_open_endpoints(&x->fabric, c, n);
    if (status == SN_OK && !by_put)
        status = order_ranks(x);
    return status == SN_OK ? allocate(x, by_put) : status;
}

void sn_exchange_close(struct sn_exchange *x)
{
    sn_fabric_close(&x->fabric);
    if (x->comm != MPI_COMM_NULL)
        MPI_Comm_free(&x->comm);
    for (unsigned i = 0; x->out && x->in && i < x->mine; i++) {
        sn_mem_free(x->out[i]);
        sn_mem_free(x->in[i]);
    }
    free(x->out);
    free(x->in);
    *x = (struct sn_exchange){.comm = MPI_COMM_NULL};
}

static unsigned endpoint(const struct sn_exchange *x, unsigned i)
{
    return sn_endpoints_at(&x->fabric.endpoints, x->fabric.env->world->rank, i);
}

/* Where an iteration's blocks lie in a segment. */
static size_t half_of(const struct sn_exchange *x, uint64_t iteration)
{
    return iteration % 2 * x->n * x->size;
}

int sn_exchange_put(struct sn_exchange *x)
{
    const struct sn_transport *t = x->fabric.transport;
    struct sn_link *l = x->fabric.link;
    int status = SN_OK;
    size_t half = half_of(x, ++x->iteration);
    for (unsigned step = 0; step < x->n; step++)
        for (unsigned i = 0; i < x->mine && status == SN_OK; i++) {
            unsigned me = endpoint(x, i), to = (me + step) % x->n;
            status =
                t->put(l, me, to, half + me * x->size, x->out[i] + to * x->out_stride, x->size);
            if (status == SN_OK)
                status = t->notify(l, me, to, me, x->iteration);
        }
    for (unsigned i = 0; i < x->mine; i++)
        for (unsigned from = 0; from < x->n && status == SN_OK; from++)
            status = t->wait(l, endpoint(x, i), from, x->iteration);
    return status;
}

static int exchange_block(struct sn_exchange *x, const char *src, unsigned to, char *dst,
                          unsigned from)
{
    int n = (int)x->size;
    if (MPI_Sendrecv(src, n, MPI_BYTE, (int)to, 0, dst, n, MPI_BYTE, (int)from, 0, x->comm,
                     MPI_STATUS_IGNORE) != MPI_SUCCESS)
        return SN_FAIL(SN_EENV, "MPI_Sendrecv of %d bytes to rank %u failed", n, to);
    return SN_OK;
}

int sn_exchange_pairwise(struct sn_exchange *x)
{
    unsigned me = endpoint(x, 0);
    int status = SN_OK;
    sn_copy(x->in[0] + me * x->size, x->out[0] + me * x->out_stride, x->size);
    for (unsigned step = 1; step < x->n && status == SN_OK; step++) {
        unsigned to = (me + step) % x->n, from = (me + x->n - step) % x->n;
        status =
            exchange_block(x, x->out[0] + to * x->out_stride, to, x->in[0] + from * x->size, from);
    }
    return status;
}

int sn_exchange_ring(struct sn_exchange *x)
{
    unsigned me = endpoint(x, 0), right = (me + 1) % x->n, left = (me + x->n - 1) % x->n;
    int status = SN_OK;
    sn_copy(x->in[0] + me * x->size, x->out[0], x->size);
    for (unsigned step = 0; step + 1 < x->n && status == SN_OK; step++) {
        unsigned have = (me + x->n - step) % x->n, next = (have + x->n - 1) % x->n;
        status =
            exchange_block(x, x->in[0] + have * x->size, right, x->in[0] + next * x->size, left);
    }
    return status;
}

/* --- verification ---------------------------------------------------------------------------- */

/* An all-gathered block is the same for all: its destination is not part of the pattern. */
static struct sn_message block(const struct sn_exchange *x, unsigned from, unsigned to)
{
    return (struct sn_message){.from = from, .to = x->out_stride ? to : 0};
}

static uint64_t key_of(const struct sn_exchange *x, unsigned from, unsigned to)
{
    struct sn_message m = block(x, from, to);
    return sn_pattern_key(x->fabric.env->seed, x->fabric.round, &m);
}

static void fill_and_clear(struct sn_exchange *x, bool by_put)
{
    const struct sn_fabric *f = &x->fabric;
    for (unsigned i = 0; i < x->mine; i++) {
        unsigned me = endpoint(x, i), blocks = x->out_stride ? x->n : 1;
        for (unsigned to = 0; to < blocks; to++)
            sn_pattern_fill(x->out[i] + to * x->out_stride, x->size, key_of(x, me, to));
        if (by_put)
            memset(f->transport->local(f->link, me), 0, 2 * x->n * x->size);
        else
            memset(x->in[i], 0, x->n * x->size);
    }
}

/* Damages the block that the rank's first endpoint has of the next endpoint. */
static void mutate(struct sn_exchange *x, char *in)
{
    unsigned me = endpoint(x, 0), from = (me + 1) % x->n, other = (from + 1) % x->n;
    enum sn_mutation how = x->fabric.env->mutate;
    /* With one or two endpoints the data of a rank that does not exist. */
    if (other == from || other == me)
        other = x->n;
    sn_pattern_mutate(how, in + from * x->size, x->size, key_of(x, other, me));
}

/* Every endpoint puts one block to every endpoint. */
static void check_bytes(struct sn_exchange *x, unsigned batch, struct sn_check *k, int status)
{
    uint64_t expected[SN_TIERS] = {0};
    for (unsigned from = 0; from < x->n && x->fabric.env->world->rank == 0; from++)
        for (unsigned to = 0; to < x->n; to++)
            expected[sn_endpoints_tier(&x->fabric.endpoints, from, to)] += batch * x->size;
    sn_fabric_count_check(&x->fabric, k, status, expected);
}

int sn_exchange_verify(struct sn_exchange *x, struct sn_case *c, struct sn_check *k, bool by_put)
{
    const struct sn_fabric *f = &x->fabric;
    k->what = by_put ? "every byte of every block with the pattern of its source, destination and "
                       "round; bytes put per tier with size times the pairs"
                     : "every byte of every block with the pattern of its source, destination and "
                       "round";
    x->fabric.round++;
    fill_and_clear(x, by_put);
    sn_fabric_barrier(&x->fabric);
    if (by_put)
        sn_fabric_count_begin(&x->fabric);
    int status = c->bench->run(c);
    sn_fabric_barrier(&x->fabric);
    if (by_put)
        check_bytes(x, c->batch, k, status);
    if (status != SN_OK)
        return status;
    for (unsigned i = 0; i < x->mine; i++) {
        unsigned me = endpoint(x, i);
        char *in =
            by_put ? (char *)f->transport->local(f->link, me) + half_of(x, x->iteration) : x->in[i];
        if (i == 0)
            mutate(x, in);
        for (unsigned from = 0; from < x->n; from++) {
            struct sn_message m = {.from = from, .to = me};
            sn_pattern_check(k, in + from * x->size, x->size, key_of(x, from, me), &m);
        }
    }
    return SN_OK;
}

/* Ranks that hold as many endpoints as the fullest: they copy from beginning to end. */
static unsigned full_ranks(const struct sn_endpoints *e)
{
    unsigned most = 0, full = 0;
    for (int r = 0; r < e->ranks; r++) {
        unsigned count = sn_endpoints_count(e, r);
        full = count > most ? 1 : full + (count == most);
        most = count > most ? count : most;
    }
    return full;
}

void sn_exchange_metrics(const struct sn_case *c, unsigned sources,
                         const struct sn_metric_doc *docs, struct sn_row *row)
{
    const struct sn_exchange *x = c->state;
    unsigned n = (unsigned)sn_case_int(c, "ep"), ranks = (unsigned)c->env->world->size;
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    uint64_t dies = (n + ranks - 1) / ranks, by_one_core = dies * n * size;
    uint64_t footprint = dies * (n + sources) * size / 2; /* a copy of m bytes touches 2 m */
    struct sn_traffic t = sn_traffic_uniform(size, n);
    sn_traffic_metrics(&t, n, docs, row);
    enum sn_copy_roof roof = sn_fabric_roof(c, full_ranks(&x->fabric.endpoints));
    sn_fabric_limit(c, row, ranks > 1 && n > 1 ? roof : SN_COPY_OWN, by_one_core, footprint);
}
