/* Reading a profile: the file by its libcyaml schema, then every figure by its unit, then what the
 * figures say together (comm/fabric/profile.h). The schema is described in
 * comm/fabric/profiles/README.md. */
#include "bench/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/profile_words.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/yaml.h"

/* The file, as libcyaml fills it. Numbers of figures are texts, so that what is wrong with them is
 * said in our words, with what would be right. */
struct file_figure {
    char *value, *unit, *class, *source;
};

struct file_port {
    char *name;
    struct file_figure *bandwidth;
    bool per_node;
};

struct file_path {
    char *port;
    struct file_figure *latency, *bandwidth, *read_latency, *read_bandwidth;
};

struct file_paths {
    struct file_path *self, *package, *node, *supernode, *cpu, *cpu_remote;
};

struct file_machine {
    unsigned dies, dies_per_npu, dies_per_node, cpus_per_node;
    char *source;
};

struct file_planes {
    unsigned count, l2_per_plane;
    char *port, *spread, *source;
    struct file_figure *link, *uplink;
};

struct file_costs {
    struct file_figure *launch, *issue, *flag, *sync_base, *sync_step, *memory;
};

struct file_range {
    char *axis, *min, *max;
};

struct file {
    char *name, *brief;
    struct file_machine *machine;
    struct file_planes *planes;
    struct file_port *ports;
    unsigned ports_count;
    struct file_paths *paths;
    struct file_costs *cost;
    struct file_range *valid;
    unsigned valid_count;
    char **warnings;
    unsigned warnings_count;
};

enum { WORD_MAX = 64, TEXT_MAX = 4096, ENTRIES_MAX = 64 };
enum { MUST = CYAML_FLAG_POINTER, MAY = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL };

#define WORD(s, key, flags)   CYAML_FIELD_STRING_PTR(#key, flags, struct s, key, 1, WORD_MAX)
#define TEXT(s, key, flags)   CYAML_FIELD_STRING_PTR(#key, flags, struct s, key, 1, TEXT_MAX)
#define FIGURE(s, key, flags) CYAML_FIELD_MAPPING_PTR(#key, flags, struct s, key, figure_fields)
#define UINT(s, key, flags)   CYAML_FIELD_UINT(#key, flags, struct s, key)

static const cyaml_schema_field_t figure_fields[] = {
    WORD(file_figure, value, MUST),
    WORD(file_figure, unit, MUST),
    WORD(file_figure, class, MUST),
    TEXT(file_figure, source, MUST),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t port_fields[] = {
    WORD(file_port, name, MUST),
    FIGURE(file_port, bandwidth, MUST),
    CYAML_FIELD_BOOL("per_node", CYAML_FLAG_OPTIONAL, struct file_port, per_node),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t port_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_port, port_fields)};

/* Latency is optional for the copies of a die in its own memory alone; convert_path() sees to it.
 */
static const cyaml_schema_field_t path_fields[] = {
    WORD(file_path, port, MAY),
    FIGURE(file_path, latency, MAY),
    FIGURE(file_path, bandwidth, MUST),
    FIGURE(file_path, read_latency, MAY),
    FIGURE(file_path, read_bandwidth, MAY),
    CYAML_FIELD_END,
};

#define PATH(key) CYAML_FIELD_MAPPING_PTR(#key, MAY, struct file_paths, key, path_fields)
static const cyaml_schema_field_t paths_fields[] = {
    PATH(self), PATH(package),    PATH(node),      PATH(supernode),
    PATH(cpu),  PATH(cpu_remote), CYAML_FIELD_END,
};

static const cyaml_schema_field_t machine_fields[] = {
    UINT(file_machine, dies, CYAML_FLAG_DEFAULT),
    UINT(file_machine, dies_per_npu, CYAML_FLAG_DEFAULT),
    UINT(file_machine, dies_per_node, CYAML_FLAG_DEFAULT),
    UINT(file_machine, cpus_per_node, CYAML_FLAG_DEFAULT),
    TEXT(file_machine, source, MUST),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t planes_fields[] = {
    UINT(file_planes, count, CYAML_FLAG_DEFAULT),
    UINT(file_planes, l2_per_plane, CYAML_FLAG_DEFAULT),
    WORD(file_planes, port, MUST),
    WORD(file_planes, spread, MUST),
    TEXT(file_planes, source, MUST),
    FIGURE(file_planes, link, MUST),
    FIGURE(file_planes, uplink, MUST),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t costs_fields[] = {
    FIGURE(file_costs, launch, MAY),
    FIGURE(file_costs, issue, MAY),
    FIGURE(file_costs, flag, MAY),
    FIGURE(file_costs, sync_base, MAY),
    FIGURE(file_costs, sync_step, MAY),
    FIGURE(file_costs, memory, MAY),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t range_fields[] = {
    WORD(file_range, axis, MUST),
    WORD(file_range, min, MUST),
    WORD(file_range, max, MUST),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t range_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_range, range_fields)};

static const cyaml_schema_value_t warning_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t file_fields[] = {
    WORD(file, name, MUST),
    TEXT(file, brief, MUST),
    CYAML_FIELD_MAPPING_PTR("machine", MUST, struct file, machine, machine_fields),
    CYAML_FIELD_MAPPING_PTR("planes", MAY, struct file, planes, planes_fields),
    CYAML_FIELD_SEQUENCE("ports", MUST, struct file, ports, &port_schema, 1, ENTRIES_MAX),
    CYAML_FIELD_MAPPING_PTR("paths", MUST, struct file, paths, paths_fields),
    CYAML_FIELD_MAPPING_PTR("cost", MAY, struct file, cost, costs_fields),
    CYAML_FIELD_SEQUENCE("valid", MAY, struct file, valid, &range_schema, 0, ENTRIES_MAX),
    CYAML_FIELD_SEQUENCE("warnings", MAY, struct file, warnings, &warning_schema, 0, 1024),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields)};

/* What the profile's strings and arrays live in. */
struct storage {
    struct sn_yaml yaml;
    char *path;
};

struct reader {
    const struct sn_yaml *yaml;
    const char *path;
};

/* The line of the value at `where`, or of the innermost one around it that the file has. Members
 * of struct sn_profile that sn_profile_check() names stand in groups in the file. */
static int line_at(const struct reader *r, const char *where)
{
    static const char *const groups[] = {"", "machine.", "planes."};
    int line = 0;
    for (size_t g = 0; !line && g < sizeof groups / sizeof *groups; g++) {
        char *key =
            sn_strdupf("%s%s", groups[g], strcmp(where, "planes_port") ? where : "planes.port");
        line = sn_yaml_line(r->yaml, key);
        for (char *dot; !line && !g && (dot = strrchr(key, '.'));) {
            *dot = '\0';
            line = sn_yaml_line(r->yaml, key);
        }
        free(key);
    }
    return line ? line : 1;
}

/* What a figure is. An offset is a time that may be negative: sync_base, the intercept of a line in
 * log2 EP that is used far from 0 only. */
enum kind { TIME, OFFSET, RATE };

#define WRONG(r, where, ...)                                                                       \
    (SN_FAIL(SN_EINVAL, __VA_ARGS__), sn_status_prefix("%s:%d", (r)->path, line_at((r), (where))), \
     SN_EINVAL)

static int convert_class(const struct reader *r, const struct file_figure *f, const char *where,
                         enum sn_figure_class *out)
{
    for (size_t c = SN_FIGURE_SPEC; sn_profile_class_words[c]; c++)
        if (!strcmp(f->class, sn_profile_class_words[c])) {
            *out = (enum sn_figure_class)c;
            return SN_OK;
        }
    const char *near = sn_nearest(f->class, sn_profile_class_words + 1, 3);
    char *key = sn_strdupf("%s.class", where);
    int status =
        WRONG(r, key, "%s: no class '%.64s'%s%s%s (classes: spec, calibrated, derived)", where,
              f->class, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(key);
    return status;
}

/* "196" and "GB/s" as 1.96e11; the text of the number may carry no word of its own. */
static int convert_value(const struct reader *r, const struct file_figure *f, const char *where,
                         enum kind kind, double *out)
{
    enum sn_unit unit = kind == RATE ? SN_UNIT_BYTES_PER_S : SN_UNIT_SECONDS;
    const char *right = kind != RATE ? "s, ms, us, ns" : "B/s, MB/s, GB/s, TB/s, GiB/s";
    char *key = sn_strdupf("%s.value", where), *unit_key = sn_strdupf("%s.unit", where);
    char *one = sn_strdupf("1 %s", f->unit), *text = sn_strdupf("%s %s", f->value, f->unit);
    double x;
    int status;
    /* K, M and G alone are suffixes of counts, no units. */
    if (strspn(f->unit, "KMGkmg") == strlen(f->unit) || sn_units_parse_real(one, unit, &x) != SN_OK)
        status = WRONG(r, unit_key, "%s is a %s, '%.64s' is no unit of that; right are %s", where,
                       kind != RATE ? "time" : "rate", f->unit, right);
    else if (sn_units_parse_real(f->value, SN_UNIT_FRACTION, &x) != SN_OK ||
             strchr(f->value, '%') || sn_units_parse_real(text, unit, out) != SN_OK)
        status = WRONG(r, key, "%s: '%.64s' is not a finite number such as 196 or 0.929", where,
                       f->value);
    else if (*out < 0 && kind != OFFSET)
        status = WRONG(r, key, "%s is negative: %.64s %.64s", where, f->value, f->unit);
    else if (*out == 0 && kind == RATE)
        status = WRONG(r, key, "%s is zero: nothing would ever arrive", where);
    else
        status = SN_OK;
    free(key);
    free(unit_key);
    free(one);
    free(text);
    return status;
}

static const struct sn_figure not_given = {.value = NAN, .class = SN_FIGURE_NONE};

/* `f` is NULL where the file does not give it. `parent.key` is where it stands. */
static int convert_figure(const struct reader *r, const struct file_figure *f, const char *parent,
                          const char *key, enum kind kind, struct sn_figure *out)
{
    *out = not_given;
    if (!f)
        return SN_OK;
    struct sn_figure g = {.source = f->source};
    char *where = sn_strdupf("%s.%s", parent, key);
    int status = convert_value(r, f, where, kind, &g.value);
    if (status == SN_OK)
        status = convert_class(r, f, where, &g.class);
    if (status == SN_OK) {
        g.value += 0.0; /* -0 becomes 0 */
        *out = g;
    }
    free(where);
    return status;
}

static int find_port(const struct sn_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_ports; i++)
        if (!strcmp(p->ports[i].name, name))
            return (int)i;
    return -1;
}

static int unknown_port(const struct reader *r, const struct sn_profile *p, const char *where,
                        const char *name)
{
    const char *names[ENTRIES_MAX];
    struct sn_buf all = {0};
    for (size_t i = 0; i < p->n_ports; i++) {
        names[i] = p->ports[i].name;
        sn_buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = sn_nearest(name, names, p->n_ports);
    int status =
        WRONG(r, where, "%s: unknown port '%.64s'%s%s%s (ports: %s)", where, name,
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", all.data);
    sn_buf_free(&all);
    return status;
}

static int convert_ports(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    p->ports = sn_calloc(f->ports_count, sizeof *p->ports);
    for (unsigned i = 0; i < f->ports_count; i++) {
        const struct file_port *g = &f->ports[i];
        char where[32];
        snprintf(where, sizeof where, "ports.%u", i);
        if (find_port(p, g->name) >= 0)
            return WRONG(r, where, "a second port '%.64s'", g->name);
        p->ports[i] = (struct sn_profile_port){.name = g->name, .per_node = g->per_node};
        p->n_ports = i + 1;
        int status =
            convert_figure(r, g->bandwidth, where, "bandwidth", RATE, &p->ports[i].bandwidth);
        if (status != SN_OK)
            return status;
    }
    return SN_OK;
}

static int convert_path(const struct reader *r, const struct file_path *f,
                        const struct sn_profile *p, enum sn_path path, struct sn_profile_path *out)
{
    char where[32], key[64];
    snprintf(where, sizeof where, "paths.%s", sn_path_words[path]);
    *out = (struct sn_profile_path){
        .port = -1,
        not_given,
        not_given,
        not_given,
        not_given,
    };
    if (!f)
        return SN_OK;
    if (f->port) {
        snprintf(key, sizeof key, "%s.port", where);
        if (path == SN_PATH_SELF)
            return WRONG(r, key, "%s: a copy within a die goes through no port", key);
        out->port = find_port(p, f->port);
        if (out->port < 0)
            return unknown_port(r, p, key, f->port);
    } else if (path != SN_PATH_SELF) {
        return WRONG(r, where, "%s: the key 'port' is missing", where);
    }
    if (!f->latency && path != SN_PATH_SELF)
        return WRONG(r, where, "%s: the key 'latency' is missing", where);
    const struct {
        const char *key;
        const struct file_figure *from;
        enum kind kind;
        struct sn_figure *to;
    } figures[] = {
        {"latency", f->latency, TIME, &out->latency},
        {"bandwidth", f->bandwidth, RATE, &out->bandwidth},
        {"read_latency", f->read_latency, TIME, &out->read_latency},
        {"read_bandwidth", f->read_bandwidth, RATE, &out->read_bandwidth},
    };
    int status = SN_OK;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && status == SN_OK; i++)
        status = convert_figure(r, figures[i].from, where, figures[i].key, figures[i].kind,
                                figures[i].to);
    return status;
}

static int convert_paths(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    const struct file_paths *g = f->paths;
    const struct file_path *const paths[SN_PATHS] = {
        [SN_PATH_SELF] = g->self, [SN_PATH_PACKAGE] = g->package,
        [SN_PATH_NODE] = g->node, [SN_PATH_SUPERNODE] = g->supernode,
        [SN_PATH_CPU] = g->cpu,   [SN_PATH_CPU_REMOTE] = g->cpu_remote,
    };
    int status = SN_OK;
    for (int i = 0; i < SN_PATHS && status == SN_OK; i++)
        status = convert_path(r, paths[i], p, (enum sn_path)i, &p->paths[i]);
    return status;
}

static int convert_costs(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    static const struct file_costs none;
    const struct file_costs *g = f->cost ? f->cost : &none;
    const struct {
        const char *key;
        const struct file_figure *from;
        enum kind kind;
        struct sn_figure *to;
    } figures[] = {
        {"launch", g->launch, TIME, &p->cost.launch},
        {"issue", g->issue, TIME, &p->cost.issue},
        {"flag", g->flag, TIME, &p->cost.flag},
        {"sync_base", g->sync_base, OFFSET, &p->cost.sync_base},
        {"sync_step", g->sync_step, TIME, &p->cost.sync_step},
        {"memory", g->memory, RATE, &p->cost.memory},
    };
    int status = SN_OK;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && status == SN_OK; i++)
        status = convert_figure(r, figures[i].from, "cost", figures[i].key, figures[i].kind,
                                figures[i].to);
    return status;
}

static int convert_machine(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    const struct file_machine *g = f->machine;
    p->dies = g->dies;
    p->dies_per_npu = g->dies_per_npu;
    p->dies_per_node = g->dies_per_node;
    p->cpus_per_node = g->cpus_per_node;
    p->machine_source = g->source;
    return SN_OK;
}

static int convert_planes(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    static const char *const spreads[] = {"sprayed", "hashed"};
    const struct file_planes *g = f->planes;
    p->link = p->uplink = not_given;
    if (!g)
        return SN_OK;
    if (!g->count)
        return WRONG(r, "planes.count", "planes.count is 0: leave out planes where there are none");
    if (strcmp(g->spread, spreads[0]) && strcmp(g->spread, spreads[1]))
        return WRONG(r, "planes.spread", "planes.spread: '%.64s' is neither sprayed nor hashed",
                     g->spread);
    if (find_port(p, g->port) < 0)
        return unknown_port(r, p, "planes.port", g->port);
    p->planes = g->count;
    p->l2_per_plane = g->l2_per_plane;
    p->planes_port = g->port;
    p->hashed = !strcmp(g->spread, spreads[1]);
    p->planes_source = g->source;
    int status = convert_figure(r, g->link, "planes", "link", RATE, &p->link);
    if (status == SN_OK)
        status = convert_figure(r, g->uplink, "planes", "uplink", RATE, &p->uplink);
    return status;
}

static int convert_valid(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    p->valid = sn_calloc(f->valid_count, sizeof *p->valid);
    for (unsigned i = 0; i < f->valid_count; i++) {
        const struct file_range *g = &f->valid[i];
        struct sn_profile_range range = {.axis = g->axis};
        char where[48];
        snprintf(where, sizeof where, "valid.%u", i);
        if (sn_units_parse_real(g->min, SN_UNIT_COUNT, &range.min) != SN_OK ||
            sn_units_parse_real(g->max, SN_UNIT_COUNT, &range.max) != SN_OK)
            return sn_status_prefix("%s:%d: %s", r->path, line_at(r, where), where), SN_EINVAL;
        if (range.min > range.max)
            return WRONG(r, where, "%s: min %.64s is above max %.64s", where, g->min, g->max);
        p->valid[i] = range;
        p->n_valid = i + 1;
    }
    p->n_warnings = f->warnings_count;
    p->warnings = sn_calloc(p->n_warnings, sizeof *p->warnings);
    for (size_t i = 0; i < p->n_warnings; i++)
        p->warnings[i] = f->warnings[i];
    return SN_OK;
}

static int convert(const struct reader *r, const struct file *f, struct sn_profile *p)
{
    static int (*const parts[])(const struct reader *, const struct file *, struct sn_profile *) = {
        convert_machine, convert_ports, convert_paths, convert_planes, convert_costs, convert_valid,
    };
    p->name = f->name;
    p->brief = f->brief;
    p->path = r->path;
    int status = SN_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == SN_OK; i++)
        status = parts[i](r, f, p);
    const char *where = NULL;
    if (status == SN_OK) {
        status = sn_profile_check(p, &where);
        if (status != SN_OK)
            sn_status_prefix("%s:%d", r->path, line_at(r, where ? where : ""));
    }
    return status;
}

int sn_profile_parse(struct sn_profile *out, const char *text, size_t n, const char *path)
{
    struct sn_yaml yaml;
    int status = sn_yaml_parse(&yaml, &file_schema, text, n, path);
    if (status != SN_OK)
        return status;
    struct storage *s = sn_calloc(1, sizeof *s);
    s->yaml = yaml;
    s->path = sn_strdup(path);
    struct sn_profile p = {.storage = s};
    struct reader r = {.yaml = &s->yaml, .path = s->path};
    status = convert(&r, yaml.data, &p);
    if (status == SN_OK)
        *out = p;
    else
        sn_profile_close(&p);
    return status;
}

void sn_profile_close(struct sn_profile *p)
{
    struct storage *s = p->storage;
    if (s) {
        free(p->ports);
        free(p->valid);
        free(p->warnings);
        sn_yaml_free(&s->yaml);
        free(s->path);
        free(s);
    }
    *p = (struct sn_profile){0};
}
