/* Arithmetic at its limit: loops of independent multiply-adds in registers, nothing else.
 *
 * They bound what a kernel can reach on one core. Several sequences may compute the same kind of
 * product; the fastest is the peak. int8: u8 x s8 into int32, by VPDPBUSD, by VPMADDWD and VPADDD
 * on 16-bit values (exact), by VPMADDUBSW, VPMADDWD and VPADDD (saturates). bf16: VDPBF16PS. f32:
 * fused multiply-add. Multiplications and additions count one operation each. */
#ifndef SN_BASE_PEAK_H
#define SN_BASE_PEAK_H

#include <stdint.h>

enum sn_peak_kind { SN_PEAK_INT8, SN_PEAK_BF16, SN_PEAK_F32, SN_PEAKS };
extern const char *const sn_peak_words[]; /* "int8", "bf16", "f32", NULL */

/* Most sequences of one kind. */
enum { SN_PEAK_SEQUENCES = 4 };

/* Operations of one pass of sequence 0, 1, ... of a kind, or 0 where there is no such sequence or
 * this CPU lacks it. *name, unless NULL, gets "vpdpbusd zmm". */
double sn_peak_ops(enum sn_peak_kind kind, unsigned sequence, const char **name);

/* Performs `passes` passes (some hundred cycles each) of a sequence that sn_peak_ops() knows, with
 * factors of 1. Returns the sum of its accumulators: the multiply-adds that were done, half of
 * passes * sn_peak_ops(); exact for up to 1,000 passes (then f32 and 32 bits are too short). */
double sn_peak_run(enum sn_peak_kind kind, unsigned sequence, uint64_t passes);

#endif
