/* Every b is an interval. Expert i must come before j where i's lies above j's, or where both have
 * the same score and bias and i < j; of groups the same with their sums. The output is right when
 * it contradicts none of that for some set of kept groups. Such a set holds the groups of the
 * chosen experts, and whatever must come before a group in it; none of its other experts may have
 * to come before a chosen one. Groups are added in any order that keeps this: a set that can be
 * completed at all is completed so, since adding one never forbids another. */
#include "bench/micro/gate_check.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"

#define EXP_ERROR 4e-7
#define SMALLEST  0x1p-126
#define ROUNDING  0x1p-24

struct interval {
    double low, high;
};

struct expert {
    struct interval s, b;
    float score, bias; /* NaN is -inf here */
    bool chosen;
};

struct group {
    struct interval sum;
    const struct expert *first, *second; /* the two largest by score and bias in f32 */
    bool sure; /* no b within its tolerance makes another one of the two */
    bool kept, harmless;
};

struct token {
    const struct sn_gate *g;
    size_t t, each;
    struct expert *experts;
    struct group *groups;
};

double sn_gate_weight_tolerance(const struct sn_gate *g)
{
    return 2 * EXP_ERROR + (double)(g->k + 3) * ROUNDING;
}

static bool same(const struct expert *a, const struct expert *b)
{
    return a->score == b->score && a->bias == b->bias;
}

static bool before(const struct expert *a, const struct expert *b)
{
    return same(a, b) ? a < b : a->b.low > b->b.high;
}

static bool group_before(const struct group *a, const struct group *b)
{
    if (a->sure && b->sure && same(a->first, b->first) && same(a->second, b->second))
        return a < b;
    return a->sum.low > b->sum.high;
}

static double middle(struct interval x)
{
    return (x.low + x.high) / 2;
}

/* --- what must be ---------------------------------------------------------------------------- */

static struct expert expert_of(float score, float bias)
{
    struct expert x = {.score = isnan(score) ? -INFINITY : score, .bias = bias};
    double s = 1 / (1 + exp(-(double)x.score)), b = s + bias, d = EXP_ERROR * s + SMALLEST;
    x.s = (struct interval){fmax(s - d, 0), s + d};
    d += ROUNDING * fabs(b);
    x.b = (struct interval){b - d, b + d};
    return x;
}

/* The two that count: of equal ones it does not matter which. */
static void find_two(struct token *k, struct group *g, const struct expert *from)
{
    g->first = g->second = NULL;
    for (const struct expert *x = from; x < from + k->each; x++) {
        if (!g->first || middle(x->b) > middle(g->first->b)) {
            g->second = g->first;
            g->first = x;
        } else if (!g->second || middle(x->b) > middle(g->second->b)) {
            g->second = x;
        }
    }
    g->sure = true;
    for (const struct expert *x = from; x < from + k->each && g->second; x++)
        if (!same(x, g->first) && !same(x, g->second) && x->b.high >= g->second->b.low)
            g->sure = false;
    /* The largest ends among all, since any within its tolerance may count. */
    double low[2] = {-INFINITY, -INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (const struct expert *x = from; x < from + k->each; x++) {
        low[1] = fmax(low[1], fmin(low[0], x->b.low));
        low[0] = fmax(low[0], x->b.low);
        high[1] = fmax(high[1], fmin(high[0], x->b.high));
        high[0] = fmax(high[0], x->b.high);
    }
    if (k->each == 1)
        g->second = g->first, low[1] = high[1] = 0;
    double most = fmax(fabs(low[0] + low[1]), fabs(high[0] + high[1])) * ROUNDING;
    g->sum = (struct interval){low[0] + low[1] - most, high[0] + high[1] + most};
}

static void load(struct token *k, size_t t)
{
    const struct sn_gate *g = k->g;
    k->t = t;
    for (size_t e = 0; e < g->e; e++)
        k->experts[e] = expert_of(g->score[t * g->lds + e], g->bias[e]);
    for (size_t i = 0; i < g->groups; i++) {
        k->groups[i] = (struct group){0};
        find_two(k, &k->groups[i], k->experts + i * k->each);
    }
}

/* --- what is --------------------------------------------------------------------------------- */

static bool choice_is_possible(struct token *k, struct sn_check *c)
{
    const struct sn_gate *g = k->g;
    const uint32_t *expert = g->expert + k->t * g->k;
    for (size_t i = 0; i < g->k; i++) {
        if (expert[i] >= g->e || k->experts[expert[i]].chosen) {
            sn_check_fail(c, "token %zu, choice %zu: expert %u %s", k->t, i, expert[i],
                          expert[i] >= g->e ? "is none" : "was chosen already");
            return false;
        }
        k->experts[expert[i]].chosen = true;
        k->groups[expert[i] / k->each].kept = true;
        for (size_t j = 0; j < i; j++)
            if (before(&k->experts[expert[i]], &k->experts[expert[j]])) {
                sn_check_fail(c, "token %zu: expert %u before %u, whose b is %.9g and %.9g", k->t,
                              expert[j], expert[i], middle(k->experts[expert[j]].b),
                              middle(k->experts[expert[i]].b));
                return false;
            }
    }
    return true;
}

/* An expert of the group that is not chosen and must come before a chosen one; or NULL. */
static const struct expert *passed_over(const struct token *k, size_t group)
{
    const struct sn_gate *g = k->g;
    const uint32_t *expert = g->expert + k->t * g->k;
    for (size_t e = group * k->each; e < (group + 1) * k->each; e++)
        for (size_t i = 0; i < g->k && !k->experts[e].chosen; i++)
            if (before(&k->experts[e], &k->experts[expert[i]]))
                return &k->experts[e];
    return NULL;
}

/* Every group that must come before a kept one is kept. */
static void close_upwards(struct token *k)
{
    size_t n = k->g->groups;
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n && !k->groups[i].kept; j++)
                if (k->groups[j].kept && group_before(&k->groups[i], &k->groups[j]))
                    k->groups[i].kept = grew = true;
    }
}

static size_t kept(const struct token *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->g->groups; i++)
        n += k->groups[i].kept;
    return n;
}

/* Keeps one more group that is harmless, and before which nothing else must come. */
static bool keep_one(struct token *k)
{
    size_t n = k->g->groups;
    for (size_t i = 0; i < n; i++) {
        bool can = !k->groups[i].kept && k->groups[i].harmless;
        for (size_t j = 0; j < n && can; j++)
            can = k->groups[j].kept || j == i || !group_before(&k->groups[j], &k->groups[i]);
        if (can)
            return k->groups[i].kept = true;
    }
    return false;
}

static void check_groups(struct token *k, struct sn_check *c)
{
    const struct sn_gate *g = k->g;
    close_upwards(k);
    for (size_t i = 0; i < g->groups; i++) {
        const struct expert *better = passed_over(k, i);
        k->groups[i].harmless = !better;
        if (k->groups[i].kept && better) {
            sn_check_fail(c, "token %zu: expert %zu of a group that remains has b %.9g, not chosen",
                          k->t, (size_t)(better - k->experts), middle(better->b));
            return;
        }
    }
    while (kept(k) < g->kept && keep_one(k))
        ;
    if (kept(k) != g->kept)
        sn_check_fail(c, "token %zu: its experts are those of %zu groups, expected %zu", k->t,
                      kept(k), g->kept);
}

static void check_weights(const struct token *k, struct sn_check *c)
{
    const struct sn_gate *g = k->g;
    const uint32_t *expert = g->expert + k->t * g->k;
    double low = 0, high = 0, slack = 1 + (double)(g->k + 3) * ROUNDING;
    for (size_t i = 0; i < g->k; i++) {
        low += k->experts[expert[i]].s.low;
        high += k->experts[expert[i]].s.high;
    }
    for (size_t i = 0; i < g->k; i++) {
        const struct interval s = k->experts[expert[i]].s;
        double w = g->weight[k->t * g->k + i], least = g->scale * s.low / high / slack,
               most = low > 0 ? g->scale * s.high / low * slack : g->scale * slack;
        /* A sum that may have been 0 gives equal weights, which lie between. */
        if (!(w >= fmin(least, most) && w <= fmax(least, most)))
            sn_check_fail(c, "weight[%zu][%zu] of expert %u: got %.9g, expected %.9g to %.9g", k->t,
                          i, expert[i], w, least, most);
    }
}

void sn_gate_check(const struct sn_gate *g, struct sn_check *c)
{
    struct token k = {.g = g,
                      .each = g->e / g->groups,
                      .experts = sn_calloc(g->e, sizeof *k.experts),
                      .groups = sn_calloc(g->groups, sizeof *k.groups)};
    for (size_t t = 0; t < g->t; t++) {
        load(&k, t);
        c->compared += 2 * g->k;
        if (!choice_is_possible(&k, c))
            continue;
        check_groups(&k, c);
        check_weights(&k, c);
    }
    free(k.groups);
    free(k.experts);
}
