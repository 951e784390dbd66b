/* Reading fabric profiles: YAML by libcyaml (harness/yaml.h) into comm/fabric/profile.h. */
#ifndef SN_BENCH_PROFILE_H
#define SN_BENCH_PROFILE_H

#include "comm/fabric/profile.h"
#include "harness/base/buf.h"

/* A name (a file NAME.yaml among the program's profiles, then in results/profiles below the current
 * directory) or a path (with a slash or .yaml). SN_EINVAL: "FILE:LINE: ..." for what is not YAML,
 * unknown and missing keys, wrong units, figures that are negative or not finite, and what
 * sn_profile_check() finds; an unknown name with the nearest one. SN_EIO. *out is released with
 * sn_profile_close(). */
int sn_profile_open(struct sn_profile *out, const char *name_or_file);
void sn_profile_close(struct sn_profile *p);

/* The same from memory; `path` stands for the file in messages. */
int sn_profile_parse(struct sn_profile *out, const char *text, size_t n, const char *path);

/* For the axis `profile`: SN_OK, or an unknown name. Reads no file given by path. */
int sn_profile_axis_check(const char *name_or_file);

/* The path of the file that a name stands for, into *out (owned by the caller). */
int sn_profile_path(const char *name_or_file, char **out);

/* The profile as YAML text that sn_profile_parse() reads back to the same figures. */
void sn_profile_write(const struct sn_profile *p, struct sn_buf *out);

/* For `snbench list profiles`. */
void sn_profile_list(void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out);

#endif
