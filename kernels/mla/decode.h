/* mla by panels: which panels a thread takes, and how blocks come out of the pages. A variant
 * includes the panels of its instruction set before this, and says what it does with bf16 (or
 * nothing: it does not run it): BF16_PACK, BF16_BRING, BF16_ATTEND, and the bf16 of a word
 * (BF16_PER_WORD); and with s8: S8_ATTEND, and QUADS (true) where that takes values by fours.
 *
 * Row j * heads + h of a request is query j of head h; panels are PANEL rows after another. The
 * panels of all requests lie in a row, each as long as its request; a thread takes those that begin
 * in its share, those of one request together, since they share its tokens. */
#ifndef SN_KERNELS_MLA_DECODE_H
#define SN_KERNELS_MLA_DECODE_H

#include "kernels/kernel.h"

#ifndef BF16_ATTEND
#define BF16_PER_WORD                       2
#define BF16_PACK(p, q, stride, rows, d)    (void)q
#define BF16_BRING(b, i, row, before, d, v) (void)before
#define BF16_ATTEND(p, b, t)                (void)p
#endif
#ifndef S8_ATTEND
#define S8_ATTEND attend_s16
#endif
#ifndef QUADS
#define QUADS false
#endif

/* What one thread works in. */
struct work {
    struct panel *panels;
    struct block *block;
    struct between *between;
    struct ahead *ahead;
    size_t bytes;
};

static size_t panels_of(const struct sn_mla *a)
{
    return (a->queries * a->heads + PANEL - 1) / PANEL;
}

/* Lays out a thread's scratch at base; NULL: only to know its size. */
static struct work lay_out(const struct sn_mla *a, char *base)
{
    struct work w = {0};
    size_t at = 0, per_word = a->kv_type == SN_S8 ? 2 : BF16_PER_WORD, d = a->latent + a->rope,
           n = panels_of(a), words = (d + per_word - 1) / per_word,
           columns = rounded_up(a->latent, TILE);
    /* An odd number of cache lines between rows: a column of V then touches all sets of L1. */
    size_t ldk = rounded_up(words + TILE, 32) + 16, ldv = rounded_up(columns, 32) + 16;
    w.panels = take(base, &at, n * sizeof *w.panels);
    w.block = take(base, &at, sizeof *w.block);
    w.between = take(base, &at, sizeof *w.between);
    w.ahead = take(base, &at, sizeof *w.ahead);
    uint32_t *k = take(base, &at, BLOCK * ldk * sizeof *k),
             *v = per_word == 2 ? take(base, &at, BLOCK / 2 * ldv * sizeof *v) : k,
             *quads = QUADS ? take(base, &at, BLOCK / 4 * ldv * sizeof *quads) : NULL;
    for (size_t i = 0; i < n; i++) {
        uint32_t *q = take(base, &at, words * PANEL * sizeof *q);
        float *o = take(base, &at, columns * PANEL * sizeof *o);
        if (base)
            w.panels[i].q = q, w.panels[i].o = o;
    }
    if (base)
        *w.block = (struct block){.k = k,
                                  .v = v,
                                  .quads = quads,
                                  .words = words,
                                  .ldk = ldk,
                                  .ldv = per_word == 2 ? ldv : ldk,
                                  .columns = columns,
                                  .ahead = w.ahead};
    w.bytes = at;
    return w;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return lay_out(&p->mla, NULL).bytes * threads;
}

static size_t slot_of(const struct sn_mla *a, size_t request, size_t token)
{
    const uint32_t *table = a->table + request * a->pages_per_request;
    return table[token / a->page] * a->page + token % a->page;
}

/* Tokens of a block to rows of V by fours; a token that the block lacks has no weight, and is any.
 */
static void load_quads(const struct sn_mla *a, size_t request, struct block *b)
{
    const uint8_t *kv = a->kv, *in[4];
    for (size_t i = 0; i < b->n; i += 4) {
        for (size_t j = 0; j < 4; j++) {
            size_t token = b->first + (i + j < b->n ? i + j : i);
            in[j] = kv + slot_of(a, request, token) * (a->latent + a->rope);
        }
        uint32_t *restrict out = b->quads + i / 4 * b->ldv;
        for (size_t c = 0; c < a->latent; c++)
            out[c] = in[0][c] | (uint32_t)in[1][c] << 8 | (uint32_t)in[2][c] << 16 |
                     (uint32_t)in[3][c] << 24;
    }
}

static void load_s8(const struct sn_mla *a, size_t request, struct block *b)
{
    const int8_t *kv = a->kv;
    size_t d = a->latent + a->rope;
    b->largest = 0;
    for (size_t i = 0; i < b->n; i++) {
        size_t slot = slot_of(a, request, b->first + i);
        b->token[i] = a->kv_scale[slot];
        b->largest = b->token[i] > b->largest ? b->token[i] : b->largest;
        row_s16(b->k + i * b->ldk, kv + slot * d, d);
        if (i % 2)
            rows_s16(b->v + i / 2 * b->ldv, kv + slot_of(a, request, b->first + i - 1) * d,
                     kv + slot * d, a->latent);
        else if (i + 1 == b->n)
            rows_s16(b->v + i / 2 * b->ldv, kv + slot * d, NULL, a->latent);
    }
    for (size_t i = 0; i < b->n; i++)
        b->share[i] = b->largest > 0 ? b->token[i] / b->largest : 0;
    if (b->quads)
        load_quads(a, request, b);
}

static void load_bf16(const struct sn_mla *a, size_t request, struct block *b)
{
    const uint16_t *kv = a->kv, *before = NULL;
    size_t d = a->latent + a->rope;
    for (size_t i = 0; i < b->n; i++) {
        const uint16_t *row = kv + slot_of(a, request, b->first + i) * d;
        BF16_BRING(b, i, row, before, d, a->latent);
        before = row;
    }
}

/* Tokens `first` to first + n - 1 are next; `panels` are computed until then. */
static void look_ahead(const struct sn_mla *a, size_t request, size_t first, size_t n,
                       size_t panels, const struct block *b)
{
    size_t row = (a->latent + a->rope) * (a->kv_type == SN_S8 ? 1 : 2),
           tiles = (b->words + PIECE - 1) / PIECE * ((b->n + TILE - 1) / TILE) + b->columns / TILE;
    struct ahead *h = b->ahead;
    *h = (struct ahead){.rows = n, .lines = (row + 63) / 64 + (row % 64 != 0)};
    h->lines_a_tile = (n * h->lines + panels * tiles - 1) / (panels * tiles);
    for (size_t i = 0; i < n; i++)
        h->row[i] = (const char *)a->kv + slot_of(a, request, first + i) * row;
}

static void begin(const struct sn_mla *a, size_t request, size_t panel, struct panel *p,
                  size_t columns)
{
    size_t all = a->queries * a->heads, first = panel * PANEL, d = a->latent + a->rope,
           rows = all - first < PANEL ? all - first : PANEL, length = a->length[request];
    for (size_t r = 0; r < PANEL; r++) {
        size_t j = (first + (r < rows ? r : rows - 1)) / a->heads;
        p->limit[r] = (int32_t)(length - a->queries + 1 + j);
    }
    begin_panel(p, a->scale, columns);
    const uint16_t *q = a->q + (request * all + first) * d;
    if (a->kv_type == SN_S8)
        pack_s16(p, q, d, rows, d);
    else
        BF16_PACK(p, q, d, rows, d);
}

/* Panels p0 to p1 - 1 of a request. */
static void attend(const struct sn_mla *a, size_t request, size_t p0, size_t p1, struct work *w)
{
    size_t length = a->length[request], all = a->queries * a->heads;
    struct block *b = w->block;
    for (size_t i = p0; i < p1; i++)
        begin(a, request, i, &w->panels[i - p0], b->columns);
    for (size_t t = 0; t < length; t += BLOCK) {
        b->first = t;
        b->n = length - t < BLOCK ? length - t : BLOCK;
        if (a->kv_type == SN_S8)
            load_s8(a, request, b);
        else
            load_bf16(a, request, b);
        size_t next = t + b->n, left = length - next;
        look_ahead(a, request, next, left < BLOCK ? left : BLOCK, p1 - p0, b);
        for (size_t i = p0; i < p1; i++) {
            struct panel *p = &w->panels[i - p0];
            if ((int64_t)t >= p->most)
                continue;
            if (a->kv_type == SN_S8)
                S8_ATTEND(p, b, w->between);
            else
                BF16_ATTEND(p, b, w->between);
        }
    }
    for (size_t i = p0; i < p1; i++) {
        size_t first = i * PANEL, rows = all - first < PANEL ? all - first : PANEL;
        end_panel(&w->panels[i - p0], a->out + (request * all + first) * a->latent, a->latent, rows,
                  a->latent);
    }
}

static void run(const union sn_problem *problem, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_mla *a = &problem->mla;
    size_t n = panels_of(a), total = 0, at = 0;
    for (size_t r = 0; r < a->requests; r++)
        total += n * a->length[r];
    size_t from = total * team->id / team->count, to = total * (team->id + 1) / team->count;
    struct work w = lay_out(a, (char *)scratch + lay_out(a, NULL).bytes * team->id);
    for (size_t r = 0; r < a->requests; at += n * a->length[r], r++) {
        size_t length = a->length[r], p0 = from > at ? (from - at + length - 1) / length : 0,
               p1 = to > at ? (to - at + length - 1) / length : 0;
        p1 = p1 < n ? p1 : n;
        if (p0 < p1)
            attend(a, r, p0, p1, &w);
    }
}

#endif
