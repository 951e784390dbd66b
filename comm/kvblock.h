/* A block of KV cache: its size, its key, its contents, and moving it through a transport.
 *
 * Size: a block holds the latents of `tokens` tokens of all layers (multi-head latent attention:
 * 512 latent and 64 rope values a token and layer). Key: a chain of hashes, so that equal keys mean
 * equal prefixes: key_i = hash(key_(i-1), tokens of block i). Contents, where a benchmark makes
 * them: a head of four words (key, generation, bytes, their hash) and then a pattern that depends
 * on key, generation and position, so that every byte that is read can be checked by who knows only
 * the key.
 */
#ifndef SN_COMM_KVBLOCK_H
#define SN_COMM_KVBLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/transport.h"

/* Values of a token and layer: kv_lora 512 and rope 64 of DeepSeek-R1. */
enum { SN_KV_MLA_VALUES = 512 + 64 };

enum sn_kv_type { SN_KV_BF16, SN_KV_INT8 };
extern const char *const sn_kv_type_words[]; /* "bf16", "int8", NULL */

struct sn_kv_geometry {
    unsigned tokens; /* of a block */
    unsigned layers; /* 61 */
    unsigned values; /* of a token and layer: SN_KV_MLA_VALUES */
    enum sn_kv_type type;
};

/* tokens x layers x values x (2 or 1) bytes: 70,272 B a token at 61 layers in bf16. int8 counts the
 * values alone (static scales). SN_EINVAL: a count of 0, or 2^63 bytes and more. */
int sn_kv_geometry_bytes(const struct sn_kv_geometry *g, uint64_t *bytes);

/* key (ceil(n / block_tokens)): the keys of the blocks of a prompt of n tokens; the last block may
 * be partial, its key is that of the tokens it has. Prompts with a common prefix have the keys of
 * its whole blocks in common, and no later ones. `space` keeps models and block sizes apart.
 * Depends on values alone, not on the machine. Some 4 ns a token. */
void sn_kv_keys(const uint32_t *token, size_t n, unsigned block_tokens, uint64_t space,
                uint64_t *key);

/* The least size of a block with contents. */
enum { SN_KV_HEAD_BYTES = 32 };

/* Writes the contents of a block; any alignment; bytes >= SN_KV_HEAD_BYTES. About the speed of
 * memory. */
void sn_kv_fill(void *dst, uint64_t bytes, uint64_t key, uint64_t generation);

/* What differs from sn_kv_fill() of the same arguments. */
enum sn_kv_fault {
    SN_KV_GOOD,
    SN_KV_NO_BLOCK,  /* the head is none: never written, or torn */
    SN_KV_OTHER_KEY, /* a sound head of another block */
    SN_KV_STALE,     /* this block in another generation: evicted or rewritten */
    SN_KV_OTHER_SIZE,
    SN_KV_DAMAGED /* a byte behind the head is wrong */
};
/* *at (may be NULL) gets the first wrong byte for SN_KV_DAMAGED, else 0. Reads every byte once. */
enum sn_kv_fault sn_kv_verify(const void *src, uint64_t bytes, uint64_t key, uint64_t generation,
                              uint64_t *at);
const char *sn_kv_fault_name(enum sn_kv_fault f);

/* Moves a block to or from the segment of endpoint `host`: put and get of comm/transport.h with a
 * check that it lies inside. A put is visible after flush or notify. Between ranks the caller
 * orders reads against the next write of the same place (the pool's generation finds what was not).
 * SN_EINVAL: outside the segment; what the transport returns. */
int sn_kv_put(struct sn_link *l, unsigned me, unsigned host, uint64_t offset, const void *src,
              uint64_t bytes);
int sn_kv_get(struct sn_link *l, unsigned me, unsigned host, uint64_t offset, void *dst,
              uint64_t bytes);

#endif
