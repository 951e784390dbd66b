/* Reading and writing the figures of device profiles: bench/figure.h. */
#include "bench/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/profile_words.h"
#include "harness/escape.h"

enum { WORD_MAX = 64, TEXT_MAX = 4096 };

const cyaml_schema_field_t sn_figure_fields[] = {
    CYAML_FIELD_STRING_PTR("value", CYAML_FLAG_POINTER, struct sn_figure_file, value, 1, WORD_MAX),
    CYAML_FIELD_STRING_PTR("unit", CYAML_FLAG_POINTER, struct sn_figure_file, unit, 1, WORD_MAX),
    CYAML_FIELD_STRING_PTR("class", CYAML_FLAG_POINTER, struct sn_figure_file, class, 1, WORD_MAX),
    CYAML_FIELD_STRING_PTR("source", CYAML_FLAG_POINTER, struct sn_figure_file, source, 1,
                           TEXT_MAX),
    CYAML_FIELD_END,
};

int sn_figure_line(const struct sn_figure_reader *r, const char *where)
{
    char *key = sn_strdup(where), *dot;
    int line = sn_yaml_line(r->yaml, key);
    while (!line && (dot = strrchr(key, '.'))) {
        *dot = '\0';
        line = sn_yaml_line(r->yaml, key);
    }
    free(key);
    return line ? line : 1;
}

int sn_figure_class(const struct sn_figure_reader *r, const char *word, const char *where,
                    enum sn_figure_class *out)
{
    for (size_t c = SN_FIGURE_SPEC; sn_profile_class_words[c]; c++)
        if (!strcmp(word, sn_profile_class_words[c])) {
            *out = (enum sn_figure_class)c;
            return SN_OK;
        }
    const char *near = sn_nearest(word, sn_profile_class_words + 1, 3);
    return SN_FIGURE_WRONG(
        r, where, "%s: no class '%.64s'%s%s%s (classes: spec, calibrated, derived)", where, word,
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* What a unit is for people: its kind, and the words that are right. */
static void words_of(enum sn_unit unit, const char **kind, const char **right)
{
    *kind = unit == SN_UNIT_SECONDS       ? "time"
            : unit == SN_UNIT_BYTES       ? "size"
            : unit == SN_UNIT_COUNT       ? "count"
            : unit == SN_UNIT_BYTES_PER_S ? "rate of bytes"
                                          : "rate of operations";
    *right = unit == SN_UNIT_SECONDS       ? "s, ms, us, ns"
             : unit == SN_UNIT_BYTES       ? "B, kB, MB, GB, KiB, MiB, GiB"
             : unit == SN_UNIT_COUNT       ? "count"
             : unit == SN_UNIT_BYTES_PER_S ? "B/s, MB/s, GB/s, TB/s, GiB/s"
                                           : "op/s, Mop/s, Gop/s, Top/s";
}

/* The factor of a unit word, or NAN where it is no word of that unit. K, M and G alone are suffixes
 * of counts, no units. */
static double factor_of(const char *word, enum sn_unit unit)
{
    double x = NAN;
    if (unit == SN_UNIT_COUNT)
        return strcmp(word, "count") ? NAN : 1;
    char *one = sn_strdupf("1 %s", word);
    if (strspn(word, "KMGkmg") == strlen(word) || sn_units_parse_real(one, unit, &x) != SN_OK)
        x = NAN;
    free(one);
    return x;
}

int sn_figure_read(const struct sn_figure_reader *r, const struct sn_figure_file *f,
                   const char *where, enum sn_unit unit, struct sn_figure *out)
{
    *out = (struct sn_figure){.value = NAN, .class = SN_FIGURE_NONE};
    if (!f)
        return SN_OK;
    struct sn_figure g = {.source = f->source};
    const char *kind, *right;
    words_of(unit, &kind, &right);
    double factor = factor_of(f->unit, unit), x;
    char *value_at = sn_strdupf("%s.value", where), *unit_at = sn_strdupf("%s.unit", where),
         *class_at = sn_strdupf("%s.class", where), *text = sn_strdupf("%s %s", f->value, f->unit);
    bool number =
        sn_units_parse_real(f->value, SN_UNIT_FRACTION, &x) == SN_OK && !strchr(f->value, '%');
    int status = SN_OK;
    if (isnan(factor))
        status = SN_FIGURE_WRONG(r, unit_at, "%s is a %s, '%.64s' is no unit of that; right: %s",
                                 where, kind, f->unit, right);
    else if (!number)
        status = SN_FIGURE_WRONG(r, value_at, "%s: '%.64s' is not a finite number such as 1.6",
                                 where, f->value);
    else if (x < 0)
        status =
            SN_FIGURE_WRONG(r, value_at, "%s is negative: %.64s %.64s", where, f->value, f->unit);
    else if (x == 0 && unit != SN_UNIT_SECONDS)
        status = SN_FIGURE_WRONG(r, value_at, "%s is zero; leave out what is not known", where);
    else if (unit == SN_UNIT_COUNT)
        g.value = x;
    else if (sn_units_parse_real(text, unit, &g.value) != SN_OK)
        status = SN_FIGURE_WRONG(r, value_at, "%s: '%.64s %.64s' cannot be read", where, f->value,
                                 f->unit);
    if (status == SN_OK)
        status = sn_figure_class(r, f->class, class_at, &g.class);
    if (status == SN_OK) {
        g.value += 0.0; /* -0 becomes 0 */
        *out = g;
    }
    free(value_at);
    free(unit_at);
    free(class_at);
    free(text);
    return status;
}

void sn_figure_write_text(struct sn_buf *out, const char *text)
{
    sn_buf_add(out, "\"");
    while (*text) {
        uint32_t c = sn_utf8_next(&text);
        if (c == '"' || c == '\\')
            sn_buf_addf(out, "\\%c", (int)c);
        else if (c >= 0x20 && c < 0x7f)
            sn_buf_addf(out, "%c", (int)c);
        else
            sn_buf_addf(out, "\\U%08x", c);
    }
    sn_buf_add(out, "\"");
}

void sn_figure_write(struct sn_buf *out, const char *indent, const char *key,
                     const struct sn_figure *f, enum sn_unit unit)
{
    static const struct scale {
        const char *name;
        double factor;
    } times[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {0}},
      rates[] = {{"TB/s", 1e12}, {"GB/s", 1e9}, {"MB/s", 1e6}, {"B/s", 1}, {0}},
      operations[] = {{"Top/s", 1e12}, {"Gop/s", 1e9}, {"Mop/s", 1e6}, {"op/s", 1}, {0}},
      sizes[] = {{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {0}},
      counts[] = {{"count", 1}, {0}};
    if (!sn_figure_given(f))
        return;
    const struct scale *s = unit == SN_UNIT_SECONDS       ? times
                            : unit == SN_UNIT_BYTES_PER_S ? rates
                            : unit == SN_UNIT_OPS_PER_S   ? operations
                            : unit == SN_UNIT_BYTES       ? sizes
                                                          : counts;
    while (f->value != 0 && s[1].name && fabs(f->value) < s->factor)
        s++;
    sn_buf_addf(out, "%s%s: {value: %.6g, unit: %s, class: %s, source: ", indent, key,
                f->value / s->factor, s->name, sn_profile_class_words[f->class]);
    sn_figure_write_text(out, f->source ? f->source : "none");
    sn_buf_add(out, "}\n");
}
