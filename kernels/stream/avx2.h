/* stream: the vectors of AVX2; for loops.h. */
#ifndef SN_KERNELS_STREAM_AVX2_H
#define SN_KERNELS_STREAM_AVX2_H

#include "harness/base/cpu.h"
#include <immintrin.h>

#define LANES 8
typedef __m256 vec_t;
typedef __m256i ivec_t;

#define izero()      _mm256_setzero_si256()
#define iadd(x, y)   _mm256_add_epi32(x, y)
#define iload(p)     _mm256_loadu_si256((const void *)(p))
#define istore(p, x) _mm256_storeu_si256((void *)(p), x)
#define load(p)      _mm256_loadu_ps(p)
#define store(p, x)  _mm256_store_ps(p, x)
#define stream(p, x) _mm256_stream_si256((void *)(p), _mm256_castps_si256(x))
/* b + 3 c: two roundings, as the reference. */
#define three_times(b, c) _mm256_add_ps(b, _mm256_mul_ps(_mm256_set1_ps(3), c))

#include "kernels/stream/loops.h"

#endif
