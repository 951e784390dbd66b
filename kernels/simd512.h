/* The AVX-512 intrinsics; in tests on a CPU without them, simde's functions of the same names. */
#ifndef SN_KERNELS_SIMD512_H
#define SN_KERNELS_SIMD512_H

#ifdef SN_EMULATE_AVX512
#include <math.h>
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

/* What simde lacks. */
#ifndef _mm512_cvtps_epi32
static inline __m512i sn_emulated_cvtps_epi32(__m512 x)
{
    float from[16];
    int32_t to[16];
    _mm512_storeu_ps(from, x);
    for (int i = 0; i < 16; i++)
        to[i] = (int32_t)lrintf(from[i]);
    return _mm512_loadu_si512(to);
}
#define _mm512_cvtps_epi32(x) sn_emulated_cvtps_epi32(x)
#endif
#ifndef _mm512_cvtepi32_ps
static inline __m512 sn_emulated_cvtepi32_ps(__m512i x)
{
    int32_t from[16];
    float to[16];
    _mm512_storeu_si512(from, x);
    for (int i = 0; i < 16; i++)
        to[i] = (float)from[i];
    return _mm512_loadu_ps(to);
}
#define _mm512_cvtepi32_ps(x) sn_emulated_cvtepi32_ps(x)
#endif
#ifndef _mm512_stream_si512
#define _mm512_stream_si512(p, x) _mm512_store_si512(p, x)
#endif
#else
#include <immintrin.h>
#endif

#endif
