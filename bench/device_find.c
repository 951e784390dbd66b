/* Device profiles by name, kept open over the cases of a run, and as the manifest has them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/catalog.h"
#include "bench/device.h"
#include "bench/model.h"
#include "bench/profile_words.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/datadir.h"
#include "harness/sums.h"

static const struct sn_catalog devices = {.what = "device",
                                          .plural = "devices",
                                          .folder = offsetof(struct sn_datadir, devices),
                                          .own = "results/devices",
                                          .local = "snbench calibrate DIR"};

int sn_device_axis_check(const char *name_or_file)
{
    char *path;
    int status = sn_catalog_path(&devices, name_or_file, &path);
    if (status == SN_OK)
        free(path);
    return status;
}

int sn_device_open(struct sn_device *out, const char *name_or_file)
{
    char *path;
    struct sn_buf text;
    int status = sn_catalog_read(&devices, name_or_file, &path, &text);
    if (status != SN_OK)
        return status;
    status = sn_device_parse(out, text.data ? text.data : "", text.len, path);
    sn_buf_free(&text);
    free(path);
    return status;
}

static char *brief_of(const char *path)
{
    struct sn_device d;
    if (sn_device_open(&d, path) != SN_OK)
        return NULL;
    char *brief = sn_strdup(d.brief);
    sn_device_close(&d);
    return brief;
}

void sn_device_list(void (*emit)(void *out, const char *name, const char *brief,
                                 const char *unavailable),
                    void *out)
{
    sn_catalog_list(&devices, brief_of, emit, out);
}

static void release(void *device)
{
    sn_device_close(device);
    free(device);
}

int sn_device_of_case(const struct sn_case *c, const struct sn_device **out)
{
    const char *name = sn_case_text(c, "device");
    char *key = sn_strdupf("device %s", name);
    struct sn_device *d = sn_model_memo(c, key);
    int status = SN_OK;
    if (!d) {
        d = sn_calloc(1, sizeof *d);
        status = sn_device_open(d, name);
        if (status == SN_OK)
            sn_model_memo_set(c, key, d, release);
        else
            free(d);
    }
    if (status == SN_OK)
        *out = d;
    free(key);
    return status;
}

/* --- for the manifest ------------------------------------------------------------------------- */

static void add_value(json_t *figures, const char *key, const char *unit, double value,
                      enum sn_figure_class class, const char *source)
{
    json_array_append_new(figures, json_pack("{s:s, s:f, s:s, s:s, s:s}", "key", key, "value",
                                             sn_units_snap(value), "unit", unit, "class",
                                             sn_profile_class_words[class], "source", source));
}

static void add(json_t *figures, const char *key, const char *unit, const struct sn_figure *f)
{
    if (sn_figure_given(f))
        add_value(figures, key, unit, f->value, f->class, f->source);
}

static void add_table(json_t *figures, json_t *valid, const struct sn_device_table *t)
{
    struct sn_buf ops = {0};
    for (unsigned op = 0; op < SN_OPS; op++)
        if (t->ops & 1u << op)
            sn_buf_addf(&ops, "%s%s", ops.len ? "+" : "", sn_op_names[op]);
    for (size_t i = 0; i < t->n_points; i++) {
        char *key = t->over
                        ? sn_strdupf("efficiency.%s.%s.%s=%g", sn_device_roof_words[t->roof],
                                     ops.data, t->over, t->points[i].at)
                        : sn_strdupf("efficiency.%s.%s", sn_device_roof_words[t->roof], ops.data);
        add_value(figures, key, "1", t->points[i].efficiency, t->class, t->source);
        free(key);
    }
    for (size_t i = 0; i < t->n_valid; i++) {
        char *axis = sn_strdupf("%s of %s", t->valid[i].shape, ops.data);
        json_array_append_new(valid, json_pack("{s:s, s:f, s:f}", "axis", axis, "min",
                                               t->valid[i].min, "max", t->valid[i].max));
        free(axis);
    }
    if (t->over) {
        char *axis = sn_strdupf("%s of %s", t->over, ops.data);
        json_array_append_new(valid,
                              json_pack("{s:s, s:f, s:f}", "axis", axis, "min", t->points[0].at,
                                        "max", t->points[t->n_points - 1].at));
        free(axis);
    }
    sn_buf_free(&ops);
}

static json_t *describe(const struct sn_device *d, const char *path, const char *sha256)
{
    json_t *figures = json_array(), *valid = json_array(), *warnings = json_array();
    char key[32];
    add(figures, "cores", "1", &d->cores);
    add(figures, "tile.rows", "1", &d->tile_rows);
    add(figures, "tile.cols", "1", &d->tile_cols);
    for (int i = 0; i < SN_PEAKS; i++) {
        snprintf(key, sizeof key, "peak.%s", sn_peak_words[i]);
        add(figures, key, "op/s", &d->peak[i]);
    }
    add(figures, "memory.bandwidth", "B/s", &d->memory);
    add(figures, "memory.size", "B", &d->memory_bytes);
    add(figures, "l2.bandwidth", "B/s", &d->l2);
    add(figures, "l2.size", "B", &d->l2_bytes);
    add(figures, "launch", "s", &d->launch);
    add(figures, "vector_cores", "1", &d->vector_cores);
    add(figures, "streams.attention.cube", "1", &d->streams[0][0]);
    add(figures, "streams.attention.vector", "1", &d->streams[0][1]);
    add(figures, "streams.experts.cube", "1", &d->streams[1][0]);
    add(figures, "streams.experts.vector", "1", &d->streams[1][1]);
    add(figures, "host", "s", &d->host);
    add(figures, "block", "s", &d->block);
    add(figures, "skew", "1", &d->skew);
    for (size_t i = 0; i < d->n_tables; i++)
        add_table(figures, valid, &d->tables[i]);
    for (size_t i = 0; i < d->n_warnings; i++)
        json_array_append_new(warnings, json_string(d->warnings[i]));
    const char *base = strrchr(path, '/'); /* where it lies differs from machine to machine */
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "kind", "device", "name", d->name,
                     "path", base ? base + 1 : path, "sha256", sha256, "figures", figures, "valid",
                     valid, "warnings", warnings);
}

json_t *sn_device_describe(const char *name)
{
    struct sn_device d;
    char hex[65], *path;
    json_t *j = NULL;
    if (sn_catalog_path(&devices, name, &path) != SN_OK)
        return NULL;
    if (sn_sums_of_file(path, hex) == SN_OK && sn_device_open(&d, name) == SN_OK) {
        j = describe(&d, path, hex);
        sn_device_close(&d);
    }
    free(path);
    return j;
}
