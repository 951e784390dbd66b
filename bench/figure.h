/* Figures as profiles write them, {value, unit, class, source}, read into struct sn_figure. Numbers
 * are texts, so that what is wrong with them is said in our words, with what would be right. */
#ifndef SN_BENCH_FIGURE_H
#define SN_BENCH_FIGURE_H

#include "harness/base/buf.h"
#include "harness/base/figure.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/yaml.h"

struct sn_figure_file {
    char *value, *unit, *class, *source;
};
extern const cyaml_schema_field_t sn_figure_fields[];

struct sn_figure_reader {
    const struct sn_yaml *yaml;
    const char *path;
};

/* The line of the value at `where`, or of the innermost one around it that the file has. */
int sn_figure_line(const struct sn_figure_reader *r, const char *where);

/* SN_EINVAL with "FILE:LINE: " and these words. */
#define SN_FIGURE_WRONG(r, where, ...)                                                             \
    (SN_FAIL(SN_EINVAL, __VA_ARGS__),                                                              \
     sn_status_prefix("%s:%d", (r)->path, sn_figure_line((r), (where))), SN_EINVAL)

/* Reads the figure that stands at `where` ("peak.int8"); f NULL: not given. A rate, a size and a
 * count must be above 0, a time at least 0. SN_EINVAL: a number that is none or not finite, a unit
 * of something else, an unknown class with the nearest. */
int sn_figure_read(const struct sn_figure_reader *r, const struct sn_figure_file *f,
                   const char *where, enum sn_unit unit, struct sn_figure *out);

/* A class by its word alone. */
int sn_figure_class(const struct sn_figure_reader *r, const char *word, const char *where,
                    enum sn_figure_class *out);

/* "key: {value: 196, unit: GB/s, class: spec, source: ...}" with `indent` before it, in the largest
 * unit of which there is one, to 6 digits; nothing where it is not given. */
void sn_figure_write(struct sn_buf *out, const char *indent, const char *key,
                     const struct sn_figure *f, enum sn_unit unit);
/* A double-quoted text; what libyaml would not print, or would fold, is escaped. */
void sn_figure_write_text(struct sn_buf *out, const char *text);

#endif
