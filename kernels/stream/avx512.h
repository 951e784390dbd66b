/* stream: the vectors of AVX-512; for loops.h. */
#ifndef SN_KERNELS_STREAM_AVX512_H
#define SN_KERNELS_STREAM_AVX512_H

#include "harness/base/cpu.h"
#include "kernels/simd512.h"

#define LANES 16
typedef __m512 vec_t;
typedef __m512i ivec_t;

#define izero()      _mm512_setzero_si512()
#define iadd(x, y)   _mm512_add_epi32(x, y)
#define iload(p)     _mm512_loadu_si512((const void *)(p))
#define istore(p, x) _mm512_storeu_si512((void *)(p), x)
#define load(p)      _mm512_loadu_ps(p)
#define store(p, x)  _mm512_store_ps(p, x)
#define stream(p, x) _mm512_stream_si512((void *)(p), _mm512_castps_si512(x))
/* b + 3 c: two roundings, as the reference. */
#define three_times(b, c) _mm512_add_ps(b, _mm512_mul_ps(_mm512_set1_ps(3), c))

#include "kernels/stream/loops.h"

#endif
