/* What may explain a difference other than the code: the machine, the program, the order in which
 * the sides ran. All from the manifests; a warning each, never a refusal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/compare.h"

static const struct {
    const char *path, *what;
} keys[] = {
    {"machine.cpu.model", "CPU"},
    {"machine.cpu.flags", "CPU features"},
    {"machine.topology.packages", "CPU packages"},
    {"machine.topology.numa_nodes", "NUMA nodes"},
    {"machine.topology.cores", "cores"},
    {"machine.topology.pus", "hardware threads"},
    {"machine.topology.caches", "caches"},
    {"machine.topology.allowed", "allowed CPUs"},
    {"machine.memory_bytes", "memory (bytes)"},
    {"machine.kernel.release", "kernel"},
    {"machine.governor", "frequency governor"},
    {"machine.huge_pages", "huge pages"},
    {"machine.virtual_machine", "virtual machine"},
    {"machine.container", "container"},
    {"machine.build.compiler", "compiler"},
    {"machine.build.version", "compiler version"},
    {"machine.build.flags", "compiler flags"},
    {"machine.build.config", "build"},
    {"machine.environment", "environment"},
    {"mpi.library", "MPI library"},
    {"mpi.hosts", "hosts"},
    {"mpi.oversubscribed", "oversubscription"},
    {"mpi.binding", "binding of ranks"},
    {"models", "models"},
    {"plugins", "plug-ins"},
    {"sampling", "sampling"},
    {"counters", "counters"},
};

/* A value for people: texts bare, others as JSON; long ones not at all. */
static char *value_text(const json_t *v)
{
    enum { LONG = 60 };
    char *s = json_is_string(v) ? sn_strdup(json_string_value(v))
              : v               ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT)
                                : sn_strdup("unknown");

    if (s && strlen(s) > LONG) {
        free(s);
        s = NULL;
    }
    return s;
}

static void compare_key(struct sn_comparison *x, const json_t *a, const json_t *b, const char *what)
{
    if (a == b || (a && b && json_equal(a, b)))
        return;
    char *s = value_text(a), *t = value_text(b);
    if (s && t)
        sn_comparison_warn(x, "%s: %s in BASE, %s in NEW", what, s, t);
    else
        sn_comparison_warn(x, "%s: not the same in BASE and NEW (manifest.json says how)", what);
    free(s);
    free(t);
}

/* Times of the form 2026-01-31T12:00:00Z sort as texts. */
static void compare_order(struct sn_comparison *x, const json_t *a, const json_t *b)
{
    const char *a0 = sn_manifest_str(a, "started", NULL),
               *a1 = sn_manifest_str(a, "finished", NULL);
    const char *b0 = sn_manifest_str(b, "started", NULL),
               *b1 = sn_manifest_str(b, "finished", NULL);

    if (!x->tested || !a0 || !a1 || !b0 || !b1)
        return;
    bool base_first = strcmp(a1, b0) <= 0, next_first = strcmp(b1, a0) <= 0;
    if (base_first || next_first)
        sn_comparison_warn(
            x,
            "%s ran before %s: what the machine did in between looks like a change; "
            "interleave them launch by launch (run --launch I), or measure the drift "
            "(snbench noise) over as long a time",
            base_first ? "all of BASE" : "all of NEW", base_first ? "NEW" : "BASE");
}

/* Launches that were planned and have no row. */
static void compare_launches(struct sn_comparison *x, const struct sn_report *r, const char *side)
{
    double planned = sn_manifest_num(r->runs[0].manifest, "launches");
    int most = 0;

    for (size_t i = 0; i < r->runs[0].rows.n; i++)
        if (r->runs[0].rows.rows[i].launch >= most)
            most = r->runs[0].rows.rows[i].launch + 1;
    if (most < planned)
        sn_comparison_warn(x, "%s holds %d of %.0f launches; --resume runs the others", side, most,
                           planned);
    if (r->runs[0].torn)
        sn_comparison_warn(x, "the last line of %s/rows.jsonl is cut off and was left out", side);
}

void sn_compare_machines(struct sn_comparison *x)
{
    const json_t *a = x->base.runs[0].manifest, *b = x->next.runs[0].manifest;

    compare_launches(x, &x->base, "BASE");
    compare_launches(x, &x->next, "NEW");
    if (!a || !b) {
        sn_comparison_warn(x, "%s manifest.json: whether the machines are the same is unknown",
                           !a && !b ? "neither side has a"
                           : !a     ? "BASE has no"
                                    : "NEW has no");
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        compare_key(x, sn_manifest_get(a, keys[i].path), sn_manifest_get(b, keys[i].path),
                    keys[i].what);
    compare_order(x, a, b);
}
