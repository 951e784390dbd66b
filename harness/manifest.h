/* manifest.json: what was run, how, on what (DESIGN.md section 6), as a JSON object. */
#ifndef SN_HARNESS_MANIFEST_H
#define SN_HARNESS_MANIFEST_H

#include <jansson.h>

#include "harness/options.h"
#include "harness/plan.h"
#include "harness/roof.h"
#include "harness/world.h"

#define SN_MANIFEST_SCHEMA "snbench-manifest-1"

/* Collective. The manifest of a run that starts now, on rank 0 (NULL on the others); a new object.
 * Holds argv, plan, seed, ranks, launches, git, machine, mpi, start time, the models that the plan
 * names (app->describe_model, describe_device); "roofs" null until they are measured. */
json_t *sn_manifest_make(const struct sn_options *o, int argc, char **argv,
                         const struct sn_plan *plan, const struct sn_world *w,
                         const struct sn_app *app);

/* The value of its key "roofs"; new object. */
json_t *sn_manifest_roofs(const struct sn_roofs *roofs);

/* What is added when the run ends: finished, status ("complete", "interrupted", "timed-out"),
 * machine_after. New object. */
json_t *sn_manifest_end(const char *status);

/* The roofs stored in DIR/manifest.json if it was made on this machine with as many ranks; false
 * when there are none. */
bool sn_manifest_read_roofs(const char *dir, int ranks, struct sn_roofs *out);

/* UTC now as 2026-01-31T12:00:00Z. */
void sn_manifest_now(char out[21]);

#endif
