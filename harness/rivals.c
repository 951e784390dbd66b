#include "harness/rivals.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/hash.h"

#define NONE SIZE_MAX

static bool counts(const struct sn_plan_case *c, size_t axis, int variants)
{
    return (int)axis != variants && sn_axis_on(&c->bench->axes[axis], c->clock);
}

static uint64_t hash_of(const struct sn_plan_case *c, int variants)
{
    uint64_t h = SN_HASH_START;
    for (size_t a = 0; c->bench->axes[a].name; a++)
        if (counts(c, a, variants)) /* with the NUL: "1", "11" is not "11", "1" */
            h = sn_hash_bytes(h, c->values[a].text, strlen(c->values[a].text) + 1);
    return h;
}

static bool are_rivals(const struct sn_plan_case *x, const struct sn_plan_case *y, int variants)
{
    for (size_t a = 0; x->bench->axes[a].name; a++)
        if (counts(x, a, variants) && strcmp(x->values[a].text, y->values[a].text) != 0)
            return false;
    return true;
}

/* leader[i] = the first of i's rivals, for the cases [from, to) of one benchmark. Open addressing,
 * at most half of the slots used. */
static void find_leaders(const struct sn_plan *p, size_t from, size_t to, size_t *leader)
{
    int variants = sn_bench_axis_compares(p->cases[from].bench);
    size_t slots = 16;

    if (variants < 0 || p->clock != SN_CLOCK_WALL ||
        !sn_axis_on(&p->cases[from].bench->axes[variants], p->clock))
        return;
    while (slots < 2 * (to - from))
        slots *= 2;
    size_t *set = sn_calloc(slots, sizeof *set); /* index + 1; 0: free */
    for (size_t i = from; i < to; i++) {
        size_t at = hash_of(&p->cases[i], variants) & (slots - 1);
        while (set[at] && !are_rivals(&p->cases[set[at] - 1], &p->cases[i], variants))
            at = (at + 1) & (slots - 1);
        if (!set[at])
            set[at] = i + 1;
        leader[i] = set[at] - 1;
    }
    free(set);
}

void sn_rivals_find(struct sn_rivals *out, const struct sn_plan *p)
{
    size_t *leader = sn_calloc(p->n + 1, sizeof *leader), *next = sn_calloc(p->n + 1, sizeof *next);
    size_t *last = sn_calloc(p->n + 1, sizeof *last), n = 0;

    *out = (struct sn_rivals){.order = sn_calloc(p->n + 1, sizeof *out->order),
                              .start = sn_calloc(p->n + 1, sizeof *out->start)};
    for (size_t i = 0; i < p->n; i++)
        leader[i] = i;
    for (size_t from = 0, to; from < p->n; from = to) {
        for (to = from + 1; to < p->n && p->cases[to].bench == p->cases[from].bench; to++)
            ;
        find_leaders(p, from, to, leader);
    }
    for (size_t i = 0; i < p->n; i++) { /* a list of every leader's followers */
        next[i] = NONE;
        if (leader[i] != i)
            next[last[leader[i]]] = i;
        last[leader[i]] = i;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (leader[i] != i)
            continue;
        out->start[out->n++] = n;
        for (size_t k = i; k != NONE; k = next[k])
            out->order[n++] = k;
    }
    out->start[out->n] = n;
    free(leader);
    free(next);
    free(last);
}

void sn_rivals_free(struct sn_rivals *r)
{
    free(r->order);
    free(r->start);
    *r = (struct sn_rivals){0};
}
