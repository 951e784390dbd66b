/* Topology through hwloc, and the CPUs this thread may use. A synthetic topology goes through the
 * same code, so that tests need no particular hardware. */
#define _GNU_SOURCE /* sched_getaffinity() */
#include "harness/machine_parts.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hwloc.h>

static json_t *cpu_list(hwloc_const_bitmap_t set)
{
    char *text = NULL;
    json_t *j = hwloc_bitmap_list_asprintf(&text, set) < 0 ? json_null() : json_string(text);
    free(text);
    return j;
}

static const char *cache_type(hwloc_obj_cache_type_t t)
{
    return t == HWLOC_OBJ_CACHE_DATA          ? "data"
           : t == HWLOC_OBJ_CACHE_INSTRUCTION ? "instruction"
                                              : "unified";
}

/* Adds one cache to the group of caches with its level, type, size and sharing. */
static void add_cache(json_t *caches, hwloc_obj_t o)
{
    json_int_t bytes = (json_int_t)o->attr->cache.size, pus = hwloc_bitmap_weight(o->cpuset);
    json_int_t level = (json_int_t)o->attr->cache.depth;
    const char *type = cache_type(o->attr->cache.type);
    size_t i;
    json_t *c;
    json_array_foreach (caches, i, c) {
        if (json_integer_value(json_object_get(c, "level")) == level &&
            json_integer_value(json_object_get(c, "bytes")) == bytes &&
            json_integer_value(json_object_get(c, "pus")) == pus &&
            !strcmp(json_string_value(json_object_get(c, "type")), type)) {
            json_int_t n = json_integer_value(json_object_get(c, "count"));
            json_object_set_new(c, "count", json_integer(n + 1));
            return;
        }
    }
    json_array_append_new(caches,
                          json_pack("{s:I, s:s, s:I, s:I, s:I}", "level", level, "type", type,
                                    "bytes", bytes, "pus", pus, "count", (json_int_t)1));
}

static json_t *caches_of(hwloc_topology_t t)
{
    static const hwloc_obj_type_t types[] = {
        HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L1ICACHE, HWLOC_OBJ_L2CACHE,
        HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE,
    };
    json_t *caches = json_array();
    for (size_t k = 0; k < sizeof types / sizeof *types; k++)
        for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(t, types[k], o));)
            add_cache(caches, o);
    return caches;
}

static json_t *numa_of(hwloc_topology_t t)
{
    json_t *nodes = json_array();
    for (hwloc_obj_t o = NULL; (o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, o));)
        json_array_append_new(nodes, json_pack("{s:I, s:I, s:o}", "node", (json_int_t)o->os_index,
                                               "bytes", (json_int_t)o->attr->numanode.local_memory,
                                               "cpus", cpu_list(o->cpuset)));
    return nodes;
}

json_t *sn_machine_topology(const char *synthetic)
{
    hwloc_topology_t t;
    if (hwloc_topology_init(&t))
        return json_null();
    /* hwloc keeps instruction caches only when asked to. */
    hwloc_topology_set_icache_types_filter(t, HWLOC_TYPE_FILTER_KEEP_ALL);
    if ((synthetic && hwloc_topology_set_synthetic(t, synthetic)) || hwloc_topology_load(t)) {
        hwloc_topology_destroy(t);
        return json_null();
    }
    json_t *j = json_pack(
        "{s:i, s:i, s:i, s:o, s:o}", "packages", hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PACKAGE),
        "cores", hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_CORE), "pus",
        hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PU), "caches", caches_of(t), "numa", numa_of(t));
    hwloc_topology_destroy(t);
    return j;
}

void sn_machine_binding(char *list, size_t size, bool *bound)
{
    enum { MOST = 8192 }; /* CPUs; the kernel's own limit on x86 */
    snprintf(list, size, "unknown");
    *bound = false;
    cpu_set_t *set = CPU_ALLOC(MOST);
    size_t bytes = CPU_ALLOC_SIZE(MOST);
    if (!set)
        return;
    CPU_ZERO_S(bytes, set);
    if (sched_getaffinity(0, bytes, set)) {
        CPU_FREE(set);
        return;
    }
    hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
    for (unsigned i = 0; i < MOST; i++)
        if (CPU_ISSET_S(i, bytes, set))
            hwloc_bitmap_set(cpus, i);
    int need = hwloc_bitmap_list_snprintf(list, size, cpus);
    if (need >= (int)size && size > 4)
        memcpy(list + size - 4, "...", 4);
    *bound = CPU_COUNT_S(bytes, set) < sysconf(_SC_NPROCESSORS_ONLN);
    hwloc_bitmap_free(cpus);
    CPU_FREE(set);
}
