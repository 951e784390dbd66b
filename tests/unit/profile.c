/* Fabric profiles: what is read, the line of every mistake, the way back into a file, names. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "bench/profile.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/datadir.h"

#define GBPS(x) "{value: " x ", unit: GB/s, class: spec, source: s}"
#define US(x)   "{value: " x ", unit: us, class: calibrated, source: s}"
#define MACHINE                                                                                    \
    "name: tiny\nbrief: b\nmachine: {dies: 8, dies_per_npu: 2, dies_per_node: 4, "                 \
    "cpus_per_node: 1, source: s}\n"
#define PORTS "ports:\n  - name: p\n    bandwidth: " GBPS("10") "\n"
#define PATHS "paths:\n  node:\n    port: p\n    latency: " US("1") "\n"

static const char good[] =
    "# a comment\n" MACHINE PORTS
    "  - {name: q, per_node: true, bandwidth: {value: 2, unit: MiB/s, class: derived, source: x}}\n"
    "planes: {count: 2, l2_per_plane: 3, port: p, spread: hashed, source: t,\n"
    "         link: " GBPS("5") ", uplink: " GBPS(
        "5") "}\n"
             "paths:\n"
             "  self:\n    bandwidth: " GBPS(
                 "100") "\n"
                        "  node:\n    port: p\n    latency: " US("1.5") "\n    bandwidth: " GBPS(
                            "9.5") "\n"
                                   "    read_latency: " US(
                                       "0") "\n"
                                            "  cpu: {port: q, latency: " US(
                                                "2") ", bandwidth: {value: 1e6, unit: B/s, class: "
                                                     "derived,\n"
                                                     "        source: x}}\n"
                                                     "cost:\n  issue: {value: 75, unit: ns, "
                                                     "class: calibrated, source: two rows}\n"
                                                     "  sync_base: {value: -3, unit: ms, class: "
                                                     "derived, source: x}\n"
                                                     "valid: [{axis: size, min: 8, max: 4M}, "
                                                     "{axis: order, words: [random, same], "
                                                     "benches: [dispatch]}]\n"
                                                     "warnings: [take care]\n";

static int parse(struct sn_profile *p, const char *text)
{
    sn_status_clear();
    return sn_profile_parse(p, text, strlen(text), "t.yaml");
}

Test(profile, figures_in_base_units)
{
    struct sn_profile p;
    cr_assert_eq(parse(&p, good), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(p.name, "tiny");
    cr_expect_str_eq(p.path, "t.yaml");
    cr_expect(p.dies == 8 && p.dies_per_npu == 2 && p.dies_per_node == 4 && p.cpus_per_node == 1);
    cr_assert_eq(p.n_ports, 2);
    cr_expect_eq(p.ports[0].bandwidth.value, 1e10);
    cr_expect_eq(p.ports[0].bandwidth.class, SN_FIGURE_SPEC);
    cr_expect(!p.ports[0].per_node && p.ports[1].per_node);
    cr_expect_eq(p.ports[1].bandwidth.value, 2097152);
    cr_expect_eq(p.ports[1].bandwidth.class, SN_FIGURE_DERIVED);
    cr_expect(p.planes == 2 && p.l2_per_plane == 3 && p.hashed);
    cr_expect_str_eq(p.planes_port, "p");
    cr_expect_eq(p.link.value, 5e9);
    const struct sn_profile_path *node = &p.paths[SN_PATH_NODE];
    cr_expect_eq(node->port, 0);
    cr_expect_eq(node->latency.value, 1.5e-6);
    cr_expect_eq(node->latency.class, SN_FIGURE_CALIBRATED);
    cr_expect_eq(node->bandwidth.value, 9.5e9);
    cr_expect(node->read_latency.class == SN_FIGURE_CALIBRATED && node->read_latency.value == 0);
    cr_expect_eq(node->read_bandwidth.class, SN_FIGURE_NONE);
    cr_expect(isnan(node->read_bandwidth.value));
    cr_expect_eq(p.paths[SN_PATH_CPU].port, 1);
    cr_expect_eq(p.paths[SN_PATH_SELF].port, -1);
    cr_expect_eq(p.paths[SN_PATH_SELF].bandwidth.value, 1e11);
    cr_expect_eq(p.paths[SN_PATH_PACKAGE].port, -1);
    cr_expect_eq(p.paths[SN_PATH_PACKAGE].bandwidth.class, SN_FIGURE_NONE);
    cr_expect_eq(p.cost.issue.value, 75e-9);
    cr_expect_str_eq(p.cost.issue.source, "two rows");
    cr_expect_eq(p.cost.launch.class, SN_FIGURE_NONE);
    cr_expect_eq(p.cost.sync_base.value, -3e-3);
    cr_assert_eq(p.n_valid, 2);
    const struct sn_profile_range *size = &p.valid[0], *order = &p.valid[1];
    cr_expect_str_eq(size->axis, "size");
    cr_expect(size->min == 8 && size->max == 4 << 20 && !size->n_words);
    cr_expect(sn_profile_range_of(size, "latency") && sn_profile_range_covers(size, 8, "8"));
    cr_expect(!sn_profile_range_covers(size, 7, "7"));
    cr_assert_eq(order->n_words, 2);
    cr_expect(sn_profile_range_of(order, "dispatch") && !sn_profile_range_of(order, "alltoall"));
    cr_expect(sn_profile_range_covers(order, 0, "same"));
    cr_expect(!sn_profile_range_covers(order, 0, "rotated"));
    cr_assert_eq(p.n_warnings, 1);
    cr_expect_str_eq(p.warnings[0], "take care");
    sn_profile_close(&p);
    cr_expect(!p.name && !p.storage);
}

#define COUNT(text, message)                                                                       \
    {                                                                                              \
        "name: t\nbrief: b\nmachine: {" text ", dies_per_npu: 1, dies_per_node: 1, "               \
        "cpus_per_node: 0, source: s}\n" PORTS "paths: {}\n",                                      \
            "t.yaml:3: machine." message                                                           \
    }
#define VALID(text, message)                                                                       \
    {                                                                                              \
        MACHINE PORTS PATHS "    bandwidth: " GBPS("1") "\nvalid:\n  - {" text "}\n",              \
            "t.yaml:13: " message                                                                  \
    }

Test(profile, mistakes_have_a_line)
{
    static const struct {
        const char *text, *message; /* the message, or its start */
    } t[] = {
        {"", "t.yaml:1: the file is empty"},
        {MACHINE "port: []\n", "t.yaml:4: unknown key 'port'; did you mean 'ports'? (keys: name, "},
        {MACHINE PORTS, "t.yaml:1: the key 'paths' is missing"},
        {MACHINE "ports: []\n", "t.yaml:4: 'ports' has 0 entries; at least 1"},
        {MACHINE "ports:\n  - name: p\n", "t.yaml:5: the key 'bandwidth' is missing"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: 196\n",
         "t.yaml:6: bandwidth must be a mapping (key: value), not a single value"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: {value: 1, unit: GB/s, class: spec}\n",
         "t.yaml:6: the key 'source' is missing"},
        {MACHINE "ports:\n  - name: p\n    bandwidth:\n      value: 196\n      unit: us\n"
                 "      class: spec\n      source: s\npaths: {}\n",
         "t.yaml:8: ports.0.bandwidth is a rate, 'us' is no unit of that; right are B/s, "},
        {MACHINE "ports: [{name: p, bandwidth: {value: 1, unit: G, class: spec, source: s}}]\n"
                 "paths: {}\n",
         "t.yaml:4: ports.0.bandwidth is a rate, 'G' is no unit of that"},
        {MACHINE "ports: [{name: p, bandwidth: {value: 1, unit: GB, class: spec, source: s}}]\n"
                 "paths: {}\n",
         "t.yaml:4: ports.0.bandwidth is a rate, 'GB' is no unit of that"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS("-196") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth is negative: -196 GB/s"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS(".nan") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth: '.nan' is not a finite number such as 196 or 0.929"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS("inf") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth: 'inf' is not a finite number"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS("1e305") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth: '1e305' is not a finite number"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS("196K") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth: '196K' is not a finite number"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS("50%") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth: '50%' is not a finite number"},
        {MACHINE "ports:\n  - name: p\n    bandwidth: " GBPS("0") "\npaths: {}\n",
         "t.yaml:6: ports.0.bandwidth is zero: nothing would ever arrive"},
        {MACHINE "ports: [{name: p, bandwidth: {value: 1, unit: GB/s, class: spek, source: s}}]\n"
                 "paths: {}\n",
         "t.yaml:4: ports.0.bandwidth: no class 'spek'; did you mean 'spec'? (classes: spec, "
         "calibrated, derived)"},
        {MACHINE "ports: [{name: p, bandwidth: {value: 1, unit: GB/s, class: none, source: s}}]\n"
                 "paths: {}\n",
         "t.yaml:4: ports.0.bandwidth: no class 'none'"},
        {MACHINE PORTS "  - {name: p, bandwidth: " GBPS("1") "}\npaths: {}\n",
         "t.yaml:7: a second port 'p'"},
        {MACHINE PORTS "paths:\n  nodes: {}\n",
         "t.yaml:8: unknown key 'nodes'; did you mean 'node'? (keys: self, "},
        {MACHINE PORTS PATHS, "t.yaml:9: the key 'bandwidth' is missing"},
        {MACHINE PORTS "paths:\n  node:\n    latency: " US("1") "\n    bandwidth: " GBPS("1") "\n",
         "t.yaml:9: paths.node: the key 'port' is missing"},
        {MACHINE PORTS "paths:\n  node:\n    port: p\n    bandwidth: " GBPS("1") "\n",
         "t.yaml:9: paths.node: the key 'latency' is missing"},
        {MACHINE PORTS
         "paths:\n  node:\n    port: q\n    latency: " US("1") "\n    bandwidth: " GBPS("1") "\n",
         "t.yaml:9: paths.node.port: unknown port 'q'"},
        {MACHINE PORTS "paths:\n  self:\n    port: p\n    bandwidth: " GBPS("1") "\n",
         "t.yaml:9: paths.self.port: a copy within a die goes through no port"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("1") "\n    read_latency: " US("-1") "\n",
         "t.yaml:12: paths.node.read_latency is negative: -1 us"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("1") "\n    read_latency: " GBPS("1") "\n",
         "t.yaml:12: paths.node.read_latency is a time, 'GB/s' is no unit of that; right are s, "},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("11") "\n", "t.yaml:11: "},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("1") "\ncost:\n  flag: " US("-1") "\n",
         "t.yaml:13: cost.flag is negative: -1 us"},
        {MACHINE PORTS PATHS
         "    bandwidth: " GBPS("1") "\nvalid:\n  - {axis: ep, min: 8, max: 4}\n",
         "t.yaml:13: valid.0: min 8 is above max 4"},
        {MACHINE PORTS PATHS
         "    bandwidth: " GBPS("1") "\nvalid:\n  - {axis: ep, min: x, max: 4}\n",
         "t.yaml:13: valid.0: 'x' is not a number"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS(
             "1") "\nplanes:\n  {count: 2, l2_per_plane: 1, port: p, spread: sprayed, source: s, "
                  "link: " GBPS("4") ", uplink: " GBPS("4") "}\n",
         "t.yaml:13: link: 2 planes of 4e+09 B/s make 8e+09, port \"p\" has 1e+10"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS(
             "1") "\nplanes:\n  {count: 2, l2_per_plane: 1, port: p, spread: wide, source: s, "
                  "link: " GBPS("5") ", uplink: " GBPS("5") "}\n",
         "t.yaml:13: planes.spread: 'wide' is neither sprayed nor hashed"},
        {"name: t\nbrief: b\nmachine: {dies: many, dies_per_npu: 1, dies_per_node: 1, "
         "cpus_per_node: 0, source: s}\n" PORTS "paths: {}\n",
         "t.yaml:3: machine.dies: 'many' is not a plain decimal integer such as 768"},
        COUNT("dies: 768.5", "dies: '768.5' is not a plain decimal integer"),
        COUNT("dies: 1k", "dies: '1k' is not a plain decimal integer"),
        COUNT("dies: 010", "dies: '010' is not a plain decimal integer"),
        COUNT("dies: 0x10", "dies: '0x10' is not a plain decimal integer"),
        COUNT("dies: -8", "dies: '-8' is not a plain decimal integer"),
        COUNT("dies: +8", "dies: '+8' is not a plain decimal integer"),
        COUNT("dies: 4294967304", "dies: '4294967304' is not a plain decimal integer"),
        {MACHINE PORTS PATHS "    bandwidth: " GBPS(
             "1") "\nplanes:\n  {count: 2.0, l2_per_plane: 1, port: p, spread: sprayed, source: s, "
                  "link: " GBPS("4") ", uplink: " GBPS("4") "}\n",
         "t.yaml:13: planes.count: '2.0' is not a plain decimal integer"},
        {"name: t\nbrief: b\nmachine: {dies: 0, dies_per_npu: 1, dies_per_node: 1, "
         "cpus_per_node: 0, source: s}\n" PORTS PATHS "    bandwidth: " GBPS("1") "\n",
         "t.yaml:3: dies: 0 is not in 1 to 65536"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("1") "\ncost:\n\n  launch: " US("1e12") "\n",
         "t.yaml:14: cost.launch: 1e+06 is more than 1 s"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("1") "\ncost:\n\n  flag: " US("1.1e6") "\n",
         "t.yaml:14: cost.flag: 1.1 is more than 1 s"},
        {MACHINE PORTS PATHS "    bandwidth: " GBPS("1e-4") "\n",
         "t.yaml:11: paths.node.bandwidth: 100000 B/s is no speed, it must be at least 1e+06"},
        VALID("axis: ep", "valid.0: needs min and max, or words"),
        VALID("axis: ep, min: 1", "valid.0: needs min and max, or words"),
        VALID("axis: ep, min: 1, max: 2, words: [a]", "valid.0: needs min and max, or words"),
        VALID("axis: epp, min: 1, max: 2",
              "valid.0: no benchmark has on the model clock an axis 'epp'; did you mean 'ep'? ("),
        VALID("axis: transport, words: [shm]",
              "valid.0: no benchmark has on the model clock an axis 'transport'"),
        VALID("axis: profile, words: [ideal]",
              "valid.0: no benchmark has on the model clock an axis 'profile'"),
        VALID("axis: order, min: 1, max: 2", "valid.0: order takes words, so give words: [...]"),
        VALID(
            "axis: order, words: [rotate]",
            "valid.0: its axis takes no 'rotate'; did you mean 'rotated'? (rotated, random, same)"),
        VALID("axis: routing, words: [zipf(x)]", "valid.0: its axis takes no 'zipf(x)'"),
        VALID("axis: ep, min: 1, max: 2, benches: [dispath]",
              "valid.0: no benchmark with such an axis is 'dispath'; did you mean 'dispatch'? ("),
        VALID("axis: topk, min: 1, max: 2, benches: [alltoall]",
              "valid.0: no benchmark with such an axis is 'alltoall' (dispatch)"),
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct sn_profile p;
        int status = parse(&p, t[i].text);
        cr_expect_eq(status, SN_EINVAL, "%zu: %s", i, t[i].text);
        cr_expect(!strncmp(sn_status_message(), t[i].message, strlen(t[i].message)), "%zu: %s", i,
                  sn_status_message());
        cr_expect(!strchr(sn_status_message(), '\n'));
        if (status == SN_OK)
            sn_profile_close(&p);
    }
}

static void expect_figure(const struct sn_figure *a, const struct sn_figure *b, const char *what)
{
    cr_expect_eq(a->class, b->class, "%s", what);
    if (a->class == SN_FIGURE_NONE || a->class != b->class)
        return;
    cr_expect(a->value == b->value, "%s: %.17g and %.17g", what, a->value, b->value);
    cr_expect_str_eq(a->source, b->source, "%s", what);
}

static void expect_words(const char *const *a, size_t n, const char *const *b, size_t m)
{
    cr_assert_eq(n, m);
    for (size_t i = 0; i < n; i++)
        cr_expect_str_eq(a[i], b[i]);
}

static void expect_same(const struct sn_profile *a, const struct sn_profile *b)
{
    cr_expect_str_eq(a->name, b->name);
    cr_expect_str_eq(a->brief, b->brief);
    cr_expect(a->dies == b->dies && a->dies_per_npu == b->dies_per_npu &&
              a->dies_per_node == b->dies_per_node && a->cpus_per_node == b->cpus_per_node);
    cr_expect(a->planes == b->planes && a->l2_per_plane == b->l2_per_plane &&
              a->hashed == b->hashed);
    expect_figure(&a->link, &b->link, "link");
    expect_figure(&a->uplink, &b->uplink, "uplink");
    cr_assert_eq(a->n_ports, b->n_ports);
    for (size_t i = 0; i < a->n_ports; i++) {
        cr_expect_str_eq(a->ports[i].name, b->ports[i].name);
        cr_expect_eq(a->ports[i].per_node, b->ports[i].per_node);
        expect_figure(&a->ports[i].bandwidth, &b->ports[i].bandwidth, a->ports[i].name);
    }
    for (int i = 0; i < SN_PATHS; i++) {
        const struct sn_profile_path *x = &a->paths[i], *y = &b->paths[i];
        cr_expect_eq(x->port, y->port, "%s", sn_path_words[i]);
        expect_figure(&x->latency, &y->latency, sn_path_words[i]);
        expect_figure(&x->bandwidth, &y->bandwidth, sn_path_words[i]);
        expect_figure(&x->read_latency, &y->read_latency, sn_path_words[i]);
        expect_figure(&x->read_bandwidth, &y->read_bandwidth, sn_path_words[i]);
    }
    expect_figure(&a->cost.launch, &b->cost.launch, "launch");
    expect_figure(&a->cost.issue, &b->cost.issue, "issue");
    expect_figure(&a->cost.flag, &b->cost.flag, "flag");
    expect_figure(&a->cost.sync_base, &b->cost.sync_base, "sync_base");
    expect_figure(&a->cost.sync_step, &b->cost.sync_step, "sync_step");
    expect_figure(&a->cost.memory, &b->cost.memory, "memory");
    cr_assert_eq(a->n_valid, b->n_valid);
    for (size_t i = 0; i < a->n_valid; i++) {
        cr_expect_str_eq(a->valid[i].axis, b->valid[i].axis);
        cr_expect(a->valid[i].min == b->valid[i].min && a->valid[i].max == b->valid[i].max);
        expect_words(a->valid[i].words, a->valid[i].n_words, b->valid[i].words,
                     b->valid[i].n_words);
        expect_words(a->valid[i].benches, a->valid[i].n_benches, b->valid[i].benches,
                     b->valid[i].n_benches);
    }
    cr_assert_eq(a->n_warnings, b->n_warnings);
    for (size_t i = 0; i < a->n_warnings; i++)
        cr_expect_str_eq(a->warnings[i], b->warnings[i]);
}

static void expect_round_trip(const struct sn_profile *p)
{
    struct sn_buf first = {0}, second = {0};
    struct sn_profile q;
    sn_profile_write(p, &first);
    cr_assert_eq(sn_profile_parse(&q, first.data, first.len, "w.yaml"), SN_OK, "%s in\n%s",
                 sn_status_message(), first.data);
    expect_same(p, &q);
    sn_profile_write(&q, &second);
    cr_expect_str_eq(first.data, second.data);
    sn_profile_close(&q);
    sn_buf_free(&first);
    sn_buf_free(&second);
}

/* Figures without a short decimal, texts that YAML would take for something else. */
Test(profile, what_is_written_reads_back)
{
    static const char *const texts[] = {
        "a: b # c", "\"q\" \\ \t\r\n.", "", "\xc2\x85 \xe2\x80\xa8", "ä €", "- [x]", "null"};
    static const double times[] = {0,
                                   1.0 / 3,
                                   5e-324,
                                   1e-9,
                                   DBL_MIN,
                                   0.12345678901234567,
                                   0.99999999999999989,
                                   2.2250738585e-3,
                                   1e-15,
                                   9.999999999e-7};
    static const double rates[] = {8e8 / 3, 1e9 / 7, 1e9, 123456789, 99999999.99999999,
                                   1e12,    1e18,    2e6, 1e17 / 3,  1e15 + 2};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct sn_profile p;
        cr_assert_eq(parse(&p, good), SN_OK);
        p.brief = texts[i % 7][0] ? texts[i % 7] : "x";
        p.paths[SN_PATH_NODE].latency.value = times[i];
        p.paths[SN_PATH_NODE].latency.source = p.brief;
        p.cost.sync_base.value = -times[i];
        p.ports[0].bandwidth.value = p.paths[SN_PATH_NODE].bandwidth.value = rates[i];
        p.link.value = p.uplink.value = rates[i] / 2;
        p.valid[0].min = -times[i];
        p.valid[0].max = rates[i];
        p.warnings[0] = p.brief;
        expect_round_trip(&p);
        sn_profile_close(&p);
    }
}

struct emitted {
    struct sn_buf names, broken;
};

static void note(void *out, const char *name, const char *brief, const char *unavailable)
{
    struct emitted *e = out;
    sn_buf_addf(&e->names, "%s ", name);
    if (unavailable)
        sn_buf_addf(&e->broken, "%s|%s|%s\n", name, brief, unavailable);
}

static struct emitted list(void)
{
    struct emitted e = {0};
    sn_profile_list(note, &e);
    return e;
}

static void close_list(struct emitted *e)
{
    sn_buf_free(&e->names);
    sn_buf_free(&e->broken);
}

static void put_file(const char *path, const char *text)
{
    struct sn_buf b = {0};
    sn_buf_add(&b, text);
    cr_assert_eq(sn_buf_write_file(&b, path), SN_OK, "%s", sn_status_message());
    sn_buf_free(&b);
}

/* In a folder of its own: results/profiles stands below the current directory. */
Test(profile, names)
{
    char dir[] = "/tmp/snbench-profile-XXXXXX";
    cr_assert(mkdtemp(dir) && !chdir(dir));
    cr_assert(!mkdir("results", 0777) && !mkdir("results/profiles", 0777));
    cr_expect_eq(sn_profile_axis_check("local"), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "snbench calibrate"), "%s", sn_status_message());
    put_file("results/profiles/local.yaml", good);
    put_file("results/profiles/ideal.yaml", "broken"); /* the program's own comes first */
    put_file("results/profiles/notes.txt", "no profile");
    put_file("results/profiles/torn.yaml", "name: x\n");
    cr_expect_eq(sn_profile_axis_check("local"), SN_OK);
    cr_expect_eq(sn_profile_axis_check("ideal"), SN_OK);
    cr_expect_eq(sn_profile_axis_check("no/such/file.yaml"), SN_OK);
    cr_expect_eq(sn_profile_axis_check("idael"), SN_EINVAL);
    cr_expect(!strncmp(sn_status_message(),
                       "unknown profile 'idael'; did you mean 'ideal'? (profiles: ", 58),
              "%s", sn_status_message());
    cr_expect_eq(sn_profile_axis_check(""), SN_EINVAL);
    struct sn_profile p;
    cr_assert_eq(sn_profile_open(&p, "local"), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(p.name, "tiny");
    cr_expect_str_eq(p.path, "results/profiles/local.yaml");
    sn_profile_close(&p);
    cr_assert_eq(sn_profile_open(&p, "ideal"), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(p.name, "ideal");
    sn_profile_close(&p);
    cr_assert_eq(sn_profile_open(&p, "./results/profiles/local.yaml"), SN_OK);
    sn_profile_close(&p);
    cr_expect_eq(sn_profile_open(&p, "no/such/file.yaml"), SN_EIO);
    cr_expect_eq(sn_profile_open(&p, "torn"), SN_EINVAL);
    cr_expect(!strncmp(sn_status_message(), "results/profiles/torn.yaml:1: ", 30), "%s",
              sn_status_message());
    struct emitted e = list();
    cr_expect(strstr(e.names.data, "ideal local torn "), "%s", e.names.data);
    cr_expect(!strstr(e.names.data, "notes"));
    cr_expect_str_eq(e.broken.data,
                     "torn||results/profiles/torn.yaml:1: the key 'brief' is missing\n");
    close_list(&e);
    cr_assert_eq(chdir("/"), 0);
    char *command = sn_strdupf("rm -r '%s'", dir);
    cr_expect_eq(system(command), 0);
    free(command);
}

/* --- the profiles of this tree --------------------------------------------------------------- */

static struct sn_profile open_own(const char *name)
{
    struct sn_profile p;
    cr_assert_eq(sn_profile_open(&p, name), SN_OK, "%s", sn_status_message());
    return p;
}

Test(profile, those_of_this_tree)
{
    static const char *const names[] = {"ideal", "cloudmatrix384-ub", "cloudmatrix384-rdma",
                                        "cloudmatrix384-vpc", "h800-deepep"};
    struct emitted e = list();
    cr_expect_null(e.broken.data, "%s", e.broken.data);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cr_expect(strstr(e.names.data, names[i]), "%s is not listed", names[i]);
        struct sn_profile p = open_own(names[i]);
        cr_expect_str_eq(p.name, names[i]);
        expect_round_trip(&p);
        sn_profile_close(&p);
    }
    close_list(&e);
}
