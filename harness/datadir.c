/* Data files by the place of the program: no path is compiled in, so that a tree can be moved. */
#include "harness/datadir.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

static bool is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Where a kind of root has its folders. */
struct layout {
    const char *suites, *profiles, *devices, *models, *traces;
};
static const struct layout installed = {"suites", "profiles", "devices", "models", "traces"},
                           tree = {"bench/suites", "comm/fabric/profiles", "kernels/devices",
                                   "bench/models", "bench/traces"};

/* *out when the root has the folder of suites; else the place is noted in `looked`. */
static bool try_root(struct sn_datadir *out, const char *root, const struct layout *l,
                     struct sn_buf *looked)
{
    char *suites = sn_strdupf("%s/%s", strcmp(root, "/") ? root : "", l->suites);
    if (!is_folder(suites)) {
        sn_buf_addf(looked, "%s%s", looked->len ? ", " : "", suites);
        free(suites);
        return false;
    }
    *out = (struct sn_datadir){.suites = suites,
                               .plots = sn_strdupf("%s/plots", root),
                               .results = sn_strdupf("%s/results", root),
                               .profiles = sn_strdupf("%s/%s", root, l->profiles),
                               .devices = sn_strdupf("%s/%s", root, l->devices),
                               .models = sn_strdupf("%s/%s", root, l->models),
                               .traces = sn_strdupf("%s/%s", root, l->traces)};
    return true;
}

/* Cuts the last component off; false at the top. */
static bool to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || !path[1])
        return false;
    slash[slash == path] = '\0';
    return true;
}

int sn_datadir_find(struct sn_datadir *out, const char *dir)
{
    /* The deepest program of a tree is ROOT/build/CONFIG/tests/unit: three folders below ROOT. */
    enum { LEVELS = 3 };
    struct sn_buf looked = {0};
    char *root = sn_strdup(dir);
    bool found = false;
    const char *name = strrchr(dir, '/');
    if (name && !strcmp(name, "/bin") && to_parent(root)) {
        char *share = sn_strdupf("%s/share/snbench", strcmp(root, "/") ? root : "");
        found = try_root(out, share, &installed, &looked);
        free(share);
        free(root);
        root = sn_strdup(dir);
    }
    for (int i = 0; i < LEVELS && !found && to_parent(root); i++)
        found = try_root(out, root, &tree, &looked);
    if (!found)
        SN_FAIL(SN_EENV, "the data files were not found; looked for the suites at %s",
                looked.data ? looked.data : dir);
    free(root);
    sn_buf_free(&looked);
    return found ? SN_OK : SN_EENV;
}

int sn_datadir_open(struct sn_datadir *out)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n < 0)
        return SN_FAIL(SN_EENV, "/proc/self/exe cannot be read: %s", strerror(errno));
    exe[n] = '\0';
    to_parent(exe);
    return sn_datadir_find(out, exe);
}

void sn_datadir_close(struct sn_datadir *d)
{
    free(d->suites);
    free(d->plots);
    free(d->results);
    free(d->profiles);
    free(d->devices);
    free(d->models);
    free(d->traces);
    *d = (struct sn_datadir){0};
}
