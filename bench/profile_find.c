/* Profiles by name: a file NAME.yaml among the program's own, then in results/profiles below the
 * current directory, where `snbench calibrate` writes. */
#include <stdlib.h>

#include "bench/catalog.h"
#include "bench/profile.h"
#include "harness/base/status.h"
#include "harness/datadir.h"

static const struct sn_catalog profiles = {.what = "profile",
                                           .plural = "profiles",
                                           .folder = offsetof(struct sn_datadir, profiles),
                                           .own = "results/profiles",
                                           .local = "snbench calibrate DIR"};

int sn_profile_path(const char *name_or_file, char **out)
{
    return sn_catalog_path(&profiles, name_or_file, out);
}

int sn_profile_axis_check(const char *name_or_file)
{
    char *path;
    int status = sn_profile_path(name_or_file, &path);
    if (status == SN_OK)
        free(path);
    return status;
}

int sn_profile_open(struct sn_profile *out, const char *name_or_file)
{
    char *path;
    struct sn_buf text;
    int status = sn_catalog_read(&profiles, name_or_file, &path, &text);
    if (status != SN_OK)
        return status;
    status = sn_profile_parse(out, text.data ? text.data : "", text.len, path);
    sn_buf_free(&text);
    free(path);
    return status;
}

static char *brief_of(const char *path)
{
    struct sn_profile p;
    if (sn_profile_open(&p, path) != SN_OK)
        return NULL;
    char *brief = sn_strdup(p.brief);
    sn_profile_close(&p);
    return brief;
}

void sn_profile_list(void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out)
{
    sn_catalog_list(&profiles, brief_of, emit, out);
}
