/* What the reference of a native run (native_reference.h) stands on: all weights on one rank, each
 * matrix with the plain kernel of its operation, and calls for one token at a time. */
#ifndef SN_BENCH_MACRO_NATIVE_PLAIN_H
#define SN_BENCH_MACRO_NATIVE_PLAIN_H

#include "bench/macro/native_reference.h"
#include "kernels/kernel.h"

/* A matrix (or one for each head) with the reference of its operation. */
struct sn_plain_product {
    struct sn_native_matrix m;
    size_t groups;
    void *packed;
};

struct sn_plain_feed {
    struct sn_native_matrix up, down;
    size_t inner;
    void *packed;
};

struct sn_plain_layer {
    struct sn_native_attention a;
    void *prolog; /* decode: packed */
    struct sn_plain_product down_q, up_q, down_kv, keys, values, output;
    float *g_ffn, *router, *bias;
    struct sn_plain_feed *routed, shared, dense;
    uint16_t *kv; /* (room, latent + rope) of the request in hand */
};

struct sn_plain {
    const struct sn_native_shape *s;
    struct sn_native_expected *out;
    struct sn_plain_layer *layers;
    struct sn_plain_product head;
    float *g_head;
    uint16_t *x;             /* (queries or 1, hidden) of the request in hand */
    uint16_t *q, *k, *v, *o; /* its rows */
    uint8_t *u8;
    float *f, *scale;
    void *scratch;
    size_t scratch_bytes;
};

/* Everything for a shape but the result. SN_ENOMEM, SN_EENV; on failure, too, sn_plain_close(). */
int sn_plain_open(struct sn_plain *r, const struct sn_native_shape *s);
void sn_plain_close(struct sn_plain *r);

/* Runs the reference of `op`, or `by`, on p. */
void sn_plain_call(struct sn_plain *r, enum sn_op op, const struct sn_kernel *by,
                   const union sn_problem *p, const void *packed);
/* x (h) of a type to codes r->u8 and a scale, as row `at` of the rows in hand. */
void sn_plain_quantize(struct sn_plain *r, enum sn_type type, const void *x, size_t h, size_t at);
/* out = the codes r->u8, a row for each group, by the matrices. */
void sn_plain_multiply(struct sn_plain *r, const struct sn_plain_product *m, enum sn_type type,
                       void *out);

#endif
