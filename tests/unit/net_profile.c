/* A profile's figures against each other: every contradiction is found and its key named. */
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

static void expect_wrong(const struct sn_profile *p, const char *key, const char *words)
{
    const char *where = NULL;
    cr_expect_eq(sn_profile_check(p, &where), SN_EINVAL, "%s: %s", key, words);
    cr_expect(where && !strcmp(where, key), "key \"%s\", not \"%s\"", where ? where : "(none)",
              key);
    cr_expect(strstr(sn_status_message(), words), "%s: \"%s\" lacks \"%s\"", key,
              sn_status_message(), words);
}

Test(net_profile, right_ones_pass)
{
    struct net_profile np;
    const char *where = "not set";
    cr_expect_eq(sn_profile_check(net_ideal(&np), &where), SN_OK);
    cr_expect_null(where);
    cr_expect_eq(sn_profile_check(net_cm384(&np, 1), NULL), SN_OK);
    cr_expect_eq(sn_profile_check(net_vpc(&np), NULL), SN_OK);
}

/* WRONG(key, words, change): the reference machine's profile with one change. */
#define WRONG(key, words, ...)                                                                     \
    do {                                                                                           \
        struct net_profile np;                                                                     \
        struct sn_profile *p = &np.p;                                                              \
        struct sn_profile_path *node = &p->paths[SN_PATH_NODE];                                    \
        net_cm384(&np, 1);                                                                         \
        (void)node;                                                                                \
        __VA_ARGS__;                                                                               \
        expect_wrong(p, key, words);                                                               \
    } while (0)

Test(net_profile, contradictions_are_found)
{
    WRONG("dies", "dies", p->dies = 0);
    WRONG("dies", "65536", p->dies = 65537);
    WRONG("dies_per_npu", "at least 1", p->dies_per_npu = 0);
    WRONG("dies_per_node", "no whole number of NPUs", p->dies_per_node = 15);
    WRONG("cpus_per_node", "1024", p->cpus_per_node = 1025);
    WRONG("ports", "no name", np.ports[0].name = "");
    WRONG("ports", "twice", np.ports[0].name = "ub");
    WRONG("ports", "no bandwidth", np.ports[1].bandwidth = NO_FIGURE);
    WRONG("ports", "no speed", np.ports[1].bandwidth = FIGURE(0));
    WRONG("ports", "finite", np.ports[1].bandwidth = FIGURE(INFINITY));
    WRONG("paths.node.port", "no such port", node->port = 2);
    WRONG("paths.node.port", "no such port", node->port = -2);
    WRONG("paths.node", "no port", node->port = -1);
    WRONG("paths.node", "latency", node->latency = NO_FIGURE);
    WRONG("paths.node.latency", "negative", node->latency = FIGURE(-1e-6));
    WRONG("paths.node.latency", "finite", node->latency = FIGURE(NAN));
    WRONG("paths.node.bandwidth", "more than the", node->bandwidth = FIGURE(197e9));
    WRONG("paths.node.bandwidth", "negative", node->bandwidth = FIGURE(-1));
    WRONG("paths.node.read_bandwidth", "more than the", node->read_bandwidth = FIGURE(197e9));
    WRONG("paths.node.read_latency", "finite", node->read_latency = FIGURE(INFINITY));
    WRONG("paths.package.bandwidth", "\"sio\"", p->paths[1].bandwidth = FIGURE(271e9));
    WRONG("paths.cpu", "no CPUs", p->cpus_per_node = 0);
    WRONG("planes", "is 0", p->planes = 0);
    WRONG("planes", "64", p->planes = 65);
    WRONG("l2_per_plane", "4096", p->l2_per_plane = 0);
    WRONG("link", "missing", p->link = NO_FIGURE);
    WRONG("link", "make 1.75e+11", p->link = FIGURE(25e9));
    WRONG("uplink", "missing", p->uplink = NO_FIGURE);
    WRONG("planes_port", "no port", p->planes_port = "xy");
    WRONG("planes_port", "no port", p->planes_port = NULL);
    WRONG("planes_port", "per node", np.ports[1].per_node = true);
    WRONG("cost.flag", "negative", p->cost.flag = FIGURE(-1e-9));
    WRONG("cost.memory", "no speed", p->cost.memory = FIGURE(0));
    WRONG("cost.memory", "at least 1e+06", p->cost.memory = FIGURE(9e5));
    WRONG("cost.issue", "more than 1 s", p->cost.issue = FIGURE(1.1));
    WRONG("cost.sync_base", "more than 1 s", p->cost.sync_base = FIGURE(-1.1));
    WRONG("paths.node.latency", "more than 1 s", node->latency = FIGURE(1.1));
    struct sn_profile_range r = {.axis = "ep", .min = 8, .max = 4};
    WRONG("valid", "no range", p->valid = &r; p->n_valid = 1);
    r = (struct sn_profile_range){.axis = NULL};
    WRONG("valid", "no axis", p->valid = &r; p->n_valid = 1);
}

Test(net_profile, ranges_cover)
{
    struct net_profile np;
    static const char *const words[] = {"put", "hier"}, *const benches[] = {"dispatch"};
    struct sn_profile_range r[] = {
        {.axis = "ep", .min = 8, .max = 320},
        {.axis = "tokens", .min = 1, .max = 128, .benches = benches, .n_benches = 1},
        {.axis = "ep", .min = 4, .max = 256},
        {.axis = "algorithm", .words = words, .n_words = 2}};
    net_ideal(&np);
    np.p.valid = r;
    np.p.n_valid = 4;
    cr_expect_eq(sn_profile_check(&np.p, NULL), SN_OK, "%s", sn_status_message());
    cr_expect(net_covers(&np.p, "a", "ep", 8, "8") && net_covers(&np.p, "a", "ep", 256, "256"));
    cr_expect(!net_covers(&np.p, "a", "ep", 7, "7") && !net_covers(&np.p, "a", "ep", 257, "257"));
    cr_expect(!net_covers(&np.p, "a", "ep", NAN, ""));
    cr_expect(net_covers(&np.p, "a", "hidden", 1e9, ""), "an axis without a range is free");
    cr_expect(net_covers(&np.p, "a", "tokens", 129, "") &&
              !net_covers(&np.p, "dispatch", "tokens", 129, ""));
    cr_expect(net_covers(&np.p, "a", "algorithm", 0, "hier") &&
              !net_covers(&np.p, "a", "algorithm", 0, "ring"));
}

Test(net_profile, words_of_the_paths)
{
    int n = 0;
    while (sn_path_words[n])
        n++;
    cr_expect_eq(n, SN_PATHS);
    cr_expect_str_eq(sn_path_words[SN_PATH_CPU_REMOTE], "cpu_remote");
}
