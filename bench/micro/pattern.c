/* Test data for transfers, and their damage. */
#include "bench/micro/pattern.h"

#include <string.h>

#include "harness/base/rng.h"

enum { WORD = sizeof(uint64_t) };

uint64_t sn_pattern_key(uint64_t seed, uint64_t round, const struct sn_message *m)
{
    uint64_t pair = (uint64_t)m->from << 32 | m->to;
    return sn_rng_mix64(sn_rng_at(seed, round, pair) ^ sn_rng_mix64(m->item));
}

void sn_pattern_fill(void *p, size_t bytes, uint64_t key)
{
    unsigned char *to = p;
    for (size_t i = 0; i < bytes; i += WORD) {
        uint64_t word = sn_rng_mix64(key + i / WORD);
        memcpy(to + i, &word, bytes - i < WORD ? bytes - i : WORD);
    }
}

static void check_word(struct sn_check *k, const unsigned char *got, const unsigned char *expected,
                       size_t n, size_t at, size_t bytes, const struct sn_message *m)
{
    for (size_t j = 0; j < n; j++)
        if (got[j] != expected[j])
            sn_check_fail(k,
                          "endpoint %u from endpoint %u, message %llu: byte %zu of %zu is 0x%02x, "
                          "expected 0x%02x",
                          m->to, m->from, (unsigned long long)m->item, at + j, bytes, got[j],
                          expected[j]);
}

void sn_pattern_check(struct sn_check *k, const void *p, size_t bytes, uint64_t key,
                      const struct sn_message *m)
{
    const unsigned char *got = p;
    for (size_t i = 0; i < bytes; i += WORD) {
        uint64_t word = sn_rng_mix64(key + i / WORD);
        size_t n = bytes - i < WORD ? bytes - i : WORD;
        if (memcmp(got + i, &word, n))
            check_word(k, got + i, (const unsigned char *)&word, n, i, bytes, m);
    }
    k->compared += bytes;
}

static void swap_halves(unsigned char *p, size_t bytes)
{
    size_t half = bytes / 2;
    for (size_t i = 0; i < half; i++) {
        unsigned char x = p[i];
        p[i] = p[bytes - half + i];
        p[bytes - half + i] = x;
    }
}

void sn_pattern_mutate(enum sn_mutation how, void *p, size_t bytes, uint64_t other)
{
    unsigned char *c = p;
    if (!bytes)
        return;
    switch (how) {
    case SN_MUTATE_NONE:
        return;
    case SN_MUTATE_BITFLIP:
        c[bytes / 2] ^= 0x10;
        return;
    case SN_MUTATE_SWAP:
        swap_halves(c, bytes);
        return;
    case SN_MUTATE_DROP:
        memset(p, 0, bytes);
        return;
    case SN_MUTATE_WRONG_RANK:
        sn_pattern_fill(p, bytes, other);
        return;
    }
}
