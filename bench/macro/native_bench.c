/* Cases of decode and prefill on the wall clock: the run, the reference, the check between them. */
#include "bench/macro/native_bench.h"

#include <stdlib.h>
#include <string.h>

#include "bench/macro/native_figures.h"
#include "bench/macro/native_reference.h"
#include "bench/model.h"
#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/base/status.h"

struct state {
    struct sn_native native;
    struct sn_native_figures figures;
    bool open, shape_open;
    struct sn_native_shape shape;              /* for the reference */
    const struct sn_native_expected *expected; /* on rank 0 */
    struct sn_native_expected *own;            /* the same, where no memo keeps it */
    uint32_t *right;                           /* (requests, new_max) on every rank */
};

/* --- what must come ----------------------------------------------------------------------------
 */

static int of_reference(struct sn_case *c, struct state *s)
{
    const struct sn_native_shape *n = &s->shape;
    char *key = sn_strdupf("native reference %s %d %u %u %u %u %u", sn_case_text(c, "model"),
                           n->prefill, n->requests, n->context, n->steps, n->queries, n->threads);
    struct sn_native_expected *e = c->env->shared ? sn_model_memo(c, key) : NULL;
    int status = e ? SN_OK : sn_native_reference(n, &e);
    if (status == SN_OK && c->env->shared && e != sn_model_memo(c, key))
        sn_model_memo_set(c, key, e, sn_native_expected_free);
    else if (!c->env->shared)
        s->own = e;
    s->expected = e;
    free(key);
    return status;
}

/* Rank 0 computes, the others rest; drafts are made of the tokens that it finds. Collective. */
static int expect(struct sn_case *c, struct state *s)
{
    const struct sn_world *w = c->env->world;
    size_t n = (size_t)s->shape.requests * sn_native_new_max(&s->shape);
    int status = w->rank == 0 ? of_reference(c, s) : SN_OK;
    sn_world_rest(w);
    status = sn_world_agree(w, status);
    if (status != SN_OK)
        return status;
    s->right = sn_calloc(n, sizeof *s->right);
    if (w->rank == 0)
        memcpy(s->right, s->expected->token, n * sizeof *s->right);
    MPI_Bcast(s->right, (int)n, MPI_UINT32_T, 0, w->comm);
    return SN_OK;
}

/* Tokens that request r brings in a repetition. */
static uint32_t expected_new(const struct state *s, unsigned r)
{
    const struct sn_native_shape *n = &s->shape;
    const uint32_t *token = s->expected->token + (size_t)r * s->expected->new_max;
    uint32_t made = 0;
    for (unsigned step = 0; step < n->steps; step++) {
        bool right = !n->prefill && n->queries > 1 &&
                     sn_native_draft(n, r, n->context + made, token[made]) == token[made];
        made += right ? 2 : 1;
    }
    return made;
}

/* --- the check -----------------------------------------------------------------------------------
 */

/* What all ranks brought, on rank 0, in the order of requests. */
struct brought {
    uint32_t *n_new, *token;
    uint16_t *hidden;
    uint64_t *cache;
};

/* What own request r has put into its cache and, of a prompt, its hidden states. */
static uint64_t hash_of(const struct sn_native *n, unsigned r)
{
    const struct sn_llm *m = &n->shape.model;
    size_t from = n->shape.prefill ? 0 : n->shape.context,
           to = from + (n->shape.prefill ? n->shape.context : n->n_new[r]);
    uint64_t hash = SN_HASH_START;
    for (unsigned l = 0; l < m->layers; l++)
        for (size_t t = from; t < to; t++)
            hash = sn_native_chain(hash, sn_native_slot(n, l, r, t), m->latent + m->rope);
    if (!n->shape.prefill)
        return hash;
    const struct sn_native_batch *b = n->batch;
    while (r >= b->first + b->requests)
        b++;
    const uint16_t *x = b->x + (size_t)(r - b->first) * n->shape.queries * m->hidden;
    for (size_t t = 0; t < n->shape.queries; t++)
        hash = sn_native_chain(hash, x + t * m->hidden, m->hidden);
    return hash;
}

/* `each` bytes of every request from all ranks to `to`. */
static void gather(const struct sn_native *n, const void *mine, size_t each, void *to)
{
    const struct sn_world *w = n->env->world;
    int *count = sn_calloc(2 * (size_t)w->size, sizeof *count), *first = count + w->size;
    for (int r = 0; r < w->size; r++) {
        unsigned die = sn_endpoints_at(&n->endpoints, r, 0);
        first[r] = (int)sn_native_first(&n->shape, die);
        count[r] = (int)sn_native_first(&n->shape, die + 1) - first[r];
    }
    MPI_Datatype type;
    MPI_Type_contiguous((int)each, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    MPI_Gatherv(mine, (int)n->requests, type, to, count, first, type, 0, w->comm);
    MPI_Type_free(&type);
    free(count);
}

static void bring(const struct sn_native *n, struct brought *b)
{
    size_t all = n->env->world->rank ? 0 : n->shape.requests, h = n->shape.model.hidden;
    uint64_t *cache = sn_calloc(n->requests + 1, sizeof *cache);
    for (unsigned r = 0; r < n->requests; r++)
        cache[r] = hash_of(n, r);
    b->n_new = sn_calloc(all + 1, sizeof *b->n_new);
    b->token = sn_calloc(all * n->new_max + 1, sizeof *b->token);
    b->hidden = sn_calloc(all * n->new_max * h + 1, sizeof *b->hidden);
    b->cache = sn_calloc(all + 1, sizeof *b->cache);
    gather(n, n->n_new, sizeof *b->n_new, b->n_new);
    gather(n, n->token, n->new_max * sizeof *b->token, b->token);
    gather(n, n->hidden, n->new_max * h * sizeof *b->hidden, b->hidden);
    gather(n, cache, sizeof *b->cache, b->cache);
    free(cache);
}

static void compare_request(const struct state *s, const struct brought *b, unsigned r,
                            struct sn_check *k)
{
    const struct sn_native_expected *e = s->expected;
    size_t h = s->shape.model.hidden, at = (size_t)r * e->new_max;
    uint32_t want = expected_new(s, r);
    k->compared += 2;
    if (b->n_new[r] != want)
        sn_check_fail(k, "request %u: brought %u tokens, expected %u", r, b->n_new[r], want);
    for (uint32_t i = 0; i < want && i < b->n_new[r]; i++) {
        const uint16_t *got = b->hidden + (at + i) * h, *right = e->hidden + (at + i) * h;
        k->compared += 1 + h;
        for (size_t c = 0; c < h; c++)
            if (got[c] != right[c])
                sn_check_fail(k, "request %u, token %u: hidden value %zu has bits %04x, not %04x",
                              r, i, c, got[c], right[c]);
        if (b->token[at + i] != e->token[at + i])
            sn_check_fail(k, "request %u, token %u: is %u, expected %u", r, i, b->token[at + i],
                          e->token[at + i]);
    }
    if (b->cache[r] != e->cache[r * (e->new_max + 1) + want])
        sn_check_fail(k, "request %u: another hash of its cache entries%s", r,
                      s->shape.prefill ? " and hidden states" : "");
}

/* What lies there since the last repetition. Collective. */
static void compare(const struct state *s, struct sn_check *k)
{
    const struct sn_native *n = &s->native;
    struct brought b;
    bring(n, &b);
    for (unsigned r = 0; r < s->shape.requests && n->env->world->rank == 0; r++)
        compare_request(s, &b, r, k);
    if (n->env->world->rank == 0)
        snprintf(k->checksum, sizeof k->checksum, "%016llx",
                 (unsigned long long)sn_native_checksum(&s->shape, n->new_max, b.n_new, b.token,
                                                        b.hidden, b.cache));
    free(b.n_new);
    free(b.token);
    free(b.hidden);
    free(b.cache);
}

int sn_native_verify(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    struct sn_native *n = &s->native;
    k->what = "tokens, hidden states behind the last layer and cache entries of every request, bit "
              "by bit, with a plain loop on one rank; after the timing those of the last timed "
              "repetition as well";
    if (n->timed)
        compare(s, k);
    sn_native_figures_collect(&s->figures, n);
    uint64_t wire = n->exchange->wire_bytes, local = n->exchange->local_bytes;
    sn_native_reset(n);
    memset(n->bound_s, 0, sizeof n->bound_s);
    n->copies = 0;
    n->account = true;
    n->mutate = c->env->mutate;
    int status = sn_native_repeat(n);
    n->account = false;
    status = sn_world_agree(c->env->world, status);
    if (status != SN_OK)
        return status;
    sn_native_figures_account(&s->figures, n, n->exchange->wire_bytes - wire,
                              n->exchange->local_bytes - local);
    compare(s, k);
    return SN_OK;
}

/* --- the life of a case --------------------------------------------------------------------------
 */

int sn_native_model_check(const char *name_or_file)
{
    struct sn_llm m;
    int status = sn_llm_open(&m, name_or_file);
    if (status == SN_OK)
        sn_llm_close(&m);
    return status;
}

const char *sn_native_unsupported(const struct sn_case *c, bool prefill)
{
    return sn_native_shape_unsupported(c, prefill);
}

int sn_native_inputs(const struct sn_case *c, bool prefill)
{
    struct sn_native_shape s;
    struct sn_endpoints e;
    int status = sn_native_shape_open(c, prefill, &s);
    if (status != SN_OK)
        return status;
    sn_native_shape_close(&s);
    status = sn_native_endpoints(c, &e);
    if (status == SN_OK)
        sn_endpoints_close(&e);
    return status;
}

uint64_t sn_native_memory(const struct sn_case *c, bool prefill)
{
    return sn_native_shape_memory(c, prefill);
}

unsigned sn_native_dies(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

int sn_native_setup(struct sn_case *c, bool prefill)
{
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    int status = sn_native_shape_open(c, prefill, &s->shape);
    s->shape_open = status == SN_OK;
    status = sn_world_agree(c->env->world, status);
    if (status == SN_OK)
        status = expect(c, s);
    if (status != SN_OK)
        return status;
    s->open = true;
    return sn_native_open(&s->native, c, prefill, s->right, sn_native_new_max(&s->shape));
}

int sn_native_prepare(struct sn_case *c)
{
    struct state *s = c->state;
    sn_native_figures_collect(&s->figures, &s->native);
    sn_native_reset(&s->native);
    return SN_OK;
}

int sn_native_run(struct sn_case *c)
{
    struct state *s = c->state;
    s->native.timed = true;
    return sn_native_repeat(&s->native);
}

void sn_native_metrics(const struct sn_case *c, struct sn_row *row)
{
    struct state *s = c->state;
    sn_native_figures_row(&s->figures, &s->native, c->bench->metric_docs, row);
}

void sn_native_teardown(struct sn_case *c)
{
    struct state *s = c->state;
    if (s->open)
        sn_native_close(&s->native);
    if (s->shape_open)
        sn_native_shape_close(&s->shape);
    sn_native_figures_close(&s->figures);
    sn_native_expected_free(s->own);
    free(s->right);
    free(s);
    c->state = NULL;
}
