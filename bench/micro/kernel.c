/* A case of a kernel: see kernel.h. The reference (the first kernel of an operation) computes what
 * is expected, once, in setup; every verification runs the variant on each copy of the ring, that
 * is on the very arrays that are timed, over poisoned outputs. */
#include "bench/micro/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/kernel_figures.h"
#include "bench/micro/kernel_memory.h"
#include "bench/micro/kernel_model.h"
#include "bench/micro/kernel_state.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/status.h"

const char *const sn_cache_words[] = {"hot", "cold-weights", "cold", NULL};
const char *const sn_dist_words[] = {"full", "gaussian", "outliers", "zeros", NULL};

/* Most copies in a ring: of smaller problems the ring stays below what the caches hold. */
enum { RING_MAX = 4096 };

static const struct sn_kernel_op *op_of(const struct sn_case *c)
{
    return c->bench->own;
}

enum sn_value_dist sn_kernel_dist(const struct sn_case *c)
{
    return (enum sn_value_dist)sn_case_word(c, "dist");
}

static unsigned threads_of(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "threads");
}

static enum sn_cache_state cache_of(const struct sn_case *c)
{
    return (enum sn_cache_state)sn_case_word(c, "cache");
}

static bool on_model(const struct sn_case *c)
{
    return c->env->clock == SN_CLOCK_MODEL;
}

/* The kernel that the case names, or the best for p. */
static const struct sn_kernel *kernel_of(const struct sn_case *c, const union sn_problem *p)
{
    enum sn_op op = op_of(c)->op;
    const char *name = sn_case_text(c, "variant");
    const struct sn_kernel *k;
    for (size_t i = 0; (k = sn_kernel_at(op, i)); i++)
        if (!strcmp(k->name, name))
            return k;
    return sn_kernel_best(op, p, threads_of(c), c->env->isa);
}

const char *sn_kernel_case_unsupported(const struct sn_case *c)
{
    const struct sn_kernel_op *op = op_of(c);
    const char *reason = op->refuse ? op->refuse(c) : NULL;
    if (reason || on_model(c))
        return reason;
    union sn_problem p = {0};
    struct sn_array arrays[SN_ARRAYS_MAX];
    op->shape(c, &p);
    if (threads_of(c) > sn_cpu_count())
        return "needs more cores than this process may use: a thread each";
    if (cache_of(c) == SN_CACHE_COLD_WEIGHTS &&
        !sn_arrays_bytes(arrays, op->arrays(&p, arrays), SN_ROLE_BIT(SN_ARRAY_WEIGHT)))
        return "cache=cold-weights: this operation has no weights";
    return sn_kernel_unsupported(kernel_of(c, &p), &p, threads_of(c), c->env->isa);
}

/* Copies of the case's ring when one has so many bytes. */
static size_t ring_of(enum sn_cache_state cache, uint64_t bytes, bool guard)
{
    if (cache == SN_CACHE_HOT)
        return 1;
    if (guard)
        return 2; /* tests: that the copies are right, not that they are many */
    uint64_t n = bytes ? (sn_cpu_cold_bytes() + bytes - 1) / bytes : RING_MAX;
    return n > RING_MAX ? RING_MAX : n < 2 ? 2 : n;
}

/* Bytes of one copy: what a repetition finds elsewhere than the one before. */
static uint64_t copy_bytes(enum sn_cache_state cache, const struct sn_array *arrays, size_t n,
                           uint64_t packed)
{
    unsigned own = SN_ROLE_BIT(SN_ARRAY_INPUT) | SN_ROLE_BIT(SN_ARRAY_OUTPUT);
    return packed + (cache == SN_CACHE_COLD ? sn_arrays_bytes(arrays, n, own) : 0);
}

uint64_t sn_kernel_case_memory(const struct sn_case *c)
{
    if (on_model(c))
        return sn_kernel_model_memory(c);
    union sn_problem p = {0};
    struct sn_array arrays[SN_ARRAYS_MAX];
    op_of(c)->shape(c, &p);
    size_t n = op_of(c)->arrays(&p, arrays);
    const struct sn_kernel *k = kernel_of(c, &p);
    uint64_t packed = sn_kernel_packed_bytes(k, &p, threads_of(c)),
             copy = copy_bytes(cache_of(c), arrays, n, packed);
    return 2 * sn_arrays_bytes(arrays, n, SN_ROLES_ALL) +
           ring_of(cache_of(c), copy, c->env->guard) * copy +
           sn_kernel_scratch_bytes(k, &p, threads_of(c)) + (16 << 20);
}

/* --- setup ----------------------------------------------------------------------------------- */

static int pack(struct sn_kernel_state *s, struct sn_kernel_copy *e)
{
    int status = sn_work_alloc(&e->packed, s->packed_bytes, s->guard);
    if (status != SN_OK || !s->kernel->prepare)
        return status;
    /* The weights of a copy are those of the base, which all are packed from. */
    union sn_problem p = e->p;
    sn_arrays_share(&p, &s->base, s->arrays, s->n_arrays, SN_ROLE_BIT(SN_ARRAY_WEIGHT));
    int64_t start = sn_clock_ns();
    if (s->kernel->prepare(&p, s->threads, e->packed))
        return SN_FAIL(SN_EENV, "%s %s: prepare() failed", s->kernel->op, s->kernel->name);
    double took = (double)(sn_clock_ns() - start) * 1e-9;
    s->pack_s = fmin(s->pack_s, took);
    e->prepared = true;
    return SN_OK;
}

static int make_copy(struct sn_kernel_state *s, size_t i)
{
    struct sn_kernel_copy *e = &s->ring[i];
    unsigned data = SN_ROLE_BIT(SN_ARRAY_INPUT) | SN_ROLE_BIT(SN_ARRAY_OUTPUT);
    e->p = s->base;
    for (size_t a = 0; a < s->n_arrays; a++) /* run() shall not read them */
        if (s->arrays[a].role == SN_ARRAY_WEIGHT)
            memset((char *)&e->p + s->arrays[a].field, 0, sizeof(void *));
    if (s->cache == SN_CACHE_COLD && i > 0) {
        int status = sn_arrays_alloc(&e->p, s->arrays, s->n_arrays, data, s->guard);
        if (status != SN_OK)
            return status;
        e->owns = true;
        sn_arrays_copy(&e->p, &s->base, s->arrays, s->n_arrays, data);
    }
    return pack(s, e);
}

/* What the reference makes of the problem, into s->want. */
static int expect(struct sn_kernel_state *s)
{
    const struct sn_kernel *ref = sn_kernel_at(s->op->op, 0);
    size_t packed_bytes = sn_kernel_packed_bytes(ref, &s->base, 1),
           scratch_bytes = sn_kernel_scratch_bytes(ref, &s->base, 1);
    void *packed = NULL, *scratch = NULL;
    s->want = s->base;
    int status =
        sn_arrays_alloc(&s->want, s->arrays, s->n_arrays, SN_ROLE_BIT(SN_ARRAY_OUTPUT), s->guard);
    if (status != SN_OK)
        return status;
    s->want_open = true;
    status = sn_work_alloc(&packed, packed_bytes, s->guard);
    if (status == SN_OK)
        status = sn_work_alloc(&scratch, scratch_bytes, s->guard);
    if (status == SN_OK && ref->prepare && ref->prepare(&s->want, 1, packed))
        status = SN_FAIL(SN_EENV, "%s %s: prepare() failed", ref->op, ref->name);
    if (status == SN_OK) {
        sn_arrays_poison(&s->want, s->arrays, s->n_arrays);
        sn_kernel_run(ref, &s->want, packed, scratch, 1);
    }
    if (status == SN_OK && ref->release)
        ref->release(&s->want, packed);
    sn_work_free(packed, packed_bytes, s->guard);
    sn_work_free(scratch, scratch_bytes, s->guard);
    return status;
}

int sn_kernel_case_setup(struct sn_case *c)
{
    if (on_model(c))
        return sn_kernel_model_setup(c);
    struct sn_kernel_state *s = c->state = sn_calloc(1, sizeof *s);
    s->op = op_of(c);
    s->guard = c->env->guard;
    s->cache = cache_of(c);
    s->threads = threads_of(c);
    s->pack_s = INFINITY;
    s->op->shape(c, &s->base);
    s->n_arrays = s->op->arrays(&s->base, s->arrays);
    s->kernel = kernel_of(c, &s->base);
    int status = sn_arrays_alloc(&s->base, s->arrays, s->n_arrays, SN_ROLES_ALL, s->guard);
    if (status != SN_OK)
        return status;
    s->base_open = true;
    s->op->fill(c, &s->base);
    sn_cost_of(s->op->op, &s->base, &s->cost);
    if (s->op->bound)
        s->op->bound(&s->base, &s->cost);
    status = expect(s);
    if (status != SN_OK)
        return status;
    s->packed_bytes = sn_kernel_packed_bytes(s->kernel, &s->base, s->threads);
    s->scratch_bytes = sn_kernel_scratch_bytes(s->kernel, &s->base, s->threads);
    uint64_t copy = copy_bytes(s->cache, s->arrays, s->n_arrays, s->packed_bytes);
    s->n_ring = ring_of(s->cache, copy, s->guard);
    s->ring_bytes = s->n_ring * copy;
    s->ring = sn_calloc(s->n_ring, sizeof *s->ring);
    status = sn_work_alloc(&s->scratch, s->scratch_bytes, s->guard);
    for (size_t i = 0; i < s->n_ring && status == SN_OK; i++)
        status = make_copy(s, i);
    if (status == SN_OK)
        sn_arrays_free(&s->base, s->arrays, s->n_arrays, SN_ROLE_BIT(SN_ARRAY_WEIGHT), s->guard);
    return status;
}

void sn_kernel_case_teardown(struct sn_case *c)
{
    if (on_model(c)) {
        sn_kernel_model_teardown(c);
        return;
    }
    struct sn_kernel_state *s = c->state;
    if (!s)
        return;
    unsigned data = SN_ROLE_BIT(SN_ARRAY_INPUT) | SN_ROLE_BIT(SN_ARRAY_OUTPUT);
    for (size_t i = 0; s->ring && i < s->n_ring; i++) {
        struct sn_kernel_copy *e = &s->ring[i];
        if (e->prepared && s->kernel->release)
            s->kernel->release(&e->p, e->packed);
        sn_work_free(e->packed, s->packed_bytes, s->guard);
        if (e->owns)
            sn_arrays_free(&e->p, s->arrays, s->n_arrays, data, s->guard);
    }
    sn_work_free(s->scratch, s->scratch_bytes, s->guard);
    if (s->want_open)
        sn_arrays_free(&s->want, s->arrays, s->n_arrays, SN_ROLE_BIT(SN_ARRAY_OUTPUT), s->guard);
    if (s->base_open)
        sn_arrays_free(&s->base, s->arrays, s->n_arrays, SN_ROLES_ALL, s->guard);
    free(s->ring);
    free(s);
    c->state = NULL;
}

/* --- verify and run --------------------------------------------------------------------------- */

/* Damages the first output: one bit that matters in any type, two halves exchanged, or zeros. */
static void mutate(const struct sn_kernel_state *s, union sn_problem *p, enum sn_mutation how)
{
    const struct sn_array *a = s->arrays;
    while (a < s->arrays + s->n_arrays && (a->role != SN_ARRAY_OUTPUT || !a->bytes))
        a++;
    if (how == SN_MUTATE_NONE || a == s->arrays + s->n_arrays)
        return;
    unsigned char *at = sn_array_at(p, a);
    size_t middle = (a->bytes / 2) | 3; /* of an f32 or a bf16 the byte with the exponent */
    if (how == SN_MUTATE_BITFLIP)
        at[middle < a->bytes ? middle : a->bytes - 1] ^= 0x40;
    else if (how == SN_MUTATE_DROP)
        memset(at, 0, a->bytes);
    else /* swap; of wrong-rank nothing else is left where nothing is sent */
        for (size_t i = 0; i < a->bytes / 2; i++) {
            unsigned char x = at[i];
            at[i] = at[a->bytes - a->bytes / 2 + i];
            at[a->bytes - a->bytes / 2 + i] = x;
        }
}

/* What an inexact kernel gets wrong is a figure of its row, not a failure; but zeros saturate
 * nothing, and damage done on purpose is found. */
static void forgive(const struct sn_case *c, struct sn_kernel_state *s, struct sn_check *k)
{
    if (!(s->kernel->flags & SN_KERNEL_INEXACT) || c->env->mutate != SN_MUTATE_NONE ||
        sn_kernel_dist(c) == SN_DIST_ZEROS)
        return;
    s->inexact = k->errors;
    s->inexact_of = k->compared;
    k->errors = 0;
    k->first[0] = '\0';
}

int sn_kernel_case_verify(struct sn_case *c, struct sn_check *k)
{
    if (on_model(c))
        return sn_kernel_model_verify(c, k);
    struct sn_kernel_state *s = c->state;
    for (size_t i = 0; i < s->n_ring; i++) {
        struct sn_kernel_copy *e = &s->ring[i];
        sn_arrays_poison(&e->p, s->arrays, s->n_arrays);
        sn_kernel_run(s->kernel, &e->p, e->packed, s->scratch, s->threads);
        if (i == 0)
            mutate(s, &e->p, c->env->mutate);
        s->op->compare(s->kernel, &e->p, &s->want, k);
    }
    forgive(c, s, k);
    if (!k->compared)
        k->compared = 1; /* an empty problem: that nothing was written out of place is seen too */
    return SN_OK;
}

int sn_kernel_case_run(struct sn_case *c)
{
    struct sn_kernel_state *s = c->state;
    for (unsigned b = 0; b < c->batch; b++) {
        const struct sn_kernel_copy *e = &s->ring[s->next];
        s->next = s->next + 1 == s->n_ring ? 0 : s->next + 1;
        sn_kernel_run(s->kernel, &e->p, e->packed, s->scratch, s->threads);
    }
    return SN_OK;
}

void sn_kernel_case_metrics(const struct sn_case *c, struct sn_row *row)
{
    if (on_model(c))
        sn_kernel_model_figures(c, row);
    else
        sn_kernel_figures(c, c->state, row);
}
