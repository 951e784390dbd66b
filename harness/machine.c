/* The description of a machine: its parts put together, and the fingerprint of those that must be
 * equal before two runs are compared. Cost: some 10 ms, most of it hwloc. */
#include "harness/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/machine_parts.h"

static json_t *host_name(void)
{
    char name[256];
    if (gethostname(name, sizeof name))
        return json_null();
    name[sizeof name - 1] = '\0';
    json_t *j = json_string(name);
    return j ? j : json_null();
}

json_t *sn_machine_describe(void)
{
    json_t *m = json_object();
    json_object_set_new(m, "host", host_name());
    json_object_set_new(m, "cpu", sn_machine_cpu());
    json_object_set_new(m, "topology", sn_machine_topology(NULL));
    json_object_set_new(m, "memory_bytes", sn_machine_memory());
    json_object_set_new(m, "kernel", sn_machine_kernel());
    json_object_set_new(m, "governor", sn_machine_governor(""));
    json_object_set_new(m, "huge_pages",
                        sn_machine_choice("/sys/kernel/mm/transparent_hugepage/enabled"));
    json_object_set_new(m, "virtual_machine", sn_machine_hypervisor());
    json_object_set_new(m, "container", sn_machine_container(""));
    json_object_set_new(m, "build", sn_machine_build());
    json_object_set_new(m, "libraries", sn_machine_libraries());
    json_object_set_new(m, "environment", sn_machine_environment());
    json_object_set_new(m, "load", sn_machine_load());
    return m;
}

/* "key=value;" for the value at outer.inner (inner NULL: at outer); "key=?;" when it is not there.
 * Bytes of memory are rounded to GiB: a kernel update reserves a few pages more or less. */
static void add_fact(struct sn_buf *b, const json_t *machine, const char *outer, const char *inner)
{
    const json_t *j = json_object_get(machine, outer);
    if (inner)
        j = json_object_get(j, inner);
    sn_buf_addf(b, "%s.%s=", outer, inner ? inner : "");
    if (json_is_string(j))
        sn_buf_add(b, json_string_value(j));
    else if (json_is_integer(j) && strstr(outer, "_bytes"))
        sn_buf_addf(b, "%" PRIu64, ((uint64_t)json_integer_value(j) + (1u << 29)) >> 30);
    else if (json_is_integer(j))
        sn_buf_addf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
    else
        sn_buf_add(b, "?");
    sn_buf_add(b, ";");
}

void sn_machine_fingerprint(const json_t *machine, char out[17])
{
    struct sn_buf b = {0};
    add_fact(&b, machine, "cpu", "model");
    add_fact(&b, machine, "topology", "cores");
    add_fact(&b, machine, "topology", "pus");
    add_fact(&b, machine, "memory_bytes", NULL);
    add_fact(&b, machine, "kernel", "release");
    add_fact(&b, machine, "libraries", "mpi");
    snprintf(out, 17, "%016" PRIx64, sn_hash_bytes(SN_HASH_START, b.data, b.len));
    sn_buf_free(&b);
}
