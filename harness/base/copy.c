/* Bulk copies. x86-64: chosen by CPU feature and length; elsewhere memcpy(). */
#include "harness/base/copy.h"

#include <stdint.h>
#include <string.h>

#include "harness/base/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void sn_copy(void *restrict dst, const void *restrict src, size_t bytes)
{
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
#endif

void sn_copy_stream(void *restrict dst, const void *restrict src, size_t bytes)
{
#if defined(__x86_64__)
    char *d = dst;
    const char *s = src;
    size_t head = -(uintptr_t)d & 63;
    if (bytes >= 256) {
        memcpy(d, s, head);
        size_t body = (bytes - head) & ~(size_t)63;
        if (sn_cpu_has(SN_CPU_AVX512F))
            stream_avx512(d + head, s + head, body);
        else if (sn_cpu_has(SN_CPU_AVX2))
            stream_avx2(d + head, s + head, body);
        else
            stream_sse2(d + head, s + head, body);
        memcpy(d + head + body, s + head + body, bytes - head - body);
    } else {
        memcpy(d, s, bytes);
    }
    _mm_sfence();
#else
    memcpy(dst, src, bytes);
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}
