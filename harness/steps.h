/* Steps: cases of a plan that together make one step of a workload (a decode step of a model, say),
 * each as often as a count tells. A suite declares them (harness/suite.h); counts are no part of a
 * case or its id: the same case may count 61 times in one step, 3 times in another and nowhere in a
 * third suite, and its row is the same. They stand in the manifest, as
 *
 *     "steps": [{"name", "brief", "without", "parts": [
 *         {"bench", "label", "count", "variants": [{"variant", "id"}, ...]}, ...]}, ...]
 *
 * Cases that differ in nothing but the axis that compares are one part: its variants. */
#ifndef SN_HARNESS_STEPS_H
#define SN_HARNESS_STEPS_H

#include "harness/plan.h"

struct sn_step_variant {
    char *name; /* value of the axis that compares; "" where there is none */
    char id[17];
};

struct sn_step_part {
    const char *bench;
    char *key;   /* the case in full but for the axis that compares */
    char *label; /* for people, as it was named first: "gemm m=8 n=7168" */
    uint64_t count;
    struct sn_step_variant *variants;
    size_t n_variants;
};

struct sn_step {
    char *name, *brief;
    char *without; /* what of the workload is not in the step, or NULL */
    struct sn_step_part *parts;
    size_t n_parts;
};

struct sn_steps {
    struct sn_step *steps;
    size_t n;
};

void sn_steps_add(struct sn_steps *s, const char *name, const char *brief, const char *without);
void sn_steps_free(struct sn_steps *s);

/* Adds cases of a plan to a step, `count` times each. A part that is there already counts so many
 * times more. Labels have the axes of `named` ("size=8,16"; n_named) with the cases' values. */
void sn_step_add(struct sn_step *s, const struct sn_plan_case *cases, size_t n, uint64_t count,
                 const char *const *named, size_t n_named);

/* For the manifest; a new array. */
json_t *sn_steps_json(const struct sn_steps *s);

#endif
