/* The constants of exp_avx2.h and exp_avx512.h, which do the same arithmetic in the same order:
 * their results are the same bits on every CPU.
 *
 *     n = round(x log2(e));  r = x - n log(2), |r| <= log(2) / 2;  exp(x) = 2^n p(r)
 *     p(r) = 1 + r + r^2 (C2 + C3 r + C4 r^2 + C5 r^3 + C6 r^4)
 *
 * p is the polynomial of its form with the smallest largest relative error (Remez): 3.1e-9 before
 * its coefficients and steps are rounded. 2^n comes in two halves, since n runs from -150 to 128,
 * past what the exponent of one f32 holds. */
#ifndef SN_KERNELS_EXP_CONSTANTS_H
#define SN_KERNELS_EXP_CONSTANTS_H

/* Outside, exp(x) rounds to 0 (below -103.98) or to infinity (above 88.73). */
#define SN_EXP_LOWEST  -104.0f
#define SN_EXP_HIGHEST 89.0f

#define SN_EXP_LOG2E 0x1.715476p+0f
/* log(2) = HIGH + LOW; n HIGH is exact for all n above. */
#define SN_EXP_LN2_HIGH 0x1.62e430p-1f
#define SN_EXP_LN2_LOW  -0x1.05c610p-29f

/* Added to x log2(e) it leaves n + 254 in the lowest bits of the f32: twice the exponent's bias,
 * one for each half of 2^n. */
#define SN_EXP_ROUND (0x1.8p23f + 254.0f)

#define SN_EXP_C2 0x1.fffffcp-2f
#define SN_EXP_C3 0x1.555492p-3f
#define SN_EXP_C4 0x1.5558f2p-5f
#define SN_EXP_C5 0x1.1239d4p-7f
#define SN_EXP_C6 0x1.6a244cp-10f

#endif
