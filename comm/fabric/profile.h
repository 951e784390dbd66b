/* A fabric profile: what a machine's interconnect is and costs, each figure with its source.
 *
 * Profiles are YAML files (comm/fabric/profiles/, schema in its README); this layer
 * holds the struct, bench/profile.h reads the file, so that the model stands on numbers alone. Base
 * units: seconds, bytes, bytes per second.
 */
#ifndef SN_COMM_FABRIC_PROFILE_H
#define SN_COMM_FABRIC_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/figure.h"

/* From where to where bytes go. The first four are enum sn_tier. */
enum sn_path {
    SN_PATH_SELF,       /* within a die: a copy in its own memory */
    SN_PATH_PACKAGE,    /* the two dies of an NPU */
    SN_PATH_NODE,       /* dies of a node */
    SN_PATH_SUPERNODE,  /* dies of different nodes */
    SN_PATH_CPU,        /* a die and CPU memory of its node */
    SN_PATH_CPU_REMOTE, /* a die and CPU memory of another node */
    SN_PATHS
};
extern const char *const sn_path_words[]; /* SN_PATHS names and NULL */

/* A port: what a die (or all dies of a node together) sends and receives through; full duplex, the
 * same bandwidth in each direction. The physical figure: lower bounds are made of it. */
struct sn_profile_port {
    const char *name;
    struct sn_figure bandwidth;
    bool per_node; /* one for all dies of a node */
};

/* One way. Effective figures, as software reaches them. */
struct sn_profile_path {
    int port;                   /* index into ports, -1: this fabric has no such path */
    struct sn_figure latency;   /* from the first byte leaving to its arrival */
    struct sn_figure bandwidth; /* of one die's traffic; at most the port's */
    /* Reads: from asking until the first byte is here; NONE: as `latency` and `bandwidth`. */
    struct sn_figure read_latency, read_bandwidth;
};

/* Where a model was calibrated, on one axis of benchmarks: outside it rows are flagged
 * `extrapolated`. A range of numbers or, with any words, one of these. */
struct sn_profile_range {
    const char *axis; /* "ep", "size", "order" */
    double min, max;
    const char *const *words;   /* (n_words) values in text: "random" */
    const char *const *benches; /* (n_benches) by name: it speaks of these; none: of all that have
                                   the axis */
    size_t n_words, n_benches;
};

struct sn_profile {
    const char *name, *brief;
    const char *path; /* of the file, or NULL when made by hand */

    unsigned dies;         /* of the machine described; the generator takes any number */
    unsigned dies_per_npu; /* dies of a package */
    unsigned dies_per_node;
    unsigned cpus_per_node; /* sockets whose memory is a target of its own; 0: none */
    const char *machine_source, *planes_source; /* of the counts above and below, or NULL */

    /* Planes and switches (UB: 7 planes; per node and plane one L1 chip; per plane `l2` L2 chips,
     * one link from every L1 chip to each of them). planes = 0: no switches are modelled, only
     * ports. link: of a die to the L1 chip of a plane; uplink: of an L1 chip to one L2 chip. */
    unsigned planes, l2_per_plane;
    bool hashed; /* a message goes through one plane and one L2 chip, chosen by a hash; else it is
                    sprayed over all */
    struct sn_figure link, uplink;
    const char *planes_port; /* the port that the planes make up */

    struct sn_profile_port *ports;
    size_t n_ports;
    struct sn_profile_path paths[SN_PATHS];

    /* Costs of an operation such as dispatch; NONE counts as 0. */
    struct {
        struct sn_figure launch;    /* s per operation: launch and what is fixed */
        struct sn_figure issue;     /* s per message at its sender: max(issue, bytes / bandwidth) */
        struct sn_figure flag;      /* s per peer: a flag to it and one from it (linear form) */
        struct sn_figure sync_base; /* s: logarithmic form, base + step ceil(log2 EP); an
                                       intercept, the one figure that may be negative */
        struct sn_figure sync_step;
        struct sn_figure memory; /* B/s: quantisation, packing and sums read and write memory */
    } cost;

    struct sn_profile_range *valid;
    size_t n_valid;
    const char **warnings; /* of a fit: parameters that cannot be told from another, ... */
    size_t n_warnings;
    void *storage; /* what the strings and arrays live in; owned by who made the profile */
};

/* SN_OK, or SN_EINVAL: what contradicts itself (a path whose port is missing, an effective
 * bandwidth above its port's, links that do not add up to the port, a figure that is negative, not
 * finite or zero where that is no speed). Files: the reader adds FILE:LINE. *where
 * (unless where is NULL) gets the key as a constant string: a member's name, "paths.node.bandwidth"
 * for figures of a path, "cost.flag", "ports" and "valid" for an element of those (the message
 * names it); NULL when well. The path `self` may do without a port: bytes that stay in a die pass
 * none. */
int sn_profile_check(const struct sn_profile *p, const char **where);

/* Does the range speak of a benchmark at all? Of those it names; of all where it names none. */
bool sn_profile_range_of(const struct sn_profile_range *r, const char *bench);
/* True when a value of its axis lies inside: `text` among its words, else min <= value <= max. */
bool sn_profile_range_covers(const struct sn_profile_range *r, double value, const char *text);

#endif
