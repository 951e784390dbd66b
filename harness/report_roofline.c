/* Rooflines: operations per second against operations per byte, of every case of several benchmarks
 * whose rows have the metric `operations`; the bytes are bytes.logical. On the model clock a figure
 * for each device profile of the run, with its peaks and its memory bandwidth; on the wall clock
 * the roofs that the run measured: of one core, and of all cores together. Of variants that compete
 * the fastest of each case stands for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"

/* The roofs of a figure: *device NULL for those of the machine. */
struct roofs {
    const json_t *device;
    struct sn_buf csv; /* 0,NAME,BANDWIDTH,PEAK a roof */
    size_t n;
};

static void add_roof(struct roofs *r, const char *name, double bandwidth, double peak)
{
    if (!(bandwidth > 0) || !(peak > 0))
        return;
    sn_buf_addf(&r->csv, "0,%s", name);
    sn_exhibit_field(&r->csv, bandwidth);
    sn_exhibit_field(&r->csv, peak);
    sn_buf_add(&r->csv, "\n");
    r->n++;
}

static double figure_of(const json_t *device, const char *key)
{
    json_t *figure;
    size_t i;

    json_array_foreach (sn_manifest_get(device, "figures"), i, figure) {
        if (!strcmp(sn_manifest_str(figure, "key", ""), key))
            return sn_manifest_num(figure, "value");
    }
    return NAN;
}

static void device_roofs(struct roofs *r)
{
    double bandwidth = figure_of(r->device, "memory.bandwidth");
    json_t *figure;
    size_t i;

    json_array_foreach (sn_manifest_get(r->device, "figures"), i, figure) {
        const char *key = sn_manifest_str(figure, "key", "");
        if (!strncmp(key, "peak.", 5))
            add_roof(r, key + 5, bandwidth, sn_manifest_num(figure, "value"));
    }
}

static void machine_roofs(const struct sn_exhibit *e, struct roofs *r)
{
    static const char *const kinds[] = {"int8", "bf16", "f32"};
    const json_t *roofs = sn_manifest_get(e->run->manifest, "roofs");
    double cores = sn_manifest_num(roofs, "threads");

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char *key = sn_strdupf("%s_op_per_s", kinds[i]),
             *one = sn_strdupf("%s on 1 core", kinds[i]);
        char *all = sn_strdupf("%s on %.0f cores", kinds[i], cores);
        double peak = sn_manifest_num(roofs, key);
        add_roof(r, one, sn_manifest_num(roofs, "dram_read_bytes_per_s"), peak);
        if (cores > 1)
            add_roof(r, all, sn_manifest_num(roofs, "dram_read_all_bytes_per_s"), peak * cores);
        free(all);
        free(one);
        free(key);
    }
}

/* Does the line run on the device: is that what one of its axes asked for? On the machine all of
 * the wall clock do. */
static bool is_on(const struct sn_line *l, const json_t *device)
{
    const char *asked = device ? sn_manifest_str(device, "asked", "") : NULL;

    if (!asked)
        return l->row->clock && !strcmp(l->row->clock, "wall");
    for (size_t i = 0; i < l->row->n_params; i++)
        if (!strcmp(l->row->params[i].text, asked))
            return true;
    return false;
}

/* Is there a faster variant of the same case? */
static bool is_beaten(const struct sn_group *g, const struct sn_line *l)
{
    int compares = g->def ? sn_bench_axis_compares(g->def) : -1;
    const char *but = compares >= 0 ? g->def->axes[compares].name : NULL;

    for (size_t i = 0; but && i < g->n_lines; i++) {
        const struct sn_line *o = &g->lines[i];
        bool rival = o != l && (o->median < l->median || (o->median == l->median && o < l));
        for (size_t a = 0; a < g->n_axes && rival; a++)
            rival = !strcmp(g->axes[a], but) ||
                    !strcmp(sn_line_param(o, g->axes[a]), sn_line_param(l, g->axes[a]));
        if (rival)
            return true;
    }
    return false;
}

static size_t points(const struct sn_group *g, const struct roofs *r, size_t series,
                     struct sn_buf *csv, const struct sn_row **first)
{
    char *name = sn_strdup(g->bench);
    size_t n = 0;

    sn_sketch_clean(name);
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_line *l = &g->lines[i];
        double ops = sn_line_metric(l, "operations"), bytes = (double)l->at->bytes.logical;
        if (!(ops > 0) || !(bytes > 0) || !is_on(l, r->device) || is_beaten(g, l))
            continue;
        sn_buf_addf(csv, "%zu,%s", series, name);
        sn_exhibit_field(csv, ops / bytes);
        sn_exhibit_field(csv, ops / l->median);
        sn_buf_add(csv, "\n");
        *first = *first ? *first : l->row;
        n++;
    }
    free(name);
    return n;
}

static void figure(const struct sn_exhibit *e, struct roofs *r)
{
    size_t n = json_array_size(json_object_get(e->decl, "benches")), series = 0, left_out = 0;
    const char *device = r->device ? sn_manifest_str(r->device, "name", "-") : NULL;
    const struct sn_row *first = NULL;
    struct sn_buf rows = {0};

    for (size_t i = 0; i < n; i++) {
        struct sn_group *g = sn_exhibit_group_of(e, i);
        if (g && series < SN_FIGURE_SERIES)
            series += points(g, r, series + 1, &rows, &first) > 0;
        else if (g)
            left_out++;
        sn_exhibit_group_free(g);
    }
    if (rows.len && r->n) {
        const char *origin = sn_origin_name(first->origin);
        bool measured = first->origin == SN_ORIGIN_MEASURED;
        char *name = device ? sn_strdupf("-%s", device) : sn_strdup("");
        char *end = sn_strdupf("%s%s%s%s", device ? "; " : "", device ? device : "",
                               measured ? "" : "; ", measured ? "" : origin);
        struct sn_figure *f = sn_exhibit_figure_named(e, name, "roofline.gp", "roofline", end);
        sn_buf_add(&f->csv, "series,name,op_per_B,op_per_s\n");
        sn_buf_add(&f->csv, rows.data);
        sn_buf_add(&f->csv, r->csv.data);
        f->args[0] = "operations per byte (inputs, weights and outputs, each once)";
        f->args[1] = "operations per second";
        f->caption = sn_strdupf("%s; a point a case, of variants that compete the fastest; lines: "
                                "the peaks, and the bandwidth of memory, %s%s.",
                                f->title,
                                device ? "of the device profile"
                                       : "measured in this run: what stays in caches may lie above",
                                left_out ? "; the first 8 benchmarks" : "");
        free(name);
        free(end);
    }
    sn_buf_free(&rows);
    sn_buf_free(&r->csv);
}

void sn_exhibit_roofline(const struct sn_exhibit *e)
{
    json_t *model;
    size_t i;

    json_array_foreach (sn_manifest_get(e->run->manifest, "models"), i, model) {
        struct roofs r = {.device = model};
        if (strcmp(sn_manifest_str(model, "kind", ""), "device"))
            continue;
        device_roofs(&r);
        figure(e, &r);
    }
    struct roofs machine = {.device = NULL};
    machine_roofs(e, &machine);
    figure(e, &machine);
}
