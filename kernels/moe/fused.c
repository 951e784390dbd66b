#include "kernels/moe/fused.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 132,          /* of one expert at a time: a takes 1 MiB for I = 2048 */
    Y_BYTES = 256 << 10, /* of all copies' y at a time: half of a second-level cache */
};
_Static_assert((int)ROWS <= (int)SN_GEMM_ROWS, "what packing takes at a time");

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t round64(size_t x)
{
    return (x + 63) & ~(size_t)63;
}

/* --- weights --------------------------------------------------------------------------------- */

/* Rows of w1 once gate and up take turns, panel by panel. */
static size_t mixed_rows(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f)
{
    return 2 * sn_gemm_panels(t, f->i) * t->cols;
}

static size_t w1_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f)
{
    return sn_gemm_w_bytes(t, mixed_rows(t, f), f->h);
}

static size_t expert_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f)
{
    return w1_bytes(t, f) + sn_gemm_w_bytes(t, f->h, f->i);
}

size_t sn_moe_fused_packed_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f)
{
    return f->experts * expert_bytes(t, f);
}

/* to (mixed_rows, H) of w1 (2 I, H); the rest of the last panels is 0. */
static void mix(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f, const int8_t *w1,
                int8_t *to)
{
    memset(to, 0, mixed_rows(t, f) * f->h);
    for (size_t n = 0; n < 2 * f->i; n++) {
        size_t half = n / f->i, i = n % f->i;
        memcpy(to + (i / t->cols * 2 * t->cols + half * t->cols + i % t->cols) * f->h,
               w1 + n * f->h, f->h);
    }
}

int sn_moe_fused_prepare(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f, void *packed)
{
    int8_t *mixed = malloc(mixed_rows(t, f) * f->h);
    if (!mixed)
        return -1;
    for (size_t e = 0; e < f->experts; e++) {
        char *to = (char *)packed + e * expert_bytes(t, f);
        mix(t, f, f->w1 + e * 2 * f->i * f->h, mixed);
        sn_gemm_pack_w(t, mixed, mixed_rows(t, f), f->h, f->h, to);
        sn_gemm_pack_w(t, f->w2 + e * f->h * f->i, f->h, f->i, f->i, to + w1_bytes(t, f));
    }
    free(mixed);
    return 0;
}

/* --- work space ------------------------------------------------------------------------------ */

struct work {
    const struct sn_gemm_tiles *t;
    const struct sn_moe_steps *steps;
    const struct sn_moe_ffn *f;
    const struct sn_team *team;
    const char *packed;
    /* Everybody's. */
    struct sn_moe_order order;
    uint32_t *token; /* (copies): of each row */
    float *sx, *sq;  /* (copies): of each row */
    char *x;         /* (ROWS, H), packed */
    float *a;        /* (ROWS, I) */
    uint8_t *q8;     /* (ROWS, I) */
    char *q;         /* (copies) rows of q_bytes, packed */
    /* A thread's. */
    int32_t *acc;
    void *wide;
    float *up; /* (2, ROWS, cols): gate and up of a panel */
    float *y;  /* (copies, y_cols) */
};

static size_t q_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f)
{
    return round64(sn_gemm_k(t, f->i) * t->a_bytes);
}

/* Columns of y at a time: whole panels. */
static size_t y_cols(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f, unsigned threads)
{
    size_t share = (sn_gemm_panels(t, f->h) + threads - 1) / threads,
           fit = Y_BYTES / sizeof(float) / (f->copies + 1) / t->cols;
    return smaller(larger(fit, 1), share) * t->cols;
}

struct taking {
    char *at; /* NULL: bytes are counted alone */
    size_t taken, id;
};

/* The next array of so many bytes; with threads > 0 one for each of them, and this thread's. */
static void *take(struct taking *k, size_t bytes, unsigned threads)
{
    size_t each = round64(bytes), start = k->taken;
    k->taken += each * (threads ? threads : 1);
    return k->at ? k->at + start + (threads ? k->id * each : 0) : NULL;
}

static size_t place(struct work *w, unsigned id, unsigned threads, void *at)
{
    struct taking k = {.at = at, .id = id};
    const struct sn_gemm_tiles *t = w->t;
    const struct sn_moe_ffn *f = w->f;
    size_t rows = smaller(ROWS, f->copies);
    void *order = take(&k, sn_moe_order_bytes(f), 0);
    if (order)
        w->order = sn_moe_order_at(f, order);
    w->token = take(&k, f->copies * sizeof *w->token, 0);
    w->sx = take(&k, f->copies * sizeof *w->sx, 0);
    w->sq = take(&k, f->copies * sizeof *w->sq, 0);
    w->x = take(&k, sn_gemm_a_bytes(t, rows, f->h), 0);
    w->a = take(&k, rows * f->i * sizeof *w->a, 0);
    w->q8 = take(&k, rows * f->i, 0);
    w->q = take(&k, f->copies * q_bytes(t, f), 0);
    w->acc = take(&k, sn_gemm_acc_bytes(t, rows), threads);
    w->wide = take(&k, sn_gemm_wide_bytes(t), threads);
    w->up = take(&k, 2 * rows * t->cols * sizeof *w->up, threads);
    w->y = take(&k, f->copies * y_cols(t, f, threads) * sizeof *w->y, threads);
    return k.taken;
}

size_t sn_moe_fused_scratch_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f,
                                  unsigned threads)
{
    struct work w = {.t = t, .f = f};
    return place(&w, 0, threads, NULL);
}

/* --- gate, up, SwiGLU ------------------------------------------------------------------------- */

/* Some rows of one expert. */
struct part {
    size_t expert, first, m;
};

/* a, the columns of panel pair j, from the sums of both panels. */
static void activate(const struct work *w, const struct part *b, size_t j, const int32_t *acc)
{
    const struct sn_moe_ffn *f = w->f;
    size_t cols = w->t->cols, col = j * cols, n = smaller(cols, f->i - col);
    const float *s1 = f->s1 + b->expert * 2 * f->i + col, *sx = w->sx + b->first;
    float *up = w->up + b->m * cols;
    w->t->emit(acc, b->m, n, SN_F32, sx, s1, w->up, cols);
    w->t->emit(acc + b->m * cols, b->m, n, SN_F32, sx, s1 + f->i, up, cols);
    w->steps->swiglu(w->up, up, b->m, n, cols, w->a + col, f->i);
}

static void gate_up(const struct work *w, const struct part *b)
{
    const struct sn_moe_ffn *f = w->f;
    size_t pairs = sn_gemm_panels(w->t, f->i), end = pairs * (w->team->id + 1) / w->team->count,
           step = sn_gemm_panels_at_once(w->t) / 2, n;
    const void *packed = w->packed + b->expert * expert_bytes(w->t, f);
    for (size_t j = pairs * w->team->id / w->team->count; j < end; j += n) {
        n = smaller(step, end - j);
        sn_gemm_sums(w->t, w->x, b->m, packed, mixed_rows(w->t, f), f->h, 2 * j, 2 * (j + n),
                     w->acc, w->wide);
        for (size_t i = 0; i < n; i++)
            activate(w, b, j + i, w->acc + 2 * i * b->m * w->t->cols);
    }
}

/* The rows of a, shared evenly, to q8 and sq. */
static void requantize(const struct work *w, const struct part *b)
{
    size_t n = w->f->i, from = b->m * w->team->id / w->team->count,
           end = b->m * (w->team->id + 1) / w->team->count;
    w->steps->quantize(&(struct sn_quantize){.t = end - from,
                                             .h = n,
                                             .x_type = SN_F32,
                                             .q_type = SN_U8,
                                             .x = w->a + from * n,
                                             .q = w->q8 + from * n,
                                             .scale = w->sq + b->first + from,
                                             .ldx = n,
                                             .ldq = n});
}

static void pack(const struct work *w, const void *a, const uint32_t *index, size_t k, size_t m,
                 void *to)
{
    struct sn_gemm_rows rows = {.a = a, .ld = k, .index = index, .type = SN_U8};
    sn_gemm_pack_a(w->t, &rows, m, k, w->team->id, w->team->count, to);
}

static void first_half(const struct work *w, const struct part *b)
{
    pack(w, w->f->x, w->token + b->first, w->f->h, b->m, w->x);
    w->team->barrier(w->team);
    gate_up(w, b);
    w->team->barrier(w->team);
    requantize(w, b);
    w->team->barrier(w->team);
    pack(w, w->q8, NULL, w->f->i, b->m, w->q + b->first * q_bytes(w->t, w->f));
}

/* --- down, weighted sums ---------------------------------------------------------------------- */

/* y of some rows; columns of the panels p to p + n - 1, at `y`. */
static void down(const struct work *w, const struct part *b, size_t p, size_t n, float *y,
                 size_t ld)
{
    const struct sn_moe_ffn *f = w->f;
    size_t step = sn_gemm_panels_at_once(w->t), cols = w->t->cols, some;
    const char *packed = w->packed + b->expert * expert_bytes(w->t, f) + w1_bytes(w->t, f);
    for (size_t i = 0; i < n; i += some) {
        some = smaller(step, n - i);
        sn_gemm_sums(w->t, w->q + b->first * q_bytes(w->t, f), b->m, packed, f->h, f->i, p + i,
                     p + i + some, w->acc, w->wide);
        for (size_t j = i; j < i + some; j++) {
            size_t col = (p + j) * cols;
            w->t->emit(w->acc + (j - i) * b->m * cols, b->m, smaller(cols, f->h - col), SN_F32,
                       w->sq + b->first, f->s2 + b->expert * f->h + col,
                       y + b->first * ld + j * cols, ld);
        }
    }
}

/* The next rows of an expert after *b, which begins with m = 0; false: there are none. */
static bool next_part(const struct work *w, struct part *b)
{
    size_t from = b->first + b->m;
    if (from == w->f->copies)
        return false;
    while (w->order.first[b->expert + 1] <= from)
        b->expert++;
    b->first = from;
    b->m = smaller(ROWS, w->order.first[b->expert + 1] - from);
    return true;
}

static void second_half(const struct work *w)
{
    const struct sn_moe_ffn *f = w->f;
    size_t panels = sn_gemm_panels(w->t, f->h), end = panels * (w->team->id + 1) / w->team->count,
           ld = y_cols(w->t, f, w->team->count), n;
    for (size_t p = panels * w->team->id / w->team->count; p < end; p += n) {
        n = smaller(ld / w->t->cols, end - p);
        for (struct part b = {0}; next_part(w, &b);)
            down(w, &b, p, n, w->y, ld);
        size_t col = p * w->t->cols, cols = smaller(n * w->t->cols, f->h - col);
        for (size_t t = 0; t < f->t; t++)
            w->steps->combine(f, &w->order, t, col, cols, w->y, ld);
    }
}

static void begin(const struct work *w)
{
    sn_moe_order_fill(w->f, &w->order);
    for (size_t r = 0; r < w->f->copies; r++) {
        w->token[r] = w->f->token[w->order.copy[r]];
        w->sx[r] = w->f->sx[w->token[r]];
    }
}

void sn_moe_fused_run(const struct sn_gemm_tiles *t, const struct sn_moe_steps *steps,
                      const struct sn_moe_ffn *f, const void *packed, void *scratch,
                      const struct sn_team *team)
{
    struct work w = {.t = t, .steps = steps, .f = f, .team = team, .packed = packed};
    place(&w, team->id, team->count, scratch);
    if (team->id == 0)
        begin(&w);
    team->barrier(team);
    for (struct part b = {0}; next_part(&w, &b);)
        first_half(&w, &b);
    team->barrier(team);
    second_half(&w);
}
