/* Blocks of KV cache: size, keys, contents, put and get (comm/kvblock.h). */
#include "comm/kvblock.h"

#include <string.h>

#include "harness/base/rng.h"
#include "harness/base/status.h"

const char *const sn_kv_type_words[] = {"bf16", "int8", NULL};

int sn_kv_geometry_bytes(const struct sn_kv_geometry *g, uint64_t *bytes)
{
    const uint64_t factor[] = {g->tokens, g->layers, g->values, g->type == SN_KV_BF16 ? 2 : 1};
    uint64_t product = 1;
    for (unsigned i = 0; i < sizeof factor / sizeof *factor; i++)
        if (factor[i] == 0 || __builtin_mul_overflow(product, factor[i], &product) ||
            product > INT64_MAX)
            return SN_FAIL(SN_EINVAL,
                           "a block of %u tokens x %u layers x %u values; each at least 1, below "
                           "2^63 bytes in all",
                           g->tokens, g->layers, g->values);
    *bytes = product;
    return SN_OK;
}

/* An odd constant: multiplying by it is one to one on 64-bit words. 2^64 / golden ratio. */
#define ODD 0x9e3779b97f4a7c15ull

/* h = mix(h ^ (token + 1) ODD) is one to one in the token, so two blocks that differ in one token
 * only never share a key; the rest is chance, 2^-64 a pair. */
void sn_kv_keys(const uint32_t *token, size_t n, unsigned block_tokens, uint64_t space,
                uint64_t *key)
{
    uint64_t h = sn_rng_mix64(space * ODD + block_tokens);
    for (size_t i = 0; i < n; i++) {
        h = sn_rng_mix64(h ^ (token[i] + 1ull) * ODD);
        if ((i + 1) % block_tokens == 0 || i + 1 == n)
            key[i / block_tokens] = h;
    }
}

/* The head: key, generation, bytes and a hash of the three. */
struct head {
    uint64_t key, generation, bytes, hash;
};

static uint64_t head_hash(const struct head *h)
{
    return sn_rng_mix64(sn_rng_mix64(sn_rng_mix64(h->key + ODD) ^ h->generation) ^ h->bytes);
}

/* Word i behind the head is base + i ODD: of another block, place or generation it differs. A sum
 * instead of a hash of i, because it runs at the speed of memory. */
static uint64_t pattern_base(uint64_t key, uint64_t generation)
{
    return sn_rng_mix64(sn_rng_mix64(key) ^ (generation + 1) * ODD);
}

void sn_kv_fill(void *dst, uint64_t bytes, uint64_t key, uint64_t generation)
{
    struct head head = {.key = key, .generation = generation, .bytes = bytes};
    unsigned char *p = dst;
    head.hash = head_hash(&head);
    memcpy(p, &head, sizeof head);
    p += sizeof head;
    const uint64_t body = bytes - sizeof head, base = pattern_base(key, generation);
    const uint64_t words = body / 8;
    for (uint64_t i = 0; i < words; i++) {
        const uint64_t word = base + i * ODD;
        memcpy(p + 8 * i, &word, 8);
    }
    const uint64_t last = base + words * ODD;
    memcpy(p + 8 * words, &last, body % 8);
}

/* Words that differ are or-ed together per piece: a branch per word would cost a factor. */
static uint64_t first_damage(const unsigned char *p, uint64_t body, uint64_t base)
{
    enum { PIECE = 512 };
    const uint64_t words = body / 8;
    uint64_t i = 0;
    for (; i + PIECE <= words; i += PIECE) {
        uint64_t differs = 0;
        for (unsigned k = 0; k < PIECE; k++) {
            uint64_t word;
            memcpy(&word, p + 8 * (i + k), 8);
            differs |= word ^ (base + (i + k) * ODD);
        }
        if (differs)
            break;
    }
    for (uint64_t at = 8 * i; at < body; at++) {
        const uint64_t word = base + at / 8 * ODD;
        unsigned char want;
        memcpy(&want, (const unsigned char *)&word + at % 8, 1);
        if (p[at] != want)
            return at;
    }
    return body;
}

enum sn_kv_fault sn_kv_verify(const void *src, uint64_t bytes, uint64_t key, uint64_t generation,
                              uint64_t *at)
{
    struct head head;
    if (at)
        *at = 0;
    memcpy(&head, src, sizeof head);
    if (head.hash != head_hash(&head))
        return SN_KV_NO_BLOCK;
    if (head.key != key)
        return SN_KV_OTHER_KEY;
    if (head.generation != generation)
        return SN_KV_STALE;
    if (head.bytes != bytes)
        return SN_KV_OTHER_SIZE;
    const uint64_t body = bytes - sizeof head;
    const uint64_t wrong =
        first_damage((const unsigned char *)src + sizeof head, body, pattern_base(key, generation));
    if (wrong == body)
        return SN_KV_GOOD;
    if (at)
        *at = sizeof head + wrong;
    return SN_KV_DAMAGED;
}

const char *sn_kv_fault_name(enum sn_kv_fault f)
{
    static const char *const name[] = {
        [SN_KV_GOOD] = "good",
        [SN_KV_NO_BLOCK] = "no block",
        [SN_KV_OTHER_KEY] = "another block",
        [SN_KV_STALE] = "another generation of the block",
        [SN_KV_OTHER_SIZE] = "a block of another size",
        [SN_KV_DAMAGED] = "a damaged byte",
    };
    return name[f];
}

static int check_inside(const struct sn_link *l, unsigned host, uint64_t offset, uint64_t bytes)
{
    if (host < l->endpoints->n && offset <= l->segment_bytes && bytes <= l->segment_bytes - offset)
        return SN_OK;
    return SN_FAIL(SN_EINVAL,
                   "a block of %llu bytes at %llu of endpoint %u; there are %u endpoints with "
                   "segments of %zu bytes",
                   (unsigned long long)bytes, (unsigned long long)offset, host, l->endpoints->n,
                   l->segment_bytes);
}

int sn_kv_put(struct sn_link *l, unsigned me, unsigned host, uint64_t offset, const void *src,
              uint64_t bytes)
{
    int status = check_inside(l, host, offset, bytes);
    return status ? status : l->transport->put(l, me, host, offset, src, bytes);
}

int sn_kv_get(struct sn_link *l, unsigned me, unsigned host, uint64_t offset, void *dst,
              uint64_t bytes)
{
    int status = check_inside(l, host, offset, bytes);
    return status ? status : l->transport->get(l, me, host, offset, dst, bytes);
}
