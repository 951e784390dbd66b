/* A whole product by a team: blocks of rows one after the other, packed by all; then each thread
 * takes its share of the panels. Threads differ by one panel at most, however few the rows. */
#include "kernels/gemm/gemm.h"

enum { AT_ONCE = 4, LONG_RUN = 256 /* bytes of a row of C */, STREAM = 2 << 20 };

static size_t most_rows(size_t m)
{
    return m < SN_GEMM_ROWS ? m : SN_GEMM_ROWS;
}

static size_t own_bytes(const struct sn_gemm_tiles *t, size_t m)
{
    return sn_gemm_acc_bytes(t, most_rows(m)) + sn_gemm_wide_bytes(t);
}

size_t sn_gemm_scratch_bytes(const struct sn_gemm_tiles *t, size_t m, size_t k, unsigned threads)
{
    return 2 * sn_gemm_a_bytes(t, most_rows(m), k) + threads * own_bytes(t, m);
}

static void *element(void *c, enum sn_type type, size_t i)
{
    return (char *)c + i * (type == SN_BF16 ? sizeof(uint16_t) : sizeof(uint32_t));
}

/* Rows `row` .. row + m - 1 of C in the panels first .. last - 1. */
static void block(const struct sn_gemm_tiles *t, const struct sn_gemm *g, size_t row, size_t m,
                  const void *a, const void *packed, size_t first, size_t last, char *own)
{
    int32_t *acc = (int32_t *)own;
    void *wide = own + sn_gemm_acc_bytes(t, m);
    bool tile_by_tile = t->cols * sizeof(float) >= LONG_RUN;
    for (size_t p = first, end; p < last; p = end) {
        end = p + sn_gemm_panels_at_once(t) < last ? p + sn_gemm_panels_at_once(t) : last;
        struct sn_gemm_out out = {.type = g->c_type,
                                  .sa = g->sa + row,
                                  .sb = g->sb + p * t->cols,
                                  .c = element(g->c, g->c_type, row * g->ldc + p * t->cols),
                                  .ldc = g->ldc,
                                  .columns = g->n - p * t->cols,
                                  .stream = g->m * g->n * sizeof(float) > STREAM};
        sn_gemm_finish(t, a, m, packed, g->n, g->k, p, end, acc, wide, tile_by_tile ? &out : NULL);
        /* A few rows of all panels at a time: C is written in longer runs. */
        for (size_t r = 0; !tile_by_tile && r < m; r += AT_ONCE)
            for (size_t q = p; q < end; q++) {
                size_t col = q * t->cols, n = g->n - col < t->cols ? g->n - col : t->cols,
                       rows = m - r < AT_ONCE ? m - r : AT_ONCE;
                t->emit(acc + ((q - p) * m + r) * t->cols, rows, n, g->c_type, g->sa + row + r,
                        g->sb + col, element(g->c, g->c_type, (row + r) * g->ldc + col), g->ldc);
            }
    }
}

void sn_gemm_product(const struct sn_gemm_tiles *t, const struct sn_gemm *g, const void *packed,
                     void *scratch, size_t most, unsigned *turn, const struct sn_team *team)
{
    size_t panels = sn_gemm_panels(t, g->n), first = panels * team->id / team->count,
           last = panels * (team->id + 1) / team->count,
           half = sn_gemm_a_bytes(t, most_rows(most), g->k);
    size_t blocks = (g->m + SN_GEMM_ROWS - 1) / SN_GEMM_ROWS;
    char *own = (char *)scratch + 2 * half + team->id * own_bytes(t, most);
    for (size_t b = 0; b < blocks; b++) {
        size_t row = g->m * b / blocks, m = g->m * (b + 1) / blocks - row;
        void *a = (char *)scratch + (*turn)++ % 2 * half;
        struct sn_gemm_rows rows = {
            .a = (const char *)g->a + row * g->lda, .ld = g->lda, .type = g->a_type};
        sn_gemm_pack_a(t, &rows, m, g->k, team->id, team->count, a);
        team->barrier(team);
        block(t, g, row, m, a, packed, first, last, own);
    }
}
