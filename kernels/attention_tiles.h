/* The two products of attention, on a tile and on a block; included once for each MODE by
 * attention_panel.h.
 *
 * Both are C[i][r] = sum_k dot(A[k][r], B[i, k]) over words of 32 bits: an f32 each, or a pair of
 * 16-bit numbers, or four of 8 bits. A (K, PANEL) is loaded, words of B are broadcast by STEP; i <
 * TILE, r < PANEL. The sums are named one by one: GCC 12 keeps arrays of them in memory. */
#define SUM(i) ACC c##i##_0, c##i##_1;

/* Scores: i is a token, B (TILE, K; ldb). Adds to what s (TILE, PANEL) holds unless `first`. */
static __attribute__((noinline, unused)) void MODE(score_tile)(const uint32_t *a, const uint32_t *b,
                                                               size_t ldb, size_t k_end,
                                                               uint32_t *s, bool first)
{
    EACH_OF_TILE(SUM)
#define BEGIN(i)  c##i##_0 = c##i##_1 = ACC_ZERO;
#define RESUME(i) c##i##_0 = ACC_LOAD(s + (i)*PANEL), c##i##_1 = ACC_LOAD(s + (i)*PANEL + LANES);
    if (first) {
        EACH_OF_TILE(BEGIN)
    } else {
        EACH_OF_TILE(RESUME)
    }
#pragma GCC unroll 4
    for (size_t k = 0; k < k_end; k++) {
        FACTOR a0 = FACTOR_LOAD(a + k * PANEL), a1 = FACTOR_LOAD(a + k * PANEL + LANES);
#define ADD(i) STEP(&c##i##_0, &c##i##_1, a0, a1, b + (i)*ldb + k);
        EACH_OF_TILE(ADD)
#undef ADD
    }
#define END(i) ACC_STORE(s + (i)*PANEL, c##i##_0), ACC_STORE(s + (i)*PANEL + LANES, c##i##_1);
    EACH_OF_TILE(END)
#undef END
#undef RESUME
}

/* Values: i is a column, B (K, TILE; ldb), k a token (or two, or four). o (TILE, PANEL) f32 becomes
 * o times `keep` plus the sums times `unit`; (PANEL) both. */
static __attribute__((noinline, unused)) void MODE(value_tile)(const uint32_t *a, const uint32_t *b,
                                                               size_t ldb, size_t k_end,
                                                               const float *keep, const float *unit,
                                                               float *o)
{
    EACH_OF_TILE(SUM)
    EACH_OF_TILE(BEGIN)
    /* The outputs of all panels together are larger than L2. */
    for (size_t i = 0; i < TILE * PANEL; i += 16)
        __builtin_prefetch(o + i);
#pragma GCC unroll 4
    for (size_t k = 0; k < k_end; k++) {
        FACTOR a0 = FACTOR_LOAD(a + k * PANEL), a1 = FACTOR_LOAD(a + k * PANEL + LANES);
#define ADD(i) STEP(&c##i##_0, &c##i##_1, a0, a1, b + k * ldb + (i));
        EACH_OF_TILE(ADD)
#undef ADD
    }
    /* By way of memory: with more live than the sums, GCC 12 keeps them there in the loop too. */
    uint32_t sums[TILE * PANEL] __attribute__((aligned(64)));
#define END(i) ACC_STORE(sums + (i)*PANEL, c##i##_0), ACC_STORE(sums + (i)*PANEL + LANES, c##i##_1);
    EACH_OF_TILE(END)
#undef END
    __asm__ volatile("" : : : "memory");
    for (size_t half = 0; half < PANEL; half += LANES) {
        vf k = vf_load(keep + half), u = vf_load(unit + half);
        for (size_t i = half; i < TILE * PANEL; i += PANEL)
            vf_store(o + i, vf_fma(vf_load(o + i), k, TO_FLOAT(ACC_LOAD(sums + i), u)));
        (void)u;
    }
}

/* All scores of a block for a panel, to t->s. */
static inline void MODE(scores)(const struct panel *p, const struct block *b, struct between *t)
{
    for (size_t k = 0; k < b->words; k += PIECE)
        for (size_t i = 0; i < b->n; i += TILE) {
            MODE(score_tile)
            (p->q + k * PANEL, b->k + i * b->ldk + k, b->ldk,
             b->words - k < PIECE ? b->words - k : PIECE, t->s + i * PANEL, k == 0);
            fetch_ahead(b->ahead);
        }
}

/* A block's weighted values to p->o; weights (words, PANEL), values (words, columns). */
static inline void MODE(values)(struct panel *p, const struct block *b, const struct between *t,
                                const uint32_t *weights, const uint32_t *v, size_t words)
{
    for (size_t c = 0; c < b->columns; c += TILE) {
        MODE(value_tile)(weights, v + c, b->ldv, words, t->keep, t->unit, p->o + c * PANEL);
        fetch_ahead(b->ahead);
    }
}

#undef BEGIN
#undef SUM
#undef MODE
#undef ACC
#undef ACC_ZERO
#undef ACC_LOAD
#undef ACC_STORE
#undef FACTOR
#undef FACTOR_LOAD
#undef STEP
#undef TO_FLOAT
