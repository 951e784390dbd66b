/* The verification of a modelled step: bench/macro/pipe_check.h. */
#include "bench/macro/pipe_check.h"

#include <math.h>
#include <stdlib.h>

#include "bench/macro/pipe_case.h"
#include "bench/micro/dispatch_model.h"
#include "bench/micro/dispatch_verify.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { TOKENS = 4, VALUES = 24 };

static unsigned few(const struct sn_pipe *p)
{
    unsigned tokens = sn_pipe_tokens(p, sn_pipe_part(p, 0));
    return tokens < TOKENS ? tokens : TOKENS;
}

static struct sn_moe_shape moved(const struct sn_pipe *p)
{
    return (struct sn_moe_shape){.dies = p->dies,
                                 .tokens = few(p),
                                 .hidden = VALUES,
                                 .experts = p->llm->routed,
                                 .topk = p->llm->top_k,
                                 .redundant = p->redundant,
                                 .shared = p->shared_dies,
                                 .dtype = SN_DTYPE_BF16};
}

/* Most copies that a die gets, for buffers that fit. */
static int fit(const struct sn_pipe *p, struct sn_moe_shape *s)
{
    struct sn_moe m;
    struct sn_moe_draw w;
    int status = sn_moe_open_routing(&m, s, p->routing, p->seed);
    if (status == SN_OK) {
        sn_moe_draw_open(&w, s);
        sn_moe_draw_set(&w, &m, 0);
        s->fit = sn_moe_draw_most(&w);
        sn_moe_draw_close(&w);
    }
    sn_moe_close(&m);
    return status;
}

/* A layer's tokens to their experts and back. Collective. */
static int exchange(const struct sn_case *c, const struct sn_pipe *p, struct sn_check *k)
{
    const struct sn_world *w = c->env->world;
    struct sn_moe_shape s = moved(p);
    struct sn_endpoints e;
    struct sn_moe m = {.comm = MPI_COMM_NULL};
    struct sn_moe_exchange *x = NULL;
    int status = fit(p, &s);
    status = status ? status
                    : sn_endpoints_open(&e, p->dies, w->size, p->profile->dies_per_node,
                                        c->env->map_file);
    bool here = status == SN_OK;
    status = sn_world_agree(w, status);
    if (status) {
        if (here)
            sn_endpoints_close(&e);
        return status;
    }
    status = sn_world_agree(w, sn_moe_open(&m, &s, p->routing, p->seed, &e, w->comm));
    if (!status) {
        sn_dispatch_check_fit(&m);
        status = p->algorithm->open(&x, &m, w->hosts > 1 ? &sn_transport_p2p : &sn_transport_shm,
                                    w->oversubscribed);
        status = sn_world_agree(w, status);
    }
    if (!status)
        status = sn_dispatch_verify(c, x, SN_DISPATCH_AND_COMBINE, k);
    if (x)
        p->algorithm->close(x);
    sn_moe_close(&m);
    sn_endpoints_close(&e);
    return status;
}

/* Copies of the first layer, and the path of a step of two layers. Rank 0 alone. */
static int add_up(const struct sn_pipe *p, struct sn_check *k)
{
    struct sn_llm small = *p->llm;
    struct sn_pipe q = *p;
    struct sn_pipe_step s;
    double sum = 0;
    small.layers = small.dense_layers + 1;
    q.llm = &small;
    int status = sn_pipe_step(&q, 1, &s);
    if (status)
        return status;
    unsigned each = p->llm->top_k + (p->shared_dies > 0);
    for (unsigned mb = 0; mb < p->microbatches; mb++, k->compared++) {
        unsigned tokens = sn_pipe_tokens(p, sn_pipe_part(p, mb));
        uint64_t want = (uint64_t)p->dies * tokens * each, got = s.layers[mb].sum;
        /* Above what is drawn, copies are scaled and rounded, pair by pair. */
        uint64_t slack = tokens > SN_PIPE_DRAWN_MAX ? (uint64_t)p->dies * p->dies : 0;
        if (got > want + slack || got + slack < want)
            sn_check_fail(k, "microbatch %u: %llu copies, %u dies x %u tokens x %u are %llu", mb,
                          (unsigned long long)got, p->dies, tokens, each, (unsigned long long)want);
    }
    for (unsigned o = 0; o < SN_OPERATIONS; o++)
        sum += s.critical_s[o];
    k->compared++;
    if (fabs(sum - s.s) > 1e-9 * s.s)
        sn_check_fail(k, "the critical path's spans are %.9g s, the step %.9g s", sum, s.s);
    sn_pipe_step_free(&s);
    return SN_OK;
}

/* All that what moves depends on. */
static char *key_of(const struct sn_pipe *p)
{
    return sn_strdupf("exchanged %s %s %s %u %u %u %u %u %llu", p->llm->name, p->routing,
                      p->algorithm->name, p->dies, p->redundant, p->shared_dies, few(p),
                      p->profile->dies_per_node, (unsigned long long)p->seed);
}

/* The exchange, or what an earlier case of the run compared in the same one. Collective. */
static int exchange_once(const struct sn_case *c, const struct sn_pipe *p, struct sn_check *k)
{
    char *key = key_of(p);
    uint64_t *known = c->env->mutate ? NULL : sn_model_memo(c, key);
    int all = known != NULL, status = SN_OK;
    MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, c->env->world->comm);
    if (all) {
        k->compared = *known;
    } else {
        status = exchange(c, p, k);
        if (!status && !k->errors && !c->env->mutate) {
            known = sn_calloc(1, sizeof *known);
            *known = k->compared;
            sn_model_memo_set(c, key, known, free);
        }
    }
    free(key);
    return status;
}

int sn_pipe_check(const struct sn_case *c, const struct sn_pipe *p, struct sn_check *k)
{
    int status = exchange_once(c, p, k);
    if (!status && c->env->world->rank == 0)
        status = add_up(p, k);
    k->what = "tokens of a layer, moved through MPI to their experts and back: every copy, sum and "
              "byte; copies drawn, and the critical path, against what they must add up to";
    return sn_world_agree(c->env->world, status);
}
