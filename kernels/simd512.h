/* The AVX-512 intrinsics; in tests on a CPU without them, simde's functions of the same names. */
#ifndef SN_KERNELS_SIMD512_H
#define SN_KERNELS_SIMD512_H

#ifdef SN_EMULATE_AVX512
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#else
#include <immintrin.h>
#endif

#endif
