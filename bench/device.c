/* Reading a device profile: the file by its libcyaml schema, then every figure by its unit, then
 * what the figures say together (kernels/device.h). The schema is described in
 * kernels/devices/README.md. */
#include "bench/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/figure.h"

/* The file, as libcyaml fills it. */
struct file_tile {
    struct sn_figure_file *rows, *cols;
};

struct file_stream {
    struct sn_figure_file *cube, *vector;
};

struct file_streams {
    struct file_stream *attention, *experts;
};

struct file_peak {
    struct sn_figure_file *int8, *bf16, *f32;
};

struct file_memory {
    struct sn_figure_file *bandwidth, *size;
};

struct file_point {
    char *at, *efficiency;
};

struct file_range {
    char *shape, *min, *max;
};

struct file_table {
    char **of;
    unsigned of_count;
    char *roof, *over, *class, *source;
    struct file_point *points;
    unsigned points_count;
    struct file_range *valid;
    unsigned valid_count;
};

struct file {
    char *name, *brief;
    struct sn_figure_file *cores, *launch, *vector_cores, *host, *block, *skew;
    struct file_streams *streams;
    struct file_tile *tile;
    struct file_peak *peak;
    struct file_memory *memory, *l2;
    struct file_table *efficiency;
    unsigned efficiency_count;
    char **warnings;
    unsigned warnings_count;
};

enum { WORD_MAX = 64, TEXT_MAX = 4096, TABLES_MAX = 64, POINTS_MAX = 256 };
enum { MUST = CYAML_FLAG_POINTER, MAY = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL };

#define WORD(s, key, flags)   CYAML_FIELD_STRING_PTR(#key, flags, struct s, key, 1, WORD_MAX)
#define TEXT(s, key, flags)   CYAML_FIELD_STRING_PTR(#key, flags, struct s, key, 1, TEXT_MAX)
#define FIGURE(s, key, flags) CYAML_FIELD_MAPPING_PTR(#key, flags, struct s, key, sn_figure_fields)

static const cyaml_schema_field_t tile_fields[] = {
    FIGURE(file_tile, rows, MUST),
    FIGURE(file_tile, cols, MUST),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t stream_fields[] = {
    FIGURE(file_stream, cube, MUST),
    FIGURE(file_stream, vector, MUST),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t streams_fields[] = {
    CYAML_FIELD_MAPPING_PTR("attention", MUST, struct file_streams, attention, stream_fields),
    CYAML_FIELD_MAPPING_PTR("experts", MUST, struct file_streams, experts, stream_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t peak_fields[] = {
    FIGURE(file_peak, int8, MAY),
    FIGURE(file_peak, bf16, MAY),
    FIGURE(file_peak, f32, MAY),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t memory_fields[] = {
    FIGURE(file_memory, bandwidth, MUST),
    FIGURE(file_memory, size, MAY),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t point_fields[] = {
    WORD(file_point, at, MAY),
    WORD(file_point, efficiency, MUST),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t point_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_point, point_fields)};

static const cyaml_schema_field_t range_fields[] = {
    WORD(file_range, shape, MUST),
    WORD(file_range, min, MUST),
    WORD(file_range, max, MUST),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t range_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_range, range_fields)};

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t table_fields[] = {
    CYAML_FIELD_SEQUENCE("of", MUST, struct file_table, of, &text_schema, 1, TABLES_MAX),
    WORD(file_table, roof, MUST),
    WORD(file_table, over, MAY),
    CYAML_FIELD_SEQUENCE("points", MUST, struct file_table, points, &point_schema, 1, POINTS_MAX),
    CYAML_FIELD_SEQUENCE("valid", MAY, struct file_table, valid, &range_schema, 0, TABLES_MAX),
    WORD(file_table, class, MUST),
    TEXT(file_table, source, MUST),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t table_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_table, table_fields)};

static const cyaml_schema_field_t file_fields[] = {
    WORD(file, name, MUST),
    TEXT(file, brief, MUST),
    FIGURE(file, cores, MAY),
    FIGURE(file, vector_cores, MAY),
    CYAML_FIELD_MAPPING_PTR("streams", MAY, struct file, streams, streams_fields),
    FIGURE(file, host, MAY),
    FIGURE(file, block, MAY),
    FIGURE(file, skew, MAY),
    CYAML_FIELD_MAPPING_PTR("tile", MAY, struct file, tile, tile_fields),
    CYAML_FIELD_MAPPING_PTR("peak", MUST, struct file, peak, peak_fields),
    CYAML_FIELD_MAPPING_PTR("memory", MUST, struct file, memory, memory_fields),
    CYAML_FIELD_MAPPING_PTR("l2", MAY, struct file, l2, memory_fields),
    FIGURE(file, launch, MAY),
    CYAML_FIELD_SEQUENCE("efficiency", MAY, struct file, efficiency, &table_schema, 0, TABLES_MAX),
    CYAML_FIELD_SEQUENCE("warnings", MAY, struct file, warnings, &text_schema, 0, 1024),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields)};

/* What the profile's strings and arrays live in. */
struct storage {
    struct sn_yaml yaml;
    char *path;
};

static int convert_figures(const struct sn_figure_reader *r, const struct file *f,
                           struct sn_device *d)
{
    static const struct file_tile no_tile;
    static const struct file_memory no_memory;
    static struct file_stream no_stream;
    static const struct file_streams no_streams = {&no_stream, &no_stream};
    const struct file_streams *streams = f->streams ? f->streams : &no_streams;
    const struct file_tile *tile = f->tile ? f->tile : &no_tile;
    const struct file_memory *l2 = f->l2 ? f->l2 : &no_memory;
    const struct {
        const char *where;
        const struct sn_figure_file *from;
        enum sn_unit unit;
        struct sn_figure *to;
    } figures[] = {
        {"cores", f->cores, SN_UNIT_COUNT, &d->cores},
        {"tile.rows", tile->rows, SN_UNIT_COUNT, &d->tile_rows},
        {"tile.cols", tile->cols, SN_UNIT_COUNT, &d->tile_cols},
        {"peak.int8", f->peak->int8, SN_UNIT_OPS_PER_S, &d->peak[SN_PEAK_INT8]},
        {"peak.bf16", f->peak->bf16, SN_UNIT_OPS_PER_S, &d->peak[SN_PEAK_BF16]},
        {"peak.f32", f->peak->f32, SN_UNIT_OPS_PER_S, &d->peak[SN_PEAK_F32]},
        {"memory.bandwidth", f->memory->bandwidth, SN_UNIT_BYTES_PER_S, &d->memory},
        {"memory.size", f->memory->size, SN_UNIT_BYTES, &d->memory_bytes},
        {"l2.bandwidth", l2->bandwidth, SN_UNIT_BYTES_PER_S, &d->l2},
        {"l2.size", l2->size, SN_UNIT_BYTES, &d->l2_bytes},
        {"launch", f->launch, SN_UNIT_SECONDS, &d->launch},
        {"vector_cores", f->vector_cores, SN_UNIT_COUNT, &d->vector_cores},
        {"streams.attention.cube", streams->attention->cube, SN_UNIT_COUNT, &d->streams[0][0]},
        {"streams.attention.vector", streams->attention->vector, SN_UNIT_COUNT, &d->streams[0][1]},
        {"streams.experts.cube", streams->experts->cube, SN_UNIT_COUNT, &d->streams[1][0]},
        {"streams.experts.vector", streams->experts->vector, SN_UNIT_COUNT, &d->streams[1][1]},
        {"host", f->host, SN_UNIT_SECONDS, &d->host},
        {"block", f->block, SN_UNIT_SECONDS, &d->block},
        {"skew", f->skew, SN_UNIT_COUNT, &d->skew},
    };
    int status = SN_OK;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && status == SN_OK; i++)
        status =
            sn_figure_read(r, figures[i].from, figures[i].where, figures[i].unit, figures[i].to);
    return status;
}

/* The index of a word; SN_EINVAL with the nearest. */
static int find_word(const struct sn_figure_reader *r, const char *where, const char *what,
                     const char *const *words, const char *word, size_t *out)
{
    size_t n = 0;
    struct sn_buf all = {0};
    for (; words[n]; n++) {
        if (!strcmp(words[n], word)) {
            *out = n;
            sn_buf_free(&all);
            return SN_OK;
        }
        sn_buf_addf(&all, "%s%s", n ? ", " : "", words[n]);
    }
    const char *near = sn_nearest(word, words, n);
    int status = SN_FIGURE_WRONG(r, where, "%s: unknown %s '%.64s'%s%s%s (%s)", where, what, word,
                                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                                 all.data);
    sn_buf_free(&all);
    return status;
}

static int convert_number(const struct sn_figure_reader *r, const char *text, enum sn_unit unit,
                          const char *where, double *out)
{
    if (sn_units_parse_real(text, unit, out) == SN_OK)
        return SN_OK;
    sn_status_prefix("%s:%d: %s", r->path, sn_figure_line(r, where), where);
    return SN_EINVAL;
}

static int convert_points(const struct sn_figure_reader *r, const struct file_table *f,
                          const char *where, struct sn_device_table *t)
{
    t->points = sn_calloc(f->points_count, sizeof *t->points);
    for (unsigned i = 0; i < f->points_count; i++) {
        const struct file_point *p = &f->points[i];
        char *at = sn_strdupf("%s.points.%u", where, i);
        int status = SN_OK;
        if (!p->at != !t->over)
            status = SN_FIGURE_WRONG(r, at, "%s: %s", at,
                                     t->over ? "the key 'at' is missing"
                                             : "'at' without 'over' says of no shape");
        if (status == SN_OK && p->at)
            status = convert_number(r, p->at, SN_UNIT_COUNT, at, &t->points[i].at);
        if (status == SN_OK)
            status =
                convert_number(r, p->efficiency, SN_UNIT_FRACTION, at, &t->points[i].efficiency);
        free(at);
        if (status != SN_OK)
            return status;
        t->n_points = i + 1;
    }
    return SN_OK;
}

static int convert_table(const struct sn_figure_reader *r, const struct file_table *f, size_t index,
                         struct sn_device_table *t)
{
    char where[48], at[80];
    size_t word;
    snprintf(where, sizeof where, "efficiency.%zu", index);
    *t = (struct sn_device_table){.over = f->over, .source = f->source};
    int status = SN_OK;
    for (unsigned i = 0; i < f->of_count && status == SN_OK; i++) {
        snprintf(at, sizeof at, "%s.of.%u", where, i);
        status = find_word(r, at, "operation", sn_op_names, f->of[i], &word);
        if (status == SN_OK)
            t->ops |= 1u << word;
    }
    snprintf(at, sizeof at, "%s.roof", where);
    if (status == SN_OK)
        status = find_word(r, at, "roof", sn_device_roof_words, f->roof, &word);
    if (status == SN_OK)
        t->roof = (enum sn_device_roof)word;
    snprintf(at, sizeof at, "%s.class", where);
    if (status == SN_OK)
        status = sn_figure_class(r, f->class, at, &t->class);
    if (status == SN_OK)
        status = convert_points(r, f, where, t);
    t->valid = sn_calloc(f->valid_count, sizeof *t->valid);
    for (unsigned i = 0; i < f->valid_count && status == SN_OK; i++) {
        snprintf(at, sizeof at, "%s.valid.%u", where, i);
        t->valid[i].shape = f->valid[i].shape;
        status = convert_number(r, f->valid[i].min, SN_UNIT_COUNT, at, &t->valid[i].min);
        if (status == SN_OK)
            status = convert_number(r, f->valid[i].max, SN_UNIT_COUNT, at, &t->valid[i].max);
        t->n_valid = i + 1;
    }
    return status;
}

static int convert(const struct sn_figure_reader *r, const struct file *f, struct sn_device *d)
{
    d->name = f->name;
    d->brief = f->brief;
    d->path = r->path;
    int status = convert_figures(r, f, d);
    d->tables = sn_calloc(f->efficiency_count, sizeof *d->tables);
    for (unsigned i = 0; i < f->efficiency_count && status == SN_OK; i++) {
        d->n_tables = i + 1;
        status = convert_table(r, &f->efficiency[i], i, &d->tables[i]);
    }
    d->n_warnings = f->warnings_count;
    d->warnings = sn_calloc(d->n_warnings, sizeof *d->warnings);
    for (size_t i = 0; i < d->n_warnings; i++)
        d->warnings[i] = f->warnings[i];
    char where[SN_DEVICE_WHERE];
    if (status == SN_OK && (status = sn_device_check(d, where)) != SN_OK)
        sn_status_prefix("%s:%d", r->path, sn_figure_line(r, where));
    return status;
}

int sn_device_parse(struct sn_device *out, const char *text, size_t n, const char *path)
{
    struct sn_yaml yaml;
    int status = sn_yaml_parse(&yaml, &file_schema, text, n, path);
    if (status != SN_OK)
        return status;
    struct storage *s = sn_calloc(1, sizeof *s);
    s->yaml = yaml;
    s->path = sn_strdup(path);
    struct sn_device d = {.storage = s};
    struct sn_figure_reader r = {.yaml = &s->yaml, .path = s->path};
    status = convert(&r, yaml.data, &d);
    if (status == SN_OK)
        *out = d;
    else
        sn_device_close(&d);
    return status;
}

void sn_device_close(struct sn_device *d)
{
    struct storage *s = d->storage;
    if (s) {
        for (size_t i = 0; i < d->n_tables; i++) {
            free(d->tables[i].points);
            free(d->tables[i].valid);
        }
        free(d->tables);
        free(d->warnings);
        sn_yaml_free(&s->yaml);
        free(s->path);
        free(s);
    }
    *d = (struct sn_device){0};
}
