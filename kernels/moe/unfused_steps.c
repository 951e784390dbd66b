#include <string.h>

#include "harness/base/isa.h"
#include "kernels/moe/unfused.h"

static void *take(char **at, size_t bytes)
{
    void *p = *at;
    *at += (bytes + 63) & ~(size_t)63;
    return p;
}

struct sn_moe_arrays sn_moe_arrays_at(const struct sn_moe_ffn *f, void *at)
{
    struct sn_moe_arrays a;
    char *to = at;
    a.order = sn_moe_order_at(f, take(&to, sn_moe_order_bytes(f)));
    a.sx = take(&to, f->copies * sizeof *a.sx);
    a.sq = take(&to, f->copies * sizeof *a.sq);
    a.x = take(&to, f->copies * f->h);
    a.g = take(&to, f->copies * 2 * f->i * sizeof *a.g);
    a.a = take(&to, f->copies * f->i * sizeof *a.a);
    a.q = take(&to, f->copies * f->i);
    a.y = take(&to, f->copies * f->h * sizeof *a.y);
    a.rest = to;
    return a;
}

size_t sn_moe_arrays_bytes(const struct sn_moe_ffn *f)
{
    /* Each rounded up to 64: at most 63 more for each of eight. */
    return sn_moe_order_bytes(f) + f->copies * (8 + f->h + 8 * f->i + 4 * f->i + f->i + 4 * f->h) +
           8 * 64;
}

void sn_moe_permute(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                    const struct sn_team *team)
{
    if (team->id == 0)
        sn_moe_order_fill(f, &a->order);
    team->barrier(team);
    for (size_t r = team->id; r < f->copies; r += team->count) {
        size_t t = f->token[a->order.copy[r]];
        memcpy(a->x + r * f->h, f->x + t * f->h, f->h);
        a->sx[r] = f->sx[t];
    }
    team->barrier(team);
}

void sn_moe_activate(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                     const struct sn_moe_steps *steps, const struct sn_team *team)
{
    size_t from = f->copies * team->id / team->count,
           end = f->copies * (team->id + 1) / team->count;
    for (size_t r = from; r < end; r++)
        steps->swiglu(a->g + r * 2 * f->i, a->g + r * 2 * f->i + f->i, 1, f->i, 2 * f->i,
                      a->a + r * f->i, f->i);
    const struct sn_team alone = {.id = 0, .count = 1};
    union sn_problem p = {.quantize = {.t = end - from,
                                       .h = f->i,
                                       .x_type = SN_F32,
                                       .q_type = SN_U8,
                                       .x = a->a + from * f->i,
                                       .q = a->q + from * f->i,
                                       .scale = a->sq + from,
                                       .ldx = f->i,
                                       .ldq = f->i}};
    sn_kernel_best(SN_OP_QUANTIZE, &p, 1, sn_isa_most())->run(&p, NULL, NULL, &alone);
    team->barrier(team);
}

void sn_moe_unpermute(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                      const struct sn_moe_steps *steps, const struct sn_team *team)
{
    for (size_t t = team->id; t < f->t; t += team->count)
        steps->combine(f, &a->order, t, 0, f->h, a->y, f->h);
    team->barrier(team);
}
