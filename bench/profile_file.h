/* A profile's file as libcyaml fills it, and what its readers share. Numbers are texts, so that
 * what is wrong with them is said in our words, with what would be right. */
#ifndef SN_BENCH_PROFILE_FILE_H
#define SN_BENCH_PROFILE_FILE_H

#include "comm/fabric/profile.h"
#include "harness/base/status.h"
#include "harness/yaml.h"

enum { SN_PROFILE_ENTRIES_MAX = 64 }; /* of a list */

struct sn_profile_file_figure {
    char *value, *unit, *class, *source;
};

struct sn_profile_file_port {
    char *name;
    struct sn_profile_file_figure *bandwidth;
    bool per_node;
};

struct sn_profile_file_path {
    char *port;
    struct sn_profile_file_figure *latency, *bandwidth, *read_latency, *read_bandwidth;
};

struct sn_profile_file_paths {
    struct sn_profile_file_path *self, *package, *node, *supernode, *cpu, *cpu_remote;
};

struct sn_profile_file_machine {
    char *dies, *dies_per_npu, *dies_per_node, *cpus_per_node, *source;
};

struct sn_profile_file_planes {
    char *count, *l2_per_plane, *port, *spread, *source;
    struct sn_profile_file_figure *link, *uplink;
};

struct sn_profile_file_costs {
    struct sn_profile_file_figure *launch, *issue, *flag, *sync_base, *sync_step, *memory;
};

/* min and max, or words. */
struct sn_profile_file_range {
    char *axis, *min, *max;
    char **words, **benches;
    unsigned words_count, benches_count;
};

struct sn_profile_file {
    char *name, *brief;
    struct sn_profile_file_machine *machine;
    struct sn_profile_file_planes *planes;
    struct sn_profile_file_port *ports;
    unsigned ports_count;
    struct sn_profile_file_paths *paths;
    struct sn_profile_file_costs *cost;
    struct sn_profile_file_range *valid;
    unsigned valid_count;
    char **warnings;
    unsigned warnings_count;
};

extern const cyaml_schema_value_t sn_profile_file_schema;

struct sn_profile_reader {
    const struct sn_yaml *yaml;
    const char *path;
};

/* The line of the value at `where`, or of the innermost one around it that the file has. Members
 * of struct sn_profile that sn_profile_check() names stand in groups in the file. */
int sn_profile_line(const struct sn_profile_reader *r, const char *where);

/* SN_EINVAL with "FILE:LINE: " and these words. */
#define SN_PROFILE_WRONG(r, where, ...)                                                            \
    (SN_FAIL(SN_EINVAL, __VA_ARGS__),                                                              \
     sn_status_prefix("%s:%d", (r)->path, sn_profile_line((r), (where))), SN_EINVAL)

/* p->valid: axes of benchmarks that have a model clock, with ranges or words that these take. */
int sn_profile_convert_valid(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                             struct sn_profile *p);

#endif
