/* Writing a profile: the schema of bench/profile_schema.c, every figure on one line, in the unit
 * that people use and with as many digits as reading it back needs. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench/profile.h"
#include "bench/profile_words.h"
#include "harness/base/units.h"
#include "harness/escape.h"

const char *const sn_profile_class_words[] = {[SN_FIGURE_NONE] = "none",
                                              [SN_FIGURE_SPEC] = "spec",
                                              [SN_FIGURE_CALIBRATED] = "calibrated",
                                              [SN_FIGURE_DERIVED] = "derived",
                                              NULL};

/* A double-quoted YAML text; what libyaml would not print, or would fold, is escaped. */
static void put_text(struct sn_buf *out, const char *text)
{
    sn_buf_add(out, "\"");
    while (*text) {
        uint32_t c = sn_utf8_next(&text);
        if (c == '"' || c == '\\')
            sn_buf_addf(out, "\\%c", (int)c);
        else if (c >= 0x20 && c < 0x7f)
            sn_buf_addf(out, "%c", (int)c);
        else
            sn_buf_addf(out, "\\U%08x", c);
    }
    sn_buf_add(out, "\"");
}

/* The digits of `v` (finite) over 10^shift, as few as read back the same: "196", "75.3" or, where a
 * plain number would be long, "1.5e-09". */
static void put_number(struct sn_buf *out, double v, int shift)
{
    if (v < 0)
        sn_buf_add(out, "-");
    v = fabs(v);
    char text[40], number[64];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*e", digits, v);
    while (strtod(text, NULL) != v && ++digits < 17);
    char *e = strchr(text, 'e');
    int exponent = atoi(e + 1) - shift;
    *e = '\0';
    if (exponent < -4 || exponent > 15) {
        sn_buf_addf(out, "%se%d", text, exponent);
        return;
    }
    /* The point moves by text, so that no digit changes. */
    char significant[32];
    size_t n = 0;
    for (const char *p = text; *p; p++)
        if (*p != '.')
            significant[n++] = *p;
    while (n > 1 && significant[n - 1] == '0')
        n--;
    size_t k = 0;
    if (exponent < 0) {
        number[k++] = '0';
        number[k++] = '.';
        for (int i = -1; i > exponent; i--)
            number[k++] = '0';
    }
    for (size_t i = 0; i < n || (int)i <= exponent; i++) {
        if (i && (int)i == exponent + 1)
            number[k++] = '.';
        number[k++] = i < n ? significant[i] : '0';
    }
    number[k] = '\0';
    sn_buf_add(out, number);
}

static void put_figure(struct sn_buf *out, const char *indent, const char *key,
                       const struct sn_figure *f, enum sn_unit unit)
{
    static const struct scale {
        const char *name;
        int shift;
    } times[] = {{"s", 0}, {"ms", -3}, {"us", -6}, {"ns", -9}, {0}},
      rates[] = {{"TB/s", 12}, {"GB/s", 9}, {"MB/s", 6}, {"kB/s", 3}, {"B/s", 0}, {0}};
    if (f->class == SN_FIGURE_NONE)
        return;
    const struct scale *s = unit == SN_UNIT_SECONDS ? times : rates;
    while (f->value != 0 && s[1].name && fabs(f->value) < pow(10, s->shift))
        s++;
    sn_buf_addf(out, "%s%s: {value: ", indent, key);
    put_number(out, f->value, s->shift);
    sn_buf_addf(out, ", unit: %s, class: %s, source: ", s->name, sn_profile_class_words[f->class]);
    put_text(out, f->source ? f->source : "none");
    sn_buf_add(out, "}\n");
}

static void put_rate(struct sn_buf *out, const char *indent, const char *key,
                     const struct sn_figure *f)
{
    put_figure(out, indent, key, f, SN_UNIT_BYTES_PER_S);
}

static void put_time(struct sn_buf *out, const char *indent, const char *key,
                     const struct sn_figure *f)
{
    put_figure(out, indent, key, f, SN_UNIT_SECONDS);
}

static void put_pair(struct sn_buf *out, const char *key, const char *text)
{
    sn_buf_addf(out, "%s: ", key);
    put_text(out, text);
    sn_buf_add(out, "\n");
}

static void put_machine(struct sn_buf *out, const struct sn_profile *p)
{
    sn_buf_addf(out, "machine:\n  dies: %u\n  dies_per_npu: %u\n  dies_per_node: %u\n", p->dies,
                p->dies_per_npu, p->dies_per_node);
    sn_buf_addf(out, "  cpus_per_node: %u\n", p->cpus_per_node);
    put_pair(out, "  source", p->machine_source ? p->machine_source : "none");
    if (!p->planes)
        return;
    sn_buf_addf(out, "planes:\n  count: %u\n  l2_per_plane: %u\n", p->planes, p->l2_per_plane);
    put_pair(out, "  port", p->planes_port);
    put_pair(out, "  spread", p->hashed ? "hashed" : "sprayed");
    put_pair(out, "  source", p->planes_source ? p->planes_source : "none");
    put_rate(out, "  ", "link", &p->link);
    put_rate(out, "  ", "uplink", &p->uplink);
}

static void put_ports(struct sn_buf *out, const struct sn_profile *p)
{
    sn_buf_add(out, "ports:\n");
    for (size_t i = 0; i < p->n_ports; i++) {
        put_pair(out, "  - name", p->ports[i].name);
        if (p->ports[i].per_node)
            sn_buf_add(out, "    per_node: true\n");
        put_rate(out, "    ", "bandwidth", &p->ports[i].bandwidth);
    }
}

static void put_paths(struct sn_buf *out, const struct sn_profile *p)
{
    size_t n = 0;
    sn_buf_add(out, "paths:");
    for (int i = 0; i < SN_PATHS; i++) {
        const struct sn_profile_path *path = &p->paths[i];
        if (path->bandwidth.class == SN_FIGURE_NONE)
            continue;
        sn_buf_addf(out, "%s  %s:\n", n++ ? "" : "\n", sn_path_words[i]);
        if (path->port >= 0)
            put_pair(out, "    port", p->ports[path->port].name);
        put_time(out, "    ", "latency", &path->latency);
        put_rate(out, "    ", "bandwidth", &path->bandwidth);
        put_time(out, "    ", "read_latency", &path->read_latency);
        put_rate(out, "    ", "read_bandwidth", &path->read_bandwidth);
    }
    sn_buf_add(out, n ? "" : " {}\n");
}

static void put_costs(struct sn_buf *out, const struct sn_profile *p)
{
    size_t before = out->len;
    sn_buf_add(out, "cost:\n");
    size_t head = out->len;
    put_time(out, "  ", "launch", &p->cost.launch);
    put_time(out, "  ", "issue", &p->cost.issue);
    put_time(out, "  ", "flag", &p->cost.flag);
    put_time(out, "  ", "sync_base", &p->cost.sync_base);
    put_time(out, "  ", "sync_step", &p->cost.sync_step);
    put_rate(out, "  ", "memory", &p->cost.memory);
    if (out->len == head)
        out->data[out->len = before] = '\0';
}

static void put_words(struct sn_buf *out, const char *key, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            sn_buf_add(out, ", ");
        else
            sn_buf_addf(out, "    %s: [", key);
        put_text(out, words[i]);
    }
    sn_buf_add(out, n ? "]\n" : "");
}

static void put_valid(struct sn_buf *out, const struct sn_profile *p)
{
    if (p->n_valid)
        sn_buf_add(out, "valid:\n");
    for (size_t i = 0; i < p->n_valid; i++) {
        const struct sn_profile_range *r = &p->valid[i];
        put_pair(out, "  - axis", r->axis);
        put_words(out, "words", r->words, r->n_words);
        if (!r->n_words) {
            sn_buf_add(out, "    min: ");
            put_number(out, r->min, 0);
            sn_buf_add(out, "\n    max: ");
            put_number(out, r->max, 0);
            sn_buf_add(out, "\n");
        }
        put_words(out, "benches", r->benches, r->n_benches);
    }
    if (p->n_warnings)
        sn_buf_add(out, "warnings:\n");
    for (size_t i = 0; i < p->n_warnings; i++) {
        sn_buf_add(out, "  - ");
        put_text(out, p->warnings[i]);
        sn_buf_add(out, "\n");
    }
}

void sn_profile_write(const struct sn_profile *p, struct sn_buf *out)
{
    put_pair(out, "name", p->name);
    put_pair(out, "brief", p->brief);
    put_machine(out, p);
    put_ports(out, p);
    put_paths(out, p);
    put_costs(out, p);
    put_valid(out, p);
}
