/* Reading and writing device profiles: YAML by libcyaml (harness/yaml.h) into kernels/device.h, and
 * what a kernel's case on the model clock takes from them. */
#ifndef SN_BENCH_DEVICE_H
#define SN_BENCH_DEVICE_H

#include <jansson.h>

#include "harness/base/buf.h"
#include "harness/bench.h"
#include "kernels/device.h"

/* A name (a file NAME.yaml among the program's devices, then in results/devices below the current
 * directory) or a path (with a slash or .yaml). SN_EINVAL: "FILE:LINE: ..." for what is not YAML,
 * unknown and missing keys, wrong units, figures that are negative or not finite, and what
 * sn_device_check() finds; an unknown name with the nearest one. SN_EIO. *out is released with
 * sn_device_close(). */
int sn_device_open(struct sn_device *out, const char *name_or_file);
void sn_device_close(struct sn_device *d);

/* The same from memory; `path` stands for the file in messages. */
int sn_device_parse(struct sn_device *out, const char *text, size_t n, const char *path);

/* For the axis `device`: SN_OK, or an unknown name. Reads no file given by path. */
int sn_device_axis_check(const char *name_or_file);

/* The axis `device` of every benchmark that has it; `clocks_`: of the clocks it belongs to, or 0.
 */
#define SN_DEVICE_AXIS(clocks_)                                                                    \
    {                                                                                              \
        .name = "device", .type = SN_AXIS_TEXT, .def = "ascend910c-die",                           \
        .check = sn_device_axis_check, .is_device = true, .clocks = (clocks_),                     \
        .help = "device profile, a name of snbench list devices or a file"                         \
    }

/* The profile as YAML text that sn_device_parse() reads. */
void sn_device_write(const struct sn_device *d, struct sn_buf *out);

/* For `snbench list devices`. */
void sn_device_list(void (*emit)(void *out, const char *name, const char *brief,
                                 const char *unavailable),
                    void *out);

/* For the manifest: {"name", "path", "sha256", "figures": [{"key", "value", "unit", "class",
 * "source"}, ...], "valid", "warnings"}; NULL when it cannot be read. */
json_t *sn_device_describe(const char *name_or_file);

/* The device of a case (axis `device`), open until the run ends. */
int sn_device_of_case(const struct sn_case *c, const struct sn_device **out);

#endif
