/* The profiles of this tree against the published figures they cite. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/profile.h"
#include "harness/base/status.h"
#include "harness/datadir.h"
#include "harness/published.h"
#include "tests/unit/netprofiles.h"

static struct sn_profile open_own(const char *name)
{
    struct sn_profile p;
    cr_assert_eq(sn_profile_open(&p, name), SN_OK, "%s", sn_status_message());
    return p;
}

/* The published figure that `id` of length n names, or NULL. */
static const struct sn_published_figure *published(const struct sn_published_table *tables,
                                                   const char *id, size_t n)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, id);
    for (int i = 0; i < 2; i++) {
        const struct sn_published_figure *f = sn_published_find(&tables[i], name);
        if (f)
            return f;
    }
    return NULL;
}

/* Every id in a source (letters first, a point inside) is that of a published row. */
static size_t expect_ids(const struct sn_published_table *tables, const char *source)
{
    size_t ids = 0;
    for (const char *p = source; *p;) {
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_.");
        while (n && p[n - 1] == '.')
            n--;
        if (n && *p >= 'a' && memchr(p, '.', n)) {
            cr_expect_not_null(published(tables, p, n), "%s: no published row %.*s", source, (int)n,
                               p);
            ids++;
        }
        p += n ? n : 1;
    }
    return ids;
}

/* A spec is the value of its row, or of one of so many equal parts of it (links). */
static void expect_source(const struct sn_published_table *tables, const struct sn_figure *f)
{
    if (f->class == SN_FIGURE_NONE)
        return;
    size_t ids = expect_ids(tables, f->source);
    cr_expect(f->class == SN_FIGURE_DERIVED || ids >= 1, "%s", f->source);
    if (f->class != SN_FIGURE_SPEC)
        return;
    const struct sn_published_figure *row = published(tables, f->source, strlen(f->source));
    cr_assert_not_null(row, "%s", f->source);
    cr_expect_str_eq(row->class, "spec", "%s", f->source);
    double parts = row->value / f->value;
    cr_expect(parts == floor(parts) && parts >= 1 && parts <= 16, "%s: %g of %g", f->source,
              f->value, row->value);
}

Test(profile_tree, sources_are_published_rows)
{
    static const char *const names[] = {"cloudmatrix384-ub", "cloudmatrix384-rdma",
                                        "cloudmatrix384-vpc", "h800-deepep"};
    static const char *const files[] = {"cloudmatrix384.csv", "deepep-h800.csv"};
    struct sn_published_table tables[2];
    struct sn_datadir data;
    cr_assert_eq(sn_datadir_open(&data), SN_OK, "%s", sn_status_message());
    for (int i = 0; i < 2; i++) {
        char *path = sn_strdupf("%s/published/%s", data.results, files[i]);
        cr_assert_eq(sn_published_table_load(&tables[i], path), SN_OK, "%s", sn_status_message());
        free(path);
    }
    sn_datadir_close(&data);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        struct sn_profile p = open_own(names[n]);
        cr_expect(expect_ids(tables, p.machine_source) >= 1);
        cr_expect(!p.planes || expect_ids(tables, p.planes_source) >= 1);
        for (size_t i = 0; i < p.n_ports; i++)
            expect_source(tables, &p.ports[i].bandwidth);
        for (int i = 0; i < SN_PATHS; i++) {
            expect_source(tables, &p.paths[i].latency);
            expect_source(tables, &p.paths[i].bandwidth);
            expect_source(tables, &p.paths[i].read_latency);
            expect_source(tables, &p.paths[i].read_bandwidth);
        }
        const struct sn_figure *const more[] = {&p.link,        &p.uplink,        &p.cost.launch,
                                                &p.cost.issue,  &p.cost.flag,     &p.cost.sync_base,
                                                &p.cost.memory, &p.cost.sync_step};
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
            expect_source(tables, more[i]);
        sn_profile_close(&p);
    }
    for (int i = 0; i < 2; i++)
        sn_published_table_free(&tables[i]);
}

static double within(double value, double expected)
{
    return fabs(value / expected - 1);
}

/* The rows of arXiv 2506.12708 and 2607.26444 (results/published), within 5 % or as they bound. */
Test(profile_tree, cloudmatrix_ub_against_its_rows)
{
    struct sn_profile p = open_own("cloudmatrix384-ub");
    const struct sn_profile_path *package = &p.paths[SN_PATH_PACKAGE],
                                 *node = &p.paths[SN_PATH_NODE],
                                 *super = &p.paths[SN_PATH_SUPERNODE], *cpu = &p.paths[SN_PATH_CPU],
                                 *remote = &p.paths[SN_PATH_CPU_REMOTE];
    cr_expect_eq(p.dies, 384 * 2);
    cr_expect_eq(p.dies / p.dies_per_node, 48);
    cr_expect_eq(p.cpus_per_node * 48, 192);
    cr_expect_eq(p.planes * 48, 336, "L1 chips");
    cr_expect_eq(p.planes * p.l2_per_plane, 112, "L2 chips");
    cr_expect_eq(p.planes * p.link.value, 196e9);
    cr_expect_eq(p.l2_per_plane * p.uplink.value, 448e9);
    const struct {
        double got, row;
        const char *id;
    } t[] = {
        {package->latency.value, 0.2e-6, "strata.package"},
        {package->bandwidth.value, 210e9, "strata.package.bw"},
        {node->latency.value, 0.7e-6, "strata.node"},
        {node->bandwidth.value, 170e9, "strata.node.bw"},
        {super->latency.value, 2.1e-6, "strata.super"},
        {super->bandwidth.value, 150e9, "strata.super.bw"},
        {super->read_bandwidth.value, 164e9, "p2p.inter.read.bw"},
        {cpu->bandwidth.value, 151e9, "p2p.cpu.read.bw"},
        {cpu->read_latency.value + 512 / cpu->bandwidth.value, 1.0e-6, "p2p.cpu.read.lat"},
        {node->read_latency.value + 512 / node->bandwidth.value, 1.2e-6, "p2p.intra.read.lat"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect(within(t[i].got, t[i].row) < 0.05, "%s: %g, published %g", t[i].id, t[i].got,
                  t[i].row);
    cr_expect(cpu->bandwidth.value <= 160e9, "hw.cpu.ub");
    cr_expect(cpu->port == node->port && remote->port == node->port,
              "one port for all but packages");
    cr_expect(1 - super->read_bandwidth.value / node->bandwidth.value <= 0.03, "p2p.inter.loss");
    cr_expect(super->latency.value - node->read_latency.value <= 1e-6, "p2p.inter.added");
    /* Derived figures follow from the others as their sources say. */
    cr_expect(within(remote->latency.value,
                     cpu->latency.value + super->latency.value - node->read_latency.value) < 1e-9);
    cr_expect(within(remote->bandwidth.value, cpu->bandwidth.value * super->read_bandwidth.value /
                                                  node->bandwidth.value) < 1e-3);
    cr_expect(within(p.paths[SN_PATH_SELF].bandwidth.value, p.cost.memory.value / 2) < 1e-9);
    sn_profile_close(&p);
}

/* Both forms of what flags cost agree where the rows are: no parameter is hidden in the second. */
Test(profile_tree, forms_of_the_flags_agree_at_the_rows)
{
    static const struct {
        const char *name;
        unsigned least, most;
    } t[] = {{"cloudmatrix384-ub", 8, 256}, {"h800-deepep", 16, 256}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct sn_profile p = open_own(t[i].name);
        double flag = p.cost.flag.value, base = p.cost.sync_base.value,
               step = p.cost.sync_step.value;
        cr_expect(fabs(flag - 2 * p.cost.issue.value) < 1e-15);
        cr_expect(fabs(base + step * log2(t[i].least) - flag * (t[i].least - 1)) < 1e-9);
        cr_expect(fabs(base + step * log2(t[i].most) - flag * (t[i].most - 1)) < 1e-9);
        cr_expect(p.cost.launch.class == SN_FIGURE_CALIBRATED &&
                  p.cost.issue.class == SN_FIGURE_CALIBRATED);
        cr_expect(net_covers(&p, "dispatch", "ep", t[i].least, "") &&
                  net_covers(&p, "dispatch", "ep", 64, "") &&
                  net_covers(&p, "dispatch", "ep", t[i].most, ""));
        cr_expect(!net_covers(&p, "dispatch", "ep", t[i].least - 1, "") &&
                  !net_covers(&p, "dispatch", "ep", t[i].most + 1, "") &&
                  !net_covers(&p, "dispatch", "tokens", 96, "") &&
                  !net_covers(&p, "dispatch", "topk", 6, "") &&
                  !net_covers(&p, "dispatch", "order", 0, "same") &&
                  !net_covers(&p, "dispatch", "algorithm", 0, "pairwise"));
        sn_profile_close(&p);
    }
}

Test(profile_tree, other_planes_and_machines)
{
    struct sn_profile rdma = open_own("cloudmatrix384-rdma"), vpc = open_own("cloudmatrix384-vpc"),
                      h800 = open_own("h800-deepep"), ideal = open_own("ideal");
    cr_expect_eq(rdma.ports[0].bandwidth.value, 25e9, "hw.rdma");
    cr_expect(!rdma.ports[0].per_node);
    cr_expect_eq(rdma.paths[SN_PATH_CPU].port, -1);
    cr_expect_eq(rdma.paths[SN_PATH_CPU_REMOTE].port, -1);
    cr_expect_eq(vpc.ports[0].bandwidth.value, 50e9, "hw.vpc");
    cr_expect(vpc.ports[0].per_node && vpc.paths[SN_PATH_CPU_REMOTE].port == 0);
    cr_expect(h800.dies_per_node == 8 && h800.dies_per_npu == 1);
    cr_expect_eq(h800.ports[h800.paths[SN_PATH_NODE].port].bandwidth.value, 200e9, "hw.nvlink");
    cr_expect_eq(h800.ports[h800.paths[SN_PATH_SUPERNODE].port].bandwidth.value, 50e9, "hw.nic");
    cr_expect_eq(ideal.n_ports, 1);
    cr_expect_eq(ideal.planes, 0);
    for (int i = SN_PATH_PACKAGE; i < SN_PATHS; i++)
        cr_expect(ideal.paths[i].bandwidth.value == 196e9 &&
                  ideal.paths[i].latency.value == 0.929e-6);
    cr_expect(ideal.cost.issue.class == SN_FIGURE_DERIVED && ideal.cost.issue.value == 0);
    struct sn_profile *const all[] = {&rdma, &vpc, &h800, &ideal};
    for (size_t i = 0; i < 4; i++)
        sn_profile_close(all[i]);
}
