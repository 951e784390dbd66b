/* Test data: the check passes on the right bytes and fails, naming the byte, on any other. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/micro/pattern.h"

static const struct sn_message one = {.from = 3, .to = 4, .item = 5};

static struct sn_check check(const void *p, size_t n, uint64_t key)
{
    struct sn_check k = {0};
    sn_pattern_check(&k, p, n, key, &one);
    return k;
}

Test(pattern, right_bytes_pass_at_every_length)
{
    unsigned char p[200];
    uint64_t key = sn_pattern_key(1, 2, &one);
    for (size_t n = 0; n <= sizeof p; n++) {
        memset(p, 0xee, sizeof p);
        sn_pattern_fill(p, n, key);
        struct sn_check k = check(p, n, key);
        cr_expect(k.errors == 0 && k.compared == n);
        cr_expect(n == sizeof p || p[n] == 0xee, "written past the end at %zu", n);
    }
}

Test(pattern, every_wrong_bit_is_found_and_named)
{
    unsigned char p[37];
    uint64_t key = sn_pattern_key(1, 2, &one);
    sn_pattern_fill(p, sizeof p, key);
    for (size_t i = 0; i < sizeof p; i++)
        for (int bit = 0; bit < 8; bit++) {
            char words[64];
            p[i] ^= (unsigned char)(1 << bit);
            struct sn_check k = check(p, sizeof p, key);
            p[i] ^= (unsigned char)(1 << bit);
            snprintf(words, sizeof words, "byte %zu of 37", i);
            cr_expect(k.errors == 1 && strstr(k.first, words), "%s", k.first);
            cr_expect(strstr(k.first, "endpoint 4 from endpoint 3, message 5"), "%s", k.first);
        }
}

/* Whatever names a message changes its bytes, already within the 8 of the smallest size. */
Test(pattern, keys_differ)
{
    enum { N = 6 };
    uint64_t words[2 * N * N * N * N];
    size_t n = 0;
    for (uint64_t seed = 0; seed < 2; seed++)
        for (uint64_t round = 0; round < N; round++)
            for (unsigned from = 0; from < N; from++)
                for (unsigned to = 0; to < N; to++)
                    for (uint64_t item = 0; item < N; item++) {
                        struct sn_message m = {.from = from, .to = to, .item = item};
                        sn_pattern_fill(&words[n++], 8, sn_pattern_key(seed, round, &m));
                    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_neq(words[i], words[j], "%zu and %zu", i, j);
}

Test(pattern, every_mutation_is_found)
{
    static const size_t lengths[] = {8, 9, 16, 4096, 4099};
    unsigned char p[4099];
    uint64_t key = sn_pattern_key(1, 2, &one), other = sn_pattern_key(1, 3, &one);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int how = SN_MUTATE_NONE; how <= SN_MUTATE_WRONG_RANK; how++) {
            sn_pattern_fill(p, lengths[i], key);
            sn_pattern_mutate((enum sn_mutation)how, p, lengths[i], other);
            uint64_t errors = check(p, lengths[i], key).errors;
            cr_expect_eq(errors > 0, how != SN_MUTATE_NONE, "mutation %d of %zu bytes", how,
                         lengths[i]);
            cr_expect(how != SN_MUTATE_BITFLIP || errors == 1);
        }
}
