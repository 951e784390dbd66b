/* How often `snbench compare` cries wolf, and how often it finds a real 10 %: by simulation.
 *
 *     bench-compare_sim [TRIALS] [SEED]
 *
 * A trial is a comparison of 20 rows with 10 launches a side. ln of a sample = launch effect of the
 * row (normal, sd `launch`) + launch effect common to all rows (sd `common`) + drift at the time of
 * the launch + noise within the launch (normal, sd `within`); 1 sample in 100 is a spike of 20
 * times. 30 samples a launch. The verdicts come from sn_contrast_decide(), the A/A noise from
 * sn_noise_of(): the functions of the commands, on what the commands would read from the rows.
 *
 * An alarm is a comparison in which any of the 20 rows is called slower or faster though nothing
 * changed. Exit 3 when a scenario that must hold does not. Scenarios marked "shown" are what the
 * remedies are for: they may fail. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/rng.h"
#include "harness/contrast.h"
#include "harness/noise.h"

enum { ROWS = 20, LAUNCHES = 10, SAMPLES = 30 };

enum order { SEQUENTIAL, INTERLEAVED };
enum floor { NO_FLOOR, FLOOR_OF_BASE, FLOOR_OF_TWO_RUNS };

struct scenario {
    const char *name;
    double launch, common, within; /* standard deviations */
    double slow_launches;          /* share of launches that are 30 % slower as a whole */
    double drift;                  /* of ln time over both sides, linear */
    double walk;                   /* standard deviation of a step of a random walk, per launch */
    enum order order;
    enum floor floor;
    bool bare;     /* threshold 0 in place of 3 % */
    double change; /* true ratio NEW / BASE of the changed rows */
    int changed;   /* how many rows changed */
    bool must;
    int more; /* times as many trials */
};

static const struct scenario quiet = {.launch = 0.01, .within = 0.03};

/* Medians of one launch of all rows, into out[row][at]. */
static void launch(const struct scenario *s, struct sn_rng *r, double drift, double ln_change,
                   double out[ROWS][LAUNCHES], int at)
{
    double common = s->common * sn_rng_normal(r) + drift, samples[SAMPLES];

    if (sn_rng_uniform(r) < s->slow_launches)
        common += log(1.3);
    for (int i = 0; i < ROWS; i++) {
        double mean = common + s->launch * sn_rng_normal(r) + (i < s->changed ? ln_change : 0);
        for (int k = 0; k < SAMPLES; k++) {
            samples[k] = 1e-6 * exp(mean + s->within * sn_rng_normal(r));
            if (sn_rng_below(r, 100) == 0)
                samples[k] *= 20;
        }
        out[i][at] = sn_contrast_median(samples, SAMPLES);
    }
}

struct clock { /* the machine's own time, one step a launch */
    double now, walked;
};

static double tick(const struct scenario *s, struct sn_rng *r, struct clock *c)
{
    double at = s->drift * c->now / (2 * LAUNCHES) + c->walked;

    c->now++;
    c->walked += s->walk * sn_rng_normal(r);
    return at;
}

static void both_sides(const struct scenario *s, struct sn_rng *r, struct clock *c,
                       double a[ROWS][LAUNCHES], double b[ROWS][LAUNCHES])
{
    double change = s->changed ? log(s->change) : 0;

    for (int i = 0; i < 2 * LAUNCHES; i++) {
        /* A B B A A B B A ...: a linear drift hits both alike */
        bool first = s->order == SEQUENTIAL ? i < LAUNCHES : (i + 1) / 2 % 2 == 0;
        int at = s->order == SEQUENTIAL ? i % LAUNCHES : i / 2;
        launch(s, r, tick(s, r, c), first ? 0 : change, first ? a : b, at);
    }
}

struct result {
    int alarms, found; /* comparisons with a false call; changed rows called right */
    int changed;
    double detectable; /* mean of the rows' (logarithm) */
    int same, unsure;
};

static double floor_of(const struct scenario *s, double a[LAUNCHES], double b[LAUNCHES], int row)
{
    struct sn_noise_run runs[] = {{a, LAUNCHES}, {b, LAUNCHES}};
    char id[17];

    snprintf(id, sizeof id, "%016d", row);
    return s->floor == NO_FLOOR ? NAN
                                : sn_noise_of(runs, s->floor == FLOOR_OF_BASE ? 1 : 2, id).noise;
}

static void trial(const struct scenario *s, struct sn_rng *r, struct result *out)
{
    double a[ROWS][LAUNCHES], b[ROWS][LAUNCHES], noise[ROWS];
    struct sn_contrast c[ROWS];
    struct clock clock = {0};
    bool alarm = false;

    if (s->floor == FLOOR_OF_TWO_RUNS) { /* an A/A of the machine, before, for as long a time */
        struct scenario same = *s;
        same.changed = 0;
        both_sides(&same, r, &clock, a, b);
        for (int i = 0; i < ROWS; i++)
            noise[i] = floor_of(s, a[i], b[i], i);
    }
    both_sides(s, r, &clock, a, b);
    for (int i = 0; i < ROWS; i++) {
        if (s->floor != FLOOR_OF_TWO_RUNS)
            noise[i] = floor_of(s, a[i], b[i], i);
        c[i] = (struct sn_contrast){
            .base = a[i], .next = b[i], .n_base = LAUNCHES, .n_next = LAUNCHES, .noise = noise[i]};
    }
    sn_contrast_decide(c, ROWS, s->bare ? 0 : 0.03, 0.05);
    for (int i = 0; i < ROWS; i++) {
        bool up = s->change > 1;
        enum sn_change right = i >= s->changed ? SN_CHANGE_SAME
                               : up            ? SN_CHANGE_SLOWER
                                               : SN_CHANGE_FASTER;
        out->changed += i < s->changed;
        out->found += i < s->changed && c[i].change == right;
        alarm |= c[i].change != right && c[i].change != SN_CHANGE_UNSURE &&
                 !(c[i].change == SN_CHANGE_SAME);
        out->same += c[i].change == SN_CHANGE_SAME;
        out->unsure += c[i].change == SN_CHANGE_UNSURE;
        out->detectable += log(c[i].detectable) / ROWS;
    }
    out->alarms += alarm;
}

static struct result simulate(const struct scenario *s, int trials, uint64_t seed)
{
    struct result out = {0};

    for (int t = 0; t < trials; t++) {
        struct sn_rng r = sn_rng_make(seed, (uint64_t)t);
        trial(s, &r, &out);
    }
    out.detectable /= trials;
    return out;
}

/* --- false alarms ----------------------------------------------------------------------------- */

static bool alarms(struct scenario s, int trials, uint64_t seed)
{
    if (s.more)
        trials *= s.more;
    struct result r = simulate(&s, trials, seed);
    double share = (double)r.alarms / trials;
    bool holds = share < 0.05;

    printf("%-62s %6.2f %%  %5.1f %%  %5.1f %%  %s\n", s.name, 100 * share,
           100.0 * r.same / trials / ROWS, 100.0 * r.unsure / trials / ROWS,
           !s.must ? "shown"
           : holds ? "holds"
                   : "FAILS");
    return holds || !s.must;
}

#define CASE(...)                                                                                  \
    (struct scenario)                                                                              \
    {                                                                                              \
        .within = 0.03, __VA_ARGS__                                                                \
    }

static bool all_alarms(int trials, uint64_t seed)
{
    const struct scenario cases[] = {
        CASE(.name = "launches 1 %", .launch = 0.01, .must = true),
        CASE(.name = "launches 3 %", .launch = 0.03, .must = true),
        /* Where the threshold no longer helps. 10 against 10 launches have p = 0.0021 as the
         * largest below 0.05 / 20, so the true share is 1 - 0.9979^20 = 4.1 %: 4,000 trials tell it
         * from 5 % (0.3 % is a standard error), 500 do not. */
        CASE(.name = "launches 10 %", .launch = 0.10, .must = true, .more = 8),
        CASE(.name = "launches 10 %, threshold 0: the tests alone", .launch = 0.10, .bare = true,
             .must = true, .more = 8),
        CASE(.name = "a launch slows all rows alike, 5 %", .launch = 0.01, .common = 0.05,
             .must = true),
        CASE(.name = "the same, threshold 0", .launch = 0.01, .common = 0.05, .bare = true,
             .must = true),
        CASE(.name = "1 launch in 5 is 30 % slower as a whole", .launch = 0.02,
             .slow_launches = 0.2, .must = true),
        CASE(.name = "drift of 20 % over the time, interleaved A B B A", .launch = 0.01,
             .drift = 0.2, .order = INTERLEAVED, .must = true),
        CASE(.name = "drift of 5 %, A then B", .launch = 0.01, .drift = 0.05, .must = true),
        CASE(.name = "drift of 20 %, A then B, no A/A noise", .launch = 0.01, .drift = 0.2),
        CASE(.name = "drift of 20 %, A then B, noise of BASE's launches", .launch = 0.01,
             .drift = 0.2, .floor = FLOOR_OF_BASE),
        CASE(.name = "drift of 20 %, A then B, noise of two runs A then A", .launch = 0.01,
             .drift = 0.2, .floor = FLOOR_OF_TWO_RUNS, .must = true),
        CASE(.name = "random walk of 2 % a launch, interleaved A B B A", .launch = 0.01,
             .walk = 0.02, .order = INTERLEAVED, .must = true),
        CASE(.name = "random walk of 2 %, A then B, no A/A noise", .launch = 0.01, .walk = 0.02),
        CASE(.name = "random walk of 2 %, A then B, noise of BASE's launches", .launch = 0.01,
             .walk = 0.02, .floor = FLOOR_OF_BASE),
        CASE(.name = "random walk of 2 %, A then B, noise of two runs A then A", .launch = 0.01,
             .walk = 0.02, .floor = FLOOR_OF_TWO_RUNS),
    };
    bool good = true;

    printf("False alarms: comparisons of %d rows, %d launches a side, %d trials\n", ROWS, LAUNCHES,
           trials);
    printf("%-62s %8s  %7s  %7s\n", "", "alarms", "same", "unsure");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        good &= alarms(cases[i], cases[i].floor == FLOOR_OF_TWO_RUNS ? (trials + 4) / 5 : trials,
                       seed + i);
    return good;
}

/* --- power ------------------------------------------------------------------------------------ */

static bool power(struct scenario s, int trials, uint64_t seed, double least)
{
    struct result r = simulate(&s, trials, seed);
    double share = (double)r.found / r.changed;
    bool holds = share >= least;

    printf("%-62s %6.2f %%  %5.1f %%           %s\n", s.name, 100 * share,
           100 * expm1(r.detectable),
           !s.must ? "shown"
           : holds ? "holds"
                   : "FAILS");
    return holds || !s.must;
}

static bool all_power(int trials, uint64_t seed)
{
    const struct scenario cases[] = {
        CASE(.name = "1 of 20 rows 10 % slower, launches 1 %", .launch = 0.01, .change = 1.1,
             .changed = 1, .must = true),
        CASE(.name = "the same, threshold of the noise of BASE's launches", .launch = 0.01,
             .change = 1.1, .changed = 1, .floor = FLOOR_OF_BASE, .must = true),
        CASE(.name = "1 of 20 rows 10 % slower, launches 2 %", .launch = 0.02, .change = 1.1,
             .changed = 1, .must = true),
        CASE(.name = "the same, threshold of the noise of BASE's launches", .launch = 0.02,
             .change = 1.1, .changed = 1, .floor = FLOOR_OF_BASE, .must = true),
        CASE(.name = "all rows 10 % slower, launches 2 %", .launch = 0.02, .change = 1.1,
             .changed = ROWS, .must = true),
        CASE(.name = "1 of 20 rows 10 % faster, launches 2 %", .launch = 0.02, .change = 1 / 1.1,
             .changed = 1, .must = true),
        CASE(.name = "10 % slower, drift of 20 %, interleaved A B B A", .launch = 0.01,
             .change = 1.1, .changed = 1, .drift = 0.2, .order = INTERLEAVED),
        CASE(.name = "1 of 20 rows 10 % slower, launches 3 %", .launch = 0.03, .change = 1.1,
             .changed = 1, .must = true),
        CASE(.name = "the same, threshold of the noise of BASE's launches", .launch = 0.03,
             .change = 1.1, .changed = 1, .floor = FLOOR_OF_BASE),
        CASE(.name = "1 of 20 rows 10 % slower, launches 4 %", .launch = 0.04, .change = 1.1,
             .changed = 1),
        CASE(.name = "1 of 20 rows 10 % slower, launches 5 %", .launch = 0.05, .change = 1.1,
             .changed = 1),
    };
    bool good = true;

    printf("\nA real change: found in that share of the changed rows; mean detectable change\n");
    printf("%-62s %8s  %7s\n", "", "found", "detect");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        good &= power(cases[i], trials, seed + 100 + i, 0.95);
    return good;
}

/* `detectable` promises that a change of that size is found 95 % of the time: inject just that, and
 * allow the count of trials three of its standard errors. */
static bool all_detectable(int trials, uint64_t seed)
{
    static const double launches[] = {0.01, 0.02, 0.05, 0.10};
    bool good = true;

    printf("\nA change as large as `detectable` says (mean over the trials), in 1 of %d rows\n",
           ROWS);
    for (size_t i = 0; i < sizeof launches / sizeof *launches; i++) {
        struct scenario s = quiet;
        char name[64];
        s.launch = launches[i];
        struct result none = simulate(&s, trials, seed + 200 + i);
        s.change = exp(none.detectable);
        s.changed = 1;
        s.must = true;
        snprintf(name, sizeof name, "launches %.0f %%: %.1f %%", 100 * s.launch,
                 100 * (s.change - 1));
        s.name = name;
        good &= power(s, trials, seed + 300 + i, 0.95 - 3 * sqrt(0.95 * 0.05 / trials));
    }
    return good;
}

int main(int argc, char **argv)
{
    int trials = argc > 1 ? atoi(argv[1]) : 500;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    if (trials < 1) {
        fprintf(stderr, "usage: %s [TRIALS] [SEED]\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* minutes: show each line when it is there */
    bool good = all_alarms(trials, seed);
    good &= all_power(trials, seed);
    good &= all_detectable(trials, seed);
    return good ? 0 : 3;
}
