/* SHA-256 of files (libnettle), and SHA256SUMS of a directory as sha256sum(1) writes and reads it.
 */
#ifndef SN_HARNESS_SUMS_H
#define SN_HARNESS_SUMS_H

#include <stddef.h>

#define SN_SUMS_FILE "SHA256SUMS"

/* 64 hex digits and a NUL. SN_EIO names the file. */
int sn_sums_of_file(const char *path, char hex[65]);

/* Paths of regular files relative to a directory, sorted bytewise; links are not followed. */
struct sn_sums_list {
    char **paths;
    size_t n;
};

/* All regular files below `dir` but DIR/SHA256SUMS. *out owned by the caller. SN_EIO names what
 * cannot be read. */
int sn_sums_list(struct sn_sums_list *out, const char *dir);
void sn_sums_list_free(struct sn_sums_list *l);

/* Writes DIR/SHA256SUMS, all or nothing: one line a file, sorted by path. */
int sn_sums_write(const char *dir);

/* SN_EVERIFY naming the first path that is missing, not listed or different, or the first line of
 * SHA256SUMS that is none. */
int sn_sums_verify(const char *dir);

#endif
