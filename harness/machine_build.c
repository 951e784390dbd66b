/* How this program was built and with which libraries it runs. */
#include "harness/machine_parts.h"

#include <stdio.h>
#include <string.h>

#include <cyaml/cyaml.h>
#include <hwloc.h>
#include <mpi.h>
#include <nettle/version.h>
#include <papi.h>

#ifndef SN_BUILD_FLAGS
#define SN_BUILD_FLAGS NULL
#endif
#ifndef SN_BUILD_CONFIG
#define SN_BUILD_CONFIG NULL
#endif

static json_t *word(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *sn_machine_build(void)
{
#if defined(__clang__)
    const char *compiler = "Clang";
#elif defined(__GNUC__)
    const char *compiler = "GCC";
#else
    const char *compiler = "unknown";
#endif
    return json_pack("{s:s, s:s, s:o, s:o}", "compiler", compiler, "version", __VERSION__, "flags",
                     word(SN_BUILD_FLAGS), "config", word(SN_BUILD_CONFIG));
}

/* First line of the MPI library's description, blanks single: "MPICH Version: 4.0.2". */
static void mpi_library(char *out, size_t size)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    size_t n = 0;
    MPI_Get_library_version(text, &length);
    for (const char *p = text; *p && *p != '\n' && n + 1 < size; p++) {
        char c = *p == '\t' ? ' ' : *p;
        if (c != ' ' || (n && out[n - 1] != ' '))
            out[n++] = c;
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

json_t *sn_machine_libraries(void)
{
    char mpi[256], nettle[32], papi[32];
    mpi_library(mpi, sizeof mpi);
    snprintf(nettle, sizeof nettle, "%d.%d", nettle_version_major(), nettle_version_minor());
    snprintf(papi, sizeof papi, "%d.%d.%d", PAPI_VERSION_MAJOR(PAPI_VERSION),
             PAPI_VERSION_MINOR(PAPI_VERSION), PAPI_VERSION_REVISION(PAPI_VERSION));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "mpi", mpi, "hwloc", HWLOC_VERSION, "papi",
                     papi, "jansson", jansson_version_str(), "libcyaml", cyaml_version_str,
                     "nettle", nettle);
}
