/* Profiles made by hand for the tests of the network: figures stand in the tests, not in files. */
#ifndef SN_TESTS_UNIT_NETPROFILES_H
#define SN_TESTS_UNIT_NETPROFILES_H

#include <math.h>
#include <string.h>

#include "comm/fabric/net.h"

#define FIGURE(v) ((struct sn_figure){.value = (v), .class = SN_FIGURE_DERIVED, .source = "test"})
#define NO_FIGURE ((struct sn_figure){.value = NAN, .class = SN_FIGURE_NONE})

/* Inside every range of the profile for that axis of a benchmark? */
static inline bool net_covers(const struct sn_profile *p, const char *bench, const char *axis,
                              double value, const char *text)
{
    for (size_t i = 0; i < p->n_valid; i++)
        if (!strcmp(p->valid[i].axis, axis) && sn_profile_range_of(&p->valid[i], bench) &&
            !sn_profile_range_covers(&p->valid[i], value, text))
            return false;
    return true;
}

struct net_profile {
    struct sn_profile p;
    struct sn_profile_port ports[3];
};

static inline struct sn_profile_path net_path(int port, double latency, double bandwidth)
{
    return (struct sn_profile_path){.port = port,
                                    .latency = FIGURE(latency),
                                    .bandwidth = FIGURE(bandwidth),
                                    .read_latency = NO_FIGURE,
                                    .read_bandwidth = NO_FIGURE};
}

static inline void net_no_paths(struct net_profile *n)
{
    for (int i = 0; i < SN_PATHS; i++)
        n->p.paths[i] = (struct sn_profile_path){.port = -1};
}

/* Ports of 196 GB/s and 0.929 us, nothing else: DESIGN.md's check values. */
static inline const struct sn_profile *net_ideal(struct net_profile *n)
{
    *n = (struct net_profile){
        .p = {.name = "ideal", .dies = 768, .dies_per_npu = 1, .dies_per_node = 1, .n_ports = 1}};
    n->p.ports = n->ports;
    n->ports[0] = (struct sn_profile_port){.name = "ub", .bandwidth = FIGURE(196e9)};
    net_no_paths(n);
    n->p.paths[SN_PATH_SUPERNODE] = net_path(0, 0.929e-6, 196e9);
    return &n->p;
}

/* CloudMatrix384's shape: 2 dies an NPU, 16 a node, 7 planes of 28 GB/s, 16 L2 chips a plane, a
 * port of the package of its own; bandwidths as the ports' or `effective` of them. */
static inline const struct sn_profile *net_cm384(struct net_profile *n, double effective)
{
    *n = (struct net_profile){.p = {.name = "cm384",
                                    .dies = 768,
                                    .dies_per_npu = 2,
                                    .dies_per_node = 16,
                                    .cpus_per_node = 4,
                                    .planes = 7,
                                    .l2_per_plane = 16,
                                    .link = FIGURE(28e9),
                                    .uplink = FIGURE(28e9),
                                    .planes_port = "ub",
                                    .n_ports = 2}};
    n->p.ports = n->ports;
    n->ports[0] = (struct sn_profile_port){.name = "sio", .bandwidth = FIGURE(270e9)};
    n->ports[1] = (struct sn_profile_port){.name = "ub", .bandwidth = FIGURE(196e9)};
    net_no_paths(n);
    n->p.paths[SN_PATH_SELF].bandwidth = FIGURE(800e9);
    n->p.paths[SN_PATH_PACKAGE] = net_path(0, 0.2e-6, 210e9);
    n->p.paths[SN_PATH_NODE] = net_path(1, 0.7e-6, effective * 196e9);
    n->p.paths[SN_PATH_SUPERNODE] = net_path(1, 2.1e-6, effective * 196e9);
    n->p.paths[SN_PATH_CPU] = net_path(1, 0.5e-6, effective * 151e9);
    n->p.paths[SN_PATH_CPU_REMOTE] = net_path(1, 1.9e-6, effective * 147e9);
    return &n->p;
}

/* One port of 50 GB/s for all 16 dies of a node, 25 GB/s for each. */
static inline const struct sn_profile *net_vpc(struct net_profile *n)
{
    *n = (struct net_profile){.p = {.name = "vpc",
                                    .dies = 768,
                                    .dies_per_npu = 2,
                                    .dies_per_node = 16,
                                    .cpus_per_node = 1,
                                    .n_ports = 1}};
    n->p.ports = n->ports;
    n->ports[0] =
        (struct sn_profile_port){.name = "vpc", .bandwidth = FIGURE(50e9), .per_node = true};
    for (int i = SN_PATH_PACKAGE; i < SN_PATHS; i++)
        n->p.paths[i] = net_path(0, 5e-6, 25e9);
    n->p.paths[SN_PATH_SELF] = (struct sn_profile_path){.port = -1};
    return &n->p;
}

#endif
