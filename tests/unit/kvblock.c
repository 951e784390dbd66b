/* comm/kvblock.h: sizes by hand, keys of prefixes, and contents whose every byte is checked. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "comm/kvblock.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static struct sn_kv_geometry geometry(unsigned tokens, unsigned layers, enum sn_kv_type type)
{
    return (struct sn_kv_geometry){tokens, layers, SN_KV_MLA_VALUES, type};
}

Test(kvblock, sizes)
{
    struct sn_kv_geometry g = geometry(1, 61, SN_KV_BF16);
    uint64_t bytes = 0;
    cr_assert_eq(sn_kv_geometry_bytes(&g, &bytes), SN_OK);
    cr_assert_eq(bytes, 70272); /* model-notes: (512 + 64) x 61 x 2 */
    g = geometry(128, 61, SN_KV_INT8);
    cr_assert_eq(sn_kv_geometry_bytes(&g, &bytes), SN_OK);
    cr_assert_eq(bytes, 128 * 35136);
    cr_assert_str_eq(sn_kv_type_words[SN_KV_BF16], "bf16");
    cr_assert_str_eq(sn_kv_type_words[SN_KV_INT8], "int8");
}

Test(kvblock, sizes_refused)
{
    uint64_t bytes = 7;
    const struct sn_kv_geometry bad[] = {geometry(0, 61, 0),
                                         geometry(1, 0, 0),
                                         {1, 1, 0, 0},
                                         {UINT32_MAX, UINT32_MAX, 2, SN_KV_INT8},
                                         {UINT32_MAX, UINT32_MAX, UINT32_MAX, SN_KV_BF16}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_eq(sn_kv_geometry_bytes(&bad[i], &bytes), SN_EINVAL, "%zu", i);
    cr_assert_eq(bytes, 7);
}

/* Two prompts that agree in their first `same` tokens: the blocks that lie inside have equal keys,
 * no later ones do. */
Test(kvblock, keys_are_those_of_prefixes)
{
    enum { N = 100, BLOCK = 8, BLOCKS = 13 };
    uint32_t a[N], b[N];
    uint64_t ka[BLOCKS], kb[BLOCKS];
    struct sn_rng rng = sn_rng_make(1, 1);
    for (unsigned i = 0; i < N; i++)
        a[i] = (uint32_t)sn_rng_below(&rng, 4); /* few different tokens: blocks repeat by chance */
    sn_kv_keys(a, N, BLOCK, 3, ka);
    for (unsigned same = 0; same < N; same++) {
        memcpy(b, a, sizeof b);
        b[same]++;
        sn_kv_keys(b, N, BLOCK, 3, kb);
        for (unsigned i = 0; i < BLOCKS; i++)
            cr_assert_eq(ka[i] == kb[i], i < same / BLOCK, "token %u, block %u", same, i);
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        for (unsigned j = 0; j < i; j++)
            cr_assert_neq(ka[i], ka[j], "blocks %u and %u", i, j);
}

/* A block on its own is not one behind others; a partial block is not the whole one; models and
 * block sizes have keys of their own; a token of 0 counts. */
Test(kvblock, keys_tell_apart)
{
    const uint32_t zeros[16] = {0};
    uint64_t whole[4], part[4], other[4], size[2];
    sn_kv_keys(zeros, 16, 4, 1, whole);
    cr_assert_neq(whole[0], whole[1]);
    sn_kv_keys(zeros, 15, 4, 1, part);
    cr_assert(part[2] == whole[2] && part[3] != whole[3]);
    sn_kv_keys(zeros, 16, 4, 2, other);
    sn_kv_keys(zeros, 16, 8, 1, size);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_neq(other[i], whole[i]);
    cr_assert(size[0] != whole[1] && size[1] != whole[3]);
    sn_kv_keys(zeros, 0, 4, 1, NULL); /* nothing to write */
    memset(part, 0, sizeof part);
    sn_kv_keys(zeros, 4, 1, 1, part); /* blocks of one token */
    for (unsigned i = 0; i < 4; i++)
        cr_assert(part[i] != 0 && (i == 0 || part[i] != part[i - 1]), "block %u", i);
}

/* Keys are numbers of their input, not of the machine or the day. */
Test(kvblock, keys_stay)
{
    const uint32_t token[] = {11, 22, 33, 44, 55};
    uint64_t key[3], h = sn_rng_mix64(9 * 0x9e3779b97f4a7c15ull + 2);
    sn_kv_keys(token, 5, 2, 9, key);
    for (unsigned i = 0; i < 5; i++) {
        h = sn_rng_mix64(h ^ (token[i] + 1) * 0x9e3779b97f4a7c15ull);
        if (i % 2 == 1 || i == 4)
            cr_assert_eq(key[i / 2], h);
    }
}

static enum sn_kv_fault verify(const unsigned char *p, uint64_t n, uint64_t key, uint64_t gen,
                               uint64_t *at)
{
    return sn_kv_verify(p, n, key, gen, at);
}

/* Every byte of a block counts, whatever its length and place. */
Test(kvblock, every_byte_is_checked)
{
    static const unsigned size[] = {32, 33, 39, 40, 41, 100, 4096 + 32, 4096 + 31, 9001};
    unsigned char *memory = malloc(9001 + 16);
    for (size_t k = 0; k < sizeof size / sizeof *size; k++)
        for (unsigned shift = 0; shift < 2; shift++) {
            unsigned char *p = memory + 3 * shift;
            const unsigned n = size[k];
            uint64_t at = 1;
            p[n] = 0xab;
            sn_kv_fill(p, n, 42, 7);
            cr_assert_eq(p[n], 0xab, "wrote past the end");
            cr_assert_eq(verify(p, n, 42, 7, &at), SN_KV_GOOD);
            cr_assert_eq(at, 0);
            for (unsigned i = 0; i < n; i++) {
                p[i] ^= (unsigned char)(1u << i % 8);
                const enum sn_kv_fault f = verify(p, n, 42, 7, &at);
                cr_assert(i < SN_KV_HEAD_BYTES ? f == SN_KV_NO_BLOCK : f == SN_KV_DAMAGED,
                          "%u bytes, byte %u: %s", n, i, sn_kv_fault_name(f));
                cr_assert_eq(at, i < SN_KV_HEAD_BYTES ? 0 : i);
                p[i] ^= (unsigned char)(1u << i % 8);
            }
        }
    free(memory);
}

Test(kvblock, faults_have_names)
{
    enum { N = 4096 };
    unsigned char a[N], b[N];
    sn_kv_fill(a, N, 1, 1);
    cr_assert_eq(verify(a, N, 2, 1, NULL), SN_KV_OTHER_KEY);
    cr_assert_eq(verify(a, N, 1, 2, NULL), SN_KV_STALE);
    cr_assert_eq(verify(a, N - 8, 1, 1, NULL), SN_KV_OTHER_SIZE);
    memset(b, 0, N);
    cr_assert_eq(verify(b, N, 0, 0, NULL), SN_KV_NO_BLOCK, "zeros are a block");
    /* two words swapped; the body one word late; the body of another block */
    memcpy(b, a, N);
    memcpy(b + 40, a + 800, 8);
    memcpy(b + 800, a + 40, 8);
    cr_assert_eq(verify(b, N, 1, 1, NULL), SN_KV_DAMAGED);
    memcpy(b, a, N);
    memmove(b + 40, a + 32, N - 40);
    cr_assert_eq(verify(b, N, 1, 1, NULL), SN_KV_DAMAGED);
    sn_kv_fill(b, N, 2, 1);
    memcpy(b, a, SN_KV_HEAD_BYTES);
    cr_assert_eq(verify(b, N, 1, 1, NULL), SN_KV_DAMAGED);
    for (unsigned f = SN_KV_GOOD; f <= SN_KV_DAMAGED; f++)
        cr_assert_gt(strlen(sn_kv_fault_name((enum sn_kv_fault)f)), 3);
}
