/* mla-prefill by panels of rows of one head. A group of GROUP panels shares the blocks of K and V
 * that it brings in; of a block that a panel sees in part it looks at no more than its last row
 * sees. A thread takes the groups that begin in its share of all scores. A variant includes the
 * panels of its instruction set before this. */
#ifndef SN_KERNELS_MLA_PREFILL_CAUSAL_H
#define SN_KERNELS_MLA_PREFILL_CAUSAL_H

#include "kernels/kernel.h"

enum { GROUP_ROWS = 128, GROUP = GROUP_ROWS / PANEL };

/* What one thread works in. */
struct work {
    struct panel *panels;
    struct block *block;
    struct between *between;
    size_t bytes;
};

/* Lays out a thread's scratch at base; NULL: only to know its size. */
static struct work lay_out(const struct sn_mla_prefill *a, char *base)
{
    struct work w = {0};
    size_t at = 0, columns = rounded_up(a->v_dim, TILE);
    /* Odd numbers of cache lines between rows. */
    size_t ldk = rounded_up(a->qk, 32) + 16, ldv = rounded_up(columns, 32) + 16;
    w.panels = take(base, &at, GROUP * sizeof *w.panels);
    w.block = take(base, &at, sizeof *w.block);
    w.between = take(base, &at, sizeof *w.between);
    uint32_t *k = take(base, &at, BLOCK * ldk * sizeof *k),
             *v = take(base, &at, BLOCK * ldv * sizeof *v);
    for (size_t i = 0; i < GROUP; i++) {
        uint32_t *q = take(base, &at, a->qk * PANEL * sizeof *q);
        float *o = take(base, &at, columns * PANEL * sizeof *o);
        if (base)
            w.panels[i].q = q, w.panels[i].o = o;
    }
    if (base)
        *w.block = (struct block){
            .k = k, .v = v, .words = a->qk, .ldk = ldk, .ldv = ldv, .columns = columns};
    w.bytes = at;
    return w;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return lay_out(&p->mla_prefill, NULL).bytes * threads;
}

static size_t rows_of(size_t first, size_t end)
{
    return end - first < PANEL ? end - first : PANEL;
}

static void bring(struct block *b, const uint16_t *k, size_t k_stride, size_t qk, const uint16_t *v,
                  size_t v_stride, size_t v_dim)
{
    for (size_t j = 0; j < b->n; j++) {
        row_f32(b->k + j * b->ldk, k + (b->first + j) * k_stride, qk, b->ldk);
        row_f32(b->v + j * b->ldv, v + (b->first + j) * v_stride, v_dim, b->ldv);
    }
}

/* Rows i0 to i1 - 1 of the prompt that begins at row `from`, of one head. */
static void attend(const struct sn_mla_prefill *a, size_t from, size_t head, size_t i0, size_t i1,
                   struct work *w)
{
    struct block *b = w->block;
    size_t qk_row = a->heads * a->qk, v_row = a->heads * a->v_dim;
    for (size_t i = i0; i < i1; i += PANEL) {
        struct panel *p = &w->panels[(i - i0) / PANEL];
        size_t rows = rows_of(i, i1);
        for (size_t r = 0; r < PANEL; r++)
            p->limit[r] = (int32_t)(i + (r < rows ? r : rows - 1) + 1);
        begin_panel(p, a->scale, b->columns);
        pack_f32(p, a->q + (from + i) * qk_row + head * a->qk, qk_row, rows, a->qk);
    }
    for (size_t t = 0; t < i1; t += BLOCK) {
        size_t n = i1 - t < BLOCK ? i1 - t : BLOCK;
        b->first = t;
        b->n = n;
        bring(b, a->k + from * qk_row + head * a->qk, qk_row, a->qk,
              a->v + from * v_row + head * a->v_dim, v_row, a->v_dim);
        for (size_t i = i0; i < i1; i += PANEL) {
            struct panel *p = &w->panels[(i - i0) / PANEL];
            if ((int64_t)t >= p->most)
                continue;
            b->n = (size_t)p->most - t < n ? (size_t)p->most - t : n;
            attend_f32(p, b, w->between);
        }
    }
    for (size_t i = i0; i < i1; i += PANEL)
        end_panel(&w->panels[(i - i0) / PANEL], a->out + (from + i) * v_row + head * a->v_dim,
                  v_row, rows_of(i, i1), a->v_dim);
}

/* Scores of rows i0 to i1 - 1. */
static uint64_t scores(uint64_t i0, uint64_t i1)
{
    return (i1 * (i1 + 1) - i0 * (i0 + 1)) / 2;
}

static void run(const union sn_problem *problem, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_mla_prefill *a = &problem->mla_prefill;
    struct work w = lay_out(a, (char *)scratch + lay_out(a, NULL).bytes * team->id);
    uint64_t total = 0, at = 0;
    for (size_t p = 0; p < a->prompts; p++)
        total += a->heads * scores(0, a->first[p + 1] - a->first[p]);
    uint64_t from = total * team->id / team->count, to = total * (team->id + 1) / team->count;
    for (size_t p = 0; p < a->prompts; p++) {
        size_t n = a->first[p + 1] - a->first[p];
        for (size_t head = 0; head < a->heads; head++)
            for (size_t i = 0; i < n; i += GROUP_ROWS) {
                size_t end = n - i < GROUP_ROWS ? n : i + GROUP_ROWS;
                if (at >= from && at < to)
                    attend(a, a->first[p], head, i, end, &w);
                at += scores(i, end);
            }
    }
}

#endif
