/* A growing text buffer, and small helpers on words. Out of memory aborts: the texts are small. */
#ifndef SN_BASE_BUF_H
#define SN_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct sn_buf {
    char *data; /* NUL-terminated once anything was added; NULL before */
    size_t len, cap;
};

void sn_buf_add(struct sn_buf *b, const char *text);
void sn_buf_addn(struct sn_buf *b, const char *bytes, size_t n);
void sn_buf_addf(struct sn_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sn_buf_reset(struct sn_buf *b); /* keeps the memory */
void sn_buf_free(struct sn_buf *b);

/* Reads a whole file in place of the content. SN_EIO names it and the reason. */
int sn_buf_read_file(struct sn_buf *b, const char *path);
/* Writes data to `path` through a temporary beside it, fsync and rename: all or nothing. */
int sn_buf_write_file(const struct sn_buf *b, const char *path);

/* strdup() that aborts when out of memory. */
char *sn_strdup(const char *s);
char *sn_strdupf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* calloc() and realloc() of n x size with the product checked; abort when out of memory. */
void *sn_calloc(size_t n, size_t size);
void *sn_realloc(void *p, size_t n, size_t size);

/* Is it one word of at most 64 letters, digits, '_', '.', '-': what may stand in a sweep? */
bool sn_is_word(const char *s);

/* The word of words[0..n) nearest to `word` (Levenshtein with transpositions, at most a third of
 * its length + 1 away), or NULL. */
const char *sn_nearest(const char *word, const char *const *words, size_t n);

#endif
