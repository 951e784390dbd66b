/* Where the ranks are: hosts and the CPUs each rank may use, gathered to rank 0. Cost: one gather
 * of some 400 bytes per rank. */
#include "harness/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/machine_parts.h"

struct place {
    char host[128], cpus[256];
    int bound;
};

static json_t *clock_of(const struct sn_world *w)
{
    return json_pack("{s:b, s:f, s:f}", "common", w->common_clock, "error_s", w->clock_error_s,
                     "bcast_s", w->bcast_s);
}

json_t *sn_machine_describe_mpi(const struct sn_world *w)
{
    struct place mine = {0}, *all = NULL;
    char host[MPI_MAX_PROCESSOR_NAME] = "";
    int length, version, subversion;
    bool bound;
    MPI_Get_processor_name(host, &length);
    snprintf(mine.host, sizeof mine.host, "%.*s", (int)sizeof mine.host - 1, host);
    sn_machine_binding(mine.cpus, sizeof mine.cpus, &bound);
    mine.bound = bound;
    if (w->rank == 0)
        all = sn_calloc((size_t)w->size, sizeof *all);
    MPI_Gather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, 0, w->comm);
    if (w->rank != 0)
        return NULL;

    json_t *hosts = json_array(), *binding = json_array();
    for (int r = 0; r < w->size; r++) {
        size_t h = 0;
        while (h < json_array_size(hosts) &&
               strcmp(json_string_value(json_array_get(hosts, h)), all[r].host))
            h++;
        if (h == json_array_size(hosts))
            json_array_append_new(hosts, json_string(all[r].host));
        json_array_append_new(binding,
                              json_pack("{s:i, s:I, s:s, s:b}", "rank", r, "host", (json_int_t)h,
                                        "cpus", all[r].cpus, "bound", all[r].bound));
    }
    free(all);
    MPI_Get_version(&version, &subversion);
    char standard[16];
    snprintf(standard, sizeof standard, "%d.%d", version, subversion);
    json_t *libraries = sn_machine_libraries();
    json_t *j =
        json_pack("{s:O, s:s, s:i, s:o, s:i, s:i, s:b, s:o, s:o}", "library",
                  json_object_get(libraries, "mpi"), "standard", standard, "ranks", w->size,
                  "hosts", hosts, "ranks_on_host", w->host_ranks, "cores", w->cores,
                  "oversubscribed", w->oversubscribed, "clock", clock_of(w), "binding", binding);
    json_decref(libraries);
    return j;
}
