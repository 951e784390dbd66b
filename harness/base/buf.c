/* Growing text, whole files, allocation that cannot fail, and the nearest word. */
#include "harness/base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/status.h"

static void out_of_memory(size_t n, size_t size)
{
    fprintf(stderr, "snbench: out of memory (%zu x %zu bytes)\n", n, size);
    abort();
}

void *sn_calloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1); /* checks the product itself */
    if (!p)
        out_of_memory(n, size);
    return p;
}

void *sn_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        out_of_memory(n, size);
    p = realloc(p, bytes ? bytes : 1);
    if (!p)
        out_of_memory(n, size);
    return p;
}

/* Room for `more` bytes and a terminating NUL. */
static void reserve(struct sn_buf *b, size_t more)
{
    size_t need;
    if (__builtin_add_overflow(b->len, more, &need) || __builtin_add_overflow(need, 1, &need))
        out_of_memory(1, SIZE_MAX);
    if (need <= b->cap)
        return;
    size_t cap = b->cap ? b->cap : 128;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : 2 * cap;
    b->data = sn_realloc(b->data, cap, 1);
    b->cap = cap;
}

void sn_buf_addn(struct sn_buf *b, const char *bytes, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void sn_buf_add(struct sn_buf *b, const char *text)
{
    sn_buf_addn(b, text, strlen(text));
}

/* Appends; a first try in the room there is, a second in the room it takes. */
static void addv(struct sn_buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    reserve(b, 64);
    int n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    if (n >= 0 && (size_t)n >= b->cap - b->len) {
        reserve(b, (size_t)n);
        n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
    }
    va_end(again);
    if (n > 0)
        b->len += (size_t)n;
    b->data[b->len] = '\0';
}

void sn_buf_addf(struct sn_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    addv(b, fmt, ap);
    va_end(ap);
}

void sn_buf_reset(struct sn_buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

void sn_buf_free(struct sn_buf *b)
{
    free(b->data);
    *b = (struct sn_buf){0};
}

int sn_buf_read_file(struct sn_buf *b, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return SN_FAIL(SN_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    sn_buf_reset(b);
    sn_buf_addn(b, "", 0);
    struct stat st; /* only a hint: files of /proc have length 0 */
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0)
        reserve(b, (size_t)st.st_size);
    for (;;) {
        reserve(b, 4096);
        ssize_t n = read(fd, b->data + b->len, b->cap - b->len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int why = errno;
            close(fd);
            sn_buf_reset(b);
            return SN_FAIL(SN_EIO, "%s: cannot be read: %s", path, strerror(why));
        }
        if (!n)
            break;
        b->len += (size_t)n;
    }
    b->data[b->len] = '\0';
    close(fd);
    return SN_OK;
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t w = write(fd, data, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        data += w;
        n -= (size_t)w;
    }
    return 0;
}

/* The new name is durable only once its directory is. Some file systems cannot: no error. */
static void sync_directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? sn_strdupf("%.*s", (int)(slash - path + 1), path) : sn_strdup(".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

int sn_buf_write_file(const struct sn_buf *b, const char *path)
{
    char *tmp = sn_strdupf("%s.%ld.tmp", path, (long)getpid());
    int status = SN_OK;
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = SN_FAIL(SN_EIO, "%s: cannot be created: %s", path, strerror(errno));
        goto out;
    }
    int failed = write_all(fd, b->data, b->len) || fsync(fd), why = errno;
    if (close(fd) && !failed) {
        failed = 1;
        why = errno;
    }
    if (!failed && rename(tmp, path)) {
        failed = 1;
        why = errno;
    }
    if (failed) {
        status = SN_FAIL(SN_EIO, "%s: cannot be written: %s", path, strerror(why));
        unlink(tmp);
        goto out;
    }
    sync_directory_of(path);
out:
    free(tmp);
    return status;
}

bool sn_is_word(const char *s)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strnlen(s, 65);
    return n > 0 && n <= 64 && strspn(s, letters) == n;
}

char *sn_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(sn_calloc(n, 1), s, n);
}

char *sn_strdupf(const char *fmt, ...)
{
    struct sn_buf b = {0};
    va_list ap;
    va_start(ap, fmt);
    addv(&b, fmt, ap);
    va_end(ap);
    return b.data;
}

enum { WORD_MAX = 64 };

/* Optimal string alignment: insertions, removals, replacements and swaps of neighbours, each 1. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++)
        above[j] = j;
    for (size_t i = 1; i <= na; i++) {
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *t = before;
        before = above;
        above = row;
        row = t;
    }
    return above[nb];
}

const char *sn_nearest(const char *word, const char *const *words, size_t n)
{
    size_t len = strlen(word), limit = len / 3 + 1, least = limit + 1;
    const char *best = NULL;
    if (!len || len > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t l = strlen(words[i]);
        if (l > WORD_MAX)
            continue;
        size_t d = distance(word, len, words[i], l);
        /* Everything replaced is no likeness: "x" for "m". */
        if (d < least && d < (l > len ? l : len)) {
            least = d;
            best = words[i];
        }
    }
    return best;
}
