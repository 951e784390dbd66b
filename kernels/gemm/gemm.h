/* int8 products in blocks: what gemm, grouped-gemm and moe are made of.
 *
 * A set of tiles (struct sn_gemm_tiles) is what one instruction set does best: a micro-kernel that
 * multiplies up to `rows` rows by a panel of `cols` columns, and how operands must lie for it. All
 * else is the same for all sets and is here: packing, blocks of K, and who computes what.
 *
 * Weights, packed once, stay 8 bit. Panel j holds the columns j cols .. j cols + cols - 1, one
 * group of `group` k after the other (k and columns beyond the matrix are 0):
 *
 *     packed[j][k / group][column][k % group]     panels * cols * K' bytes, K' = K up to `step`
 *     starts[j][column]                           int32 -zero sum_k w, where a set has a `zero`
 *
 * Activations, packed for every product: block by block of kc k, in each the tiles of rows one
 * after the other, [k / group][row][k % group], or [row][k] where a set is `rowwise`, with elements
 * of `a_bytes`: 2 (s16, zero point subtracted) or 1 (u8, zero point `zero`: s8 are moved by 128).
 * Rows are spread evenly over tiles.
 *
 * Sums: acc[panel][row][column] int32; exact for K <= 65,792. */
#ifndef SN_KERNELS_GEMM_GEMM_H
#define SN_KERNELS_GEMM_GEMM_H

#include <stdbool.h>
#include <string.h>

#include "harness/base/snbench.h"

/* What one tile computes: acc (rows, cols) = from + a (rows, k) w (k, cols), operands packed as
 * above, k a multiple of `step`. */
struct sn_gemm_step {
    const void *a;
    size_t lda; /* bytes between rows of a, where a set packs row by row (`rowwise`) */
    const void *w;
    size_t k;
    const int32_t *from; /* row r begins with from[r * ld ..]; NULL: with 0 */
    size_t ld;           /* 0 (all rows begin alike) or cols */
    int32_t *acc;
    /* Prefetched on the way, from here on: `lines` (1, 2, 4, 8, 16; or none) for each 16 lines of
     * w. Some sets do so at the pace of w alone. */
    const void *ahead;
    unsigned lines;
};
typedef void sn_gemm_tile(unsigned rows, const struct sn_gemm_step *s);

struct sn_gemm_tiles {
    unsigned rows, cols;  /* of the largest tile */
    unsigned group, step; /* K is padded to a multiple of step, itself one of group */
    unsigned a_bytes;     /* of a packed activation */
    bool rowwise;         /* activations of a tile lie row by row */
    int zero;             /* zero point of packed activations: 0 (none) or 128 */
    unsigned kc;          /* most k of a block, a multiple of step */
    unsigned
        kc_few[3]; /* the same for one, two, three tiles of rows, where weights are awaited; or 0 */
    unsigned narrow;    /* up to so many rows `tile` is used; on all of K where one tile will do */
    sn_gemm_tile *tile; /* reads packed weights as they are */
    /* For more rows: reads 16 bit, widened panel by panel. NULL where there is no gain. */
    sn_gemm_tile *wide_tile;
    void (*widen)(const int8_t *w, size_t n, int16_t *wide);
    /* One tile of activations: k elements at each of r[0] .. r[rows - 1], zeros up to kp. */
    void (*pack_tile)(const void *const *r, unsigned rows, enum sn_type type, size_t k, size_t kp,
                      void *dst);
    /* C[i][j] = (float)acc[i][j] * (sa[i] * sb[j]) of `type`, or the sums; acc (m, cols), j < n. */
    void (*emit)(const int32_t *acc, size_t m, size_t n, enum sn_type type, const float *sa,
                 const float *sb, void *c, size_t ldc);
    /* The same past the caches, for a C that does not fit into them; or NULL. */
    void (*stream)(const int32_t *acc, size_t m, size_t n, enum sn_type type, const float *sa,
                   const float *sb, void *c, size_t ldc);
};

extern const struct sn_gemm_tiles sn_gemm_generic, sn_gemm_avx2, sn_gemm_maddubs,
    sn_gemm_avx512vnni;

/* Most rows of a block of activations: what one call of sn_gemm_sums() takes; with kc it fills half
 * of a second-level cache of 512 KiB. Panels that share it, so that sums stay there too. */
enum { SN_GEMM_ROWS = 264, SN_GEMM_COLS = 128 };

static inline size_t sn_gemm_k(const struct sn_gemm_tiles *t, size_t k)
{
    return (k + t->step - 1) / t->step * t->step;
}
static inline size_t sn_gemm_panels(const struct sn_gemm_tiles *t, size_t n)
{
    return (n + t->cols - 1) / t->cols;
}
/* Panels that sn_gemm_sums() takes at a time. */
static inline size_t sn_gemm_panels_at_once(const struct sn_gemm_tiles *t)
{
    return SN_GEMM_COLS / t->cols;
}

/* Bytes, multiples of 64: of packed weights (n, k), of packed activations (m, k), of the sums of
 * a call of sn_gemm_sums() with m rows, and of its work space. */
size_t sn_gemm_w_bytes(const struct sn_gemm_tiles *t, size_t n, size_t k);
size_t sn_gemm_a_bytes(const struct sn_gemm_tiles *t, size_t m, size_t k);
size_t sn_gemm_acc_bytes(const struct sn_gemm_tiles *t, size_t m);
size_t sn_gemm_wide_bytes(const struct sn_gemm_tiles *t);

/* w (N, K; ldw) into `packed`, aligned to 64. */
void sn_gemm_pack_w(const struct sn_gemm_tiles *t, const int8_t *w, size_t n, size_t k, size_t ldw,
                    void *packed);

/* Rows of activations in memory: row i begins at a + (index ? index[i] : i) * ld. */
struct sn_gemm_rows {
    const void *a;
    size_t ld;
    const uint32_t *index; /* or NULL */
    enum sn_type type;     /* u8 or s8 */
};

/* Packs m rows (at most SN_GEMM_ROWS) into dst, aligned to 64: the tiles id, id + count, ... of
 * them, so that a team shares the work; all must be done (barrier) before they are used. */
void sn_gemm_pack_a(const struct sn_gemm_tiles *t, const struct sn_gemm_rows *rows, size_t m,
                    size_t k, unsigned id, unsigned count, void *dst);

/* acc[p - first][row][column], first <= p < last, = sum_k (a - z) w: packed activations (m, k) by
 * the panels first .. last - 1 (at most sn_gemm_panels_at_once()) of packed weights (n, k).
 * `wide`: work space of this thread. Thread-safe; allocates nothing. */
void sn_gemm_sums(const struct sn_gemm_tiles *t, const void *a, size_t m, const void *packed,
                  size_t n, size_t k, size_t first, size_t last, int32_t *acc, void *wide);

/* Where sums go once they are complete: element (0, 0) of C is that of the first row and panel. */
struct sn_gemm_out {
    enum sn_type type;
    const float *sa, *sb;
    void *c;
    size_t ldc, columns; /* of C from there on */
    bool stream;         /* past the caches */
};
/* The same, and C: each tile while its sums are in the first-level cache. acc is work space. */
void sn_gemm_finish(const struct sn_gemm_tiles *t, const void *a, size_t m, const void *packed,
                    size_t n, size_t k, size_t first, size_t last, int32_t *acc, void *wide,
                    const struct sn_gemm_out *out);

/* For tiles that add to acc: puts there what the sums begin with. */
static inline void sn_gemm_begin(const struct sn_gemm_step *s, unsigned rows, unsigned cols)
{
    if (s->from == s->acc)
        return;
    for (unsigned r = 0; r < rows; r++)
        if (s->from)
            memcpy(s->acc + r * cols, s->from + r * s->ld, cols * sizeof *s->acc);
        else
            memset(s->acc + r * cols, 0, cols * sizeof *s->acc);
}

/* C = A W^T with scales for one matrix by a team: all of gemm, and a group of grouped-gemm. Types,
 * rows of a and c, and scales as in struct sn_gemm. All threads of the team call it; they share the
 * columns. `scratch`: sn_gemm_scratch_bytes(most, ...) for the product with the most rows of those
 * that share it. Ends without a barrier: *turn, a thread's own, 0 before the first of such
 * products, says which half of scratch is free. */
void sn_gemm_product(const struct sn_gemm_tiles *t, const struct sn_gemm *g, const void *packed,
                     void *scratch, size_t most, unsigned *turn, const struct sn_team *team);
size_t sn_gemm_scratch_bytes(const struct sn_gemm_tiles *t, size_t most, size_t k,
                             unsigned threads);

/* The descriptor of a kernel of gemm made of a set of tiles, in the file of the set. */
#define SN_GEMM_KERNEL(tiles_, name_, brief_, isa_, flags_, rank_)                                 \
    static size_t packed_bytes(const union sn_problem *p, unsigned threads)                        \
    {                                                                                              \
        return sn_gemm_w_bytes(&tiles_, p->gemm.n, p->gemm.k);                                     \
    }                                                                                              \
    static int prepare(const union sn_problem *p, unsigned threads, void *packed)                  \
    {                                                                                              \
        sn_gemm_pack_w(&tiles_, p->gemm.w, p->gemm.n, p->gemm.k, p->gemm.ldw, packed);             \
        return 0;                                                                                  \
    }                                                                                              \
    static size_t scratch_bytes(const union sn_problem *p, unsigned threads)                       \
    {                                                                                              \
        return sn_gemm_scratch_bytes(&tiles_, p->gemm.m, p->gemm.k, threads);                      \
    }                                                                                              \
    static int rank(const union sn_problem *p, unsigned threads)                                   \
    {                                                                                              \
        return rank_;                                                                              \
    }                                                                                              \
    static void run(const union sn_problem *p, const void *packed, void *scratch,                  \
                    const struct sn_team *team)                                                    \
    {                                                                                              \
        unsigned turn = 0;                                                                         \
        sn_gemm_product(&tiles_, &p->gemm, packed, scratch, p->gemm.m, &turn, team);               \
    }                                                                                              \
    const struct sn_kernel sn_gemm_##name_ = {.abi = SN_ABI_VERSION,                               \
                                              .size = sizeof(struct sn_kernel),                    \
                                              .op = "gemm",                                        \
                                              .name = #name_,                                      \
                                              .brief = brief_,                                     \
                                              .isa = isa_,                                         \
                                              .flags = flags_,                                     \
                                              .rank = rank,                                        \
                                              .packed_bytes = packed_bytes,                        \
                                              .prepare = prepare,                                  \
                                              .scratch_bytes = scratch_bytes,                      \
                                              .run = run}

#endif
