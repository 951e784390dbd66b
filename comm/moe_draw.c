/* The routing of one draw of all dies (comm/moe_draw.h). */
#include "comm/moe_draw.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"

uint64_t sn_moe_draw_memory(const struct sn_moe_shape *s)
{
    uint64_t copies = (uint64_t)s->dies * s->tokens * (s->topk + (s->shared > 0));
    return copies * sizeof(uint16_t) + (uint64_t)s->dies * s->dies * sizeof(uint32_t);
}

void sn_moe_draw_open(struct sn_moe_draw *w, const struct sn_moe_shape *s)
{
    *w = (struct sn_moe_draw){.dies = s->dies, .k = s->topk + (s->shared > 0)};
    w->per_die = (size_t)s->tokens * w->k;
    w->to = sn_calloc(s->dies * w->per_die, sizeof *w->to);
    w->count = sn_calloc((size_t)s->dies * s->dies, sizeof *w->count);
}

void sn_moe_draw_close(struct sn_moe_draw *w)
{
    free(w->to);
    free(w->count);
    *w = (struct sn_moe_draw){0};
}

void sn_moe_draw_count(struct sn_moe_draw *w)
{
    memset(w->count, 0, (size_t)w->dies * w->dies * sizeof *w->count);
    w->distinct = 0;
    for (unsigned s = 0; s < w->dies; s++) {
        const uint16_t *to = w->to + s * w->per_die;
        uint32_t *count = w->count + (size_t)s * w->dies;
        for (size_t token = 0; token < w->per_die; token += w->k)
            for (unsigned j = 0; j < w->k; j++) {
                bool seen = false;
                for (unsigned q = 0; q < j; q++)
                    seen |= to[token + q] == to[token + j];
                w->distinct += !seen;
                count[to[token + j]]++;
            }
    }
}

void sn_moe_draw_set(struct sn_moe_draw *w, struct sn_moe *m, uint64_t draw)
{
    uint32_t slot[SN_MOE_COPIES_MAX];
    uint16_t *to = w->to;
    m->draw = draw;
    for (unsigned s = 0; s < w->dies; s++)
        for (unsigned t = 0; t < m->shape.tokens; t++) {
            sn_moe_route(m, s, t, slot, NULL);
            for (unsigned j = 0; j < w->k; j++)
                *to++ = (uint16_t)m->placement.slot_die[slot[j]];
        }
    sn_moe_draw_count(w);
}

void sn_moe_draw_shares(const struct sn_moe_draw *w, struct sn_moe_share *share)
{
    memset(share, 0, w->dies * sizeof *share);
    for (unsigned s = 0; s < w->dies; s++) {
        const uint32_t *count = w->count + (size_t)s * w->dies;
        share[s].own = count[s];
        share[s].sent = (uint32_t)w->per_die - count[s];
        for (unsigned d = 0; d < w->dies; d++)
            share[d].received += d == s ? 0 : count[d];
    }
}

uint32_t sn_moe_draw_most(const struct sn_moe_draw *w)
{
    struct sn_moe_share *share = sn_calloc(w->dies, sizeof *share);
    uint32_t most = 0;
    sn_moe_draw_shares(w, share);
    for (unsigned d = 0; d < w->dies; d++)
        most = share[d].received + share[d].own > most ? share[d].received + share[d].own : most;
    free(share);
    return most;
}
