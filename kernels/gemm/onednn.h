/* What gemm and grouped-gemm call of oneDNN. */
#ifndef SN_KERNELS_GEMM_ONEDNN_H
#define SN_KERNELS_GEMM_ONEDNN_H

#include <dnnl.h>
#include <stdbool.h>
#include <string.h>

#include "harness/base/snbench.h"

/* Weights in the form it is fastest with: offsets (N) int32 to add to the sums, then (N, K). */
size_t sn_gemm_onednn_w_bytes(size_t n, size_t k);
void sn_gemm_onednn_pack(const int8_t *w, size_t n, size_t k, size_t ldw, enum sn_type a_type,
                         void *packed);

/* C of g by `threads` threads; scratch: (M, N) int32 unless C itself is s32. */
void sn_gemm_onednn_product(const struct sn_gemm *g, const void *packed, void *scratch,
                            unsigned threads);

/* Whether a primitive is one of the blocked products ("brg:..."). */
static inline bool sn_onednn_is_blocked(dnnl_primitive_desc_t d)
{
    const char *name = "";
    dnnl_primitive_desc_query(d, dnnl_query_impl_info_str, 0, (void *)&name);
    return strncmp(name, "brg", 3) == 0;
}

#endif
