/* Reading a profile: the file by its libcyaml schema (profile_schema.c), then every figure by its
 * unit, then what the figures say together (comm/fabric/profile.h). */
#include "bench/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/profile_file.h"
#include "bench/profile_words.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

/* What the profile's strings and arrays live in. */
struct storage {
    struct sn_yaml yaml;
    char *path;
};

int sn_profile_line(const struct sn_profile_reader *r, const char *where)
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

static int convert_class(const struct sn_profile_reader *r, const struct sn_profile_file_figure *f,
                         const char *where, enum sn_figure_class *out)
{
    for (size_t c = SN_FIGURE_SPEC; sn_profile_class_words[c]; c++)
        if (!strcmp(f->class, sn_profile_class_words[c])) {
            *out = (enum sn_figure_class)c;
            return SN_OK;
        }
    const char *near = sn_nearest(f->class, sn_profile_class_words + 1, 3);
    char *key = sn_strdupf("%s.class", where);
    int status = SN_PROFILE_WRONG(
        r, key, "%s: no class '%.64s'%s%s%s (classes: spec, calibrated, derived)", where, f->class,
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(key);
    return status;
}

/* "196" and "GB/s" as 1.96e11; the text of the number may carry no word of its own. */
static int convert_value(const struct sn_profile_reader *r, const struct sn_profile_file_figure *f,
                         const char *where, enum kind kind, double *out)
{
    enum sn_unit unit = kind == RATE ? SN_UNIT_BYTES_PER_S : SN_UNIT_SECONDS;
    const char *right = kind != RATE ? "s, ms, us, ns" : "B/s, MB/s, GB/s, TB/s, GiB/s";
    char *key = sn_strdupf("%s.value", where), *unit_key = sn_strdupf("%s.unit", where);
    char *one = sn_strdupf("1 %s", f->unit), *text = sn_strdupf("%s %s", f->value, f->unit);
    double x;
    int status;
    /* K, M and G alone are suffixes of counts, no units. */
    if (strspn(f->unit, "KMGkmg") == strlen(f->unit) || sn_units_parse_real(one, unit, &x) != SN_OK)
        status =
            SN_PROFILE_WRONG(r, unit_key, "%s is a %s, '%.64s' is no unit of that; right are %s",
                             where, kind != RATE ? "time" : "rate", f->unit, right);
    else if (sn_units_parse_real(f->value, SN_UNIT_FRACTION, &x) != SN_OK ||
             strchr(f->value, '%') || sn_units_parse_real(text, unit, out) != SN_OK)
        status = SN_PROFILE_WRONG(r, key, "%s: '%.64s' is not a finite number such as 196 or 0.929",
                                  where, f->value);
    else if (*out < 0 && kind != OFFSET)
        status = SN_PROFILE_WRONG(r, key, "%s is negative: %.64s %.64s", where, f->value, f->unit);
    else if (*out == 0 && kind == RATE)
        status = SN_PROFILE_WRONG(r, key, "%s is zero: nothing would ever arrive", where);
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
static int convert_figure(const struct sn_profile_reader *r, const struct sn_profile_file_figure *f,
                          const char *parent, const char *key, enum kind kind,
                          struct sn_figure *out)
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

static int unknown_port(const struct sn_profile_reader *r, const struct sn_profile *p,
                        const char *where, const char *name)
{
    const char *names[SN_PROFILE_ENTRIES_MAX];
    struct sn_buf all = {0};
    for (size_t i = 0; i < p->n_ports; i++) {
        names[i] = p->ports[i].name;
        sn_buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = sn_nearest(name, names, p->n_ports);
    int status = SN_PROFILE_WRONG(r, where, "%s: unknown port '%.64s'%s%s%s (ports: %s)", where,
                                  name, near ? "; did you mean '" : "", near ? near : "",
                                  near ? "'?" : "", all.data);
    sn_buf_free(&all);
    return status;
}

static int convert_ports(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                         struct sn_profile *p)
{
    p->ports = sn_calloc(f->ports_count, sizeof *p->ports);
    for (unsigned i = 0; i < f->ports_count; i++) {
        const struct sn_profile_file_port *g = &f->ports[i];
        char where[32];
        snprintf(where, sizeof where, "ports.%u", i);
        if (find_port(p, g->name) >= 0)
            return SN_PROFILE_WRONG(r, where, "a second port '%.64s'", g->name);
        p->ports[i] = (struct sn_profile_port){.name = g->name, .per_node = g->per_node};
        p->n_ports = i + 1;
        int status =
            convert_figure(r, g->bandwidth, where, "bandwidth", RATE, &p->ports[i].bandwidth);
        if (status != SN_OK)
            return status;
    }
    return SN_OK;
}

static int convert_path(const struct sn_profile_reader *r, const struct sn_profile_file_path *f,
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
            return SN_PROFILE_WRONG(r, key, "%s: a copy within a die goes through no port", key);
        out->port = find_port(p, f->port);
        if (out->port < 0)
            return unknown_port(r, p, key, f->port);
    } else if (path != SN_PATH_SELF) {
        return SN_PROFILE_WRONG(r, where, "%s: the key 'port' is missing", where);
    }
    if (!f->latency && path != SN_PATH_SELF)
        return SN_PROFILE_WRONG(r, where, "%s: the key 'latency' is missing", where);
    const struct {
        const char *key;
        const struct sn_profile_file_figure *from;
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

static int convert_paths(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                         struct sn_profile *p)
{
    const struct sn_profile_file_paths *g = f->paths;
    const struct sn_profile_file_path *const paths[SN_PATHS] = {
        [SN_PATH_SELF] = g->self, [SN_PATH_PACKAGE] = g->package,
        [SN_PATH_NODE] = g->node, [SN_PATH_SUPERNODE] = g->supernode,
        [SN_PATH_CPU] = g->cpu,   [SN_PATH_CPU_REMOTE] = g->cpu_remote,
    };
    int status = SN_OK;
    for (int i = 0; i < SN_PATHS && status == SN_OK; i++)
        status = convert_path(r, paths[i], p, (enum sn_path)i, &p->paths[i]);
    return status;
}

static int convert_costs(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                         struct sn_profile *p)
{
    static const struct sn_profile_file_costs none;
    const struct sn_profile_file_costs *g = f->cost ? f->cost : &none;
    const struct {
        const char *key;
        const struct sn_profile_file_figure *from;
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

/* "768" as 768: decimal digits alone, so that nobody reads another number than was meant. */
static int convert_count(const struct sn_profile_reader *r, const char *text, const char *where,
                         unsigned *out)
{
    const size_t digits = strspn(text, "0123456789");
    if (!digits || text[digits] || digits > 9 || (*text == '0' && digits > 1))
        return SN_PROFILE_WRONG(r, where,
                                "%s: '%.64s' is not a plain decimal integer such as 768 (no sign, "
                                "point, unit or leading zero)",
                                where, text);
    *out = (unsigned)strtoul(text, NULL, 10);
    return SN_OK;
}

static int convert_machine(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                           struct sn_profile *p)
{
    const struct sn_profile_file_machine *g = f->machine;
    const struct {
        const char *key, *from;
        unsigned *to;
    } counts[] = {{"machine.dies", g->dies, &p->dies},
                  {"machine.dies_per_npu", g->dies_per_npu, &p->dies_per_npu},
                  {"machine.dies_per_node", g->dies_per_node, &p->dies_per_node},
                  {"machine.cpus_per_node", g->cpus_per_node, &p->cpus_per_node}};
    int status = SN_OK;
    for (size_t i = 0; i < sizeof counts / sizeof *counts && status == SN_OK; i++)
        status = convert_count(r, counts[i].from, counts[i].key, counts[i].to);
    p->machine_source = g->source;
    return status;
}

static int convert_planes(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                          struct sn_profile *p)
{
    static const char *const spreads[] = {"sprayed", "hashed"};
    const struct sn_profile_file_planes *g = f->planes;
    p->link = p->uplink = not_given;
    if (!g)
        return SN_OK;
    int status = convert_count(r, g->count, "planes.count", &p->planes);
    if (status == SN_OK)
        status = convert_count(r, g->l2_per_plane, "planes.l2_per_plane", &p->l2_per_plane);
    if (status != SN_OK)
        return status;
    if (!p->planes)
        return SN_PROFILE_WRONG(r, "planes.count",
                                "planes.count is 0: leave out planes where there are none");
    if (strcmp(g->spread, spreads[0]) && strcmp(g->spread, spreads[1]))
        return SN_PROFILE_WRONG(r, "planes.spread",
                                "planes.spread: '%.64s' is neither sprayed nor hashed", g->spread);
    if (find_port(p, g->port) < 0)
        return unknown_port(r, p, "planes.port", g->port);
    p->planes_port = g->port;
    p->hashed = !strcmp(g->spread, spreads[1]);
    p->planes_source = g->source;
    status = convert_figure(r, g->link, "planes", "link", RATE, &p->link);
    if (status == SN_OK)
        status = convert_figure(r, g->uplink, "planes", "uplink", RATE, &p->uplink);
    return status;
}

static int convert_warnings(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                            struct sn_profile *p)
{
    p->n_warnings = f->warnings_count;
    p->warnings = sn_calloc(p->n_warnings, sizeof *p->warnings);
    for (size_t i = 0; i < p->n_warnings; i++)
        p->warnings[i] = f->warnings[i];
    return SN_OK;
}

static int convert(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                   struct sn_profile *p)
{
    static int (*const parts[])(const struct sn_profile_reader *, const struct sn_profile_file *,
                                struct sn_profile *) = {
        convert_machine,          convert_ports,    convert_paths, convert_planes, convert_costs,
        sn_profile_convert_valid, convert_warnings,
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
            sn_status_prefix("%s:%d", r->path, sn_profile_line(r, where ? where : ""));
    }
    return status;
}

int sn_profile_parse(struct sn_profile *out, const char *text, size_t n, const char *path)
{
    struct sn_yaml yaml;
    int status = sn_yaml_parse(&yaml, &sn_profile_file_schema, text, n, path);
    if (status != SN_OK)
        return status;
    struct storage *s = sn_calloc(1, sizeof *s);
    s->yaml = yaml;
    s->path = sn_strdup(path);
    struct sn_profile p = {.storage = s};
    struct sn_profile_reader r = {.yaml = &s->yaml, .path = s->path};
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
