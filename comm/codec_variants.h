/* What the variants of the codec share; not for users of comm/codec.h. */
#ifndef SN_COMM_CODEC_VARIANTS_H
#define SN_COMM_CODEC_VARIANTS_H

#include <string.h>

#include "comm/codec.h"

extern const struct sn_codec sn_codec_avx2, sn_codec_avx512;

/* min(top / amax, FLT_MAX): finite for every amax, so that 0 times it is 0. */
float sn_codec_inverse(float top, float amax);

/* The scale and the zeros behind the int8 values. */
static inline void sn_codec_int8_tail(void *tail, float scale)
{
    memset(tail, 0, SN_CODEC_INT8_TAIL - sizeof(struct sn_copy_head));
    memcpy(tail, &scale, sizeof scale);
}

#endif
