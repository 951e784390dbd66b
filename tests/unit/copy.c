/* Copies against byte loops: every small length and alignment, the edges of the variants, guard
 * pages behind both buffers. */
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

typedef void copy_fn(void *restrict dst, const void *restrict src, size_t n);

static void stream0(void *restrict dst, const void *restrict src, size_t n)
{
    if (!sn_copy_stream_variant(0, dst, src, n))
        memcpy(dst, src, n);
}

static void stream1(void *restrict dst, const void *restrict src, size_t n)
{
    if (!sn_copy_stream_variant(1, dst, src, n))
        memcpy(dst, src, n);
}

static void stream2(void *restrict dst, const void *restrict src, size_t n)
{
    if (!sn_copy_stream_variant(2, dst, src, n))
        memcpy(dst, src, n);
}

static void inlined(void *restrict dst, const void *restrict src, size_t n)
{
    sn_copy(dst, src, n);
}

static const struct {
    const char *name;
    copy_fn *copy;
} copies[] = {{"copy", inlined},    {"large", sn_copy_large}, {"stream", sn_copy_stream},
              {"stream0", stream0}, {"stream1", stream1},     {"stream2", stream2}};

enum { COPIES = sizeof copies / sizeof *copies };

/* Equal and nothing around: PAD bytes on both sides of dst keep their value. */
static size_t wrong_bytes(copy_fn *copy, unsigned char *dst, const unsigned char *src, size_t n,
                          size_t pad)
{
    memset(dst - pad, 0x5a, n + 2 * pad);
    copy(dst, src, n);
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += dst[i] != src[i];
    for (size_t i = 0; i < pad; i++)
        wrong += (dst[-1 - (long)i] != 0x5a) + (dst[n + i] != 0x5a);
    return wrong;
}

Test(copy, every_small_length_and_alignment)
{
    enum { MAX = 700, PAD = 64 };
    static unsigned char src[MAX + 128], dst[MAX + 128 + 2 * PAD];
    for (size_t i = 0; i < sizeof src; i++)
        src[i] = (unsigned char)sn_rng_at(1, 0, i);
    for (size_t c = 0; c < COPIES; c++)
        for (size_t n = 0; n < MAX; n += n < 300 ? 1 : 13)
            for (size_t off = 0; off < 64; off += 3) {
                size_t at = off * 7 % 64;
                cr_assert_eq(wrong_bytes(copies[c].copy, dst + PAD + off, src + at, n, PAD), 0,
                             "%s, %zu bytes, offsets %zu and %zu", copies[c].name, n, off, at);
            }
}

Test(copy, edges_of_the_variants)
{
    static const size_t sizes[] = {4095,    4096,    65535,       65536,          65537,
                                   65600,   65791,   65792,       1048576,        1048579,
                                   3000001, 4194304, (16u << 20), (16u << 20) + 1};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        void *src, *block;
        cr_assert_eq(sn_mem_guard_alloc(&src, n), 0);
        cr_assert_eq(sn_mem_guard_alloc(&block, n + 64), 0);
        for (size_t c = 0; c < COPIES; c++) {
            memset(block, 0x5a, n + 64);
            copies[c].copy((char *)block + 64, src, n); /* both end at an unreadable page */
            cr_expect(!memcmp((char *)block + 64, src, n), "%s, %zu bytes", copies[c].name, n);
            for (size_t i = 0; i < 64; i++)
                cr_assert_eq(((char *)block)[i], 0x5a, "%s, %zu bytes", copies[c].name, n);
        }
        sn_mem_guard_free(src, n);
        sn_mem_guard_free(block, n + 64);
    }
}

static void drops_one(void *restrict dst, const void *restrict src, size_t n)
{
    memcpy(dst, src, n - 1);
}

static void writes_behind(void *restrict dst, const void *restrict src, size_t n)
{
    memcpy(dst, src, n);
    ((char *)dst)[n] = 1;
}

Test(copy, the_check_can_fail)
{
    unsigned char src[64] = {1, 2, 3}, dst[192];
    cr_expect(wrong_bytes(drops_one, dst + 64, src, 64, 64) > 0);
    cr_expect(wrong_bytes(writes_behind, dst + 64, src, 64, 64) > 0);
}
