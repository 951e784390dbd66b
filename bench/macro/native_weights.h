/* The weights of a native run: random, each matrix a function of (seed, layer, which, index), so
 * that a die makes those of its own experts alone and the reference makes the same.
 *
 * int8 of all bit patterns with a scale per output row, such that a vector of mean square 1 gives
 * one of about mean square 1. Wuk and Wuv have powers of two as scales: a code times one is a bf16
 * exactly, so that decode (Wuk absorbed in bf16) and prefill (int8) have the same model. */
#ifndef SN_BENCH_MACRO_NATIVE_WEIGHTS_H
#define SN_BENCH_MACRO_NATIVE_WEIGHTS_H

#include "bench/macro/native_shape.h"

struct sn_native_matrix {
    size_t rows, cols; /* of all `count` matrices, which lie one behind the other */
    int8_t *w;         /* (rows, cols) */
    float *s;          /* (rows) */
};

enum sn_native_which {
    SN_NATIVE_EMBED,
    SN_NATIVE_HEAD,
    SN_NATIVE_WDQ,
    SN_NATIVE_WUQ,
    SN_NATIVE_WDKV,
    SN_NATIVE_WUK,
    SN_NATIVE_WUV,
    SN_NATIVE_WO,
    SN_NATIVE_UP,   /* gate and up, (2 I, H): index = expert; the shared one, dense */
    SN_NATIVE_DOWN, /* (H, I) */
    SN_NATIVE_ROUTER,
    SN_NATIVE_BIAS,
    SN_NATIVE_GAIN_ATTENTION,
    SN_NATIVE_GAIN_QUERIES,
    SN_NATIVE_GAIN_CACHE,
    SN_NATIVE_GAIN_FFN,
    SN_NATIVE_GAIN_HEAD,
    SN_NATIVE_CACHE /* what decode finds in it */
};
/* Indices of feed-forwards that are no routed experts. */
enum { SN_NATIVE_SHARED = 1 << 20, SN_NATIVE_DENSE };

/* Allocates `count` matrices of (rows, cols) and fills those of index first, first + 1, ...
 * SN_ENOMEM. */
int sn_native_matrix_open(struct sn_native_matrix *m, const struct sn_native_shape *s,
                          unsigned layer, enum sn_native_which which, unsigned first, size_t count,
                          size_t rows, size_t cols);
void sn_native_matrix_close(struct sn_native_matrix *m);

/* A new array of n values in [0.5, 1.5): gains of a norm. Freed with free(). */
float *sn_native_gains(const struct sn_native_shape *s, unsigned layer, enum sn_native_which which,
                       size_t n);
/* New: of the router (E, H), and its biases (E), within 1/16. */
float *sn_native_router(const struct sn_native_shape *s, unsigned layer);
float *sn_native_bias(const struct sn_native_shape *s, unsigned layer);

/* Wuk of a layer as the absorbed one (heads, nope, latent) in bf16, from (heads nope, latent). */
void sn_native_absorbed(const struct sn_native_matrix *wuk, uint16_t *out);

/* The vector of a token (H) bf16; an entry of the cache (latent + rope) bf16 of a request. */
void sn_native_embedding(const struct sn_native_shape *s, uint32_t token, uint16_t *x);
void sn_native_cached(const struct sn_native_shape *s, unsigned layer, unsigned request,
                      unsigned position, uint16_t *kv);

/* The attention of a layer, and its norms. */
struct sn_native_attention {
    struct sn_native_matrix wdq, wuq, wdkv, wuk, wuv, wo;
    float *g_x, *g_q, *g_kv;
};
int sn_native_attention_open(struct sn_native_attention *a, const struct sn_native_shape *s,
                             unsigned layer);
void sn_native_attention_close(struct sn_native_attention *a);

#endif
