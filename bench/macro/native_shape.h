/* What a case of decode or prefill is on the wall clock: the model, the requests and how they are
 * spread; and what its prompts and drafts are, as functions of (seed, request, position), so that
 * every number of ranks computes the same tokens. */
#ifndef SN_BENCH_MACRO_NATIVE_SHAPE_H
#define SN_BENCH_MACRO_NATIVE_SHAPE_H

#include <stdbool.h>

#include "bench/llm.h"
#include "comm/endpoints.h"
#include "comm/moe.h"
#include "harness/bench.h"

enum {
    SN_NATIVE_PAGE = 64,       /* tokens of a page of the cache */
    SN_NATIVE_MICROBATCHES = 2 /* at most */
};

struct sn_native_shape {
    struct sn_llm model; /* owned */
    bool prefill;
    unsigned dies, requests; /* of all dies together */
    unsigned context; /* decode: tokens of a request in the cache at first; prefill: prompt */
    unsigned steps;   /* of a repetition; prefill: 1 */
    unsigned queries; /* tokens of a request and step; prefill: the prompt */
    unsigned microbatches, threads;
    double accept; /* share of drafts that are the right token */
    uint64_t seed;
    enum sn_isa isa;
};

/* From the case's axes. SN_EINVAL, SN_EIO: the model. Released with sn_native_shape_close(). */
int sn_native_shape_open(const struct sn_case *c, bool prefill, struct sn_native_shape *s);
void sn_native_shape_close(struct sn_native_shape *s);

/* Requests of die d are first(d) to first(d + 1) - 1. */
unsigned sn_native_first(const struct sn_native_shape *s, unsigned die);
/* Of `n` requests, microbatch mb has those from part(n, mb) to part(n, mb + 1) - 1. */
unsigned sn_native_part(const struct sn_native_shape *s, unsigned n, unsigned mb);
/* Most requests of a microbatch on any die, and tokens. */
unsigned sn_native_part_max(const struct sn_native_shape *s);
size_t sn_native_tokens_max(const struct sn_native_shape *s);
/* Most tokens that a request gets in a repetition. */
unsigned sn_native_new_max(const struct sn_native_shape *s);
/* Tokens that a request's pages must have room for. */
size_t sn_native_room(const struct sn_native_shape *s);

/* The dispatch of a microbatch: routed experts alone, int8. */
struct sn_moe_shape sn_native_moe_shape(const struct sn_native_shape *s);

/* The given token at `position` of a request: of its prompt; decode: the first that it computes. */
uint32_t sn_native_token(const struct sn_native_shape *s, unsigned request, unsigned position);
/* The draft of the token that follows the one at `position`, when `right` is that one: `right`
 * itself for a share `accept` of all positions, else another. */
uint32_t sn_native_draft(const struct sn_native_shape *s, unsigned request, unsigned position,
                         uint32_t right);

/* Hooks of struct sn_bench, as seen by the wall clock. */
const char *sn_native_shape_unsupported(const struct sn_case *c, bool prefill);
uint64_t sn_native_shape_memory(const struct sn_case *c, bool prefill);
/* Dies on ranks by --map. */
int sn_native_endpoints(const struct sn_case *c, struct sn_endpoints *e);

#endif
