/* Axes: the typed parameters of a benchmark, their values and the sweeps over them.
 *
 * A sweep is a comma-separated list of terms. For SN_AXIS_INT: a number (4M), a geometric range
 * first:last:*factor (8:4M:*2), or an arithmetic range first:last[:+step] (1:8). For SN_AXIS_REAL:
 * numbers. For SN_AXIS_WORD: words of a fixed list, or `all`. For SN_AXIS_TEXT: terms checked by
 * the axis's own function, where a comma inside parentheses belongs to the term:
 * zipf(1.2),hot(2,0.5). Values are kept in order, and a value given twice is a usage error.
 */
#ifndef SN_HARNESS_AXIS_H
#define SN_HARNESS_AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/units.h"

enum sn_axis_type { SN_AXIS_INT, SN_AXIS_REAL, SN_AXIS_WORD, SN_AXIS_TEXT };

struct sn_axis {
    const char *name;
    enum sn_axis_type type;
    enum sn_unit unit;
    const char *def;          /* default sweep; on an INT axis "ranks" and "ranks-1" are numbers */
    double min, max;          /* range of INT and REAL values, inclusive; ignored when both are 0 */
    const char *const *words; /* WORD: NULL-terminated list */
    const char *extra;        /* WORD: one more word, which `all` does not stand for; or NULL */
    int (*check)(const char *term); /* TEXT: SN_OK, or SN_FAIL(SN_EINVAL, what would be right) */
    const char *help;               /* one line */
    unsigned clocks; /* enum sn_clock_kind bits of the clocks it belongs to; 0: all. On another
                        clock it is no parameter: not in the plan, the rows, their ids */
    const char *model_def; /* default sweep on the model clock; NULL: def */
    bool is_profile;       /* names a fabric profile; --profile is its default */
    bool is_device;        /* names a device profile; --device is its default */
    bool compares;   /* its values are variants that compete: cases that differ in nothing else are
                        sampled in turn, and reports give their ratios. One axis of a benchmark */
    bool is_degrade; /* --degrade is its default */
};

/* One value of an axis. `text` is canonical: two spellings of one value have one text (4K, 4096).
 */
struct sn_value {
    int64_t i;  /* INT; WORD: index into words[], of `extra` their number */
    double r;   /* REAL (and INT as a real) */
    char *text; /* owned */
};

struct sn_sweep {
    const struct sn_axis *axis;
    struct sn_value *values;
    size_t n;
};

/* Largest number of values one sweep may have; more is a usage error. */
enum { SN_SWEEP_MAX = 4096 };

/* Expands `text` for `axis` with `ranks` standing for the word "ranks". On SN_OK *out owns its
 * values (sn_sweep_free). SN_EINVAL: "size=8:4:*0: factor must be at least 2", naming axis and
 * text, the range and, for a wrong word, the nearest right one; *out is then untouched. */
int sn_sweep_parse(struct sn_sweep *out, const struct sn_axis *axis, const char *text,
                   int64_t ranks);
void sn_sweep_free(struct sn_sweep *s);

#endif
