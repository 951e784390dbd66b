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
#include "bench/micro/kernel_random.h"
#include "harness/base/clock.h"

static void print_command(const struct sn_random_problem *d, enum sn_isa isa)
{
    char axes[1024];
    sn_random_text(d, axes, sizeof axes);
    printf("    snbench run %s%s --isa %s --seed %" PRIu64 "\n", d->bench->name, axes,
           sn_isa_words[isa], d->seed);
}

struct tally {
    uint64_t passed, skipped, failed, caught;
};

/* One variant (their number: `best`) on one problem; a sound one must also be caught when it is
 * not. */
static void judge(struct sn_random_problem *d, size_t variant, enum sn_isa isa, struct tally *t)
{
    char why[512] = "";
    sn_random_variant(d, variant);
    const char *name = d->values[d->n - 1].text;
    enum sn_outcome o = sn_random_try(d, isa, SN_MUTATE_NONE, why, sizeof why);
    t->skipped += o == SN_SKIPPED;
    t->passed += o == SN_PASSED;
    if (o == SN_FAILED && !t->failed++) {
        printf("not ok %s %s: %s\n", d->bench->name, name, why);
        print_command(d, isa);
    }
    /* Until one is caught, every time: a problem without outputs has nothing to damage. */
    if (o == SN_PASSED && (t->passed % 64 == 1 || !t->caught))
        t->caught += sn_random_try(d, isa, SN_MUTATE_BITFLIP, why, sizeof why) == SN_FAILED;
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
    size_t n = sn_random_variants(b);
    struct sn_rng rng = sn_rng_make(seed, (uint64_t)op->op);
    double end = seconds() + limit;
    bool good = true;
    struct sn_random_problem d = {.bench = b};
    for (uint64_t i = 0; i < shapes && seconds() < end; i++) {
        sn_random_draw(&d, &rng);
        for (size_t v = 0; v < n; v++)
            if (!only || !strcmp(only, axis->words[v]))
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
