/* The keys of a profile's file, for libcyaml; comm/fabric/profiles/README.md describes them. */
#include "bench/profile_file.h"

enum { WORD_MAX = 64, TEXT_MAX = 4096, ENTRIES_MAX = SN_PROFILE_ENTRIES_MAX };
enum { MUST = CYAML_FLAG_POINTER, MAY = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL };

#define WORD(s, key, flags)                                                                        \
    CYAML_FIELD_STRING_PTR(#key, flags, struct sn_profile_##s, key, 1, WORD_MAX)
#define TEXT(s, key, flags)                                                                        \
    CYAML_FIELD_STRING_PTR(#key, flags, struct sn_profile_##s, key, 1, TEXT_MAX)
#define FIGURE(s, key, flags)                                                                      \
    CYAML_FIELD_MAPPING_PTR(#key, flags, struct sn_profile_##s, key, figure_fields)

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
    CYAML_FIELD_BOOL("per_node", CYAML_FLAG_OPTIONAL, struct sn_profile_file_port, per_node),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t port_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sn_profile_file_port, port_fields)};

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

#define PATH(key) CYAML_FIELD_MAPPING_PTR(#key, MAY, struct sn_profile_file_paths, key, path_fields)
static const cyaml_schema_field_t paths_fields[] = {
    PATH(self), PATH(package),    PATH(node),      PATH(supernode),
    PATH(cpu),  PATH(cpu_remote), CYAML_FIELD_END,
};

static const cyaml_schema_field_t machine_fields[] = {
    WORD(file_machine, dies, MUST),          WORD(file_machine, dies_per_npu, MUST),
    WORD(file_machine, dies_per_node, MUST), WORD(file_machine, cpus_per_node, MUST),
    TEXT(file_machine, source, MUST),        CYAML_FIELD_END,
};

static const cyaml_schema_field_t planes_fields[] = {
    WORD(file_planes, count, MUST),    WORD(file_planes, l2_per_plane, MUST),
    WORD(file_planes, port, MUST),     WORD(file_planes, spread, MUST),
    TEXT(file_planes, source, MUST),   FIGURE(file_planes, link, MUST),
    FIGURE(file_planes, uplink, MUST), CYAML_FIELD_END,
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

static const cyaml_schema_value_t word_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

static const cyaml_schema_field_t range_fields[] = {
    WORD(file_range, axis, MUST),
    WORD(file_range, min, MAY),
    WORD(file_range, max, MAY),
    CYAML_FIELD_SEQUENCE("words", MAY, struct sn_profile_file_range, words, &word_schema, 1,
                         ENTRIES_MAX),
    CYAML_FIELD_SEQUENCE("benches", MAY, struct sn_profile_file_range, benches, &word_schema, 1,
                         ENTRIES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t range_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sn_profile_file_range, range_fields)};

static const cyaml_schema_field_t file_fields[] = {
    WORD(file, name, MUST),
    TEXT(file, brief, MUST),
    CYAML_FIELD_MAPPING_PTR("machine", MUST, struct sn_profile_file, machine, machine_fields),
    CYAML_FIELD_MAPPING_PTR("planes", MAY, struct sn_profile_file, planes, planes_fields),
    CYAML_FIELD_SEQUENCE("ports", MUST, struct sn_profile_file, ports, &port_schema, 1,
                         ENTRIES_MAX),
    CYAML_FIELD_MAPPING_PTR("paths", MUST, struct sn_profile_file, paths, paths_fields),
    CYAML_FIELD_MAPPING_PTR("cost", MAY, struct sn_profile_file, cost, costs_fields),
    CYAML_FIELD_SEQUENCE("valid", MAY, struct sn_profile_file, valid, &range_schema, 0,
                         ENTRIES_MAX),
    CYAML_FIELD_SEQUENCE("warnings", MAY, struct sn_profile_file, warnings, &word_schema, 0, 1024),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t sn_profile_file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sn_profile_file, file_fields)};
