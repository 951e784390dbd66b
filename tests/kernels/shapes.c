/* Kernels on random problems: every variant of every operation against the reference, over small
 * shapes full of tails, every distribution of values, hot and cold, one thread and two, with every
 * buffer between unreadable pages; each instruction set in turn as the most that `best` may use.
 *
 *     kernels [--seed S] [--shapes N] [--seconds T] [--op NAME] [--variant NAME]
 *
 * Draws up to N (2,000) problems for each operation, and fewer where T (60) seconds for all do not
 * suffice; the seed is printed, and a failure with the command that repeats it. */
#include <inttypes.h>
#include <math.h>
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

/* An operation that is tested, and how far it has come. */
struct tested {
    const struct sn_bench *bench;
    enum sn_op op;
    const char *only; /* one variant, or NULL */
    struct sn_rng rng;
    uint64_t drawn;
    struct tally variants[SN_KERNELS_MAX], best[SN_ISAS];
};

static const char *variant_of(const struct tested *t, size_t i)
{
    return t->bench->axes[sn_bench_axis_count(t->bench) - 1].words[i];
}

static bool asked(const struct tested *t, size_t i)
{
    return !t->only || !strcmp(t->only, variant_of(t, i));
}

/* One problem for every variant, and for `best` of one instruction set: they take turns. */
static void draw_one(struct tested *t)
{
    struct sn_random_problem d = {.bench = t->bench};
    size_t n = sn_random_variants(t->bench);
    enum sn_isa isa = (enum sn_isa)(t->drawn++ % SN_ISAS);
    sn_random_draw(&d, &t->rng);
    for (size_t v = 0; v < n; v++)
        if (asked(t, v))
            judge(&d, v, SN_ISAS - 1, &t->variants[v]);
    if (sn_isa_here(isa) && !t->only)
        judge(&d, n, isa, &t->best[isa]);
}

/* `lacks`: why it cannot run on this CPU, or NULL. */
static bool report(const struct sn_bench *b, const char *variant, const char *lacks,
                   const struct tally *t)
{
    if (t->failed)
        printf("# %s %s: %" PRIu64 " of %" PRIu64 " problems failed\n", b->name, variant, t->failed,
               t->failed + t->passed);
    else if (lacks)
        printf("# %s %s: not run: %s\n", b->name, variant, lacks);
    else if (!t->passed)
        printf("# %s %s: it does none of %" PRIu64 " problems\n", b->name, variant, t->skipped);
    else if (!t->caught)
        printf("not ok %s %s: no injected error was found\n", b->name, variant);
    else
        printf("ok %s %s: %" PRIu64 " problems, %" PRIu64 " it does not do; %" PRIu64
               " injected errors found\n",
               b->name, variant, t->passed, t->skipped, t->caught);
    return !t->failed && (!t->passed || t->caught);
}

static bool report_all(const struct tested *t)
{
    bool good = true;
    char name[64];
    for (size_t v = 0; v < sn_random_variants(t->bench); v++)
        if (asked(t, v))
            good &=
                report(t->bench, variant_of(t, v),
                       sn_kernel_unavailable(sn_kernel_at(t->op, v), SN_ISAS - 1), &t->variants[v]);
    for (int i = 0; i < SN_ISAS && !t->only; i++) {
        snprintf(name, sizeof name, "best --isa %s", sn_isa_words[i]);
        good &= report(t->bench, name, sn_isa_here((enum sn_isa)i) ? NULL : "this CPU has less",
                       &t->best[i]);
    }
    return good;
}

/* Gives each operation the same time; what one does not need goes to the others. */
static void test(struct tested *t, size_t n, uint64_t shapes, double limit)
{
    double end = seconds() + limit, slice = limit / (double)n / 8;
    for (bool more = true; more && seconds() < end;) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            double stop = fmin(seconds() + slice, end);
            while (t[i].drawn < shapes && seconds() < stop)
                draw_one(&t[i]);
            more |= t[i].drawn < shapes;
        }
    }
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
    static struct tested all[SN_OPS];
    size_t n = 0;
    for (const struct sn_bench *const *b = sn_benches; *b; b++) {
        if ((*b)->setup != sn_kernel_case_setup || (op && strcmp(op, (*b)->name)))
            continue;
        const struct sn_kernel_op *own = (*b)->own;
        all[n++] = (struct tested){.bench = *b,
                                   .op = own->op,
                                   .only = variant,
                                   .rng = sn_rng_make(seed, (uint64_t)own->op)};
    }
    printf("# seed %" PRIu64 ", up to %" PRIu64 " problems for each of %zu operations, %g s\n",
           seed, shapes, n, limit);
    test(all, n, shapes, limit);
    bool good = n > 0;
    for (size_t i = 0; i < n; i++)
        good &= report_all(&all[i]);
    return good ? 0 : 1;
}
