#include "bench/micro/product.h"

#include "bench/micro/kernel_compare.h"

const char *const sn_product_a_words[] = {"u8", "s8", NULL}, *const sn_product_c_words[] = {
                                                                 "f32", "bf16", "s32", NULL};

enum sn_type sn_product_a_type(const struct sn_case *c)
{
    return sn_case_word(c, "a") ? SN_S8 : SN_U8;
}

enum sn_type sn_product_c_type(const struct sn_case *c)
{
    static const enum sn_type types[] = {SN_F32, SN_BF16, SN_S32};
    return types[sn_case_word(c, "out")];
}

size_t sn_product_span(size_t rows, size_t cols, size_t ld)
{
    return rows ? (rows - 1) * ld + cols : 0;
}

/* acc exact; f32 r = (float)acc * (sa * sb), bf16 rounded once more: the same bits. Another library
 * may multiply by sa and sb in turn: two more roundings each way, 4 * 2^-24, and 2^-8 in bf16. */
void sn_product_compare(const struct sn_kernel *by, enum sn_type type, const void *got,
                        const void *want, size_t m, size_t n, size_t ldc, struct sn_check *k)
{
    const struct sn_compared c = {"c", type, got, want, m, n, ldc};
    k->what = "every element of C with the reference's: the same bits (baselines: rounding of the "
              "scales), and no padding written";
    if (by->flags & SN_KERNEL_BASELINE && type != SN_S32) {
        k->tolerance = type == SN_F32 ? 0x1p-22 : 0x1p-7;
        sn_compare_close(&c, NULL, k->tolerance, k);
    } else {
        sn_compare_exact(&c, k);
    }
}

int64_t sn_product_draw(const char *axis, int64_t m_most, struct sn_rng *rng)
{
    switch (axis[0]) {
    case 'm':
        return (int64_t)sn_rng_below(rng, sn_rng_below(rng, 4) ? 40 : (uint64_t)m_most);
    case 'n':
        return 1 + (int64_t)sn_rng_below(rng, 200);
    case 'k': /* mostly within a block of K; the longest sums are rare: they take long */
        return !sn_rng_below(rng, 100)  ? 65792 - (int64_t)sn_rng_below(rng, 70)
               : !sn_rng_below(rng, 16) ? 1 + (int64_t)sn_rng_below(rng, 2500)
                                        : 1 + (int64_t)sn_rng_below(rng, 700);
    case 'p':
        return sn_rng_below(rng, 2) ? 0 : (int64_t)sn_rng_below(rng, 70);
    default: /* a, out */
        return (int64_t)sn_rng_below(rng, axis[0] == 'a' ? 2 : 3);
    }
}
