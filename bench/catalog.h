/* Things that are files NAME.yaml in a folder of the program's data, and perhaps in one below the
 * current directory: fabric profiles, device profiles, models. */
#ifndef SN_BENCH_CATALOG_H
#define SN_BENCH_CATALOG_H

#include <stddef.h>

#include "harness/base/buf.h"

struct sn_catalog {
    const char *what, *plural; /* "profile", "profiles": for messages */
    size_t folder;             /* offset of the folder in struct sn_datadir */
    const char *own;           /* a second folder, below the current directory, or NULL */
    const char *local;         /* how the one that is named `local` is made, or NULL */
};

/* The path of the file that a name, or a path (with a slash or .yaml), stands for, into *out (owned
 * by the caller). The program's own come first. SN_EINVAL: an unknown name, with the nearest. */
int sn_catalog_path(const struct sn_catalog *c, const char *name_or_file, char **out);

/* The same, but its text too. SN_EIO. Both outputs are the caller's. */
int sn_catalog_read(const struct sn_catalog *c, const char *name_or_file, char **path,
                    struct sn_buf *text);

/* For `snbench list`: every file, sorted by name within its folder. `brief` opens the file and
 * returns its brief as a new string, or NULL with a recorded failure, which is then the reason why
 * it is unavailable. */
void sn_catalog_list(const struct sn_catalog *c, char *(*brief)(const char *path),
                     void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out);

#endif
