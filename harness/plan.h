/* The plan of a run: every case, in order, with its identity, before anything is measured. */
#ifndef SN_HARNESS_PLAN_H
#define SN_HARNESS_PLAN_H

#include "harness/bench.h"

struct sn_plan_case {
    const struct sn_bench *bench;
    struct sn_value *values; /* one per axis; owned */
    enum sn_clock_kind clock;
    char id[17]; /* as sn_row_set_id() gives it */
};

/* Whether an axis is a parameter on a clock. */
static inline bool sn_axis_on(const struct sn_axis *a, enum sn_clock_kind clock)
{
    return !a->clocks || a->clocks & clock;
}

struct sn_plan {
    struct sn_plan_case *cases;
    size_t n;
    uint64_t seed;
    int ranks;
    enum sn_clock_kind clock; /* wall unless the caller sets it */
    const char *profile;      /* --profile: default of the axis that is_profile; or NULL */
    const char *degrade;      /* --degrade: of the axis that is_degrade; or NULL */
    const char *device;       /* --device: the same of the axis that is_device */
};

/* Most cases of one plan; more is a usage error. */
enum { SN_PLAN_MAX = 100000 };

void sn_plan_init(struct sn_plan *p, uint64_t seed, int ranks);
void sn_plan_free(struct sn_plan *p);

/* Adds the cross product of the axes of `bench` that belong to p->clock with assignments[0..n)
 * ("size=8:4M:*4"); axes not named take their default. The last axis in the benchmark's table
 * varies fastest. SN_EINVAL: unknown benchmark or axis with the nearest valid word, an axis of the
 * other clock, an axis named twice, other values than the option gives that is its default
 * (p->profile, p->degrade), an option for an axis the benchmark lacks, a bad sweep, "ranks" on the
 * model clock, whose rows do not depend on them; nothing is then added. A case already in the plan
 * is not added again. */
int sn_plan_add(struct sn_plan *p, const struct sn_app *app, const char *bench,
                const char *const *assignments, size_t n);

/* The steps of sn_plan_add() that can fail on a word, for callers that know its line. A benchmark
 * and an axis by name, SN_EINVAL with the nearest one; an assignment "size=8:4M:*4" expanded for
 * its axis (out->axis) into a sweep that the caller frees, SN_EINVAL as above. */
int sn_plan_bench(const struct sn_app *app, const char *name, const struct sn_bench **out);
int sn_plan_axis(const struct sn_bench *bench, const char *name, const struct sn_axis **out);
int sn_plan_sweep(struct sn_sweep *out, const struct sn_plan *p, const struct sn_bench *bench,
                  const char *assignment);

/* "latency op=get size=8 transport=shm" into a new string owned by the caller. */
char *sn_plan_label(const struct sn_plan_case *c);

/* Fills bench, params, seed and id of an initialised row. */
void sn_plan_row(const struct sn_plan_case *c, uint64_t seed, struct sn_row *row);

#endif
