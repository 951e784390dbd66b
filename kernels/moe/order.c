#include "kernels/moe/order.h"

#include <string.h>

/* One element more than the arrays' lengths: see fill. */
static size_t words(const struct sn_moe_ffn *f)
{
    return f->experts + 2 + f->t + 2 + 2 * f->copies;
}

size_t sn_moe_order_bytes(const struct sn_moe_ffn *f)
{
    return (words(f) * sizeof(uint32_t) + 63) / 64 * 64;
}

struct sn_moe_order sn_moe_order_at(const struct sn_moe_ffn *f, void *at)
{
    struct sn_moe_order o = {.first = at};
    o.begin = o.first + f->experts + 2;
    o.copy = o.begin + f->t + 2;
    o.row = o.copy + f->copies;
    return o;
}

/* Counts of key k in at[k + 2] become starts in at[k + 1], which, moved on as the keys are placed,
 * end as the starts of k + 1: at[k] is then where k begins. */
static void starts(uint32_t *at, size_t keys, const uint32_t *key, size_t n)
{
    memset(at, 0, (keys + 2) * sizeof *at);
    for (size_t i = 0; i < n; i++)
        at[key[i] + 2]++;
    for (size_t k = 2; k < keys + 2; k++)
        at[k] += at[k - 1];
}

void sn_moe_order_fill(const struct sn_moe_ffn *f, const struct sn_moe_order *o)
{
    starts(o->first, f->experts, f->expert, f->copies);
    starts(o->begin, f->t, f->token, f->copies);
    for (size_t c = 0; c < f->copies; c++) {
        uint32_t row = o->first[f->expert[c] + 1]++;
        o->copy[row] = (uint32_t)c;
        o->row[o->begin[f->token[c] + 1]++] = row;
    }
}
