/* gate, plainly: the largest sum as often as groups are kept, the largest b as often as experts are
 * chosen; the first of equals each time. */
#include <math.h>
#include <stdbool.h>

#include "kernels/kernel.h"

/* Of a thread: s and b of a token, what is gone of the groups, what of the experts. */
struct work {
    float *s, *b;
    bool *group_gone, *gone;
};

static size_t bytes_each(const struct sn_gate *g)
{
    return (2 * g->e * sizeof(float) + g->groups + g->e + 63) / 64 * 64;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return threads * bytes_each(&p->gate);
}

static struct work work_of(const struct sn_gate *g, void *scratch, unsigned id)
{
    float *s = (float *)((char *)scratch + id * bytes_each(g));
    bool *gone = (bool *)(s + 2 * g->e);
    return (struct work){s, s + g->e, gone, gone + g->groups};
}

static void scores(const struct sn_gate *g, const float *score, struct work *w)
{
    for (size_t e = 0; e < g->e; e++) {
        float x = isnan(score[e]) ? -INFINITY : score[e];
        w->s[e] = 1 / (1 + expf(-x));
        w->b[e] = w->s[e] + g->bias[e];
    }
}

static float sum_of_two(const float *b, size_t n)
{
    float first = b[0], second = n > 1 ? -INFINITY : 0;
    for (size_t i = 1; i < n; i++) {
        if (b[i] > first) {
            second = first;
            first = b[i];
        } else if (b[i] > second) {
            second = b[i];
        }
    }
    return first + second;
}

/* The groups that do not remain take their experts with them. */
static void limit_groups(const struct sn_gate *g, struct work *w)
{
    size_t each = g->e / g->groups;
    for (size_t i = 0; i < g->groups; i++)
        w->group_gone[i] = true;
    for (size_t n = 0; n < g->kept; n++) {
        size_t best = g->groups;
        float most = 0;
        for (size_t i = 0; i < g->groups; i++) {
            float sum = sum_of_two(w->b + i * each, each);
            if (w->group_gone[i] && (best == g->groups || sum > most)) {
                best = i;
                most = sum;
            }
        }
        w->group_gone[best] = false;
    }
    for (size_t e = 0; e < g->e; e++)
        w->gone[e] = w->group_gone[e / each];
}

static void choose(const struct sn_gate *g, struct work *w, uint32_t *expert, float *weight)
{
    float sum = 0;
    for (size_t k = 0; k < g->k; k++) {
        size_t best = g->e;
        for (size_t e = 0; e < g->e; e++)
            if (!w->gone[e] && (best == g->e || w->b[e] > w->b[best]))
                best = e;
        w->gone[best] = true;
        expert[k] = (uint32_t)best;
        sum += w->s[best];
    }
    for (size_t k = 0; k < g->k; k++)
        weight[k] = sum > 0 ? g->scale * w->s[expert[k]] / sum : g->scale / (float)g->k;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gate *g = &p->gate;
    struct work w = work_of(g, scratch, team->id);
    for (size_t t = team->id; t < g->t; t += team->count) {
        scores(g, g->score + t * g->lds, &w);
        limit_groups(g, &w);
        choose(g, &w, g->expert + t * g->k, g->weight + t * g->k);
    }
}

const struct sn_kernel sn_gate_ref = {.abi = SN_ABI_VERSION,
                                      .size = sizeof(struct sn_kernel),
                                      .op = "gate",
                                      .name = "ref",
                                      .brief = "one maximum after the other",
                                      .isa = "generic",
                                      .scratch_bytes = scratch_bytes,
                                      .run = run};
