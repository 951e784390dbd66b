/* Payload formats of a token copy, and the weighted sum of the answers.
 *
 * A copy is a payload and, in its last 16 bytes, a head. Payloads of a token of H values (H a
 * multiple of 128, at most 16384; bf16 also takes the multiples of 8 below 128, encoded and summed
 * by the plain variant alone: a copy of 24 values has 64 bytes, for checks that must be small):
 *     bf16  2 H           the values
 *     int8  H + 496       the values, one f32 scale, zeros: with the head the 512-byte aligned tail
 *                         of CloudMatrix (arXiv 2506.12708): 7,168 + 512 bytes at H 7168
 *     fp8   H + 4 H/128   OCP E4M3 values, then one f32 scale per 128 values: 7,168 + 224 + 16
 * Every variant of one operation gives the same bits: each f32 product and sum is rounded by
 * itself (no fused multiply-add) and in the same order.
 */
#ifndef SN_COMM_CODEC_H
#define SN_COMM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/bf16.h"

enum sn_dtype { SN_DTYPE_BF16, SN_DTYPE_INT8, SN_DTYPE_FP8, SN_DTYPES };
extern const char *const sn_dtype_words[]; /* "bf16", "int8", "fp8", NULL */

enum {
    SN_CODEC_HIDDEN_STEP = 128,
    SN_CODEC_HIDDEN_MAX = 16384,
    SN_CODEC_HIDDEN_SMALL = 8, /* the step of bf16 below 128 */
    SN_CODEC_FP8_GROUP = 128,
    SN_CODEC_INT8_TAIL = 512,
};

/* The head of a copy; copies may lie at any alignment, so it is read and written by memcpy(). */
struct sn_copy_head {
    uint32_t copy; /* token * K + j, j < K the number of the copy of its token */
    uint16_t src;  /* die of the token */
    uint16_t slot; /* expert slot it goes to (comm/placement.h) */
    uint64_t sum;  /* sn_codec_sum() */
};

/* Is there a payload of `hidden` values? */
bool sn_codec_hidden_valid(enum sn_dtype t, size_t hidden);

/* Bytes of the payload, and of the whole copy (payload + head). */
size_t sn_codec_payload_bytes(enum sn_dtype t, size_t hidden);
size_t sn_codec_copy_bytes(enum sn_dtype t, size_t hidden);

/* Checksum of a head's fields (its `sum` is not read) with the sn_hash_payload() of the payload. */
uint64_t sn_codec_sum(uint64_t payload_hash, const struct sn_copy_head *h);

/* The operations for one instruction set. All are thread-safe, allocate nothing, cannot fail; any
 * alignment; outputs do not overlap inputs. The rounding mode is to nearest even.
 *
 * Not finite inputs: NaN is encoded as 0, an infinity as the largest finite bf16 of its sign;
 * the scales are those of the values so replaced.
 *
 * int8: scale = amax / 127; q = rint(x * min(127 / amax, FLT_MAX)); -128 is never produced; a row
 *       of zeros has scale 0. |x - q scale| <= scale / 2 up to f32 rounding, for amax >= 1e-36.
 * fp8:  per 128 values scale = amax / 448; code = e4m3(x * min(448 / amax, FLT_MAX)), rounded to
 *       nearest even, saturating; a group of zeros has scale 0.
 * sum:  out[h] = bf16(((w[0] y[0][h]) + w[1] y[1][h]) + ...), f32, in this order, n >= 1. */
struct sn_codec {
    const char *name, *brief;
    bool (*supported)(void);
    void (*int8)(const uint16_t *x, size_t hidden, void *payload);
    void (*fp8)(const uint16_t *x, size_t hidden, void *payload);
    void (*sum)(const uint16_t *const *y, const float *w, unsigned n, size_t hidden, uint16_t *out);
};

/* All variants, the plain one first, the fastest last, NULL-terminated; the last supported; and
 * that for tokens of `hidden` values. */
extern const struct sn_codec *const sn_codecs[];
const struct sn_codec *sn_codec_best(void);
const struct sn_codec *sn_codec_for(size_t hidden);

/* Encodes x (hidden) bf16 into a payload with the operations of `c`. */
void sn_codec_encode(const struct sn_codec *c, enum sn_dtype t, size_t hidden, const uint16_t *x,
                     void *payload);

/* y[h] = bf16(factor * value h of the payload), y (hidden) bf16. */
void sn_codec_decode(enum sn_dtype t, size_t hidden, const void *payload, float factor,
                     uint16_t *y);

/* Scalars. bf16 rounds to nearest even and keeps NaN; e4m3 also saturates at 448, NaN is 0x7f. */
float sn_e4m3_to_f32(uint8_t code);
uint8_t sn_e4m3_from_f32(float f);

/* Replaces what is not finite in x (see above). For the variants. */
void sn_codec_clean(const uint16_t *x, size_t hidden, uint16_t *out);

#endif
