#include "harness/manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/machine.h"
#include "harness/sums.h"
#include "harness/version.h"

void sn_manifest_now(char out[21])
{
    time_t now = time(NULL);
    struct tm tm;
    strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

static json_t *real_or_null(double x)
{
    return isfinite(x) ? json_real(sn_units_snap(x)) : json_null();
}

static double real_or_nan(const json_t *j)
{
    return json_is_number(j) ? json_number_value(j) : NAN;
}

static const struct {
    const char *key;
    size_t offset;
} roof_curves[] = {
    {"copy", offsetof(struct sn_roofs, copy)},
    {"read", offsetof(struct sn_roofs, read)},
    {"copy_shared", offsetof(struct sn_roofs, copy_shared)},
    {"copy_all", offsetof(struct sn_roofs, copy_all)},
};
static const struct {
    const char *key;
    size_t offset;
} roof_figures[] = {
    {"timer_call_s", offsetof(struct sn_roofs, timer_call_s)},
    {"timer_resolution_s", offsetof(struct sn_roofs, timer_resolution_s)},
    {"core_hz", offsetof(struct sn_roofs, core_hz)},
    {"int8_op_per_s", offsetof(struct sn_roofs, peak_ops_per_s[SN_PEAK_INT8])},
    {"bf16_op_per_s", offsetof(struct sn_roofs, peak_ops_per_s[SN_PEAK_BF16])},
    {"f32_op_per_s", offsetof(struct sn_roofs, peak_ops_per_s[SN_PEAK_F32])},
    {"dram_read_bytes_per_s", offsetof(struct sn_roofs, dram_read)},
    {"dram_copy_bytes_per_s", offsetof(struct sn_roofs, dram_copy)},
    {"dram_read_all_bytes_per_s", offsetof(struct sn_roofs, dram_read_all)},
    {"dram_copy_all_bytes_per_s", offsetof(struct sn_roofs, dram_copy_all)},
    {"threads", offsetof(struct sn_roofs, threads)},
    {"seconds_spent", offsetof(struct sn_roofs, seconds_spent)},
};
#define COUNT(table) (sizeof table / sizeof *table)

json_t *sn_manifest_roofs(const struct sn_roofs *roofs)
{
    json_t *out = json_object(), *reasons = json_object(); /* why a figure is null */
    for (size_t i = 0; i < COUNT(roof_curves); i++) {
        const struct sn_roof_curve *c = (const void *)((const char *)roofs + roof_curves[i].offset);
        json_t *points = json_array();
        for (size_t p = 0; p < c->n; p++)
            json_array_append_new(points,
                                  json_pack("{s:I, s:o}", "bytes", (json_int_t)c->bytes[p],
                                            "bytes_per_s", real_or_null(c->bytes_per_s[p])));
        json_object_set_new(out, roof_curves[i].key, points);
        if (c->reason)
            json_object_set_new(reasons, roof_curves[i].key, json_string(c->reason));
    }
    for (size_t i = 0; i < COUNT(roof_figures); i++)
        json_object_set_new(
            out, roof_figures[i].key,
            real_or_null(*(const double *)((const char *)roofs + roof_figures[i].offset)));
    if (roofs->core_hz_reason)
        json_object_set_new(reasons, "core_hz", json_string(roofs->core_hz_reason));
    json_object_set_new(out, "reasons", reasons);
    return out;
}

static bool roofs_from_json(const json_t *j, struct sn_roofs *out)
{
    struct sn_roofs r = {0};
    for (size_t i = 0; i < COUNT(roof_curves); i++) {
        const json_t *points = json_object_get(j, roof_curves[i].key);
        struct sn_roof_curve *c = (void *)((char *)&r + roof_curves[i].offset);
        if (json_array_size(points) == 0 || json_array_size(points) > SN_ROOF_POINTS)
            return false;
        for (; c->n < json_array_size(points); c->n++) {
            const json_t *p = json_array_get(points, c->n);
            c->bytes[c->n] = (uint64_t)json_integer_value(json_object_get(p, "bytes"));
            c->bytes_per_s[c->n] = real_or_nan(json_object_get(p, "bytes_per_s"));
        }
    }
    for (size_t i = 0; i < COUNT(roof_figures); i++)
        *(double *)((char *)&r + roof_figures[i].offset) =
            real_or_nan(json_object_get(j, roof_figures[i].key));
    *out = r;
    return true;
}

bool sn_manifest_read_roofs(const char *dir, int ranks, struct sn_roofs *out)
{
    char *path = sn_strdupf("%s/manifest.json", dir);
    json_t *old = json_load_file(path, 0, NULL), *machine = sn_machine_describe();
    char then[17] = "", now[17] = "";
    const json_t *old_machine = json_object_get(old, "machine");
    if (old_machine) {
        sn_machine_fingerprint(old_machine, then);
        sn_machine_fingerprint(machine, now);
    }
    bool found = then[0] && !strcmp(then, now) &&
                 json_integer_value(json_object_get(old, "ranks")) == ranks &&
                 roofs_from_json(json_object_get(old, "roofs"), out);
    json_decref(machine);
    json_decref(old);
    free(path);
    return found;
}

static json_t *git_state(void)
{
    const char *commit = sn_version_commit();
    return json_pack("{s:s?, s:o}", "commit", commit, "dirty",
                     commit ? json_boolean(sn_version_dirty()) : json_null());
}

/* Adds {path, sha256} of a file once. */
static void add_input(json_t *inputs, const char *path)
{
    char hex[65];
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *known = json_object_get(json_array_get(inputs, i), "path");
        if (!strcmp(json_string_value(known), path))
            return;
    }
    if (sn_sums_of_file(path, hex) == SN_OK)
        json_array_append_new(inputs, json_pack("{s:s, s:s}", "path", path, "sha256", hex));
}

/* The files that the run reads: the map, and those that a text axis names as KIND(FILE). */
static json_t *inputs_of(const struct sn_options *o, const struct sn_plan *plan)
{
    json_t *inputs = json_array();
    if (o->map)
        add_input(inputs, o->map);
    for (size_t i = 0; i < plan->n; i++) {
        const struct sn_axis *axes = plan->cases[i].bench->axes;
        for (size_t a = 0; axes[a].name; a++) {
            const char *text = plan->cases[i].values[a].text;
            const char *open = axes[a].type == SN_AXIS_TEXT ? strchr(text, '(') : NULL;
            const bool model = axes[a].is_profile || axes[a].is_device; /* described elsewhere */
            if (axes[a].type == SN_AXIS_TEXT && !model && strchr(text, '/') && !access(text, R_OK))
                add_input(inputs, text);
            if (!open || text[strlen(text) - 1] != ')')
                continue;
            char *path = sn_strdupf("%.*s", (int)strlen(open) - 2, open + 1);
            if (!access(path, R_OK))
                add_input(inputs, path);
            free(path);
        }
    }
    return inputs;
}

static bool has_model(const json_t *models, const char *name, bool device)
{
    for (size_t i = 0; i < json_array_size(models); i++) {
        const json_t *m = json_array_get(models, i);
        const json_t *known = json_object_get(m, "asked"), *kind = json_object_get(m, "kind");
        if (known && !strcmp(json_string_value(known), name) && (kind != NULL) == device)
            return true;
    }
    return false;
}

static void add_model(json_t *models, json_t *(*describe)(const char *), const char *name,
                      bool device)
{
    json_t *model = !describe || has_model(models, name, device) ? NULL : describe(name);
    if (!model)
        return; /* where it cannot be read, the case's own inputs() says why */
    json_object_set_new(model, "asked", json_string(name));
    json_array_append_new(models, model);
}

/* What the values of the axes that name a model stand for, and what else the cases run on, each
 * once. Those of devices have a "kind". */
static json_t *models_of(const struct sn_app *app, const struct sn_plan *plan)
{
    json_t *models = json_array();
    for (size_t i = 0; i < plan->n; i++) {
        const struct sn_plan_case *pc = &plan->cases[i];
        const struct sn_case c = {.bench = pc->bench, .values = pc->values, .batch = 1};
        const struct sn_axis *axes = pc->bench->axes;
        char other[512];
        for (size_t a = 0; axes[a].name; a++) {
            if (!sn_axis_on(&axes[a], plan->clock))
                continue;
            if (axes[a].is_profile)
                add_model(models, app->describe_model, pc->values[a].text, false);
            else if (axes[a].is_device)
                add_model(models, app->describe_device, pc->values[a].text, true);
        }
        if (plan->clock != SN_CLOCK_MODEL || !pc->bench->other_profile)
            continue;
        for (unsigned p = 0; pc->bench->other_profile(&c, p, other, sizeof other); p++)
            add_model(models, app->describe_model, other, false);
    }
    return models;
}

json_t *sn_manifest_make(const struct sn_options *o, int argc, char **argv,
                         const struct sn_plan *plan, const struct sn_world *w,
                         const struct sn_app *app)
{
    json_t *mpi = sn_machine_describe_mpi(w);
    if (w->rank != 0)
        return NULL;
    json_t *args = json_array(), *ids = json_array(), *cases = json_array();
    struct sn_buf command = {0};
    for (int i = 0; i < argc; i++) {
        json_array_append_new(args, json_string(argv[i]));
        sn_buf_addf(&command, strpbrk(argv[i], " ()*'\"$&;<>|") ? "%s'%s'" : "%s%s", i ? " " : "",
                    argv[i]);
    }
    for (size_t i = 0; i < plan->n; i++) {
        char *label = sn_plan_label(&plan->cases[i]);
        json_array_append_new(ids, json_string(plan->cases[i].id));
        json_array_append_new(cases, json_string(label));
        free(label);
    }
    char now[21];
    sn_manifest_now(now);
    json_t *m = json_pack(
        "{s:s, s:s, s:o, s:s, s:s?, s:s, s:I, s:i, s:i, s:s, s:o}", "schema", SN_MANIFEST_SCHEMA,
        "version", sn_version(), "argv", args, "command", command.data, "suite", o->suite, "clock",
        o->clock == SN_CLOCK_MODEL ? "model" : "wall", "seed", (json_int_t)o->seed, "ranks",
        w->size, "launches", o->launches, "started", now, "git", git_state());
    json_object_set_new(m, "sampling",
                        json_pack("{s:I, s:I, s:f, s:f}", "min", (json_int_t)o->sample.min, "max",
                                  (json_int_t)o->sample.max, "ci", o->sample.ci, "budget_s",
                                  o->sample.budget_s));
    json_object_set_new(m, "timeout_s", json_real(o->timeout_s));
    json_object_set_new(m, "mutate", json_integer(o->mutate));
    json_object_set_new(m, "counters", o->counters ? json_string(o->counters) : json_null());
    json_object_set_new(m, "inputs", inputs_of(o, plan));
    json_object_set_new(m, "models", models_of(app, plan));
    json_object_set_new(m, "plugins",
                        app->plugins_describe ? app->plugins_describe() : json_array());
    json_t *machine = sn_machine_describe();
    char id[17];
    sn_machine_fingerprint(machine, id);
    json_object_set_new(m, "machine_id", json_string(id));
    json_object_set_new(m, "machine", machine);
    json_object_set_new(m, "mpi", mpi);
    json_object_set_new(m, "roofs", json_null());
    json_object_set_new(m, "plan", ids);
    json_object_set_new(m, "cases", cases);
    sn_buf_free(&command);
    return m;
}

json_t *sn_manifest_end(const char *status)
{
    char now[21];
    sn_manifest_now(now);
    return json_pack("{s:s, s:s, s:{s:o}}", "status", status, "finished", now, "machine_after",
                     "load", sn_machine_load());
}
