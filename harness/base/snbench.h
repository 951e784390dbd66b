/* snbench.h: the interface between snbench and code that is measured by it.
 *
 * This file is all that a plug-in needs: `make install` puts it into PREFIX/include, and a copy of
 * it may live in any other tree. It includes nothing but the C library's own headers. The variants
 * and transports that come with snbench are written against the same declarations.
 *
 * A kernel is one way (a variant) of computing one operation. The operation fixes what is computed
 * and how arrays lie in memory (the structs below); the kernel fixes how. Life of a kernel's data:
 *
 *     unsupported? -> packed_bytes -> prepare -> [ run, run, ... ] -> release
 *
 * prepare() brings the weights into whatever form the kernel likes, once; it is timed apart. run()
 * is what is measured: it allocates nothing, keeps nothing and cannot fail. All memory belongs to
 * snbench; a kernel keeps no pointers but inside its own `packed` bytes.
 *
 * A transport is one way of moving bytes between the ranks of a run. A plug-in is a shared object
 * that defines `sn_plugin` (at the end of this file), a list of both:
 *
 *     cc -shared -fPIC -O3 -march=native -o mine.so mine.c
 *     snbench list kernels --plugin ./mine.so
 *     snbench run gemm variant=all --plugin ./mine.so
 */
#ifndef SNBENCH_H
#define SNBENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with every change of a struct or of the meaning of a field. */
#define SN_ABI_VERSION 2u

/* Types of array elements. A bf16 is the upper half of an f32. */
enum sn_type { SN_F32, SN_BF16, SN_S32, SN_U8, SN_S8 };

/* The threads that call run() together: each with its own `id` in [0, count). They share scratch
 * and outputs; who writes what is the kernel's business. */
struct sn_team {
    unsigned id, count;
    /* Returns when all threads of the team have called it, and what they wrote before is visible
     * to all. Every thread must call it equally often. */
    void (*barrier)(const struct sn_team *);
};

/* --- operations: the problem a kernel gets ---------------------------------------------------
 * (X, Y; ldx) is an array of X rows of Y elements; row i begins at element i * ldx. Inputs have any
 * alignment of their type; they are not modified, and outputs do not overlap them. Elements between
 * the end of a row and its leading dimension may be unreadable, and must not be written. */

/* gemm: C[m][n] = sa[m] * sb[n] * sum_k (A[m][k] - z) * W[n][k], z = 128 for u8, 0 for s8.
 * The sum is exact in int32 (K <= 65,792). As f32: r = (float)sum * (sa[m] * sb[n]), three
 * roundings to nearest even; as bf16: r rounded once more; as s32: the sum, scales not read. */
struct sn_gemm {
    size_t m, n, k;              /* m may be 0 */
    enum sn_type a_type, c_type; /* u8 or s8; f32, bf16 or s32 */
    const void *a;               /* (M, K; lda) */
    const int8_t *w;             /* (N, K; ldw); read by prepare() alone, NULL in run() */
    const float *sa;             /* (M) */
    const float *sb;             /* (N) */
    void *c;                     /* (M, N; ldc) */
    size_t lda, ldw, ldc;
};

/* grouped-gemm: the experts of one die. Rows first[g] to first[g + 1] - 1 of A and C belong to
 * group g, which multiplies by its own W; each as in gemm. Groups may be empty. */
struct sn_grouped_gemm {
    size_t groups, m, n, k; /* m = first[groups]: rows in all, may be 0 */
    const uint32_t *first;  /* (groups + 1): rising from 0 */
    enum sn_type a_type, c_type;
    const void *a;   /* (M, K; lda) */
    const int8_t *w; /* (groups * N, K; ldw); read by prepare() alone, NULL in run() */
    const float *sa; /* (M) */
    const float *sb; /* (groups * N) */
    void *c;         /* (M, N; ldc) */
    size_t lda, ldw, ldc;
};

/* quantize: one scale per token. amax = max |x[t][h]|; scale[t] = amax / 127; q = rint(x * r) with
 * r = min(127 / amax, FLT_MAX), to nearest even, so that -128 is never produced; a u8 is q + 128.
 * A row of zeros has scale 0 and q 0. Not finite: NaN counts as 0, an infinity as the largest
 * finite value of the type with its sign. Subnormal values count as they are. Bit-exact. */
struct sn_quantize {
    size_t t, h;
    enum sn_type x_type, q_type; /* f32 or bf16; u8 or s8 */
    const void *x;               /* (T, H; ldx) */
    void *q;                     /* (T, H; ldq) */
    float *scale;                /* (T) */
    size_t ldx, ldq;
};

/* gate: router scores to experts, as DeepSeek-V3 and R1 (arXiv 2412.19437, section 2.1.2).
 * s = 1 / (1 + exp(-score)); b = s + bias. The `kept` groups of E / groups experts with the largest
 * sums of their two largest b remain; of their experts the K with the largest b are chosen, in
 * falling order of b. Equal b: the lower expert first; equal sums: the lower group. A score of NaN
 * counts as minus infinity. weight = scale * s / sum of the K chosen s (sum 0: all weights
 * scale / K). f32; s is correct to 4e-7 of itself, or 2^-126. The check accepts any choice that a
 * change of b by that much and its rounding (sums: by theirs) makes right; but experts of the same
 * score and bias have the same b, and groups of the same two largest the same sum: there the order
 * is fixed. Of a group of one expert the sum is its b. */
struct sn_gate {
    size_t t, e, groups, kept, k; /* E a multiple of groups; K <= kept * E / groups; K <= 64 */
    float scale;
    const float *score; /* (T, E; lds) */
    const float *bias;  /* (E), finite */
    uint32_t *expert;   /* (T, K) */
    float *weight;      /* (T, K) */
    size_t lds;
};

/* moe: the experts of one die, tokens in, tokens out. Copy c brings token token[c] to expert
 * expert[c] with weight[c]; copies are in no order, and a token may have none or several.
 *     g = (float)(sum_h (x[t][h] - 128) w1[e][i][h]) * (sx[t] * s1[e][i])    gate, i < I
 *     u: the same with row I + i of w1 and s1                                up
 *     a = (g / (1 + exp(-g))) * u                                            SwiGLU
 *     q, sq = quantize(a)                                one scale per copy, as above
 *     y = (float)(sum_i q[i] w2[e][h][i]) * (sq * s2[e][h])
 *     out[t] = ((0 + weight[c1] * y[c1]) + weight[c2] * y[c2]) + ...   c1 < c2 < ...: t's copies
 * Sums of integers are exact, the rest is f32 with one rounding a step, out is rounded to bf16 at
 * the end. Tokens without copies give 0. exp is correct to 4e-7; a variant that takes the exp of
 * kernels/exp.h and keeps this order says so (SN_KERNEL_SAME_BITS) and is held to it; from the
 * others the check takes what such an exp and roundings of g, u, a can do, a q that falls to the
 * other side of a tie among it. I, H <= 65,792. */
struct sn_moe_ffn {
    size_t t, h, i, experts, copies;
    const uint8_t *x;               /* (T, H) u8 with zero point 128 */
    const float *sx;                /* (T) */
    const uint32_t *token, *expert; /* (copies) */
    const float *weight;            /* (copies) */
    const int8_t *w1;               /* (experts, 2 I, H); read by prepare() alone, NULL in run() */
    const int8_t *w2;               /* (experts, H, I); the same */
    const float *s1;                /* (experts, 2 I) */
    const float *s2;                /* (experts, H) */
    uint16_t *out;                  /* (T, H) bf16 */
    float *slack; /* (copies): written by the reference alone, for the check; others may not */
};

/* mla: absorbed multi-head latent attention over a paged cache. Request r has length[r] cached
 * tokens, the last Q of them the queries' own; query j of Q sees the first length[r] - Q + 1 + j.
 * Token i of request r lies in slot i % page of page table[r][i / page]. With value v(i) = the
 * first `latent` of its latent + rope elements:
 *     s_i = scale * sum_d q[r][j][head][d] kv[i][d];  p = softmax(s);  out = sum_i p_i v(i)
 * kv is bf16, or s8 with one f32 scale per token (kv_scale[page][slot]; value = q * scale, scale
 * >= 0). Slots behind the last token of a request, and entries of the table for pages that it does
 * not have, hold anything. Exact is the real number; bench/micro/mla.c states the error allowed:
 * f32 arithmetic, for s8 q, and p of 96 tokens, in 15 bits, and what a variant that says
 * SN_KERNEL_SHORT_WEIGHTS does to p. */
struct sn_mla {
    size_t requests, queries, heads, latent, rope, page, pages_per_request, pages;
    float scale;
    enum sn_type kv_type;   /* bf16 or s8 */
    const uint16_t *q;      /* (requests, Q, heads, latent + rope) bf16 */
    const void *kv;         /* (pages, page, latent + rope) */
    const float *kv_scale;  /* (pages, page), s8 alone */
    const uint32_t *table;  /* (requests, pages_per_request) */
    const uint32_t *length; /* (requests), each >= Q */
    uint16_t *out;          /* (requests, Q, heads, latent) bf16 */
    float *spread; /* (requests, Q, heads): sqrt(sum p_i^2), written by the reference alone, for the
                      check; others may not */
};

/* mla-prolog: from hidden states to queries and the latent KV of one decode step (arXiv 2405.04434,
 * section 2.1). All weights int8 with a scale per output row, activations quantised per token.
 *     xn = rmsnorm(x) g_x;  cq = rmsnorm(Wdq xn) g_q;  q = Wuq cq: heads of nope + rope
 *     q_nope[h] absorbed: qa[h] = Wuk[h]^T q_nope[h]  (latent);  q_rope = rope(q, pos)
 *     ckv, kr = Wdkv xn;  kv = [rmsnorm(ckv) g_kv, rope(kr, pos)]
 * All in f32, each operation rounded once, q and kv to bf16 at the end:
 *     rmsnorm(x) g: (x r) g, r = 1 / sqrt(m + 1e-6), m = the mean of x^2 in f64, rounded to f32
 *     Wdq, Wdkv, Wuq: quantize to u8, then gemm to f32, as above
 *     qa[l]: from 0, for rising n: fma(q_nope[n], wuk[n][l], sum)
 *     rope: (x, y) of elements 2 d, 2 d + 1 becomes (x c - y s, x s + y c), c and s the cosine and
 *         sine of pos * 10000^(-2 d / rope) in f64, rounded to f32
 * so that results are the same bits, but where f64 sums in another order round to another f32. */
struct sn_mla_prolog {
    size_t t, hidden, q_rank, latent, rope, nope, heads;
    const uint16_t *x;              /* (T, hidden) bf16 */
    const float *g_x, *g_q, *g_kv;  /* (hidden), (q_rank), (latent) */
    const int8_t *wdq, *wuq, *wdkv; /* (q_rank, hidden), (heads (nope + rope), q_rank),
                                       (latent + rope, hidden); prepare() alone */
    const float *sdq, *suq, *sdkv;  /* scales of their rows */
    const uint16_t *wuk;            /* (heads, nope, latent) bf16; prepare() alone */
    const uint32_t *pos;            /* (T) */
    uint16_t *q;                    /* (T, heads, latent + rope) bf16 */
    uint16_t *kv;                   /* (T, latent + rope) bf16 */
};

/* mla-prefill: causal attention of prompts that lie one after the other, heads not absorbed.
 * Prompt p has the rows first[p] to first[p + 1] - 1; row i sees the rows of its prompt up to i.
 * Prompts may be empty. The error allowed is that of f32 arithmetic, as for mla.
 *     s = scale * sum_d q[i][h][d] k[j][h][d];  out[i][h] = sum_j softmax(s)_j v[j][h] */
struct sn_mla_prefill {
    size_t prompts, heads, qk, v_dim; /* qk = nope + rope */
    size_t rows, longest;             /* of all prompts, of the longest */
    float scale;
    const uint32_t *first;     /* (prompts + 1) */
    const uint16_t *q, *k, *v; /* (rows, heads, qk), the same, (rows, heads, v_dim) bf16 */
    uint16_t *out;             /* (rows, heads, v_dim) bf16 */
};

/* stream: memory at its limits. copy: a = b. triad: a = b + 3 c, two roundings. read: the sum of
 * the bit patterns of b's elements, mod 2^32; thread id puts its part of it into a[id * 16], and
 * the parts add up to the whole. */
enum sn_memory_kind { SN_MEMORY_COPY, SN_MEMORY_READ, SN_MEMORY_TRIAD };
struct sn_memory {
    enum sn_memory_kind kind;
    size_t n;           /* elements of 4 bytes */
    const float *b, *c; /* (n); c of triad alone */
    float *a;           /* (n); of read (16 (threads - 1) + 1), bit patterns of u32 */
    size_t threads;     /* that call run() */
};

union sn_problem {
    struct sn_gemm gemm;
    struct sn_grouped_gemm grouped_gemm;
    struct sn_quantize quantize;
    struct sn_gate gate;
    struct sn_moe_ffn moe;
    struct sn_mla mla;
    struct sn_mla_prolog mla_prolog;
    struct sn_mla_prefill mla_prefill;
    struct sn_memory memory;
};

/* --- kernels --------------------------------------------------------------------------------- */

enum sn_kernel_flags {
    SN_KERNEL_BASELINE = 1, /* another library's: never `best` */
    SN_KERNEL_INEXACT = 2,  /* may saturate: never `best`; its check reports, and does not fail */
    SN_KERNEL_OWN_THREADS = 4,    /* starts its threads itself: run() is called once, by one thread,
                                     with team->count the number it may use */
    SN_KERNEL_SAME_BITS = 8,      /* moe: keeps the formulas of floating point to the letter */
    SN_KERNEL_SHORT_WEIGHTS = 16, /* mla: rounds p to bf16 before it is summed; of an s8 cache, to 8
                                     bits of the largest of 96 tokens, unless that is more than
                                     1 / SN_SHORT_WEIGHTS_SHARE of the sum so far, or all
                                     roundings have changed that by more than 2^-9 */
};
#define SN_SHORT_WEIGHTS_SHARE 8

struct sn_kernel {
    uint32_t abi;      /* SN_ABI_VERSION */
    uint32_t size;     /* sizeof(struct sn_kernel) */
    const char *op;    /* "gemm", ...: which member of union sn_problem it reads */
    const char *name;  /* the variant: "avx2_4x24"; unique within the operation */
    const char *brief; /* one line: method and source */
    const char *isa; /* what it needs: generic, avx2 (with FMA), avx512 (F, BW, VL, DQ), avx512vnni,
                        avx512bf16 */
    unsigned flags;  /* enum sn_kernel_flags */

    /* NULL, or why it cannot run this problem (a reason, no error). May be NULL: it can run all. */
    const char *(*unsupported)(const union sn_problem *p, unsigned threads);
    /* For `best`: the kernel with the highest rank that can run the problem. May be NULL: 0. */
    int (*rank)(const union sn_problem *p, unsigned threads);
    /* Bytes of `packed`, aligned to 64; may be NULL: none. */
    size_t (*packed_bytes)(const union sn_problem *p, unsigned threads);
    /* Fills `packed` from the weights of p; one thread. 0, or -1 where it cannot. May be NULL. */
    int (*prepare)(const union sn_problem *p, unsigned threads, void *packed);
    /* Gives back what prepare() took from a library. May be NULL. */
    void (*release)(const union sn_problem *p, void *packed);
    /* Bytes of `scratch` for all threads together, aligned to 64, contents undefined at the start
     * of run(); may be NULL: none. */
    size_t (*scratch_bytes)(const union sn_problem *p, unsigned threads);
    /* Computes the outputs of p. Called by all threads of the team at the same time. */
    void (*run)(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team);
};

/* --- transports ------------------------------------------------------------------------------
 * Every rank (process) has one piece of memory, all of the same size, into which the others write
 * and from which they read, by rank and offset. snbench lays out the segments of its dies there,
 * counts the bytes, and copies itself between the dies of one rank. A rank calls from one thread.
 *
 * Hooks return NULL, or why they failed: words that stay valid until close(). */

/* What a transport knows before there is one: the ranks, and a way to exchange addresses, keys and
 * names. Valid from open() until close() has returned. */
struct sn_bootstrap {
    uint32_t size; /* sizeof(struct sn_bootstrap) */
    int rank, ranks;
    const int *host; /* (ranks) number of each rank's host, from 0: equal numbers share memory */
    int yield;       /* not 0: more ranks than cores; who waits gives the core away (sched_yield) */
    /* Collective. all (ranks * bytes) gets every rank's `mine` in the order of ranks. */
    const char *(*allgather)(const struct sn_bootstrap *b, const void *mine, size_t bytes,
                             void *all);
    const char *(*barrier)(const struct sn_bootstrap *b); /* collective */
    void *own;                                            /* snbench's */
};

enum sn_transport_flags {
    SN_TRANSPORT_ONE_HOST = 1,     /* works between ranks of one host alone */
    SN_TRANSPORT_NEEDS_TARGET = 2, /* a put, get or add may wait until the target's rank is inside
                                      progress() */
};

struct sn_transport_plugin {
    uint32_t abi;      /* SN_ABI_VERSION */
    uint32_t size;     /* sizeof(struct sn_transport_plugin) */
    const char *name;  /* as in transport=NAME; unique */
    const char *brief; /* one line: how bytes move */
    unsigned flags;    /* enum sn_transport_flags */

    /* NULL, or why it cannot run on these ranks (a reason, no error). Asked on every rank;
     * collective calls of b are allowed. May be NULL: it always can. */
    const char *(*unsupported)(const struct sn_bootstrap *b);
    /* Collective. *memory: this rank's `bytes` bytes, aligned to 64; their content does not matter.
     * *state is handed to all other hooks. A rank that fails makes the collective calls that others
     * wait in, and leaves nothing open. */
    const char *(*open)(const struct sn_bootstrap *b, size_t bytes, void **state, void **memory);
    /* When all calls of all ranks are over and visible. Must not wait for other ranks: one whose
     * open() failed does not come. */
    void (*close)(void *state);
    /* The memory of a rank in this process's address space, where loads and stores reach it (then
     * only on one host). May be NULL: it has no address here. */
    void *(*map)(void *state, int rank);

    /* To another rank. src may be reused on return; the bytes may arrive later. */
    const char *(*put)(void *state, int rank, size_t offset, const void *src, size_t bytes);
    /* From another rank; dst is complete on return. */
    const char *(*get)(void *state, int rank, size_t offset, void *dst, size_t bytes);
    /* *old = word at offset (8 bytes, aligned), word += add. Atomic against each other; the rank
     * may be the own one. */
    const char *(*add)(void *state, int rank, size_t offset, int64_t add, int64_t *old);
    /* Stores the word at offset (8 bytes, aligned) of another rank, atomically, and so that who
     * loads the new value (acquire) sees all puts that this rank made to that rank before. */
    const char *(*signal)(void *state, int rank, size_t offset, uint64_t value);
    /* Returns when all puts and signals of this rank are visible at their targets. */
    const char *(*flush)(void *state);
    /* Does what others wait for; called again and again by a rank that waits. May be NULL where
     * nothing needs it. */
    const char *(*progress)(void *state);
    /* A message to a rank that asks for it: between two ranks in order, `bytes` the same on both
     * sides, src free again on return. Both NULL: snbench makes them of put and signal. */
    const char *(*send)(void *state, int rank, const void *src, size_t bytes);
    const char *(*recv)(void *state, int rank, void *dst, size_t bytes);
};

/* --- the plug-in ------------------------------------------------------------------------------ */

/* abi and size are read first: they keep their places in every version. */
struct sn_plugin {
    uint32_t abi;                                        /* SN_ABI_VERSION */
    uint32_t size;                                       /* sizeof(struct sn_plugin) */
    const char *name, *brief;                            /* one word; one line */
    const struct sn_kernel *const *kernels;              /* ended by NULL; or NULL: none */
    const struct sn_transport_plugin *const *transports; /* the same */
};

/* The one symbol that is looked up in the shared object. It stays loaded until the program ends. */
extern const struct sn_plugin sn_plugin
#ifdef __GNUC__
    __attribute__((visibility("default")))
#endif
    ;

#ifdef __cplusplus
}
#endif
#endif
