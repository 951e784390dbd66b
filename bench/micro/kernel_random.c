#include "bench/micro/kernel_random.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel_memory.h"
#include "harness/base/cpu.h"
#include "harness/base/status.h"
#include "harness/world.h"

const struct sn_bench *sn_random_bench(enum sn_op op)
{
    for (const struct sn_bench *const *b = sn_benches; *b; b++)
        if ((*b)->setup == sn_kernel_case_setup &&
            ((const struct sn_kernel_op *)(*b)->own)->op == op)
            return *b;
    return NULL;
}

static void set(struct sn_random_problem *d, size_t axis, int64_t i)
{
    const struct sn_axis *a = &d->bench->axes[axis];
    struct sn_value *v = &d->values[axis];
    *v = (struct sn_value){.i = i, .r = (double)i, .text = d->texts[axis]};
    if (a->type == SN_AXIS_WORD)
        snprintf(v->text, sizeof d->texts[axis], "%s", a->words[i] ? a->words[i] : a->extra);
    else if (a->type == SN_AXIS_TEXT)
        snprintf(v->text, sizeof d->texts[axis], "%s",
                 a->clocks == SN_CLOCK_MODEL
                     ? a->def
                     : ((const struct sn_kernel_op *)d->bench->own)->texts[i]);
    else
        snprintf(v->text, sizeof d->texts[axis], "%" PRId64, i);
}

size_t sn_random_variants(const struct sn_bench *b)
{
    const struct sn_axis *a = &b->axes[sn_bench_axis_count(b) - 1];
    size_t n = 0;
    while (a->words[n])
        n++;
    return n;
}

void sn_random_variant(struct sn_random_problem *d, size_t i)
{
    set(d, d->n - 1, (int64_t)i);
}

void sn_random_draw(struct sn_random_problem *d, struct sn_rng *rng)
{
    const struct sn_kernel_op *op = d->bench->own;
    d->n = sn_bench_axis_count(d->bench);
    d->seed = sn_rng_next(rng);
    for (size_t i = 0; i < d->n; i++) {
        const char *name = d->bench->axes[i].name;
        if (d->bench->axes[i].clocks == SN_CLOCK_MODEL)
            set(d, i, 0); /* nobody reads it */
        else if (!strcmp(name, "dist"))
            set(d, i, (int64_t)sn_rng_below(rng, 4));
        else if (!strcmp(name, "cache"))
            set(d, i, (int64_t)sn_rng_below(rng, 8) ? SN_CACHE_HOT : SN_CACHE_COLD);
        else if (!strcmp(name, "threads"))
            set(d, i, sn_rng_below(rng, 4) || sn_cpu_count() < 2 ? 1 : 2);
        else if (!strcmp(name, "variant"))
            set(d, i, (int64_t)sn_random_variants(d->bench));
        else
            set(d, i, op->draw(name, rng));
    }
}

void sn_random_text(const struct sn_random_problem *d, char *out, size_t size)
{
    size_t at = 0;
    *out = '\0';
    for (size_t i = 0; i < d->n && at < size; i++)
        if (d->bench->axes[i].clocks != SN_CLOCK_MODEL)
            at += (size_t)snprintf(out + at, size - at, " %s=%s", d->bench->axes[i].name,
                                   d->values[i].text);
}

uint64_t sn_random_bytes(const struct sn_random_problem *d)
{
    const struct sn_kernel_op *op = d->bench->own;
    const struct sn_env env = {.clock = SN_CLOCK_WALL, .seed = d->seed};
    const struct sn_case c = {.bench = d->bench, .values = d->values, .env = &env, .batch = 1};
    union sn_problem p = {0};
    struct sn_array arrays[SN_ARRAYS_MAX];
    if (op->refuse && op->refuse(&c))
        return 0;
    op->shape(&c, &p);
    return sn_arrays_bytes(arrays, op->arrays(&p, arrays), SN_ROLES_ALL);
}

enum sn_outcome sn_random_try(const struct sn_random_problem *d, enum sn_isa isa,
                              enum sn_mutation mutation, char *why, size_t size)
{
    struct sn_world world = {.rank = 0, .size = 1};
    struct sn_env env = {.clock = SN_CLOCK_WALL,
                         .world = &world,
                         .seed = d->seed,
                         .mutate = mutation,
                         .hang_rank = -1,
                         .isa = isa,
                         .guard = true};
    struct sn_case c = {.bench = d->bench, .values = d->values, .env = &env, .batch = 1};
    sn_isa_limit(isa);
    if (d->bench->unsupported(&c))
        return SN_SKIPPED;
    struct sn_check check = {0};
    int status = d->bench->setup(&c);
    if (status == SN_OK)
        status = d->bench->verify(&c, &check);
    d->bench->teardown(&c);
    if (status != SN_OK)
        snprintf(why, size, "%s", sn_status_message());
    else if (check.errors)
        snprintf(why, size, "%" PRIu64 " of %" PRIu64 " wrong: %s", check.errors, check.compared,
                 check.first);
    return status == SN_OK && !check.errors ? SN_PASSED : SN_FAILED;
}
