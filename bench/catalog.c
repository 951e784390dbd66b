/* Files by name: the program's own, then those below the current directory. */
#include "bench/catalog.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/status.h"
#include "harness/datadir.h"

struct names {
    char **names, **paths;
    size_t n;
};

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && !strcmp(s + n - m, suffix);
}

static bool is_path(const char *text)
{
    return strchr(text, '/') || has_suffix(text, ".yaml") || has_suffix(text, ".yml");
}

static bool has_name(const struct names *l, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (!strncmp(l->names[i], name, len) && !l->names[i][len])
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of one folder behind those that are there, sorted; a name that is taken stays. */
static void add_folder(struct names *l, const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    size_t before = l->n;
    for (const struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (e->d_name[0] == '.' || !has_suffix(e->d_name, ".yaml") ||
            has_name(l, before, e->d_name, len - 5))
            continue;
        l->names = sn_realloc(l->names, l->n + 1, sizeof *l->names);
        l->names[l->n++] = sn_strdupf("%.*s", (int)len - 5, e->d_name);
    }
    closedir(d);
    if (l->n > before)
        qsort(l->names + before, l->n - before, sizeof *l->names, by_text);
    l->paths = sn_realloc(l->paths, l->n + 1, sizeof *l->paths);
    for (size_t i = before; i < l->n; i++)
        l->paths[i] = sn_strdupf("%s/%s.yaml", dir, l->names[i]);
}

static int open_names(const struct sn_catalog *c, struct names *l)
{
    struct sn_datadir data;
    *l = (struct names){0};
    int status = sn_datadir_open(&data);
    if (status != SN_OK)
        return status;
    char *folder;
    memcpy(&folder, (const char *)&data + c->folder, sizeof folder);
    add_folder(l, folder);
    if (c->own)
        add_folder(l, c->own);
    sn_datadir_close(&data);
    return SN_OK;
}

static void close_names(struct names *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->names[i]);
        free(l->paths[i]);
    }
    free(l->names);
    free(l->paths);
}

static int unknown(const struct sn_catalog *c, const struct names *l, const char *name)
{
    struct sn_buf all = {0};
    bool local = c->local && !strcmp(name, "local");
    for (size_t i = 0; i < l->n; i++)
        sn_buf_addf(&all, "%s%s", i ? ", " : "", l->names[i]);
    const char *near = sn_nearest(name, (const char *const *)l->names, l->n);
    SN_FAIL(SN_EINVAL, "unknown %s '%.64s'%s%s%s (%s: %s; a file is named with its .yaml%s%s)",
            c->what, name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            c->plural, all.data ? all.data : "none", local ? "; local is made by " : "",
            local ? c->local : "");
    sn_buf_free(&all);
    return SN_EINVAL;
}

int sn_catalog_path(const struct sn_catalog *c, const char *name_or_file, char **out)
{
    if (is_path(name_or_file)) {
        *out = sn_strdup(name_or_file);
        return SN_OK;
    }
    struct names l;
    int status = open_names(c, &l);
    if (status != SN_OK)
        return status;
    size_t i = 0;
    while (i < l.n && strcmp(l.names[i], name_or_file))
        i++;
    if (i < l.n)
        *out = sn_strdup(l.paths[i]);
    else
        status = unknown(c, &l, name_or_file);
    close_names(&l);
    return status;
}

int sn_catalog_read(const struct sn_catalog *c, const char *name_or_file, char **path,
                    struct sn_buf *text)
{
    int status = sn_catalog_path(c, name_or_file, path);
    if (status != SN_OK)
        return status;
    *text = (struct sn_buf){0};
    status = sn_buf_read_file(text, *path);
    if (status != SN_OK) {
        sn_buf_free(text);
        free(*path);
    }
    return status;
}

void sn_catalog_list(const struct sn_catalog *c, char *(*brief)(const char *path),
                     void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out)
{
    struct names l;
    if (open_names(c, &l) != SN_OK) {
        emit(out, c->plural, "", sn_status_message());
        return;
    }
    for (size_t i = 0; i < l.n; i++) {
        char *text = brief(l.paths[i]);
        emit(out, l.names[i], text ? text : "", text ? NULL : sn_status_message());
        free(text);
    }
    close_names(&l);
}
