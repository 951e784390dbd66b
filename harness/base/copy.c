/* Bulk copies. x86-64 with AVX-512: chosen by length; elsewhere memcpy().
 *
 * Measured on Sapphire Rapids (2 MiB L2, glibc 2.36), 4 KiB pages, medians, over memcpy(): from
 * 64 KiB to 16 MiB a 64-byte loop that prefetches its destination for writing 1 KiB ahead is
 * 1.00 to 1.08 x as fast within L2, 1.10 to 1.15 x from 128 KiB to 1 MiB where the source (a get)
 * or the destination (a put) was last written by another core, and equal beyond L2. Prefetching
 * for reading instead is 3 x slower in a put: every line is fetched twice. Below 64 KiB neither
 * rep movsb nor loops of AVX2 or AVX-512 with or without prefetch beat memcpy() in every one of
 * these cases, and past 16 MiB memcpy() knows the size of the L3 and goes around it. */
#include "harness/base/copy.h"

#include <stdint.h>
#include <string.h>

#include "harness/base/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>

/* n >= 64. The first and the last 64 bytes unaligned, all stores between them aligned. */
__attribute__((target("avx512f,prfchw"))) static void copy_avx512(char *dst, const char *src,
                                                                  size_t n)
{
    enum { AHEAD = 1024 };
    __m512i first = _mm512_loadu_si512(src), last = _mm512_loadu_si512(src + n - 64);
    size_t i = 64 - ((uintptr_t)dst & 63);
    _mm512_storeu_si512(dst, first);
    for (; i + 256 <= n; i += 256) {
        for (size_t line = 0; line < 256; line += 64)
            __builtin_prefetch((void *)((uintptr_t)dst + i + AHEAD + line), 1, 3);
        __m512i a = _mm512_loadu_si512(src + i), b = _mm512_loadu_si512(src + i + 64);
        __m512i c = _mm512_loadu_si512(src + i + 128), d = _mm512_loadu_si512(src + i + 192);
        _mm512_store_si512(dst + i, a);
        _mm512_store_si512(dst + i + 64, b);
        _mm512_store_si512(dst + i + 128, c);
        _mm512_store_si512(dst + i + 192, d);
    }
    for (; i + 64 <= n; i += 64)
        _mm512_store_si512(dst + i, _mm512_loadu_si512(src + i));
    _mm512_storeu_si512(dst + n - 64, last);
}
#endif

void sn_copy_large(void *restrict dst, const void *restrict src, size_t bytes)
{
#if defined(__x86_64__)
    enum { LAST = 16 << 20 };
    if (bytes >= 64 && bytes <= LAST && sn_cpu_has(SN_CPU_AVX512F)) {
        copy_avx512(dst, src, bytes);
        return;
    }
#endif
    memcpy(dst, src, bytes);
}

#if defined(__x86_64__)
/* dst 64-byte aligned, n a multiple of 64. */
__attribute__((target("avx512f"))) static void stream_avx512(char *dst, const char *src, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        _mm512_stream_si512((void *)(dst + i), _mm512_loadu_si512(src + i));
}

__attribute__((target("avx2"))) static void stream_avx2(char *dst, const char *src, size_t n)
{
    for (size_t i = 0; i < n; i += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(src + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(src + i + 32));
        _mm256_stream_si256((__m256i *)(dst + i), a);
        _mm256_stream_si256((__m256i *)(dst + i + 32), b);
    }
}

static void stream_sse2(char *dst, const char *src, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        for (size_t j = 0; j < 64; j += 16)
            _mm_stream_si128((__m128i *)(dst + i + j),
                             _mm_loadu_si128((const __m128i *)(src + i + j)));
}
#else
static void stream_plain(char *dst, const char *src, size_t n)
{
    memcpy(dst, src, n);
}
#endif

typedef void stream_fn(char *dst, const char *src, size_t n);

/* In order of preference. */
static const struct variant {
    enum sn_cpu_feature needs; /* SN_CPU_FEATURES: nothing */
    stream_fn *stream;
} variants[] = {
#if defined(__x86_64__)
    {SN_CPU_AVX512F, stream_avx512},
    {SN_CPU_AVX2, stream_avx2},
    {SN_CPU_FEATURES, stream_sse2},
#else
    {SN_CPU_FEATURES, stream_plain},
#endif
};

static bool runs_here(const struct variant *v)
{
    return v->needs == SN_CPU_FEATURES || sn_cpu_has(v->needs);
}

static void stream(const struct variant *v, char *dst, const char *src, size_t bytes)
{
    /* Below a few lines the partial lines at both ends would be most of it. */
    enum { LEAST = 256 };
    size_t head = bytes < LEAST ? bytes : -(uintptr_t)dst & 63, body = (bytes - head) & ~(size_t)63;
    memcpy(dst, src, head);
    v->stream(dst + head, src + head, body);
    memcpy(dst + head + body, src + head + body, bytes - head - body);
#if defined(__x86_64__)
    _mm_sfence();
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

void sn_copy_stream(void *restrict dst, const void *restrict src, size_t bytes)
{
    const struct variant *v = variants;
    while (!runs_here(v))
        v++;
    stream(v, dst, src, bytes);
}

bool sn_copy_stream_variant(unsigned variant, void *restrict dst, const void *restrict src,
                            size_t bytes)
{
    if (variant >= sizeof variants / sizeof *variants || !runs_here(&variants[variant]))
        return false;
    stream(&variants[variant], dst, src, bytes);
    return true;
}
