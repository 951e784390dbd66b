/* gate by vectors, for one file of each instruction set, which has defined before this
 *     LANES                         floats of a vector
 *     scores(score, bias, w, e)     s and b of LANES experts from the e-th on
 *     RANK                          for `best` */
#ifndef SN_KERNELS_GATE_VECTOR_H
#define SN_KERNELS_GATE_VECTOR_H

#include "kernels/gate/choose.h"

static void token(const struct sn_gate *g, struct sn_gate_work *w, size_t t)
{
    const float *score = g->score + t * g->lds;
    size_t e = 0;
    for (; e + LANES <= g->e; e += LANES)
        scores(score + e, g->bias + e, w, e);
    if (e < g->e) {
        float last[2][LANES] = {{0}};
        memcpy(last[0], score + e, (g->e - e) * sizeof(float));
        memcpy(last[1], g->bias + e, (g->e - e) * sizeof(float));
        scores(last[0], last[1], w, e);
    }
    sn_gate_choose(g, w, t);
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return threads * sn_gate_bytes_each(&p->gate);
}

static int rank(const union sn_problem *p, unsigned threads)
{
    return RANK;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gate *g = &p->gate;
    struct sn_gate_work w = sn_gate_work_of(g, scratch, team->id);
    size_t end = g->t * (team->id + 1) / team->count;
    for (size_t t = g->t * team->id / team->count; t < end; t++)
        token(g, &w, t);
}

#define GATE_KERNEL(symbol, name_, brief_)                                                         \
    const struct sn_kernel symbol = {.abi = SN_ABI_VERSION,                                        \
                                     .size = sizeof(struct sn_kernel),                             \
                                     .op = "gate",                                                 \
                                     .name = name_,                                                \
                                     .brief = brief_,                                              \
                                     .isa = name_,                                                 \
                                     .rank = rank,                                                 \
                                     .scratch_bytes = scratch_bytes,                               \
                                     .run = run}

#endif
