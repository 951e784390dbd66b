/* What an operation costs at least: operations by kind and bytes, part by part.
 *
 * A function of the problem alone (struct sn_gemm, ... in harness/base/snbench.h): sizes, types
 * and, where the work depends on them, the index arrays. No kernel is looked at: each operand is
 * touched once, operations are the multiplications and additions of the definition. Lower bounds on
 * the wall clock and times on the model clock (kernels/device.h) are made of it.
 *
 *     gemm          F = 2 M N K int8;                      Q = N K + M K + M N c, and the scales
 *     grouped-gemm  the same summed over groups; weights of groups that have rows
 *     quantize      F = 2 T H f32;                         Q = T H (x + 1) + 4 T
 *     gate          F = 5 T E f32;                         Q = 4 T E + 4 E + 8 T K
 *     moe           F = 6 C I H int8;                      Q = 3 I H per expert that has copies,
 * ... mla           F = 2 heads (2 latent + rope) seen bf16; Q = (latent + rope) kv length, ...
 *     mla-prolog    F = 2 T (hidden (q + latent + rope) + q heads (nope + rope)) int8
 *                     + 2 T heads nope latent bf16
 *     mla-prefill   F = 2 heads (qk + v) seen bf16;        Q = 2 rows heads (2 qk + 2 v)
 *
 * seen: cached tokens that queries see, summed over queries (causal). Sources: the definitions in
 * snbench.h; MLA as in arXiv 2405.04434, section 2.1. */
#ifndef SN_KERNELS_COST_H
#define SN_KERNELS_COST_H

#include <stdbool.h>

#include "harness/base/peak.h"
#include "kernels/kernel.h"

struct sn_cost_part {
    const char *name;
    double ops; /* of one kind; 0: bytes alone count */
    enum sn_peak_kind peak;
    double weight_bytes, activation_bytes, output_bytes; /* each once, from and to memory */
    double inner_bytes; /* written by one part and read by another: both ways together */
    double fixed_bytes; /* of all these: what does not grow with the principal shape */
    /* The result that cores share, in tiles: `grids` times rows x cols; 0: no such thing. */
    double grids, rows, cols;
};

enum { SN_COST_PARTS = 6, SN_COST_SHAPES = 6 };

struct sn_cost {
    struct sn_cost_part parts[SN_COST_PARTS];
    unsigned n_parts;
    /* Sums of the parts; inner bytes are in none of them. */
    double ops, weight_bytes, activation_bytes, output_bytes;
    bool copies; /* what bounds it is copying, of memory read and written alike, not reading */
    /* By name, for tables of efficiencies. The first is the principal one: `ops` are proportional
     * to it, all else equal. */
    struct {
        const char *name;
        double value;
    } shapes[SN_COST_SHAPES];
    unsigned n_shapes;
};

/* Fills *out. Index arrays that the work depends on must be there: first of grouped-gemm and
 * mla-prefill; length of mla. Of moe, `expert` may be NULL: experts are then drawn evenly, and the
 * number of those that have copies is the expected one. Nothing else is read. */
void sn_cost_of(enum sn_op op, const union sn_problem *p, struct sn_cost *out);

/* The names of an operation's shapes, NULL-terminated; the first is the principal one. */
const char *const *sn_cost_shapes(enum sn_op op);

/* Expected number of experts, of `here` on a die, that have tokens, when each of n tokens goes to k
 * of `all` experts evenly: here (1 - (1 - k / all)^n). */
double sn_cost_active_experts(double here, double all, double k, double n);

/* Bytes that a part moves, its inner ones included. */
double sn_cost_part_bytes(const struct sn_cost_part *p);

#endif
