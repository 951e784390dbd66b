/* The least time of an operation of a native run on this machine: roofs that the run measured.
 *
 * A kernel: the larger of its operations at the peaks and its bytes (kernels/cost.h): weights and
 * the cache at the read roof of all that a step walks through (working_set), the rest at that of
 * its own size. Steps between kernels that f32 arithmetic or reading bounds the same; norms, ropes
 * and copies between kernels are left out. A dispatch writes each copy once (a copy roof counts a
 * byte that is read and written), a combine reads each answer once. */
#include <math.h>

#include "bench/macro/native.h"
#include "harness/roof.h"
#include "kernels/cost.h"

static void add(struct sn_native *n, double seconds)
{
    n->bound_s[n->now] += seconds;
}

static double reading(const struct sn_native *n, double bytes, double set)
{
    if (!(bytes > 0))
        return 0;
    return bytes / sn_roof_read_bytes(n->env->roofs, (uint64_t)set, n->shape.threads);
}

void sn_native_account(struct sn_native *n, enum sn_op op, const union sn_problem *p)
{
    struct sn_cost c;
    double compute = 0;
    sn_cost_of(op, p, &c);
    for (unsigned i = 0; i < c.n_parts; i++)
        if (c.parts[i].ops > 0)
            compute +=
                c.parts[i].ops / sn_roof_peak(n->env->roofs, c.parts[i].peak, n->shape.threads);
    double far = c.weight_bytes + (op == SN_OP_MLA ? c.activation_bytes : 0),
           near = c.weight_bytes + c.activation_bytes + c.output_bytes - far;
    add(n, fmax(compute, reading(n, far, n->working_set) + reading(n, near, near)));
}

void sn_native_account_plain(struct sn_native *n, double ops, double bytes)
{
    double compute = ops > 0 ? ops / sn_roof_peak(n->env->roofs, SN_PEAK_F32, n->shape.threads) : 0;
    add(n, fmax(compute, reading(n, bytes, bytes)));
}

void sn_native_account_dispatch(struct sn_native *n, double bytes)
{
    const struct sn_roofs *r = n->env->roofs;
    double copy = sn_roof_at(&r->copy_all, (uint64_t)bytes);
    if (isnan(copy))
        copy = sn_roof_at(&r->copy, (uint64_t)bytes);
    if (bytes > 0)
        add(n, bytes / (2 * copy));
}
