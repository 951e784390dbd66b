/* SHA256SUMS: every file of a directory with its SHA-256, in the format of sha256sum(1): 64 hex
 * digits, two spaces, the path; a path with a backslash or a line break is escaped and its line
 * starts with a backslash. Sorted, so that writing and verifying are a merge of two sorted lists.
 */
#include "harness/sums.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { HEX = 64, CHUNK = 1 << 16 };

int sn_sums_of_file(const char *path, char hex[65])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SN_FAIL(SN_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    struct sha256_ctx ctx;
    uint8_t *chunk = sn_calloc(CHUNK, 1), digest[SHA256_DIGEST_SIZE];
    ssize_t n;
    sha256_init(&ctx);
    while ((n = read(fd, chunk, CHUNK)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        sha256_update(&ctx, (size_t)n, chunk);
    }
    int why = errno;
    close(fd);
    free(chunk);
    if (n < 0)
        return SN_FAIL(SN_EIO, "%s: cannot be read: %s", path, strerror(why));
    sha256_digest(&ctx, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return SN_OK;
}

/* ---- listing --------------------------------------------------------------------------------- */

static void add_path(struct sn_sums_list *l, char *path)
{
    if (!(l->n & (l->n - 1))) /* full at 0 and at powers of two */
        l->paths = sn_realloc(l->paths, l->n ? 2 * l->n : 1, sizeof *l->paths);
    l->paths[l->n++] = path;
}

/* Adds what is below dir/at ("" or "sub/"). */
static int walk(struct sn_sums_list *l, const char *dir, const char *at)
{
    char *full = sn_strdupf("%s/%s", dir, at);
    DIR *d = opendir(full);
    int status = d ? SN_OK : SN_FAIL(SN_EIO, "%s: cannot be listed: %s", full, strerror(errno));
    free(full);
    if (!d)
        return status;
    for (struct dirent *e; status == SN_OK && (e = readdir(d));) {
        struct stat st;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
            (!*at && !strcmp(e->d_name, SN_SUMS_FILE)))
            continue;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
            if (errno != ENOENT) /* gone since: not there */
                status = SN_FAIL(SN_EIO, "%s/%s%s: %s", dir, at, e->d_name, strerror(errno));
        } else if (S_ISDIR(st.st_mode)) {
            char *sub = sn_strdupf("%s%s/", at, e->d_name);
            status = walk(l, dir, sub);
            free(sub);
        } else if (S_ISREG(st.st_mode)) {
            add_path(l, sn_strdupf("%s%s", at, e->d_name));
        }
    }
    closedir(d);
    return status;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int sn_sums_list(struct sn_sums_list *out, const char *dir)
{
    struct sn_sums_list l = {0};
    int status = walk(&l, dir, "");
    if (status != SN_OK) {
        sn_sums_list_free(&l);
        return status;
    }
    if (l.n)
        qsort(l.paths, l.n, sizeof *l.paths, by_bytes);
    *out = l;
    return SN_OK;
}

void sn_sums_list_free(struct sn_sums_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->paths[i]);
    free(l->paths);
    *l = (struct sn_sums_list){0};
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_line(struct sn_buf *b, const char *hex, const char *path)
{
    sn_buf_addf(b, "%s%s  ", strpbrk(path, "\\\n\r") ? "\\" : "", hex);
    for (const char *p = path; *p; p++) {
        const char *escaped = *p == '\\' ? "\\\\" : *p == '\n' ? "\\n" : *p == '\r' ? "\\r" : NULL;
        if (escaped)
            sn_buf_add(b, escaped);
        else
            sn_buf_addn(b, p, 1);
    }
    sn_buf_add(b, "\n");
}

static int sum_below(const char *dir, const char *path, char hex[65])
{
    char *full = sn_strdupf("%s/%s", dir, path);
    int status = sn_sums_of_file(full, hex);
    free(full);
    return status;
}

int sn_sums_write(const char *dir)
{
    struct sn_sums_list l;
    struct sn_buf b = {0};
    int status = sn_sums_list(&l, dir);
    if (status != SN_OK)
        return status;
    sn_buf_addn(&b, "", 0);
    for (size_t i = 0; i < l.n && status == SN_OK; i++) {
        char hex[65];
        status = sum_below(dir, l.paths[i], hex);
        if (status == SN_OK)
            add_line(&b, hex, l.paths[i]);
    }
    if (status == SN_OK) {
        char *path = sn_strdupf("%s/" SN_SUMS_FILE, dir);
        status = sn_buf_write_file(&b, path);
        free(path);
    }
    sn_buf_free(&b);
    sn_sums_list_free(&l);
    return status;
}

/* ---- verifying ------------------------------------------------------------------------------- */

/* Splits a line in place into digits and path; false when it is no line of sha256sum. */
static bool parse_line(char *line, const char **hex, const char **path)
{
    bool escaped = *line == '\\';
    line += escaped;
    if (strspn(line, "0123456789abcdef") != HEX || line[HEX] != ' ' ||
        (line[HEX + 1] != ' ' && line[HEX + 1] != '*') || !line[HEX + 2])
        return false;
    line[HEX] = '\0';
    *hex = line;
    *path = line + HEX + 2;
    if (!escaped)
        return true;
    char *to = line + HEX + 2;
    for (const char *from = to; *from; from++) {
        if (*from == '\\') {
            from++;
            if (*from != '\\' && *from != 'n' && *from != 'r')
                return false;
            *to++ = *from == 'n' ? '\n' : *from == 'r' ? '\r' : '\\';
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return true;
}

struct verifying {
    const char *dir;
    struct sn_sums_list files;
    size_t next;          /* of the files: those before it were found in SHA256SUMS */
    const char *previous; /* path of the line before */
};

static int verify_line(struct verifying *v, char *line, size_t number)
{
    const char *hex, *path;
    char now[65];
    if (!parse_line(line, &hex, &path))
        return SN_FAIL(SN_EVERIFY,
                       SN_SUMS_FILE ":%zu: must be 64 hex digits, two spaces and a path", number);
    if (v->previous && strcmp(v->previous, path) >= 0)
        return SN_FAIL(SN_EVERIFY, SN_SUMS_FILE ":%zu: %s must stand before %s, and once", number,
                       path, v->previous);
    v->previous = path;
    int order = v->next < v->files.n ? strcmp(v->files.paths[v->next], path) : 1;
    if (order < 0)
        return SN_FAIL(SN_EVERIFY, "%s: not listed in " SN_SUMS_FILE, v->files.paths[v->next]);
    if (order > 0)
        return SN_FAIL(SN_EVERIFY, "%s: listed in " SN_SUMS_FILE ", but missing", path);
    int status = sum_below(v->dir, path, now);
    if (status != SN_OK)
        return status;
    if (strcmp(now, hex))
        return SN_FAIL(SN_EVERIFY, "%s: SHA-256 differs from " SN_SUMS_FILE, path);
    v->next++;
    return SN_OK;
}

static int verify_text(struct verifying *v, char *text)
{
    int status = SN_OK;
    size_t number = 1;
    for (char *end; status == SN_OK && *text; text = end + 1, number++) {
        end = strchr(text, '\n');
        if (!end)
            return SN_FAIL(SN_EVERIFY, SN_SUMS_FILE ":%zu: the last line does not end", number);
        *end = '\0';
        status = verify_line(v, text, number);
    }
    if (status == SN_OK && v->next < v->files.n)
        return SN_FAIL(SN_EVERIFY, "%s: not listed in " SN_SUMS_FILE, v->files.paths[v->next]);
    return status;
}

int sn_sums_verify(const char *dir)
{
    struct verifying v = {.dir = dir};
    struct sn_buf text = {0};
    char *path = sn_strdupf("%s/" SN_SUMS_FILE, dir);
    int status = SN_OK;
    if (access(path, F_OK))
        status = SN_FAIL(SN_EVERIFY, SN_SUMS_FILE " is missing: the run has no report yet");
    if (status == SN_OK)
        status = sn_buf_read_file(&text, path);
    if (status == SN_OK && strlen(text.data) != text.len)
        status = SN_FAIL(SN_EVERIFY, SN_SUMS_FILE ": holds a NUL byte");
    if (status == SN_OK)
        status = sn_sums_list(&v.files, dir);
    if (status == SN_OK)
        status = verify_text(&v, text.data);
    sn_sums_list_free(&v.files);
    sn_buf_free(&text);
    free(path);
    return status;
}
