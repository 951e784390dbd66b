/* Kernels on random problems: every variant of every operation against the reference, over small
 * shapes full of tails, every distribution of values, hot and cold, one thread and two, with every
 * buffer between unreadable pages; each instruction set in turn as the most that `best` may use.
 *
 *     kernels [--seed S] [--shapes N] [--seconds T] [--op NAME] [--variant NAME]
 *
 * Draws up to N (2,000) problems for each operation, and fewer where T (60) seconds for all do not
 * suffice; the seed is printed, and a failure with the command that repeats it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel.h"
#include "harness/base/clock.h"
#include "harness/base/cpu.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/world.h"

enum { AXES_MAX = 32 };

/* One problem: the values of a benchmark's axes. */
struct drawn {
    const struct sn_bench *bench;
    size_t n;
    struct sn_value values[AXES_MAX];
    char texts[AXES_MAX][64];
    uint64_t seed;
};

static void set(struct drawn *d, size_t axis, int64_t i)
{
    const struct sn_axis *a = &d->bench->axes[axis];
    struct sn_value *v = &d->values[axis];
    *v = (struct sn_value){.i = i, .r = (double)i, .text = d->texts[axis]};
    if (a->type == SN_AXIS_WORD)
        snprintf(v->text, sizeof d->texts[axis], "%s", a->words[i] ? a->words[i] : a->extra);
    else
        snprintf(v->text, sizeof d->texts[axis], "%" PRId64, i);
}

static size_t words_of(const struct sn_axis *a)
{
    size_t n = 0;
    while (a->words[n])
        n++;
    return n;
}

static void draw(struct drawn *d, struct sn_rng *rng)
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
            set(d, i, (int64_t)words_of(&d->bench->axes[i]));
        else
            set(d, i, op->draw(name, rng));
    }
}

static void print_command(const struct drawn *d, enum sn_isa isa)
{
    printf("    snbench run %s", d->bench->name);
    for (size_t i = 0; i < d->n; i++)
        if (d->bench->axes[i].clocks != SN_CLOCK_MODEL)
            printf(" %s=%s", d->bench->axes[i].name, d->values[i].text);
    printf(" --isa %s --seed %" PRIu64 "\n", sn_isa_words[isa], d->seed);
}

enum outcome { PASSED, SKIPPED, FAILED };

static enum outcome try(const struct drawn *d, enum sn_isa isa, enum sn_mutation mutation,
                        char *why, size_t size)
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
        return SKIPPED;
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
    return status == SN_OK && !check.errors ? PASSED : FAILED;
}

struct tally {
    uint64_t passed, skipped, failed, caught;
};

/* One variant (words_of: `best`) on one problem; a sound one must also be caught when it is not. */
static void judge(struct drawn *d, size_t variant, enum sn_isa isa, struct tally *t)
{
    char why[512] = "";
    set(d, d->n - 1, (int64_t)variant);
    const char *name = d->values[d->n - 1].text;
    enum outcome o = try(d, isa, SN_MUTATE_NONE, why, sizeof why);
    t->skipped += o == SKIPPED;
    t->passed += o == PASSED;
    if (o == FAILED && !t->failed++) {
        printf("not ok %s %s: %s\n", d->bench->name, name, why);
        print_command(d, isa);
    }
    if (o == PASSED && t->passed % 64 == 1)
        t->caught += try(d, isa, SN_MUTATE_BITFLIP, why, sizeof why) == FAILED;
}

static double seconds(void)
{
    return (double)sn_clock_ns() * 1e-9;
}

static void report(const struct sn_bench *b, const char *variant, const struct tally *t)
{
    if (t->failed)
        printf("# %s %s: %" PRIu64 " of %" PRIu64 " problems failed\n", b->name, variant, t->failed,
               t->failed + t->passed);
    else if (!t->passed)
        printf("# %s %s: not run: this CPU, or --seconds, does not suffice\n", b->name, variant);
    else if (!t->caught)
        printf("not ok %s %s: no injected error was found\n", b->name, variant);
    else
        printf("ok %s %s: %" PRIu64 " problems, %" PRIu64 " it does not do; %" PRIu64
               " injected errors found\n",
               b->name, variant, t->passed, t->skipped, t->caught);
}

static bool test(const struct sn_bench *b, uint64_t seed, uint64_t shapes, double limit,
                 const char *only)
{
    const struct sn_kernel_op *op = b->own;
    struct tally tally[SN_KERNELS_MAX + SN_ISAS] = {0};
    const struct sn_axis *axis = &b->axes[sn_bench_axis_count(b) - 1];
    size_t n = words_of(axis);
    struct sn_rng rng = sn_rng_make(seed, (uint64_t)op->op);
    double end = seconds() + limit;
    bool good = true;
    struct drawn d = {.bench = b};
    for (uint64_t i = 0; i < shapes && seconds() < end; i++) {
        draw(&d, &rng);
        for (size_t v = 0; v < n; v++)
            if (!(sn_kernel_at(op->op, v)->flags & SN_KERNEL_INEXACT) &&
                (!only || !strcmp(only, axis->words[v])))
                judge(&d, v, SN_ISAS - 1, &tally[v]);
        /* `best` of an instruction set: one of them a problem, in turn. */
        enum sn_isa isa = (enum sn_isa)(i % SN_ISAS);
        if (sn_isa_here(isa) && !only)
            judge(&d, n, isa, &tally[SN_KERNELS_MAX + isa]);
    }
    for (size_t v = 0; v < n; v++)
        if (!only || !strcmp(only, axis->words[v]))
            report(b, axis->words[v], &tally[v]);
    for (int i = 0; i < SN_ISAS && !only; i++) {
        char name[64];
        snprintf(name, sizeof name, "best --isa %s", sn_isa_words[i]);
        report(b, name, &tally[SN_KERNELS_MAX + i]);
    }
    for (size_t i = 0; i < sizeof tally / sizeof *tally; i++)
        good = good && !tally[i].failed && (!tally[i].passed || tally[i].caught);
    fflush(stdout);
    return good;
}

int main(int argc, char **argv)
{
    uint64_t seed = (uint64_t)sn_clock_ns(), shapes = 2000;
    double limit = 60;
    const char *op = NULL, *variant = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--shapes"))
            shapes = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--seconds"))
            limit = strtod(argv[i + 1], NULL);
        else if (!strcmp(argv[i], "--op"))
            op = argv[i + 1];
        else if (!strcmp(argv[i], "--variant"))
            variant = argv[i + 1];
        else
            return fprintf(stderr, "kernels: unknown option %s\n", argv[i]), 2;
    }
    sn_kernels_open();
    size_t ops = 0;
    for (const struct sn_bench *const *b = sn_benches; *b; b++)
        ops += (*b)->setup == sn_kernel_case_setup && (!op || !strcmp(op, (*b)->name));
    printf("# seed %" PRIu64 ", up to %" PRIu64 " problems for each of %zu operations, %g s\n",
           seed, shapes, ops, limit);
    bool good = true;
    for (const struct sn_bench *const *b = sn_benches; *b; b++)
        if ((*b)->setup == sn_kernel_case_setup && (!op || !strcmp(op, (*b)->name)))
            good = test(*b, seed, shapes, limit / (double)ops, variant) && good;
    return good ? 0 : 1;
}
