/* The check of a plug-in's kernel: the problems of tests/kernels, always the same ones. */
#include <string.h>

#include "bench/micro/kernel_random.h"
#include "bench/plugin_check.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"

/* Problems that suffice; that must be tried; larger ones are left to the check of each case. */
enum { ENOUGH = 64, FEWEST = 16, DRAWS_MAX = 2000 };
static const uint64_t bytes_max = 2 << 20;
static const int64_t time_ns = 1000000000, time_most_ns = 5000000000;

/* Is `k` wrong on d's problem? */
static int try_one(struct sn_guard *g, const char *plugin, const struct sn_kernel *k,
                   const struct sn_random_problem *d, unsigned *passed)
{
    char axes[512], why[512] = "";
    sn_random_text(d, axes, sizeof axes);
    sn_guard_step(g, SN_EVERIFY, "plug-in %s: kernel %s %s: in its check,%s --seed %llu", plugin,
                  k->op, k->name, axes, (unsigned long long)d->seed);
    enum sn_outcome o = sn_random_try(d, SN_ISAS - 1, SN_MUTATE_NONE, why, sizeof why);
    if (o == SN_FAILED && !(k->flags & SN_KERNEL_INEXACT))
        return SN_FAIL(SN_EVERIFY, "plug-in %s: kernel %s %s: fails its check: %s;%s --seed %llu",
                       plugin, k->op, k->name, why, axes, (unsigned long long)d->seed);
    *passed += o != SN_SKIPPED;
    return SN_OK;
}

int sn_plugin_check_kernel(struct sn_guard *g, const char *plugin, const struct sn_kernel *k,
                           unsigned *passed)
{
    struct sn_random_problem d = {0};
    size_t variant = 0;
    int op = 0, status = SN_OK;
    *passed = 0;
    while (strcmp(sn_op_names[op], k->op))
        op++;
    while (sn_kernel_at((enum sn_op)op, variant) != k)
        variant++;
    d.bench = sn_random_bench((enum sn_op)op);
    if (!d.bench || sn_kernel_unavailable(k, SN_ISAS - 1))
        return SN_OK;
    struct sn_rng rng = sn_rng_make(1, (uint64_t)op);
    int64_t start = sn_clock_ns();
    for (int i = 0; i < DRAWS_MAX && *passed < ENOUGH && status == SN_OK; i++) {
        int64_t took = sn_clock_ns() - start;
        if ((took > time_ns && *passed >= FEWEST) || took > time_most_ns)
            break;
        sn_random_draw(&d, &rng);
        if (sn_random_bytes(&d) > bytes_max)
            continue;
        sn_random_variant(&d, variant);
        status = try_one(g, plugin, k, &d, passed);
    }
    return status;
}
