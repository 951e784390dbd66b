/* What gemm and grouped-gemm share: axes, types, spans, the comparison, small random values. */
#ifndef SN_BENCH_MICRO_PRODUCT_H
#define SN_BENCH_MICRO_PRODUCT_H

#include "bench/micro/kernel.h"

extern const char *const sn_product_a_words[], *const sn_product_c_words[];

/* The types that the axes `a` and `out` of the case name. */
enum sn_type sn_product_a_type(const struct sn_case *c);
enum sn_type sn_product_c_type(const struct sn_case *c);

/* Axes behind m. */
#define SN_PRODUCT_AXES                                                                            \
    {.name = "n",                                                                                  \
     .type = SN_AXIS_INT,                                                                          \
     .def = "4096",                                                                                \
     .min = 1,                                                                                     \
     .max = 1 << 20,                                                                               \
     .help = "columns: output channels"},                                                          \
        {.name = "k",                                                                              \
         .type = SN_AXIS_INT,                                                                      \
         .def = "7168",                                                                            \
         .min = 1,                                                                                 \
         .max = 65792,                                                                             \
         .help = "length of the sums; 65,792 is what int32 holds for sure"},                       \
        {.name = "a",                                                                              \
         .type = SN_AXIS_WORD,                                                                     \
         .def = "u8",                                                                              \
         .words = sn_product_a_words,                                                              \
         .help = "activations: u8 with zero point 128, or s8"},                                    \
        {.name = "out",                                                                            \
         .type = SN_AXIS_WORD,                                                                     \
         .def = "f32",                                                                             \
         .words = sn_product_c_words,                                                              \
         .help = "output: scaled f32 or bf16, or the accumulators themselves"},                    \
    {                                                                                              \
        .name = "pad", .type = SN_AXIS_INT, .def = "0", .min = 0, .max = 65536,                    \
        .help = "elements between the rows of A, W and C"                                          \
    }

/* Elements from the first to behind the last of a matrix: no padding behind the last row. */
size_t sn_product_span(size_t rows, size_t cols, size_t ld);

/* C (M, N; ldc) with the reference's: the same bits, of baselines within the rounding of scales. */
void sn_product_compare(const struct sn_kernel *by, enum sn_type type, const void *got,
                        const void *want, size_t m, size_t n, size_t ldc, struct sn_check *k);

/* Of struct sn_kernel_op, for m (up to 40, one in four up to m_most) and the axes above. */
int64_t sn_product_draw(const char *axis, int64_t m_most, struct sn_rng *rng);

#endif
