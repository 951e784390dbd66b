/* The end of a report: the machine, its roofs, and how to make the run again. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/numbers.h"

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

/* "48 KiB", "15.64 GiB": memory is built in powers of two. */
static void memory(struct sn_buf *b, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    char text[SN_NUM_SIZE];
    size_t u = 0;

    for (; bytes >= 1024 && u < 5; u++)
        bytes /= 1024;
    if (bytes == rint(bytes))
        sn_buf_addf(b, "%.0f %s", bytes, units[u]);
    else
        sn_buf_addf(b, "%s %s", sn_num_sig(text, bytes), units[u]);
}

/* A scalar in words; the unit follows from the end of the key, as everywhere in the files. */
static void scalar(struct sn_buf *b, const char *key, const json_t *v)
{
    char text[64];

    if (json_is_string(v))
        sn_buf_add(b, *json_string_value(v) ? json_string_value(v) : "-");
    else if (json_is_boolean(v))
        sn_buf_add(b, json_is_true(v) ? "yes" : "no");
    else if (json_is_number(v) && ends_with(key, "bytes"))
        memory(b, json_number_value(v));
    else if (json_is_number(v) && ends_with(key, "_s"))
        sn_buf_add(b, sn_units_format(text, sizeof text, json_number_value(v), SN_UNIT_SECONDS));
    else if (json_is_number(v) && ends_with(key, "_hz"))
        sn_buf_add(b, sn_units_format(text, sizeof text, json_number_value(v), SN_UNIT_HERTZ));
    else if (json_is_integer(v))
        sn_buf_addf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_real(v))
        sn_buf_addf(b, "%.6g", json_real_value(v));
    else
        sn_buf_add(b, "-");
}

/* A value on one line: "a, b" for an array, "key value, key value" for an object. */
static void flat(struct sn_buf *b, const char *key, const json_t *v)
{
    const char *sep = "", *name;
    json_t *item;
    size_t i;

    if (json_is_array(v)) {
        json_array_foreach (v, i, item) {
            sn_buf_add(b, sep);
            flat(b, key, item);
            sep = json_is_object(item) ? "; " : ", ";
        }
    } else if (json_is_object(v)) {
        json_object_foreach ((json_t *)v, name, item) {
            sn_buf_addf(b, "%s%s ", sep, name);
            flat(b, name, item);
            sep = ", ";
        }
    } else {
        scalar(b, key, v);
    }
    if (!b->len)
        sn_buf_add(b, "-");
}

static void fact(struct sn_table *t, const char *name, const char *key, const json_t *v)
{
    struct sn_buf b = {0};

    flat(&b, key, v);
    sn_table_row(t);
    sn_table_set(t, 0, name, NULL);
    sn_table_set(t, 1, b.data, NULL);
    sn_buf_free(&b);
}

/* Facts by their path: "cpu: model"; an object inside an object stays on one line. */
static void facts(struct sn_table *t, const char *prefix, const json_t *object)
{
    const char *key, *inner;
    json_t *v, *w;

    json_object_foreach ((json_t *)object, key, v) {
        char *name = sn_strdupf("%s%s", prefix, key);
        for (char *p = name; *p; p++)
            *p = *p == '_' ? ' ' : *p;
        if (json_is_object(v) && !*prefix) {
            json_object_foreach (v, inner, w) {
                bool verbatim = strcmp(key, "environment") == 0;
                char *path = sn_strdupf("%s: %s", name, inner);
                for (char *p = path + strlen(name); *p && !verbatim; p++)
                    *p = *p == '_' ? ' ' : *p;
                fact(t, path, inner, w);
                free(path);
            }
        } else {
            fact(t, name, key, v);
        }
        free(name);
    }
}

static void two_columns(struct sn_table *t)
{
    sn_table_init(t);
    sn_table_column(t, &(struct sn_column){NULL, "fact", false, 0, SN_SHOW_PEOPLE});
    sn_table_column(t, &(struct sn_column){NULL, "value", false, 0, SN_SHOW_PEOPLE});
}

/* --- roofs ------------------------------------------------------------------------------------ */

static const struct {
    const char *key, *head;
} curves[] = {
    {"copy", "copy, one core"},
    {"read", "read, one core"},
    {"copy_shared", "copy from a neighbour"},
    {"copy_all", "the same, all ranks"},
};
enum { CURVES = sizeof curves / sizeof curves[0] };

static double point(const json_t *roofs, size_t curve, double bytes)
{
    json_t *p;
    size_t i;

    json_array_foreach (json_object_get(roofs, curves[curve].key), i, p) {
        if (json_number_value(json_object_get(p, "bytes")) == bytes)
            return sn_manifest_num(p, "bytes_per_s");
    }
    return NAN;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* All sizes of all curves, rising, each once. */
static size_t roof_sizes(const json_t *roofs, double **out)
{
    double *sizes = NULL;
    size_t n = 0, kept = 0, i;
    json_t *p;

    for (size_t c = 0; c < CURVES; c++) {
        json_array_foreach (json_object_get(roofs, curves[c].key), i, p) {
            sizes = sn_realloc(sizes, n + 1, sizeof *sizes);
            sizes[n++] = json_number_value(json_object_get(p, "bytes"));
        }
    }
    if (n > 0)
        qsort(sizes, n, sizeof *sizes, by_value);
    for (i = 0; i < n; i++)
        if (i == 0 || sizes[i] != sizes[kept - 1])
            sizes[kept++] = sizes[i];
    *out = sizes;
    return kept;
}

static void roof_table(const json_t *roofs, struct sn_doc *doc)
{
    struct sn_table t;
    char text[SN_NUM_SIZE];
    double *sizes;
    size_t n = roof_sizes(roofs, &sizes);

    sn_table_init(&t);
    sn_table_column(&t, &(struct sn_column){"bytes", "size", true, 0, SN_SHOW_PEOPLE});
    for (size_t c = 0; c < CURVES; c++) {
        char *head = sn_strdupf("%s (GB/s)", curves[c].head);
        sn_table_column(&t, &(struct sn_column){NULL, head, true, 0, SN_SHOW_PEOPLE});
        free(head);
    }
    for (size_t i = 0; i < n; i++) {
        sn_table_row(&t);
        sn_table_set(&t, 0, sn_units_format(text, sizeof text, sizes[i], SN_UNIT_BYTES), NULL);
        for (size_t c = 0; c < CURVES; c++)
            sn_table_set(&t, c + 1, sn_num_sig(text, point(roofs, c, sizes[i]) / 1e9), NULL);
    }
    if (n > 0)
        sn_doc_table(doc, &t, NULL);
    sn_table_free(&t);
    free(sizes);
}

/* Nothing where the manifest is of a version that did not measure them. */
static void arithmetic(const json_t *roofs, struct sn_doc *doc)
{
    char int8[SN_NUM_SIZE], bf16[SN_NUM_SIZE], f32[SN_NUM_SIZE], read[SN_NUM_SIZE],
        copy[SN_NUM_SIZE], read_all[SN_NUM_SIZE], copy_all[SN_NUM_SIZE];

    if (!json_object_get(roofs, "int8_op_per_s"))
        return;
    sn_num_sig(int8, sn_manifest_num(roofs, "int8_op_per_s") / 1e9);
    sn_num_sig(bf16, sn_manifest_num(roofs, "bf16_op_per_s") / 1e9);
    sn_num_sig(f32, sn_manifest_num(roofs, "f32_op_per_s") / 1e9);
    sn_num_sig(read, sn_manifest_num(roofs, "dram_read_bytes_per_s") / 1e9);
    sn_num_sig(copy, sn_manifest_num(roofs, "dram_copy_bytes_per_s") / 1e9);
    sn_num_sig(read_all, sn_manifest_num(roofs, "dram_read_all_bytes_per_s") / 1e9);
    sn_num_sig(copy_all, sn_manifest_num(roofs, "dram_copy_all_bytes_per_s") / 1e9);
    sn_doc_para(doc,
                "Arithmetic in registers, one core: int8 %s Gop/s, bf16 %s, f32 %s. Past the "
                "caches: read %s GB/s, copy %s; %.0f cores together read %s, copy %s.",
                int8, bf16, f32, read, copy, sn_manifest_num(roofs, "threads"), read_all, copy_all);
}

static void roofs_section(const json_t *manifest, struct sn_doc *doc)
{
    const json_t *roofs = sn_manifest_get(manifest, "roofs");
    char call[64], step[64], clock[64];

    if (!roofs) {
        sn_doc_para(doc, "None was measured in this run.");
        return;
    }
    sn_doc_para(doc, "What this machine can do at most, measured in the same run: the best of "
                     "several passes; a copy counts its bytes once.");
    roof_table(roofs, doc);
    sn_units_format(call, sizeof call, sn_manifest_num(roofs, "timer_call_s"), SN_UNIT_SECONDS);
    sn_units_format(step, sizeof step, sn_manifest_num(roofs, "timer_resolution_s"),
                    SN_UNIT_SECONDS);
    sn_units_format(clock, sizeof clock, sn_manifest_num(roofs, "core_hz"), SN_UNIT_HERTZ);
    sn_doc_para(doc, "Timer: %s a call, resolution %s. Core clock: %s.", call, step, clock);
    arithmetic(roofs, doc);
}

/* --- sections --------------------------------------------------------------------------------- */

char *sn_report_machine_line(const json_t *manifest)
{
    const char *model = sn_manifest_str(manifest, "machine.cpu.model", NULL);
    double cores = sn_manifest_num(manifest, "machine.topology.cores");
    double memory = sn_manifest_num(manifest, "machine.memory_bytes");
    const char *vm = sn_manifest_str(manifest, "machine.virtual_machine", NULL);
    struct sn_buf b = {0};
    char text[64], *s;

    if (!model)
        return sn_strdup("-");
    sn_buf_add(&b, model);
    if (!isnan(cores))
        sn_buf_addf(&b, ", %.0f core%s", cores, cores == 1 ? "" : "s");
    if (!isnan(memory)) {
        snprintf(text, sizeof text, "%.3g GiB", memory / 0x1p30);
        sn_buf_addf(&b, ", %s", text);
    }
    if (vm)
        sn_buf_addf(&b, ", virtual machine (%s)", vm);
    s = sn_strdup(b.data);
    sn_buf_free(&b);
    return s;
}

/* With several runs a heading names its run. */
static void heading(const struct sn_report *r, const struct sn_report_run *run, const char *text,
                    struct sn_doc *doc)
{
    char *s = r->n_runs > 1 ? sn_strdupf("%s of %s", text, run->name) : sn_strdup(text);

    sn_doc_heading(doc, 2, s);
    free(s);
}

static void machine_section(const json_t *manifest, struct sn_doc *doc)
{
    struct sn_table t;

    two_columns(&t);
    facts(&t, "", sn_manifest_get(manifest, "machine"));
    facts(&t, "mpi: ", sn_manifest_get(manifest, "mpi"));
    if (t.n_rows > 0)
        sn_doc_table(doc, &t, NULL);
    else
        sn_doc_para(doc, "The manifest does not describe the machine.");
    sn_table_free(&t);
}

/* What --plugin loaded: the file, by its content. */
static void plugins(const json_t *m, struct sn_doc *doc)
{
    const json_t *list = sn_manifest_get(m, "plugins");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        sn_doc_term(doc, "Plug-in", "%s: %s, SHA-256 %s", sn_manifest_str(p, "name", "-"),
                    sn_manifest_str(p, "path", "-"), sn_manifest_str(p, "sha256", "-"));
    }
}

static void reproduce_section(const struct sn_report_run *run, struct sn_doc *doc)
{
    const json_t *m = run->manifest;
    char *command = sn_report_command(m, NULL);
    const char *commit = sn_manifest_str(m, "git.commit", "-");
    double seed = sn_manifest_num(m, "seed"), ranks = sn_manifest_num(m, "ranks");
    const json_t *seed_json = sn_manifest_get(m, "seed");
    double launches = sn_manifest_num(m, "launches");
    struct sn_buf code = {0}, number = {0};

    if (command && ranks > 1)
        sn_buf_addf(&code, "mpiexec -n %.0f %s\n", ranks, command);
    else if (command)
        sn_buf_addf(&code, "%s\n", command);
    sn_buf_addf(&code, "snbench verify %s\nsnbench report %s --format html", run->name, run->name);
    sn_doc_code(doc, code.data);
    if (isnan(seed))
        sn_buf_add(&number, "-");
    else
        scalar(&number, "seed", seed_json);
    sn_doc_open(doc, SN_BLOCK_TERMS);
    sn_doc_term(doc, "Seed", "%s", number.data);
    if (isnan(ranks))
        sn_doc_term(doc, "Ranks", "-");
    else
        sn_doc_term(doc, "Ranks", "%.0f", ranks);
    if (launches > 1)
        sn_doc_term(doc, "Launches", "%.0f", launches);
    sn_doc_term(doc, "Source", "git commit %s%s", commit,
                json_is_true(sn_manifest_get(m, "git.dirty")) ? ", with local changes" : "");
    plugins(m, doc);
    sn_doc_term(doc, "Time", "%s to %s", sn_manifest_str(m, "started", "-"),
                sn_manifest_str(m, "finished", "-"));
    free(command);
    sn_buf_free(&code);
    sn_buf_free(&number);
}

void sn_report_machine(const struct sn_report *r, struct sn_doc *doc)
{
    for (size_t i = 0; i < r->n_runs; i++) {
        const struct sn_report_run *run = &r->runs[i];
        heading(r, run, "Machine", doc);
        machine_section(run->manifest, doc);
        heading(r, run, "Roofs", doc);
        roofs_section(run->manifest, doc);
        heading(r, run, "How to reproduce", doc);
        reproduce_section(run, doc);
    }
}
