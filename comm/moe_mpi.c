/* Packed buffers in the order of ranks: plan, pack, deliver, sum (comm/moe_mpi.h).
 *
 * Cost of a dispatch beside the messages: two passes over (T, K) for the plan, one encode and one
 * hash per token, one write per copy. Counts and displacements are in copies (a datatype of one
 * copy), so that messages and buffers over 2 GiB need no special case.
 */
#include "comm/moe_mpi.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

static uint64_t most_received(const struct sn_moe_shape *s, unsigned local)
{
    uint64_t most = local * sn_moe_in_max(s), all = s->dies * sn_moe_out_max(s);
    return s->fit && all < most ? all : most;
}

const char *sn_moe_mpi_unsupported(const struct sn_moe_shape *s, unsigned dies_per_node,
                                   unsigned local)
{
    return most_received(s, local) > INT_MAX
               ? "a rank may get more than 2,147,483,647 copies, MPI's largest count"
               : NULL;
}

uint64_t sn_moe_mpi_memory(const struct sn_moe_shape *s, unsigned dies_per_node, unsigned local,
                           const struct sn_transport *t)
{
    uint64_t sends = (uint64_t)local * s->tokens * (s->topk + (s->shared > 0));
    uint64_t each = sn_codec_copy_bytes(s->dtype, s->hidden) + 2ull * s->hidden;
    return (sends + most_received(s, local)) * each + sends * sizeof(uint32_t);
}

int sn_moe_mpi_open(struct sn_moe_exchange **out, struct sn_moe *m,
                    const struct sn_moe_algorithm *a)
{
    const struct sn_endpoints *e = m->endpoints;
    size_t sends = (size_t)m->local * m->shape.tokens * m->k, ranks = (size_t)e->ranks;
    uint64_t gets = most_received(&m->shape, m->local);
    unsigned most = 0;
    for (int r = 0; r < e->ranks; r++)
        most = sn_endpoints_count(e, r) > most ? sn_endpoints_count(e, r) : most;
    const char *why = sn_moe_mpi_unsupported(&m->shape, e->dies_per_node, most);
    if (why)
        return SN_FAIL(SN_EINVAL, "%s: %s", a->name, why);
    struct sn_moe_mpi *x = sn_calloc(1, sizeof *x);
    *out = &x->head;
    x->most = most;
    x->copy = x->answer = MPI_DATATYPE_NULL;
    sn_moe_exchange_init(&x->head, a, m, false);
    x->head.stride = m->copy_bytes;
    x->where = sn_calloc(sends, sizeof *x->where);
    x->next = sn_calloc((size_t)m->shape.dies * m->local, sizeof *x->next);
    x->counts_out = sn_calloc(ranks * most * most, sizeof *x->counts_out);
    x->counts_in = sn_calloc(ranks * most * most, sizeof *x->counts_in);
    x->n_out = sn_calloc(4 * ranks, sizeof *x->n_out);
    x->first_out = x->n_out + ranks;
    x->n_in = x->n_out + 2 * ranks;
    x->first_in = x->n_out + 3 * ranks;
    x->requests = sn_calloc(2 * ranks, sizeof *x->requests);
    x->statuses = sn_calloc(2 * ranks, sizeof *x->statuses);
    MPI_Type_contiguous((int)m->copy_bytes, MPI_BYTE, &x->copy);
    MPI_Type_contiguous((int)m->answer_bytes, MPI_BYTE, &x->answer);
    MPI_Type_commit(&x->copy);
    MPI_Type_commit(&x->answer);
    int status = sn_mem_alloc((void **)&x->sent, sends * m->copy_bytes);
    if (!status)
        status = sn_mem_alloc((void **)&x->got, gets * m->copy_bytes);
    if (!status)
        status = sn_mem_alloc((void **)&x->y, gets * m->answer_bytes);
    if (!status)
        status = sn_mem_alloc((void **)&x->back, sends * m->answer_bytes);
    return status;
}

void sn_moe_mpi_close(struct sn_moe_exchange *head)
{
    struct sn_moe_mpi *x = (struct sn_moe_mpi *)head;
    if (!x)
        return;
    if (x->copy != MPI_DATATYPE_NULL)
        MPI_Type_free(&x->copy);
    if (x->answer != MPI_DATATYPE_NULL)
        MPI_Type_free(&x->answer);
    sn_mem_free(x->sent);
    sn_mem_free(x->got);
    sn_mem_free(x->y);
    sn_mem_free(x->back);
    free(x->where);
    free(x->next);
    free(x->counts_out);
    free(x->counts_in);
    free(x->n_out);
    free(x->requests);
    free(x->statuses);
    sn_moe_exchange_free(&x->head);
    free(x);
}

/* Entry of a counts array for (rank, its own die number, the other side's die number). */
static inline size_t count_at(const struct sn_moe_mpi *x, int rank, unsigned to, unsigned from)
{
    return ((size_t)rank * x->most + to) * x->most + from;
}

void sn_moe_mpi_plan(struct sn_moe_mpi *x)
{
    const struct sn_moe *m = x->head.moe;
    const struct sn_endpoints *e = m->endpoints;
    const uint32_t *slot_die = m->placement.slot_die;
    size_t per_die = (size_t)m->shape.tokens * m->k, routed = (size_t)m->tokens * m->k;
    memset(x->next, 0, (size_t)m->shape.dies * m->local * sizeof *x->next);
    for (unsigned i = 0; i < m->local; i++)
        for (size_t c = 0; c < routed; c++)
            x->next[(size_t)slot_die[m->slot[i * per_die + c]] * m->local + i]++;
    uint32_t place = 0;
    for (int r = 0; r < e->ranks; r++) {
        x->first_out[r] = (int)place;
        for (unsigned q = 0; q < sn_endpoints_count(e, r); q++) {
            uint32_t die = sn_endpoints_at(e, r, q);
            for (unsigned i = 0; i < m->local; i++) {
                uint32_t *run = &x->next[(size_t)die * m->local + i], n = *run;
                x->counts_out[count_at(x, r, q, i)] = n;
                *run = place;
                place += n;
            }
        }
        x->n_out[r] = (int)place - x->first_out[r];
    }
    for (unsigned i = 0; i < m->local; i++)
        for (size_t c = 0; c < routed; c++) {
            size_t at = i * per_die + c;
            x->where[at] = x->next[(size_t)slot_die[m->slot[at]] * m->local + i]++;
        }
}

void sn_moe_mpi_pack(struct sn_moe_mpi *x)
{
    const struct sn_moe *m = x->head.moe;
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head), hidden = m->shape.hidden;
    for (unsigned i = 0; i < m->local; i++) {
        unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
        for (unsigned t = 0; t < m->tokens; t++) {
            size_t at = ((size_t)i * m->shape.tokens + t) * m->k;
            /* Encoded straight into the place of the first copy; the others are copied from it
             * while it is in cache. */
            uint8_t *first = x->sent + x->where[at] * m->copy_bytes;
            sn_codec_encode(m->codec, m->shape.dtype, hidden,
                            m->x + ((size_t)i * m->shape.tokens + t) * hidden, first);
            uint64_t hash = sn_hash_payload(first, payload);
            for (unsigned j = 0; j < m->k; j++) {
                uint8_t *copy = x->sent + x->where[at + j] * m->copy_bytes;
                if (j)
                    sn_copy(copy, first, payload);
                sn_moe_put_head(m, copy + m->copy_bytes, t * m->k + j, die, m->slot[at + j], hash);
            }
        }
    }
}

void sn_moe_mpi_expect(struct sn_moe_mpi *x)
{
    const struct sn_moe *m = x->head.moe;
    const struct sn_endpoints *e = m->endpoints;
    int place = 0;
    for (int r = 0; r < e->ranks; r++) {
        x->first_in[r] = place;
        for (unsigned i = 0; i < m->local; i++)
            for (unsigned q = 0; q < sn_endpoints_count(e, r); q++)
                place += (int)x->counts_in[count_at(x, r, i, q)];
        x->n_in[r] = place - x->first_in[r];
    }
}

void sn_moe_mpi_deliver(struct sn_moe_mpi *x)
{
    const struct sn_moe *m = x->head.moe;
    const struct sn_endpoints *e = m->endpoints;
    size_t place = 0;
    for (int r = 0; r < e->ranks; r++)
        for (unsigned i = 0; i < m->local; i++)
            for (unsigned q = 0; q < sn_endpoints_count(e, r); q++) {
                uint32_t src = sn_endpoints_at(e, r, q), n = x->counts_in[count_at(x, r, i, q)];
                size_t pair = (size_t)i * m->shape.dies + src;
                bool self = src == sn_endpoints_at(e, m->rank, i);
                *(self ? &x->head.local_bytes : &x->head.wire_bytes) += n * m->copy_bytes;
                x->head.wire_copies += self ? 0 : n;
                x->head.count[pair] = n;
                x->head.received[pair] = x->got + place * m->copy_bytes;
                x->head.answer[pair] = x->y + place * m->answer_bytes;
                place += x->head.count[pair];
            }
}

void sn_moe_mpi_sum(struct sn_moe_mpi *x)
{
    const struct sn_moe *m = x->head.moe;
    for (unsigned i = 0; i < m->local; i++) {
        for (unsigned t = 0; t < m->tokens; t++) {
            size_t token = (size_t)i * m->shape.tokens + t;
            const uint16_t *y[SN_MOE_COPIES_MAX];
            for (unsigned j = 0; j < m->k; j++)
                y[j] = (const uint16_t *)(x->back + x->where[token * m->k + j] * m->answer_bytes);
            m->codec->sum(y, m->weight + token * m->k, m->k, m->shape.hidden,
                          m->out + token * m->shape.hidden);
        }
    }
    /* Answers are counted where they were sent from: by the dies that had received the copies. */
    for (unsigned i = 0; i < m->local; i++)
        for (unsigned s = 0; s < m->shape.dies; s++) {
            bool self = s == sn_endpoints_at(m->endpoints, m->rank, i);
            *(self ? &x->head.local_bytes : &x->head.wire_bytes) +=
                x->head.count[(size_t)i * m->shape.dies + s] * m->answer_bytes;
        }
}
