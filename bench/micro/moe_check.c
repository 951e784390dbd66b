#include "bench/micro/moe_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/kernel_compare.h"
#include "harness/base/bf16.h"
#include "harness/base/buf.h"
#include "kernels/moe/order.h"

static void compare_row(const struct sn_moe_ffn *got, const struct sn_moe_ffn *want,
                        const struct sn_moe_order *o, size_t t, struct sn_check *k)
{
    for (size_t h = 0; h < got->h; h++) {
        double g = sn_bf16_to_f32(got->out[t * got->h + h]),
               w = sn_bf16_to_f32(want->out[t * got->h + h]), allowed = 0x1p-7 * fabs(w);
        for (size_t i = o->begin[t]; i < o->begin[t + 1]; i++) {
            size_t c = o->copy[o->row[i]];
            allowed += fabs(got->weight[c] * got->s2[got->expert[c] * got->h + h]) *
                       (double)want->slack[c];
        }
        if (g == w || (isnan(g) && isnan(w)) || fabs(g - w) <= allowed)
            continue;
        sn_check_fail(k, "out[%zu][%zu]: got %.9g, expected %.9g, allowed +-%.3g", t, h, g, w,
                      allowed);
    }
}

static void compare_close(const struct sn_moe_ffn *got, const struct sn_moe_ffn *want,
                          struct sn_check *k)
{
    void *at = sn_calloc(1, sn_moe_order_bytes(got));
    struct sn_moe_order o = sn_moe_order_at(got, at);
    sn_moe_order_fill(got, &o);
    k->compared += got->t * got->h;
    for (size_t t = 0; t < got->t; t++)
        if (memcmp(got->out + t * got->h, want->out + t * got->h, got->h * sizeof *got->out))
            compare_row(got, want, &o, t, k);
    free(at);
}

void sn_moe_compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_moe_ffn *g = &got->moe, *w = &want->moe;
    if (by->flags & SN_KERNEL_SAME_BITS) {
        k->what = "every element of out with the reference's: the same bits";
        sn_compare_exact(&(struct sn_compared){"out", SN_BF16, g->out, w->out, g->t, g->h, g->h},
                         k);
    } else {
        k->what = "every element of out with the reference's: within 2^-7 of it (bf16) and, summed "
                  "over the copies of a token, |weight| s2 sq 128 (values of q that are within "
                  "rounding of a tie + 4e-6 sum |q|)";
        k->tolerance = 0x1p-7;
        compare_close(g, w, k);
    }
}
